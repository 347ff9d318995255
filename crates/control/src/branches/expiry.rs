//! Branches with a set end: it is announced, and then they delete themselves. Whoever may change a branch
//! may set its end anew, or take it away.

use std::time::Duration;

use bough_model::Timestamp;
use bough_policy::{BranchAt, Operation};
use bough_store::branches as branch_store;
use bough_store::expiring::{self as store, Expiring};
use bough_store::reconcile as wishes;
use serde_json::json;

use super::actions::record;
use crate::caller::read_back;
use crate::{Caller, ControlPlane, Error, Result};

/// Longest life that may be set, in seconds: ten years.
const TTL_MAX_SECONDS: u64 = 10 * 366 * 24 * 3600;
/// Branches looked at in one go.
const AT_ONCE: u32 = 512;

/// When a branch ends that is to live so long from `now`; 0 is for ever.
///
/// # Errors
/// [`Error::Invalid`] beyond ten years.
pub(super) fn end(ttl_seconds: Option<u64>, now: Timestamp) -> Result<Option<Timestamp>> {
    match ttl_seconds {
        None | Some(0) => Ok(None),
        Some(seconds) if seconds > TTL_MAX_SECONDS => Err(Error::Invalid(format!(
            "ttl is in seconds and at most {TTL_MAX_SECONDS}, which is ten years"
        ))),
        Some(seconds) => Ok(Some(now.plus(Duration::from_secs(seconds)))),
    }
}

/// What is never to delete itself.
///
/// # Errors
/// [`Error::Invalid`] for a production branch and a protected one.
pub(super) fn refuse_end(production: bool, deletion_protected: bool) -> Result<()> {
    let kind = match (production, deletion_protected) {
        (true, _) => "a production branch",
        (_, true) => "a branch that is protected against deletion",
        _ => return Ok(()),
    };
    Err(Error::Invalid(format!("{kind} does not delete itself: leave ttl out, or set it to 0")))
}

/// When the end of a branch is announced: `notice` before it, but not before half its life is over.
fn announced_from(branch: &Expiring, notice: Duration) -> Timestamp {
    let life = branch.expires_at.since(branch.created_at);
    let early = notice.min(life / 2);
    branch.created_at.plus(life - early)
}

impl ControlPlane {
    /// Announces ends that are near, and wishes branches gone whose end has come.
    pub(super) fn expire_branches(&self) -> Result<()> {
        let now = self.now();
        let notice = self.settings.limits.expiry_notice;
        let mut last = None;
        // All of them: those that cannot be deleted yet stay the first ones.
        loop {
            let near = self.store.read(|reader| {
                Ok::<_, Error>(store::expiring(reader, now.plus(notice), last.as_ref(), AT_ONCE)?)
            })?;
            let Some(end) = near.last() else { return Ok(()) };
            last = Some(end.clone());
            for branch in near {
                self.see_to_end(branch, now);
            }
        }
    }

    fn see_to_end(&self, branch: Expiring, now: Timestamp) {
        let id = branch.at.branch.clone();
        let done = if branch.expires_at <= now {
            self.expire(branch)
        } else if !branch.announced && announced_from(&branch, self.settings.limits.expiry_notice) <= now {
            self.announce(branch)
        } else {
            Ok(())
        };
        match done {
            // Somebody changed it meanwhile: the next look sees how.
            Ok(()) | Err(Error::Changed | Error::NotFound) => {}
            Err(error) => {
                tracing::error!(branch = %id, %error, "the set end of a branch could not be seen to");
            }
        }
    }

    fn announce(&self, branch: Expiring) -> Result<()> {
        let announced = self.change(&Caller::system("expiry"), move |change| {
            let granted = read_back::<BranchAt>(Operation::GetBranch, branch.at.clone())?;
            let row = branch_store::get_for_write(change.tx, &granted)?;
            if row.expires_at != Some(branch.expires_at) {
                return Ok(None);
            }
            let metadata = json!({"expires_at": branch.expires_at.to_string()});
            record(change, &branch.at, "database_branch.expires_soon", &row, &metadata)?;
            store::record_announced(change.tx, &row.id, change.now)?;
            Ok(Some(row))
        })?;
        // Said once, when it is recorded: a disk that is full does not fill the log.
        if let Some(row) = announced {
            tracing::warn!(branch = %row.id, name = %row.name, "a branch will soon delete itself");
        }
        Ok(())
    }

    /// Deletes it as anybody would: what refuses that is shown on the branch until it can be done.
    fn expire(&self, branch: Expiring) -> Result<()> {
        let caller = Caller::system("expiry");
        let current = self.store.read(|reader| Ok::<_, Error>(wishes::place(reader, &branch.at.branch)?))?;
        let Some(at) = current else { return Ok(()) };
        let granted = caller.grant(Operation::DeleteBranch, at)?;
        let end = branch.expires_at;
        match self.delete_branch_if(&caller, &granted, false, move |row| row.expires_at == Some(end)) {
            Err(Error::Invalid(why)) => {
                let why = format!("its end has come, and it cannot be deleted: {why}");
                if branch.last_error.as_deref() == Some(why.as_str()) {
                    return Ok(());
                }
                let id = branch.at.branch;
                self.store.write(move |tx| Ok::<_, Error>(store::record_kept(tx, &id, end, &why)?))
            }
            done => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use bough_model::{BranchId, DatabaseId, OrganizationId};

    use super::*;

    #[test]
    fn ends_are_announced_before_they_come() {
        let minutes = |count: i64| Timestamp::from_micros(count * 60 * 1_000_000);
        let branch = |life: i64| Expiring {
            at: BranchAt {
                organization: OrganizationId::parse("organization").expect("an id"),
                database: DatabaseId::parse("databaseaaaa").expect("an id"),
                branch: BranchId::parse("branchaaaaaa").expect("an id"),
                production: false,
            },
            created_at: minutes(100),
            expires_at: minutes(100 + life),
            announced: false,
            last_error: None,
        };
        let hour = Duration::from_secs(3600);
        assert_eq!(announced_from(&branch(1000), hour), minutes(100 + 940));
        assert_eq!(announced_from(&branch(60), hour), minutes(100 + 30), "half of a short life");
        assert_eq!(announced_from(&branch(2), hour), minutes(101));
    }

    #[test]
    fn lives_have_bounds() {
        let now = Timestamp::from_micros(0);
        assert_eq!(end(None, now).expect("none"), None);
        assert_eq!(end(Some(0), now).expect("for ever"), None);
        assert_eq!(end(Some(5), now).expect("five seconds"), Some(Timestamp::from_micros(5_000_000)));
        assert!(end(Some(u64::MAX), now).is_err());
        assert!(
            refuse_end(false, false).is_ok()
                && refuse_end(true, false).is_err()
                && refuse_end(false, true).is_err()
        );
    }
}
