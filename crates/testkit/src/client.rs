//! An actor: somebody with a credential, or none, who calls the API over HTTP.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;

/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(60);

/// Somebody who calls.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    authorization: Option<String>,
    organization: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body as text.
    pub text: String,
    /// Its body as JSON; null when it is none.
    pub json: Value,
}

impl Answer {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Fails the test unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// A text in the body, by JSON pointer.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn str(&self, pointer: &str) -> &str {
        self.json
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("{pointer} in {}", self.text))
    }

    /// The items of a list.
    ///
    /// # Panics
    /// When it is no list.
    #[track_caller]
    pub fn data(&self) -> &[Value] {
        self.json["data"].as_array().unwrap_or_else(|| panic!("no data in {}", self.text))
    }
}

impl Client {
    pub(crate) fn new(base: &str, organization: &str, authorization: Option<String>) -> Self {
        // Where an answer leads is for whoever asked to see.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(LIMIT))
            .build();
        Self {
            agent: config.into(),
            base: base.to_owned(),
            authorization,
            organization: organization.to_owned(),
        }
    }

    /// The same with another value of the header `Authorization`.
    pub fn with_authorization(&self, value: Option<&str>) -> Self {
        Self { authorization: value.map(str::to_owned), ..self.clone() }
    }

    /// The same within another organization.
    pub fn within(&self, organization: &str) -> Self {
        Self { organization: organization.to_owned(), ..self.clone() }
    }

    /// A path below the organization, such as `/databases`.
    pub fn org(&self, path: &str) -> String {
        format!("/v1/organizations/{}{path}", self.organization)
    }

    /// Sends a request. A path that does not begin with `/v1` or another root is not changed.
    ///
    /// # Panics
    /// When no answer comes.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        self.try_send(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// As [`Client::send`], to somebody who may end before he answers.
    ///
    /// # Errors
    /// Why no whole answer came.
    ///
    /// # Panics
    /// When the request itself cannot be.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(value) = &self.authorization {
            request = request.header("authorization", value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match body {
            None => self.agent.run(request.body(()).expect("a request")),
            Some(body) => {
                let request = request.body(body.to_vec()).expect("a request");
                // Bodies go with every method: the official clients send one with DELETE.
                let request = self.agent.configure_request(request).allow_non_standard_methods(true).build();
                self.agent.run(request)
            }
        };
        let mut answer = sent.map_err(|error| error.to_string())?;
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, text, json })
    }

    /// GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    /// A request with a JSON body.
    #[track_caller]
    pub fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let bytes = body.to_string().into_bytes();
        self.send(method, path, &[("content-type", "application/json")], Some(&bytes))
    }

    /// POST with a JSON body.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, body)
    }

    /// PATCH with a JSON body.
    #[track_caller]
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.json("PATCH", path, body)
    }

    /// PUT with a JSON body.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.json("PUT", path, body)
    }

    /// DELETE without a body.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], None)
    }
}
