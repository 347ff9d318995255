//! From a credential to a principal. What was read of a token is kept in memory together with the
//! store version it was read under; a request that starts after a change was answered sees a newer
//! version and reads again, whichever process made the change.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bough_model::{ActorKind, ActorRef, Credentials, DatabaseId, Digest, OrganizationId, Timestamp, TokenId};
use bough_policy::{AccessSet, Principal};
use bough_store::locate::Found;
use bough_store::principals::{self, Secrets, TokenRecord};
use bough_store::{Mark, Memo};

use crate::figures::Counter;
use crate::{Caller, ControlPlane, Error, Result};

/// Most tokens kept in memory. When it is reached, all are forgotten and read again as they come.
const TOKENS_KEPT: usize = 50_000;
/// Most paths remembered for each token.
const PLACES_KEPT: usize = 16;
/// Longest path that is remembered, in bytes.
const PLACE_MAX_BYTES: usize = 512;
/// Microseconds in which the same use of a token is noted once.
const NOTED_ONCE_PER_MICROS: i64 = 60_000_000;

/// A valid credential.
#[derive(Clone)]
pub struct Authenticated {
    /// What it may.
    pub principal: Arc<Principal>,
    /// Who it is, as it is recorded.
    pub actor: Arc<ActorRef>,
    /// Its organization.
    pub organization: OrganizationId,
    /// The state of the store in which it was found valid.
    pub as_of: Option<Mark>,
    entry: Arc<Entry>,
}

impl std::fmt::Debug for Authenticated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticated").field("actor", &self.actor).finish_non_exhaustive()
    }
}

impl Authenticated {
    /// Where its requests are counted.
    pub fn counter(&self) -> &Arc<Counter> {
        &self.entry.counter
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.entry.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was found at a path in this state of the store.
    #[allow(clippy::option_option, reason = "not known, or known that there is nothing")]
    pub(crate) fn place(&self, as_of: Mark, path: &str) -> Option<Option<Found>> {
        let places = self.places();
        if places.as_of != Some(as_of) {
            return None;
        }
        places.found.iter().find(|(known, _)| **known == *path).map(|(_, found)| found.clone())
    }

    /// Keeps what was found at a path. `as_of` is from before it was looked for.
    pub(crate) fn keep_place(&self, as_of: Mark, path: &str, found: Option<Found>) {
        let mut places = self.places();
        if places.as_of != Some(as_of) || places.found.len() >= PLACES_KEPT {
            *places = Places { as_of: Some(as_of), found: Vec::new() };
        }
        if path.len() <= PLACE_MAX_BYTES {
            places.found.push((path.into(), found));
        }
    }
}

/// No valid credential. Which of wrong, expired, deleted or elsewhere it was is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

struct Entry {
    version: i64,
    /// The digest of the secret that it was asked for with.
    known_by: Digest,
    actor: Arc<ActorRef>,
    record: TokenRecord,
    noted: Mutex<Noted>,
    places: Mutex<Places>,
    counter: Arc<Counter>,
}

/// What paths name, in one state of the store.
#[derive(Default)]
struct Places {
    as_of: Option<Mark>,
    found: Vec<(Box<str>, Option<Found>)>,
}

/// Which uses of a token were passed on to the recorder within the current minute.
#[derive(Default)]
struct Noted {
    since: i64,
    used: HashMap<Option<DatabaseId>, AccessSet>,
}

/// Tokens in memory, by the digest of a secret that is theirs: who has none finds nothing, whoever's id
/// he names.
#[derive(Default)]
pub(crate) struct TokenCache {
    entries: RwLock<HashMap<[u8; 32], Arc<Entry>>>,
    version: Memo<(), i64>,
}

impl TokenCache {
    fn get(&self, digest: &Digest, version: i64) -> Option<Arc<Entry>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(digest.as_bytes()).filter(|entry| entry.version == version).cloned()
    }

    fn put(&self, entry: &Arc<Entry>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= TOKENS_KEPT {
            entries.clear();
        }
        entries.insert(*entry.known_by.as_bytes(), Arc::clone(entry));
    }
}

fn fits(secrets: &Secrets, digest: &Digest, now: Timestamp) -> bool {
    // Both comparisons are always made, so that time tells nothing of which secret it was.
    let current = secrets.digest.matches(digest);
    let before =
        secrets.previous.as_ref().is_some_and(|(before, until)| before.matches(digest) & (now < *until));
    current | before
}

fn valid(record: &TokenRecord, digest: &Digest, now: Timestamp) -> bool {
    fits(&record.secrets, digest, now) & record.expires_at.is_none_or(|ends| now < ends)
}

impl ControlPlane {
    /// Checks a service token's credentials.
    ///
    /// # Errors
    /// When the store fails. A credential that is not valid is `Ok(Err(Refused))`.
    pub fn authenticate(
        &self,
        credentials: &Credentials,
        remote_ip: IpAddr,
    ) -> Result<std::result::Result<Authenticated, Refused>> {
        let now = self.now();
        let as_of = self.store.mark();
        let Some(entry) = self.entry(&credentials.id, &credentials.digest, now, as_of)? else {
            return Ok(Err(Refused));
        };
        let record = &entry.record;
        if !(valid(record, &credentials.digest, now) & record.cidrs.admits(remote_ip)) {
            return Ok(Err(Refused));
        }
        Ok(Ok(Authenticated {
            principal: Arc::clone(&record.principal),
            actor: Arc::clone(&entry.actor),
            organization: record.organization.clone(),
            as_of,
            entry,
        }))
    }

    /// The same caller with what it may now; `None` when its token is not valid any more, or its session
    /// is over.
    ///
    /// # Errors
    /// When the store fails.
    pub fn renewed(&self, caller: &Caller) -> Result<Option<Caller>> {
        if let Some(session) = &caller.session {
            return self.renewed_person(caller, session);
        }
        let Some(who) = &caller.authenticated else { return Ok(Some(caller.clone())) };
        let (as_of, now, digest) = (self.store.mark(), self.now(), &who.entry.known_by);
        let entry = self.entry(&who.entry.record.id, digest, now, as_of)?;
        Ok(entry.filter(|entry| valid(&entry.record, digest, now)).map(|entry| {
            let principal = Arc::clone(&entry.record.principal);
            let authenticated =
                Authenticated { principal: Arc::clone(&principal), as_of, entry, ..who.clone() };
            Caller { principal, as_of, authenticated: Some(authenticated), ..caller.clone() }
        }))
    }

    /// The number that grows with each change of what somebody may.
    pub(crate) fn current_version(&self, as_of: Option<Mark>) -> Result<i64> {
        self.store.recall(&self.cache.version, as_of, (), |reader| Ok::<_, Error>(reader.store_version()?))
    }

    /// The token of an id, for who knows its secret.
    fn entry(
        &self,
        id: &TokenId,
        digest: &Digest,
        now: Timestamp,
        as_of: Option<Mark>,
    ) -> Result<Option<Arc<Entry>>> {
        let version = self.current_version(as_of)?;
        if let Some(entry) = self.cache.get(digest, version).filter(|entry| entry.record.id == *id) {
            return Ok(Some(entry));
        }
        self.store.read(|reader| {
            // A wrong secret ends here, after the same steps, whether there is such a token, and whether it
            // is in use, or not.
            let nearest = principals::nearest_secrets(reader, id)?;
            if !nearest.is_some_and(|(its, secrets)| fits(&secrets, digest, now) & (its == *id)) {
                return Ok(None);
            }
            let (version, record) = principals::token(reader, id)?;
            Ok(record.map(|record| {
                let actor = Arc::new(ActorRef {
                    kind: ActorKind::ServiceToken,
                    id: record.id.to_string(),
                    display_name: record.display_name.clone(),
                });
                let (noted, places) = (Mutex::default(), Mutex::default());
                let counter = Counter::new(record.id.clone());
                let entry = Entry { version, known_by: *digest, actor, record, noted, places, counter };
                let entry = Arc::new(entry);
                self.cache.put(&entry);
                entry
            }))
        })
    }

    /// Notes that a token was used, and which of its accesses a decision made use of.
    pub fn note_use(&self, who: &Authenticated, database: Option<&DatabaseId>, used: AccessSet) {
        let now = self.now();
        let mut noted = who.entry.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if now.as_micros() - noted.since >= NOTED_ONCE_PER_MICROS {
            *noted = Noted { since: now.as_micros(), used: HashMap::new() };
        }
        let key = database.cloned();
        let known = noted.used.get(&key).copied();
        if known.is_some_and(|known| known.contains_all(used)) {
            return;
        }
        noted.used.insert(key.clone(), known.unwrap_or_default().union(used));
        drop(noted);
        self.recorder.used(who.entry.record.id.clone(), key, used, now);
    }
}
