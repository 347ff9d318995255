//! The page of one token, put together from what the actions answer.

use bough_control::databases::DatabaseRow;
use bough_control::figures::Span;
use bough_control::service_tokens::{GrantRow, TokenRow, etag};
use bough_control::{Error, Page as Rows};
use bough_policy::{AccessSet, GrantScope, Granted, Grants, Operation, OrganizationAt, TokenAt, decide};

use super::accesses::{Group, Preset, Ticked, groups, why};
use super::preview::preview;
use super::refusals::Around;
use super::ticks::{OPEN_MAX, Sent, Ticks, held, scope_key};
use super::view::{
    DatabaseLine, Difference, OpenDatabase, RotateForm, Token, TokenPage, Typed, around, token_address,
};
use crate::layout::sentence;
use crate::visit::Visit;

/// Databases that are offered to be chosen from; any other can be typed.
const CHOICES: u32 = 50;

/// What a page shows beside what is stored.
#[derive(Default)]
pub(super) struct Shown {
    /// The form of accesses as it was sent; `None`: what is held.
    pub(super) sent: Option<Sent>,
    /// What was wrong with it.
    pub(super) refused: String,
    /// Somebody changed what is held since the form was shown.
    pub(super) conflict: bool,
    /// What was typed into the other forms; `None`: what is stored.
    pub(super) typed: Option<Typed>,
    /// What was typed to confirm that it be deleted, and what was wrong with it.
    pub(super) confirm: String,
    pub(super) confirm_error: String,
}

/// A database by name or id, where the viewer may see it.
pub(super) fn find_database(visit: &Visit<'_>, named: &str) -> Result<Option<DatabaseRow>, Error> {
    let plane = visit.plane();
    let found = plane.locate(visit.organization(), Some(named), None)?;
    let Some(at) = found.and_then(|found| found.database_at()) else { return Ok(None) };
    match decide(&visit.caller.principal, Operation::GetDatabase, at) {
        Err(_) => Ok(None),
        Ok(granted) => match plane.get_database(&granted) {
            Ok(row) => Ok(Some(row)),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        },
    }
}

/// What an access is held on, and whether that is a name that somebody chose.
pub(super) fn scope_text(row: &GrantRow) -> (String, bool) {
    match (&row.scope, &row.database) {
        (GrantScope::Organization, _) => ("the organization".to_owned(), false),
        (GrantScope::AllDatabases, _) => ("all databases".to_owned(), false),
        (GrantScope::Database(_), Some(database)) => (database.name.to_string(), true),
        (GrantScope::Database(id), None) => (id.to_string(), true),
    }
}

/// The databases of the form or of the address, found; and what was wrong with the one that was named last.
pub(super) fn open_databases(
    visit: &Visit<'_>,
    sent: Option<&Sent>,
    rows: &[GrantRow],
) -> Result<(Vec<DatabaseRow>, String), Error> {
    let mut named: Vec<&str> = match sent {
        Some(sent) => sent.databases().collect(),
        None => visit.asked.query_all("database").collect(),
    };
    let asked = sent.and_then(|sent| sent.open.as_deref());
    named.extend(asked);
    if sent.is_none() && named.is_empty() {
        // The one database that is concerned, where it is one.
        let mut held = rows.iter().filter_map(|row| match &row.scope {
            GrantScope::Database(id) => Some(id.as_str()),
            _ => None,
        });
        if let Some(one) = held.next().filter(|one| held.all(|other| other == *one)) {
            named.push(one);
        }
    }
    let (mut open, mut problem) = (Vec::<DatabaseRow>::new(), String::new());
    for name in named {
        match find_database(visit, name)? {
            Some(row) if open.iter().any(|known| known.id == row.id) => {}
            Some(_) if open.len() == OPEN_MAX => {
                problem = format!("At most {OPEN_MAX} databases can be edited at a time: save first.");
            }
            Some(row) => open.push(row),
            None => {
                let name: String = name.chars().take(100).collect();
                problem = format!("There is no database {name:?}, or you may not see it.");
            }
        }
    }
    Ok((open, problem))
}

/// What others changed since the form was shown, scope by scope.
fn differences(sent: &Sent, now: &Grants, open: &[DatabaseRow]) -> Vec<Difference> {
    let scopes = [GrantScope::Organization, GrantScope::AllDatabases];
    let databases = open.iter().map(|row| GrantScope::Database(row.id.clone()));
    let mut found = Vec::new();
    for scope in scopes.into_iter().chain(databases) {
        let Some(was) = sent.was(&scope) else { continue };
        let is = now.at(&scope);
        if was == is {
            continue;
        }
        let name = open.iter().find(|row| row.id.as_str() == scope_key(&scope));
        found.push(Difference {
            on: match (&scope, name) {
                (GrantScope::Organization, _) => "the organization".to_owned(),
                (GrantScope::AllDatabases, _) => "all databases".to_owned(),
                (_, Some(row)) => row.name.to_string(),
                (GrantScope::Database(id), None) => id.to_string(),
            },
            on_name: matches!(scope, GrantScope::Database(_)),
            added: is.minus(was).names().join(", "),
            removed: was.minus(is).names().join(", "),
        });
    }
    found
}

/// The form that rotates a token.
pub(super) fn rotate_form(visit: &Visit<'_>, token: &TokenRow, chosen: &str, error: String) -> RotateForm {
    let base = token_address(visit, token.id.as_str());
    let overlaps = [
        ("0", "None: the old secret is refused at once"),
        ("3600", "1 hour"),
        ("86400", "1 day"),
        ("604800", "7 days"),
    ];
    RotateForm {
        action: format!("{base}/rotate"),
        csrf: visit.csrf(),
        once: visit.plane().fresh_secret().expose().clone(),
        error,
        overlaps: overlaps.map(|(seconds, words)| (seconds, words, seconds == chosen)).to_vec(),
        back: base,
    }
}

/// Why the viewer may not do an operation on the token of this path; empty when he may.
fn closed(visit: &Visit<'_>, operation: Operation) -> String {
    visit.may::<TokenAt>(operation).err().map(|missing| missing.0).unwrap_or_default()
}

/// Why the viewer may not hand the token over; empty when he may.
pub(super) fn why_not_hand_over(visit: &Visit<'_>, at: &Granted<TokenAt>) -> Result<String, Error> {
    let because = visit.plane().why_not_hand_over(visit.caller, at)?;
    Ok(because.map(|because| sentence(&because)).unwrap_or_default())
}

struct Boxes<'a> {
    visit: &'a Visit<'a>,
    organization: &'a OrganizationAt,
    token: &'a TokenRow,
    held: &'a Grants,
    closed: &'a str,
}

impl Boxes<'_> {
    fn at(&self, scope: &GrantScope, wanted: AccessSet, implied: AccessSet) -> Vec<Group> {
        let ticked = Ticked { scope, wanted, held: self.held.at(scope), implied };
        let principal = &self.visit.caller.principal;
        let mut groups = groups(principal, &self.organization.organization, self.token.expires_at, &ticked);
        if !self.closed.is_empty() {
            for one in groups.iter_mut().flat_map(|group| &mut group.boxes) {
                self.closed.clone_into(&mut one.reason);
            }
        }
        groups
    }

    fn why(&self, scope: &GrantScope) -> String {
        let principal = &self.visit.caller.principal;
        why(principal, &self.organization.organization, self.token.expires_at, scope)
    }
}

/// One line for each database that something is held on, by name.
fn lines(rows: &[GrantRow], visit: &Visit<'_>, open: &[DatabaseRow]) -> Vec<DatabaseLine> {
    rows.chunk_by(|one, other| one.scope == other.scope)
        .filter_map(|rows| {
            let GrantScope::Database(id) = &rows[0].scope else { return None };
            let (name, _) = scope_text(&rows[0]);
            let names: Vec<&str> = rows.iter().map(|row| row.access.name()).collect();
            Some(DatabaseLine {
                id: id.to_string(),
                address: visit.database_address(&name, id.as_str()),
                name,
                names: names.join(", "),
                open: open.iter().any(|row| row.id == *id),
            })
        })
        .collect()
}

fn was_lines(held: &Grants, open: &[(DatabaseRow, AccessSet)]) -> Vec<String> {
    let line = |scope: &GrantScope| format!("{} {}", scope_key(scope), held.at(scope).names().join(" "));
    let mut lines = vec![line(&GrantScope::Organization), line(&GrantScope::AllDatabases)];
    lines.extend(open.iter().map(|(row, _)| line(&GrantScope::Database(row.id.clone()))));
    lines
}

/// The id of the database whose accesses were asked for last, which is what people want to see; empty without one.
fn opened<'a>(shown: &Shown, error: &str, mut open: impl Iterator<Item = &'a DatabaseRow>) -> String {
    let Some(asked) = shown.sent.as_ref().and_then(|sent| sent.open.as_deref()).filter(|_| error.is_empty())
    else {
        return String::new();
    };
    let found = open.find(|row| row.id.as_str() == asked || row.name.as_str() == asked);
    found.map(|row| row.id.to_string()).unwrap_or_default()
}

/// The page of a token.
///
/// # Errors
/// When the store fails, or the token is gone.
pub(super) fn token_page(visit: &Visit<'_>, at: &Granted<TokenAt>, shown: Shown) -> Result<TokenPage, Error> {
    let plane = visit.plane();
    let row = plane.get_token(at)?;
    let rows = plane.list_token_accesses(at)?;
    let grants = held(&rows);
    let base = token_address(visit, row.id.as_str());

    let (open, open_error) = open_databases(visit, shown.sent.as_ref(), &rows)?;
    let differences = match &shown.sent {
        Some(sent) if shown.conflict => differences(sent, &grants, &open),
        _ => Vec::new(),
    };
    let mut ticks = match &shown.sent {
        Some(sent) => Ticks::sent(sent, &grants, open),
        None => Ticks::of(&grants, open),
    };
    let preset = match &shown.sent {
        Some(sent) => sent.preset,
        None => Preset::named(visit.asked.query("preset")),
    };
    if let Some(preset) = preset {
        ticks.preset(preset);
    }

    let change_closed = closed(visit, Operation::ReplaceServiceTokenGrants);
    let organization = OrganizationAt { organization: at.at().organization.clone() };
    let boxes =
        Boxes { visit, organization: &organization, token: &row, held: &grants, closed: &change_closed };
    let around_token = Around { visit, at, token: &row, grants: &grants, closed: &change_closed };
    let (refusals, more_refusals) = around_token.refusals()?;
    let (unused, more_unused) = around_token.unused(&rows);
    let databases: Vec<OpenDatabase> = ticks
        .databases
        .iter()
        .map(|(database, set)| OpenDatabase {
            id: database.id.to_string(),
            name: database.name.to_string(),
            why: boxes.why(&GrantScope::Database(database.id.clone())),
            groups: boxes.at(&GrantScope::Database(database.id.clone()), *set, ticks.all),
        })
        .collect();
    let choices = match visit.may::<OrganizationAt>(Operation::ListDatabases) {
        Err(_) => Vec::new(),
        Ok(granted) => {
            let first = Rows { number: 1, size: CHOICES };
            let (some, _) = plane.list_databases(visit.caller, &granted, "", first)?;
            some.iter().map(|row| row.name.to_string()).collect()
        }
    };
    let open_rows: Vec<DatabaseRow> = ticks.databases.iter().map(|(row, _)| row.clone()).collect();
    let opened = opened(&shown, &open_error, open_rows.iter());
    let typed = match shown.typed {
        Some(typed) => typed,
        None => Typed {
            name: row.name.clone().unwrap_or_default(),
            cidrs: row.cidrs.to_texts().join("\n"),
            confirm: shown.confirm,
            confirm_error: shown.confirm_error,
            ..Typed::default()
        },
    };

    let requests = plane.token_figures(at, Span::Day)?.total;

    let token = Token::new(visit, &row);
    let mut page = around(visit, Some(&token.name))?;
    let params = [visit.organization(), row.id.as_str()];
    page.api_call = Some(visit.api_call(Operation::GetServiceToken, &params, None));
    Ok(TokenPage {
        page,
        addresses: row.cidrs.to_texts().join(", "),
        overlap: row.previous_until.filter(|until| *until > plane.now()).map(|until| visit.when(until)),
        parent: row.parent.as_ref().map(ToString::to_string).unwrap_or_default(),
        parent_address: row.parent.as_ref().map(|id| token_address(visit, id.as_str())).unwrap_or_default(),
        refusals,
        more_refusals,
        unused,
        more_unused,
        requests: match (requests.count, requests.refusals) {
            (0, _) => "none".to_owned(),
            (count, 0) => format!("{count}, none refused"),
            (count, refused) => format!("{count}, {refused} refused"),
        },
        refused: shown.refused,
        conflict: shown.conflict,
        differences,
        unsaved: ticks.unsaved,
        etag: etag(&rows),
        was: was_lines(&grants, &ticks.databases),
        presets: Preset::ALL,
        organization: boxes.at(&GrantScope::Organization, ticks.organization, AccessSet::EMPTY),
        organization_why: boxes.why(&GrantScope::Organization),
        all_why: boxes.why(&GrantScope::AllDatabases),
        all: boxes.at(&GrantScope::AllDatabases, ticks.all, AccessSet::EMPTY),
        databases,
        lines: lines(&rows, visit, &open_rows),
        choices,
        opened,
        open: if open_error.is_empty() {
            String::new()
        } else {
            shown.sent.as_ref().and_then(|sent| sent.open.clone()).unwrap_or_default()
        },
        open_error,
        reaches: preview(at.at(), &ticks.grants(&grants), &visit.house.served, open_rows.iter()),
        closed: change_closed.clone(),
        typed,
        hand_over: why_not_hand_over(visit, at)?,
        rotate: rotate_form(visit, &row, "3600", String::new()),
        delete_closed: closed(visit, Operation::DeleteServiceToken),
        base,
        token,
    })
}
