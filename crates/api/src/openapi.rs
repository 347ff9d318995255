//! Our own description of the API, made from the routes that are served and the types that they take
//! and answer.

use bough_policy::{Operation, PathKind, Rule};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::respond::ErrorBody;
use crate::routes::{ROUTES, Route};
use crate::summary;

/// Types of query parameters; a name without an entry is text.
fn query_schema(name: &str) -> Value {
    match name {
        "page" => json!({"type": "integer", "minimum": 1, "default": 1}),
        "per_page" | "limit" => {
            json!({"type": "integer", "minimum": 1, "default": 25, "description": "At most 100; more counts as 100."})
        }
        "production"
        | "safe_migrations"
        | "rates"
        | "delete_descendants"
        | "delete_passwords"
        | "delete_service_tokens"
        | "unused"
        | "expires_soon"
        | "ephemeral" => json!({"type": "boolean"}),
        "wait" => {
            json!({"type": "string", "enum": ["ready"], "description": "Answer as soon as it is ready, or after 60 s."})
        }
        "order" => json!({"type": "string", "enum": ["asc", "desc"], "default": "desc"}),
        "status" => json!({"type": "string", "enum": ["active", "renewable", "expired"]}),
        "span" => json!({"type": "string", "enum": ["day", "month"], "default": "day"}),
        "engine" => json!({"type": "string", "enum": ["mysql", "postgresql"]}),
        "filters[]" => json!({"type": "array", "items": {"type": "string"}}),
        _ => json!({"type": "string"}),
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let row = route.operation.row();
    let in_path = row.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    for name in route.query {
        parameters
            .push(json!({"name": name, "in": "query", "required": false, "schema": query_schema(name)}));
    }
    for parameter in &mut parameters {
        let name = parameter["name"].as_str().unwrap_or_default();
        if let Some(text) = summary::parameter(name, route.operation) {
            parameter["description"] = json!(text);
        }
    }
    if row.method == bough_policy::Method::Post {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            "description": "Carries the request out at most once within 24 hours.",
        }));
    }
    if route.operation == Operation::ReplaceServiceTokenGrants {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "required": false, "schema": {"type": "string"},
            "description": "The ETag of the grants as they were read; 412 if they have changed since.",
        }));
    }
    parameters
}

/// Which accesses open it, in words.
fn authorization(rule: Rule) -> Value {
    let names = |set: bough_policy::AccessSet| json!(set.names());
    match rule {
        Rule::Public => json!({"open_to": "everybody"}),
        Rule::AnyCaller => json!({"open_to": "every valid credential"}),
        Rule::AnyOfOrganization => json!({"open_to": "every valid credential of the organization"}),
        Rule::AnyOf(set) => json!({"any_of": names(set)}),
        Rule::AnyOfOrOneself(set) => json!({"any_of": names(set), "or": "the person that the path names"}),
        Rule::ByClass { development, production } => {
            json!({"development_branch": names(development), "production_branch": names(production)})
        }
        Rule::ByPassword { development, production, production_reader, .. } => json!({
            "development_branch": names(development), "production_branch": names(production),
            "production_branch_reader": names(production_reader),
        }),
        Rule::MakeBranch { from_parent, from_backup, from_production_backup } => json!({
            "from_parent": names(from_parent), "from_development_backup": names(from_backup),
            "from_production_backup": names(from_production_backup),
        }),
        Rule::ByReview { approve, comment } => json!({"approve": names(approve), "comment": names(comment)}),
    }
}

/// Whether a body has keys that must be there. Where it has none, no body stands for an empty one.
fn must_be_sent(schema: &Schema, generator: &SchemaGenerator) -> bool {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    let body = name.and_then(|name| generator.definitions().get(name));
    body.is_some_and(|body| body.get("required").is_some())
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let row = route.operation.row();
    let success = match route.response {
        Some(schema) => json!({
            "description": "Done.",
            "content": {"application/json": {"schema": schema(generator)}},
        }),
        None => json!({"description": "Done; no body."}),
    };
    let mut responses = Map::new();
    responses.insert(route.status.to_string(), success);
    if let Some(status) = route.unchanged {
        responses.insert(status.to_string(), json!({"description": "There was nothing to do; no body."}));
    }
    let mut errors = vec![
        ("400", "The request is malformed."),
        ("401", "No valid credential."),
        ("414", "The address is too long."),
        ("429", "Too many requests."),
        ("431", "The headers are too large."),
    ];
    if row.kind != PathKind::Nowhere {
        errors.push(("403", "The thing can be read, but this may not be done to it."));
    }
    if row.kind != PathKind::Nowhere || !matches!(row.rule, Rule::Public | Rule::AnyCaller) {
        errors.push(("404", "It does not exist, or the caller may not know that it does."));
    }
    if row.method != bough_policy::Method::Get {
        errors.push(("408", "The body did not arrive in time."));
        errors.push(("409", "Something else happens to it at the moment."));
        errors.push(("413", "The body is too large."));
        errors.push(("415", "The body is not JSON."));
        errors.push(("422", "A value cannot be, or the state of things does not allow it."));
    }
    if route.operation == Operation::ReplaceServiceTokenGrants {
        errors.push(("412", "The grants have changed since they were read."));
    }
    errors.push(("500", "A failure of Bough's own."));
    errors.push(("503", "It cannot be done right now."));
    errors.sort_unstable();
    let error = generator.subschema_for::<ErrorBody>();
    for (status, description) in errors {
        let body = json!({"description": description, "content": {"application/json": {"schema": error}}});
        responses.insert(status.to_owned(), body);
    }
    let mut object = json!({
        "operationId": row.id,
        "parameters": parameters(route),
        "responses": responses,
        "x-accesses": authorization(row.rule),
    });
    if let Some(schema) = route.request {
        let schema = schema(generator);
        object["requestBody"] = json!({
            "required": must_be_sent(&schema, generator),
            "content": {"application/json": {"schema": schema}},
        });
    }
    if let Some(summary) = summary::summary(route.operation) {
        object["summary"] = json!(summary);
    }
    if row.rule == Rule::Public {
        object["security"] = json!([]);
    }
    object
}

/// The description, as OpenAPI 3.1.
pub fn openapi() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    let mut routes: Vec<&Route> = ROUTES.iter().collect();
    routes.sort_by_key(|route| (route.operation.row().path, route.operation.row().method.as_str()));
    for route in routes {
        let row = route.operation.row();
        let path = paths.entry(row.path).or_insert_with(|| json!({}));
        path[row.method.as_str().to_lowercase()] = operation(route, &mut generator);
    }
    let mut schemas: Vec<(String, Value)> = generator.take_definitions(true).into_iter().collect();
    schemas.sort_by(|(a, _), (b, _)| a.cmp(b));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Bough",
            "version": "v1",
            "description": "The management API. Send a service token as `Authorization: ID:TOKEN`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/v1"}],
        "security": [{"service_token": []}],
        "paths": paths,
        "components": {
            "schemas": Map::from_iter(schemas),
            "securitySchemes": {
                "service_token": {
                    "type": "apiKey", "in": "header", "name": "Authorization",
                    "description": "`ID:TOKEN`, without a scheme word.",
                },
            },
        },
    })
}
