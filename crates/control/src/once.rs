//! Requests that carry an `Idempotency-Key` are carried out at most once: that they were is recorded
//! in the transaction that carries them out.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use bough_model::Digest;
use bough_store::idempotency::{self, RequestKey};

use crate::{ControlPlane, Error, Result};

/// Requests with a key that are being carried out in this process.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<HashSet<RequestKey>>);

/// What becomes of a request with a key.
pub enum Once<'a> {
    /// It is new: carry it out.
    New(Claim<'a>),
    /// It was carried out: answer the same again.
    Replay(Replay),
}

/// An answer that was given before.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub answer: String,
}

/// The right to carry a request out. Ends when it is dropped.
pub struct Claim<'a> {
    plane: &'a ControlPlane,
    key: RequestKey,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.plane.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Claim<'_> {
    /// Records what was answered, secrets left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn answered(&self, status: u16, answer: String) -> Result<()> {
        let key = self.key.clone();
        Ok(self.plane.store.write(move |tx| idempotency::answered(tx, &key, status, &answer))?)
    }
}

impl ControlPlane {
    /// Looks whether a request with a key was carried out before.
    ///
    /// # Errors
    /// [`Error::Conflict`] while the same is under way, or when its answer was lost;
    /// [`Error::Invalid`] when the key came with another body before.
    pub fn once(&self, key: RequestKey, body: &Digest) -> Result<Once<'_>> {
        let mut in_flight = self.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner);
        if in_flight.contains(&key) {
            return Err(Error::Conflict(
                "a request with this Idempotency-Key is being carried out; try again when it has ended"
                    .to_owned(),
            ));
        }
        let now = self.now();
        let known = self.store.read(|reader| idempotency::find(reader, &key, now))?;
        match known {
            None => {
                in_flight.insert(key.clone());
                Ok(Once::New(Claim { plane: self, key }))
            }
            Some(carried) if !carried.body.matches(body) => Err(Error::Invalid(
                "this Idempotency-Key was used with another body; use a new key for a new request".to_owned(),
            )),
            Some(carried) => match carried.answer {
                Some((status, answer)) => Ok(Once::Replay(Replay { status, answer })),
                None => Err(Error::Conflict(
                    "the request with this Idempotency-Key was carried out, but Bough ended before its answer was \
                     kept; read the resource to see the result"
                        .to_owned(),
                )),
            },
        }
    }
}
