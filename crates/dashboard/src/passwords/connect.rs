//! Connecting to a branch: a new password, its secret shown once, and ready lines for clients.

use axum::http::StatusCode;
use bough_control::branches::Filter;
use bough_control::model::PasswordRole;
use bough_control::passwords::{AUTHORITY_FILE, CreatePassword, NewPasswordSecret};
use bough_control::{Error, Page as Rows};
use bough_policy::{BranchAt, DatabaseAt, Facet, Granted, Operation, refine};

use super::actions::wrong;
use super::snippets::snippets;
use super::view::{Connect, Errors, Password, RoleChoice, SecretPage};
use super::{database, ranges, role_text};
use crate::answer::Answer;
use crate::branches::making::lifetime;
use crate::branches::routes::Place;
use crate::databases::{page, reason};
use crate::layout::sentence;
use crate::visit::{Visit, branch_part, needed};

/// Most branches to choose from; of a database with more, the name is typed.
const BRANCHES_MAX: u32 = 100;

/// Lifetimes that are offered, in seconds and in words.
const LIFETIMES: [(&str, &str); 6] = [
    ("3600", "1 hour"),
    ("28800", "8 hours"),
    ("86400", "1 day"),
    ("604800", "7 days"),
    ("2592000", "30 days"),
    ("7776000", "90 days"),
];

/// Where the file of the authority is, by which clients know the gateway; empty where there is none of ours.
pub(super) fn authority_address(visit: &Visit<'_>, branch_root: &str) -> String {
    match visit.plane().settings().addresses.mysql_ca {
        Some(_) => format!("{branch_root}/connect/{AUTHORITY_FILE}"),
        None => String::new(),
    }
}

/// On to the branch that is chosen; the default one where none is.
pub(crate) fn choose(visit: &Visit<'_>, at: Granted<DatabaseAt>) -> Result<Answer, Error> {
    let database = visit.plane().get_database(&at)?;
    let root = visit.database_address(database.name.as_str(), database.id.as_str());
    let default = &database.default_branch;
    let branch = match visit.asked.query("branch") {
        "" => branch_part(default.name.as_str(), default.id.as_str()),
        name => {
            let listed = visit.may::<DatabaseAt>(Operation::ListBranches).map_err(|_| Error::NotFound)?;
            let filter = Filter { search: name.to_owned(), ..Filter::default() };
            let rows = Rows { number: 1, size: BRANCHES_MAX };
            let (rows, _) = visit.plane().list_branches(&listed, &filter, rows)?;
            let row = rows.iter().find(|row| row.name.as_str() == name || row.id.as_str() == name);
            let row = row.ok_or(Error::NotFound)?;
            branch_part(row.name.as_str(), row.id.as_str())
        }
    };
    Ok(Answer::see(format!("{root}/{branch}/connect")))
}

/// The roles, with why the viewer may not choose one; and which is chosen.
fn roles(visit: &Visit<'_>, production: bool) -> Vec<RoleChoice> {
    let reason = |role| match visit.may::<BranchAt>(Operation::CreatePassword) {
        Err(missing) => missing.0,
        Ok(at) => match refine(&visit.caller.principal, at, Facet::Password(role)) {
            Ok(_) => String::new(),
            Err(denied) => needed(denied.missing),
        },
    };
    let asked = PasswordRole::parse(visit.asked.form.get("role"));
    let usual = if production { PasswordRole::ReadWriter } else { PasswordRole::Admin };
    let mut choices: Vec<RoleChoice> = PasswordRole::ALL
        .into_iter()
        .map(|role| {
            let (name, hint) = role_text(role);
            let chosen = role == asked.unwrap_or(usual);
            RoleChoice { value: role.as_str(), name, hint, chosen, reason: reason(role) }
        })
        .collect();
    // What cannot be chosen is not what is chosen at first.
    if asked.is_none() && choices.iter().any(|role| role.chosen && !role.reason.is_empty()) {
        let first = choices.iter().position(|role| role.reason.is_empty());
        choices.iter_mut().enumerate().for_each(|(at, role)| role.chosen = Some(at) == first);
    }
    choices
}

/// The page.
pub(crate) fn show(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    shown(visit, &at, Errors::default())
}

fn shown(visit: &Visit<'_>, at: &Granted<BranchAt>, errors: Errors) -> Result<Answer, Error> {
    let place = Place::of(visit, at)?;
    let name = place.branch.name.to_string();
    let mut branches = Vec::new();
    if let Ok(listed) = visit.may::<DatabaseAt>(Operation::ListBranches) {
        let filter = Filter { ascending: true, ..Filter::default() };
        let rows = Rows { number: 1, size: BRANCHES_MAX };
        let (rows, total) = visit.plane().list_branches(&listed, &filter, rows)?;
        if total <= i64::from(BRANCHES_MAX) {
            branches.extend(rows.iter().map(|row| row.name.to_string()));
        }
    }
    let below = [(name.as_str(), place.root.clone()), ("Connect", String::new())];
    let mut page = page(visit, &place.database, format!("Connect to {name}"), &below)?;
    page.address = format!("{}/connect", place.root);
    page.api_call = Some(visit.api_call(
        Operation::CreatePassword,
        &[visit.organization(), place.database.name.as_str(), &name],
        Some(r#"{"name":"app","role":"readwriter"}"#),
    ));
    let form = &visit.asked.form;
    let addresses = &visit.plane().settings().addresses;
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let shown = Connect {
        page,
        once: visit.plane().fresh_secret().expose().clone(),
        branch: name,
        production: place.branch.production,
        branches,
        address: addresses.mysql.clone(),
        authority: addresses.mysql_ca.is_some(),
        may_not: reason(visit.may::<BranchAt>(Operation::CreatePassword)),
        roles: roles(visit, place.branch.production),
        lifetimes: &LIFETIMES,
        name: form.get("name").to_owned(),
        lifetime: form.get("lifetime").to_owned(),
        ranges: form.get("cidrs").to_owned(),
        errors,
        root: place.root,
        database_root: place.database_root,
    };
    Answer::page_with(status, &shown)
}

/// Makes a password, and shows its secret, here and never again.
pub(crate) fn create(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["role", "name", "lifetime", "cidrs"])?;
    let seen = || visit.may::<BranchAt>(Operation::GetBranch).map_err(|_| Error::NotFound);
    let cidrs = ranges(form.get("cidrs"));
    let mut errors = wrong(form.get("name").trim(), &cidrs);
    if PasswordRole::parse(form.get("role")).is_none() {
        errors.role = "Choose what it may do.".to_owned();
    }
    let ttl = match lifetime(form.get("lifetime")) {
        Ok(ttl) => ttl.and_then(|seconds| i64::try_from(seconds).ok()),
        Err(error) => {
            errors.lifetime = sentence(&error.to_string());
            None
        }
    };
    if !errors.is_empty() {
        errors.all = "The password was not made: look at what is marked below.".to_owned();
        return shown(visit, &seen()?, errors);
    }
    let wanted = CreatePassword {
        name: form.filled("name").map(str::to_owned),
        role: Some(form.get("role").to_owned()),
        ttl,
        cidrs,
        ..CreatePassword::default()
    };
    match visit.plane().create_password(visit.caller, at, &wanted) {
        Ok(made) => secret_page(visit, &made),
        Err(Error::Invalid(why)) => {
            let mut errors = Errors::default();
            match why.split([' ', ':']).next() {
                Some("ttl") => errors.lifetime = sentence(&why),
                Some("cidrs") => errors.ranges = sentence(&why),
                _ => errors.all = sentence(&why),
            }
            shown(visit, &seen()?, errors)
        }
        Err(error) => Err(error),
    }
}

fn secret_page(visit: &Visit<'_>, made: &NewPasswordSecret) -> Result<Answer, Error> {
    let database = database(visit)?;
    let root = visit.database_address(database.name.as_str(), database.id.as_str());
    let password = Password::new(visit, &root, &made.password);
    let below = [(password.branch.as_str(), password.branch_href.clone()), ("Password made", String::new())];
    let addresses = &visit.plane().settings().addresses;
    let (host, port) = addresses.mysql.rsplit_once(':').unwrap_or((&addresses.mysql, "3306"));
    Answer::page(&SecretPage {
        page: page(visit, &database, "Password made", &below)?,
        hint: role_text(made.password.role).1,
        list: format!("{}/passwords", password.branch_href),
        host: host.trim_matches(['[', ']']).to_owned(),
        port: port.to_owned(),
        schema: made.password.branch.schema.to_string(),
        secret: made.secret.expose().clone(),
        authority: authority_address(visit, &password.branch_href),
        snippets: snippets(addresses, &made.password, &made.secret),
        password,
    })
}

/// The file of the authority by which clients know the gateway.
pub(crate) fn authority(visit: &Visit<'_>, _: Granted<BranchAt>) -> Result<Answer, Error> {
    match visit.plane().mysql_authority()? {
        Some(pem) => Ok(Answer::file("application/x-pem-file", AUTHORITY_FILE, pem)),
        None => Err(Error::NotFound),
    }
}
