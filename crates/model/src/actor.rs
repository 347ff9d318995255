//! Who acts.

use crate::{TokenId, UserId};

/// Who acts: sessions and service tokens produce one of these, and nothing else decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A service token.
    Token(TokenId),
    /// A person.
    User(UserId),
    /// Somebody with the machine in hands, through `bough admin`: the OS user's name.
    Operator(String),
    /// Bough itself, and why.
    System(&'static str),
}

/// The kind of an actor, as it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A person.
    User,
    /// A service token.
    ServiceToken,
    /// `bough admin`.
    Operator,
    /// Bough itself.
    System,
}

impl ActorKind {
    /// As it stands in answers and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::ServiceToken => "ServiceToken",
            Self::Operator => "Operator",
            Self::System => "System",
        }
    }

    /// The inverse of [`ActorKind::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::ServiceToken, Self::Operator, Self::System]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// An actor as it is kept beside what it made: the id and name outlive the actor itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorRef {
    /// Its kind.
    pub kind: ActorKind,
    /// Its public id; for an operator the OS user's name.
    pub id: String,
    /// Its name at the time.
    pub display_name: String,
}
