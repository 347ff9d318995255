//! A server of a newer version on files that an older one made: the system tables are brought to what the
//! new one expects, once.

use std::path::Path;
use std::time::Duration;

use bough_model::{BranchId, Flavor};
use bough_mysql_client::{Connection, quote_ident};

use crate::managed::{BranchSpec, ManagedEngine};
use crate::records::FilesOf;
use crate::{EngineError, files, killpoint, prepare, process};

/// Longest time that the upgrade of the system tables may take, in seconds.
pub const UPGRADE_LIMIT_S: u64 = 600;

impl ManagedEngine {
    /// Runs the server's own upgrade of the system tables, if the files were not made for its version.
    pub(crate) fn upgrade_tables(&self, spec: &BranchSpec) -> Result<(), EngineError> {
        let id = &spec.id;
        let paths = self.dir.branch(id);
        let mut conn = self.connect(id)?;
        let running = conn.server_version().map_err(EngineError::server(id, "was asked for its version"))?;
        if self.files_of(id)?.is_some_and(|of| of == FilesOf::version(running)) {
            return Ok(());
        }
        let programs = self.binaries();
        let upgrade = programs.upgrade.as_ref().ok_or_else(|| EngineError::MissingBinary {
            program: "mariadb-upgrade",
            looked_in: programs.folder_names(),
            package: "mariadb-server-core",
        })?;
        programs.client.as_ref().ok_or_else(|| EngineError::MissingBinary {
            program: "mariadb",
            looked_in: programs.folder_names(),
            package: "mariadb-client-core",
        })?;
        let upgraded = self.upgrade_with(id, &mut conn, upgrade, running);
        self.shut_after(id, &mut conn, upgraded)?;
        tracing::info!(branch = %id, version = %running, "system tables upgraded");
        self.set_stage(id, &paths, |stage| stage.files_of = Some(FilesOf::version(running)))
    }

    fn upgrade_with(
        &self,
        id: &BranchId,
        conn: &mut Connection,
        upgrade: &Path,
        running: Flavor,
    ) -> Result<(), EngineError> {
        let paths = self.dir.branch(id);
        self.open_accounts(id, conn)?;
        self.admit_upgrader(id, conn)?;
        let mut command = process::command(upgrade, &self.account, &paths.tmp);
        command.arg("--no-defaults").arg(format!("--socket={}", paths.socket.display()));
        command.arg(format!("--user={}", self.account.name));
        command.args(["--force", "--upgrade-system-tables", "--skip-write-binlog"]);
        let (done, words) = {
            let _own = self.account.own_files()?;
            let log = paths.folder.join("upgrade.log");
            files::remove_file(&log)?;
            let done = process::run(command, &log, Duration::from_secs(UPGRADE_LIMIT_S))?;
            (done, process::failure_words(&log))
        };
        if !done {
            let why = format!("the upgrade of its system tables to {running} failed: {words}");
            return Err(EngineError::Refused { branch: id.clone(), why });
        }
        killpoint::reach("upgrade-tables.upgraded");
        // The upgrade brings back what a fresh server has, accounts and `sys` included.
        self.trim(id, conn)
    }

    /// The program that upgrades writes a file into the server's folder: it runs as the engine's account,
    /// never as root, and so that account must get in. It is shut out again by [`Self::trim`].
    fn admit_upgrader(&self, id: &BranchId, conn: &mut Connection) -> Result<(), EngineError> {
        if self.account.name == self.account.own_name {
            return Ok(());
        }
        let failed = EngineError::server(id, "was made ready for the upgrade of its system tables");
        let upgrader = format!("{}@{}", quote_ident(&self.account.name), quote_ident(prepare::ROLE_HOST));
        for statement in [
            "SET SESSION sql_log_bin = 0".to_owned(),
            format!("DROP USER IF EXISTS {upgrader}"),
            format!("CREATE USER {upgrader} IDENTIFIED VIA unix_socket"),
            format!("GRANT ALL PRIVILEGES ON *.* TO {upgrader} WITH GRANT OPTION"),
        ] {
            conn.execute(statement).map_err(&failed)?;
        }
        Ok(())
    }

    fn trim(&self, id: &BranchId, conn: &mut Connection) -> Result<(), EngineError> {
        let failed = EngineError::server(id, "had its accounts prepared");
        prepare::drop_others(conn, &self.account.own_name).map_err(&failed)?;
        prepare::refuse_open_accounts(conn, &self.account.own_name).map_err(&failed)?;
        conn.execute("DROP DATABASE IF EXISTS sys").map_err(&failed)
    }

    /// Which version the branch's files were made for, as far as that was recorded.
    fn files_of(&self, id: &BranchId) -> Result<Option<FilesOf>, EngineError> {
        let paths = self.dir.branch(id);
        let _own = self.account.own_files()?;
        Ok(self.stage(&paths)?.and_then(|stage| stage.files_of))
    }
}
