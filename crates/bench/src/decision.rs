//! P2: one authorization decision, with more and more tokens in memory that it might be about; and the
//! same cases decided by `cedar-policy`, where this program was built with the feature `peers`.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use bough_model::{Actor, BranchId, DatabaseId, OrganizationId, TokenId};
use bough_policy::{
    Access, BranchAt, Denied, GrantScope, Granted, Grants, Located, Operation, Principal, Visibility, decide,
};
use bough_testkit::Dice;

#[cfg(feature = "peers")]
use crate::cedar::Cedar;
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
/// Memory that the peer is let have for each token, in MiB; it took 0.006.
const CEDAR_MIB_EACH: f64 = 0.009;
/// From the fewest grants to the most, at most.
const FLAT_GOAL: f64 = 1.2;

/// The organization of all of it.
pub const ORGANIZATION: &str = "o00000000001";

fn id(kind: char, number: usize) -> String {
    format!("{kind}{number:011}")
}

fn parse<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    parse(text).ok_or_else(|| anyhow::anyhow!("{text} is no id"))
}

/// Where an access is held, as text.
pub enum Scope {
    /// On the organization.
    Organization,
    /// On a database.
    Database(String),
}

/// What the token of a number holds.
pub fn held(number: usize) -> [(Scope, Access); GRANTS_EACH] {
    let own = || Scope::Database(id('d', number));
    let other = || Scope::Database(id('e', number));
    [
        (Scope::Organization, Access::ReadOrganization),
        (Scope::Organization, Access::ReadAuditLogs),
        (own(), Access::ReadBranch),
        (own(), Access::CreateBranch),
        (own(), Access::DeleteBranch),
        (own(), Access::ConnectBranch),
        (other(), Access::ReadDatabase),
        (other(), Access::ReadDeployRequest),
        (other(), Access::CreateComment),
        (other(), Access::ReadComment),
    ]
}

fn principal(number: usize) -> Result<(TokenId, Principal)> {
    let token = parse(&Case::token(number), TokenId::parse)?;
    let mut grants = Grants::default();
    for (scope, access) in held(number) {
        let scope = match scope {
            Scope::Organization => GrantScope::Organization,
            Scope::Database(id) => GrantScope::Database(parse(&id, DatabaseId::parse)?),
        };
        grants.insert(&scope, access);
    }
    let (actor, organization) = (Actor::Token(token.clone()), parse(ORGANIZATION, OrganizationId::parse)?);
    Ok((token, Principal::Token { actor, organization, expires_at: None, grants }))
}

/// What is asked for, by whom, and what the answer must be: `None` for yes.
pub struct Case {
    pub number: usize,
    kind: usize,
    on: char,
    pub operation: Operation,
    pub production: bool,
    pub refused: Option<Visibility>,
}

impl Case {
    /// The mix: reading and deleting what it may, a production branch that it may see and not delete, and a
    /// database where it holds nothing.
    pub const fn of(number: usize, kind: usize) -> Self {
        let (operation, on, production, refused) = match kind % 4 {
            0 => (Operation::GetBranch, 'd', false, None),
            1 => (Operation::DeleteBranch, 'd', false, None),
            2 => (Operation::DeleteBranch, 'd', true, Some(Visibility::Visible)),
            _ => (Operation::GetBranch, 'f', false, Some(Visibility::Hidden)),
        };
        Self { number, kind, on, operation, production, refused }
    }

    /// The id of the token of a number.
    pub fn token(number: usize) -> String {
        id('t', number)
    }

    /// The id of the database that it is about.
    pub fn database(&self) -> String {
        id(self.on, self.number)
    }

    /// The id of the branch that it is about.
    pub fn branch(&self) -> String {
        id('b', self.kind)
    }
}

struct Question {
    token: TokenId,
    operation: Operation,
    at: Located<BranchAt>,
    refused: Option<Visibility>,
}

fn question(case: &Case) -> Result<Question> {
    let at = Located::new(BranchAt {
        organization: parse(ORGANIZATION, OrganizationId::parse)?,
        database: parse(&case.database(), DatabaseId::parse)?,
        branch: parse(&case.branch(), BranchId::parse)?,
        production: case.production,
    });
    let token = parse(&Case::token(case.number), TokenId::parse)?;
    Ok(Question { token, operation: case.operation, at, refused: case.refused })
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
        let questions: Vec<Question> = (0..BATCH)
            .map(|kind| question(&Case::of(dice.below(regulars) * step, kind)))
            .collect::<Result<_>>()?;
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
        let question = question(&Case::of(dice.below(principals.len()), kind))?;
        let (operation, expected) = (question.operation, question.refused);
        let decided = answer(principals, question);
        let got = decided.map(|decided| decided.err().map(|denied| denied.visibility));
        ensure!(got == Some(expected), "{operation:?}: {got:?} instead of {expected:?}");
    }
    Ok(())
}

/// Figures of one contestant, by size: the same tokens asking, any token asking.
struct Taken {
    regular: Vec<Vec<f64>>,
    anybody: Vec<Vec<f64>>,
}

impl Taken {
    fn new() -> Self {
        let none = || vec![Vec::new(); TOKENS.len()];
        Self { regular: none(), anybody: none() }
    }

    fn say(&self, who: &str) {
        for (at, tokens) in TOKENS.iter().enumerate().filter(|(at, _)| !self.regular[*at].is_empty()) {
            say(&format!(
                "  {who}: {:>8} grants of {tokens:>7} tokens: the same {REGULARS} tokens asking {}; any token asking {}",
                tokens * GRANTS_EACH,
                Spread::of(&self.regular[at]).show("ns", 0),
                Spread::of(&self.anybody[at]).show("ns", 0)
            ));
        }
    }
}

/// One way of asking.
type Pick = fn(&Taken) -> &Vec<Vec<f64>>;

/// Nothing to measure beside.
#[cfg(not(feature = "peers"))]
struct Cedar;

#[cfg(not(feature = "peers"))]
impl Cedar {
    fn with(_: usize) -> Result<Self> {
        anyhow::bail!("built without the feature peers")
    }

    fn check(&self, _: usize, _: &mut Dice) -> Result<()> {
        Ok(())
    }

    fn nanoseconds(&self, _: usize, _: &mut Dice) -> Result<f64> {
        Ok(f64::NAN)
    }
}

/// The same cases by the peer, size after size: it needs six times the memory.
fn cedar(dice: &mut Dice) -> Result<Taken> {
    let mut taken = Taken::new();
    for (at, tokens) in TOKENS.into_iter().enumerate() {
        let (needs, free) = (CEDAR_MIB_EACH * tokens as f64, machine::available_mib());
        if needs > free {
            say(&format!(
                "  cedar-policy: {tokens} tokens {NOT_MEASURED}: {needs:.0} MiB needed, {free:.0} free"
            ));
            break;
        }
        let before = machine::resident_mib(std::process::id());
        let cedar = Cedar::with(tokens)?;
        cedar.check(SAMPLE, dice)?;
        for _ in 0..ROUNDS {
            taken.regular[at].push(cedar.nanoseconds(REGULARS, dice)?);
            taken.anybody[at].push(cedar.nanoseconds(tokens, dice)?);
        }
        let more = machine::resident_mib(std::process::id()) - before;
        say(&format!("  cedar-policy: {tokens} tokens take {more:.0} MiB"));
    }
    Ok(taken)
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
    let mut ours = Taken::new();
    for _ in 0..ROUNDS {
        for at in (0..maps.len()).chain((0..maps.len()).rev()) {
            ours.regular[at].push(nanoseconds(&maps[at], REGULARS, &mut dice)?);
            ours.anybody[at].push(nanoseconds(&maps[at], maps[at].len(), &mut dice)?);
        }
    }
    ours.say("bough");
    drop(maps);
    let peer = cedar(&mut dice);
    match &peer {
        Ok(peer) => peer.say("cedar-policy"),
        Err(error) => say(&format!("  cedar-policy: {NOT_MEASURED}: {error:#}")),
    }
    let mut lines = Vec::new();
    let ways: [(&str, Pick); 2] = [
        ("the same 100 tokens asking", |taken| &taken.regular),
        ("any of all tokens asking", |taken| &taken.anybody),
    ];
    for (who, which) in ways {
        let (Some(few), Some(many)) = (which(&ours).first(), which(&ours).last()) else { continue };
        let (few, many) = (Spread::of(few), Spread::of(many));
        let flat = many.median / few.median;
        let cedar = peer.as_ref().ok().and_then(|peer| which(peer).last()).filter(|taken| !taken.is_empty());
        let cedar = cedar.map(|taken| Spread::of(taken));
        lines.push(Line {
            measure: format!("P2 decision, 10 M grants, {who}"),
            goal: format!("<= {GOAL_NS} ns"),
            ours: many.show("ns", 0),
            beside: cedar.map_or_else(
                || format!("cedar-policy: {NOT_MEASURED}"),
                |cedar| format!("cedar-policy {}", cedar.show("ns", 0)),
            ),
            ratio: cedar.map_or_else(
                || NOT_MEASURED.to_owned(),
                |cedar| format!("{:.3}", many.median / cedar.median),
            ),
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
