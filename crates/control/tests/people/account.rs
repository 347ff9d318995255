//! What people do with their own accounts.

use std::time::Duration;

use bough_control::Error;
use bough_control::people::{LoginRefused, UpdateAccount, Visitor};
use bough_model::Role;
use bough_policy::{Granted, Nowhere, Operation};

use crate::support::{HOME, House, PASSWORD, granted, secret};

const NEW: &str = "another good password";

fn own(visitor: &Visitor) -> Granted<Nowhere> {
    granted(&visitor.caller, Operation::UpdateCurrentUser, Nowhere)
}

fn change_password(house: &House, visitor: &Visitor, from: &str, to: &str) -> Result<(), String> {
    let changed = house.plane.change_password(&visitor.caller, &own(visitor), &secret(from), &secret(to));
    match changed {
        Err(error) => Err(error.to_string()),
        Ok(Err(refused)) => Err(format!("{refused:?}")),
        Ok(Ok(())) => Ok(()),
    }
}

#[test]
fn another_password_needs_the_one_of_now_and_ends_the_other_sessions() {
    let house = House::with_ada();
    let (one, other) = (house.log_in("ada@example.com"), house.log_in("ada@example.com"));
    let visitor = house.visitor(&one.secret).expect("a session");
    for (from, to, why) in [
        ("wrong password", NEW, "Wrong"),
        (PASSWORD, "short", "12 characters"),
        (PASSWORD, PASSWORD, "the one of now"),
        ("", NEW, "Wrong"),
    ] {
        let refused = change_password(&house, &visitor, from, to).expect_err("refused");
        assert!(refused.contains(why), "{refused}");
    }
    assert!(house.visitor(&other.secret).is_some(), "nothing was changed");
    change_password(&house, &visitor, PASSWORD, NEW).expect("changed");
    assert!(house.visitor(&one.secret).is_some(), "the session that it was done in goes on");
    assert!(house.visitor(&other.secret).is_none());
    assert_eq!(house.try_log_in("ada@example.com", PASSWORD, HOME).err(), Some(LoginRefused::Wrong));
    house.try_log_in("ada@example.com", NEW, HOME).expect("let in");
    assert!(house.log_of("acme").contains(&"user.updated_password".to_owned()));
    assert!(house.installation_log().contains(&"user.updated_password".to_owned()));
}

#[test]
fn whoever_has_only_the_session_does_not_guess_the_password_by_it() {
    let house = House::with_ada();
    let visitor = house.visit("ada@example.com");
    let mut tried = 0;
    for _ in 0..200 {
        let refused = change_password(&house, &visitor, "wrong password", NEW).expect_err("refused");
        tried += usize::from(refused == "Wrong");
    }
    assert!(tried < 30, "{tried} were tried");
}

#[test]
fn one_sees_and_ends_ones_own_sessions_only() {
    let house = House::with_ada();
    house.person("acme", "grace@example.com", Role::Admin);
    let grace = house.visit("grace@example.com");
    let (one, other, third) =
        (house.visit("ada@example.com"), house.visit("ada@example.com"), house.log_in("ada@example.com"));
    let (over, _) =
        house.session_of_before("ada@example.com", Duration::from_secs(90_000), Duration::from_secs(1));
    assert!(house.visitor(&over).is_none());
    let read = granted(&one.caller, Operation::GetCurrentUser, Nowhere);
    let rows = house.plane.list_sessions(&one.caller, &read).expect("read");
    // Another login was needed to put the old one there, which is over and not shown.
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.user == one.user.id && row.remote_ip == HOME));
    let refused = house.plane.sign_out(&grace.caller, &own(&grace), &other.session);
    assert!(matches!(refused, Err(Error::NotFound)), "not another's: {refused:?}");
    house.plane.sign_out(&one.caller, &own(&one), &other.session).expect("signed out");
    let again = house.plane.sign_out(&one.caller, &own(&one), &other.session);
    assert!(matches!(again, Err(Error::NotFound)));
    assert!(house.plane.renewed(&other.caller).expect("read").is_none());
    assert!(house.visitor(&third.secret).is_some());
    house.plane.sweep_sessions().expect("what is over is removed");
    assert_eq!(house.plane.sign_out_others(&one.caller, &own(&one)).expect("signed out"), 2);
    assert!(house.visitor(&third.secret).is_none());
    assert!(house.plane.renewed(&one.caller).expect("read").is_some());
    assert!(house.plane.renewed(&grace.caller).expect("read").is_some());
}

#[test]
fn name_and_time_zone() {
    let house = House::with_ada();
    let visitor = house.visit("ada@example.com");
    assert_eq!(visitor.user.time_zone.as_str(), "UTC");
    let update = |name: Option<&str>, time_zone: Option<&str>| {
        let own_text = |text: &str| text.to_owned();
        let wanted = UpdateAccount { name: name.map(own_text), time_zone: time_zone.map(own_text) };
        house.plane.update_account(&visitor.caller, &own(&visitor), &wanted)
    };
    let after = update(Some("  Ada Lovelace "), Some("europe/london")).expect("changed");
    assert_eq!((after.name.as_str(), after.time_zone.as_str()), ("Ada Lovelace", "Europe/London"));
    let same = update(None, None).expect("nothing to do");
    assert_eq!(same.name, "Ada Lovelace");
    let long = "x".repeat(201);
    let token = house.found("globex", "bob@example.com").service_token.secret;
    for name in ["", "  ", "a\nb", &long, token.expose()] {
        assert!(matches!(update(Some(name), None), Err(Error::Invalid(_))), "{name:.30?}");
    }
    for zone in ["", "Mars/Olympus", &long] {
        assert!(matches!(update(None, Some(zone)), Err(Error::Invalid(_))), "{zone:.30?}");
    }
    let hostile = "<script>\u{202e} 😀";
    assert_eq!(update(Some(hostile), None).expect("any printable text").name, hostile);
    let log = house.installation_log();
    let count = |action: &str| log.iter().filter(|one| *one == action).count();
    assert_eq!((count("user.updated_name"), count("user.updated_time_zone")), (2, 1));
}
