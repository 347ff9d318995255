//! The reference of the API as anybody reads it: whole, small, true to the description, and nothing else
//! below its address.

use std::time::Duration;

use bough_testkit::{Answer, Bough, Raw, Wire};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");

/// Most bytes of a page.
const PAGE_MAX_BYTES: usize = 100 * 1024;

fn policy(answer: &Answer) -> &str {
    answer.header("content-security-policy").expect("a content security policy")
}

/// What stands between the quotes after each `start`.
fn all_after<'a>(text: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).filter_map(|rest| rest.split('"').next())
}

fn accesses(rule: &serde_json::Value) -> Vec<&str> {
    let lists = rule.as_object().into_iter().flatten().filter_map(|(_, names)| names.as_array());
    lists.flatten().filter_map(serde_json::Value::as_str).collect()
}

#[test]
fn everybody_finds_every_operation_with_what_it_needs() {
    let bough = Bough::start(BOUGH);
    let nobody = bough.anonymous();
    let description = nobody.get("/v1/openapi.json").expect(200).json;
    let index = nobody.get("/docs").expect(200);
    assert!(policy(&index).contains("default-src 'none'"), "{}", policy(&index));
    let mut count = 0;
    for (path, methods) in description["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let id = operation["operationId"].as_str().expect("an id");
            let end = format!("#{id}");
            let address = all_after(&index.text, "href=\"").find(|address| address.ends_with(&end));
            let address = address.unwrap_or_else(|| panic!("{id} is not in the index"));
            let page = nobody.get(address.trim_end_matches(&end)).expect(200);
            assert!(page.text.len() <= PAGE_MAX_BYTES, "{address} has {} bytes", page.text.len());
            assert_eq!(policy(&page), policy(&index));
            assert!(!page.text.contains(" style=") && !page.text.contains("<script>"), "{address}");
            let start =
                page.text.find(&format!("<article class=\"operation\" id=\"{id}\"")).expect("its place");
            let own = page.text[start..].split("</article>").next().unwrap_or_default();
            let call = format!("data-method=\"{}\" data-path=\"/v1{path}\"", method.to_uppercase());
            assert!(own.contains(&call), "{id}: {own}");
            for access in accesses(&operation["x-accesses"]) {
                // What only people hold no service token can be granted.
                let said = own.contains(&format!("<code>{access}</code>"));
                assert!(said || own.contains("People only"), "{id} does not say that {access} opens it");
            }
            for parameter in operation["parameters"].as_array().expect("parameters") {
                let name = parameter["name"].as_str().expect("a name");
                assert!(own.contains(&format!("><code>{name}</code></dt>")), "{id} lacks {name}");
            }
            for status in operation["responses"].as_object().expect("responses").keys() {
                let told = format!("<dt><code>{status}</code></dt>");
                assert!(own.contains(&told) || index.text.contains(&told), "{id} does not tell of {status}");
            }
            // Whatever a page points at is on it.
            for target in all_after(own, "href=\"#") {
                assert!(page.text.contains(&format!("id=\"{target}\"")), "{id} points at {target}");
            }
            count += 1;
        }
    }
    assert!(count > 50, "{count} operations were found");
    assert!(index.text.len() <= PAGE_MAX_BYTES, "{}", index.text.len());
}

#[test]
fn nothing_else_is_below_its_address() {
    let bough = Bough::start(BOUGH);
    let nobody = bough.anonymous();
    for path in [
        "/docs/nothing",
        "/docs/branches/create_branch",
        "/docs/Branches",
        "/docs/branches%20",
        "/docs/%2e%2e%2fbranches",
        "/docs/..%2f..%2fetc%2fpasswd",
        "/docs/%ff",
        "/docs/%00",
        "/docs/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/docs/settings/members",
    ] {
        let answer = nobody.get(path).expect(404);
        assert!(policy(&answer).contains("default-src 'none'"), "{path}");
        assert!(!answer.text.contains("<script>alert"), "{path}: {}", answer.text);
    }
    nobody.send("POST", "/docs", &[], Some(b"token=secret")).expect(405);
    // As it is, without a client that mends it.
    let mut wire = Wire::to(bough.base(), Duration::from_secs(10));
    let answer = wire.ask(&Raw::new("GET", "/docs/../docs/nothing")).expect("an answer");
    assert_eq!(answer.status, 404, "{}", answer.text());
}
