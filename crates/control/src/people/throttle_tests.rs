use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).plus(Duration::from_secs(seconds))
}

fn address(number: u32) -> IpAddr {
    IpAddr::from(number.to_be_bytes())
}

fn of(email: &str, number: u32) -> Attempt {
    Attempt::new(email, address(0x0a00_0000 + number))
}

/// Tries that fail, one a second; how many were let through to be tried.
fn fail(throttle: &mut Throttle, attempt: &Attempt, times: u64) -> u64 {
    (0..times).filter(|second| throttle.admit(attempt, at(*second)).is_ok()).count() as u64
}

#[test]
fn a_few_mistakes_cost_nothing_and_pauses_double_up_to_a_limit() {
    let mut throttle = Throttle::default();
    let ada = of("ada", 1);
    for _ in 0..FREE_TRIES {
        assert_eq!(throttle.admit(&ada, at(0)), Ok(()));
    }
    let (mut now, mut pauses) = (0, Vec::new());
    for _ in 0..20 {
        let Err(wait) = throttle.admit(&ada, at(now)) else { panic!("the pause is over already") };
        pauses.push(wait.as_secs());
        assert!(throttle.admit(&ada, at(now + wait.as_secs() - 1)).is_err(), "before its end");
        now += wait.as_secs();
        assert_eq!(throttle.admit(&ada, at(now)), Ok(()), "at its end");
    }
    assert_eq!(pauses[..5], [1, 2, 4, 8, 16]);
    assert_eq!(pauses.last(), Some(&PAUSE_MAX_SECONDS));
    assert!(pauses.is_sorted());
}

#[test]
fn what_is_refused_does_not_make_the_pause_longer() {
    let mut throttle = Throttle::default();
    let ada = of("ada", 1);
    for _ in 0..FREE_TRIES {
        assert_eq!(throttle.admit(&ada, at(0)), Ok(()));
    }
    for _ in 0..1_000 {
        assert_eq!(throttle.admit(&ada, at(0)), Err(Duration::from_secs(1)));
    }
    assert_eq!(throttle.admit(&ada, at(1)), Ok(()));
}

#[test]
fn a_thousand_from_one_address_are_few_tries_and_others_are_undisturbed() {
    let mut throttle = Throttle::default();
    let tried = fail(&mut throttle, &of("ada", 1), 1_000);
    assert!((FREE_TRIES.into()..20).contains(&tried), "{tried} of 1,000 were tried");
    for number in 2..100 {
        assert_eq!(throttle.admit(&of("ada", number), at(1_000)), Ok(()), "Ada from elsewhere");
    }
    assert_eq!(throttle.admit(&of("eve", 1), at(1_000)), Ok(()), "few tries are no reason");
    // When it was many accounts, others there wait a minute at most, and not at all who is known there.
    let mut throttle = Throttle::default();
    throttle.remember(of("bob", 1), at(0));
    let mut tried = 0;
    for second in 0..1_000 {
        tried += u64::from(throttle.admit(&of(&format!("name {second}"), 1), at(second)).is_ok());
    }
    assert!(tried < 60, "{tried} of 1,000 were tried, each of another account");
    let wait = throttle.admit(&of("carol", 1), at(1_000)).expect_err("the address has to wait");
    assert!(wait <= Duration::from_secs(PAUSE_ADDRESS_MAX_SECONDS));
    assert_eq!(throttle.admit(&of("bob", 1), at(1_000)), Ok(()));
}

#[test]
fn from_many_addresses_each_has_its_few_tries_and_the_owner_has_his() {
    let mut throttle = Throttle::default();
    throttle.remember(of("ada", 1), at(0));
    let mut tried = 0;
    for number in 0..1_000 {
        for _ in 0..20 {
            tried += u64::from(throttle.admit(&of("ada", 100 + number), at(0)).is_ok());
        }
    }
    assert_eq!(tried, 1_000 * u64::from(FREE_TRIES));
    for _ in 0..FREE_TRIES_KNOWN {
        assert_eq!(throttle.admit(&of("ada", 1), at(0)), Ok(()), "where she has been before");
    }
    for _ in 0..FREE_TRIES {
        assert_eq!(throttle.admit(&of("ada", 2), at(0)), Ok(()), "where nobody has been");
    }
}

#[test]
fn a_network_of_ipv6_is_one_address() {
    let mut throttle = Throttle::default();
    let mut tried = 0;
    for number in 0..1_000_u128 {
        let address = IpAddr::from((0x2001_0db8_0001_0002_u128 << 64 | number).to_be_bytes());
        tried += u64::from(throttle.admit(&Attempt::new("ada", address), at(0)).is_ok());
    }
    assert_eq!(tried, u64::from(FREE_TRIES));
}

#[test]
fn who_succeeds_begins_anew_but_not_for_others() {
    let mut throttle = Throttle::default();
    let (own, other) = (of("mallory", 1), of("ada", 1));
    let mut guesses = 0;
    // With an account of his own, a guesser cannot wash off what he has tried with others'.
    for second in 0..1_000 {
        guesses += u64::from(throttle.admit(&other, at(second)).is_ok());
        if throttle.admit(&own, at(second)).is_ok() {
            throttle.succeeded(&own, at(second));
        }
    }
    assert!(guesses < 20, "{guesses}");
    assert!(throttle.knows(&own) && !throttle.knows(&other));
    for _ in 0..FREE_TRIES_KNOWN {
        assert_eq!(throttle.admit(&own, at(1_000)), Ok(()));
    }
}

#[test]
fn what_was_not_tried_does_not_count_and_what_was_long_ago_is_forgotten() {
    let mut throttle = Throttle::default();
    let ada = of("ada", 1);
    for _ in 0..1_000 {
        assert_eq!(throttle.admit(&ada, at(0)), Ok(()));
        throttle.not_tried(&ada);
    }
    assert!(throttle.accounts.is_empty() && throttle.addresses.is_empty());
    fail(&mut throttle, &ada, 10_000);
    assert!(throttle.admit(&ada, at(10_000)).is_err());
    assert_eq!(throttle.admit(&ada, at(10_000 + FORGOTTEN_AFTER_SECONDS)), Ok(()));
    for _ in 1..FREE_TRIES {
        assert_eq!(throttle.admit(&ada, at(10_000 + FORGOTTEN_AFTER_SECONDS)), Ok(()));
    }
}

#[test]
fn a_clock_that_is_put_back_makes_nobody_wait_longer_than_the_longest_pause() {
    let mut throttle = Throttle::default();
    let ada = of("ada", 1);
    fail(&mut throttle, &ada, 10_000);
    let wait = throttle.admit(&ada, at(0)).expect_err("a pause");
    assert!(wait <= Duration::from_secs(PAUSE_MAX_SECONDS));
}

#[test]
fn memory_is_bounded_and_those_with_most_failures_stay() {
    let mut throttle = Throttle::default();
    let guesser = of("ada", 0);
    for second in 0..100 {
        let _ = throttle.admit(&guesser, at(second));
    }
    let many = u32::try_from(KEPT_MAX).expect("a number") * 2;
    for number in 1..many {
        let _ = throttle.admit(&of("ada", number), at(100));
        throttle.remember(of("ada", number), at(100));
    }
    assert!(throttle.accounts.len() <= KEPT_MAX && throttle.addresses.len() <= KEPT_MAX);
    assert!(throttle.known.len() <= KNOWN_MAX && throttle.known.len() > KNOWN_MAX / 2);
    assert!(throttle.admit(&guesser, at(101)).is_err(), "he is not forgotten");
}

/// Whatever comes in whatever order: a thousand runs of chance.
#[test]
fn no_order_of_tries_breaks_what_is_promised() {
    let mut random = 1_u64;
    let mut below = |bound: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % bound
    };
    for _ in 0..1_000 {
        let (mut throttle, mut now) = (Throttle::default(), 0);
        let mut admitted: HashMap<(u64, u32), u64> = HashMap::new();
        let mut of_address: HashMap<u32, u32> = HashMap::new();
        for _ in 0..200 {
            now += below(3);
            let (email, from) = (below(4), u32::try_from(below(4)).expect("small"));
            let attempt = of(&format!("name {email}"), from);
            match throttle.admit(&attempt, at(now)) {
                Err(wait) => {
                    assert!(!wait.is_zero() && wait <= Duration::from_secs(PAUSE_MAX_SECONDS));
                    let fresh = !admitted.contains_key(&(email, from));
                    let all = of_address.get(&from).copied().unwrap_or_default();
                    assert!(!fresh || all >= FREE_TRIES_ADDRESS, "the first has to wait");
                }
                Ok(()) if below(10) == 0 => {
                    throttle.succeeded(&attempt, at(now));
                    admitted.remove(&(email, from));
                }
                Ok(()) => {
                    *admitted.entry((email, from)).or_default() += 1;
                    *of_address.entry(from).or_default() += 1;
                }
            }
            // Elsewhere there is never a wait.
            let elsewhere = of(&format!("name {email}"), 1_000);
            assert_eq!(throttle.admit(&elsewhere, at(now)), Ok(()));
            throttle.not_tried(&elsewhere);
        }
        // Failures that go on get at most the free tries, and those that the doubling pauses leave room for.
        for ((email, from), count) in &admitted {
            let most = u64::from(FREE_TRIES_KNOWN) + 2 + now.max(1).ilog2() as u64;
            assert!(*count <= most, "name {email} from {from}: {count} in {now} s");
        }
    }
}
