//! What somebody may not know of answers byte for byte like what is not there: for every served
//! operation, with every method (also those that its path does not have), with and without bodies and
//! the headers that we know, whatever is wrong with them, and where a body names the thing.
//! `route_matrix.rs` tries each access by itself; this tries each way of asking.

use std::collections::BTreeSet;
use std::time::Duration;

use bough_testkit::{Bough, Raw, RawAnswer, Token, Wire};
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
const LIMIT: Duration = Duration::from_secs(30);
/// Every method, also of those that no path has.
const METHODS: &[&str] =
    &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "get"];

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    organization: String,
    database: String,
    branch: String,
    token: String,
    member: String,
    password: String,
}

impl Place {
    /// The path of an operation, and what of this place it names.
    fn path(&self, template: &str) -> String {
        let id = match template {
            _ if template.contains("/members/") => &self.member,
            _ if template.contains("/passwords/") => &self.password,
            _ => &self.token,
        };
        let path = template
            .replace("{organization}", &self.organization)
            .replace("{database}", &self.database)
            .replace("{branch}", &self.branch)
            .replace("{resize}", "zzzzzzzzzzzz")
            .replace("{user}", &self.member)
            .replace("{id}", id);
        assert!(!path.contains('{'), "a parameter of {path} is not known to this test");
        format!("/v1{path}")
    }

    /// An answer's text, with what the request named it by taken out of it: all names here that are there
    /// or not are of one length.
    fn without_names(&self, text: &str) -> String {
        let names =
            [&self.database, &self.branch, &self.token, &self.member, &self.password, &self.organization];
        names.into_iter().fold(text.to_owned(), |text, name| text.replace(name.as_str(), "NAME"))
    }
}

/// Somebody, and pairs of what is hidden from him and what is not there.
struct Asker {
    name: &'static str,
    token: Token,
    pairs: Vec<(Place, Place)>,
}

/// An answer as it came over the wire, without what differs between any two.
fn seen(answer: &RawAnswer) -> (String, String) {
    let differs = |line: &&str| {
        let line = line.to_ascii_lowercase();
        !["x-request-id:", "date:", "ratelimit-"].iter().any(|name| line.starts_with(name))
    };
    let head: Vec<&str> = answer.head.split("\r\n").filter(differs).collect();
    (head.join("\r\n"), answer.text())
}

fn described(bough: &Bough) -> Vec<(String, String, String)> {
    let description = bough.anonymous().get("/v1/openapi.json").expect(200).json;
    let mut operations = Vec::new();
    for (path, methods) in description["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let id = operation["operationId"].as_str().expect("an id").to_owned();
            operations.push((id, method.to_uppercase(), path.clone()));
        }
    }
    operations
}

/// A way to ask: what is added to a request.
type Way = Box<dyn Fn(Raw) -> Raw>;

fn ways() -> Vec<(&'static str, Way)> {
    let body = |text: &'static [u8], kind: &'static str| {
        Box::new(move |request: Raw| Raw {
            body: Some(text.to_vec()),
            ..request.header("content-type", kind)
        }) as Way
    };
    let header = |name: &'static str, value: &'static str| {
        Box::new(move |request: Raw| request.header(name, value)) as Way
    };
    let query = |text: &'static str| {
        Box::new(move |mut request: Raw| {
            request.target.push_str(text);
            request
        }) as Way
    };
    let large = Box::new(|request: Raw| Raw { body: Some(vec![b' '; 1024 * 1024 + 1]), ..request.clone() });
    vec![
        ("plain", Box::new(|request| request)),
        ("an empty object", body(b"{}", "application/json")),
        ("half a body", body(b"{", "application/json")),
        ("a body of another kind", body(b"x", "text/plain")),
        ("a body that is too large", large),
        ("a name", body(br#"{"name":"x","new_name":"X","operation":"?","access":[]}"#, "application/json")),
        ("a key", header("idempotency-key", "k")),
        ("a bad key", header("idempotency-key", "")),
        ("a precondition", header("if-match", "\"x\"")),
        ("a wildcard", header("if-none-match", "*")),
        ("a range", header("range", "bytes=0-1")),
        ("an origin", header("origin", "http://other.example")),
        ("another method on top", header("x-http-method-override", "DELETE")),
        ("a wait", query("?wait=ready")),
        ("a bad wait", query("?wait=never")),
        ("a bad page", query("?page=0&per_page=x&limit=-1&production=?&order=x")),
        ("a bad query", query("?a=%zz&%ff")),
        ("a slash", query("/")),
    ]
}

/// Two databases of which the askers know the first at most, each with a branch; all handles of one length.
fn furnish(bough: &Bough) -> (Place, Place) {
    let admin = bough.admin();
    let mut password = String::new();
    for database in ["known", "vault"] {
        bough.database(database);
        let path = admin.org(&format!("/databases/{database}/branches"));
        admin.post(&path, &json!({"name": "twigs"})).expect(201);
        bough.wait_branch(database, "twigs");
        let made = admin.post(&format!("{path}/twigs/passwords"), &json!({"role": "reader"})).expect(201);
        password = made.str("/id").to_owned();
    }
    let members = admin.get(&admin.org("/members")).expect(200);
    let there = Place {
        organization: bough.organization.clone(),
        database: "vault".to_owned(),
        branch: "twigs".to_owned(),
        token: bough.token(&[]).id,
        member: members.str("/data/0/id").to_owned(),
        password,
    };
    let nowhere = Place {
        organization: "acmf".to_owned(),
        database: "vauls".to_owned(),
        branch: "twigt".to_owned(),
        token: "zzzzzzzzzzzz".to_owned(),
        member: "zzzzzzzzzzzz".to_owned(),
        password: "zzzzzzzzzzzz".to_owned(),
    };
    (there, nowhere)
}

fn askers(bough: &Bough) -> Vec<Asker> {
    let (there, nowhere) = furnish(bough);
    let own = |part: Place| Place { organization: there.organization.clone(), ..part };
    // Beside what is there: with the last thing of the path away, and with the database away.
    let beside = vec![
        (there.clone(), own(nowhere.clone())),
        (there.clone(), Place { branch: nowhere.branch.clone(), ..there.clone() }),
        (there.clone(), Place { password: nowhere.password.clone(), ..there.clone() }),
        (there.clone(), Place { database: nowhere.database.clone(), ..there.clone() }),
    ];
    let main = |pairs: &[(Place, Place)]| -> Vec<(Place, Place)> {
        let main = |place: &Place| Place { branch: "main".to_owned(), ..place.clone() };
        let pairs = pairs.iter().map(|(there, away)| {
            let same_branch = there.branch == away.branch;
            (
                main(there),
                if same_branch { main(away) } else { Place { branch: "mail".to_owned(), ..away.clone() } },
            )
        });
        pairs.collect()
    };
    let both = |pairs: Vec<(Place, Place)>| [main(&pairs), pairs].concat();
    // Who may read one database and not its branches.
    let known = Place { database: "known".to_owned(), ..there.clone() };
    let branches = vec![(known.clone(), Place { branch: nowhere.branch.clone(), ..known })];
    let foreign = bough.foreign("acne");
    let elsewhere = |place: &Place| Place { organization: "acne".to_owned(), ..place.clone() };
    let of_stranger = vec![
        (there.clone(), Place { organization: nowhere.organization.clone(), ..there.clone() }),
        (there.clone(), nowhere.clone()),
        (elsewhere(&there), elsewhere(&nowhere)),
    ];
    vec![
        Asker { name: "one who holds nothing", token: bough.token(&[]), pairs: both(beside.clone()) },
        Asker {
            name: "one who knows another database",
            token: bough.token(&[("known", &["read_database", "create_branch", "delete_branch"])]),
            pairs: both(beside),
        },
        Asker {
            name: "one who knows the database and no branch",
            token: bough.token(&[("known", &["read_database"])]),
            pairs: both(branches),
        },
        Asker { name: "another organization", token: foreign, pairs: both(of_stranger) },
    ]
}

/// Whether a path leads to what is hidden in a pair: else nothing is to be compared.
fn tells(pair: &(Place, Place), template: &str, asker: &Asker) -> bool {
    let (there, away) = pair;
    let names = |parameter: &str| template.contains(parameter);
    // Whoever knows the database is answered about it; so are all about their own organization.
    let of_branch = asker.name != "one who knows the database and no branch" || names("{branch}");
    let below = names("{database}") || names("{id}") || there.organization != away.organization;
    of_branch && below && there.path(template) != away.path(template)
}

#[test]
fn what_is_hidden_is_asked_for_in_every_way_and_is_not_there() {
    let bough = Bough::start(BOUGH);
    let operations = described(&bough);
    let askers = askers(&bough);
    let ways = ways();
    let paths: BTreeSet<&String> = operations.iter().map(|(_, _, path)| path).collect();
    let mut wire = Wire::to(bough.base(), LIMIT);
    let mut compared = 0;
    let mut tried: BTreeSet<&str> = BTreeSet::new();
    let mut compare = |asker: &Asker, method: &str, template: &str, way: &dyn Fn(Raw) -> Raw, what: &str| {
        let mut any = false;
        for pair in asker.pairs.iter().filter(|pair| tells(pair, template, asker)) {
            let mut ask = |place: &Place| {
                let request = Raw::new(method, &place.path(template));
                let request = way(request.header("authorization", &asker.token.authorization()));
                let answer =
                    wire.ask(&request).unwrap_or_else(|error| panic!("{method} {template} {what}: {error}"));
                // What a method makes of a connection is over with it.
                if matches!(method, "CONNECT" | "HEAD" | "TRACE") {
                    wire.end();
                }
                let (head, text) = seen(&answer);
                (answer.status, head, place.without_names(&text))
            };
            let (there, away) = (ask(&pair.0), ask(&pair.1));
            assert_eq!(
                there, away,
                "{method} {template} by {}, {what}: {:?} beside {:?}",
                asker.name, pair.0, pair.1
            );
            let told = [401, 404, 405, 400, 413, 415];
            assert!(told.contains(&there.0), "{method} {template} by {}, {what}: {}", asker.name, there.0);
            compared += 1;
            any = true;
        }
        any
    };
    for asker in &askers {
        for (id, method, path) in &operations {
            for (what, way) in &ways {
                if compare(asker, method, path, way, what) {
                    tried.insert(id);
                }
            }
        }
        for path in &paths {
            for method in METHODS {
                compare(asker, method, path, &|request| request, "no more");
            }
        }
    }
    // What names nothing that could be hidden.
    let open = ["list_organizations", "list_public_regions", "get_current_user"];
    let all: BTreeSet<&str> = operations.iter().map(|(id, _, _)| id.as_str()).collect();
    let untried: Vec<&str> = all.difference(&tried).copied().filter(|id| !open.contains(id)).collect();
    assert!(untried.is_empty(), "not compared: {untried:?}");
    assert!(compared > 10_000, "only {compared} pairs were compared");
}

#[test]
fn what_is_hidden_is_named_in_bodies_and_queries_and_is_not_there() {
    let bough = Bough::start(BOUGH);
    let (there, away) = furnish(&bough);
    let admin = bough.admin();
    let clerk = bough.token(&[
        ("", &["read_service_tokens", "write_service_tokens", "read_organization", "read_audit_logs"]),
        ("known", &["read_database", "create_branch"]),
    ]);
    let foreign = bough.client(&bough.foreign("acne")).within("acne");
    let other = foreign.post(&foreign.org("/service-tokens"), &json!({})).expect(200).str("/id").to_owned();
    let client = bough.client(&clerk);
    let own = client.org(&format!("/service-tokens/{}", bough.token(&[]).id));
    let accesses = |place: &Place| json!({"database": place.database, "access": ["read_branch"]});
    let grants =
        |place: &Place| json!({"grants": [{"database": place.database, "accesses": ["read_branch"]}]});
    let explain = |operation: &'static str| move |place: &Place| json!({"operation": operation, "resource": {"database": place.database, "branch": place.branch, "id": place.token}});
    type Body<'a> = Box<dyn Fn(&Place) -> Value + 'a>;
    let bodies: Vec<(&str, String, Body<'_>)> = vec![
        ("POST", format!("{own}/access"), Box::new(accesses)),
        ("DELETE", format!("{own}/access"), Box::new(accesses)),
        ("PUT", format!("{own}/grants"), Box::new(grants)),
        ("POST", format!("{own}/explain"), Box::new(explain("get_database"))),
        ("POST", format!("{own}/explain"), Box::new(explain("update_database_settings"))),
        ("POST", format!("{own}/explain"), Box::new(explain("create_branch"))),
        ("POST", format!("{own}/explain"), Box::new(explain("get_branch"))),
        ("POST", format!("{own}/explain"), Box::new(explain("promote_branch"))),
        ("POST", format!("{own}/explain"), Box::new(explain("list_webhooks"))),
    ];
    let compare = |what: &str, one: (u16, String), two: (u16, String), names: [&Place; 2]| {
        let one = (one.0, names[0].without_names(&one.1));
        let two = (two.0, names[1].without_names(&two.1));
        assert_eq!(one, two, "{what}: {:?} beside {:?}", names[0], names[1]);
        assert!(one.0 >= 400, "{what}: {one:?}");
    };
    let pairs = [
        (there.clone(), Place { database: away.database.clone(), ..there.clone() }),
        (there.clone(), Place { organization: there.organization.clone(), ..away.clone() }),
    ];
    for (method, path, body) in &bodies {
        for (there, away) in &pairs {
            let ask = |place: &Place| {
                let answer = client.json(method, path, &body(place));
                (answer.status, answer.text)
            };
            compare(&format!("{method} {path}"), ask(there), ask(away), [there, away]);
        }
    }
    // By id: another organization's token, beside one that nobody has.
    let ids = [Place { token: other, ..there.clone() }, Place { token: away.token.clone(), ..there.clone() }];
    let by_id = |place: &Place| {
        let body = json!({"operation": "get_service_token", "resource": {"id": place.token}});
        let answer = client.post(&format!("{own}/explain"), &body);
        (answer.status, answer.text)
    };
    compare("explain by id", by_id(&ids[0]), by_id(&ids[1]), [&ids[0], &ids[1]]);
    // A cursor: an entry of another organization's audit log, beside none.
    let event = foreign.get(&foreign.org("/audit-log?limit=1")).expect(200).str("/data/0/id").to_owned();
    for name in ["starting_after", "ending_before"] {
        let at = |id: &str| {
            let answer = client.get(&client.org(&format!("/audit-log?{name}={id}")));
            (answer.status, answer.text.replace(id, "ID"))
        };
        assert_eq!(at(&event), at("zzzzzzzzzzzz"), "{name}");
        assert_eq!(at(&event).0, 400, "{name}: {}", at(&event).1);
    }
    // A parent branch of a database that is hidden is no parent here.
    let hidden_id =
        admin.get(&admin.org("/databases/vault/branches/twigs")).expect(200).str("/id").to_owned();
    let path = client.org("/databases/known/branches");
    let make = |parent: &str| {
        let answer = client.post(&path, &json!({"name": "made", "parent_branch": parent}));
        (answer.status, answer.text.replace(parent, "PARENT"))
    };
    assert_eq!(make(&hidden_id), make("zzzzzzzzzzzz"), "a parent by id");
    // Lists that are searched.
    for query in ["?q=vault", "?q=vauls", "?q=%25"] {
        let found = client.get(&client.org(&format!("/databases{query}"))).expect(200);
        assert_eq!(
            found.json["data"].as_array().map(Vec::len),
            found.json["total_count"].as_u64().map(|n| n as usize)
        );
        assert!(!found.text.contains("\"vault\""), "{query}: {}", found.text);
    }
    let vault = client.get(&client.org("/databases?q=vault")).expect(200).json["total_count"].clone();
    assert_eq!(vault, client.get(&client.org("/databases?q=vauls")).expect(200).json["total_count"]);
}
