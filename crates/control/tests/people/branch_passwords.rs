//! Passwords of branches on a real store: what logging in to MySQL is checked against, and that nothing of it
//! outlives the last commit, whichever process made it; many of them; those of whom is removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bough_control::passwords::{CreatePassword, PasswordFilter, PasswordRow, PasswordStatus, UpdatePassword};
use bough_control::people::RemoveMember;
use bough_control::{Caller, ControlPlane, Error, Page};
use bough_model::{
    ActorKind, ActorRef, BranchId, Cidrs, PasswordId, PasswordName, PasswordRole, PasswordVerifiers, Role,
    Username,
};
use bough_policy::{BranchAt, DatabaseAt, Operation, PasswordAt};
use bough_store::passwords::{self as store, Lifetime, NewPassword, SealedVerifiers};

use crate::support::{House, granted, wait_until};

const LIMIT: Duration = Duration::from_secs(30);
const PAGE: Page = Page { number: 1, size: 100 };
/// Of credentials that are taken away while somebody asks for them.
const RACES: usize = 200;

/// A house with a database, and where its first branch is.
struct Shop {
    house: House,
    /// Another process on the same store.
    other: Arc<ControlPlane>,
    database: DatabaseAt,
    branch: BranchAt,
}

impl Shop {
    fn new() -> Self {
        let house = House::with_ada();
        let other = house.elsewhere();
        let (database, branch) = house.make_database("shop");
        Self { house, other, database, branch }
    }

    fn make(&self, caller: &Caller, wanted: &CreatePassword) -> (PasswordRow, String) {
        let granted = granted(caller, Operation::CreatePassword, self.branch.clone());
        let made = self.house.plane.create_password(caller, granted, wanted).expect("a password");
        (made.password, made.secret.expose().clone())
    }

    fn made(&self, ttl: Option<i64>) -> PasswordAt {
        self.at(&self.make(&self.house.operator, &CreatePassword { ttl, ..CreatePassword::default() }).0)
    }

    fn at(&self, row: &PasswordRow) -> PasswordAt {
        PasswordAt { branch: self.branch.clone(), password: row.id.clone(), role: row.role }
    }

    fn username(&self, at: &PasswordAt) -> String {
        let granted = granted(&self.house.operator, Operation::GetPassword, at.clone());
        self.house.plane.get_password(&granted).expect("it is there").username.to_string()
    }

    fn delete(&self, at: &PasswordAt) {
        let granted = granted(&self.house.operator, Operation::DeletePassword, at.clone());
        self.house.plane.delete_password(&self.house.operator, &granted).expect("deleted");
    }

    fn narrow(&self, at: &PasswordAt, cidrs: &[&str]) {
        let granted = granted(&self.house.operator, Operation::UpdatePassword, at.clone());
        let cidrs = Some(cidrs.iter().map(|text| (*text).to_owned()).collect());
        let wanted = UpdatePassword { cidrs, ..UpdatePassword::default() };
        self.house.plane.update_password(&self.house.operator, &granted, &wanted).expect("narrowed");
    }

    fn count(&self, filter: &PasswordFilter) -> i64 {
        let granted = granted(&self.house.operator, Operation::ListDatabasePasswords, self.database.clone());
        self.house.plane.list_database_passwords(&granted, filter, PAGE).expect("read").1
    }
}

#[test]
fn a_credential_is_what_was_committed_last_by_whichever_process() {
    let shop = Shop::new();
    let wanted = CreatePassword { role: Some("writer".to_owned()), ..CreatePassword::default() };
    let (row, secret) = shop.make(&shop.house.operator, &wanted);
    let (at, username) = (shop.at(&row), row.username.to_string());
    let planes = [&shop.house.plane, &shop.other];
    let live = || planes.map(|plane| plane.credential(&username).expect("the store works"));
    for credential in live() {
        let credential = credential.expect("it is live");
        let verifiers = PasswordVerifiers::of(secret.as_bytes());
        assert_eq!(credential.verifiers.native(), verifiers.native());
        assert_eq!(credential.verifiers.sha2(), verifiers.sha2());
        assert_eq!((credential.password, credential.branch), (row.id.clone(), shop.branch.branch.clone()));
        assert_eq!((credential.role, credential.expires_at), (PasswordRole::Writer, None));
        assert!(credential.cidrs.is_any());
    }
    let version = || shop.other.credentials_version().expect("the store works");
    let mut before = version();
    let mut grown = |what: &str| {
        let now = version();
        assert!(now > before, "{what} is not told");
        before = now;
    };
    shop.narrow(&at, &["10.0.0.0/8"]);
    grown("narrowing");
    for credential in live() {
        let cidrs = credential.expect("it is live").cidrs;
        assert!(!cidrs.admits("192.0.2.1".parse().expect("an address")));
    }
    for nobody in
        ["", "root", "aaaaaaaaaaaaaaaaaaaa", "00000000000000000000", &"x".repeat(300), "' OR 1=1 --"]
    {
        assert!(planes.iter().all(|plane| plane.credential(nobody).expect("the store works").is_none()));
    }
    shop.delete(&at);
    grown("deleting");
    assert!(live().iter().all(Option::is_none));

    // By the clock, and back.
    let brief = shop.made(Some(1));
    grown("making");
    let username = shop.username(&brief);
    let live = || planes.map(|plane| plane.credential(&username).expect("the store works").is_some());
    wait_until(LIMIT, "it expires", || live() == [false, false]);
    let renewing = granted(&shop.house.operator, Operation::RenewPassword, brief);
    shop.other.renew_password(&shop.house.operator, &renewing).expect("renewed");
    grown("renewing");
    let renewed = shop.house.plane.get_password(&renewing).expect("it is there");
    assert!(renewed.expires_at > Some(renewed.created_at));

    // With its branch, and with its database.
    let last = shop.made(None);
    let username = shop.username(&last);
    let live = || planes.map(|plane| plane.credential(&username).expect("the store works").is_some());
    assert_eq!(live(), [true, true]);
    let deleting = granted(&shop.house.operator, Operation::DeleteDatabase, shop.database.clone());
    shop.house.plane.delete_database(&shop.house.operator, &deleting).expect("deleted");
    assert_eq!(live(), [false, false]);
    assert_eq!(shop.count(&PasswordFilter::default()), 0, "nor is it listed");
    let get = granted(&shop.house.operator, Operation::GetPassword, last);
    assert!(matches!(shop.other.get_password(&get), Err(Error::NotFound)));
}

/// From the moment at which it was answered that a password is deleted or narrowed, nobody is told what it was.
#[test]
fn nobody_is_told_a_credential_that_was_taken_away() {
    let shop = Shop::new();
    for number in 0..RACES {
        let at = shop.made(None);
        let username = shop.username(&at);
        let (taken, over) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for plane in [&shop.house.plane, &shop.other] {
                scope.spawn(|| {
                    loop {
                        let last = over.load(Ordering::SeqCst);
                        let gone = taken.load(Ordering::SeqCst);
                        let told = plane.credential(&username).expect("the store works");
                        let old = told.is_some_and(|told| told.cidrs.is_any());
                        assert!(!(gone && old), "race {number}: told after it was taken away");
                        if last {
                            break;
                        }
                    }
                });
            }
            match number % 2 {
                0 => shop.delete(&at),
                _ => shop.narrow(&at, &["192.0.2.0/24"]),
            }
            taken.store(true, Ordering::SeqCst);
            over.store(true, Ordering::SeqCst);
        });
    }
}

#[test]
fn a_use_is_seen_within_seconds() {
    let shop = Shop::new();
    let (used, unused) = (shop.made(None), shop.made(None));
    let background = shop.house.plane.start_background().expect("threads");
    let before = shop.house.plane.now();
    shop.house.plane.note_password_used(&used.password);
    let seen = |at: &PasswordAt| {
        let granted = granted(&shop.house.operator, Operation::GetPassword, at.clone());
        shop.other.get_password(&granted).expect("it is there").last_used_at
    };
    wait_until(LIMIT, "it is written down", || seen(&used).is_some());
    assert!(seen(&used) >= Some(before));
    assert_eq!(seen(&unused), None);
    background.stop();
}

/// Passwords that have been there for a while: each ends so long ago.
fn of_before(shop: &Shop, count: u8, of: u8, ended: Duration) {
    let now = shop.house.plane.now();
    let branch = granted(&shop.house.operator, Operation::CreatePassword, shop.branch.clone());
    let rows: Vec<NewPassword> = (0..of)
        .map(|number| {
            let mut random = [number; 24];
            random[0] = count;
            let mut name = [number; 40];
            name[0] = count;
            let ends = now.minus(ended);
            NewPassword {
                id: PasswordId::from_random(&random).expect("an id"),
                name: PasswordName::parse("pscale-cli-shell-x").expect("a name").expect("not empty"),
                role: PasswordRole::Admin,
                username: Username::from_random(&name).expect("a name"),
                verifiers: SealedVerifiers { native: [0; 20], sha2: [0; 32] },
                cidrs: Cidrs::default(),
                lifetime: Some(Lifetime {
                    seconds: 300,
                    expires_at: ends,
                    removed_at: ends.plus(Duration::from_secs(300)),
                }),
                ephemeral: true,
                actor: ActorRef { kind: ActorKind::System, id: "x".to_owned(), display_name: "x".to_owned() },
            }
        })
        .collect();
    let work = move |tx: &bough_store::Tx<'_>| {
        rows.iter().try_for_each(|row| store::insert(tx, &branch, row, now).map(|_| ()))
    };
    shop.house.store.write(work).expect("written");
}

#[test]
fn many_that_have_expired_are_removed_and_are_in_nobody_s_way() {
    let shop = Shop::new();
    let kept = shop.made(None);
    // Of thirty-six there are as many as fit the letters of ids.
    for count in 0..36 {
        of_before(&shop, count, 36, Duration::from_secs(600));
    }
    let filter = |status, ephemeral| PasswordFilter { search: String::new(), status, ephemeral };
    let now = shop.house.plane.now();
    assert_eq!(shop.count(&filter(None, None)), 36 * 36 + 1);
    assert_eq!(shop.count(&filter(None, Some(false))), 1);
    assert_eq!(shop.count(&filter(Some(PasswordStatus::Active(now)), None)), 1);
    assert_eq!(shop.count(&filter(Some(PasswordStatus::Expired(now)), None)), 36 * 36);
    shop.house.plane.sweep_passwords().expect("swept");
    assert_eq!(shop.count(&filter(None, None)), 1, "also more than go in one transaction");
    assert!(shop.other.credential(&shop.username(&kept)).expect("the store works").is_some());
    // What has just expired is still shown.
    of_before(&shop, 0, 36, Duration::from_secs(60));
    shop.house.plane.sweep_passwords().expect("swept");
    assert_eq!(shop.count(&filter(None, None)), 37);
}

/// Only of a branch that is to be gone, and a few at a time.
#[test]
fn what_is_left_of_a_branch_s_passwords_is_removed_with_it() {
    let shop = Shop::new();
    of_before(&shop, 1, 9, Duration::ZERO);
    let remove = || {
        let branch = shop.branch.branch.clone();
        shop.house.store.write(move |tx| store::remove_of_gone(tx, &branch, 4)).expect("written")
    };
    assert_eq!(remove(), 0, "it is there");
    let deleting = granted(&shop.house.operator, Operation::DeleteDatabase, shop.database.clone());
    shop.house.plane.delete_database(&shop.house.operator, &deleting).expect("deleted");
    assert_eq!((remove(), remove(), remove(), remove()), (4, 4, 1, 0));
}

#[test]
fn a_member_s_passwords_go_with_him_if_so_told() {
    let shop = Shop::new();
    let house = &shop.house;
    house.person("acme", "grace@example.com", Role::Admin);
    house.person("acme", "eve@example.com", Role::Admin);
    let (grace, eve) = (house.visit("grace@example.com"), house.visit("eve@example.com"));
    let mut hers = Vec::new();
    // More than go in one transaction.
    for _ in 0..230 {
        hers.push(shop.make(&grace.caller, &CreatePassword::default()).0.username.to_string());
    }
    let his = shop.make(&eve.caller, &CreatePassword::default()).0.username.to_string();
    let remove = |email: &str, delete_passwords: bool| {
        let at = house.member_at("acme", email);
        let granted = granted(&house.operator, Operation::RemoveOrganizationMember, at);
        let wanted = RemoveMember { delete_passwords, delete_service_tokens: false };
        house.plane.remove_member(&house.operator, &granted, wanted).expect("removed");
    };
    remove("eve@example.com", false);
    assert!(shop.other.credential(&his).expect("the store works").is_some(), "it stays");
    remove("grace@example.com", true);
    for username in &hers {
        assert!(shop.other.credential(username).expect("the store works").is_none());
    }
    let log = house.log_of("acme");
    let deleted = log.iter().filter(|action| *action == "database_branch_password.deleted").count();
    assert_eq!(deleted, 230);
}

/// A decision is on a branch of a class: when that has changed, it is decided anew.
#[test]
fn a_branch_of_another_class_is_decided_on_anew() {
    let shop = Shop::new();
    let at = shop.made(None);
    let wrong = PasswordAt { branch: BranchAt { production: false, ..shop.branch.clone() }, ..at.clone() };
    let operator = &shop.house.operator;
    let deleting = granted(operator, Operation::DeletePassword, wrong.clone());
    assert!(matches!(shop.house.plane.delete_password(operator, &deleting), Err(Error::Changed)));
    let renewing = granted(operator, Operation::RenewPassword, wrong.clone());
    assert!(matches!(shop.house.plane.renew_password(operator, &renewing), Err(Error::Changed)));
    let making = granted(operator, Operation::CreatePassword, wrong.branch);
    let made = shop.house.plane.create_password(operator, making, &CreatePassword::default());
    assert!(matches!(made, Err(Error::Changed)), "{made:?}");
    // Nor is a password of one branch one of another.
    let (_, elsewhere) = shop.house.make_database("other");
    assert_ne!(elsewhere.branch, BranchId::clone(&shop.branch.branch));
    let elsewhere = PasswordAt { branch: elsewhere, ..at };
    let get = granted(operator, Operation::GetPassword, elsewhere.clone());
    assert!(matches!(shop.house.plane.get_password(&get), Err(Error::NotFound)));
    let deleting = granted(operator, Operation::DeletePassword, elsewhere);
    assert!(matches!(shop.house.plane.delete_password(operator, &deleting), Err(Error::Changed)));
}
