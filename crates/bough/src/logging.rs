//! Where the log goes and what it looks like.

use anyhow::{Result, bail};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;

use crate::config::Log;

/// Starts logging to standard error.
pub fn start(log: &Log) -> Result<()> {
    let Ok(level) = log.level.parse::<LevelFilter>() else {
        bail!("[log] level = {:?} must be error, warn, info, debug or trace", log.level);
    };
    // A line that cannot be written, such as to a full disk, is lost. By default the failure itself would be
    // printed to the same place, and the thread that logs would end on it, a request's among them.
    let builder = fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_target(false)
        .log_internal_errors(false);
    match log.format.as_str() {
        "text" => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        "json" => builder.json().flatten_event(true).init(),
        other => bail!("[log] format = {other:?} must be text or json"),
    }
    Ok(())
}
