//! What clients do. Each operation is a line in [`OPERATIONS`]; a new one needs only that, and a function that
//! keeps the model right: what was acknowledged is written down as certain, what got no answer as open.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bough_testkit::{Answer, Client};
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::model::{Doubt, Item, World};
use crate::rows;

/// Most things that one client has at a time: each takes a server.
const ITEMS_MAX: usize = 4;
/// Most passwords that a branch has here: they are looked at on one page.
const PASSWORDS_MAX: usize = 50;
/// Most rows that are written at a time.
const ROWS_MAX: usize = 20;

/// What came of an operation.
pub enum Outcome {
    /// It was answered as it should.
    Done,
    /// There was nothing to do it to.
    Nothing,
    /// No answer came.
    Unanswered,
    /// It was answered in another way.
    Odd(String),
}

/// A kind of thing to do.
pub struct Operation {
    pub name: &'static str,
    /// How often, beside the others.
    pub weight: usize,
    /// Whether Bough must answer.
    pub asks_bough: bool,
    pub run: fn(&mut Turn<'_>) -> Outcome,
}

/// Everything that clients do.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "create branch", weight: 6, asks_bough: true, run: create_branch },
    Operation { name: "create database", weight: 1, asks_bough: true, run: create_database },
    Operation { name: "delete", weight: 4, asks_bough: true, run: delete },
    Operation { name: "rename", weight: 3, asks_bough: true, run: rename },
    Operation { name: "promote", weight: 2, asks_bough: true, run: promote },
    Operation { name: "demote", weight: 3, asks_bough: true, run: demote },
    Operation { name: "lint", weight: 1, asks_bough: true, run: lint },
    Operation { name: "safe migrations", weight: 2, asks_bough: true, run: safe_migrations },
    Operation { name: "resize", weight: 3, asks_bough: true, run: resize },
    Operation { name: "restart", weight: 1, asks_bough: true, run: restart },
    Operation { name: "make a password", weight: 3, asks_bough: true, run: make_password },
    Operation { name: "delete a password", weight: 2, asks_bough: true, run: delete_password },
    Operation { name: "sleep", weight: 2, asks_bough: true, run: sleep },
    Operation { name: "wake", weight: 2, asks_bough: true, run: wake },
    Operation { name: "look", weight: 5, asks_bough: true, run: look },
    Operation { name: "write rows", weight: 12, asks_bough: false, run: write_rows },
    Operation { name: "write rows of main", weight: 4, asks_bough: false, run: write_main },
    Operation { name: "change a parent's schema", weight: 1, asks_bough: false, run: change_schema },
];

/// One client.
pub struct Turn<'a> {
    pub world: &'a World,
    pub client: Client,
    pub chance: Chance,
    /// What is this client's alone.
    pub items: &'a mut Vec<Item>,
    /// The first branches of the shared databases.
    pub shared: &'a Mutex<Vec<Item>>,
    pub hand: usize,
    pub acknowledged: &'a AtomicU64,
}

/// An answer, or how it failed.
type Asked = Result<Answer, Outcome>;

impl Turn<'_> {
    /// Asks, and expects this status.
    fn ask(&self, method: &str, path: &str, body: &Value, expected: u16) -> Asked {
        let bytes = body.to_string().into_bytes();
        let bytes = (!body.is_null()).then_some(bytes.as_slice());
        let path = self.client.org(path);
        match self.client.try_send(method, &path, &[("content-type", "application/json")], bytes) {
            Err(_) => Err(Outcome::Unanswered),
            Ok(answer) if answer.status == expected => Ok(answer),
            Ok(answer) => Err(Outcome::Odd(format!("{method} {path}: {} {}", answer.status, answer.text))),
        }
    }

    /// As [`Self::ask`], for what looks at the branch's schema first: its server may be away just now.
    fn ask_of_server(&self, method: &str, path: &str, expected: u16) -> Asked {
        match self.ask(method, path, &Value::Null, expected) {
            Err(Outcome::Odd(text)) if text.contains(": 503 ") => Err(Outcome::Nothing),
            asked => asked,
        }
    }

    /// One of this client's things, that is certain and for which `fits`.
    fn pick(&mut self, fits: impl Fn(&Item) -> bool) -> Option<usize> {
        let certain: Vec<usize> = (0..self.items.len())
            .filter(|at| self.items[*at].doubt.is_none() && fits(&self.items[*at]))
            .collect();
        self.chance.one(&certain).copied()
    }

    fn path(&self, at: usize) -> String {
        format!("/databases/{}/branches/{}", self.items[at].database, self.items[at].branch)
    }
}

fn done(asked: Asked) -> Outcome {
    asked.map_or_else(|outcome| outcome, |_| Outcome::Done)
}

fn create_branch(turn: &mut Turn<'_>) -> Outcome {
    if turn.items.len() >= ITEMS_MAX {
        return Outcome::Nothing;
    }
    let name = format!("c{}-{}", turn.hand, turn.world.fresh());
    // Of a main branch, or sometimes of one of the client's own.
    let own = if turn.chance.below(4) == 0 { turn.pick(|item| !item.whole_database) } else { None };
    let (database, parent) = match own {
        Some(at) => (turn.items[at].database.clone(), Some(turn.items[at].branch.clone())),
        None => (turn.chance.one(&turn.world.shared).expect("a database").clone(), None),
    };
    let body = match &parent {
        Some(parent) => json!({"name": name, "parent_branch": parent}),
        None => json!({ "name": name }),
    };
    let asked = turn.ask("POST", &format!("/databases/{database}/branches"), &body, 201);
    let mut item = Item { parent, ..Item::new(&database, &name) };
    match &asked {
        Ok(answer) => {
            item.learn(&answer.json);
            item.is_new = true;
        }
        Err(Outcome::Unanswered) => item.doubt = Some(Doubt::Made),
        Err(_) => return done(asked),
    }
    turn.items.push(item);
    done(asked)
}

fn create_database(turn: &mut Turn<'_>) -> Outcome {
    if turn.items.len() >= ITEMS_MAX || turn.items.iter().any(|item| item.whole_database) {
        return Outcome::Nothing;
    }
    let name = format!("own{}-{}", turn.hand, turn.world.fresh());
    let asked = turn.ask("POST", "/databases", &json!({ "name": name }), 201);
    let mut item = Item { whole_database: true, production: true, ..Item::new(&name, "main") };
    match &asked {
        Ok(_) => item.is_new = true,
        Err(Outcome::Unanswered) => item.doubt = Some(Doubt::Made),
        Err(_) => return done(asked),
    }
    turn.items.push(item);
    done(asked)
}

/// With whatever descends from it.
fn delete(turn: &mut Turn<'_>) -> Outcome {
    let Some(at) = turn.pick(|_| true) else { return Outcome::Nothing };
    let item = turn.items[at].clone();
    let path = match item.whole_database {
        true => format!("/databases/{}", item.database),
        false => format!("{}?delete_descendants=true", turn.path(at)),
    };
    let asked = turn.ask("DELETE", &path, &Value::Null, 204);
    let mut names = vec![item.branch.clone()];
    if !item.whole_database {
        // A child of a child comes after its parent: names are found in the order of making.
        for child in turn.items.iter().filter(|child| child.database == item.database) {
            if child.parent.as_ref().is_some_and(|parent| names.contains(parent)) {
                names.extend(child.names().into_iter().map(str::to_owned));
            }
        }
    }
    let is_meant = |each: &Item| each.database == item.database && names.contains(&each.branch);
    match &asked {
        Ok(_) => turn.items.retain(|each| !is_meant(each)),
        Err(Outcome::Unanswered) => {
            turn.items
                .iter_mut()
                .filter(|each| is_meant(each))
                .for_each(|each| each.doubt = Some(Doubt::Gone));
        }
        Err(_) => {}
    }
    done(asked)
}

fn rename(turn: &mut Turn<'_>) -> Outcome {
    let Some(at) = turn.pick(|item| !item.whole_database) else { return Outcome::Nothing };
    let name = format!("r{}-{}", turn.hand, turn.world.fresh());
    let asked = turn.ask("PATCH", &turn.path(at), &json!({ "new_name": name }), 200);
    let (database, old) = (turn.items[at].database.clone(), turn.items[at].branch.clone());
    match &asked {
        Ok(_) => {
            for child in turn.items.iter_mut().filter(|each| each.database == database) {
                if child.parent.as_ref() == Some(&old) {
                    child.parent = Some(name.clone());
                }
            }
            turn.items[at].branch = name;
        }
        Err(Outcome::Unanswered) => turn.items[at].doubt = Some(Doubt::Renamed(name)),
        Err(_) => {}
    }
    done(asked)
}

fn set_class(turn: &mut Turn<'_>, production: bool, word: &str) -> Outcome {
    let Some(at) = turn.pick(|item| !item.whole_database && item.production != production) else {
        return Outcome::Nothing;
    };
    let asked = turn.ask_of_server("POST", &format!("{}/{word}", turn.path(at)), 200);
    match &asked {
        Ok(_) => turn.items[at].production = production,
        Err(Outcome::Unanswered) => turn.items[at].doubt = Some(Doubt::Class),
        Err(_) => {}
    }
    done(asked)
}

fn promote(turn: &mut Turn<'_>) -> Outcome {
    set_class(turn, true, "promote")
}

fn demote(turn: &mut Turn<'_>) -> Outcome {
    set_class(turn, false, "demote")
}

fn safe_migrations(turn: &mut Turn<'_>) -> Outcome {
    let Some(at) = turn.pick(|item| !item.whole_database) else { return Outcome::Nothing };
    let method = if turn.items[at].safe { "DELETE" } else { "POST" };
    let asked = turn.ask_of_server(method, &format!("{}/safe-migrations", turn.path(at)), 200);
    match &asked {
        Ok(_) => turn.items[at].safe = !turn.items[at].safe,
        Err(Outcome::Unanswered) => turn.items[at].doubt = Some(Doubt::Safe),
        Err(_) => {}
    }
    done(asked)
}

/// Back and forth between two sizes that branches of either class may have.
fn resize(turn: &mut Turn<'_>) -> Outcome {
    let Some(at) = turn.pick(|item| !item.whole_database && item.size.is_some()) else {
        return Outcome::Nothing;
    };
    let size = if turn.items[at].size.as_deref() == Some("PS_10") { "PS_20" } else { "PS_10" };
    let asked =
        turn.ask("PATCH", &format!("{}/cluster", turn.path(at)), &json!({ "cluster_size": size }), 204);
    match &asked {
        Ok(_) => turn.items[at].size = Some(size.to_owned()),
        Err(Outcome::Unanswered) => turn.items[at].doubt = Some(Doubt::Size),
        Err(_) => {}
    }
    done(asked)
}

/// Whatever it is doing.
fn restart(turn: &mut Turn<'_>) -> Outcome {
    let Some(at) = turn.pick(|item| !item.whole_database) else { return Outcome::Nothing };
    done(turn.ask("POST", &format!("{}/restart", turn.path(at)), &Value::Null, 200))
}

fn make_password(turn: &mut Turn<'_>) -> Outcome {
    let fits = |item: &Item| !item.whole_database && item.passwords.len() < PASSWORDS_MAX;
    let Some(at) = turn.pick(fits) else { return Outcome::Nothing };
    let name = format!("p{}-{}", turn.hand, turn.world.fresh());
    let body = json!({"name": name, "role": "reader"});
    let asked = turn.ask("POST", &format!("{}/passwords", turn.path(at)), &body, 201);
    let item = &mut turn.items[at];
    match &asked {
        Ok(answer) => {
            item.passwords.insert(name, answer.json["id"].as_str().unwrap_or_default().to_owned());
        }
        Err(Outcome::Unanswered) => {
            item.passwords_in_doubt.insert(name);
        }
        Err(_) => {}
    }
    done(asked)
}

fn delete_password(turn: &mut Turn<'_>) -> Outcome {
    let Some(at) = turn.pick(|item| !item.passwords.is_empty()) else { return Outcome::Nothing };
    let names: Vec<String> = turn.items[at].passwords.keys().cloned().collect();
    let name = turn.chance.one(&names).expect("a password").clone();
    let id = turn.items[at].passwords[&name].clone();
    let asked = turn.ask("DELETE", &format!("{}/passwords/{id}", turn.path(at)), &Value::Null, 204);
    let item = &mut turn.items[at];
    if matches!(&asked, Ok(_) | Err(Outcome::Unanswered)) {
        item.passwords.remove(&name);
    }
    if matches!(&asked, Err(Outcome::Unanswered)) {
        item.passwords_in_doubt.insert(name);
    }
    done(asked)
}

/// What the torture makes has nothing to be mended.
fn lint(turn: &mut Turn<'_>) -> Outcome {
    let Some(at) = turn.pick(|item| item.ready && !item.whole_database) else { return Outcome::Nothing };
    match turn.ask_of_server("GET", &format!("{}/schema/lint", turn.path(at)), 200) {
        Ok(answer) if answer.json["data"] != json!([]) => {
            Outcome::Odd(format!("the lint finds {}", answer.text))
        }
        asked => done(asked),
    }
}

/// Whoever uses it. One that is not ready, or is being changed, is refused.
fn sleep(turn: &mut Turn<'_>) -> Outcome {
    let Some(at) = turn.pick(|item| item.ready && !item.production && !item.whole_database) else {
        return Outcome::Nothing;
    };
    match turn.ask("POST", &format!("{}/sleep", turn.path(at)), &Value::Null, 200) {
        Err(Outcome::Odd(answer)) if answer.contains("/sleep: 422 ") => Outcome::Nothing,
        asked => done(asked),
    }
}

fn wake(turn: &mut Turn<'_>) -> Outcome {
    let Some(at) = turn.pick(|item| !item.whole_database) else { return Outcome::Nothing };
    done(turn.ask("POST", &format!("{}/wake", turn.path(at)), &Value::Null, 200))
}

/// What is certain is shown at once.
fn look(turn: &mut Turn<'_>) -> Outcome {
    let Some(at) = turn.pick(|_| true) else { return Outcome::Nothing };
    let asked = turn.ask("GET", &turn.path(at), &Value::Null, 200);
    if let Ok(answer) = &asked {
        let item = &mut turn.items[at];
        item.ready |= answer.json["ready"] == json!(true);
        if item.id.is_some() && answer.json["id"].as_str() != item.id.as_deref() {
            return Outcome::Odd(format!("{} has another id: {}", item.branch, answer.text));
        }
    }
    done(asked)
}

fn write_rows(turn: &mut Turn<'_>) -> Outcome {
    let Some(at) = turn.pick(|item| item.ready && !item.whole_database) else {
        return Outcome::Nothing;
    };
    let count = 1 + turn.chance.below(ROWS_MAX);
    let Some(mut conn) = rows::open(&turn.world.branches, &turn.items[at]) else { return Outcome::Nothing };
    for _ in 0..count {
        let id = turn.world.fresh();
        turn.items[at].sent.insert(id);
        if rows::write(&mut conn, id).is_err() {
            return Outcome::Nothing;
        }
        turn.items[at].acknowledged.insert(id);
        turn.acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    Outcome::Done
}

fn write_main(turn: &mut Turn<'_>) -> Outcome {
    let lock = || turn.shared.lock().unwrap_or_else(PoisonError::into_inner);
    let at = turn.chance.below(turn.world.shared.len());
    let main = lock()[at].clone();
    let Some(mut conn) = rows::open(&turn.world.branches, &main) else { return Outcome::Nothing };
    for _ in 0..turn.chance.below(ROWS_MAX) {
        let id = turn.world.fresh();
        lock()[at].sent.insert(id);
        if rows::write(&mut conn, id).is_err() {
            return Outcome::Nothing;
        }
        lock()[at].acknowledged.insert(id);
        turn.acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    Outcome::Done
}

/// While branches are made of it.
fn change_schema(turn: &mut Turn<'_>) -> Outcome {
    let at = turn.chance.below(turn.world.shared.len());
    let main = turn.shared.lock().unwrap_or_else(PoisonError::into_inner)[at].clone();
    let Some(mut conn) = rows::open(&turn.world.branches, &main) else { return Outcome::Nothing };
    let n = turn.chance.below(5);
    let changes = [
        format!("CREATE TABLE IF NOT EXISTS more{n} (id INT PRIMARY KEY)"),
        format!("ALTER TABLE kept COMMENT = '{n}'"),
        format!("CREATE OR REPLACE VIEW more_view AS SELECT id, {n} AS n FROM kept"),
        format!("DROP TABLE IF EXISTS more{n}"),
        format!("CREATE OR REPLACE FUNCTION more() RETURNS INT DETERMINISTIC RETURN {n}"),
    ];
    for _ in 0..=turn.chance.below(10) {
        let change = turn.chance.one(&changes).expect("a change");
        match conn.execute(change) {
            Ok(()) => {}
            Err(error) if error.keeps_connection() => return Outcome::Odd(format!("{change}: {error}")),
            Err(_) => return Outcome::Nothing,
        }
    }
    Outcome::Done
}
