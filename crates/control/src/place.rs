//! What a path names, located and decided on: each kind of path has one way to its grant, whichever
//! door the request came through.

use bough_model::{BranchId, DatabaseId, PasswordId, PasswordRole, TokenId, UserId};
use bough_policy::{
    BranchAt, DatabaseAt, Denied, Granted, Located, MemberAt, NewDatabaseAt, Nowhere, Operation,
    OrganizationAt, PasswordAt, Place, TokenAt, Visibility, decide,
};

use crate::{Caller, ControlPlane, Error, Found, Result};

/// What a path names, as a door has read it.
pub trait Names {
    /// What it names of a kind: `organization`, `database`, `branch`, or `id` for what is below one of these
    /// otherwise.
    fn name(&self, kind: &str) -> Option<&str>;

    /// The whole path.
    fn path(&self) -> &str;
}

/// A kind of path.
pub trait Target {
    /// What its handlers receive: proof that the decision was made.
    type Proof: Clone + Send + 'static;

    /// Locates what the path names and decides.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Refused`]; a failure of the store.
    fn authorize(
        plane: &ControlPlane,
        caller: &Caller,
        operation: Operation,
        names: &dyn Names,
    ) -> Result<Self::Proof>;
}

/// A request together with what it needs to be decided on.
struct Asked<'a> {
    plane: &'a ControlPlane,
    caller: &'a Caller,
    operation: Operation,
    names: &'a dyn Names,
}

impl Asked<'_> {
    fn decide<T: Place>(&self, located: Located<T>) -> Result<Granted<T>> {
        decide(&self.caller.principal, self.operation, located).map_err(Error::Refused)
    }

    /// Nothing of that name. Decided as if there were, so that a refusal is recorded, and takes as
    /// long, whether there is or not.
    fn absent<T: Place>(&self, placeholder: T) -> Error {
        match decide(&self.caller.principal, self.operation, Located::new(placeholder)) {
            Ok(_) => Error::NotFound,
            Err(denied) => Error::Refused(Denied { visibility: Visibility::Hidden, ..denied }),
        }
    }

    fn organization(&self) -> Result<Found> {
        let names = self.names;
        let organization = names.name("organization").unwrap_or_default();
        let (database, branch) = (names.name("database"), names.name("branch"));
        let found = self
            .plane
            .locate_for(self.caller, names.path(), organization, database, branch)?
            .ok_or(Error::NotFound)?;
        if self.caller.principal.belongs_to(&found.organization) { Ok(found) } else { Err(Error::NotFound) }
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
        names: &dyn Names,
    ) -> Result<Self::Proof> {
        Asked { plane, caller, operation, names }.decide(Located::new(Self))
    }
}

/// A kind of thing that paths below an organization name.
trait Named: Place + Clone + Send + Sized + 'static {
    /// Finds the one that the path names.
    fn find(plane: &ControlPlane, found: &Found, names: &dyn Names) -> Result<Option<Located<Self>>>;

    /// What stands for the one that there is not.
    fn absent(found: &Found) -> Result<Self>;
}

impl<T: Named> Target for T {
    type Proof = Granted<T>;

    fn authorize(
        plane: &ControlPlane,
        caller: &Caller,
        operation: Operation,
        names: &dyn Names,
    ) -> Result<Self::Proof> {
        let asked = Asked { plane, caller, operation, names };
        let found = asked.organization()?;
        match T::find(plane, &found, names)? {
            Some(at) => asked.decide(at),
            None => Err(asked.absent(T::absent(&found)?)),
        }
    }
}

impl Named for OrganizationAt {
    fn find(_: &ControlPlane, found: &Found, _: &dyn Names) -> Result<Option<Located<Self>>> {
        Ok(Some(found.organization_at()))
    }

    fn absent(_: &Found) -> Result<Self> {
        Err(Error::NotFound)
    }
}

impl Named for DatabaseAt {
    fn find(_: &ControlPlane, found: &Found, _: &dyn Names) -> Result<Option<Located<Self>>> {
        Ok(found.database_at())
    }

    fn absent(found: &Found) -> Result<Self> {
        Ok(Self { organization: found.organization.clone(), database: nobody(DatabaseId::parse)? })
    }
}

impl Named for BranchAt {
    fn find(_: &ControlPlane, found: &Found, _: &dyn Names) -> Result<Option<Located<Self>>> {
        Ok(found.branch_at())
    }

    fn absent(found: &Found) -> Result<Self> {
        let database = match &found.database {
            Some(database) => database.clone(),
            None => nobody(DatabaseId::parse)?,
        };
        let organization = found.organization.clone();
        Ok(Self { organization, database, branch: nobody(BranchId::parse)?, production: false })
    }
}

impl Named for PasswordAt {
    fn find(plane: &ControlPlane, found: &Found, names: &dyn Names) -> Result<Option<Located<Self>>> {
        plane.locate_password(found, names.name("id").unwrap_or_default())
    }

    fn absent(found: &Found) -> Result<Self> {
        let branch = match found.branch_at() {
            Some(at) => at.place().clone(),
            None => <BranchAt as Named>::absent(found)?,
        };
        Ok(Self { branch, password: nobody(PasswordId::parse)?, role: PasswordRole::Admin })
    }
}

impl Named for TokenAt {
    fn find(plane: &ControlPlane, found: &Found, names: &dyn Names) -> Result<Option<Located<Self>>> {
        plane.locate_token(found, names.name("id").unwrap_or_default())
    }

    fn absent(found: &Found) -> Result<Self> {
        Ok(Self { organization: found.organization.clone(), token: nobody(TokenId::parse)? })
    }
}

impl Named for MemberAt {
    fn find(plane: &ControlPlane, found: &Found, names: &dyn Names) -> Result<Option<Located<Self>>> {
        plane.locate_member(found, names.name("id").unwrap_or_default())
    }

    fn absent(found: &Found) -> Result<Self> {
        Ok(Self { organization: found.organization.clone(), user: nobody(UserId::parse)? })
    }
}

/// The path below which branches are made: its database may not exist yet.
#[derive(Debug)]
pub struct BranchesOf;

/// Proof that a branch may be made.
#[derive(Clone, Debug)]
pub enum MayMakeBranch {
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
        names: &dyn Names,
    ) -> Result<Self::Proof> {
        let asked = Asked { plane, caller, operation, names };
        let found = asked.organization()?;
        // Both are always decided: how long it takes must not tell whether there is such a database.
        let new = Located::new(NewDatabaseAt { organization: found.organization.clone() });
        let with_database = decide(&caller.principal, Operation::CreateDatabase, new);
        match (found.database_at(), with_database) {
            (Some(at), _) => asked.decide(at).map(MayMakeBranch::Existing),
            (None, Ok(granted)) => Ok(MayMakeBranch::WithDatabase(granted)),
            (None, Err(_)) => Err(asked.absent(<DatabaseAt as Named>::absent(&found)?)),
        }
    }
}
