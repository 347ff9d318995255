//! Pages that say what was wrong. The one place where an error becomes a page.

use askama::Template;
use axum::http::StatusCode;
use bough_control::Error;
use bough_control::model::without_secrets;
use bough_policy::Visibility;

use crate::Dashboard;
use crate::answer::Answer;
use crate::asked::Asked;
use crate::layout::{Link, Page, bare};
use crate::visit::needed;

/// A page, or a part of one, that says what was wrong and what to do.
#[derive(Template)]
#[template(path = "problem.html")]
struct Problem {
    page: Page,
    status: u16,
    message: String,
    /// Where to go from here.
    next: Option<Link>,
    request_id: String,
}

#[derive(Template)]
#[template(path = "problem_part.html")]
struct ProblemPart {
    message: String,
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::FORBIDDEN => "Not open to you",
        StatusCode::UNAUTHORIZED => "Your session has ended",
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => "Changed meanwhile",
        StatusCode::SERVICE_UNAVAILABLE => "Not right now",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        status if status.is_server_error() => "Bough failed",
        _ => "Not accepted",
    }
}

/// The page of a problem. `around` is what stands around it, where somebody is signed in.
pub(crate) fn problem(
    house: &Dashboard,
    asked: &Asked,
    around: Option<Page>,
    status: StatusCode,
    message: impl Into<String>,
    next: Option<Link>,
) -> Answer {
    let message = without_secrets(&message.into(), house.plane.settings().token_prefix.as_str()).into_owned();
    let made = if asked.fragment {
        Answer::page_with(status, &ProblemPart { message })
    } else {
        let mut page = around.unwrap_or_else(|| bare(house, asked, ""));
        title(status).clone_into(&mut page.title);
        let request_id = asked.request_id.clone();
        Answer::page_with(status, &Problem { page, status: status.as_u16(), message, next, request_id })
    };
    made.unwrap_or_else(|error| {
        tracing::error!(%error, "a page of an error could not be written");
        Answer::see("/")
    })
}

/// The page that there is not, or that the viewer may not know of: the same.
pub(crate) fn not_found(house: &Dashboard, asked: &Asked, around: Option<Page>) -> Answer {
    let message = "There is nothing at this address, or you may not see it.";
    let start = Link::new("Go to the start", "/", false);
    problem(house, asked, around, StatusCode::NOT_FOUND, message, Some(start))
}

/// The page of an address that is only sent to, as forms are, or only looked at.
pub(crate) fn not_this_way(house: &Dashboard, asked: &Asked, around: Option<Page>) -> Answer {
    let message = "This address cannot be used in this way: a form is sent to it, or it is only looked at. \
        Nothing was changed.";
    let start = Link::new("Go to the start", "/", false);
    problem(house, asked, around, StatusCode::METHOD_NOT_ALLOWED, message, Some(start))
}

/// Status and sentence of an error.
pub(crate) fn told(error: &Error) -> (StatusCode, String) {
    let status = match error {
        Error::NotFound => StatusCode::NOT_FOUND,
        Error::Refused(denied) if denied.visibility == Visibility::Hidden => StatusCode::NOT_FOUND,
        Error::Refused(denied) => return (StatusCode::FORBIDDEN, needed(denied.missing)),
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::Malformed(_) => StatusCode::BAD_REQUEST,
        Error::Conflict(_) | Error::Changed => StatusCode::CONFLICT,
        Error::PreconditionFailed(_) => StatusCode::PRECONDITION_FAILED,
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::TooManyTries { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Invalid(_) | Error::SchemaUnfit(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Internal(_) => {
            let text = "Bough failed to answer this request; its log says why, under the id below.";
            return (StatusCode::INTERNAL_SERVER_ERROR, text.to_owned());
        }
    };
    (status, error.to_string())
}

/// The page of an error of an action.
pub(crate) fn error(house: &Dashboard, asked: &Asked, around: Option<Page>, error: &Error) -> Answer {
    match told(error) {
        (StatusCode::NOT_FOUND, _) => not_found(house, asked, around),
        (status, message) => {
            if status.is_server_error() {
                tracing::error!(request_id = asked.request_id, detail = %error, "a page could not be shown");
            }
            problem(house, asked, around, status, message, None)
        }
    }
}
