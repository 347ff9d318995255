//! What a path names, located and decided on: each kind of path has one way to its grant.

use bough_control::denials::{RefusedRequest, refusal};
use bough_control::model::{Actor, BranchId, DatabaseId, TokenId, UserId};
use bough_control::{Caller, ControlPlane, Error, Result};
use bough_policy::{
    BranchAt, DatabaseAt, Denied, Granted, Located, MemberAt, NewDatabaseAt, Nowhere, Operation,
    OrganizationAt, Place, TokenAt, decide,
};

use crate::input::Input;

/// A kind of path.
pub(crate) trait Target {
    /// What its handlers receive: proof that the decision was made.
    type Proof: crate::dispatch::Proof + Clone + Send + 'static;

    /// Locates what the path names and decides.
    fn authorize(
        plane: &ControlPlane,
        caller: &Caller,
        operation: Operation,
        input: &Input,
    ) -> Result<Self::Proof>;
}

/// A request together with what it needs to be refused and recorded.
struct Asked<'a> {
    plane: &'a ControlPlane,
    caller: &'a Caller,
    operation: Operation,
    input: &'a Input,
}

impl Asked<'_> {
    fn decide<T: Place>(&self, located: Located<T>) -> Result<Granted<T>> {
        decide(&self.caller.principal, self.operation, located).map_err(|denied| {
            self.record(&denied);
            refusal(&denied)
        })
    }

    /// Nothing of that name. Decided as if there were, so that a refusal is recorded, and takes as
    /// long, whether there is or not.
    fn absent<T: Place>(&self, placeholder: T) -> Error {
        if let Err(denied) = decide(&self.caller.principal, self.operation, Located::new(placeholder)) {
            self.record(&denied);
        }
        Error::NotFound
    }

    fn record(&self, denied: &Denied) {
        let Actor::Token(token) = self.caller.principal.actor() else { return };
        if denied.foreign {
            return;
        }
        let database = self.input.params.get("database").cloned();
        self.plane.note_refusal(RefusedRequest {
            token: token.clone(),
            operation: denied.operation,
            path: self.input.path.clone(),
            resource: resource(self.input),
            database,
            missing: denied.missing.names(),
        });
    }

    fn organization(&self) -> Result<bough_control::Found> {
        let input = self.input;
        let database = input.params.get("database").map(String::as_str);
        let branch = input.params.get("branch").map(String::as_str);
        let found =
            self.plane.locate(input.param("organization"), database, branch)?.ok_or(Error::NotFound)?;
        if self.caller.principal.belongs_to(&found.organization) { Ok(found) } else { Err(Error::NotFound) }
    }
}

/// What a path names, below its organization.
fn resource(input: &Input) -> String {
    let organization = format!("/v1/organizations/{}/", input.param("organization"));
    let below = input.path.strip_prefix(&organization).unwrap_or("");
    match (input.params.get("database"), input.params.get("branch")) {
        (Some(database), Some(branch)) => format!("databases/{database}/branches/{branch}"),
        (Some(database), None) => format!("databases/{database}"),
        _ if below.is_empty() => "organization".to_owned(),
        _ => below.to_owned(),
    }
}

// Ids that nothing has: what is decided on them is what is held on all of their kind.
const NOBODY: &str = "000000000000";

fn nobody<T>(parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    parse(NOBODY).ok_or(Error::NotFound)
}

impl Target for Nowhere {
    type Proof = Granted<Self>;

    fn authorize(
        plane: &ControlPlane,
        caller: &Caller,
        operation: Operation,
        input: &Input,
    ) -> Result<Self::Proof> {
        Asked { plane, caller, operation, input }.decide(Located::new(Self))
    }
}

impl Target for OrganizationAt {
    type Proof = Granted<Self>;

    fn authorize(
        plane: &ControlPlane,
        caller: &Caller,
        operation: Operation,
        input: &Input,
    ) -> Result<Self::Proof> {
        let asked = Asked { plane, caller, operation, input };
        let found = asked.organization()?;
        asked.decide(found.organization_at())
    }
}

impl Target for DatabaseAt {
    type Proof = Granted<Self>;

    fn authorize(
        plane: &ControlPlane,
        caller: &Caller,
        operation: Operation,
        input: &Input,
    ) -> Result<Self::Proof> {
        let asked = Asked { plane, caller, operation, input };
        let found = asked.organization()?;
        match found.database_at() {
            Some(at) => asked.decide(at),
            None => {
                let database = nobody(DatabaseId::parse)?;
                Err(asked.absent(Self { organization: found.organization, database }))
            }
        }
    }
}

impl Target for BranchAt {
    type Proof = Granted<Self>;

    fn authorize(
        plane: &ControlPlane,
        caller: &Caller,
        operation: Operation,
        input: &Input,
    ) -> Result<Self::Proof> {
        let asked = Asked { plane, caller, operation, input };
        let found = asked.organization()?;
        match found.branch_at() {
            Some(at) => asked.decide(at),
            None => {
                let database = match found.database {
                    Some(database) => database,
                    None => nobody(DatabaseId::parse)?,
                };
                let branch = nobody(BranchId::parse)?;
                Err(asked.absent(Self {
                    organization: found.organization,
                    database,
                    branch,
                    production: false,
                }))
            }
        }
    }
}

impl Target for TokenAt {
    type Proof = Granted<Self>;

    fn authorize(
        plane: &ControlPlane,
        caller: &Caller,
        operation: Operation,
        input: &Input,
    ) -> Result<Self::Proof> {
        let asked = Asked { plane, caller, operation, input };
        let found = asked.organization()?;
        match plane.locate_token(&found, input.param("id"))? {
            Some(at) => asked.decide(at),
            None => {
                let token = nobody(TokenId::parse)?;
                Err(asked.absent(Self { organization: found.organization, token }))
            }
        }
    }
}

impl Target for MemberAt {
    type Proof = Granted<Self>;

    fn authorize(
        plane: &ControlPlane,
        caller: &Caller,
        operation: Operation,
        input: &Input,
    ) -> Result<Self::Proof> {
        let asked = Asked { plane, caller, operation, input };
        let found = asked.organization()?;
        match plane.locate_member(&found, input.param("id"))? {
            Some(at) => asked.decide(at),
            None => {
                let user = nobody(UserId::parse)?;
                Err(asked.absent(Self { organization: found.organization, user }))
            }
        }
    }
}

/// The path below which branches are made: its database may not exist yet.
pub(crate) struct BranchesOf;

/// Proof that a branch may be made.
#[derive(Clone)]
pub(crate) enum MayMakeBranch {
    /// In a database that exists.
    Existing(Granted<DatabaseAt>),
    /// Together with its database, if the body asks for that.
    WithDatabase(Granted<NewDatabaseAt>),
}

impl Target for BranchesOf {
    type Proof = MayMakeBranch;

    fn authorize(
        plane: &ControlPlane,
        caller: &Caller,
        operation: Operation,
        input: &Input,
    ) -> Result<Self::Proof> {
        let asked = Asked { plane, caller, operation, input };
        let found = asked.organization()?;
        if let Some(at) = found.database_at() {
            return asked.decide(at).map(MayMakeBranch::Existing);
        }
        let new = Located::new(NewDatabaseAt { organization: found.organization.clone() });
        match decide(&caller.principal, Operation::CreateDatabase, new) {
            Ok(granted) => Ok(MayMakeBranch::WithDatabase(granted)),
            Err(_) => {
                let database = nobody(DatabaseId::parse)?;
                Err(asked.absent(DatabaseAt { organization: found.organization, database }))
            }
        }
    }
}
