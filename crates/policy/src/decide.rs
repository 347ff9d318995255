//! The decision.

use bough_model::{Actor, OrganizationId};

use crate::{AccessSet, Facet, Located, Operation, Place, Principal, ResourceState, Row, Rule, Scope};

/// Proof that an operation on `T` was decided and allowed. Only [`decide`] and [`refine`] make it.
#[derive(Clone, Debug)]
pub struct Granted<T> {
    operation: Operation,
    place: T,
    used: AccessSet,
    coarse: bool,
}

impl<T> Granted<T> {
    /// What it was granted on.
    pub const fn at(&self) -> &T {
        &self.place
    }

    /// What was granted.
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// The accesses held that each would have been enough: what the decision made use of.
    pub const fn used(&self) -> AccessSet {
        self.used
    }

    /// Whether the body says what is really asked for: then [`refine`] follows, and says what was made use of.
    pub const fn is_coarse(&self) -> bool {
        self.coarse
    }
}

/// Whether the caller may know of what it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// It can read the last thing that the path names: it is told which access it lacks (403).
    Visible,
    /// It cannot: the answer is that of a thing that does not exist (404).
    Hidden,
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denied {
    /// What was refused.
    pub operation: Operation,
    /// Whether the caller may know why.
    pub visibility: Visibility,
    /// The accesses of which any one would have been enough; empty where none would.
    pub missing: AccessSet,
    /// The caller belongs to another organization.
    pub foreign: bool,
}

/// The table as data, so that tests can drop and widen single rules and see that it is noticed.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// The table that is in force.
    pub fn in_force() -> Self {
        Self { rows: Operation::ALL.iter().map(|operation| *operation.row()).collect() }
    }

    /// The same with another rule for one operation.
    #[doc(hidden)]
    pub fn with_rule(mut self, operation: Operation, rule: Rule) -> Self {
        self.rows[operation as usize].rule = rule;
        self
    }

    /// As [`decide`], by this table.
    ///
    /// # Errors
    /// As [`decide`].
    pub fn decide<T: Place>(
        &self,
        principal: &Principal,
        operation: Operation,
        located: Located<T>,
        facet: Facet,
    ) -> Result<Granted<T>, Denied> {
        decide_by(|operation| &self.rows[operation as usize], principal, operation, located, facet)
    }
}

/// Decides whether `principal` may do `operation` on what was located, as far as the path tells.
/// Where the body matters, this is the coarse gate and [`refine`] follows.
///
/// # Errors
/// The refusal: whether it may be explained to the caller, and what would have been enough.
pub fn decide<T: Place>(
    principal: &Principal,
    operation: Operation,
    located: Located<T>,
) -> Result<Granted<T>, Denied> {
    decide_by(Operation::row, principal, operation, located, Facet::Unread)
}

/// Decides again with what the body says.
///
/// # Errors
/// As [`decide`].
pub fn refine<T: Place>(
    principal: &Principal,
    granted: Granted<T>,
    facet: Facet,
) -> Result<Granted<T>, Denied> {
    decide_by(Operation::row, principal, granted.operation, Located::new(granted.place), facet)
}

fn decide_by<'t, T: Place>(
    row_of: impl Fn(Operation) -> &'t Row,
    principal: &Principal,
    operation: Operation,
    located: Located<T>,
    facet: Facet,
) -> Result<Granted<T>, Denied> {
    let scope = located.place().scope();
    let oneself =
        scope.person.is_some_and(|person| matches!(principal.actor(), Actor::User(own) if own == person));
    // A password that is there has a role, whatever a body says.
    let facet = scope.password.map_or(facet, Facet::Password);
    let state = ResourceState { production: scope.production, facet, oneself };
    let foreign = scope.organization.is_some_and(|id: &OrganizationId| !principal.belongs_to(id));
    let held = if foreign { AccessSet::EMPTY } else { principal.effective(scope) };
    let known = principal.is_known();
    let is_token = matches!(principal, Principal::Token { .. });
    let opened = |row: &Row, state| {
        if is_token && row.rule.is_for_people() {
            return Err(AccessSet::EMPTY);
        }
        opens(row, scope, state, known && !foreign, known, held)
    };
    match opened(row_of(operation), state) {
        Ok(used) => {
            let coarse = facet == Facet::Unread && row_of(operation).rule.depends_on_body();
            Ok(Granted { operation, place: located.into_place(), used, coarse })
        }
        Err(missing) => {
            let unread = ResourceState { facet: Facet::Unread, ..state };
            let seen = scope.organization.is_some() && opened(row_of(row_of(operation).sees), unread).is_ok();
            let visibility = if seen { Visibility::Visible } else { Visibility::Hidden };
            Err(Denied { operation, visibility, missing, foreign })
        }
    }
}

/// The accesses held that open the row, or those that would.
fn opens(
    row: &Row,
    scope: Scope<'_>,
    state: ResourceState,
    belongs: bool,
    known: bool,
    held: AccessSet,
) -> Result<AccessSet, AccessSet> {
    let open = match row.rule.required(state) {
        Some(required) if held.intersects(required) => return Ok(held.intersection(required)),
        Some(_) => return Err(row.rule.missing(state)),
        None => match row.rule {
            Rule::Public => true,
            Rule::AnyCaller => known,
            _ => scope.organization.is_some() && belongs,
        },
    };
    if open { Ok(AccessSet::EMPTY) } else { Err(AccessSet::EMPTY) }
}
