//! People and their places in organizations.

use bough_model::{MembershipId, OrganizationId, OrganizationName, Role, TimeZoneName, Timestamp, UserId};
use bough_policy::{Granted, MemberAt, Nowhere, OrganizationAt};
use rusqlite::{Row, params};

use crate::connection::Db;
use crate::row::{Page, all, change, first, like_anywhere, number, parsed, time, time_opt};
use crate::{Reader, StoreError, Tx};

/// A person.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// Public id.
    pub id: UserId,
    /// Address, as the person signs in with it.
    pub email: String,
    /// Full name.
    pub name: String,
    /// Where he is at home: what times are told in.
    pub time_zone: TimeZoneName,
    /// When the account was disabled.
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A person's place in an organization.
#[derive(Clone, Debug)]
pub struct MembershipRow {
    /// Public id.
    pub id: MembershipId,
    /// Who.
    pub user: UserRow,
    /// As what.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

pub(crate) fn read_user(row: &Row<'_>) -> Result<UserRow, StoreError> {
    Ok(UserRow {
        id: parsed(row, "user_id", UserId::parse)?,
        email: row.get("email")?,
        name: row.get("name")?,
        time_zone: time_zone(row)?,
        disabled_at: time_opt(row, "disabled_at")?,
        created_at: time(row, "user_created_at")?,
        updated_at: time(row, "user_updated_at")?,
    })
}

/// A zone that is no more is no reason for anything to fail.
fn time_zone(row: &Row<'_>) -> Result<TimeZoneName, StoreError> {
    let name: String = row.get("time_zone")?;
    Ok(TimeZoneName::parse(&name).unwrap_or_else(TimeZoneName::utc))
}

fn read(row: &Row<'_>) -> Result<MembershipRow, StoreError> {
    Ok(MembershipRow {
        id: parsed(row, "id", MembershipId::parse)?,
        user: read_user(row)?,
        role: parsed(row, "role", Role::parse)?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

pub(crate) const USER: &str = "u.id AS user_id, u.email, u.name, u.time_zone, u.disabled_at, u.created_at AS user_created_at, \
    u.updated_at AS user_updated_at";
const MEMBER: &str = "m.id, m.role, m.created_at, m.updated_at";

/// The members of an organization whose name or address contains `search`, newest first, and how
/// many there are.
///
/// # Errors
/// When the database fails.
pub fn list_members(
    reader: &Reader,
    granted: &Granted<OrganizationAt>,
    search: &str,
    page: Page,
) -> Result<(Vec<MembershipRow>, i64), StoreError> {
    let organization = granted.at().organization.as_str();
    let like = like_anywhere(search);
    let condition = "FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.organization_id = ?1 \
                     AND (u.name LIKE ?2 ESCAPE '!' OR u.email LIKE ?2 ESCAPE '!')";
    let rows = all(
        reader,
        &format!(
            "SELECT {MEMBER}, {USER} {condition} ORDER BY m.created_at DESC, m.id DESC LIMIT ?3 OFFSET ?4"
        ),
        params![organization, like, page.limit(), page.offset()],
        read,
    )?;
    let total = number(reader, &format!("SELECT COUNT(*) {condition}"), params![organization, like])?;
    Ok((rows, total))
}

/// One member.
///
/// # Errors
/// When the database fails.
pub fn get_member(reader: &Reader, granted: &Granted<MemberAt>) -> Result<Option<MembershipRow>, StoreError> {
    member(reader, granted.at())
}

fn member(db: &impl Db, at: &MemberAt) -> Result<Option<MembershipRow>, StoreError> {
    first(
        db,
        &format!(
            "SELECT {MEMBER}, {USER} FROM memberships m JOIN users u ON u.id = m.user_id \
             WHERE m.organization_id = ? AND m.user_id = ?"
        ),
        params![at.organization.as_str(), at.user.as_str()],
        read,
    )
}

/// The member of an organization that has an e-mail address.
///
/// # Errors
/// When the database fails.
pub fn member_of_email(
    reader: &Reader,
    granted: &Granted<OrganizationAt>,
    email: &str,
) -> Result<Option<MembershipRow>, StoreError> {
    first(
        reader,
        &format!(
            "SELECT {MEMBER}, {USER} FROM memberships m JOIN users u ON u.id = m.user_id \
             WHERE m.organization_id = ? AND u.email = ?"
        ),
        params![granted.at().organization.as_str(), email],
        read,
    )
}

/// A member, within a write, if he is one.
///
/// # Errors
/// When the database fails.
pub fn find_member_for_write(
    tx: &Tx<'_>,
    granted: &Granted<MemberAt>,
) -> Result<Option<MembershipRow>, StoreError> {
    member(tx, granted.at())
}

/// One member, within a write.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when he is gone.
pub fn get_member_for_write(tx: &Tx<'_>, granted: &Granted<MemberAt>) -> Result<MembershipRow, StoreError> {
    member(tx, granted.at())?.ok_or(StoreError::Changed)
}

/// The person of an id, for himself.
///
/// # Errors
/// When the database fails.
pub fn get(reader: &Reader, _granted: &Granted<Nowhere>, id: &UserId) -> Result<Option<UserRow>, StoreError> {
    first(reader, &format!("SELECT {USER} FROM users u WHERE u.id = ?"), params![id.as_str()], read_user)
}

/// The person of an id whose account is not closed.
pub(crate) fn open_account(db: &impl Db, id: &UserId) -> Result<Option<UserRow>, StoreError> {
    let user =
        first(db, &format!("SELECT {USER} FROM users u WHERE u.id = ?"), params![id.as_str()], read_user)?;
    Ok(user.filter(|user| user.disabled_at.is_none()))
}

/// The person of an id, within a write.
///
/// # Errors
/// When the database fails; [`StoreError::Changed`] when there is none.
pub fn get_for_write(tx: &Tx<'_>, _granted: &Granted<Nowhere>, id: &UserId) -> Result<UserRow, StoreError> {
    first(tx, &format!("SELECT {USER} FROM users u WHERE u.id = ?"), params![id.as_str()], read_user)?
        .ok_or(StoreError::Changed)
}

/// The hash of a person's password; `None` when his account is closed.
///
/// # Errors
/// When the database fails.
pub fn password_hash(
    tx: &Tx<'_>,
    _granted: &Granted<Nowhere>,
    id: &UserId,
) -> Result<Option<String>, StoreError> {
    first(
        tx,
        "SELECT password_hash FROM users WHERE id = ? AND disabled_at IS NULL",
        params![id.as_str()],
        |row| Ok(row.get("password_hash")?),
    )
}

/// Finds a person by address.
///
/// # Errors
/// When the database fails.
pub fn by_email(
    tx: &Tx<'_>,
    _granted: &Granted<Nowhere>,
    email: &str,
) -> Result<Option<UserRow>, StoreError> {
    first(tx, &format!("SELECT {USER} FROM users u WHERE u.email = ?"), params![email], read_user)
}

/// Everybody with an account, newest first.
///
/// # Errors
/// When the database fails.
pub fn list_all(reader: &Reader, _granted: &Granted<Nowhere>) -> Result<Vec<UserRow>, StoreError> {
    all(reader, &format!("SELECT {USER} FROM users u ORDER BY u.created_at DESC"), [], read_user)
}

/// Makes an account. The caller has made sure that the address is free.
///
/// # Errors
/// When the database fails.
pub fn insert(
    tx: &Tx<'_>,
    _granted: &Granted<Nowhere>,
    id: &UserId,
    email: &str,
    name: &str,
    password_hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    change(
        tx,
        "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
        params![id.as_str(), email, name, password_hash, now.as_micros(), now.as_micros()],
    )?;
    Ok(())
}

/// Changes what somebody is called and where he is at home.
///
/// # Errors
/// When the database fails.
pub fn update(
    tx: &Tx<'_>,
    _granted: &Granted<Nowhere>,
    id: &UserId,
    name: &str,
    time_zone: &TimeZoneName,
    now: Timestamp,
) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE users SET name = ?, time_zone = ?, updated_at = ? WHERE id = ?",
        params![name, time_zone.as_str(), now.as_micros(), id.as_str()],
    )?;
    Ok(())
}

/// Gives an account another password.
///
/// # Errors
/// When the database fails.
pub fn set_password(
    tx: &Tx<'_>,
    _granted: &Granted<Nowhere>,
    id: &UserId,
    password_hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    change(
        tx,
        "UPDATE users SET password_hash = ?, updated_at = ? WHERE id = ?",
        params![password_hash, now.as_micros(), id.as_str()],
    )?;
    tx.bump_store_version()
}

/// Closes an account, or opens it again.
///
/// # Errors
/// When the database fails.
pub fn set_disabled(
    tx: &Tx<'_>,
    _granted: &Granted<Nowhere>,
    id: &UserId,
    disabled: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let at = disabled.then_some(now.as_micros());
    change(
        tx,
        "UPDATE users SET disabled_at = ?, updated_at = ? WHERE id = ?",
        params![at, now.as_micros(), id.as_str()],
    )?;
    tx.bump_store_version()
}

/// A person's role in an organization.
pub(crate) fn role_of(
    db: &impl Db,
    organization: &OrganizationId,
    user: &UserId,
) -> Result<Option<Role>, StoreError> {
    first(
        db,
        "SELECT role FROM memberships WHERE organization_id = ? AND user_id = ?",
        params![organization.as_str(), user.as_str()],
        |row| parsed(row, "role", Role::parse),
    )
}

/// Makes somebody a member, or changes what he is. Answers the role before.
///
/// # Errors
/// When the database fails.
pub fn set_member(
    tx: &Tx<'_>,
    granted: &Granted<OrganizationAt>,
    id: &MembershipId,
    user: &UserId,
    role: Role,
    now: Timestamp,
) -> Result<Option<Role>, StoreError> {
    let organization = &granted.at().organization;
    let before = role_of(tx, organization, user)?;
    if before.is_some() {
        change(
            tx,
            "UPDATE memberships SET role = ?, updated_at = ? WHERE organization_id = ? AND user_id = ?",
            params![role.as_str(), now.as_micros(), organization.as_str(), user.as_str()],
        )?;
    } else {
        change(
            tx,
            "INSERT INTO memberships (id, organization_id, user_id, role, created_at, updated_at) \
             VALUES (?, ?, ?, ?, ?, ?)",
            params![
                id.as_str(),
                organization.as_str(),
                user.as_str(),
                role.as_str(),
                now.as_micros(),
                now.as_micros()
            ],
        )?;
    }
    tx.bump_store_version()?;
    Ok(before)
}

/// Takes somebody out of an organization, and from among the administrators of its databases.
///
/// # Errors
/// When the database fails.
pub fn remove_member(
    tx: &Tx<'_>,
    granted: &Granted<OrganizationAt>,
    user: &UserId,
) -> Result<bool, StoreError> {
    let organization = granted.at().organization.as_str();
    let removed = change(
        tx,
        "DELETE FROM memberships WHERE organization_id = ? AND user_id = ?",
        params![organization, user.as_str()],
    )?;
    change(
        tx,
        "DELETE FROM database_administrators WHERE user_id = ? \
         AND database_id IN (SELECT id FROM databases WHERE organization_id = ?)",
        params![user.as_str(), organization],
    )?;
    tx.bump_store_version()?;
    Ok(removed > 0)
}

/// How many organizations a member of one is a member of.
///
/// # Errors
/// When the database fails.
pub fn count_memberships(tx: &Tx<'_>, granted: &Granted<MemberAt>) -> Result<i64, StoreError> {
    number(tx, "SELECT COUNT(*) FROM memberships WHERE user_id = ?", params![granted.at().user.as_str()])
}

/// How many administrators an organization has whose accounts are not closed.
///
/// # Errors
/// When the database fails.
pub fn count_administrators(tx: &Tx<'_>, granted: &Granted<OrganizationAt>) -> Result<i64, StoreError> {
    number(
        tx,
        "SELECT COUNT(*) FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE m.organization_id = ? AND m.role = 'admin' AND u.disabled_at IS NULL",
        params![granted.at().organization.as_str()],
    )
}

/// The organizations that somebody is a member of.
///
/// # Errors
/// When the database fails.
pub fn organizations_of(
    tx: &Tx<'_>,
    _granted: &Granted<Nowhere>,
    user: &UserId,
) -> Result<Vec<(OrganizationId, OrganizationName)>, StoreError> {
    all(
        tx,
        "SELECT o.id, o.name FROM memberships m JOIN organizations o ON o.id = m.organization_id WHERE m.user_id = ?",
        params![user.as_str()],
        |row| {
            let name = parsed(row, "name", |name| OrganizationName::parse(name).ok())?;
            Ok((parsed(row, "id", OrganizationId::parse)?, name))
        },
    )
}
