//! Reads our description into what the pages show.

use std::collections::BTreeMap;

use bough_policy::Operation as Decided;
use serde_json::Value;

use super::fields::{
    Field, Kind, Piece, fields, kind, objects_in, parameter, pieces, reference, sample, shown,
};
use super::needs::{Need, needs};

/// One operation.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    /// Its id in words.
    pub(super) title: String,
    pub(super) summary: Vec<Piece>,
    pub(super) method: String,
    /// The method's class in the stylesheet.
    pub(super) class: String,
    /// With its parameters in braces.
    pub(super) path: String,
    pub(super) needs: Vec<Need>,
    pub(super) parameters: Vec<Field>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    /// Refusals that not every operation has.
    pub(super) refusals: Vec<Refusal>,
    pub(super) curl: String,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) required: bool,
    pub(super) fields: Vec<Field>,
    /// An example.
    pub(super) sample: String,
}

/// What comes back when it worked.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: String,
    pub(super) text: String,
    /// What it is; the list around it first.
    pub(super) kinds: Vec<Kind>,
}

/// What comes back when it did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: String,
    pub(super) text: String,
}

/// What is in answers.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// As the description calls it; its place on the page.
    pub(super) name: String,
    /// For people.
    pub(super) title: String,
    pub(super) text: Vec<Piece>,
    pub(super) fields: Vec<Field>,
}

/// Operations about one kind of thing: a page.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Its part of the address.
    pub(super) slug: &'static str,
    pub(super) title: &'static str,
    pub(super) operations: Vec<Operation>,
    /// What they answer.
    pub(super) objects: Vec<Object>,
}

/// The whole reference.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    pub(super) groups: Vec<Group>,
    /// Refusals that every operation may have.
    pub(super) refusals: Vec<Refusal>,
    /// The body of each.
    pub(super) error: Vec<Field>,
    /// Where the API is.
    pub(super) base: String,
}

/// Which page an operation stands on: the first whose word is in its path. The last takes what is left.
const GROUPS: [(&str, &str, &str); 10] = [
    ("/audit-log", "audit-log", "Audit log"),
    ("/service-tokens", "service-tokens", "Service tokens"),
    ("/passwords", "passwords", "Passwords"),
    ("/connections", "connections", "Connections"),
    ("/branches", "branches", "Branches"),
    ("/databases", "databases", "Databases"),
    ("/members", "members", "Members"),
    ("/regions", "regions", "Regions"),
    ("/user", "account", "Account"),
    ("", "organizations", "Organizations"),
];
/// The order in which they are shown.
const ORDER: [&str; 10] = [
    "organizations",
    "members",
    "databases",
    "branches",
    "passwords",
    "connections",
    "service-tokens",
    "audit-log",
    "regions",
    "account",
];

fn group_of(path: &str) -> (&'static str, &'static str) {
    let found = GROUPS.iter().find(|(word, _, _)| path.contains(word));
    found.map_or(("organizations", "Organizations"), |(_, slug, title)| (*slug, *title))
}

/// `create_branch`: `Create branch`.
fn title(id: &str) -> String {
    let mut words = id.replace('_', " ").replace(" skus", " SKUs");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// A list and what it lists, as the description names it: `Page_Branch`.
fn list_of(name: &str) -> Option<(&str, &str)> {
    name.split_once('_')
}

fn is_refusal(status: &str) -> bool {
    status.starts_with(['4', '5'])
}

fn responses(operation: &Value) -> impl Iterator<Item = (&String, &str)> {
    let all = operation["responses"].as_object().into_iter().flatten();
    all.map(|(status, response)| (status, response["description"].as_str().unwrap_or_default()))
}

fn json_schema(of: &Value) -> Option<&Value> {
    of["content"]["application/json"].get("schema")
}

/// Refusals that all operations have in the same words.
fn common(operations: &[(&str, &str, &Value)]) -> Vec<Refusal> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (_, _, operation) in operations {
        for (status, text) in responses(operation).filter(|(status, _)| is_refusal(status)) {
            *counts.entry((status, text)).or_default() += 1;
        }
    }
    let everywhere = counts.into_iter().filter(|(_, count)| *count == operations.len());
    everywhere
        .map(|((status, text), _)| Refusal { status: status.to_owned(), text: text.to_owned() })
        .collect()
}

/// A line to paste. What the path names stands in variables of the shell, like the token.
fn curl(base: &str, method: &str, path: &str, is_open: bool, body: Option<&str>) -> String {
    let path: Vec<String> = path
        .split('/')
        .map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => format!("${}", name.to_ascii_uppercase()),
            None => part.to_owned(),
        })
        .collect();
    let mut line = "curl".to_owned();
    if method != "GET" {
        line.push_str(&format!(" -X {method}"));
    }
    if !is_open {
        line.push_str(" -H \"Authorization: $BOUGH_TOKEN_ID:$BOUGH_TOKEN\"");
    }
    if let Some(body) = body {
        line.push_str(&format!(" -H 'Content-Type: application/json' -d '{}'", body.replace('\'', r"'\''")));
    }
    line.push_str(&format!(" \"{base}{}\"", path.join("/")));
    line
}

fn answer_kinds(schema: Option<&Value>) -> Vec<Kind> {
    let Some(schema) = schema else { return Vec::new() };
    let kind = kind(schema);
    match list_of(&kind.object) {
        Some((list, item)) => vec![
            Kind { object: list.to_owned(), ..Kind::default() },
            Kind { before: "of", object: item.to_owned(), after: "" },
        ],
        None => vec![kind],
    }
}

fn operation(
    (path, method, described): (&str, &str, &Value),
    common: &[Refusal],
    schemas: &Value,
    public_url: &str,
) -> Operation {
    let id = described["operationId"].as_str().unwrap_or_default();
    let method = method.to_ascii_uppercase();
    let path = format!("/v1{path}");
    let body = json_schema(&described["requestBody"]).map(|schema| {
        let whole = reference(schema).map_or(schema, |name| &schemas[name]);
        Body {
            required: described["requestBody"]["required"] == true,
            fields: fields(whole, true),
            sample: sample(schema, schemas).to_string(),
        }
    });
    let is_open = described["security"].as_array().is_some_and(Vec::is_empty);
    let answers =
        responses(described).filter(|(status, _)| !is_refusal(status)).map(|(status, text)| Answer {
            status: status.clone(),
            text: text.to_owned(),
            kinds: answer_kinds(json_schema(&described["responses"][status])),
        });
    let refusals = responses(described)
        .filter(|(status, _)| is_refusal(status))
        .map(|(status, text)| Refusal { status: status.clone(), text: text.to_owned() })
        .filter(|refusal| !common.contains(refusal));
    Operation {
        id: id.to_owned(),
        title: title(id),
        summary: pieces(described["summary"].as_str().unwrap_or_default()),
        class: method.to_ascii_lowercase(),
        needs: Decided::parse(id).map(|decided| needs(decided.row().rule)).unwrap_or_default(),
        parameters: described["parameters"].as_array().into_iter().flatten().map(parameter).collect(),
        answers: answers.collect(),
        refusals: refusals.collect(),
        curl: curl(public_url, &method, &path, is_open, body.as_ref().map(|body| body.sample.as_str())),
        body,
        method,
        path,
    }
}

/// An object, for its place on a page. A list is described once, whatever it lists.
fn object(name: &str, schemas: &Value) -> Object {
    let list = schemas.as_object().into_iter().flatten().find(|(key, _)| {
        !schemas.get(name).is_some_and(Value::is_object) && list_of(key).is_some_and(|(list, _)| list == name)
    });
    let schema = list.map_or(&schemas[name], |(_, schema)| schema);
    let mut fields = fields(schema, false);
    if list.is_some() {
        for field in &mut fields {
            if !field.kind.object.is_empty() {
                field.kind = Kind { before: "array", ..Kind::default() };
            }
        }
    }
    Object {
        name: name.to_owned(),
        title: shown(name).to_owned(),
        text: pieces(schema["description"].as_str().unwrap_or_default()),
        fields,
    }
}

/// All objects that a page's operations name, and those that these name.
fn objects(operations: &[Operation], schemas: &Value) -> Vec<Object> {
    let bodies = operations.iter().filter_map(|operation| operation.body.as_ref());
    let sent = bodies.flat_map(|body| body.fields.iter().map(|field| field.kind.object.clone()));
    let answered = operations.iter().flat_map(|operation| &operation.answers);
    let answered = answered.flat_map(|answer| answer.kinds.iter().map(|kind| kind.object.clone()));
    let mut names: Vec<String> = Vec::new();
    let mut waiting: Vec<String> = answered.chain(sent).collect();
    waiting.reverse();
    while let Some(name) = waiting.pop() {
        if !name.is_empty() && !names.contains(&name) {
            waiting.extend(objects_in(&schemas[&name]));
            names.push(name);
        }
    }
    names.sort_by_key(|name| shown(name).to_owned());
    names.iter().map(|name| object(name, schemas)).collect()
}

impl Reference {
    /// Of our description; `public_url` is where the API is reached.
    pub(crate) fn new(openapi: &Value, public_url: &str) -> Self {
        let schemas = &openapi["components"]["schemas"];
        let mut described: Vec<(&str, &str, &Value)> = Vec::new();
        for (path, methods) in openapi["paths"].as_object().into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                described.push((path, method, operation));
            }
        }
        let common = common(&described);
        let mut groups: Vec<Group> = Vec::new();
        for one in described {
            let (slug, title) = group_of(one.0);
            let read = operation(one, &common, schemas, public_url);
            match groups.iter_mut().find(|group| group.slug == slug) {
                Some(group) => group.operations.push(read),
                None => {
                    groups.push(Group { slug, title, operations: vec![read], objects: Vec::new() });
                }
            }
        }
        groups.sort_by_key(|group| ORDER.iter().position(|slug| *slug == group.slug));
        for group in &mut groups {
            group.objects = objects(&group.operations, schemas);
        }
        Self {
            groups,
            refusals: common,
            error: fields(&schemas["Error"], false),
            base: format!("{public_url}/v1"),
        }
    }

    /// A line to begin with: which organizations a token belongs to.
    pub(super) fn first(&self) -> String {
        format!("curl -H \"Authorization: $BOUGH_TOKEN_ID:$BOUGH_TOKEN\" \"{}/organizations\"", self.base)
    }

    pub(super) fn group(&self, slug: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.slug == slug)
    }
}

#[cfg(test)]
mod tests;
