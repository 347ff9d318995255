//! The way of every request: size, credential, rate, locate, decide, and only then the body; then
//! one handler, and its answer. Who may not know of a thing gets the 404 whatever the body holds.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts as _, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Request, Response, StatusCode, Uri, header};
use bough_control::figures::Counter;
use bough_control::model::{ActorKind, ActorRef, Digest, mask};
use bough_control::place::{MayMakeBranch, Target};
use bough_control::{Authenticated, Caller, Error, Once, RequestKey};
use bough_policy::{AccessSet, Granted, Method, Operation, Place, Principal, Rule};

use crate::Api;
use crate::authenticate::{authenticate, credential_needed};
use crate::body;
use crate::input::Input;
use crate::rate::{Counted, Standing};
use crate::refused::record;
use crate::respond::{self, Reply, refuse};

/// Largest header, in bytes, names and values together.
const HEADERS_MAX_BYTES: usize = 32 * 1024;
/// Longest address of a request, in bytes, path and query together.
const URI_MAX_BYTES: usize = 8 * 1024;
/// Tries when what was decided on keeps changing.
const TRIES_MAX: usize = 5;
/// Longest `Idempotency-Key`, in bytes.
const KEY_MAX_BYTES: usize = 255;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a handler works with.
pub(crate) struct Ctx<'a> {
    pub(crate) api: &'a Api,
    pub(crate) caller: &'a Caller,
    pub(crate) input: &'a Input,
}

impl Ctx<'_> {
    pub(crate) fn plane(&self) -> &bough_control::ControlPlane {
        &self.api.plane
    }

    pub(crate) fn public_url(&self) -> &str {
        &self.api.plane.settings().addresses.public_url
    }

    /// The organization's name, as the path has it.
    pub(crate) fn organization(&self) -> &str {
        self.input.param("organization")
    }

    /// The database's name or id, as the path has it.
    pub(crate) fn database(&self) -> &str {
        self.input.param("database")
    }
}

/// A handler: a decided place and a request, to an answer.
pub(crate) type Handler<T> = fn(&Ctx<'_>, <T as Target>::Proof) -> Result<Reply, Error>;

/// Where a handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    /// Right here: it only reads the store, which takes microseconds.
    Here,
    /// On a thread that may wait: it writes, or asks a branch server.
    Aside,
}

/// What is known of a request before its handler.
struct Arrival {
    request_id: Arc<str>,
    remote_ip: IpAddr,
    started: Instant,
    /// Where it is counted, once it is known whose it is.
    counter: Option<Arc<Counter>>,
}

impl Arrival {
    fn of(api: &Api, request: &Request<Body>) -> Self {
        let remote = request.extensions().get::<ConnectInfo<SocketAddr>>();
        Self {
            request_id: api.plane.fresh_request_id().into(),
            remote_ip: remote.map_or(IpAddr::from([0, 0, 0, 0]), |info| info.0.ip().to_canonical()),
            started: Instant::now(),
            counter: None,
        }
    }
}

fn uri_bytes(uri: &Uri) -> usize {
    uri.path_and_query().map_or(0, |path| path.as_str().len())
}

fn headers_size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Serves one operation.
pub(crate) async fn dispatch<T: Target<Proof: Proof>>(
    api: Arc<Api>,
    operation: Operation,
    runs: Runs,
    handler: Handler<T>,
    request: Request<Body>,
) -> Response<Body> {
    let mut arrival = Arrival::of(&api, &request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (mut parts, mut body) = request.into_parts();
    let (reply, who) = match admit(&api, &arrival, &parts.headers, uri_bytes(&parts.uri), operation) {
        Err(refused) => (*refused, None),
        Ok((caller, standing)) => {
            let actor = Arc::clone(&caller.actor);
            arrival.counter = caller.authenticated.as_ref().map(|who| Arc::clone(who.counter()));
            let remote_ip = arrival.remote_ip;
            // Whoever asks to wait must not hold up those who only ask.
            let at_once = |input: &Input| {
                runs == Runs::Here && operation.row().method == Method::Get && input.query("wait").is_none()
            };
            let reply = match read_head(&mut parts).await {
                Err(reply) => *reply,
                Ok(input) if at_once(&input) => serve_here::<T>(&api, operation, handler, &caller, &input),
                // In a box of its own: whatever is kept while it waits would else be moved about with each
                // request, also with those that never wait.
                Ok(input) => {
                    let headers = &parts.headers;
                    let serving = serve::<T>(
                        &api, operation, runs, handler, caller, input, remote_ip, headers, &mut body,
                    );
                    Box::pin(serving).await
                }
            };
            let reply = match standing {
                Some(standing) => standing.put(reply),
                None => reply,
            };
            (reply, Some(actor))
        }
    };
    finish(
        &api,
        operation.id(),
        &arrival,
        method.as_str(),
        &path,
        who.as_ref().map(|actor| actor.id.as_str()),
        reply,
    )
}

/// Serves what has no route: after the credential, the plain 404, or the 405.
pub(crate) async fn fallback(api: Arc<Api>, status: StatusCode, request: Request<Body>) -> Response<Body> {
    let arrival = Arrival::of(&api, &request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let admitted = match path.strip_prefix("/v1").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    {
        true => {
            let bytes = uri_bytes(request.uri());
            admit(&api, &arrival, request.headers(), bytes, Operation::ListOrganizations).map(|_| ())
        }
        false => Ok(()),
    };
    let reply = match admitted {
        Err(refused) => *refused,
        Ok(()) if status == StatusCode::METHOD_NOT_ALLOWED => {
            refuse(status, "method_not_allowed", format!("{method} is not served on this path"))
        }
        Ok(()) => respond::not_found(),
    };
    finish(&api, "none", &arrival, method.as_str(), &path, None, reply)
}

fn finish(
    api: &Api,
    operation: &'static str,
    arrival: &Arrival,
    method: &str,
    path: &str,
    actor: Option<&str>,
    reply: Reply,
) -> Response<Body> {
    let status = reply.status.as_u16();
    let took = arrival.started.elapsed();
    api.metrics.answered(operation, status, took);
    if let Some(counter) = &arrival.counter {
        api.plane.count_answer(counter, took);
    }
    tracing::info!(
        request_id = &*arrival.request_id,
        method,
        path = mask(path, api.plane.settings().token_prefix.as_str()),
        status,
        micros = took.as_micros(),
        actor,
        remote_ip = %arrival.remote_ip,
        "{operation} answered {status}"
    );
    reply.with_header(REQUEST_ID, &arrival.request_id).into_response()
}

/// Size of the header, credential, rate.
fn admit(
    api: &Api,
    arrival: &Arrival,
    headers: &HeaderMap,
    uri_bytes: usize,
    operation: Operation,
) -> Result<(Caller, Option<Standing>), Box<Reply>> {
    if headers_size(headers) > HEADERS_MAX_BYTES {
        let message = format!("the request's headers are larger than {HEADERS_MAX_BYTES} bytes");
        return Err(Box::new(refuse(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "request_header_fields_too_large",
            message,
        )));
    }
    if uri_bytes > URI_MAX_BYTES {
        let message = format!("the request's address is longer than {URI_MAX_BYTES} bytes");
        return Err(Box::new(refuse(StatusCode::URI_TOO_LONG, "uri_too_long", message)));
    }
    let who = authenticate(api, headers, arrival.remote_ip)?;
    if let Some(who) = &who {
        // Also when it is refused: a token that fails all day is not an unused one.
        api.plane.note_use(who, None, AccessSet::EMPTY);
    }
    let public = operation.row().rule == Rule::Public;
    let standing = match &who {
        Some(who) => api.rate.check(|| Counted::Principal(who.actor.id.clone()))?,
        None if public => api.rate.check(|| Counted::from(arrival.remote_ip))?,
        None => return Err(credential_needed(api, arrival.remote_ip)),
    };
    let as_of = who.as_ref().and_then(|who| who.as_of);
    Ok((Caller { as_of, ..caller(who, arrival) }, standing))
}

fn caller(who: Option<Authenticated>, arrival: &Arrival) -> Caller {
    let (principal, actor, authenticated) = match who {
        Some(who) => (Arc::clone(&who.principal), Arc::clone(&who.actor), Some(who)),
        None => {
            let nobody = Principal::nobody();
            let actor = ActorRef {
                kind: ActorKind::System,
                id: "nobody".to_owned(),
                display_name: "nobody".to_owned(),
            };
            (Arc::new(nobody), Arc::new(actor), None)
        }
    };
    Caller {
        principal,
        actor,
        remote_ip: Some(arrival.remote_ip),
        request_id: Some(Arc::clone(&arrival.request_id)),
        once: None,
        as_of: None,
        authenticated,
        session: None,
    }
}

/// Serves what neither has a body nor waits for anything.
fn serve_here<T: Target<Proof: Proof>>(
    api: &Api,
    operation: Operation,
    handler: Handler<T>,
    caller: &Caller,
    input: &Input,
) -> Reply {
    match T::authorize(&api.plane, caller, operation, input) {
        Ok(proof) => run::<T>(api, operation, handler, caller, input, Some(proof)),
        Err(error) => answer_error(api, caller, input, &error),
    }
}

#[allow(clippy::too_many_arguments, reason = "all of one request, in one place")]
async fn serve<T: Target<Proof: Proof>>(
    api: &Arc<Api>,
    operation: Operation,
    runs: Runs,
    handler: Handler<T>,
    mut caller: Caller,
    mut input: Input,
    remote_ip: IpAddr,
    headers: &HeaderMap,
    body: &mut Body,
) -> Reply {
    // Time passes from here on: each step looks anew at the store. Decided before the body is read, and
    // again with it.
    caller.as_of = None;
    let first = match T::authorize(&api.plane, &caller, operation, &input) {
        Ok(proof) => proof,
        Err(error) => return answer_error(api, &caller, &input, &error),
    };
    // Until it has been answered, what the body takes counts.
    let _room;
    if operation.row().method != Method::Get {
        (input.body, _room) = match body::read(&api.bodies, headers, body).await {
            Ok(read) => read,
            Err(reply) => return *reply,
        };
        // The body took its time: what has been revoked meanwhile counts as revoked.
        match authenticate(api, headers, remote_ip) {
            Ok(Some(who)) => {
                caller.principal = Arc::clone(&who.principal);
                caller.authenticated = Some(who);
            }
            Ok(None) => {}
            Err(reply) => return *reply,
        }
        if operation.row().method == Method::Post {
            match idempotency_key(headers, &caller, &input) {
                Ok(once) => caller.once = once,
                Err(reply) => return *reply,
            }
        }
    }
    // Whoever asks to wait must not hold up those who only ask.
    if runs == Runs::Here && input.query("wait").is_none() {
        return run::<T>(api, operation, handler, &caller, &input, Some(first));
    }
    let aside = Arc::clone(api);
    let work = move || {
        let first = (operation.row().method == Method::Get).then_some(first);
        run_once::<T>(&aside, operation, handler, &caller, &input, first)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(reply) => reply,
        Err(error) => {
            tracing::error!(%error, operation = operation.id(), "a handler panicked");
            respond::error(&Error::Internal("a handler panicked".to_owned()))
        }
    }
}

async fn read_head(parts: &mut Parts) -> Result<Input, Box<Reply>> {
    let Ok(raw) = RawPathParams::from_request_parts(parts, &()).await else {
        // A parameter that is not UTF-8 names nothing.
        return Err(Box::new(respond::not_found()));
    };
    let params = raw.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let query = parts.uri.query().unwrap_or("");
    let Ok(query) = serde_urlencoded::from_str(query) else {
        return Err(Box::new(refuse(StatusCode::BAD_REQUEST, "bad_request", "the query cannot be read")));
    };
    let if_match = parts.headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    Ok(Input {
        params,
        query,
        path: parts.uri.path().to_owned(),
        body: Vec::new(),
        if_match: if_match.map(str::to_owned),
    })
}

fn idempotency_key(
    headers: &HeaderMap,
    caller: &Caller,
    input: &Input,
) -> Result<Option<(RequestKey, Digest)>, Box<Reply>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or("");
    if text.is_empty() || text.len() > KEY_MAX_BYTES {
        let message = format!("Idempotency-Key must have 1 to {KEY_MAX_BYTES} visible ASCII characters");
        return Err(Box::new(refuse(StatusCode::BAD_REQUEST, "bad_request", message)));
    }
    let key = RequestKey {
        principal: caller.actor.id.clone(),
        method: Method::Post.as_str().to_owned(),
        path: input.path.clone(),
        // What somebody wrote there is not kept, only that it was the same.
        key: Digest::of(text.as_bytes()).to_hex(),
    };
    Ok(Some((key, Digest::of(&input.body))))
}

/// Runs a handler, at most once for requests that ask for that.
fn run_once<T: Target<Proof: Proof>>(
    api: &Api,
    operation: Operation,
    handler: Handler<T>,
    caller: &Caller,
    input: &Input,
    first: Option<T::Proof>,
) -> Reply {
    let Some((key, body)) = caller.once.clone() else {
        return run::<T>(api, operation, handler, caller, input, first);
    };
    match api.plane.once(key, &body) {
        Err(error) => answer_error(api, caller, input, &error),
        Ok(Once::Replay(replay)) => {
            let status = StatusCode::from_u16(replay.status).unwrap_or(StatusCode::OK);
            let body = replay.answer.into_bytes();
            Reply { status, body, headers: Vec::new(), without_secrets: None }
                .with_header(HeaderName::from_static("idempotent-replay"), "true")
        }
        Ok(Once::New(claim)) => {
            let reply = run::<T>(api, operation, handler, caller, input, first);
            if reply.status.is_success() {
                let kept = reply.without_secrets.as_ref().unwrap_or(&reply.body);
                let kept = String::from_utf8_lossy(kept).into_owned();
                if let Err(error) = claim.answered(reply.status.as_u16(), kept) {
                    tracing::error!(%error, "an answer could not be kept for its Idempotency-Key");
                }
            }
            reply
        }
    }
}

/// Decides and runs a handler; again when what was decided on has changed meanwhile.
fn run<T: Target<Proof: Proof>>(
    api: &Api,
    operation: Operation,
    handler: Handler<T>,
    caller: &Caller,
    input: &Input,
    mut first: Option<T::Proof>,
) -> Reply {
    let mut caller = caller.clone();
    for _ in 0..TRIES_MAX {
        let proof = match first.take().map_or_else(|| T::authorize(&api.plane, &caller, operation, input), Ok)
        {
            Ok(proof) => proof,
            Err(error) => return answer_error(api, &caller, input, &error),
        };
        proof_used::<T>(api, &caller, &proof);
        match handler(&Ctx { api, caller: &caller, input }, proof) {
            Ok(reply) => return reply,
            // What was decided on has changed, or what the caller may.
            Err(Error::Changed) => {}
            Err(error) => return answer_error(api, &caller, input, &error),
        }
        caller = match api.plane.renewed(&caller) {
            Ok(Some(renewed)) => renewed,
            Ok(None) => return respond::unauthorized("This service token is not valid any more."),
            Err(error) => return answer_error(api, &caller, input, &error),
        };
    }
    answer_error(api, &caller, input, &Error::Changed)
}

fn answer_error(api: &Api, caller: &Caller, input: &Input, error: &Error) -> Reply {
    if let (Error::Refused(_) | Error::Forbidden(_), Some(who)) = (error, &caller.authenticated) {
        api.plane.count_refusal(who);
    }
    if let Error::Refused(denied) = error {
        record(&api.plane, caller, input, denied);
    }
    if let Error::Internal(detail) = error {
        tracing::error!(request_id = caller.request_id.as_deref(), detail, "a request failed");
    }
    if let Error::Unavailable(detail) = error {
        tracing::warn!(
            request_id = caller.request_id.as_deref(),
            detail,
            "a request could not be served now"
        );
    }
    respond::error(error)
}

/// Proofs say what they made use of.
pub(crate) trait Proof {
    fn note(&self, api: &Api, who: &Authenticated);
}

impl<P: Place> Proof for Granted<P> {
    fn note(&self, api: &Api, who: &Authenticated) {
        // What depends on the body is noted once that has been read.
        if !self.is_coarse() {
            api.plane.note_use(who, self.at().scope().database, self.used());
        }
    }
}

impl Proof for MayMakeBranch {
    fn note(&self, api: &Api, who: &Authenticated) {
        match self {
            Self::Existing(granted) => granted.note(api, who),
            Self::WithDatabase(granted) => granted.note(api, who),
        }
    }
}

fn proof_used<T: Target<Proof: Proof>>(api: &Api, caller: &Caller, proof: &T::Proof) {
    if let Some(who) = &caller.authenticated {
        proof.note(api, who);
    }
}
