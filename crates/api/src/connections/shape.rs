//! Shapes of connections (contract: cli-endpoints.md, live connections). What the server does not tell is null.

use std::net::IpAddr;

use bough_control::connections::{ClientSession, Connections as Open, Running, Transaction};
use bough_control::model::{BranchId, PasswordId};
use bough_policy::{BranchAt, Granted};
use schemars::JsonSchema;
use serde::Serialize;

use crate::shape::{Time, time};

/// What clients have open on a branch.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Connections<'a> {
    /// `list`
    r#type: &'static str,
    /// `mysql`
    database_kind: &'static str,
    /// When it was looked at.
    captured_at: Time,
    /// The branch's one server.
    instances: [Instance<'a>; 1],
    topology: Topology<'a>,
    /// One item for each connection.
    data: Vec<Connection<'a>>,
}

/// A server of a branch.
#[derive(Serialize, JsonSchema)]
struct Instance<'a> {
    /// The branch's id.
    id: &'a str,
    /// `primary`
    role: &'static str,
}

/// Where that is, in the words of Vitess.
#[derive(Serialize, JsonSchema)]
struct Topology<'a> {
    /// The branch's SQL schema.
    keyspace: &'a str,
    /// `-`
    shard: &'static str,
    /// The branch's id.
    tablet: &'a str,
}

/// A connection.
#[derive(Serialize, JsonSchema)]
struct Connection<'a> {
    /// The server's own number for it.
    pid: u64,
    /// The branch's id.
    instance: &'a str,
    /// The SQL schema that it uses.
    datname: Option<&'a str>,
    /// The account of its role.
    usename: &'static str,
    application_name: Option<()>,
    /// Where its client is; null where no gateway of the host tells.
    client_addr: Option<IpAddr>,
    /// What the server is doing for it.
    state: &'a str,
    wait_event_type: Option<()>,
    /// How far that is.
    wait_event: Option<&'a str>,
    /// `client backend`
    backend_type: &'static str,
    /// When its transaction began.
    xact_start: Option<Time>,
    /// When its statement began.
    query_start: Option<Time>,
    /// What to end it by.
    connection_id: String,
    /// What to end its transaction by; null as long as that only reads.
    transaction_id: Option<String>,
    /// What to end its statement by.
    query_id: Option<String>,
    /// For how long it has been doing what it does.
    duration_ms: u64,
    /// The numbers of the connections that hold what it waits for.
    blocked_by: &'a [u64],
    /// Its statement, cut after 1,024 characters.
    query_text: Option<&'a str>,
    /// Ours: the role that it is in.
    role: &'static str,
    /// Ours: the password that its client came with; null where no gateway of the host tells.
    password_id: Option<&'a str>,
}

impl<'a> Connections<'a> {
    pub(crate) fn new(at: &'a Granted<BranchAt>, open: &'a Open) -> Self {
        let branch = &at.at().branch;
        Self {
            r#type: "list",
            database_kind: "mysql",
            captured_at: Time(open.captured_at),
            instances: [Instance { id: branch.as_str(), role: "primary" }],
            topology: Topology { keyspace: &open.keyspace, shard: "-", tablet: branch.as_str() },
            data: open.sessions.iter().map(|session| Connection::new(branch, open, session)).collect(),
        }
    }
}

impl<'a> Connection<'a> {
    fn new(branch: &'a BranchId, open: &'a Open, session: &'a ClientSession) -> Self {
        let since = open.captured_at.minus(std::time::Duration::from_millis(session.elapsed_ms));
        let client = open.clients.get(&session.id);
        let (statement, transaction) = (session.statement.as_ref(), session.transaction.as_ref());
        Self {
            pid: session.id,
            instance: branch.as_str(),
            datname: session.schema.as_deref(),
            usename: session.role.account(),
            application_name: None,
            client_addr: client.map(|client| client.address),
            state: &session.command,
            wait_event_type: None,
            wait_event: session.state.as_deref(),
            backend_type: "client backend",
            xact_start: time(transaction.map(|Transaction { since, .. }| *since)),
            query_start: statement.map(|_| Time(since)),
            connection_id: session.id.to_string(),
            transaction_id: transaction.and_then(|transaction| transaction.id).map(|id| id.to_string()),
            query_id: statement.map(|Running { id, .. }| id.to_string()),
            duration_ms: session.elapsed_ms,
            blocked_by: &session.blocked_by,
            query_text: statement.map(|running| running.text.as_str()),
            role: session.role.as_str(),
            password_id: client.and_then(|client| client.password.as_ref()).map(PasswordId::as_str),
        }
    }
}
