//! The overview, a new database, and a database's page.

use axum::http::StatusCode;
use bough_control::branches::Filter;
use bough_control::databases::{CreateDatabase, DatabaseRow};
use bough_control::figures::Span;
use bough_control::model::{BranchState, Digest};
use bough_control::{Error, Page as Rows};
use bough_policy::{DatabaseAt, Granted, Operation, OrganizationAt};
use serde_json::{Map, Value, json};

use super::view::{
    BranchLine, Branches, Choice, Database, DatabaseLine, NewDatabase, NewDatabaseErrors, Overview,
};
use super::{page, reason, region, state, tree};
use crate::answer::Answer;
use crate::branches::NewBranchForm;
use crate::figures;
use crate::layout::{Pages, escaped};
use crate::visit::{Visit, branch_part};

/// Databases on a page.
const DATABASES_SHOWN: u32 = 25;
/// Branches on a page.
const BRANCHES_SHOWN: u32 = 50;
/// Branches that the tree of a database is made of; the search finds the others.
pub(crate) const TREE_MAX: u32 = 1_000;

/// The databases of an organization.
pub(crate) fn overview(visit: &Visit<'_>, at: Granted<OrganizationAt>) -> Result<Answer, Error> {
    let search = visit.asked.query("q");
    let rows = Rows { number: visit.asked.page_number(), size: DATABASES_SHOWN };
    let (databases, total) = visit.plane().list_databases(visit.caller, &at, search, rows)?;
    let ids: Vec<_> = databases.iter().map(|row| row.id.clone()).collect();
    let production = visit.plane().production_branches(&at, &ids)?;
    let line = |row: &DatabaseRow| {
        let href = visit.database_address(row.name.as_str(), row.id.as_str());
        let default = &row.default_branch;
        let (state, state_text) = state(default.state, false);
        let first = production.get(&row.id);
        DatabaseLine {
            name: row.name.to_string(),
            state,
            state_text,
            default: default.name.to_string(),
            default_href: format!("{href}/{}", branch_part(default.name.as_str(), default.id.as_str())),
            branches: row.development_branches + row.production_branches,
            production: first.map(|(_, name)| name.to_string()).unwrap_or_default(),
            production_href: first
                .map(|(id, name)| format!("{href}/{}", branch_part(name.as_str(), id.as_str())))
                .unwrap_or_default(),
            more_production: (row.production_branches - 1).max(0),
            region: region(visit, &row.region),
            created: visit.when(row.created_at),
            creator: row.actor.display_name.clone(),
            href,
        }
    };
    let span = Span::parse(visit.asked.query("span")).unwrap_or(Span::Day);
    let mut charts = Vec::new();
    if search.is_empty()
        && rows.number == 1
        && !databases.is_empty()
        && let Ok(at) = visit.may_in(at.at(), Operation::GetOrganizationFigures)
    {
        charts.extend(figures::of_organization(&visit.plane().organization_figures(&at, span)?));
    }
    let mut page = visit.page("Databases")?;
    page.api_call = Some(visit.api_call(Operation::ListDatabases, &[visit.organization()], None));
    if let Some(crumb) = page.crumbs.last_mut() {
        crumb.href.clear();
    }
    Answer::page(&Overview {
        page,
        root: format!("/{}", visit.organization()),
        search: search.to_owned(),
        pages: Pages::of(visit.asked, DATABASES_SHOWN, databases.len(), total),
        rows: databases.iter().map(line).collect(),
        may_not: reason(visit.may_in(at.at(), Operation::CreateDatabase)),
        charts,
        month: span == Span::Month,
    })
}

/// The form of a new database.
pub(crate) fn new(visit: &Visit<'_>, _: Granted<OrganizationAt>) -> Result<Answer, Error> {
    new_database(visit, NewDatabaseErrors::default())
}

fn new_database(visit: &Visit<'_>, errors: NewDatabaseErrors) -> Result<Answer, Error> {
    let settings = visit.plane().settings();
    let form = &visit.asked.form;
    let (name, wanted_region, wanted_size) = (form.get("name"), form.get("region"), form.get("cluster_size"));
    let regions = settings.regions.iter().filter(|region| region.enabled).map(|region| Choice {
        value: region.slug.to_string(),
        text: format!("{} ({})", region.display_name, region.location),
        chosen: match wanted_region {
            "" => region.current_default,
            wanted => wanted == region.slug.as_str(),
        },
    });
    let sizes = settings.sizes.iter().filter(|size| size.production).map(|size| Choice {
        value: size.name.canonical(),
        text: size_text(size),
        chosen: match wanted_size {
            "" => size.name == settings.default_size,
            wanted => wanted == size.name.canonical(),
        },
    });
    let mut page = visit.page("New database")?;
    page.crumbs.push(crate::layout::Crumb::new("New database", ""));
    let body = format!(r#"{{"name": "{}"}}"#, if name.is_empty() { "shop" } else { name });
    page.api_call = Some(visit.api_call(Operation::CreateDatabase, &[visit.organization()], Some(&body)));
    let root = format!("/{}", visit.organization());
    page.address = format!("{root}/new");
    let refused = !(errors.all.is_empty()
        && errors.name.is_empty()
        && errors.region.is_empty()
        && errors.size.is_empty());
    let shown = NewDatabase {
        page,
        root,
        once: visit.plane().fresh_secret().expose().clone(),
        typed: name.to_owned(),
        regions: regions.collect(),
        sizes: sizes.collect(),
        errors,
    };
    let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Answer::page_with(status, &shown)
}

/// A cluster size with what it is.
pub(crate) fn size_text(size: &bough_control::model::ClusterSize) -> String {
    let memory = crate::branches::bytes(i64::try_from(size.ram_bytes).unwrap_or(i64::MAX));
    format!("{}: {memory} of memory, {} CPU", size.name.display(), size.cpu)
}

/// Makes a database.
pub(crate) fn create(visit: &Visit<'_>, at: Granted<OrganizationAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["name", "region", "cluster_size"])?;
    let wanted = CreateDatabase {
        name: form.get("name").trim().to_owned(),
        region: form.filled("region").map(str::to_owned),
        cluster_size: form.filled("cluster_size").map(str::to_owned),
        notes: String::new(),
    };
    match visit.plane().create_database(visit.caller, &at, wanted) {
        Ok(row) => Ok(Answer::see(visit.database_address(row.name.as_str(), row.id.as_str()))
            .saying(format!("Database {} is being made.", row.name))),
        Err(Error::Invalid(why)) => {
            let mut errors = NewDatabaseErrors::default();
            match why.split([' ', ':']).next() {
                Some("region") => errors.region = why,
                Some("cluster_size") => errors.size = why,
                Some("Database" | "name") => errors.name = why,
                _ => errors.all = why,
            }
            new_database(visit, errors)
        }
        Err(error) => Err(error),
    }
}

/// The branches of a database that stand on this page.
fn branches(visit: &Visit<'_>, database: &DatabaseRow, root: &str) -> Result<Branches, Error> {
    let at = match visit.may::<DatabaseAt>(Operation::ListBranches) {
        Ok(at) => at,
        Err(missing) => return Ok(Branches { may_not: missing.0, ..Branches::default() }),
    };
    let search = visit.asked.query("q");
    let filter = Filter { search: search.to_owned(), ascending: true, ..Filter::default() };
    let (rows, total) = visit.plane().list_branches(&at, &filter, Rows { number: 1, size: TREE_MAX })?;
    let from = (visit.asked.page_number() - 1).saturating_mul(BRANCHES_SHOWN);
    let line = |line: tree::Line<'_>| {
        let row = line.row;
        let (state, state_text) = state(row.state, row.last_error.is_some());
        BranchLine {
            depth: line.depth,
            guides: line.guides,
            name: row.name.to_string(),
            href: format!("{root}/{}", branch_part(row.name.as_str(), row.id.as_str())),
            production: row.production,
            default: row.id == database.default_branch.id,
            safe: row.safe_migrations,
            state,
            state_text,
            state_id: format!("state-{}", row.id),
            base: row.parent.as_ref().map(ToString::to_string).unwrap_or_default(),
            region: region(visit, &row.region),
            created: visit.when(row.created_at),
            creator: row.actor.display_name.clone(),
            ends: row.expires_at.map(|at| visit.when(at)),
        }
    };
    let shown = tree::lines(&rows).into_iter().skip(from as usize).take(BRANCHES_SHOWN as usize);
    let lines: Vec<BranchLine> = shown.map(line).collect();
    let known = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let capped = if total > known {
        format!("The tree shows the {known} oldest of {total} branches. The search finds the others.")
    } else {
        String::new()
    };
    let pages = Pages::of(visit.asked, BRANCHES_SHOWN, lines.len(), known);
    Ok(Branches { lines, pages, search: search.to_owned(), capped, may_not: String::new() })
}

/// Changes when the page has to be made anew to be true.
fn mark(database: &DatabaseRow, branches: &Branches) -> String {
    let mut text = format!("{}\n{}\n", database.name, branches.pages.text);
    for line in &branches.lines {
        text.push_str(&format!(
            "{} {} {} {} {} {} {}\n",
            line.state_id,
            line.name,
            line.base,
            line.production,
            line.default,
            line.safe,
            line.ends.is_some()
        ));
    }
    Digest::of(text.as_bytes()).to_hex()[..16].to_owned()
}

/// A database with its branches.
pub(crate) fn show(visit: &Visit<'_>, at: Granted<DatabaseAt>) -> Result<Answer, Error> {
    let row = visit.plane().get_database(&at)?;
    let root = visit.database_address(row.name.as_str(), row.id.as_str());
    let branches = branches(visit, &row, &root)?;
    let mut page = page(visit, &row, row.name.as_str(), &[])?;
    page.api_call =
        Some(visit.api_call(Operation::ListBranches, &[visit.organization(), visit.database()], None));
    let default = &row.default_branch;
    let (state, state_text) = state(default.state, false);
    let live = format!(
        "{root}/events?q={}&page={}&of={}",
        escaped(&branches.search),
        visit.asked.page_number(),
        mark(&row, &branches)
    );
    let making = NewBranchForm::new(visit, &row, &root, default.name.as_str())?;
    Answer::page(&Database {
        page,
        live,
        state,
        state_text,
        default: default.name.to_string(),
        default_href: format!("{root}/{}", branch_part(default.name.as_str(), default.id.as_str())),
        region: region(visit, &row.region),
        size: row.cluster_size.display(),
        schema: row.schema_name.to_string(),
        development: row.development_branches,
        production: row.production_branches,
        protected: row.settings.deletion_protected,
        created: visit.when(row.created_at),
        creator: row.actor.display_name.clone(),
        id: row.id.to_string(),
        branches,
        making,
        overview: format!("/{}", visit.organization()),
        root,
    })
}

/// The state of the database and of those of its branches that stand on the page.
pub(crate) fn events(visit: &Visit<'_>, at: Granted<DatabaseAt>) -> Result<Answer, Error> {
    let row = visit.plane().get_database(&at)?;
    let root = visit.database_address(row.name.as_str(), row.id.as_str());
    let branches = branches(visit, &row, &root)?;
    let (mut text, mut attributes, mut ready) = (Map::new(), Map::new(), Vec::new());
    let mut set = |id: &str, word: &'static str, words: &'static str| {
        text.insert(id.to_owned(), json!(words));
        attributes.insert(id.to_owned(), json!({ "data-state": word }));
    };
    let (word, words) = state(row.default_branch.state, false);
    set("database-state", word, words);
    let mut starting = 0;
    for line in &branches.lines {
        set(&line.state_id, line.state, line.state_text);
        if line.state == "ready" {
            ready.push(line.name.as_str());
        } else {
            starting += 1;
        }
    }
    let mut told = json!({ "text": text, "attributes": attributes });
    if starting == 0 && !ready.is_empty() && row.default_branch.state == BranchState::Ready {
        told["say"] = json!(match ready.as_slice() {
            [one] => format!("Branch {one} is ready."),
            _ => "All branches on this page are ready.".to_owned(),
        });
    }
    if visit.asked.query("of") != mark(&row, &branches) {
        told["reload"] = Value::Bool(true);
    }
    Ok(Answer::json(told))
}
