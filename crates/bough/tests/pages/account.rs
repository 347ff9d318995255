//! One's own account: the profile, the password, the sessions, the theme.

use crate::support::*;

const ANOTHER: &str = "a quite different password";

#[test]
fn name_and_time_zone_are_changed_and_what_is_wrong_is_said_beside_it() {
    let bough = bough();
    let ada = ada(&bough);
    let page = ada.get("/account").expect(200).says(&["My account", ADA, "UTC"]);
    let wrong = ada.submit(&page, "/account", &[("name", " "), ("time_zone", "Europe/Berlin")]).expect(422);
    assert!(wrong.html().contains("id=\"name-error\""));
    let kept = wrong.form("/account");
    assert!(kept.contains(&("time_zone".to_owned(), "Europe/Berlin".to_owned())), "{kept:?}");
    wrong.says(&["A person's name has 1 to 200 printable characters."]);
    let wrong = ada.submit(&page, "/account", &[("name", "Ada"), ("time_zone", "Mars/Olympus")]).expect(422);
    assert!(wrong.html().contains("id=\"time_zone-error\""));
    wrong.says(&["Choose one of the time zones of the list."]);

    let name = "Ada <i>King</i> \u{202e}";
    let saved = ada.submit(&page, "/account", &[("name", name), ("time_zone", "Europe/Berlin")]);
    let shown = ada.follow(&saved).expect(200).says(&["Your profile was saved.", "Ada <i>King</i>"]);
    assert!(shown.text().contains("CET") || shown.text().contains("CEST"), "the time there");
    assert!(!shown.html().contains("<i>King"));
    // Unknown fields are refused, nothing is changed.
    let csrf = ("csrf".to_owned(), ada.csrf());
    let odd = [csrf, ("name".to_owned(), "X".to_owned()), ("role".to_owned(), "admin".to_owned())];
    ada.post("/account", &odd).expect(400).says(&["this form has no field \"role\""]);
    ada.get("/account").says(&["Ada <i>King</i>"]);
}

#[test]
fn another_password_ends_all_other_sessions() {
    let bough = bough();
    let (ada, other) = (ada(&bough), ada(&bough));
    let page = ada.get("/account").expect(200);
    let submit = |current: &str, new: &str, again: &str| {
        let with = [("current_password", current), ("new_password", new), ("new_password_again", again)];
        ada.submit(&page, "/account/password", &with)
    };
    let wrong = submit(PASSWORD, ANOTHER, "another one altogether").expect(422);
    assert!(wrong.html().contains("id=\"new_password_again-error\""));
    assert!(!wrong.html().contains(ANOTHER), "passwords are not shown again");
    assert!(
        submit("not the password", ANOTHER, ANOTHER)
            .expect(422)
            .html()
            .contains("id=\"current_password-error\"")
    );
    assert!(submit(PASSWORD, "short", "short").expect(422).html().contains("id=\"new_password-error\""));
    submit(PASSWORD, PASSWORD, PASSWORD).expect(422).says(&["The new password is the one of now."]);
    assert_eq!(other.get("/account").status, 200, "nothing was changed so far");

    let changed = submit(PASSWORD, ANOTHER, ANOTHER);
    ada.follow(&changed).expect(200).says(&["Your password was changed."]);
    assert!(other.get("/account").expect(303).leads_to().starts_with("/login?next="));
    let fresh = Browser::new(&bough);
    let login = fresh.get("/login").expect(200);
    fresh.submit(&login, "/login", &[("email", ADA), ("password", PASSWORD)]).expect(422);
    fresh.log_in(ADA, ANOTHER);
    fresh.get("/account").expect(200);
}

#[test]
fn who_tries_passwords_on_a_session_is_made_to_wait() {
    let bough = bough();
    let ada = ada(&bough);
    let page = ada.get("/account").expect(200);
    let with = [("current_password", "wrong"), ("new_password", ANOTHER), ("new_password_again", ANOTHER)];
    let waits = (0..40).find_map(|_| {
        let shown = ada.submit(&page, "/account/password", &with);
        assert!(matches!(shown.status, 422 | 429), "{}", shown.text());
        (shown.status == 429).then_some(shown)
    });
    waits.expect("an end of trying").says(&["Too many tries."]);
    ada.get("/account").expect(200);
}

#[test]
fn what_was_typed_when_a_session_had_ended_is_shown_again_but_no_password() {
    let bough = bough();
    let ada = ada(&bough);
    let page = ada.get("/account").expect(200);
    let again = ada.get("/account").expect(200);
    ada.submit(&page, "/logout", &[]).expect(303);
    let passwords =
        [("current_password", PASSWORD), ("new_password", ANOTHER), ("new_password_again", ANOTHER)];
    let shown = ada.submit(&again, "/account/password", &passwords).expect(401);
    for password in [PASSWORD, ANOTHER] {
        assert!(!shown.html().contains(password), "{}", shown.text());
    }
    ada.submit(&again, "/account", &[("name", "Augusta"), ("time_zone", "UTC")])
        .expect(401)
        .says(&["Augusta"]);
}

#[test]
fn sessions_are_listed_and_ended_one_by_one_or_all_others() {
    let bough = bough();
    let (ada, second, third) = (ada(&bough), ada(&bough), ada(&bough));
    let bob = signed_in(&bough, "bob@example.com", "Bob", "member");
    let ends = |page: &Shown| -> Vec<String> {
        let tags = crate::html::tags(page.html());
        let forms = tags.iter().filter(|tag| tag.name == "form").filter_map(|tag| tag.attribute("action"));
        forms.filter(|to| to.ends_with("/end")).map(str::to_owned).collect()
    };
    let page = ada.get("/account").expect(200).says(&["This browser", "Where you are signed in"]);
    let actions = ends(&page);
    assert_eq!(actions.len(), 3, "ada's sessions, not bob's");

    // Somebody else's is as if it were not there, and goes on.
    let theirs = ends(&bob.get("/account").expect(200)).pop().expect("his own");
    let csrf = || ("csrf".to_owned(), ada.csrf());
    let gone = ada.post(&theirs, &[csrf()]);
    ada.follow(&gone).says(&["That session had ended already."]);
    bob.get("/account").expect(200);

    // The first is the one that looks.
    let said = ada.post(&actions[1], &[csrf()]);
    ada.follow(&said).says(&["That browser is signed out."]);
    let signed_in = [&second, &third].iter().filter(|browser| browser.get("/account").status == 200).count();
    assert_eq!(signed_in, 1);
    let page = ada.get("/account").expect(200);
    let said = ada.submit(&page, "/account/sessions/end-others", &[]);
    let page = ada.follow(&said).says(&["You are signed out of one other browser."]);
    assert!(!page.has_form("/account/sessions/end-others"), "there are no others");
    for browser in [&second, &third] {
        browser.get("/account").expect(303);
    }

    // The one that looks: as signing out.
    let own = ends(&page).pop().expect("this one");
    let out = ada.submit(&page, &own, &[]).expect(303);
    assert_eq!(out.leads_to(), "/login");
    assert!(!ada.jar().contains_key("bough_session"));
    ada.get("/account").expect(303);
}

#[test]
fn the_theme_is_kept_by_the_browser() {
    let bough = bough();
    let ada = ada(&bough);
    let page = ada.get("/account").expect(200);
    assert!(!page.html().contains("data-theme="));
    let chosen = ada.submit(&page, "/account/theme", &[("theme", "dark")]).expect(303);
    let page = ada.follow(&chosen).expect(200);
    assert!(page.html().contains("data-theme=\"dark\""));
    ada.submit(&page, "/account/theme", &[("theme", "system")]).expect(303);
    assert!(!ada.get("/account").html().contains("data-theme="));
}
