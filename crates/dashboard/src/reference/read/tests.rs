use serde_json::json;

use super::*;

fn described() -> Value {
    let refused =
        |status: &str| json!({status: {"description": "No."}, "500": {"description": "Bough failed."}});
    let mut made = refused("422");
    made["201"] = json!({
        "description": "Done.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Branch"}}},
    });
    let mut listed = refused("403");
    listed["200"] = json!({
        "description": "Done.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page_Branch"}}},
    });
    let mut regions = refused("429");
    regions["200"] = json!({"description": "Done."});
    json!({
        "paths": {
            "/organizations/{organization}/databases/{database}/branches": {
                "get": {"operationId": "list_branches", "summary": "Lists `them`.", "responses": listed,
                    "parameters": [{"name": "page", "in": "query", "schema": {"type": "integer"}}]},
                "post": {"operationId": "create_branch", "responses": made,
                    "requestBody": {"required": true,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewBody"}}}}},
            },
            "/regions": {"get": {"operationId": "list_public_regions", "security": [], "responses": regions}},
        },
        "components": {"schemas": {
            "Branch": {"description": "A branch.", "properties": {
                "name": {"type": "string"}, "actor": {"$ref": "#/components/schemas/ActorShape"}}},
            "ActorShape": {"properties": {"self": {"$ref": "#/components/schemas/ActorShape"}}},
            "Page_Branch": {"properties": {
                "data": {"type": "array", "items": {"$ref": "#/components/schemas/Branch"}}}},
            "NewBody": {"properties": {"note": {"type": "string"}, "name": {"type": "string"}},
                "required": ["name"]},
            "Error": {"properties": {"code": {"type": "string"}}},
        }},
    })
}

fn read() -> Reference {
    Reference::new(&described(), "http://h:1")
}

#[test]
fn operations_stand_with_those_about_the_same_thing() {
    let reference = read();
    let shown: Vec<(&str, Vec<&str>)> = reference
        .groups
        .iter()
        .map(|group| (group.slug, group.operations.iter().map(|one| one.id.as_str()).collect()))
        .collect();
    assert_eq!(
        shown,
        [("branches", vec!["list_branches", "create_branch"]), ("regions", vec!["list_public_regions"])]
    );
    assert_eq!(title("list_branch_cluster_size_skus"), "List branch cluster size SKUs");
    assert_eq!(group_of("/something/new").0, "organizations", "nothing is left out");
}

#[test]
fn what_an_operation_takes_and_answers_is_told() {
    let reference = read();
    let made = &reference.groups[0].operations[1];
    let body = made.body.as_ref().expect("a body");
    let fields: Vec<(&str, bool)> = body.fields.iter().map(|one| (one.name.as_str(), one.required)).collect();
    assert_eq!(fields, [("name", true), ("note", false)]);
    assert_eq!(body.sample, r#"{"name":"new-name"}"#);
    assert_eq!(
        made.curl,
        "curl -X POST -H \"Authorization: $BOUGH_TOKEN_ID:$BOUGH_TOKEN\" -H 'Content-Type: application/json' \
         -d '{\"name\":\"new-name\"}' \"http://h:1/v1/organizations/$ORGANIZATION/databases/$DATABASE/branches\""
    );
    assert_eq!(reference.groups[1].operations[0].curl, "curl \"http://h:1/v1/regions\"", "no credential");
    let accesses: Vec<&str> = made.needs.iter().flat_map(|need| need.accesses.clone()).collect();
    assert!(accesses.contains(&"create_branch"), "{accesses:?}");
}

#[test]
fn refusals_of_all_stand_once() {
    let reference = read();
    assert_eq!(reference.refusals, [Refusal { status: "500".to_owned(), text: "Bough failed.".to_owned() }]);
    let own = &reference.groups[0].operations[0].refusals;
    assert_eq!(own, &[Refusal { status: "403".to_owned(), text: "No.".to_owned() }]);
}

#[test]
fn every_object_that_is_named_stands_on_the_page() {
    for group in read().groups {
        let here: Vec<&str> = group.objects.iter().map(|object| object.name.as_str()).collect();
        let fields =
            group.objects.iter().flat_map(|object| object.fields.iter().map(|field| &field.kind.object));
        let answers = group.operations.iter().flat_map(|one| &one.answers);
        let answers = answers.flat_map(|answer| answer.kinds.iter().map(|kind| &kind.object));
        for name in fields.chain(answers).filter(|name| !name.is_empty()) {
            assert!(here.contains(&name.as_str()), "{name} is not among {here:?}");
        }
        if group.slug == "branches" {
            assert_eq!(here, ["ActorShape", "Branch", "Page"]);
            assert_eq!(
                group.objects[2].fields[0].kind.before, "array",
                "a list is described without its items"
            );
        }
    }
}
