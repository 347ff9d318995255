//! Names that people choose. Each is checked once, when it comes in; what carries one of these
//! types needs no further check before it goes into a path, a URL or a quoted SQL identifier.

use std::fmt;

use crate::leaks::holds_secret;

/// Longest name of an organization, database or branch, in characters.
pub const NAME_MAX: usize = 63;
/// Longest name of a service token, in characters after trimming (contract: observed.md).
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

/// A service token's name: 1 to 200 characters of printable text after trimming; not unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenName(Box<str>);

impl TokenName {
    /// Reads a name as somebody wrote it; `Ok(None)` when nothing is left after trimming.
    ///
    /// # Errors
    /// When it is longer than 200 characters, or holds a control character or the secret of a token.
    pub fn parse(text: &str) -> Result<Option<Self>, NameError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if text.chars().count() > TOKEN_NAME_MAX {
            return Err(NameError(format!("name is too long (at most {TOKEN_NAME_MAX} characters)")));
        }
        if text.chars().any(char::is_control) {
            return Err(NameError("name may not contain control characters".to_owned()));
        }
        if holds_secret(text) {
            return Err(NameError(
                "name holds the secret of a service token, which would be kept and shown: choose another name"
                    .to_owned(),
            ));
        }
        Ok(Some(Self(text.into())))
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
}
