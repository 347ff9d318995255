//! What goes over a socket: lines of JSON.

use std::io::{Error, ErrorKind, Result};
use std::net::IpAddr;
use std::time::Duration;

use bough_model::PasswordId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// Longest exchange, in time. A park lasts longer; only its answers are held to this.
pub(crate) const EXCHANGE_LIMIT: Duration = Duration::from_secs(8);
/// Longest question, in bytes.
pub(crate) const QUESTION_MAX_BYTES: u64 = 1024;
/// Longest answer, in bytes.
pub(crate) const ANSWER_MAX_BYTES: u64 = 1 << 20;
/// Most clients that are told of in an answer: so many lines of at most a hundred bytes fit.
pub(crate) const CLIENTS_MAX: usize = 10_000;

/// What a gateway process can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// To end a client, or what it runs, for another one of this branch and role.
    Kill { client: u32, only_query: bool, branch: String, role: String },
    /// Where the clients of a branch are.
    Clients { branch: String },
    /// Its figures.
    Figures,
    /// To keep a branch parked as long as this connection lasts, and no longer than so.
    Park { branch: String, limit_ms: u64 },
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Killed,
    Unknown,
    NotYours,
    Clients(Vec<ClientPlace>),
    /// By name.
    Figures(Vec<(String, u64)>),
    /// It has begun to park, and `Parked` or `Busy` follows.
    Parking,
    /// Every session stands.
    Parked,
    /// So many sessions did not come to stand.
    Busy(usize),
    /// The question makes no sense to it: it may be of another version.
    NotUnderstood,
}

/// Where a client of a branch is, and how it came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientPlace {
    /// The number of its session on the branch's server.
    pub thread: u32,
    /// Its address.
    pub address: IpAddr,
    /// The password that it came with. A process of an earlier version does not tell.
    #[serde(default, with = "password_id")]
    pub password: Option<PasswordId>,
}

/// A password's id as its text. What is none is taken for not told.
mod password_id {
    use bough_model::PasswordId;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(id: &Option<PasswordId>, to: S) -> Result<S::Ok, S::Error> {
        id.as_ref().map(PasswordId::as_str).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PasswordId>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        Ok(text.as_deref().and_then(PasswordId::parse))
    }
}

/// A connection on which lines are read and written.
pub(crate) struct Lines(BufReader<UnixStream>);

impl Lines {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self(BufReader::new(stream))
    }

    pub(crate) async fn read<T: DeserializeOwned>(&mut self, max_bytes: u64) -> Result<T> {
        let mut line = String::new();
        (&mut self.0).take(max_bytes).read_line(&mut line).await?;
        if !line.ends_with('\n') {
            return Err(Error::new(ErrorKind::UnexpectedEof, "no whole line"));
        }
        serde_json::from_str(&line).map_err(|error| Error::new(ErrorKind::InvalidData, error))
    }

    pub(crate) async fn write(&mut self, line: &impl Serialize) -> Result<()> {
        let line = serde_json::to_string(line)? + "\n";
        self.0.get_mut().write_all(line.as_bytes()).await
    }

    /// Resolves when the other side has ended the connection. It has nothing more to say.
    pub(crate) async fn ended(&mut self) {
        let mut byte = [0];
        let _ = self.0.read(&mut byte).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_version_does_not_tell_is_not_known() {
        let told = |line: &str| serde_json::from_str::<ClientPlace>(line).expect("it is understood").password;
        assert_eq!(told(r#"{"thread":7,"address":"::1"}"#), None);
        assert_eq!(told(r#"{"thread":7,"address":"::1","password":"no id"}"#), None);
        let place = ClientPlace {
            thread: u32::MAX,
            address: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().expect("an address"),
            password: PasswordId::parse("abcdefghijkl"),
        };
        let line = serde_json::to_string(&place).expect("a line");
        assert!(line.len() < 100, "so many clients fit into an answer as may stand there: {line}");
        assert_eq!(told(&line), place.password);
    }
}
