//! What comes in with a request, read with care: every refusal says which field and why.

use std::time::Duration;

use bough_control::place::Names;
use bough_control::{Error, Page};
use serde::de::DeserializeOwned;

/// Rows on a page when a request does not say (contract: conventions.md §6).
const PER_PAGE: u32 = 25;
/// Longest wait for something to be ready, in seconds.
pub(crate) const WAIT_LIMIT: Duration = Duration::from_secs(60);
/// Most rows on a page; more is cut to this.
const PER_PAGE_MAX: u32 = 100;
/// Deepest nesting of a body. The JSON reader has a limit of its own, but not in keys that it ignores.
const DEPTH_MAX: usize = 100;

/// How deep lists and objects are nested; for a text that is no JSON, any number.
fn depth(text: &[u8]) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => now += 1,
            b']' | b'}' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(now);
    }
    deepest
}

/// The parameters of a path: too few for anything but looking through them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn get(&self, name: &str) -> Option<&String> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl FromIterator<(String, String)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(params: I) -> Self {
        Self(params.into_iter().collect())
    }
}

/// The part of a request that its handler sees.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    /// The path's parameters, decoded.
    pub(crate) params: Params,
    /// The query's parameters, decoded, in order.
    pub(crate) query: Vec<(String, String)>,
    /// The path, as it was asked for.
    pub(crate) path: String,
    /// The body's bytes.
    pub(crate) body: Vec<u8>,
    /// The header `If-Match`.
    pub(crate) if_match: Option<String>,
}

impl Names for Input {
    fn name(&self, kind: &str) -> Option<&str> {
        self.params.get(kind).map(String::as_str)
    }

    fn path(&self) -> &str {
        &self.path
    }
}

impl Input {
    /// A parameter of the path; empty when the path has none of that name.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    /// A parameter of the query, the last one when it is repeated.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a repeated parameter.
    pub(crate) fn query_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        match self.query(name) {
            None | Some("") => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(other) => Err(Error::Malformed(format!("{name} is {other:?}, but must be true or false"))),
        }
    }

    /// Whether the answer shall wait until the thing is ready.
    pub(crate) fn waits(&self) -> Result<bool, Error> {
        match self.query("wait") {
            None | Some("") => Ok(false),
            Some("ready") => Ok(true),
            Some(other) => Err(Error::Malformed(format!("wait is {other:?}, but must be ready"))),
        }
    }

    /// A parameter that is a positive number.
    pub(crate) fn positive(&self, name: &str, default: u32) -> Result<u32, Error> {
        let Some(text) = self.query(name) else { return Ok(default) };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // What does not fit is far beyond any end, which is no error.
        let number = if digits { text.parse().unwrap_or(u32::MAX) } else { 0 };
        if number == 0 {
            return Err(Error::Malformed(format!("{name} is {text:?}, but must be a positive number")));
        }
        Ok(number)
    }

    /// Which part of a list is wanted.
    pub(crate) fn page(&self) -> Result<Page, Error> {
        let number = self.positive("page", 1)?;
        let size = self.positive("per_page", PER_PAGE)?.min(PER_PAGE_MAX);
        Ok(Page { number, size })
    }

    /// How many entries of a cursor's list are wanted.
    pub(crate) fn limit(&self) -> Result<u32, Error> {
        Ok(self.positive("limit", PER_PAGE)?.min(PER_PAGE_MAX))
    }

    /// The body as JSON. No body, and only white space, stand for an empty object; keys that are not
    /// known are ignored.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let text = self.body.trim_ascii();
        let text: &[u8] = if text.is_empty() { b"{}" } else { text };
        if text.first() != Some(&b'{') {
            return Err(Error::Malformed("the body must be a JSON object".to_owned()));
        }
        if depth(text) > DEPTH_MAX {
            return Err(Error::Malformed(format!("the body is nested deeper than {DEPTH_MAX} levels")));
        }
        let mut reader = serde_json::Deserializer::from_slice(text);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            let inner = error.into_inner();
            if !inner.is_data() {
                return Error::Malformed(format!("the body is not valid JSON: {inner}"));
            }
            // Where in the text a value is wrong helps less than its name.
            let text = inner.to_string();
            let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
            Error::Malformed(if path == "." { what.to_owned() } else { format!("{path}: {what}") })
        })?;
        reader.end().map_err(|error| Error::Malformed(format!("the body is not valid JSON: {error}")))?;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_query(query: &[(&str, &str)]) -> Input {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Input { query: query.iter().map(own).collect(), ..Input::default() }
    }

    #[test]
    fn pages_are_positive_and_bounded() {
        assert_eq!(with_query(&[]).page().expect("defaults"), Page { number: 1, size: 25 });
        let far = with_query(&[("page", "99999999999"), ("per_page", "5000")]).page().expect("clamped");
        assert_eq!(far, Page { number: u32::MAX, size: 100 });
        for wrong in ["0", "-1", "x", "", "1.5", "+1", " 1"] {
            assert!(with_query(&[("page", wrong)]).page().is_err(), "{wrong:?}");
            assert!(with_query(&[("per_page", wrong)]).page().is_err(), "{wrong:?}");
        }
    }

    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Body {
        #[serde(default)]
        ttl: Option<i64>,
    }

    fn body(text: &str) -> Result<Body, String> {
        let input = Input { body: text.as_bytes().to_vec(), ..Input::default() };
        input.json().map_err(|error| error.to_string())
    }

    #[test]
    fn bodies() {
        for empty in ["", "  \n", "{}", "{\"ttl\":null}", "{\"unknown\":[1]}"] {
            assert_eq!(body(empty), Ok(Body { ttl: None }), "{empty:?}");
        }
        for wrong in [
            "[]",
            "[5]",
            "null",
            "5",
            "{",
            "{}x",
            "{\"ttl\":1,\"ttl\":2}",
            "{\"ttl\":1e3}",
            "{\"ttl\":\"5\"}",
        ] {
            assert!(body(wrong).is_err(), "{wrong:?}");
        }
        assert!(body("{\"ttl\":\"5\"}").expect_err("a type").starts_with("ttl: "));
        let quoted = format!("{{\"unknown\": \"\\\"{}\"}}", "[".repeat(10_000));
        assert_eq!(body(&quoted), Ok(Body { ttl: None }), "brackets in a text nest nothing");
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(body(&deep).is_err(), "too deep, and no stack overflow");
    }
}
