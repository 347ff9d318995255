//! `cedar-policy` as it decides the cases of P2: each token is an entity that carries what it holds, the
//! accesses on single databases as tags by the database's id, and each operation has one policy. A refusal
//! asks a second time, for the operation that tells whether the caller may know of the thing, as Bough does.
//!
//! What favours Cedar: there are policies for the operations that are asked for and for no others, requests
//! and their contexts are made before the clock runs, and no schema is checked.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use bough_policy::{Access, AccessSet, Operation, ResourceState, Visibility};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};

use crate::decision::{Case, ORGANIZATION, Scope, held};
use bough_testkit::Dice;

/// Decisions between two looks at the clock.
const BATCH: usize = 64;
/// Batches for one figure.
const BATCHES: usize = 40;

/// As many tokens as asked for, with what they hold.
pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    tokens: usize,
}

fn uid(kind: &str, id: &str) -> Result<EntityUid> {
    Ok(EntityUid::from_type_name_and_id(kind.parse::<EntityTypeName>()?, EntityId::new(id)))
}

fn set(accesses: &[Access]) -> RestrictedExpression {
    let text = |access: &Access| RestrictedExpression::new_string(access.name().to_owned());
    RestrictedExpression::new_set(accesses.iter().map(text))
}

fn entity(number: usize) -> Result<Entity> {
    let (mut organization, mut databases) = (Vec::new(), Vec::<(String, Vec<Access>)>::new());
    for (scope, access) in held(number) {
        match scope {
            Scope::Organization => organization.push(access),
            Scope::Database(id) => match databases.iter_mut().find(|(known, _)| *known == id) {
                Some((_, accesses)) => accesses.push(access),
                None => databases.push((id, vec![access])),
            },
        }
    }
    let attributes = [
        ("home".to_owned(), RestrictedExpression::new_string(ORGANIZATION.to_owned())),
        ("organization".to_owned(), set(&organization)),
        ("all_databases".to_owned(), set(&[])),
    ];
    let tags = databases.into_iter().map(|(id, accesses)| (id, set(&accesses)));
    Ok(Entity::new_with_tags(uid("Token", &Case::token(number))?, attributes, [], tags)?)
}

/// One policy for each class of branch that the operation knows, out of our own table.
fn policies(operation: Operation) -> String {
    let one = |production: bool| {
        let state = ResourceState { production, ..ResourceState::default() };
        let names: AccessSet = operation.row().rule.required(state).unwrap_or_default();
        let names: Vec<String> = names.iter().map(|access| format!("{:?}", access.name())).collect();
        let any = format!("containsAny([{}])", names.join(", "));
        format!(
            "permit (principal, action == Action::{:?}, resource) when {{ principal.home == context.organization \
             && context.production == {production} && (principal.organization.{any} || principal.all_databases.{any} \
             || (principal.hasTag(context.database) && principal.getTag(context.database).{any})) }};",
            operation.id()
        )
    };
    one(false) + &one(true)
}

/// A question, and the one that follows when it is refused.
struct Question {
    first: Request,
    sees: Request,
    refused: Option<Visibility>,
}

fn request(case: &Case, operation: Operation) -> Result<Request> {
    let context = Context::from_pairs([
        ("organization".to_owned(), RestrictedExpression::new_string(ORGANIZATION.to_owned())),
        ("database".to_owned(), RestrictedExpression::new_string(case.database())),
        ("production".to_owned(), RestrictedExpression::new_bool(case.production)),
    ])?;
    let (action, branch) = (uid("Action", operation.id())?, uid("Branch", &case.branch())?);
    Ok(Request::new(uid("Token", &Case::token(case.number))?, action, branch, context, None)?)
}

fn question(case: &Case) -> Result<Question> {
    let sees = case.operation.row().sees;
    Ok(Question { first: request(case, case.operation)?, sees: request(case, sees)?, refused: case.refused })
}

impl Cedar {
    /// With so many tokens.
    pub fn with(tokens: usize) -> Result<Self> {
        let text = policies(Operation::GetBranch) + &policies(Operation::DeleteBranch);
        let entities = (0..tokens).map(entity).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            authorizer: Authorizer::new(),
            policies: text.parse()?,
            entities: Entities::from_entities(entities, None)?,
            tokens,
        })
    }

    fn allows(&self, request: &Request) -> bool {
        self.authorizer.is_authorized(request, &self.policies, &self.entities).decision() == Decision::Allow
    }

    fn answer(&self, question: &Question) -> Option<Visibility> {
        if self.allows(&question.first) {
            return None;
        }
        Some(if self.allows(&question.sees) { Visibility::Visible } else { Visibility::Hidden })
    }

    /// Fails unless it decides as the cases say, which is as Bough does.
    pub fn check(&self, sample: usize, dice: &mut Dice) -> Result<()> {
        for kind in 0..sample {
            let case = Case::of(dice.below(self.tokens), kind);
            let got = self.answer(&question(&case)?);
            ensure!(
                got == case.refused,
                "{:?}: cedar says {got:?} instead of {:?}",
                case.operation,
                case.refused
            );
        }
        Ok(())
    }

    /// Nanoseconds for one decision, with `regulars` tokens asking of all.
    pub fn nanoseconds(&self, regulars: usize, dice: &mut Dice) -> Result<f64> {
        let step = self.tokens / regulars;
        let mut seconds = 0.0;
        for _ in 0..BATCHES {
            let questions: Vec<Question> = (0..BATCH)
                .map(|kind| question(&Case::of(dice.below(regulars) * step, kind)))
                .collect::<Result<_>>()?;
            let started = Instant::now();
            let right = questions.iter().all(|question| black_box(self.answer(question)) == question.refused);
            seconds += started.elapsed().as_secs_f64();
            ensure!(right, "cedar decided otherwise while it was timed");
        }
        #[allow(clippy::cast_precision_loss, reason = "thousands")]
        Ok(seconds * 1e9 / (BATCHES * BATCH) as f64)
    }
}
