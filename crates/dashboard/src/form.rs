//! What a form sends, read with care.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bough_control::Error;
use http_body_util::{BodyExt as _, Limited};
use std::time::Duration;

/// Largest form, in bytes.
const FORM_MAX_BYTES: usize = 64 * 1024;
/// Longest time for a form to arrive, in seconds.
const FORM_LIMIT_SECONDS: u64 = 10;
/// Most fields of a form.
const FIELDS_MAX: usize = 2_000;

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
        let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(&bytes).map_err(|_| Unread::Kind)?;
        if fields.len() > FIELDS_MAX {
            return Err(Unread::Large);
        }
        Ok(Self(fields))
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

    /// Refuses fields that the form does not have: a mistyped one must not be passed over in silence.
    pub(crate) fn only(&self, names: &[&str]) -> Result<(), Error> {
        let unknown = |name: &str| !OF_EVERY_FORM.contains(&name) && !names.contains(&name);
        match self.0.iter().find(|(name, _)| unknown(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(100).collect();
                Err(Error::Malformed(format!("this form has no field {name:?}")))
            }
        }
    }
}
