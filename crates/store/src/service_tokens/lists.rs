//! Lists of tokens: all of them, some kinds, and those that a search finds.

use bough_model::{Timestamp, TokenId, UserId};
use bough_policy::{Granted, OrganizationAt};
use rusqlite::params;

use super::{COLUMNS, TokenRow, read};
use crate::organizations::{Counted, counted};
use crate::row::{Page, all, like_anywhere, number, parsed};
use crate::{Reader, StoreError, Tx};

/// The tokens of an organization, newest first, and how many there are.
///
/// # Errors
/// When the database fails.
pub fn list(
    reader: &Reader,
    granted: &Granted<OrganizationAt>,
    page: Page,
) -> Result<(Vec<TokenRow>, i64), StoreError> {
    let organization = granted.at().organization.as_str();
    let rows = all(
        reader,
        // The page is found in the index alone: the rows before it need not be read.
        &format!(
            "SELECT {COLUMNS} FROM (SELECT id AS of_page FROM service_tokens WHERE organization_id = ? \
             ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?) JOIN service_tokens ON id = of_page \
             ORDER BY created_at DESC, id DESC"
        ),
        params![organization, page.limit(), page.offset()],
        read,
    )?;
    Ok((rows, counted(reader, organization, Counted::ServiceTokens)?))
}

/// The tokens of an organization that a person has made, oldest first, at most so many.
///
/// # Errors
/// When the database fails.
pub fn made_by(
    tx: &Tx<'_>,
    granted: &Granted<OrganizationAt>,
    user: &UserId,
    most: u32,
) -> Result<Vec<TokenId>, StoreError> {
    all(
        tx,
        "SELECT id FROM service_tokens WHERE organization_id = ? AND creator_id = ? AND creator_kind = 'User' \
         ORDER BY created_at, id LIMIT ?",
        params![granted.at().organization.as_str(), user.as_str(), most],
        |row| parsed(row, "id", TokenId::parse),
    )
}

/// Which tokens a list is narrowed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokensShown {
    /// All of them.
    #[default]
    All,
    /// Those that were never used.
    Unused,
    /// Those that end after the first time and not after the second.
    Ending(Timestamp, Timestamp),
}

/// The tokens of an organization of one kind, with `search` in their name or id; and how many there are.
/// Those that end stand in the order of their ends, others newest first.
///
/// # Errors
/// When the database fails.
pub fn find(
    reader: &Reader,
    granted: &Granted<OrganizationAt>,
    shown: TokensShown,
    search: &str,
    page: Page,
) -> Result<(Vec<TokenRow>, i64), StoreError> {
    if shown == TokensShown::All && search.is_empty() {
        return list(reader, granted, page);
    }
    let (kind, order, from, until) = match shown {
        TokensShown::All => ("1", "created_at DESC, id DESC", None, None),
        TokensShown::Unused => ("last_used_at IS NULL", "created_at DESC, id DESC", None, None),
        TokensShown::Ending(from, until) => {
            ("expires_at > ?3 AND expires_at <= ?4", "expires_at, id", Some(from), Some(until))
        }
    };
    let words =
        if search.is_empty() { "?2 IS NULL" } else { "(name LIKE ?2 ESCAPE '!' OR id LIKE ?2 ESCAPE '!')" };
    let among = format!(
        "FROM service_tokens WHERE organization_id = ?1 AND {words} AND {kind} \
         AND ?3 IS ?3 AND ?4 IS ?4"
    );
    let organization = granted.at().organization.as_str();
    let pattern = (!search.is_empty()).then(|| like_anywhere(search));
    let (from, until) = (from.map(Timestamp::as_micros), until.map(Timestamp::as_micros));
    let rows = all(
        reader,
        &format!(
            "SELECT {COLUMNS} FROM (SELECT id AS of_page {among} ORDER BY {order} LIMIT ?5 OFFSET ?6) \
             JOIN service_tokens ON id = of_page ORDER BY {order}"
        ),
        params![organization, pattern, from, until, page.limit(), page.offset()],
        read,
    )?;
    let total =
        number(reader, &format!("SELECT COUNT(*) {among}"), params![organization, pattern, from, until])?;
    Ok((rows, total))
}
