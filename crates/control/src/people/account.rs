//! What people do with their own accounts.

use std::net::{IpAddr, Ipv4Addr};

use bough_model::{Actor, Secret, SessionId, TimeZoneName, UserId};
use bough_policy::{Granted, Nowhere};
use bough_store::{principals, sessions, users};
use serde_json::json;

use super::throttle::Attempt;
use super::{LoginRefused, SessionRow, check_name, hash, record_user, record_user_everywhere};
use crate::organizations::UserRow;
use crate::{Caller, ControlPlane, Error, Result};

/// What is to be changed in one's own account; what is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct UpdateAccount {
    /// Another name.
    pub name: Option<String>,
    /// Another time zone, such as `Europe/Berlin`.
    pub time_zone: Option<String>,
}

/// The person who asks. A token is none.
fn oneself(caller: &Caller) -> Result<UserId> {
    match caller.principal.actor() {
        Actor::User(id) => Ok(id.clone()),
        _ => Err(Error::NotFound),
    }
}

impl ControlPlane {
    /// The sessions of the person who asks, the one that was used last first.
    ///
    /// # Errors
    /// When the store fails, or it is no person.
    pub fn list_sessions(&self, caller: &Caller, granted: &Granted<Nowhere>) -> Result<Vec<SessionRow>> {
        let user = oneself(caller)?;
        let now = self.now();
        let mut rows = self.store.read(|reader| Ok::<_, Error>(sessions::list(reader, granted, &user)?))?;
        // Those that are over and not yet removed are of no use to him.
        let idle = self.settings.sessions.idle;
        rows.retain(|row| now < row.ends_at && now < row.last_seen_at.plus(idle));
        Ok(rows)
    }

    /// Ends one of one's own sessions.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the person who asks has none of that id.
    pub fn sign_out(&self, caller: &Caller, granted: &Granted<Nowhere>, id: &SessionId) -> Result<()> {
        let (user, id, granted) = (oneself(caller)?, id.clone(), granted.clone());
        self.change(caller, move |change| {
            if !sessions::end(change.tx, &granted, &user, &id)? {
                return Err(Error::NotFound);
            }
            let user = users::get_for_write(change.tx, &granted, &user)?;
            record_user(change, "session.deleted", &user, &json!({"session": id.as_str()}))
        })
    }

    /// Ends all of one's own sessions but the one that this is done in. Answers how many.
    ///
    /// # Errors
    /// When the store fails, or it is no person.
    pub fn sign_out_others(&self, caller: &Caller, granted: &Granted<Nowhere>) -> Result<usize> {
        let (user, granted) = (oneself(caller)?, granted.clone());
        let kept = caller.session.clone();
        self.change(caller, move |change| {
            let ended = sessions::end_all(change.tx, &granted, &user, kept.as_ref())?;
            if ended > 0 {
                let user = users::get_for_write(change.tx, &granted, &user)?;
                record_user(change, "session.deleted", &user, &json!({"others": ended}))?;
            }
            Ok(ended)
        })
    }

    /// Changes what one is called, or where one is at home.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a value cannot be.
    pub fn update_account(
        &self,
        caller: &Caller,
        granted: &Granted<Nowhere>,
        wanted: &UpdateAccount,
    ) -> Result<UserRow> {
        let (user, granted) = (oneself(caller)?, granted.clone());
        let name = wanted.name.as_deref().map(check_name).transpose()?;
        let zone = wanted.time_zone.as_deref().map(|text| {
            TimeZoneName::parse(text.trim()).ok_or_else(|| {
                Error::Invalid(format!("there is no time zone {text:?}; one is called Europe/Berlin, say"))
            })
        });
        let zone = zone.transpose()?;
        self.change(caller, move |change| {
            let before = users::get_for_write(change.tx, &granted, &user)?;
            let name = name.unwrap_or_else(|| before.name.clone());
            let zone = zone.unwrap_or_else(|| before.time_zone.clone());
            users::update(change.tx, &granted, &user, &name, &zone, change.now)?;
            let after = users::get_for_write(change.tx, &granted, &user)?;
            if before.name != after.name {
                let names = json!({"name": [before.name, after.name]});
                record_user(change, "user.updated_name", &after, &names)?;
            }
            if before.time_zone != after.time_zone {
                let zones = json!({"time_zone": [before.time_zone.as_str(), after.time_zone.as_str()]});
                record_user(change, "user.updated_time_zone", &after, &zones)?;
            }
            Ok(after)
        })
    }

    /// Gives oneself another password. Whoever does not know the one of now is refused as at the door, and
    /// counted with it. All other sessions end.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the new password cannot be. Who does not know the one of now is
    /// `Ok(Err(LoginRefused))`.
    pub fn change_password(
        &self,
        caller: &Caller,
        granted: &Granted<Nowhere>,
        current: &Secret<String>,
        new: &Secret<String>,
    ) -> Result<std::result::Result<(), LoginRefused>> {
        let (user, granted) = (oneself(caller)?, granted.clone());
        super::passwords::check(new)?;
        let email =
            self.store.read(|reader| users::get(reader, &granted, &user)?.ok_or(Error::NotFound))?.email;
        let record = self.store.read(|reader| Ok::<_, Error>(principals::login(reader, &email)?))?;
        let record = record.filter(|record| record.user == user).ok_or(Error::Changed)?;
        let from = caller.remote_ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let attempt = Attempt::new(&email, from);
        let stored = Some(record.password_hash.expose().as_str());
        let compared = self.admit(&attempt).and_then(|known| self.compare(&attempt, known, current, stored));
        if let Err(refused) = compared {
            tracing::warn!(user = user.as_str(), remote_ip = %from, ?refused, "a password was not changed");
            return Ok(Err(refused));
        }
        // Whoever knows the password of now has not failed, whatever becomes of the new one.
        self.entrance.throttle().succeeded(&attempt, self.now());
        if current.expose() == new.expose() {
            return Err(Error::Invalid("the new password is the one of now".to_owned()));
        }
        let Some(turn) = self.entrance.hashing.enter(true) else {
            return Ok(Err(LoginRefused::Wait { seconds: super::passwords::WAIT_LIMIT_SECONDS }));
        };
        let new_hash = hash(new)?;
        drop(turn);
        let kept = caller.session.clone();
        self.change(caller, move |change| {
            let tx = change.tx;
            let hash_now = users::password_hash(tx, &granted, &user)?;
            if hash_now.as_ref() != Some(record.password_hash.expose()) {
                return Err(Error::Changed);
            }
            users::set_password(tx, &granted, &user, &new_hash, change.now)?;
            let ended = sessions::end_all(tx, &granted, &user, kept.as_ref())?;
            let row = users::get_for_write(tx, &granted, &user)?;
            record_user_everywhere(
                change,
                &granted,
                "user.updated_password",
                &row,
                &json!({"sessions_ended": ended}),
            )
        })?;
        Ok(Ok(()))
    }
}
