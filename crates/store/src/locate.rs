//! Finding what a path names, before any decision: identities and nothing of their content, each
//! query within one organization.

use bough_model::{BranchId, DatabaseId, OrganizationId, TokenId, UserId};
use bough_policy::{BranchAt, DatabaseAt, Located, MemberAt, OrganizationAt, TokenAt};
use rusqlite::params;

use crate::connection::Db;
use crate::row::{first, parsed, parsed_opt};
use crate::{Reader, StoreError};

/// What a path names, as far as it exists.
#[derive(Clone, Debug)]
pub struct Found {
    /// The organization.
    pub organization: OrganizationId,
    /// The database, by name or id.
    pub database: Option<DatabaseId>,
    /// The branch, by name or id, and whether it is a production branch.
    pub branch: Option<(BranchId, bool)>,
}

impl Found {
    /// The organization's place.
    pub fn organization_at(&self) -> Located<OrganizationAt> {
        Located::new(OrganizationAt { organization: self.organization.clone() })
    }

    /// The database's place, when there is such a database.
    pub fn database_at(&self) -> Option<Located<DatabaseAt>> {
        let database = self.database.clone()?;
        Some(Located::new(DatabaseAt { organization: self.organization.clone(), database }))
    }

    /// The branch's place, when there is such a branch.
    pub fn branch_at(&self) -> Option<Located<BranchAt>> {
        let database = self.database.clone()?;
        let (branch, production) = self.branch.clone()?;
        Some(Located::new(BranchAt { organization: self.organization.clone(), database, branch, production }))
    }
}

/// Finds what `organization/database/branch` names, in one query. Databases and branches answer to
/// their name and to their id; no live thing may take a name that is another's id.
///
/// # Errors
/// When the database fails.
pub fn path(
    reader: &Reader,
    organization: &str,
    database: Option<&str>,
    branch: Option<&str>,
) -> Result<Option<Found>, StoreError> {
    path_in(reader, organization, database, branch)
}

pub(crate) fn path_in(
    db: &impl Db,
    organization: &str,
    database: Option<&str>,
    branch: Option<&str>,
) -> Result<Option<Found>, StoreError> {
    first(
        db,
        "SELECT o.id AS organization, d.id AS database_id, b.id AS branch_id, b.production AS production \
         FROM organizations o \
         LEFT JOIN databases d ON d.organization_id = o.id AND d.desired = 'running' AND d.id = COALESCE( \
           (SELECT n.id FROM databases n WHERE n.organization_id = o.id AND n.live_name = ?2), ?2) \
         LEFT JOIN branches b ON b.database_id = d.id AND b.desired = 'running' AND b.id = COALESCE( \
           (SELECT n.id FROM branches n WHERE n.database_id = d.id AND n.live_name = ?3), ?3) \
         WHERE o.name = ?1",
        params![organization, database, branch],
        |row| {
            let branch = match parsed_opt(row, "branch_id", BranchId::parse)? {
                Some(id) => Some((id, row.get("production")?)),
                None => None,
            };
            Ok(Found {
                organization: parsed(row, "organization", OrganizationId::parse)?,
                database: parsed_opt(row, "database_id", DatabaseId::parse)?,
                branch,
            })
        },
    )
}

/// Finds a service token of an organization.
///
/// # Errors
/// When the database fails.
pub fn token(
    reader: &Reader,
    organization: &OrganizationId,
    id: &str,
) -> Result<Option<Located<TokenAt>>, StoreError> {
    let Some(id) = TokenId::parse(id) else { return Ok(None) };
    first(
        reader,
        "SELECT id FROM service_tokens WHERE id = ? AND organization_id = ?",
        params![id.as_str(), organization.as_str()],
        |_| Ok(()),
    )
    .map(|found| found.map(|()| Located::new(TokenAt { organization: organization.clone(), token: id })))
}

/// Finds a member of an organization by the user's or the membership's id.
///
/// # Errors
/// When the database fails.
pub fn member(
    reader: &Reader,
    organization: &OrganizationId,
    id: &str,
) -> Result<Option<Located<MemberAt>>, StoreError> {
    first(
        reader,
        "SELECT user_id FROM memberships WHERE organization_id = ?1 AND (user_id = ?2 OR id = ?2)",
        params![organization.as_str(), id],
        |row| {
            let user = parsed(row, "user_id", UserId::parse)?;
            Ok(Located::new(MemberAt { organization: organization.clone(), user }))
        },
    )
}
