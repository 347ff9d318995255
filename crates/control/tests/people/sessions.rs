//! How long a session lasts, what somebody may in it, and that nothing is done in it once that has changed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bough_control::people::FormOf;
use bough_control::service_tokens::CreateToken;
use bough_control::{Caller, Error};
use bough_model::Role;
use bough_policy::{Operation, OrganizationAt, Principal};

use crate::support::{House, IDLE, LONGEST, granted, secret};

/// Races of somebody who works with somebody who takes it away.
const RACES: usize = 60;

const SECOND: Duration = Duration::from_secs(1);

/// Makes a token in an organization on behalf of somebody, as far as he is still let.
fn make_token(house: &House, caller: &Caller, organization: &str) -> Result<(), Error> {
    let found = house.plane.locate(organization, None, None)?.ok_or(Error::NotFound)?;
    let at: OrganizationAt = found.organization_at().place().clone();
    let located = bough_policy::Located::new(at);
    let grant = bough_policy::decide(&caller.principal, Operation::CreateServiceToken, located)
        .map_err(Error::Refused)?;
    house.plane.create_token(caller, &grant, CreateToken::default()).map(|_| ())
}

#[test]
fn sessions_end_when_they_are_not_used_and_in_any_case() {
    let house = House::with_ada();
    let ada = "ada@example.com";
    for (begun, used, lasts) in [
        (LONGEST - 5 * SECOND, IDLE - 5 * SECOND, true),
        (IDLE, IDLE + SECOND, false),
        (LONGEST + SECOND, SECOND, false),
    ] {
        let (secret, _) = house.session_of_before(ada, begun, used);
        assert_eq!(house.visitor(&secret).is_some(), lasts, "begun {begun:?} ago, used {used:?} ago");
    }
    let (fresh, visitor) = (house.plane.fresh_secret(), house.visit(ada));
    assert!(house.visitor(&fresh).is_none(), "another's secret opens nothing");
    for odd in ["", "x", visitor.session.as_str(), &fresh.expose()[1..]] {
        assert!(house.visitor(&secret(odd)).is_none(), "{odd:?}");
    }
}

#[test]
fn use_is_noted_off_the_way_once_a_minute() {
    let house = House::with_ada();
    let (recent, _) = house.session_of_before("ada@example.com", SECOND * 100, SECOND * 10);
    let (older, _) = house.session_of_before("ada@example.com", SECOND * 100, SECOND * 70);
    let (recent, older) =
        (house.visitor(&recent).expect("a session"), house.visitor(&older).expect("a session"));
    let before = house.last_seen(&older).expect("it is there");
    let recent_before = house.last_seen(&recent);
    let background = house.plane.start_background().expect("threads");
    // What waits is written before it ends.
    background.stop();
    let after = house.last_seen(&older).expect("it is there");
    assert!(after.since(before) >= SECOND * 60, "{before} {after}");
    assert_eq!(house.last_seen(&recent), recent_before);
}

#[test]
fn what_somebody_is_shows_in_his_caller() {
    let house = House::with_ada();
    house.found("globex", "bob@example.com");
    house.member("globex", "ada@example.com", Role::Analyst);
    let visitor = house.visit("ada@example.com");
    let Principal::User { standings, .. } = &*visitor.caller.principal else { panic!("a person") };
    let mut roles: Vec<Role> = standings.values().map(|standing| standing.role).collect();
    roles.sort();
    assert_eq!(roles, [Role::Analyst, Role::Admin]);
    assert_eq!(visitor.caller.actor.id, visitor.user.id.as_str());
    let (mine, total) = house
        .plane
        .list_organizations(
            &visitor.caller,
            &granted(&visitor.caller, Operation::ListOrganizations, bough_policy::Nowhere),
            bough_control::Page { number: 1, size: 10 },
        )
        .expect("read");
    assert_eq!((mine.len(), total), (2, 2));
}

#[test]
fn nothing_is_written_for_who_is_not_any_more_what_he_was_read_as() {
    type Change = fn(&House);
    let changes: [(&str, bool, Change); 6] = [
        ("a role", true, |house| house.member("acme", "grace@example.com", Role::Analyst)),
        ("another organization", true, |house| house.member("globex", "grace@example.com", Role::Member)),
        ("removal", true, |house| house.removed("acme", "grace@example.com")),
        ("closing", false, |house| {
            house.plane.set_user_disabled(&house.operator, "grace@example.com", true).expect("closed");
        }),
        ("a password", false, |house| {
            house
                .plane
                .set_user_password(&house.operator, "grace@example.com", &secret("another password"))
                .expect("set");
        }),
        ("leaving", false, |_| {}),
    ];
    for (what, stays, change) in changes {
        let house = House::with_ada();
        house.found("globex", "bob@example.com");
        house.person("acme", "grace@example.com", Role::Member);
        let visitor = house.visit("grace@example.com");
        make_token(&house, &visitor.caller, "acme").expect("a member makes tokens");
        change(&house);
        if what == "leaving" {
            house.plane.log_out(&visitor.caller).expect("out");
            house.plane.log_out(&visitor.caller).expect("twice is no error");
        }
        let made = make_token(&house, &visitor.caller, "acme");
        assert!(matches!(made, Err(Error::Changed)), "{what}: {made:?}");
        let renewed = house.plane.renewed(&visitor.caller).expect("read");
        assert_eq!(renewed.is_some(), stays, "{what}");
        if let Some(renewed) = renewed {
            let made = make_token(&house, &renewed, "acme");
            assert_eq!(made.is_ok(), what != "removal", "{what}: {made:?}");
        }
    }
}

#[test]
fn a_person_who_works_while_it_is_taken_away_does_nothing_after_it() {
    let house = House::with_ada();
    house.person("acme", "grace@example.com", Role::Member);
    let mut before = 0;
    for race in 0..RACES {
        house.member("acme", "grace@example.com", Role::Member);
        let visitor = house.visit("grace@example.com");
        let (removed, works) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let (mut caller, mut done, mut after) = (visitor.caller.clone(), 0, 0);
                // Until it is refused three times after the removal was answered.
                while after < 3 {
                    let over = removed.load(Ordering::SeqCst);
                    match make_token(&house, &caller, "acme") {
                        Ok(()) => {
                            assert!(!over, "race {race}: made after the removal was answered");
                            done += 1;
                            works.store(true, Ordering::SeqCst);
                        }
                        Err(Error::Changed) => {
                            caller = house.plane.renewed(&caller).expect("read").expect("the session stays");
                        }
                        Err(Error::Refused(_)) => {}
                        Err(other) => panic!("race {race}: {other}"),
                    }
                    after += usize::from(over);
                }
                done
            });
            while !works.load(Ordering::SeqCst) && !worker.is_finished() {
                std::thread::yield_now();
            }
            house.removed("acme", "grace@example.com");
            removed.store(true, Ordering::SeqCst);
            before += worker.join().expect("no panic");
        });
    }
    assert!(before >= RACES, "{before}");
}

#[test]
fn forms_show_whose_they_are() {
    let house = House::with_ada();
    let (one, other) = (house.visit("ada@example.com"), house.visit("ada@example.com"));
    let token = house.plane.form_token(FormOf::Session(&one.session));
    assert!(house.plane.is_form_token(FormOf::Session(&one.session), &token));
    assert!(!house.plane.is_form_token(FormOf::Session(&other.session), &token));
    assert!(!house.plane.is_form_token(FormOf::Visitor(one.session.as_str()), &token));
    let long = "0".repeat(1_000_000);
    for wrong in ["", "x", &token[1..], &token.to_uppercase(), &long] {
        assert!(!house.plane.is_form_token(FormOf::Session(&one.session), wrong), "{wrong:.70?}");
    }
    assert!(!House::with_ada().plane.form_token(FormOf::Session(&one.session)).is_empty());
}

#[test]
fn sessions_that_are_over_are_removed() {
    let house = House::with_ada();
    let ada = "ada@example.com";
    let (kept, _) = house.session_of_before(ada, SECOND * 100, SECOND * 10);
    for (begun, used) in [(IDLE * 2, IDLE + SECOND), (LONGEST + SECOND, SECOND)] {
        house.session_of_before(ada, begun, used);
    }
    let visitor = house.visitor(&kept).expect("a session");
    let count = || {
        let rows = house.store.read(|reader| {
            bough_store::sessions::list(reader, &crate::support::anywhere(), &visitor.user.id)
        });
        rows.expect("read").len()
    };
    // Those that were made for who they are, each with a login.
    assert_eq!(count(), 3 + 3);
    house.plane.sweep_sessions().expect("swept");
    assert_eq!(count(), 1 + 3);
    assert!(house.visitor(&kept).is_some());
}
