//! What each step does.

use std::path::Path;
use std::time::{Duration, Instant};

use bough_model::BranchId;
use bough_mysql_client::{ConnectLimits, Connection, Error};
use nix::sys::signal::Signal;

use crate::cnf;
use crate::layout::BranchPaths;
use crate::managed::{BranchSpec, ManagedEngine};
use crate::observe::{Place, ServerState};
use crate::plan::Seed;
use crate::proc::{self, Found, Identity};
use crate::process::{self, KILL_LIMIT_S, STOP_LIMIT_S};
use crate::records::{self, FilesOf, StageRecord};
use crate::wait::wait_until;
use crate::{EngineError, accounts, files, killpoint, prepare, recovery, schema_copy, sizing};

/// Longest wait for a place among the starting servers, in seconds.
const START_QUEUE_LIMIT_S: u64 = 120;
/// Longest wait for a started server to answer, in seconds: recovery after a crash reads the whole redo log.
pub const ANSWER_LIMIT_S: u64 = 120;
/// Pause between two looks at a server that starts, in milliseconds.
const ANSWER_PAUSE_MS: u64 = 2;
/// Longest wait for one statement of a schema copy, in seconds.
const COPY_READ_LIMIT_S: u64 = 120;
/// Longest wait for the greeting of a server that is about to be stopped, in milliseconds.
const GREETING_LIMIT_MS: u64 = 500;
/// Longest wait for a server to stop that answers nobody, in seconds.
const SILENT_STOP_LIMIT_S: u64 = 3;
/// Pause before a server that does not stop is asked to once more, in milliseconds.
const ASK_AGAIN_MS: u64 = 500;
/// Files of the template after which a test may have the copy killed.
const HALF_COPIED_FILES: usize = 20;

/// Free room, in bytes, that a new branch leaves to those that run.
pub const RESERVE_BYTES: u64 = 64 * 1024 * 1024;

impl ManagedEngine {
    pub(crate) fn copy_template(&self, id: &BranchId) -> Result<(), EngineError> {
        let template = self.templates.ensure(&self.dir, &self.account, &self.binaries())?;
        let paths = self.dir.branch(id);
        let (_, found) = self.look(id)?;
        let _own = self.account.own_files()?;
        match self.place(&paths)?.0 {
            Place::Present => return Ok(()),
            Place::Damaged => return Err(self.no_stage(id)),
            Place::Absent | Place::Staged => {}
        }
        match found {
            Found::Nobody => {}
            Found::Stranger { why } => return Err(EngineError::Stranger { branch: id.clone(), why }),
            Found::Ours(identity) => {
                let why =
                    format!("its server (process {}) runs without its files; stop it first", identity.pid);
                return Err(EngineError::Refused { branch: id.clone(), why });
            }
        }
        for leftover in [&paths.folder, &paths.staged] {
            if let Some(old) = self.dir.to_trash(leftover)? {
                files::remove_tree(&old)?;
            }
        }
        self.refuse_if_too_full(&template)?;
        files::make_folder(&paths.staged)?;
        let mut copied = 0;
        let done = files::copy_tree(&template, &paths.staged.join("data"), &mut || {
            copied += 1;
            if copied == HALF_COPIED_FILES {
                killpoint::reach("copy-template.half-copied");
            }
        });
        if done.is_err() {
            // The room that half a copy takes is what the others may lack now.
            let _ = files::remove_tree(&paths.staged);
        }
        done?;
        for folder in ["files", "tmp"] {
            files::make_folder(&paths.staged.join(folder))?;
        }
        // The record lasts from the first moment; the copy itself is made to last while the server starts,
        // and until then a start of the machine makes it count as half-made.
        let stage = StageRecord { copied_in_boot: self.boot_id.clone(), ..StageRecord::default() };
        records::write(&paths.staged.join("stage.json"), &stage, true)?;
        killpoint::reach("copy-template.staged");
        std::fs::rename(&paths.staged, &paths.folder).map_err(EngineError::io("rename", &paths.staged))
    }

    /// A new branch must not take the last room from those that run: they, and the metadata, need some to
    /// write, and to delete.
    fn refuse_if_too_full(&self, template: &Path) -> Result<(), EngineError> {
        let failed = |errno: nix::errno::Errno| EngineError::Io {
            what: "ask for the free room of",
            path: self.dir.root().to_owned(),
            source: errno.into(),
        };
        let room = nix::sys::statvfs::statvfs(self.dir.root()).map_err(failed)?;
        let free = room.blocks_available().saturating_mul(room.fragment_size());
        let needed = files::disk_bytes(template)?.saturating_add(RESERVE_BYTES);
        if free >= needed {
            return Ok(());
        }
        let mib = |bytes: u64| bytes / (1024 * 1024);
        let why = format!(
            "its disk has {} MiB free, and a new branch needs {} MiB, a reserve for the others included; make room, or \
             delete branches",
            mib(free),
            mib(needed)
        );
        Err(EngineError::Layout { path: self.dir.root().to_owned(), why })
    }

    pub(crate) fn start_server(&self, spec: &BranchSpec) -> Result<(), EngineError> {
        let id = &spec.id;
        let paths = self.dir.branch(id);
        let stage = {
            let _own = self.account.own_files()?;
            match self.place(&paths)? {
                (Place::Present, Some(stage)) => stage,
                (Place::Damaged, _) => return Err(self.no_stage(id)),
                _ => {
                    let why = "it has no data directory yet; copy the template first".to_owned();
                    return Err(EngineError::Refused { branch: id.clone(), why });
                }
            }
        };
        let Some(_permit) = self.starts.take(Duration::from_secs(START_QUEUE_LIMIT_S)) else {
            let limit = Duration::from_secs(START_QUEUE_LIMIT_S);
            return Err(EngineError::TooSlow {
                what: "the queue of starting servers before that",
                branch: id.clone(),
                limit,
                last_words: None,
            });
        };
        match self.start_process(spec, &paths, &stage) {
            Err(error) if recovery::is_needed(&error) => {
                self.commit_prepared(id, &paths)?;
                self.start_process(spec, &paths, &stage)
            }
            started => started,
        }
    }

    /// Starts the process, unless it is there, and waits until it answers.
    fn start_process(
        &self,
        spec: &BranchSpec,
        paths: &BranchPaths,
        stage: &StageRecord,
    ) -> Result<(), EngineError> {
        let id = &spec.id;
        let (_, found) = self.look(id)?;
        let identity = match found {
            Found::Ours(identity) => identity,
            Found::Stranger { why } => return Err(EngineError::Stranger { branch: id.clone(), why }),
            Found::Nobody => {
                self.configure(spec, paths, stage.clone())?;
                killpoint::reach("start-server.configured");
                process::spawn(&self.binaries().mariadbd, &self.account, paths)?
            }
        };
        killpoint::reach("start-server.spawned");
        self.cgroups.admit(id, identity.pid, &spec.size)?;
        self.record(id, paths, identity)?;
        killpoint::reach("start-server.recorded");
        std::thread::scope(|scope| {
            let syncing = scope.spawn(|| self.make_lasting(id, paths));
            let answered = self.await_process(id, paths, identity);
            let synced = syncing.join().unwrap_or_else(|_| {
                let why = "making its files last was interrupted".to_owned();
                Err(EngineError::Refused { branch: id.clone(), why })
            });
            answered.and(synced)
        })
    }

    /// Everything that a start needs besides the data.
    fn configure(
        &self,
        spec: &BranchSpec,
        paths: &BranchPaths,
        mut stage: StageRecord,
    ) -> Result<(), EngineError> {
        let _own = self.account.own_files()?;
        for folder in [&paths.exchange, &paths.tmp] {
            files::ensure_folder(folder)?;
        }
        for leftover in [&paths.socket, &paths.pid_file, &paths.server_record] {
            files::remove_file(leftover)?;
        }
        // A redo log that was in use keeps its size: another one would be written anew at this start.
        let log = std::fs::symlink_metadata(paths.data.join("ib_logfile0")).ok().map(|meta| meta.len());
        let in_use = log.filter(|bytes| stage.accounts_ready || *bytes != cnf::TEMPLATE_REDO_BYTES);
        accounts::open_for_start(paths, stage.accounts_open)?;
        let safe = spec.accounts.safe_migrations;
        let (pool_max, files) = (self.pool_max_bytes, self.local_infile);
        let text = cnf::text(&spec.id, paths, &spec.size, in_use, pool_max, files, safe);
        files::replace_file(&paths.cnf, text.as_bytes(), false)?;
        // Whatever version made files that nobody noted, the one that starts now may be newer.
        let files_of = stage.files_of.or(stage.accounts_ready.then_some(FilesOf::UNKNOWN));
        if (stage.restarts, stage.files_of) != (spec.restarts, files_of) {
            (stage.restarts, stage.files_of) = (spec.restarts, files_of);
            records::write(&paths.stage_record, &stage, true)?;
        }
        Ok(())
    }

    /// Brings a fresh copy to the disk, once. Nothing is recorded as made before that.
    fn make_lasting(&self, id: &BranchId, paths: &BranchPaths) -> Result<(), EngineError> {
        {
            let _own = self.account.own_files()?;
            if self.stage(paths)?.ok_or_else(|| self.no_stage(id))?.synced {
                return Ok(());
            }
            files::sync_tree(&paths.folder)?;
            files::sync_folder(&self.dir.branches())?;
        }
        self.set_stage(id, paths, |stage| stage.synced = true)
    }

    pub(crate) fn await_answer(&self, id: &BranchId) -> Result<(), EngineError> {
        let paths = self.dir.branch(id);
        match self.look(id)?.1 {
            Found::Ours(identity) => self.await_process(id, &paths, identity),
            Found::Stranger { why } => Err(EngineError::Stranger { branch: id.clone(), why }),
            Found::Nobody => {
                Err(EngineError::Died { branch: id.clone(), last_words: self.last_words(&paths) })
            }
        }
    }

    fn await_process(
        &self,
        id: &BranchId,
        paths: &BranchPaths,
        identity: Identity,
    ) -> Result<(), EngineError> {
        let limit = Duration::from_secs(ANSWER_LIMIT_S);
        let answered = wait_until(limit, Duration::from_millis(ANSWER_PAUSE_MS), || {
            if !proc::is_alive(identity) {
                let last_words = self.last_words(paths);
                return Some(Err(EngineError::Died { branch: id.clone(), last_words }));
            }
            match self.probe(id, paths, identity) {
                ServerState::Answering => Some(Ok(())),
                ServerState::Stranger { why } => Some(Err(EngineError::Stranger { branch: id.clone(), why })),
                _ => None,
            }
        });
        answered.unwrap_or_else(|| {
            let last_words = self.last_words(paths);
            Err(EngineError::TooSlow {
                what: "the start of the server",
                branch: id.clone(),
                limit,
                last_words,
            })
        })
    }

    pub(crate) fn prepare_accounts(&self, spec: &BranchSpec) -> Result<(), EngineError> {
        let paths = self.dir.branch(&spec.id);
        let stage = {
            let _own = self.account.own_files()?;
            self.stage(&paths)?.ok_or_else(|| self.no_stage(&spec.id))?
        };
        if stage.accounts_ready {
            return Ok(());
        }
        self.must_answer(&spec.id)?;
        self.make_lasting(&spec.id, &paths)?;
        let mut conn = self.connect(&spec.id)?;
        prepare::prepare(&mut conn, &spec.schema, &self.account.own_name)
            .map_err(EngineError::server(&spec.id, "had its accounts prepared"))?;
        let running =
            conn.server_version().map_err(EngineError::server(&spec.id, "was asked for its version"))?;
        self.set_stage(&spec.id, &paths, |stage| {
            stage.accounts_ready = true;
            stage.files_of = Some(FilesOf::version(running));
        })
    }

    pub(crate) fn resize(&self, spec: &BranchSpec) -> Result<(), EngineError> {
        self.must_answer(&spec.id)?;
        self.cgroups.widen(&spec.id, &spec.size)?;
        sizing::apply(&spec.id, &mut self.connect(&spec.id)?, &spec.size)?;
        self.cgroups.limit(&spec.id, &spec.size)
    }

    pub(crate) fn copy_schema(&self, spec: &BranchSpec) -> Result<(), EngineError> {
        let Seed::SchemaOf { parent, parent_schema } = &spec.seed else { return Ok(()) };
        let paths = self.dir.branch(&spec.id);
        let stage = {
            let _own = self.account.own_files()?;
            self.stage(&paths)?.ok_or_else(|| self.no_stage(&spec.id))?
        };
        if stage.seeded {
            // Rows may be in it by now; the copy begins with removing the schema.
            return Ok(());
        }
        if !stage.accounts_ready {
            let why = "its accounts are not prepared yet".to_owned();
            return Err(EngineError::Refused { branch: spec.id.clone(), why });
        }
        self.must_answer(parent)?;
        self.must_answer(&spec.id)?;
        let limits =
            ConnectLimits { read: Duration::from_secs(COPY_READ_LIMIT_S), ..ConnectLimits::default() };
        let mut from = self.connect_within(parent, limits)?;
        let mut to = self.connect_within(&spec.id, limits)?;
        schema_copy::copy_schema((parent, &mut from, parent_schema), (&spec.id, &mut to, &spec.schema))?;
        self.set_stage(&spec.id, &paths, |stage| stage.seeded = true)
    }

    /// The branch's server must be the branch's server, and answer, before anything is said to it.
    pub(crate) fn must_answer(&self, id: &BranchId) -> Result<(), EngineError> {
        match self.server(id, &self.dir.branch(id))? {
            ServerState::Answering => Ok(()),
            ServerState::Stranger { why } => Err(EngineError::Stranger { branch: id.clone(), why }),
            ServerState::NotRunning { .. } => {
                Err(EngineError::Refused { branch: id.clone(), why: "its server does not run".to_owned() })
            }
            ServerState::Starting => Err(EngineError::Refused {
                branch: id.clone(),
                why: "its server is still starting".to_owned(),
            }),
            ServerState::Unknown { why } => Err(EngineError::Refused { branch: id.clone(), why }),
        }
    }

    pub(crate) fn stop_server(&self, id: &BranchId) -> Result<(), EngineError> {
        let paths = self.dir.branch(id);
        match self.look(id)?.1 {
            Found::Nobody => {}
            Found::Stranger { why } => return Err(EngineError::Stranger { branch: id.clone(), why }),
            Found::Ours(identity) => {
                let limit = self.patience(id, Duration::from_secs(STOP_LIMIT_S));
                process::signal(identity, &paths.data, self.account.uid, Signal::SIGTERM)?;
                killpoint::reach("stop-server.signalled");
                self.see_it_gone(id, &paths, identity, limit)?;
            }
        }
        self.forget(id);
        let _own = self.account.own_files()?;
        files::remove_file(&paths.server_record)?;
        files::remove_file(&paths.socket)
    }

    /// How long to wait for a server to stop. One that is asked in its first moments may hang for ever, or
    /// forget that it was asked; one that answers nobody has nothing to bring to an end. Killing loses
    /// nothing that was acknowledged.
    fn patience(&self, id: &BranchId, limit: Duration) -> Duration {
        let brief = Duration::from_millis(GREETING_LIMIT_MS);
        let limits = ConnectLimits { connect: brief, read: brief, ..ConnectLimits::default() };
        let answers = match Connection::open(&self.address(id), limits) {
            Ok(_) => true,
            Err(error) => matches!(error, Error::Refused { .. }),
        };
        if answers { limit } else { limit.min(Duration::from_secs(SILENT_STOP_LIMIT_S)) }
    }

    /// Waits for a process that was asked to stop, and asks again; kills it after `limit`.
    fn see_it_gone(
        &self,
        id: &BranchId,
        paths: &BranchPaths,
        identity: Identity,
        limit: Duration,
    ) -> Result<(), EngineError> {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if process::wait_gone(identity, left.min(Duration::from_millis(ASK_AGAIN_MS))) {
                return Ok(());
            }
            if left.is_zero() {
                break;
            }
            process::signal(identity, &paths.data, self.account.uid, Signal::SIGTERM)?;
        }
        tracing::warn!(branch = %id, pid = identity.pid, "the server did not stop in time and is killed");
        process::signal(identity, &paths.data, self.account.uid, Signal::SIGKILL)?;
        let limit = Duration::from_secs(KILL_LIMIT_S);
        if process::wait_gone(identity, limit) {
            return Ok(());
        }
        Err(EngineError::TooSlow {
            what: "the end of the killed server",
            branch: id.clone(),
            limit,
            last_words: None,
        })
    }

    /// Stops every branch's server: all are asked at once, and those that still run after `limit` are
    /// killed. Returns how many were running.
    ///
    /// # Errors
    /// The first failure, after the rest was tried.
    pub fn stop_all(&self, limit: Duration) -> Result<usize, EngineError> {
        let mut asked = Vec::new();
        let mut failure = None;
        let mut places = self.list_places()?;
        // A server whose folder was taken away under it shows in no listing of folders.
        let running = proc::worked_in(&self.dir.branches());
        places.extend(running.iter().filter_map(|name| BranchId::parse(name)));
        places.sort();
        places.dedup();
        for id in places {
            let paths = self.dir.branch(&id);
            match self.look(&id) {
                Ok((_, Found::Ours(identity))) => {
                    let patience = self.patience(&id, limit);
                    match process::signal(identity, &paths.data, self.account.uid, Signal::SIGTERM) {
                        Ok(_) => asked.push((id, paths, identity, Instant::now() + patience)),
                        Err(error) => failure = failure.or(Some(error)),
                    }
                }
                Ok(_) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let count = asked.len();
        for (id, paths, identity, end) in asked {
            let left = end.saturating_duration_since(Instant::now());
            if let Err(error) =
                self.see_it_gone(&id, &paths, identity, left).and_then(|()| self.stop_server(&id))
            {
                failure = failure.or(Some(error));
            }
        }
        failure.map_or(Ok(count), Err)
    }

    pub(crate) fn remove_directory(&self, id: &BranchId) -> Result<(), EngineError> {
        let paths = self.dir.branch(id);
        match self.look(id)?.1 {
            Found::Nobody => {}
            Found::Ours(identity) => {
                let why = format!("its server (process {}) still runs; stop it first", identity.pid);
                return Err(EngineError::Refused { branch: id.clone(), why });
            }
            Found::Stranger { why } => return Err(EngineError::Stranger { branch: id.clone(), why }),
        }
        self.forget(id);
        let _own = self.account.own_files()?;
        let trash = [self.dir.to_trash(&paths.staged)?, self.dir.to_trash(&paths.folder)?];
        files::sync_folder(&self.dir.branches())?;
        killpoint::reach("remove-directory.in-trash");
        self.cgroups.remove(id)?;
        for folder in trash.iter().flatten() {
            files::remove_tree(folder)?;
        }
        if self.dir.short_sockets().is_some() {
            files::remove_file(&paths.socket)?;
        }
        Ok(())
    }
}
