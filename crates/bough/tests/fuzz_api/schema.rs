//! The served description: what can be asked for, and whether a value is of a described shape. Only the
//! words of JSON Schema that stand in our description are known; another one is an error, so that none
//! is passed over in silence.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One operation, as it is described.
pub struct Described {
    pub id: String,
    pub method: String,
    /// Below `/v1`, with `{parameters}`.
    pub path: String,
    /// Names and schemas of what may stand in the query.
    pub query: Vec<(String, Value)>,
    /// Names of headers that it takes.
    pub headers: Vec<String>,
    pub body: Option<Value>,
    pub body_required: bool,
    /// The schema of the body of each status; none where there is no body.
    pub answers: BTreeMap<u16, Option<Value>>,
    /// Open without a credential.
    pub public: bool,
}

/// The whole description.
pub struct Description {
    root: Value,
    pub operations: Vec<Described>,
}

/// Words that say nothing about what a value may be.
const NOTES: &[&str] = &["description", "examples", "default", "title"];

impl Description {
    pub fn read(root: Value) -> Self {
        let mut operations = Vec::new();
        for (path, methods) in root["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                operations.push(described(method, path, operation));
            }
        }
        Self { root, operations }
    }

    /// Follows a reference.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            None => schema,
            Some(name) => {
                let found = self.root.pointer(name.trim_start_matches('#'));
                self.resolve(found.unwrap_or_else(|| panic!("{name} leads nowhere")))
            }
        }
    }

    /// What is wrong with a value, and where.
    pub fn check(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        let schema = self.resolve(schema);
        // `true` allows everything.
        let Some(words) = schema.as_object() else { return };
        for (word, wanted) in words {
            let fault = match word.as_str() {
                "type" => fault_of_type(wanted, value),
                "enum" => {
                    let known = wanted.as_array().expect("an enum");
                    (!known.contains(value)).then(|| format!("is {value}, none of {wanted}"))
                }
                "const" => (wanted != value).then(|| format!("is {value}, not {wanted}")),
                "format" => fault_of_format(wanted.as_str().expect("a format"), value),
                "minimum" => less(value, wanted).then(|| format!("is {value}, less than {wanted}")),
                "maximum" => less(wanted, value).then(|| format!("is {value}, more than {wanted}")),
                "minLength" | "maxLength" | "minItems" | "maxItems" => fault_of_length(word, wanted, value),
                "pattern" => panic!("no pattern stands in a schema of an answer yet: {wanted}"),
                "anyOf" => {
                    let fits = |one: &Value| {
                        let mut faults = Vec::new();
                        self.check(one, value, at, &mut faults);
                        faults.is_empty()
                    };
                    let fitting = wanted.as_array().expect("a list").iter().any(fits);
                    (!fitting).then(|| "is of none of the shapes that it may have".to_owned())
                }
                "properties" | "additionalProperties" | "items" | "required" => None,
                note if NOTES.contains(&note) => None,
                other => panic!("{at}: the word {other:?} of the description is not known to this test"),
            };
            faults.extend(fault.map(|fault| format!("{at} {fault}")));
        }
        if let (Some(items), Some(values)) = (words.get("items"), value.as_array()) {
            for value in values {
                self.check(items, value, &format!("{at}[]"), faults);
            }
        }
        if let Some(fields) = value.as_object() {
            self.check_fields(words, fields, at, faults);
        }
    }

    fn check_fields(
        &self,
        words: &Map<String, Value>,
        fields: &Map<String, Value>,
        at: &str,
        faults: &mut Vec<String>,
    ) {
        let none = Map::new();
        let fixed = words.contains_key("properties");
        let known = words.get("properties").and_then(Value::as_object).unwrap_or(&none);
        for name in words.get("required").and_then(Value::as_array).into_iter().flatten() {
            let name = name.as_str().expect("a name");
            if !fields.contains_key(name) {
                faults.push(format!("{at}.{name} is missing"));
            }
        }
        // Stricter than JSON Schema: what is answered is described.
        let others = words.get("additionalProperties");
        for (name, value) in fields {
            match (known.get(name), others) {
                (Some(schema), _) => self.check(schema, value, &format!("{at}.{name}"), faults),
                (None, Some(Value::Bool(true))) => {}
                (None, Some(schema @ Value::Object(_))) => {
                    self.check(schema, value, &format!("{at}.*"), faults)
                }
                // An object of which no field is described may hold any.
                (None, _) if !fixed => {}
                (None, _) => faults.push(format!("{at}.{name} is not described")),
            }
        }
    }
}

fn described(method: &str, path: &str, operation: &Value) -> Described {
    let parameters = operation["parameters"].as_array().expect("parameters");
    let of = |place: &str| -> Vec<(String, Value)> {
        let those = parameters.iter().filter(|parameter| parameter["in"] == place);
        those.map(|one| (one["name"].as_str().expect("a name").to_owned(), one["schema"].clone())).collect()
    };
    let schema = |of: &Value| of.pointer("/content/application~1json/schema").cloned();
    let answers = operation["responses"].as_object().expect("responses");
    Described {
        id: operation["operationId"].as_str().expect("an id").to_owned(),
        method: method.to_uppercase(),
        path: path.to_owned(),
        query: of("query"),
        headers: of("header").into_iter().map(|(name, _)| name).collect(),
        body: schema(&operation["requestBody"]),
        body_required: operation["requestBody"]["required"] == true,
        answers: answers
            .iter()
            .map(|(status, answer)| (status.parse().expect("a status"), schema(answer)))
            .collect(),
        public: operation["security"] == serde_json::json!([]),
    }
}

fn fault_of_type(wanted: &Value, value: &Value) -> Option<String> {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type {other:?} is not known"),
    };
    let fits = match wanted {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().any(|name| is(name.as_str().expect("a type"))),
        other => panic!("{other} is no type"),
    };
    (!fits).then(|| format!("is {value}, which is no {wanted}"))
}

fn fault_of_format(format: &str, value: &Value) -> Option<String> {
    let fits = match (format, value) {
        (_, Value::Null) | ("int64" | "float" | "double", _) => true,
        ("uint" | "uint64", value) => value.is_u64(),
        ("uint16", value) => value.as_u64().is_some_and(|number| u16::try_from(number).is_ok()),
        ("uint32", value) => value.as_u64().is_some_and(|number| u32::try_from(number).is_ok()),
        ("date-time", Value::String(text)) => {
            let pattern = "dddd-dd-ddTdd:dd:dd.dddZ";
            let same =
                |(wanted, is): (u8, u8)| if wanted == b'd' { is.is_ascii_digit() } else { wanted == is };
            text.len() == pattern.len() && pattern.bytes().zip(text.bytes()).all(same)
        }
        (other, _) => panic!("the format {other:?} is not known"),
    };
    (!fits).then(|| format!("is {value}, which is no {format}"))
}

fn less(one: &Value, other: &Value) -> bool {
    matches!((one.as_f64(), other.as_f64()), (Some(one), Some(other)) if one < other)
}

fn fault_of_length(word: &str, wanted: &Value, value: &Value) -> Option<String> {
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        _ => return None,
    };
    let wanted = usize::try_from(wanted.as_u64().expect("a length")).expect("a length");
    let fits = if word.starts_with("min") { length >= wanted } else { length <= wanted };
    (!fits).then(|| format!("has a length of {length}, but {word} is {wanted}"))
}
