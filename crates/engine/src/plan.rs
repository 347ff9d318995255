//! From what is wished and what was observed to the one next step. Pure: no clock, no disk, no server.

use bough_model::{BranchId, DatabaseName, Desired};

use crate::observe::{Observation, Place, ServerState};

/// What a branch begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seed {
    /// An empty schema.
    Empty,
    /// The parent's schema, without its rows.
    SchemaOf {
        /// The parent, whose server must answer while the copy is made.
        parent: BranchId,
        /// The schema's name on the parent's server.
        parent_schema: DatabaseName,
    },
}

/// One repeatable step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Puts a copy of the template in the branch's place.
    CopyTemplate,
    /// Starts the branch's server and waits until it answers.
    StartServer,
    /// Waits until a server that was started earlier answers.
    AwaitAnswer,
    /// Makes the schema and the accounts, and removes every other account.
    PrepareAccounts,
    /// Copies the parent's schema.
    CopySchema,
    /// Stops the server.
    StopServer,
    /// Removes everything that the branch has on disk.
    RemoveDirectory,
}

impl Step {
    /// Every step.
    pub const ALL: &[Self] = &[
        Self::CopyTemplate,
        Self::StartServer,
        Self::AwaitAnswer,
        Self::PrepareAccounts,
        Self::CopySchema,
        Self::StopServer,
        Self::RemoveDirectory,
    ];

    /// The step's name in logs and kill points.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CopyTemplate => "copy-template",
            Self::StartServer => "start-server",
            Self::AwaitAnswer => "await-answer",
            Self::PrepareAccounts => "prepare-accounts",
            Self::CopySchema => "copy-schema",
            Self::StopServer => "stop-server",
            Self::RemoveDirectory => "remove-directory",
        }
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: the wish is fulfilled.
    Settled,
    /// This step, then observe again.
    Do(Step),
    /// Nothing safe can be done; observe again later.
    Blocked {
        /// What is in the way, for people.
        why: String,
    },
}

/// The next step towards `desired`.
pub fn plan(desired: Desired, seed: &Seed, seen: &Observation) -> Plan {
    match desired {
        Desired::Running => towards_running(seed, seen),
        Desired::Gone => towards_gone(seen),
    }
}

fn towards_running(seed: &Seed, seen: &Observation) -> Plan {
    match (&seen.server, seen.place) {
        (ServerState::Stranger { why } | ServerState::Unknown { why }, _) => {
            Plan::Blocked { why: why.clone() }
        }
        (_, Place::Damaged) => Plan::Blocked {
            why: "stage.json is missing or unreadable; restore it, or delete the branch".to_owned(),
        },
        // Its files were taken away under it: nothing it says lasts.
        (ServerState::Answering | ServerState::Starting, Place::Absent | Place::Staged) => {
            Plan::Do(Step::StopServer)
        }
        (ServerState::NotRunning { .. }, Place::Absent | Place::Staged) => Plan::Do(Step::CopyTemplate),
        (ServerState::NotRunning { .. }, Place::Present) => Plan::Do(Step::StartServer),
        (ServerState::Starting, Place::Present) => Plan::Do(Step::AwaitAnswer),
        (ServerState::Answering, Place::Present) => {
            let wants_schema = matches!(seed, Seed::SchemaOf { .. });
            if !seen.stage.accounts_ready {
                Plan::Do(Step::PrepareAccounts)
            } else if wants_schema && !seen.stage.seeded {
                Plan::Do(Step::CopySchema)
            } else {
                Plan::Settled
            }
        }
    }
}

fn towards_gone(seen: &Observation) -> Plan {
    match (&seen.server, seen.place) {
        (ServerState::Stranger { why }, _) => Plan::Blocked { why: why.clone() },
        // Unknown is a process that is proven to be the branch's own, only it does not answer well.
        (ServerState::Answering | ServerState::Starting | ServerState::Unknown { .. }, _) => {
            Plan::Do(Step::StopServer)
        }
        (ServerState::NotRunning { .. }, Place::Present | Place::Staged | Place::Damaged) => {
            Plan::Do(Step::RemoveDirectory)
        }
        (ServerState::NotRunning { .. }, Place::Absent) => Plan::Settled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::StageMarks;

    fn seen(place: Place, server: ServerState, accounts_ready: bool, seeded: bool) -> Observation {
        Observation { place, server, stage: StageMarks { accounts_ready, seeded } }
    }

    fn not_running() -> ServerState {
        ServerState::NotRunning { last_words: None }
    }

    fn why() -> String {
        "because".to_owned()
    }

    fn child() -> Seed {
        Seed::SchemaOf {
            parent: BranchId::parse("aaaaaaaaaaaa").expect("an id"),
            parent_schema: DatabaseName::parse("shop").expect("a name"),
        }
    }

    #[test]
    fn the_table() {
        use Desired::{Gone, Running};
        use Place::{Absent, Damaged, Present, Staged};
        use ServerState::{Answering, Starting};
        let unknown = || ServerState::Unknown { why: why() };
        let stranger = || ServerState::Stranger { why: why() };
        let blocked = || Plan::Blocked { why: why() };
        let table = [
            (Running, Seed::Empty, seen(Absent, not_running(), false, false), Plan::Do(Step::CopyTemplate)),
            (Running, Seed::Empty, seen(Staged, not_running(), false, false), Plan::Do(Step::CopyTemplate)),
            (Running, Seed::Empty, seen(Present, not_running(), false, false), Plan::Do(Step::StartServer)),
            (Running, child(), seen(Present, not_running(), true, true), Plan::Do(Step::StartServer)),
            (Running, Seed::Empty, seen(Present, Starting, false, false), Plan::Do(Step::AwaitAnswer)),
            (Running, Seed::Empty, seen(Present, Answering, false, false), Plan::Do(Step::PrepareAccounts)),
            (Running, Seed::Empty, seen(Present, Answering, true, false), Plan::Settled),
            (Running, child(), seen(Present, Answering, false, false), Plan::Do(Step::PrepareAccounts)),
            (Running, child(), seen(Present, Answering, true, false), Plan::Do(Step::CopySchema)),
            (Running, child(), seen(Present, Answering, true, true), Plan::Settled),
            (Running, Seed::Empty, seen(Absent, Answering, false, false), Plan::Do(Step::StopServer)),
            (Running, Seed::Empty, seen(Staged, Starting, false, false), Plan::Do(Step::StopServer)),
            (Running, Seed::Empty, seen(Present, unknown(), true, true), blocked()),
            (Running, Seed::Empty, seen(Present, stranger(), true, true), blocked()),
            (Gone, Seed::Empty, seen(Absent, not_running(), false, false), Plan::Settled),
            (Gone, Seed::Empty, seen(Staged, not_running(), false, false), Plan::Do(Step::RemoveDirectory)),
            (Gone, child(), seen(Present, not_running(), true, true), Plan::Do(Step::RemoveDirectory)),
            (Gone, child(), seen(Damaged, not_running(), false, false), Plan::Do(Step::RemoveDirectory)),
            (Gone, child(), seen(Present, Answering, true, true), Plan::Do(Step::StopServer)),
            (Gone, child(), seen(Present, Starting, true, true), Plan::Do(Step::StopServer)),
            (Gone, child(), seen(Absent, Answering, false, false), Plan::Do(Step::StopServer)),
            (Gone, child(), seen(Present, unknown(), true, true), Plan::Do(Step::StopServer)),
            (Gone, child(), seen(Present, stranger(), true, true), blocked()),
        ];
        for server in [not_running(), Starting, Answering] {
            let plan = plan(Running, &Seed::Empty, &seen(Damaged, server, false, false));
            assert!(matches!(plan, Plan::Blocked { .. }), "rows may be in it: {plan:?}");
        }
        for (desired, seed, seen, expected) in table {
            assert_eq!(plan(desired, &seed, &seen), expected, "{desired:?} {seed:?} {seen:?}");
        }
    }
}
