//! Where the columns of a `CREATE TABLE` text stand, as the server prints it: names in backticks, one item
//! after the other between the first parenthesis and its partner.

use std::ops::Range;

use super::text::after_quoted;

/// A column's definition in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, without quotes.
    pub name: Vec<u8>,
    /// Its definition, from the type on.
    definition: Range<usize>,
}

impl Column {
    /// The first word of the definition.
    pub fn type_word(&self, create: &[u8]) -> Range<usize> {
        let definition = &create[self.definition.clone()];
        let length = definition.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        self.definition.start..self.definition.start + length
    }

    /// The list of an ENUM's or SET's values, without its parentheses.
    pub fn members(&self, create: &[u8]) -> Option<Range<usize>> {
        let word = self.type_word(create);
        let listed = matches!(&create[word.clone()], b"enum" | b"set") && create.get(word.end) == Some(&b'(');
        let start = listed.then_some(word.end + 1)?;
        let end = end_of(create, start, self.definition.end, |byte| byte == b')')?;
        Some(start..end)
    }

    /// The default, with its quotes, where it is a text.
    pub fn literal_default(&self, create: &[u8]) -> Option<Range<usize>> {
        const WORD: &[u8] = b" DEFAULT '";
        let (mut at, mut depth) = (self.definition.start, 0_usize);
        while at < self.definition.end {
            match create[at] {
                b'\'' | b'`' | b'"' => {
                    at = after_quoted(create, at);
                    continue;
                }
                b'(' => depth += 1,
                b')' => depth = depth.saturating_sub(1),
                b' ' if depth == 0 && create[at..self.definition.end].starts_with(WORD) => {
                    let start = at + WORD.len() - 1;
                    return Some(start..after_quoted(create, start));
                }
                _ => {}
            }
            at += 1;
        }
        None
    }
}

/// Every column of the text, in order.
pub fn columns(create: &[u8]) -> Vec<Column> {
    let mut found = Vec::new();
    let Some(open) = end_of(create, 0, create.len(), |byte| byte == b'(') else { return found };
    let mut at = open + 1;
    loop {
        at += create[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let column = (create.get(at) == Some(&b'`')).then(|| (at, after_quoted(create, at)));
        let Some(end) = end_of(create, at, create.len(), |byte| matches!(byte, b',' | b')')) else {
            return found;
        };
        if let Some((start, after)) = column
            && let Some(name) = create.get(start + 1..after.saturating_sub(1))
        {
            let name = unquoted(name, b'`');
            found.push(Column { name, definition: (after + 1).min(end)..end });
        }
        if create[end] == b')' {
            return found;
        }
        at = end + 1;
    }
}

/// The next byte that `ends` says, outside of quotes and further parentheses.
fn end_of(text: &[u8], from: usize, to: usize, ends: impl Fn(u8) -> bool) -> Option<usize> {
    let (mut at, mut depth) = (from, 0_usize);
    while at < to {
        match text[at] {
            byte if depth == 0 && ends(byte) => return Some(at),
            b'\'' | b'`' | b'"' => {
                at = after_quoted(text, at);
                continue;
            }
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// A quoted name's own bytes: the quote is doubled in it.
fn unquoted(inner: &[u8], quote: u8) -> Vec<u8> {
    let mut name = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        if *byte == quote {
            bytes.next();
        }
        name.push(*byte);
    }
    name
}

/// The text with some of its parts replaced by others.
pub fn replaced(text: &[u8], mut parts: Vec<(Range<usize>, Vec<u8>)>) -> Vec<u8> {
    parts.sort_by_key(|(range, _)| range.start);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for (range, with) in parts {
        out.extend_from_slice(&text[at..range.start]);
        out.extend_from_slice(&with);
        at = range.end;
    }
    out.extend_from_slice(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "CREATE TABLE `odd (``,` (\n  `a ``, (` enum('x','y'',)','\\'?') NOT NULL DEFAULT '\\'?' COMMENT ' DEFAULT \\'no\\'',\n  `b` varchar(9) GENERATED ALWAYS AS (concat(`c`,' DEFAULT \\'x\\'')) VIRTUAL,\n  `c` point NOT NULL,\n  PRIMARY KEY (`b`),\n  CONSTRAINT `enum('q')` CHECK (`b` <> 'x')\n) ENGINE=InnoDB COMMENT='`d` enum('";

    #[test]
    fn columns_are_found() {
        let create = TABLE.as_bytes();
        let found = columns(create);
        let names: Vec<_> = found.iter().map(|column| String::from_utf8_lossy(&column.name)).collect();
        assert_eq!(names, ["a `, (", "b", "c"]);
        let text = |range: Option<Range<usize>>| range.map(|range| &TABLE[range]);
        assert_eq!(text(found[0].members(create)), Some("'x','y'',)','\\'?'"));
        assert_eq!(text(found[0].literal_default(create)), Some("'\\'?'"));
        assert_eq!(text(found[1].literal_default(create)), None);
        assert_eq!(text(found[1].members(create)), None);
        assert_eq!(&TABLE[found[2].type_word(create)], "point");
        let parts = vec![(found[2].type_word(create), b"POINT".to_vec())];
        assert_eq!(replaced(create, parts), TABLE.replace("point", "POINT").into_bytes());
    }

    #[test]
    fn what_is_cut_off_is_no_panic() {
        for end in 0..=TABLE.len() {
            for column in columns(&TABLE.as_bytes()[..end]) {
                let _ = (
                    column.members(&TABLE.as_bytes()[..end]),
                    column.literal_default(&TABLE.as_bytes()[..end]),
                );
            }
        }
    }
}
