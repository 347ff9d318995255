//! Databases in the browser: the overview, a new one, its page, its settings, and the palette.

use std::time::Duration;

use bough_testkit::wait_until;
use serde_json::{Value, json};

use crate::support::*;

/// Longest wait for a state.
const LIMIT: Duration = Duration::from_secs(60);

/// The JSON that the script gets from the palette.
fn found(browser: &Browser, text: &str) -> Vec<(String, String, String)> {
    let address = format!("/acme/palette?q={text}");
    let answer = browser.send("GET", &address, &[("accept", "application/json")], None).expect(200).answer;
    let results = answer.json["results"].as_array().expect("results").clone();
    assert!(results.len() <= 20, "{}", answer.text);
    let text = |result: &Value, key: &str| result[key].as_str().expect("a text").to_owned();
    results.iter().map(|each| (text(each, "kind"), text(each, "name"), text(each, "href"))).collect()
}

#[test]
fn a_database_is_made_from_an_empty_overview_and_comes_up() {
    let bough = bough();
    let ada = ada(&bough);
    ada.get("/acme").expect(200).says(&["No databases yet", "Make the first database"]);
    let form =
        ada.get("/acme/new").expect(200).says(&["Name", "Region", "Cluster size", "Lower-case letters"]);
    let wrong = ada.submit(&form, "/acme/new", &[("name", "Shop <b>"), ("cluster_size", "PS_20")]);
    let wrong = wrong.expect(422).says(&["Database name may only contain"]);
    let typed = wrong.form("/acme/new");
    assert!(typed.contains(&("name".to_owned(), "Shop <b>".to_owned())), "{typed:?}");
    assert!(typed.contains(&("cluster_size".to_owned(), "PS_20".to_owned())), "{typed:?}");
    assert!(wrong.html().contains("Shop &#60;b&#62;") || wrong.html().contains("Shop &lt;b&gt;"));
    let gone = ada.submit(&form, "/acme/new", &[("name", "shop"), ("region", "nowhere")]);
    gone.expect(422).says(&["region \"nowhere\" is not available"]);
    ada.get("/acme").expect(200).says(&["No databases yet"]);
    // Twice the same form makes one.
    let fields = filled(wrong.form("/acme/new"), &[("name", "shop")]);
    let made = ada.post("/acme/new", &fields).expect(303);
    assert_eq!(made.leads_to(), "/acme/shop");
    let again = ada.post("/acme/new", &fields).expect(303);
    assert_eq!(again.leads_to(), "/acme/shop");
    ada.follow(&again).expect(200).says(&["carried out once", "shop", "main", "Production", "Default"]);
    ada.submit(&form, "/acme/new", &[("name", "shop")]).expect(422).says(&["name has already been taken"]);
    wait_until(LIMIT, "the database's page says that it is ready", || {
        ada.get("/acme/shop").expect(200).part("database-state").contains("Ready").then_some(())
    });
    ada.get("/acme").expect(200).says(&["shop", "Ready", "main", "Local", "by ada", "1–1 of 1"]);
}

#[test]
fn the_overview_is_paged_searched_and_small() {
    let bough = bough();
    let ada = ada(&bough);
    let admin = bough.admin();
    for number in 0..30 {
        let name = json!({"name": format!("db-{number:02}")});
        admin.post(&admin.org("/databases"), &name).expect(201);
    }
    let first = ada.get("/acme").expect(200).says(&["1–25 of 30", "db-29", "db-05"]).does_not_say(&["db-04"]);
    assert!(first.html().len() < 100 * 1024, "{} bytes", first.html().len());
    ada.get("/acme?page=2").expect(200).says(&["26–30 of 30", "db-04", "db-00"]).does_not_say(&["db-05"]);
    ada.get("/acme?page=9").expect(200).says(&["There are no databases on this page"]);
    ada.get("/acme?q=DB-1").expect(200).says(&["1–10 of 10", "db-19"]).does_not_say(&["db-29"]);
    // What is looked for is text, whatever it looks like.
    let hostile = "%25%3Cscript%3E%22%27_%E2%80%AE";
    let none = ada.get(&format!("/acme?q={hostile}")).expect(200).says(&["No database has a name with"]);
    assert!(!none.html().contains("<script>"), "{}", none.html());
}

#[test]
fn who_may_not_is_told_why_and_changes_nothing() {
    let bough = bough();
    bough.database("shop");
    let member = signed_in(&bough, "mel@example.com", "Mel", "member");
    let analyst = signed_in(&bough, "ann@example.com", "Ann", "analyst");
    for browser in [&member, &analyst] {
        // Both may make databases and branches.
        browser.get("/acme").expect(200).says(&["shop", "New database"]);
        browser.get("/acme/new").expect(200);
        let page = browser.get("/acme/shop").expect(200).says(&["main", "New branch"]);
        assert!(page.has_form("/acme/shop/branches/new"));
        // Settings can be read, and say who may change them.
        let settings = browser.get("/acme/shop/settings").expect(200);
        let settings =
            settings.says(&["Administrators of the organization or of this database", "write_database"]);
        assert!(!settings.has_form("/acme/shop/delete"), "{}", settings.html());
        let csrf = [("csrf".to_owned(), browser.csrf())];
        let forms = [
            ("/acme/shop/settings", &[("new_name", "other")][..]),
            ("/acme/shop/delete", &[("confirm", "shop")]),
            ("/acme/shop/settings/administrators", &[("member", "mel@example.com")]),
        ];
        for (action, with) in forms {
            browser.post(action, &filled(csrf.to_vec(), with)).expect(403).says(&["may do this"]);
        }
    }
    let stranger = Browser::new(&bough);
    bough.foreign("globex");
    person(&bough, "eve@example.com", "Eve");
    self::member(&bough, "eve@example.com", "globex", "admin");
    stranger.log_in("eve@example.com", PASSWORD);
    for path in ["/acme", "/acme/new", "/acme/shop", "/acme/shop/settings", "/acme/palette", "/acme/nothing"]
    {
        stranger.get(path).expect(404).does_not_say(&["main"]);
    }
    let nobody = Browser::new(&bough);
    let page = nobody.get("/acme/shop").expect(303);
    assert_eq!(page.leads_to(), "/login?next=%2Facme%2Fshop");
    bough.admin().get("/v1/organizations/acme/databases/shop").expect(200);
}

#[test]
fn settings_are_changed_and_what_is_wrong_stands_beside_its_field() {
    let bough = bough();
    bough.database("shop");
    bough.database("other");
    let ada = ada(&bough);
    let page = ada.get("/acme/shop/settings").expect(200);
    let save = |with: &[(&str, &str)]| ada.submit(&page, "/acme/shop/settings", with);
    save(&[("new_name", "other")]).expect(422).says(&["name has already been taken"]);
    save(&[("default_branch", "none")]).expect(422).says(&["default_branch \"none\" does not exist"]);
    let long = "x".repeat(65);
    let wrong = save(&[("migration_table_name", &long), ("deletion_protected", "true")]).expect(422);
    let wrong = wrong.says(&["migration_table_name is too long"]);
    assert!(
        wrong.form("/acme/shop/settings").contains(&("deletion_protected".to_owned(), "true".to_owned()))
    );
    save(&[("no_such_field", "1")]).expect(400);
    save(&[("csrf", &"0".repeat(64)), ("new_name", "stolen")]).expect(403);
    let api = |name: &str| bough.admin().get(&format!("/v1/organizations/acme/databases/{name}"));
    assert_eq!(api("shop").expect(200).json["deletion_protected"], json!(false));

    let saved = save(&[("deletion_protected", "true"), ("migration_framework", "Rails <3")]).expect(303);
    ada.follow(&saved).expect(200).says(&["The settings were saved."]);
    let database = api("shop").expect(200).json;
    assert_eq!(database["deletion_protected"], json!(true));
    assert_eq!(database["migration_framework"], json!("Rails <3"));
    assert_eq!(database["automatic_migrations"], json!(null), "what nobody chose");

    let page = ada.get("/acme/shop/settings").expect(200);
    let delete = |with: &[(&str, &str)]| ada.submit(&page, "/acme/shop/delete", with);
    delete(&[("confirm", "shop")]).expect(422).says(&["protected against deletion"]);
    let mut fields = page.form("/acme/shop/settings");
    fields.retain(|(name, _)| name != "deletion_protected");
    let renamed = ada.post("/acme/shop/settings", &filled(fields, &[("new_name", "settings")])).expect(303);
    // Its name is that of a page: it is found by its id.
    let id = database["id"].as_str().expect("its id");
    assert_eq!(renamed.leads_to(), format!("/acme/{id}/settings"));
    assert_eq!(api("settings").json["html_url"], json!(format!("{}/acme/{id}", bough.base())));
    ada.get("/acme").expect(200).says(&["settings"]);
    let page = ada.follow(&renamed).expect(200);
    let delete = |with: &[(&str, &str)]| ada.submit(&page, &format!("/acme/{id}/delete"), with);
    delete(&[("confirm", "shop")]).expect(422).says(&["Type settings to confirm. Nothing was deleted."]);
    api("settings").expect(200);
    let deleted = delete(&[("confirm", "settings")]).expect(303);
    ada.follow(&deleted).expect(200).says(&["Database settings was deleted.", "other"]);
    api("settings").expect(404);
}

#[test]
fn administrators_of_a_database_come_and_go() {
    let bough = bough();
    bough.database("shop");
    let ada = ada(&bough);
    let mel = signed_in(&bough, "mel@example.com", "Mel <b>", "member");
    mel.get("/acme/shop/settings").expect(200).says(&["Nobody yet"]);
    mel.post("/acme/shop/settings", &[("csrf".to_owned(), mel.csrf())]).expect(403);
    let page = ada.get("/acme/shop/settings").expect(200);
    let action = "/acme/shop/settings/administrators";
    let add = |member: &str| ada.submit(&page, action, &[("member", member)]);
    add("nobody@example.com").expect(422).says(&["Choose a member of the organization"]);
    ada.follow(&add("MEL@example.com").expect(303))
        .expect(200)
        .says(&["Mel <b> administers this database now."]);
    let page = mel.get("/acme/shop/settings").expect(200).says(&["mel@example.com", "Save settings"]);
    mel.submit(&page, "/acme/shop/settings", &[("restrict_branch_region", "true")]).expect(303);
    let page = ada.get("/acme/shop/settings").expect(200);
    let removed = ada.submit(&page, &format!("{action}/remove"), &[]).expect(303);
    ada.follow(&removed).expect(200).says(&["Nobody yet"]);
    mel.post("/acme/shop/settings", &[("csrf".to_owned(), mel.csrf())]).expect(403);
}

#[test]
fn the_palette_finds_things_by_name() {
    let bough = bough();
    bough.database("shop");
    let admin = bough.admin();
    let branches = admin.org("/databases/shop/branches");
    for name in ["settings", "feature-cart", "cart"] {
        admin.post(&branches, &json!({ "name": name })).expect(201);
    }
    let token = admin.post(&admin.org("/service-tokens"), &json!({"name": "Cart <i>bot"})).expect(200);
    let ada = ada(&bough);
    let names = |text: &str| found(&ada, text).into_iter().map(|(_, name, _)| name).collect::<Vec<_>>();
    assert_eq!(
        names("cart"),
        ["shop/cart", "shop/feature-cart", "Cart <i>bot"],
        "what begins like it comes first"
    );
    assert_eq!(names("SHOP%2Ffea"), ["shop/feature-cart"]);
    assert_eq!(names("%25"), Vec::<String>::new(), "no wildcard");
    let (kind, name, address) = found(&ada, "cart%20%3C").remove(0);
    assert_eq!((kind.as_str(), name.as_str()), ("token", "Cart <i>bot"));
    assert_eq!(address, format!("/acme/settings/service-tokens/{}", token.str("/id")));
    // A branch that is called as a page is found by its id.
    let reserved = found(&ada, "shop%2Fsettings").remove(0).2;
    let id = admin.get(&format!("{branches}/settings")).expect(200).str("/id").to_owned();
    assert_eq!(reserved, format!("/acme/shop/{id}"));
    ada.get(&reserved).expect(200).says(&["settings", "Branch server"]);
    assert!(found(&ada, "").iter().any(|(kind, name, _)| kind == "database" && name == "shop"));
    ada.get("/acme/palette?q=cart").expect(200).says(&["shop/feature-cart", "Cart <i>bot", "token"]);
    // What is deleted is not found, and nothing of others is.
    admin.delete(&format!("{branches}/cart")).expect(204);
    assert_eq!(names("cart"), ["shop/feature-cart", "Cart <i>bot"]);
    bough.foreign("globex");
    person(&bough, "eve@example.com", "Eve");
    member(&bough, "eve@example.com", "globex", "admin");
    let eve = Browser::new(&bough);
    eve.log_in("eve@example.com", PASSWORD);
    let address = "/globex/palette?q=cart";
    let answer = eve.send("GET", address, &[("accept", "application/json")], None).expect(200).answer;
    assert_eq!(answer.json["results"], json!([]));
}
