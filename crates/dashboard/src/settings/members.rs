//! Members: what they are, taking somebody out, leaving.

use axum::http::StatusCode;
use bough_control::model::{Actor, Role, UserId};
use bough_control::organizations::MembershipRow;
use bough_control::people::RemoveMember;
use bough_control::{Error, Page as Rows};
use bough_policy::{Granted, MemberAt, Operation, OrganizationAt};

use super::around;
use super::view::{Member, MemberErrors, MemberPage, Members, RoleChoice};
use crate::answer::Answer;
use crate::databases::reason;
use crate::layout::{Pages, sentence};
use crate::visit::Visit;

/// Members on a page.
const PAGE_SIZE: u32 = 25;
/// Longest search, in characters.
const SEARCH_MAX: usize = 200;

/// What there is to be: the word, what it is called, what it means.
const ROLES: [(Role, &str, &str); 3] = [
    (Role::Admin, "Administrator", "Everything in the organization."),
    (
        Role::Analyst,
        "Analyst",
        "As a member; also reads production branches, with passwords that only read, and sees their connections.",
    ),
    (Role::Member, "Member", "Development branches, service tokens for them, reading everything else."),
];

/// What a role is called.
pub(crate) fn role_name(role: Role) -> &'static str {
    ROLES.iter().find(|(known, ..)| *known == role).map_or("Member", |(_, name, _)| name)
}

fn is_viewer(visit: &Visit<'_>, user: &UserId) -> bool {
    matches!(visit.caller.principal.actor(), Actor::User(id) if id == user)
}

fn member(visit: &Visit<'_>, row: &MembershipRow) -> Member {
    let choice = |(role, name, hint): (Role, &'static str, &'static str)| RoleChoice {
        value: role.as_str(),
        name,
        hint,
        chosen: role == row.role,
    };
    Member {
        id: row.user.id.to_string(),
        name: row.user.name.clone(),
        email: row.user.email.clone(),
        role: role_name(row.role),
        roles: ROLES.into_iter().map(choice).collect(),
        since: visit.when(row.created_at),
        own: is_viewer(visit, &row.user.id),
        closed: row.user.disabled_at.is_some(),
    }
}

fn list_address(visit: &Visit<'_>) -> String {
    format!("/{}/settings/members", visit.organization())
}

/// Why somebody may not do to members what the policy decides for each of them; the viewer himself may
/// always leave. Decided for nobody in particular.
fn closed(visit: &Visit<'_>, at: &OrganizationAt, operation: Operation) -> String {
    reason(visit.may_in(at, operation))
}

/// The list.
pub(crate) fn list(visit: &Visit<'_>, at: Granted<OrganizationAt>) -> Result<Answer, Error> {
    let search: String = visit.asked.query("q").chars().take(SEARCH_MAX).collect();
    let rows = Rows { number: visit.asked.page_number(), size: PAGE_SIZE };
    let (rows, total) = visit.plane().list_members(&at, &search, rows)?;
    let mut page = around(visit, "/members", None)?;
    page.api_call = Some(visit.api_call(Operation::ListOrganizationMembers, &[visit.organization()], None));
    let organization = visit.organization();
    Answer::page(&Members {
        page,
        root: list_address(visit),
        members: rows.iter().map(|row| member(visit, row)).collect(),
        pages: Pages::of(visit.asked, PAGE_SIZE, rows.len(), total),
        search,
        command: format!(
            "bough admin user create EMAIL --name 'NAME'\n\
             bough admin member add EMAIL --organization {organization} --role member"
        ),
        may_not_change: closed(visit, at.at(), Operation::UpdateOrganizationMembership),
        may_not_remove: closed(visit, at.at(), Operation::RemoveOrganizationMember),
    })
}

/// One member.
pub(crate) fn show(visit: &Visit<'_>, at: Granted<MemberAt>) -> Result<Answer, Error> {
    shown(visit, &at, MemberErrors::default())
}

fn shown(visit: &Visit<'_>, at: &Granted<MemberAt>, errors: MemberErrors) -> Result<Answer, Error> {
    let member = member(visit, &visit.plane().get_member(at)?);
    let mut page = around(visit, "/members", Some(&member.name))?;
    let action = format!("{}/{}", list_address(visit), member.id);
    page.address.clone_from(&action);
    let names = [visit.organization(), member.id.as_str()];
    page.api_call = Some(visit.api_call(Operation::GetOrganizationMembership, &names, None));
    let status = match (errors.role.is_empty(), errors.remove.is_empty()) {
        (true, true) => StatusCode::OK,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let form = &visit.asked.form;
    let shown = MemberPage {
        page,
        action,
        organization: visit.organization().to_owned(),
        errors,
        delete_service_tokens: form.ticked("delete_service_tokens"),
        delete_passwords: form.ticked("delete_passwords"),
        may_not_change: reason(visit.may::<MemberAt>(Operation::UpdateOrganizationMembership)),
        may_not_remove: reason(visit.may::<MemberAt>(Operation::RemoveOrganizationMember)),
        member,
    };
    Answer::page_with(status, &shown)
}

/// Changes what somebody is.
pub(crate) fn set_role(visit: &Visit<'_>, at: Granted<MemberAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["role"])?;
    let refused = |role: String| shown(visit, &at, MemberErrors { role, ..MemberErrors::default() });
    let Some(role) = Role::parse(form.get("role")) else {
        return refused("Choose one of these roles.".to_owned());
    };
    match visit.plane().set_role(visit.caller, &at, role) {
        Ok(row) => {
            let article = if role == Role::Member { "a" } else { "an" };
            let word = role_name(row.role).to_lowercase();
            Ok(Answer::see(list_address(visit)).saying(format!("{} is {article} {word} now.", row.user.name)))
        }
        Err(Error::Invalid(why) | Error::Forbidden(why)) => refused(sentence(&why)),
        Err(error) => Err(error),
    }
}

/// Takes somebody out, or lets him go.
pub(crate) fn remove(visit: &Visit<'_>, at: Granted<MemberAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["delete_passwords", "delete_service_tokens"])?;
    let row = visit.plane().get_member(&at)?;
    let wanted = RemoveMember {
        delete_passwords: form.ticked("delete_passwords"),
        delete_service_tokens: form.ticked("delete_service_tokens"),
    };
    match visit.plane().remove_member(visit.caller, &at, wanted) {
        Ok(()) if is_viewer(visit, &row.user.id) => {
            Ok(Answer::see("/").saying(format!("You have left {}.", visit.organization())))
        }
        Ok(()) => {
            let tokens = match (wanted.delete_service_tokens, wanted.delete_passwords) {
                (true, true) => "The service tokens and passwords that he or she had made were deleted.",
                (true, false) => "The service tokens that he or she had made were deleted; passwords stay.",
                (false, true) => "The passwords that he or she had made were deleted; service tokens stay.",
                (false, false) => "The service tokens and passwords that he or she had made stay.",
            };
            let said = format!("{} is no member any more. {tokens}", row.user.name);
            Ok(Answer::see(list_address(visit)).saying(said))
        }
        Err(Error::Invalid(why)) => {
            shown(visit, &at, MemberErrors { remove: sentence(&why), ..MemberErrors::default() })
        }
        Err(error) => Err(error),
    }
}
