//! Who may do what. One table maps each operation of the API to the accesses of which any one
//! opens it, and to a rule on the state of what it is about; [`decide`] reads that table and is the
//! only place where a [`Granted`] can come from.
//!
//! What is absent: no I/O, no clock, no HTTP. A decision depends on the principal, the operation
//! and what was located, on nothing else. Silence means no: an operation without a row does not
//! exist, a row without accesses opens to nobody.

mod access;
mod decide;
mod grants;
mod matrix;
mod operation;
mod place;
mod roles;
mod rule;

pub use access::{Access, AccessSet, Level};
pub use bough_model::PasswordRole;
pub use decide::{Denied, Granted, Table, Visibility, decide, refine};
pub use grants::{GrantProblem, GrantScope, Grants, Principal, Standing, may_grant};
pub use matrix::print_matrix;
pub use operation::{Method, Operation, PathKind, Row};
pub use place::{
    BranchAt, DatabaseAt, Located, MemberAt, NewDatabaseAt, Nowhere, OrganizationAt, PasswordAt, Place,
    Scope, TokenAt,
};
pub use roles::role_accesses;
pub use rule::{Facet, ResourceState, Rule};
