//! What the pages of service tokens show.

use askama::Template;
use bough_control::Error;
use bough_control::service_tokens::TokenRow;
use bough_policy::{Operation, OrganizationAt};

use super::accesses::{Group, Preset};
use super::preview::Reach;
use super::refusals::{Refusal, Unused};
use crate::chart::Chart;
use crate::layout::{Link, Page, Pages, When, escaped};
use crate::settings;
use crate::visit::Visit;

/// Tokens on a page of the list.
pub(super) const PAGE_SIZE: u32 = 25;

/// The address of the list.
pub(super) fn list_address(visit: &Visit<'_>) -> String {
    format!("/{}/settings/service-tokens", visit.organization())
}

/// The surroundings of a page of service tokens: of the list, or of what stands `below` it.
pub(super) fn around(visit: &Visit<'_>, below: Option<&str>) -> Result<Page, Error> {
    settings::around(visit, "/service-tokens", below)
}

/// A token as lists and headings show it.
pub(crate) struct Token {
    pub(crate) id: String,
    /// What it is called: its name, or its id where it has none.
    pub(crate) name: String,
    pub(crate) creator: String,
    pub(crate) created: When,
    pub(crate) used: Option<When>,
    pub(crate) expires: Option<When>,
    pub(crate) expired: bool,
    pub(crate) soon: bool,
}

impl Token {
    pub(super) fn new(visit: &Visit<'_>, row: &TokenRow) -> Self {
        let (now, soon) = (visit.plane().now(), visit.plane().soon());
        let expired = row.expires_at.is_some_and(|ends| ends <= now);
        Self {
            id: row.id.to_string(),
            name: row.name.clone().unwrap_or_else(|| row.id.to_string()),
            creator: row.creator.display_name.clone(),
            created: visit.when(row.created_at),
            used: row.last_used_at.map(|at| visit.when(at)),
            expires: row.expires_at.map(|at| visit.when(at)),
            expired,
            soon: !expired && row.expires_at.is_some_and(|ends| ends <= soon),
        }
    }
}

/// The list.
#[derive(Template)]
#[template(path = "service_tokens/list.html")]
pub(crate) struct ListPage {
    pub(crate) page: Page,
    pub(crate) tokens: Vec<Token>,
    /// Which are shown: all, unused, those that end soon.
    pub(crate) filters: Vec<Link>,
    /// The filter that is on, for the form of the search.
    pub(crate) show: &'static str,
    pub(crate) search: String,
    /// Whether anything narrows the list, and whether there is anything in it, on this page or another.
    pub(crate) narrowed: bool,
    pub(crate) found: bool,
    pub(crate) pages: Pages,
    pub(crate) new: NewForm,
    /// Why the viewer may not make one; empty when he may.
    pub(crate) closed: String,
}

/// The form of a new token.
#[derive(Default)]
pub(crate) struct NewForm {
    pub(crate) action: String,
    pub(crate) csrf: String,
    pub(crate) once: String,
    pub(crate) name: String,
    pub(crate) expires: String,
    pub(crate) expires_hint: String,
    pub(crate) name_error: String,
    pub(crate) expires_error: String,
    /// What was wrong with the form as a whole.
    pub(crate) refused: String,
}

impl NewForm {
    pub(super) fn of(visit: &Visit<'_>) -> Self {
        Self {
            action: list_address(visit),
            csrf: visit.csrf(),
            once: visit.plane().fresh_secret().expose().clone(),
            expires_hint: format!(
                "Its last day, in your time zone ({}). Without one it never expires.",
                visit.visitor.user.time_zone
            ),
            ..Self::default()
        }
    }
}

/// The form on a page of its own.
#[derive(Template)]
#[template(path = "service_tokens/new.html")]
pub(crate) struct NewPage {
    pub(crate) page: Page,
    pub(crate) new: NewForm,
}

/// A secret, shown once.
#[derive(Template)]
#[template(path = "service_tokens/secret.html")]
pub(crate) struct SecretPage {
    pub(crate) page: Page,
    /// Which part of a page it takes the place of.
    pub(crate) fragment: &'static str,
    pub(crate) title: &'static str,
    /// What else is to be said.
    pub(crate) remark: String,
    /// Not `id`: macros of the parts have a parameter of that name.
    pub(crate) token_id: String,
    pub(crate) secret: String,
    pub(crate) export: String,
    pub(crate) curl: String,
    /// The token's own page, and the list.
    pub(crate) address: String,
    pub(crate) permissions: bool,
    pub(crate) list: String,
}

/// The form that rotates.
pub(crate) struct RotateForm {
    pub(crate) action: String,
    pub(crate) csrf: String,
    pub(crate) once: String,
    pub(crate) error: String,
    /// Seconds, words, and whether it is chosen.
    pub(crate) overlaps: Vec<(&'static str, &'static str, bool)>,
    pub(crate) back: String,
}

/// The form that rotates, on a page of its own.
#[derive(Template)]
#[template(path = "service_tokens/rotate.html")]
pub(crate) struct RotatePage {
    pub(crate) page: Page,
    pub(crate) rotate: RotateForm,
    /// Why the viewer may not; empty when he may.
    pub(crate) closed: String,
}

/// A database that the token holds something on.
pub(crate) struct DatabaseLine {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) names: String,
    /// Its boxes are shown.
    pub(crate) open: bool,
}

/// A database whose boxes are shown.
pub(crate) struct OpenDatabase {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Why the viewer may not change some of them; empty when he may change each.
    pub(crate) why: String,
    pub(crate) groups: Vec<Group>,
}

/// What was typed into the forms beside the accesses, and what was wrong with it.
#[derive(Default)]
pub(crate) struct Typed {
    pub(crate) name: String,
    pub(crate) cidrs: String,
    pub(crate) name_error: String,
    pub(crate) cidrs_error: String,
    pub(crate) confirm: String,
    pub(crate) confirm_error: String,
}

/// Somebody changed the accesses meanwhile: who did what to which is told scope by scope.
pub(crate) struct Difference {
    pub(crate) on: String,
    pub(crate) on_name: bool,
    pub(crate) added: String,
    pub(crate) removed: String,
}

/// Where a token is, and what it may: its page.
#[derive(Template)]
#[template(path = "service_tokens/token.html")]
pub(crate) struct TokenPage {
    pub(crate) page: Page,
    pub(crate) base: String,
    pub(crate) token: Token,
    pub(crate) addresses: String,
    /// Until when the secret before the last rotation works.
    pub(crate) overlap: Option<When>,
    /// The token that made it, where one did.
    pub(crate) parent: String,
    pub(crate) parent_address: String,

    pub(crate) refusals: Vec<Refusal>,
    pub(crate) more_refusals: i64,
    pub(crate) unused: Vec<Unused>,
    pub(crate) more_unused: usize,

    /// Its requests of the last day, in words.
    pub(crate) requests: String,

    /// What was wrong with the form of accesses.
    pub(crate) refused: String,
    pub(crate) conflict: bool,
    pub(crate) differences: Vec<Difference>,
    /// The ticks differ from what is held.
    pub(crate) unsaved: bool,
    pub(crate) etag: String,
    /// What is held at each scope of the form.
    pub(crate) was: Vec<String>,
    pub(crate) presets: &'static [Preset],
    pub(crate) organization: Vec<Group>,
    pub(crate) organization_why: String,
    pub(crate) all: Vec<Group>,
    pub(crate) all_why: String,
    pub(crate) databases: Vec<OpenDatabase>,
    pub(crate) lines: Vec<DatabaseLine>,
    /// Names of databases to choose from.
    pub(crate) choices: Vec<String>,
    pub(crate) open: String,
    pub(crate) open_error: String,
    /// The id of the database whose accesses were asked for last.
    pub(crate) opened: String,
    pub(crate) reaches: Vec<Reach>,
    /// Why the viewer may change nothing; empty when he may.
    pub(crate) closed: String,

    pub(crate) typed: Typed,
    /// Why he may not rotate it, adopt it, or change where it may come from.
    pub(crate) hand_over: String,
    pub(crate) rotate: RotateForm,
    /// Why he may not delete it.
    pub(crate) delete_closed: String,
}

/// The requests of a token, as charts.
#[derive(Template)]
#[template(path = "service_tokens/requests.html")]
pub(crate) struct RequestsPage {
    pub(crate) page: Page,
    pub(crate) back: String,
    pub(crate) day: [Chart; 2],
    pub(crate) month: [Chart; 2],
}

/// What can be done with what is ticked, alone.
#[derive(Template)]
#[template(path = "service_tokens/preview_part.html")]
pub(crate) struct PreviewPart {
    pub(crate) reaches: Vec<Reach>,
}

/// Why the viewer may not make a token; empty when he may.
pub(super) fn why_not_create(visit: &Visit<'_>) -> String {
    visit
        .may::<OrganizationAt>(Operation::CreateServiceToken)
        .err()
        .map(|missing| missing.0)
        .unwrap_or_default()
}

/// The address of a token's page.
pub(super) fn token_address(visit: &Visit<'_>, id: &str) -> String {
    format!("{}/{}", list_address(visit), escaped(id))
}
