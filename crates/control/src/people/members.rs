//! What people are in an organization: roles, removal, leaving.

use bough_model::{Actor, Role};
use bough_policy::{Granted, MemberAt, Operation, OrganizationAt, TokenAt};
use bough_store::users::{self, MembershipRow};
use bough_store::{organizations, passwords, service_tokens};
use serde_json::json;

use crate::audit::{organization, subject};
use crate::caller::read_back;
use crate::passwords::record as record_password;
use crate::service_tokens::actions::record as record_token;
use crate::{Caller, Change, ControlPlane, Error, Result};

/// Service tokens that are deleted in one go, and passwords: nobody's write waits behind all of them.
const DELETED_AT_ONCE: u32 = 100;

/// What goes with a member who is removed.
#[derive(Clone, Copy, Debug, Default)]
pub struct RemoveMember {
    /// The passwords of branches that he has made.
    pub delete_passwords: bool,
    /// The service tokens that he has made.
    pub delete_service_tokens: bool,
}

fn is_oneself(caller: &Caller, at: &MemberAt) -> bool {
    matches!(caller.principal.actor(), Actor::User(id) if *id == at.user)
}

fn within(at: &MemberAt) -> Result<Granted<OrganizationAt>> {
    read_back(Operation::GetOrganization, OrganizationAt { organization: at.organization.clone() })
}

/// Fails when nobody would be left to administer the organization without him.
fn can_do_without(
    change: &Change<'_>,
    granted: &Granted<OrganizationAt>,
    member: &MembershipRow,
) -> Result<()> {
    if member.role != Role::Admin {
        return Ok(());
    }
    let himself = i64::from(member.user.disabled_at.is_none());
    if users::count_administrators(change.tx, granted)? > himself {
        return Ok(());
    }
    Err(Error::Invalid(
        "an organization keeps at least one administrator; make somebody else one first".to_owned(),
    ))
}

/// Writes what somebody is from now on, and what he was.
pub(super) fn change_role(
    change: &Change<'_>,
    granted: &Granted<OrganizationAt>,
    member: &MembershipRow,
    role: Role,
) -> Result<()> {
    if member.role == role {
        return Ok(());
    }
    can_do_without(change, granted, member)?;
    users::set_member(change.tx, granted, &member.id, &member.user.id, role, change.now)?;
    let row = organizations::get_for_write(change.tx, granted)?;
    let target = subject("User", member.user.id.as_str(), &member.user.name);
    let metadata = json!({"role": role.as_str(), "before": member.role.as_str()});
    let own = organization(&row.id, row.name.as_str());
    change.audit(&row.id, "organization_membership.updated_role", own, target, &metadata)
}

impl ControlPlane {
    /// Changes what a member is.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for one's own role; [`Error::Invalid`] when the organization would be left
    /// without an administrator.
    pub fn set_role(
        &self,
        caller: &Caller,
        granted: &Granted<MemberAt>,
        role: Role,
    ) -> Result<MembershipRow> {
        if is_oneself(caller, granted.at()) {
            return Err(Error::Forbidden(
                "nobody changes his own role; another administrator can".to_owned(),
            ));
        }
        let granted = granted.clone();
        self.change(caller, move |change| {
            let organization_at = within(granted.at())?;
            let member = users::get_member_for_write(change.tx, &granted)?;
            change_role(change, &organization_at, &member, role)?;
            Ok(users::get_member_for_write(change.tx, &granted)?)
        })
    }

    /// Takes a member out of an organization, and from among the administrators of its databases; or lets
    /// him leave. His tokens and passwords stay, unless they are to be deleted.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the organization would be left without an administrator, when somebody would
    /// leave the only organization that he has, or when who leaves wants to take something with him.
    pub fn remove_member(
        &self,
        caller: &Caller,
        granted: &Granted<MemberAt>,
        wanted: RemoveMember,
    ) -> Result<()> {
        let leaves = is_oneself(caller, granted.at());
        if leaves && (wanted.delete_service_tokens || wanted.delete_passwords) {
            return Err(Error::Invalid(
                "delete_service_tokens and delete_passwords are for removing somebody else; who leaves leaves them".to_owned(),
            ));
        }
        // A transaction each. The last one takes him out, and before it everything can be begun anew.
        loop {
            let granted = granted.clone();
            let step = move |change: &Change<'_>| remove_some(change, &granted, wanted, leaves);
            if self.change(caller, step)? {
                return Ok(());
            }
        }
    }
}

/// Deletes some of his tokens and passwords, if they shall go. When no more are left, takes him out and says so.
fn remove_some(
    change: &Change<'_>,
    granted: &Granted<MemberAt>,
    wanted: RemoveMember,
    leaves: bool,
) -> Result<bool> {
    let (tx, at) = (change.tx, granted.at());
    let organization_at = within(at)?;
    let member = users::get_member_for_write(tx, granted)?;
    // Whether he may go is seen before anything of his does. Nobody could take out the last administrator, so
    // that comes first.
    can_do_without(change, &organization_at, &member)?;
    let others = users::count_memberships(tx, granted)? - 1;
    if leaves && others == 0 {
        return Err(Error::Invalid(
            "this is your only organization; an administrator can remove you from it".to_owned(),
        ));
    }
    if wanted.delete_service_tokens && !delete_tokens(change, &organization_at, &member)? {
        return Ok(false);
    }
    if wanted.delete_passwords && !delete_passwords(change, &organization_at, &member)? {
        return Ok(false);
    }
    users::remove_member(tx, &organization_at, &at.user)?;
    let row = organizations::get_for_write(tx, &organization_at)?;
    let target = subject("User", member.user.id.as_str(), &member.user.name);
    let action = if leaves { "organization.left" } else { "organization.removed_member" };
    let metadata = json!({
        "role": member.role.as_str(),
        "delete_service_tokens": wanted.delete_service_tokens,
        "delete_passwords": wanted.delete_passwords,
    });
    change.audit(&row.id, action, organization(&row.id, row.name.as_str()), target, &metadata)?;
    Ok(true)
}

/// Deletes tokens that somebody has made, and those that they have; whether there are no more.
fn delete_tokens(
    change: &Change<'_>,
    granted: &Granted<OrganizationAt>,
    member: &MembershipRow,
) -> Result<bool> {
    let organization = &granted.at().organization;
    let because = removed(member);
    let made = service_tokens::made_by(change.tx, granted, &member.user.id, DELETED_AT_ONCE)?;
    for token in &made {
        let at = TokenAt { organization: organization.clone(), token: token.clone() };
        for gone in service_tokens::delete(change.tx, &read_back(Operation::DeleteServiceToken, at)?)? {
            record_token(change, organization, "service_token.deleted", &gone, &because)?;
        }
    }
    Ok(made.len() < DELETED_AT_ONCE as usize)
}

/// Deletes passwords that somebody has made; whether there are no more.
fn delete_passwords(
    change: &Change<'_>,
    granted: &Granted<OrganizationAt>,
    member: &MembershipRow,
) -> Result<bool> {
    let because = removed(member);
    let made = passwords::made_by(change.tx, granted, &member.user.id, DELETED_AT_ONCE)?;
    for at in &made {
        let gone = passwords::delete(change.tx, &read_back(Operation::DeletePassword, at.clone())?)?;
        record_password(change, &at.branch, "database_branch_password.deleted", &gone, &because)?;
    }
    Ok(made.len() < DELETED_AT_ONCE as usize)
}

fn removed(member: &MembershipRow) -> serde_json::Value {
    json!({"because": "the member who made it was removed", "removed": member.user.id.as_str()})
}
