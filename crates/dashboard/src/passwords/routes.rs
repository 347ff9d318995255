//! The passwords of a branch and of a database, and the page of one.

use std::time::Duration;

use axum::http::StatusCode;
use bough_control::passwords::{PasswordFilter, PasswordRow, PasswordStatus};
use bough_control::{Error, Page as Rows};
use bough_policy::{BranchAt, DatabaseAt, Granted, Operation, PasswordAt};

use super::view::{Errors, List, Password, PasswordPage};
use super::{database, role_text};
use crate::answer::Answer;
use crate::branches::routes::Place;
use crate::databases::{page, reason};
use crate::layout::{Link, Pages, counted, escaped};
use crate::visit::Visit;

/// Passwords on a page.
const PAGE_SIZE: u32 = 25;
/// Longest search, in characters.
const SEARCH_MAX: usize = 200;

/// What a list is narrowed to, by the word in its address.
fn status(visit: &Visit<'_>, show: &str) -> Option<PasswordStatus> {
    let now = visit.plane().now();
    match show {
        "active" => Some(PasswordStatus::Active(now)),
        "expired" => Some(PasswordStatus::Expired(now)),
        _ => None,
    }
}

type Listed = (Vec<PasswordRow>, i64);

/// A list, read by `read`. Those that clients make for themselves come by the thousand and are left out unless
/// asked for.
fn listed(
    visit: &Visit<'_>,
    root: &str,
    read: impl Fn(&PasswordFilter, Rows) -> Result<Listed, Error>,
) -> Result<List, Error> {
    let show = visit.asked.query("show").to_owned();
    let search: String = visit.asked.query("q").chars().take(SEARCH_MAX).collect();
    let whole = show == "clients";
    let filter =
        PasswordFilter { search: search.clone(), status: status(visit, &show), ephemeral: Some(whole) };
    let rows = Rows { number: visit.asked.page_number(), size: PAGE_SIZE };
    let (found, total) = read(&filter, rows)?;
    let of_clients = PasswordFilter { ephemeral: Some(true), ..PasswordFilter::default() };
    let (_, hidden) = read(&of_clients, Rows { number: 1, size: 1 })?;
    let database = database(visit)?;
    let database_root = visit.database_address(database.name.as_str(), database.id.as_str());
    let mut filters: Vec<Link> = [("", "All"), ("active", "Active"), ("expired", "Expired")]
        .into_iter()
        .map(|(word, text)| {
            let query = if word.is_empty() { String::new() } else { format!("show={word}&") };
            Link::new(text, format!("{root}?{query}q={}", escaped(&search)), show == word)
        })
        .collect();
    if hidden > 0 || whole {
        filters.push(Link::new("Of clients", format!("{root}?show=clients&q={}", escaped(&search)), whole));
    }
    Ok(List {
        page: crate::layout::Page::default(),
        root: root.to_owned(),
        connect: String::new(),
        may_not: String::new(),
        branch: String::new(),
        narrowed: !show.is_empty() || !search.is_empty(),
        filters,
        show,
        search,
        rows: found.iter().map(|row| Password::new(visit, &database_root, row)).collect(),
        pages: Pages::of(visit.asked, PAGE_SIZE, found.len(), total),
        hidden: if whole { 0 } else { hidden },
        all_href: format!("{root}?show=clients"),
    })
}

/// The passwords of a branch.
pub(crate) fn of_branch(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let branch = visit.may::<BranchAt>(Operation::GetBranch).map_err(|_| Error::NotFound)?;
    let place = Place::of(visit, &branch)?;
    let name = place.branch.name.to_string();
    let root = format!("{}/passwords", place.root);
    let list = listed(visit, &root, |filter, rows| visit.plane().list_passwords(&at, filter, rows))?;
    let below = [(name.as_str(), place.root.clone()), ("Passwords", String::new())];
    let mut page = page(visit, &place.database, format!("Passwords of {name}"), &below)?;
    page.api_call = Some(visit.api_call(
        Operation::ListPasswords,
        &[visit.organization(), place.database.name.as_str(), &name],
        None,
    ));
    let may_not = reason(visit.may::<BranchAt>(Operation::CreatePassword));
    let connect = format!("{}/connect", place.root);
    Answer::page(&List { page, branch: name.clone(), connect, may_not, ..list })
}

/// The passwords of all branches of a database.
pub(crate) fn of_database(visit: &Visit<'_>, at: Granted<DatabaseAt>) -> Result<Answer, Error> {
    let database = database(visit)?;
    let database_root = visit.database_address(database.name.as_str(), database.id.as_str());
    let root = format!("{database_root}/passwords");
    let list = listed(visit, &root, |filter, rows| visit.plane().list_database_passwords(&at, filter, rows))?;
    let mut page = page(visit, &database, "Passwords", &[("Passwords", String::new())])?;
    page.api_call = Some(visit.api_call(
        Operation::ListDatabasePasswords,
        &[visit.organization(), database.name.as_str()],
        None,
    ));
    Answer::page(&List { page, connect: format!("{database_root}/connect"), ..list })
}

/// A length of time in words.
fn life(seconds: i64) -> String {
    let seconds = Duration::from_secs(seconds.unsigned_abs()).as_secs();
    match (seconds % 86_400, seconds % 3_600, seconds % 60) {
        (0, ..) => counted(seconds / 86_400, "day"),
        (_, 0, _) => counted(seconds / 3_600, "hour"),
        (.., 0) => counted(seconds / 60, "minute"),
        _ => counted(seconds, "second"),
    }
}

/// One password.
pub(crate) fn show(visit: &Visit<'_>, at: Granted<PasswordAt>) -> Result<Answer, Error> {
    shown(visit, &at, Errors::default())
}

/// The page of one, with what was wrong with a form of it.
pub(super) fn shown(visit: &Visit<'_>, at: &Granted<PasswordAt>, errors: Errors) -> Result<Answer, Error> {
    let row = visit.plane().get_password(at)?;
    let database = database(visit)?;
    let database_root = visit.database_address(database.name.as_str(), database.id.as_str());
    let password = Password::new(visit, &database_root, &row);
    let list = format!("{}/passwords", password.branch_href);
    let below = [
        (password.branch.as_str(), password.branch_href.clone()),
        ("Passwords", list),
        (password.name.as_str(), String::new()),
    ];
    let mut page = page(visit, &database, password.name.clone(), &below)?;
    page.address.clone_from(&password.href);
    page.api_call = Some(visit.api_call(
        Operation::GetPassword,
        &[visit.organization(), database.name.as_str(), &password.branch, &password.id],
        None,
    ));
    let form = &visit.asked.form;
    let typed = |name: &str, known: String| {
        let sent = form.fields().any(|(sent, _)| sent == name);
        if sent { form.get(name).to_owned() } else { known }
    };
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let addresses = &visit.plane().settings().addresses;
    let shown = PasswordPage {
        page,
        hint: role_text(row.role).1,
        address: addresses.mysql.clone(),
        schema: row.branch.schema.to_string(),
        authority: super::connect::authority_address(visit, &password.branch_href),
        life: row.ttl_seconds.map(life).unwrap_or_default(),
        typed_name: typed("name", row.name.clone()),
        typed_ranges: typed("cidrs", password.ranges.join("\n")),
        typed_confirm: form.get("confirm").to_owned(),
        may_not_change: reason(visit.may::<PasswordAt>(Operation::UpdatePassword)),
        may_not_delete: reason(visit.may::<PasswordAt>(Operation::DeletePassword)),
        password,
        errors,
    };
    Answer::page_with(status, &shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_told_in_whole_units() {
        let told = [300, 3_600, 86_400, 604_800, 90, 61].map(life);
        assert_eq!(told, ["5 minutes", "1 hour", "1 day", "7 days", "90 seconds", "61 seconds"]);
    }
}
