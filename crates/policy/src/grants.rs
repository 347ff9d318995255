//! What a principal holds, where, and what it may hand on.

use std::collections::HashMap;

use bough_model::{Actor, DatabaseId, OrganizationId, Role, Timestamp};

use crate::roles::{database_administrator_accesses, role_accesses};
use crate::{Access, AccessSet, Level, Scope};

/// Where an access is granted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GrantScope {
    /// On the organization.
    Organization,
    /// On all current and future databases of the organization.
    AllDatabases,
    /// On one database.
    Database(DatabaseId),
}

/// What a service token holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// On its organization.
    pub organization: AccessSet,
    /// On all current and future databases.
    pub all_databases: AccessSet,
    /// On single databases.
    pub databases: HashMap<DatabaseId, AccessSet>,
}

impl Grants {
    /// What is held at one scope itself.
    pub fn at(&self, scope: &GrantScope) -> AccessSet {
        match scope {
            GrantScope::Organization => self.organization,
            GrantScope::AllDatabases => self.all_databases,
            GrantScope::Database(id) => self.databases.get(id).copied().unwrap_or_default(),
        }
    }

    /// Adds an access at a scope.
    pub fn insert(&mut self, scope: &GrantScope, access: Access) {
        match scope {
            GrantScope::Organization => self.organization.insert(access),
            GrantScope::AllDatabases => self.all_databases.insert(access),
            GrantScope::Database(id) => self.databases.entry(id.clone()).or_default().insert(access),
        }
    }

    /// What opens operations on `database`, or on the organization where there is none.
    fn effective(&self, database: Option<&DatabaseId>) -> AccessSet {
        match database {
            None => self.organization,
            Some(id) => {
                let one = self.databases.get(id).copied().unwrap_or_default();
                self.organization.union(self.all_databases).union(one)
            }
        }
    }
}

/// A person's standing in one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// His role.
    pub role: Role,
    /// The databases that he administers.
    pub administers: Vec<DatabaseId>,
}

/// An actor together with what it may.
#[derive(Clone, Debug)]
pub enum Principal {
    /// A service token: what it holds, in its one organization.
    Token {
        /// Who acts.
        actor: Actor,
        /// Its organization.
        organization: OrganizationId,
        /// When it ends; tokens that it makes and grants end no later.
        expires_at: Option<Timestamp>,
        /// What it holds.
        grants: Grants,
    },
    /// A person: what he is in each of his organizations.
    User {
        /// Who acts.
        actor: Actor,
        /// Where he is a member.
        standings: HashMap<OrganizationId, Standing>,
    },
    /// Who sent no credential: what is public, and nothing else.
    Nobody {
        /// Who acts.
        actor: Actor,
    },
    /// `bough admin` or Bough itself: everything.
    Trusted {
        /// Who acts.
        actor: Actor,
    },
}

impl Principal {
    /// Who acts.
    pub fn actor(&self) -> &Actor {
        match self {
            Self::Token { actor, .. }
            | Self::User { actor, .. }
            | Self::Nobody { actor }
            | Self::Trusted { actor } => actor,
        }
    }

    /// Whether it belongs to the organization at all.
    pub fn belongs_to(&self, organization: &OrganizationId) -> bool {
        match self {
            Self::Token { organization: own, .. } => own == organization,
            Self::User { standings, .. } => standings.contains_key(organization),
            Self::Nobody { .. } => false,
            Self::Trusted { .. } => true,
        }
    }

    /// Somebody without a credential.
    pub const fn nobody() -> Self {
        Self::Nobody { actor: Actor::System("nobody") }
    }

    /// Whether a valid credential stands behind it.
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Nobody { .. })
    }

    /// All that it may use within `scope`.
    pub fn effective(&self, scope: Scope<'_>) -> AccessSet {
        match self {
            Self::Trusted { .. } => Access::ALL.iter().copied().collect(),
            Self::Nobody { .. } => AccessSet::EMPTY,
            Self::Token { organization, grants, .. } => match scope.organization {
                Some(id) if id == organization => grants.effective(scope.database),
                _ => AccessSet::EMPTY,
            },
            Self::User { standings, .. } => {
                let Some(organization) = scope.organization else {
                    return AccessSet::of(&[Access::ReadUser, Access::WriteUser]);
                };
                let Some(standing) = standings.get(organization) else { return AccessSet::EMPTY };
                let administers = scope.database.is_some_and(|id| standing.administers.contains(id));
                if administers {
                    role_accesses(standing.role).union(database_administrator_accesses())
                } else {
                    role_accesses(standing.role)
                }
            }
        }
    }
}

/// Why somebody may not grant or take away an access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantProblem {
    /// The accesses that he may not hand on.
    pub refused: AccessSet,
    /// What would be needed, in words.
    pub because: &'static str,
}

/// Whether `principal` may give `accesses` at `scope` to a token of `organization` that ends at
/// `ends_at`, or take them away. All or nothing. The right to manage tokens at all
/// (`write_service_tokens`) is the operation's own access and must have been decided before.
///
/// # Errors
/// Which of the accesses may not be handed on, and what would be needed.
pub fn may_grant(
    principal: &Principal,
    organization: &OrganizationId,
    ends_at: Option<Timestamp>,
    scope: &GrantScope,
    accesses: AccessSet,
) -> Result<(), GrantProblem> {
    let refuse = |refused: AccessSet, because| {
        if refused.is_empty() { Ok(()) } else { Err(GrantProblem { refused, because }) }
    };
    match principal {
        Principal::Trusted { .. } => Ok(()),
        Principal::Nobody { .. } => refuse(accesses, "a credential is needed"),
        Principal::Token { organization: own, grants, expires_at, .. } => {
            if own != organization {
                return refuse(accesses, "the token belongs to another organization");
            }
            let outlives = match (expires_at, ends_at) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(own), Some(its)) => its > *own,
            };
            if outlives {
                return refuse(accesses, "a token cannot grant to one that lives longer than itself");
            }
            let held = match scope {
                GrantScope::Database(_) => grants.at(scope).union(grants.all_databases),
                _ => grants.at(scope),
            };
            refuse(accesses.minus(held), "a token can grant exactly what it holds itself")
        }
        Principal::User { standings, .. } => {
            let Some(standing) = standings.get(organization) else {
                return refuse(accesses, "only members of the organization can grant its accesses");
            };
            if standing.role == Role::Admin {
                return Ok(());
            }
            match scope {
                GrantScope::AllDatabases => {
                    refuse(accesses, "only administrators can grant accesses on all databases")
                }
                GrantScope::Database(id) if standing.administers.contains(id) => Ok(()),
                _ => {
                    let grantable: AccessSet = role_accesses(standing.role)
                        .iter()
                        .filter(|access| !access.is_production() && *access != Access::CreateDatabases)
                        .collect();
                    refuse(
                        accesses.minus(grantable),
                        "members can grant what they may do themselves, but neither production accesses \
                         nor create_databases; an administrator can",
                    )
                }
            }
        }
    }
}

/// Whether an access can be held at a scope at all.
impl GrantScope {
    /// The level of the accesses that are held at this scope.
    pub const fn level(&self) -> Level {
        match self {
            Self::Organization => Level::Organization,
            Self::AllDatabases | Self::Database(_) => Level::Database,
        }
    }
}
