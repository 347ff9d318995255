//! What can be done with passwords.

use std::collections::HashMap;

use bough_model::{
    ActorRef, Cidrs, PasswordId, PasswordName, PasswordRole, PasswordVerifiers, Secret, Timestamp,
};
use bough_policy::{BranchAt, DatabaseAt, Facet, Granted, PasswordAt};
use bough_store::passwords::{self as store, NewPassword, PasswordFilter};
use serde_json::json;

use super::{PasswordRow, expiry};
use crate::audit::subject;
use crate::random::{fresh, password_secret, username};
use crate::{Caller, Change, ControlPlane, Error, Page, Result};

/// Most passwords of one branch, those that have expired and are still shown among them.
const PASSWORDS_PER_BRANCH: i64 = 10_000;

/// What is asked for in a new password.
#[derive(Clone, Debug, Default)]
pub struct CreatePassword {
    /// Its name, as it was written; one is made when absent or empty.
    pub name: Option<String>,
    /// What it may do; `admin` when absent or empty.
    pub role: Option<String>,
    /// Seconds that it lives; absent or 0: it never ends.
    pub ttl: Option<i64>,
    /// The address ranges that it may come from; none for any.
    pub cidrs: Vec<String>,
    /// Wants to read from replicas.
    pub replica: bool,
    /// Wants to read in another region.
    pub read_only_region_id: Option<String>,
    /// Wants to reach a VTGate by itself.
    pub direct_vtgate: bool,
    /// Wants a secret of 32 characters.
    pub short_secret: bool,
}

/// What is to be changed in a password; what is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct UpdatePassword {
    /// Another name.
    pub name: Option<String>,
    /// The address ranges that it may come from; an empty list for any.
    pub cidrs: Option<Vec<String>>,
    /// The role that the caller believes it to have; no other can be given.
    pub role: Option<String>,
    /// A life that cannot be given afterwards.
    pub ttl: Option<i64>,
}

/// A password together with its secret, which exists here and in the answer, and never again.
#[derive(Clone, Debug)]
pub struct NewPasswordSecret {
    /// The password.
    pub password: PasswordRow,
    /// Its secret.
    pub secret: Secret<String>,
}

fn parse_role(role: Option<&str>) -> Result<PasswordRole> {
    match role {
        None | Some("") => Ok(PasswordRole::Admin),
        Some(text) => PasswordRole::parse(text).ok_or_else(|| {
            let known = PasswordRole::ALL.map(PasswordRole::as_str).join(", ");
            Error::Invalid(format!("role is {text:?}, but must be one of {known}"))
        }),
    }
}

fn parse_name(name: &str) -> Result<Option<PasswordName>> {
    PasswordName::parse(name).map_err(|error| Error::Invalid(error.to_string()))
}

fn parse_cidrs(cidrs: &[String]) -> Result<Cidrs> {
    let texts = cidrs.iter().map(|text| text.trim());
    Cidrs::parse(texts).map_err(|problem| Error::Invalid(format!("cidrs: {problem}")))
}

/// A name for one that was given none: the day, and something that tells it from others.
fn made_name(id: &PasswordId, now: Timestamp) -> Result<PasswordName> {
    let day = now.to_string();
    let name = format!("password-{}-{}", day.get(..10).unwrap_or_default(), &id.as_str()[..6]);
    parse_name(&name)?.ok_or_else(|| Error::Internal("a name that was made is empty".to_owned()))
}

/// What there is not here is refused, rather than answered as if there were.
fn refuse_what_there_is_not(wanted: &CreatePassword) -> Result<()> {
    let refused = |text: &str| Err(Error::Invalid(text.to_owned()));
    if wanted.replica {
        return refused(
            "replica is true, but branches have no replicas here: leave it out, and ask for the role reader for \
             reading only",
        );
    }
    if wanted.read_only_region_id.as_deref().is_some_and(|id| !id.is_empty()) {
        return refused(
            "read_only_region_id names no region: there are no read-only regions here; leave it out",
        );
    }
    if wanted.direct_vtgate {
        return refused("direct_vtgate is true, but there are no VTGates here: leave it out");
    }
    Ok(())
}

/// Writes an entry about a password: never its secret, nor what verifies it.
pub(crate) fn record(
    change: &Change<'_>,
    at: &BranchAt,
    action: &'static str,
    password: &PasswordRow,
    metadata: &serde_json::Value,
) -> Result<()> {
    change.audit(
        &at.organization,
        action,
        subject("DatabaseBranch", password.branch.id.as_str(), password.branch.name.as_str()),
        subject("DatabaseBranchPassword", password.id.as_str(), &password.name),
        metadata,
    )
}

fn describe(password: &PasswordRow) -> serde_json::Value {
    json!({
        "role": password.role.as_str(),
        "ttl_seconds": password.ttl_seconds,
        "cidrs": password.cidrs.to_texts(),
    })
}

impl ControlPlane {
    /// The passwords of a branch, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_passwords(
        &self,
        granted: &Granted<BranchAt>,
        filter: &PasswordFilter,
        page: Page,
    ) -> Result<(Vec<PasswordRow>, i64)> {
        self.store.read(|reader| Ok(store::list_of_branch(reader, granted, filter, page)?))
    }

    /// The passwords of all branches of a database, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_database_passwords(
        &self,
        granted: &Granted<DatabaseAt>,
        filter: &PasswordFilter,
        page: Page,
    ) -> Result<(Vec<PasswordRow>, i64)> {
        self.store.read(|reader| Ok(store::list_of_database(reader, granted, filter, page)?))
    }

    /// What passwords of a branch are called. One that is gone is left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn password_names<'a>(
        &self,
        granted: &Granted<BranchAt>,
        passwords: impl IntoIterator<Item = &'a PasswordId>,
    ) -> Result<HashMap<PasswordId, String>> {
        let mut names = HashMap::new();
        self.store.read(|reader| {
            for password in passwords {
                if !names.contains_key(password)
                    && let Some(name) = store::name_of(reader, granted, password)?
                {
                    names.insert(password.clone(), name);
                }
            }
            Ok::<_, Error>(names)
        })
    }

    /// One password.
    ///
    /// # Errors
    /// When the store fails, or it is gone.
    pub fn get_password(&self, granted: &Granted<PasswordAt>) -> Result<PasswordRow> {
        self.store.read(|reader| store::get(reader, granted)?.ok_or(Error::NotFound))
    }

    /// Makes a password of a branch.
    ///
    /// # Errors
    /// [`Error::Refused`] when the caller may not make one of that role; [`Error::Invalid`] when a value cannot
    /// be, asks for what there is not here, or the branch has too many.
    pub fn create_password(
        &self,
        caller: &Caller,
        granted: Granted<BranchAt>,
        wanted: &CreatePassword,
    ) -> Result<NewPasswordSecret> {
        let role = parse_role(wanted.role.as_deref())?;
        let granted = self.refine(caller, granted, Facet::Password(role))?;
        let name = parse_name(wanted.name.as_deref().unwrap_or_default())?;
        let ttl_seconds = expiry::parse_ttl(wanted.ttl)?;
        let cidrs = parse_cidrs(&wanted.cidrs)?;
        refuse_what_there_is_not(wanted)?;
        let secret = password_secret(wanted.short_secret);
        let id = fresh(PasswordId::from_random);
        let verifiers = PasswordVerifiers::of(secret.expose().as_bytes());
        let verifiers = self.keys.seal_verifiers(&id, &verifiers);
        let password = self.change(caller, move |change| {
            if store::count_of_branch(change.tx, &granted)? >= PASSWORDS_PER_BRANCH {
                return Err(Error::Invalid(format!(
                    "this branch has {PASSWORDS_PER_BRANCH} passwords, which is the limit: delete some, and give \
                     those that are for a while a ttl"
                )));
            }
            let name = match name {
                Some(name) => name,
                None => made_name(&id, change.now)?,
            };
            let new = NewPassword {
                ephemeral: expiry::is_ephemeral(name.as_str(), ttl_seconds),
                id,
                name,
                role,
                username: username(),
                verifiers,
                cidrs,
                lifetime: ttl_seconds.map(|seconds| expiry::lifetime(seconds, change.now)),
                actor: ActorRef::clone(&change.caller.actor),
            };
            let row = store::insert(change.tx, &granted, &new, change.now)?;
            record(change, granted.at(), "database_branch_password.created", &row, &describe(&row))?;
            Ok(row)
        })?;
        Ok(NewPasswordSecret { password, secret })
    }

    /// Changes a password's name or the addresses that it may come from.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a value cannot be, or another role or life is asked for.
    pub fn update_password(
        &self,
        caller: &Caller,
        granted: &Granted<PasswordAt>,
        wanted: &UpdatePassword,
    ) -> Result<PasswordRow> {
        let name = match wanted.name.as_deref() {
            None => None,
            Some(name) => Some(parse_name(name)?.ok_or_else(|| {
                Error::Invalid(
                    "name is empty: leave it out to keep the name that the password has".to_owned(),
                )
            })?),
        };
        let cidrs = wanted.cidrs.as_deref().map(parse_cidrs).transpose()?;
        let role = granted.at().role;
        // Whoever believes to have taken rights away must be told that it is not so.
        if wanted.role.as_deref().is_some_and(|wanted| wanted != role.as_str()) {
            return Err(Error::Invalid(format!(
                "role is {role} for good: make another password with the role that is wanted, and delete this one",
                role = role.as_str()
            )));
        }
        if wanted.ttl.is_some() {
            return Err(Error::Invalid(
                "ttl cannot be changed afterwards: make another password with the life that is wanted, and delete \
                 this one"
                    .to_owned(),
            ));
        }
        let grant = granted.clone();
        self.change(caller, move |change| {
            let before = store::get_for_write(change.tx, &grant)?;
            let name = name.filter(|name| name.as_str() != before.name);
            let cidrs = cidrs.filter(|cidrs| *cidrs != before.cidrs);
            if name.is_none() && cidrs.is_none() {
                return Ok(before);
            }
            let after = store::update(change.tx, &grant, name.as_ref(), cidrs.as_ref(), change.now)?;
            let at = &grant.at().branch;
            if name.is_some() {
                let metadata = json!({"name": [before.name, after.name]});
                record(change, at, "database_branch_password.updated", &after, &metadata)?;
            }
            if cidrs.is_some() {
                let metadata = json!({"cidrs": [before.cidrs.to_texts(), after.cidrs.to_texts()]});
                record(change, at, "database_branch_password.updated_ip_restrictions", &after, &metadata)?;
            }
            Ok(after)
        })
    }

    /// Has a password live from now on as long as it was made for. That is not written into the audit log, for
    /// clients do it all the time; that one which had expired opens again, is.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it never ends.
    pub fn renew_password(&self, caller: &Caller, granted: &Granted<PasswordAt>) -> Result<PasswordRow> {
        let grant = granted.clone();
        self.change(caller, move |change| {
            let before = store::get_for_write(change.tx, &grant)?;
            let Some(seconds) = before.ttl_seconds else {
                return Err(Error::Invalid("this password never ends, so it cannot be renewed".to_owned()));
            };
            let lifetime = expiry::lifetime(seconds, change.now);
            let after = store::renew(change.tx, &grant, &lifetime, change.now)?;
            if expiry::is_expired(&before, change.now) {
                let ends = after.expires_at.map(|at| at.to_string());
                let metadata = json!({"expires_at": ends});
                record(change, &grant.at().branch, "database_branch_password.renewed", &after, &metadata)?;
            }
            Ok(after)
        })
    }

    /// Deletes a password: it opens nothing from then on.
    ///
    /// # Errors
    /// When it is gone already.
    pub fn delete_password(&self, caller: &Caller, granted: &Granted<PasswordAt>) -> Result<()> {
        let grant = granted.clone();
        self.change(caller, move |change| {
            let gone = store::delete(change.tx, &grant)?;
            record(change, &grant.at().branch, "database_branch_password.deleted", &gone, &describe(&gone))
        })
    }
}
