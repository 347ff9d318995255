//! What a path names, located and decided on: each kind of path has one way to its grant.

use std::borrow::Cow;

use bough_control::denials::RefusedRequest;
use bough_control::model::{Actor, BranchId, DatabaseId, TokenId, UserId, without_secrets};
use bough_control::{Caller, ControlPlane, Error, Found, Result};
use bough_policy::{
    BranchAt, DatabaseAt, Denied, Granted, Located, MemberAt, NewDatabaseAt, Nowhere, Operation,
    OrganizationAt, Place, TokenAt, Visibility, decide,
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
        let input = self.input;
        let database = input.params.get("database").map(String::as_str);
        let branch = input.params.get("branch").map(String::as_str);
        let found = self
            .plane
            .locate_for(self.caller, &input.path, input.param("organization"), database, branch)?
            .ok_or(Error::NotFound)?;
        if self.caller.principal.belongs_to(&found.organization) { Ok(found) } else { Err(Error::NotFound) }
    }
}

/// Most of a path or name that is written down, in characters: what is longer names nothing that exists.
const WRITTEN_MAX: usize = 300;
/// How much longer a text may be for a secret in it to be found that begins within that, in characters,
/// each of which may be escaped.
const BEYOND: usize = 400;

/// A path or name fit to be written down: cut, and without what may be a secret in the wrong place, also
/// one that is escaped.
pub(crate) fn mask(text: &str, secret_prefix: &str) -> String {
    let looked_at = first(text, WRITTEN_MAX + BEYOND);
    let plain = unescaped(looked_at);
    let hidden = match without_secrets(&plain, secret_prefix) {
        Cow::Owned(hidden) => Some(hidden),
        Cow::Borrowed(_) => None,
    };
    let whole = hidden.as_deref().unwrap_or(looked_at);
    let written = first(whole, WRITTEN_MAX);
    if written.len() < whole.len() { format!("{written}…") } else { written.to_owned() }
}

/// The first so many characters.
fn first(text: &str, count: usize) -> &str {
    if text.len() <= count {
        return text;
    }
    text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end])
}

/// A path with its escapes undone.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match (first, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// Keeps a refusal of a service token for its organization's administrators.
pub(crate) fn record(plane: &ControlPlane, caller: &Caller, input: &Input, denied: &Denied) {
    let Actor::Token(token) = caller.principal.actor() else { return };
    if denied.foreign {
        return;
    }
    let masked = |text: &str| mask(text, plane.settings().token_prefix.as_str());
    plane.note_refusal(RefusedRequest {
        token: token.clone(),
        operation: denied.operation,
        path: masked(&input.path),
        resource: masked(&resource(input)),
        database: input.params.get("database").map(|name| masked(name)),
        missing: denied.missing.names(),
    });
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

/// A kind of thing that paths below an organization name.
trait Named: Place + Clone + Send + Sized + 'static {
    /// Finds the one that the path names.
    fn find(plane: &ControlPlane, found: &Found, input: &Input) -> Result<Option<Located<Self>>>;

    /// What stands for the one that there is not.
    fn absent(found: &Found) -> Result<Self>;
}

impl<T: Named> Target for T {
    type Proof = Granted<T>;

    fn authorize(
        plane: &ControlPlane,
        caller: &Caller,
        operation: Operation,
        input: &Input,
    ) -> Result<Self::Proof> {
        let asked = Asked { plane, caller, operation, input };
        let found = asked.organization()?;
        match T::find(plane, &found, input)? {
            Some(at) => asked.decide(at),
            None => Err(asked.absent(T::absent(&found)?)),
        }
    }
}

impl Named for OrganizationAt {
    fn find(_: &ControlPlane, found: &Found, _: &Input) -> Result<Option<Located<Self>>> {
        Ok(Some(found.organization_at()))
    }

    fn absent(_: &Found) -> Result<Self> {
        Err(Error::NotFound)
    }
}

impl Named for DatabaseAt {
    fn find(_: &ControlPlane, found: &Found, _: &Input) -> Result<Option<Located<Self>>> {
        Ok(found.database_at())
    }

    fn absent(found: &Found) -> Result<Self> {
        Ok(Self { organization: found.organization.clone(), database: nobody(DatabaseId::parse)? })
    }
}

impl Named for BranchAt {
    fn find(_: &ControlPlane, found: &Found, _: &Input) -> Result<Option<Located<Self>>> {
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

impl Named for TokenAt {
    fn find(plane: &ControlPlane, found: &Found, input: &Input) -> Result<Option<Located<Self>>> {
        plane.locate_token(found, input.param("id"))
    }

    fn absent(found: &Found) -> Result<Self> {
        Ok(Self { organization: found.organization.clone(), token: nobody(TokenId::parse)? })
    }
}

impl Named for MemberAt {
    fn find(plane: &ControlPlane, found: &Found, input: &Input) -> Result<Option<Located<Self>>> {
        plane.locate_member(found, input.param("id"))
    }

    fn absent(found: &Found) -> Result<Self> {
        Ok(Self { organization: found.organization.clone(), user: nobody(UserId::parse)? })
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
