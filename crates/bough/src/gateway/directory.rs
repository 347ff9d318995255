//! What the gateway asks of the control plane, in the same process or beside it: the store is the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bough_control::{ControlPlane, Error};
use bough_gateway::{Backend, BoxFuture, ClientId, Credential, Directory, Kill, KillOutcome, Unavailable};
use bough_model::{BranchId, PasswordId, PasswordRole};
use bough_peers::Member;
use tokio::sync::watch;

/// How often the store is looked at for changed passwords, in milliseconds.
const LOOK_EVERY_MILLIS: u64 = 50;

/// What everybody who waits for the same branch is told in the end.
type Awaited = watch::Receiver<Option<Result<(), Unavailable>>>;

/// The control plane, as the gateway sees it.
pub struct PlaneDirectory {
    plane: Arc<ControlPlane>,
    changes: watch::Sender<u64>,
    member: Arc<Member>,
    /// Branches that are being woken, started again or mended: one thread waits for each, however many clients do.
    awaited: Arc<Mutex<HashMap<(BranchId, Task), Awaited>>>,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Task {
    Ready,
    Reached,
    Repaired,
}

impl PlaneDirectory {
    /// Over a control plane; looks for changed passwords on the runtime that this is called on.
    pub fn new(plane: Arc<ControlPlane>, member: Arc<Member>) -> Arc<Self> {
        let changes = watch::Sender::new(0);
        tokio::spawn(look_for_changes(Arc::clone(&plane), changes.clone()));
        Arc::new(Self { plane, changes, member, awaited: Arc::default() })
    }

    /// Waits for a branch together with everybody else who does.
    async fn wait_for(&self, branch: &BranchId, task: Task) -> Result<(), Unavailable> {
        let mut awaited = self.join(branch, task);
        let said = awaited.wait_for(Option::is_some).await.ok().and_then(|said| said.clone());
        said.unwrap_or_else(|| Err(Unavailable("waiting for the branch broke off; try again".to_owned())))
    }

    fn join(&self, branch: &BranchId, task: Task) -> Awaited {
        let key = (branch.clone(), task);
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = awaited.get(&key) {
            return there.clone();
        }
        let (tell, told) = watch::channel(None);
        awaited.insert(key.clone(), told.clone());
        let (plane, all) = (Arc::clone(&self.plane), Arc::clone(&self.awaited));
        tokio::task::spawn_blocking(move || {
            let done = match task {
                // Any role will do: what is waited for is the branch.
                Task::Ready => plane.backend(&key.0, PasswordRole::Reader).map(drop),
                Task::Reached => plane.reach(&key.0),
                Task::Repaired => plane.repair_accounts(&key.0),
            };
            // Taken out first: who comes later looks anew.
            all.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            tell.send_replace(Some(done.map_err(unavailable)));
        });
        told
    }

    fn now(&self, branch: &BranchId, role: PasswordRole) -> Result<Option<Backend>, Unavailable> {
        let found = self.plane.backend_now(branch, role).map_err(unavailable)?;
        Ok(found.map(|found| Backend {
            socket: found.socket,
            account: found.account,
            secret: found.secret,
            schema: found.schema,
        }))
    }

    async fn after(&self, branch: &BranchId, role: PasswordRole, task: Task) -> Result<Backend, Unavailable> {
        self.wait_for(branch, task).await?;
        let again = || Unavailable("the branch has changed in the meantime; try again".to_owned());
        self.now(branch, role)?.ok_or_else(again)
    }
}

impl Directory for PlaneDirectory {
    fn credential(&self, username: &str) -> Result<Option<Credential>, Unavailable> {
        let found = self.plane.credential(username).map_err(unavailable)?;
        Ok(found.map(|found| Credential {
            password: found.password,
            branch: found.branch,
            role: found.role,
            verifiers: found.verifiers,
            cidrs: found.cidrs,
            expires_at: found.expires_at,
        }))
    }

    fn backend(&self, branch: &BranchId, role: PasswordRole) -> BoxFuture<'_, Result<Backend, Unavailable>> {
        let branch = branch.clone();
        Box::pin(async move {
            match self.now(&branch, role)? {
                Some(backend) => Ok(backend),
                None => self.after(&branch, role, Task::Ready).await,
            }
        })
    }

    fn repair(&self, branch: &BranchId, role: PasswordRole) -> BoxFuture<'_, Result<Backend, Unavailable>> {
        let branch = branch.clone();
        Box::pin(async move { self.after(&branch, role, Task::Repaired).await })
    }

    fn reach(&self, branch: &BranchId, role: PasswordRole) -> BoxFuture<'_, Result<Backend, Unavailable>> {
        let branch = branch.clone();
        Box::pin(async move { self.after(&branch, role, Task::Reached).await })
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn used(&self, password: &PasswordId, _: &BranchId) {
        self.plane.note_password_used(password);
    }

    fn safe_migrations(&self, branch: &BranchId) -> bool {
        self.plane.has_safe_migrations(branch)
    }

    fn end_thread(&self, branch: &BranchId, thread: u32) -> BoxFuture<'_, bool> {
        let (plane, branch) = (Arc::clone(&self.plane), branch.clone());
        Box::pin(async move {
            let ending =
                tokio::task::spawn_blocking(move || plane.end_session_of_client(&branch, thread.into()));
            ending.await.is_ok_and(|ended| ended.is_ok())
        })
    }

    fn kill_elsewhere(
        &self,
        branch: &BranchId,
        role: PasswordRole,
        connection: ClientId,
        kill: Kill,
    ) -> BoxFuture<'_, KillOutcome> {
        let (member, branch) = (Arc::clone(&self.member), branch.clone());
        Box::pin(async move { member.kill(&branch, role, connection, kill).await })
    }
}

/// Tells when passwords may have changed, in whatever process.
async fn look_for_changes(plane: Arc<ControlPlane>, changes: watch::Sender<u64>) {
    let mut every = tokio::time::interval(Duration::from_millis(LOOK_EVERY_MILLIS));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut mark, mut version) = (None, 0);
    loop {
        every.tick().await;
        let now = plane.mark();
        // Where the state cannot be told, each look counts as a change.
        if now.is_some() && now == mark {
            continue;
        }
        mark = now;
        match plane.credentials_version() {
            Ok(found) if found == version => {}
            Ok(found) => {
                version = found;
                changes.send_modify(|count| *count += 1);
            }
            Err(error) => {
                mark = None;
                tracing::warn!(%error, "changes of passwords could not be looked for; trying again");
            }
        }
    }
}

fn unavailable(error: Error) -> Unavailable {
    match error {
        Error::NotFound => Unavailable("the branch of this password is gone".to_owned()),
        Error::Unavailable(why) => Unavailable(why),
        other => {
            tracing::error!(error = %other, "the gateway got no answer");
            Unavailable("Bough cannot tell at the moment; its log says why".to_owned())
        }
    }
}
