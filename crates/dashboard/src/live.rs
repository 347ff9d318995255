//! The state of a page, as long as somebody looks at it: server-sent events. Each time that anything was
//! committed, the session is looked at, the page located and decided on anew, and what has changed is sent.
//! Now and then the session is looked at without that, for it ends by itself, too; a page that is only
//! looked at does not keep it alive.
//!
//! A handler answers the whole state, as the script reads it. Its `say` is for who was there before: it is
//! left out of the first message, and of those in which it has not changed.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bough_control::people::Visitor;
use bough_control::place::Target;
use bough_policy::Operation;
use http_body_util::channel::{Channel, Sender};
use serde_json::{Value, json};

use crate::answer::headed;
use crate::asked::Asked;
use crate::door::{Handler, Seen, run, visitor};
use crate::{Dashboard, problem};

/// How often it is looked whether anything was committed, in milliseconds.
const LOOK_EVERY_MILLIS: u64 = 250;
/// After how many looks without news a line is sent, so that a browser that is gone is noticed.
const LOOKS_PER_BEAT: u32 = 60;
/// Longest life of a stream, in looks: ten minutes. The browser opens another.
const LOOKS_MAX: u32 = 2_400;
/// Events that wait for a slow browser; more are not made until it has taken them.
const WAITING_MAX: usize = 4;

/// Answers with a stream of states.
pub(crate) fn stream<T: Target + 'static>(
    house: &Arc<Dashboard>,
    operation: Operation,
    handler: Handler<T>,
    visitor: &Visitor,
    headers: HeaderMap,
    asked: Asked,
) -> Response<Body> {
    let Ok(place) = house.turns.stream(&visitor.user.id) else {
        let message =
            "Too many pages are kept up to date right now; this one shows its state when it is loaded again.";
        return problem::problem(house, &asked, None, StatusCode::SERVICE_UNAVAILABLE, message, None)
            .into_response();
    };
    let (sender, channel) = Channel::<axum::body::Bytes, std::convert::Infallible>::new(WAITING_MAX);
    let house = Arc::clone(house);
    tokio::spawn(async move {
        follow::<T>(&house, operation, handler, &headers, &asked, sender).await;
        drop(place);
    });
    let mut response = Response::new(Body::new(channel));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headed(response, StatusCode::OK, Vec::new())
}

async fn follow<T: Target + 'static>(
    house: &Arc<Dashboard>,
    operation: Operation,
    handler: Handler<T>,
    headers: &HeaderMap,
    asked: &Asked,
    mut sender: Sender<axum::body::Bytes>,
) {
    let mut stopping = house.stopping.clone();
    let mut look = tokio::time::interval(Duration::from_millis(LOOK_EVERY_MILLIS));
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut seen, mut told, mut quiet) = (None, Value::Null, 0);
    for _ in 0..LOOKS_MAX {
        tokio::select! {
            _ = look.tick() => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        let mark = house.plane.mark();
        quiet += 1;
        if mark.is_none() || mark != seen {
            seen = mark;
            let Some(state) = state::<T>(house, operation, handler, headers, asked).await else {
                // Gone, or not for this viewer any more: the page that he looks at is not true now.
                let _ = sender.send_data(format!("data: {}\n\n", gone()).into()).await;
                return;
            };
            if state != told {
                let message = message(&state, &told);
                let ends = state.get("end").is_some_and(|end| end == true);
                if sender.send_data(format!("data: {message}\n\n").into()).await.is_err() || ends {
                    return;
                }
                (told, quiet) = (state, 0);
            }
        }
        if quiet >= LOOKS_PER_BEAT {
            let line = match visitor(house, headers, asked, Seen::Unnoted) {
                Ok(None) => format!("data: {}\n\n", gone()),
                Ok(Some(_)) | Err(_) => ":\n\n".to_owned(),
            };
            let over = line.starts_with("data");
            if sender.send_data(line.into()).await.is_err() || over {
                return;
            }
            quiet = 0;
        }
    }
}

/// What is sent of a state after another.
fn message(state: &Value, before: &Value) -> Value {
    let mut message = state.clone();
    if let Some(fields) = message.as_object_mut()
        && (before.is_null() || fields.get("say") == before.get("say"))
    {
        fields.remove("say");
    }
    message
}

/// What is sent last: the notice with this id, which pages that are kept up to date have, is shown.
fn gone() -> Value {
    json!({
        "attributes": {"gone": {"hidden": null}},
        "say": "What this page shows is gone, or is not open to you any more.",
        "end": true,
    })
}

/// The state now, for whom it may be shown.
async fn state<T: Target + 'static>(
    house: &Arc<Dashboard>,
    operation: Operation,
    handler: Handler<T>,
    headers: &HeaderMap,
    asked: &Asked,
) -> Option<Value> {
    let visitor = visitor(house, headers, asked, Seen::Unnoted).ok()??;
    let turn = house.turns.work(&visitor.user.id).await.ok()?;
    let (house, asked) = (Arc::clone(house), asked.clone());
    let work = move || {
        let _turn = turn;
        run::<T>(&house, operation, handler, visitor, &asked, None)
    };
    let answer = tokio::task::spawn_blocking(work).await.ok()?;
    answer.state().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_said_once_and_to_who_was_there_before() {
        let ready = json!({"text": {"state": "Ready"}, "say": "It is ready."});
        let other = json!({"text": {"state": "Other"}, "say": "It is ready."});
        assert_eq!(message(&ready, &Value::Null), json!({"text": {"state": "Ready"}}));
        assert_eq!(message(&ready, &json!({"text": {"state": "Starting"}})), ready);
        assert_eq!(message(&other, &ready), json!({"text": {"state": "Other"}}));
    }
}
