//! Deleting branches: what refuses it, and what goes along.

use bough_policy::{BranchAt, DatabaseAt, Granted, Located, Operation, decide};
use bough_store::branches as store;
use bough_store::databases as database_store;
use serde_json::json;

use super::BranchRow;
use super::actions::record;
use crate::caller::read_back;
use crate::databases::actions as databases;
use crate::{Caller, Change, ControlPlane, Error, Result};

impl ControlPlane {
    /// Wishes a branch gone, with its descendants if `descendants` says so. Deleting the last branch
    /// of a database deletes the database.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it or a descendant is protected, it is the default branch while others
    /// remain, or has descendants that are not to go; [`Error::Forbidden`] when a descendant needs an
    /// access that the caller lacks.
    pub fn delete_branch(
        &self,
        caller: &Caller,
        granted: &Granted<BranchAt>,
        descendants: bool,
    ) -> Result<()> {
        self.delete_branch_if(caller, granted, descendants, |_| true)
    }

    /// As [`ControlPlane::delete_branch`], if the branch still is as `still` says; otherwise nothing.
    pub(super) fn delete_branch_if(
        &self,
        caller: &Caller,
        granted: &Granted<BranchAt>,
        descendants: bool,
        still: impl FnOnce(&BranchRow) -> bool + Send + 'static,
    ) -> Result<()> {
        let grant = granted.clone();
        self.change(caller, move |change| {
            let branch = store::get_for_write(change.tx, &grant)?;
            if !still(&branch) {
                return Ok(());
            }
            let children = store::descendants(change.tx, &grant)?;
            if !children.is_empty() && !descendants {
                let all = store::count_all(change.tx, &grant)?;
                let whole = i64::try_from(children.len()).is_ok_and(|children| children + 1 == all);
                let warning = if whole { ", which deletes the whole database" } else { "" };
                return Err(Error::Invalid(format!(
                    "branch {} has branches made from it ({}); delete them first, or pass \
                     delete_descendants=true{warning}",
                    branch.name,
                    names(&children)
                )));
            }
            let going: Vec<&BranchRow> = children.iter().rev().chain([&branch]).collect();
            delete_all(change, grant.at(), &grant, &going)
        })?;
        self.wish_recorded();
        Ok(())
    }
}

fn names(branches: &[BranchRow]) -> String {
    branches.iter().map(|branch| branch.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn delete_all(
    change: &Change<'_>,
    at: &BranchAt,
    granted: &Granted<BranchAt>,
    going: &[&BranchRow],
) -> Result<()> {
    let database_at = DatabaseAt { organization: at.organization.clone(), database: at.database.clone() };
    let database =
        database_store::get_for_write(change.tx, &read_back(Operation::GetDatabase, database_at.clone())?)?;
    let mut grants = Vec::new();
    for branch in going {
        let place = BranchAt { branch: branch.id.clone(), production: branch.production, ..at.clone() };
        let decided = decide(&change.caller.principal, Operation::DeleteBranch, Located::new(place));
        grants.push(decided.map_err(Error::Refused)?);
        if branch.deletion_protected {
            return Err(Error::Invalid(format!(
                "branch {} is protected against deletion; switch its deletion_protected off first",
                branch.name
            )));
        }
    }
    let remaining = store::count_all(change.tx, granted)? - i64::try_from(going.len()).unwrap_or(i64::MAX);
    let takes_default = going.iter().any(|branch| branch.id == database.default_branch.id);
    if takes_default && remaining > 0 {
        return Err(Error::Invalid(format!(
            "branch {} is the default branch; make another branch the default first, or delete the database",
            database.default_branch.name
        )));
    }
    let production = going.iter().filter(|branch| branch.production).count();
    let production = i64::try_from(production).unwrap_or(i64::MAX);
    if remaining > 0 && production > 0 && store::count_production(change.tx, granted)? == production {
        return Err(Error::Invalid(
            "a database keeps at least one production branch; promote another branch first".to_owned(),
        ));
    }
    if remaining == 0 {
        databases::refuse_if_protected(&database)?;
    }
    for (branch, granted) in going.iter().zip(&grants) {
        if remaining > 0 {
            store::wish_gone(change.tx, granted, change.now)?;
        }
        record(change, at, "database_branch.deleted", branch, &json!({}))?;
    }
    if remaining == 0 {
        database_store::wish_gone(
            change.tx,
            &read_back(Operation::DeleteDatabase, database_at)?,
            change.now,
        )?;
        let because = json!({"because": "its last branch was deleted"});
        databases::record_deleted(change, &at.organization, &database, &because)?;
    }
    Ok(())
}
