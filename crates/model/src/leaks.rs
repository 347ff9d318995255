//! Secrets of service tokens and passwords where they do not belong: in a path, a name, a field of another
//! thing. Nobody wants them there, so they are neither kept nor repeated.

use std::borrow::Cow;

use crate::password::{PASSWORD_PREFIX, SHORT_SECRET_LEN};
use crate::token::{TOKEN_SECRET_LEN, TokenPrefix, is_secret_body};

/// What stands in place of a secret.
const HIDDEN: &str = "[hidden]";

/// Pieces of text that hold nothing but what may stand in a secret: from where to where.
fn runs(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let bytes = text.as_bytes();
    let mut from = 0;
    std::iter::from_fn(move || {
        from += bytes[from..].iter().position(fits)?;
        let length = bytes[from..].iter().position(|byte| !fits(byte)).unwrap_or(bytes.len() - from);
        let run = (from, from + length);
        from += length;
        Some(run)
    })
}

/// Whether a piece holds a whole secret, whatever its prefix: the checksum tells. A short one of a password
/// has none; there the prefix tells.
fn holds(piece: &str) -> bool {
    let short = piece.find(PASSWORD_PREFIX).map(|at| piece.len() - at - PASSWORD_PREFIX.len());
    let last = piece.len().checked_sub(TOKEN_SECRET_LEN);
    short.is_some_and(|length| length >= SHORT_SECRET_LEN)
        || last
            .is_some_and(|last| (0..=last).rev().any(|at| is_secret_body(&piece[at..at + TOKEN_SECRET_LEN])))
}

/// Whether the secret of a service token or a password stands in a text.
pub fn holds_secret(text: &str) -> bool {
    runs(text).any(|(from, to)| holds(&text[from..to]))
}

/// A text without the secrets that stand in it, whole ones whatever their prefix, and what follows this
/// prefix or one of the contract's, be it whole or not.
pub fn without_secrets<'a>(text: &'a str, prefix: &str) -> Cow<'a, str> {
    let contract = TokenPrefix::contract();
    let prefixes = [prefix, contract.as_str(), PASSWORD_PREFIX];
    let begins = |piece: &str| {
        let of_prefix = prefixes.iter().filter_map(|prefix| piece.find(prefix)).min();
        of_prefix.or_else(|| holds(piece).then_some(0))
    };
    let mut written = String::new();
    let mut done = 0;
    for (from, to) in runs(text) {
        if let Some(at) = begins(&text[from..to]) {
            written.push_str(&text[done..from + at]);
            written.push_str(HIDDEN);
            done = to;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    written.push_str(&text[done..]);
    Cow::Owned(written)
}

/// Most of a path or name that is written down, in characters: what is longer names nothing that exists.
const WRITTEN_MAX: usize = 300;
/// How much longer a text may be for a secret in it to be found that begins within that, in characters,
/// each of which may be escaped.
const BEYOND: usize = 400;

/// A path or name fit to be written down: cut, and without what may be a secret in the wrong place, also
/// one that is escaped.
pub fn mask(text: &str, secret_prefix: &str) -> String {
    let looked_at = first(text, WRITTEN_MAX + BEYOND);
    let plain = unescaped(looked_at);
    let hidden = match without_secrets(&plain, secret_prefix) {
        Cow::Owned(hidden) => Some(hidden),
        Cow::Borrowed(_) => None,
    };
    let whole = hidden.as_deref().unwrap_or(looked_at);
    let written = first(whole, WRITTEN_MAX);
    if written.len() < whole.len() { format!("{written}…") } else { written.to_owned() }
}

/// The first so many characters.
fn first(text: &str, count: usize) -> &str {
    if text.len() <= count {
        return text;
    }
    text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end])
}

/// Whether an address may be repeated as it is: nobody's secret stands in it, escaped or not.
pub fn may_be_repeated(address: &str, secret_prefix: &str) -> bool {
    let plain = unescaped(address);
    matches!(without_secrets(&plain, secret_prefix), Cow::Borrowed(_))
}

/// A path with its escapes undone.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match (first, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TOKEN_RANDOM_LEN, mint_password_secret, mint_token_secret};

    fn secret(prefix: &str) -> String {
        let prefix = TokenPrefix::parse(prefix).expect("a prefix");
        mint_token_secret(&prefix, &[200; TOKEN_RANDOM_LEN]).expose().clone()
    }

    #[test]
    fn whole_secrets_are_found_whatever_their_prefix() {
        for prefix in ["pscale_tkn_", "own_", "x"] {
            let secret = secret(prefix);
            for text in
                [secret.clone(), format!("a {secret} b"), format!("id:{secret}"), format!("é{secret}é")]
            {
                assert!(holds_secret(&text), "{text}");
                let written = without_secrets(&text, "pscale_tkn_");
                assert!(written.contains(HIDDEN) && !written.contains(&secret[8..20]), "{written}");
            }
        }
        let body = secret("x")[1..].to_owned();
        assert!(holds_secret(&format!("5F{body}")), "after an escaped character");
        assert_eq!(without_secrets("/a/own_x1/b", "own_"), "/a/[hidden]/b");
        assert_eq!(without_secrets("pscale_tkn_half:x", "own_"), "[hidden]:x");
        let short = mint_password_secret(&[200; TOKEN_RANDOM_LEN], true).expose().clone();
        assert!(holds_secret(&format!("mysql://u:{short}@h")) && !holds_secret("pscale_pw_half"));
        assert_eq!(without_secrets("u:pscale_pw_half@h", "own_"), "u:[hidden]@h");
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        let long = "a".repeat(5_000);
        for text in ["", "shop", "é", "a b", "/v1/organizations/acme", &long, "pscale", "tkn_"] {
            assert!(!holds_secret(text));
            assert_eq!(without_secrets(text, "pscale_tkn_"), text);
        }
        let mut typo = secret("own_");
        typo.pop();
        typo.push('!');
        assert!(!holds_secret(&typo));
    }
}
