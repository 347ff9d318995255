//! A statement that is nothing but `KILL`.

/// A lone `KILL`, and where in the statement its number stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillStatement {
    /// The number that it names.
    pub connection: u64,
    /// Only what is running is to end, not the connection.
    pub query_only: bool,
    /// Where the number stands in the statement's text, in bytes.
    pub at: std::ops::Range<usize>,
}

/// Reads `KILL [HARD|SOFT] [CONNECTION|QUERY] n`, in any case, with white space and a semicolon around it. Anything
/// else, comments included, is none. Some drivers (MariaDB Connector/J) take the greeting's number for a signed one: a
/// negative number of 32 bits stands for the one with the same bits.
pub fn parse_kill(statement: &[u8]) -> Option<KillStatement> {
    let mut words = Words { text: statement, at: 0 };
    let (first, _) = words.next()?;
    if !first.eq_ignore_ascii_case(b"KILL") {
        return None;
    }
    let (mut word, mut at) = words.next()?;
    if word.eq_ignore_ascii_case(b"HARD") || word.eq_ignore_ascii_case(b"SOFT") {
        (word, at) = words.next()?;
    }
    let query_only = word.eq_ignore_ascii_case(b"QUERY");
    if query_only || word.eq_ignore_ascii_case(b"CONNECTION") {
        (word, at) = words.next()?;
    }
    let number = word.strip_suffix(b";").unwrap_or(word);
    let connection = match number.strip_prefix(b"-") {
        Some(rest) => {
            let below = u32::try_from(digits(rest)?).ok().filter(|below| (1..=1 << 31).contains(below))?;
            u64::from(below.wrapping_neg())
        }
        None => digits(number)?,
    };
    let ended = number.len() < word.len();
    let rest = statement.get(words.at..)?;
    let rest = rest.trim_ascii();
    let nothing_more = rest.is_empty() || (!ended && rest == b";");
    nothing_more.then(|| KillStatement { connection, query_only, at: at..at + number.len() })
}

/// A number without a sign.
fn digits(text: &[u8]) -> Option<u64> {
    // `parse` would read a plus sign, too.
    let all_digits = text.iter().all(u8::is_ascii_digit);
    str::from_utf8(text).ok().filter(|_| all_digits)?.parse().ok()
}

struct Words<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    /// The next word and where it begins.
    fn next(&mut self) -> Option<(&'a [u8], usize)> {
        let rest = self.text.get(self.at..)?;
        let start = self.at + rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let rest = self.text.get(start..)?;
        let len = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        self.at = start + len;
        Some((&rest[..len], start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lone_kill_is_one() {
        for (text, query_only) in [
            ("KILL 2147483649", false),
            ("  kill\tQuery\n2147483649 ; ", true),
            ("KILL CONNECTION 2147483649;", false),
            ("kill soft connection 2147483649", false),
            ("KILL HARD QUERY 2147483649", true),
        ] {
            let found = parse_kill(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((found.connection, found.query_only), (2_147_483_649, query_only), "{text}");
            assert_eq!(&text[found.at], "2147483649", "{text}");
        }
        for text in [
            "",
            "KILL",
            "KILL QUERY",
            "KILL QUERY ID 5",
            "KILL USER root",
            "KILL 5; SELECT 1",
            "KILL -5x",
            "KILL +5",
            "KILL 5;;",
            "/* x */ KILL 5",
            "KILL CONNECTION_ID()",
            "SELECT 1",
            "KILL 99999999999999999999999",
            "KILLER 5",
        ] {
            assert_eq!(parse_kill(text.as_bytes()), None, "{text}");
        }
        let signed = parse_kill(b"KILL QUERY -2147483647").expect("one that was read with a sign");
        assert_eq!((signed.connection, signed.at), (2_147_483_649, 11..22));
        assert_eq!(parse_kill(b"KILL -2147483648").expect("the first").connection, 1 << 31);
    }
}
