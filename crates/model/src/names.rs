//! Names that people choose. Each is checked once, when it comes in; what carries one of these
//! types needs no further check before it goes into a path, a URL or a quoted SQL identifier.

use std::fmt;

use crate::leaks::holds_secret;

/// Longest name of an organization, database or branch, in characters.
pub const NAME_MAX: usize = 63;
/// Longest name of a service token or a password, in characters after trimming (contract: observed.md).
pub const TOKEN_NAME_MAX: usize = 200;

/// Why a name was refused, in words for the person who chose it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(pub String);

fn check_slug(what: &str, text: &str, underscore: bool) -> Result<(), NameError> {
    let letters = if underscore {
        "lower-case letters, digits, '_' and '-'"
    } else {
        "lower-case letters, digits and '-'"
    };
    if text.is_empty() {
        return Err(NameError(format!("{what} name can't be blank")));
    }
    if text.chars().count() > NAME_MAX {
        return Err(NameError(format!("{what} name is too long (at most {NAME_MAX} characters)")));
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || (underscore && c == '_');
    if !text.chars().all(fits) {
        return Err(NameError(format!("{what} name may only contain {letters}")));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return Err(NameError(format!("{what} name must begin with a letter or a digit")));
    }
    Ok(())
}

/// Schemas that database servers keep for themselves; a database's schema is called like it.
const RESERVED: &[&str] = &["information_schema", "mysql", "performance_schema", "sys"];

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $what:literal, $underscore:literal, $reserved:expr),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// Reads a name as somebody wrote it.
            ///
            /// # Errors
            /// When it is blank, longer than 63 characters, or holds a character that may not stand in it.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check_slug($what, text, $underscore)?;
                let reserved: &[&str] = $reserved;
                if reserved.contains(&text) {
                    return Err(NameError(format!("{} name {text} is reserved by the database server", $what)));
                }
                Ok(Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }
    )+};
}

names! {
    /// An organization's name, which is its slug in paths.
    OrganizationName: "Organization", false, &[],
    /// A database's name (contract: conventions.md §8).
    DatabaseName: "Database", true, RESERVED,
    /// A branch's name (contract: conventions.md §8).
    BranchName: "Branch", false, &[],
}

/// Text for people to read: trimmed, of printable characters, at most so many; `Ok(None)` when nothing is left.
fn label(text: &str, longest: usize) -> Result<Option<Box<str>>, NameError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.chars().count() > longest {
        return Err(NameError(format!("name is too long (at most {longest} characters)")));
    }
    if text.chars().any(char::is_control) {
        return Err(NameError("name may not contain control characters".to_owned()));
    }
    if holds_secret(text) {
        return Err(NameError(
            "name holds the secret of a service token or a password, which would be kept and shown: choose another \
             name"
                .to_owned(),
        ));
    }
    Ok(Some(text.into()))
}

/// A service token's name: 1 to 200 characters of printable text after trimming; not unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenName(Box<str>);

impl TokenName {
    /// Reads a name as somebody wrote it; `Ok(None)` when nothing is left after trimming.
    ///
    /// # Errors
    /// When it is longer than 200 characters, or holds a control character or a secret.
    pub fn parse(text: &str) -> Result<Option<Self>, NameError> {
        Ok(label(text, TOKEN_NAME_MAX)?.map(Self))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters that are not seen and change how others are: what turns the direction of text, and those of no
/// width, but for what joins letters and pictures.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A password's name: 1 to 200 characters of printable text after trimming; not unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordName(Box<str>);

impl PasswordName {
    /// Reads a name as somebody wrote it; `Ok(None)` when nothing is left after trimming.
    ///
    /// # Errors
    /// When it is longer than 200 characters, or holds a secret, or a control or invisible character.
    pub fn parse(text: &str) -> Result<Option<Self>, NameError> {
        if text.chars().any(is_invisible) {
            return Err(NameError("name may not contain invisible characters".to_owned()));
        }
        Ok(label(text, TOKEN_NAME_MAX)?.map(Self))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_not_be() {
        let long = "a".repeat(64);
        for wrong in
            ["", "Shop", "a/b", "a b", "a'; DROP TABLE x;--", "<b>", "a\0", "-a", "a.b", "é", "..", &long]
        {
            assert!(DatabaseName::parse(wrong).is_err(), "{wrong:?}");
            assert!(BranchName::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(BranchName::parse("a_b").is_err());
        assert!(DatabaseName::parse("mysql").is_err() && BranchName::parse("mysql").is_ok());
        assert!(DatabaseName::parse("a_b-c9").is_ok());
        assert!(DatabaseName::parse(&"a".repeat(63)).is_ok());
    }

    #[test]
    fn token_names_are_trimmed_and_bounded() {
        assert_eq!(TokenName::parse("  ").expect("blank is absent"), None);
        let name = TokenName::parse(" ci <3 ").expect("printable").expect("present");
        assert_eq!(name.as_str(), "ci <3");
        assert!(TokenName::parse(&"ü".repeat(200)).is_ok());
        assert!(TokenName::parse(&"ü".repeat(201)).is_err());
        assert!(TokenName::parse("a\nb").is_err());
    }

    #[test]
    fn names_of_passwords_show_what_they_are() {
        for right in
            ["app", "pscale-cli-connect-2024-05-01-abc123", "<script>", "'; DROP", "日本", "👩\u{200d}💻"]
        {
            assert!(PasswordName::parse(right).expect(right).is_some());
        }
        for wrong in ["a\u{202e}b", "a\u{200b}", "\u{feff}a", "a\tb", "a\u{2028}b"] {
            assert!(PasswordName::parse(wrong).is_err(), "{wrong:?}");
        }
        let secret = format!("app pscale_pw_{}", "a".repeat(22));
        assert!(PasswordName::parse(&secret).is_err());
    }
}
