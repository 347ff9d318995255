//! What a request is about: the rows that its path names, as identities without content.

use bough_model::{BranchId, DatabaseId, OrganizationId, PasswordId, PasswordRole, TokenId, UserId};

/// What was read before a decision. It says where a thing is and nothing of what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T>(T);

impl<T> Located<T> {
    /// Marks `place` as found by a query within one organization.
    pub const fn new(place: T) -> Self {
        Self(place)
    }

    /// Where it is.
    pub const fn place(&self) -> &T {
        &self.0
    }

    pub(crate) fn into_place(self) -> T {
        self.0
    }
}

/// The part of the world that a decision is about.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The organization, for all but the few operations outside any.
    pub organization: Option<&'a OrganizationId>,
    /// The database, for what belongs to one.
    pub database: Option<&'a DatabaseId>,
    /// Whether a production branch is concerned.
    pub production: bool,
    /// The person, for what is about one.
    pub person: Option<&'a UserId>,
    /// What the password may do, for what is about one.
    pub password: Option<PasswordRole>,
}

/// What can be decided on.
pub trait Place {
    /// The part of the world that it stands for.
    fn scope(&self) -> Scope<'_>;
}

/// Operations outside any organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nowhere;

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationAt {
    /// Which.
    pub organization: OrganizationId,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseAt {
    /// Its organization.
    pub organization: OrganizationId,
    /// Which.
    pub database: DatabaseId,
}

/// A database that does not exist and that the request may bring about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDatabaseAt {
    /// Its organization to be.
    pub organization: OrganizationId,
}

/// A branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchAt {
    /// Its organization.
    pub organization: OrganizationId,
    /// Its database.
    pub database: DatabaseId,
    /// Which.
    pub branch: BranchId,
    /// Whether it is a production branch. What is decided on this is checked again by the write.
    pub production: bool,
}

/// A password of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordAt {
    /// Its branch.
    pub branch: BranchAt,
    /// Which.
    pub password: PasswordId,
    /// What it may do, which never changes.
    pub role: PasswordRole,
}

/// A service token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenAt {
    /// Its organization.
    pub organization: OrganizationId,
    /// Which.
    pub token: TokenId,
}

/// A member of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberAt {
    /// The organization.
    pub organization: OrganizationId,
    /// Who.
    pub user: UserId,
}

impl Place for Nowhere {
    fn scope(&self) -> Scope<'_> {
        Scope { organization: None, database: None, production: false, person: None, password: None }
    }
}

impl Place for PasswordAt {
    fn scope(&self) -> Scope<'_> {
        Scope { password: Some(self.role), ..self.branch.scope() }
    }
}

macro_rules! places {
    ($($name:ident $database:expr, $production:expr, $person:expr;)+) => {$(
        impl Place for $name {
            fn scope(&self) -> Scope<'_> {
                let database: fn(&Self) -> Option<&DatabaseId> = $database;
                let production: fn(&Self) -> bool = $production;
                let person: fn(&Self) -> Option<&UserId> = $person;
                Scope {
                    organization: Some(&self.organization),
                    database: database(self),
                    production: production(self),
                    person: person(self),
                    password: None,
                }
            }
        }
    )+};
}

places! {
    OrganizationAt |_| None, |_| false, |_| None;
    NewDatabaseAt |_| None, |_| false, |_| None;
    DatabaseAt |at| Some(&at.database), |_| false, |_| None;
    BranchAt |at| Some(&at.database), |at| at.production, |_| None;
    TokenAt |_| None, |_| false, |_| None;
    MemberAt |_| None, |_| false, |at| Some(&at.user);
}
