//! Several requests about one thing that nobody else knows of: what was answered is so afterwards.

use std::time::{Duration, Instant};

use bough_model::PasswordName;
use bough_testkit::{Dice, Raw, RawAnswer};
use serde_json::{Value, json};

use crate::check::{Fault, Rule};
use crate::generate::Case;
use crate::{LIMIT, Worker, hostile};

/// One sequence.
pub fn play(worker: &mut Worker<'_>, dice: Dice) {
    let mut sequence = Sequence { worker, dice };
    let played = match sequence.dice.below(14) {
        0 => sequence.database(),
        12 | 13 => sequence.password(),
        1..=3 => sequence.token_ends(),
        4 | 5 => sequence.repetition(),
        6 | 7 => sequence.pages(),
        8 | 9 => sequence.grants(),
        _ => sequence.changes_of_a_token(),
    };
    if let Err(what) = played {
        let case = Case {
            principal: 0,
            operation: None,
            request: Raw::new("GET", "/a/sequence"),
            own: true,
            on_shop: false,
            malformed: false,
            spoilt: false,
        };
        let fault = Fault { rule: Rule::Effect, operation: "a sequence".to_owned(), what };
        sequence.worker.run.report(sequence.worker.number, &case, &Err("see above".to_owned()), &[fault]);
    }
}

struct Sequence<'a, 'b> {
    worker: &'a mut Worker<'b>,
    dice: Dice,
}

type Played = Result<(), String>;

fn must(answer: RawAnswer, status: u16, what: &str) -> Result<RawAnswer, String> {
    if answer.status == status {
        return Ok(answer);
    }
    Err(format!("{what}: {} instead of {status}: {}", answer.status, answer.text()))
}

fn text(answer: &RawAnswer, key: &str) -> String {
    answer.json()[key].as_str().unwrap_or("").to_owned()
}

impl Sequence<'_, '_> {
    fn manage(
        &mut self,
        id: &str,
        path: &[&str],
        body: Option<&Value>,
        status: u16,
    ) -> Result<RawAnswer, String> {
        must(self.worker.manage(id, path, body)?, status, id)
    }

    /// Whether a credential is valid.
    fn valid(&mut self, id: &str, secret: &str) -> Result<bool, String> {
        let request = Raw::new("GET", "/v1/organizations").header("authorization", &format!("{id}:{secret}"));
        Ok(self.worker.wire.ask(&request)?.status == 200)
    }

    fn token(&mut self) -> Result<(String, String), String> {
        let made = self.manage("create_service_token", &[], Some(&json!({"ttl": 3_600})), 200)?;
        let (id, secret) = (text(&made, "id"), text(&made, "token"));
        match self.valid(&id, &secret)? {
            true => Ok((id, secret)),
            false => Err("a new token is not valid".to_owned()),
        }
    }

    fn token_ends(&mut self) -> Played {
        let (id, first) = self.token()?;
        let meets = json!({"operation": "get_organization", "resource": {}});
        let told = self.manage("explain_service_token", &[&id], Some(&meets), 200)?.json();
        if told["allowed"] != json!(false) {
            return Err(format!("a token with nothing may, it is said: {told}"));
        }
        let overlap = *self.dice.pick(&[0, 60]);
        let rotated =
            self.manage("rotate_service_token", &[&id], Some(&json!({"overlap_seconds": overlap})), 200)?;
        let second = text(&rotated, "token");
        let both = (self.valid(&id, &first)?, self.valid(&id, &second)?);
        if both != (overlap > 0, true) {
            return Err(format!("after a rotation with an overlap of {overlap}: {both:?} are valid"));
        }
        self.manage("delete_service_token", &[&id], None, 204)?;
        if self.valid(&id, &first)? || self.valid(&id, &second)? {
            return Err("a deleted token is valid".to_owned());
        }
        for operation in ["get_service_token", "list_service_token_accesses", "delete_service_token"] {
            self.manage(operation, &[&id], None, 404)?;
        }
        Ok(())
    }

    fn changes_of_a_token(&mut self) -> Played {
        let (id, _) = self.token()?;
        let name = hostile::text(&mut self.dice);
        let answer = self.worker.manage("update_service_token", &[&id], Some(&json!({"name": name})))?;
        let told = self.manage("get_service_token", &[&id], None, 200)?.json();
        let wanted = match (answer.status, name.trim()) {
            (200, "") | (422, _) => Value::Null,
            (200, name) => json!(name),
            (status, _) => return Err(format!("a name is answered with {status}: {}", answer.text())),
        };
        if told["name"] != wanted {
            return Err(format!(
                "the name {name:?} was answered with {}, and is {}",
                answer.status, told["name"]
            ));
        }
        self.manage("delete_service_token", &[&id], None, 204).map(|_| ())
    }

    fn grants(&mut self) -> Played {
        let (id, secret) = self.token()?;
        let shop = self.worker.run.world.shop.handle.clone();
        let path = format!("/v1/organizations/{}/databases/{shop}", self.worker.run.world.organization);
        let request = Raw::new("GET", &path).header("authorization", &format!("{id}:{secret}"));
        must(self.worker.wire.ask(&request)?, 404, "a token that holds nothing reads a database")?;
        let wanted = json!({"grants": [{"database": shop, "accesses": ["read_database", "read_branch"]}]});
        self.manage("replace_service_token_grants", &[&id], Some(&wanted), 200)?;
        must(self.worker.wire.ask(&request)?, 200, "it was granted reading it")?;
        let less = json!({"database": shop, "access": ["read_database"]});
        self.manage("remove_service_token_accesses", &[&id], Some(&less), 204)?;
        must(self.worker.wire.ask(&request)?, 200, "what it still holds opens it, too")?;
        let rest = json!({"database": shop, "access": ["read_branch", "read_branch", "create_branch"]});
        self.manage("remove_service_token_accesses", &[&id], Some(&rest), 204)?;
        must(self.worker.wire.ask(&request)?, 404, "all was taken away")?;
        self.manage("delete_service_token", &[&id], None, 204).map(|_| ())
    }

    fn repetition(&mut self) -> Played {
        let (id, _) = self.token()?;
        let world = self.worker.run.world;
        let key = format!("sequence-{}-{}", self.worker.number, self.dice.next());
        let path = format!("/v1/organizations/{}/service-tokens/{id}/rotate", world.organization);
        let credential = world.principals[0].authorization.clone().unwrap_or_default();
        let request =
            Raw::new("POST", &path).header("authorization", &credential).header("idempotency-key", &key);
        let mut ask = |body: Value| self.worker.wire.ask(&request.clone().json(&body));
        let first = must(ask(json!({"overlap_seconds": 5}))?, 200, "a request with a key")?;
        let second = must(ask(json!({"overlap_seconds": 5}))?, 200, "the same again")?;
        let mut wanted = first.json();
        wanted["token"] = Value::Null;
        if second.json() != wanted || second.header("idempotent-replay") != Some("true") {
            return Err(format!("repeated, {} became {}", first.text(), second.text()));
        }
        must(ask(json!({"overlap_seconds": 6}))?, 422, "another body with the same key")?;
        self.manage("delete_service_token", &[&id], None, 204).map(|_| ())
    }

    /// A password, from beginning to end.
    fn password(&mut self) -> Played {
        let shop = self.worker.run.world.shop.handle.clone();
        let name = hostile::text(&mut self.dice);
        let wanted = json!({"name": name, "role": "writer", "ttl": 60});
        let made = self.worker.manage("create_password", &[&shop, "main"], Some(&wanted))?;
        let made = match (made.status, PasswordName::parse(&name)) {
            (201, Ok(kept)) => {
                let told = text(&made, "name");
                if kept.is_some_and(|kept| kept.as_str() != told) {
                    return Err(format!("the name {name:?} was answered as {told:?}"));
                }
                made
            }
            (422, Err(_)) => return Ok(()),
            (status, _) => return Err(format!("the name {name:?} was answered with {status}")),
        };
        let (id, secret) = (text(&made, "id"), text(&made, "plain_text"));
        let at = [shop.as_str(), "main", id.as_str()];
        let renewed = self.manage("renew_password", &at, None, 200)?;
        let narrowed = self.manage("update_password", &at, Some(&json!({"cidrs": ["10.1.1.1/8"]})), 200)?;
        let read = self.manage("get_password", &at, None, 200)?;
        if read.json()["cidrs"] != json!(["10.0.0.0/8"]) || text(&read, "username") != text(&made, "username")
        {
            return Err(format!("narrowed, it became {}", read.text()));
        }
        for answer in [&renewed, &narrowed, &read] {
            if answer.text().contains(&secret) || !answer.json()["plain_text"].is_null() {
                return Err(format!("a secret is told again: {}", answer.text()));
            }
        }
        self.manage("update_password", &at, Some(&json!({"role": "admin"})), 422)?;
        self.manage("delete_password", &at, None, 204)?;
        for operation in ["get_password", "renew_password", "delete_password"] {
            self.manage(operation, &at, None, 404)?;
        }
        Ok(())
    }

    /// Walks through a list by its own links: as many come as it says that there are, none twice.
    fn pages(&mut self) -> Played {
        let (id, _) = self.token()?;
        let world = self.worker.run.world;
        let (base, credential) =
            (world.bough.base(), world.principals[0].authorization.clone().unwrap_or_default());
        let list =
            *self.dice.pick(&["regions", "databases/shop/branches", "members", "databases/shop/passwords"]);
        let size = *self.dice.pick(&[1, 2, 100]);
        let mut target = format!("/v1/organizations/{}/{list}?per_page={size}", world.organization);
        let mut seen = Vec::new();
        let mut total = None;
        loop {
            let request = Raw::new("GET", &target).header("authorization", &credential);
            let page = must(self.worker.wire.ask(&request)?, 200, "a page")?.json();
            let items = page["data"].as_array().cloned().unwrap_or_default();
            // Others make branches meanwhile, and with those the pages move.
            if *total.get_or_insert_with(|| page["total_count"].clone()) != page["total_count"] {
                return self.manage("delete_service_token", &[&id], None, 204).map(|_| ());
            }
            seen.extend(items.iter().map(|item| item["id"].to_string()));
            match page["next_page_url"].as_str() {
                Some(next) => target = next.trim_start_matches(base).to_owned(),
                None => break,
            }
            if seen.len() > 1_000 {
                return Err(format!("{list} does not end"));
            }
        }
        let all = seen.len();
        seen.sort();
        seen.dedup();
        if seen.len() != all {
            return Err(format!("{list} shows something twice"));
        }
        self.manage("delete_service_token", &[&id], None, 204).map(|_| ())
    }

    /// Puts a branch to sleep, as soon as the resize that came too late to be canceled has ended.
    fn sleep(&mut self, database: &str, branch: &str) -> Played {
        let until = Instant::now() + LIMIT;
        loop {
            let answer = self.worker.manage("sleep_branch", &[database, branch], None)?;
            if answer.status == 422 && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            return must(answer, 200, "sleep_branch").map(drop);
        }
    }

    /// A database and its branch, from beginning to end.
    fn database(&mut self) -> Played {
        let world = self.worker.run.world;
        let (name, branch) = (world.fresh_name(), world.fresh_name());
        self.manage("create_database", &[], Some(&json!({"name": name})), 201)?;
        let taken = self.worker.manage("create_database", &[], Some(&json!({"name": name})))?;
        must(taken, 422, "the same name again")?;
        let made = self.manage("create_branch", &[&name], Some(&json!({"name": branch})), 201)?;
        // It waits until its server runs, so there is time to take it back; on a busy machine it may have begun.
        self.manage(
            "update_branch_resize_request",
            &[&name, &branch],
            Some(&json!({"cluster_size": "PS_20"})),
            200,
        )?;
        let canceled = self.worker.manage("cancel_branch_change_request", &[&name, &branch], None)?;
        if !matches!(canceled.status, 204 | 422) {
            return Err(format!("canceling a resize: {}: {}", canceled.status, canceled.text()));
        }
        let path =
            format!("/v1/organizations/{}/databases/{name}/branches/{branch}?wait=ready", world.organization);
        let credential = world.principals[0].authorization.clone().unwrap_or_default();
        let wait = Raw::new("GET", &path).header("authorization", &credential);
        let ready = must(self.worker.wire.ask(&wait)?, 200, "waiting")?;
        if ready.json()["ready"] != json!(true) {
            return Err(format!("after a minute: {}", ready.text()));
        }
        self.manage("get_branch_schema", &[&name, &branch], None, 200)?;
        self.manage("lint_branch_schema", &[&name, &branch], None, 200)?;
        self.sleep(&name, &branch)?;
        self.manage("wake_branch", &[&name, &branch], None, 200)?;
        self.manage("get_branch_schema", &[&name, &branch], None, 200)?;
        let renamed = world.fresh_name();
        self.manage("update_branch", &[&name, &branch], Some(&json!({"new_name": renamed})), 200)?;
        self.manage("get_branch", &[&name, &branch], None, 404)?;
        let again = self.manage("get_branch", &[&name, &renamed], None, 200)?;
        if text(&again, "id") != text(&made, "id") {
            return Err("a renamed branch has another id".to_owned());
        }
        self.manage("promote_branch", &[&name, &renamed], None, 200)?;
        self.manage("demote_branch", &[&name, &renamed], None, 200)?;
        self.manage("delete_branch", &[&name, &renamed], None, 204)?;
        self.manage("get_branch", &[&name, &renamed], None, 404)?;
        self.manage("delete_database", &[&name], None, 204)?;
        for operation in ["get_database", "list_branches", "delete_database"] {
            self.manage(operation, &[&name], None, 404)?;
        }
        Ok(())
    }
}
