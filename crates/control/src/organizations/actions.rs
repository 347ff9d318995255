//! What can be done with organizations.

use bough_model::Actor;
use bough_policy::{Granted, MemberAt, Nowhere, OrganizationAt};
use bough_store::{organizations as store, users};

use super::{MembershipRow, OrganizationRow, UserRow};
use crate::{Caller, ControlPlane, Error, Page, Result};

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
