//! The data directory that every new branch is copied from.
//!
//! Made once for each version of the server, in a folder of its own that is renamed when it is whole; so
//! an interrupted preparation leaves only something to sweep. What every branch would otherwise do at its
//! first start is done here: the accounts are cut down to Bough's own, and what no branch needs (the `sys`
//! schema, the texts of `HELP`) is removed, which halves the number of files.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bough_model::Flavor;
use bough_mysql_client::quote_str;
use serde::{Deserialize, Serialize};

use crate::binaries::Binaries;
use crate::layout::EngineDir;
use crate::{EngineAccount, EngineError, cnf, files, killpoint, process, records};

/// Raised when templates are made in another way; older ones are then made anew.
const RECIPE: u32 = 1;
/// Longest time that the installation may take, in seconds.
const INSTALL_LIMIT_S: u64 = 180;
/// The record beside a template's data.
const RECORD_NAME: &str = "template.json";

/// What a template was made with.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct TemplateRecord {
    recipe: u32,
    flavor: String,
    own_account: String,
}

/// Makes templates, one at a time.
#[derive(Debug, Default)]
pub struct Templates {
    /// The version of the template that was seen whole, and its data folder; the lock is held while one is
    /// made.
    ready: Mutex<Option<(Flavor, PathBuf)>>,
}

impl Templates {
    /// The template's data folder, made if need be. A second thread waits for the first.
    ///
    /// # Errors
    /// [`EngineError::Template`] with the installer's last lines.
    pub fn ensure(
        &self,
        dir: &EngineDir,
        account: &EngineAccount,
        binaries: &Binaries,
    ) -> Result<PathBuf, EngineError> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((flavor, data)) = ready.as_ref()
            && *flavor == binaries.flavor
            && data.exists()
        {
            return Ok(data.clone());
        }
        let wanted = TemplateRecord {
            recipe: RECIPE,
            flavor: binaries.flavor.to_string(),
            own_account: account.own_name.clone(),
        };
        let place = dir.templates().join(&wanted.flavor);
        let there = {
            let _own = account.own_files()?;
            records::read::<TemplateRecord>(&place.join(RECORD_NAME))?
        };
        if there.as_ref() != Some(&wanted) {
            make(dir, account, binaries, &wanted, &place)?;
        }
        let data = place.join("data");
        *ready = Some((binaries.flavor, data.clone()));
        Ok(data)
    }
}

fn make(
    dir: &EngineDir,
    account: &EngineAccount,
    binaries: &Binaries,
    wanted: &TemplateRecord,
    place: &std::path::Path,
) -> Result<(), EngineError> {
    let started = std::time::Instant::now();
    let folder = dir.half_made_template(&wanted.flavor);
    let own = account.own_files()?;
    files::make_folder(&folder)?;
    let extra = folder.join("trim.sql");
    files::replace_file(&extra, trim_sql(&account.own_name).as_bytes(), false)?;
    let log = folder.join("install.log");
    let data = folder.join("data");

    let mut install = process::command(&binaries.install_db, account, &folder);
    // A server that starts removes every temporary table's file it finds in its folder for such, also
    // another server's: in a shared folder, two installations would break each other.
    let tmp = folder.join("tmp");
    files::make_folder(&tmp)?;
    install.env("TMPDIR", &tmp);
    install.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    install.arg("--auth-root-authentication-method=socket");
    install.arg(format!("--auth-root-socket-user={}", account.own_name));
    install.arg(format!("--tmpdir={}", tmp.display()));
    install.args(["--skip-test-db", "--skip-name-resolve"]);
    install.arg(format!("--extra-file={}", extra.display()));
    install.arg(format!("--innodb-log-file-size={}", cnf::TEMPLATE_REDO_BYTES));
    for (name, value) in cnf::DATA_FILES {
        install.arg(format!("--{}={value}", name.replace('_', "-")));
    }
    let done = process::run(install, &log, Duration::from_secs(INSTALL_LIMIT_S))?;
    if !done || !data.join("mysql").is_dir() {
        let why = process::failure_words(&log);
        files::remove_tree(&folder)?;
        return Err(EngineError::Template { why });
    }
    killpoint::reach("template.installed");
    // The list of warm pages is of no use to a copy.
    files::remove_file(&data.join("ib_buffer_pool"))?;
    files::remove_file(&extra)?;
    files::remove_tree(&tmp)?;
    records::write(&folder.join(RECORD_NAME), wanted, false)?;
    files::sync_tree(&folder)?;
    if let Some(old) = dir.to_trash(place)? {
        files::remove_tree(&old)?;
    }
    fs::rename(&folder, place).map_err(EngineError::io("rename", &folder))?;
    files::sync_folder(&dir.templates())?;
    // Those of other versions are of no use any more.
    for other in dir.list_templates()?.iter().filter(|other| *other != place) {
        if let Some(old) = dir.to_trash(other)? {
            files::remove_tree(&old)?;
        }
    }
    drop(own);
    tracing::info!(flavor = %wanted.flavor, ms = started.elapsed().as_millis(), "template prepared");
    Ok(())
}

/// What is done once instead of for every branch; one statement a line, as the installer reads it.
fn trim_sql(own_name: &str) -> String {
    let own = quote_str(own_name);
    [
        format!("DELETE FROM mysql.global_priv WHERE NOT (Host = 'localhost' AND User IN ({own}, 'mariadb.sys')) AND IFNULL(JSON_VALUE(Priv, '$.is_role'), 0) = 0;"),
        format!("UPDATE mysql.global_priv SET Priv = JSON_REMOVE(JSON_SET(Priv, '$.plugin', 'unix_socket', '$.authentication_string', ''), '$.auth_or') WHERE Host = 'localhost' AND User = {own};"),
        "DELETE FROM mysql.proxies_priv;".to_owned(),
        "DELETE FROM mysql.db;".to_owned(),
        "DROP DATABASE IF EXISTS sys;".to_owned(),
        "DROP DATABASE IF EXISTS test;".to_owned(),
        "TRUNCATE TABLE mysql.help_topic;".to_owned(),
        "TRUNCATE TABLE mysql.help_category;".to_owned(),
        "TRUNCATE TABLE mysql.help_keyword;".to_owned(),
        "TRUNCATE TABLE mysql.help_relation;".to_owned(),
        String::new(),
    ]
    .join("\n")
}
