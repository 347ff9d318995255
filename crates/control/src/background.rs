//! The threads that work in the background, and their end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::audit::anchors::NOTE_EVERY_SECONDS;
use crate::{ControlPlane, Error, Result};

/// The background work of a control plane. Ends with [`Background::stop`].
pub struct Background {
    plane: Arc<ControlPlane>,
    stop: Arc<Stop>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Stop {
    stopped: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Stop {
    fn is_set(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    fn pause(&self, longest: Duration) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_timeout_while(guard, longest, |()| !self.is_set()));
    }
}

impl ControlPlane {
    /// Starts the work in the background: bringing wishes about, looking after branches, recording
    /// refusals, usage and figures, noting heads of the audit log.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start_background(self: &Arc<Self>) -> Result<Background> {
        let stop = Arc::new(Stop::default());
        let mut background = Background { plane: Arc::clone(self), stop, threads: Vec::new() };
        if self.engine.is_some() {
            background.spawn("reconciler", |plane, stop| plane.run_reconciler(|| stop.is_set()))?;
            background.spawn("checker", |plane, stop| {
                plane.run_checker(|| stop.is_set(), |longest| stop.pause(longest));
            })?;
        }
        background.spawn("figures", |plane, stop| {
            plane.run_figures(|| stop.is_set(), |longest| stop.pause(longest));
        })?;
        background.spawn("recorder", |plane, _| plane.recorder.run(&plane.store, || plane.now()))?;
        background.spawn("audit-heads", note_heads)?;
        Ok(background)
    }

    /// Starts only what writes down what this process has noticed: for one beside that which does the rest.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start_recorder(self: &Arc<Self>) -> Result<Background> {
        let stop = Arc::new(Stop::default());
        let mut background = Background { plane: Arc::clone(self), stop, threads: Vec::new() };
        background.spawn("recorder", |plane, _| plane.recorder.run(&plane.store, || plane.now()))?;
        Ok(background)
    }
}

fn note_heads(plane: &Arc<ControlPlane>, stop: &Stop) {
    let mut noted = HashMap::new();
    loop {
        let last = stop.is_set();
        if let Err(error) = plane.note_audit_heads(&mut noted) {
            tracing::error!(%error, "the heads of the audit log could not be noted");
        }
        if last {
            return;
        }
        stop.pause(Duration::from_secs(NOTE_EVERY_SECONDS));
    }
}

impl Background {
    fn spawn(
        &mut self,
        name: &str,
        work: impl FnOnce(&Arc<ControlPlane>, &Stop) + Send + 'static,
    ) -> Result<()> {
        let (plane, stop) = (Arc::clone(&self.plane), Arc::clone(&self.stop));
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&plane, &stop))
            .map_err(|error| Error::Internal(format!("no thread for the {name}: {error}")))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Ends the work. Branches being worked on are left as they are; they are taken up at the next
    /// start. Branch servers keep running.
    pub fn stop(self) {
        {
            // Under the lock, so that nobody misses it between looking and waiting.
            let _guard = self.stop.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.stop.stopped.store(true, Ordering::Release);
        }
        self.stop.changed.notify_all();
        self.plane.wake_reconciler();
        self.plane.recorder.stop();
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a background thread had panicked");
            }
        }
    }
}
