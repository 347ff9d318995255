//! On whose behalf something is done, and the transaction in which it is done and written down.

use std::net::IpAddr;
use std::sync::Arc;

use bough_engine::killpoint;
use bough_model::{Actor, ActorKind, ActorRef, AuditEventId, Digest, OrganizationId, SessionId, Timestamp};
use bough_policy::{Facet, Granted, Located, Nowhere, Operation, Place, Principal, decide, refine};
use bough_store::audit::{self, AuditKey, NewEvent, Subject};
use bough_store::idempotency::{self, RequestKey};
use bough_store::principals;
use bough_store::{Mark, Tx};

use crate::random::fresh;
use crate::{Authenticated, ControlPlane, Error, Result};

/// On whose behalf something is done.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What it may.
    pub principal: Arc<Principal>,
    /// Who it is, as it is recorded.
    pub actor: Arc<ActorRef>,
    /// Where it calls from.
    pub remote_ip: Option<IpAddr>,
    /// In which request.
    pub request_id: Option<Arc<str>>,
    /// The credential that it came with, for noting its use.
    pub authenticated: Option<Authenticated>,
    /// The session that it is in, for people.
    pub session: Option<SessionId>,
    /// The state of the store that a request is answered from which neither writes nor waits; `None` for
    /// whichever it is in when something is read.
    pub as_of: Option<Mark>,
    /// What identifies a request that must be carried out at most once.
    pub once: Option<(RequestKey, Digest)>,
}

impl Caller {
    /// The operator, at the machine itself.
    pub fn operator(os_user: &str) -> Self {
        Self::trusted(Actor::Operator(os_user.to_owned()), ActorKind::Operator, os_user)
    }

    /// Bough itself.
    pub fn system(reason: &'static str) -> Self {
        Self::trusted(Actor::System(reason), ActorKind::System, reason)
    }

    fn trusted(actor: Actor, kind: ActorKind, name: &str) -> Self {
        Self {
            principal: Arc::new(Principal::Trusted { actor }),
            actor: Arc::new(ActorRef { kind, id: name.to_owned(), display_name: name.to_owned() }),
            remote_ip: None,
            request_id: None,
            authenticated: None,
            session: None,
            as_of: None,
            once: None,
        }
    }

    /// Decides for an operation that only trusted callers reach this way.
    ///
    /// # Errors
    /// The 404 for everybody else.
    pub fn grant<T: Place>(&self, operation: Operation, place: T) -> Result<Granted<T>> {
        decide(&self.principal, operation, Located::new(place)).map_err(|_| Error::NotFound)
    }

    /// The grant for operations outside any organization.
    ///
    /// # Errors
    /// The 404 for who is not trusted.
    pub fn anywhere(&self) -> Result<Granted<Nowhere>> {
        match &*self.principal {
            Principal::Trusted { .. } => self.grant(Operation::ListOrganizations, Nowhere),
            _ => Err(Error::NotFound),
        }
    }
}

/// A change on its way: its transaction, its time, and who makes it.
pub struct Change<'a> {
    /// The transaction.
    pub tx: &'a Tx<'a>,
    /// The time of the change.
    pub now: Timestamp,
    /// Who makes it.
    pub caller: &'a Caller,
    key: &'a AuditKey,
}

impl Change<'_> {
    /// Writes an entry into the audit log, in the same transaction.
    ///
    /// # Errors
    /// When the store fails.
    pub fn audit(
        &self,
        organization: &OrganizationId,
        action: &'static str,
        auditable: Subject,
        target: Subject,
        metadata: &serde_json::Value,
    ) -> Result<()> {
        let event = NewEvent {
            id: fresh(AuditEventId::from_random),
            actor: ActorRef::clone(&self.caller.actor),
            remote_ip: self.caller.remote_ip.map(|address| address.to_string()),
            request_id: self.caller.request_id.as_deref().map(str::to_owned),
            action,
            auditable,
            target,
            metadata: metadata.to_string(),
        };
        Ok(audit::append(self.tx, self.key, organization, event, self.now)?)
    }
}

impl ControlPlane {
    /// Decides again with what the body says, and notes what that made use of.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub(crate) fn refine<T: Place>(
        &self,
        caller: &Caller,
        granted: Granted<T>,
        facet: Facet,
    ) -> Result<Granted<T>> {
        let granted = refine(&caller.principal, granted, facet).map_err(Error::Refused)?;
        if let Some(who) = &caller.authenticated {
            self.note_use(who, granted.at().scope().database, granted.used());
        }
        Ok(granted)
    }

    /// Makes a change: all of `work` in one transaction, durable when this returns, or none of it.
    ///
    /// # Errors
    /// What `work` answers, or a failure of the store.
    pub fn change<T: Send + 'static>(
        &self,
        caller: &Caller,
        work: impl FnOnce(&Change<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let caller = caller.clone();
        let key = self.keys.audit().clone();
        let now = self.now();
        let done = self.store.write(move |tx| {
            if !principals::still_holds(tx, &caller.principal, caller.session.as_ref(), now)? {
                return Err(Error::Changed);
            }
            if let Some((request, body)) = &caller.once {
                idempotency::claim(tx, request, body, now)?;
            }
            let done = work(&Change { tx, now, caller: &caller, key: &key })?;
            killpoint::reach("change.made");
            Ok(done)
        })?;
        killpoint::reach("change.committed");
        Ok(done)
    }
}

/// A grant for reading back what the caller has just been allowed to make or change.
pub(crate) fn read_back<T: Place>(operation: Operation, at: T) -> Result<Granted<T>> {
    Caller::system("reading back").grant(operation, at)
}
