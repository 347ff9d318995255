//! The two places where a `SHOW CREATE` text is changed: the counter of a table, the owner of a program.
//! Both look only where the server prints them, never into names, comments or bodies.

use std::collections::HashSet;

use crate::prepare::{DEFINER, ROLE_HOST};

/// Longest excerpt of a text in an error, in bytes.
const EXCERPT_MAX_BYTES: usize = 60;

/// The text from `at` on, cut short, for an error.
pub fn excerpt(text: &[u8], at: usize) -> String {
    let end = text.len().min(at.saturating_add(EXCERPT_MAX_BYTES));
    String::from_utf8_lossy(text.get(at..end).unwrap_or_default()).into_owned()
}

/// A `CREATE TABLE` text as the server prints it, without the option `AUTO_INCREMENT=n`.
///
/// The option stands outside of the parentheses and of every quoted text.
pub fn without_auto_increment(create: &[u8]) -> Vec<u8> {
    const OPTION: &[u8] = b" AUTO_INCREMENT=";
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = create.get(at) {
        match byte {
            b'\'' | b'`' | b'"' => {
                at = after_quoted(create, at);
                continue;
            }
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b' ' if depth == 0 && create[at..].starts_with(OPTION) => {
                let digits =
                    create[at + OPTION.len()..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                return [&create[..at], &create[at + OPTION.len() + digits..]].concat();
            }
            _ => {}
        }
        at += 1;
    }
    create.to_vec()
}

/// The place after a quoted text that begins at `at`. A backslash escapes only in `'` texts; a doubled
/// quote stands for itself.
pub fn after_quoted(text: &[u8], at: usize) -> usize {
    let quote = text[at];
    let mut here = at + 1;
    while let Some(byte) = text.get(here) {
        if *byte == b'\\' && quote == b'\'' {
            here += 2;
        } else if *byte == quote {
            if text.get(here + 1) != Some(&quote) {
                return here + 1;
            }
            here += 2;
        } else {
            here += 1;
        }
    }
    text.len()
}

/// How many quoted texts an ENUM's or SET's type holds.
pub fn quoted_count(column_type: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while at < column_type.len() {
        if column_type[at] == b'\'' {
            at = after_quoted(column_type, at);
            count += 1;
        } else {
            at += 1;
        }
    }
    count
}

/// The text with an owner that is not among `accounts` replaced by the branch's definer.
pub fn with_known_definer(create: &[u8], accounts: &HashSet<(String, String)>) -> Vec<u8> {
    const CLAUSE: &[u8] = b"DEFINER=";
    let Some(start) = create.windows(CLAUSE.len()).position(|window| window == CLAUSE) else {
        return create.to_vec();
    };
    // Before the clause the server prints CREATE and at most the view's algorithm: anything else means
    // that the word was found in a body.
    let head = String::from_utf8_lossy(&create[..start]);
    let plain = head.split_ascii_whitespace().all(|word| {
        matches!(word, "CREATE" | "OR" | "REPLACE" | "AGGREGATE") || word.starts_with("ALGORITHM=")
    });
    if !plain {
        return create.to_vec();
    }
    let user_at = start + CLAUSE.len();
    let Some((user, mut end)) = name_at(create, user_at) else { return create.to_vec() };
    let mut host = String::new();
    if create.get(end) == Some(&b'@')
        && let Some((name, after)) = name_at(create, end + 1)
    {
        (host, end) = (name, after);
    }
    if accounts.contains(&(user, host)) {
        return create.to_vec();
    }
    let quote = if create.get(user_at) == Some(&b'"') { '"' } else { '`' };
    let known = format!("{quote}{DEFINER}{quote}@{quote}{ROLE_HOST}{quote}");
    [&create[..user_at], known.as_bytes(), &create[end..]].concat()
}

/// A quoted name at `at`, and the place after it.
fn name_at(text: &[u8], at: usize) -> Option<(String, usize)> {
    let quote = *text.get(at).filter(|byte| matches!(byte, b'`' | b'"'))?;
    let end = after_quoted(text, at);
    let inner = String::from_utf8_lossy(text.get(at + 1..end.checked_sub(1)?)?).into_owned();
    let quote = char::from(quote);
    Some((inner.replace(&format!("{quote}{quote}"), &quote.to_string()), end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(text: &str) -> String {
        String::from_utf8(without_auto_increment(text.as_bytes())).expect("still UTF-8")
    }

    #[test]
    fn only_the_option_goes() {
        let table = "CREATE TABLE `a AUTO_INCREMENT=1 (` (\n  `id` int(11) NOT NULL AUTO_INCREMENT COMMENT ' AUTO_INCREMENT=5 \\' )',\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB AUTO_INCREMENT=42 DEFAULT CHARSET=utf8mb4 COMMENT='it''s ) AUTO_INCREMENT=7 x'";
        assert_eq!(stripped(table), table.replace(" AUTO_INCREMENT=42", ""));
        let without = table.replace(" AUTO_INCREMENT=42", "");
        assert_eq!(stripped(&without), without);
        for odd in ["", "'", "`", "'\\", " AUTO_INCREMENT=", "((("] {
            let _ = stripped(odd);
        }
    }

    #[test]
    fn members_are_counted() {
        assert_eq!(quoted_count(br"enum('a','it''s','\\')"), 3);
        assert_eq!(quoted_count(b"varchar(9)"), 0);
    }

    #[test]
    fn owners_are_mapped_only_where_they_stand() {
        let accounts = HashSet::from([("root".to_owned(), "localhost".to_owned())]);
        let mapped = |text: &str| {
            String::from_utf8(with_known_definer(text.as_bytes(), &accounts)).expect("still UTF-8")
        };
        let kept = "CREATE DEFINER=`root`@`localhost` PROCEDURE `p`() select 1";
        assert_eq!(mapped(kept), kept);
        assert_eq!(
            mapped("CREATE ALGORITHM=MERGE DEFINER=`a``b`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1"),
            "CREATE ALGORITHM=MERGE DEFINER=`planetscale-admin`@`localhost` SQL SECURITY DEFINER VIEW `v` AS select 1"
        );
        assert_eq!(
            mapped("CREATE DEFINER=\"x\"@\"y\" PROCEDURE \"p\"() select 1"),
            "CREATE DEFINER=\"planetscale-admin\"@\"localhost\" PROCEDURE \"p\"() select 1"
        );
        assert_eq!(
            mapped("CREATE DEFINER=`somerole` EVENT `e` DO select 1"),
            "CREATE DEFINER=`planetscale-admin`@`localhost` EVENT `e` DO select 1"
        );
        let body = "CREATE PROCEDURE p() select 'DEFINER=`x`@`y`'";
        assert_eq!(mapped(body), body);
    }
}
