//! What the forms of a token's page do.

use axum::http::StatusCode;
use bough_control::Error;
use bough_control::databases::DatabaseRow;
use bough_control::model::{Cidrs, TokenName};
use bough_control::service_tokens::{GrantSet, UpdateToken, WantedScope};
use bough_policy::{Granted, Operation, TokenAt};

use super::preview;
use super::routes::secret_page;
use super::ticks::{Sent, Ticks, held};
use super::token::{Shown, open_databases, rotate_form, token_page, why_not_hand_over};
use super::view::{PreviewPart, RotatePage, Typed, around, list_address, token_address};
use crate::answer::Answer;
use crate::layout::{escaped, sentence};
use crate::problem::told;
use crate::visit::Visit;

/// The address of the token of this path.
fn base(visit: &Visit<'_>) -> String {
    token_address(visit, visit.asked.param("id"))
}

fn shown_again(
    visit: &Visit<'_>,
    at: &Granted<TokenAt>,
    status: StatusCode,
    shown: Shown,
) -> Result<Answer, Error> {
    Answer::page_with(status, &token_page(visit, at, shown)?)
}

/// Saves what is ticked, unless somebody changed it meanwhile.
pub(crate) fn save(visit: &Visit<'_>, at: Granted<TokenAt>) -> Result<Answer, Error> {
    let sent = Sent::read(&visit.asked.form)?;
    let rows = visit.plane().list_token_accesses(&at)?;
    let (open, missing) = open_databases(visit, Some(&sent), &rows)?;
    let refused = |status, refused: String, conflict, sent| {
        shown_again(visit, &at, status, Shown { sent: Some(sent), refused, conflict, ..Shown::default() })
    };
    if sent.etag.is_empty() {
        return Err(Error::Malformed(
            "this form does not say what it changes: load the page again".to_owned(),
        ));
    }
    if !missing.is_empty() {
        let text = "Nothing was saved: one of the databases is not there.".to_owned();
        return refused(StatusCode::UNPROCESSABLE_ENTITY, text, false, sent);
    }
    let wanted = sent.wanted(&open);
    let expected = sent.etag.clone();
    match visit.plane().replace_grants_at(visit.caller, visit.organization(), &at, &wanted, expected) {
        Ok(_) => Ok(Answer::see(edited(visit, &open)).saying("The permissions are saved.")),
        Err(Error::PreconditionFailed(_)) => {
            let text = "Nothing was saved, because somebody changed this token's permissions while you looked at \
                them. What you ticked is still ticked: compare, and save again.";
            refused(StatusCode::PRECONDITION_FAILED, text.to_owned(), true, sent)
        }
        Err(error @ (Error::Forbidden(_) | Error::Invalid(_))) => {
            let (status, text) = told(&error);
            refused(status, format!("Nothing was saved. {}", sentence(&text)), false, sent)
        }
        Err(error) => Err(error),
    }
}

/// The page with the same databases shown.
fn edited(visit: &Visit<'_>, open: &[DatabaseRow]) -> String {
    let mut address = base(visit);
    for (number, row) in open.iter().enumerate() {
        address.push(if number == 0 { '?' } else { '&' });
        address.push_str("database=");
        address.push_str(&escaped(row.name.as_str()));
    }
    address.push_str("#permissions-title");
    address
}

/// What could be done with what is ticked: a part of the page for the script, or the page with it. The page also
/// shows the boxes of another database, or those of a preset ticked.
pub(crate) fn preview(visit: &Visit<'_>, at: Granted<TokenAt>) -> Result<Answer, Error> {
    let sent = Sent::read(&visit.asked.form)?;
    if !visit.asked.fragment {
        return shown_again(visit, &at, StatusCode::OK, Shown { sent: Some(sent), ..Shown::default() });
    }
    let rows = visit.plane().list_token_accesses(&at)?;
    let grants = held(&rows);
    let (open, _) = open_databases(visit, Some(&sent), &rows)?;
    let ticks = Ticks::sent(&sent, &grants, open);
    let shown = ticks.databases.iter().map(|(row, _)| row);
    let reaches = preview::preview(at.at(), &ticks.grants(&grants), &visit.house.served, shown);
    Answer::page(&PreviewPart { reaches })
}

/// An access at a scope, as the forms of one button name it: `*` for all databases, nothing for the
/// organization.
fn one_access(visit: &Visit<'_>) -> Result<(GrantSet, String), Error> {
    let form = &visit.asked.form;
    form.only(&["access", "database"])?;
    let (access, database) = (form.get("access").to_owned(), form.get("database"));
    let (scope, on) = match database {
        "" => (WantedScope::Organization, "the organization"),
        "*" => (WantedScope::AllDatabases, "all databases"),
        name => (WantedScope::Database(name.to_owned()), name),
    };
    let on = format!("{access} on {on}");
    Ok((GrantSet { scope, accesses: vec![access] }, on))
}

/// A form of one button that was refused: said on the token's page, where it stands.
fn refused_one(visit: &Visit<'_>, at: &Granted<TokenAt>, error: Error) -> Result<Answer, Error> {
    match error {
        Error::Forbidden(_) | Error::Invalid(_) => {
            let (status, text) = told(&error);
            let refused = format!("Nothing was changed. {}", sentence(&text));
            shown_again(visit, at, status, Shown { refused, ..Shown::default() })
        }
        error => Err(error),
    }
}

/// Grants what a refused request lacked.
pub(crate) fn allow(visit: &Visit<'_>, at: Granted<TokenAt>) -> Result<Answer, Error> {
    let (set, what) = one_access(visit)?;
    match visit.plane().add_accesses(visit.caller, visit.organization(), &at, &set) {
        Ok(_) => Ok(Answer::see(base(visit)).saying(format!("Granted: {what}."))),
        Err(error) => refused_one(visit, &at, error),
    }
}

/// Takes away what was never needed.
pub(crate) fn remove(visit: &Visit<'_>, at: Granted<TokenAt>) -> Result<Answer, Error> {
    let (set, what) = one_access(visit)?;
    match visit.plane().remove_accesses(visit.caller, visit.organization(), &at, &set) {
        Ok(_) => Ok(Answer::see(base(visit)).saying(format!("Removed: {what}."))),
        Err(error) => refused_one(visit, &at, error),
    }
}

/// Changes name and addresses. The addresses are left alone when the form does not have them: the viewer may
/// not change them then.
pub(crate) fn update(visit: &Visit<'_>, at: Granted<TokenAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["name", "cidrs"])?;
    let name = form.get("name").to_owned();
    let sent = form.all("cidrs").last().map(str::to_owned);
    let cidrs: Option<Vec<String>> = sent.as_deref().map(|text| {
        let entries = text.split(['\n', ',']).map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(str::to_owned).collect()
    });
    let mut typed = Typed { name: name.clone(), ..Typed::default() };
    match sent {
        Some(text) => typed.cidrs = text,
        None => typed.cidrs = visit.plane().get_token(&at)?.cidrs.to_texts().join("\n"),
    }
    if let Err(problem) = TokenName::parse(&name) {
        typed.name_error = sentence(&problem.to_string());
    }
    let parsed = Cidrs::parse(cidrs.iter().flatten().map(String::as_str));
    if let Err(problem) = parsed {
        typed.cidrs_error = sentence(&problem);
    }
    if !typed.name_error.is_empty() || !typed.cidrs_error.is_empty() {
        let shown = Shown { typed: Some(typed), ..Shown::default() };
        return shown_again(visit, &at, StatusCode::UNPROCESSABLE_ENTITY, shown);
    }
    match visit.plane().update_token(visit.caller, &at, UpdateToken { name: Some(Some(name)), cidrs }) {
        Ok(_) => Ok(Answer::see(base(visit)).saying("Name and addresses are saved.")),
        Err(error @ Error::Forbidden(_)) => {
            let (status, text) = told(&error);
            typed.cidrs_error = sentence(&text);
            shown_again(visit, &at, status, Shown { typed: Some(typed), ..Shown::default() })
        }
        Err(error) => Err(error),
    }
}

fn rotate_page(
    visit: &Visit<'_>,
    at: &Granted<TokenAt>,
    status: StatusCode,
    chosen: &str,
    error: String,
) -> Result<Answer, Error> {
    let token = visit.plane().get_token(at)?;
    let mut page = around(visit, Some("Rotate the token"))?;
    let (params, body) = ([visit.organization(), token.id.as_str()], Some(r#"{"overlap_seconds":3600}"#));
    page.api_call = Some(visit.api_call(Operation::RotateServiceToken, &params, body));
    let rotate = rotate_form(visit, &token, chosen, error);
    Answer::page_with(status, &RotatePage { page, rotate, closed: why_not_hand_over(visit, at)? })
}

/// The form that rotates.
pub(crate) fn show_rotate(visit: &Visit<'_>, at: Granted<TokenAt>) -> Result<Answer, Error> {
    rotate_page(visit, &at, StatusCode::OK, "3600", String::new())
}

/// Gives the token another secret, and shows it, here and never again.
pub(crate) fn rotate(visit: &Visit<'_>, at: Granted<TokenAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["overlap"])?;
    let overlap = form.get("overlap");
    let again =
        |text: String| rotate_page(visit, &at, StatusCode::UNPROCESSABLE_ENTITY, overlap, sentence(&text));
    let Ok(seconds) = overlap.parse() else {
        return again("choose how long the old secret works beside the new one".to_owned());
    };
    match visit.plane().rotate_token(visit.caller, &at, seconds) {
        Ok(made) => {
            let remark = match made.token.previous_until {
                None => "The old secret is refused from now on.".to_owned(),
                Some(until) => {
                    format!("The old secret works until {}, beside this one.", visit.when(until).full)
                }
            };
            secret_page(visit, "rotate", "The token is rotated", remark, &made)
        }
        Err(Error::Invalid(text)) => again(text),
        Err(error) => Err(error),
    }
}

/// Takes over a token that a token made.
pub(crate) fn adopt(visit: &Visit<'_>, at: Granted<TokenAt>) -> Result<Answer, Error> {
    visit.asked.form.only(&[])?;
    match visit.plane().adopt_token(visit.caller, &at) {
        Ok(_) => {
            Ok(Answer::see(base(visit)).saying("The token is adopted: it no longer ends with its maker."))
        }
        Err(error) => refused_one(visit, &at, error),
    }
}

/// Deletes it, once its name or id was typed.
pub(crate) fn delete(visit: &Visit<'_>, at: Granted<TokenAt>) -> Result<Answer, Error> {
    let form = &visit.asked.form;
    form.only(&["confirm"])?;
    let token = visit.plane().get_token(&at)?;
    let (typed, id) = (form.get("confirm").trim(), token.id.as_str());
    if typed != id && token.name.as_deref().is_none_or(|name| typed != name.trim()) {
        let confirm_error = format!("This is neither the token's ID, {id}, nor its name.");
        let shown = Shown { confirm: typed.to_owned(), confirm_error, ..Shown::default() };
        return shown_again(visit, &at, StatusCode::UNPROCESSABLE_ENTITY, shown);
    }
    visit.plane().delete_token(visit.caller, &at)?;
    let name = token.name.as_deref().unwrap_or(id);
    Ok(Answer::see(list_address(visit)).saying(format!("The service token {name} is deleted.")))
}
