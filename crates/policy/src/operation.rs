//! The one table: every operation that concerns MySQL databases or their organization, served yet
//! or not, with its method, path, rule, and the operation that reads the last thing its path names.
//!
//! Sources: access-matrix.json (all but its Postgres operations), accesses.md for the rules on
//! state, cli-endpoints.md and RULES.md §2 for what stands beyond the published description,
//! observed.md where they differ. Vitess internals (`vtctld/…`) have no row: no engine here has them.

use std::fmt;

use crate::access::Access::*;
use crate::{AccessSet, Rule};

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

impl Method {
    /// As it stands in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What a path names that can be decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathKind {
    /// Nothing of an organization.
    Nowhere,
    /// An organization.
    Organization,
    /// A database.
    Database,
    /// A branch.
    Branch,
    /// A password of a branch.
    Password,
    /// A service token.
    Token,
    /// A member.
    Member,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The operation's id, as the contract's `operation_id`.
    pub id: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path below `/v1`, with `{parameters}`.
    pub path: &'static str,
    /// What the path names.
    pub kind: PathKind,
    /// What opens it.
    pub rule: Rule,
    /// The operation that reads the last thing that the path names: who may do that is told 403
    /// where others are told 404.
    pub sees: Operation,
}

/// Opens reading a database: any access on it, as far as the contract counts it.
const DATABASE_VISIBLE: AccessSet = AccessSet::of(&[
    ReadDatabases,
    ReadDatabase,
    WriteDatabase,
    DeleteDatabase,
    ReadBranch,
    CreateBranch,
    DeleteBranch,
    DeleteProductionBranch,
    PromoteBranches,
    DemoteBranches,
    ConnectBranch,
    ConnectProductionBranch,
    ConnectProductionReadOnlyBranch,
    DeleteBranchPassword,
    DeleteProductionBranchPassword,
    DeleteProductionReadOnlyBranchPassword,
    ReadDeployRequest,
    CreateDeployRequest,
    ApproveDeployRequest,
    ReadComment,
    CreateComment,
    ReadBackups,
    WriteBackups,
    DeleteBackups,
    DeleteProductionBranchBackups,
    RestoreBackup,
    RestoreProductionBranchBackup,
    WriteBranchVschema,
    WriteProductionBranchVschema,
]);

/// Opens reading branches.
const BRANCH_READ: AccessSet =
    AccessSet::of(&[ReadBranch, DeleteBranch, CreateBranch, ConnectBranch, ConnectProductionBranch]);

/// Opens reading passwords, never their secrets.
const PASSWORD_READ: AccessSet = BRANCH_READ.union(AccessSet::of(&[ConnectProductionReadOnlyBranch]));

const DELETE_BRANCH: Rule = Rule::ByClass {
    development: AccessSet::of(&[DeleteBranch]),
    production: AccessSet::of(&[DeleteProductionBranch]),
};

const WRITE_VSCHEMA: Rule = Rule::ByClass {
    development: AccessSet::of(&[WriteBranchVschema]),
    production: AccessSet::of(&[WriteProductionBranchVschema]),
};

const DELETE_BACKUP: Rule = Rule::ByClass {
    development: AccessSet::of(&[DeleteBackups]),
    production: AccessSet::of(&[DeleteProductionBranchBackups]),
};

const VIEW_CONNECTIONS: Rule = Rule::ByClass {
    development: AccessSet::of(&[ViewConnections]),
    production: AccessSet::of(&[ViewProductionConnections]),
};

const KILL_CONNECTIONS: Rule = Rule::ByClass {
    development: AccessSet::of(&[KillConnections]),
    production: AccessSet::of(&[KillProductionConnections]),
};

const CONNECT: Rule = connect(false);

/// What a password of the same role needs: nobody reaches by the console what he could not by that.
const CONSOLE: Rule = connect(true);

const fn connect(people_only: bool) -> Rule {
    Rule::ByPassword {
        development: AccessSet::of(&[ConnectBranch]),
        production: AccessSet::of(&[ConnectProductionBranch]),
        production_reader: AccessSet::of(&[ConnectProductionBranch, ConnectProductionReadOnlyBranch]),
        people_only,
    }
}

const DISCONNECT: Rule = Rule::ByPassword {
    development: AccessSet::of(&[DeleteBranchPassword]),
    production: AccessSet::of(&[DeleteProductionBranchPassword]),
    production_reader: AccessSet::of(&[
        DeleteProductionBranchPassword,
        DeleteProductionReadOnlyBranchPassword,
    ]),
    people_only: false,
};

const MAKE_BRANCH: Rule = Rule::MakeBranch {
    from_parent: AccessSet::of(&[CreateBranch]),
    from_backup: AccessSet::of(&[RestoreBackup]),
    from_production_backup: AccessSet::of(&[RestoreProductionBranchBackup]),
};

/// Whoever may remove members; and everybody himself.
const LEAVE_OR_REMOVE: Rule = Rule::AnyOfOrOneself(AccessSet::of(&[WriteOrganization]));

const REVIEW: Rule = Rule::ByReview {
    approve: AccessSet::of(&[ApproveDeployRequest]),
    comment: AccessSet::of(&[ApproveDeployRequest, ReviewDeployRequest]),
};

macro_rules! path {
    (Nowhere $suffix:literal) => { $suffix };
    (Organization $suffix:literal) => { concat!("/organizations/{organization}", $suffix) };
    (Member $suffix:literal) => { path!(Organization "/members/{id}"; $suffix) };
    (Token $suffix:literal) => { path!(Organization "/service-tokens/{id}"; $suffix) };
    (Database $suffix:literal) => { path!(Organization "/databases/{database}"; $suffix) };
    (Branch $suffix:literal) => { path!(Organization "/databases/{database}/branches/{branch}"; $suffix) };
    (Password $suffix:literal) => {
        path!(Organization "/databases/{database}/branches/{branch}/passwords/{id}"; $suffix)
    };
    (Organization $prefix:literal; $suffix:literal) => {
        concat!("/organizations/{organization}", $prefix, $suffix)
    };
}

macro_rules! any {
    [$($access:ident),+] => { Rule::AnyOf(AccessSet::of(&[$($access),+])) };
}

macro_rules! operations {
    ($($variant:ident $id:literal $method:ident $kind:ident $suffix:literal ($rule:expr) sees $sees:ident;)+) => {
        /// What can be asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Operation {
            $(#[doc = concat!("`", $id, "`")] $variant,)+
        }

        static ROWS: &[Row] = &[$(Row {
            id: $id,
            method: Method::$method,
            path: path!($kind $suffix),
            kind: PathKind::$kind,
            rule: $rule,
            sees: Operation::$sees,
        },)+];

        impl Operation {
            /// Every operation, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
        }
    };
}

operations! {
    ListOrganizations "list_organizations" Get Nowhere "/organizations" (Rule::AnyCaller) sees ListOrganizations;
    GetOrganization "get_organization" Get Organization "" (any![ReadOrganization]) sees GetOrganization;
    UpdateOrganization "update_organization" Patch Organization "" (any![WriteOrganizationSettings]) sees GetOrganization;
    ListAuditLogs "list_audit_logs" Get Organization "/audit-log" (any![ReadAuditLogs]) sees GetOrganization;
    ListClusterSizeSkus "list_cluster_size_skus" Get Organization "/cluster-size-skus" (any![ReadOrganization]) sees GetOrganization;
    StartDataImport "start_data_import" Post Organization "/data-imports/new" (any![ImportDatabases]) sees GetOrganization;
    TestDataImportConnection "test_data_import_connection" Post Organization "/data-imports/test-connection" (any![ImportDatabases]) sees GetOrganization;
    ListDatabases "list_databases" Get Organization "/databases" (Rule::AnyOfOrganization) sees GetOrganization;
    CreateDatabase "create_database" Post Organization "/databases" (any![CreateDatabases]) sees GetOrganization;
    DeleteDatabase "delete_database" Delete Database "" (any![DeleteDatabase, DeleteDatabases]) sees GetDatabase;
    GetDatabase "get_database" Get Database "" (Rule::AnyOf(DATABASE_VISIBLE)) sees GetDatabase;
    UpdateDatabaseSettings "update_database_settings" Patch Database "" (any![WriteDatabase]) sees GetDatabase;
    ListDatabaseAdministrators "list_database_administrators" Get Database "/administrators" (any![ReadDatabase]) sees GetDatabase;
    AddDatabaseAdministrator "add_database_administrator" Post Database "/administrators" (any![WriteDatabaseAdministrators]) sees GetDatabase;
    RemoveDatabaseAdministrator "remove_database_administrator" Delete Database "/administrators/{user}" (any![WriteDatabaseAdministrators]) sees ListDatabaseAdministrators;
    ListBackupPolicies "list_backup_policies" Get Database "/backup-policies" (any![ReadBackups]) sees GetDatabase;
    CreateBackupPolicy "create_backup_policy" Post Database "/backup-policies" (any![WriteBackups]) sees GetDatabase;
    DeleteBackupPolicy "delete_backup_policy" Delete Database "/backup-policies/{id}" (any![WriteBackups]) sees GetBackupPolicy;
    GetBackupPolicy "get_backup_policy" Get Database "/backup-policies/{id}" (any![ReadBackups]) sees GetBackupPolicy;
    UpdateBackupPolicy "update_backup_policy" Patch Database "/backup-policies/{id}" (any![WriteBackups]) sees GetBackupPolicy;
    ListBranches "list_branches" Get Database "/branches" (Rule::AnyOf(BRANCH_READ)) sees GetDatabase;
    CreateBranch "create_branch" Post Database "/branches" (MAKE_BRANCH) sees GetDatabase;
    DeleteBranch "delete_branch" Delete Branch "" (DELETE_BRANCH) sees GetBranch;
    GetBranch "get_branch" Get Branch "" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    UpdateBranch "update_branch" Patch Branch "" (any![WriteDatabase]) sees GetBranch;
    ListBackups "list_backups" Get Branch "/backups" (any![ReadBackups]) sees GetBranch;
    CreateBackup "create_backup" Post Branch "/backups" (any![WriteBackups]) sees GetBranch;
    DeleteBackup "delete_backup" Delete Branch "/backups/{id}" (DELETE_BACKUP) sees GetBackup;
    GetBackup "get_backup" Get Branch "/backups/{id}" (any![ReadBackups]) sees GetBackup;
    UpdateBackup "update_backup" Patch Branch "/backups/{id}" (any![WriteBackups]) sees GetBackup;
    UpdateBranchClusterConfig "update_branch_cluster_config" Patch Branch "/cluster" (any![WriteDatabase]) sees GetBranch;
    ListBranchClusterSizeSkus "list_branch_cluster_size_skus" Get Branch "/cluster-size-skus" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    ListBranchConnections "list_branch_connections" Get Branch "/connections" (VIEW_CONNECTIONS) sees GetBranch;
    KillBranchConnection "kill_branch_connection" Delete Branch "/connections/connection/{id}" (KILL_CONNECTIONS) sees GetBranch;
    KillBranchQuery "kill_branch_query" Delete Branch "/connections/query/{id}" (KILL_CONNECTIONS) sees GetBranch;
    KillBranchTransaction "kill_branch_transaction" Delete Branch "/connections/transaction/{id}" (KILL_CONNECTIONS) sees GetBranch;
    RunBranchStatement "run_branch_statement" Post Branch "/console" (CONSOLE) sees GetBranch;
    DemoteBranch "demote_branch" Post Branch "/demote" (any![ConnectProductionBranch, DemoteBranches]) sees GetBranch;
    GetBranchDiff "get_branch_diff" Get Branch "/diff" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    GetBranchInfrastructure "get_branch_infrastructure" Get Branch "/infrastructure" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    ListBranchQueries "list_branch_queries" Get Branch "/insights" (any![ReadDatabase, ReadDatabases]) sees GetBranch;
    ListBranchAnomalies "list_branch_anomalies" Get Branch "/insights/anomalies" (any![ReadDatabase, ReadDatabases]) sees GetBranch;
    GetBranchAnomaly "get_branch_anomaly" Get Branch "/insights/anomalies/{id}" (any![ReadDatabase, ReadDatabases]) sees GetBranchAnomaly;
    ListBranchQueryErrors "list_branch_query_errors" Get Branch "/insights/errors" (any![ReadDatabase, ReadDatabases]) sees GetBranch;
    GetBranchQueryError "get_branch_query_error" Get Branch "/insights/errors/{fingerprint}" (any![ReadDatabase, ReadDatabases]) sees GetBranchQueryError;
    GetBranchQuery "get_branch_query" Get Branch "/insights/queries/{id}" (any![ReadDatabase, ReadDatabases]) sees GetBranchQuery;
    ListBranchQueryTags "list_branch_query_tags" Get Branch "/insights/tags" (any![ReadDatabase, ReadDatabases]) sees GetBranch;
    ListBranchQueryTagSummaries "list_branch_query_tag_summaries" Get Branch "/insights/tags/summaries" (any![ReadDatabase, ReadDatabases]) sees GetBranch;
    GetBranchQueryTag "get_branch_query_tag" Get Branch "/insights/tags/{tag}" (any![ReadDatabase, ReadDatabases]) sees GetBranchQueryTag;
    GetQueryStatistics "get_query_statistics" Get Branch "/insights/{fingerprint}" (any![ReadDatabase, ReadDatabases]) sees GetQueryStatistics;
    GetQuerySummary "get_query_summary" Get Branch "/insights/{fingerprint}/summary" (any![ReadDatabase, ReadDatabases]) sees GetQueryStatistics;
    ListKeyspaces "list_keyspaces" Get Branch "/keyspaces" (any![ReadBranch]) sees GetBranch;
    CreateKeyspace "create_keyspace" Post Branch "/keyspaces" (any![CreateBranch]) sees GetBranch;
    DeleteKeyspace "delete_keyspace" Delete Branch "/keyspaces/{keyspace}" (DELETE_BRANCH) sees GetKeyspace;
    GetKeyspace "get_keyspace" Get Branch "/keyspaces/{keyspace}" (any![ReadBranch]) sees GetKeyspace;
    UpdateKeyspace "update_keyspace" Patch Branch "/keyspaces/{keyspace}" (any![CreateBranch]) sees GetKeyspace;
    UpdateKeyspaceReadOnlyRegions "update_keyspace_read_only_regions" Put Branch "/keyspaces/{keyspace}/read-only-regions" (any![WriteDatabase]) sees GetKeyspace;
    CancelKeyspaceResizeRequest "cancel_keyspace_resize_request" Delete Branch "/keyspaces/{keyspace}/resizes" (any![WriteDatabase]) sees GetKeyspace;
    ListKeyspaceResizeRequests "list_keyspace_resize_requests" Get Branch "/keyspaces/{keyspace}/resizes" (any![ReadBranch]) sees GetKeyspace;
    UpdateKeyspaceResizeRequest "update_keyspace_resize_request" Put Branch "/keyspaces/{keyspace}/resizes" (any![WriteDatabase]) sees GetKeyspace;
    GetKeyspaceResizeRequest "get_keyspace_resize_request" Get Branch "/keyspaces/{keyspace}/resizes/{id}" (any![ReadBranch]) sees GetKeyspaceResizeRequest;
    GetKeyspaceRolloutStatus "get_keyspace_rollout_status" Get Branch "/keyspaces/{keyspace}/rollout-status" (any![ReadBranch]) sees GetKeyspace;
    GetKeyspaceVschema "get_keyspace_vschema" Get Branch "/keyspaces/{keyspace}/vschema" (Rule::AnyOf(BRANCH_READ)) sees GetKeyspace;
    UpdateKeyspaceVschema "update_keyspace_vschema" Patch Branch "/keyspaces/{keyspace}/vschema" (WRITE_VSCHEMA) sees GetKeyspace;
    GetBranchMetrics "get_branch_metrics" Get Branch "/metrics" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    GetInstantBranchMetrics "get_instant_branch_metrics" Get Branch "/metrics/instant" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    GetBranchKeyspaceTableMetrics "get_branch_keyspace_table_metrics" Get Branch "/metrics/keyspace-tables" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    GetBranchQueryMetrics "get_branch_query_metrics" Get Branch "/metrics/query" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    GetBranchTableMetrics "get_branch_table_metrics" Get Branch "/metrics/tables" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    GetTabletMetrics "get_tablet_metrics" Get Branch "/metrics/tablets" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    GetInstantTabletMetrics "get_instant_tablet_metrics" Get Branch "/metrics/tablets-instant" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    GetBranchTagMetrics "get_branch_tag_metrics" Get Branch "/metrics/tag" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    ListPasswords "list_passwords" Get Branch "/passwords" (Rule::AnyOf(PASSWORD_READ)) sees GetBranch;
    CreatePassword "create_password" Post Branch "/passwords" (CONNECT) sees GetBranch;
    DeletePassword "delete_password" Delete Password "" (DISCONNECT) sees GetPassword;
    GetPassword "get_password" Get Password "" (Rule::AnyOf(PASSWORD_READ)) sees GetPassword;
    UpdatePassword "update_password" Patch Password "" (CONNECT) sees GetPassword;
    RenewPassword "renew_password" Post Password "/renew" (CONNECT) sees GetPassword;
    GetBranchProcesslist "get_branch_processlist" Get Branch "/processlist" (VIEW_CONNECTIONS) sees GetBranch;
    KillBranchProcess "kill_branch_process" Post Branch "/processlist/kill" (KILL_CONNECTIONS) sees GetBranch;
    PromoteBranch "promote_branch" Post Branch "/promote" (any![ConnectProductionBranch, PromoteBranches]) sees GetBranch;
    ListGeneratedQueryPatternsReports "list_generated_query_patterns_reports" Get Branch "/query-patterns" (any![ReadBranch]) sees GetBranch;
    CreateQueryPatternsReport "create_query_patterns_report" Post Branch "/query-patterns" (any![ReadBranch]) sees GetBranch;
    DeleteQueryPatternsReport "delete_query_patterns_report" Delete Branch "/query-patterns/{id}" (any![ReadBranch]) sees GetQueryPatternsReportStatus;
    GetQueryPatternsReportStatus "get_query_patterns_report_status" Get Branch "/query-patterns/{id}" (any![ReadBranch]) sees GetQueryPatternsReportStatus;
    GetQueryPatternsReport "get_query_patterns_report" Get Branch "/query-patterns/{id}/download" (any![ReadBranch]) sees GetQueryPatternsReportStatus;
    RefreshBranchSchema "refresh_branch_schema" Post Branch "/refresh-schema" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    CancelBranchChangeRequest "cancel_branch_change_request" Delete Branch "/resizes" (any![WriteDatabase]) sees GetBranch;
    ListBranchResizeRequests "list_branch_resize_requests" Get Branch "/resizes" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    UpdateBranchResizeRequest "update_branch_resize_request" Put Branch "/resizes" (any![WriteDatabase]) sees GetBranch;
    GetBranchResizeRequest "get_branch_resize_request" Get Branch "/resizes/{resize}" (Rule::AnyOf(BRANCH_READ)) sees GetBranchResizeRequest;
    RestartBranch "restart_branch" Post Branch "/restart" (any![WriteDatabase]) sees GetBranch;
    SleepBranch "sleep_branch" Post Branch "/sleep" (any![WriteDatabase]) sees GetBranch;
    WakeBranch "wake_branch" Post Branch "/wake" (any![WriteDatabase]) sees GetBranch;
    GetBranchRoutingRules "get_branch_routing_rules" Get Branch "/routing-rules" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    UpdateBranchRoutingRules "update_branch_routing_rules" Patch Branch "/routing-rules" (WRITE_VSCHEMA) sees GetBranch;
    DisableSafeMigrations "disable_safe_migrations" Delete Branch "/safe-migrations" (any![WriteDatabase, ConnectProductionBranch]) sees GetBranch;
    EnableSafeMigrations "enable_safe_migrations" Post Branch "/safe-migrations" (any![WriteDatabase, ConnectProductionBranch]) sees GetBranch;
    UpdateSafeMigrations "update_safe_migrations" Put Branch "/safe-migrations" (any![WriteDatabase, ConnectProductionBranch]) sees GetBranch;
    GetBranchSchema "get_branch_schema" Get Branch "/schema" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    LintBranchSchema "lint_branch_schema" Get Branch "/schema/lint" (Rule::AnyOf(BRANCH_READ)) sees GetBranch;
    GetDataImport "get_data_import" Get Database "/data-imports" (any![ReadDatabase, WriteDatabase, ReadDatabases]) sees GetDatabase;
    BeginDataImportReverseTraffic "begin_data_import_reverse_traffic" Post Database "/data-imports/begin-reverse-traffic" (any![WriteDatabase]) sees GetDatabase;
    BeginDataImportSwitchTraffic "begin_data_import_switch_traffic" Post Database "/data-imports/begin-switch-traffic" (any![WriteDatabase]) sees GetDatabase;
    CancelDataImport "cancel_data_import" Post Database "/data-imports/cancel" (any![WriteDatabase]) sees GetDatabase;
    DetachDataImport "detach_data_import" Post Database "/data-imports/detach-external-database" (any![WriteDatabase]) sees GetDatabase;
    GetDeployQueue "get_deploy_queue" Get Database "/deploy-queue" (any![ReadDeployRequest, CreateDeployRequest, ReadDatabases]) sees GetDatabase;
    ListDeployRequests "list_deploy_requests" Get Database "/deploy-requests" (any![ReadDeployRequest, ReadDatabases]) sees GetDatabase;
    CreateDeployRequest "create_deploy_request" Post Database "/deploy-requests" (any![CreateDeployRequest]) sees GetDatabase;
    GetDeployRequest "get_deploy_request" Get Database "/deploy-requests/{number}" (any![ReadDeployRequest, ReadDatabases]) sees GetDeployRequest;
    CloseDeployRequest "close_deploy_request" Patch Database "/deploy-requests/{number}" (any![CreateDeployRequest]) sees GetDeployRequest;
    CompleteGatedDeployRequest "complete_gated_deploy_request" Post Database "/deploy-requests/{number}/apply-deploy" (any![CreateDeployRequest]) sees GetDeployRequest;
    UpdateAutoApply "update_auto_apply" Put Database "/deploy-requests/{number}/auto-apply" (any![CreateDeployRequest]) sees GetDeployRequest;
    UpdateAutoDeleteBranch "update_auto_delete_branch" Put Database "/deploy-requests/{number}/auto-delete-branch" (any![CreateDeployRequest]) sees GetDeployRequest;
    CancelDeployRequest "cancel_deploy_request" Post Database "/deploy-requests/{number}/cancel" (any![CreateDeployRequest]) sees GetDeployRequest;
    ListDeployRequestComments "list_deploy_request_comments" Get Database "/deploy-requests/{number}/comments" (any![ReadComment, CreateComment]) sees GetDeployRequest;
    CreateDeployRequestComment "create_deploy_request_comment" Post Database "/deploy-requests/{number}/comments" (any![CreateComment]) sees GetDeployRequest;
    CompleteErroredDeploy "complete_errored_deploy" Post Database "/deploy-requests/{number}/complete-deploy" (any![CreateDeployRequest]) sees GetDeployRequest;
    QueueDeployRequest "queue_deploy_request" Post Database "/deploy-requests/{number}/deploy" (any![CreateDeployRequest]) sees GetDeployRequest;
    GetDeployment "get_deployment" Get Database "/deploy-requests/{number}/deployment" (any![ReadDeployRequest, ReadDatabases]) sees GetDeployRequest;
    GetDeployRequestDiff "get_deploy_request_diff" Get Database "/deploy-requests/{number}/diff" (any![ReadDeployRequest, ReadDatabases]) sees GetDeployRequest;
    ForceCutoverDeployRequest "force_cutover_deploy_request" Post Database "/deploy-requests/{number}/force-cutover" (any![CreateDeployRequest]) sees GetDeployRequest;
    ListDeployOperations "list_deploy_operations" Get Database "/deploy-requests/{number}/operations" (any![ReadDeployRequest, ReadDatabases]) sees GetDeployRequest;
    CompleteRevert "complete_revert" Post Database "/deploy-requests/{number}/revert" (any![CreateDeployRequest]) sees GetDeployRequest;
    ListDeployRequestReviews "list_deploy_request_reviews" Get Database "/deploy-requests/{number}/reviews" (any![ReadDeployRequest, ReadDatabases]) sees GetDeployRequest;
    ReviewDeployRequest "review_deploy_request" Post Database "/deploy-requests/{number}/reviews" (REVIEW) sees GetDeployRequest;
    SkipRevertPeriod "skip_revert_period" Post Database "/deploy-requests/{number}/skip-revert" (any![CreateDeployRequest]) sees GetDeployRequest;
    CheckDeployRequestStorage "check_deploy_request_storage" Get Database "/deploy-requests/{number}/storage-check" (any![ReadDeployRequest, ReadDatabases]) sees GetDeployRequest;
    GetDeployRequestThrottler "get_deploy_request_throttler" Get Database "/deploy-requests/{number}/throttler" (any![ReadDeployRequest, ReadDatabases]) sees GetDeployRequest;
    UpdateDeployRequestThrottler "update_deploy_request_throttler" Patch Database "/deploy-requests/{number}/throttler" (any![CreateDeployRequest]) sees GetDeployRequest;
    ListMaintenanceSchedules "list_maintenance_schedules" Get Database "/maintenance-schedules" (any![ReadDatabase]) sees GetDatabase;
    GetMaintenanceSchedule "get_maintenance_schedule" Get Database "/maintenance-schedules/{id}" (any![ReadDatabase]) sees GetMaintenanceSchedule;
    ListMaintenanceWindows "list_maintenance_windows" Get Database "/maintenance-schedules/{id}/windows" (any![ReadDatabase]) sees GetMaintenanceSchedule;
    ListDatabasePasswords "list_database_passwords" Get Database "/passwords" (Rule::AnyOf(PASSWORD_READ)) sees GetDatabase;
    ListReadOnlyRegions "list_read_only_regions" Get Database "/read-only-regions" (Rule::AnyOf(DATABASE_VISIBLE)) sees GetDatabase;
    ListDatabaseRegions "list_database_regions" Get Database "/regions" (Rule::AnyOf(DATABASE_VISIBLE)) sees GetDatabase;
    ListSchemaRecommendations "list_schema_recommendations" Get Database "/schema-recommendations" (any![ReadDatabase]) sees GetDatabase;
    GetSchemaRecommendation "get_schema_recommendation" Get Database "/schema-recommendations/{number}" (any![ReadDatabase]) sees GetSchemaRecommendation;
    DismissSchemaRecommendation "dismiss_schema_recommendation" Post Database "/schema-recommendations/{number}/dismiss" (any![WriteDatabase]) sees GetSchemaRecommendation;
    GetDatabaseThrottler "get_database_throttler" Get Database "/throttler" (any![CreateDeployRequest, ReadDeployRequest]) sees GetDatabase;
    UpdateDatabaseThrottler "update_database_throttler" Patch Database "/throttler" (any![WriteDatabase]) sees GetDatabase;
    ListWebhooks "list_webhooks" Get Database "/webhooks" (any![ReadDatabase]) sees GetDatabase;
    CreateWebhook "create_webhook" Post Database "/webhooks" (any![WriteDatabase]) sees GetDatabase;
    DeleteWebhook "delete_webhook" Delete Database "/webhooks/{id}" (any![WriteDatabase]) sees GetWebhook;
    GetWebhook "get_webhook" Get Database "/webhooks/{id}" (any![ReadDatabase]) sees GetWebhook;
    UpdateWebhook "update_webhook" Patch Database "/webhooks/{id}" (any![WriteDatabase]) sees GetWebhook;
    TestWebhook "test_webhook" Post Database "/webhooks/{id}/test" (any![WriteDatabase]) sees GetWebhook;
    ListWorkflows "list_workflows" Get Database "/workflows" (any![ReadDatabase, ReadBranch]) sees GetDatabase;
    CreateWorkflow "create_workflow" Post Database "/workflows" (any![WriteDatabase]) sees GetDatabase;
    WorkflowCancel "workflow_cancel" Delete Database "/workflows/{number}" (any![WriteDatabase]) sees GetWorkflow;
    GetWorkflow "get_workflow" Get Database "/workflows/{number}" (any![ReadDatabase, ReadBranch]) sees GetWorkflow;
    WorkflowComplete "workflow_complete" Patch Database "/workflows/{number}/complete" (any![WriteDatabase]) sees GetWorkflow;
    WorkflowCutover "workflow_cutover" Patch Database "/workflows/{number}/cutover" (any![WriteDatabase]) sees GetWorkflow;
    WorkflowRetry "workflow_retry" Patch Database "/workflows/{number}/retry" (any![WriteDatabase]) sees GetWorkflow;
    WorkflowReverseCutover "workflow_reverse_cutover" Patch Database "/workflows/{number}/reverse-cutover" (any![WriteDatabase]) sees GetWorkflow;
    WorkflowReverseTraffic "workflow_reverse_traffic" Patch Database "/workflows/{number}/reverse-traffic" (any![WriteDatabase]) sees GetWorkflow;
    WorkflowSwitchPrimaries "workflow_switch_primaries" Patch Database "/workflows/{number}/switch-primaries" (any![WriteDatabase]) sees GetWorkflow;
    WorkflowSwitchReplicas "workflow_switch_replicas" Patch Database "/workflows/{number}/switch-replicas" (any![WriteDatabase]) sees GetWorkflow;
    VerifyWorkflow "verify_workflow" Patch Database "/workflows/{number}/verify-data" (any![WriteDatabase]) sees GetWorkflow;
    ListOrganizationInvitations "list_organization_invitations" Get Organization "/invitations" (any![WriteMembers]) sees GetOrganization;
    CreateOrganizationInvitation "create_organization_invitation" Post Organization "/invitations" (any![WriteMembers]) sees GetOrganization;
    DeleteOrganizationInvitation "delete_organization_invitation" Delete Organization "/invitations/{id}" (any![WriteMembers]) sees ListOrganizationInvitations;
    ListInvoices "list_invoices" Get Organization "/invoices" (any![ReadInvoices]) sees GetOrganization;
    GetInvoice "get_invoice" Get Organization "/invoices/{id}" (any![ReadInvoices]) sees GetInvoice;
    GetInvoiceLineItems "get_invoice_line_items" Get Organization "/invoices/{id}/line-items" (any![ReadInvoices]) sees GetInvoice;
    GetOrganizationFigures "get_organization_figures" Get Organization "/figures" (any![ReadOrganization]) sees GetOrganization;
    ListOrganizationMembers "list_organization_members" Get Organization "/members" (any![ReadOrganization]) sees GetOrganization;
    RemoveOrganizationMember "remove_organization_member" Delete Member "" (LEAVE_OR_REMOVE) sees GetOrganizationMembership;
    GetOrganizationMembership "get_organization_membership" Get Member "" (any![ReadOrganization]) sees GetOrganizationMembership;
    UpdateOrganizationMembership "update_organization_membership" Patch Member "" (any![WriteOrganization]) sees GetOrganizationMembership;
    GetOrganizationMetrics "get_organization_metrics" Get Organization "/metrics" (any![ReadMetricsEndpoints]) sees GetOrganization;
    ListOauthApplications "list_oauth_applications" Get Organization "/oauth-applications" (any![ReadOauthApplications]) sees GetOrganization;
    GetOauthApplication "get_oauth_application" Get Organization "/oauth-applications/{application_id}" (any![ReadOauthApplications]) sees GetOauthApplication;
    ListOauthTokens "list_oauth_tokens" Get Organization "/oauth-applications/{application_id}/tokens" (any![ReadOauthTokens]) sees GetOauthApplication;
    DeleteOauthToken "delete_oauth_token" Delete Organization "/oauth-applications/{application_id}/tokens/{token_id}" (any![DeleteOauthTokens]) sees GetOauthToken;
    GetOauthToken "get_oauth_token" Get Organization "/oauth-applications/{application_id}/tokens/{token_id}" (any![ReadOauthTokens]) sees GetOauthToken;
    CreateOauthToken "create_oauth_token" Post Organization "/oauth-applications/{id}/token" (any![WriteOauthTokens]) sees GetOauthApplication;
    ListRegionsForOrganization "list_regions_for_organization" Get Organization "/regions" (any![ReadOrganization]) sees GetOrganization;
    ListServiceTokens "list_service_tokens" Get Organization "/service-tokens" (any![ReadServiceTokens]) sees GetOrganization;
    CreateServiceToken "create_service_token" Post Organization "/service-tokens" (any![WriteServiceTokens]) sees GetOrganization;
    DeleteServiceToken "delete_service_token" Delete Token "" (any![DeleteServiceTokens]) sees GetServiceToken;
    GetServiceToken "get_service_token" Get Token "" (any![ReadServiceTokens]) sees GetServiceToken;
    UpdateServiceToken "update_service_token" Patch Token "" (any![WriteServiceTokens]) sees GetServiceToken;
    RemoveServiceTokenAccesses "remove_service_token_accesses" Delete Token "/access" (any![WriteServiceTokens]) sees GetServiceToken;
    ListServiceTokenAccesses "list_service_token_accesses" Get Token "/access" (any![ReadServiceTokens]) sees GetServiceToken;
    AddServiceTokenAccesses "add_service_token_accesses" Post Token "/access" (any![WriteServiceTokens]) sees GetServiceToken;
    AdoptServiceToken "adopt_service_token" Post Token "/adopt" (any![AdoptServiceTokens]) sees GetServiceToken;
    ListServiceTokenDenials "list_service_token_denials" Get Token "/denials" (any![ReadServiceTokens]) sees GetServiceToken;
    ExplainServiceToken "explain_service_token" Post Token "/explain" (any![ReadServiceTokens]) sees GetServiceToken;
    ListServiceTokenGrants "list_service_token_grants" Get Token "/grants" (any![ReadServiceTokens]) sees GetServiceToken;
    ReplaceServiceTokenGrants "replace_service_token_grants" Put Token "/grants" (any![WriteServiceTokens]) sees GetServiceToken;
    RotateServiceToken "rotate_service_token" Post Token "/rotate" (any![WriteServiceTokens]) sees GetServiceToken;
    GetServiceTokenFigures "get_service_token_figures" Get Token "/figures" (any![ReadServiceTokens]) sees GetServiceToken;
    GetServiceTokenUsage "get_service_token_usage" Get Token "/usage" (any![ReadServiceTokens]) sees GetServiceToken;
    ListOrganizationTeams "list_organization_teams" Get Organization "/teams" (any![ReadOrganization]) sees GetOrganization;
    CreateOrganizationTeam "create_organization_team" Post Organization "/teams" (any![WriteTeams]) sees GetOrganization;
    DeleteOrganizationTeam "delete_organization_team" Delete Organization "/teams/{team}" (any![WriteTeams]) sees GetOrganizationTeam;
    GetOrganizationTeam "get_organization_team" Get Organization "/teams/{team}" (any![ReadOrganization]) sees GetOrganizationTeam;
    UpdateOrganizationTeam "update_organization_team" Patch Organization "/teams/{team}" (any![WriteTeams]) sees GetOrganizationTeam;
    ListOrganizationTeamMembers "list_organization_team_members" Get Organization "/teams/{team}/members" (any![ReadOrganization]) sees GetOrganizationTeam;
    AddOrganizationTeamMember "add_organization_team_member" Post Organization "/teams/{team}/members" (any![WriteTeams]) sees GetOrganizationTeam;
    RemoveOrganizationTeamMember "remove_organization_team_member" Delete Organization "/teams/{team}/members/{id}" (any![WriteTeams]) sees GetOrganizationTeamMember;
    GetOrganizationTeamMember "get_organization_team_member" Get Organization "/teams/{team}/members/{id}" (any![ReadOrganization]) sees GetOrganizationTeamMember;
    ListPublicRegions "list_public_regions" Get Nowhere "/regions" (Rule::Public) sees ListPublicRegions;
    GetCurrentUser "get_current_user" Get Nowhere "/user" (any![ReadUser]) sees GetCurrentUser;
    UpdateCurrentUser "update_current_user" Patch Nowhere "/user" (any![WriteUser]) sees GetCurrentUser;
}

impl Operation {
    /// Its row.
    pub fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Its id.
    pub fn id(self) -> &'static str {
        self.row().id
    }

    /// The operation of that id.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.id() == id)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
