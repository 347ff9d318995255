//! What can be done with organizations.

use bough_model::Actor;
use bough_policy::{Granted, MemberAt, Nowhere, OrganizationAt};
use bough_store::{organizations as store, users};
use serde_json::json;

use super::{MembershipRow, OrganizationRow, UserRow};
use crate::audit::organization;
use crate::people::check_email;
use crate::{Caller, ControlPlane, Error, Page, Result};

/// What is to be changed in an organization; what is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct UpdateOrganization {
    /// Where notices about it go.
    pub billing_email: Option<String>,
}

impl ControlPlane {
    /// The organizations that the caller belongs to.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_organizations(
        &self,
        caller: &Caller,
        granted: &Granted<Nowhere>,
        page: Page,
    ) -> Result<(Vec<OrganizationRow>, i64)> {
        self.store.read(|reader| Ok(store::list(reader, granted, &caller.principal, page)?))
    }

    /// One organization.
    ///
    /// # Errors
    /// When the store fails, or it is gone.
    pub fn get_organization(&self, granted: &Granted<OrganizationAt>) -> Result<OrganizationRow> {
        self.store.read(|reader| store::get(reader, granted)?.ok_or(Error::NotFound))
    }

    /// Changes an organization's settings.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a value cannot be.
    pub fn update_organization(
        &self,
        caller: &Caller,
        granted: &Granted<OrganizationAt>,
        wanted: &UpdateOrganization,
    ) -> Result<OrganizationRow> {
        let email = wanted.billing_email.as_deref().map(check_email).transpose()?;
        let granted = granted.clone();
        self.change(caller, move |change| {
            let before = store::get_for_write(change.tx, &granted)?;
            let Some(email) = email.filter(|email| *email != before.billing_email) else { return Ok(before) };
            store::update(change.tx, &granted, &email, change.now)?;
            let own = organization(&before.id, before.name.as_str());
            let metadata = json!({"changes": {"billing_email": [before.billing_email, email]}});
            change.audit(&before.id, "organization.updated", own.clone(), own, &metadata)?;
            Ok(store::get_for_write(change.tx, &granted)?)
        })
    }

    /// The person who asks.
    ///
    /// # Errors
    /// When the store fails, or it is no person.
    pub fn current_user(&self, caller: &Caller, granted: &Granted<Nowhere>) -> Result<UserRow> {
        let Actor::User(id) = caller.principal.actor() else { return Err(Error::NotFound) };
        self.store.read(|reader| users::get(reader, granted, id)?.ok_or(Error::NotFound))
    }

    /// Its members whose name or address contains `search`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_members(
        &self,
        granted: &Granted<OrganizationAt>,
        search: &str,
        page: Page,
    ) -> Result<(Vec<MembershipRow>, i64)> {
        self.store.read(|reader| Ok(users::list_members(reader, granted, search, page)?))
    }

    /// One member.
    ///
    /// # Errors
    /// When the store fails, or he is gone.
    pub fn get_member(&self, granted: &Granted<MemberAt>) -> Result<MembershipRow> {
        self.store.read(|reader| users::get_member(reader, granted)?.ok_or(Error::NotFound))
    }
}
