//! Answers. The one place where an error becomes a status and a body.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use bough_control::Error;
use bough_control::denials::refusal;
use bough_control::model::{TokenPrefix, without_secrets};
use serde::Serialize;

/// An answer on its way out.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The body without its secrets, where it has any: what may be kept.
    pub(crate) without_secrets: Option<Vec<u8>>,
}

/// Room for most answers, so that they need not be moved while they grow.
const USUAL_BYTES: usize = 2_048;

fn json_bytes(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut bytes, value)
        .map_err(|error| Error::Internal(format!("an answer could not be written: {error}")))?;
    Ok(bytes)
}

impl Reply {
    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Result<Self, Error> {
        Ok(Self { status, body: json_bytes(value)?, headers: Vec::new(), without_secrets: None })
    }

    pub(crate) fn ok(value: &impl Serialize) -> Result<Self, Error> {
        Self::json(StatusCode::OK, value)
    }

    pub(crate) fn created(value: &impl Serialize) -> Result<Self, Error> {
        Self::json(StatusCode::CREATED, value)
    }

    pub(crate) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: Vec::new(), headers: Vec::new(), without_secrets: None }
    }

    /// An answer that carries a secret, and the same without it.
    pub(crate) fn secret(
        status: StatusCode,
        value: &impl Serialize,
        without: &impl Serialize,
    ) -> Result<Self, Error> {
        Ok(Self { without_secrets: Some(json_bytes(without)?), ..Self::json(status, value)? })
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let empty = self.body.is_empty();
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if !empty {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}

/// The body of every refusal (contract: conventions.md §5).
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct ErrorBody {
    /// A word that clients tell cases apart by.
    code: String,
    /// What was wrong, and what to do.
    message: String,
}

/// Longest message of a refusal, in characters; of a longer one, the ends are left.
const MESSAGE_MAX: usize = 1_000;
/// What is left of its beginning, and of its end, in characters.
const MESSAGE_ENDS: (usize, usize) = (300, 200);

/// A message that does not repeat all that was sent, nor a secret that was sent in the wrong place:
/// clients write messages into their logs.
fn fitting(message: String) -> String {
    let message = match without_secrets(&message, TokenPrefix::contract().as_str()) {
        Cow::Owned(hidden) => hidden,
        Cow::Borrowed(_) => message,
    };
    let count = message.chars().count();
    if count <= MESSAGE_MAX {
        return message;
    }
    let (first, last) = MESSAGE_ENDS;
    message.chars().take(first).chain(['…']).chain(message.chars().skip(count - last)).collect()
}

/// A refusal of the door itself, before any action.
pub(crate) fn refuse(status: StatusCode, code: &str, message: impl Into<String>) -> Reply {
    let body = ErrorBody { code: code.to_owned(), message: fitting(message.into()) };
    Reply {
        status,
        body: serde_json::to_vec(&body).unwrap_or_default(),
        headers: Vec::new(),
        without_secrets: None,
    }
}

/// The 404, the same for what does not exist and for what the caller may not know of.
pub(crate) fn not_found() -> Reply {
    refuse(StatusCode::NOT_FOUND, "not_found", "Not Found")
}

/// The 401, with a message that helps as far as the form of the credential allows.
pub(crate) fn unauthorized(message: &str) -> Reply {
    refuse(StatusCode::UNAUTHORIZED, "unauthorized", message)
        .with_header(header::WWW_AUTHENTICATE, "ServiceToken realm=\"bough\"")
}

/// An error of an action.
pub(crate) fn error(error: &Error) -> Reply {
    let text = error.to_string();
    match error {
        Error::NotFound => not_found(),
        Error::Refused(denied) => self::error(&refusal(denied)),
        Error::Forbidden(_) => refuse(StatusCode::FORBIDDEN, "forbidden", text),
        Error::Malformed(_) => refuse(StatusCode::BAD_REQUEST, "bad_request", text),
        Error::Invalid(_) => refuse(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable_entity", text),
        // The word on which the official client fetches the lint and prints it (contract: cli-endpoints.md).
        Error::SchemaUnfit(_) => refuse(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", text),
        Error::Conflict(_) | Error::Changed => refuse(StatusCode::CONFLICT, "conflict", text),
        Error::PreconditionFailed(_) => refuse(StatusCode::PRECONDITION_FAILED, "precondition_failed", text),
        Error::TooManyTries { seconds } => refuse(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", text)
            .with_header(header::RETRY_AFTER, &seconds.to_string()),
        Error::Unavailable(_) => refuse(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", text)
            .with_header(header::RETRY_AFTER, "1"),
        Error::Internal(_) => refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_server_error",
            "Bough failed to answer this request; its log says why, under the id in the x-request-id header",
        ),
    }
}
