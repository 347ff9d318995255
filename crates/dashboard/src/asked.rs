//! What a request asks for, as far as its head tells, and later its form.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{ConnectInfo, FromRequestParts as _, RawPathParams};
use axum::http::request::Parts;
use bough_control::model::{TokenPrefix, may_be_repeated};
use bough_control::place::Names;

use crate::cookies::{self, cookie};
use crate::form::Form;

/// Longest `User-Agent` that is kept, in characters.
const AGENT_MAX: usize = 200;

/// Whether nobody waits for the answer any more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Left(Arc<AtomicBool>);

impl Left {
    /// Whether it is so.
    pub(crate) fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// It is so from when this is dropped: with the request, when its connection ends.
    pub(crate) fn with_this(&self) -> WithThis {
        WithThis(self.clone())
    }
}

/// See [`Left::with_this`].
pub(crate) struct WithThis(Left);

impl Drop for WithThis {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// One request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// The path's parameters, decoded.
    pub(crate) params: Vec<(String, String)>,
    /// The query's parameters, decoded, in order.
    pub(crate) query: Vec<(String, String)>,
    /// The path, as it was asked for.
    pub(crate) path: String,
    /// Path and query.
    pub(crate) address: String,
    /// The form, where one was sent.
    pub(crate) form: Form,
    /// `light`, `dark`, or empty for the system's.
    pub(crate) theme: &'static str,
    /// What the last action did.
    pub(crate) notice: Option<(&'static str, String)>,
    /// The script asks for a part of a page.
    pub(crate) fragment: bool,
    /// The script asks for data.
    pub(crate) wants_json: bool,
    /// Where it comes from.
    pub(crate) remote_ip: Option<IpAddr>,
    /// The browser, as it names itself.
    pub(crate) agent: String,
    /// To find it again in log and audit log.
    pub(crate) request_id: String,
    /// Whether nobody waits for the answer any more.
    pub(crate) left: Left,
}

impl Asked {
    /// Reads the head; `None` when a parameter or the query is no text.
    pub(crate) async fn of(parts: &mut Parts, request_id: String) -> Option<Self> {
        let raw = RawPathParams::from_request_parts(parts, &()).await.ok()?;
        let params = raw.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let query = serde_urlencoded::from_str(parts.uri.query().unwrap_or("")).ok()?;
        Some(Self { params, query, ..Self::without_names(parts, request_id) })
    }

    /// Of a request whose path names nothing.
    pub(crate) fn without_names(parts: &Parts, request_id: String) -> Self {
        let headers = &parts.headers;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        let theme = cookie(headers, cookies::THEME).unwrap_or_default();
        let path = parts.uri.path().to_owned();
        Self {
            address: own_address(parts.uri.path_and_query().map_or("/", |path| path.as_str())).to_owned(),
            path,
            theme: ["light", "dark"].into_iter().find(|known| *known == theme).unwrap_or(""),
            notice: cookie(headers, cookies::NOTICE).and_then(|value| cookies::read_notice(&value)),
            fragment: !text("x-bough-fragment").is_empty(),
            wants_json: text("accept") == "application/json",
            remote_ip: parts
                .extensions
                .get::<ConnectInfo<SocketAddr>>()
                .map(|info| info.0.ip().to_canonical()),
            agent: text("user-agent").chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect(),
            request_id,
            ..Self::default()
        }
    }

    /// A parameter of the path; empty when the path has none of that name.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.name(name).unwrap_or("")
    }

    /// A parameter of the query, without blanks around it; empty when there is none.
    pub(crate) fn query(&self, name: &str) -> &str {
        self.query.iter().rev().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// All values of a repeated parameter of the query.
    pub(crate) fn query_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// The number of the page of a list that is asked for; what is no number is the first.
    pub(crate) fn page_number(&self) -> u32 {
        self.query("page").parse().ok().filter(|number| *number > 0).unwrap_or(1)
    }
}

impl Names for Asked {
    fn name(&self, kind: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == kind).map(|(_, value)| value.as_str())
    }

    fn path(&self) -> &str {
        &self.path
    }
}

/// An address of our own to go on to, or else `/`: nothing that leads elsewhere.
pub(crate) fn own_address(address: &str) -> &str {
    let own = address.starts_with('/')
        && !address.starts_with("//")
        && !address.contains('\\')
        && !address.chars().any(char::is_control)
        && address.len() <= 2_000
        && may_be_repeated(address, TokenPrefix::contract().as_str());
    if own { address } else { "/" }
}
