//! The accesses by name, and who may give them away.

use super::CaseActor;

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
pub(super) const MEMBER_ORGANIZATION: &[&str] = &[
    "read_organization",
    "read_databases",
    "create_databases",
    "read_service_tokens",
    "write_service_tokens",
    "delete_service_tokens",
];

/// What a plain member may do, on every database of the organization.
pub(super) const MEMBER_DATABASE: &[&str] = &[
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
