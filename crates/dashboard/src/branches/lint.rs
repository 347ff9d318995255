//! What of a branch's schema stands in the way of promoting it, and of safe migrations.

use askama::Template;
use bough_control::Error;
use bough_policy::{BranchAt, Granted, Operation};

use super::routes::Place;
use crate::answer::Answer;
use crate::databases::page;
use crate::layout::{Page, sentence};
use crate::visit::Visit;

/// A finding.
struct Found {
    code: &'static str,
    /// The table or view; empty when it is the schema as a whole.
    table: String,
    text: String,
}

#[derive(Template)]
#[template(path = "branches/lint.html")]
struct Lint {
    page: Page,
    root: String,
    /// Why the schema could not be looked at; empty where it was.
    why: String,
    findings: Vec<Found>,
}

/// The findings.
pub(crate) fn show(visit: &Visit<'_>, at: Granted<BranchAt>) -> Result<Answer, Error> {
    let seen = visit.may::<BranchAt>(Operation::GetBranch).map_err(|_| Error::NotFound)?;
    let place = Place::of(visit, &seen)?;
    let name = place.branch.name.as_str();
    let (why, findings) = match visit.plane().lint_branch(&at) {
        Ok(lint) => (String::new(), lint.findings),
        Err(Error::Unavailable(why)) => (sentence(&why), Vec::new()),
        Err(error) => return Err(error),
    };
    let below = [(name, place.root.clone()), ("Schema lint", String::new())];
    let mut page = page(visit, &place.database, format!("Schema lint of {name}"), &below)?;
    let params = [visit.organization(), place.database.name.as_str(), name];
    page.api_call = Some(visit.api_call(Operation::LintBranchSchema, &params, None));
    let found = |finding: bough_control::branches::Finding| Found {
        code: finding.code.as_str(),
        table: finding.table,
        text: finding.description,
    };
    let findings = findings.into_iter().map(found).collect();
    Answer::page(&Lint { page, root: place.root, why, findings })
}
