//! HTTP byte by byte: for requests that no proper client would send, for many at little cost, and for
//! looking at answers as they come over the wire.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Largest header of an answer, in bytes.
const HEAD_MAX_BYTES: usize = 64 * 1024;

/// A request, exactly as it is to be sent.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers; `Host` and the body's length are added unless they stand here.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
}

impl Raw {
    /// A request without a body.
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), ..Self::default() }
    }

    /// The same with another header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string().into_bytes());
        self.header("content-type", "application/json")
    }

    fn has(&self, wanted: &str) -> bool {
        self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted))
    }

    /// What goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        if !self.has("host") {
            bytes.extend_from_slice(b"host: bough\r\n");
        }
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if let Some(body) = &self.body
            && !self.has("content-length")
            && !self.has("transfer-encoding")
        {
            bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// An answer as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAnswer {
    /// Its status.
    pub status: u16,
    /// Status line and headers, byte by byte, without the empty line.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl RawAnswer {
    /// Its headers, names in lower case, in the order in which they came.
    pub fn headers(&self) -> impl Iterator<Item = (String, &str)> {
        self.head.lines().skip(1).filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim()))
        })
    }

    /// A header.
    pub fn header(&self, wanted: &str) -> Option<&str> {
        self.headers().find(|(name, _)| name == wanted).map(|(_, value)| value)
    }

    /// Its body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Its body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn ends_connection(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// A connection.
pub struct Wire {
    address: SocketAddr,
    limit: Duration,
    stream: Option<TcpStream>,
    unread: Vec<u8>,
}

impl Wire {
    /// Connections to `base`, such as `http://127.0.0.1:1234`; each wait ends after `limit`.
    ///
    /// # Panics
    /// When `base` is no such address.
    pub fn to(base: &str, limit: Duration) -> Self {
        let address = base.trim_start_matches("http://").parse().expect("an address and a port");
        Self { address, limit, stream: None, unread: Vec::new() }
    }

    fn stream(&mut self) -> Result<&mut TcpStream, String> {
        if self.stream.is_none() {
            let failed = |error: std::io::Error| format!("no connection: {error}");
            let stream = TcpStream::connect_timeout(&self.address, self.limit).map_err(failed)?;
            stream.set_read_timeout(Some(self.limit)).map_err(failed)?;
            stream.set_write_timeout(Some(self.limit)).map_err(failed)?;
            stream.set_nodelay(true).map_err(failed)?;
            self.unread.clear();
            self.stream = Some(stream);
        }
        self.stream.as_mut().ok_or_else(|| "no connection".to_owned())
    }

    /// Sends bytes and does not wait for an answer.
    ///
    /// # Errors
    /// When they cannot be sent.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream()?.write_all(bytes).map_err(|error| format!("not sent: {error}"))
    }

    fn more(&mut self) -> Result<bool, String> {
        let mut part = [0; 16 * 1024];
        match self.stream()?.read(&mut part) {
            Ok(0) => Ok(false),
            Ok(read) => {
                self.unread.extend_from_slice(&part[..read]);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(format!("no answer: {error}")),
        }
    }

    /// Reads one answer. One to a HEAD has no body.
    ///
    /// # Errors
    /// When none comes, or one that is not whole.
    pub fn answer(&mut self, to_head: bool) -> Result<RawAnswer, String> {
        let ends = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if self.unread.len() > HEAD_MAX_BYTES {
                return Err("the answer's header does not end".to_owned());
            }
            if !self.more()? {
                self.stream = None;
                return Err("the connection ended before an answer".to_owned());
            }
        };
        let head = String::from_utf8_lossy(&self.unread[..ends]).into_owned();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status: u16 = status.ok_or_else(|| format!("no status in {head:?}"))?;
        self.unread.drain(..ends + 4);
        let mut answer = RawAnswer { status, head, body: Vec::new() };
        let length = answer.header("content-length").map(str::parse::<usize>);
        let length = match length {
            _ if to_head || status == 204 || status < 200 => 0,
            Some(Ok(length)) => length,
            other => return Err(format!("a body of unknown length ({other:?}): {:?}", answer.head)),
        };
        while self.unread.len() < length {
            if !self.more()? {
                return Err(format!("the body broke off after {} of {length} bytes", self.unread.len()));
            }
        }
        answer.body = self.unread.drain(..length).collect();
        if answer.ends_connection() {
            self.stream = None;
        }
        Ok(answer)
    }

    /// Sends a request and reads its answer, once more on a new connection when a kept one had ended.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub fn ask(&mut self, request: &Raw) -> Result<RawAnswer, String> {
        let kept = self.stream.is_some();
        let to_head = request.method == "HEAD";
        let bytes = request.bytes();
        let first = self.send(&bytes);
        let first = first.and_then(|()| self.answer(to_head));
        match first {
            Err(_) if kept => {
                self.stream = None;
                self.send(&bytes)?;
                self.answer(to_head)
            }
            other => other,
        }
    }

    /// Ends the connection; the next request makes another one.
    pub fn end(&mut self) {
        self.stream = None;
    }

    /// The connection itself, to be held or misused.
    ///
    /// # Errors
    /// When there is none and none can be made.
    pub fn take(mut self) -> Result<TcpStream, String> {
        self.stream()?;
        self.stream.take().ok_or_else(|| "no connection".to_owned())
    }
}
