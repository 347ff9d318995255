//! What the operator does with accounts and memberships, at the machine itself.

use bough_model::{MembershipId, Role, Secret, UserId};
use bough_policy::{Granted, MemberAt, Nowhere, Operation, OrganizationAt};
use bough_store::{sessions, users};
use serde_json::json;

use super::members::change_role;
use super::{check_email, check_name, hash, record_user, record_user_everywhere};
use crate::audit::{organization, subject};
use crate::caller::read_back;
use crate::organizations::{MembershipRow, OrganizationRow, UserRow};
use crate::random::fresh;
use crate::{Caller, Change, ControlPlane, Error, Result};

impl ControlPlane {
    /// Everybody with an account.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_users(&self, caller: &Caller) -> Result<Vec<UserRow>> {
        let anywhere = caller.anywhere()?;
        self.store.read(|reader| Ok(users::list_all(reader, &anywhere)?))
    }

    /// Makes an account. It belongs to no organization yet: the installation's own log tells of it.
    ///
    /// # Errors
    /// [`Error::Invalid`] when address, name or password cannot be, or the address is taken.
    pub fn create_user(
        &self,
        caller: &Caller,
        email: &str,
        name: Option<&str>,
        password: &Secret<String>,
    ) -> Result<UserRow> {
        let email = check_email(email)?;
        let name = check_name(name.unwrap_or_else(|| email.split('@').next().unwrap_or(&email)))?;
        let password_hash = hash(password)?;
        let anywhere = caller.anywhere()?;
        self.change(caller, move |change| {
            if users::by_email(change.tx, &anywhere, &email)?.is_some() {
                return Err(Error::Invalid(format!("{email} has an account already")));
            }
            let id = fresh(UserId::from_random);
            users::insert(change.tx, &anywhere, &id, &email, &name, &password_hash, change.now)?;
            let user = users::by_email(change.tx, &anywhere, &email)?.ok_or(Error::Changed)?;
            record_user(change, "user.created", &user, &json!({}))?;
            Ok(user)
        })
    }

    /// Gives an account another password. All its sessions end.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such account, or the password cannot be.
    pub fn set_user_password(
        &self,
        caller: &Caller,
        email: &str,
        password: &Secret<String>,
    ) -> Result<UserRow> {
        let (email, password_hash) = (check_email(email)?, hash(password)?);
        let anywhere = caller.anywhere()?;
        self.change(caller, move |change| {
            let user = known_user(change, &anywhere, &email)?;
            users::set_password(change.tx, &anywhere, &user.id, &password_hash, change.now)?;
            let ended = sessions::end_all(change.tx, &anywhere, &user.id, None)?;
            let metadata = json!({"sessions_ended": ended});
            record_user_everywhere(change, &anywhere, "user.updated_password", &user, &metadata)?;
            Ok(user)
        })
    }

    /// Closes an account, by which all its sessions end, or opens it again.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such account.
    pub fn set_user_disabled(&self, caller: &Caller, email: &str, disabled: bool) -> Result<UserRow> {
        let email = check_email(email)?;
        let anywhere = caller.anywhere()?;
        self.change(caller, move |change| {
            let user = known_user(change, &anywhere, &email)?;
            if user.disabled_at.is_some() == disabled {
                return Ok(user);
            }
            users::set_disabled(change.tx, &anywhere, &user.id, disabled, change.now)?;
            sessions::end_all(change.tx, &anywhere, &user.id, None)?;
            let action = if disabled { "user.disabled" } else { "user.enabled" };
            record_user_everywhere(change, &anywhere, action, &user, &json!({}))?;
            Ok(users::get_for_write(change.tx, &anywhere, &user.id)?)
        })
    }

    /// Makes somebody a member, or, where he is one, changes what he is.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such account, or the organization would be left without an
    /// administrator.
    pub fn set_member(
        &self,
        caller: &Caller,
        organization_row: &OrganizationRow,
        email: &str,
        role: Role,
    ) -> Result<UserRow> {
        let email = check_email(email)?;
        let anywhere = caller.anywhere()?;
        let at = OrganizationAt { organization: organization_row.id.clone() };
        let granted = caller.grant(Operation::GetOrganization, at)?;
        let own = organization(&organization_row.id, organization_row.name.as_str());
        self.change(caller, move |change| {
            let user = known_user(change, &anywhere, &email)?;
            let organization = granted.at().organization.clone();
            let at = MemberAt { organization: organization.clone(), user: user.id.clone() };
            let member = read_back(Operation::GetOrganizationMembership, at)?;
            match users::find_member_for_write(change.tx, &member)? {
                Some(member) => change_role(change, &granted, &member, role)?,
                None => {
                    let membership = fresh(MembershipId::from_random);
                    users::set_member(change.tx, &granted, &membership, &user.id, role, change.now)?;
                    let target = subject("User", user.id.as_str(), &user.name);
                    let metadata = json!({"role": role.as_str()});
                    change.audit(&organization, "organization_membership.created", own, target, &metadata)?;
                }
            }
            Ok(user)
        })
    }

    /// The member of an organization that has an e-mail address, for the operator.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is none.
    pub fn member_by_email(
        &self,
        caller: &Caller,
        organization: &OrganizationRow,
        email: &str,
    ) -> Result<(MembershipRow, MemberAt)> {
        let email = check_email(email)?;
        let at = OrganizationAt { organization: organization.id.clone() };
        let granted = caller.grant(Operation::ListOrganizationMembers, at)?;
        let member =
            self.store.read(|reader| Ok::<_, Error>(users::member_of_email(reader, &granted, &email)?))?;
        let missing = || Error::Invalid(format!("{email} is not a member of {}", organization.name));
        let member = member.ok_or_else(missing)?;
        let at = MemberAt { organization: organization.id.clone(), user: member.user.id.clone() };
        Ok((member, at))
    }
}

fn known_user(change: &Change<'_>, anywhere: &Granted<Nowhere>, email: &str) -> Result<UserRow> {
    let user = users::by_email(change.tx, anywhere, email)?;
    user.ok_or_else(|| Error::Invalid(format!("{email} has no account")))
}
