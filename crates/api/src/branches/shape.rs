//! Shapes of branches (contract: objects/DatabaseBranch.fields.md, BranchSchema.fields.md,
//! SchemaLintError.fields.md, requests.md).

use bough_control::branches::{BranchRow, Finding, ResizeRow, SchemaObject};
use bough_control::model::{BranchName, DatabaseName};
use bough_control::pages::{branch_part, database_part};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::highlight::highlight;
use crate::dispatch::Ctx;
use crate::organizations::shape::{RegionShape, VTGATE, VTGATE_DISPLAY};
use crate::shape::{Actor, Time, given, time};

/// A branch.
#[derive(Serialize, JsonSchema)]
#[allow(clippy::struct_excessive_bools, reason = "the contract's own shape")]
pub(crate) struct Branch<'a> {
    /// Public id.
    id: &'a str,
    /// `Branch`
    r#type: &'static str,
    /// Name in paths.
    name: &'a str,
    /// When it was made.
    created_at: Time,
    /// When it was changed last.
    updated_at: Time,
    deleted_at: Option<Time>,
    restore_checklist_completed_at: Option<Time>,
    /// When its schema changed last.
    schema_last_updated_at: Option<Time>,
    /// `mysql`
    kind: &'static str,
    /// `host:port` for SQL over HTTP.
    access_host_url: &'a str,
    /// `host:port` for MySQL clients.
    mysql_address: &'a str,
    /// `host:port` for MySQL clients.
    mysql_provider_address: &'a str,
    /// `host:port` for MySQL clients.
    mysql_edge_address: &'a str,
    initial_restore_id: Option<String>,
    /// `pending`, `ready`, `sleep_in_progress`, `sleeping` or `awakening`.
    state: &'static str,
    direct_vtgate: bool,
    vtgate_size: &'static str,
    vtgate_name: &'static str,
    vtgate_count: i64,
    vtgate_autoscaling: bool,
    vtgate_max_count: Option<i64>,
    vtgate_target_cpu_utilization: Option<i64>,
    /// Its cluster size.
    cluster_name: String,
    cluster_iops: Option<i64>,
    /// Whether it serves queries: at once, or, when it sleeps, as soon as a connection has woken it.
    ready: bool,
    /// Whether its parent's schema is in it.
    schema_ready: bool,
    metal: bool,
    /// Whether it is a production branch.
    production: bool,
    /// Whether its server refuses direct DDL.
    safe_migrations: bool,
    /// Refuses deletion while true.
    deletion_protected: bool,
    sharded: bool,
    shard_count: i64,
    keyspace_count: i64,
    stale_schema: bool,
    /// Who made it.
    actor: Actor<'a>,
    restored_from_branch: Option<()>,
    private_edge_connectivity: bool,
    has_replicas: bool,
    has_read_only_replicas: bool,
    /// Its page.
    html_url: String,
    /// Address of this object in the API.
    url: String,
    /// Where it runs.
    region: RegionShape<'a>,
    multiple_admins_required_for_demotion: bool,
    /// The name of the branch that it came from.
    parent_branch: Option<&'a str>,
    vtgate_options: serde_json::Map<String, serde_json::Value>,
    /// Ours: why it does not get ready, or why its server ends again and again, in the server's own last
    /// words; null when all is well.
    last_error: Option<&'a str>,
    /// Ours: the version of its server; null until it was ready once.
    server_version: Option<&'a str>,
    /// Ours: whether its server is of another version than the one installed. A restart changes that.
    server_outdated: bool,
    /// Ours: when it deletes itself; null for never.
    expires_at: Option<Time>,
    /// Ours: after how many seconds without use it falls asleep, as it was set for it: 0 for never, null for
    /// what the operator has set.
    sleep_after: Option<u64>,
    /// Ours: after how many seconds without use it falls asleep; null for never.
    sleeps_after: Option<u64>,
    /// Ours: when it was known to be used last, to within half a minute.
    used_at: Option<Time>,
}

impl<'a> Branch<'a> {
    pub(crate) fn new(ctx: &'a Ctx<'_>, row: &'a BranchRow) -> Self {
        let addresses = &ctx.plane().settings().addresses;
        let root = addresses.public_url.as_str();
        let (organization, database, name) = (ctx.organization(), ctx.database(), row.name.as_str());
        Self {
            id: row.id.as_str(),
            r#type: "Branch",
            name,
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
            deleted_at: None,
            restore_checklist_completed_at: None,
            schema_last_updated_at: time(row.schema_last_updated_at),
            kind: "mysql",
            access_host_url: &addresses.data_http,
            mysql_address: &addresses.mysql,
            mysql_provider_address: &addresses.mysql,
            mysql_edge_address: &addresses.mysql,
            initial_restore_id: None,
            state: row.state.as_str(),
            direct_vtgate: false,
            vtgate_size: VTGATE,
            vtgate_name: VTGATE,
            vtgate_count: 1,
            vtgate_autoscaling: false,
            vtgate_max_count: None,
            vtgate_target_cpu_utilization: None,
            cluster_name: row.cluster_size.canonical(),
            cluster_iops: None,
            ready: row.state.takes_clients(),
            schema_ready: row.schema_ready,
            metal: false,
            production: row.production,
            safe_migrations: row.safe_migrations,
            deletion_protected: row.deletion_protected,
            sharded: false,
            shard_count: 1,
            keyspace_count: 1,
            stale_schema: false,
            actor: Actor::new(ctx, &row.actor),
            restored_from_branch: None,
            private_edge_connectivity: false,
            has_replicas: false,
            has_read_only_replicas: false,
            html_url: [
                root,
                "/",
                organization,
                "/",
                database_part(database, row.database.as_str()),
                "/",
                branch_part(name, row.id.as_str()),
            ]
            .concat(),
            url: [root, "/v1/organizations/", organization, "/databases/", database, "/branches/", name]
                .concat(),
            region: RegionShape::of(ctx.plane().settings(), &row.region),
            multiple_admins_required_for_demotion: false,
            parent_branch: row.parent.as_ref().map(BranchName::as_str),
            vtgate_options: serde_json::Map::new(),
            last_error: row.last_error.as_deref(),
            server_version: row.server_version.as_deref(),
            server_outdated: row
                .server_version
                .as_deref()
                .is_some_and(|known| ctx.plane().is_outdated(known)),
            expires_at: time(row.expires_at),
            sleep_after: row.sleep_after_s,
            sleeps_after: ctx
                .plane()
                .sleeps_after(row.production, row.sleep_after_s)
                .map(|after| after.as_secs()),
            used_at: time(row.used_at),
        }
    }
}

/// The definition of a table or view.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Schema {
    /// Its name.
    name: String,
    /// The definition as highlighted HTML.
    html: String,
    /// The definition as text.
    raw: String,
}

impl Schema {
    pub(crate) fn new(object: &SchemaObject) -> Self {
        Self { name: object.name.clone(), html: highlight(&object.create), raw: object.create.clone() }
    }
}

/// A new branch.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CreateBranchBody {
    /// 1 to 63 lower-case letters, digits and `-`; unique in the database.
    #[schemars(length(min = 1, max = 63))]
    pub(crate) name: String,
    /// The branch to take the schema from; the default branch when absent or empty.
    #[serde(default)]
    pub(crate) parent_branch: Option<String>,
    /// A region's slug; the database's region when absent.
    #[serde(default)]
    pub(crate) region: Option<String>,
    /// A cluster size; a default when absent.
    #[serde(default)]
    pub(crate) cluster_size: Option<String>,
    /// Refuses deletion.
    #[serde(default)]
    pub(crate) deletion_protected: Option<bool>,
    /// Whether its server shall refuse direct DDL.
    #[serde(default)]
    pub(crate) safe_migrations: Option<bool>,
    /// Makes the database, too, when there is none of that name. Needs `create_databases`.
    #[serde(default)]
    pub(crate) create_database_if_missing: Option<bool>,
    /// `mysql`, which is the default. `postgresql` is refused.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    /// A backup to restore. Not available yet.
    #[serde(default)]
    pub(crate) backup_id: Option<String>,
    /// `last_successful_backup`. Not available yet.
    #[serde(default)]
    pub(crate) seed_data: Option<String>,
    /// Ours: seconds until it deletes itself, at most ten years; absent or 0 for never.
    #[serde(default)]
    pub(crate) ttl: Option<u64>,
}

/// Changes to a branch; what is absent stays as it is.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct UpdateBranchBody {
    /// Another name.
    #[serde(default)]
    pub(crate) new_name: Option<String>,
    /// Refuses deletion.
    #[serde(default)]
    pub(crate) deletion_protected: Option<bool>,
    /// Ours: seconds from now until it deletes itself, at most ten years; 0 for never.
    #[serde(default)]
    pub(crate) ttl: Option<u64>,
    /// Ours: seconds without use after which it falls asleep, 10 to a year; 0 for never, null for what the
    /// operator has set.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<u64>")]
    pub(crate) sleep_after: Option<Option<u64>>,
}

/// The state of safe migrations.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SafeMigrationsBody {
    /// Whether its server shall refuse direct DDL.
    pub(crate) safe_migrations: bool,
}

/// A wanted number and size of VTGates.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ResizeBody {
    /// As a branch's `vtgate_name`.
    #[serde(default)]
    pub(crate) vtgate_size: Option<String>,
    /// As a branch's `vtgate_count`.
    #[serde(default)]
    pub(crate) vtgate_count: Option<i64>,
    #[serde(default)]
    pub(crate) vtgate_max_count: Option<i64>,
    #[serde(default)]
    pub(crate) vtgate_autoscaling: Option<bool>,
    #[serde(default)]
    pub(crate) vtgate_target_cpu_utilization: Option<i64>,
    /// Ours: the cluster size that the branch shall have.
    #[serde(default)]
    pub(crate) cluster_size: Option<String>,
}

/// A wanted size.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ClusterBody {
    /// A cluster size.
    pub(crate) cluster_size: String,
}

/// A change of a branch's size (contract: objects/MysqlClusterResizeRequest.fields.md). Nothing of
/// VTGates ever changes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Resize<'a> {
    /// Public id.
    id: String,
    /// `BranchResizeRequest`
    r#type: &'static str,
    /// `pending`, `resizing`, `completed` or `canceled`.
    state: &'static str,
    /// When it began.
    started_at: Option<Time>,
    /// When it ended.
    completed_at: Option<Time>,
    /// When it was asked for.
    created_at: Time,
    /// When it was changed last.
    updated_at: Time,
    vtgate_size: &'static str,
    previous_vtgate_size: &'static str,
    vtgate_count: i64,
    previous_vtgate_count: i64,
    vtgate_max_count: i64,
    previous_vtgate_max_count: i64,
    vtgate_autoscaling: bool,
    previous_vtgate_autoscaling: bool,
    vtgate_target_cpu_utilization: i64,
    previous_vtgate_target_cpu_utilization: i64,
    vtgate_name: &'static str,
    vtgate_display_name: &'static str,
    previous_vtgate_name: &'static str,
    previous_vtgate_display_name: &'static str,
    /// Who asked for it.
    actor: Actor<'a>,
    /// Ours: the cluster size that is wanted.
    cluster_size: String,
    /// Ours: the cluster size before.
    previous_cluster_size: String,
}

impl<'a> Resize<'a> {
    pub(crate) fn new(ctx: &Ctx<'_>, row: &'a ResizeRow) -> Self {
        Self {
            id: row.id.to_string(),
            r#type: "BranchResizeRequest",
            state: row.state.as_str(),
            started_at: time(row.started_at),
            completed_at: time(row.completed_at),
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
            vtgate_size: VTGATE,
            previous_vtgate_size: VTGATE,
            vtgate_count: 1,
            previous_vtgate_count: 1,
            vtgate_max_count: 1,
            previous_vtgate_max_count: 1,
            vtgate_autoscaling: false,
            previous_vtgate_autoscaling: false,
            vtgate_target_cpu_utilization: 0,
            previous_vtgate_target_cpu_utilization: 0,
            vtgate_name: VTGATE,
            vtgate_display_name: VTGATE_DISPLAY,
            previous_vtgate_name: VTGATE,
            previous_vtgate_display_name: VTGATE_DISPLAY,
            actor: Actor::new(ctx, &row.actor),
            cluster_size: row.cluster_size.canonical(),
            previous_cluster_size: row.previous.canonical(),
        }
    }
}

/// Something in a branch's schema that stands in the way of promoting it and of safe migrations (contract:
/// objects/SchemaLintError.fields.md). What does not apply is `""` or `[]`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SchemaLintError<'a> {
    /// `SchemaLintError`
    r#type: &'static str,
    /// What is wrong: one of the codes that `docs_url` explains.
    lint_error: &'static str,
    /// `table`, for views, too.
    subject_type: &'static str,
    /// The branch's one keyspace.
    keyspace_name: &'a str,
    /// The table or view; empty when it is the schema as a whole.
    table_name: &'a str,
    /// What is wrong, and what to do.
    error_description: &'a str,
    /// What the code means, and how it is mended.
    docs_url: String,
    /// The column.
    column_name: &'a str,
    /// The columns of the foreign key.
    foreign_key_column_names: &'a [String],
    /// Always empty: nothing here is sharded.
    auto_increment_column_names: [String; 0],
    /// The character set.
    charset_name: &'a str,
    /// The storage engine.
    engine_name: &'a str,
    /// Always empty: there is no VSchema here.
    vindex_name: &'static str,
    /// Always empty: there is no VSchema here.
    json_path: &'static str,
    /// Always empty: no check constraint is a finding.
    check_constraint_name: &'static str,
    /// The value of an ENUM or SET.
    enum_value: &'a str,
    /// By what the table is partitioned.
    partitioning_type: &'a str,
    /// The partition.
    partition_name: &'a str,
}

impl<'a> SchemaLintError<'a> {
    pub(crate) fn new(ctx: &Ctx<'_>, keyspace: &'a DatabaseName, finding: &'a Finding) -> Self {
        let (code, about) = (finding.code.as_str(), &finding.about);
        Self {
            r#type: "SchemaLintError",
            lint_error: code,
            subject_type: "table",
            keyspace_name: keyspace.as_str(),
            table_name: &finding.table,
            error_description: &finding.description,
            docs_url: format!("{}/docs/schema-lint#{code}", ctx.public_url()),
            column_name: &about.column,
            foreign_key_column_names: &about.foreign_key_columns,
            auto_increment_column_names: [],
            charset_name: &about.charset,
            engine_name: &about.engine,
            vindex_name: "",
            json_path: "",
            check_constraint_name: "",
            enum_value: &about.enum_value,
            partitioning_type: &about.partitioning,
            partition_name: &about.partition,
        }
    }
}
