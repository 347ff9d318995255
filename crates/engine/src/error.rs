//! What can go wrong with a branch server, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bough_model::BranchId;

/// Why an engine's step or question failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A program of the database server is not installed.
    #[error("{program} was not found in {looked_in}; install it with: apt-get install {package}")]
    MissingBinary {
        /// The program.
        program: &'static str,
        /// The folders that were searched.
        looked_in: String,
        /// The Debian package that holds it.
        package: &'static str,
    },
    /// A program is there but cannot be used.
    #[error("{path} cannot be used: {why}", path = .path.display())]
    UnusableBinary {
        /// The program's path.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The account that shall run the servers cannot be used.
    #[error("[engine] user {name:?}: {why}")]
    Account {
        /// The account's name.
        name: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A folder on the way to the engine's directory keeps the account out.
    #[error(
        "account {account} cannot enter {folder}, a parent of the engine's directory; allow it with: chmod o+x {folder}",
        folder = .folder.display()
    )]
    Unreachable {
        /// The account that runs the servers.
        account: String,
        /// The folder it cannot enter.
        folder: PathBuf,
    },
    /// A file or folder of the engine's is not as it must be.
    #[error("{path}: {why}", path = .path.display())]
    Layout {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The operating system refused.
    #[error("cannot {what} {path}: {source}", path = .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The data directory that every branch starts from could not be made.
    #[error("the template data directory could not be prepared: {why}")]
    Template {
        /// What the installer said.
        why: String,
    },
    /// A branch server ended while it was starting.
    #[error("the server of branch {branch} ended while starting{}", words(.last_words))]
    Died {
        /// The branch.
        branch: BranchId,
        /// The server's own last errors.
        last_words: Option<String>,
    },
    /// Something took longer than it may.
    #[error("{what} of branch {branch} took longer than {} s{}", .limit.as_secs(), words(.last_words))]
    TooSlow {
        /// What was waited for.
        what: &'static str,
        /// The branch.
        branch: BranchId,
        /// The limit that passed.
        limit: Duration,
        /// The server's own last errors, where there are some.
        last_words: Option<String>,
    },
    /// The step does not fit what is there.
    #[error("branch {branch}: {why}")]
    Refused {
        /// The branch.
        branch: BranchId,
        /// What is in the way.
        why: String,
    },
    /// What answers is not this branch's server; nothing was done to it.
    #[error("branch {branch}: a process that is not its server is in the way: {why}")]
    Stranger {
        /// The branch.
        branch: BranchId,
        /// How it differs.
        why: String,
    },
    /// An object of the parent's schema could not be copied.
    #[error("{kind} {name:?} of the parent branch cannot be copied: {why}")]
    NotCopied {
        /// Table, view, procedure and so on.
        kind: &'static str,
        /// The object's name.
        name: String,
        /// The server's words, or how the copy differs.
        why: String,
    },
    /// A database server refused or did not answer.
    #[error("branch {branch}, while it {doing}: {source}")]
    Server {
        /// The branch.
        branch: BranchId,
        /// What Bough was doing, such as "prepared accounts".
        doing: &'static str,
        /// The client's error.
        source: bough_mysql_client::Error,
    },
}

impl EngineError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }

    pub(crate) fn server(
        branch: &BranchId,
        doing: &'static str,
    ) -> impl Fn(bough_mysql_client::Error) -> Self + use<> {
        let branch = branch.clone();
        move |source| Self::Server { branch: branch.clone(), doing, source }
    }
}

fn words(last_words: &Option<String>) -> String {
    last_words.as_ref().map_or_else(String::new, |words| format!("; its last words: {words}"))
}
