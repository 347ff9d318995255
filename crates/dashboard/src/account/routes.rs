//! What people do with their own accounts.

use axum::http::StatusCode;
use bough_control::model::{Secret, SessionId, TimeZoneName};
use bough_control::people::{LoginRefused, SessionRow, UpdateAccount};
use bough_control::{Error, Page as Rows};
use bough_policy::{Granted, Nowhere, Operation, Principal};

use super::agent::told;
use super::view::{Account, Errors, Membership, Part, Session, Zone};
use crate::answer::Answer;
use crate::cookies;
use crate::layout::{Crumb, sentence};
use crate::settings::members::role_name;
use crate::visit::Visit;

const ADDRESS: &str = "/account";
/// Most sessions that are shown.
const SESSIONS_SHOWN: usize = 50;
/// Most organizations that are shown.
const ORGANIZATIONS_SHOWN: u32 = 100;

/// The account.
pub(crate) fn show(visit: &Visit<'_>, at: Granted<Nowhere>) -> Result<Answer, Error> {
    shown(visit, &at, StatusCode::OK, Errors::default(), None)
}

/// All zones, by parts of the world; those that are in none come last.
fn zones(chosen: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut other = Vec::new();
    for zone in TimeZoneName::all() {
        let zone = Zone { chosen: zone.as_str() == chosen, name: zone.to_string() };
        match zone.name.split_once('/') {
            None => other.push(zone),
            Some((part, _)) => match parts.last_mut().filter(|last| last.name == part) {
                Some(last) => last.zones.push(zone),
                None => parts.push(Part { name: part.to_owned(), zones: vec![zone] }),
            },
        }
    }
    parts.push(Part { name: "Other".to_owned(), zones: other });
    parts
}

fn session(visit: &Visit<'_>, row: &SessionRow) -> Session {
    Session {
        id: row.id.to_string(),
        browser: told(&row.user_agent),
        agent: row.user_agent.clone(),
        address: row.remote_ip.clone(),
        begun: visit.when(row.created_at),
        used: visit.when(row.last_seen_at),
        ends: visit.when(row.ends_at),
        current: visit.caller.session.as_ref() == Some(&row.id),
    }
}

fn memberships(visit: &Visit<'_>) -> Result<Vec<Membership>, Error> {
    let at = visit.oneself(Operation::ListOrganizations)?;
    let rows = Rows { number: 1, size: ORGANIZATIONS_SHOWN };
    let (rows, _) = visit.plane().list_organizations(visit.caller, &at, rows)?;
    let Principal::User { standings, .. } = visit.caller.principal.as_ref() else { return Ok(Vec::new()) };
    let role = |id| standings.get(id).map_or("", |standing| role_name(standing.role));
    Ok(rows.iter().map(|row| Membership { name: row.name.to_string(), role: role(&row.id) }).collect())
}

/// The account as it is, or with what was typed into the profile and what is wrong.
fn shown(
    visit: &Visit<'_>,
    _: &Granted<Nowhere>,
    status: StatusCode,
    errors: Errors,
    typed: Option<(&str, &str)>,
) -> Result<Answer, Error> {
    let own = visit.oneself(Operation::GetCurrentUser)?;
    let row = visit.plane().current_user(visit.caller, &own)?;
    let mut sessions = visit.plane().list_sessions(visit.caller, &own)?;
    // The one that looks comes first, however many there are.
    sessions.sort_by_key(|row| visit.caller.session.as_ref() != Some(&row.id));
    let hidden = sessions.len().saturating_sub(SESSIONS_SHOWN);
    let others = sessions.len().saturating_sub(1);
    sessions.truncate(SESSIONS_SHOWN);
    let mut page = visit.page("My account")?;
    ADDRESS.clone_into(&mut page.address);
    page.crumbs = vec![Crumb::new("My account", "")];
    page.api_call = Some(visit.api_call(Operation::GetCurrentUser, &[], None));
    let (name, zone) = typed.unwrap_or((row.name.as_str(), row.time_zone.as_str()));
    let shown = Account {
        page,
        email: row.email.clone(),
        name: name.to_owned(),
        parts: zones(zone),
        local: row.time_zone.local(visit.plane().now()),
        errors,
        sessions: sessions.iter().map(|row| session(visit, row)).collect(),
        hidden,
        others,
        memberships: memberships(visit)?,
    };
    Answer::page_with(status, &shown)
}

/// Changes name and time zone.
pub(crate) fn save(visit: &Visit<'_>, at: Granted<Nowhere>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["name", "time_zone"])?;
    let (name, zone) = (form.get("name").trim(), form.get("time_zone").trim());
    let refused = |errors| shown(visit, &at, StatusCode::UNPROCESSABLE_ENTITY, errors, Some((name, zone)));
    if TimeZoneName::parse(zone).is_none() {
        let time_zone = "Choose one of the time zones of the list.".to_owned();
        return refused(Errors { time_zone, ..Errors::default() });
    }
    let wanted = UpdateAccount { name: Some(name.to_owned()), time_zone: Some(zone.to_owned()) };
    match visit.plane().update_account(visit.caller, &at, &wanted) {
        Ok(_) => Ok(Answer::see(ADDRESS).saying("Your profile was saved.")),
        Err(Error::Invalid(why)) => refused(Errors { name: sentence(&why), ..Errors::default() }),
        Err(error) => Err(error),
    }
}

/// Changes the password.
pub(crate) fn change_password(visit: &Visit<'_>, at: Granted<Nowhere>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["username", "current_password", "new_password", "new_password_again"])?;
    let refused = |status, errors| shown(visit, &at, status, errors, None);
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    if form.get("new_password") != form.get("new_password_again") {
        let again = "The two new passwords are not the same.".to_owned();
        return refused(wrong, Errors { again, ..Errors::default() });
    }
    let secret = |name| Secret::new(form.get(name).to_owned());
    let (current, new) = (secret("current_password"), secret("new_password"));
    match visit.plane().change_password(visit.caller, &at, &current, &new) {
        Ok(Ok(())) => {
            Ok(Answer::see(ADDRESS).saying("Your password was changed. You are signed out everywhere else."))
        }
        Ok(Err(LoginRefused::Wrong)) => {
            let current_password = "This is not your password.".to_owned();
            refused(wrong, Errors { current_password, ..Errors::default() })
        }
        Ok(Err(LoginRefused::Wait { seconds })) => {
            let password =
                format!("Too many tries. The password was not changed; try again in {seconds} seconds.");
            refused(StatusCode::TOO_MANY_REQUESTS, Errors { password, ..Errors::default() })
        }
        Err(Error::Invalid(why)) => {
            refused(wrong, Errors { new_password: sentence(&why), ..Errors::default() })
        }
        Err(error) => Err(error),
    }
}

/// Ends one of one's own sessions.
pub(crate) fn sign_out(visit: &Visit<'_>, at: Granted<Nowhere>) -> Result<Answer, Error> {
    visit.asked.form.only(&[])?;
    let id = SessionId::parse(visit.asked.param("id")).ok_or(Error::NotFound)?;
    if visit.caller.session.as_ref() == Some(&id) {
        visit.plane().log_out(visit.caller)?;
        let ended = visit.house.end_secret(cookies::SESSION);
        return Ok(Answer::see("/login").with_cookie(ended).saying("You are signed out."));
    }
    match visit.plane().sign_out(visit.caller, &at, &id) {
        Ok(()) => Ok(Answer::see(ADDRESS).saying("That browser is signed out.")),
        // It has ended meanwhile, or it was never his: either way it is not there.
        Err(Error::NotFound) => Ok(Answer::see(ADDRESS).saying("That session had ended already.")),
        Err(error) => Err(error),
    }
}

/// Ends all of one's own sessions but this one.
pub(crate) fn sign_out_others(visit: &Visit<'_>, at: Granted<Nowhere>) -> Result<Answer, Error> {
    visit.asked.form.only(&[])?;
    let said = match visit.plane().sign_out_others(visit.caller, &at)? {
        0 => "You were signed in nowhere else.".to_owned(),
        1 => "You are signed out of one other browser.".to_owned(),
        many => format!("You are signed out of {many} other browsers."),
    };
    Ok(Answer::see(ADDRESS).saying(said))
}
