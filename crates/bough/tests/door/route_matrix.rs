//! Every served operation, tried by everybody: without a credential, with a wrong one, by another
//! organization, with nothing, and with each access held alone at each place where it can be held.
//! Allowed is exactly what the table allows; else the answer is the 403 or the 404 of RULES.md §1,
//! and what is hidden answers byte for byte like what does not exist.
//!
//! Requests are made so that being allowed shows without changing anything: a body that cannot be
//! read answers 400, a protected thing 422, and only to who may.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bough_policy::{Access, AccessSet, Facet, Level, Operation, PasswordRole, PathKind, ResourceState, Rule};
use bough_testkit::{Answer, Bough, Client, wait_until};
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");

/// Longest wait for a branch, and for what is done to it.
const LIMIT: Duration = Duration::from_secs(60);
/// An id that nothing has.
const NO_ID: &str = "zzzzzzzzzzzz";

/// One way to ask for an operation.
struct Probe {
    operation: Operation,
    body: Option<&'static str>,
    facet: Facet,
    /// What an allowed request answers, on a development branch and on a production branch.
    allowed: [u16; 2],
}

fn probes() -> Vec<Probe> {
    use Operation::*;
    let plain = |operation, body, allowed| Probe { operation, body, facet: Facet::Unread, allowed };
    let reads = [
        ListOrganizations,
        GetOrganization,
        GetOrganizationFigures,
        ListOrganizationMembers,
        GetOrganizationMembership,
        ListRegionsForOrganization,
        ListPublicRegions,
        ListClusterSizeSkus,
        ListAuditLogs,
        ListServiceTokens,
        GetServiceToken,
        ListServiceTokenAccesses,
        ListServiceTokenGrants,
        ListServiceTokenDenials,
        GetServiceTokenFigures,
        GetServiceTokenUsage,
        ListDatabases,
        GetDatabase,
        ListDatabaseRegions,
        ListDatabaseAdministrators,
        ListBranches,
        GetBranch,
        GetBranchSchema,
        LintBranchSchema,
        ListBranchClusterSizeSkus,
        ListBranchResizeRequests,
        GetBranchResizeRequest,
        ListPasswords,
        ListDatabasePasswords,
        GetPassword,
        // Open to people only.
        ListBranchConnections,
    ];
    let bodies = [
        UpdateOrganizationMembership,
        // Open to people only.
        UpdateOrganization,
        AddDatabaseAdministrator,
        CreateServiceToken,
        UpdateServiceToken,
        AddServiceTokenAccesses,
        RemoveServiceTokenAccesses,
        ReplaceServiceTokenGrants,
        RotateServiceToken,
        ExplainServiceToken,
        CreateDatabase,
        UpdateDatabaseSettings,
        UpdateBranch,
        UpdateSafeMigrations,
        UpdateBranchResizeRequest,
        UpdateBranchClusterConfig,
    ];
    let from_parent = Probe {
        operation: CreateBranch,
        body: Some(r#"{"name":"UPPER"}"#),
        facet: Facet::FromParent,
        allowed: [422, 422],
    };
    let from_backup = Probe {
        operation: CreateBranch,
        body: Some(r#"{"name":"b","backup_id":"zzzzzzzzzzzz"}"#),
        facet: Facet::FromBackup { production: false },
        allowed: [422, 422],
    };
    // What may be done depends on the role, in the body or of the password that the path names.
    let of_role = |operation, role, body, allowed| Probe {
        operation,
        body,
        facet: Facet::Password(role),
        allowed: [allowed, allowed],
    };
    let of_passwords = [
        plain(CreatePassword, Some("{"), [400, 400]),
        of_role(CreatePassword, PasswordRole::Reader, Some(r#"{"role":"reader","ttl":-1}"#), 422),
        of_role(CreatePassword, PasswordRole::Writer, Some(r#"{"role":"writer","ttl":-1}"#), 422),
        of_role(CreatePassword, PasswordRole::Admin, Some(r#"{"ttl":-1}"#), 422),
        of_role(UpdatePassword, PasswordRole::Reader, Some("{"), 400),
        of_role(UpdatePassword, PasswordRole::Admin, Some("{"), 400),
        // They never end.
        of_role(RenewPassword, PasswordRole::Reader, None, 422),
        of_role(RenewPassword, PasswordRole::Admin, None, 422),
        // The password asked for is made for the purpose.
        of_role(DeletePassword, PasswordRole::Reader, None, 204),
        of_role(DeletePassword, PasswordRole::Admin, None, 204),
    ];
    let mut probes: Vec<Probe> = Vec::new();
    probes.extend(of_passwords);
    probes.extend(reads.map(|operation| plain(operation, None, [200, 200])));
    probes.extend(bodies.map(|operation| plain(operation, Some("{"), [400, 400])));
    probes.extend([
        plain(CreateBranch, Some("{"), [400, 400]),
        from_parent,
        from_backup,
        // The only administrator stays.
        plain(RemoveOrganizationMember, None, [422, 422]),
        // The token asked for is made for the purpose.
        plain(DeleteServiceToken, None, [204, 204]),
        // Open to people only.
        plain(GetCurrentUser, None, [200, 200]),
        plain(KillBranchConnection, None, [404, 404]),
        plain(KillBranchQuery, None, [404, 404]),
        plain(KillBranchTransaction, None, [404, 404]),
        plain(AdoptServiceToken, None, [200, 200]),
        plain(RemoveDatabaseAdministrator, None, [404, 404]),
        // Database and branches are protected.
        plain(DeleteDatabase, None, [422, 422]),
        plain(DeleteBranch, None, [422, 422]),
        // Undone after each success.
        plain(PromoteBranch, None, [200, 200]),
        // The last production branch stays one.
        plain(DemoteBranch, None, [200, 422]),
        plain(EnableSafeMigrations, None, [200, 200]),
        plain(DisableSafeMigrations, None, [200, 200]),
        // None is pending.
        plain(CancelBranchChangeRequest, None, [422, 422]),
        // The last one: what is asked of a server does not wait for it to be back.
        plain(RestartBranch, None, [200, 200]),
        plain(SleepBranch, None, [200, 422]),
        plain(WakeBranch, None, [200, 200]),
    ]);
    probes
}

/// What a path names.
#[derive(Clone)]
struct Place {
    organization: String,
    database: &'static str,
    branch: &'static str,
    production: bool,
    token: String,
    member: String,
    password: String,
    /// A change of its size, for each branch by database and name.
    resizes: BTreeMap<(&'static str, &'static str), String>,
}

impl Place {
    fn path(&self, operation: Operation) -> String {
        let row = operation.row();
        let id = match row.kind {
            PathKind::Member => &self.member,
            PathKind::Password => &self.password,
            _ => &self.token,
        };
        let path = row
            .path
            .replace("{organization}", &self.organization)
            .replace("{database}", self.database)
            .replace("{branch}", self.branch)
            .replace(
                "{resize}",
                self.resizes.get(&(self.database, self.branch)).map_or(NO_ID, String::as_str),
            )
            .replace("{user}", &self.member)
            .replace("{id}", id);
        assert!(!path.contains('{'), "a parameter of {path} is not known to this test");
        format!("/v1{path}")
    }

    /// The same place with what the path names last, or something before it, not there.
    fn absents(&self, kind: PathKind) -> Vec<Self> {
        let elsewhere = Self { organization: "nowhere".to_owned(), ..self.clone() };
        let no_database = Self { database: "absent", ..self.clone() };
        match kind {
            PathKind::Nowhere => Vec::new(),
            PathKind::Organization => vec![elsewhere],
            PathKind::Database => vec![no_database, elsewhere],
            PathKind::Branch => vec![Self { branch: "absent", ..self.clone() }, no_database, elsewhere],
            PathKind::Password => {
                let password = |id: &str| Self { password: id.to_owned(), ..self.clone() };
                let other = if self.branch == "main" { "dev" } else { "main" };
                vec![
                    password(NO_ID),
                    password("no-id"),
                    // That of one branch is not there on another.
                    Self { branch: other, ..self.clone() },
                    Self { branch: "absent", ..self.clone() },
                    no_database,
                    elsewhere,
                ]
            }
            PathKind::Token | PathKind::Member => {
                vec![
                    Self { token: NO_ID.to_owned(), member: NO_ID.to_owned(), ..self.clone() },
                    Self { token: "no-id".to_owned(), member: "no-id".to_owned(), ..self.clone() },
                    elsewhere,
                ]
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Organization,
    Shop,
    AllDatabases,
}

/// Somebody who holds one access, or nothing.
struct Holder {
    client: Client,
    access: Option<(Access, Scope)>,
}

impl Holder {
    /// What counts at a place.
    fn held(&self, kind: PathKind, place: &Place) -> AccessSet {
        let below = matches!(kind, PathKind::Database | PathKind::Branch | PathKind::Password);
        match self.access {
            Some((access, Scope::Organization)) => AccessSet::of(&[access]),
            Some((access, Scope::AllDatabases)) if below => AccessSet::of(&[access]),
            Some((access, Scope::Shop)) if below && place.database == "shop" => AccessSet::of(&[access]),
            _ => AccessSet::EMPTY,
        }
    }
}

fn opens(operation: Operation, production: bool, facet: Facet, held: AccessSet) -> bool {
    let required = operation.row().rule.required(ResourceState { production, facet, oneself: false });
    required.is_none_or(|required| held.intersects(required))
}

/// An answer without what may differ between any two.
fn seen(answer: &Answer) -> (u16, &str, BTreeMap<&str, &str>) {
    let may_differ = |name: &str| name == "x-request-id" || name == "date" || name.starts_with("ratelimit-");
    let headers = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    (answer.status, &answer.text, headers.filter(|(name, _)| !may_differ(name)).collect())
}

fn ask(client: &Client, probe: &Probe, place: &Place) -> Answer {
    let headers: &[(&str, &str)] =
        if probe.body.is_some() { &[("content-type", "application/json")] } else { &[] };
    let method = probe.operation.row().method.as_str();
    client.send(method, &place.path(probe.operation), headers, probe.body.map(str::as_bytes))
}

/// A refusal as of something that is not there; compared with at most so many of such things.
fn expect_absent(client: &Client, probe: &Probe, place: &Place, answer: &Answer, who: &str, others: usize) {
    let what = format!("{} {} by {who}", probe.operation.id(), place.path(probe.operation));
    assert_eq!(answer.status, 404, "{what}: {}", answer.text);
    assert_eq!(answer.text, r#"{"code":"not_found","message":"Not Found"}"#, "{what}");
    for absent in place.absents(probe.operation.row().kind).iter().take(others) {
        let other = ask(client, probe, absent);
        assert_eq!(seen(answer), seen(&other), "{what}, beside {}", absent.path(probe.operation));
    }
}

fn in_description(rule: Rule) -> Value {
    let names = |set: AccessSet| json!(set.names());
    match rule {
        Rule::Public => json!({"open_to": "everybody"}),
        Rule::AnyCaller => json!({"open_to": "every valid credential"}),
        Rule::AnyOfOrganization => json!({"open_to": "every valid credential of the organization"}),
        Rule::AnyOf(set) => json!({"any_of": names(set)}),
        Rule::AnyOfOrOneself(set) => json!({"any_of": names(set), "or": "the person that the path names"}),
        Rule::ByClass { development, production } => {
            json!({"development_branch": names(development), "production_branch": names(production)})
        }
        Rule::ByPassword { development, production, production_reader, .. } => json!({
            "development_branch": names(development), "production_branch": names(production),
            "production_branch_reader": names(production_reader),
        }),
        Rule::MakeBranch { from_parent, from_backup, from_production_backup } => json!({
            "from_parent": names(from_parent), "from_development_backup": names(from_backup),
            "from_production_backup": names(from_production_backup),
        }),
        other => panic!("a rule that no served operation had yet: {other:?}"),
    }
}

/// What is served is what is described, and every part of it has a probe here.
fn check_description(description: &Value, probes: &[Probe]) {
    let probed: BTreeSet<&str> = probes.iter().map(|probe| probe.operation.id()).collect();
    let mut served = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().expect("paths") {
        for (method, described) in methods.as_object().expect("methods") {
            let id = described["operationId"].as_str().expect("an operationId");
            let operation = Operation::parse(id).unwrap_or_else(|| panic!("{id} stands in no table"));
            let row = operation.row();
            assert_eq!((row.path, row.method.as_str()), (path.as_str(), method.to_uppercase().as_str()));
            assert_eq!(described["x-accesses"], in_description(row.rule), "{id}");
            served.insert(operation.id());
        }
    }
    let unprobed: Vec<_> = served.difference(&probed).collect();
    assert!(unprobed.is_empty(), "served and not tried by this test: {unprobed:?}");
    let unserved: Vec<_> = probed.difference(&served).collect();
    assert!(unserved.is_empty(), "tried by this test and not served: {unserved:?}");
}

fn holders(bough: &Bough) -> Vec<Holder> {
    let mut holders = vec![Holder { client: bough.client(&bough.token(&[])), access: None }];
    for access in Access::ALL.iter().copied() {
        let scopes: &[(Scope, &str)] = match access.level() {
            Level::Organization => &[(Scope::Organization, "")],
            Level::Database => &[(Scope::Shop, "shop"), (Scope::AllDatabases, "*")],
            Level::People => continue,
        };
        for (scope, database) in scopes {
            let token = bough.token(&[(database, &[access.name()])]);
            holders.push(Holder { client: bough.client(&token), access: Some((access, *scope)) });
        }
    }
    holders
}

/// Two protected databases, the first with a protected development branch.
fn furnish(bough: &Bough) -> Place {
    let admin = bough.admin();
    for database in ["shop", "other"] {
        bough.database(database);
        admin
            .post(&admin.org(&format!("/databases/{database}/branches")), &json!({"name": "dev"}))
            .expect(201);
        bough.wait_branch(database, "dev");
        for branch in ["main", "dev"] {
            let path = admin.org(&format!("/databases/{database}/branches/{branch}"));
            admin.patch(&path, &json!({"deletion_protected": true})).expect(200);
        }
        admin
            .patch(&admin.org(&format!("/databases/{database}")), &json!({"deletion_protected": true}))
            .expect(200);
    }
    let mut resizes = BTreeMap::new();
    for (database, branch) in [("shop", "main"), ("shop", "dev"), ("other", "main"), ("other", "dev")] {
        let path = admin.org(&format!("/databases/{database}/branches/{branch}/resizes"));
        let resize = admin.put(&path, &json!({"cluster_size": "PS_20"})).expect(200).str("/id").to_owned();
        wait_until(LIMIT, "the new size", || {
            (admin.get(&format!("{path}/{resize}")).expect(200).str("/state") == "completed").then_some(())
        });
        resizes.insert((database, branch), resize);
    }
    let members = admin.get(&admin.org("/members")).expect(200);
    Place {
        organization: bough.organization.clone(),
        database: "shop",
        branch: "main",
        production: true,
        token: bough.token(&[]).id,
        member: members.str("/data/0/id").to_owned(),
        password: String::new(),
        resizes,
    }
}

/// Makes a password at a place, of the role that a probe is about; answers its id.
fn password(bough: &Bough, place: &Place, facet: Facet) -> String {
    let role = if let Facet::Password(role) = facet { role } else { PasswordRole::Admin };
    let path = format!("/databases/{}/branches/{}/passwords", place.database, place.branch);
    let admin = bough.admin();
    let made = admin.post(&admin.org(&path), &json!({"role": role.as_str()})).expect(201);
    made.str("/id").to_owned()
}

/// The places at which a probe is made: branches of both classes, databases of which the first is the
/// one that single grants are on.
fn places(kind: PathKind, main: &Place) -> Vec<Place> {
    let dev = Place { branch: "dev", production: false, ..main.clone() };
    let other = |place: &Place| Place { database: "other", ..place.clone() };
    match kind {
        PathKind::Branch | PathKind::Password => vec![main.clone(), dev, other(main)],
        PathKind::Database => vec![main.clone(), other(main)],
        _ => vec![main.clone()],
    }
}

fn try_strangers(bough: &Bough, foreign: &Client, probe: &Probe, place: &Place) {
    let row = probe.operation.row();
    let public = row.rule == Rule::Public;
    let what = format!("{} {}", row.id, place.path(probe.operation));
    let answer = ask(&bough.anonymous(), probe, place);
    assert_eq!(answer.status, if public { 200 } else { 401 }, "{what} without a credential");
    assert_eq!(answer.header("www-authenticate").is_some(), !public, "{what}");
    let setup = bough.setup_token();
    let wrong = format!("{}:{}", place.token, setup.secret);
    let answer = ask(&bough.anonymous().with_authorization(Some(&wrong)), probe, place);
    assert_eq!(answer.status, 401, "{what} with a wrong credential");
    let answer = ask(foreign, probe, place);
    match row.kind {
        PathKind::Nowhere if row.rule.required(ResourceState::default()).is_none() => {
            assert_eq!(answer.status, 200, "{what} by another organization")
        }
        _ => expect_absent(foreign, probe, place, &answer, "another organization", usize::MAX),
    }
}

fn try_holder(bough: &Bough, holder: &Holder, probe: &Probe, place: &Place) {
    let row = probe.operation.row();
    let who = holder.access.map_or("nobody".to_owned(), |(access, scope)| format!("{access} on {scope:?}"));
    let held = holder.held(row.kind, place);
    let allowed = opens(probe.operation, place.production, probe.facet, held);
    let mut place = place.clone();
    if allowed && probe.operation == Operation::DeleteServiceToken {
        place.token = bough.token(&[]).id;
    }
    if allowed && probe.operation == Operation::DeletePassword {
        place.password = password(bough, &place, probe.facet);
    }
    let what = format!("{} {} by {who}", row.id, place.path(probe.operation));
    let answer = ask(&holder.client, probe, &place);
    if allowed {
        let expected = probe.allowed[usize::from(place.production)];
        assert_eq!(answer.status, expected, "{what}: {}", answer.text);
        if probe.operation == Operation::ListDatabases {
            let sees = |database| {
                opens(Operation::GetDatabase, false, Facet::Unread, {
                    holder.held(PathKind::Database, &Place { database, ..place.clone() })
                })
            };
            let mut names: Vec<&str> = answer.data().iter().filter_map(|row| row["name"].as_str()).collect();
            names.sort_unstable();
            let expected: Vec<&str> = ["other", "shop"].into_iter().filter(|name| sees(name)).collect();
            assert_eq!(
                (names, &answer.json["total_count"]),
                (expected.clone(), &json!(expected.len())),
                "{what}"
            );
        }
        if probe.operation == Operation::PromoteBranch && !place.production {
            bough.admin().send("POST", &place.path(Operation::DemoteBranch), &[], None).expect(200);
        }
        return;
    }
    if opens(row.sees, place.production, Facet::Unread, held) {
        assert_eq!(answer.status, 403, "{what}: {}", answer.text);
        assert_eq!(answer.str("/code"), "forbidden", "{what}");
        // Refused before the body is read, the refusal is about any body; else about this one.
        let any_body =
            row.kind != PathKind::Password && !opens(probe.operation, place.production, Facet::Unread, held);
        let facet = if any_body { Facet::Unread } else { probe.facet };
        let state = ResourceState { production: place.production, facet, oneself: false };
        let enough = row.rule.required(state).expect("accesses").names();
        let message = answer.str("/message");
        assert!(enough.iter().any(|name| message.contains(name)), "{what}: {message}");
    } else {
        let others = if holder.access.is_none() { usize::MAX } else { 1 };
        expect_absent(&holder.client, probe, &place, &answer, &who, others);
    }
}

#[test]
fn every_route_opens_to_exactly_those_whom_the_table_names() {
    let bough = Bough::start(BOUGH);
    let probes = probes();
    check_description(&bough.anonymous().get("/v1/openapi.json").expect(200).json, &probes);
    let main = furnish(&bough);
    let foreign = bough.client(&bough.foreign("globex"));
    let holders = holders(&bough);
    let mut tried = 0;
    for probe in &probes {
        for mut place in places(probe.operation.row().kind, &main) {
            if probe.operation.row().kind == PathKind::Password {
                place.password = password(&bough, &place, probe.facet);
            }
            try_strangers(&bough, &foreign, probe, &place);
            // On the other database only those are new who hold something on the first one alone.
            let tells = |holder: &&Holder| {
                place.database == "shop" || holder.access.is_none_or(|(_, scope)| scope == Scope::Shop)
            };
            for holder in holders.iter().filter(tells) {
                try_holder(&bough, holder, probe, &place);
                tried += 1;
            }
        }
    }
    assert!(tried > 4_000, "only {tried} combinations were tried");
}
