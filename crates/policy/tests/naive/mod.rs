//! A second model of who may do what, naive on purpose: plain strings, one line per operation, every
//! list written out. It was written from the tables of the contract without a look at the crate, so
//! that the two are unlikely to share a mistake. See README.md beside this file.
//!
//! Do not make it clever, and do not "fix" it by copying from the crate: a disagreement is a question.
#![allow(dead_code)] // each test takes the part that it needs
#![allow(clippy::match_like_matches_macro)] // long-hand is the point

/// One question: may this actor do this?
#[derive(Debug, Clone)]
pub struct Case {
    pub actor: CaseActor,
    /// Operation id.
    pub operation: String,
    /// The resource's organization is the token's own, or the user is a member of it.
    pub same_organization: bool,
    /// The branch that the path names (for a backup: the branch it was taken from) is a production branch.
    pub production: bool,
    /// Passwords only: the wanted role on create, else the role that the password has.
    pub password_role: Option<String>,
    /// create_branch from a backup (`backup_id` or `seed_data`).
    pub restoring: bool,
    /// With `restoring`: the backup comes from a production branch.
    pub backup_production: bool,
    /// review_deploy_request: the state is "approved"; otherwise "commented".
    pub approving: bool,
    /// False only for create_branch with `create_database_if_missing` on a database that is not there.
    pub database_exists: bool,
    /// Paths that name a person: the actor is that person. No token ever is.
    pub oneself: bool,
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum CaseActor {
    Token {
        organization: Vec<String>,
        all_databases: Vec<String>,
        this_database: Vec<String>,
        other_database: Vec<String>,
    },
    User {
        /// "admin", "analyst" or "member"
        role: String,
        /// Of the database that the path names.
        database_administrator: bool,
    },
    Operator,
    /// Somebody who sends no credential.
    Nobody,
}

/// The answer.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Verdict {
    Allowed,
    /// 403
    Forbidden,
    /// 404
    NotFound,
}

/// Every operation that is known here, sorted.
pub const OPERATIONS: &[&str] = &[
    "add_database_administrator",
    "add_organization_team_member",
    "add_service_token_accesses",
    "adopt_service_token",
    "begin_data_import_reverse_traffic",
    "begin_data_import_switch_traffic",
    "cancel_branch_change_request",
    "cancel_data_import",
    "cancel_deploy_request",
    "cancel_keyspace_resize_request",
    "check_deploy_request_storage",
    "close_deploy_request",
    "complete_errored_deploy",
    "complete_gated_deploy_request",
    "complete_revert",
    "create_backup",
    "create_backup_policy",
    "create_branch",
    "create_database",
    "create_deploy_request",
    "create_deploy_request_comment",
    "create_keyspace",
    "create_oauth_token",
    "create_organization_invitation",
    "create_organization_team",
    "create_password",
    "create_query_patterns_report",
    "create_service_token",
    "create_webhook",
    "create_workflow",
    "delete_backup",
    "delete_backup_policy",
    "delete_branch",
    "delete_database",
    "delete_keyspace",
    "delete_oauth_token",
    "delete_organization_invitation",
    "delete_organization_team",
    "delete_password",
    "delete_query_patterns_report",
    "delete_service_token",
    "delete_webhook",
    "demote_branch",
    "detach_data_import",
    "disable_safe_migrations",
    "dismiss_schema_recommendation",
    "enable_safe_migrations",
    "explain_service_token",
    "force_cutover_deploy_request",
    "get_backup",
    "get_backup_policy",
    "get_branch",
    "get_branch_anomaly",
    "get_branch_diff",
    "get_branch_infrastructure",
    "get_branch_keyspace_table_metrics",
    "get_branch_metrics",
    "get_branch_processlist",
    "get_branch_query",
    "get_branch_query_error",
    "get_branch_query_metrics",
    "get_branch_query_tag",
    "get_branch_resize_request",
    "get_branch_routing_rules",
    "get_branch_schema",
    "get_branch_table_metrics",
    "get_branch_tag_metrics",
    "get_current_user",
    "get_data_import",
    "get_database",
    "get_database_throttler",
    "get_deploy_queue",
    "get_deploy_request",
    "get_deploy_request_diff",
    "get_deploy_request_throttler",
    "get_deployment",
    "get_instant_branch_metrics",
    "get_instant_tablet_metrics",
    "get_invoice",
    "get_invoice_line_items",
    "get_keyspace",
    "get_keyspace_resize_request",
    "get_keyspace_rollout_status",
    "get_keyspace_vschema",
    "get_maintenance_schedule",
    "get_oauth_application",
    "get_oauth_token",
    "get_organization",
    "get_organization_figures",
    "get_organization_membership",
    "get_organization_metrics",
    "get_organization_team",
    "get_organization_team_member",
    "get_password",
    "get_query_patterns_report",
    "get_query_patterns_report_status",
    "get_query_statistics",
    "get_query_summary",
    "get_schema_recommendation",
    "get_service_token",
    "get_service_token_figures",
    "get_service_token_usage",
    "get_tablet_metrics",
    "get_webhook",
    "get_workflow",
    "kill_branch_connection",
    "kill_branch_process",
    "kill_branch_query",
    "kill_branch_transaction",
    "lint_branch_schema",
    "list_audit_logs",
    "list_backup_policies",
    "list_backups",
    "list_branch_anomalies",
    "list_branch_cluster_size_skus",
    "list_branch_connections",
    "list_branch_queries",
    "list_branch_query_errors",
    "list_branch_query_tag_summaries",
    "list_branch_query_tags",
    "list_branch_resize_requests",
    "list_branches",
    "list_cluster_size_skus",
    "list_database_administrators",
    "list_database_passwords",
    "list_database_regions",
    "list_databases",
    "list_deploy_operations",
    "list_deploy_request_comments",
    "list_deploy_request_reviews",
    "list_deploy_requests",
    "list_generated_query_patterns_reports",
    "list_invoices",
    "list_keyspace_resize_requests",
    "list_keyspaces",
    "list_maintenance_schedules",
    "list_maintenance_windows",
    "list_oauth_applications",
    "list_oauth_tokens",
    "list_organization_invitations",
    "list_organization_members",
    "list_organization_team_members",
    "list_organization_teams",
    "list_organizations",
    "list_passwords",
    "list_public_regions",
    "list_read_only_regions",
    "list_regions_for_organization",
    "list_schema_recommendations",
    "list_service_token_accesses",
    "list_service_token_denials",
    "list_service_token_grants",
    "list_service_tokens",
    "list_webhooks",
    "list_workflows",
    "promote_branch",
    "queue_deploy_request",
    "refresh_branch_schema",
    "remove_database_administrator",
    "remove_organization_member",
    "remove_organization_team_member",
    "remove_service_token_accesses",
    "renew_password",
    "replace_service_token_grants",
    "restart_branch",
    "review_deploy_request",
    "rotate_service_token",
    "run_branch_statement",
    "skip_revert_period",
    "sleep_branch",
    "start_data_import",
    "test_data_import_connection",
    "test_webhook",
    "update_auto_apply",
    "update_auto_delete_branch",
    "update_backup",
    "update_backup_policy",
    "update_branch",
    "update_branch_cluster_config",
    "update_branch_resize_request",
    "update_branch_routing_rules",
    "update_current_user",
    "update_database_settings",
    "update_database_throttler",
    "update_deploy_request_throttler",
    "update_keyspace",
    "update_keyspace_read_only_regions",
    "update_keyspace_resize_request",
    "update_keyspace_vschema",
    "update_organization",
    "update_organization_membership",
    "update_organization_team",
    "update_password",
    "update_safe_migrations",
    "update_service_token",
    "update_webhook",
    "verify_workflow",
    "wake_branch",
    "workflow_cancel",
    "workflow_complete",
    "workflow_cutover",
    "workflow_retry",
    "workflow_reverse_cutover",
    "workflow_reverse_traffic",
    "workflow_switch_primaries",
    "workflow_switch_replicas",
];

/// Every organization-level access, sorted.
pub const ORGANIZATION_ACCESSES: &[&str] = &[
    "create_databases",
    "delete_databases",
    "delete_oauth_tokens",
    "delete_service_tokens",
    "read_audit_logs",
    "read_databases",
    "read_invoices",
    "read_metrics_endpoints",
    "read_oauth_applications",
    "read_oauth_tokens",
    "read_organization",
    "read_service_tokens",
    "write_members",
    "write_oauth_tokens",
    "write_organization",
    "write_service_tokens",
    "write_teams",
];

/// Every database-level access, sorted. The three for Postgres roles are not among them.
pub const DATABASE_ACCESSES: &[&str] = &[
    "approve_deploy_request",
    "connect_branch",
    "connect_production_branch",
    "connect_production_read_only_branch",
    "create_branch",
    "create_comment",
    "create_deploy_request",
    "delete_backups",
    "delete_branch",
    "delete_branch_password",
    "delete_database",
    "delete_production_branch",
    "delete_production_branch_backups",
    "delete_production_branch_password",
    "delete_production_read_only_branch_password",
    "demote_branches",
    "promote_branches",
    "read_backups",
    "read_branch",
    "read_comment",
    "read_database",
    "read_deploy_request",
    "restore_backup",
    "restore_production_branch_backup",
    "review_deploy_request",
    "write_backups",
    "write_branch_vschema",
    "write_database",
    "write_production_branch_vschema",
];

/// What a plain member may do, organization level.
const MEMBER_ORGANIZATION: &[&str] = &[
    "read_organization",
    "read_databases",
    "create_databases",
    "read_service_tokens",
    "write_service_tokens",
    "delete_service_tokens",
];

/// What a plain member may do, on every database of the organization.
const MEMBER_DATABASE: &[&str] = &[
    "read_database",
    "read_branch",
    "create_branch",
    "delete_branch",
    "connect_branch",
    "delete_branch_password",
    "read_deploy_request",
    "create_deploy_request",
    "approve_deploy_request",
    "review_deploy_request",
    "read_comment",
    "create_comment",
    "read_backups",
    "delete_backups",
    "restore_backup",
];

/// Accesses that reach into production; plain members may not give them away.
pub fn is_production_access(access: &str) -> bool {
    match access {
        "connect_production_branch" => true,
        "connect_production_read_only_branch" => true,
        "delete_production_branch" => true,
        "delete_production_branch_password" => true,
        "delete_production_read_only_branch_password" => true,
        "delete_production_branch_backups" => true,
        "restore_production_branch_backup" => true,
        "write_production_branch_vschema" => true,
        "promote_branches" => true,
        "demote_branches" => true,
        _ => false,
    }
}

/// The verdict on one case.
pub fn judge(case: &Case) -> Verdict {
    // What nobody knows, nobody may.
    if !OPERATIONS.contains(&case.operation.as_str()) {
        return Verdict::NotFound;
    }

    // Without a credential there is one thing to read.
    if let CaseActor::Nobody = &case.actor {
        if case.operation == "list_public_regions" {
            return Verdict::Allowed;
        }
        return Verdict::NotFound;
    }

    // Somebody with a role that does not exist is nobody.
    if let CaseActor::User { role, .. } = &case.actor
        && role != "admin"
        && role != "analyst"
        && role != "member"
    {
        return Verdict::NotFound;
    }

    // Three paths that name no organization.
    if case.operation == "list_organizations" {
        return Verdict::Allowed;
    }
    if case.operation == "list_public_regions" {
        return Verdict::Allowed;
    }
    if case.operation == "get_current_user" {
        return match &case.actor {
            CaseActor::User { .. } => Verdict::Allowed,
            CaseActor::Operator => Verdict::Allowed,
            CaseActor::Token { .. } => Verdict::NotFound,
            CaseActor::Nobody => Verdict::NotFound,
        };
    }
    // Everybody looks after his own account; a token has none.
    if case.operation == "update_current_user" {
        return match &case.actor {
            CaseActor::User { .. } => Verdict::Allowed,
            CaseActor::Operator => Verdict::Allowed,
            CaseActor::Token { .. } => Verdict::NotFound,
            CaseActor::Nobody => Verdict::NotFound,
        };
    }

    // The operator of the machine may do whatever exists, in whichever organization.
    if let CaseActor::Operator = &case.actor {
        return Verdict::Allowed;
    }

    // Nothing of a foreign organization exists.
    if !case.same_organization {
        return Verdict::NotFound;
    }

    // A branch on a database that is to be made on the way: whoever may not make it, does not find it.
    if case.operation == "create_branch" && !case.database_exists {
        if organization(case, &["create_databases"]) {
            return Verdict::Allowed;
        }
        return Verdict::NotFound;
    }

    if allowed(case) {
        return Verdict::Allowed;
    }
    if last_thing_is_readable(case) {
        return Verdict::Forbidden;
    }
    Verdict::NotFound
}

/// Holds the actor one of these on the organization?
fn organization(case: &Case, any_of: &[&str]) -> bool {
    for access in any_of {
        if !ORGANIZATION_ACCESSES.contains(access) {
            panic!("{access} is no organization-level access");
        }
        match &case.actor {
            CaseActor::Token { organization, .. } => {
                if organization.iter().any(|held| held == access) {
                    return true;
                }
            }
            CaseActor::User { role, .. } => {
                if role == "admin" {
                    return true;
                }
                if MEMBER_ORGANIZATION.contains(access) {
                    return true;
                }
            }
            CaseActor::Operator => return true,
            CaseActor::Nobody => return false,
        }
    }
    false
}

/// Holds the actor one of these on the database that the path names?
fn database(case: &Case, any_of: &[&str]) -> bool {
    for access in any_of {
        if !DATABASE_ACCESSES.contains(access) {
            panic!("{access} is no database-level access");
        }
        match &case.actor {
            CaseActor::Token { all_databases, this_database, .. } => {
                if this_database.iter().any(|held| held == access) {
                    return true;
                }
                if all_databases.iter().any(|held| held == access) {
                    return true;
                }
            }
            CaseActor::User { role, database_administrator } => {
                if role == "admin" {
                    return true;
                }
                if *database_administrator {
                    return true;
                }
                if MEMBER_DATABASE.contains(access) {
                    return true;
                }
                if role == "analyst" && *access == "connect_production_read_only_branch" {
                    return true;
                }
                if role == "analyst" && *access == "delete_production_read_only_branch_password" {
                    return true;
                }
            }
            CaseActor::Operator => return true,
            CaseActor::Nobody => return false,
        }
    }
    false
}

/// A person, and an administrator of the organization.
fn organization_administrator(case: &Case) -> bool {
    match &case.actor {
        CaseActor::User { role, .. } => role == "admin",
        _ => false,
    }
}

/// A person who administers the organization or the database that the path names.
fn database_administrator(case: &Case) -> bool {
    match &case.actor {
        CaseActor::User { role, database_administrator } => role == "admin" || *database_administrator,
        _ => false,
    }
}

/// A person, whichever role.
fn person(case: &Case) -> bool {
    match &case.actor {
        CaseActor::User { .. } => true,
        CaseActor::Token { .. } => false,
        CaseActor::Operator => false,
        CaseActor::Nobody => false,
    }
}

/// A token, not a person.
fn token(case: &Case) -> bool {
    match &case.actor {
        CaseActor::Token { .. } => true,
        CaseActor::User { .. } => false,
        CaseActor::Operator => false,
        CaseActor::Nobody => false,
    }
}

/// People may look at the live connections of a branch, tokens never.
fn may_view_connections(case: &Case) -> bool {
    match &case.actor {
        CaseActor::User { role, database_administrator } => {
            if !case.production {
                return true;
            }
            role == "admin" || role == "analyst" || *database_administrator
        }
        _ => false,
    }
}

/// People may end live connections of a branch, tokens never.
fn may_kill_connections(case: &Case) -> bool {
    match &case.actor {
        CaseActor::User { role, database_administrator } => {
            if !case.production {
                return true;
            }
            role == "admin" || *database_administrator
        }
        _ => false,
    }
}

/// People may run statements on a branch in the console, tokens never. It opens what a password would.
fn may_use_console(case: &Case) -> bool {
    if !person(case) {
        return false;
    }
    if !case.production {
        database(case, &["connect_branch"])
    } else if is_reader(case) {
        database(case, &["connect_production_branch", "connect_production_read_only_branch"])
    } else {
        database(case, &["connect_production_branch"])
    }
}

/// The password role of the case; without one it is "admin", which is what create takes then.
fn is_reader(case: &Case) -> bool {
    case.password_role.as_deref() == Some("reader")
}

/// Is the operation open to the actor, the organization being his own and the database there?
fn allowed(case: &Case) -> bool {
    match case.operation.as_str() {
        // ---- the organization
        "get_organization" => organization(case, &["read_organization"]),
        "update_organization" => organization_administrator(case),
        "list_audit_logs" => organization(case, &["read_audit_logs"]),
        "list_cluster_size_skus" => organization(case, &["read_organization"]),
        "list_regions_for_organization" => organization(case, &["read_organization"]),
        "get_organization_metrics" => organization(case, &["read_metrics_endpoints"]),
        "get_organization_figures" => organization(case, &["read_organization"]),

        // ---- members and invitations
        "list_organization_members" => organization(case, &["read_organization"]),
        "get_organization_membership" => organization(case, &["read_organization"]),
        "update_organization_membership" => organization(case, &["write_organization"]),
        // anyone may remove himself
        "remove_organization_member" => {
            organization(case, &["write_organization"]) || (person(case) && case.oneself)
        }
        "list_organization_invitations" => organization(case, &["write_members"]),
        "create_organization_invitation" => organization(case, &["write_members"]),
        "delete_organization_invitation" => organization(case, &["write_members"]),

        // ---- teams
        "list_organization_teams" => organization(case, &["read_organization"]),
        "create_organization_team" => organization(case, &["write_teams"]),
        "get_organization_team" => organization(case, &["read_organization"]),
        "update_organization_team" => organization(case, &["write_teams"]),
        "delete_organization_team" => organization(case, &["write_teams"]),
        "list_organization_team_members" => organization(case, &["read_organization"]),
        "add_organization_team_member" => organization(case, &["write_teams"]),
        "get_organization_team_member" => organization(case, &["read_organization"]),
        "remove_organization_team_member" => organization(case, &["write_teams"]),

        // ---- invoices
        "list_invoices" => organization(case, &["read_invoices"]),
        "get_invoice" => organization(case, &["read_invoices"]),
        "get_invoice_line_items" => organization(case, &["read_invoices"]),

        // ---- OAuth applications
        "list_oauth_applications" => organization(case, &["read_oauth_applications"]),
        "get_oauth_application" => organization(case, &["read_oauth_applications"]),
        "list_oauth_tokens" => organization(case, &["read_oauth_tokens"]),
        "get_oauth_token" => organization(case, &["read_oauth_tokens"]),
        "delete_oauth_token" => organization(case, &["delete_oauth_tokens"]),
        "create_oauth_token" => organization(case, &["write_oauth_tokens"]),

        // ---- service tokens
        "list_service_tokens" => organization(case, &["read_service_tokens"]),
        "create_service_token" => organization(case, &["write_service_tokens"]),
        "get_service_token" => organization(case, &["read_service_tokens"]),
        "delete_service_token" => organization(case, &["delete_service_tokens"]),
        "list_service_token_accesses" => organization(case, &["read_service_tokens"]),
        "list_service_token_grants" => organization(case, &["read_service_tokens"]),
        "list_service_token_denials" => organization(case, &["read_service_tokens"]),
        "get_service_token_usage" => organization(case, &["read_service_tokens"]),
        "get_service_token_figures" => organization(case, &["read_service_tokens"]),
        "explain_service_token" => organization(case, &["read_service_tokens"]),
        "add_service_token_accesses" => organization(case, &["write_service_tokens"]),
        "remove_service_token_accesses" => organization(case, &["write_service_tokens"]),
        "replace_service_token_grants" => organization(case, &["write_service_tokens"]),
        "rotate_service_token" => organization(case, &["write_service_tokens"]),
        "update_service_token" => organization(case, &["write_service_tokens"]),
        "adopt_service_token" => person(case),

        // ---- databases
        "list_databases" => true,
        "create_database" => organization(case, &["create_databases"]),
        "get_database" => {
            organization(case, &["read_databases"])
                || database(
                    case,
                    &[
                        "read_database",
                        "write_database",
                        "delete_database",
                        "read_branch",
                        "create_branch",
                        "delete_branch",
                        "delete_production_branch",
                        "promote_branches",
                        "demote_branches",
                        "connect_branch",
                        "connect_production_branch",
                        "connect_production_read_only_branch",
                        "delete_branch_password",
                        "delete_production_branch_password",
                        "delete_production_read_only_branch_password",
                        "read_deploy_request",
                        "create_deploy_request",
                        "approve_deploy_request",
                        "read_comment",
                        "create_comment",
                        "read_backups",
                        "write_backups",
                        "delete_backups",
                        "delete_production_branch_backups",
                        "restore_backup",
                        "restore_production_branch_backup",
                        "write_branch_vschema",
                        "write_production_branch_vschema",
                    ],
                )
        }
        "list_database_regions" => {
            organization(case, &["read_databases"])
                || database(
                    case,
                    &[
                        "approve_deploy_request",
                        "connect_branch",
                        "connect_production_branch",
                        "connect_production_read_only_branch",
                        "create_branch",
                        "create_comment",
                        "create_deploy_request",
                        "delete_backups",
                        "delete_branch",
                        "delete_branch_password",
                        "delete_database",
                        "delete_production_branch",
                        "delete_production_branch_backups",
                        "delete_production_branch_password",
                        "delete_production_read_only_branch_password",
                        "demote_branches",
                        "promote_branches",
                        "read_backups",
                        "read_branch",
                        "read_comment",
                        "read_database",
                        "read_deploy_request",
                        "restore_backup",
                        "restore_production_branch_backup",
                        "write_backups",
                        "write_branch_vschema",
                        "write_database",
                        "write_production_branch_vschema",
                    ],
                )
        }
        "list_read_only_regions" => {
            organization(case, &["read_databases"])
                || database(
                    case,
                    &[
                        "read_database",
                        "read_branch",
                        "read_deploy_request",
                        "read_comment",
                        "read_backups",
                        "write_database",
                        "write_backups",
                        "write_branch_vschema",
                        "write_production_branch_vschema",
                        "create_branch",
                        "create_comment",
                        "create_deploy_request",
                        "approve_deploy_request",
                        "promote_branches",
                        "demote_branches",
                        "connect_branch",
                        "connect_production_branch",
                        "connect_production_read_only_branch",
                        "restore_backup",
                        "restore_production_branch_backup",
                        "delete_database",
                        "delete_branch",
                        "delete_production_branch",
                        "delete_branch_password",
                        "delete_production_branch_password",
                        "delete_production_read_only_branch_password",
                        "delete_backups",
                        "delete_production_branch_backups",
                    ],
                )
        }
        "update_database_settings" => database(case, &["write_database"]),
        "delete_database" => {
            database(case, &["delete_database"]) || organization(case, &["delete_databases"])
        }
        // Who administers it is read by members, and chosen by administrators: the organization's, or its own.
        "list_database_administrators" => database(case, &["read_database"]),
        "add_database_administrator" => database_administrator(case),
        "remove_database_administrator" => database_administrator(case),
        "list_maintenance_schedules" => database(case, &["read_database"]),
        "get_maintenance_schedule" => database(case, &["read_database"]),
        "list_maintenance_windows" => database(case, &["read_database"]),
        "list_schema_recommendations" => database(case, &["read_database"]),
        "get_schema_recommendation" => database(case, &["read_database"]),
        "dismiss_schema_recommendation" => database(case, &["write_database"]),
        "get_database_throttler" => database(case, &["read_deploy_request", "create_deploy_request"]),
        "update_database_throttler" => database(case, &["write_database"]),
        "list_webhooks" => database(case, &["read_database"]),
        "create_webhook" => database(case, &["write_database"]),
        "get_webhook" => database(case, &["read_database"]),
        "update_webhook" => database(case, &["write_database"]),
        "delete_webhook" => database(case, &["write_database"]),
        "test_webhook" => database(case, &["write_database"]),

        // ---- workflows
        "list_workflows" => database(case, &["read_database", "read_branch"]),
        "get_workflow" => database(case, &["read_database", "read_branch"]),
        "create_workflow" => database(case, &["write_database"]),
        "verify_workflow" => database(case, &["write_database"]),
        "workflow_cancel" => database(case, &["write_database"]),
        "workflow_complete" => database(case, &["write_database"]),
        "workflow_cutover" => database(case, &["write_database"]),
        "workflow_retry" => database(case, &["write_database"]),
        "workflow_reverse_cutover" => database(case, &["write_database"]),
        "workflow_reverse_traffic" => database(case, &["write_database"]),
        "workflow_switch_primaries" => database(case, &["write_database"]),
        "workflow_switch_replicas" => database(case, &["write_database"]),

        // ---- data imports; of people only administrators start one
        "test_data_import_connection" => !token(case) && organization_administrator(case),
        "start_data_import" => !token(case) && organization_administrator(case),
        "get_data_import" => {
            database(case, &["read_database", "write_database"]) || organization(case, &["read_databases"])
        }
        "cancel_data_import" => database(case, &["write_database"]),
        "begin_data_import_switch_traffic" => database(case, &["write_database"]),
        "begin_data_import_reverse_traffic" => database(case, &["write_database"]),
        "detach_data_import" => database(case, &["write_database"]),

        // ---- branches
        "list_branches" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "create_branch" => {
            if case.restoring {
                if case.backup_production {
                    database(case, &["restore_production_branch_backup"])
                } else {
                    database(case, &["restore_backup"])
                }
            } else {
                database(case, &["create_branch"])
            }
        }
        "get_branch" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "update_branch" => database(case, &["write_database"]),
        "delete_branch" => {
            if case.production {
                database(case, &["delete_production_branch"])
            } else {
                database(case, &["delete_branch"])
            }
        }
        "promote_branch" => database(case, &["connect_production_branch", "promote_branches"]),
        "demote_branch" => database(case, &["connect_production_branch", "demote_branches"]),
        "enable_safe_migrations" => database(case, &["write_database", "connect_production_branch"]),
        "update_safe_migrations" => database(case, &["write_database", "connect_production_branch"]),
        "disable_safe_migrations" => database(case, &["write_database", "connect_production_branch"]),
        "update_branch_cluster_config" => database(case, &["write_database"]),
        "restart_branch" => database(case, &["write_database"]),
        "sleep_branch" => database(case, &["write_database"]),
        "wake_branch" => database(case, &["write_database"]),
        "list_branch_resize_requests" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_resize_request" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "update_branch_resize_request" => database(case, &["write_database"]),
        "cancel_branch_change_request" => database(case, &["write_database"]),
        "get_branch_schema" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "lint_branch_schema" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_diff" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_infrastructure" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "list_branch_cluster_size_skus" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "refresh_branch_schema" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_routing_rules" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "update_branch_routing_rules" => {
            if case.production {
                database(case, &["write_production_branch_vschema"])
            } else {
                database(case, &["write_branch_vschema"])
            }
        }

        // ---- metrics of a branch
        "get_branch_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_instant_branch_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_keyspace_table_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_query_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_table_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_branch_tag_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_tablet_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "get_instant_tablet_metrics" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),

        // ---- insights and query patterns
        "list_branch_queries" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "get_branch_query" => database(case, &["read_database"]) || organization(case, &["read_databases"]),
        "list_branch_anomalies" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "get_branch_anomaly" => database(case, &["read_database"]) || organization(case, &["read_databases"]),
        "list_branch_query_errors" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "get_branch_query_error" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "list_branch_query_tags" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "list_branch_query_tag_summaries" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "get_branch_query_tag" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "get_query_statistics" => {
            database(case, &["read_database"]) || organization(case, &["read_databases"])
        }
        "get_query_summary" => database(case, &["read_database"]) || organization(case, &["read_databases"]),
        "list_generated_query_patterns_reports" => database(case, &["read_branch"]),
        "create_query_patterns_report" => database(case, &["read_branch"]),
        "get_query_patterns_report_status" => database(case, &["read_branch"]),
        "delete_query_patterns_report" => database(case, &["read_branch"]),
        "get_query_patterns_report" => database(case, &["read_branch"]),

        // ---- live connections
        "get_branch_processlist" => may_view_connections(case),
        "list_branch_connections" => may_view_connections(case),
        "kill_branch_process" => may_kill_connections(case),
        "kill_branch_query" => may_kill_connections(case),
        "kill_branch_transaction" => may_kill_connections(case),
        "kill_branch_connection" => may_kill_connections(case),

        // ---- the console
        "run_branch_statement" => may_use_console(case),

        // ---- passwords
        "list_database_passwords" => database(
            case,
            &[
                "read_branch",
                "delete_branch",
                "create_branch",
                "connect_branch",
                "connect_production_branch",
                "connect_production_read_only_branch",
            ],
        ),
        "list_passwords" => database(
            case,
            &[
                "read_branch",
                "delete_branch",
                "create_branch",
                "connect_branch",
                "connect_production_branch",
                "connect_production_read_only_branch",
            ],
        ),
        "get_password" => database(
            case,
            &[
                "read_branch",
                "delete_branch",
                "create_branch",
                "connect_branch",
                "connect_production_branch",
                "connect_production_read_only_branch",
            ],
        ),
        "create_password" => {
            if !case.production {
                database(case, &["connect_branch"])
            } else if is_reader(case) {
                database(case, &["connect_production_branch", "connect_production_read_only_branch"])
            } else {
                database(case, &["connect_production_branch"])
            }
        }
        "update_password" => {
            if !case.production {
                database(case, &["connect_branch"])
            } else if is_reader(case) {
                database(case, &["connect_production_branch", "connect_production_read_only_branch"])
            } else {
                database(case, &["connect_production_branch"])
            }
        }
        "renew_password" => {
            if !case.production {
                database(case, &["connect_branch"])
            } else if is_reader(case) {
                database(case, &["connect_production_branch", "connect_production_read_only_branch"])
            } else {
                database(case, &["connect_production_branch"])
            }
        }
        "delete_password" => {
            if !case.production {
                database(case, &["delete_branch_password"])
            } else if is_reader(case) {
                database(
                    case,
                    &["delete_production_branch_password", "delete_production_read_only_branch_password"],
                )
            } else {
                database(case, &["delete_production_branch_password"])
            }
        }

        // ---- backups and their policies
        "list_backup_policies" => database(case, &["read_backups"]),
        "create_backup_policy" => database(case, &["write_backups"]),
        "get_backup_policy" => database(case, &["read_backups"]),
        "update_backup_policy" => database(case, &["write_backups"]),
        "delete_backup_policy" => database(case, &["write_backups"]),
        "list_backups" => database(case, &["read_backups"]),
        "create_backup" => database(case, &["write_backups"]),
        "get_backup" => database(case, &["read_backups"]),
        "update_backup" => database(case, &["write_backups"]),
        "delete_backup" => {
            if case.production {
                database(case, &["delete_production_branch_backups"])
            } else {
                database(case, &["delete_backups"])
            }
        }

        // ---- keyspaces
        "list_keyspaces" => database(case, &["read_branch"]),
        "create_keyspace" => database(case, &["create_branch"]),
        "get_keyspace" => database(case, &["read_branch"]),
        "update_keyspace" => database(case, &["create_branch"]),
        "delete_keyspace" => {
            if case.production {
                database(case, &["delete_production_branch"])
            } else {
                database(case, &["delete_branch"])
            }
        }
        "list_keyspace_resize_requests" => database(case, &["read_branch"]),
        "get_keyspace_resize_request" => database(case, &["read_branch"]),
        "update_keyspace_resize_request" => database(case, &["write_database"]),
        "cancel_keyspace_resize_request" => database(case, &["write_database"]),
        "get_keyspace_rollout_status" => database(case, &["read_branch"]),
        "update_keyspace_read_only_regions" => database(case, &["write_database"]),
        "get_keyspace_vschema" => database(
            case,
            &["read_branch", "delete_branch", "create_branch", "connect_branch", "connect_production_branch"],
        ),
        "update_keyspace_vschema" => {
            if case.production {
                database(case, &["write_production_branch_vschema"])
            } else {
                database(case, &["write_branch_vschema"])
            }
        }

        // ---- deploy requests
        "get_deploy_queue" => {
            database(case, &["read_deploy_request", "create_deploy_request"])
                || organization(case, &["read_databases"])
        }
        "list_deploy_requests" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "get_deploy_request" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "get_deploy_request_diff" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "get_deployment" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "list_deploy_operations" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "list_deploy_request_reviews" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "check_deploy_request_storage" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "get_deploy_request_throttler" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "create_deploy_request" => database(case, &["create_deploy_request"]),
        "close_deploy_request" => database(case, &["create_deploy_request"]),
        "complete_gated_deploy_request" => database(case, &["create_deploy_request"]),
        "update_auto_apply" => database(case, &["create_deploy_request"]),
        "update_auto_delete_branch" => database(case, &["create_deploy_request"]),
        "cancel_deploy_request" => database(case, &["create_deploy_request"]),
        "complete_errored_deploy" => database(case, &["create_deploy_request"]),
        "queue_deploy_request" => database(case, &["create_deploy_request"]),
        "force_cutover_deploy_request" => database(case, &["create_deploy_request"]),
        "complete_revert" => database(case, &["create_deploy_request"]),
        "skip_revert_period" => database(case, &["create_deploy_request"]),
        "update_deploy_request_throttler" => database(case, &["create_deploy_request"]),
        "review_deploy_request" => {
            if case.approving {
                database(case, &["approve_deploy_request"])
            } else {
                database(case, &["approve_deploy_request", "review_deploy_request"])
            }
        }
        "list_deploy_request_comments" => database(case, &["read_comment", "create_comment"]),
        "create_deploy_request_comment" => database(case, &["create_comment"]),

        _ => false,
    }
}

/// The last thing that the path names: the item, or for a collection what it hangs on.
fn last_thing(operation: &str) -> &'static str {
    match operation {
        // {O} and collections under it
        "get_organization" => "organization",
        "update_organization" => "organization",
        "list_audit_logs" => "organization",
        "list_cluster_size_skus" => "organization",
        "list_regions_for_organization" => "organization",
        "get_organization_metrics" => "organization",
        "get_organization_figures" => "organization",
        "list_organization_members" => "organization",
        "list_organization_invitations" => "organization",
        "create_organization_invitation" => "organization",
        "list_organization_teams" => "organization",
        "create_organization_team" => "organization",
        "list_invoices" => "organization",
        "list_oauth_applications" => "organization",
        "list_service_tokens" => "organization",
        "create_service_token" => "organization",
        "list_databases" => "organization",
        "create_database" => "organization",
        "test_data_import_connection" => "organization",
        "start_data_import" => "organization",

        // {O}/members/{id}, {O}/invitations/{id}
        "get_organization_membership" => "membership",
        "update_organization_membership" => "membership",
        "remove_organization_member" => "membership",
        "delete_organization_invitation" => "invitation",

        // {O}/teams/{team}…
        "get_organization_team" => "team",
        "update_organization_team" => "team",
        "delete_organization_team" => "team",
        "list_organization_team_members" => "team",
        "add_organization_team_member" => "team",
        "get_organization_team_member" => "team member",
        "remove_organization_team_member" => "team member",

        // {O}/invoices/{id}…
        "get_invoice" => "invoice",
        "get_invoice_line_items" => "invoice",

        // {O}/oauth-applications/{id}…
        "get_oauth_application" => "oauth application",
        "list_oauth_tokens" => "oauth application",
        "create_oauth_token" => "oauth application",
        "get_oauth_token" => "oauth token",
        "delete_oauth_token" => "oauth token",

        // {O}/service-tokens/{id}…
        "get_service_token" => "service token",
        "delete_service_token" => "service token",
        "list_service_token_accesses" => "service token",
        "list_service_token_grants" => "service token",
        "list_service_token_denials" => "service token",
        "get_service_token_usage" => "service token",
        "get_service_token_figures" => "service token",
        "explain_service_token" => "service token",
        "add_service_token_accesses" => "service token",
        "remove_service_token_accesses" => "service token",
        "replace_service_token_grants" => "service token",
        "rotate_service_token" => "service token",
        "update_service_token" => "service token",
        "adopt_service_token" => "service token",

        // {D} and collections under it
        "get_database" => "database",
        "list_database_regions" => "database",
        "list_read_only_regions" => "database",
        "update_database_settings" => "database",
        "delete_database" => "database",
        "list_database_administrators" => "database",
        "add_database_administrator" => "database",
        "list_maintenance_schedules" => "database",
        "list_schema_recommendations" => "database",
        "get_database_throttler" => "database",
        "update_database_throttler" => "database",
        "list_webhooks" => "database",
        "create_webhook" => "database",
        "list_workflows" => "database",
        "create_workflow" => "database",
        "get_data_import" => "database",
        "cancel_data_import" => "database",
        "begin_data_import_switch_traffic" => "database",
        "begin_data_import_reverse_traffic" => "database",
        "detach_data_import" => "database",
        "list_branches" => "database",
        "create_branch" => "database",
        "list_database_passwords" => "database",
        "list_backup_policies" => "database",
        "create_backup_policy" => "database",
        "get_deploy_queue" => "database",
        "list_deploy_requests" => "database",
        "create_deploy_request" => "database",

        // items of {D}
        "remove_database_administrator" => "database administrator",
        "get_maintenance_schedule" => "maintenance schedule",
        "list_maintenance_windows" => "maintenance schedule",
        "get_schema_recommendation" => "schema recommendation",
        "dismiss_schema_recommendation" => "schema recommendation",
        "get_webhook" => "webhook",
        "update_webhook" => "webhook",
        "delete_webhook" => "webhook",
        "test_webhook" => "webhook",
        "get_backup_policy" => "backup policy",
        "update_backup_policy" => "backup policy",
        "delete_backup_policy" => "backup policy",
        "get_workflow" => "workflow",
        "verify_workflow" => "workflow",
        "workflow_cancel" => "workflow",
        "workflow_complete" => "workflow",
        "workflow_cutover" => "workflow",
        "workflow_retry" => "workflow",
        "workflow_reverse_cutover" => "workflow",
        "workflow_reverse_traffic" => "workflow",
        "workflow_switch_primaries" => "workflow",
        "workflow_switch_replicas" => "workflow",

        // {D}/deploy-requests/{number}…
        "get_deploy_request" => "deploy request",
        "get_deploy_request_diff" => "deploy request",
        "get_deployment" => "deploy request",
        "list_deploy_operations" => "deploy request",
        "list_deploy_request_reviews" => "deploy request",
        "check_deploy_request_storage" => "deploy request",
        "get_deploy_request_throttler" => "deploy request",
        "close_deploy_request" => "deploy request",
        "complete_gated_deploy_request" => "deploy request",
        "update_auto_apply" => "deploy request",
        "update_auto_delete_branch" => "deploy request",
        "cancel_deploy_request" => "deploy request",
        "complete_errored_deploy" => "deploy request",
        "queue_deploy_request" => "deploy request",
        "force_cutover_deploy_request" => "deploy request",
        "complete_revert" => "deploy request",
        "skip_revert_period" => "deploy request",
        "update_deploy_request_throttler" => "deploy request",
        "review_deploy_request" => "deploy request",
        "list_deploy_request_comments" => "deploy request",
        "create_deploy_request_comment" => "deploy request",

        // {B} and collections under it
        "get_branch" => "branch",
        "update_branch" => "branch",
        "delete_branch" => "branch",
        "promote_branch" => "branch",
        "demote_branch" => "branch",
        "enable_safe_migrations" => "branch",
        "update_safe_migrations" => "branch",
        "disable_safe_migrations" => "branch",
        "update_branch_cluster_config" => "branch",
        "restart_branch" => "branch",
        "sleep_branch" => "branch",
        "wake_branch" => "branch",
        "list_branch_resize_requests" => "branch",
        "update_branch_resize_request" => "branch",
        "cancel_branch_change_request" => "branch",
        "get_branch_schema" => "branch",
        "lint_branch_schema" => "branch",
        "get_branch_diff" => "branch",
        "get_branch_infrastructure" => "branch",
        "list_branch_cluster_size_skus" => "branch",
        "refresh_branch_schema" => "branch",
        "get_branch_routing_rules" => "branch",
        "update_branch_routing_rules" => "branch",
        "get_branch_metrics" => "branch",
        "get_instant_branch_metrics" => "branch",
        "get_branch_keyspace_table_metrics" => "branch",
        "get_branch_query_metrics" => "branch",
        "get_branch_table_metrics" => "branch",
        "get_branch_tag_metrics" => "branch",
        "get_tablet_metrics" => "branch",
        "get_instant_tablet_metrics" => "branch",
        "list_branch_queries" => "branch",
        "list_branch_anomalies" => "branch",
        "list_branch_query_errors" => "branch",
        "list_branch_query_tags" => "branch",
        "list_branch_query_tag_summaries" => "branch",
        "list_generated_query_patterns_reports" => "branch",
        "create_query_patterns_report" => "branch",
        "list_passwords" => "branch",
        "create_password" => "branch",
        "list_backups" => "branch",
        "create_backup" => "branch",
        "list_keyspaces" => "branch",
        "create_keyspace" => "branch",
        "get_branch_processlist" => "branch",
        "list_branch_connections" => "branch",
        "kill_branch_process" => "branch",
        // a live connection is nothing that Bough keeps, and no operation reads one
        "kill_branch_query" => "branch",
        "kill_branch_transaction" => "branch",
        "kill_branch_connection" => "branch",
        "run_branch_statement" => "branch",

        // items of {B}
        "get_branch_resize_request" => "branch resize",
        "get_branch_query" => "insight",
        "get_branch_anomaly" => "insight",
        "get_branch_query_error" => "insight",
        "get_branch_query_tag" => "insight",
        "get_query_statistics" => "insight",
        "get_query_summary" => "insight",
        "get_query_patterns_report_status" => "query patterns report",
        "delete_query_patterns_report" => "query patterns report",
        "get_query_patterns_report" => "query patterns report",
        "get_password" => "password",
        "update_password" => "password",
        "renew_password" => "password",
        "delete_password" => "password",
        "get_backup" => "backup",
        "update_backup" => "backup",
        "delete_backup" => "backup",

        // {B}/keyspaces/{keyspace}…
        "get_keyspace" => "keyspace",
        "update_keyspace" => "keyspace",
        "delete_keyspace" => "keyspace",
        "list_keyspace_resize_requests" => "keyspace",
        "update_keyspace_resize_request" => "keyspace",
        "cancel_keyspace_resize_request" => "keyspace",
        "get_keyspace_rollout_status" => "keyspace",
        "update_keyspace_read_only_regions" => "keyspace",
        "get_keyspace_vschema" => "keyspace",
        "update_keyspace_vschema" => "keyspace",
        "get_keyspace_resize_request" => "keyspace resize",

        _ => "nothing",
    }
}

/// Can the actor read the last thing that the path names? It is judged by the operation that reads it.
fn last_thing_is_readable(case: &Case) -> bool {
    match last_thing(&case.operation) {
        "organization" => organization(case, &["read_organization"]),
        "membership" => organization(case, &["read_organization"]),
        // seen in the list only
        "invitation" => organization(case, &["write_members"]),
        "team" => organization(case, &["read_organization"]),
        "team member" => organization(case, &["read_organization"]),
        "invoice" => organization(case, &["read_invoices"]),
        "oauth application" => organization(case, &["read_oauth_applications"]),
        "oauth token" => organization(case, &["read_oauth_tokens"]),
        "service token" => organization(case, &["read_service_tokens"]),
        "database" => {
            organization(case, &["read_databases"])
                // every database-level access but review_deploy_request
                || database(case, &["approve_deploy_request"])
                || database(case, &["connect_branch"])
                || database(case, &["connect_production_branch"])
                || database(case, &["connect_production_read_only_branch"])
                || database(case, &["create_branch"])
                || database(case, &["create_comment"])
                || database(case, &["create_deploy_request"])
                || database(case, &["delete_backups"])
                || database(case, &["delete_branch"])
                || database(case, &["delete_branch_password"])
                || database(case, &["delete_database"])
                || database(case, &["delete_production_branch"])
                || database(case, &["delete_production_branch_backups"])
                || database(case, &["delete_production_branch_password"])
                || database(case, &["delete_production_read_only_branch_password"])
                || database(case, &["demote_branches"])
                || database(case, &["promote_branches"])
                || database(case, &["read_backups"])
                || database(case, &["read_branch"])
                || database(case, &["read_comment"])
                || database(case, &["read_database"])
                || database(case, &["read_deploy_request"])
                || database(case, &["restore_backup"])
                || database(case, &["restore_production_branch_backup"])
                || database(case, &["write_backups"])
                || database(case, &["write_branch_vschema"])
                || database(case, &["write_database"])
                || database(case, &["write_production_branch_vschema"])
        }
        // seen in the list only
        "database administrator" => database(case, &["read_database"]),
        "maintenance schedule" => database(case, &["read_database"]),
        "schema recommendation" => database(case, &["read_database"]),
        "webhook" => database(case, &["read_database"]),
        "backup policy" => database(case, &["read_backups"]),
        "workflow" => database(case, &["read_database", "read_branch"]),
        "deploy request" => {
            database(case, &["read_deploy_request"]) || organization(case, &["read_databases"])
        }
        "branch" => database(
            case,
            &["read_branch", "create_branch", "delete_branch", "connect_branch", "connect_production_branch"],
        ),
        "branch resize" => database(
            case,
            &["read_branch", "create_branch", "delete_branch", "connect_branch", "connect_production_branch"],
        ),
        "insight" => database(case, &["read_database"]) || organization(case, &["read_databases"]),
        "query patterns report" => database(case, &["read_branch"]),
        "password" => database(
            case,
            &[
                "read_branch",
                "create_branch",
                "delete_branch",
                "connect_branch",
                "connect_production_branch",
                "connect_production_read_only_branch",
            ],
        ),
        "backup" => database(case, &["read_backups"]),
        "keyspace" => database(case, &["read_branch"]),
        "keyspace resize" => database(case, &["read_branch"]),
        _ => false,
    }
}

/// May the actor put this access on a token (or take it off one)? `scope` is "organization", "database"
/// (the one of the case) or "all" (every database, now and later).
pub fn may_grant(actor: &CaseActor, same_organization: bool, access: &str, scope: &str) -> bool {
    // An access is granted at its own level, and it has to be one.
    match scope {
        "organization" => {
            if !ORGANIZATION_ACCESSES.contains(&access) {
                return false;
            }
        }
        "database" | "all" => {
            if !DATABASE_ACCESSES.contains(&access) {
                return false;
            }
        }
        _ => return false,
    }

    if let CaseActor::Operator = actor {
        return true;
    }
    if let CaseActor::Nobody = actor {
        return false;
    }
    if !same_organization {
        return false;
    }

    match actor {
        CaseActor::Operator => true,
        CaseActor::Nobody => false,
        CaseActor::Token { organization, all_databases, this_database, .. } => {
            if !organization.iter().any(|held| held == "write_service_tokens") {
                return false;
            }
            match scope {
                "organization" => organization.iter().any(|held| held == access),
                "database" => {
                    this_database.iter().any(|held| held == access)
                        || all_databases.iter().any(|held| held == access)
                }
                "all" => all_databases.iter().any(|held| held == access),
                _ => false,
            }
        }
        CaseActor::User { role, database_administrator } => match role.as_str() {
            "admin" => true,
            "analyst" | "member" => match scope {
                // A member creates databases, but does not give that away.
                "organization" => access != "create_databases" && MEMBER_ORGANIZATION.contains(&access),
                "database" => {
                    if *database_administrator {
                        return true;
                    }
                    if is_production_access(access) {
                        return false;
                    }
                    MEMBER_DATABASE.contains(&access)
                }
                "all" => false,
                _ => false,
            },
            _ => false,
        },
    }
}
