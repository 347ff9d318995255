//! The way of every request for a page: size, session, locate, decide, and only then the form, which must
//! have been made here; then one handler, and its answer.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use bough_control::model::{Digest, Secret, mask};
use bough_control::people::{FormOf, Visitor};
use bough_control::place::Target;
use bough_control::{Error, Once, RequestKey};
use bough_policy::{Method, Operation};

use crate::answer::Answer;
use crate::asked::Asked;
use crate::cookies::{self, cookie};
use crate::form::{Form, Unread};
use crate::layout::{Link, Page, counted, escaped};
use crate::turns::NoTurn;
use crate::visit::Visit;
use crate::{Dashboard, live, login, problem};

/// Longest address of a request, in bytes.
const URI_MAX_BYTES: usize = 8 * 1024;
/// Tries when what was decided on keeps changing.
const TRIES_MAX: usize = 5;
/// Length of what tells that a form was sent before, in characters.
const ONCE_MAX: usize = 64;

/// A handler: a decided place and a request, to an answer.
pub(crate) type Handler<T> = fn(&Visit<'_>, <T as Target>::Proof) -> Result<Answer, Error>;

/// How a page is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A page that is looked at.
    Show,
    /// A form that is sent.
    Send,
    /// The state of a page, as long as it is looked at.
    Live,
}

/// Serves one page or form.
pub(crate) async fn serve<T: Target + 'static>(
    house: Arc<Dashboard>,
    kind: Kind,
    operation: Operation,
    handler: Handler<T>,
    request: Request<Body>,
) -> Response<Body> {
    let started = Instant::now();
    let (mut parts, mut body) = request.into_parts();
    let (response, asked) = answered::<T>(&house, kind, operation, handler, &mut parts, &mut body).await;
    note(&house, &parts, &asked, &response, started);
    response
}

/// One line of the log for each request. Queries are left out: people write into them.
pub(crate) fn note(
    house: &Dashboard,
    parts: &Parts,
    asked: &Asked,
    response: &Response<Body>,
    started: Instant,
) {
    tracing::info!(
        request_id = asked.request_id,
        method = parts.method.as_str(),
        path = mask(&asked.path, house.plane.settings().token_prefix.as_str()),
        status = response.status().as_u16(),
        micros = started.elapsed().as_micros(),
        remote_ip = asked.remote_ip.map(tracing::field::display),
        "a page was answered"
    );
}

async fn answered<T: Target + 'static>(
    house: &Arc<Dashboard>,
    kind: Kind,
    operation: Operation,
    handler: Handler<T>,
    parts: &mut Parts,
    body: &mut Body,
) -> (Response<Body>, Asked) {
    let request_id = house.plane.fresh_request_id();
    let read = Asked::of(parts, request_id.clone()).await;
    let too_long = parts.uri.path_and_query().is_some_and(|path| path.as_str().len() > URI_MAX_BYTES);
    let Some(mut asked) = read.filter(|_| !too_long) else {
        let asked = Asked::without_names(parts, request_id);
        return (problem::not_found(house, &asked, None).into_response(), asked);
    };
    let seen = if kind == Kind::Live { Seen::Unnoted } else { Seen::Noted };
    let visitor = match visitor(house, &parts.headers, &asked, seen) {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return (unknown(house, kind, parts, body, &asked).await.into_response(), asked),
        Err(error) => return (problem::error(house, &asked, None, &error).into_response(), asked),
    };
    if let Err(none) = house.turns.count(&visitor.user.id) {
        return (no_turn(house, &asked, none), asked);
    }
    let proof = match T::authorize(&house.plane, &visitor.caller, operation, &asked) {
        Ok(proof) => proof,
        Err(error) => {
            let around = around(house, &visitor, &asked);
            return (problem::error(house, &asked, around, &error).into_response(), asked);
        }
    };
    if kind == Kind::Live {
        let response =
            live::stream::<T>(house, operation, handler, &visitor, parts.headers.clone(), asked.clone());
        return (response, asked);
    }
    if kind == Kind::Send {
        match form(house, parts, body, &visitor).await {
            Ok(form) => asked.form = form,
            Err(refused) => {
                let (status, message) = (refused.status, refused.message);
                tracing::warn!(
                    request_id = asked.request_id,
                    status = status.as_u16(),
                    message,
                    "a form was refused"
                );
                let around = around(house, &visitor, &asked);
                let lost =
                    login::unsent::of_another_session(house, &asked, around.clone(), &visitor, &refused);
                let answer =
                    lost.unwrap_or_else(|| problem::problem(house, &asked, around, status, message, None));
                return (answer.into_response(), asked);
            }
        }
    }
    let turn = match house.turns.work(&visitor.user.id).await {
        Ok(turn) => turn,
        Err(none) => return (no_turn(house, &asked, none), asked),
    };
    let (aside, own) = (Arc::clone(house), asked.clone());
    let _waits = asked.left.with_this();
    // The body took its time: whatever was decided before it is decided again with it.
    let first = (kind == Kind::Show).then_some(proof);
    let work = move || {
        let _turn = turn;
        run_once::<T>(&aside, operation, handler, visitor, &own, first)
    };
    let answer = match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, operation = operation.id(), "a page panicked");
            problem::error(house, &asked, None, &Error::Internal("a page panicked".to_owned()))
        }
    };
    (finished(house, &asked, answer), asked)
}

/// The answer with the notice that it leaves for the next page, or without the one that was shown.
pub(crate) fn finished(house: &Dashboard, asked: &Asked, answer: Answer) -> Response<Body> {
    let left = answer.notice().map(|notice| house.keep_notice(Some(notice)));
    // A script that follows to the next page only looks where it leads: it is shown when it is loaded.
    let shown =
        asked.notice.is_some() && !asked.fragment && answer.leads_to().is_none() && answer.state().is_none();
    let cookie = left.or_else(|| shown.then(|| house.keep_notice(None)));
    match cookie {
        Some(cookie) => answer.with_cookie(cookie).into_response(),
        None => answer.into_response(),
    }
}

/// Whether a request keeps its session alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Somebody did something.
    Noted,
    /// A page that is only looked at asked by itself.
    Unnoted,
}

/// Who is signed in.
pub(crate) fn visitor(
    house: &Dashboard,
    headers: &HeaderMap,
    asked: &Asked,
    seen: Seen,
) -> Result<Option<Visitor>, Error> {
    let Some(secret) = cookie(headers, &house.secret_cookie(cookies::SESSION)) else { return Ok(None) };
    let from = asked.remote_ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let (secret, request_id) = (Secret::new(secret), Some(asked.request_id.as_str().into()));
    match seen {
        Seen::Noted => house.plane.session(&secret, from, request_id),
        Seen::Unnoted => house.plane.session_unnoted(&secret, from, request_id),
    }
}

/// The answer to somebody who asks for too much at a time.
fn no_turn(house: &Dashboard, asked: &Asked, none: NoTurn) -> Response<Body> {
    let (seconds, message) = match none {
        NoTurn::TooMany(seconds) => {
            let wait = counted(seconds, "second");
            (
                seconds,
                format!("You have asked for more pages than anybody may in a minute. Try again in {wait}."),
            )
        }
        NoTurn::Busy => {
            (1, "Too many of your requests are being worked on. Try again when some are done.".to_owned())
        }
    };
    let answer = problem::problem(house, asked, None, StatusCode::TOO_MANY_REQUESTS, message, None);
    let mut response = answer.into_response();
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    response
}

/// What stands around a page that says what was wrong.
fn around(house: &Dashboard, visitor: &Visitor, asked: &Asked) -> Option<Page> {
    Visit { house, visitor, caller: &visitor.caller, asked }.page("").ok()
}

/// Nobody is signed in: on to the form for that, and from there back here.
async fn unknown(house: &Dashboard, kind: Kind, parts: &Parts, body: &mut Body, asked: &Asked) -> Answer {
    let to = |address: &str| format!("/login?next={}", escaped(address));
    if kind == Kind::Show && !asked.fragment {
        return Answer::see(to(&asked.address));
    }
    if kind == Kind::Send {
        let ended = login::unsent::ended(house, parts, body, asked).await;
        return ended.unwrap_or_else(|error| problem::error(house, asked, None, &error));
    }
    let message = "Your session has ended. Log in again to see how this goes on.";
    let log_in = Link::new("Log in again", to("/"), false);
    problem::problem(house, asked, None, StatusCode::UNAUTHORIZED, message, Some(log_in))
}

/// Whether a form comes from a page of ours, as far as the browser says where it comes from.
pub(crate) fn comes_from_us(house: &Dashboard, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if text(header::HeaderName::from_static("sec-fetch-site"))
        .is_some_and(|site| !matches!(site, "same-origin" | "none"))
    {
        return false;
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    let host = text(header::HOST).unwrap_or("");
    let own = &house.plane.settings().addresses.public_url;
    origin == own || origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host)
}

const ELSEWHERE: &str = "This form was sent from another site, so nothing was changed.";
const NOT_MADE_HERE: &str = "This form is too old or was not made for your session, so nothing was changed. \
    Go back, load the page again, and repeat it.";

/// A form that is not carried out, and why.
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) message: &'static str,
    /// What was typed, where the browser says that a page of ours sent it, though not one of this session.
    pub(crate) ours: Option<Form>,
}

impl Refused {
    const fn whole((status, message): (StatusCode, &'static str)) -> Self {
        Self { status, message, ours: None }
    }
}

/// Reads the form, which must have been made here for this session.
async fn form(house: &Dashboard, parts: &Parts, body: &mut Body, visitor: &Visitor) -> Result<Form, Refused> {
    if !comes_from_us(house, &parts.headers) {
        return Err(Refused::whole((StatusCode::FORBIDDEN, ELSEWHERE)));
    }
    let form = Form::read(&parts.headers, body).await.map_err(|why| Refused::whole(unread(why)))?;
    if house.plane.is_form_token(FormOf::Session(&visitor.session), form.get("csrf")) {
        return Ok(form);
    }
    let said = parts.headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    let ours = said.then_some(form);
    Err(Refused { status: StatusCode::FORBIDDEN, message: NOT_MADE_HERE, ours })
}

/// Why a form was not read, for whom it came from.
pub(crate) fn unread(unread: Unread) -> (StatusCode, &'static str) {
    match unread {
        Unread::Kind => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "This is no form as browsers send it."),
        Unread::Large => {
            (StatusCode::PAYLOAD_TOO_LARGE, "This form is larger than 64 KiB, so nothing was changed.")
        }
        Unread::NoText => (
            StatusCode::BAD_REQUEST,
            "A field of this form is no text as browsers send it (UTF-8), so nothing was changed.",
        ),
        Unread::Lost => (
            StatusCode::REQUEST_TIMEOUT,
            "The form did not arrive whole, so nothing was changed. Send it again.",
        ),
    }
}

/// Runs a form at most once, when it says which it is: sent twice, it leads to where it led first.
fn run_once<T: Target>(
    house: &Dashboard,
    operation: Operation,
    handler: Handler<T>,
    mut visitor: Visitor,
    asked: &Asked,
    first: Option<T::Proof>,
) -> Answer {
    let once: String = asked.form.get("once").chars().take(ONCE_MAX).collect();
    if once.is_empty() {
        return run::<T>(house, operation, handler, visitor, asked, first);
    }
    let key = RequestKey {
        principal: visitor.caller.actor.id.clone(),
        method: Method::Post.as_str().to_owned(),
        path: asked.path.clone(),
        key: Digest::of(once.as_bytes()).to_hex(),
    };
    let fields: Vec<(&str, &str)> = asked.form.fields().filter(|(name, _)| *name != "csrf").collect();
    let body = Digest::of(serde_urlencoded::to_string(&fields).unwrap_or_default().as_bytes());
    match house.plane.once(key.clone(), &body) {
        Ok(Once::Replay(replay)) if replay.answer.starts_with('/') => {
            Answer::see(replay.answer).saying("This form had been sent before: it was carried out once.")
        }
        Ok(Once::Replay(_)) => {
            let message = "This form had been sent before and was carried out then. What it made is shown only once; \
                go to the list to find it.";
            problem::problem(
                house,
                asked,
                around(house, &visitor, asked),
                StatusCode::CONFLICT,
                message,
                None,
            )
        }
        Ok(Once::New(claim)) => {
            visitor.caller.once = Some((key, body));
            let answer = run::<T>(house, operation, handler, visitor, asked, first);
            if answer.status.is_success() || answer.status.is_redirection() {
                let leads_to = answer.leads_to().unwrap_or_default().to_owned();
                if let Err(error) = claim.answered(answer.status.as_u16(), leads_to) {
                    tracing::error!(%error, "where a form led could not be kept");
                }
            }
            answer
        }
        Err(error) => problem::error(house, asked, around(house, &visitor, asked), &error),
    }
}

/// Decides and runs a handler; again when what was decided on has changed meanwhile.
pub(crate) fn run<T: Target>(
    house: &Dashboard,
    operation: Operation,
    handler: Handler<T>,
    mut visitor: Visitor,
    asked: &Asked,
    mut first: Option<T::Proof>,
) -> Answer {
    let fail =
        |visitor: &Visitor, error: &Error| problem::error(house, asked, around(house, visitor, asked), error);
    for _ in 0..TRIES_MAX {
        let decided =
            first.take().map_or_else(|| T::authorize(&house.plane, &visitor.caller, operation, asked), Ok);
        let proof = match decided {
            Ok(proof) => proof,
            Err(error) => return fail(&visitor, &error),
        };
        let visit = Visit { house, visitor: &visitor, caller: &visitor.caller, asked };
        match handler(&visit, proof) {
            Ok(answer) => return answer,
            // What was decided on has changed, or what the viewer may.
            Err(Error::Changed) => {}
            Err(error) => return fail(&visitor, &error),
        }
        match house.plane.renewed(&visitor.caller) {
            Ok(Some(renewed)) => visitor.caller = renewed,
            Ok(None) => return Answer::see("/login"),
            Err(error) => return fail(&visitor, &error),
        }
    }
    fail(&visitor, &Error::Changed)
}
