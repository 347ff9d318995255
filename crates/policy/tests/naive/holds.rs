//! What an actor holds, or is.

use super::accesses::{DATABASE_ACCESSES, MEMBER_DATABASE, MEMBER_ORGANIZATION, ORGANIZATION_ACCESSES};
use super::{Case, CaseActor};

/// Holds the actor one of these on the organization?
pub(super) fn organization(case: &Case, any_of: &[&str]) -> bool {
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
pub(super) fn database(case: &Case, any_of: &[&str]) -> bool {
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
pub(super) fn organization_administrator(case: &Case) -> bool {
    match &case.actor {
        CaseActor::User { role, .. } => role == "admin",
        _ => false,
    }
}

/// A person who administers the organization or the database that the path names.
pub(super) fn database_administrator(case: &Case) -> bool {
    match &case.actor {
        CaseActor::User { role, database_administrator } => role == "admin" || *database_administrator,
        _ => false,
    }
}

/// A person, whichever role.
pub(super) fn person(case: &Case) -> bool {
    match &case.actor {
        CaseActor::User { .. } => true,
        CaseActor::Token { .. } => false,
        CaseActor::Operator => false,
        CaseActor::Nobody => false,
    }
}

/// A token, not a person.
pub(super) fn token(case: &Case) -> bool {
    match &case.actor {
        CaseActor::Token { .. } => true,
        CaseActor::User { .. } => false,
        CaseActor::Operator => false,
        CaseActor::Nobody => false,
    }
}

/// People may look at the live connections of a branch, tokens never.
pub(super) fn may_view_connections(case: &Case) -> bool {
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
pub(super) fn may_kill_connections(case: &Case) -> bool {
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
pub(super) fn may_use_console(case: &Case) -> bool {
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
pub(super) fn is_reader(case: &Case) -> bool {
    case.password_role.as_deref() == Some("reader")
}
