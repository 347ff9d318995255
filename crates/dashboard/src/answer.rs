//! Answers of pages: what is shown, where to go on, and the headers that keep a page to itself.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use bough_control::Error;
use serde_json::Value;

/// Nothing but our own stylesheet, script, pictures and forms; nothing inline; in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What is answered.
#[derive(Debug)]
enum Content {
    Html(String),
    Json(Value),
    /// A file to be kept: its kind, what it is called, what it is.
    File(&'static str, &'static str, String),
    /// Go on there, with a GET.
    See(String),
}

/// An answer on its way out.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    content: Content,
    cookies: Vec<String>,
    notice: Option<(&'static str, String)>,
}

fn rendered(template: &impl Template) -> Result<String, Error> {
    template.render().map_err(|error| Error::Internal(format!("a page could not be written: {error}")))
}

impl Answer {
    const fn new(status: StatusCode, content: Content) -> Self {
        Self { status, content, cookies: Vec::new(), notice: None }
    }

    /// A page, or a part of one.
    pub(crate) fn page(template: &impl Template) -> Result<Self, Error> {
        Self::page_with(StatusCode::OK, template)
    }

    /// A page with another status: a form that is shown again with what was wrong is 422.
    pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Result<Self, Error> {
        Ok(Self::new(status, Content::Html(rendered(template)?)))
    }

    /// What the script asks for.
    pub(crate) const fn json(value: Value) -> Self {
        Self::new(StatusCode::OK, Content::Json(value))
    }

    /// A file to be kept.
    pub(crate) const fn file(kind: &'static str, name: &'static str, text: String) -> Self {
        Self::new(StatusCode::OK, Content::File(kind, name, text))
    }

    /// Go on to an address of ours.
    pub(crate) fn see(address: impl Into<String>) -> Self {
        Self::new(StatusCode::SEE_OTHER, Content::See(address.into()))
    }

    /// Says on the next page what was done.
    pub(crate) fn saying(mut self, text: impl Into<String>) -> Self {
        self.notice = Some(("success", text.into()));
        self
    }

    /// Sets a cookie.
    pub(crate) fn with_cookie(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// The notice that the next page shall show.
    pub(crate) fn notice(&self) -> Option<(&'static str, &str)> {
        self.notice.as_ref().map(|(kind, text)| (*kind, text.as_str()))
    }

    /// The state that a live page is sent.
    pub(crate) const fn state(&self) -> Option<&Value> {
        match &self.content {
            Content::Json(value) => Some(value),
            _ => None,
        }
    }

    /// Where it leads.
    pub(crate) fn leads_to(&self) -> Option<&str> {
        match &self.content {
            Content::See(address) => Some(address),
            _ => None,
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let (kind, name, body) = match self.content {
            Content::Html(html) => ("text/html; charset=utf-8", None, Body::from(html)),
            Content::Json(value) => ("application/json", None, Body::from(value.to_string())),
            Content::File(kind, name, text) => (kind, Some(name), Body::from(text)),
            Content::See(ref address) => {
                let address = HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("/"));
                let mut response = Response::new(Body::empty());
                response.headers_mut().insert(header::LOCATION, address);
                return headed(response, self.status, self.cookies);
            }
        };
        let mut response = Response::new(body);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(name) = name.and_then(|name| format!("attachment; filename=\"{name}\"").parse().ok()) {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
        }
        headed(response, self.status, self.cookies)
    }
}

/// Puts on what every answer of the dashboard carries.
pub(crate) fn headed(
    mut response: Response<Body>,
    status: StatusCode,
    cookies: Vec<String>,
) -> Response<Body> {
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for cookie in cookies {
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    response
}
