//! The form of a new branch, on a page of its own and in a dialog of its database's page.

use askama::Template;
use axum::http::StatusCode;
use bough_control::branches::{CreateBranch, Filter};
use bough_control::databases::DatabaseRow;
use bough_control::{Error, Page as Rows};
use bough_policy::{DatabaseAt, Granted, Operation};

use crate::answer::Answer;
use crate::databases::{page, reason};
use crate::layout::Page;
use crate::visit::{Visit, branch_part};

/// Most base branches in a list; of a database with more, the name is typed.
const BASES_MAX: u32 = 100;

/// Lifetimes that are offered, in seconds and in words.
pub(crate) const LIFETIMES: [(&str, &str); 5] = [
    ("3600", "1 hour"),
    ("86400", "1 day"),
    ("604800", "7 days"),
    ("2592000", "30 days"),
    ("7776000", "90 days"),
];

/// What the form of a new branch shows.
pub(crate) struct NewBranchForm {
    pub(crate) action: String,
    pub(crate) back: String,
    pub(crate) once: String,
    pub(crate) name: String,
    pub(crate) base: String,
    /// Names to choose from; none when there are too many.
    pub(crate) bases: Vec<String>,
    pub(crate) lifetime: String,
    pub(crate) lifetimes: &'static [(&'static str, &'static str)],
    pub(crate) error: String,
    pub(crate) name_error: String,
    pub(crate) base_error: String,
    pub(crate) lifetime_error: String,
    /// Why the viewer may not make one.
    pub(crate) may_not: String,
}

impl NewBranchForm {
    pub(crate) fn new(
        visit: &Visit<'_>,
        database: &DatabaseRow,
        root: &str,
        base: &str,
    ) -> Result<Self, Error> {
        let may_not = reason(visit.may::<DatabaseAt>(Operation::CreateBranch));
        let mut bases = Vec::new();
        if may_not.is_empty()
            && let Ok(at) = visit.may::<DatabaseAt>(Operation::ListBranches)
            && database.development_branches + database.production_branches <= i64::from(BASES_MAX)
        {
            let rows = Rows { number: 1, size: BASES_MAX };
            let filter = Filter { ascending: true, ..Filter::default() };
            let (rows, _) = visit.plane().list_branches(&at, &filter, rows)?;
            bases = rows.iter().map(|row| row.name.to_string()).collect();
        }
        Ok(Self {
            action: format!("{root}/branches/new"),
            back: root.to_owned(),
            once: visit.plane().fresh_secret().expose().clone(),
            name: String::new(),
            base: base.to_owned(),
            bases,
            lifetime: String::new(),
            lifetimes: &LIFETIMES,
            error: String::new(),
            name_error: String::new(),
            base_error: String::new(),
            lifetime_error: String::new(),
            may_not,
        })
    }
}

#[derive(Template)]
#[template(path = "branches/new.html")]
struct NewBranch {
    page: Page,
    making: NewBranchForm,
}

/// A lifetime as it was sent; `None` when nothing was chosen.
///
/// # Errors
/// [`Error::Invalid`] when it is no number.
pub(crate) fn lifetime(text: &str) -> Result<Option<u64>, Error> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            Error::Invalid("a lifetime is a number of seconds; choose one of the list".to_owned())
        }),
    }
}

fn answer(
    visit: &Visit<'_>,
    database: &DatabaseRow,
    form: NewBranchForm,
    status: StatusCode,
) -> Result<Answer, Error> {
    let mut page = page(visit, database, "New branch", &[("New branch", String::new())])?;
    let name = if form.name.is_empty() { "dev" } else { form.name.as_str() };
    let body = serde_json::json!({ "name": name, "parent_branch": form.base }).to_string();
    page.api_call =
        Some(visit.api_call(Operation::CreateBranch, &[visit.organization(), visit.database()], Some(&body)));
    page.address.clone_from(&form.action);
    Answer::page_with(status, &NewBranch { page, making: form })
}

/// The form of a new branch.
pub(crate) fn show(visit: &Visit<'_>, at: Granted<DatabaseAt>) -> Result<Answer, Error> {
    let database = visit.plane().get_database(&at)?;
    let root = visit.database_address(database.name.as_str(), database.id.as_str());
    let base = match visit.asked.query("base") {
        "" => database.default_branch.name.as_str(),
        base => base,
    };
    let form = NewBranchForm::new(visit, &database, &root, base)?;
    answer(visit, &database, form, StatusCode::OK)
}

/// Makes a branch.
pub(crate) fn create(visit: &Visit<'_>, at: Granted<DatabaseAt>) -> Result<Answer, Error> {
    let sent = &visit.asked.form;
    sent.only(&["name", "base", "lifetime"])?;
    let database = visit.plane().get_database(&at)?;
    let root = visit.database_address(database.name.as_str(), database.id.as_str());
    let made = lifetime(sent.get("lifetime")).and_then(|ttl| {
        let wanted = CreateBranch {
            name: sent.get("name").trim().to_owned(),
            parent_branch: sent.filled("base").map(str::to_owned),
            ttl,
            ..CreateBranch::default()
        };
        visit.plane().create_branch(visit.caller, at, wanted)
    });
    match made {
        Ok(row) => Ok(Answer::see(format!("{root}/{}", branch_part(row.name.as_str(), row.id.as_str())))
            .saying(format!("Branch {} is being made.", row.name))),
        Err(Error::Invalid(why)) => {
            let mut form = NewBranchForm::new(visit, &database, &root, sent.get("base"))?;
            sent.get("name").clone_into(&mut form.name);
            sent.get("lifetime").clone_into(&mut form.lifetime);
            match why.split([' ', ':']).next() {
                Some("parent_branch") => form.base_error = why,
                Some("ttl" | "a") => form.lifetime_error = why,
                Some("Branch" | "name") => form.name_error = why,
                _ => form.error = why,
            }
            answer(visit, &database, form, StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(error) => Err(error),
    }
}
