//! The console's page, what is sent from it, and what ends that.

use axum::http::StatusCode;
use bough_control::Error;
use bough_control::console::{
    ROLES, ROWS_MAX, RunStatement, SHOWN_MAX_BYTES, STATEMENT_MAX_BYTES, StatementRun,
};
use bough_control::model::{Digest, PasswordRole};
use bough_policy::{BranchAt, DatabaseAt, Facet, Granted, Operation, refine};

use super::shown::{grouped, results};
use super::view::{Console, Errors, RoleChoice, Running};
use crate::answer::Answer;
use crate::branches::bytes;
use crate::branches::routes::Place;
use crate::databases::{page, reason};
use crate::layout::sentence;
use crate::passwords::role_text;
use crate::visit::{Visit, needed};

/// Digits that tell one session's history from another's in the browser.
const SESSION_DIGITS: usize = 16;

/// The roles, with why the viewer may not choose one; and which is chosen.
fn roles(visit: &Visit<'_>) -> Vec<RoleChoice> {
    let reason = |role| match visit.may::<BranchAt>(Operation::RunBranchStatement) {
        Err(missing) => missing.0,
        Ok(at) => match refine(&visit.caller.principal, at, Facet::Password(role)) {
            Ok(_) => String::new(),
            Err(denied) => needed(denied.missing),
        },
    };
    let chosen = PasswordRole::parse(visit.asked.form.get("role")).unwrap_or(ROLES[0]);
    ROLES
        .into_iter()
        .map(|role| RoleChoice {
            value: role.as_str(),
            name: role_text(role).0,
            chosen: role == chosen,
            reason: reason(role),
        })
        .collect()
}

/// What was written, with the ends of lines that it was written with: browsers send others.
fn written(visit: &Visit<'_>) -> String {
    visit.asked.form.get("statement").replace("\r\n", "\n")
}

/// What may be run, in a sentence.
fn limits(visit: &Visit<'_>) -> String {
    let shown = |count: usize| bytes(i64::try_from(count).unwrap_or(i64::MAX));
    format!(
        "At most {} s for a run, {} of text, {} rows of each answer, and {} of all.",
        visit.plane().settings().limits.console_run.as_secs(),
        shown(STATEMENT_MAX_BYTES),
        grouped(ROWS_MAX as u64),
        shown(SHOWN_MAX_BYTES)
    )
}

/// The console.
pub(crate) fn show(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    shown(visit, &at, Errors::default(), None, StatusCode::OK)
}

fn shown(
    visit: &Visit<'_>,
    at: &Granted<BranchAt>,
    errors: Errors,
    run: Option<&StatementRun>,
    status: StatusCode,
) -> Result<Answer, Error> {
    let place = Place::of(visit, at)?;
    let name = place.branch.name.as_str();
    let below = [(name, place.root.clone()), ("Console", String::new())];
    let mut page = page(visit, &place.database, format!("Console of {name}"), &below)?;
    page.address = format!("{}/console", place.root);
    let statement = written(visit);
    // What the browser keeps of one session must not be shown in another.
    let session = Digest::of(page.csrf.as_bytes()).to_hex();
    let running = visit.plane().console_runs(visit.caller, at)?;
    let running = running.into_iter().map(|run| Running {
        id: run.id.to_string(),
        role: role_text(run.role).0,
        since: visit.when(run.since),
    });
    let shown = Console {
        script: visit.house.assets.console().to_owned(),
        settings: format!("{}/settings", place.database_root),
        connect: format!("{}/connect", place.root),
        production: place.branch.production,
        safe: place.branch.safe_migrations,
        off: !visit.plane().is_console_on(at.at())?,
        may_switch: visit.may::<DatabaseAt>(Operation::UpdateDatabaseSettings).is_ok(),
        may_not: reason(visit.may::<BranchAt>(Operation::RunBranchStatement)),
        roles: roles(visit),
        run: visit.plane().fresh_console_run().to_string(),
        history: format!("{}-{}", &session[..SESSION_DIGITS], place.branch.id),
        running: running.collect(),
        results: run.map(|run| results(run, &statement, visit.plane().settings().limits.console_run)),
        statement,
        errors,
        limits: limits(visit),
        root: format!("{}/console", place.root),
        page,
    };
    debug_assert!(shown.errors.is_empty() || shown.results.is_none(), "what was refused was not run");
    Answer::page_with(status, &shown)
}

/// Runs what was written, and shows what came of it.
pub(crate) fn run(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["statement", "role", "run"])?;
    let seen = || visit.may::<BranchAt>(Operation::GetBranch).map_err(|_| Error::NotFound);
    let text = written(visit);
    let wanted = RunStatement { role: form.get("role"), text: &text, id: form.get("run") };
    let stopping = visit.house.stopping.clone();
    let is_left = || visit.asked.left.is_so() || *stopping.borrow();
    let mut errors = Errors::default();
    let status = match visit.plane().run_statement(visit.caller, &at, &wanted, &is_left) {
        Ok(run) => return shown(visit, &seen()?, errors, Some(&run), StatusCode::OK),
        Err(Error::Invalid(why)) if why.starts_with("role ") => {
            errors.role = sentence(&why);
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(Error::Invalid(why)) => {
            errors.statement = sentence(&why);
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(Error::Forbidden(why)) => {
            errors.all = sentence(&why);
            StatusCode::FORBIDDEN
        }
        Err(Error::Unavailable(why)) => {
            errors.all = sentence(&why);
            StatusCode::SERVICE_UNAVAILABLE
        }
        Err(error) => return Err(error),
    };
    shown(visit, &seen()?, errors, None, status)
}

/// Ends what the viewer runs.
pub(crate) fn cancel(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["run"])?;
    let seen = visit.may::<BranchAt>(Operation::GetBranch).map_err(|_| Error::NotFound)?;
    let console = format!("{}/console", Place::of(visit, &seen)?.root);
    let said = match visit.plane().cancel_console_run(visit.caller, &at, form.get("run")) {
        Ok(()) => "It is being ended.",
        Err(Error::NotFound) => "It had ended already.",
        Err(error) => return Err(error),
    };
    // The page's script shows what becomes of the run: said by the next page, it would be out of date.
    Ok(if visit.asked.fragment { Answer::see(console) } else { Answer::see(console).saying(said) })
}
