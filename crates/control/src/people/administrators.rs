//! Who administers a database.

use bough_model::UserId;
use bough_policy::{DatabaseAt, Granted, MemberAt, Operation};
use bough_store::administrators::{self as store, Added, AdministratorRow};
use bough_store::{databases, users};
use serde_json::json;

use crate::audit::subject;
use crate::caller::read_back;
use crate::{Caller, Change, ControlPlane, Error, Page, Result};

/// Writes down who was made an administrator of a database, or no longer is one.
fn record(
    change: &Change<'_>,
    at: &DatabaseAt,
    action: &'static str,
    user: &UserId,
    name: &str,
) -> Result<()> {
    let database = databases::name_of(change.tx, at)?.ok_or(Error::Changed)?;
    let own = subject("Database", at.database.as_str(), database.as_str());
    change.audit(&at.organization, action, own, subject("User", user.as_str(), name), &json!({}))
}

impl ControlPlane {
    /// The administrators of a database, newest first. Those of its organization are not among them.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_database_administrators(
        &self,
        granted: &Granted<DatabaseAt>,
        page: Page,
    ) -> Result<(Vec<AdministratorRow>, i64)> {
        self.store.read(|reader| Ok(store::list(reader, granted, page)?))
    }

    /// Makes a member of the organization an administrator of its database. One who is one already stays
    /// one. `user` is his id.
    ///
    /// # Errors
    /// [`Error::Invalid`] when he is no member of the organization.
    pub fn add_database_administrator(
        &self,
        caller: &Caller,
        granted: &Granted<DatabaseAt>,
        user: &str,
    ) -> Result<AdministratorRow> {
        let no_member =
            || Error::Invalid("user_id must be the id of a member of the organization".to_owned());
        let user = UserId::parse(user).ok_or_else(no_member)?;
        let grant = granted.clone();
        let added = self.change(caller, move |change| {
            let at = grant.at();
            match store::add(change.tx, &grant, &user, change.now)? {
                Added::NoMember => return Ok(None),
                Added::Already => {}
                Added::Added => {
                    let member_at = MemberAt { organization: at.organization.clone(), user: user.clone() };
                    let member_at = read_back(Operation::GetOrganizationMembership, member_at)?;
                    let member = users::get_member_for_write(change.tx, &member_at)?;
                    record(change, at, "database.added_member", &user, &member.user.name)?;
                }
            }
            Ok(store::get_for_write(change.tx, &grant, &user)?)
        })?;
        added.ok_or_else(no_member)
    }

    /// Takes somebody out from among the administrators of a database. `user` is his id.
    ///
    /// # Errors
    /// [`Error::NotFound`] when he is none.
    pub fn remove_database_administrator(
        &self,
        caller: &Caller,
        granted: &Granted<DatabaseAt>,
        user: &str,
    ) -> Result<()> {
        let user = UserId::parse(user).ok_or(Error::NotFound)?;
        let grant = granted.clone();
        self.change(caller, move |change| {
            let row = store::get_for_write(change.tx, &grant, &user)?.ok_or(Error::NotFound)?;
            store::remove(change.tx, &grant, &user)?;
            record(change, grant.at(), "database.removed_member", &user, &row.user.name)
        })
    }
}
