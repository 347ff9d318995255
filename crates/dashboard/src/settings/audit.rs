//! The audit log: looking at it, and checking that nobody has changed it.

use axum::http::StatusCode;
use bough_control::Error;
use bough_control::audit::{ChainReport, Cursor, CursorPage, EventRow};
use bough_control::model::{ActorKind, ActorRef, AuditEventId, TimeZoneName};
use bough_policy::{Granted, Operation, OrganizationAt};

use super::around;
use super::view::{AuditLog, Entry, Narrowing, Verdict};
use crate::answer::Answer;
use crate::layout::{Pages, escaped, sentence};
use crate::visit::Visit;

/// Entries on a page.
const PAGE_SIZE: u32 = 25;
/// Longest filter, in characters.
const FILTER_MAX: usize = 200;
/// Most choices of a filter.
const CHOICES_MAX: usize = 200;

/// Kinds as people call them.
const fn kind(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::User => "person",
        ActorKind::ServiceToken => "service token",
        ActorKind::Operator => "operator of this server",
        ActorKind::System => "Bough",
    }
}

/// What was done, in words, up to the name of what it was done to: of `database_branch.created` on a
/// branch, "created database branch"; of `organization.removed_member` on a person, "removed member: user".
fn in_words(action: &str, target_kind: &str) -> String {
    let (thing, verb) = action.split_once('.').unwrap_or(("", action));
    let (thing, verb) = (thing.replace('_', " "), verb.replace(['_', '.'], " "));
    match (thing == target_kind, verb.contains(' ')) {
        (true, false) => format!("{verb} {thing}"),
        (_, true) => format!("{verb}: {target_kind}"),
        (false, false) => format!("{verb} {thing}: {target_kind}"),
    }
}

/// A kind of thing in words: of `DatabaseBranch`, "database branch".
fn thing(kind: &str) -> String {
    let mut words = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

fn entry(visit: &Visit<'_>, row: &EventRow) -> Entry {
    let zone = &visit.visitor.user.time_zone;
    let metadata = serde_json::from_str::<serde_json::Value>(&row.metadata)
        .ok()
        .filter(|value| value.as_object().is_none_or(|fields| !fields.is_empty()))
        .and_then(|value| serde_json::to_string_pretty(&value).ok());
    let target_kind = thing(&row.target.kind);
    Entry {
        actor: row.actor.display_name.clone(),
        actor_id: row.actor.id.clone(),
        actor_kind: kind(row.actor.kind),
        what: in_words(&row.action, &target_kind),
        target: row.target.name.clone(),
        target_kind,
        target_id: row.target.id.clone(),
        of: row.auditable.name.clone(),
        of_kind: thing(&row.auditable.kind),
        of_id: row.auditable.id.clone(),
        action: row.action.clone(),
        at: visit.when(row.created_at),
        local: if *zone == TimeZoneName::utc() { String::new() } else { zone.local(row.created_at) },
        from: row.remote_ip.clone().unwrap_or_default(),
        request: row.request_id.clone().unwrap_or_default(),
        id: row.id.to_string(),
        place: row.seq,
        metadata: metadata.unwrap_or_default(),
    }
}

/// The choices of a filter, with the one that is on even when it is none of them.
fn narrowings(choices: impl Iterator<Item = (String, String)>, chosen: &str) -> Vec<Narrowing> {
    let mut all: Vec<Narrowing> = choices
        .take(CHOICES_MAX)
        .map(|(value, text)| Narrowing { chosen: value == chosen, value, text })
        .collect();
    if !chosen.is_empty() && !all.iter().any(|each| each.chosen) {
        all.push(Narrowing { value: chosen.to_owned(), text: chosen.to_owned(), chosen: true });
    }
    all
}

fn actor_choice(actor: ActorRef) -> (String, String) {
    let name = if actor.kind == ActorKind::User {
        actor.display_name
    } else {
        format!("{} ({})", actor.display_name, kind(actor.kind))
    };
    (actor.id, name)
}

/// What the query asks for.
struct Wanted {
    actor: String,
    action: String,
    older_than: Option<AuditEventId>,
    newer_than: Option<AuditEventId>,
}

impl Wanted {
    fn of(visit: &Visit<'_>) -> Self {
        let text = |name| visit.asked.query(name).chars().take(FILTER_MAX).collect::<String>();
        Self {
            actor: text("actor"),
            action: text("action"),
            older_than: AuditEventId::parse(&text("older_than")),
            newer_than: AuditEventId::parse(&text("newer_than")),
        }
    }

    fn cursor(&self) -> Cursor {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Cursor {
            after: self.older_than.clone(),
            before: self.newer_than.clone().filter(|_| self.older_than.is_none()),
            actions: some(&self.action).into_iter().collect(),
            actor: some(&self.actor),
            limit: PAGE_SIZE,
        }
    }

    fn address(&self, root: &str, beside: &str, id: Option<&AuditEventId>) -> String {
        let mut address = format!("{root}?");
        for (name, value) in [("actor", &self.actor), ("action", &self.action)] {
            if !value.is_empty() {
                address.push_str(&format!("{name}={}&", escaped(value)));
            }
        }
        match id {
            Some(id) => format!("{address}{beside}={id}"),
            None => address,
        }
    }
}

/// The log.
pub(crate) fn list(visit: &Visit<'_>, at: Granted<OrganizationAt>) -> Result<Answer, Error> {
    shown(visit, &at, StatusCode::OK, None)
}

fn shown(
    visit: &Visit<'_>,
    at: &Granted<OrganizationAt>,
    status: StatusCode,
    verdict: Option<Verdict>,
) -> Result<Answer, Error> {
    let root = format!("/{}/settings/audit-log", visit.organization());
    let wanted = Wanted::of(visit);
    let found = readable(visit, visit.plane().list_audit_events(at, wanted.cursor()))?;
    let recent = readable(visit, visit.plane().recent_audit_actors(at))?.unwrap_or_default();
    let verdict = if found.is_none() && verdict.is_none() { Some(unreadable()) } else { verdict };
    let found = found.unwrap_or(CursorPage { events: Vec::new(), has_next: false, has_prev: false });
    let (newest, oldest) = (found.events.first(), found.events.last());
    let newer = newest.filter(|_| found.has_prev).map(|event| &event.id);
    let older = oldest.filter(|_| found.has_next).map(|event| &event.id);
    let to = |beside, id: Option<&AuditEventId>| match id {
        Some(id) => wanted.address(&root, beside, Some(id)),
        None => String::new(),
    };
    let text = match (newest, oldest) {
        (Some(newest), Some(oldest)) => {
            format!("{} entries, of numbers {} to {}", found.events.len(), oldest.seq, newest.seq)
        }
        _ => "no entries".to_owned(),
    };
    let pages = Pages { previous: to("newer_than", newer), next: to("older_than", older), text };
    let mut page = around(visit, "/audit-log", None)?;
    page.api_call = Some(visit.api_call(Operation::ListAuditLogs, &[visit.organization()], None));
    if verdict.is_some() {
        page.address.clone_from(&root);
    }
    let actions = recent.actions.into_iter().map(|action| (action.clone(), action));
    Answer::page_with(
        status,
        &AuditLog {
            page,
            entries: found.events.iter().map(|event| entry(visit, event)).collect(),
            actors: narrowings(recent.actors.into_iter().map(actor_choice), &wanted.actor),
            actions: narrowings(actions, &wanted.action),
            narrowed: !wanted.actor.is_empty() || !wanted.action.is_empty(),
            pages,
            verdict,
            root,
        },
    )
}

/// What was read of the log; `None` where it is damaged. Damage is what its page is there to show, so the page
/// is not lost for it.
fn readable<T>(visit: &Visit<'_>, read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(Error::Internal(why)) => {
            tracing::error!(organization = visit.organization(), why, "the audit log cannot be read");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn unreadable() -> Verdict {
    Verdict {
        kind: "danger",
        title: "An entry on this page of the log cannot be read".to_owned(),
        lines: vec![
            "Something has changed it, or the store, other than through Bough. Verify chain says which entry it \
             is, as far as it can; bough audit verify tells everything. Filters may show the entries around it."
                .to_owned(),
        ],
    }
}

fn verdict(organization: &str, report: &ChainReport) -> Verdict {
    let entries = match report.entries {
        1 => "1 entry was checked".to_owned(),
        many => format!("{many} entries were checked"),
    };
    let mut lines = Vec::new();
    if !report.problems.is_empty() {
        lines.extend(report.problems.iter().map(|problem| sentence(problem)));
        if !report.whole {
            lines.push(
                "The check ended there: more may be wrong. bough audit verify tells everything.".to_owned(),
            );
        }
        lines.push(
            "Keep the data directory as it is, and compare it with a backup: somebody or something has \
             changed files of this server other than through Bough."
                .to_owned(),
        );
        let title = format!("The log of {organization} is not what was written ({entries})");
        return Verdict { kind: "danger", title, lines };
    }
    if !report.whole {
        lines.push(
            "The log is too long to be checked whole while you wait. Whoever runs this server can: \
             bough audit verify."
                .to_owned(),
        );
        return Verdict { kind: "warning", title: format!("The first {entries} and are sound"), lines };
    }
    match report.entries - report.anchored {
        ..=0 => lines.push("All of them stand in the record that is kept outside the store.".to_owned()),
        1 => lines.push(
            "The last of them is not in the record that is kept outside the store yet: it is written every few \
             seconds. That it is the last one cannot be told until then."
                .to_owned(),
        ),
        young => lines.push(format!(
            "{young} of them are not in the record that is kept outside the store yet: it is written every \
             few seconds. That they are the last ones cannot be told until then."
        )),
    }
    Verdict { kind: "success", title: format!("The log is what was written: {entries}"), lines }
}

/// Checks the log.
pub(crate) fn verify(visit: &Visit<'_>, at: Granted<OrganizationAt>) -> Result<Answer, Error> {
    visit.asked.form.only(&[])?;
    match visit.plane().verify_audit_log(&at) {
        Ok(report) => {
            if !report.problems.is_empty() {
                tracing::error!(
                    organization = visit.organization(),
                    problems = ?report.problems,
                    "the audit log is not what was written"
                );
            }
            shown(visit, &at, StatusCode::OK, Some(verdict(visit.organization(), &report)))
        }
        Err(Error::Unavailable(why)) => {
            let busy = Verdict { kind: "warning", title: sentence(&why), lines: Vec::new() };
            shown(visit, &at, StatusCode::SERVICE_UNAVAILABLE, Some(busy))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_and_kinds_are_told_in_words() {
        assert_eq!(in_words("database_branch.created", "database branch"), "created database branch");
        assert_eq!(in_words("organization.removed_member", "user"), "removed member: user");
        assert_eq!(in_words("organization.left", "user"), "left organization: user");
        let grants = in_words("service_token.updated_bulk_database_access", "service token");
        assert_eq!(grants, "updated bulk database access: service token");
        assert_eq!(thing("DatabaseBranch"), "database branch");
        assert_eq!(thing("User"), "user");
    }

    #[test]
    fn a_verdict_says_how_far_it_goes() {
        let report = |entries, anchored, whole, problems: &[&str]| ChainReport {
            entries,
            anchored,
            whole,
            problems: problems.iter().map(ToString::to_string).collect(),
        };
        let told = |report| {
            let verdict = verdict("acme", &report);
            (verdict.kind, format!("{} {}", verdict.title, verdict.lines.join(" ")))
        };
        let (kind, text) = told(report(7, 7, true, &[]));
        assert_eq!(kind, "success");
        assert!(text.contains("7 entries were checked All of them"), "{text}");
        let (kind, text) = told(report(7, 5, true, &[]));
        assert_eq!(kind, "success");
        assert!(text.contains("2 of them"), "{text}");
        let (kind, text) = told(report(1_000, 1_000, false, &[]));
        assert_eq!(kind, "warning");
        assert!(text.contains("The first 1000 entries were checked and are sound"), "{text}");
        let (kind, text) = told(report(7, 5, true, &["entry 3 was changed"]));
        assert_eq!(kind, "danger");
        assert!(text.contains("Entry 3 was changed."), "{text}");
    }
}
