//! What the operator does at the machine itself: the first organization, accounts, memberships,
//! tokens. It acts as [`Actor::Operator`](bough_model::Actor), may everything, and is written down
//! like everybody else.

use std::sync::Arc;

use bough_model::{
    BranchId, DatabaseName, MembershipId, OrganizationId, OrganizationName, Role, Secret, TokenId, UserId,
};
use bough_policy::{DatabaseAt, Granted, Operation, OrganizationAt, TokenAt};
use bough_store::{admin, organizations, users};
use serde_json::json;

use crate::audit::{organization, subject};
use crate::branches::BranchRow;
use crate::caller::read_back;
use crate::organizations::{OrganizationRow, UserRow};
use crate::people::{check_email, hash, record_user};
use crate::random::fresh;
use crate::service_tokens::actions::{self, PlannedToken};
use crate::service_tokens::grants::grant_everything;
use crate::service_tokens::{CreateToken, NewSecret, TokenRow};
use crate::{Caller, Change, ControlPlane, Error, Page, Result};

/// What stands at the top of all addresses, where organizations do: none may be called so.
const PAGES: [&str; 10] =
    ["account", "assets", "avatars", "docs", "healthz", "login", "logout", "metrics", "readyz", "v1"];

/// A first organization.
#[derive(Debug)]
pub struct Founded {
    /// The organization.
    pub organization: OrganizationRow,
    /// Its administrator.
    pub user: UserRow,
    /// A token that holds every access.
    pub service_token: NewSecret,
}

impl ControlPlane {
    /// Whether there is an organization yet.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_set_up(&self, caller: &Caller) -> Result<bool> {
        let anywhere = caller.anywhere()?;
        self.store.read(|reader| Ok(admin::count_organizations(reader, &anywhere)? > 0))
    }

    /// Makes an organization with its administrator and a token that holds every access. An account
    /// of that address that exists already becomes the administrator and keeps its password.
    ///
    /// # Errors
    /// [`Error::Invalid`] when name, address or password cannot be, or the name is taken.
    pub fn found_organization(
        &self,
        caller: &Caller,
        name: &str,
        email: &str,
        password: &Secret<String>,
    ) -> Result<Founded> {
        let name = OrganizationName::parse(name).map_err(|error| Error::Invalid(error.to_string()))?;
        if PAGES.contains(&name.as_str()) {
            return Err(Error::Invalid(format!(
                "{name} is an address of Bough's own pages; choose another name"
            )));
        }
        let email = check_email(email)?;
        let password_hash = hash(password)?;
        let anywhere = caller.anywhere()?;
        let id = fresh(OrganizationId::from_random);
        let at = caller.grant(Operation::GetOrganization, OrganizationAt { organization: id.clone() })?;
        let organization_at = at.clone();
        let planned = self.plan_token(&CreateToken { name: Some("setup".to_owned()), ttl: None })?;
        let secret = planned.secret.clone();
        let tokens_at =
            caller.grant(Operation::CreateServiceToken, OrganizationAt { organization: id.clone() })?;
        // All of it at once: a crash leaves no organization that nobody has a key to.
        let (user, token) = self.change(caller, move |change| {
            let (tx, now) = (change.tx, change.now);
            if !organizations::insert(tx, &anywhere, &id, &name, &email, now)? {
                return Err(Error::Invalid(format!("organization {name} exists already")));
            }
            let own = organization(&id, name.as_str());
            change.audit(&id, "organization.created", own.clone(), own.clone(), &json!({}))?;
            let user = match users::by_email(tx, &anywhere, &email)? {
                Some(user) => user,
                None => {
                    let user = fresh(UserId::from_random);
                    let display = email.split('@').next().unwrap_or(&email).to_owned();
                    users::insert(tx, &anywhere, &user, &email, &display, &password_hash, now)?;
                    let user = users::by_email(tx, &anywhere, &email)?.ok_or(Error::Changed)?;
                    record_user(change, "user.created", &user, &json!({}))?;
                    user
                }
            };
            let membership = fresh(MembershipId::from_random);
            users::set_member(tx, &organization_at, &membership, &user.id, Role::Admin, now)?;
            let target = subject("User", user.id.as_str(), &user.name);
            change.audit(&id, "organization_membership.created", own, target, &json!({"role": "admin"}))?;
            Ok((user, insert_full_token(change, &tokens_at, planned)?))
        })?;
        let organization =
            self.store.read(|reader| organizations::get(reader, &at)?.ok_or(Error::NotFound))?;
        Ok(Founded { organization, user, service_token: NewSecret { token, secret } })
    }

    /// Makes a token, with every access there is if `all_accesses` says so.
    ///
    /// # Errors
    /// [`Error::Invalid`] when name or life are out of bounds.
    pub fn create_full_token(
        &self,
        caller: &Caller,
        organization: &OrganizationRow,
        name: Option<String>,
        ttl: Option<i64>,
        all_accesses: bool,
    ) -> Result<NewSecret> {
        let at = OrganizationAt { organization: organization.id.clone() };
        let granted = caller.grant(Operation::CreateServiceToken, at)?;
        let wanted = CreateToken { name, ttl };
        if !all_accesses {
            return self.create_token(caller, &granted, wanted);
        }
        let planned = self.plan_token(&wanted)?;
        let secret = planned.secret.clone();
        let token = self.change(caller, move |change| insert_full_token(change, &granted, planned))?;
        Ok(NewSecret { token, secret })
    }

    /// An organization by name, for the operator.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is none of that name.
    pub fn organization_by_name(&self, caller: &Caller, name: &str) -> Result<OrganizationRow> {
        let found = self.locate(name, None, None)?;
        let found = found.ok_or_else(|| Error::Invalid(format!("there is no organization {name:?}")))?;
        self.get_organization(
            &caller.grant(Operation::GetOrganization, found.organization_at().place().clone())?,
        )
    }

    /// The one organization there is, for the operator.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is none, or more than one.
    pub fn only_organization(&self, caller: &Caller) -> Result<OrganizationRow> {
        let (rows, total) =
            self.list_organizations(caller, &caller.anywhere()?, Page { number: 1, size: 1 })?;
        match rows.into_iter().next() {
            Some(row) if total == 1 => Ok(row),
            Some(_) => {
                Err(Error::Invalid(format!("there are {total} organizations; name one with --organization")))
            }
            None => {
                Err(Error::Invalid("there is no organization yet; make one with `bough setup`".to_owned()))
            }
        }
    }

    /// The organization that was made first, for the operator.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is none.
    pub fn first_organization(&self, caller: &Caller) -> Result<OrganizationRow> {
        let anywhere = caller.anywhere()?;
        let (_, total) = self.list_organizations(caller, &anywhere, Page { number: 1, size: 1 })?;
        let last = Page { number: u32::try_from(total).unwrap_or(u32::MAX).max(1), size: 1 };
        let (rows, _) = self.list_organizations(caller, &anywhere, last)?;
        let missing =
            || Error::Invalid("there is no organization yet; make one with `bough setup`".to_owned());
        rows.into_iter().next().ok_or_else(missing)
    }

    /// The address of the administrator that an organization has had longest.
    ///
    /// # Errors
    /// When the store fails.
    pub fn first_administrator(&self, caller: &Caller, organization: &OrganizationRow) -> Result<String> {
        let at = OrganizationAt { organization: organization.id.clone() };
        let granted = caller.grant(Operation::ListOrganizationMembers, at)?;
        let (members, _) = self.list_members(&granted, "", Page { number: 1, size: 1_000 })?;
        let first = members.into_iter().rev().find(|member| member.role == Role::Admin);
        Ok(first.map_or_else(|| "nobody".to_owned(), |member| member.user.email))
    }

    /// The id of the token that an organization has had longest.
    ///
    /// # Errors
    /// When the store fails.
    pub fn oldest_token(&self, caller: &Caller, organization: &OrganizationRow) -> Result<Option<TokenId>> {
        let at = OrganizationAt { organization: organization.id.clone() };
        let granted = caller.grant(Operation::ListServiceTokens, at)?;
        let (_, total) = self.list_tokens(&granted, Page { number: 1, size: 1 })?;
        let last = Page { number: u32::try_from(total).unwrap_or(u32::MAX).max(1), size: 1 };
        Ok(self.list_tokens(&granted, last)?.0.into_iter().next().map(|token| token.id))
    }

    /// A branch by name, and the name of its SQL schema, for the operator. The default branch when no
    /// name is given.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is none of that name.
    pub fn branch_by_name(
        &self,
        caller: &Caller,
        organization: &OrganizationRow,
        database: &str,
        branch: Option<&str>,
    ) -> Result<(BranchRow, DatabaseName)> {
        let at = self.database_by_name(organization, database)?;
        let row = self.get_database(&caller.grant(Operation::GetDatabase, at)?)?;
        let name = branch.unwrap_or(row.default_branch.name.as_str());
        let found = self.locate(organization.name.as_str(), Some(database), Some(name))?;
        let missing = || Error::Invalid(format!("there is no branch {name:?} in {database}"));
        let at = found.and_then(|found| found.branch_at()).ok_or_else(missing)?.place().clone();
        let branch = self.get_branch(caller, &caller.grant(Operation::GetBranch, at)?)?;
        Ok((Arc::unwrap_or_clone(branch), row.schema_name))
    }

    /// Whether there is any record of a branch.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_branch_recorded(&self, id: &BranchId) -> Result<bool> {
        self.store.read(|reader| Ok(bough_store::reconcile::is_recorded(reader, id)?))
    }

    /// The organization that a token belongs to, for the operator.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such token.
    pub fn organization_of_token(&self, caller: &Caller, token: &str) -> Result<(OrganizationRow, TokenAt)> {
        let missing = || Error::Invalid(format!("there is no service token {token:?}"));
        let id = TokenId::parse(token).ok_or_else(missing)?;
        let anywhere = caller.anywhere()?;
        let name = self
            .store
            .read(|reader| Ok::<_, Error>(admin::organization_of_token(reader, &anywhere, &id)?))?;
        let organization = self.organization_by_name(caller, name.ok_or_else(missing)?.as_str())?;
        let at = TokenAt { organization: organization.id.clone(), token: id };
        Ok((organization, at))
    }

    /// A database by name, for the operator.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is none of that name.
    pub fn database_by_name(&self, organization: &OrganizationRow, name: &str) -> Result<DatabaseAt> {
        let found = self.locate(organization.name.as_str(), Some(name), None)?;
        let at = found.and_then(|found| found.database_at());
        let missing = || Error::Invalid(format!("there is no database {name:?} in {}", organization.name));
        Ok(at.ok_or_else(missing)?.place().clone())
    }
}

/// Writes a token that holds every access.
fn insert_full_token(
    change: &Change<'_>,
    granted: &Granted<OrganizationAt>,
    planned: PlannedToken,
) -> Result<TokenRow> {
    let token = actions::insert(change, granted, planned)?;
    let at = TokenAt { organization: granted.at().organization.clone(), token: token.id.clone() };
    let all = read_back(Operation::ReplaceServiceTokenGrants, at)?;
    grant_everything(change, &all, &token)?;
    Ok(token)
}
