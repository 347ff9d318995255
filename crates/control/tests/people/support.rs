//! A control plane on a store of its own, with people in it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bough_control::databases::CreateDatabase;
use bough_control::people::{LogIn, LoggedIn, LoginRefused, RemoveMember, Visitor};
use bough_control::setup::Founded;
use bough_control::{
    Addresses, Caller, ControlPlane, Keys, Limits, OperatorCommand, SessionLimits, Settings,
};
use bough_engine::ManagedEngine;
use bough_model::{
    ClusterSize, ClusterSizeName, Digest, Region, RegionId, RegionSlug, Role, Secret, SessionId, Timestamp,
    TokenPrefix,
};
use bough_policy::{
    BranchAt, DatabaseAt, Granted, Located, MemberAt, Nowhere, Operation, OrganizationAt, Place, decide,
};
use bough_store::sessions::SessionRow;
use bough_store::{Store, sessions};

/// Of a session without requests.
pub const IDLE: Duration = Duration::from_secs(3_600);
/// And in any case.
pub const LONGEST: Duration = Duration::from_secs(86_400);
/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

pub struct House {
    _folder: tempfile::TempDir,
    pub store: Store,
    pub plane: Arc<ControlPlane>,
    pub operator: Caller,
}

fn settings() -> Settings {
    let size = ClusterSizeName::parse("PS_10").expect("a size");
    let region = Region {
        id: RegionId::from_random(&[1; 24]).expect("an id"),
        slug: RegionSlug::parse("local").expect("a slug"),
        display_name: "Local".to_owned(),
        location: "here".to_owned(),
        provider: "self-hosted".to_owned(),
        public_ip_addresses: Vec::new(),
        enabled: true,
        current_default: true,
    };
    let cluster_size = ClusterSize {
        name: size.clone(),
        cpu: "1".to_owned(),
        ram_bytes: 256 << 20,
        buffer_pool_bytes: 16 << 20,
        redo_log_bytes: 16 << 20,
        max_connections: 10,
        development: true,
        production: true,
    };
    Settings {
        addresses: Addresses {
            public_url: "http://bough.example".to_owned(),
            mysql: String::new(),
            mysql_ca: None,
            data_http: String::new(),
        },
        command: OperatorCommand { program: String::new(), data_dir: String::new() },
        regions: vec![region],
        sizes: vec![cluster_size],
        default_size: size.clone(),
        default_development_size: size,
        token_prefix: TokenPrefix::contract(),
        limits: Limits {
            development_branches: 100,
            reconciled_at_once: 1,
            check_every: Duration::from_secs(1),
            branches_per_creator: 0,
            expiry_notice: Duration::from_secs(60),
            sleep_after: Duration::ZERO,
            console_run: Duration::from_secs(30),
            restart_at_minute: None,
        },
        sessions: SessionLimits { idle: IDLE, longest: LONGEST },
        foreign_keys: true,
    }
}

pub fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

pub fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub const HOME: &str = "192.0.2.1";

impl House {
    pub fn new() -> Self {
        Self::with_engine(None)
    }

    /// With an engine of its own.
    pub fn with_engine(engine: Option<Arc<ManagedEngine>>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("store.sqlite")).expect("a store");
        let keys = Keys::derive(&Secret::new([7; 32]));
        let plane =
            ControlPlane::new(store.clone(), engine, settings(), keys, folder.path().join("audit-heads"));
        Self { _folder: folder, store, plane, operator: Caller::operator("root") }
    }

    /// What another process is that has the same store open, but for the locks.
    pub fn elsewhere(&self) -> Arc<ControlPlane> {
        let store = Store::open(self.store.path()).expect("the same store");
        let keys = Keys::derive(&Secret::new([7; 32]));
        ControlPlane::new(store, None, settings(), keys, self._folder.path().join("audit-heads"))
    }

    /// With the organization `acme`, which Ada administers.
    pub fn with_ada() -> Self {
        let house = Self::new();
        house.found("acme", "ada@example.com");
        house
    }

    pub fn found(&self, organization: &str, email: &str) -> Founded {
        let founded = self.plane.found_organization(&self.operator, organization, email, &secret(PASSWORD));
        founded.expect("an organization")
    }

    /// Makes somebody with an account, and a member of `organization`.
    pub fn person(&self, organization: &str, email: &str, role: Role) {
        self.plane.create_user(&self.operator, email, None, &secret(PASSWORD)).expect("an account");
        self.member(organization, email, role);
    }

    /// Makes somebody who has an account a member, or changes what he is.
    pub fn member(&self, organization: &str, email: &str, role: Role) {
        let row = self.plane.organization_by_name(&self.operator, organization).expect("an organization");
        self.plane.set_member(&self.operator, &row, email, role).expect("a member");
    }

    /// Where somebody is a member.
    pub fn member_at(&self, organization: &str, email: &str) -> MemberAt {
        let row = self.plane.organization_by_name(&self.operator, organization).expect("an organization");
        self.plane.member_by_email(&self.operator, &row, email).expect("a member").1
    }

    /// Takes somebody out.
    pub fn removed(&self, organization: &str, email: &str) {
        let at = self.member_at(organization, email);
        let granted = granted(&self.operator, Operation::RemoveOrganizationMember, at);
        self.plane.remove_member(&self.operator, &granted, RemoveMember::default()).expect("removed");
    }

    pub fn try_log_in(&self, email: &str, password: &str, from: &str) -> Result<LoggedIn, LoginRefused> {
        let wanted = LogIn {
            email,
            password: &secret(password),
            remote_ip: address(from),
            user_agent: "a browser",
            request_id: None,
            before: None,
        };
        self.plane.log_in(&wanted).expect("the store works")
    }

    pub fn log_in(&self, email: &str) -> LoggedIn {
        self.try_log_in(email, PASSWORD, HOME).expect("let in")
    }

    pub fn visitor(&self, secret: &Secret<String>) -> Option<Visitor> {
        self.plane.session(secret, address(HOME), None).expect("the store works")
    }

    /// Somebody in a new session.
    pub fn visit(&self, email: &str) -> Visitor {
        self.visitor(&self.log_in(email).secret).expect("a session")
    }

    /// A session of chosen times, ago: when it was begun, and when it was used last.
    pub fn session_of_before(
        &self,
        email: &str,
        begun: Duration,
        used: Duration,
    ) -> (Secret<String>, SessionId) {
        let now = self.plane.now();
        let user = self.visit(email).user.id;
        let (opens, id) = (self.plane.fresh_secret(), random_session_id());
        let row = SessionRow {
            id: id.clone(),
            user,
            created_at: now.minus(begun),
            last_seen_at: now.minus(used),
            ends_at: now.minus(begun).plus(LONGEST),
            remote_ip: HOME.to_owned(),
            user_agent: String::new(),
        };
        let digest = Digest::of(opens.expose().as_bytes());
        let anywhere = anywhere();
        self.store.write(move |tx| sessions::insert(tx, &anywhere, &row, &digest)).expect("written");
        (opens, id)
    }

    /// When a session was used last, if there is one.
    pub fn last_seen(&self, visitor: &Visitor) -> Option<Timestamp> {
        let anywhere = anywhere();
        let rows = self.store.read(|reader| sessions::list(reader, &anywhere, &visitor.user.id));
        let row = rows.expect("read").into_iter().find(|row| row.id == visitor.session);
        row.map(|row| row.last_seen_at)
    }

    /// The actions in an organization's log, oldest first.
    pub fn log_of(&self, organization: &str) -> Vec<String> {
        let row = self.plane.organization_by_name(&self.operator, organization).expect("an organization");
        actions(&self.store, &row.id)
    }

    /// The actions in the installation's own log, oldest first.
    pub fn installation_log(&self) -> Vec<String> {
        actions(&self.store, &bough_store::audit::installation())
    }
}

impl House {
    /// A database of acme, and its first branch.
    pub fn make_database(&self, name: &str) -> (DatabaseAt, BranchAt) {
        let row = self.plane.organization_by_name(&self.operator, "acme").expect("an organization");
        let grant =
            granted(&self.operator, Operation::CreateDatabase, OrganizationAt { organization: row.id });
        let wanted = CreateDatabase { name: name.to_owned(), ..Default::default() };
        self.plane.create_database(&self.operator, &grant, wanted).expect("a database");
        let found = self.plane.locate("acme", Some(name), Some("main")).expect("read").expect("a place");
        let database = found.database_at().expect("the database").place().clone();
        (database, found.branch_at().expect("its branch").place().clone())
    }
}

/// Waits for what comes about elsewhere, and fails when it does not within `limit`.
pub fn wait_until(limit: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < limit, "waited in vain: {what}");
        std::thread::yield_now();
    }
}

fn random_session_id() -> SessionId {
    use std::sync::atomic::{AtomicU8, Ordering};
    static NEXT: AtomicU8 = AtomicU8::new(0);
    SessionId::from_random(&[NEXT.fetch_add(1, Ordering::Relaxed); 24]).expect("an id")
}

pub fn granted<T: Place>(caller: &Caller, operation: Operation, at: T) -> Granted<T> {
    decide(&caller.principal, operation, Located::new(at)).expect("he may")
}

pub fn anywhere() -> Granted<Nowhere> {
    granted(&Caller::system("test"), Operation::ListOrganizations, Nowhere)
}

fn actions(store: &Store, organization: &bough_model::OrganizationId) -> Vec<String> {
    use bough_store::audit::{Cursor, list};
    let at = OrganizationAt { organization: organization.clone() };
    let granted = granted(&Caller::system("test"), Operation::ListAuditLogs, at);
    let cursor = Cursor { limit: 1_000, ..Cursor::default() };
    let page = store.read(|reader| list(reader, &granted, &cursor)).expect("read").expect("a page");
    page.events.into_iter().rev().map(|row| row.action).collect()
}
