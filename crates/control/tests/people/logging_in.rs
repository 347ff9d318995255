//! Who is let in, and what those learn who are not.

use std::time::Duration;

use bough_control::people::{LogIn, LoginRefused};
use bough_model::Role;

use crate::support::{HOME, House, PASSWORD, address, secret};

/// Another address.
const ELSEWHERE: &str = "198.51.100.7";

#[test]
fn who_knows_the_password_is_let_in_and_nobody_else() {
    let house = House::with_ada();
    for email in ["ada@example.com", " Ada@Example.COM "] {
        let in_session = house.log_in(email);
        assert_eq!(in_session.user.email, "ada@example.com");
        let visitor = house.visitor(&in_session.secret).expect("a session");
        assert_eq!((visitor.session, visitor.user.id), (in_session.session, in_session.user.id));
    }
    let long = "x".repeat(100_000);
    for (email, password) in [
        ("ada@example.com", "correct horse batter"),
        ("ada@example.com", ""),
        ("grace@example.com", PASSWORD),
        ("", PASSWORD),
        ("ada@example.com\0", PASSWORD),
        (&long, PASSWORD),
        ("ada@example.com", &long),
    ] {
        assert_eq!(house.try_log_in(email, password, HOME).err(), Some(LoginRefused::Wrong), "{email:?}");
    }
    let log = house.installation_log();
    assert_eq!(log, ["user.created", "user.signed_in", "user.signed_in"]);
}

#[test]
fn a_closed_account_is_told_what_a_wrong_password_is_told() {
    let house = House::with_ada();
    house.person("acme", "grace@example.com", Role::Member);
    let before = house.visit("grace@example.com");
    house.plane.set_user_disabled(&house.operator, "grace@example.com", true).expect("closed");
    assert_eq!(house.try_log_in("grace@example.com", PASSWORD, HOME).err(), Some(LoginRefused::Wrong));
    assert!(house.plane.renewed(&before.caller).expect("read").is_none(), "and is out");
}

#[test]
fn the_session_of_before_ends_with_the_next_login() {
    let house = House::with_ada();
    let first = house.log_in("ada@example.com");
    let wanted = LogIn {
        email: "ada@example.com",
        password: &secret(PASSWORD),
        remote_ip: address(HOME),
        user_agent: &format!("Mozilla\u{0}{}", "é".repeat(500)),
        request_id: Some("req".into()),
        before: Some(&first.secret),
    };
    let second = house.plane.log_in(&wanted).expect("the store works").expect("let in");
    assert!(house.visitor(&first.secret).is_none());
    assert_ne!(first.session, second.session);
    let rows = house
        .store
        .read(|reader| bough_store::sessions::list(reader, &crate::support::anywhere(), &second.user.id));
    let rows = rows.expect("read");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].user_agent, format!("Mozilla{}", "é".repeat(193)));
    assert_eq!(rows[0].remote_ip, HOME);
}

/// The throttle has tests of its own; here it stands where it should.
#[test]
fn a_thousand_wrong_passwords_keep_nobody_else_out() {
    let house = House::with_ada();
    house.person("acme", "grace@example.com", Role::Member);
    let mut answers = [0; 2];
    for _ in 0..1_000 {
        match house.try_log_in("ada@example.com", "a wrong password", ELSEWHERE).err() {
            Some(LoginRefused::Wrong) => answers[0] += 1,
            Some(LoginRefused::Wait { seconds }) => {
                assert!(seconds > 0);
                answers[1] += 1;
            }
            None => panic!("let in"),
        }
    }
    assert!(answers[0] < 20 && answers[1] > 900, "{answers:?}: of each wrong password a hash is computed");
    // The right one is not tried either, so that nobody learns that it is.
    let refused = house.try_log_in("ada@example.com", PASSWORD, ELSEWHERE).err();
    assert!(matches!(refused, Some(LoginRefused::Wait { .. })), "{refused:?}");
    house.log_in("ada@example.com");
    house.try_log_in("grace@example.com", PASSWORD, ELSEWHERE).expect("another account from there");

    for number in 0..200_u32 {
        let from = format!("203.0.113.{}", number % 100);
        house.try_log_in("ada@example.com", "a wrong password", &from).expect_err("wrong");
    }
    house.log_in("ada@example.com");
    house.try_log_in("ada@example.com", PASSWORD, "2001:db8::1").expect("from where nobody has tried");
}

#[test]
fn many_at_once_are_counted_as_they_come() {
    let house = House::with_ada();
    let wrong = std::thread::scope(|scope| {
        let guess = || house.try_log_in("ada@example.com", "a wrong password", ELSEWHERE).err();
        let threads: Vec<_> = (0..40).map(|_| scope.spawn(guess)).collect();
        let answers = threads.into_iter().map(|thread| thread.join().expect("no panic"));
        answers.filter(|answer| *answer == Some(LoginRefused::Wrong)).count()
    });
    assert!(wrong <= 6, "{wrong} were tried before the first had failed");
}

#[test]
fn a_person_has_so_many_sessions_and_the_oldest_gives_way() {
    let house = House::with_ada();
    let (oldest, _) =
        house.session_of_before("ada@example.com", Duration::from_secs(60), Duration::from_secs(1));
    let mut last = None;
    for _ in 0..100 {
        last = Some(house.log_in("ada@example.com"));
    }
    assert!(house.visitor(&oldest).is_none());
    let visitor = house.visitor(&last.expect("one").secret).expect("the newest is there");
    let rows = house
        .store
        .read(|reader| bough_store::sessions::list(reader, &crate::support::anywhere(), &visitor.user.id))
        .expect("read");
    assert_eq!(rows.len(), 100);
}

#[test]
fn neither_passwords_nor_what_opens_a_session_is_kept() {
    let house = House::with_ada();
    let wrong = "a wrong password that somebody typed";
    house.try_log_in("ada@example.com", wrong, HOME).expect_err("wrong");
    house.try_log_in(wrong, wrong, HOME).expect_err("in the wrong field");
    let in_session = house.log_in("ada@example.com");
    let token = house.found("globex", "bob@example.com").service_token.secret;
    let wanted = LogIn {
        email: "ada@example.com",
        password: &secret(PASSWORD),
        remote_ip: address(HOME),
        user_agent: &format!("curl {}", token.expose()),
        request_id: None,
        before: None,
    };
    house.plane.log_in(&wanted).expect("the store works").expect("let in");
    let folder = house.store.path().parent().expect("a folder").to_owned();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("its bytes");
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        for text in [PASSWORD, wrong, in_session.secret.expose(), token.expose()] {
            assert!(!holds(text), "{text}");
        }
        seen += usize::from(holds("ada@example.com"));
    }
    assert!(seen > 0, "what is kept would be found");
}
