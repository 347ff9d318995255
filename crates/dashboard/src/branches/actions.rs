//! What can be done with a branch: each a form of its page.

use axum::http::StatusCode;
use bough_control::Error;
use bough_control::branches::UpdateBranch;
use bough_control::databases::UpdateDatabase;
use bough_policy::{BranchAt, DatabaseAt, Granted, Operation};

use super::making::lifetime;
use super::routes::{Place, class_title, shown};
use super::view::{ChangeClass, Errors};
use crate::answer::Answer;
use crate::databases::page;
use crate::layout::sentence;
use crate::visit::{Visit, branch_part};

/// Shows the page again, with what was wrong where it was.
pub(super) fn refused(
    visit: &Visit<'_>,
    at: &Granted<BranchAt>,
    error: Error,
    put: impl FnOnce(&mut Errors) -> &mut String,
) -> Result<Answer, Error> {
    let mut errors = Errors::default();
    match error {
        Error::Invalid(why) => *put(&mut errors) = sentence(&why),
        Error::SchemaUnfit(why) => {
            errors.all = sentence(&why);
            errors.unfit = true;
        }
        error => return Err(error),
    }
    shown(visit, at, errors, StatusCode::UNPROCESSABLE_ENTITY)
}

pub(super) const fn all(errors: &mut Errors) -> &mut String {
    &mut errors.all
}

/// Renames it.
pub(crate) fn rename(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["new_name"])?;
    let before = Place::of(visit, &at)?;
    let wanted =
        UpdateBranch { new_name: Some(form.get("new_name").trim().to_owned()), ..UpdateBranch::default() };
    match visit.plane().update_branch(visit.caller, &at, wanted) {
        Ok(row) => {
            let root =
                format!("{}/{}", before.database_root, branch_part(row.name.as_str(), row.id.as_str()));
            Ok(Answer::see(root).saying(format!("The branch is called {} now.", row.name)))
        }
        Err(error) => refused(visit, &at, error, |errors| &mut errors.name),
    }
}

/// Gives it another end, or none.
pub(crate) fn set_lifetime(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["lifetime"])?;
    let root = Place::of(visit, &at)?.root;
    let changed = lifetime(form.get("lifetime")).and_then(|ttl| {
        // Nothing chosen is for ever.
        let wanted = UpdateBranch { ttl: Some(ttl.unwrap_or(0)), ..UpdateBranch::default() };
        visit.plane().update_branch(visit.caller, &at, wanted)
    });
    match changed {
        Ok(row) => {
            let told = match row.expires_at {
                Some(at) => format!("Branch {} deletes itself {}.", row.name, visit.when(at).relative),
                None => format!("Branch {} stays until somebody deletes it.", row.name),
            };
            Ok(Answer::see(root).saying(told))
        }
        Err(error) => refused(visit, &at, error, |errors| &mut errors.lifetime),
    }
}

/// Protects it against deletion, or does not any more.
pub(crate) fn protect(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["deletion_protected"])?;
    let root = Place::of(visit, &at)?.root;
    let on = form.ticked("deletion_protected");
    let wanted = UpdateBranch { deletion_protected: Some(on), ..UpdateBranch::default() };
    match visit.plane().update_branch(visit.caller, &at, wanted) {
        Ok(row) => Ok(Answer::see(root).saying(if on {
            format!("Branch {} is protected against deletion.", row.name)
        } else {
            format!("Branch {} is not protected against deletion any more.", row.name)
        })),
        Err(error) => refused(visit, &at, error, all),
    }
}

/// Makes it the default branch of its database.
pub(crate) fn make_default(visit: &Visit<'_>, within: Granted<DatabaseAt>) -> Result<Answer, Error> {
    visit.asked.form.only(&[])?;
    let at = visit.may::<BranchAt>(Operation::GetBranch).map_err(|_| Error::NotFound)?;
    let place = Place::of(visit, &at)?;
    let name = place.branch.name.to_string();
    let wanted = UpdateDatabase { default_branch: Some(name.clone()), ..UpdateDatabase::default() };
    match visit.plane().update_database(visit.caller, &within, wanted) {
        Ok(row) => {
            Ok(Answer::see(place.root).saying(format!("{name} is the default branch of {} now.", row.name)))
        }
        Err(error) => refused(visit, &at, error, all),
    }
}

/// The page that asks before its class changes.
fn ask_class(visit: &Visit<'_>, at: &Granted<BranchAt>, operation: Operation) -> Result<Answer, Error> {
    let place = Place::of(visit, at)?;
    let name = place.branch.name.as_str();
    let title = class_title(operation == Operation::DemoteBranch);
    let below = [(name, place.root.clone()), (title, String::new())];
    let mut page = page(visit, &place.database, title, &below)?;
    let params = [visit.organization(), place.database.name.as_str(), name];
    page.api_call = Some(visit.api_call(operation, &params, None));
    Answer::page(&ChangeClass {
        page,
        name: name.to_owned(),
        production: operation == Operation::DemoteBranch,
        ends: place.branch.expires_at.map(|at| visit.when(at)),
        root: place.root,
    })
}

/// Asks before it becomes a production branch.
pub(crate) fn ask_promote(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    ask_class(visit, &at, Operation::PromoteBranch)
}

/// Asks before it becomes a development branch.
pub(crate) fn ask_demote(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    ask_class(visit, &at, Operation::DemoteBranch)
}

/// Makes it a production branch.
pub(crate) fn promote(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    visit.asked.form.only(&[])?;
    let root = Place::of(visit, &at)?.root;
    match visit.plane().promote_branch(visit.caller, &at) {
        Ok(row) => Ok(Answer::see(root).saying(format!("{} is a production branch now.", row.name))),
        Err(error) => refused(visit, &at, error, all),
    }
}

/// Makes it a development branch.
pub(crate) fn demote(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    visit.asked.form.only(&[])?;
    let root = Place::of(visit, &at)?.root;
    match visit.plane().demote_branch(visit.caller, &at) {
        Ok(row) => Ok(Answer::see(root).saying(format!("{} is a development branch now.", row.name))),
        Err(error) => refused(visit, &at, error, all),
    }
}

/// Switches safe migrations.
pub(crate) fn safe_migrations(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["safe_migrations"])?;
    let root = Place::of(visit, &at)?.root;
    let on = form.ticked("safe_migrations");
    match visit.plane().set_safe_migrations(visit.caller, &at, on) {
        Ok(row) => Ok(Answer::see(root).saying(format!(
            "Safe migrations are {} on {}.",
            if on { "on" } else { "off" },
            row.name
        ))),
        Err(error) => refused(visit, &at, error, all),
    }
}

/// Gives it another size.
pub(crate) fn resize(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["cluster_size"])?;
    let place = Place::of(visit, &at)?;
    let Some(size) = form.filled("cluster_size") else {
        let why = Error::Invalid("choose a size".to_owned());
        return refused(visit, &at, why, |errors| &mut errors.size);
    };
    match visit.plane().resize_branch(visit.caller, &at, size) {
        Ok(Some(resize)) => Ok(Answer::see(place.root).saying(format!(
            "Branch {} is being resized to {}.",
            place.branch.name,
            resize.cluster_size.display()
        ))),
        Ok(None) => Ok(Answer::see(place.root).saying("The branch has that size already.")),
        Err(error) => refused(visit, &at, error, |errors| &mut errors.size),
    }
}

/// Has its server stopped and started.
pub(crate) fn restart(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    visit.asked.form.only(&[])?;
    let root = Place::of(visit, &at)?.root;
    match visit.plane().restart_branch(visit.caller, &at) {
        Ok(row) => Ok(Answer::see(root).saying(format!("The server of {} is being restarted.", row.name))),
        Err(error) => refused(visit, &at, error, all),
    }
}

/// Deletes it, once its path was typed.
pub(crate) fn delete(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["confirm", "descendants"])?;
    let place = Place::of(visit, &at)?;
    if form.get("confirm").trim() != place.path() {
        let why = Error::Invalid(format!("type {} to confirm; nothing was deleted", place.path()));
        return refused(visit, &at, why, |errors| &mut errors.confirm);
    }
    match visit.plane().delete_branch(visit.caller, &at, form.ticked("descendants")) {
        Ok(()) => {
            let name = &place.branch.name;
            // With its last branch a database goes, too.
            Ok(match visit.may::<DatabaseAt>(Operation::GetDatabase) {
                Ok(_) => Answer::see(place.database_root).saying(format!("Branch {name} was deleted.")),
                Err(_) => Answer::see(format!("/{}", visit.organization())).saying(format!(
                    "Branch {name} was deleted, and with it, as its last branch, database {}.",
                    place.database.name
                )),
            })
        }
        Err(error) => refused(visit, &at, in_words_of_the_page(error), |errors| &mut errors.confirm),
    }
}

/// What the API's callers are told to send is done here with what stands on the page.
fn in_words_of_the_page(error: Error) -> Error {
    match error {
        Error::Invalid(why) => Error::Invalid(
            why.replace("pass delete_descendants=true", "tick the box above")
                .replace("switch its deletion_protected off first", "take its protection away first"),
        ),
        error => error,
    }
}
