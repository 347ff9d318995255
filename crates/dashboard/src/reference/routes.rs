//! Serves the reference to everybody, as the description that it is made of.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use bough_control::Error;
use bough_control::branches::RULES;

use super::view::{Index, OfGroup, SchemaLint};
use crate::answer::Answer;
use crate::asked::Asked;
use crate::door::{Seen, finished, note, visitor};
use crate::layout::{ApiCall, Crumb, Link, Page, bare, escaped};
use crate::visit::Visit;
use crate::{Dashboard, problem};

/// The last part of the address of what the lint's codes mean; answers lead there (`docs_url`).
const SCHEMA_LINT: &str = "schema-lint";

/// What stands around it: as on every page for who is signed in, and a way to sign in for others.
fn around(house: &Dashboard, headers: &HeaderMap, asked: &Asked) -> Result<Page, Error> {
    if let Some(visitor) = visitor(house, headers, asked, Seen::Noted)? {
        return Visit { house, visitor: &visitor, caller: &visitor.caller, asked }.page("API reference");
    }
    let mut page = bare(house, asked, "API reference");
    let log_in = format!("/login?next={}", escaped(&asked.path));
    page.navigation = vec![Link::new("API reference", "/docs", true), Link::new("Log in", log_in, false)];
    Ok(page)
}

fn shown(house: &Dashboard, headers: &HeaderMap, asked: &Asked) -> Result<Answer, Error> {
    let reference = &house.reference;
    let mut page = around(house, headers, asked)?;
    page.api_call = Some(ApiCall {
        method: "GET",
        path: "/v1/openapi.json".to_owned(),
        curl: format!("curl {}/openapi.json", reference.base),
    });
    if asked.params.is_empty() {
        return Answer::page(&Index { page, reference });
    }
    if asked.param("group") == SCHEMA_LINT {
        page.crumbs = vec![Crumb::new("API reference", "/docs"), Crumb::new("Schema lint", "")];
        "Schema lint".clone_into(&mut page.title);
        return Answer::page(&SchemaLint { page, rules: RULES });
    }
    let Some(group) = reference.group(asked.param("group")) else {
        return Ok(problem::not_found(house, asked, Some(page)));
    };
    page.crumbs = vec![Crumb::new("API reference", "/docs"), Crumb::new(group.title, "")];
    group.title.clone_into(&mut page.title);
    page.wide = true;
    Answer::page(&OfGroup { page, reference, group })
}

/// The index, or the page of a group.
pub(crate) async fn show(house: Arc<Dashboard>, request: Request<Body>) -> Response<Body> {
    let started = Instant::now();
    let (mut parts, _) = request.into_parts();
    let id = house.plane.fresh_request_id();
    let (asked, answer) = match Asked::of(&mut parts, id.clone()).await {
        Some(asked) => {
            let answer = shown(&house, &parts.headers, &asked)
                .unwrap_or_else(|error| problem::error(&house, &asked, None, &error));
            (asked, answer)
        }
        None => {
            let asked = Asked::without_names(&parts, id);
            let answer = problem::not_found(&house, &asked, None);
            (asked, answer)
        }
    };
    let response = finished(&house, &asked, answer);
    note(&house, &parts, &asked, &response, started);
    response
}
