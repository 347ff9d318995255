//! P2: one authorization decision, with more and more tokens in memory that it might be about.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use bough_model::{Actor, BranchId, DatabaseId, OrganizationId, TokenId};
use bough_policy::{
    Access, BranchAt, Denied, GrantScope, Granted, Grants, Located, Operation, Principal, Visibility, decide,
};
use bough_testkit::Dice;

use crate::machine;
use crate::numbers::Spread;
use crate::table::{Line, NOT_MEASURED, met, say};

/// Grants that each token holds.
const GRANTS_EACH: usize = 10;
/// How many tokens there are: times ten, the grants.
const TOKENS: [usize; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];
/// Tokens that ask where it is always the same ones; all there are at the smallest size.
const REGULARS: usize = 100;
/// Decisions between two looks at the clock.
const BATCH: usize = 256;
/// Batches for one figure.
const BATCHES: usize = 1_500;
/// Rounds; each goes from small to large and back.
const ROUNDS: usize = 5;
/// Decisions that must be right before anything is timed.
const SAMPLE: usize = 20_000;
/// At most, in nanoseconds.
const GOAL_NS: f64 = 200.0;
/// From the fewest grants to the most, at most.
const FLAT_GOAL: f64 = 1.2;

fn id<T>(kind: u8, number: usize, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    let text = format!("{}{number:011}", char::from(kind));
    parse(&text).ok_or_else(|| anyhow::anyhow!("{text} is no id"))
}

fn organization() -> Result<OrganizationId> {
    id(b'o', 1, OrganizationId::parse)
}

fn principal(number: usize) -> Result<(TokenId, Principal)> {
    let token = id(b't', number, TokenId::parse)?;
    let mut grants = Grants::default();
    let own = GrantScope::Database(id(b'd', number, DatabaseId::parse)?);
    let other = GrantScope::Database(id(b'e', number, DatabaseId::parse)?);
    let held = [
        (&GrantScope::Organization, Access::ReadOrganization),
        (&GrantScope::Organization, Access::ReadAuditLogs),
        (&own, Access::ReadBranch),
        (&own, Access::CreateBranch),
        (&own, Access::DeleteBranch),
        (&own, Access::ConnectBranch),
        (&other, Access::ReadDatabase),
        (&other, Access::ReadDeployRequest),
        (&other, Access::CreateComment),
        (&other, Access::ReadComment),
    ];
    debug_assert_eq!(held.len(), GRANTS_EACH);
    for (scope, access) in held {
        grants.insert(scope, access);
    }
    let actor = Actor::Token(token.clone());
    Ok((token, Principal::Token { actor, organization: organization()?, expires_at: None, grants }))
}

/// A question, and what the answer must be: `None` for yes.
struct Question {
    token: TokenId,
    operation: Operation,
    at: Located<BranchAt>,
    refused: Option<Visibility>,
}

/// The mix: reading and deleting what it may, a production branch that it may see and not delete, and
/// a database where it holds nothing.
fn question(number: usize, kind: usize) -> Result<Question> {
    let (operation, database, production, refused) = match kind % 4 {
        0 => (Operation::GetBranch, b'd', false, None),
        1 => (Operation::DeleteBranch, b'd', false, None),
        2 => (Operation::DeleteBranch, b'd', true, Some(Visibility::Visible)),
        _ => (Operation::GetBranch, b'f', false, Some(Visibility::Hidden)),
    };
    let at = Located::new(BranchAt {
        organization: organization()?,
        database: id(database, number, DatabaseId::parse)?,
        branch: id(b'b', kind, BranchId::parse)?,
        production,
    });
    Ok(Question { token: id(b't', number, TokenId::parse)?, operation, at, refused })
}

type Decision = std::result::Result<Granted<BranchAt>, Denied>;

fn answer(principals: &HashMap<TokenId, Principal>, question: Question) -> Option<Decision> {
    let principal = principals.get(&question.token)?;
    Some(decide(principal, question.operation, question.at))
}

/// Nanoseconds for finding a token in the map and deciding, with `regulars` tokens asking of all.
fn nanoseconds(principals: &HashMap<TokenId, Principal>, regulars: usize, dice: &mut Dice) -> Result<f64> {
    let step = principals.len() / regulars;
    let mut seconds = 0.0;
    let mut given = Vec::with_capacity(BATCH);
    for _ in 0..BATCHES {
        let questions: Vec<Question> =
            (0..BATCH).map(|kind| question(dice.below(regulars) * step, kind)).collect::<Result<_>>()?;
        let started = Instant::now();
        for question in questions {
            given.push(black_box(answer(principals, question)));
        }
        seconds += started.elapsed().as_secs_f64();
        given.clear();
    }
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    Ok(seconds * 1e9 / (BATCHES * BATCH) as f64)
}

fn check(principals: &HashMap<TokenId, Principal>, dice: &mut Dice) -> Result<()> {
    for kind in 0..SAMPLE {
        let question = question(dice.below(principals.len()), kind)?;
        let (operation, expected) = (question.operation, question.refused);
        let decided = answer(principals, question);
        let got = decided.map(|decided| decided.err().map(|denied| denied.visibility));
        ensure!(got == Some(expected), "{operation:?}: {got:?} instead of {expected:?}");
    }
    Ok(())
}

/// Takes the measure.
pub fn measure() -> Result<Vec<Line>> {
    let mut dice = Dice::new(7);
    let mut maps = Vec::new();
    for tokens in TOKENS {
        let map: HashMap<TokenId, Principal> = (0..tokens).map(principal).collect::<Result<_>>()?;
        check(&map, &mut dice)?;
        nanoseconds(&map, REGULARS, &mut dice)?;
        maps.push(map);
    }
    say(&format!(
        "  all maps together: this program holds {:.0} MiB",
        machine::resident_mib(std::process::id())
    ));
    let mut regular = vec![Vec::new(); maps.len()];
    let mut anybody = vec![Vec::new(); maps.len()];
    for _ in 0..ROUNDS {
        for at in (0..maps.len()).chain((0..maps.len()).rev()) {
            regular[at].push(nanoseconds(&maps[at], REGULARS, &mut dice)?);
            anybody[at].push(nanoseconds(&maps[at], maps[at].len(), &mut dice)?);
        }
    }
    for (at, map) in maps.iter().enumerate() {
        say(&format!(
            "  {:>8} grants of {:>7} tokens: the same {REGULARS} tokens asking {}; any token asking {}",
            map.len() * GRANTS_EACH,
            map.len(),
            Spread::of(&regular[at]).show("ns", 0),
            Spread::of(&anybody[at]).show("ns", 0)
        ));
    }
    let mut lines = Vec::new();
    for (who, taken) in [("the same 100 tokens asking", &regular), ("any of all tokens asking", &anybody)] {
        let (Some(few), Some(many)) = (taken.first(), taken.last()) else { continue };
        let (few, many) = (Spread::of(few), Spread::of(many));
        let flat = many.median / few.median;
        lines.push(Line {
            measure: format!("P2 decision, 10 M grants, {who}"),
            goal: format!("<= {GOAL_NS} ns"),
            ours: many.show("ns", 0),
            beside: format!("cedar-policy: {NOT_MEASURED}"),
            ratio: NOT_MEASURED.to_owned(),
            met: met(many.median <= GOAL_NS),
        });
        lines.push(Line {
            measure: format!("P2 flat from 1 k to 10 M grants, {who}"),
            goal: format!("<= {FLAT_GOAL} x"),
            ours: many.show("ns", 0),
            beside: format!("1 k grants {}", few.show("ns", 0)),
            ratio: format!("{flat:.2}"),
            met: met(flat <= FLAT_GOAL),
        });
    }
    Ok(lines)
}
