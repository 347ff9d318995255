//! What a form sends, read with care.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bough_control::Error;
use http_body_util::{BodyExt as _, Limited};
use std::collections::HashSet;
use std::time::Duration;

/// Largest form, in bytes.
const FORM_MAX_BYTES: usize = 64 * 1024;
/// Longest time for a form to arrive, in seconds.
const FORM_LIMIT_SECONDS: u64 = 10;
/// Most fields of a form.
const FIELDS_MAX: usize = 2_000;

/// Most of a field's name that is told to who sent it, in characters.
const NAME_SHOWN_MAX: usize = 100;

/// The fields that every form may have: the proof that it was made here, and what tells that it was sent
/// before.
pub(crate) const OF_EVERY_FORM: [&str; 2] = ["csrf", "once"];

/// The fields of a form, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

/// Why a form was not read.
pub(crate) enum Unread {
    /// It is no form.
    Kind,
    /// It is larger than may be.
    Large,
    /// It did not arrive.
    Lost,
    /// A field is no text.
    NoText,
}

impl Form {
    pub(crate) async fn read(headers: &HeaderMap, body: &mut Body) -> Result<Self, Unread> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        if !kind
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            return Err(Unread::Kind);
        }
        let collected = tokio::time::timeout(
            Duration::from_secs(FORM_LIMIT_SECONDS),
            Limited::new(body, FORM_MAX_BYTES).collect(),
        )
        .await;
        let bytes = match collected {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(Unread::Large),
            Ok(Err(_)) | Err(_) => return Err(Unread::Lost),
        };
        // What cannot be read must not become something else in silence.
        if !is_text(&bytes) {
            return Err(Unread::NoText);
        }
        let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(&bytes).map_err(|_| Unread::Kind)?;
        if fields.len() > FIELDS_MAX {
            return Err(Unread::Large);
        }
        Ok(Self(fields))
    }

    /// Fields as forms write them; none where that is no such text.
    pub(crate) fn of_text(text: &str) -> Self {
        Self(serde_urlencoded::from_str(text).unwrap_or_default())
    }

    /// A field; empty when the form has none of that name. The last one when it is repeated.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().rev().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// A field without blanks around it, or nothing when nothing was written.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|value| !value.is_empty())
    }

    /// Whether a box is ticked.
    pub(crate) fn ticked(&self, name: &str) -> bool {
        matches!(self.get(name), "on" | "true" | "1")
    }

    /// All values of a repeated field.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All fields, in order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Refuses fields that the form does not have, and those that stand in it twice: neither a mistyped one
    /// nor one of two values may be passed over in silence.
    pub(crate) fn only(&self, names: &[&str]) -> Result<(), Error> {
        self.only_and_many(names, &[])
    }

    /// The same where some fields may be repeated.
    pub(crate) fn only_and_many(&self, names: &[&str], many: &[&str]) -> Result<(), Error> {
        let wrong = |what: &str, name: &str| {
            let name: String = name.chars().take(NAME_SHOWN_MAX).collect();
            Err(Error::Malformed(format!("{what} {name:?}. Load the page again, and repeat it.")))
        };
        let mut seen = HashSet::new();
        for (name, _) in self.fields() {
            if many.contains(&name) {
                continue;
            }
            if !OF_EVERY_FORM.contains(&name) && !names.contains(&name) {
                return wrong("Nothing was changed: this form has no field", name);
            }
            if !seen.insert(name) {
                return wrong("Nothing was changed: this form has only one field", name);
            }
        }
        Ok(())
    }
}

/// Whether what is written in a form's own way is UTF-8.
fn is_text(form: &[u8]) -> bool {
    let digit = |at: usize| form.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut bytes, mut at) = (Vec::with_capacity(form.len()), 0);
    while let Some(byte) = form.get(at) {
        let escaped = (*byte == b'%').then(|| Some(digit(at + 1)? * 16 + digit(at + 2)?)).flatten();
        match escaped.and_then(|value| u8::try_from(value).ok()) {
            Some(value) => {
                bytes.push(value);
                at += 3;
            }
            None => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
    std::str::from_utf8(&bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Form {
        Form(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_is_no_text_is_told_from_what_is() {
        for text in ["", "name=a+b", "name=%E2%82%AC", "name=%zz", "name=%e", "name=%", "a=%00", "näme=ü"] {
            assert!(is_text(text.as_bytes()), "{text}");
        }
        for other in [&b"name=%ff"[..], b"name=%C3", b"name=%C3%28", b"name=\xff", b"%ed%a0%80=x"] {
            assert!(!is_text(other), "{other:?}");
        }
    }

    #[test]
    fn a_form_has_its_own_fields_each_once() {
        let sent = form(&[("csrf", "x"), ("once", "y"), ("name", "a"), ("all", "b"), ("all", "c")]);
        assert!(sent.only_and_many(&["name"], &["all"]).is_ok());
        assert!(sent.only(&["name", "all"]).is_err());
        assert!(sent.only_and_many(&[], &["all"]).is_err());
        assert!(form(&[("csrf", "x"), ("csrf", "x")]).only(&[]).is_err());
    }
}
