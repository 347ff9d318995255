//! A piece of a definition as the server printed it.

use std::fmt;

/// Bytes as the server printed them; mostly UTF-8, not always.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Text(Box<[u8]>);

impl Text {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What a literal stands for: `'it''s'` is `it's`, `X'4142'` is `AB`. `None` for what is no literal.
    pub fn literal(&self) -> Option<Self> {
        match &*self.0 {
            [b'X' | b'x', b'\'', digits @ .., b'\''] => hexadecimal(digits),
            [b'\'', inner @ .., b'\''] => Some(Self(unescaped(inner).into())),
            _ => None,
        }
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

fn hexadecimal(digits: &[u8]) -> Option<Text> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, odd) = digits.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    let bytes = pairs.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?));
    bytes.collect::<Option<Vec<u8>>>().map(Text::from)
}

/// The inside of a text in single quotes, read as the server reads it under the modes that Bough sets.
fn unescaped(inner: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            // The first of two.
            b'\'' => {
                bytes.next();
                out.push(b'\'');
            }
            b'\\' => match bytes.next() {
                Some(b'0') => out.push(0),
                Some(b'n') => out.push(b'\n'),
                Some(b'r') => out.push(b'\r'),
                Some(b't') => out.push(b'\t'),
                Some(b'b') => out.push(8),
                Some(b'Z') => out.push(26),
                Some(other) => out.push(other),
                None => out.push(b'\\'),
            },
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_as_the_server_reads_them() {
        let read = |text: &[u8]| Text::from(text).literal().map(|value| value.as_bytes().to_vec());
        assert_eq!(read(br"'it''s \'so\' \\ \n\0'"), Some(b"it's 'so' \\ \n\0".to_vec()));
        assert_eq!(read(b"X'fF41'"), Some(vec![0xff, b'A']));
        assert_eq!(read(b"''"), Some(Vec::new()));
        for none in [&b"NULL"[..], b"'", b"", b"X'f'", b"X'zz'", b"(1)"] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }
}
