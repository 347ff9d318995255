//! A database's settings, and its end.

use axum::http::StatusCode;
use bough_control::branches::Filter;
use bough_control::databases::{SettingsChange, UpdateDatabase};
use bough_control::{Error, Page as Rows};
use bough_policy::{DatabaseAt, Granted, Operation, OrganizationAt};

use super::routes::TREE_MAX;
use super::view::{Administrator, Administrators, Choice, Settings, SettingsErrors, Switch};
use super::{page, reason};
use crate::answer::Answer;
use crate::visit::Visit;

/// Most administrators on the page.
const ADMINISTRATORS_SHOWN: u32 = 50;
/// Most members to choose from; of an organization with more, the address is typed.
const MEMBERS_MAX: u32 = 100;

/// A setting with its name, its label, what it does, and where it stands.
type Known = (&'static str, &'static str, &'static str, fn(&bough_control::databases::Settings) -> bool);

/// Settings that this version acts on.
const EFFECTIVE: [Known; 3] = [
    (
        "deletion_protected",
        "Protect against deletion",
        "Deleting the database is refused until this is off.",
        |all| all.deletion_protected,
    ),
    (
        "restrict_branch_region",
        "Branches only in the database's region",
        "New branches in another region are refused.",
        |all| all.restrict_branch_region,
    ),
    (
        "production_branch_web_console",
        "Web console on production branches",
        "Whoever could make a password of a production branch can run statements on it in the console, in the same role.",
        |all| all.production_branch_web_console,
    ),
];

/// Settings that are kept and answered for clients.
const KEPT: [Known; 5] = [
    ("require_approval_for_deploy", "Deploy requests need an approval", "For deploy requests.", |all| {
        all.require_approval_for_deploy
    }),
    ("allow_data_branching", "Branches may be made with data", "For backups.", |all| {
        all.allow_data_branching
    }),
    ("foreign_keys_enabled", "Foreign keys are allowed", "For deploy requests.", |all| {
        all.foreign_keys_enabled
    }),
    ("insights_raw_queries", "Keep full query texts", "For insights.", |all| all.insights_raw_queries),
    (
        "automatic_migrations",
        "Copy the rows of the migration table along",
        "For deploy requests; framework and table stand below.",
        |all| all.automatic_migrations == Some(true),
    ),
];

fn is_refused(errors: &SettingsErrors) -> bool {
    [
        &errors.all,
        &errors.new_name,
        &errors.default_branch,
        &errors.migration_framework,
        &errors.migration_table_name,
        &errors.confirm,
        &errors.user,
    ]
    .iter()
    .any(|error| !error.is_empty())
}

/// A database's settings.
pub(crate) fn show(visit: &Visit<'_>, at: Granted<DatabaseAt>) -> Result<Answer, Error> {
    shown(visit, &at, SettingsErrors::default(), false)
}

/// The settings, as they are or as they were `typed`, with what was wrong.
pub(crate) fn shown(
    visit: &Visit<'_>,
    at: &Granted<DatabaseAt>,
    errors: SettingsErrors,
    typed: bool,
) -> Result<Answer, Error> {
    let row = visit.plane().get_database(at)?;
    let root = visit.database_address(row.name.as_str(), row.id.as_str());
    let form = &visit.asked.form;
    let text = |name: &str, known: &str| if typed { form.get(name).to_owned() } else { known.to_owned() };
    let default_branch = text("default_branch", row.default_branch.name.as_str());
    let mut names = Vec::new();
    if let Ok(at) = visit.may::<DatabaseAt>(Operation::ListBranches) {
        let filter = Filter { ascending: true, ..Filter::default() };
        let (rows, _) = visit.plane().list_branches(&at, &filter, Rows { number: 1, size: TREE_MAX })?;
        names.extend(rows.iter().map(|row| row.name.to_string()));
    }
    if !names.contains(&default_branch) {
        names.insert(0, default_branch.clone());
    }
    let choice = |name: String| Choice { chosen: name == default_branch, text: name.clone(), value: name };
    let switch = |(name, label, hint, is_on): Known| Switch {
        name,
        label,
        hint,
        on: if typed { form.ticked(name) } else { is_on(&row.settings) },
    };
    let mut page = page(visit, &row, "Settings", &[("Settings", String::new())])?;
    page.address = format!("{root}/settings");
    let body = format!(r#"{{"new_name": "{}"}}"#, row.name);
    page.api_call = Some(visit.api_call(
        Operation::UpdateDatabaseSettings,
        &[visit.organization(), row.name.as_str()],
        Some(&body),
    ));
    let status = if is_refused(&errors) { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let settings = &row.settings;
    let shown = Settings {
        new_name: text("new_name", row.name.as_str()),
        branches: names.into_iter().map(choice).collect(),
        effective: EFFECTIVE.into_iter().map(switch).collect(),
        kept: KEPT.into_iter().map(switch).collect(),
        migration_framework: text(
            "migration_framework",
            settings.migration_framework.as_deref().unwrap_or_default(),
        ),
        migration_table_name: text(
            "migration_table_name",
            settings.migration_table_name.as_deref().unwrap_or_default(),
        ),
        may_not_change: reason(visit.may::<DatabaseAt>(Operation::UpdateDatabaseSettings)),
        may_not_delete: reason(visit.may::<DatabaseAt>(Operation::DeleteDatabase)),
        branch_count: row.development_branches + row.production_branches,
        administrators: administrators(visit)?,
        typed_name: form.get("confirm").to_owned(),
        name: row.name.to_string(),
        page,
        root,
        errors,
    };
    Answer::page_with(status, &shown)
}

/// Changes the settings.
pub(crate) fn save(visit: &Visit<'_>, at: Granted<DatabaseAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    let mut names = vec!["new_name", "default_branch", "migration_framework", "migration_table_name"];
    names.extend(EFFECTIVE.iter().chain(&KEPT).map(|(name, ..)| *name));
    form.only(&names)?;
    let before = visit.plane().get_database(&at)?;
    let on = |name: &str| Some(form.ticked(name));
    let differs = |name: &str, known: Option<&str>| {
        Some(form.get(name).trim().to_owned()).filter(|text| text != known.unwrap_or_default())
    };
    let known = &before.settings;
    let wanted = UpdateDatabase {
        new_name: differs("new_name", Some(before.name.as_str())),
        default_branch: differs("default_branch", Some(before.default_branch.name.as_str())),
        settings: SettingsChange {
            deletion_protected: on("deletion_protected"),
            require_approval_for_deploy: on("require_approval_for_deploy"),
            restrict_branch_region: on("restrict_branch_region"),
            allow_data_branching: on("allow_data_branching"),
            foreign_keys_enabled: on("foreign_keys_enabled"),
            insights_raw_queries: on("insights_raw_queries"),
            production_branch_web_console: on("production_branch_web_console"),
            // Never chosen stays never chosen.
            automatic_migrations: on("automatic_migrations")
                .filter(|on| *on || known.automatic_migrations.is_some()),
            migration_framework: differs("migration_framework", known.migration_framework.as_deref()),
            migration_table_name: differs("migration_table_name", known.migration_table_name.as_deref()),
        },
    };
    match visit.plane().update_database(visit.caller, &at, wanted) {
        Ok(row) => {
            let root = visit.database_address(row.name.as_str(), row.id.as_str());
            Ok(Answer::see(format!("{root}/settings")).saying("The settings were saved."))
        }
        Err(Error::Invalid(why)) => {
            let mut errors = SettingsErrors::default();
            match why.split([' ', ':']).next() {
                Some("Database" | "name") => errors.new_name = why,
                Some("default_branch") => errors.default_branch = why,
                Some("migration_framework") => errors.migration_framework = why,
                Some("migration_table_name") => errors.migration_table_name = why,
                _ => errors.all = why,
            }
            shown(visit, &at, errors, true)
        }
        Err(error) => Err(error),
    }
}

/// Deletes it with all its branches, once its name was typed.
pub(crate) fn delete(visit: &Visit<'_>, at: Granted<DatabaseAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["confirm"])?;
    let row = visit.plane().get_database(&at)?;
    let mut errors = SettingsErrors::default();
    if form.get("confirm").trim() != row.name.as_str() {
        errors.confirm = format!("Type {} to confirm. Nothing was deleted.", row.name);
        return shown(visit, &at, errors, false);
    }
    match visit.plane().delete_database(visit.caller, &at) {
        Ok(()) => Ok(Answer::see(format!("/{}", visit.organization()))
            .saying(format!("Database {} was deleted.", row.name))),
        Err(Error::Invalid(why)) => {
            errors.confirm = why;
            shown(visit, &at, errors, false)
        }
        Err(error) => Err(error),
    }
}

/// Those who administer it.
fn administrators(visit: &Visit<'_>) -> Result<Administrators, Error> {
    let may_not_change = reason(visit.may::<DatabaseAt>(Operation::AddDatabaseAdministrator));
    let at = match visit.may::<DatabaseAt>(Operation::ListDatabaseAdministrators) {
        Ok(at) => at,
        Err(missing) => {
            return Ok(Administrators {
                may_not_see: missing.0,
                may_not_change,
                ..Administrators::default()
            });
        }
    };
    let page = Rows { number: 1, size: ADMINISTRATORS_SHOWN };
    let (rows, total) = visit.plane().list_database_administrators(&at, page)?;
    let (mut members, mut everybody) = (Vec::new(), false);
    let typed = visit.asked.form.get("member");
    if may_not_change.is_empty()
        && let Ok(of) = visit.may::<OrganizationAt>(Operation::ListOrganizationMembers)
    {
        let page = Rows { number: 1, size: MEMBERS_MAX };
        let (all, count) = visit.plane().list_members(&of, "", page)?;
        if count <= i64::from(MEMBERS_MAX) {
            let others = all.iter().filter(|member| rows.iter().all(|row| row.user.id != member.user.id));
            members = others
                .map(|member| Choice {
                    value: member.user.id.to_string(),
                    text: format!("{} ({}, {})", member.user.name, member.user.email, member.role.as_str()),
                    chosen: typed == member.user.id.as_str(),
                })
                .collect();
            everybody = members.is_empty();
        }
    }
    let shown = rows.iter().map(|row| Administrator {
        id: row.user.id.to_string(),
        name: row.user.name.clone(),
        email: row.user.email.clone(),
        role: row.role.as_str(),
        since: row.added_at.map(|at| visit.when(at)),
    });
    Ok(Administrators {
        more: total - i64::try_from(rows.len()).unwrap_or(total),
        rows: shown.collect(),
        members,
        all: everybody,
        typed: typed.to_owned(),
        may_not_see: String::new(),
        may_not_change,
    })
}

fn settings_of(visit: &Visit<'_>, at: &Granted<DatabaseAt>) -> Result<String, Error> {
    let row = visit.plane().get_database(at)?;
    Ok(format!("{}/settings", visit.database_address(row.name.as_str(), row.id.as_str())))
}

/// Makes a member an administrator of it.
pub(crate) fn add_administrator(visit: &Visit<'_>, at: Granted<DatabaseAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["member"])?;
    let typed = form.get("member").trim();
    let mut user = typed.to_owned();
    // An address, where there are too many members for a list.
    if typed.contains('@')
        && let Ok(of) = visit.may::<OrganizationAt>(Operation::ListOrganizationMembers)
    {
        let page = Rows { number: 1, size: MEMBERS_MAX };
        let (members, _) = visit.plane().list_members(&of, typed, page)?;
        let same = members.iter().find(|member| member.user.email.eq_ignore_ascii_case(typed));
        if let Some(member) = same {
            user = member.user.id.to_string();
        }
    }
    match visit.plane().add_database_administrator(visit.caller, &at, &user) {
        Ok(row) => Ok(Answer::see(settings_of(visit, &at)?)
            .saying(format!("{} administers this database now.", row.user.name))),
        Err(Error::Invalid(_)) => {
            let errors = SettingsErrors {
                user: "Choose a member of the organization; somebody else has to be added to it first."
                    .to_owned(),
                ..SettingsErrors::default()
            };
            shown(visit, &at, errors, false)
        }
        Err(error) => Err(error),
    }
}

/// Takes somebody out from among its administrators.
pub(crate) fn remove_administrator(visit: &Visit<'_>, at: Granted<DatabaseAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["user"])?;
    let address = settings_of(visit, &at)?;
    match visit.plane().remove_database_administrator(visit.caller, &at, form.get("user")) {
        Ok(()) => Ok(Answer::see(address).saying("That person does not administer this database any more.")),
        Err(Error::NotFound) => {
            Ok(Answer::see(address).saying("That person does not administer this database."))
        }
        Err(error) => Err(error),
    }
}
