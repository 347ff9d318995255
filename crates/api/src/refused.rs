//! Refusals fit to be written down: which token asked for what.

use std::borrow::Cow;

use bough_control::denials::RefusedRequest;
use bough_control::model::{Actor, without_secrets};
use bough_control::{Caller, ControlPlane};
use bough_policy::Denied;

use crate::input::Input;

/// Most of a path or name that is written down, in characters: what is longer names nothing that exists.
const WRITTEN_MAX: usize = 300;
/// How much longer a text may be for a secret in it to be found that begins within that, in characters,
/// each of which may be escaped.
const BEYOND: usize = 400;

/// A path or name fit to be written down: cut, and without what may be a secret in the wrong place, also
/// one that is escaped.
pub(crate) fn mask(text: &str, secret_prefix: &str) -> String {
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

/// Keeps a refusal of a service token for its organization's administrators.
pub(crate) fn record(plane: &ControlPlane, caller: &Caller, input: &Input, denied: &Denied) {
    let Actor::Token(token) = caller.principal.actor() else { return };
    if denied.foreign {
        return;
    }
    let masked = |text: &str| mask(text, plane.settings().token_prefix.as_str());
    plane.note_refusal(RefusedRequest {
        token: token.clone(),
        operation: denied.operation,
        path: masked(&input.path),
        resource: masked(&resource(input)),
        database: input.params.get("database").map(|name| masked(name)),
        missing: denied.missing.names(),
    });
}

/// What a path names, below its organization.
fn resource(input: &Input) -> String {
    let organization = format!("/v1/organizations/{}/", input.param("organization"));
    let below = input.path.strip_prefix(&organization).unwrap_or("");
    match (input.params.get("database"), input.params.get("branch")) {
        (Some(database), Some(branch)) => format!("databases/{database}/branches/{branch}"),
        (Some(database), None) => format!("databases/{database}"),
        _ if below.is_empty() => "organization".to_owned(),
        _ => below.to_owned(),
    }
}
