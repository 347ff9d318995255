//! A second model of who may do what, naive on purpose: plain strings, one line per operation, every
//! list written out. It was written from the tables of the contract without a look at the crate, so
//! that the two are unlikely to share a mistake. See README.md beside this file.
//!
//! Do not make it clever, and do not "fix" it by copying from the crate: a disagreement is a question.
#![allow(dead_code)] // each test takes the part that it needs
#![allow(clippy::match_like_matches_macro)] // long-hand is the point

mod accesses;
mod allowed;
mod holds;
mod last_thing;
mod operations;

pub use accesses::{DATABASE_ACCESSES, ORGANIZATION_ACCESSES, is_production_access, may_grant};
pub use operations::OPERATIONS;

use allowed::allowed;
use holds::organization;
use last_thing::last_thing_is_readable;

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
