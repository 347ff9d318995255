//! What the doctor found, and how it is told. Names and values in it are other people's: all of it is made
//! harmless here, in one place.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::output;

/// Findings of one check that people are told one by one; scripts get all.
const TOLD_MAX: usize = 12;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// Goes on for now.
    Warning,
    /// Does not work, or is open to others.
    Failure,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

macro_rules! checks {
    ($($group:literal: $($check:ident $name:literal),+;)+) => {
        /// What was looked at. The names are stable: scripts rely on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Check {
            $($(#[doc = $name] $check,)+)+
        }

        impl Check {
            const fn name(self) -> &'static str {
                match self { $($(Self::$check => $name,)+)+ }
            }

            const fn group(self) -> &'static str {
                match self { $($(Self::$check)|+ => $group,)+ }
            }
        }
    };
}

checks! {
    "Programs":
        ServerProgram "server-program",
        InstallProgram "install-program",
        ClientProgram "client-program";
    "Data directory":
        DataDir "data-dir",
        Settings "settings",
        Account "account",
        Reach "reach",
        Link "link",
        Owner "owner",
        Mode "mode",
        MasterKey "master-key";
    "Machine":
        Filesystem "filesystem",
        Disk "disk",
        Inodes "inodes",
        Descriptors "descriptors",
        Clock "clock",
        Address "address",
        Gateway "gateway",
        Certificate "certificate",
        Cgroup "cgroup";
    "Metadata":
        Store "store",
        Audit "audit";
    "Branches":
        Serving "serving",
        BranchFolders "branch-folders",
        BranchRecords "branch-records",
        BranchServers "branch-servers",
        ServerVersions "server-versions";
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Finding {
    check: Check,
    level: Level,
    what: String,
    mend: Option<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// All is well with it.
    pub fn ok(&mut self, check: Check, what: impl AsRef<str>) {
        self.add(check, Level::Ok, what, None);
    }

    /// Worth knowing, and nothing to be done.
    pub fn note(&mut self, check: Check, what: impl AsRef<str>) {
        self.add(check, Level::Note, what, None);
    }

    /// Something is wrong; `mend` is a command to paste, or a sentence.
    pub fn wrong(&mut self, check: Check, level: Level, what: impl AsRef<str>, mend: impl AsRef<str>) {
        self.add(check, level, what, Some(mend.as_ref()));
    }

    fn add(&mut self, check: Check, level: Level, what: impl AsRef<str>, mend: Option<&str>) {
        self.findings.push(Finding { check, level, what: plain(what.as_ref()), mend: mend.map(plain) });
    }

    /// Whether nothing was found by this check so far.
    pub fn is_silent(&self, check: Check) -> bool {
        self.findings.iter().all(|finding| finding.check != check)
    }

    /// The worst that was found.
    pub fn worst(&self) -> Level {
        self.findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
    }

    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// Tells people: grouped, one line each, what to do below it.
    pub fn say(&mut self) {
        // The worst first: what is kept back then is less.
        self.findings.sort_by_key(|finding| (finding.check, std::cmp::Reverse(finding.level)));
        let mut group = "";
        let mut told: Option<(Check, usize)> = None;
        let mut kept_back = 0;
        for (at, finding) in self.findings.iter().enumerate() {
            let before = told.filter(|(check, _)| *check == finding.check).map_or(0, |(_, count)| count);
            told = Some((finding.check, before + 1));
            if before >= TOLD_MAX {
                kept_back += 1;
                let last = self.findings.get(at + 1).is_none_or(|next| next.check != finding.check);
                if last {
                    output::say(&format!(
                        "           and {kept_back} more of {}; all of them: --json",
                        finding.check.name()
                    ));
                    kept_back = 0;
                }
                continue;
            }
            if finding.check.group() != group {
                group = finding.check.group();
                output::say(group);
            }
            let (level, what) = (finding.level.name(), &finding.what);
            output::say(&format!("  {level:<8} {what}"));
            if let Some(mend) = &finding.mend {
                output::say(&format!("           -> {mend}"));
            }
        }
        let some = |level: Level, one: &str, more: &str| match self.count(level) {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {more}")),
        };
        let counts: Vec<String> = [
            some(Level::Failure, "failure", "failures"),
            some(Level::Warning, "warning", "warnings"),
            some(Level::Note, "note", "notes"),
            some(Level::Ok, "ok", "ok"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let word = match self.worst() {
            Level::Ok | Level::Note => "Sound",
            Level::Warning => "Not quite sound",
            Level::Failure => "Not sound",
        };
        output::say(&format!("{word}: {}.", counts.join(", ")));
    }

    /// Tells scripts.
    pub fn say_json(&mut self) {
        self.findings.sort_by_key(|finding| finding.check);
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "check": finding.check.name(), "level": finding.level.name(), "what": finding.what,
                    "mend": finding.mend,
                })
            })
            .collect();
        output::say_json(&json!({"sound": self.worst() < Level::Warning, "findings": findings}));
    }
}

/// Text in which nothing moves the cursor, hides, or turns what follows around: control characters and the
/// marks of writing direction stand as escapes.
fn plain(text: &str) -> String {
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) { plain.extend(c.escape_unicode()) } else { plain.push(c) }
    }
    plain
}

/// A path as a shell takes it.
pub fn quoted(path: &Path) -> String {
    word(path.as_os_str())
}

fn word(text: &OsStr) -> String {
    let bytes = text.as_bytes();
    let bare = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=:@%,".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(bare) && bytes[0] != b'-' {
        return text.to_string_lossy().into_owned();
    }
    match text.to_str() {
        Some(text) if plain(text) == text => format!("'{}'", text.replace('\'', r"'\''")),
        // Byte by byte, as bash, zsh and ksh read it.
        _ => {
            let each = |byte: &u8| match byte {
                b if b.is_ascii_alphanumeric() || b"/._-+=:@%, ".contains(b) => char::from(*b).to_string(),
                b => format!("\\x{b:02x}"),
            };
            format!("$'{}'", bytes.iter().map(each).collect::<String>())
        }
    }
}

/// A size for people.
pub fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    match bytes {
        ..MIB => format!("{} KiB", bytes >> 10),
        MIB..GIB => format!("{} MiB", bytes / MIB),
        _ => format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB),
    }
}

/// A mode for people.
pub fn octal(mode: u32) -> String {
    format!("{:04o}", mode & 0o7777)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn nothing_user_made_is_told_as_it_is() {
        let told = plain("a\u{1b}[2Jb\nc\u{9b}d\u{202e}e\u{7f}ü");
        assert_eq!(told, "a\\u{1b}[2Jb\\u{a}c\\u{9b}d\\u{202e}e\\u{7f}ü");
    }

    #[test]
    fn paths_as_a_shell_takes_them() {
        let quote = |text: &str| quoted(Path::new(text));
        assert_eq!(quote("/srv/bough-data"), "/srv/bough-data");
        assert_eq!(quote("/srv/a b"), "'/srv/a b'");
        assert_eq!(quote("/srv/a'; rm -rf ü"), r"'/srv/a'\''; rm -rf ü'");
        assert_eq!(quote("/srv/$(x)`y`"), "'/srv/$(x)`y`'");
        assert_eq!(quote("-rf"), "'-rf'");
        assert_eq!(quote("/a\u{1b}[m'"), "$'/a\\x1b\\x5bm\\x27'");
        assert_eq!(word(&OsString::from_vec(vec![b'/', 0xff])), "$'/\\xff'");
    }

    #[test]
    fn sizes() {
        assert_eq!(
            (size(0), size(5 << 20), size(3 << 29)),
            ("0 KiB".into(), "5 MiB".into(), "1.5 GiB".into())
        );
    }
}
