//! Our description of the API: locked by a golden file, and compared with the published one where a
//! copy of that lies beside the project.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/openapi.json");
const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/contract/openapi.json");

/// Where we differ from the published description on purpose, each with its reason. The list may only
/// shrink: an entry that is not needed any more fails the test.
const DEVIATIONS: &[(&str, &str)] = &[];

#[test]
fn the_description_is_the_reviewed_one() {
    let now = serde_json::to_string_pretty(&bough_api::openapi()).expect("it can be written") + "\n";
    if std::env::var_os("BOUGH_UPDATE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &now).expect("the golden file is written");
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    for (number, (golden, now)) in golden.lines().zip(now.lines()).enumerate() {
        assert_eq!(golden, now, "line {} of {GOLDEN}; review and run with BOUGH_UPDATE_GOLDEN=1", number + 1);
    }
    assert_eq!(golden.lines().count(), now.lines().count(), "{GOLDEN}");
}

#[test]
fn every_operation_is_described_whole() {
    let description = bough_api::openapi();
    for (path, method, operation) in operations(&description) {
        let id = operation["operationId"].as_str().expect("an id");
        let named: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let parameters = operation["parameters"].as_array().expect("parameters");
        let described: BTreeSet<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        for parameter in parameters {
            let told = [&parameter["description"], &parameter["schema"]["description"]];
            assert!(told.iter().any(|text| text.is_string()), "src/summary.rs explains {parameter} of {id}");
        }
        assert_eq!(named, described, "{method} {path}");
        assert!(operation["x-accesses"].is_object(), "{id} says which accesses open it");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(summary.ends_with('.'), "src/summary.rs says in a sentence what {id} does");
        for status in ["400", "401", "429", "500", "503"] {
            assert!(operation["responses"][status].is_object(), "{id} describes {status}");
        }
    }
}

#[test]
fn it_keeps_what_the_published_description_promises() {
    let Ok(text) = std::fs::read_to_string(Path::new(PUBLISHED)) else {
        #[allow(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: no published description lies beside the project, nothing was compared");
        }
        return;
    };
    let published: Value = serde_json::from_str(&text).expect("it is JSON");
    let ours = bough_api::openapi();
    let mut found = Vec::new();
    let mut compared = 0;
    for (path, method, own) in operations(&ours) {
        let id = own["operationId"].as_str().expect("an id");
        let Some((their_path, their_method, theirs)) =
            operations(&published).into_iter().find(|(_, _, theirs)| theirs["operationId"] == id)
        else {
            continue;
        };
        compared += 1;
        let unnamed = |path: &str| {
            let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
            parts.collect::<Vec<_>>().join("/")
        };
        if (unnamed(path), method) != (unnamed(their_path), their_method) {
            found.push(format!("{id}: {method} {path} is {their_method} {their_path}"));
        }
        compare_parameters(id, own, theirs, &mut found);
        for (status, theirs) in theirs["responses"].as_object().into_iter().flatten() {
            if !status.starts_with('2') {
                continue;
            }
            let Some(own) = own["responses"].get(status) else {
                found.push(format!("{id}: {status} is not answered"));
                continue;
            };
            let schema = |response: &Value| response.pointer("/content/application~1json/schema").cloned();
            if let (Some(own), Some(theirs)) = (schema(own), schema(theirs)) {
                compare(&ours, id, &own, &published, &theirs, &mut found);
            }
        }
    }
    assert!(compared > 20, "only {compared} operations were compared");
    let (known, news): (Vec<_>, Vec<_>) =
        found.iter().partition(|difference| DEVIATIONS.iter().any(|(known, _)| known == *difference));
    assert!(news.is_empty(), "differences that are not in the list:\n{}", join(&news));
    let gone: Vec<&str> = DEVIATIONS
        .iter()
        .map(|(known, _)| *known)
        .filter(|deviation| !known.iter().any(|found| found == deviation))
        .collect();
    assert!(gone.is_empty(), "no longer deviations: {gone:?}");
}

fn join(lines: &[&String]) -> String {
    lines.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n")
}

fn operations(description: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = description["paths"].as_object().expect("paths");
    let methods = ["get", "post", "put", "patch", "delete"];
    paths
        .iter()
        .flat_map(|(path, item)| {
            methods.iter().filter_map(move |method| Some((path.as_str(), *method, item.get(*method)?)))
        })
        .collect()
}

fn compare_parameters(id: &str, own: &Value, theirs: &Value, found: &mut Vec<String>) {
    let query = |operation: &Value| -> BTreeSet<String> {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let in_query = parameters.iter().filter(|parameter| parameter["in"] == "query");
        in_query.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect()
    };
    for name in query(theirs).difference(&query(own)) {
        found.push(format!("{id}: the query parameter {name} is not taken"));
    }
}

/// Follows references, and looks past the null of what may be null.
fn resolve(description: &Value, schema: &Value) -> (Value, bool) {
    let mut schema = schema.clone();
    let mut nullable = schema["nullable"] == true;
    loop {
        if let Some(name) = schema["$ref"].as_str() {
            let pointer = name.trim_start_matches('#');
            schema = description.pointer(pointer).cloned().unwrap_or_default();
        } else if let Some(any) = schema["anyOf"].as_array().cloned() {
            nullable |= any.iter().any(|one| one["type"] == "null");
            schema = any.into_iter().find(|one| one["type"] != "null").unwrap_or_default();
        } else {
            break;
        }
    }
    if let Some(types) = schema["type"].as_array() {
        nullable |= types.iter().any(|one| one == "null");
        let first = types.iter().find(|one| *one != "null").cloned().unwrap_or(Value::from("null"));
        schema["type"] = first;
    }
    nullable |= schema["nullable"] == true || schema["type"] == "null";
    (schema, nullable)
}

/// Every field that the published description requires must be answered, of the same type, and null
/// only where null is promised.
fn compare(ours: &Value, at: &str, own: &Value, published: &Value, theirs: &Value, found: &mut Vec<String>) {
    let (own, own_nullable) = resolve(ours, own);
    let (theirs, their_nullable) = resolve(published, theirs);
    if own_nullable && !their_nullable {
        found.push(format!("{at}: may be null here"));
    }
    // Always null: nothing more to compare.
    if own["type"] == "null" {
        return;
    }
    let kind = |schema: &Value| schema["type"].as_str().unwrap_or("any").replace("number", "integer");
    let (own_kind, their_kind) = (kind(&own), kind(&theirs));
    if own_kind != their_kind && own_kind != "any" && their_kind != "any" {
        found.push(format!("{at}: is {own_kind} and not {their_kind}"));
        return;
    }
    if their_kind == "array" {
        return compare(ours, &format!("{at}[]"), &own["items"], published, &theirs["items"], found);
    }
    let empty = Map::new();
    let own_fields = own["properties"].as_object().unwrap_or(&empty);
    let required = theirs["required"].as_array().cloned().unwrap_or_default();
    for (name, field) in theirs["properties"].as_object().unwrap_or(&empty) {
        let here = format!("{at}.{name}");
        match own_fields.get(name) {
            Some(own) => compare(ours, &here, own, published, field, found),
            None if required.iter().any(|required| required == name) => {
                found.push(format!("{here}: is missing"))
            }
            None => {}
        }
    }
}
