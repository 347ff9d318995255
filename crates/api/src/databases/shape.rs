//! Shapes of databases (contract: objects/Database.fields.md, requests.md).

use bough_control::databases::DatabaseRow;
use bough_control::model::DatabaseState;
use bough_control::pages::database_part;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dispatch::Ctx;
use crate::organizations::shape::{PLAN, RegionShape};
use crate::shape::{Actor, Time, time};

/// A database.
#[derive(Serialize, JsonSchema)]
#[allow(clippy::struct_excessive_bools, reason = "the contract's own shape")]
pub(crate) struct Database<'a> {
    /// Public id.
    id: String,
    /// `Database`
    r#type: &'static str,
    /// Address of this object in the API.
    url: String,
    /// Address of its branches.
    branches_url: String,
    /// Branches.
    branches_count: i64,
    open_schema_recommendations_count: i64,
    /// Development branches.
    development_branches_count: i64,
    /// Production branches.
    production_branches_count: i64,
    issues_count: i64,
    multiple_admins_required_for_deletion: bool,
    /// Whether its default branch serves queries.
    ready: bool,
    at_backup_restore_branches_limit: bool,
    /// Whether it may have no further development branches.
    at_development_branch_usage_limit: bool,
    data_import: Option<()>,
    /// Where its branches run unless they say otherwise.
    region: RegionShape<'a>,
    /// Its page.
    html_url: String,
    /// Name in paths.
    name: String,
    /// `pending` or `ready`.
    state: &'static str,
    sharded: bool,
    default_branch_shard_count: i64,
    default_branch_read_only_regions_count: i64,
    /// Tables of its default branch.
    default_branch_table_count: i64,
    /// The name of its default branch.
    default_branch: String,
    require_approval_for_deploy: bool,
    /// Refuses deletion while true.
    deletion_protected: bool,
    resizing: bool,
    resize_queued: bool,
    config_changing: bool,
    config_change_queued: bool,
    allow_data_branching: bool,
    foreign_keys_enabled: bool,
    automatic_migrations: Option<bool>,
    restrict_branch_region: bool,
    insights_raw_queries: bool,
    plan: &'static str,
    insights_enabled: bool,
    production_branch_web_console: bool,
    migration_table_name: Option<String>,
    migration_framework: Option<String>,
    /// When it was made.
    created_at: Time,
    /// When it was changed last.
    updated_at: Time,
    /// When the schema of its default branch changed last.
    schema_last_updated_at: Option<Time>,
    /// `mysql`
    kind: &'static str,
    /// Free text.
    notes: String,
    /// Who made it.
    actor: Actor<'a>,
    /// Ours: the SQL schema on its branches' servers. A rename leaves it as it is.
    schema_name: String,
    /// Ours: the size of its first branch.
    cluster_size: String,
}

impl<'a> Database<'a> {
    pub(crate) fn new(ctx: &'a Ctx<'_>, row: &'a DatabaseRow) -> Self {
        let settings = &row.settings;
        let path = format!("organizations/{}/databases/{}", ctx.organization(), row.name);
        let url = format!("{}/v1/{path}", ctx.public_url());
        let ready = row.default_branch.state.takes_clients();
        let state = if ready { DatabaseState::Ready } else { DatabaseState::Pending };
        Self {
            id: row.id.to_string(),
            r#type: "Database",
            branches_url: format!("{url}/branches"),
            url,
            branches_count: row.development_branches + row.production_branches,
            open_schema_recommendations_count: 0,
            development_branches_count: row.development_branches,
            production_branches_count: row.production_branches,
            issues_count: 0,
            multiple_admins_required_for_deletion: false,
            ready,
            at_backup_restore_branches_limit: false,
            at_development_branch_usage_limit: row.development_branches
                >= ctx.plane().settings().limits.development_branches,
            data_import: None,
            region: RegionShape::of(ctx.plane().settings(), &row.region),
            html_url: format!(
                "{}/{}/{}",
                ctx.public_url(),
                ctx.organization(),
                database_part(row.name.as_str(), row.id.as_str())
            ),
            name: row.name.to_string(),
            state: state.as_str(),
            sharded: false,
            default_branch_shard_count: 1,
            default_branch_read_only_regions_count: 0,
            default_branch_table_count: row.default_branch.table_count,
            default_branch: row.default_branch.name.to_string(),
            require_approval_for_deploy: settings.require_approval_for_deploy,
            deletion_protected: settings.deletion_protected,
            resizing: row.resizing,
            resize_queued: row.resize_queued,
            config_changing: false,
            config_change_queued: false,
            allow_data_branching: settings.allow_data_branching,
            foreign_keys_enabled: settings.foreign_keys_enabled,
            automatic_migrations: settings.automatic_migrations,
            restrict_branch_region: settings.restrict_branch_region,
            insights_raw_queries: settings.insights_raw_queries,
            plan: PLAN,
            insights_enabled: false,
            production_branch_web_console: settings.production_branch_web_console,
            migration_table_name: settings.migration_table_name.clone(),
            migration_framework: settings.migration_framework.clone(),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
            schema_last_updated_at: time(row.default_branch.schema_last_updated_at),
            kind: "mysql",
            notes: row.notes.clone(),
            actor: Actor::new(ctx, &row.actor),
            schema_name: row.schema_name.to_string(),
            cluster_size: row.cluster_size.canonical(),
        }
    }
}

/// A new database.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CreateDatabaseBody {
    /// 1 to 63 lower-case letters, digits, `_` and `-`; unique in the organization.
    #[schemars(length(min = 1, max = 63))]
    pub(crate) name: String,
    /// A region's slug; the default region when absent.
    #[serde(default)]
    pub(crate) region: Option<String>,
    /// The size of its first branch; a default when absent.
    #[serde(default)]
    pub(crate) cluster_size: Option<String>,
    /// `mysql`, which is the default. `postgresql` is refused.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    /// Replicas of its first branch: 0, for there are none here.
    #[serde(default)]
    pub(crate) replicas: Option<i64>,
    /// Free text, at most 2,000 characters.
    #[serde(default)]
    pub(crate) notes: Option<String>,
}

/// Changes to a database; what is absent stays as it is.
#[derive(Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub(crate) struct UpdateDatabaseBody {
    /// Another name.
    #[serde(default)]
    pub(crate) new_name: Option<String>,
    #[serde(default)]
    pub(crate) automatic_migrations: Option<bool>,
    /// At most 200 characters.
    #[serde(default)]
    pub(crate) migration_framework: Option<String>,
    /// At most 64 characters.
    #[serde(default)]
    pub(crate) migration_table_name: Option<String>,
    #[serde(default)]
    pub(crate) require_approval_for_deploy: Option<bool>,
    #[serde(default)]
    pub(crate) restrict_branch_region: Option<bool>,
    #[serde(default)]
    pub(crate) allow_data_branching: Option<bool>,
    #[serde(default)]
    pub(crate) allow_foreign_key_constraints: Option<bool>,
    #[serde(default)]
    pub(crate) insights_raw_queries: Option<bool>,
    #[serde(default)]
    pub(crate) deletion_protected: Option<bool>,
    #[serde(default)]
    pub(crate) production_branch_web_console: Option<bool>,
    /// The name of a branch of this database.
    #[serde(default)]
    pub(crate) default_branch: Option<String>,
}
