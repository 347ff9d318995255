//! The servers that run for an engine's directory, whatever the records say.

use std::path::PathBuf;

use bough_model::{BranchId, Flavor};
use bough_mysql_client::{Connection, Error, SocketAddress};

use super::{Checkup, PlaceSeen};
use crate::cnf;
use crate::managed::brief_limits;
use crate::observe::same_datadir;
use crate::proc::{self, Below};

/// A database server that was started for a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSeen {
    /// The name of the branch's folder: its id, if all is as it should be.
    pub name: String,
    /// The process.
    pub pid: i32,
    /// The account that it runs as.
    pub uid: u32,
    /// Its program.
    pub program: PathBuf,
    /// Whether that was removed or replaced since it started, as by an upgrade.
    pub replaced: bool,
    /// Whether the folder that it works in was removed.
    pub folder_gone: bool,
    /// Where it works, if that is not the branch's place.
    pub moved_to: Option<PathBuf>,
    /// Whether it is stopped by a signal.
    pub stopped: bool,
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It answers, and this is what it calls itself.
    Runs(Flavor),
    /// It answers, and does not let this account in.
    Shut,
    /// It does not.
    Silent {
        /// What happened instead.
        why: String,
    },
    /// Another server answers in its place.
    Stranger {
        /// How it differs.
        why: String,
    },
}

impl Checkup {
    /// The servers that run for branches of this directory, with a folder or without. Of other accounts'
    /// processes an ordinary account sees none.
    pub fn servers(&self, places: &[PlaceSeen]) -> Vec<ServerSeen> {
        let seen = proc::servers_below(&self.dir.branches(), &self.data_folders(places));
        seen.into_iter().map(|below| self.seen(below, places)).collect()
    }

    fn seen(&self, below: Below, places: &[PlaceSeen]) -> ServerSeen {
        let in_place = below.cwd == self.folder(&below.name).join("data");
        let known = places.iter().any(|place| place.name == below.name && place.folder);
        ServerSeen {
            // A folder that was put back does not give the server its files.
            folder_gone: below.removed || (in_place && !known && !self.has_folder(&below.name)),
            moved_to: (!below.removed && !in_place && !known).then_some(below.cwd),
            stopped: proc::is_stopped(below.identity.pid),
            pid: below.identity.pid,
            uid: below.uid,
            program: below.program,
            replaced: below.replaced,
            name: below.name,
        }
    }

    /// Asks the server of a branch what it is. Waits a few seconds at most.
    pub fn ask(&self, branch: &BranchId) -> Answer {
        let paths = self.dir.branch(branch);
        let silent = |error: &Error| Answer::Silent { why: error.to_string() };
        let address = SocketAddress { path: paths.socket.clone(), user: self.account.own_name.clone() };
        let mut conn = match Connection::open(&address, brief_limits()) {
            Ok(conn) => conn,
            Err(Error::Refused { .. }) => return Answer::Shut,
            Err(error) => return silent(&error),
        };
        let row = match conn
            .query_one("SELECT @@server_id AS server_id, @@datadir AS datadir, @@version AS version")
        {
            Ok(row) => row,
            Err(error) => return silent(&error),
        };
        match (row.u64("server_id"), row.text("datadir"), row.text("version")) {
            (Ok(server_id), Ok(datadir), Ok(version)) => {
                if server_id != u64::from(cnf::server_id(branch)) || !same_datadir(datadir, &paths) {
                    let why = format!("the server that answers calls itself {server_id} in {datadir}");
                    return Answer::Stranger { why };
                }
                Flavor::parse(version)
                    .map_or_else(|| Answer::Silent { why: "it tells no version".to_owned() }, Answer::Runs)
            }
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => silent(&error),
        }
    }
}
