//! Walks over a definition from left to right.

use crate::Text;

/// Longest excerpt of a text in an error, in bytes.
const EXCERPT_MAX_BYTES: usize = 60;

/// Why a definition was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why} at byte {at}: {excerpt:?}")]
pub struct Unreadable {
    /// What was looked for.
    pub why: String,
    /// Where, in bytes from the beginning.
    pub at: usize,
    /// What stands there, cut short.
    pub excerpt: String,
}

impl Unreadable {
    /// The place in a text where something else was wanted.
    pub(crate) fn at(text: &[u8], at: usize, why: impl Into<String>) -> Self {
        let end = text.len().min(at.saturating_add(EXCERPT_MAX_BYTES));
        let excerpt = String::from_utf8_lossy(text.get(at..end).unwrap_or_default()).into_owned();
        Self { why: why.into(), at, excerpt }
    }
}

pub(crate) type Read<T> = Result<T, Unreadable>;

/// A place in a definition.
#[derive(Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) fn wrong<T>(&self, why: impl Into<String>) -> Read<T> {
        Err(Unreadable::at(self.text, self.at, why))
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Goes past exactly these bytes, if they come next.
    pub(crate) fn take(&mut self, bytes: &str) -> bool {
        let comes = self.rest().starts_with(bytes.as_bytes());
        if comes {
            self.at += bytes.len();
        }
        comes
    }

    /// Goes past words, if they come next and end there.
    pub(crate) fn take_words(&mut self, words: &str) -> bool {
        let ends = self.rest().get(words.len()).is_none_or(|byte| !is_word(*byte));
        ends && self.take(words)
    }

    pub(crate) fn expect(&mut self, bytes: &str) -> Read<()> {
        if self.take(bytes) { Ok(()) } else { self.wrong(format!("{bytes:?} was expected")) }
    }

    /// One byte back.
    pub(crate) fn back(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    /// A word of letters, digits and underscores; empty when none comes next.
    pub(crate) fn word(&mut self) -> &'a [u8] {
        let from = self.at;
        while self.peek().is_some_and(is_word) {
            self.at += 1;
        }
        &self.text[from..self.at]
    }

    /// A word as text.
    pub(crate) fn word_text(&mut self) -> Read<String> {
        let word = self.word();
        if word.is_empty() {
            return self.wrong("a word was expected");
        }
        // Words are ASCII.
        Ok(String::from_utf8_lossy(word).into_owned())
    }

    /// A name in backticks.
    pub(crate) fn name(&mut self) -> Read<String> {
        if self.peek() != Some(b'`') {
            return self.wrong("a name in backticks was expected");
        }
        let from = self.at;
        let quoted = self.quoted()?;
        let inner = &quoted[1..quoted.len() - 1];
        let mut name = Vec::with_capacity(inner.len());
        let mut bytes = inner.iter();
        while let Some(byte) = bytes.next() {
            if *byte == b'`' {
                bytes.next();
            }
            name.push(*byte);
        }
        String::from_utf8(name).map_err(|_| Unreadable::at(self.text, from, "a name is not UTF-8"))
    }

    /// A text or name in quotes, with them. A backslash escapes only in `'` texts; a doubled quote stands
    /// for itself.
    pub(crate) fn quoted(&mut self) -> Read<&'a [u8]> {
        let from = self.at;
        let Some(quote @ (b'\'' | b'`' | b'"')) = self.peek() else {
            return self.wrong("a quote was expected");
        };
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            if byte == b'\\' && quote == b'\'' {
                self.at += 1;
            } else if byte == quote {
                if self.peek() != Some(quote) {
                    return Ok(&self.text[from..self.at]);
                }
                self.at += 1;
            }
        }
        self.at = from;
        self.wrong("a quote is not closed")
    }

    /// Goes past what belongs together: a quoted text, a comment, or one byte.
    pub(crate) fn piece(&mut self) -> Read<()> {
        match self.peek() {
            Some(b'\'' | b'`' | b'"') => self.quoted().map(drop),
            Some(b'/') if self.rest().starts_with(b"/*") => {
                let end = self.rest().windows(2).skip(2).position(|two| two == b"*/");
                let Some(end) = end else { return self.wrong("a comment is not closed") };
                self.at += end + 4;
                Ok(())
            }
            Some(_) => {
                self.at += 1;
                Ok(())
            }
            None => self.wrong("there should be more"),
        }
    }

    /// What stands up to a byte that `ends` names, outside of parentheses, quotes and comments; or all.
    pub(crate) fn run(&mut self, ends: impl Fn(&Self, u8) -> bool) -> Read<Text> {
        let (from, mut depth) = (self.at, 0_usize);
        while let Some(byte) = self.peek() {
            if depth == 0 && ends(self, byte) {
                break;
            }
            match byte {
                b'(' => depth += 1,
                b')' if depth == 0 => break,
                b')' => depth -= 1,
                _ => {}
            }
            self.piece()?;
        }
        if depth > 0 {
            self.at = from;
            return self.wrong("a parenthesis is not closed");
        }
        Ok(Text::from(&self.text[from..self.at]))
    }

    /// What stands up to the next space, comma, line or closing parenthesis.
    pub(crate) fn value(&mut self) -> Read<Text> {
        self.run(|_, byte| matches!(byte, b' ' | b',' | b'\n'))
    }

    /// What stands in parentheses, with them.
    pub(crate) fn group(&mut self) -> Read<Text> {
        let from = self.at;
        self.expect("(")?;
        self.run(|_, _| false)?;
        self.expect(")")?;
        Ok(Text::from(&self.text[from..self.at]))
    }

    /// Names in parentheses, with a comma between them, and a space after it or none.
    pub(crate) fn names<T: From<String>>(&mut self) -> Read<Vec<T>> {
        self.expect("(")?;
        let mut names = Vec::new();
        loop {
            names.push(self.name()?.into());
            if !self.take(",") {
                break;
            }
            self.take(" ");
        }
        self.expect(")")?;
        Ok(names)
    }

    /// The rest, whatever it is.
    pub(crate) fn take_rest(&mut self) -> Text {
        let rest = self.rest();
        self.at = self.text.len();
        Text::from(rest)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}
