//! Changing what a token holds.

use std::collections::BTreeSet;

use bough_model::{Digest, GrantId};
use bough_policy::{
    Access, AccessSet, DatabaseAt, GrantScope, Granted, Operation, TokenAt, decide, may_grant,
};
use bough_store::service_tokens as store;
use serde_json::json;

use super::actions::record;
use super::{GrantRow, TokenRow};
use crate::denials::could_be_database;
use crate::random::fresh;
use crate::{Caller, Change, ControlPlane, Error, Result};

/// Where accesses are wanted, as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedScope {
    /// On the organization.
    Organization,
    /// On all current and future databases.
    AllDatabases,
    /// On the database of this name.
    Database(String),
}

/// Accesses at one scope, as a request lists them.
#[derive(Clone, Debug)]
pub struct GrantSet {
    /// Where.
    pub scope: WantedScope,
    /// Which, by name.
    pub accesses: Vec<String>,
}

/// Gives a new token every access there is, on the organization and on all databases.
pub(crate) fn grant_everything(
    change: &Change<'_>,
    grant: &Granted<TokenAt>,
    token: &TokenRow,
) -> Result<()> {
    let everywhere =
        [(GrantScope::Organization, "organization"), (GrantScope::AllDatabases, "all databases")];
    for (scope, name) in everywhere {
        let add = AccessSet::of_level(scope.level());
        let step = Step { scope, scope_name: name.to_owned(), add, remove: AccessSet::EMPTY };
        apply_step(change, grant, token, &step)?;
    }
    Ok(())
}

/// A change of what a token holds, checked.
struct Step {
    scope: GrantScope,
    /// As the audit log names it.
    scope_name: String,
    add: AccessSet,
    remove: AccessSet,
}

/// Reads access names for a scope: every one must exist, and at that level.
fn parse_accesses(scope: &GrantScope, names: &[String]) -> Result<AccessSet> {
    let mut set = AccessSet::EMPTY;
    let (unknown, known): (Vec<_>, Vec<_>) = names
        .iter()
        .map(|name| (name, Access::parse(name)))
        .partition(|(_, access)| access.is_none_or(|access| access.level() == bough_policy::Level::People));
    if !unknown.is_empty() {
        let names: Vec<&str> = unknown.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Error::Invalid(format!("unknown access: {}", names.join(", "))));
    }
    for (name, access) in known {
        let Some(access) = access else { continue };
        if access.level() != scope.level() {
            let (is, wanted) = match scope {
                GrantScope::Organization => ("a database access", "a database"),
                _ => ("an organization access", "the organization"),
            };
            return Err(Error::Invalid(format!("{name} is {is}: grant it on {wanted}")));
        }
        set.insert(access);
    }
    Ok(set)
}

impl ControlPlane {
    /// The scope that a request names. A database that does not exist and one that the caller may not
    /// know of are the same.
    fn scope(
        &self,
        caller: &Caller,
        organization_name: &str,
        wanted: &WantedScope,
    ) -> Result<(GrantScope, String)> {
        let name = match wanted {
            WantedScope::Organization => return Ok((GrantScope::Organization, "organization".to_owned())),
            WantedScope::AllDatabases => return Ok((GrantScope::AllDatabases, "all databases".to_owned())),
            WantedScope::Database(name) => name,
        };
        if !could_be_database(name) {
            return Err(Error::NotFound);
        }
        let found = self.locate(organization_name, Some(name), None)?.ok_or(Error::NotFound)?;
        let at = found.database_at().ok_or(Error::NotFound)?;
        let DatabaseAt { database, .. } = at.place().clone();
        decide(&caller.principal, Operation::GetDatabase, at).map_err(|_| Error::NotFound)?;
        Ok((GrantScope::Database(database), name.clone()))
    }

    /// Gives a token accesses at one scope. What it holds already stays.
    ///
    /// # Errors
    /// [`Error::Invalid`] for names that do not exist or do not belong at the scope,
    /// [`Error::Forbidden`] for what the caller may not hand on; nothing is changed then.
    pub fn add_accesses(
        &self,
        caller: &Caller,
        organization_name: &str,
        granted: &Granted<TokenAt>,
        wanted: &GrantSet,
    ) -> Result<Vec<GrantRow>> {
        let (scope, scope_name) = self.scope(caller, organization_name, &wanted.scope)?;
        let add = parse_accesses(&scope, &wanted.accesses)?;
        self.apply(caller, granted, None, move |_, _| {
            Ok(vec![Step { scope, scope_name, add, remove: AccessSet::EMPTY }])
        })
    }

    /// Takes accesses away from a token at one scope. Taking away what it does not hold is no error.
    ///
    /// # Errors
    /// As [`ControlPlane::add_accesses`].
    pub fn remove_accesses(
        &self,
        caller: &Caller,
        organization_name: &str,
        granted: &Granted<TokenAt>,
        wanted: &GrantSet,
    ) -> Result<Vec<GrantRow>> {
        let (scope, scope_name) = self.scope(caller, organization_name, &wanted.scope)?;
        let remove = parse_accesses(&scope, &wanted.accesses)?;
        self.apply(caller, granted, None, move |_, _| {
            Ok(vec![Step { scope, scope_name, add: AccessSet::EMPTY, remove }])
        })
    }

    /// Makes a token hold exactly this, provided that what it holds is still what `expected` stands for.
    ///
    /// # Errors
    /// As [`ControlPlane::add_accesses`]; [`Error::PreconditionFailed`] when somebody changed it meanwhile.
    pub fn replace_grants(
        &self,
        caller: &Caller,
        organization_name: &str,
        granted: &Granted<TokenAt>,
        wanted: &[GrantSet],
        expected: Option<String>,
    ) -> Result<Vec<GrantRow>> {
        self.set_grants(caller, organization_name, granted, wanted, expected, true)
    }

    /// Makes a token hold exactly this at the scopes that are named, and elsewhere what it held, provided
    /// that the whole of it is still what `expected` stands for.
    ///
    /// # Errors
    /// As [`ControlPlane::replace_grants`].
    pub fn replace_grants_at(
        &self,
        caller: &Caller,
        organization_name: &str,
        granted: &Granted<TokenAt>,
        wanted: &[GrantSet],
        expected: String,
    ) -> Result<Vec<GrantRow>> {
        self.set_grants(caller, organization_name, granted, wanted, Some(expected), false)
    }

    fn set_grants(
        &self,
        caller: &Caller,
        organization_name: &str,
        granted: &Granted<TokenAt>,
        wanted: &[GrantSet],
        expected: Option<String>,
        whole: bool,
    ) -> Result<Vec<GrantRow>> {
        let mut targets: Vec<(GrantScope, String, AccessSet)> = Vec::new();
        for set in wanted {
            let (scope, name) = self.scope(caller, organization_name, &set.scope)?;
            let accesses = parse_accesses(&scope, &set.accesses)?;
            match targets.iter_mut().find(|(known, ..)| *known == scope) {
                Some((.., known)) => *known = known.union(accesses),
                None => targets.push((scope, name, accesses)),
            }
        }
        self.apply(caller, granted, expected, move |change, grant| {
            let held = store::list_accesses_for_write(change.tx, grant)?;
            for row in held.iter().filter(|_| whole) {
                if !targets.iter().any(|(scope, ..)| *scope == row.scope) {
                    targets.push((row.scope.clone(), scope_name(row), AccessSet::EMPTY));
                }
            }
            let steps = targets.into_iter().map(|(scope, scope_name, wanted)| {
                let now: AccessSet =
                    held.iter().filter(|row| row.scope == scope).map(|row| row.access).collect();
                Step { scope, scope_name, add: wanted.minus(now), remove: now.minus(wanted) }
            });
            Ok(steps.collect())
        })
    }

    fn apply(
        &self,
        caller: &Caller,
        granted: &Granted<TokenAt>,
        expected: Option<String>,
        steps: impl FnOnce(&Change<'_>, &Granted<TokenAt>) -> Result<Vec<Step>> + Send + 'static,
    ) -> Result<Vec<GrantRow>> {
        let grant = granted.clone();
        self.change(caller, move |change| {
            let token = store::get_for_write(change.tx, &grant)?;
            if let Some(expected) = expected {
                let rows = store::list_accesses_for_write(change.tx, &grant)?;
                if expected != etag(&rows) {
                    return Err(Error::PreconditionFailed(
                        "somebody else changed this token's grants meanwhile; read them again and repeat your change"
                            .to_owned(),
                    ));
                }
            }
            for step in steps(change, &grant)? {
                apply_step(change, &grant, &token, &step)?;
            }
            Ok(store::list_accesses_for_write(change.tx, &grant)?)
        })
    }
}

fn apply_step(change: &Change<'_>, grant: &Granted<TokenAt>, token: &TokenRow, step: &Step) -> Result<()> {
    let organization = &grant.at().organization;
    let touched = step.add.union(step.remove);
    may_grant(&change.caller.principal, organization, token.expires_at, &step.scope, touched).map_err(
        |problem| {
            let names = problem.refused.names().join(", ");
            Error::Forbidden(format!("you may not grant or revoke {names}: {}", problem.because))
        },
    )?;
    if let GrantScope::Database(id) = &step.scope
        && !step.add.is_empty()
        && !store::database_is_live(change.tx, grant, id)?
    {
        return Err(Error::Changed);
    }
    let mut added = Vec::new();
    for access in step.add.iter() {
        if store::grant(change.tx, grant, &fresh(GrantId::from_random), &step.scope, access, change.now)? {
            added.push(access.name());
        }
    }
    let mut removed = Vec::new();
    for access in step.remove.iter() {
        if store::revoke(change.tx, grant, &step.scope, access)? {
            removed.push(access.name());
        }
    }
    if added.is_empty() && removed.is_empty() {
        return Ok(());
    }
    let metadata = json!({"scope": step.scope_name, "added": added, "removed": removed});
    record(change, organization, "service_token.updated_bulk_database_access", token, &metadata)
}

fn scope_name(row: &GrantRow) -> String {
    match (&row.scope, &row.database) {
        (GrantScope::Organization, _) => "organization".to_owned(),
        (GrantScope::AllDatabases, _) => "all databases".to_owned(),
        (GrantScope::Database(_), Some(database)) => database.name.to_string(),
        (GrantScope::Database(id), None) => id.to_string(),
    }
}

/// What stands for the whole of what a token holds: changes when, and only when, that does.
pub fn etag(rows: &[GrantRow]) -> String {
    let lines: BTreeSet<String> =
        rows.iter().map(|row| format!("{:?} {}\n", row.scope, row.access.name())).collect();
    let text: String = lines.into_iter().collect();
    let digest = Digest::of(text.as_bytes());
    let hex: String = digest.as_bytes()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}
