//! States of things, in the contract's words (contract: states.md).

macro_rules! texts {
    ($name:ident { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl $name {
            /// As it stands in answers and in the store.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The inverse of `as_str`.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

/// Where a branch is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BranchState {
    /// Asked for, not yet usable.
    Pending,
    /// Serves queries.
    Ready,
    /// Being stopped because nobody uses it.
    SleepInProgress,
    /// Stopped because nobody uses it.
    Sleeping,
    /// Being started because somebody wants it.
    Awakening,
}

texts!(BranchState {
    Pending => "pending",
    Ready => "ready",
    SleepInProgress => "sleep_in_progress",
    Sleeping => "sleeping",
    Awakening => "awakening",
});

impl BranchState {
    /// Whether whoever connects is served: at once, or as soon as its server has been woken.
    pub const fn takes_clients(self) -> bool {
        matches!(self, Self::Ready | Self::SleepInProgress | Self::Sleeping)
    }
}

/// Whether a branch's server shall be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SleepWish {
    /// It shall run.
    No,
    /// It shall be stopped unless somebody uses it.
    WhenIdle,
    /// It shall be stopped: somebody said so.
    Asked,
}

texts!(SleepWish { No => "no", WhenIdle => "when_idle", Asked => "asked" });

/// Where a change of a branch's size is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResizeState {
    /// Asked for, not begun.
    Pending,
    /// Being done to the running server.
    Resizing,
    /// Done.
    Completed,
    /// Taken back, or overtaken by another, before it was done.
    Canceled,
}

texts!(ResizeState {
    Pending => "pending",
    Resizing => "resizing",
    Completed => "completed",
    Canceled => "canceled",
});

/// Where a database is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatabaseState {
    /// Asked for; its default branch is not usable yet.
    Pending,
    /// Its default branch serves queries.
    Ready,
}

texts!(DatabaseState { Pending => "pending", Ready => "ready" });

/// What is wished for a branch or database; the reconciler brings it about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Desired {
    /// It shall exist and run.
    Running,
    /// It shall be gone, with all that belongs to it.
    Gone,
}

texts!(Desired { Running => "running", Gone => "gone" });

/// What a person is in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Development work.
    Member,
    /// A member who also reads production.
    Analyst,
    /// Everything.
    Admin,
}

texts!(Role { Member => "member", Analyst => "analyst", Admin => "admin" });

/// Whether a service token opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenState {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
}
