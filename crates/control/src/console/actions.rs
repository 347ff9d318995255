//! What can be done in the console: run statements, see one's own that run, end them.

use std::time::{Duration, Instant};

use bough_engine::Kill;
use bough_model::{
    Actor, ConsoleRunId, DIRECT_DDL_ERRNO, DIRECT_DDL_MESSAGE, DIRECT_DDL_STATE, PasswordRole, UserId,
    is_direct_ddl,
};
use bough_mysql_client::{Answer, Bounds, ConnectLimits, Console, End, Refusal, SocketAddress, Warning};
use bough_policy::{BranchAt, DatabaseAt, Facet, Granted, Located, Operation, decide, refine};
use bough_store::Mark;
use bough_store::branches as branch_store;
use bough_store::databases as database_store;
use serde_json::json;

use super::position::Position;
use super::running::{Run, RunSeen};
use crate::branches::{Backend, record};
use crate::caller::read_back;
use crate::random::fresh;
use crate::{Caller, ControlPlane, Error, Result};

/// Longest text that is run, in bytes. As a form writes it, it is three times as long at most.
pub const STATEMENT_MAX_BYTES: usize = 16 << 10;
/// Longest time that can be set for a run, in seconds.
pub const RUN_MAX_SECONDS: u64 = 300;
/// Most rows of each answer.
pub const ROWS_MAX: usize = 1_000;
/// Most that is kept of all answers of a run, in bytes.
pub const SHOWN_MAX_BYTES: usize = 1 << 20;
/// Most that is read of all answers of a run, in bytes: long values are read to their end.
pub const READ_MAX_BYTES: usize = 64 << 20;
/// Most that is kept of a value, in bytes.
pub const VALUE_MAX_BYTES: usize = 4 << 10;
/// Most answers of a run.
pub const ANSWERS_MAX: usize = 20;

/// How much longer than a run the server itself lets a statement run: should this process be gone by then, nobody
/// else ends it.
const SERVER_GRACE: Duration = Duration::from_secs(5);
/// How often it is looked whether a run is to be ended, in milliseconds.
const LOOK_EVERY_MILLIS: u64 = 50;
/// How long a session that was ended may take for that before it is ended once more, in seconds.
const KILL_EVERY_SECONDS: u64 = 2;
/// The server ended a statement that ran for too long.
const STATEMENT_TIMEOUT: u16 = 1969;
/// The server does not let the role's account in.
const ACCOUNT_REFUSED: [u16; 2] = [1045, 1698];

/// The roles that can be chosen, the usual one first. One that only writes shows nothing in a console.
pub const ROLES: [PasswordRole; 3] = [PasswordRole::Reader, PasswordRole::ReadWriter, PasswordRole::Admin];

/// Statements that do nothing but answer rows.
const READING: [&str; 8] = ["SELECT", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "WITH", "TABLE", "VALUES"];

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct RunStatement<'a> {
    /// The role, by its name.
    pub role: &'a str,
    /// One statement or several.
    pub text: &'a str,
    /// What the run is known by while it lasts.
    pub id: &'a str,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All of it was run and read.
    Whole,
    /// More is not read: it was ended there.
    Cut,
    /// The server refused a statement: nothing after it was run.
    Refused(Refusal, Option<Position>),
    /// A row is too large to be read.
    RowTooLarge,
    /// It took too long, and was ended.
    TimeOver,
    /// It was cancelled.
    Cancelled,
    /// Nobody waits for it any more, or this process stops.
    Left,
    /// Whoever started it may not run it any more.
    NotAllowed,
    /// The session was lost, or ended by somebody else.
    Lost(String),
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct StatementRun {
    /// The role that it was in.
    pub role: PasswordRole,
    /// An answer for each statement that was run.
    pub answers: Vec<Answer>,
    /// How many answers there were beside those.
    pub more: usize,
    /// Whether it was one statement that does nothing but answer rows.
    pub only_reads: bool,
    /// How it ended.
    pub ended: Ended,
    /// Warnings of the last statement.
    pub warnings: Vec<Warning>,
    /// How long it took.
    pub took: Duration,
}

/// Who the console is for.
fn person(caller: &Caller) -> Result<&UserId> {
    match caller.principal.actor() {
        Actor::User(user) => Ok(user),
        _ => Err(Error::NotFound),
    }
}

fn parse_role(role: &str) -> Result<PasswordRole> {
    let known = PasswordRole::parse(role).filter(|role| ROLES.contains(role));
    known.ok_or_else(|| {
        let names = ROLES.map(PasswordRole::as_str).join(", ");
        Error::Invalid(format!("role is {role:?}, but must be one of {names}"))
    })
}

fn check_text(text: &str) -> Result<()> {
    if text.len() > STATEMENT_MAX_BYTES {
        return Err(Error::Invalid(format!(
            "the text is {} bytes long, and the console runs at most {STATEMENT_MAX_BYTES}: use a MySQL client, which \
             the page Connect tells how to",
            text.len()
        )));
    }
    if text.chars().all(|letter| letter == ';' || letter.is_whitespace()) {
        return Err(Error::Invalid("write a statement first".to_owned()));
    }
    Ok(())
}

/// Whether it is one statement that does nothing but answer rows, as far as its first word tells. It may then be
/// ended as soon as enough of them were read; should it do something else after all, that is undone.
fn only_reads(text: &str) -> bool {
    let text = text.trim().trim_end_matches(|letter: char| letter == ';' || letter.is_whitespace());
    let first = text.split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
    !text.contains(';') && READING.contains(&first.to_ascii_uppercase().as_str())
}

fn switched_off() -> Error {
    Error::Forbidden(
        "the console is off on production branches of this database: nothing was run; it is switched on in the \
         database's settings"
            .to_owned(),
    )
}

impl ControlPlane {
    /// Whether the console is on for a branch: on production branches only once the database's setting is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_console_on(&self, at: &BranchAt) -> Result<bool> {
        let place = DatabaseAt { organization: at.organization.clone(), database: at.database.clone() };
        let granted = read_back(Operation::GetDatabase, place)?;
        Ok(!at.production || self.get_database(&granted)?.settings.production_branch_web_console)
    }

    /// What runs of the caller on a branch.
    ///
    /// # Errors
    /// [`Error::NotFound`] for who is no person.
    pub fn console_runs(&self, caller: &Caller, granted: &Granted<BranchAt>) -> Result<Vec<RunSeen>> {
        Ok(self.running.of(person(caller)?, &granted.at().branch))
    }

    /// An id for the next run.
    pub fn fresh_console_run(&self) -> ConsoleRunId {
        fresh(ConsoleRunId::from_random)
    }

    /// Has a run of the caller's own on a branch ended.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of that id, of the caller's, on that branch.
    pub fn cancel_console_run(&self, caller: &Caller, granted: &Granted<BranchAt>, id: &str) -> Result<()> {
        let id = ConsoleRunId::parse(id).ok_or(Error::NotFound)?;
        let found = self.running.cancel(&id, person(caller)?, &granted.at().branch);
        found.then_some(()).ok_or(Error::NotFound)
    }

    /// Runs statements on a branch in a role, in a session that ends with them. That it is done is written down
    /// first; what is run, never. `is_left` tells whether somebody still waits for it.
    ///
    /// # Errors
    /// [`Error::Refused`] where a password of that role would be; [`Error::Forbidden`] on a production branch
    /// where the console is off; [`Error::Invalid`] when there is nothing to run, or too much;
    /// [`Error::Unavailable`] when too much runs already, or the branch cannot be reached. What the server says of
    /// the statements is no error.
    pub fn run_statement(
        &self,
        caller: &Caller,
        granted: &Granted<BranchAt>,
        wanted: &RunStatement<'_>,
        is_left: &(dyn Fn() -> bool + Sync),
    ) -> Result<StatementRun> {
        let user = person(caller)?.clone();
        let role = parse_role(wanted.role)?;
        let granted = self.refine(caller, granted.clone(), Facet::Password(role))?;
        if !self.is_console_on(granted.at())? {
            return Err(switched_off());
        }
        check_text(wanted.text)?;
        let id = ConsoleRunId::parse(wanted.id).ok_or_else(|| {
            Error::Malformed("the form has no id of its own; load the page again".to_owned())
        })?;
        let branch = granted.at().branch.clone();
        let seen = RunSeen { id, role, since: self.now() };
        let place = self.running.enter(seen, user, branch.clone())?;
        self.note_console(caller, &granted, role)?;
        let backend = self.backend(&branch, role)?;
        let console = self.open_console(&granted, role, backend)?;
        Ok(self.watched(
            &Watched { caller, granted: &granted, role, run: place.run(), is_left },
            console,
            wanted.text,
        ))
    }

    /// Writes down that the console is used, where it is still on.
    fn note_console(&self, caller: &Caller, granted: &Granted<BranchAt>, role: PasswordRole) -> Result<()> {
        let at = granted.at();
        let place = DatabaseAt { organization: at.organization.clone(), database: at.database.clone() };
        let database = read_back(Operation::GetDatabase, place)?;
        let (grant, metadata) = (granted.clone(), json!({"role": role.as_str()}));
        self.change(caller, move |change| {
            let branch = branch_store::get_for_write(change.tx, &grant)?;
            let settings = database_store::get_for_write(change.tx, &database)?.settings;
            if grant.at().production && !settings.production_branch_web_console {
                return Err(switched_off());
            }
            record(change, grant.at(), "database_branch.used_console", &branch, &metadata)
        })
    }

    /// A session as the role's account. One that the server does not know any more is made right, once.
    fn open_console(
        &self,
        granted: &Granted<BranchAt>,
        role: PasswordRole,
        backend: Backend,
    ) -> Result<Console> {
        let branch = &granted.at().branch;
        let server_limit = self.settings.limits.console_run + SERVER_GRACE;
        let limits = ConnectLimits { read: server_limit + SERVER_GRACE, ..ConnectLimits::default() };
        let open = |backend: Backend| {
            let address = SocketAddress { path: backend.socket, user: backend.account.to_owned() };
            Console::open(&address, &backend.secret, &backend.schema, limits, server_limit)
        };
        let opened = match open(backend) {
            Err(error) if error.code().is_some_and(|code| ACCOUNT_REFUSED.contains(&code)) => {
                self.repair_accounts(branch)?;
                open(self.backend(branch, role)?)
            }
            opened => opened,
        };
        opened.map_err(|error| {
            tracing::warn!(%branch, %error, "the console does not reach a branch's server");
            Error::Unavailable(
                "the branch's server does not answer: nothing was run; try again in a moment".to_owned(),
            )
        })
    }

    /// Runs it, while another thread looks whether it is to be ended.
    fn watched(&self, watched: &Watched<'_>, console: Console, text: &str) -> StatementRun {
        let (begun, mut mark) = (Instant::now(), None);
        // Waking took its time.
        if let Some(ended) = self.must_end(watched, begun, &mut mark) {
            return StatementRun {
                role: watched.role,
                answers: Vec::new(),
                more: 0,
                only_reads: only_reads(text),
                ended,
                warnings: Vec::new(),
                took: Duration::ZERO,
            };
        }
        let session = console.id();
        let bounds = Bounds {
            rows: ROWS_MAX,
            kept_bytes: SHOWN_MAX_BYTES,
            read_bytes: READ_MAX_BYTES,
            value_bytes: VALUE_MAX_BYTES,
            answers: ANSWERS_MAX,
            read_on: !only_reads(text),
        };
        let (read, why) = std::thread::scope(|threads| {
            let watch = threads.spawn(|| self.watch(watched, session, begun, mark));
            let read = console.run(text, &bounds, &mut || self.end_session(watched, session));
            watched.run.finish();
            (read, watch.join().unwrap_or_default())
        });
        let took = begun.elapsed();
        let ended = self.ended(watched, read.end, why, text);
        StatementRun {
            role: watched.role,
            answers: read.answers,
            more: read.more,
            only_reads: !bounds.read_on,
            ended,
            warnings: read.warnings,
            took,
        }
    }

    /// Ends the session of a run; whether it is gone.
    fn end_session(&self, watched: &Watched<'_>, session: u64) -> bool {
        let branch = &watched.granted.at().branch;
        let killed = self.engine().and_then(|engine| {
            let killed = engine.kill(branch, Kill::Session(session));
            killed.map_err(|error| Error::Unavailable(error.to_string()))
        });
        if let Err(error) = &killed {
            tracing::warn!(%branch, %error, "a session of the console could not be ended");
        }
        killed.is_ok()
    }

    /// Looks whether a run is to be ended, and ends it, until it is over. Its session's own limits end it should
    /// that fail. Why it was ended, if it was.
    fn watch(
        &self,
        watched: &Watched<'_>,
        session: u64,
        begun: Instant,
        mark: Option<Mark>,
    ) -> Option<Ended> {
        let mut mark = mark;
        let why = loop {
            if watched.run.look(Duration::from_millis(LOOK_EVERY_MILLIS)) {
                return None;
            }
            if let Some(why) = self.must_end(watched, begun, &mut mark) {
                break why;
            }
        };
        loop {
            self.end_session(watched, session);
            if watched.run.is_over_within(Duration::from_secs(KILL_EVERY_SECONDS)) {
                return Some(why);
            }
        }
    }

    /// Why a run is to be ended now. What the store says is looked at when it is in another state than `mark`.
    fn must_end(&self, watched: &Watched<'_>, begun: Instant, mark: &mut Option<Mark>) -> Option<Ended> {
        if watched.run.is_cancelled() {
            return Some(Ended::Cancelled);
        }
        if (watched.is_left)() {
            return Some(Ended::Left);
        }
        if begun.elapsed() > self.settings.limits.console_run {
            return Some(Ended::TimeOver);
        }
        let now = self.mark();
        if now.is_none() || now != *mark {
            *mark = now;
            if !self.may_still_run(watched) {
                return Some(Ended::NotAllowed);
            }
        }
        None
    }

    /// Whether whoever started it might start it again.
    fn may_still_run(&self, watched: &Watched<'_>) -> bool {
        let at = watched.granted.at();
        let may = || {
            let Some(caller) = self.renewed(watched.caller)? else { return Ok(false) };
            let facet = Facet::Password(watched.role);
            let decided = decide(&caller.principal, Operation::RunBranchStatement, Located::new(at.clone()))
                .and_then(|granted| refine(&caller.principal, granted, facet));
            let same_class = self.is_production(&at.branch)? == at.production;
            Ok::<_, Error>(decided.is_ok() && same_class && self.is_console_on(at)?)
        };
        // A branch that is gone, too, is none to run anything on.
        may().unwrap_or(false)
    }

    /// How a run ended, with the server's words where they count.
    fn ended(&self, watched: &Watched<'_>, end: End, why: Option<Ended>, text: &str) -> Ended {
        match (end, why) {
            (End::Whole, _) => Ended::Whole,
            (End::Cut, _) => Ended::Cut,
            (End::RowTooLarge, _) => Ended::RowTooLarge,
            (End::Refused(_) | End::Lost(_), Some(why)) => why,
            (End::Lost(why), None) => Ended::Lost(why),
            (End::Refused(refusal), None) if refusal.code == STATEMENT_TIMEOUT => Ended::TimeOver,
            (End::Refused(refusal), None) => {
                let position = Position::of(text, refusal.code, &refusal.message);
                Ended::Refused(self.told(watched, refusal), position)
            }
        }
    }

    /// An error as clients are told it: that of a direct change of the schema in the contract's words.
    fn told(&self, watched: &Watched<'_>, refusal: Refusal) -> Refusal {
        let branch = &watched.granted.at().branch;
        let is_ddl = |schema| is_direct_ddl(refusal.code, refusal.message.as_bytes(), schema);
        match self.safe_schema(branch) {
            Some(schema) if is_ddl(&schema) => Refusal {
                code: DIRECT_DDL_ERRNO,
                state: DIRECT_DDL_STATE.to_owned(),
                message: DIRECT_DDL_MESSAGE.to_owned(),
            },
            _ => refusal,
        }
    }
}

/// What is looked at while it runs.
struct Watched<'a> {
    caller: &'a Caller,
    granted: &'a Granted<BranchAt>,
    role: PasswordRole,
    run: &'a Run,
    is_left: &'a (dyn Fn() -> bool + Sync),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_reads_is_told_from_what_may_not() {
        for text in [" select 1; ", "SHOW TABLES", "WITH a AS (SELECT 1) SELECT * FROM a"] {
            assert!(only_reads(text), "{text}");
        }
        for text in ["DELETE FROM t RETURNING id", "CALL p()", "SELECT 1; DELETE FROM t", "", "(SELECT 1)"] {
            assert!(!only_reads(text), "{text}");
        }
    }
}
