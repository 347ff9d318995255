//! The proof of the permission core: the table printed and reviewed, an independent model that must
//! agree on a million random cases, and every rule dropped or widened in turn, which that model must
//! notice.

mod naive;
mod people;

use std::collections::{BTreeSet, HashMap};

use bough_model::{Actor, DatabaseId, OrganizationId, Role, TokenId, UserId};
use bough_policy::{
    Access, AccessSet, Facet, GrantScope, Grants, Level, Located, Operation, PasswordRole, PathKind, Place,
    Principal, Rule, Scope, Standing, Table, Visibility, may_grant, print_matrix,
};
use naive::{Case, CaseActor, Verdict};

/// Random cases compared with the independent model.
const CASES: u64 = 1_000_000;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/matrix.txt");

fn compare_golden(path: &str, now: &str) {
    if std::env::var_os("BOUGH_UPDATE_GOLDEN").is_some() {
        std::fs::write(path, now).expect("the golden file is written");
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    for (number, (golden, now)) in golden.lines().zip(now.lines()).enumerate() {
        assert_eq!(golden, now, "line {} of {path}; review and run with BOUGH_UPDATE_GOLDEN=1", number + 1);
    }
    assert_eq!(
        golden.lines().count(),
        now.lines().count(),
        "{path}; review and run with BOUGH_UPDATE_GOLDEN=1"
    );
}

#[test]
fn the_printed_table_is_the_reviewed_one() {
    compare_golden(GOLDEN, &print_matrix());
}

/// A place as a case describes it.
#[derive(Clone)]
struct At {
    organization: Option<OrganizationId>,
    database: Option<DatabaseId>,
    production: bool,
    person: Option<UserId>,
    password: Option<PasswordRole>,
}

impl Place for At {
    fn scope(&self) -> Scope<'_> {
        Scope {
            organization: self.organization.as_ref(),
            database: self.database.as_ref(),
            production: self.production,
            person: self.person.as_ref(),
            password: self.password,
        }
    }
}

fn organization(number: u8) -> OrganizationId {
    OrganizationId::from_random(&[number; 24]).expect("an id")
}

fn database(number: u8) -> DatabaseId {
    DatabaseId::from_random(&[number; 24]).expect("an id")
}

/// Of who asks, and of somebody else.
fn user(number: u8) -> UserId {
    UserId::from_random(&[number; 24]).expect("an id")
}

fn set(names: &[String]) -> AccessSet {
    names.iter().map(|name| Access::parse(name).expect("a known access")).collect()
}

/// What a token holds at a level counts only if it is of that level, as the store makes sure; a name
/// of another level is what the naive model must ignore by itself.
fn at_level(names: &[String], level: Level) -> AccessSet {
    set(names).intersection(AccessSet::of_level(level))
}

fn role(name: &str) -> Role {
    Role::parse(name).expect("a role")
}

fn principal(actor: &CaseActor, same_organization: bool) -> Principal {
    let own = organization(if same_organization { 1 } else { 2 });
    match actor {
        CaseActor::Operator => Principal::Trusted { actor: Actor::Operator("root".to_owned()) },
        CaseActor::Nobody => Principal::nobody(),
        CaseActor::User { role: name, database_administrator } => {
            let administers = if *database_administrator { vec![database(1)] } else { Vec::new() };
            let standing = Standing { role: role(name), administers };
            Principal::User { actor: Actor::User(user(1)), standings: HashMap::from([(own, standing)]) }
        }
        CaseActor::Token { organization, all_databases, this_database, other_database } => Principal::Token {
            actor: Actor::Token(TokenId::from_random(&[1; 24]).expect("an id")),
            organization: own,
            expires_at: None,
            grants: Grants {
                organization: at_level(organization, Level::Organization),
                all_databases: at_level(all_databases, Level::Database),
                databases: HashMap::from([
                    (database(1), at_level(this_database, Level::Database)),
                    (database(2), at_level(other_database, Level::Database)),
                ]),
            },
        },
    }
}

fn password_role(case: &Case) -> PasswordRole {
    match case.password_role.as_deref() {
        Some("reader") => PasswordRole::Reader,
        Some("writer") => PasswordRole::Writer,
        Some("readwriter") => PasswordRole::ReadWriter,
        _ => PasswordRole::Admin,
    }
}

fn facet(operation: Operation, case: &Case) -> Facet {
    match operation.row().rule {
        // A password that the path names has its role, and no body says another one.
        Rule::ByPassword { .. } if operation.row().kind == PathKind::Password => Facet::Unread,
        Rule::ByPassword { .. } => Facet::Password(password_role(case)),
        Rule::MakeBranch { .. } if case.restoring => Facet::FromBackup { production: case.backup_production },
        Rule::MakeBranch { .. } => Facet::FromParent,
        Rule::ByReview { .. } if case.approving => Facet::Approve,
        Rule::ByReview { .. } => Facet::Comment,
        _ => Facet::Unread,
    }
}

fn verdict(table: &Table, case: &Case) -> Verdict {
    let Some(operation) = Operation::parse(&case.operation) else { return Verdict::NotFound };
    let principal = principal(&case.actor, case.same_organization);
    let kind = operation.row().kind;
    let of_database = matches!(kind, PathKind::Database | PathKind::Branch | PathKind::Password);
    let at = At {
        organization: (kind != PathKind::Nowhere).then(|| organization(1)),
        database: of_database.then(|| database(1)),
        production: case.production,
        person: (kind == PathKind::Member).then(|| user(if case.oneself { 1 } else { 2 })),
        password: (kind == PathKind::Password).then(|| password_role(case)),
    };
    if operation == Operation::CreateBranch && !case.database_exists {
        let new = At { database: None, production: false, ..at };
        let made = table.decide(&principal, Operation::CreateDatabase, Located::new(new), Facet::Unread);
        return if made.is_ok() { Verdict::Allowed } else { Verdict::NotFound };
    }
    match table.decide(&principal, operation, Located::new(at), facet(operation, case)) {
        Ok(_) => Verdict::Allowed,
        Err(denied) if denied.visibility == Visibility::Visible => Verdict::Forbidden,
        Err(_) => Verdict::NotFound,
    }
}

/// A small generator whose runs can be repeated: the seed is printed with every failure.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("it fits")
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// None, a few or many of `names`; now and then one that belongs at the other level.
    fn some(&mut self, names: &[&str], stray: &[&str]) -> Vec<String> {
        let count = match self.below(4) {
            0 => 0,
            1 => 1,
            2 => self.below(4),
            _ => self.below(names.len()),
        };
        let mut chosen: Vec<String> = (0..count).map(|_| names[self.below(names.len())].to_owned()).collect();
        if self.below(20) == 0 {
            chosen.push(stray[self.below(stray.len())].to_owned());
        }
        chosen
    }

    fn case(&mut self) -> Case {
        let (of_organization, of_database) = (naive::ORGANIZATION_ACCESSES, naive::DATABASE_ACCESSES);
        let actor = match self.below(10) {
            0 if self.below(4) == 0 => CaseActor::Nobody,
            0 => CaseActor::Operator,
            1 | 2 => CaseActor::User {
                role: ["admin", "analyst", "member"][self.below(3)].to_owned(),
                database_administrator: self.coin(),
            },
            _ => CaseActor::Token {
                organization: self.some(of_organization, of_database),
                all_databases: self.some(of_database, of_organization),
                this_database: self.some(of_database, of_organization),
                other_database: self.some(of_database, of_organization),
            },
        };
        let roles = [None, Some("reader"), Some("writer"), Some("readwriter"), Some("admin")];
        Case {
            actor,
            operation: naive::OPERATIONS[self.below(naive::OPERATIONS.len())].to_owned(),
            same_organization: self.below(8) != 0,
            production: self.coin(),
            password_role: roles[self.below(roles.len())].map(str::to_owned),
            restoring: self.below(3) == 0,
            backup_production: self.coin(),
            approving: self.coin(),
            database_exists: self.below(6) != 0,
            oneself: self.coin(),
        }
    }
}

fn in_words(case: &Case) -> String {
    let actor = match &case.actor {
        CaseActor::Operator => "operator".to_owned(),
        CaseActor::Nobody => "nobody".to_owned(),
        CaseActor::User { role, database_administrator } => {
            format!("user {role}, dba {database_administrator}")
        }
        CaseActor::Token { organization, all_databases, this_database, other_database } => {
            format!(
                "token {organization:?} all {all_databases:?} this {this_database:?} other {other_database:?}"
            )
        }
    };
    format!(
        "{} by {actor}; same organization {}, production {}, role {:?}, restoring {} (production {}), approving {}, \
         database exists {}, oneself {}",
        case.operation,
        case.same_organization,
        case.production,
        case.password_role,
        case.restoring,
        case.backup_production,
        case.approving,
        case.database_exists,
        case.oneself
    )
}

#[test]
fn both_models_know_the_same_names() {
    let ours: BTreeSet<&str> = Operation::ALL.iter().map(|operation| operation.id()).collect();
    let theirs: BTreeSet<&str> = naive::OPERATIONS.iter().copied().collect();
    assert_eq!(ours, theirs);
    for (level, names) in
        [(Level::Organization, naive::ORGANIZATION_ACCESSES), (Level::Database, naive::DATABASE_ACCESSES)]
    {
        let ours: BTreeSet<&str> = AccessSet::of_level(level).names().into_iter().collect();
        assert_eq!(ours, names.iter().copied().collect::<BTreeSet<&str>>(), "{level:?}");
        for name in names {
            let access = Access::parse(name).expect("a known access");
            assert_eq!(access.is_production(), naive::is_production_access(name), "{name}");
        }
    }
}

#[test]
fn the_independent_model_agrees_on_random_cases() {
    let seed = std::env::var("BOUGH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut random = Random(seed);
    let table = Table::in_force();
    let mut counts = [0_u64; 3];
    for number in 0..CASES {
        let case = random.case();
        let (ours, theirs) = (verdict(&table, &case), naive::judge(&case));
        assert_eq!(ours, theirs, "ours, theirs; case {number} of seed {seed}: {}", in_words(&case));
        counts[ours as usize] += 1;
    }
    // A comparison that only ever sees one answer proves little.
    assert!(counts.iter().all(|count| *count > CASES / 50), "{counts:?}");
}

/// A person of each role, with and without a database of his own.
pub(crate) fn people() -> impl Iterator<Item = CaseActor> {
    let roles = ["member", "analyst", "admin"].into_iter();
    roles.flat_map(|role| {
        [false, true]
            .map(|database_administrator| CaseActor::User { role: role.to_owned(), database_administrator })
    })
}

/// Tokens that hold one access, in every state that a rule can tell apart.
fn single_cases(operation: Operation, access: Access) -> Vec<Case> {
    let held = vec![access.name().to_owned()];
    let mut actors = Vec::new();
    match access.level() {
        Level::Organization => actors.push(CaseActor::Token {
            organization: held,
            all_databases: Vec::new(),
            this_database: Vec::new(),
            other_database: Vec::new(),
        }),
        Level::Database => actors.push(CaseActor::Token {
            organization: Vec::new(),
            all_databases: Vec::new(),
            this_database: held,
            other_database: Vec::new(),
        }),
        Level::People => {}
    }
    if access.level() == Level::People || operation.row().rule.is_for_people() {
        actors.extend(people());
    }
    let mut cases = Vec::new();
    for actor in actors {
        for bits in 0..32_u8 {
            let bit = |at: u8| bits >> at & 1 == 1;
            cases.push(Case {
                actor: actor.clone(),
                operation: operation.id().to_owned(),
                same_organization: true,
                production: bit(0),
                password_role: Some(if bit(1) { "reader" } else { "writer" }.to_owned()),
                restoring: bit(2),
                backup_production: bit(3),
                approving: bit(1),
                database_exists: true,
                oneself: bit(4),
            });
        }
    }
    cases
}

#[test]
fn every_rule_dropped_or_widened_is_noticed() {
    let mut tried = 0;
    for operation in Operation::ALL.iter().copied() {
        let rule = operation.row().rule;
        if matches!(rule, Rule::Public | Rule::AnyCaller | Rule::AnyOfOrganization) {
            continue;
        }
        for access in Access::ALL.iter().copied() {
            for changed in [rule.without(access), rule.with(access)] {
                // Only where the access can be held at all: one on a database opens nothing of an
                // organization, and outside any organization only people hold something.
                let kind = operation.row().kind;
                let never_held = match access.level() {
                    Level::Database => {
                        !matches!(kind, PathKind::Database | PathKind::Branch | PathKind::Password)
                    }
                    Level::Organization => kind == PathKind::Nowhere,
                    Level::People => false,
                };
                if changed == rule || never_held {
                    continue;
                }
                let table = Table::in_force().with_rule(operation, changed);
                let mut cases = single_cases(operation, access);
                // People hold accesses only together: a change that no role can feel shows nowhere.
                let felt = |case: &Case| verdict(&table, case) != verdict(&Table::in_force(), case);
                let of_people = access.level() == Level::People || rule.is_for_people();
                if of_people && !cases.iter().any(felt) {
                    continue;
                }
                cases.retain(|case| naive::judge(case) != verdict(&table, case));
                assert!(!cases.is_empty(), "{operation} with {access} changed is not noticed");
                tried += 1;
            }
        }
    }
    assert!(tried > 3_000, "only {tried} changes were tried");
}

#[test]
fn both_models_agree_on_who_may_grant_what() {
    let scopes = [
        ("organization", GrantScope::Organization),
        ("database", GrantScope::Database(database(1))),
        ("all", GrantScope::AllDatabases),
    ];
    let mut random = Random(7);
    let mut compared = 0;
    for _ in 0..20_000 {
        let actor = match random.below(4) {
            0 => CaseActor::User {
                role: ["admin", "analyst", "member"][random.below(3)].to_owned(),
                database_administrator: random.coin(),
            },
            1 => CaseActor::Operator,
            _ => {
                let mut organization = random.some(naive::ORGANIZATION_ACCESSES, naive::DATABASE_ACCESSES);
                organization.push("write_service_tokens".to_owned());
                CaseActor::Token {
                    organization,
                    all_databases: random.some(naive::DATABASE_ACCESSES, naive::ORGANIZATION_ACCESSES),
                    this_database: random.some(naive::DATABASE_ACCESSES, naive::ORGANIZATION_ACCESSES),
                    other_database: Vec::new(),
                }
            }
        };
        let access = Access::ALL[random.below(Access::ALL.len())];
        let (name, scope) = &scopes[random.below(scopes.len())];
        // What cannot be held at a scope is refused before anybody asks who may grant it.
        if access.level() != scope.level() {
            continue;
        }
        let same = random.below(8) != 0;
        let principal = principal(&actor, same);
        let ours = may_grant(&principal, &organization(1), None, scope, AccessSet::of(&[access])).is_ok();
        let theirs = naive::may_grant(&actor, same, access.name(), name);
        assert_eq!(ours, theirs, "{access} at {name}, same organization {same}: {:?}", principal);
        compared += 1;
    }
    assert!(compared > 5_000);
}
