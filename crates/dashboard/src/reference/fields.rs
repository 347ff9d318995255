//! Fields of bodies, parameters and objects, as our description has them, in words.

use serde_json::{Map, Value, json};

/// A part of a text, which is code or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) is_code: bool,
    pub(super) text: String,
}

/// Text with code between backticks, as comments have it.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let parts = text.split('`').enumerate();
    let pieces = parts.map(|(at, part)| Piece { is_code: at % 2 == 1, text: part.replace('\n', " ") });
    pieces.filter(|piece| !piece.text.is_empty()).collect()
}

/// What a value is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    /// In words, such as `array of`.
    pub(super) before: &'static str,
    /// The object that it is, or one of which it is made, as the description calls it; or empty.
    pub(super) object: String,
    /// In words, such as `or null`.
    pub(super) after: &'static str,
}

impl Kind {
    /// As pages call the object.
    pub(super) fn shown(&self) -> &str {
        shown(&self.object)
    }
}

/// The name of an object for people.
pub(super) fn shown(name: &str) -> &str {
    name.strip_suffix("Shape").unwrap_or(name)
}

/// One field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// `path`, `query`, `header`, or empty for a field of an object.
    pub(super) place: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) text: Vec<Piece>,
    /// What values it may have: `1 to 63 characters`.
    pub(super) limits: String,
}

fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The name of the object that a schema refers to.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

fn word(name: &str, format: &str) -> &'static str {
    match (name, format) {
        ("string", "date-time") => "time",
        ("string", _) => "string",
        ("integer", _) => "integer",
        ("number", _) => "number",
        ("boolean", _) => "boolean",
        ("object", _) => "object",
        ("array", _) => "array",
        ("null", _) => "null",
        _ => "anything",
    }
}

fn array_of(item: &str) -> &'static str {
    match item {
        "string" => "array of string",
        "integer" => "array of integer",
        "boolean" => "array of boolean",
        _ => "array",
    }
}

/// What a schema is, in words.
pub(super) fn kind(schema: &Value) -> Kind {
    if let Some(name) = reference(schema) {
        return Kind { object: name.to_owned(), ..Kind::default() };
    }
    if let Some(ways) = schema["anyOf"].as_array() {
        let or_null = ways.iter().any(|way| way["type"] == "null");
        let object = ways.iter().find_map(reference).unwrap_or_default().to_owned();
        return Kind { before: "", object, after: if or_null { "or null" } else { "" } };
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let main = names.iter().copied().find(|name| *name != "null").or(names.first().copied()).unwrap_or("");
    let after = if names.len() > 1 && names.contains(&"null") { "or null" } else { "" };
    if main != "array" {
        return Kind { before: word(main, text_of(schema, "format")), object: String::new(), after };
    }
    match reference(&schema["items"]) {
        Some(name) => Kind { before: "array of", object: name.to_owned(), after },
        None => Kind { before: array_of(text_of(&schema["items"], "type")), object: String::new(), after },
    }
}

/// What values are taken, as far as the schema says.
fn limits(schema: &Value) -> String {
    let mut said = Vec::new();
    let mut range = |from: &Value, to: &Value, of: &str| match (from.as_u64(), to.as_u64()) {
        (None, None) => {}
        (Some(from), Some(to)) => said.push(format!("{from} to {to}{of}")),
        (Some(from), None) => said.push(format!("at least {from}{of}")),
        (None, Some(to)) => said.push(format!("at most {to}{of}")),
    };
    range(&schema["minLength"], &schema["maxLength"], " characters");
    range(&schema["minimum"], &schema["maximum"], "");
    range(&schema["minItems"], &schema["maxItems"], " of them");
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        said.push(values.join(" or "));
    }
    match &schema["default"] {
        Value::Null => {}
        Value::String(text) => said.push(format!("default {text}")),
        other => said.push(format!("default {other}")),
    }
    said.join("; ")
}

/// A parameter of an operation.
pub(super) fn parameter(described: &Value) -> Field {
    let schema = &described["schema"];
    let said = [text_of(described, "description"), text_of(schema, "description")];
    Field {
        name: text_of(described, "name").to_owned(),
        place: text_of(described, "in").to_owned(),
        kind: kind(schema),
        required: described["required"] == true,
        text: pieces(said.into_iter().find(|text| !text.is_empty()).unwrap_or_default()),
        limits: limits(schema),
    }
}

/// The fields of an object, or of a body; those that must be there come first in a body.
pub(super) fn fields(schema: &Value, is_body: bool) -> Vec<Field> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let mut fields: Vec<Field> = properties
        .iter()
        .map(|(name, schema)| Field {
            name: name.clone(),
            place: String::new(),
            kind: kind(schema),
            required: is_body && required.contains(&name.as_str()),
            text: pieces(text_of(schema, "description")),
            limits: if is_body { limits(schema) } else { String::new() },
        })
        .collect();
    if is_body {
        fields.sort_by_key(|field| !field.required);
    }
    fields
}

/// The names of the objects in a schema, at its first level.
pub(super) fn objects_in(schema: &Value) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let own = kind(schema).object;
    let within = fields(schema, false).into_iter().map(|field| field.kind.object);
    for name in std::iter::once(own).chain(within) {
        if !name.is_empty() && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// Deepest object within an object of an example.
const SAMPLE_DEPTH_MAX: usize = 3;

/// An example of a body: what must be in it, or else its first field.
pub(super) fn sample(schema: &Value, schemas: &Value) -> Value {
    sample_of("", schema, schemas, 0)
}

fn sample_of(name: &str, schema: &Value, schemas: &Value, depth: usize) -> Value {
    let schema = reference(schema).map_or(schema, |name| &schemas[name]);
    if let Some(properties) = schema["properties"].as_object().filter(|_| depth <= SAMPLE_DEPTH_MAX) {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let chosen = properties.iter().filter(|(name, _)| required.contains(&name.as_str()));
        let mut chosen: Vec<(&String, &Value)> = chosen.collect();
        if chosen.is_empty() {
            let telling = properties.iter().find(|(name, _)| *name == "cluster_size");
            chosen.extend(telling.or(properties.iter().next()));
        }
        let object: Map<String, Value> = chosen
            .into_iter()
            .map(|(name, schema)| (name.clone(), sample_of(name, schema, schemas, depth + 1)))
            .collect();
        return Value::Object(object);
    }
    let text = match name {
        "name" | "new_name" => "new-name",
        "access" | "accesses" => "read_organization",
        "cluster_size" => "PS_DEV",
        "role" => "analyst",
        "operation" => "list_databases",
        "user_id" | "id" | "resource_id" => "k3x9p2m4q7ab",
        "resource_type" => "Database",
        "database" => "shop",
        "branch" | "parent_branch" => "main",
        "billing_email" => "ada@example.com",
        "cidrs" => "192.0.2.0/24",
        _ => "text",
    };
    match kind(schema).before {
        "integer" | "number" => schema["minimum"].as_i64().filter(|least| *least > 0).unwrap_or(3_600).into(),
        "boolean" => json!(true),
        "array" | "array of" | "array of string" => {
            json!([sample_of(name, &schema["items"], schemas, depth + 1)])
        }
        "object" => json!({}),
        _ => json!(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_text() {
        let piece = |is_code, text: &str| Piece { is_code, text: text.to_owned() };
        assert_eq!(
            pieces("empty; `*` for all\nof them"),
            [piece(false, "empty; "), piece(true, "*"), piece(false, " for all of them")]
        );
        assert_eq!(pieces("`mysql`"), [piece(true, "mysql")]);
        assert!(pieces("").is_empty());
    }

    #[test]
    fn values_are_named_as_the_schema_has_them() {
        let told = |schema: Value| {
            let kind = kind(&schema);
            [kind.before, kind.shown(), kind.after].map(str::to_owned).join("|")
        };
        assert_eq!(told(json!({"type": ["string", "null"]})), "string||or null");
        assert_eq!(told(json!({"type": "string", "format": "date-time"})), "time||");
        assert_eq!(told(json!({"$ref": "#/components/schemas/RegionShape"})), "|Region|");
        assert_eq!(told(json!({"type": "array", "items": {"$ref": "#/a/Sku"}})), "array of|Sku|");
        assert_eq!(told(json!({"anyOf": [{"$ref": "#/a/User"}, {"type": "null"}]})), "|User|or null");
        assert_eq!(told(json!({"type": "null"})), "null||");
        assert_eq!(told(json!({})), "anything||");
    }

    #[test]
    fn limits_are_told() {
        let said = |schema: Value| limits(&schema);
        assert_eq!(said(json!({"minLength": 1, "maxLength": 63})), "1 to 63 characters");
        assert_eq!(said(json!({"minimum": 1, "default": 25})), "at least 1; default 25");
        assert_eq!(said(json!({"enum": ["asc", "desc"], "default": "desc"})), "asc or desc; default desc");
        assert_eq!(said(json!({"default": null})), "");
    }

    #[test]
    fn an_example_has_what_must_be_there_and_ends() {
        let schemas = json!({
            "Body": {"properties": {"name": {"type": "string"}, "note": {"type": "string"}}, "required": ["name"]},
            "Loose": {"properties": {"ttl": {"type": ["integer", "null"]}}},
            "Round": {"properties": {"round": {"$ref": "#/s/Round"}}, "required": ["round"]},
        });
        let of = |name: &str| sample(&json!({"$ref": format!("#/s/{name}")}), &schemas);
        assert_eq!(of("Body"), json!({"name": "new-name"}));
        assert_eq!(of("Loose"), json!({"ttl": 3600}));
        assert!(of("Round").is_object());
    }
}
