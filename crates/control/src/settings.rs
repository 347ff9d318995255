//! What the operator has decided, as values. Reading files and environment is the binary's.

use std::time::Duration;

use bough_model::{ClusterSize, ClusterSizeName, Region, RegionSlug, TokenPrefix};

use crate::passwords::quoted;

/// Addresses that answers tell clients.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Where API and pages are, without a slash at the end: `http://127.0.0.1:8080`.
    pub public_url: String,
    /// `host:port` for MySQL clients.
    pub mysql: String,
    /// The file of the authority by which MySQL clients know that address, for clients on this machine; `None`
    /// where the machine's own ones do.
    pub mysql_ca: Option<String>,
    /// `host:port` for SQL over HTTP.
    pub data_http: String,
}

/// How the operator calls this very program, for lines that are pasted into a shell.
#[derive(Clone, Debug)]
pub struct OperatorCommand {
    /// The path of the program.
    pub program: String,
    /// The data directory.
    pub data_dir: String,
}

impl OperatorCommand {
    /// The line that calls it with these words, on its data directory; each stays one word of the shell.
    pub fn line(&self, words: &[&str]) -> String {
        let mut line = quoted(&self.program);
        for word in words.iter().chain(&["--data-dir", &self.data_dir]) {
            line.push(' ');
            line.push_str(&quoted(word));
        }
        line
    }
}

/// How much of what there may be.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Development branches per database, at a time.
    pub development_branches: i64,
    /// Branches worked on at once by the reconciler.
    pub reconciled_at_once: usize,
    /// How often branches that run are looked after.
    pub check_every: Duration,
    /// Development branches that one user or token may have made, at a time, in an organization; zero for
    /// any number.
    pub branches_per_creator: i64,
    /// After how long without use a development branch falls asleep; zero for never.
    pub sleep_after: Duration,
    /// Longest time of a run in the console.
    pub console_run: Duration,
    /// How long before its set end a branch's end is announced; sooner for branches of a short life.
    pub expiry_notice: Duration,
    /// The time of day, in minutes since midnight UTC, from which branches whose server is of an older
    /// version than the installed one are restarted, one after the other; `None` for only on request.
    pub restart_at_minute: Option<u32>,
}

/// How long people's sessions last.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Without being used.
    pub idle: Duration,
    /// However much they are used.
    pub longest: Duration,
}

/// The operator's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What answers tell clients.
    pub addresses: Addresses,
    /// How the operator calls this program.
    pub command: OperatorCommand,
    /// Regions; exactly one is the default.
    pub regions: Vec<Region>,
    /// Cluster sizes, smallest first.
    pub sizes: Vec<ClusterSize>,
    /// The size of a production branch when none is asked for.
    pub default_size: ClusterSizeName,
    /// The size of a development branch when none is asked for.
    pub default_development_size: ClusterSizeName,
    /// What service tokens begin with.
    pub token_prefix: TokenPrefix,
    /// How much of what there may be.
    pub limits: Limits,
    /// How long people's sessions last.
    pub sessions: SessionLimits,
    /// Whether new databases allow foreign keys.
    pub foreign_keys: bool,
}

impl Settings {
    /// The region of a slug.
    pub fn region(&self, slug: &RegionSlug) -> Option<&Region> {
        self.regions.iter().find(|region| region.slug == *slug)
    }

    /// The region that is meant when none is named.
    pub fn default_region(&self) -> &Region {
        self.regions.iter().find(|region| region.current_default).unwrap_or(&self.regions[0])
    }

    /// The size of a name.
    pub fn size(&self, name: &ClusterSizeName) -> Option<&ClusterSize> {
        self.sizes.iter().find(|size| size.name == *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_stays_one_word_of_the_shell() {
        let command =
            OperatorCommand { program: "/opt/it's/bough".to_owned(), data_dir: "/srv/a b;$(c)".to_owned() };
        assert_eq!(
            command.line(&["shell", "shop", "dev-2"]),
            r"'/opt/it'\''s/bough' shell shop dev-2 --data-dir '/srv/a b;$(c)'"
        );
    }
}
