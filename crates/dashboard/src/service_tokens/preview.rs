//! What a token could do with what is ticked, endpoint by endpoint.

use bough_control::databases::DatabaseRow;
use bough_control::service_tokens::{Verdict, verdicts};
use bough_policy::{Access, AccessSet, GrantScope, Grants, Level, Operation, TokenAt};
use serde_json::Value;

use super::accesses::breadth;

/// Most accesses that are named as what an operation needs.
const NAMED_MAX: usize = 3;

/// One endpoint.
pub(crate) struct Line {
    pub(crate) title: String,
    pub(crate) method: &'static str,
    /// Below the organization, or the database.
    pub(crate) path: String,
    pub(crate) yes: bool,
    /// On which branches only, or what is needed.
    pub(crate) note: String,
}

/// The endpoints of a feature.
pub(crate) struct Part {
    pub(crate) title: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// What can be done at one scope.
pub(crate) struct Reach {
    /// A word before the name, and the name of a database, where it is one.
    pub(crate) title: &'static str,
    pub(crate) database: String,
    pub(crate) allowed: usize,
    pub(crate) total: usize,
    /// Shown unfolded.
    pub(crate) open: bool,
    pub(crate) parts: Vec<Part>,
}

/// The operations that this server answers, from the description of its API.
pub(crate) fn served(openapi: &Value) -> Vec<Operation> {
    let paths = &openapi["paths"];
    let is_there = |operation: &Operation| {
        let row = operation.row();
        paths[row.path][row.method.as_str().to_ascii_lowercase()].is_object()
    };
    Operation::ALL.iter().copied().filter(is_there).collect()
}

fn feature(path: &str) -> &'static str {
    const FEATURES: [(&str, &str); 13] = [
        ("/service-tokens", "Service tokens"),
        ("/oauth-applications", "OAuth applications"),
        ("/members", "Members"),
        ("/teams", "Teams"),
        ("/audit-log", "Audit log"),
        ("/invoices", "Invoices"),
        ("/deploy-", "Deploy requests"),
        ("/backup", "Backups"),
        ("/passwords", "Passwords"),
        ("/insights", "Insights"),
        ("/branches", "Branches"),
        ("/databases", "Databases"),
        ("/user", "Account"),
    ];
    FEATURES.iter().find(|(part, _)| path.contains(part)).map_or("Organization", |(_, title)| title)
}

/// An operation's id in words.
pub(crate) fn in_words(id: &str) -> String {
    let words = id.replace('_', " ");
    let mut letters = words.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn needs(missing: AccessSet) -> String {
    let of_people = |access: &Access| access.level() == Level::People;
    if !missing.is_empty() && missing.iter().all(|access| of_people(&access)) {
        return "only people can do this".to_owned();
    }
    let mut enough: Vec<Access> = missing.iter().filter(|access| !of_people(access)).collect();
    enough.sort_by_key(|access| breadth(*access));
    let names: Vec<&str> = enough.iter().map(|access| access.name()).collect();
    match names.as_slice() {
        [] => "not open to service tokens".to_owned(),
        [one] => format!("needs {one}"),
        more if more.len() <= NAMED_MAX => format!("needs {}", more.join(" or ")),
        [narrowest, more @ ..] => format!("needs {narrowest}, or any of {} others", more.len()),
    }
}

/// A path below the organization; a database that is named by the heading is left out.
fn short(path: &'static str) -> String {
    let below = path.strip_prefix("/organizations/{organization}").unwrap_or(path);
    match below.strip_prefix("/databases/{database}") {
        Some(rest) => format!("…{rest}"),
        None if below.is_empty() => "…".to_owned(),
        None => below.to_owned(),
    }
}

fn line(verdict: &Verdict) -> Line {
    let row = verdict.operation.row();
    let (yes, note) = match (verdict.result, verdict.production) {
        (Ok(()), None | Some(Ok(()))) => (true, String::new()),
        (Ok(()), Some(Err(missing))) => (true, format!("development only; production {}", needs(missing))),
        (Err(missing), Some(Ok(()))) => (true, format!("production only; development {}", needs(missing))),
        (Err(one), Some(Err(other))) if one != other && !one.is_empty() && !other.is_empty() => {
            (false, format!("{}, for production {}", needs(one), needs(other)))
        }
        (Err(missing), _) => (false, needs(missing)),
    };
    Line { title: in_words(row.id), method: row.method.as_str(), path: short(row.path), yes, note }
}

fn reach(title: &'static str, database: &str, found: &[Verdict]) -> Reach {
    let mut parts: Vec<Part> = Vec::new();
    for verdict in found {
        let title = feature(verdict.operation.row().path);
        let one = line(verdict);
        match parts.iter_mut().find(|part| part.title == title) {
            Some(part) => part.lines.push(one),
            None => parts.push(Part { title, lines: vec![one] }),
        }
    }
    // What is allowed first.
    parts.iter_mut().for_each(|part| part.lines.sort_by_key(|line| !line.yes));
    let allowed = parts.iter().flat_map(|part| &part.lines).filter(|line| line.yes).count();
    Reach { title, database: database.to_owned(), allowed, total: found.len(), open: false, parts }
}

/// What a token could do that held `grants`: on the organization, on every database, and on those shown.
pub(crate) fn preview<'a>(
    at: &TokenAt,
    grants: &Grants,
    operations: &[Operation],
    shown: impl Iterator<Item = &'a DatabaseRow>,
) -> Vec<Reach> {
    let of = |scope: &GrantScope| verdicts(at, grants, scope, operations);
    let mut all = vec![
        reach("On the organization", "", &of(&GrantScope::Organization)),
        reach("On every database", "", &of(&GrantScope::AllDatabases)),
    ];
    let few = all.len();
    all.extend(shown.map(|row| {
        let found = of(&GrantScope::Database(row.id.clone()));
        reach("On", row.name.as_str(), &found)
    }));
    // What the boxes that are shown are about.
    let from = if all.len() > few { few } else { few - 1 };
    all.iter_mut().skip(from).for_each(|reach| reach.open = true);
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_described_is_served() {
        let path = Operation::GetBranch.row().path;
        let described = json!({"paths": {path: {"get": {}, "delete": {}}}});
        assert_eq!(served(&described), [Operation::DeleteBranch, Operation::GetBranch]);
    }

    #[test]
    fn what_differs_between_classes_of_branches_is_said() {
        let missing = AccessSet::of(&[Access::DeleteProductionBranch]);
        let verdict = |result, production| Verdict {
            operation: Operation::DeleteBranch,
            result,
            production: Some(production),
        };
        let development = line(&verdict(Ok(()), Err(missing)));
        assert!(development.yes);
        assert_eq!(development.note, "development only; production needs delete_production_branch");
        let neither = line(&verdict(Err(AccessSet::of(&[Access::DeleteBranch])), Err(missing)));
        assert!(!neither.yes);
        assert_eq!(neither.note, "needs delete_branch, for production needs delete_production_branch");
        assert_eq!(neither.title, "Delete branch");
        assert_eq!(needs(AccessSet::EMPTY), "not open to service tokens");
        assert_eq!(needs(AccessSet::of(&[Access::AdoptServiceTokens])), "only people can do this");
        assert_eq!(short(Operation::CreateBranch.row().path), "…/branches");
    }
}
