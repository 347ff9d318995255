//! The page of a branch, and its state as long as it is looked at.

use std::sync::Arc;

use axum::http::StatusCode;
use bough_control::branches::{BranchRow, Filter};
use bough_control::databases::DatabaseRow;
use bough_control::model::{BranchState, Digest, ResizeState};
use bough_control::{Error, Page as Rows};
use bough_policy::{BranchAt, DatabaseAt, Granted, Operation};
use serde_json::{Value, json};

use super::making::LIFETIMES;
use super::schema::Schema;
use super::view::{Branch, Errors, MayNot};
use super::{advice, bytes, sleep};
use crate::answer::Answer;
use crate::databases::routes::{TREE_MAX, size_text};
use crate::databases::{Choice, page, reason, region, state};
use crate::visit::{Visit, branch_part};

/// Most branches made from one that are named on its page.
const CHILDREN_SHOWN: usize = 20;

/// A branch with the database that it is of.
pub(crate) struct Place {
    pub(crate) database: DatabaseRow,
    pub(crate) branch: Arc<BranchRow>,
    pub(crate) database_root: String,
    pub(crate) root: String,
}

impl Place {
    pub(crate) fn of(visit: &Visit<'_>, at: &Granted<BranchAt>) -> Result<Self, Error> {
        let branch = visit.plane().get_branch(visit.caller, at)?;
        let within = visit.may::<DatabaseAt>(Operation::GetDatabase).map_err(|_| Error::NotFound)?;
        let database = visit.plane().get_database(&within)?;
        let database_root = visit.database_address(database.name.as_str(), database.id.as_str());
        let root = format!("{database_root}/{}", branch_part(branch.name.as_str(), branch.id.as_str()));
        Ok(Self { database, branch, database_root, root })
    }

    /// What is typed before it is destroyed.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.database.name, self.branch.name)
    }

    fn is_default(&self) -> bool {
        self.database.default_branch.id == self.branch.id
    }

    /// Changes when the page has to be made anew to be true.
    fn mark(&self, resizing: &str) -> String {
        let row = &self.branch;
        let text = format!(
            "{} {} {} {} {} {} {} {} {} {:?} {:?} {:?} {:?} {resizing}",
            row.state == BranchState::Ready,
            row.state == BranchState::Sleeping,
            row.schema_ready,
            row.production,
            row.safe_migrations,
            row.deletion_protected,
            self.is_default(),
            row.last_error.is_some(),
            row.cluster_size.canonical(),
            row.server_version,
            row.expires_at,
            row.sleep_after_s,
            row.schema_last_updated_at,
        );
        Digest::of(text.as_bytes()).to_hex()[..16].to_owned()
    }
}

/// A branch.
pub(crate) fn show(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    shown(visit, &at, Errors::default(), StatusCode::OK)
}

/// What the viewer may not do with it, and why.
fn may_not(visit: &Visit<'_>, production: bool) -> MayNot {
    let branch = |operation| reason(visit.may::<BranchAt>(operation));
    MayNot {
        branch: reason(visit.may::<DatabaseAt>(Operation::CreateBranch)),
        update: branch(Operation::UpdateBranch),
        default: reason(visit.may::<DatabaseAt>(Operation::UpdateDatabaseSettings)),
        class: branch(if production { Operation::DemoteBranch } else { Operation::PromoteBranch }),
        safe: branch(Operation::UpdateSafeMigrations),
        resize: branch(Operation::UpdateBranchClusterConfig),
        restart: branch(Operation::RestartBranch),
        sleep: branch(Operation::SleepBranch),
        delete: branch(Operation::DeleteBranch),
    }
}

/// A change of size that is under way, in words.
fn resizing(visit: &Visit<'_>) -> Result<String, Error> {
    let Ok(at) = visit.may::<BranchAt>(Operation::ListBranchResizeRequests) else { return Ok(String::new()) };
    let (rows, _) = visit.plane().list_resizes(&at, Rows { number: 1, size: 1 })?;
    Ok(rows.first().map_or_else(String::new, |row| match row.state {
        ResizeState::Pending | ResizeState::Resizing => {
            format!("being resized to {}", row.cluster_size.display())
        }
        ResizeState::Completed | ResizeState::Canceled => String::new(),
    }))
}

/// Which branches were made from one, in words.
fn children(visit: &Visit<'_>, branch: &BranchRow) -> Result<String, Error> {
    let Ok(at) = visit.may::<DatabaseAt>(Operation::ListBranches) else { return Ok(String::new()) };
    let filter = Filter { ascending: true, ..Filter::default() };
    let (rows, _) = visit.plane().list_branches(&at, &filter, Rows { number: 1, size: TREE_MAX })?;
    let own = rows.iter().filter(|row| row.parent_id.as_ref() == Some(&branch.id));
    let names: Vec<&str> = own.map(|row| row.name.as_str()).collect();
    Ok(match names.len() {
        0 => String::new(),
        count if count > CHILDREN_SHOWN => {
            format!(
                "{}, {} more, and what was made from them.",
                names[..CHILDREN_SHOWN].join(", "),
                count - CHILDREN_SHOWN
            )
        }
        _ => format!("{}, and what was made from them.", names.join(", ")),
    })
}

/// What changing its class is called.
pub(crate) const fn class_title(production: bool) -> &'static str {
    if production { "Demote to development" } else { "Promote to production" }
}

/// The page of a branch, with what was wrong with a form of it.
pub(crate) fn shown(
    visit: &Visit<'_>,
    at: &Granted<BranchAt>,
    errors: Errors,
    status: StatusCode,
) -> Result<Answer, Error> {
    let place = Place::of(visit, at)?;
    let row = &place.branch;
    let server = visit.plane().branch_server(at)?;
    let resizing = resizing(visit)?;
    let name = row.name.as_str();
    let mut page = page(visit, &place.database, name, &[(name, place.root.clone())])?;
    page.address.clone_from(&place.root);
    page.api_call = Some(visit.api_call(
        Operation::GetBranch,
        &[visit.organization(), place.database.name.as_str(), name],
        None,
    ));
    let (state, state_text) = state(row.state, row.last_error.is_some());
    let offered = |size: &&bough_control::model::ClusterSize| {
        (if row.production { size.production } else { size.development }) || size.name == row.cluster_size
    };
    let wanted = visit.asked.form.get("cluster_size");
    let sizes = visit.plane().settings().sizes.iter().filter(offered).map(|size| Choice {
        value: size.name.canonical(),
        text: size_text(size),
        chosen: match wanted {
            "" => size.name == row.cluster_size,
            wanted => wanted == size.name.canonical(),
        },
    });
    let new_name = match visit.asked.form.get("new_name") {
        "" => name,
        typed => typed,
    };
    let shown = Branch {
        live: format!("{}/events?of={}", place.root, place.mark(&resizing)),
        once: visit.plane().fresh_secret().expose().clone(),
        path: place.path(),
        name: name.to_owned(),
        shell: visit.plane().settings().command.line(&["shell", place.database.name.as_str(), name]),
        id: row.id.to_string(),
        state,
        state_text,
        production: row.production,
        default: place.is_default(),
        safe: row.safe_migrations,
        protected: row.deletion_protected,
        last_error: row.last_error.clone().unwrap_or_default(),
        advice: advice(row),
        base: row.parent.as_ref().map(ToString::to_string).unwrap_or_default(),
        base_href: row
            .parent
            .as_ref()
            .zip(row.parent_id.as_ref())
            .map(|(name, id)| format!("{}/{}", place.database_root, branch_part(name.as_str(), id.as_str())))
            .unwrap_or_default(),
        created: visit.when(row.created_at),
        creator: row.actor.display_name.clone(),
        ends: row.expires_at.map(|at| visit.when(at)),
        region: region(visit, &row.region),
        size: row.cluster_size.display(),
        version: row.server_version.clone().unwrap_or_default(),
        outdated: row.server_version.as_deref().is_some_and(|version| visit.plane().is_outdated(version)),
        tables: server.recorded.table_count,
        schema_changed: row.schema_last_updated_at.map(|at| visit.when(at)),
        disk: match server.recorded.disk_bytes {
            0 => String::new(),
            measured => bytes(measured),
        },
        memory: server
            .running
            .map(|running| bytes(i64::try_from(running.rss_bytes).unwrap_or(i64::MAX)))
            .unwrap_or_default(),
        started: server.running.map(|running| visit.when(running.started_at)),
        restarts: server.recorded.restarts,
        crashes: server.recorded.crashes,
        resizing,
        schema: Schema::of(visit, row),
        asleep: matches!(row.state, BranchState::Sleeping | BranchState::SleepInProgress),
        falls_asleep: sleep::when(visit, row),
        sleep_choices: sleep::choices(visit, row),
        may_not: may_not(visit, row.production),
        errors,
        typed_path: visit.asked.form.get("confirm").to_owned(),
        descendants: visit.asked.form.ticked("descendants"),
        new_name: new_name.to_owned(),
        lifetimes: &LIFETIMES,
        sizes: sizes.collect(),
        children: children(visit, row)?,
        class_title: class_title(row.production),
        page,
        root: place.root,
        database_root: place.database_root,
    };
    Answer::page_with(status, &shown)
}

/// The state of a branch.
pub(crate) fn events(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let place = Place::of(visit, &at)?;
    let row = &place.branch;
    let (word, words) = state(row.state, row.last_error.is_some());
    let mut told = json!({
        "text": {"state": words, "last-error": row.last_error.as_deref().unwrap_or("")},
        "attributes": {"state": {"data-state": word}},
    });
    if row.state == BranchState::Ready {
        told["say"] = json!(format!("Branch {} is ready.", row.name));
    }
    if visit.asked.query("of") != place.mark(&resizing(visit)?) {
        told["reload"] = Value::Bool(true);
    }
    Ok(Answer::json(told))
}
