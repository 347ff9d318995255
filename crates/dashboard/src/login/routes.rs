//! Signing in and out.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Request, Response, StatusCode};
use bough_control::model::Secret;
use bough_control::people::{FormOf, LogIn, LoginRefused};
use bough_control::{Error, Page as Rows};
use bough_policy::{Granted, Nowhere};

use super::unsent::offered;
use super::view::{LogIn as LogInForm, LogInPage};
use crate::answer::Answer;
use crate::asked::{Asked, own_address};
use crate::cookies::{self, cookie};
use crate::door::{Seen, comes_from_us, finished, note, unread, visitor};
use crate::form::Form;
use crate::layout::{bare, counted};
use crate::visit::Visit;
use crate::{Dashboard, problem};

/// `/`: the organization that one was made a member of last.
pub(crate) fn start(visit: &Visit<'_>, at: Granted<Nowhere>) -> Result<Answer, Error> {
    let (rows, _) = visit.plane().list_organizations(visit.caller, &at, Rows { number: 1, size: 1 })?;
    match rows.first() {
        Some(row) => Ok(Answer::see(format!("/{}", row.name))),
        None => Err(Error::Forbidden(
            "You are a member of no organization yet. Ask an administrator of one to add you.".to_owned(),
        )),
    }
}

/// Signs out.
pub(crate) fn log_out(visit: &Visit<'_>, _: Granted<Nowhere>) -> Result<Answer, Error> {
    visit.asked.form.only(&[])?;
    visit.plane().log_out(visit.caller)?;
    let ended = visit.house.end_secret(cookies::SESSION);
    Ok(Answer::see("/login").with_cookie(ended).saying("You are signed out."))
}

/// The form for whoever looks at it, and the cookie that it is proved with where he has none yet.
pub(super) fn log_in_form(house: &Dashboard, parts: &Parts) -> (LogInForm, Option<String>) {
    let known =
        cookie(&parts.headers, &house.secret_cookie(cookies::VISITOR)).filter(|value| value.len() == 64);
    let (visitor, fresh) = match known {
        Some(known) => (known, false),
        None => (house.plane.fresh_secret().expose().clone(), true),
    };
    let csrf = house.plane.form_token(FormOf::Visitor(&visitor));
    let cookie = fresh.then(|| house.keep_secret(cookies::VISITOR, &visitor));
    (LogInForm { csrf, ..LogInForm::default() }, cookie)
}

/// The page of the form, filled in.
fn form(
    house: &Dashboard,
    parts: &Parts,
    asked: &Asked,
    status: StatusCode,
    filled: LogInForm,
) -> Result<Answer, Error> {
    let (fresh, cookie) = log_in_form(house, parts);
    let log_in = LogInForm { csrf: fresh.csrf, ..filled };
    let answer = Answer::page_with(status, &LogInPage { page: bare(house, asked, "Log in"), log_in })?;
    Ok(match cookie {
        Some(cookie) => answer.with_cookie(cookie),
        None => answer,
    })
}

/// Shows the form, or goes on where somebody is signed in.
pub(crate) async fn show(house: Arc<Dashboard>, request: Request<Body>) -> Response<Body> {
    let started = Instant::now();
    let (mut parts, _) = request.into_parts();
    let id = house.plane.fresh_request_id();
    let asked = match Asked::of(&mut parts, id.clone()).await {
        Some(asked) => asked,
        None => Asked::without_names(&parts, id),
    };
    let next = own_address(asked.query("next"));
    let answer = match visitor(&house, &parts.headers, &asked, Seen::Noted) {
        Ok(Some(_)) => Ok(Answer::see(next)),
        Ok(None) => {
            let filled = LogInForm { next: next.to_owned(), ..LogInForm::default() };
            form(&house, &parts, &asked, StatusCode::OK, filled)
        }
        Err(error) => Err(error),
    };
    let answer = answer.unwrap_or_else(|error| problem::error(&house, &asked, None, &error));
    let response = finished(&house, &asked, answer);
    note(&house, &parts, &asked, &response, started);
    response
}

/// Signs in.
pub(crate) async fn log_in(house: Arc<Dashboard>, request: Request<Body>) -> Response<Body> {
    let started = Instant::now();
    let (parts, mut body) = request.into_parts();
    let asked = Asked::without_names(&parts, house.plane.fresh_request_id());
    let read = Form::read(&parts.headers, &mut body).await;
    let (aside, own, head) = (Arc::clone(&house), asked.clone(), parts.clone());
    // Comparing a password takes its time.
    let work = move || match read {
        Ok(form) => signed_in(&aside, &head, &own, &form),
        Err(why) => {
            let (status, message) = unread(why);
            Ok(problem::problem(&aside, &own, None, status, message, None))
        }
    };
    let answer = match tokio::task::spawn_blocking(work).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => problem::error(&house, &asked, None, &error),
        Err(error) => {
            tracing::error!(%error, "signing in panicked");
            problem::error(&house, &asked, None, &Error::Internal("signing in panicked".to_owned()))
        }
    };
    let response = finished(&house, &asked, answer);
    note(&house, &parts, &asked, &response, started);
    response
}

const OLD_FORM: &str = "This form was too old, or your browser keeps no cookies. Please try again.";

fn signed_in(house: &Dashboard, parts: &Parts, asked: &Asked, sent: &Form) -> Result<Answer, Error> {
    sent.only(&["email", "password", "next", "unsent", "unsent_to"])?;
    let (email, next) = (sent.get("email"), own_address(sent.get("next")));
    let again = |status, why: &str| {
        tracing::warn!(
            request_id = asked.request_id,
            remote_ip = asked.remote_ip.map(tracing::field::display),
            why,
            "nobody was signed in"
        );
        let filled = LogInForm {
            email: email.to_owned(),
            next: next.to_owned(),
            error: why.to_owned(),
            unsent: sent.get("unsent").to_owned(),
            unsent_to: own_address(sent.get("unsent_to")).to_owned(),
            ..LogInForm::default()
        };
        form(house, parts, asked, status, filled)
    };
    let known = cookie(&parts.headers, &house.secret_cookie(cookies::VISITOR)).unwrap_or_default();
    let made_here = !known.is_empty() && house.plane.is_form_token(FormOf::Visitor(&known), sent.get("csrf"));
    if !comes_from_us(house, &parts.headers) || !made_here {
        return again(StatusCode::FORBIDDEN, OLD_FORM);
    }
    let before = cookie(&parts.headers, &house.secret_cookie(cookies::SESSION)).map(Secret::new);
    let password = Secret::new(sent.get("password").to_owned());
    let wanted = LogIn {
        email,
        password: &password,
        remote_ip: asked.remote_ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        user_agent: &asked.agent,
        request_id: Some(asked.request_id.as_str().into()),
        before: before.as_ref(),
    };
    match house.plane.log_in(&wanted)? {
        Ok(logged_in) => Ok(offered(house, asked, sent, &logged_in)?
            .unwrap_or_else(|| Answer::see(next))
            .with_cookie(house.keep_secret(cookies::SESSION, logged_in.secret.expose()))
            .with_cookie(house.end_secret(cookies::VISITOR))),
        Err(LoginRefused::Wrong) => {
            again(StatusCode::UNPROCESSABLE_ENTITY, "E-mail address or password is wrong.")
        }
        Err(LoginRefused::Wait { seconds }) => again(
            StatusCode::TOO_MANY_REQUESTS,
            &format!("Too many tries. Please wait {} and try again.", counted(seconds, "second")),
        ),
    }
}

/// Light or dark: for everybody, signed in or not. It changes nothing but what the browser keeps.
pub(crate) async fn theme(house: Arc<Dashboard>, request: Request<Body>) -> Response<Body> {
    let started = Instant::now();
    let (parts, mut body) = request.into_parts();
    let asked = Asked::without_names(&parts, house.plane.fresh_request_id());
    let answer = match Form::read(&parts.headers, &mut body).await {
        Ok(_) if !comes_from_us(&house, &parts.headers) => problem::problem(
            &house,
            &asked,
            None,
            StatusCode::FORBIDDEN,
            "This form was sent from another site.",
            None,
        ),
        Ok(form) => {
            let theme = ["light", "dark"].into_iter().find(|known| *known == form.get("theme")).unwrap_or("");
            Answer::see(own_address(form.get("next"))).with_cookie(house.keep_theme(theme))
        }
        Err(why) => {
            let (status, message) = unread(why);
            problem::problem(&house, &asked, None, status, message, None)
        }
    };
    let response = finished(&house, &asked, answer);
    note(&house, &parts, &asked, &response, started);
    response
}
