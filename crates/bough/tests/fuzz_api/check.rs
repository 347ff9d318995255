//! What every answer must be, whatever was asked.

use std::collections::BTreeMap;
use std::fmt;

use bough_testkit::{Raw, RawAnswer};
use serde_json::Value;

use crate::generate::Case;
use crate::schema::{Described, Description};
use crate::world::{Kind, Principal, World};

/// Headers that answers may carry.
const HEADERS: &[&str] = &[
    "allow",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "date",
    "etag",
    "idempotent-replay",
    "ratelimit-limit",
    "ratelimit-remaining",
    "retry-after",
    "www-authenticate",
    "x-content-type-options",
    "x-request-id",
];
/// What pages have beside these.
const OF_PAGES: &[&str] = &[
    "content-security-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "location",
    "referrer-policy",
    "set-cookie",
    "x-frame-options",
];
/// Statuses of what has no route, or is no request.
const WITHOUT_ROUTE: &[u16] = &[400, 401, 404, 405, 408, 411, 413, 414, 417, 431, 501, 505];

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// An answer came.
    Answered,
    /// It is no failure of Bough's own.
    NoFailure,
    /// Its status is described.
    Status,
    /// Its body is of the described shape.
    Shape,
    /// Its headers are those that answers have.
    Headers,
    /// Nothing is in it that its reader must not see.
    Foreign,
    /// It is no success that no access opens.
    Allowed,
    /// What was made, changed or deleted is so afterwards.
    Effect,
}

/// One fault.
pub struct Fault {
    pub rule: Rule,
    pub operation: String,
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}", self.rule, self.operation, self.what)
    }
}

/// How many answers there were of each status.
#[derive(Default)]
pub struct Tally {
    pub by_status: BTreeMap<u16, u64>,
    pub by_operation: BTreeMap<String, BTreeMap<u16, u64>>,
}

impl Tally {
    pub fn count(&mut self, operation: &str, status: u16) {
        *self.by_status.entry(status).or_default() += 1;
        *self.by_operation.entry(operation.to_owned()).or_default().entry(status).or_default() += 1;
    }

    pub fn total(&self) -> u64 {
        self.by_status.values().sum()
    }
}

pub struct Checker<'a> {
    pub world: &'a World,
    pub description: &'a Description,
}

impl Checker<'_> {
    /// All that is wrong with an answer.
    pub fn check(&self, case: &Case, answer: &Result<RawAnswer, String>) -> Vec<Fault> {
        let operation = case.operation.map(|at| &self.description.operations[at]);
        let name = operation.map_or("no operation", |operation| operation.id.as_str());
        let mut faults = Vec::new();
        let mut add = |rule, what: String| faults.push(Fault { rule, operation: name.to_owned(), what });
        let answer = match answer {
            Ok(answer) => answer,
            // Whoever cannot be understood may be hung up on.
            Err(_) if case.malformed => return faults,
            Err(error) => {
                add(Rule::Answered, error.clone());
                return faults;
            }
        };
        let who = &self.world.principals[case.principal];
        let text = answer.text();
        if answer.status >= 500 && !may_be_unavailable(name, &case.request, answer.status) {
            add(Rule::NoFailure, format!("{}: {text}", answer.status));
        }
        for mark in self.world.must_not_see(who.kind) {
            if text.contains(mark) || answer.head.contains(mark) {
                add(Rule::Foreign, format!("{} is told {mark:?}: {text}", who.name));
            }
        }
        let opened = (200..300).contains(&answer.status);
        if opened && !self.may(case, operation, who) {
            add(
                Rule::Allowed,
                format!("{} got {} for {}: {text}", who.name, answer.status, case.request.target),
            );
        }
        let outside = who.kind == Kind::Stranger && case.own;
        if answer.status == 403 && (who.kind == Kind::Nothing || outside) {
            add(Rule::Allowed, format!("{} is told that there is something: {text}", who.name));
        }
        match operation {
            Some(operation) => self.check_described(operation, answer, &mut add),
            None if case.request.method == "HEAD" => {
                if !answer.body.is_empty() {
                    add(Rule::Shape, "an answer to HEAD has a body".to_owned());
                }
            }
            None => check_without_route(case, answer, &mut add),
        }
        check_headers(&case.request, answer, operation.is_some(), &mut add);
        faults
    }

    fn may(&self, case: &Case, operation: Option<&Described>, who: &Principal) -> bool {
        let Some(operation) = operation else {
            // Without a credential of the API there are its description, pictures and the like.
            return !case.request.target.starts_with("/v1/")
                || case.request.method == "HEAD"
                || case.malformed;
        };
        match who.kind {
            _ if case.spoilt => false,
            Kind::Wrong => false,
            Kind::Nobody => operation.public,
            Kind::Stranger if case.own => !operation.path.contains('{'),
            Kind::Stranger => true,
            _ => self.world.may(who, &operation.id, case.own, case.on_shop),
        }
    }

    fn check_described(&self, operation: &Described, answer: &RawAnswer, add: &mut impl FnMut(Rule, String)) {
        let Some(shape) = operation.answers.get(&answer.status) else {
            add(Rule::Status, format!("{} is not described: {}", answer.status, answer.text()));
            return;
        };
        let Some(shape) = shape else {
            if !answer.body.is_empty() {
                add(Rule::Shape, format!("{} has a body: {}", answer.status, answer.text()));
            }
            return;
        };
        if answer.header("content-type") != Some("application/json") {
            add(Rule::Shape, format!("{} is {:?}", answer.status, answer.header("content-type")));
        }
        let Ok(value) = serde_json::from_slice::<Value>(&answer.body) else {
            add(Rule::Shape, format!("{} is no JSON: {}", answer.status, answer.text()));
            return;
        };
        let mut faults = Vec::new();
        self.description.check(shape, &value, "", &mut faults);
        for fault in faults {
            add(Rule::Shape, format!("{}: {fault}", answer.status));
        }
        if answer.status >= 400 {
            check_words(&value, add);
        }
    }
}

/// A branch that is not ready has no schema to be read, and says so; so does what looks at the schema first.
fn may_be_unavailable(operation: &str, request: &Raw, status: u16) -> bool {
    const LOOKING: &[&str] = &[
        "get_branch_schema",
        "lint_branch_schema",
        "promote_branch",
        "enable_safe_migrations",
        "disable_safe_migrations",
        "update_safe_migrations",
        "create_branch",
    ];
    // A HEAD is answered as its GET, and is no operation of the description.
    let is_head = request.method == "HEAD" && request.target.contains("/schema");
    status == 503 && (is_head || LOOKING.contains(&operation))
}

/// A refusal says something, in words.
fn check_words(value: &Value, add: &mut impl FnMut(Rule, String)) {
    for key in ["code", "message"] {
        if value[key].as_str().is_none_or(str::is_empty) {
            add(Rule::Shape, format!("a refusal without {key}: {value}"));
        }
    }
    if value["message"].as_str().is_some_and(|text| text.chars().count() > 1_000) {
        add(Rule::Shape, "a refusal repeats all that was sent".to_owned());
    }
}

fn check_without_route(case: &Case, answer: &RawAnswer, add: &mut impl FnMut(Rule, String)) {
    let api = case.request.target.starts_with("/v1/");
    if answer.status >= 400 && !WITHOUT_ROUTE.contains(&answer.status) {
        add(Rule::Status, format!("{} for what has no route: {}", answer.status, answer.text()));
    }
    // What is no HTTP is refused before anybody could find words for it.
    if api && answer.status >= 400 && !(case.malformed || answer.body.is_empty() && answer.status == 400) {
        match serde_json::from_slice::<Value>(&answer.body) {
            Ok(value) => check_words(&value, add),
            Err(_) => add(Rule::Shape, format!("{} is no JSON: {:?}", answer.status, answer.text())),
        }
    }
}

fn check_headers(request: &Raw, answer: &RawAnswer, described: bool, add: &mut impl FnMut(Rule, String)) {
    let mut names: Vec<String> = answer.headers().map(|(name, _)| name).collect();
    names.sort();
    // What is not the API's is a page.
    let is_page = !described && !request.target.starts_with("/v1");
    let fits = |name: &str| HEADERS.contains(&name) || is_page && OF_PAGES.contains(&name);
    if let Some(name) = names.iter().find(|name| !fits(name)) {
        add(Rule::Headers, format!("a header {name}: {}", answer.head));
    }
    if let Some(twice) = names.windows(2).find(|two| two[0] == two[1]) {
        add(Rule::Headers, format!("{} comes twice: {}", twice[0], answer.head));
    }
    if described {
        match answer.header("x-request-id") {
            None => add(Rule::Headers, "no x-request-id".to_owned()),
            Some(id) if answer.status >= 400 && answer.text().contains(id) => {
                add(Rule::Headers, "a refusal's body names the request".to_owned());
            }
            Some("chosen-by-the-client") => {
                add(Rule::Headers, "the client chose the request's id".to_owned())
            }
            Some(_) => {}
        }
        let keeps = answer.header("cache-control") != Some("no-store");
        if keeps {
            add(Rule::Headers, format!("may be kept by others: {} {}", request.method, answer.head));
        }
    }
}
