//! Shapes of service tokens (contract: objects/ServiceToken, ServiceTokenAccess, ServiceTokenGrant;
//! ours: RULES on additions).

use bough_control::denials::DenialRow;
use bough_control::model::{ActorKind, Timestamp};
use bough_control::organizations::OrganizationRow;
use bough_control::service_tokens::{Explanation, GrantRow, TokenRow};
use bough_policy::GrantScope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dispatch::Ctx;
use crate::shape::{ResourceRef, Time, avatar_url, given, time};

/// A service token.
#[derive(Clone, Serialize, JsonSchema)]
pub(crate) struct ServiceToken {
    /// Public id: the first half of the `Authorization` value.
    id: String,
    /// `ServiceToken`
    r#type: &'static str,
    /// Name.
    name: Option<String>,
    /// Name for display.
    display_name: String,
    /// The secret; only in the answer to creation and rotation.
    token: Option<String>,
    plain_text_refresh_token: Option<String>,
    /// A picture.
    avatar_url: String,
    /// When it was made.
    created_at: Time,
    /// When it was changed last.
    updated_at: Time,
    /// When it ends; null for never.
    expires_at: Option<Time>,
    /// When it was used last, to within a minute.
    last_used_at: Option<Time>,
    /// Who made it.
    actor_id: String,
    /// His name.
    actor_display_name: String,
    /// His kind.
    actor_type: &'static str,
    oauth_accesses_by_resource: Option<()>,
    /// Ours: the address ranges that it may come from; empty for any.
    cidrs: Vec<String>,
    /// Ours: the token that made it and that it ends with.
    parent_token_id: Option<String>,
    /// Ours: until when the secret before the last rotation works.
    previous_token_valid_until: Option<Time>,
}

/// A service token with what it holds.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ServiceTokenWithAccesses {
    #[serde(flatten)]
    pub(crate) token: ServiceToken,
    /// What it holds.
    pub(crate) service_token_accesses: Vec<AccessShape>,
}

impl ServiceToken {
    /// The same with its secret in it.
    pub(crate) fn with_secret(self, secret: &str) -> Self {
        Self { token: Some(secret.to_owned()), ..self }
    }

    pub(crate) fn new(ctx: &Ctx<'_>, row: &TokenRow) -> Self {
        let display_name = row.name.clone().unwrap_or_else(|| row.id.to_string());
        Self {
            id: row.id.to_string(),
            r#type: "ServiceToken",
            name: row.name.clone(),
            display_name,
            token: None,
            plain_text_refresh_token: None,
            avatar_url: avatar_url(ctx, ActorKind::ServiceToken, row.id.as_str()),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
            expires_at: time(row.expires_at),
            last_used_at: time(row.last_used_at),
            actor_id: row.creator.id.clone(),
            actor_display_name: row.creator.display_name.clone(),
            actor_type: row.creator.kind.as_str(),
            oauth_accesses_by_resource: None,
            cidrs: row.cidrs.to_texts(),
            parent_token_id: row.parent.as_ref().map(ToString::to_string),
            previous_token_valid_until: time(row.previous_until),
        }
    }
}

/// What grants are held on.
struct Resource {
    id: String,
    name: String,
    kind: &'static str,
    all_databases: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn resource(organization: &OrganizationRow, row: &GrantRow) -> Resource {
    match (&row.scope, &row.database) {
        (GrantScope::Database(id), Some(database)) => Resource {
            id: id.to_string(),
            name: database.name.to_string(),
            kind: "Database",
            all_databases: false,
            created_at: database.created_at,
            updated_at: database.updated_at,
        },
        (scope, _) => Resource {
            id: organization.id.to_string(),
            name: organization.name.to_string(),
            kind: "Organization",
            all_databases: *scope == GrantScope::AllDatabases,
            created_at: organization.created_at,
            updated_at: organization.updated_at,
        },
    }
}

/// One access that a token holds.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AccessShape {
    /// The id of this grant.
    id: String,
    /// `DatabaseAccess` or `OrganizationAccess`.
    r#type: &'static str,
    /// The access.
    access: &'static str,
    /// What it lets the token do.
    description: &'static str,
    /// The name of what it is held on.
    resource_name: String,
    /// Its id.
    resource_id: String,
    /// `Organization` or `Database`.
    resource_type: &'static str,
    /// Ours: whether it is held on all current and future databases.
    all_databases: bool,
    /// What it is held on.
    resource: ResourceRef,
}

impl AccessShape {
    pub(crate) fn new(organization: &OrganizationRow, row: &GrantRow) -> Self {
        let resource = resource(organization, row);
        Self {
            id: row.id.to_string(),
            r#type: match row.scope {
                GrantScope::Organization => "OrganizationAccess",
                _ => "DatabaseAccess",
            },
            access: row.access.name(),
            description: row.access.description(),
            resource_name: resource.name.clone(),
            resource_id: resource.id.clone(),
            resource_type: resource.kind,
            all_databases: resource.all_databases,
            resource: ResourceRef {
                id: resource.id,
                r#type: resource.kind,
                name: resource.name,
                created_at: Time(resource.created_at),
                updated_at: Time(resource.updated_at),
                deleted_at: None,
            },
        }
    }
}

/// All that a token holds on one resource.
#[derive(Serialize, JsonSchema)]
pub(crate) struct GrantShape {
    /// The id of the grant.
    id: String,
    /// `ServiceTokenGrant`
    r#type: &'static str,
    /// The name of what it is on.
    resource_name: String,
    /// `Organization` or `Database`.
    resource_type: &'static str,
    /// Its id.
    resource_id: String,
    /// Ours: whether it is on all current and future databases.
    all_databases: bool,
    /// What is held there.
    accesses: Vec<GrantedAccess>,
}

/// An access in words.
#[derive(Serialize, JsonSchema)]
pub(crate) struct GrantedAccess {
    /// The access.
    access: &'static str,
    /// What it lets the token do.
    description: &'static str,
}

impl GrantShape {
    /// Groups what is sorted by scope.
    pub(crate) fn group(organization: &OrganizationRow, rows: &[GrantRow]) -> Vec<Self> {
        rows.chunk_by(|a, b| a.scope == b.scope)
            .map(|rows| {
                let resource = resource(organization, &rows[0]);
                let accesses = rows.iter().map(|row| GrantedAccess {
                    access: row.access.name(),
                    description: row.access.description(),
                });
                Self {
                    id: rows[0].id.to_string(),
                    r#type: "ServiceTokenGrant",
                    resource_name: resource.name,
                    resource_type: resource.kind,
                    resource_id: resource.id,
                    all_databases: resource.all_databases,
                    accesses: accesses.collect(),
                }
            })
            .collect()
    }
}

/// A refusal of a token's request.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Denial {
    /// Public id.
    id: String,
    /// `ServiceTokenDenial`
    r#type: &'static str,
    /// The operation.
    operation: String,
    /// The request's method.
    method: String,
    /// The request's path; null where the reader may not see what it names.
    path: Option<String>,
    /// What it names, below the organization; null likewise.
    resource: Option<String>,
    /// The accesses of which any one would have been enough.
    missing: Vec<String>,
    /// How often.
    count: i64,
    /// The first time.
    first_at: Time,
    /// The last time.
    last_at: Time,
}

impl Denial {
    pub(crate) fn new(row: &DenialRow) -> Self {
        let shown = |text: &String| (!text.is_empty()).then(|| text.clone());
        Self {
            id: row.id.to_string(),
            r#type: "ServiceTokenDenial",
            operation: row.operation.clone(),
            method: row.method.clone(),
            path: shown(&row.path),
            resource: shown(&row.resource),
            missing: row.missing.clone(),
            count: row.count,
            first_at: Time(row.first_at),
            last_at: Time(row.last_at),
        }
    }
}

/// When an access was of use.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Usage {
    /// The access.
    access: &'static str,
    /// What it is held on.
    resource: UsageResource,
    /// Since when.
    granted_at: Time,
    /// When it was needed last, to within a minute; null for never.
    last_needed_at: Option<Time>,
}

/// What an access is held on.
#[derive(Serialize, JsonSchema)]
pub(crate) struct UsageResource {
    /// Public id.
    id: String,
    /// `Organization` or `Database`.
    r#type: &'static str,
    /// Name.
    name: String,
    /// Whether it is held on all current and future databases.
    all_databases: bool,
}

impl Usage {
    pub(crate) fn new(organization: &OrganizationRow, row: &GrantRow) -> Self {
        let resource = resource(organization, row);
        Self {
            access: row.access.name(),
            resource: UsageResource {
                id: resource.id,
                r#type: resource.kind,
                name: resource.name,
                all_databases: resource.all_databases,
            },
            granted_at: Time(row.granted_at),
            last_needed_at: time(row.last_needed_at),
        }
    }
}

/// What a token would meet.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExplanationShape {
    /// Whether it may.
    allowed: bool,
    /// The status of the refusal; null when it may.
    status: Option<u16>,
    /// The accesses of which any one would be enough.
    missing: Vec<&'static str>,
    /// Why, in words.
    because: String,
}

impl ExplanationShape {
    pub(crate) fn new(explanation: Explanation) -> Self {
        Self {
            allowed: explanation.allowed,
            status: explanation.refused_with,
            missing: explanation.missing,
            because: explanation.because,
        }
    }
}

/// A new token.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CreateTokenBody {
    /// 1 to 200 characters; need not be unique.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Seconds that it lives; 0 or absent: it never ends. At most ten years.
    #[serde(default)]
    #[schemars(range(min = 0, max = 316_224_000))]
    pub(crate) ttl: Option<i64>,
}

/// Changes to a token; what is absent stays as it is.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct UpdateTokenBody {
    /// Another name; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pub(crate) name: Option<Option<String>>,
    /// Address ranges that it may come from, at most 100; empty for any.
    #[serde(default)]
    pub(crate) cidrs: Option<Vec<String>>,
}

/// Accesses at one place.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct AccessBody {
    /// The name of a database; empty or absent for the organization; `*` for all current and future
    /// databases.
    #[serde(default)]
    pub(crate) database: Option<String>,
    /// The accesses, at least one.
    #[schemars(length(min = 1))]
    pub(crate) access: Vec<String>,
}

/// All that a token shall hold.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ReplaceGrantsBody {
    /// What, where.
    pub(crate) grants: Vec<WantedGrant>,
}

/// What a token shall hold at one place.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct WantedGrant {
    /// The name of a database; null for the organization; `*` for all current and future databases.
    #[serde(default)]
    pub(crate) database: Option<String>,
    /// The accesses.
    pub(crate) accesses: Vec<String>,
}

/// A rotation.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct RotateBody {
    /// How long the secret before works too, in seconds: 0 to 604800 (a week).
    #[serde(default)]
    #[schemars(range(min = 0, max = 604_800))]
    pub(crate) overlap_seconds: Option<i64>,
}

/// A question.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ExplainBody {
    /// An operation's id, such as `create_branch`.
    pub(crate) operation: String,
    /// What it would be done to.
    #[serde(default)]
    pub(crate) resource: Option<ExplainResource>,
}

/// What a question is about: as much of it as the operation's path names.
#[derive(Default, Deserialize, JsonSchema)]
pub(crate) struct ExplainResource {
    /// A database's name.
    #[serde(default)]
    pub(crate) database: Option<String>,
    /// A branch's name.
    #[serde(default)]
    pub(crate) branch: Option<String>,
    /// The id of a token, member or password.
    #[serde(default)]
    pub(crate) id: Option<String>,
    /// For `create_password`: the role of the password; `admin` when absent.
    #[serde(default)]
    pub(crate) role: Option<String>,
}
