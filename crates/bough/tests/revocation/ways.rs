//! All ways in which a token can lose what it may, each as two halves: what is given, and what takes it
//! away again.

use bough_testkit::{Bough, Client, Raw, Token};
use serde_json::{Value, json};

/// A way to lose something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// An access on the organization is taken away.
    OrganizationAccess,
    /// One that changes something, which waits for the store on a thread of its own.
    WritingAccess,
    /// One on a database.
    DatabaseAccess,
    /// One on all databases.
    AllDatabases,
    /// All grants are replaced by none.
    Grants,
    /// The addresses that it may come from are changed.
    Addresses,
    /// Its secret is changed without an overlap.
    Rotation,
    /// It is deleted.
    Deletion,
    /// The token that made it is deleted.
    Parent,
    /// A branch becomes a production branch, to which it has no access.
    Promotion,
    /// And the other way round.
    Demotion,
    /// The operator takes an access away, in another process.
    OperatorAccess,
    /// He changes its secret.
    OperatorRotation,
    /// He deletes it.
    OperatorDeletion,
}

/// Those that are requests, and those that start a process, which takes far longer.
pub const REQUESTS: &[Way] = &[
    Way::OrganizationAccess,
    Way::WritingAccess,
    Way::DatabaseAccess,
    Way::AllDatabases,
    Way::Grants,
    Way::Addresses,
    Way::Rotation,
    Way::Deletion,
    Way::Parent,
    Way::Promotion,
    Way::Demotion,
];
pub const PROCESSES: &[Way] = &[Way::OperatorAccess, Way::OperatorRotation, Way::OperatorDeletion];

/// A request, and by which statuses it tells that it was let through.
#[derive(Clone, Debug)]
pub struct Given {
    pub request: Raw,
    pub accepted: &'static [u16],
    pub refused: &'static [u16],
    /// What takes it away is done to this token.
    token: Token,
    /// The token that made it, where that is what ends it.
    parent: Option<Token>,
}

/// Where one revoker works: it has a token and a branch of its own.
pub struct Lane<'a> {
    bough: &'a Bough,
    admin: Client,
    branch: String,
    token: Token,
}

/// An access on the organization by which one can read it.
const READ: &str = "read_organization";

impl<'a> Lane<'a> {
    pub fn new(bough: &'a Bough, number: usize) -> Self {
        let admin = bough.admin();
        let branch = format!("lane-{number}");
        admin.post(&admin.org("/databases/shop/branches"), &json!({"name": branch})).expect(201);
        let path = admin.org(&format!("/databases/shop/branches/{branch}"));
        // So that who may delete it is told that it is protected, and it stays.
        admin.patch(&path, &json!({"deletion_protected": true})).expect(200);
        Self { bough, admin, branch, token: bough.token(&[]) }
    }

    fn token_path(&self, token: &Token, rest: &str) -> String {
        self.admin.org(&format!("/service-tokens/{}{rest}", token.id))
    }

    fn branch_path(&self, rest: &str) -> String {
        self.admin.org(&format!("/databases/shop/branches/{}{rest}", self.branch))
    }

    fn grant(&self, database: &str, access: &str) {
        let body = json!({"database": database, "access": [access]});
        self.admin.post(&self.token_path(&self.token, "/access"), &body).expect(200);
    }

    fn take(&self, database: &str, access: &str) {
        let body = json!({"database": database, "access": [access]});
        self.admin.json("DELETE", &self.token_path(&self.token, "/access"), &body).expect(204);
    }

    fn fresh(&self, access: &str) -> Token {
        self.bough.token(&[("", &[access])])
    }

    fn given(&self, token: &Token, request: Raw, refused: &'static [u16]) -> Given {
        let request = request.header("authorization", &token.authorization());
        Given { request, accepted: &[200], refused, token: token.clone(), parent: None }
    }

    fn reads_organization(&self, token: &Token, refused: &'static [u16]) -> Given {
        self.given(token, Raw::new("GET", &self.admin.org("")), refused)
    }

    fn reads_database(&self) -> Given {
        self.given(&self.token, Raw::new("GET", &self.admin.org("/databases/shop")), &[404])
    }

    /// Deleting the branch, which is protected: 422 to who may.
    fn deletes_branch(&self, refused: &'static [u16]) -> Given {
        let given = self.given(&self.token, Raw::new("DELETE", &self.branch_path("")), refused);
        Given { accepted: &[422], ..given }
    }

    /// Gives the token something.
    pub fn give(&mut self, way: Way) -> Given {
        match way {
            Way::OrganizationAccess | Way::Grants | Way::OperatorAccess => {
                self.grant("", READ);
                self.reads_organization(&self.token, &[404])
            }
            Way::WritingAccess => {
                self.grant("", "write_service_tokens");
                let path = self.token_path(&self.token, "");
                self.given(&self.token, Raw::new("PATCH", &path).json(&json!({"cidrs": []})), &[404])
            }
            Way::DatabaseAccess => {
                self.grant("shop", "read_database");
                self.reads_database()
            }
            Way::AllDatabases => {
                self.grant("*", "read_database");
                self.reads_database()
            }
            Way::Addresses => {
                self.grant("", READ);
                self.reads_organization(&self.token, &[401])
            }
            Way::Rotation | Way::OperatorRotation => {
                self.grant("", READ);
                self.reads_organization(&self.token, &[401])
            }
            Way::Deletion | Way::OperatorDeletion => {
                let token = self.fresh(READ);
                self.reads_organization(&token, &[401])
            }
            Way::Parent => {
                let parent = self.bough.token(&[("", &["write_service_tokens", READ])]);
                let client = self.bough.client(&parent);
                let made = client.post(&client.org("/service-tokens"), &json!({})).expect(200);
                let child = token_of(&made.json);
                client.post(&self.token_path(&child, "/access"), &json!({"access": [READ]})).expect(200);
                Given { parent: Some(parent), ..self.reads_organization(&child, &[401]) }
            }
            Way::Promotion => {
                self.grant("shop", "delete_branch");
                self.deletes_branch(&[403])
            }
            Way::Demotion => {
                self.admin.send("POST", &self.branch_path("/promote"), &[], None).expect(200);
                self.grant("shop", "delete_production_branch");
                // To whom it does not say that there is such a branch.
                self.deletes_branch(&[404])
            }
        }
    }

    /// Takes it away. When this returns, it is gone.
    pub fn revoke(&mut self, way: Way, given: &Given) {
        let operator = |args: &[&str]| {
            let output = self.bough.run(&[&["admin", "token"], args].concat());
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        match way {
            Way::OrganizationAccess => self.take("", READ),
            Way::WritingAccess => self.take("", "write_service_tokens"),
            Way::DatabaseAccess => self.take("shop", "read_database"),
            Way::AllDatabases => self.take("*", "read_database"),
            Way::Grants => {
                self.admin.put(&self.token_path(&given.token, "/grants"), &json!({"grants": []})).expect(200);
            }
            Way::Addresses => {
                let elsewhere = json!({"cidrs": ["192.0.2.0/24"]});
                self.admin.patch(&self.token_path(&given.token, ""), &elsewhere).expect(200);
            }
            Way::Rotation => {
                let body = json!({"overlap_seconds": 0});
                let made = self.admin.post(&self.token_path(&given.token, "/rotate"), &body).expect(200);
                self.token = token_of(&made.json);
            }
            Way::Deletion => {
                self.admin.delete(&self.token_path(&given.token, "")).expect(204);
            }
            Way::Parent => {
                let parent = given.parent.as_ref().expect("a parent");
                self.admin.delete(&self.token_path(parent, "")).expect(204);
            }
            Way::Promotion => {
                self.admin.send("POST", &self.branch_path("/promote"), &[], None).expect(200);
            }
            Way::Demotion => {
                self.admin.send("POST", &self.branch_path("/demote"), &[], None).expect(200);
            }
            Way::OperatorAccess => {
                operator(&["revoke", &given.token.id, READ]);
            }
            Way::OperatorRotation => {
                let told = operator(&["rotate", &given.token.id, "--json"]);
                self.token = token_of(&serde_json::from_slice(&told).expect("JSON"));
            }
            Way::OperatorDeletion => {
                operator(&["delete", &given.token.id]);
            }
        }
    }

    /// Puts back what the next race does not expect.
    pub fn restore(&mut self, way: Way) {
        match way {
            Way::Addresses => {
                self.take("", READ);
                self.admin.patch(&self.token_path(&self.token, ""), &json!({"cidrs": []})).expect(200);
            }
            Way::Rotation | Way::OperatorRotation => self.take("", READ),
            Way::Promotion => {
                self.take("shop", "delete_branch");
                self.admin.send("POST", &self.branch_path("/demote"), &[], None).expect(200);
            }
            Way::Demotion => self.take("shop", "delete_production_branch"),
            _ => {}
        }
    }
}

fn token_of(value: &Value) -> Token {
    let text = |key: &str| value[key].as_str().expect("a text").to_owned();
    Token { id: text("id"), secret: text("token") }
}
