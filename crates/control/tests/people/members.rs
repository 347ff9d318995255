//! What people are in an organization and in its databases.

use bough_control::organizations::UpdateOrganization;
use bough_control::people::{RemoveMember, Visitor};
use bough_control::service_tokens::CreateToken;
use bough_control::{Caller, Error, Page, Result};
use bough_model::Role;
use bough_policy::{
    DatabaseAt, Denied, Granted, Located, Operation, OrganizationAt, Place, Principal, Visibility, decide,
};

use crate::support::{House, granted};

const ADA: &str = "ada@example.com";
const GRACE: &str = "grace@example.com";
const PAGE: Page = Page { number: 1, size: 500 };

/// Who may what on a place, as a request is decided.
fn may<T: Place>(caller: &Caller, operation: Operation, at: T) -> Result<Granted<T>> {
    decide(&caller.principal, operation, Located::new(at)).map_err(Error::Refused)
}

fn set_role(house: &House, who: &Visitor, email: &str, role: Role) -> Result<()> {
    let at = house.member_at("acme", email);
    let granted = may(&who.caller, Operation::UpdateOrganizationMembership, at)?;
    house.plane.set_role(&who.caller, &granted, role).map(|_| ())
}

fn remove(house: &House, who: &Visitor, email: &str, wanted: RemoveMember) -> Result<()> {
    let at = house.member_at("acme", email);
    let granted = may(&who.caller, Operation::RemoveOrganizationMember, at)?;
    house.plane.remove_member(&who.caller, &granted, wanted)
}

fn acme(house: &House) -> OrganizationAt {
    let row = house.plane.organization_by_name(&house.operator, "acme").expect("an organization");
    OrganizationAt { organization: row.id }
}

fn tokens(house: &House) -> i64 {
    let granted = granted(&house.operator, Operation::ListServiceTokens, acme(house));
    house.plane.list_tokens(&granted, PAGE).expect("read").1
}

fn make_tokens(house: &House, who: &Visitor, count: usize) {
    let granted = granted(&who.caller, Operation::CreateServiceToken, acme(house));
    for _ in 0..count {
        house.plane.create_token(&who.caller, &granted, CreateToken::default()).expect("a token");
    }
}

fn is_forbidden(result: &Result<()>) -> bool {
    let visible = |denied: &Denied| denied.visibility == Visibility::Visible;
    matches!(result, Err(Error::Refused(denied)) if visible(denied))
        || matches!(result, Err(Error::Forbidden(_)))
}

#[test]
fn administrators_change_roles_but_not_their_own() {
    let house = House::with_ada();
    house.person("acme", GRACE, Role::Member);
    let (ada, grace) = (house.visit(ADA), house.visit(GRACE));
    for role in [Role::Admin, Role::Analyst, Role::Member] {
        assert!(is_forbidden(&set_role(&house, &grace, ADA, role)), "a member changes nobody");
        assert!(is_forbidden(&set_role(&house, &grace, GRACE, role)));
        assert!(is_forbidden(&set_role(&house, &ada, ADA, role)), "nobody his own");
    }
    for role in [Role::Analyst, Role::Admin, Role::Admin] {
        set_role(&house, &ada, GRACE, role).expect("changed");
        let caller = house.plane.renewed(&grace.caller).expect("read").expect("the session goes on");
        let Principal::User { standings, .. } = &*caller.principal else { panic!("a person") };
        assert_eq!(standings.values().next().expect("one").role, role);
    }
    let updated =
        house.log_of("acme").iter().filter(|one| *one == "organization_membership.updated_role").count();
    assert_eq!(updated, 2, "the same again is no change");
}

#[test]
fn an_organization_keeps_an_administrator_whose_account_is_open() {
    let house = House::with_ada();
    house.person("acme", GRACE, Role::Admin);
    house.found("globex", "bob@example.com");
    house.member("globex", ADA, Role::Member);
    house.member("globex", GRACE, Role::Member);
    let (ada, grace) = (house.visit(ADA), house.visit(GRACE));
    // Two at once, each the other: one of them is too late.
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| set_role(&house, &ada, GRACE, Role::Member));
        let other = scope.spawn(|| set_role(&house, &grace, ADA, Role::Member));
        (one.join().expect("no panic"), other.join().expect("no panic"))
    });
    assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1, "{one:?} {other:?}");
    house.member("acme", ADA, Role::Admin);
    house.member("acme", GRACE, Role::Admin);
    house.plane.set_user_disabled(&house.operator, GRACE, true).expect("closed");
    let ada = house.visit(ADA);
    let left = remove(&house, &ada, ADA, RemoveMember::default());
    assert!(
        matches!(&left, Err(Error::Invalid(why)) if why.contains("at least one administrator")),
        "{left:?}"
    );
    let row = house.plane.organization_by_name(&house.operator, "acme").expect("an organization");
    assert!(house.plane.set_member(&house.operator, &row, ADA, Role::Member).is_err(), "nor the operator");
    house.plane.set_user_disabled(&house.operator, GRACE, false).expect("open");
    let ada = house.visit(ADA);
    remove(&house, &ada, ADA, RemoveMember::default()).expect("she leaves");
    assert!(house.log_of("acme").contains(&"organization.left".to_owned()));
}

#[test]
fn members_leave_and_are_removed_and_their_tokens_stay_unless_told() {
    let house = House::with_ada();
    house.person("acme", GRACE, Role::Member);
    house.person("acme", "eve@example.com", Role::Member);
    let (ada, grace, eve) = (house.visit(ADA), house.visit(GRACE), house.visit("eve@example.com"));
    let before = tokens(&house);
    // More than go in one transaction.
    make_tokens(&house, &grace, 230);
    make_tokens(&house, &eve, 3);
    assert!(is_forbidden(&remove(&house, &grace, "eve@example.com", RemoveMember::default())));
    let both = RemoveMember { delete_service_tokens: true, delete_passwords: true };
    let only = remove(&house, &grace, GRACE, RemoveMember::default());
    assert!(matches!(&only, Err(Error::Invalid(why)) if why.contains("only organization")), "{only:?}");
    house.found("globex", "bob@example.com");
    house.member("globex", GRACE, Role::Member);
    house.member("globex", "eve@example.com", Role::Member);
    let grace = house.visit(GRACE);
    assert!(matches!(remove(&house, &grace, GRACE, both), Err(Error::Invalid(_))), "who leaves leaves them");
    remove(&house, &ada, GRACE, both).expect("removed");
    assert_eq!(tokens(&house), before + 3);
    let eve = house.visit("eve@example.com");
    remove(&house, &eve, "eve@example.com", RemoveMember::default()).expect("she leaves");
    assert_eq!(tokens(&house), before + 3);
    let log = house.log_of("acme");
    let count = |action: &str| log.iter().filter(|one| *one == action).count();
    assert_eq!(count("service_token.deleted"), 230);
    assert_eq!((count("organization.removed_member"), count("organization.left")), (1, 1));
    // Their sessions go on, elsewhere.
    let caller = house.plane.renewed(&eve.caller).expect("read").expect("a session");
    assert!(may(&caller, Operation::GetOrganization, acme(&house)).is_err());
}

/// Makes a database on behalf of somebody.
fn database(house: &House, who: &Visitor, name: &str) -> DatabaseAt {
    let granted = granted(&who.caller, Operation::CreateDatabase, acme(house));
    let wanted = bough_control::databases::CreateDatabase { name: name.to_owned(), ..Default::default() };
    house.plane.create_database(&who.caller, &granted, wanted).expect("a database");
    let row = house.plane.organization_by_name(&house.operator, "acme").expect("an organization");
    house.plane.database_by_name(&row, name).expect("the database")
}

fn administrators(house: &House, at: &DatabaseAt) -> Vec<String> {
    let granted = granted(&house.operator, Operation::ListDatabaseAdministrators, at.clone());
    let (rows, total) = house.plane.list_database_administrators(&granted, PAGE).expect("read");
    assert_eq!(rows.len(), usize::try_from(total).expect("a count"));
    rows.into_iter().map(|row| row.user.email).collect()
}

#[test]
fn who_makes_a_database_administers_it_and_chooses_who_else_does() {
    let house = House::with_ada();
    house.person("acme", GRACE, Role::Member);
    house.person("acme", "eve@example.com", Role::Member);
    house.found("globex", "bob@example.com");
    let (ada, grace, eve) = (house.visit(ADA), house.visit(GRACE), house.visit("eve@example.com"));
    let shop = database(&house, &grace, "shop");
    assert_eq!(administrators(&house, &shop), [GRACE]);
    // What she was read as has changed by that.
    let grace_now = house.plane.renewed(&grace.caller).expect("read").expect("a session");
    let add = |caller: &Caller, user: &str| {
        let granted = may(caller, Operation::AddDatabaseAdministrator, shop.clone())?;
        house.plane.add_database_administrator(caller, &granted, user).map(|_| ())
    };
    let take = |caller: &Caller, user: &str| {
        let granted = may(caller, Operation::RemoveDatabaseAdministrator, shop.clone())?;
        house.plane.remove_database_administrator(caller, &granted, user)
    };
    let eve_id = eve.user.id.to_string();
    assert!(is_forbidden(&add(&eve.caller, &eve_id)), "not by oneself");
    assert!(may(&eve.caller, Operation::DeleteDatabase, shop.clone()).is_err());
    add(&grace_now, &eve_id).expect("chosen");
    add(&grace_now, &eve_id).expect("again");
    let mut both = administrators(&house, &shop);
    both.sort();
    assert_eq!(both, ["eve@example.com", GRACE]);
    let eve_now = house.plane.renewed(&eve.caller).expect("read").expect("a session");
    let deletes = may(&eve_now, Operation::DeleteDatabase, shop.clone()).expect("she administers it");
    for stranger in ["zzzzzzzzzzzz", "", "x", house.visit("bob@example.com").user.id.as_str()] {
        let added = add(&ada.caller, stranger);
        assert!(matches!(added, Err(Error::Invalid(_))), "{stranger:?}: {added:?}");
        assert!(matches!(take(&ada.caller, stranger), Err(Error::NotFound)), "{stranger:?}");
    }
    take(&ada.caller, &eve_id).expect("taken out");
    assert!(matches!(take(&ada.caller, &eve_id), Err(Error::NotFound)));
    // What was decided before is not done after it.
    let deleted = house.plane.delete_database(&eve_now, &deletes);
    assert!(matches!(deleted, Err(Error::Changed)), "{deleted:?}");
    let log = house.log_of("acme");
    let count = |action: &str| log.iter().filter(|one| *one == action).count();
    assert_eq!((count("database.added_member"), count("database.removed_member")), (1, 1));
    // With the organization goes the database.
    house.removed("acme", GRACE);
    assert_eq!(administrators(&house, &shop), Vec::<String>::new());
    house.member("acme", GRACE, Role::Member);
    assert_eq!(administrators(&house, &shop), Vec::<String>::new(), "and does not come back by itself");
}

#[test]
fn settings_of_an_organization_are_its_administrators() {
    let house = House::with_ada();
    house.person("acme", GRACE, Role::Analyst);
    let (ada, grace) = (house.visit(ADA), house.visit(GRACE));
    let update = |who: &Visitor, email: &str| {
        let granted = may(&who.caller, Operation::UpdateOrganization, acme(&house))?;
        let wanted = UpdateOrganization { billing_email: Some(email.to_owned()) };
        house.plane.update_organization(&who.caller, &granted, &wanted)
    };
    assert!(is_forbidden(&update(&grace, "grace@example.com").map(|_| ())));
    let after = update(&ada, " Bills@Example.com ").expect("changed");
    assert_eq!(after.billing_email, "bills@example.com");
    update(&ada, "bills@example.com").expect("the same again");
    for wrong in ["", "x", "a@b@c", "a b@c", "@c"] {
        assert!(matches!(update(&ada, wrong), Err(Error::Invalid(_))), "{wrong:?}");
    }
    let updated = house.log_of("acme").iter().filter(|one| *one == "organization.updated").count();
    assert_eq!(updated, 1);
}
