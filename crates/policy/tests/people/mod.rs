//! People: each role by each operation in each state, printed, reviewed, and judged by the naive model.

use std::fmt::Write as _;

use bough_model::Role;
use bough_policy::{Operation, PathKind, Rule, Table};

use crate::naive::{self, Case, CaseActor, Verdict};
use crate::{compare_golden, in_words, people, verdict};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/roles.txt");

fn case(operation: Operation, actor: CaseActor) -> Case {
    Case {
        actor,
        operation: operation.id().to_owned(),
        same_organization: true,
        production: false,
        password_role: None,
        restoring: false,
        backup_production: false,
        approving: false,
        database_exists: true,
        oneself: false,
    }
}

/// A state, and what makes a case be in it.
type State = (&'static str, fn(Case) -> Case);

/// The states that a rule tells apart.
fn states(operation: Operation) -> Vec<State> {
    match operation.row().rule {
        Rule::Public | Rule::AnyCaller | Rule::AnyOfOrganization | Rule::AnyOf(_) => {
            vec![("any", |case| case)]
        }
        Rule::AnyOfOrOneself(_) => {
            vec![("somebody else", |case| case), ("oneself", |case| Case { oneself: true, ..case })]
        }
        Rule::ByClass { .. } => {
            vec![("development", |case| case), ("production", |case| Case { production: true, ..case })]
        }
        Rule::ByPassword { .. } => vec![
            ("development", |case| case),
            ("production, reader", |case| Case {
                production: true,
                password_role: Some("reader".to_owned()),
                ..case
            }),
            ("production, other roles", |case| Case { production: true, ..case }),
        ],
        Rule::MakeBranch { .. } => vec![
            ("from parent", |case| case),
            ("from development backup", |case| Case { restoring: true, ..case }),
            ("from production backup", |case| Case { restoring: true, backup_production: true, ..case }),
            ("its database is not there", |case| Case { database_exists: false, ..case }),
        ],
        Rule::ByReview { .. } => {
            vec![("approve", |case| Case { approving: true, ..case }), ("comment", |case| case)]
        }
    }
}

/// Everybody who is no token, by name. A stranger is a member of another organization, and an
/// administrator of it, too.
fn everybody() -> Vec<(&'static str, CaseActor, bool)> {
    let person = |role: Role, database_administrator| CaseActor::User {
        role: role.as_str().to_owned(),
        database_administrator,
    };
    vec![
        ("nobody", CaseActor::Nobody, true),
        ("stranger", person(Role::Admin, true), false),
        ("member", person(Role::Member, false), true),
        ("analyst", person(Role::Analyst, false), true),
        ("admin", person(Role::Admin, false), true),
        ("member, administers it", person(Role::Member, true), true),
        ("analyst, administers it", person(Role::Analyst, true), true),
    ]
}

#[test]
fn what_each_role_may_is_printed_and_both_models_agree() {
    let everybody = everybody();
    let names: Vec<&str> = everybody.iter().map(|(name, ..)| *name).collect();
    let mut text = format!("# operation | state | {}\n", names.join(" | "));
    let table = Table::in_force();
    for operation in Operation::ALL.iter().copied() {
        for (name, within) in states(operation) {
            let _ = write!(text, "{operation} | {name}");
            for (who, actor, same_organization) in &everybody {
                let case =
                    within(Case { same_organization: *same_organization, ..case(operation, actor.clone()) });
                let (ours, theirs) = (verdict(&table, &case), naive::judge(&case));
                assert_eq!(ours, theirs, "ours, theirs; {operation}, {name}, {who}");
                let word = match ours {
                    Verdict::Allowed => "yes",
                    Verdict::Forbidden => "403",
                    Verdict::NotFound => "404",
                };
                let _ = write!(text, " | {word}");
            }
            text.push('\n');
        }
    }
    compare_golden(GOLDEN, &text);
}

/// Not by chance: whatever a case can say, for everybody who is no token.
#[test]
fn both_models_agree_on_people_in_every_case() {
    let table = Table::in_force();
    let actors: Vec<CaseActor> = people().chain([CaseActor::Nobody, CaseActor::Operator]).collect();
    let mut compared = 0_u64;
    for operation in Operation::ALL.iter().copied() {
        for actor in &actors {
            for bits in 0..128_u8 {
                let bit = |at: u8| bits >> at & 1 == 1;
                for role in [None, Some("reader"), Some("writer"), Some("readwriter"), Some("admin")] {
                    let case = Case {
                        same_organization: bit(0),
                        production: bit(1),
                        password_role: role.map(str::to_owned),
                        restoring: bit(2),
                        backup_production: bit(3),
                        approving: bit(4),
                        database_exists: bit(5),
                        oneself: bit(6),
                        ..case(operation, actor.clone())
                    };
                    let (ours, theirs) = (verdict(&table, &case), naive::judge(&case));
                    assert_eq!(ours, theirs, "ours, theirs; {}", in_words(&case));
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 900_000, "{compared}");
}

/// That something is for people alone keeps tokens from it, and nobody else from anything.
#[test]
fn what_is_for_people_alone_is_noticed_when_it_changes() {
    let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let token = CaseActor::Token {
        organization: all(naive::ORGANIZATION_ACCESSES),
        all_databases: all(naive::DATABASE_ACCESSES),
        this_database: Vec::new(),
        other_database: Vec::new(),
    };
    for operation in Operation::ALL.iter().copied() {
        let mut changed = operation.row().rule;
        let Rule::ByPassword { people_only, .. } = &mut changed else { continue };
        *people_only = !*people_only;
        let table = Table::in_force().with_rule(operation, changed);
        for production in [false, true] {
            let case = Case { production, ..case(operation, token.clone()) };
            assert_ne!(verdict(&table, &case), naive::judge(&case), "{operation}");
        }
    }
}

/// That it is about oneself opens what it should, and nothing else.
#[test]
fn what_is_open_to_oneself_is_noticed_when_it_changes() {
    let mut noticed = Vec::new();
    for operation in Operation::ALL.iter().copied() {
        let changed = match operation.row().rule {
            Rule::AnyOfOrOneself(set) => Rule::AnyOf(set),
            Rule::AnyOf(set) if operation.row().kind == PathKind::Member => Rule::AnyOfOrOneself(set),
            _ => continue,
        };
        let table = Table::in_force().with_rule(operation, changed);
        let seen = people().any(|actor| {
            let case = Case { oneself: true, ..case(operation, actor) };
            verdict(&table, &case) != naive::judge(&case)
        });
        if seen {
            noticed.push(operation);
        }
    }
    // Every role reads members: nobody would notice that one may read oneself.
    assert_eq!(noticed, [Operation::RemoveOrganizationMember, Operation::UpdateOrganizationMembership]);
}
