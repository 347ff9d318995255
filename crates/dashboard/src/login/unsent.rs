//! A form that came when its session had ended: nothing of it is lost. It goes along with the form to log in,
//! and is sent after that, by whoever typed it. Passwords do not go along. Nor is one lost that comes from a page
//! of an earlier session when a new one has begun.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use bough_control::Error;
use bough_control::model::SessionId;
use bough_control::people::{FormOf, LoggedIn, Visitor};

use super::routes::log_in_form;
use super::view::{EndedPage, EndedPart, LogIn, UnsentPage};
use crate::Dashboard;
use crate::answer::Answer;
use crate::asked::{Asked, own_address};
use crate::door::{Refused, comes_from_us};
use crate::form::{Form, OF_EVERY_FORM};
use crate::layout::{Page, bare};

/// Largest form that goes along, in bytes as it is written: it has to fit in the form to log in.
const UNSENT_MAX_BYTES: usize = 20 * 1024;
/// Most fields that are shown.
const SHOWN_MAX: usize = 50;

fn is_secret(name: &str) -> bool {
    name.contains("password")
}

/// What people see of a form.
fn typed(form: &Form) -> Vec<(String, String)> {
    let shown = |name: &str| !OF_EVERY_FORM.contains(&name) && !is_secret(name);
    form.fields()
        .filter(|(name, value)| shown(name) && !value.is_empty())
        .map(|(name, value)| (name.replace('_', " "), value.to_owned()))
        .take(SHOWN_MAX)
        .collect()
}

/// The fields of a form as they go along; empty where they cannot.
fn taken_along(form: &Form) -> String {
    if form.fields().any(|(name, _)| is_secret(name)) {
        return String::new();
    }
    let fields: Vec<_> = form.fields().filter(|(name, _)| !OF_EVERY_FORM.contains(name)).collect();
    serde_urlencoded::to_string(fields).ok().filter(|text| text.len() <= UNSENT_MAX_BYTES).unwrap_or_default()
}

/// The answer to a form whose session has ended.
pub(crate) async fn ended(
    house: &Dashboard,
    parts: &Parts,
    body: &mut Body,
    asked: &Asked,
) -> Result<Answer, Error> {
    let from = parts.headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let from = from.and_then(|from| from.strip_prefix(&house.plane.settings().addresses.public_url));
    let next = from.filter(|path| !path.is_empty()).map_or("/", own_address);
    let form = match comes_from_us(house, &parts.headers) {
        true => Form::read(&parts.headers, body).await.unwrap_or_default(),
        false => Form::default(),
    };
    let (log_in, cookie) = log_in_form(house, parts);
    let (unsent, unsent_to) = (taken_along(&form), own_address(&asked.path).to_owned());
    let log_in = LogIn { next: next.to_owned(), unsent, unsent_to, ..log_in };
    let typed = typed(&form);
    let answer = if asked.fragment {
        Answer::page_with(StatusCode::UNAUTHORIZED, &EndedPart { log_in, typed })
    } else {
        let page = bare(house, asked, "Your session has ended");
        Answer::page_with(StatusCode::UNAUTHORIZED, &EndedPage { page, log_in, typed })
    }?;
    Ok(match cookie {
        Some(cookie) => answer.with_cookie(cookie),
        None => answer,
    })
}

/// What had not been sent, shown to who has logged in again; `None` when there is nothing.
pub(super) fn offered(
    house: &Dashboard,
    asked: &Asked,
    sent: &Form,
    logged_in: &LoggedIn,
) -> Result<Option<Answer>, Error> {
    let action = own_address(sent.get("unsent_to"));
    let form = Form::of_text(sent.get("unsent"));
    if action == "/" || form.fields().next().is_none() {
        return Ok(None);
    }
    let next = own_address(sent.get("next")).to_owned();
    Answer::page(&page(house, bare(house, asked, TITLE), action, next, &logged_in.session, &form)).map(Some)
}

/// The same for a form that a page of an earlier session sent: shown, and sent when whoever sees it says so.
/// `None` when there is nothing to show: passwords are not, and a dialog keeps what was typed itself.
pub(crate) fn of_another_session(
    house: &Dashboard,
    asked: &Asked,
    around: Option<Page>,
    visitor: &Visitor,
    refused: &Refused,
) -> Option<Answer> {
    let form = refused.ours.as_ref().filter(|form| !asked.fragment && !taken_along(form).is_empty())?;
    let mut around = around?;
    TITLE.clone_into(&mut around.title);
    let shown = page(house, around, &asked.path, "/".to_owned(), &visitor.session, form);
    Answer::page_with(refused.status, &UnsentPage { another_session: true, ..shown }).ok()
}

const TITLE: &str = "Send what you had typed?";

fn page(
    house: &Dashboard,
    mut page: Page,
    action: &str,
    next: String,
    session: &SessionId,
    form: &Form,
) -> UnsentPage {
    page.csrf = house.plane.form_token(FormOf::Session(session));
    let fields = form.fields().filter(|(name, _)| !OF_EVERY_FORM.contains(name));
    UnsentPage {
        page,
        another_session: false,
        action: action.to_owned(),
        once: house.plane.fresh_secret().expose().clone(),
        next,
        typed: typed(form),
        fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    }
}
