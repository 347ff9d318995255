//! What the pages of the settings show.

use askama::Template;

use crate::layout::{Page, Pages, When};

/// General.
#[derive(Template)]
#[template(path = "settings/general.html")]
pub(super) struct General {
    pub(super) page: Page,
    pub(super) root: String,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) created: When,
    pub(super) databases: i64,
    /// Where the API is.
    pub(super) api: String,
    /// As it is, or as it was typed.
    pub(super) billing_email: String,
    pub(super) error: String,
    /// Why the viewer may not change anything; empty when he may.
    pub(super) may_not: String,
}

/// A region.
pub(super) struct Region {
    pub(super) name: String,
    pub(super) slug: String,
    pub(super) location: String,
    pub(super) provider: String,
    pub(super) addresses: Vec<String>,
    pub(super) default: bool,
    pub(super) enabled: bool,
}

/// A cluster size.
pub(super) struct Size {
    pub(super) name: String,
    pub(super) shown: String,
    pub(super) cpu: String,
    pub(super) memory: String,
    pub(super) pool: String,
    pub(super) connections: u32,
    /// Which branches may have it.
    pub(super) branches: &'static str,
    /// Which branches have it when none is asked for.
    pub(super) default: &'static str,
}

/// Regions and sizes.
#[derive(Template)]
#[template(path = "settings/regions.html")]
pub(super) struct Regions {
    pub(super) page: Page,
    pub(super) regions: Vec<Region>,
    pub(super) sizes: Vec<Size>,
}

/// A role that somebody can have.
pub(super) struct RoleChoice {
    pub(super) value: &'static str,
    pub(super) name: &'static str,
    pub(super) hint: &'static str,
    pub(super) chosen: bool,
}

/// A member.
pub(super) struct Member {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) role: &'static str,
    pub(super) roles: Vec<RoleChoice>,
    pub(super) since: When,
    /// It is the viewer.
    pub(super) own: bool,
    /// His account is closed.
    pub(super) closed: bool,
}

/// The members.
#[derive(Template)]
#[template(path = "settings/members.html")]
pub(super) struct Members {
    pub(super) page: Page,
    pub(super) root: String,
    pub(super) members: Vec<Member>,
    pub(super) pages: Pages,
    pub(super) search: String,
    /// The line that adds somebody.
    pub(super) command: String,
    /// Why the viewer may change nobody's role; empty when he may.
    pub(super) may_not_change: String,
    /// Why the viewer may remove nobody; empty when he may.
    pub(super) may_not_remove: String,
}

/// What was wrong with what was wanted with a member.
#[derive(Default)]
pub(super) struct MemberErrors {
    pub(super) role: String,
    pub(super) remove: String,
}

/// One member.
#[derive(Template)]
#[template(path = "settings/member.html")]
pub(super) struct MemberPage {
    pub(super) page: Page,
    pub(super) action: String,
    pub(super) organization: String,
    pub(super) member: Member,
    pub(super) errors: MemberErrors,
    pub(super) delete_service_tokens: bool,
    pub(super) delete_passwords: bool,
    pub(super) may_not_change: String,
    pub(super) may_not_remove: String,
}

/// An entry of the audit log.
pub(super) struct Entry {
    pub(super) actor: String,
    pub(super) actor_id: String,
    pub(super) actor_kind: &'static str,
    pub(super) what: String,
    pub(super) target: String,
    pub(super) target_kind: String,
    pub(super) target_id: String,
    pub(super) of: String,
    pub(super) of_kind: String,
    pub(super) of_id: String,
    pub(super) action: String,
    pub(super) at: When,
    /// The time where the viewer is at home; empty when that is UTC.
    pub(super) local: String,
    pub(super) from: String,
    pub(super) request: String,
    pub(super) id: String,
    pub(super) place: i64,
    pub(super) metadata: String,
}

/// Something that the log can be narrowed to.
pub(super) struct Narrowing {
    pub(super) value: String,
    pub(super) text: String,
    pub(super) chosen: bool,
}

/// What a look at the whole log has found.
pub(super) struct Verdict {
    /// `success`, `warning` or `danger`.
    pub(super) kind: &'static str,
    pub(super) title: String,
    pub(super) lines: Vec<String>,
}

/// The audit log.
#[derive(Template)]
#[template(path = "settings/audit_log.html")]
pub(super) struct AuditLog {
    pub(super) page: Page,
    pub(super) root: String,
    pub(super) entries: Vec<Entry>,
    pub(super) actors: Vec<Narrowing>,
    pub(super) actions: Vec<Narrowing>,
    pub(super) narrowed: bool,
    pub(super) pages: Pages,
    pub(super) verdict: Option<Verdict>,
}
