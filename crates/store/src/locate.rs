//! Finding what a path names, before any decision: identities and nothing of their content, each
//! query within one organization.

use bough_model::{BranchId, DatabaseId, OrganizationId, PasswordId, PasswordRole, TokenId, UserId};
use bough_policy::{BranchAt, DatabaseAt, Located, MemberAt, OrganizationAt, PasswordAt, TokenAt};
use rusqlite::{Row, params};

use crate::connection::Db;
use crate::row::{first, parsed};
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

/// Finds what `organization/database/branch` names. Databases and branches answer to their name and to
/// their id; no live thing may take a name that is another's id.
///
/// What is not there costs the same as what is: an index is entered at what was asked for, the first row
/// from there on is read, and only then compared. A query for the very name reads a row more where there
/// is one; from many answers the clock then tells what is hidden from what does not exist.
///
/// # Errors
/// When the database fails.
pub fn path(
    reader: &Reader,
    organization: &str,
    database: Option<&str>,
    branch: Option<&str>,
) -> Result<Option<Found>, StoreError> {
    let organization =
        first(reader, "SELECT id FROM organizations WHERE name = ?", params![organization], |row| {
            parsed(row, "id", OrganizationId::parse)
        })?;
    let Some(organization) = organization else { return Ok(None) };
    let nearest = match database {
        Some(text) => nearest_database(reader, &organization, text)?,
        None => None,
    };
    let within = nearest.as_ref().map_or("", |nearest| nearest.is.as_str());
    let branch = match branch {
        Some(text) => nearest_branch(reader, within, text)?,
        None => None,
    };
    let database = nearest.and_then(Nearest::asked_for);
    let branch = branch.and_then(Nearest::asked_for).filter(|_| database.is_some());
    Ok(Some(Found { organization, database, branch }))
}

/// The first row at or after what was asked for, and whether it is what was asked for.
struct Nearest<T> {
    is: T,
    fits: bool,
}

impl<T> Nearest<T> {
    fn asked_for(self) -> Option<T> {
        self.fits.then_some(self.is)
    }

    fn read(row: &Row<'_>, is: T) -> Result<Self, StoreError> {
        // Null where a name is: that of a thing that shall be gone.
        Ok(Self { is, fits: row.get::<_, Option<bool>>("fits")?.unwrap_or(false) })
    }

    /// The one that fits, or else the one by name, which stands for it.
    fn of(by_name: Option<Self>, by_id: Option<Self>) -> Option<Self> {
        by_id.filter(|nearest| nearest.fits).or(by_name)
    }
}

fn nearest_database(
    db: &impl Db,
    organization: &OrganizationId,
    text: &str,
) -> Result<Option<Nearest<DatabaseId>>, StoreError> {
    let find = |sql| {
        first(db, sql, params![organization.as_str(), text], |row| {
            Nearest::read(row, parsed(row, "id", DatabaseId::parse)?)
        })
    };
    let by_name = find(
        "SELECT id, organization_id = ?1 AND live_name = ?2 AS fits FROM databases \
         WHERE (organization_id, live_name) >= (?1, ?2) ORDER BY organization_id, live_name LIMIT 1",
    )?;
    let by_id = match DatabaseId::parse(text) {
        Some(_) => find(
            "SELECT id, id = ?2 AND organization_id = ?1 AND desired = 'running' AS fits FROM databases \
             WHERE id >= ?2 ORDER BY id LIMIT 1",
        )?,
        None => None,
    };
    Ok(Nearest::of(by_name, by_id))
}

fn nearest_branch(
    db: &impl Db,
    database: &str,
    text: &str,
) -> Result<Option<Nearest<(BranchId, bool)>>, StoreError> {
    let find = |sql| {
        first(db, sql, params![database, text], |row| {
            Nearest::read(row, (parsed(row, "id", BranchId::parse)?, row.get("production")?))
        })
    };
    let by_name = find(
        "SELECT id, production, database_id = ?1 AND live_name = ?2 AS fits FROM branches \
         WHERE (database_id, live_name) >= (?1, ?2) ORDER BY database_id, live_name LIMIT 1",
    )?;
    let by_id = match BranchId::parse(text) {
        Some(_) => find(
            "SELECT id, production, id = ?2 AND database_id = ?1 AND desired = 'running' AS fits FROM branches \
             WHERE id >= ?2 ORDER BY id LIMIT 1",
        )?,
        None => None,
    };
    Ok(Nearest::of(by_name, by_id))
}

/// Finds a password of a branch. Of no branch there is none, and that takes the same steps.
///
/// # Errors
/// When the database fails.
pub fn password(
    reader: &Reader,
    branch: Option<&BranchAt>,
    id: &str,
) -> Result<Option<Located<PasswordAt>>, StoreError> {
    if PasswordId::parse(id).is_none() {
        return Ok(None);
    }
    let within = branch.map_or("", |branch| branch.branch.as_str());
    let nearest = first(
        reader,
        "SELECT id, role, id = ?2 AND branch_id = ?1 AS fits FROM passwords WHERE id >= ?2 ORDER BY id LIMIT 1",
        params![within, id],
        |row| {
            let is = (parsed(row, "id", PasswordId::parse)?, parsed(row, "role", PasswordRole::parse)?);
            Nearest::read(row, is)
        },
    )?;
    let found = nearest.and_then(Nearest::asked_for).zip(branch);
    Ok(found.map(|((password, role), branch)| {
        Located::new(PasswordAt { branch: branch.clone(), password, role })
    }))
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
    if TokenId::parse(id).is_none() {
        return Ok(None);
    }
    let nearest = first(
        reader,
        "SELECT id, id = ?2 AND organization_id = ?1 AS fits FROM service_tokens WHERE id >= ?2 ORDER BY id LIMIT 1",
        params![organization.as_str(), id],
        |row| Nearest::read(row, parsed(row, "id", TokenId::parse)?),
    )?;
    let token = nearest.and_then(Nearest::asked_for);
    Ok(token.map(|token| Located::new(TokenAt { organization: organization.clone(), token })))
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
    let find = |sql| {
        first(reader, sql, params![organization.as_str(), id], |row| {
            Nearest::read(row, parsed(row, "user_id", UserId::parse)?)
        })
    };
    let by_user = find(
        "SELECT user_id, organization_id = ?1 AND user_id = ?2 AS fits FROM memberships \
         WHERE (organization_id, user_id) >= (?1, ?2) ORDER BY organization_id, user_id LIMIT 1",
    )?;
    let by_id = find(
        "SELECT user_id, id = ?2 AND organization_id = ?1 AS fits FROM memberships WHERE id >= ?2 ORDER BY id LIMIT 1",
    )?;
    let user = Nearest::of(by_user, by_id).and_then(Nearest::asked_for);
    Ok(user.map(|user| Located::new(MemberAt { organization: organization.clone(), user })))
}
