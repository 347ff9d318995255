//! Requests from the description: mostly what might be meant, with something wrong in it now and then;
//! places that are there, are elsewhere, are hidden, are not, and cannot be.

use bough_testkit::{Dice, Raw};
use serde_json::Value;

use crate::body::POURED_BYTES;
use crate::hostile;
use crate::schema::{Described, Description};
use crate::world::{Kind, Principal, World};

/// Longest address that is refused in words, in bytes.
const ADDRESS_BYTES: usize = 60_000;

/// A request, and what is known of it.
pub struct Case {
    /// Whose.
    pub principal: usize,
    /// What it asks for; none where that does not matter or there is no such thing.
    pub operation: Option<usize>,
    pub request: Raw,
    /// Its path names the first organization.
    pub own: bool,
    /// And in it the database that those with a few accesses know.
    pub on_shop: bool,
    /// It is no proper request: whoever reads it may end the connection.
    pub malformed: bool,
    /// Its credential was spoilt on purpose.
    pub spoilt: bool,
}

/// How one request is made.
pub struct Generator<'a> {
    pub world: &'a World,
    pub description: &'a Description,
    pub dice: Dice,
}

/// Where a path leads.
#[derive(Default)]
struct Place {
    own: bool,
    on_shop: bool,
}

impl Generator<'_> {
    /// One request.
    pub fn case(&mut self) -> Case {
        let principal = self.principal();
        if self.dice.percent(3) {
            return self.without_route(principal);
        }
        let mut number = self.dice.below(self.description.operations.len());
        // Each database made is a server started, which takes far longer than anything else here.
        if self.description.operations[number].id == "create_database" && self.dice.percent(75) {
            number = self.dice.below(self.description.operations.len());
        }
        let operation = &self.description.operations[number];
        let who = &self.world.principals[principal];
        // Whoever has power over what stays only reads it: it is still to be there for the others.
        let changes = operation.method != "GET";
        let (path, place) = self.path(operation, who, changes);
        let mut request = Raw::new(&operation.method, &format!("/v1{path}{}", self.query(operation)));
        let mut case_operation = Some(number);
        match self.dice.below(40) {
            0 => {
                request.method = "HEAD".to_owned();
                case_operation = None;
            }
            1 if !changes => {
                request.method =
                    (*self.dice.pick(&["OPTIONS", "TRACE", "BREW", "get", "PROPFIND"])).to_owned();
                case_operation = None;
            }
            _ => {}
        }
        // So long an address is refused before anybody could find words for it.
        let malformed = request.target.len() > ADDRESS_BYTES;
        let spoilt = self.credential(&mut request, who);
        self.headers(&mut request, operation);
        if let Some(schema) = &operation.body {
            self.body(&mut request, schema, operation.body_required);
        } else if self.dice.percent(6) {
            let mut body = hostile::value(&mut self.dice).to_string().into_bytes();
            body.truncate(POURED_BYTES);
            request.body = Some(body);
        }
        Case {
            principal,
            operation: case_operation.filter(|_| !malformed),
            request,
            own: place.own,
            on_shop: place.on_shop,
            malformed,
            spoilt,
        }
    }

    fn principal(&mut self) -> usize {
        // The administrator reaches furthest, so he is most of it.
        let weights = [54, 12, 10, 6, 8, 3, 3, 4];
        let mut at = self.dice.below(weights.iter().sum());
        for (number, weight) in weights.iter().enumerate() {
            if at < *weight {
                return number;
            }
            at -= weight;
        }
        0
    }

    fn credential(&mut self, request: &mut Raw, who: &Principal) -> bool {
        let Some(valid) = &who.authorization else { return false };
        if who.kind != Kind::Wrong && self.dice.percent(2) {
            let spoilt = hostile::authorization(&mut self.dice, valid);
            request.headers.push(("authorization".to_owned(), spoilt));
            return true;
        }
        request.headers.push(("Authorization".to_owned(), valid.clone()));
        false
    }

    fn headers(&mut self, request: &mut Raw, operation: &Described) {
        let mut add = |name: &str, value: String| request.headers.push((name.to_owned(), value));
        for name in &operation.headers {
            match name.as_str() {
                "Idempotency-Key" if self.dice.percent(25) => {
                    let few = ["a", "b", "c", "d", "a key with spaces", "", "é"];
                    let key = if self.dice.percent(50) {
                        (*self.dice.pick(&few)).to_owned()
                    } else {
                        format!("key-{}", self.dice.below(100_000))
                    };
                    add("Idempotency-Key", if self.dice.percent(3) { "k".repeat(256) } else { key });
                }
                "If-Match" if self.dice.percent(30) => {
                    add("If-Match", (*self.dice.pick(&["*", "\"x\"", "x", "", "W/\"x\""])).to_owned());
                }
                "Idempotency-Key" | "If-Match" => {}
                other => panic!("a header that this test does not know: {other}"),
            }
        }
        if self.dice.percent(6) {
            let (name, value) = *self.dice.pick(&[
                ("Accept", "application/xml"),
                ("Accept-Encoding", "gzip, br, identity;q=0"),
                ("Content-Encoding", "gzip"),
                ("X-HTTP-Method-Override", "DELETE"),
                ("X-Forwarded-For", "10.0.0.1"),
                ("X-Original-URL", "/v1/user"),
                ("Forwarded", "for=10.0.0.1"),
                ("Range", "bytes=0-1"),
                ("If-None-Match", "*"),
                ("Origin", "http://attacker.example"),
                ("Cookie", "session=x"),
                ("X-Request-Id", "chosen-by-the-client"),
                ("Connection", "close"),
                ("Connection", "authorization"),
                ("TE", "trailers"),
            ]);
            add(name, value.to_owned());
        }
        if self.dice.percent(1) {
            add("x-long", "x".repeat(*self.dice.pick(&[8_000, 32_000, 33_000, 60_000])));
        }
    }

    fn path(&mut self, operation: &Described, who: &Principal, changes: bool) -> (String, Place) {
        let mut place = Place::default();
        let mut database = String::new();
        let mut path = String::new();
        // One that is there is found by chance hardly ever.
        let mut password = None;
        if operation.path.contains("/passwords/") && self.dice.percent(60) {
            let known = self.world.loose(|loose| loose.passwords.clone());
            password = (!known.is_empty()).then(|| self.dice.pick(&known).clone());
        }
        for part in operation.path.split('/').skip(1) {
            let piece = match part {
                "{organization}" => self.organization(who, &mut place),
                "{database}" => {
                    database = match &password {
                        Some((database, _, _)) => {
                            place.on_shop = place.own && *database == self.world.shop.handle;
                            database.clone()
                        }
                        None => self.database(who, changes, &mut place),
                    };
                    database.clone()
                }
                "{branch}" => match &password {
                    Some((_, branch, _)) => branch.clone(),
                    None => self.branch(&database),
                },
                "{id}" if operation.path.contains("/members/") => {
                    let known = [&self.world.members, &self.world.foreign_ids];
                    let known: Vec<String> = known.into_iter().flatten().cloned().collect();
                    self.known(&known)
                }
                "{user}" => {
                    let known = [&self.world.members, &self.world.foreign_ids];
                    let known: Vec<String> = known.into_iter().flatten().cloned().collect();
                    self.known(&known)
                }
                "{id}" if operation.path.contains("/passwords/") => {
                    let known = self.world.foreign_ids.clone();
                    password.as_ref().map_or_else(|| self.known(&known), |(_, _, id)| id.clone())
                }
                "{id}" => self.token(who, changes),
                "{resize}" => self.known(&self.world.resizes.clone()),
                parameter if parameter.starts_with('{') => {
                    panic!("a parameter that this test does not know: {parameter}")
                }
                fixed => fixed.to_owned(),
            };
            path.push('/');
            path.push_str(&piece);
        }
        if self.dice.percent(1) {
            path = path.replace('/', "//");
        }
        (path, place)
    }

    /// One of some, or what cannot be.
    fn known(&mut self, known: &[String]) -> String {
        if !known.is_empty() && self.dice.percent(92) {
            return self.dice.pick(known).clone();
        }
        self.odd()
    }

    /// A piece of a path that names nothing; not an empty one, with which it would be another path.
    fn odd(&mut self) -> String {
        match self.dice.below(5) {
            0 => "absent".to_owned(),
            1 => {
                let text = hostile::text(&mut self.dice);
                let piece = hostile::escaped(&mut self.dice, &text);
                if piece.is_empty() { "%20".to_owned() } else { piece }
            }
            _ => (*self.dice.pick(hostile::PIECES)).replace([' ', '<', '>'], "%20"),
        }
    }

    fn organization(&mut self, who: &Principal, place: &mut Place) -> String {
        let other = who.kind == Kind::Stranger && self.dice.percent(30);
        if !other && self.dice.percent(96) {
            place.own = true;
            return self.world.organization.clone();
        }
        if self.dice.percent(70) { self.world.other_organization.clone() } else { self.odd() }
    }

    fn database(&mut self, who: &Principal, changes: bool, place: &mut Place) -> String {
        let loose = self.world.loose(|loose| loose.databases.clone());
        let kept = match who.kind {
            // Those with power over it leave alone what stays.
            Kind::Admin | Kind::Stranger if changes => Vec::new(),
            _ => self.world.hidden.iter().chain(&self.world.foreign).map(|one| one.handle.clone()).collect(),
        };
        let chosen = match self.dice.below(10) {
            0..=3 if !loose.is_empty() => self.dice.pick(&loose).clone(),
            4..=6 if who.kind == Kind::Few || !changes => self.world.shop.handle.clone(),
            7 | 8 if !kept.is_empty() => self.dice.pick(&kept).clone(),
            9 if self.dice.percent(50) => self.odd(),
            _ if !loose.is_empty() => self.dice.pick(&loose).clone(),
            _ => "absent".to_owned(),
        };
        place.on_shop = place.own && chosen == self.world.shop.handle;
        chosen
    }

    fn branch(&mut self, database: &str) -> String {
        let loose = self.world.loose(|loose| {
            let own = loose.branches.iter().filter(|(of, _)| of == database).map(|(_, name)| name.clone());
            own.collect::<Vec<_>>()
        });
        let stays = [&self.world.shop].into_iter().chain(&self.world.hidden).chain(&self.world.foreign);
        let stays = stays.filter(|one| one.handle == database).flat_map(|one| one.branches.clone());
        let mut all: Vec<String> = loose.into_iter().chain(stays).collect();
        if all.is_empty() {
            all.push("main".to_owned());
        }
        self.known(&all)
    }

    fn token(&mut self, who: &Principal, changes: bool) -> String {
        let mut known = self.world.loose(|loose| loose.tokens.clone());
        if who.kind != Kind::Stranger && self.dice.percent(60) {
            return self.known(&known);
        }
        let powerful = matches!(who.kind, Kind::Admin | Kind::Clerk | Kind::Stranger);
        if !(changes && powerful) {
            known.extend(self.world.principals.iter().map(|one| one.id.clone()).filter(|id| !id.is_empty()));
        }
        if who.kind != Kind::Stranger || !changes {
            known.extend(self.world.foreign_ids.iter().cloned());
        }
        self.known(&known)
    }

    fn query(&mut self, operation: &Described) -> String {
        let mut pairs: Vec<String> = Vec::new();
        for (name, schema) in &operation.query {
            // Waiting takes its time.
            let chance = if name == "wait" { 4 } else { 30 };
            if !self.dice.percent(chance) {
                continue;
            }
            let value = match self.dice.percent(70) {
                true => self.parameter(name, schema),
                false => hostile::text(&mut self.dice),
            };
            let (name, value) =
                (hostile::escaped(&mut self.dice, name), hostile::escaped(&mut self.dice, &value));
            pairs.push(format!("{name}={value}"));
            if self.dice.percent(4) {
                pairs.push(format!("{name}=2"));
            }
        }
        if self.dice.percent(6) {
            let piece =
                ["unknown=1", "=", "&&&", "page", "page[]=1", "%00=1", "a=%zz", "%ff=%fe", "q=1;q=2", "?"];
            pairs.push((*self.dice.pick(&piece)).to_owned());
        }
        if self.dice.percent(1) {
            pairs.push(format!("q={}", "q".repeat(*self.dice.pick(&[1_000, 8_000, 9_000]))));
        }
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    fn parameter(&mut self, name: &str, schema: &Value) -> String {
        if let Some(words) = schema["enum"].as_array() {
            return self.dice.pick(words).as_str().expect("a word").to_owned();
        }
        match (name, schema["type"].as_str()) {
            (_, Some("integer")) => {
                self.dice.pick(&["1", "2", "3", "100", "1000", "99999999999"]).to_string()
            }
            (_, Some("boolean")) => self.dice.pick(&["true", "false", "1", "0"]).to_string(),
            ("filters[]", _) => {
                let of = [
                    "audit_action:database.created",
                    "audit_action:branch.created",
                    "actor_id:x",
                    "a:b:c",
                    ":",
                ];
                (*self.dice.pick(&of)).to_owned()
            }
            _ => self.fitting(name),
        }
    }

    /// What leads nowhere, and what is no request.
    fn without_route(&mut self, principal: usize) -> Case {
        let who = &self.world.principals[principal];
        let mut case = Case {
            principal,
            operation: None,
            request: Raw::new("GET", "/"),
            own: false,
            on_shop: false,
            malformed: false,
            spoilt: false,
        };
        let organization = &self.world.organization;
        let odd = self.odd();
        let target = match self.dice.below(8) {
            0 => format!("/v1/{odd}"),
            1 => format!("/{odd}"),
            2 => format!("/v1/organizations/{organization}/{odd}"),
            3 => format!("/v1/organizations/{organization}/databases/shop/{odd}"),
            4 => format!("/avatars/{odd}"),
            5 => {
                format!("/v1/organizations/{organization}/databases/../../{}", self.world.other_organization)
            }
            6 => (*self.dice.pick(&[
                "*",
                "http://other.example/v1/regions",
                "/v1//",
                "/v1/regions#x",
                "?",
                "v1",
            ]))
            .to_owned(),
            _ => {
                let at = self.dice.below(self.description.operations.len());
                let path = &self.description.operations[at].path;
                format!("/v1{path}/{odd}")
            }
        };
        let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW", "CONNECT"];
        let method = methods[self.dice.below(methods.len())];
        case.request = Raw::new(method, &target);
        case.spoilt = self.credential(&mut case.request, who);
        if self.dice.percent(20) {
            case.malformed = true;
            let (name, value) = *self.dice.pick(&[
                ("content-length", "-1"),
                ("content-length", "99999999999999999999"),
                ("transfer-encoding", "xchunked"),
                ("transfer-encoding", "chunked, chunked"),
                ("bad name", "x"),
                ("x-null", "a\0b"),
                ("x-folded", "a\r\n b"),
                ("host", "a b"),
                ("expect", "200-ok"),
                ("upgrade", "websocket"),
            ]);
            case.request.headers.push((name.to_owned(), value.to_owned()));
        }
        case.malformed |= target.len() > ADDRESS_BYTES;
        case.malformed |=
            !target.starts_with('/') || target.contains('#') || case.request.method == "CONNECT";
        case
    }
}
