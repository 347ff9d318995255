//! From what is wished and what was observed to the one next step. Pure: no clock, no disk, no server.

use bough_model::{BranchId, DatabaseName, Desired};

use crate::managed::BranchSpec;
use crate::observe::{Observation, Place, ServerState};
use crate::records::FilesOf;

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
    /// Brings the system tables to what a newer server expects.
    UpgradeTables,
    /// Makes the role accounts and what enforces their rights as wished, and seals them.
    SealAccounts,
    /// Gives the running server another size.
    Resize,
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
        Self::UpgradeTables,
        Self::SealAccounts,
        Self::Resize,
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
            Self::UpgradeTables => "upgrade-tables",
            Self::SealAccounts => "seal-accounts",
            Self::Resize => "resize",
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
pub fn plan(desired: Desired, spec: &BranchSpec, seen: &Observation) -> Plan {
    match desired {
        Desired::Running if spec.asleep => towards_asleep(seen),
        Desired::Running => towards_running(spec, seen),
        Desired::Gone => towards_gone(seen),
    }
}

fn towards_running(spec: &BranchSpec, seen: &Observation) -> Plan {
    // Nothing is started anew for a wish from before the branch was made.
    let to_be_restarted = seen.stage.accounts_ready && seen.stage.restarts < spec.restarts;
    match (&seen.server, seen.place) {
        // A process that is proven to be its own, only it does not answer: that is what restarts are for.
        (ServerState::Answering | ServerState::Starting | ServerState::Unknown { .. }, Place::Present)
            if to_be_restarted =>
        {
            Plan::Do(Step::StopServer)
        }
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
        (ServerState::NotRunning { .. }, Place::Present) => match seen.stage.files_of {
            Some(made) if made > seen.installed => Plan::Blocked {
                why: format!(
                    "its files were made for version {made} of the server, and {} is installed, which may damage them; \
                     install {made} again",
                    seen.installed
                ),
            },
            _ => Plan::Do(Step::StartServer),
        },
        (ServerState::Starting, Place::Present) => Plan::Do(Step::AwaitAnswer),
        (ServerState::Answering, Place::Present) => while_answering(spec, seen),
    }
}

fn while_answering(spec: &BranchSpec, seen: &Observation) -> Plan {
    if !seen.stage.accounts_ready {
        return Plan::Do(Step::PrepareAccounts);
    }
    if matches!(spec.seed, Seed::SchemaOf { .. }) && !seen.stage.seeded {
        return Plan::Do(Step::CopySchema);
    }
    let Some(figures) = seen.figures else {
        return Plan::Blocked { why: "its server takes no further connection; close some".to_owned() };
    };
    if seen.stage.files_of.is_some_and(|made| made < FilesOf::version(figures.flavor)) {
        return Plan::Do(Step::UpgradeTables);
    }
    if seen.accounts.as_ref().is_none_or(|accounts| !accounts.fit(spec)) {
        return Plan::Do(Step::SealAccounts);
    }
    if !figures.fit(&spec.size) {
        return Plan::Do(Step::Resize);
    }
    Plan::Settled
}

/// What a branch has on disk is left as it is.
fn towards_asleep(seen: &Observation) -> Plan {
    match &seen.server {
        ServerState::Stranger { why } => Plan::Blocked { why: why.clone() },
        ServerState::Answering | ServerState::Starting | ServerState::Unknown { .. } => {
            Plan::Do(Step::StopServer)
        }
        ServerState::NotRunning { .. } => Plan::Settled,
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
    use bough_model::{ClusterSize, ClusterSizeName, Flavor, PasswordVerifiers};

    use super::*;
    use crate::accounts::{AccountsSeen, RoleAccounts};
    use crate::observe::StageMarks;
    use crate::sizing::Figures;

    const TEN_ELEVEN: FilesOf = FilesOf { major: 10, minor: 11 };

    fn seen(place: Place, server: ServerState, accounts_ready: bool, seeded: bool) -> Observation {
        let answers = server == ServerState::Answering && accounts_ready;
        let figures = answers.then(as_wished);
        let accounts = answers.then(|| AccountsSeen::as_wished(&spec(Seed::Empty)));
        let stage = StageMarks { accounts_ready, seeded, restarts: 1, files_of: Some(TEN_ELEVEN) };
        Observation { place, server, stage, figures, accounts, installed: TEN_ELEVEN }
    }

    fn as_wished() -> Figures {
        let flavor = Flavor::parse("10.11.4-MariaDB").expect("a version");
        Figures { flavor, buffer_pool_bytes: 32 << 20, redo_log_bytes: 8 << 20, max_connections: 100 }
    }

    fn size() -> ClusterSize {
        ClusterSize {
            name: ClusterSizeName::parse("PS_DEV").expect("a name"),
            cpu: "1/8".to_owned(),
            ram_bytes: 256 << 20,
            buffer_pool_bytes: 32 << 20,
            redo_log_bytes: 8 << 20,
            max_connections: 100,
            development: true,
            production: true,
        }
    }

    fn spec(seed: Seed) -> BranchSpec {
        let id = BranchId::parse("bbbbbbbbbbbb").expect("an id");
        let schema = DatabaseName::parse("shop").expect("a name");
        let accounts = RoleAccounts::new(false, |_| PasswordVerifiers::of(b"a secret"));
        BranchSpec { id, schema, size: size(), seed, restarts: 1, accounts, asleep: false }
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
            let plan = plan(Running, &spec(Seed::Empty), &seen(Damaged, server, false, false));
            assert!(matches!(plan, Plan::Blocked { .. }), "rows may be in it: {plan:?}");
        }
        for (desired, seed, seen, expected) in table {
            let spec = spec(seed);
            assert_eq!(plan(desired, &spec, &seen), expected, "{desired:?} {spec:?} {seen:?}");
        }
    }

    #[test]
    fn one_that_sleeps_is_stopped_and_kept() {
        use Place::{Absent, Damaged, Present, Staged};
        let asleep = BranchSpec { asleep: true, ..spec(Seed::Empty) };
        let next = |seen| plan(Desired::Running, &asleep, &seen);
        let unknown = || ServerState::Unknown { why: why() };
        for server in [ServerState::Starting, ServerState::Answering, unknown()] {
            assert_eq!(next(seen(Present, server, true, true)), Plan::Do(Step::StopServer));
        }
        for place in [Present, Absent, Staged, Damaged] {
            assert_eq!(next(seen(place, not_running(), true, true)), Plan::Settled);
        }
        let stranger = ServerState::Stranger { why: why() };
        assert_eq!(next(seen(Present, stranger, true, true)), Plan::Blocked { why: why() });
        let gone = plan(Desired::Gone, &asleep, &seen(Present, not_running(), true, true));
        assert_eq!(gone, Plan::Do(Step::RemoveDirectory));
    }

    #[test]
    fn what_differs_from_the_wish_is_changed_in_this_order() {
        let running = |change: &dyn Fn(&mut BranchSpec, &mut Observation)| {
            let mut spec = spec(Seed::Empty);
            let mut seen = seen(Place::Present, ServerState::Answering, true, true);
            change(&mut spec, &mut seen);
            plan(Desired::Running, &spec, &seen)
        };
        let older = FilesOf { major: 10, minor: 6 };
        let newer = FilesOf { major: 11, minor: 4 };
        assert_eq!(running(&|_, _| ()), Plan::Settled);
        assert_eq!(running(&|spec, _| spec.size.max_connections = 250), Plan::Do(Step::Resize));
        assert_eq!(running(&|spec, _| spec.size.buffer_pool_bytes *= 2), Plan::Do(Step::Resize));
        assert_eq!(running(&|spec, _| spec.size.redo_log_bytes *= 2), Plan::Do(Step::Resize));
        assert_eq!(running(&|_, seen| seen.stage.files_of = Some(older)), Plan::Do(Step::UpgradeTables));
        assert_eq!(running(&|_, seen| seen.stage.files_of = None), Plan::Settled);
        assert_eq!(running(&|spec, _| spec.accounts.safe_migrations = true), Plan::Do(Step::SealAccounts));
        assert_eq!(running(&|_, seen| seen.accounts = None), Plan::Do(Step::SealAccounts));
        let another_secret = RoleAccounts::new(false, |_| PasswordVerifiers::of(b"another"));
        assert_eq!(running(&|spec, _| spec.accounts = another_secret.clone()), Plan::Do(Step::SealAccounts));
        assert!(matches!(running(&|_, seen| seen.figures = None), Plan::Blocked { .. }));
        let all = |spec: &mut BranchSpec, seen: &mut Observation| {
            spec.size.max_connections = 250;
            spec.accounts.safe_migrations = true;
            seen.stage.files_of = Some(older);
            spec.restarts = 2;
        };
        assert_eq!(running(&all), Plan::Do(Step::StopServer), "a restart first");
        assert_eq!(
            running(&|spec, seen| {
                all(spec, seen);
                spec.restarts = 1;
            }),
            Plan::Do(Step::UpgradeTables),
            "the version next"
        );
        assert_eq!(
            running(&|spec, seen| {
                all(spec, seen);
                spec.restarts = 1;
                seen.stage.files_of = None;
            }),
            Plan::Do(Step::SealAccounts),
            "the size last"
        );
        assert_eq!(
            running(&|spec, seen| {
                spec.restarts = 2;
                seen.server = ServerState::Unknown { why: why() };
            }),
            Plan::Do(Step::StopServer),
            "one that hangs is restarted on request"
        );
        assert_eq!(
            running(&|spec, seen| {
                spec.restarts = 2;
                seen.server = not_running();
            }),
            Plan::Do(Step::StartServer),
            "one that does not run is started, which counts"
        );
        let files_of_a_newer_one = |seen: &mut Observation| {
            seen.server = not_running();
            seen.stage.files_of = Some(newer);
        };
        assert!(matches!(running(&|_, seen| files_of_a_newer_one(seen)), Plan::Blocked { .. }));
    }
}
