//! Branch passwords: their roles, their user names, and what is kept of their secrets.

use std::fmt;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::Secret;
use crate::token::{TOKEN_RANDOM_LEN, characters, secret_body};

/// What the secret of a password begins with (contract: conventions.md §2).
pub const PASSWORD_PREFIX: &str = "pscale_pw_";
/// Characters after the prefix of a short secret: 132 random bits, and no checksum.
pub const SHORT_SECRET_LEN: usize = 22;

/// Makes a password's secret from random bytes: the prefix and 43 characters, of which the last 6 are a
/// checksum, as those of service tokens have. Short ones have 32 characters in all, since there are tools
/// that take no longer ones.
pub fn mint_password_secret(random: &[u8; TOKEN_RANDOM_LEN], short: bool) -> Secret<String> {
    let body = if short { characters(&random[..SHORT_SECRET_LEN]) } else { secret_body(random) };
    Secret::new(format!("{PASSWORD_PREFIX}{body}"))
}

/// The role of a branch's password (contract: states.md). It does not change after creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PasswordRole {
    /// Reads.
    Reader,
    /// Writes, does not read.
    Writer,
    /// Reads and writes.
    ReadWriter,
    /// Reads, writes, changes the schema.
    Admin,
}

impl PasswordRole {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Reader, Self::Writer, Self::ReadWriter, Self::Admin];

    /// As it stands in answers and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::ReadWriter => "readwriter",
            Self::Admin => "admin",
        }
    }

    /// The inverse of `as_str`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// The account on a branch server that carries the role's rights (contract: data-plane.md §6, RULES §5.1).
    pub const fn account(self) -> &'static str {
        match self {
            Self::Reader => "planetscale-reader",
            Self::Writer => "planetscale-writer-only",
            Self::ReadWriter => "planetscale-writer",
            Self::Admin => "planetscale-admin",
        }
    }
}

/// Characters of a password's user name.
pub const USERNAME_LEN: usize = 20;

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A password's user name: 20 characters of `a-z0-9`, unique in the installation. It is not secret, and it
/// alone says which branch a MySQL client means.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Username([u8; USERNAME_LEN]);

impl Username {
    /// Draws one; `None` when too many of the bytes had to be rejected (each of 252 and above is).
    pub fn from_random(random: &[u8; 40]) -> Option<Self> {
        let mut usable = random.iter().filter(|byte| **byte < 252);
        let mut text = [0; USERNAME_LEN];
        for to in &mut text {
            *to = ALPHABET[usize::from(usable.next()? % 36)];
        }
        Some(Self(text))
    }

    /// Reads one; `None` when `text` does not have the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let text: [u8; USERNAME_LEN] = text.as_bytes().try_into().ok()?;
        text.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()).then_some(Self(text))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        // Both ways to make one let nothing but ASCII in.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Username({self})")
    }
}

/// All that is kept of a password's secret: what MySQL's two ways to log in are verified with. Neither value
/// opens anything by itself, and a fast hash is right, for the secrets carry over 128 random bits.
#[derive(Clone, Copy)]
pub struct PasswordVerifiers {
    native: [u8; 20],
    sha2: [u8; 32],
}

impl PasswordVerifiers {
    /// The verifiers of a secret.
    pub fn of(secret: &[u8]) -> Self {
        Self {
            native: Sha1::digest(Sha1::digest(secret)).into(),
            sha2: Sha256::digest(Sha256::digest(secret)).into(),
        }
    }

    /// From the bytes kept in the store.
    pub const fn from_bytes(native: [u8; 20], sha2: [u8; 32]) -> Self {
        Self { native, sha2 }
    }

    /// `SHA1(SHA1(secret))`, for `mysql_native_password`.
    pub const fn native(&self) -> &[u8; 20] {
        &self.native
    }

    /// `SHA256(SHA256(secret))`, for `caching_sha2_password`.
    pub const fn sha2(&self) -> &[u8; 32] {
        &self.sha2
    }
}

impl fmt::Debug for PasswordVerifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordVerifiers([hidden])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_names_are_read_as_written() {
        for role in PasswordRole::ALL {
            assert_eq!(PasswordRole::parse(role.as_str()), Some(role));
        }
        assert_eq!(PasswordRole::parse("Admin"), None);
        let name = Username::from_random(&[7; 40]).expect("usable bytes");
        assert_eq!(Username::parse(name.as_str()), Some(name));
        assert_eq!(Username::from_random(&[255; 40]), None);
        for wrong in ["", "hhhhhhhhhhhhhhhhhhh", "hhhhhhhhhhhhhhhhhhhhh", "hhhhhhhhhhhhhhhhhhh-"] {
            assert_eq!(Username::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn secrets_have_the_contract_s_form_or_thirty_two_characters() {
        let long = mint_password_secret(&[200; TOKEN_RANDOM_LEN], false);
        let body = long.expose().strip_prefix(PASSWORD_PREFIX).expect("the prefix");
        assert!(body.len() == 43 && crate::token::is_secret_body(body), "{body}");
        assert_eq!(mint_password_secret(&[200; TOKEN_RANDOM_LEN], true).expose().len(), 32);
    }

    #[test]
    fn verifiers_are_the_field_s_own() {
        // What `SELECT PASSWORD('secret')` prints on a server, less the star.
        let hex: String =
            PasswordVerifiers::of(b"secret").native().iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(hex, "14E65567ABDB5135D0CFD9A70B3032C179A49EE7");
        assert!(!format!("{:?}", PasswordVerifiers::of(b"secret")).contains("14"));
    }
}
