//! The list, and making a token.

use axum::http::StatusCode;
use bough_control::figures::Span;
use bough_control::model::{TimeZoneName, Timestamp, TokenName};
use bough_control::service_tokens::{CreateToken, NewSecret, WantedTokens};
use bough_control::{Error, Page as Rows};
use bough_policy::{Granted, Operation, OrganizationAt, TokenAt};

use super::token::{Shown, token_page};
use super::view::{
    ListPage, NewForm, NewPage, PAGE_SIZE, RequestsPage, SecretPage, Token, around, list_address,
    token_address, why_not_create,
};
use crate::answer::Answer;
use crate::figures;
use crate::layout::{Link, Pages, escaped, sentence};
use crate::visit::Visit;

/// Longest search, in characters.
const SEARCH_MAX: usize = 200;

/// The list.
pub(crate) fn list(visit: &Visit<'_>, at: Granted<OrganizationAt>) -> Result<Answer, Error> {
    let kinds = [
        ("", "All", WantedTokens::All),
        ("unused", "Unused", WantedTokens::Unused),
        ("expiring", "Expires soon", WantedTokens::EndingSoon),
    ];
    let asked = visit.asked.query("show");
    let (show, _, wanted) = kinds.into_iter().find(|(key, ..)| *key == asked).unwrap_or(kinds[0]);
    let search: String = visit.asked.query("q").chars().take(SEARCH_MAX).collect();
    let number = visit.asked.page_number();
    let (rows, total) = visit.plane().find_tokens(&at, wanted, &search, Rows { number, size: PAGE_SIZE })?;
    let words = if search.is_empty() { String::new() } else { format!("&q={}", escaped(&search)) };
    let filters = kinds
        .into_iter()
        .map(|(key, text, _)| Link::new(text, format!("?show={key}{words}"), key == show))
        .collect();
    let mut page = around(visit, None)?;
    page.api_call = Some(visit.api_call(Operation::ListServiceTokens, &[visit.organization()], None));
    Answer::page(&ListPage {
        page,
        tokens: rows.iter().map(|row| Token::new(visit, row)).collect(),
        filters,
        show,
        found: total > 0,
        narrowed: !show.is_empty() || !search.is_empty(),
        search,
        pages: Pages::of(visit.asked, PAGE_SIZE, rows.len(), total),
        new: NewForm::of(visit),
        closed: why_not_create(visit),
    })
}

fn new_page(visit: &Visit<'_>, status: StatusCode, new: NewForm) -> Result<Answer, Error> {
    let mut page = around(visit, Some("New service token"))?;
    let body = Some(r#"{"name":"ci","ttl":2592000}"#);
    page.api_call = Some(visit.api_call(Operation::CreateServiceToken, &[visit.organization()], body));
    Answer::page_with(status, &NewPage { page, new })
}

/// The form of a new token.
pub(crate) fn new(visit: &Visit<'_>, _: Granted<OrganizationAt>) -> Result<Answer, Error> {
    new_page(visit, StatusCode::OK, NewForm::of(visit))
}

/// How long a token lives that ends with a day, or what is wrong with that day.
fn life(day: &str, zone: &TimeZoneName, now: Timestamp) -> Result<Option<i64>, String> {
    if day.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("{day} is no day of the calendar, written as 2026-12-31.");
    let ends = zone.end_of_day(day).ok_or_else(wrong)?;
    match i64::try_from(ends.since(now).as_secs()) {
        Ok(0) | Err(_) => Err("This day is over: choose today or a later one.".to_owned()),
        Ok(seconds) => Ok(Some(seconds)),
    }
}

/// Makes a token, and shows its secret, here and never again.
pub(crate) fn create(visit: &Visit<'_>, at: Granted<OrganizationAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["name", "expires"])?;
    let (name, expires) = (form.get("name"), form.get("expires").trim());
    let mut new = NewForm { name: name.to_owned(), expires: expires.to_owned(), ..NewForm::of(visit) };
    if let Err(problem) = TokenName::parse(name) {
        new.name_error = sentence(&problem.to_string());
    }
    let ttl = match life(expires, &visit.visitor.user.time_zone, visit.plane().now()) {
        Ok(ttl) => ttl,
        Err(problem) => {
            new.expires_error = problem;
            None
        }
    };
    if !new.name_error.is_empty() || !new.expires_error.is_empty() {
        new.refused = "The token was not created: look at what is marked below.".to_owned();
        return new_page(visit, StatusCode::UNPROCESSABLE_ENTITY, new);
    }
    let wanted = CreateToken { name: Some(name.to_owned()), ttl };
    match visit.plane().create_token(visit.caller, &at, wanted) {
        Ok(made) => secret_page(visit, "new-token", "Service token created", String::new(), &made),
        // The name was fine, so it is the life.
        Err(Error::Invalid(_)) => {
            new.expires_error = "A token lives for ten years at most: choose an earlier day.".to_owned();
            new_page(visit, StatusCode::UNPROCESSABLE_ENTITY, new)
        }
        Err(error) => Err(error),
    }
}

/// The answer that shows a secret.
pub(super) fn secret_page(
    visit: &Visit<'_>,
    fragment: &'static str,
    title: &'static str,
    remark: String,
    made: &NewSecret,
) -> Result<Answer, Error> {
    let (id, secret) = (made.token.id.to_string(), made.secret.expose().clone());
    let export = format!("export BOUGH_TOKEN_ID={id} BOUGH_TOKEN={secret}");
    Answer::page(&SecretPage {
        page: around(visit, Some(title))?,
        fragment,
        title,
        remark,
        export,
        // What every token may do, so that it works before anything is granted.
        curl: visit.api_call(Operation::ListOrganizations, &[], None).curl,
        address: token_address(visit, &id),
        permissions: fragment == "new-token",
        list: list_address(visit),
        token_id: id,
        secret,
    })
}

/// The page of a token.
pub(crate) fn show(visit: &Visit<'_>, at: Granted<TokenAt>) -> Result<Answer, Error> {
    Answer::page(&token_page(visit, &at, Shown::default())?)
}

/// The requests of a token over time.
pub(crate) fn requests(visit: &Visit<'_>, at: Granted<TokenAt>) -> Result<Answer, Error> {
    let plane = visit.plane();
    let token = plane.get_token(&at)?;
    let name = token.name.as_deref().unwrap_or(token.id.as_str());
    let mut page = around(visit, Some(&format!("Requests of {name}")))?;
    let params = [visit.organization(), token.id.as_str()];
    page.api_call = Some(visit.api_call(Operation::GetServiceTokenFigures, &params, None));
    Answer::page(&RequestsPage {
        page,
        back: token_address(visit, token.id.as_str()),
        day: figures::of_token(&plane.token_figures(&at, Span::Day)?),
        month: figures::of_token(&plane.token_figures(&at, Span::Month)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lives_to_the_end_of_its_day() {
        let utc = TimeZoneName::utc();
        let berlin = TimeZoneName::parse("Europe/Berlin").expect("a zone");
        let now = utc.end_of_day("2026-08-01").expect("a day");
        assert_eq!(life("", &utc, now), Ok(None));
        assert_eq!(life("2026-08-02", &utc, now), Ok(Some(86_400)));
        assert_eq!(life("2026-08-02", &berlin, now), Ok(Some(86_400 - 7_200)));
        assert!(life("2026-08-01", &utc, now).is_err_and(|text| text.contains("over")));
        assert!(life("yesterday", &utc, now).is_err_and(|text| text.contains("no day")));
    }
}
