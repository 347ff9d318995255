//! What commands say, and how they are told secrets. The only place that writes to the terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, bail};
use bough_model::Secret;
use serde_json::Value;

/// Says something.
pub fn say(text: &str) {
    // A reader that has gone away is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Answers a script.
pub fn say_json(value: &Value) {
    say(&value.to_string());
}

/// Says why something was not done.
pub fn complain(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "bough: {error:#}");
}

/// Reads a password's line from standard input.
pub fn read_password() -> Result<Secret<String>> {
    if std::io::stdin().is_terminal() {
        let _ = write!(std::io::stderr(), "Password (it shows as you type): ");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("no password could be read")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("the password on standard input is empty");
    }
    Ok(Secret::new(password.to_owned()))
}

/// The name of the account that runs this command.
pub fn os_user() -> String {
    let uid = nix::unistd::Uid::effective();
    let known = nix::unistd::User::from_uid(uid).ok().flatten();
    known.map_or_else(|| format!("uid {uid}"), |user| user.name)
}
