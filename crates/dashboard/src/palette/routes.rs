//! Finding things by name: as JSON for the script, as a page for who has none.

use bough_control::names::{BranchNamed, NamesWanted};
use bough_control::pages::database_part;
use bough_control::{Error, Page as Rows};
use bough_policy::{Granted, Operation, OrganizationAt};
use serde_json::json;

use super::view::{Hit, Palette};
use crate::answer::Answer;
use crate::layout::{Crumb, escaped};
use crate::pages::PAGES;
use crate::visit::Visit;

/// Most results of each kind; together no more than twenty.
const WANTED: NamesWanted = NamesWanted { databases: 5, branches: 6, tokens: 4 };
const PAGES_SHOWN: usize = 5;
/// What is written behind a branch's name for its console.
const CONSOLE: &str = "console";

/// Pages that can be jumped to, by the address that they have in the table of pages. One that is not in the
/// table, or not open to the viewer, is left out.
const NAMED_PAGES: [(&str, &str); 9] = [
    ("Databases", "/{organization}"),
    ("New database", "/{organization}/new"),
    ("Settings", "/{organization}/settings"),
    ("Service tokens", "/{organization}/settings/service-tokens"),
    ("Members", "/{organization}/settings/members"),
    ("Regions and cluster sizes", "/{organization}/settings/regions"),
    ("Audit log", "/{organization}/settings/audit-log"),
    ("My account", "/account"),
    ("API reference", "/docs"),
];

fn pages(visit: &Visit<'_>, at: &OrganizationAt, search: &str) -> Vec<Hit> {
    let search = search.to_lowercase();
    let is_open = |path: &str| {
        PAGES
            .iter()
            .find(|entry| entry.method == "GET" && entry.path == path)
            .is_some_and(|entry| !path.starts_with("/{") || visit.may_in(at, entry.operation).is_ok())
    };
    let hits = NAMED_PAGES
        .iter()
        .filter(|(name, path)| name.to_lowercase().contains(&search) && is_open(path))
        .map(|(name, path)| Hit {
            kind: "page",
            name: (*name).to_owned(),
            href: path.replace("{organization}", visit.organization()),
        });
    hits.take(PAGES_SHOWN).collect()
}

/// What has a name like that.
fn hits(visit: &Visit<'_>, at: &Granted<OrganizationAt>, search: &str) -> Result<(Vec<Hit>, bool), Error> {
    let database = |name: &str, id: &str| Hit {
        kind: "database",
        name: name.to_owned(),
        href: visit.database_address(name, id),
    };
    let branch_address = |row: &BranchNamed| {
        let database = database_part(row.database.name.as_str(), row.database.id.as_str());
        visit.branch_address(database, row.name.as_str(), row.id.as_str())
    };
    let mut hits = pages(visit, at.at(), search);
    if search.is_empty() {
        let rows = Rows { number: 1, size: WANTED.databases };
        let (rows, total) = visit.plane().list_databases(visit.caller, at, "", rows)?;
        hits.extend(rows.iter().map(|row| database(row.name.as_str(), row.id.as_str())));
        return Ok((hits, total > i64::from(WANTED.databases)));
    }
    // "shop/dev console" is that branch's console.
    let (search, console) = match search.strip_suffix(CONSOLE) {
        Some(of) if of.ends_with(' ') && !of.trim().is_empty() => (of.trim(), true),
        _ => (search, false),
    };
    let named = visit.plane().find_named(visit.caller, at, search, WANTED)?;
    if console {
        hits.extend(named.branches.iter().map(|row| Hit {
            kind: "console",
            name: format!("{}/{}", row.database.name, row.name),
            href: format!("{}/console", branch_address(row)),
        }));
        return Ok((hits, named.more));
    }
    hits.extend(named.databases.iter().map(|row| database(row.name.as_str(), row.id.as_str())));
    hits.extend(named.branches.iter().map(|row| Hit {
        kind: "branch",
        name: format!("{}/{}", row.database.name, row.name),
        href: branch_address(row),
    }));
    hits.extend(named.tokens.iter().map(|row| Hit {
        kind: "token",
        name: row.name.clone().unwrap_or_else(|| row.id.to_string()),
        href: format!("/{}/settings/service-tokens/{}", visit.organization(), escaped(row.id.as_str())),
    }));
    Ok((hits, named.more))
}

/// Finds things by name.
pub(crate) fn find(visit: &Visit<'_>, at: Granted<OrganizationAt>) -> Result<Answer, Error> {
    let search = visit.asked.query("q");
    let (hits, more) = hits(visit, &at, search)?;
    if visit.asked.wants_json {
        let results: Vec<_> =
            hits.iter().map(|hit| json!({"kind": hit.kind, "name": hit.name, "href": hit.href})).collect();
        return Ok(Answer::json(json!({ "results": results, "more": more })));
    }
    let mut page = visit.page("Jump to")?;
    page.crumbs.push(Crumb::new("Jump to", ""));
    page.api_call = Some(visit.api_call(Operation::ListDatabases, &[visit.organization()], None));
    let action = format!("/{}/palette", visit.organization());
    Answer::page(&Palette { page, action, search: search.to_owned(), hits, more })
}
