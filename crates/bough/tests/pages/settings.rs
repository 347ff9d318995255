//! An organization's settings: general, regions and sizes, members, the audit log.

use std::io::Write as _;

use serde_json::json;

use crate::support::*;

/// Names that want to be more than names.
const HOSTILE: &str = "<b onclick=\"x\">&amp;</b>'\" \u{202e}dlrow\u{202c}";

#[test]
fn general_settings_are_seen_by_all_and_changed_by_administrators() {
    let bough = bough();
    let ada = ada(&bough);
    let page =
        ada.get("/acme/settings").expect(200).says(&["acme", "Billing e-mail address", "Regions and sizes"]);
    let before = page.form("/acme/settings");
    assert!(before.contains(&("billing_email".to_owned(), ADA.to_owned())), "{before:?}");

    // What cannot be is said beside its field, and kept.
    let wrong = ada.submit(&page, "/acme/settings", &[("billing_email", "no address <b>")]).expect(422);
    let kept = wrong.form("/acme/settings");
    assert!(kept.contains(&("billing_email".to_owned(), "no address <b>".to_owned())), "{kept:?}");
    assert!(wrong.html().contains("id=\"billing_email-error\""));
    wrong.says(&["is not an e-mail address"]);

    let saved = ada.submit(&page, "/acme/settings", &[("billing_email", "bills@example.com")]);
    ada.follow(&saved).expect(200).says(&["The billing e-mail address was saved."]);
    let admin = bough.admin();
    assert_eq!(admin.get("/v1/organizations/acme").expect(200).str("/billing_email"), "bills@example.com");
    // The notice is shown once.
    ada.get("/acme/settings").does_not_say(&["was saved"]);

    let member = signed_in(&bough, "mel@example.com", "Mel", "member");
    let page = member.get("/acme/settings").expect(200);
    assert!(!page.has_form("/acme/settings"));
    page.says(&["Administrators of the organization may do this"]);
}

#[test]
fn regions_and_sizes_are_those_that_the_api_answers() {
    let bough = bough();
    let member = signed_in(&bough, "mel@example.com", "Mel", "member");
    let page = member.get("/acme/settings/regions").expect(200);
    let admin = bough.admin();
    let sizes = admin.get(&admin.org("/cluster-size-skus")).expect(200).json;
    for size in sizes.as_array().expect("sizes") {
        let name = size["name"].as_str().expect("a name");
        assert!(page.text().contains(name), "{name} in {}", page.text());
    }
    let regions = admin.get(&admin.org("/regions")).expect(200);
    for region in regions.data() {
        let slug = region["slug"].as_str().expect("a slug");
        assert!(page.text().contains(slug), "{slug} in {}", page.text());
    }
    page.says(&["Default"]);
}

#[test]
fn administrators_change_roles_of_others_and_never_the_last_one() {
    let bough = bough();
    let ada = ada(&bough);
    let bob = person(&bough, "bob@example.com", HOSTILE);
    member(&bough, "bob@example.com", "acme", "member");
    let ada_id = id_of(&bough, ADA);

    let list = ada.get("/acme/settings/members").expect(200);
    list.clone().says(&[HOSTILE, "bob@example.com", "bough admin member add EMAIL --organization acme"]);
    assert!(!list.html().contains("<b onclick"));
    // One's own role is no form.
    assert!(!list.has_form(&format!("/acme/settings/members/{ada_id}/role")));
    let action = format!("/acme/settings/members/{bob}/role");
    assert!(list.form(&action).contains(&("role".to_owned(), "member".to_owned())));

    let said = ada.submit(&list, &action, &[("role", "admin")]);
    ada.follow(&said).says(&["is an administrator now."]);
    let row = bough.admin().get(&format!("/v1/organizations/acme/members/{bob}")).expect(200);
    assert_eq!(row.str("/role"), "admin");
    ada.submit(&list, &action, &[("role", "emperor")]).expect(422).says(&["Choose one of these roles."]);

    // His own role nobody changes, whoever makes the form.
    let own = format!("/acme/settings/members/{ada_id}/role");
    let csrf = ("csrf".to_owned(), ada.csrf());
    let mine = ada.post(&own, &[csrf, ("role".to_owned(), "member".to_owned())]).expect(422);
    mine.says(&["Nobody changes his own role; another administrator can."]);

    // The last administrator who could log in stays one.
    bough.run_json(&["admin", "user", "disable", "bob@example.com", "--json"]);
    let row = bough.admin().get(&format!("/v1/organizations/acme/members/{ada_id}")).expect(200);
    assert_eq!(row.str("/role"), "admin");
    let page = ada.get(&format!("/acme/settings/members/{ada_id}")).expect(200);
    page.clone().says(&["Leave acme", "Nobody changes his own role; another administrator can."]);
    let leave = format!("/acme/settings/members/{ada_id}/remove");
    let last = "An organization keeps at least one administrator; make somebody else one first.";
    bough.foreign("globex");
    member(&bough, ADA, "globex", "member");
    ada.submit(&page, &leave, &[]).expect(422).says(&[last]);
    // The same where it is her only organization: nobody could remove her from it.
    bough.run_json(&["admin", "member", "remove", ADA, "--organization", "globex", "--json"]);
    ada.submit(&page, &leave, &[]).expect(422).says(&[last]);
    assert_eq!(ada.get("/acme/settings").status, 200);
}

#[test]
fn members_see_who_is_there_and_why_they_change_nothing() {
    let bough = bough();
    let mel = signed_in(&bough, "mel@example.com", "Mel", "member");
    let ada_id = id_of(&bough, ADA);
    let list = mel.get("/acme/settings/members").expect(200);
    let list = list.says(&[ADA, "Administrator", "Administrators of the organization may do this"]);
    assert!(!list.has_form(&format!("/acme/settings/members/{ada_id}/role")));
    let page = mel.get(&format!("/acme/settings/members/{ada_id}")).expect(200);
    assert!(!page.has_form(&format!("/acme/settings/members/{ada_id}/role")));
    assert!(!page.has_form(&format!("/acme/settings/members/{ada_id}/remove")));
    page.says(&["it needs the access write_organization"]);
    mel.get("/acme/settings/members?q=nobody-like-this")
        .says(&["Nobody has a name or an address like that."]);
    mel.get("/acme/settings/members?q=mel").says(&["mel@example.com"]).does_not_say(&[ADA]);
    mel.get("/acme/settings/members/zzzzzzzzzzzz").expect(404);
    mel.get("/acme/settings/audit-log").expect(403).says(&["read_audit_logs"]);
}

#[test]
fn who_is_removed_is_out_at_once_with_or_without_his_tokens() {
    let bough = bough();
    let ada = ada(&bough);
    bough.foreign("globex");
    for (email, delete) in [("bob@example.com", false), ("cyd@example.com", true)] {
        let id = person(&bough, email, "Somebody");
        member(&bough, email, "acme", "member");
        member(&bough, email, "globex", "member");
        let browser = Browser::new(&bough);
        browser.log_in(email, PASSWORD);
        // A token of his own, made in the browser.
        let page = browser.get("/acme/settings/service-tokens/new").expect(200);
        browser.submit(&page, "/acme/settings/service-tokens", &[("name", "his")]).expect(200);
        let tokens = |named: &str| {
            let list = bough.admin().get("/v1/organizations/acme/service-tokens?per_page=100").expect(200);
            list.data().iter().filter(|token| token["name"] == named).count()
        };
        assert_eq!(tokens("his"), 1, "before {email} goes");

        let page = ada.get(&format!("/acme/settings/members/{id}")).expect(200);
        let action = format!("/acme/settings/members/{id}/remove");
        assert!(page.has_form(&action));
        page.clone().says(&["Delete the service tokens", "Delete the passwords"]);
        let with: &[(&str, &str)] = if delete { &[("delete_service_tokens", "true")] } else { &[] };
        let said = ada.submit(&page, &action, with);
        let after = ada.follow(&said).expect(200).says(&["is no member any more."]);
        after.does_not_say(&[email]);
        assert_eq!(tokens("his"), usize::from(!delete), "after {email} has gone");
        if !delete {
            let list = bough.admin().get("/v1/organizations/acme/service-tokens?per_page=100").expect(200);
            let left = list.data().iter().find(|token| token["name"] == "his").expect("it stayed").clone();
            let path =
                format!("/v1/organizations/acme/service-tokens/{}", left["id"].as_str().expect("an id"));
            bough.admin().delete(&path).expect(204);
        }
        browser.get("/acme/settings").expect(404);
        browser.get("/globex").expect(200);
        ada.get(&format!("/acme/settings/members/{id}")).expect(404);
        assert_eq!(ada.submit(&page, &action, &[]).status, 404, "twice");
    }
}

#[test]
fn leaving_is_open_to_everybody_but_the_last_administrator() {
    let bough = bough();
    bough.foreign("globex");
    let mel = signed_in(&bough, "mel@example.com", "Mel", "member");
    member(&bough, "mel@example.com", "globex", "member");
    let id = id_of(&bough, "mel@example.com");
    let page = mel.get(&format!("/acme/settings/members/{id}")).expect(200);
    let action = format!("/acme/settings/members/{id}/remove");
    // Who leaves takes nothing along.
    mel.submit(&page, &action, &[("delete_service_tokens", "true")]).expect(422);
    let left = mel.submit(&page, &action, &[]);
    let start = mel.follow(&left);
    assert_eq!(start.leads_to(), "/globex");
    mel.follow(&start).expect(200).says(&["You have left acme."]);
    mel.get("/acme").expect(404);
}

#[test]
fn the_audit_log_is_narrowed_paged_and_unfolded() {
    let bough = bough();
    let ada = ada(&bough);
    let admin = bough.admin();
    for number in 0..30 {
        let name = format!("token-{number}");
        admin.post(&admin.org("/service-tokens"), &json!({"name": name})).expect(200);
    }
    let page = ada.get("/acme/settings").expect(200);
    ada.submit(&page, "/acme/settings", &[("billing_email", "b<i>@example.com")]).expect(303);

    let log = ada.get("/acme/settings/audit-log").expect(200);
    let shown = log.clone().says(&["updated organization", "organization.updated", "127.0.0.1", "Metadata"]);
    assert!(shown.text().contains("\"b<i>@example.com\""), "metadata as it is");
    assert!(!shown.html().contains("<i>@"), "and escaped");
    assert_eq!(shown.html().matches("<details>").count(), 25, "entries on a page");

    // To the older ones and back.
    let link = |page: &Shown, rel: &str| {
        let tags = crate::html::tags(page.html());
        let tag = tags.iter().find(|tag| tag.attribute("rel") == Some(rel));
        tag.and_then(|tag| tag.attribute("href")).map(str::to_owned)
    };
    assert_eq!(link(&log, "prev"), None);
    let older = ada.get(&link(&log, "next").expect("older ones")).expect(200);
    older.clone().says(&["created organization acme"]).does_not_say(&["updated organization acme"]);
    let back = ada.get(&link(&older, "prev").expect("newer ones")).expect(200);
    back.says(&["updated organization acme"]);

    // Narrowed by action, by actor, and to nothing.
    let by_action = ada.get("/acme/settings/audit-log?action=service_token.created").expect(200);
    by_action.clone().does_not_say(&["updated organization acme"]);
    let next = link(&by_action, "next").expect("there are more than 25");
    assert!(next.contains("action=service_token.created"), "{next}");
    let ada_id = id_of(&bough, ADA);
    let by_ada = ada.get(&format!("/acme/settings/audit-log?actor={ada_id}")).expect(200);
    by_ada.says(&["updated organization acme"]).does_not_say(&["created service token"]);
    for odd in ["?action=nothing.done", "?actor=%3Cscript%3E", "?actor=x&action=y"] {
        let none = ada.get(&format!("/acme/settings/audit-log{odd}")).expect(200);
        assert!(!none.html().contains("<script>"));
        none.says(&["No entry matches these filters."]);
    }
    ada.get("/acme/settings/audit-log?older_than=nonsense").expect(200);
}

#[test]
fn the_chain_is_verified_and_damage_is_told() {
    let bough = bough();
    let ada = ada(&bough);
    let log = ada.get("/acme/settings/audit-log").expect(200);
    let sound = ada.submit(&log, "/acme/settings/audit-log", &[]).expect(200);
    let count = sound.html().matches("<details>").count();
    assert!(count > 0);
    sound.says(&["The log is what was written", "entries were checked"]);

    // The record outside the store, changed behind Bough's back.
    let heads = bough.data_dir().join("audit-heads");
    let mut file = std::fs::File::options().append(true).open(&heads).expect("the noted heads");
    file.write_all(b"acme 9 00 00\n").expect("written");
    drop(file);
    let damaged = ada.submit(&log, "/acme/settings/audit-log", &[]).expect(200);
    damaged.says(&["is not what was written", "of the heads noted outside the store was changed"]);
    assert!(bough.log().contains("the audit log is not what was written"));
}
