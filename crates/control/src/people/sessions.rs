//! Logging in and out, and who a session belongs to.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bough_model::{Actor, ActorKind, ActorRef, Digest, Secret, SessionId, Timestamp, without_secrets};
use bough_store::principals::{self, SessionKey, SessionRecord};
use bough_store::{sessions, users};
use serde_json::json;

use super::passwords;
use super::throttle::Attempt;
use super::{SessionRow, record_user};
use crate::organizations::UserRow;
use crate::random::{fresh, secret_text};
use crate::{Caller, ControlPlane, Error, Result};

/// Characters of a session's secret.
const SECRET_LEN: usize = 64;
/// Most of what a browser calls itself that is kept, in characters.
const USER_AGENT_MAX: usize = 200;
/// Sessions of one person at a time; with one more the oldest ends.
const SESSIONS_MAX: i64 = 100;
/// How often the use of a session is noted at most, in seconds.
const NOTED_EVERY_SECONDS: u64 = 60;
/// And so many times while it may be unused, where that is shorter.
const NOTED_TIMES: u32 = 4;
/// Sessions whose beginnings are looked up after a start: how many.
const REMEMBERED_MAX: u32 = 10_000;
/// Sessions that are over and removed in one go.
const SWEPT_AT_ONCE: u32 = 500;

/// Somebody who wants to log in.
#[derive(Debug)]
pub struct LogIn<'a> {
    /// The e-mail address, as it was typed.
    pub email: &'a str,
    /// The password.
    pub password: &'a Secret<String>,
    /// Where he calls from.
    pub remote_ip: IpAddr,
    /// What his browser calls itself.
    pub user_agent: &'a str,
    /// In which request.
    pub request_id: Option<Arc<str>>,
    /// The secret of the session that his browser has had so far: it ends.
    pub before: Option<&'a Secret<String>>,
}

/// Somebody who has logged in.
#[derive(Debug)]
pub struct LoggedIn {
    /// What opens his session. It exists here and in the answer, and never again.
    pub secret: Secret<String>,
    /// The session.
    pub session: SessionId,
    /// Who he is.
    pub user: UserRow,
    /// When the session ends at the latest.
    pub ends_at: Timestamp,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRefused {
    /// Address or password are wrong, or the account is closed: which of them is not told.
    Wrong,
    /// Too many tries, or too many who try: the next one may be made after so many seconds.
    Wait {
        /// How many, at least 1.
        seconds: u64,
    },
}

impl LoginRefused {
    pub(super) fn wait(duration: Duration) -> Self {
        Self::Wait { seconds: duration.as_micros().div_ceil(1_000_000).try_into().unwrap_or(u64::MAX) }
    }
}

/// Somebody in a session.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who.
    pub user: UserRow,
    /// In which session.
    pub session: SessionId,
    /// On whose behalf things are done.
    pub caller: Caller,
    /// When the session ends at the latest.
    pub ends_at: Timestamp,
    /// When it was used last, as far as it was noted.
    pub last_seen_at: Timestamp,
}

/// An e-mail address as it is kept.
pub(super) fn as_kept(email: &str) -> String {
    email.trim().to_lowercase()
}

fn actor_of(user: &UserRow) -> ActorRef {
    ActorRef { kind: ActorKind::User, id: user.id.to_string(), display_name: user.name.clone() }
}

impl ControlPlane {
    /// Lets somebody in who knows the password. It takes as long, and answers the same, whether there is
    /// such an account, whether it is closed, or the password is wrong. Waits for a turn to compute the
    /// hash, a few seconds at most.
    ///
    /// # Errors
    /// When the store fails. Who is not let in is `Ok(Err(LoginRefused))`.
    pub fn log_in(&self, wanted: &LogIn<'_>) -> Result<std::result::Result<LoggedIn, LoginRefused>> {
        passwords::prepare();
        self.remember_sessions()?;
        let email = as_kept(wanted.email);
        let attempt = Attempt::new(&email, wanted.remote_ip);
        let known = match self.admit(&attempt) {
            Ok(known) => known,
            Err(refused) => {
                tracing::warn!(remote_ip = %wanted.remote_ip, ?refused, "somebody has to wait to log in");
                return Ok(Err(refused));
            }
        };
        let record = self.store.read(|reader| Ok::<_, Error>(principals::login(reader, &email)?))?;
        let stored = record.as_ref().map(|record| record.password_hash.expose().as_str());
        if let Err(refused) = self.compare(&attempt, known, wanted.password, stored) {
            let user = record.as_ref().map_or("unknown", |record| record.user.as_str());
            tracing::warn!(user, remote_ip = %wanted.remote_ip, ?refused, "somebody was not let in");
            return Ok(Err(refused));
        }
        let Some(record) = record.filter(|record| !record.disabled) else {
            tracing::warn!(remote_ip = %wanted.remote_ip, "somebody whose account is closed was not let in");
            return Ok(Err(LoginRefused::Wrong));
        };
        let begun = self.begin_session(wanted, record)?;
        if begun.is_some() {
            self.entrance.throttle().succeeded(&attempt, self.now());
        }
        Ok(begun.ok_or(LoginRefused::Wrong))
    }

    /// Whether somebody may try now; and whether he has logged in before from where he is. What is admitted
    /// counts as failed until it is told otherwise.
    pub(super) fn admit(&self, attempt: &Attempt) -> std::result::Result<bool, LoginRefused> {
        let mut throttle = self.entrance.throttle();
        throttle.admit(attempt, self.now()).map_err(LoginRefused::wait)?;
        Ok(throttle.knows(attempt))
    }

    /// Compares a password with a hash when it is somebody's turn.
    pub(super) fn compare(
        &self,
        attempt: &Attempt,
        known: bool,
        password: &Secret<String>,
        stored: Option<&str>,
    ) -> std::result::Result<(), LoginRefused> {
        let Some(turn) = self.entrance.hashing.enter(known) else {
            self.entrance.throttle().not_tried(attempt);
            return Err(LoginRefused::Wait { seconds: passwords::WAIT_LIMIT_SECONDS });
        };
        let fits = passwords::fits(password, stored);
        drop(turn);
        if fits { Ok(()) } else { Err(LoginRefused::Wrong) }
    }

    /// `None` when the password or the account has changed since it was compared.
    fn begin_session(&self, wanted: &LogIn<'_>, record: principals::LoginRecord) -> Result<Option<LoggedIn>> {
        let itself = Caller::system("logging in");
        let anywhere = itself.anywhere()?;
        let secret = secret_text();
        let (digest, before) = (Digest::of(secret.expose().as_bytes()), wanted.before.map(digest_of));
        let session = SessionRow {
            id: fresh(SessionId::from_random),
            user: record.user.clone(),
            created_at: self.now(),
            last_seen_at: self.now(),
            ends_at: self.now().plus(self.settings.sessions.longest),
            remote_ip: wanted.remote_ip.to_canonical().to_string(),
            user_agent: cut(&without_secrets(wanted.user_agent, self.settings.token_prefix.as_str())),
        };
        let (id, ends_at) = (session.id.clone(), session.ends_at);
        let user =
            self.store.read(|reader| users::get(reader, &anywhere, &record.user)?.ok_or(Error::NotFound))?;
        let caller = Caller {
            actor: Arc::new(actor_of(&user)),
            remote_ip: Some(wanted.remote_ip),
            request_id: wanted.request_id.clone(),
            ..itself
        };
        let begun = self.change(&caller, move |change| {
            let tx = change.tx;
            if users::password_hash(tx, &anywhere, &record.user)?.as_ref()
                != Some(record.password_hash.expose())
            {
                return Ok(false);
            }
            if let Some(before) = &before {
                sessions::end_by_digest(tx, &anywhere, before)?;
            }
            sessions::insert(tx, &anywhere, &session, &digest)?;
            sessions::keep_newest(tx, &anywhere, &record.user, SESSIONS_MAX)?;
            let user = users::get_for_write(tx, &anywhere, &record.user)?;
            record_user(change, "user.signed_in", &user, &json!({"session": session.id.as_str()}))?;
            Ok(true)
        })?;
        Ok(begun.then_some(LoggedIn { secret, session: id, user, ends_at }))
    }

    /// Whose session a secret opens; `None` when it opens none, or none any more. Notes that it was used.
    ///
    /// # Errors
    /// When the store fails.
    pub fn session(
        &self,
        secret: &Secret<String>,
        remote_ip: IpAddr,
        request_id: Option<Arc<str>>,
    ) -> Result<Option<Visitor>> {
        let visitor = self.session_unnoted(secret, remote_ip, request_id)?;
        if let Some(visitor) = &visitor {
            let now = self.now();
            if now.since(visitor.last_seen_at) >= self.noted_every() {
                self.recorder.seen(visitor.session.clone(), now);
            }
        }
        Ok(visitor)
    }

    /// The same without noting it: for what a browser asks by itself, which must not keep a session alive.
    ///
    /// # Errors
    /// When the store fails.
    pub fn session_unnoted(
        &self,
        secret: &Secret<String>,
        remote_ip: IpAddr,
        request_id: Option<Arc<str>>,
    ) -> Result<Option<Visitor>> {
        if secret.expose().len() != SECRET_LEN {
            return Ok(None);
        }
        let digest = digest_of(secret);
        let Some(record) = self.valid_session(SessionKey::Digest(&digest))? else { return Ok(None) };
        let SessionRecord { session, user, principal } = record;
        let caller = Caller {
            principal,
            actor: Arc::new(actor_of(&user)),
            remote_ip: Some(remote_ip),
            request_id,
            authenticated: None,
            session: Some(session.id.clone()),
            as_of: None,
            once: None,
        };
        Ok(Some(Visitor {
            user,
            session: session.id,
            caller,
            ends_at: session.ends_at,
            last_seen_at: session.last_seen_at,
        }))
    }

    /// The same caller with what he may now; `None` when his session is over.
    pub(crate) fn renewed_person(&self, caller: &Caller, id: &SessionId) -> Result<Option<Caller>> {
        let record = self.valid_session(SessionKey::Id(id))?;
        Ok(record.map(|record| Caller { principal: record.principal, ..caller.clone() }))
    }

    fn valid_session(&self, key: SessionKey<'_>) -> Result<Option<SessionRecord>> {
        let record = self.store.read(|reader| Ok::<_, Error>(principals::session(reader, key)?))?;
        let now = self.now();
        Ok(record.filter(|record| {
            let session = &record.session;
            now < session.ends_at && now < session.last_seen_at.plus(self.settings.sessions.idle)
        }))
    }

    fn noted_every(&self) -> Duration {
        Duration::from_secs(NOTED_EVERY_SECONDS).min(self.settings.sessions.idle / NOTED_TIMES)
    }

    /// Ends the session that somebody is in. One that has ended already is no error.
    ///
    /// # Errors
    /// When the store fails.
    pub fn log_out(&self, caller: &Caller) -> Result<()> {
        let (Some(session), Actor::User(user)) = (&caller.session, caller.principal.actor()) else {
            return Ok(());
        };
        let (session, user) = (session.clone(), user.clone());
        // Whatever else has changed: who wants to leave leaves.
        let itself = Caller::system("logging out");
        let anywhere = itself.anywhere()?;
        let caller = Caller { principal: itself.principal, session: None, ..caller.clone() };
        self.change(&caller, move |change| {
            if sessions::end(change.tx, &anywhere, &user, &session)? {
                let user = users::get_for_write(change.tx, &anywhere, &user)?;
                record_user(change, "user.signed_out", &user, &json!({"session": session.as_str()}))?;
            }
            Ok(())
        })
    }

    /// Removes sessions that are over, a few at a time.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sweep_sessions(&self) -> Result<()> {
        let now = self.now();
        let unused_since = now.minus(self.settings.sessions.idle);
        let over = self
            .store
            .read(|reader| Ok::<_, Error>(sessions::over(reader, now, unused_since, SWEPT_AT_ONCE)?))?;
        if !over.is_empty() {
            self.store.write(move |tx| sessions::sweep(tx, &over, now, unused_since))?;
        }
        Ok(())
    }

    /// Where people have logged in from before this process began is looked up once.
    fn remember_sessions(&self) -> Result<()> {
        if self.entrance.remembered.get().is_some() {
            return Ok(());
        }
        let begun =
            self.store.read(|reader| Ok::<_, Error>(sessions::begun_from(reader, REMEMBERED_MAX)?))?;
        let now = self.now();
        let mut throttle = self.entrance.throttle();
        for (email, address) in begun {
            if let Ok(address) = address.parse() {
                throttle.remember(Attempt::new(&email, address), now);
            }
        }
        drop(throttle);
        let _ = self.entrance.remembered.set(());
        Ok(())
    }
}

fn digest_of(secret: &Secret<String>) -> Digest {
    Digest::of(secret.expose().as_bytes())
}

fn cut(user_agent: &str) -> String {
    user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_MAX).collect()
}
