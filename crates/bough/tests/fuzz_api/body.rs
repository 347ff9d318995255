//! Values and bodies: such as may be meant, with something wrong in them now and then.

use bough_testkit::Raw;
use serde_json::{Map, Value, json};

use crate::generate::Generator;
use crate::hostile;

/// Longest body that is made large on purpose, in bytes: just too large.
const LARGE_BYTES: usize = 1024 * 1024 + 1;
/// Most that is sent in a body, in bytes.
pub const POURED_BYTES: usize = 4 * 1024 * 1024;

impl Generator<'_> {
    /// A text that may be meant in a field of this name.
    pub fn fitting(&mut self, name: &str) -> String {
        let accesses = ["read_branch", "create_branch", "read_database", "write_database", "delete_branch"];
        let of_organization =
            ["read_organization", "read_service_tokens", "write_service_tokens", "read_databases"];
        match name {
            "name" | "new_name" => self.world.fresh_name(),
            "database" => {
                let mut known = self.world.loose(|loose| loose.databases.clone());
                known.extend(["*".to_owned(), String::new(), self.world.shop.handle.clone()]);
                known.extend(
                    self.world.hidden.iter().chain(&self.world.foreign).map(|one| one.handle.clone()),
                );
                self.dice.pick(&known).clone()
            }
            "branch" | "parent_branch" | "default_branch" => {
                let mut known = self
                    .world
                    .loose(|loose| loose.branches.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>());
                known.extend(["main".to_owned(), String::new()]);
                self.dice.pick(&known).clone()
            }
            "access" | "accesses" => {
                let from: &[&str] = if self.dice.percent(60) { &accesses } else { &of_organization };
                (*self.dice.pick(from)).to_owned()
            }
            "operation" => self.dice.pick(&self.description.operations).id.clone(),
            "role" => {
                let roles = ["admin", "admin", "admin", "analyst", "member", "", "owner", "reader", "writer"];
                (*self.dice.pick(&roles)).to_owned()
            }
            "user_id" => self.dice.pick(&self.world.members).clone(),
            "id" => {
                let mut known = self.world.loose(|loose| loose.tokens.clone());
                known.extend(self.world.members.iter().chain(&self.world.foreign_ids).cloned());
                self.dice.pick(&known).clone()
            }
            "region" => (*self.dice.pick(&["local", "", "us-east"])).to_owned(),
            "cluster_size" => {
                (*self.dice.pick(&["PS_DEV", "PS_10", "PS-10", "ps_10", "", "PS_0"])).to_owned()
            }
            "kind" => (*self.dice.pick(&["mysql", "", "postgresql"])).to_owned(),
            "cidrs" => (*self.dice.pick(&["0.0.0.0/0", "::/0", "127.0.0.0/8", "10.0.0.0/8"])).to_owned(),
            "keyspace" | "q" => (*self.dice.pick(&["", "a", "main", "shop", "%"])).to_owned(),
            "vtgate_size" => "VTG_5".to_owned(),
            // No id is of one that there is.
            "read_only_region_id" if self.dice.percent(80) => String::new(),
            _ => (*self.dice.pick(&["x", "text", "1", ""])).to_owned(),
        }
    }

    /// A value of a shape, such as may be meant.
    pub fn value(&mut self, name: &str, schema: &Value) -> Value {
        let schema = self.description.resolve(schema);
        if let Some(any) = schema["anyOf"].as_array() {
            let chosen = self.dice.pick(any);
            return self.value(name, chosen);
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => self.dice.pick(kinds).as_str().expect("a type"),
            kind => kind.as_str().unwrap_or("string"),
        };
        match kind {
            "object" => {
                let mut fields = Map::new();
                let required = schema["required"].as_array();
                for (field, shape) in schema["properties"].as_object().into_iter().flatten() {
                    let needed = required.is_some_and(|names| names.iter().any(|one| one == field));
                    let place = ["resource", "database", "branch"].contains(&field.as_str());
                    if self.dice.percent(if needed {
                        97
                    } else if place {
                        70
                    } else {
                        25
                    }) {
                        fields.insert(field.clone(), self.value(field, shape));
                    }
                }
                Value::Object(fields)
            }
            "array" => {
                let count = *self.dice.pick(&[0, 1, 1, 1, 2, 3]);
                (0..count).map(|_| self.value(name, &schema["items"])).collect()
            }
            // Those that mean nothing here may be sent as they are told.
            "integer" | "number" if name == "vtgate_count" => json!(1),
            "integer" | "number" if name.starts_with("vtgate") || name == "replicas" => json!(0),
            "boolean" if name.starts_with("vtgate") || name == "direct_vtgate" => json!(false),
            "boolean" if name == "replica" => json!(self.dice.percent(10)),
            "boolean" => json!(self.dice.percent(50)),
            "integer" | "number" => json!(*self.dice.pick(&[0, 1, 60, 3_600, 86_400])),
            "null" => Value::Null,
            _ => json!(self.fitting(name)),
        }
    }

    pub fn body(&mut self, request: &mut Raw, schema: &Value, required: bool) {
        if !required && self.dice.percent(8) {
            return;
        }
        let mut value = self.value("", schema);
        let mut raw = None;
        if self.dice.percent(40) {
            let changes = 1 + self.dice.below(2);
            for _ in 0..changes {
                self.spoil(&mut value, &mut raw);
            }
        }
        let mut text = value.to_string();
        if let Some(raw) = raw {
            text = text.replacen("\"@raw@\"", &raw, 1);
        }
        let mut bytes = text.into_bytes();
        match self.dice.below(60) {
            0 => bytes = vec![b' '; *self.dice.pick(&[0, 1, LARGE_BYTES - 1, LARGE_BYTES])],
            1 => bytes.truncate(self.dice.below(bytes.len() + 1)),
            2 => {
                let at = self.dice.below(bytes.len() + 1);
                bytes.insert(at, *self.dice.pick(b"\0\"{}[],:\\\xff\xc0 "));
            }
            3 if !bytes.is_empty() => {
                let at = self.dice.below(bytes.len());
                bytes[at] ^= 1 << self.dice.below(8);
            }
            4 => {
                let levels = *self.dice.pick(&[50, 99, 100, 101, 10_000]);
                bytes = format!("{{\"x\":{}}}", hostile::deep(&mut self.dice, levels)).into_bytes();
            }
            5 => bytes = hostile::value(&mut self.dice).to_string().into_bytes(),
            6 => bytes.splice(0..0, [0xef, 0xbb, 0xbf]).for_each(drop),
            7 => bytes = bytes.repeat(2),
            _ => {}
        }
        // Far too large ones are cut off while they are sent, which is not what is looked for here.
        bytes.truncate(POURED_BYTES);
        let kind = match self.dice.below(24) {
            0 => None,
            1 => Some("text/plain"),
            2 => Some("application/json; charset=latin1"),
            3 => Some("multipart/form-data; boundary=x"),
            4 => Some("APPLICATION/JSON"),
            _ => Some("application/json"),
        };
        request.headers.extend(kind.map(|kind| ("content-type".to_owned(), kind.to_owned())));
        if self.dice.percent(2) {
            request.headers.push(("transfer-encoding".to_owned(), "chunked".to_owned()));
            let mut chunks = Vec::new();
            for part in bytes.chunks(*self.dice.pick(&[1, 7, 4_096])).take(2_000) {
                chunks.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                chunks.extend_from_slice(part);
                chunks.extend_from_slice(b"\r\n");
            }
            chunks.extend_from_slice(b"0\r\n\r\n");
            bytes = chunks;
        }
        request.body = Some(bytes);
    }

    /// Makes one thing in a body wrong.
    fn spoil(&mut self, value: &mut Value, raw: &mut Option<String>) {
        let inside = match value {
            Value::Object(fields) if !fields.is_empty() && self.dice.percent(80) => {
                let at = self.dice.below(fields.len());
                fields.iter_mut().nth(at).map(|(_, inner)| inner)
            }
            Value::Array(items) if !items.is_empty() && self.dice.percent(60) => {
                let at = self.dice.below(items.len());
                items.get_mut(at)
            }
            _ => None,
        };
        if let Some(inner) = inside {
            return self.spoil(inner, raw);
        }
        match (self.dice.below(10), &mut *value) {
            (0 | 1, Value::Object(fields)) => {
                let name =
                    if self.dice.percent(50) { "unknown".to_owned() } else { hostile::text(&mut self.dice) };
                fields.insert(name, hostile::value(&mut self.dice));
            }
            (2, Value::Object(fields)) if !fields.is_empty() => {
                let at = self.dice.below(fields.len());
                let name = fields.keys().nth(at).cloned();
                name.and_then(|name| fields.remove(&name));
            }
            (3, Value::Array(items)) if !items.is_empty() => {
                let first = items[0].clone();
                items.extend(std::iter::repeat_n(first, *self.dice.pick(&[1, 99, 100, 1_000])));
            }
            (4 | 5, Value::String(text)) => *text = hostile::text(&mut self.dice),
            (4 | 5, Value::Number(_)) => *value = json!(self.dice.pick(hostile::NUMBERS)),
            (6, _) if raw.is_none() => {
                *raw = Some((*self.dice.pick(hostile::RAW)).to_owned());
                *value = json!("@raw@");
            }
            (7, inner) => *value = json!([inner.clone()]),
            _ => *value = hostile::value(&mut self.dice),
        }
    }
}
