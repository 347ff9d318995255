//! Somebody with a browser: cookies are kept, forms are sent with what stands in them. And the people who
//! use one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bough_testkit::{Answer, Bough, Client, Options};

use crate::html;

/// The binary.
pub const BOUGH: &str = env!("CARGO_BIN_EXE_bough");
/// The first administrator, who comes with the organization.
pub const ADA: &str = "ada@example.com";
/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery staple";

/// A Bough whose first administrator has [`PASSWORD`].
pub fn bough() -> Bough {
    Bough::start_with(BOUGH, Options { password: Some(PASSWORD.to_owned()), ..Options::default() })
}

/// Makes an account with [`PASSWORD`]. Answers its id.
#[track_caller]
pub fn person(bough: &Bough, email: &str, name: &str) -> String {
    let args = ["admin", "user", "create", email, "--name", name, "--password-stdin"];
    bough.run_with_input(&args, PASSWORD);
    id_of(bough, email)
}

/// The id of an account.
#[track_caller]
pub fn id_of(bough: &Bough, email: &str) -> String {
    let listed = bough.run_json(&["admin", "user", "list", "--json"]);
    let rows = listed.as_array().or_else(|| listed["data"].as_array()).expect("a list of accounts");
    let row = rows.iter().find(|row| row["email"] == email).unwrap_or_else(|| panic!("no {email}"));
    row["id"].as_str().expect("an id").to_owned()
}

/// Makes somebody a member of an organization. The role is `admin`, `analyst` or `member`.
#[track_caller]
pub fn member(bough: &Bough, email: &str, organization: &str, role: &str) {
    let args = ["admin", "member", "add", email, "--organization", organization, "--role", role, "--json"];
    bough.run_json(&args);
}

/// Makes a member an administrator of a database.
#[track_caller]
pub fn database_administrator(bough: &Bough, email: &str, organization: &str, database: &str) {
    let of = ["--organization", organization, "--database", database, "--json"];
    bough.run_json(&[&["admin", "administrator", "add", email][..], &of].concat());
}

/// An account that is a member of the organization, signed in.
#[track_caller]
pub fn signed_in(bough: &Bough, email: &str, name: &str, role: &str) -> Browser {
    person(bough, email, name);
    member(bough, email, &bough.organization, role);
    let browser = Browser::new(bough);
    browser.log_in(email, PASSWORD);
    browser
}

/// The first administrator, signed in.
#[track_caller]
pub fn ada(bough: &Bough) -> Browser {
    let browser = Browser::new(bough);
    browser.log_in(ADA, PASSWORD);
    browser
}

/// What a browser shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The status of its answer.
    pub status: u16,
    /// Where it was asked for.
    pub address: String,
    /// The answer.
    pub answer: Answer,
}

impl Shown {
    /// The page as it came.
    pub fn html(&self) -> &str {
        &self.answer.text
    }

    /// What is there to be read.
    pub fn text(&self) -> String {
        html::text(self.html())
    }

    /// Where it leads; empty when it does not.
    pub fn leads_to(&self) -> &str {
        self.answer.header("location").unwrap_or_default()
    }

    /// Fails the test unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        let shown = if self.status < 300 { String::new() } else { self.text() };
        assert_eq!(self.status, status, "{} leads to {:?}: {shown}", self.address, self.leads_to());
        self
    }

    /// Fails the test unless all this is there to be read.
    #[track_caller]
    pub fn says(self, wanted: &[&str]) -> Self {
        let text = self.text();
        for wanted in wanted {
            assert!(text.contains(wanted), "{wanted:?} is not on {}: {text}", self.address);
        }
        self
    }

    /// Fails the test if any of this is there to be read.
    #[track_caller]
    pub fn does_not_say(self, unwanted: &[&str]) -> Self {
        let text = self.text();
        for unwanted in unwanted {
            assert!(!text.contains(unwanted), "{unwanted:?} is on {}: {text}", self.address);
        }
        self
    }

    /// What a browser sends of the form that is sent to `action`, as it stands there.
    #[track_caller]
    pub fn form(&self, action: &str) -> Vec<(String, String)> {
        html::form(self.html(), action)
            .unwrap_or_else(|| panic!("no form to {action} on {}: {}", self.address, self.text()))
    }

    /// Whether there is a form that is sent there.
    pub fn has_form(&self, action: &str) -> bool {
        html::form(self.html(), action).is_some()
    }

    /// A part of the page, by its id.
    #[track_caller]
    pub fn part(&self, id: &str) -> &str {
        html::element(self.html(), id).unwrap_or_else(|| panic!("no #{id} on {}", self.address))
    }
}

/// Fields with some of them filled in: those that are there are replaced, the others added.
pub fn filled(mut fields: Vec<(String, String)>, with: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.retain(|(name, _)| with.iter().all(|(filled, _)| filled != name));
    fields.extend(with.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    fields
}

/// Fields as they go over the wire.
pub fn encoded(fields: &[(String, String)]) -> String {
    let part = |text: &str| {
        text.bytes().fold(String::new(), |mut written, byte| {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    written.push(char::from(byte))
                }
                b' ' => written.push('+'),
                _ => written.push_str(&format!("%{byte:02X}")),
            }
            written
        })
    };
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", part(name), part(value))).collect();
    pairs.join("&")
}

/// A browser.
pub struct Browser {
    client: Client,
    origin: String,
    jar: Mutex<BTreeMap<String, String>>,
}

impl Browser {
    /// One without cookies.
    pub fn new(bough: &Bough) -> Self {
        Self { client: bough.anonymous(), origin: bough.base().to_owned(), jar: Mutex::default() }
    }

    /// Its cookies, which a test may look at and change.
    pub fn jar(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request with its cookies, and keeps those of the answer.
    #[track_caller]
    pub fn send(&self, method: &str, address: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Shown {
        let cookies: Vec<String> = self.jar().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut all = headers.to_vec();
        if !cookies.is_empty() {
            all.push(("cookie", &cookies));
        }
        let answer = self.client.send(method, address, &all, body);
        for (_, set) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, rest) = set.split_once(';').unwrap_or((set, ""));
            let (name, value) = pair.split_once('=').expect("a cookie with a value");
            if rest.contains("Max-Age=0") {
                self.jar().remove(name);
            } else {
                self.jar().insert(name.to_owned(), value.to_owned());
            }
        }
        Shown { status: answer.status, address: address.to_owned(), answer }
    }

    /// Asks for a page, and goes nowhere on from it.
    #[track_caller]
    pub fn get(&self, address: &str) -> Shown {
        self.send("GET", address, &[], None)
    }

    /// Sends a form, as a browser does, and goes nowhere on from its answer.
    #[track_caller]
    pub fn post(&self, address: &str, fields: &[(String, String)]) -> Shown {
        self.post_with(address, fields, &[("origin", &self.origin), ("sec-fetch-site", "same-origin")])
    }

    /// Sends a form with other headers than a browser's own.
    #[track_caller]
    pub fn post_with(&self, address: &str, fields: &[(String, String)], headers: &[(&str, &str)]) -> Shown {
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend_from_slice(headers);
        self.send("POST", address, &all, Some(encoded(fields).as_bytes()))
    }

    /// Sends the form of a page with some of its fields filled in.
    #[track_caller]
    pub fn submit(&self, page: &Shown, action: &str, with: &[(&str, &str)]) -> Shown {
        self.post(action, &filled(page.form(action), with))
    }

    /// Goes on to where an answer leads.
    #[track_caller]
    pub fn follow(&self, shown: &Shown) -> Shown {
        assert_eq!(shown.status, 303, "{} leads nowhere: {}", shown.address, shown.text());
        self.get(shown.leads_to())
    }

    /// Signs in, which must succeed.
    #[track_caller]
    pub fn log_in(&self, email: &str, password: &str) {
        let page = self.get("/login").expect(200);
        let with = [("email", email), ("password", password)];
        self.submit(&page, "/login", &with).expect(303);
    }

    /// What proves that a form was made for this session.
    #[track_caller]
    pub fn csrf(&self) -> String {
        // Without the proof nobody is signed out, and the page that says so has it.
        let form = self.post("/logout", &[]).expect(403).form("/logout");
        form.into_iter().find(|(name, _)| name == "csrf").expect("a proof").1
    }
}
