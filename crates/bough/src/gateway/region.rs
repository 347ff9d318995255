//! How other processes tell the one that serves the region that they have recorded a wish: it looks at once.
//!
//! The wish itself is in the store, so a word that is lost costs a second and nothing else.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bough_control::ControlPlane;

/// What is sent; more than that means nothing.
const LOOK: &[u8] = b"look";

fn socket(run: &Path) -> PathBuf {
    run.join("region.sock")
}

/// Listens for words of other processes, on the runtime that this is called on.
pub fn listen(run: &Path, plane: Arc<ControlPlane>) -> Result<()> {
    let path = socket(run);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} cannot be removed", path.display()));
        }
        _ => {}
    }
    let listener =
        UnixDatagram::bind(&path).with_context(|| format!("{} cannot be listened on", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("the mode of {} cannot be set", path.display()))?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::UnixDatagram::from_std(listener)?;
    tokio::spawn(async move {
        let mut word = [0; LOOK.len()];
        while let Ok(length) = listener.recv(&mut word).await {
            if &word[..length] == LOOK {
                plane.look_for_wishes();
            }
        }
    });
    Ok(())
}

/// Has the process that serves the region told of each wish that `plane` records.
pub fn tell(run: &Path, plane: &ControlPlane) -> Result<()> {
    let path = socket(run);
    let sender = UnixDatagram::unbound().context("no socket to tell the region's process with")?;
    sender.set_nonblocking(true)?;
    plane.tell_of_wishes(Box::new(move || {
        // Nobody there, or too busy to hear: whoever serves the region looks every second anyway.
        let _ = sender.send_to(LOOK, &path);
    }));
    Ok(())
}
