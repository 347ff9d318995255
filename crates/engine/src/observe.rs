//! What is there: a branch's place on disk, its server, and how far it is made. Nothing here changes a
//! branch; a server that is found without its record gets the record back.

use std::sync::PoisonError;

use bough_model::BranchId;
use bough_mysql_client::{Connection, Error, code};

use crate::accounts::AccountsSeen;
use crate::layout::BranchPaths;
use crate::managed::{ManagedEngine, brief_limits};
use crate::proc::{Found, Identity};
use crate::records::{FilesOf, StageRecord};
use crate::sizing::{self, Figures};
use crate::{EngineError, cnf, files, process};

/// Whether a branch has its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// None.
    Absent,
    /// Only half-made ones, or ones that a power failure may have damaged before anything was in them.
    Staged,
    /// All.
    Present,
    /// All, but not the record of how far it is made: whether rows are in it is not known, so nothing but
    /// removal on request touches it.
    Damaged,
}

/// How a branch's server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// There is none.
    NotRunning {
        /// Its own last errors, if it left any.
        last_words: Option<String>,
    },
    /// It runs and does not take connections yet.
    Starting,
    /// It runs, is proven to be the branch's, and answers.
    Answering,
    /// It is the branch's own process, but does not answer as it should.
    Unknown {
        /// What it did instead.
        why: String,
    },
    /// Something else is in its place. It is not touched.
    Stranger {
        /// How it differs.
        why: String,
    },
}

/// How far a branch is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageMarks {
    /// Its schema and accounts are made.
    pub accounts_ready: bool,
    /// Its parent's schema is copied.
    pub seeded: bool,
    /// How many of the wished restarts its last start has done.
    pub restarts: u32,
    /// The version of the server that its files were made for, where that is known.
    pub files_of: Option<FilesOf>,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Its files.
    pub place: Place,
    /// Its server.
    pub server: ServerState,
    /// How far it is made.
    pub stage: StageMarks,
    /// What its server says of itself; asked of one that answers and has its accounts.
    pub figures: Option<Figures>,
    /// What its server says of its accounts; asked at the same time.
    pub accounts: Option<AccountsSeen>,
    /// The version of the server that would start now.
    pub installed: FilesOf,
}

/// The server's data directory as the server prints it.
pub(crate) fn same_datadir(told: &str, paths: &BranchPaths) -> bool {
    std::path::Path::new(told.trim_end_matches('/')) == paths.data
}

impl ManagedEngine {
    /// What is there of a branch.
    ///
    /// # Errors
    /// [`EngineError::Io`] when the disk cannot be read. A server that does not answer is no error.
    pub fn observe(&self, id: &BranchId) -> Result<Observation, EngineError> {
        let paths = self.dir.branch(id);
        let (place, stage) = {
            let _own = self.account.own_files()?;
            self.place(&paths)?
        };
        let mut server = self.server(id, &paths)?;
        let accounts_open = stage.as_ref().is_some_and(|stage| stage.accounts_open);
        let stage = stage.map_or(StageMarks::default(), |stage| StageMarks {
            accounts_ready: stage.accounts_ready,
            seeded: stage.seeded,
            restarts: stage.restarts,
            files_of: stage.files_of,
        });
        let (mut figures, mut accounts) = (None, None);
        if server == ServerState::Answering && place == Place::Present && stage.accounts_ready {
            match self.told(id, accounts_open) {
                Ok(told) => (figures, accounts) = (Some(told.0), Some(told.1)),
                // It has said that it is full, which is an answer.
                Err(EngineError::Server {
                    source: Error::Refused { code: code::TOO_MANY_CONNECTIONS, .. },
                    ..
                }) => {}
                Err(error) => server = ServerState::Unknown { why: error.to_string() },
            }
        }
        let installed = FilesOf::version(self.flavor());
        Ok(Observation { place, server, stage, figures, accounts, installed })
    }

    /// What a server that answers says of itself.
    fn told(&self, id: &BranchId, accounts_open: bool) -> Result<(Figures, AccountsSeen), EngineError> {
        let mut conn = self.connect_within(id, brief_limits())?;
        let figures = sizing::read(&mut conn).map_err(EngineError::server(id, "was asked for its size"))?;
        Ok((figures, self.accounts_seen(id, &mut conn, accounts_open)?))
    }

    /// Whether the branch has its files. The caller holds the account's file rights.
    pub(crate) fn place(&self, paths: &BranchPaths) -> Result<(Place, Option<StageRecord>), EngineError> {
        if !files::is_folder(&paths.folder)? {
            let staged = files::is_folder(&paths.staged)?;
            return Ok((if staged { Place::Staged } else { Place::Absent }, None));
        }
        let Some(stage) = self.stage(paths)? else { return Ok((Place::Damaged, None)) };
        // The machine went down before the copy was on the disk: parts of it may be empty.
        let doubtful = !stage.synced && stage.copied_in_boot != self.boot_id;
        if doubtful { Ok((Place::Staged, None)) } else { Ok((Place::Present, Some(stage))) }
    }

    pub(crate) fn server(&self, id: &BranchId, paths: &BranchPaths) -> Result<ServerState, EngineError> {
        let (record, found) = self.look(id)?;
        let identity = match found {
            Found::Nobody => return Ok(ServerState::NotRunning { last_words: self.last_words(paths) }),
            Found::Stranger { why } => return Ok(ServerState::Stranger { why }),
            Found::Ours(identity) => identity,
        };
        let state = self.probe(id, paths, identity);
        let recorded = record.is_some_and(|record| {
            (record.pid, record.start_ticks) == (identity.pid, identity.start_ticks)
                && record.boot_id == self.boot_id
        });
        if state == ServerState::Answering && !recorded && paths.folder.exists() {
            tracing::info!(branch = %id, pid = identity.pid, "a running server was found without its record");
            self.record(id, paths, identity)?;
        }
        Ok(state)
    }

    /// Asks a process that `/proc` proves to be the branch's whether it answers as the branch's server.
    pub(crate) fn probe(&self, id: &BranchId, paths: &BranchPaths, identity: Identity) -> ServerState {
        if !paths.socket.exists() {
            return ServerState::Starting;
        }
        let known = self.proven.lock().unwrap_or_else(PoisonError::into_inner).get(id) == Some(&identity);
        if !known {
            match process::listens(&paths.socket, identity, self.account.uid) {
                None => return ServerState::Starting,
                Some(false) => {
                    let why = format!("another process listens on {}", paths.socket.display());
                    return ServerState::Stranger { why };
                }
                Some(true) => {}
            }
        }
        let mut conn = match Connection::open(&self.address(id), brief_limits()) {
            Ok(conn) => conn,
            Err(Error::NotReachable { .. }) => return ServerState::Starting,
            // It is the branch's server, and it answers: that it is full.
            Err(Error::Refused { code: code::TOO_MANY_CONNECTIONS, .. }) if known => {
                return ServerState::Answering;
            }
            Err(error) => return ServerState::Unknown { why: error.to_string() },
        };
        let row = match conn.query_one("SELECT @@server_id AS server_id, @@datadir AS datadir") {
            Ok(row) => row,
            Err(error) => return ServerState::Unknown { why: error.to_string() },
        };
        match (row.u64("server_id"), row.text("datadir")) {
            (Ok(server_id), Ok(datadir))
                if server_id == u64::from(cnf::server_id(id)) && same_datadir(datadir, paths) => {}
            (Ok(server_id), Ok(datadir)) => {
                let why = format!("the server calls itself {server_id} in {datadir}");
                return ServerState::Stranger { why };
            }
            (Err(error), _) | (_, Err(error)) => return ServerState::Unknown { why: error.to_string() },
        }
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), identity);
        ServerState::Answering
    }

    /// What the branch's server said of errors since its last start.
    pub fn last_words_of(&self, id: &BranchId) -> Option<String> {
        self.last_words(&self.dir.branch(id))
    }

    pub(crate) fn last_words(&self, paths: &BranchPaths) -> Option<String> {
        let _own = self.account.own_files().ok()?;
        process::last_words(&paths.error_log)
    }
}
