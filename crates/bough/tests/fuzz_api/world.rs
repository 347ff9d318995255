//! Who asks, and what there is: an organization with what everybody of it may change and what stays, a
//! hidden database in it, and another organization. Of all that somebody must not see, the handles (what
//! requests name it by) are sent about freely; the marks (what an answer would show of it) never are, so
//! that a mark in an answer was read and not repeated.

use std::sync::Mutex;

use bough_policy::{Access, AccessSet, Facet, Operation, ResourceState};
use bough_testkit::{Bough, Client, Token};
use serde_json::{Value, json};

/// What a principal may see of the first organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Holds everything.
    Admin,
    /// Holds a few accesses on one database.
    Few,
    /// Holds what is about service tokens.
    Clerk,
    /// Holds nothing.
    Nothing,
    /// Holds everything in the other organization.
    Stranger,
    /// Sends a credential that is not valid.
    Wrong,
    /// Sends none.
    Nobody,
}

/// Somebody who asks.
pub struct Principal {
    pub name: &'static str,
    pub kind: Kind,
    pub authorization: Option<String>,
    pub id: String,
    /// What it holds on the database that it knows.
    on_shop: AccessSet,
    on_organization: AccessSet,
}

/// Something with a name that requests use, or an id.
#[derive(Clone, Debug)]
pub struct Database {
    pub handle: String,
    pub branches: Vec<String>,
    /// What it is called beside its handle.
    mark: String,
}

/// What may be made, changed and deleted; what is there at the moment.
#[derive(Default)]
pub struct Loose {
    pub databases: Vec<String>,
    pub branches: Vec<(String, String)>,
    pub tokens: Vec<String>,
    /// With database and branch.
    pub passwords: Vec<(String, String, String)>,
    made: u64,
}

pub struct World {
    pub bough: Bough,
    pub principals: Vec<Principal>,
    pub organization: String,
    pub other_organization: String,
    /// Of the first organization, known to those with a few accesses.
    pub shop: Database,
    /// Of the first organization, hidden from all but its administrators.
    pub hidden: Vec<Database>,
    /// Of the other organization.
    pub foreign: Vec<Database>,
    pub foreign_ids: Vec<String>,
    pub members: Vec<String>,
    /// Changes of size of the branches `main`.
    pub resizes: Vec<String>,
    pub loose: Mutex<Loose>,
    /// Marks of the first organization's hidden database, of each organization as a whole, and secrets.
    hidden_marks: Vec<String>,
    shop_marks: Vec<String>,
    organization_marks: Vec<String>,
    foreign_marks: Vec<String>,
    secrets: Vec<String>,
}

/// Accesses of the one that holds a few.
const FEW: &[Access] = &[
    Access::ReadDatabase,
    Access::ReadBranch,
    Access::CreateBranch,
    Access::DeleteBranch,
    Access::PromoteBranches,
    Access::DemoteBranches,
];
const CLERK: &[Access] = &[
    Access::ReadServiceTokens,
    Access::WriteServiceTokens,
    Access::DeleteServiceTokens,
    Access::ReadOrganization,
];

/// Members who may be changed and removed.
const SPARE_MEMBERS: usize = 5;

/// Somebody whom nobody needs; answers his id.
fn spare_member(bough: &Bough, number: usize) -> String {
    let email = format!("spare-{number}@example.com");
    bough.run_json(&["admin", "user", "create", &email, "--json"]);
    let here = ["--organization", &bough.organization, "--json"];
    let made = bough.run_json(&[&["admin", "member", "add", &email][..], &here].concat());
    made["user"]["id"].as_str().expect("an id").to_owned()
}

fn names(accesses: &[Access]) -> Vec<&'static str> {
    accesses.iter().map(|access| access.name()).collect()
}

/// A database that stays: named in requests by its name or its id, the other of which is a mark.
fn kept(admin: &Client, name: &str, by_id: bool, marks: &mut Vec<String>) -> Database {
    let notes = format!("canary notes of {name}");
    let made = admin.post(&admin.org("/databases"), &json!({"name": name, "notes": notes})).expect(201);
    let (id, path) = (made.str("/id").to_owned(), admin.org(&format!("/databases/{name}")));
    let main = admin.get(&format!("{path}/branches/main?wait=ready")).expect(200);
    assert_eq!(main.json["ready"], json!(true), "{}", main.text);
    let branch = format!("branch-of-{name}");
    let made = admin.post(&format!("{path}/branches"), &json!({"name": branch})).expect(201);
    admin.get(&format!("{path}/branches/{branch}?wait=ready")).expect(200);
    marks.extend([notes, main.str("/id").to_owned()]);
    let (handle, mark, branch_handle, branch_mark) = match by_id {
        true => (id, name.to_owned(), made.str("/id").to_owned(), branch),
        false => (name.to_owned(), id, branch, made.str("/id").to_owned()),
    };
    marks.extend([mark.clone(), branch_mark]);
    Database { handle, branches: vec!["main".to_owned(), branch_handle], mark }
}

impl World {
    pub fn new(binary: &str, seed: u64) -> Self {
        let env = [("BOUGH_LIMITS_DEVELOPMENT_BRANCHES", "8"), ("BOUGH_LOG_LEVEL", "info")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let bough = Bough::start_with(binary, bough_testkit::Options { env, ..Default::default() });
        let admin = bough.admin();
        let other_organization = format!("globex-{seed:x}");
        let stranger_token = bough.foreign(&other_organization);
        let stranger = admin_of(&bough, &stranger_token, &other_organization);
        let (mut hidden_marks, mut shop_marks) = (Vec::new(), Vec::new());
        let (mut organization_marks, mut foreign_marks) = (Vec::new(), Vec::new());
        let own = |name: &str, by_id, marks: &mut Vec<String>| kept(&admin, name, by_id, marks);
        let hidden =
            vec![own("vault-one", false, &mut hidden_marks), own("vault-two", true, &mut hidden_marks)];
        let shop = own("shop", false, &mut shop_marks);
        let resized = admin.org("/databases/shop/branches/main/resizes");
        let resize = admin.put(&resized, &json!({"cluster_size": "PS_20"})).expect(200);
        let resizes = vec![resize.str("/id").to_owned()];
        let foreign = vec![
            kept(&stranger, "atlas-one", false, &mut foreign_marks),
            kept(&stranger, "atlas-two", true, &mut foreign_marks),
        ];
        let member = |client: &Client, marks: &mut Vec<String>| {
            let members = client.get(&client.org("/members")).expect(200);
            marks.push(members.str("/data/0/user/email").to_owned());
            members.str("/data/0/id").to_owned()
        };
        let mut members = vec![member(&admin, &mut organization_marks)];
        members.extend((0..SPARE_MEMBERS).map(|number| spare_member(&bough, number)));
        let mut foreign_ids = vec![member(&stranger, &mut foreign_marks)];
        let token_name = "canary token of the other organization";
        let made = stranger.post(&stranger.org("/service-tokens"), &json!({"name": token_name})).expect(200);
        foreign_marks.push(token_name.to_owned());
        foreign_ids.push(made.str("/id").to_owned());
        let organization_id = |client: &Client| client.get(&client.org("")).expect(200).str("/id").to_owned();
        organization_marks.push(organization_id(&admin));
        foreign_marks.push(organization_id(&stranger));

        let few = bough.token(&[("shop", &names(FEW))]);
        let clerk = bough.token(&[("", &names(CLERK))]);
        let nothing = bough.token(&[]);
        let setup = bough.setup_token().clone();
        foreign_ids.push(stranger_token.id.clone());
        let gone = bough.token(&[("", &["read_organization"])]);
        admin.delete(&admin.org(&format!("/service-tokens/{}", gone.id))).expect(204);
        let wrong = format!("{}:{}", few.id, setup.secret);
        let named = |name, kind, token: &Token, on_shop: &[Access], on_organization: &[Access]| Principal {
            name,
            kind,
            authorization: Some(token.authorization()),
            id: token.id.clone(),
            on_shop: AccessSet::of(on_shop),
            on_organization: AccessSet::of(on_organization),
        };
        let unnamed = |name, kind, authorization| Principal {
            name,
            kind,
            authorization,
            id: String::new(),
            on_shop: AccessSet::EMPTY,
            on_organization: AccessSet::EMPTY,
        };
        let secrets = [&few, &clerk, &nothing, &setup, &gone, &stranger_token, &token_of(&made.json)];
        let secrets = secrets.map(|token| token.secret.clone()).to_vec();
        let principals = vec![
            named("the administrator", Kind::Admin, &setup, Access::ALL, Access::ALL),
            named("one with a few accesses", Kind::Few, &few, FEW, &[]),
            named("one who sees to tokens", Kind::Clerk, &clerk, &[], CLERK),
            named("one who holds nothing", Kind::Nothing, &nothing, &[], &[]),
            named("the other administrator", Kind::Stranger, &stranger_token, &[], &[]),
            unnamed("one with another's secret", Kind::Wrong, Some(wrong)),
            unnamed("one whose token is gone", Kind::Wrong, Some(gone.authorization())),
            unnamed("nobody", Kind::Nobody, None),
        ];
        let world = Self {
            organization: bough.organization.clone(),
            bough,
            principals,
            other_organization,
            shop,
            hidden,
            foreign,
            foreign_ids,
            members,
            resizes,
            loose: Mutex::default(),
            hidden_marks,
            shop_marks,
            organization_marks,
            foreign_marks,
            secrets,
        };
        world.check_marks();
        world
    }

    pub fn loose<T>(&self, with: impl FnOnce(&mut Loose) -> T) -> T {
        with(&mut self.loose.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// A name that nothing had yet.
    pub fn fresh_name(&self) -> String {
        self.loose(|loose| {
            loose.made += 1;
            format!("made-{}", loose.made)
        })
    }

    /// Ids of tokens that requests are made with: those with power over them must leave them alone.
    pub fn is_principal(&self, id: &str) -> bool {
        self.principals.iter().any(|principal| principal.id == id)
    }

    /// What of an answer a principal must not have been told.
    pub fn must_not_see(&self, kind: Kind) -> Vec<&str> {
        let (hidden, foreign) = (&self.hidden_marks, &self.foreign_marks);
        let (shop, organization) = (&self.shop_marks, &self.organization_marks);
        let groups: &[&Vec<String>] = match kind {
            Kind::Admin => &[foreign],
            Kind::Few | Kind::Clerk => &[foreign, hidden],
            Kind::Nothing => &[foreign, hidden, shop],
            Kind::Stranger => &[hidden, shop, organization],
            Kind::Wrong | Kind::Nobody => &[foreign, hidden, shop, organization],
        };
        // Who reads tokens reads on which databases they hold something: not their branches, and no notes.
        let told = |mark: &&String| kind == Kind::Clerk && self.hidden.iter().any(|one| one.mark == **mark);
        let marks = groups.iter().copied().flatten().filter(|mark| !told(mark));
        marks.chain(&self.secrets).map(String::as_str).collect()
    }

    /// Whether a success is what the table of accesses opens; `on_shop`: the path names the database that
    /// those with a few accesses know.
    pub fn may(&self, principal: &Principal, operation: &str, own_organization: bool, on_shop: bool) -> bool {
        let rule = Operation::parse(operation).expect("an operation").row().rule;
        let held = match (own_organization, on_shop) {
            (true, true) => principal.on_shop.union(principal.on_organization),
            (true, false) => principal.on_organization,
            (false, _) => AccessSet::EMPTY,
        };
        let states = [false, true].map(|production| ResourceState {
            production,
            facet: Facet::FromParent,
            oneself: false,
        });
        let reads = states.map(|state| ResourceState { facet: Facet::Unread, ..state });
        let mut required = states.iter().chain(&reads).map(|state| rule.required(*state));
        required.any(|required| required.is_none_or(|required| held.intersects(required)))
    }

    /// Those who asked still could: refusals of who is nobody any more prove nothing.
    pub fn check_principals(&self) {
        for principal in &self.principals {
            let client = self.bough.anonymous().with_authorization(principal.authorization.as_deref());
            let status = client.get("/v1/organizations").status;
            let valid = !matches!(principal.kind, Kind::Wrong | Kind::Nobody);
            assert_eq!(status == 200, valid, "{}: {status}", principal.name);
        }
    }

    /// Each mark is seen by who may: a test of what is never there would test nothing.
    fn check_marks(&self) {
        let own = [&self.hidden_marks, &self.shop_marks, &self.organization_marks];
        let own: Vec<String> = own.into_iter().flatten().cloned().collect();
        for (kind, marks) in [(Kind::Admin, &own), (Kind::Stranger, &self.foreign_marks)] {
            let principal = self.principals.iter().find(|one| one.kind == kind).expect("a principal");
            let client = self.bough.anonymous().with_authorization(principal.authorization.as_deref());
            let name = if kind == Kind::Admin { &self.organization } else { &self.other_organization };
            let root = format!("/v1/organizations/{name}");
            let mut seen = client.get(&root).expect(200).text;
            for list in ["/databases", "/members", "/service-tokens"] {
                seen += &client.get(&format!("{root}{list}?per_page=100")).expect(200).text;
            }
            let databases = client.get(&format!("{root}/databases")).expect(200);
            for database in databases.data() {
                let name = database["name"].as_str().expect("a name");
                seen += &client.get(&format!("{root}/databases/{name}/branches")).expect(200).text;
            }
            for mark in marks {
                assert!(seen.contains(mark.as_str()), "{mark:?} shows nowhere, so it proves nothing");
            }
        }
    }
}

fn token_of(value: &Value) -> Token {
    let text = |key: &str| value[key].as_str().expect("a text").to_owned();
    Token { id: text("id"), secret: text("token") }
}

fn admin_of(bough: &Bough, token: &Token, organization: &str) -> Client {
    bough.client(token).within(organization)
}
