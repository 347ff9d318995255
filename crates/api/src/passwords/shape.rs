//! Shapes of passwords (contract: objects/DatabaseBranchPassword.fields.md, requests.md).

use std::collections::BTreeMap;

use bough_control::model::Secret;
use bough_control::passwords::{PasswordRow, connection_strings, is_expired};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dispatch::Ctx;
use crate::organizations::shape::RegionShape;
use crate::shape::{Actor, Time, time};

/// A branch's password: what MySQL clients log in with.
#[derive(Serialize, JsonSchema)]
#[allow(clippy::struct_excessive_bools, reason = "the contract's own shape")]
pub(crate) struct Password<'a> {
    /// Public id.
    id: &'a str,
    /// `Password`
    r#type: &'static str,
    /// Name.
    name: &'a str,
    /// `reader`, `writer`, `readwriter` or `admin`.
    role: &'static str,
    /// The address ranges that it may come from; null for any.
    cidrs: Option<Vec<String>>,
    /// When it was made.
    created_at: Time,
    deleted_at: Option<Time>,
    /// When it ends; null for never.
    expires_at: Option<Time>,
    /// When it was used last, to within a few seconds.
    last_used_at: Option<Time>,
    /// Whether it has ended.
    expired: bool,
    direct_vtgate: bool,
    direct_vtgate_addresses: [&'static str; 0],
    /// How many seconds it lives, each time that it is renewed; null for ever.
    ttl_seconds: Option<i64>,
    /// `host:port` for SQL over HTTP.
    access_host_url: &'a str,
    /// `host:port` for SQL over HTTP.
    access_host_regional_url: &'a str,
    access_host_regional_urls: [&'static str; 0],
    /// Who made it.
    actor: Actor<'a>,
    /// Where its branch runs.
    region: RegionShape<'a>,
    /// What to log in with. It alone says which branch is meant.
    username: &'a str,
    /// The secret; only in the answer to creation.
    plain_text: Option<&'a str>,
    replica: bool,
    /// Whether it can be renewed: it ends, or has ended not long ago.
    renewable: bool,
    /// The branch that it opens.
    database_branch: PasswordBranch<'a>,
    /// Ours: `host:port` for MySQL clients.
    mysql_address: &'a str,
    /// Ours: ready strings by the name of the client. But in the answer to creation, `PASSWORD` stands where
    /// the secret belongs.
    connection_strings: BTreeMap<&'static str, String>,
    /// Ours: whether a client made it for the time that it runs.
    ephemeral: bool,
}

/// The branch that a password opens.
#[derive(Serialize, JsonSchema)]
struct PasswordBranch<'a> {
    /// Name in paths.
    name: &'a str,
    /// Public id.
    id: &'a str,
    /// Whether it is a production branch.
    production: bool,
    /// `host:port` for MySQL clients.
    mysql_edge_address: &'a str,
    private_edge_connectivity: bool,
}

impl<'a> Password<'a> {
    pub(crate) fn new(ctx: &'a Ctx<'_>, row: &'a PasswordRow, secret: Option<&'a Secret<String>>) -> Self {
        let settings = ctx.plane().settings();
        let addresses = &settings.addresses;
        let strings = connection_strings(addresses, row, secret);
        Self {
            id: row.id.as_str(),
            r#type: "Password",
            name: &row.name,
            role: row.role.as_str(),
            cidrs: (!row.cidrs.is_any()).then(|| row.cidrs.to_texts()),
            created_at: Time(row.created_at),
            deleted_at: None,
            expires_at: time(row.expires_at),
            last_used_at: time(row.last_used_at),
            expired: is_expired(row, ctx.plane().now()),
            direct_vtgate: false,
            direct_vtgate_addresses: [],
            ttl_seconds: row.ttl_seconds,
            access_host_url: &addresses.data_http,
            access_host_regional_url: &addresses.data_http,
            access_host_regional_urls: [],
            actor: Actor::new(ctx, &row.actor),
            region: RegionShape::of(settings, &row.branch.region),
            username: row.username.as_str(),
            plain_text: secret.map(|secret| secret.expose().as_str()),
            replica: false,
            renewable: row.ttl_seconds.is_some(),
            database_branch: PasswordBranch {
                name: row.branch.name.as_str(),
                id: row.branch.id.as_str(),
                production: row.branch.production,
                mysql_edge_address: &addresses.mysql,
                private_edge_connectivity: false,
            },
            mysql_address: &addresses.mysql,
            connection_strings: strings.expose().iter().cloned().collect(),
            ephemeral: row.ephemeral,
        }
    }
}

/// A new password.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CreatePasswordBody {
    /// 1 to 200 characters, not unique; one is made when absent or empty.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// `reader`, `writer`, `readwriter` or `admin`, which is the default. It never changes.
    #[serde(default)]
    pub(crate) role: Option<String>,
    /// Seconds that it lives, at most ten years; absent or 0 for ever.
    #[serde(default)]
    pub(crate) ttl: Option<i64>,
    /// The addresses and ranges that it may come from, IPv4 and IPv6; none for any.
    #[serde(default)]
    pub(crate) cidrs: Option<Vec<String>>,
    /// There are no replicas here: true is refused.
    #[serde(default)]
    pub(crate) replica: Option<bool>,
    /// There are no read-only regions here: any is refused.
    #[serde(default)]
    pub(crate) read_only_region_id: Option<String>,
    /// There are no VTGates here: true is refused.
    #[serde(default)]
    pub(crate) direct_vtgate: Option<bool>,
    /// Ours: a secret of 32 characters, for tools that take no longer ones.
    #[serde(default)]
    pub(crate) short_secret: Option<bool>,
}

/// Changes to a password; what is absent stays as it is.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct UpdatePasswordBody {
    /// Another name.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// The addresses and ranges that it may come from; an empty list for any.
    #[serde(default)]
    pub(crate) cidrs: Option<Vec<String>>,
    /// As it is: a password's role never changes.
    #[serde(default)]
    pub(crate) role: Option<String>,
    /// Cannot be given afterwards.
    #[serde(default)]
    pub(crate) ttl: Option<i64>,
}
