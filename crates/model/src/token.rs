//! The form of a service token's secret and of the `Authorization` value that carries it.
//!
//! A secret is a prefix (`pscale_tkn_` by default) and 43 characters of `A-Za-z0-9_-`. The first 37
//! are random (222 bits), the last 6 are a checksum of them, so that a mistyped secret is refused
//! without a look-up. Length, alphabet and prefix are the contract's, so that clients and leak
//! scanners recognise ours.

use sha2::{Digest as _, Sha256};

use crate::{Digest, Secret, TokenId};

/// Characters after the prefix.
pub const TOKEN_SECRET_LEN: usize = 43;
/// Of these, how many are random.
pub const TOKEN_RANDOM_LEN: usize = 37;
/// And how many are the checksum.
pub const TOKEN_CHECK_LEN: usize = TOKEN_SECRET_LEN - TOKEN_RANDOM_LEN;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What a service token's secret begins with; an operator's setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPrefix(Box<str>);

impl TokenPrefix {
    /// The contract's own prefix.
    pub fn contract() -> Self {
        Self("pscale_tkn_".into())
    }

    /// Another prefix: 1 to 32 characters of `A-Za-z0-9_`. `None` when it is not.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        fits.then(|| Self(text.into()))
    }

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn checksum(random_part: &str) -> String {
    let hash = Sha256::digest(random_part.as_bytes());
    hash.iter().take(TOKEN_CHECK_LEN).map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect()
}

/// One character for each random byte, of which six bits are used.
pub(crate) fn characters(random: &[u8]) -> String {
    random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect()
}

/// What follows a secret's prefix: random characters and their checksum.
pub(crate) fn secret_body(random: &[u8; TOKEN_RANDOM_LEN]) -> String {
    let body = characters(random);
    let check = checksum(&body);
    body + &check
}

/// Makes a secret from random bytes, of each of which six bits are used.
pub fn mint_token_secret(prefix: &TokenPrefix, random: &[u8; TOKEN_RANDOM_LEN]) -> Secret<String> {
    Secret::new(format!("{}{}", prefix.as_str(), secret_body(random)))
}

/// Whether `text` has the form of a secret with this prefix, checksum included.
fn is_token_secret(prefix: &TokenPrefix, text: &str) -> bool {
    let Some(body) = text.strip_prefix(prefix.as_str()) else { return false };
    is_secret_body(body)
}

/// Whether `text` is what follows a secret's prefix, checksum included.
pub(crate) fn is_secret_body(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if text.len() != TOKEN_SECRET_LEN || !text.bytes().all(fits) {
        return false;
    }
    let (random, check) = text.split_at(TOKEN_RANDOM_LEN);
    checksum(random) == check
}

/// A token's id and the digest of the secret that came with it: all that is needed to look it up.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Which token.
    pub id: TokenId,
    /// The digest of the secret that was sent.
    pub digest: Digest,
}

/// What is wrong with an `Authorization` value, as far as its form tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialProblem {
    /// The secret stands where the id belongs.
    Swapped,
    /// There is an id without a secret, or a secret without an id.
    Incomplete,
    /// It has the form of nothing that we hand out, or a checksum that does not fit.
    Malformed,
    /// A scheme that is not served here, such as `Bearer` or `Basic`.
    Scheme,
}

/// Reads `ID:SECRET`, with or without the scheme word `token` (contract: conventions.md §2).
///
/// # Errors
/// What is wrong with the form. It is the same for any secret that we never handed out.
pub fn parse_authorization(prefix: &TokenPrefix, value: &str) -> Result<Credentials, CredentialProblem> {
    let value = value.trim();
    let value = match value.split_once(' ') {
        None => value,
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("token") => rest.trim(),
        Some(_) => return Err(CredentialProblem::Scheme),
    };
    let looks_like_secret = |text: &str| text.starts_with(prefix.as_str());
    let Some((id, secret)) = value.split_once(':') else {
        return Err(if looks_like_secret(value) || TokenId::parse(value).is_some() {
            CredentialProblem::Incomplete
        } else {
            CredentialProblem::Malformed
        });
    };
    if looks_like_secret(id) {
        return Err(CredentialProblem::Swapped);
    }
    if id.is_empty() || secret.is_empty() {
        return Err(CredentialProblem::Incomplete);
    }
    let id = TokenId::parse(id).ok_or(CredentialProblem::Malformed)?;
    if !is_token_secret(prefix, secret) {
        return Err(CredentialProblem::Malformed);
    }
    Ok(Credentials { id, digest: Digest::of(secret.as_bytes()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> String {
        mint_token_secret(&TokenPrefix::contract(), &[200; TOKEN_RANDOM_LEN]).expose().clone()
    }

    fn read(value: &str) -> Result<Credentials, CredentialProblem> {
        parse_authorization(&TokenPrefix::contract(), value)
    }

    #[test]
    fn a_secret_has_the_contracts_form() {
        let secret = secret();
        assert_eq!(secret.len(), "pscale_tkn_".len() + 43);
        let read = read(&format!("abcdefghij12:{secret}")).expect("well formed");
        assert_eq!(read.id.as_str(), "abcdefghij12");
        assert!(read.digest.matches(&Digest::of(secret.as_bytes())));
    }

    #[test]
    fn the_scheme_word_token_is_accepted() {
        assert!(read(&format!("token abcdefghij12:{}", secret())).is_ok());
        assert!(read(&format!("Token  abcdefghij12:{} ", secret())).is_ok());
    }

    #[test]
    fn what_is_wrong_with_a_credential() {
        use CredentialProblem::{Incomplete, Malformed, Scheme, Swapped};
        let secret = secret();
        let mut typo = secret.clone();
        typo.pop();
        typo.push(if secret.ends_with('A') { 'B' } else { 'A' });
        for (value, problem) in [
            (format!("{secret}:abcdefghij12"), Swapped),
            (secret.clone(), Incomplete),
            ("abcdefghij12".to_owned(), Incomplete),
            ("abcdefghij12:".to_owned(), Incomplete),
            (format!(":{secret}"), Incomplete),
            (format!("abcdefghij12:{typo}"), Malformed),
            (format!("abcdefghij12:{secret}x"), Malformed),
            (format!("ABCDEFGHIJ12:{secret}"), Malformed),
            ("abcdefghij12:pscale_tkn_".to_owned(), Malformed),
            (String::new(), Malformed),
            (format!("Bearer {secret}"), Scheme),
            (format!("Basic abcdefghij12:{secret}"), Scheme),
        ] {
            assert_eq!(read(&value).expect_err(&value), problem, "{value}");
        }
    }
}
