//! Bodies, taken in with care: not too large, not too slow, and not too many at once.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::runtime::Handle;

use crate::respond::{Reply, refuse};

/// Largest body, in bytes.
const BODY_MAX_BYTES: usize = 1024 * 1024;
/// Most that all bodies together may take at a time, in bytes.
const BODIES_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Longest time for a body to arrive, in seconds.
const BODY_LIMIT_SECONDS: u64 = 10;
/// Most of an unwanted body that is taken in after the answer, in bytes.
const UNWANTED_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Longest time for that, in seconds.
const UNWANTED_LIMIT_SECONDS: u64 = 5;

/// What all bodies take that have not been answered yet, in bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bodies(Arc<AtomicUsize>);

/// What one body takes; given back with this.
#[derive(Debug)]
pub(crate) struct Room {
    bodies: Bodies,
    bytes: usize,
}

impl Room {
    fn none(bodies: &Bodies) -> Self {
        Self { bodies: bodies.clone(), bytes: 0 }
    }

    /// Takes more, if there is so much.
    fn take(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        self.bodies.0.fetch_add(bytes, Ordering::Relaxed) + bytes <= BODIES_MAX_BYTES
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.bodies.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn refused<T>(status: StatusCode, code: &str, message: String) -> Result<T, Box<Reply>> {
    Err(Box::new(refuse(status, code, message)))
}

fn too_large<T>() -> Result<T, Box<Reply>> {
    let message = format!("the body is larger than {BODY_MAX_BYTES} bytes");
    refused(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message)
}

async fn collect(body: &mut Body, room: &mut Room) -> Result<Vec<u8>, Box<Reply>> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > BODY_MAX_BYTES {
        return too_large();
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return refused(StatusCode::BAD_REQUEST, "bad_request", "the body broke off".to_owned());
        };
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > BODY_MAX_BYTES {
            return too_large();
        }
        if !room.take(data.len()) {
            let message = "too many large bodies are being taken in; try again in a moment".to_owned();
            return Err(Box::new(
                refuse(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", message)
                    .with_header(header::RETRY_AFTER, "1"),
            ));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Takes a body in, which must be JSON unless it is empty.
pub(crate) async fn read(
    bodies: &Bodies,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<(Vec<u8>, Room), Box<Reply>> {
    let mut room = Room::none(bodies);
    let collected =
        tokio::time::timeout(Duration::from_secs(BODY_LIMIT_SECONDS), collect(body, &mut room)).await;
    let Ok(bytes) = collected else {
        let message = format!("the body did not arrive within {BODY_LIMIT_SECONDS} s");
        return refused(StatusCode::REQUEST_TIMEOUT, "request_timeout", message);
    };
    let bytes = bytes?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_json = |kind: &str| {
        let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
    };
    if !bytes.trim_ascii().is_empty() && kind.is_some_and(|kind| !is_json(kind)) {
        let message = "the body must be JSON: send the header Content-Type: application/json".to_owned();
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message);
    }
    Ok((bytes, room))
}

/// The body of a request, which is taken in also where nobody wants it, while the answer is on its way
/// already. Else the connection would be cut: its client might not see the answer, and could not use it
/// again.
pub(crate) struct TakenIn(Option<Incoming>);

impl TakenIn {
    pub(crate) const fn new(body: Incoming) -> Self {
        Self(Some(body))
    }
}

impl HttpBody for TakenIn {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for TakenIn {
    fn drop(&mut self) {
        let (Some(body), Ok(runtime)) = (self.0.take(), Handle::try_current()) else { return };
        if body.is_end_stream() {
            return;
        }
        runtime.spawn(async move {
            let mut body = Limited::new(body, UNWANTED_MAX_BYTES);
            let all = async { while let Some(Ok(_)) = body.frame().await {} };
            let _ = tokio::time::timeout(Duration::from_secs(UNWANTED_LIMIT_SECONDS), all).await;
        });
    }
}
