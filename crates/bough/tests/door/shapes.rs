//! Every field of a database and of a branch, with its type, and whether it may be null: those that the
//! first clients read, written down here, and all of the contract where it lies beside the repository.

use std::path::{Path, PathBuf};

use bough_testkit::{Bough, wait_until};
use serde_json::{Value, json};

const BOUGH: &str = env!("CARGO_BIN_EXE_bough");

/// What the seed shows of a branch. `?`: may be null.
const BRANCH: &str = "id:string type:string name:string created_at:timestamp updated_at:timestamp \
    restore_checklist_completed_at:timestamp? access_host_url:string schema_last_updated_at:timestamp? \
    mysql_address:string mysql_provider_address:string initial_restore_id:string? mysql_edge_address:string \
    ready:boolean production:boolean sharded:boolean shard_count:integer actor:object restored_from_branch:object? \
    html_url:string url:string region:object multiple_admins_required_for_demotion:boolean parent_branch:string?";
/// What the clients read of a database.
const DATABASE: &str = "id:string type:string name:string url:string branches_url:string html_url:string \
    branches_count:integer ready:boolean state:string region:object kind:string default_branch:string notes:string \
    created_at:timestamp updated_at:timestamp deletion_protected:boolean actor:object";

pub struct Field {
    name: String,
    kind: String,
    nullable: bool,
    optional: bool,
}

pub fn written(list: &str) -> Vec<Field> {
    let field = |part: &str| {
        let (name, kind) = part.split_once(':').expect("name:type");
        let nullable = kind.ends_with('?');
        Field {
            name: name.to_owned(),
            kind: kind.trim_end_matches('?').to_owned(),
            nullable,
            optional: false,
        }
    };
    list.split_whitespace().map(field).collect()
}

/// The table of a `.fields.md` of the contract.
pub fn contract(file: &Path) -> Option<Vec<Field>> {
    let text = std::fs::read_to_string(file).ok()?;
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, kind, nullable, ..] = cells[..] else { return None };
        let name = name.strip_prefix('`')?.strip_suffix('`')?;
        let word = kind.split([' ', '(']).next().unwrap_or("");
        let kind_name = if word.starts_with('[') { "object" } else { word };
        Some(Field {
            name: name.to_owned(),
            kind: kind_name.to_owned(),
            nullable: nullable == "yes",
            optional: kind.contains("(optional)"),
        })
    });
    Some(rows.collect())
}

fn is_timestamp(text: &str) -> bool {
    // 2021-01-14T10:19:23.000Z
    let form = |c: char| if c.is_ascii_digit() { '0' } else { c };
    text.chars().map(form).collect::<String>() == "0000-00-00T00:00:00.000Z"
}

fn fits(value: &Value, field: &Field) -> bool {
    match (&*field.kind, value) {
        (_, Value::Null) => field.nullable,
        ("string", Value::String(_)) | ("boolean", Value::Bool(_)) | ("object", Value::Object(_)) => true,
        ("timestamp", Value::String(text)) => is_timestamp(text),
        ("integer", Value::Number(number)) => number.is_u64(),
        ("array", Value::Array(_)) => true,
        _ => false,
    }
}

pub fn check(what: &str, object: &Value, fields: &[Field]) {
    assert!(fields.len() > 15, "{what}: only {} fields were found", fields.len());
    for field in fields {
        match object.pointer(&format!("/{}", field.name.replace('.', "/"))) {
            Some(value) => {
                assert!(fits(value, field), "{what}: {} is {value}, not {}", field.name, field.kind)
            }
            None if field.name.contains('.') => {
                let parent = field.name.split('.').next().unwrap_or("");
                assert_eq!(object[parent], Value::Null, "{what}: {} is missing", field.name);
            }
            None => assert!(field.optional, "{what}: {} is missing", field.name),
        }
    }
}

/// Where the contract is, if it lies beside the repository.
pub fn shared() -> Option<PathBuf> {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    if shared.is_dir() {
        return Some(shared.join("contract/objects"));
    }
    #[allow(clippy::print_stdout, reason = "a test says what it leaves out")]
    {
        println!("skipped: ../shared is not here");
    }
    None
}

#[test]
fn databases_and_branches_have_every_field_of_the_contract() {
    let mut branch_fields = vec![written(BRANCH)];
    let mut database_fields = vec![written(DATABASE)];
    if let Some(objects) = shared() {
        branch_fields
            .push(contract(&objects.join("DatabaseBranch.fields.md")).expect("the contract's branch"));
        database_fields.push(contract(&objects.join("Database.fields.md")).expect("the contract's database"));
    }
    let bough = Bough::start(BOUGH);
    let admin = bough.admin();
    let check_branch = |what: &str, object: &Value| branch_fields.iter().for_each(|f| check(what, object, f));
    let check_database =
        |what: &str, object: &Value| database_fields.iter().for_each(|f| check(what, object, f));

    let made = admin.post(&admin.org("/databases"), &json!({"name": "shop"})).expect(201).json;
    check_database("a database just made", &made);
    assert_eq!((&made["state"], &made["ready"]), (&json!("pending"), &json!(false)));
    let made = admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "dev"})).expect(201).json;
    check_branch("a branch just made", &made);
    assert_eq!(
        (&made["state"], &made["ready"], &made["cluster_name"]),
        (&json!("pending"), &json!(false), &json!("PS_DEV"))
    );
    check_branch("a ready branch", &bough.wait_branch("shop", "dev"));
    let main = bough.wait_branch("shop", "main");
    check_branch("a ready branch without a parent", &main);
    assert_eq!((&main["parent_branch"], &main["production"]), (&Value::Null, &json!(true)));
    let shop = admin.get(&admin.org("/databases/shop")).expect(200).json;
    check_database("a ready database", &shop);
    assert_eq!(
        (&shop["state"], &shop["ready"], &shop["branches_count"]),
        (&json!("ready"), &json!(true), &json!(2))
    );
    let setup = bough.setup_token();
    for object in [&main, &shop] {
        assert_eq!(
            (&object["actor"]["id"], &object["actor"]["type"]),
            (&json!(setup.id), &json!("ServiceToken"))
        );
        let url = object["url"]
            .as_str()
            .and_then(|url| url.strip_prefix(bough.base()))
            .expect("an address of ours");
        assert_eq!(admin.get(url).expect(200).json["id"], object["id"]);
        let picture = object["actor"]["avatar_url"].as_str().and_then(|url| url.strip_prefix(bough.base()));
        assert!(admin.get(picture.expect("a picture of ours")).expect(200).text.contains("<svg"));
    }
    // A changed schema shows without being asked for.
    bough.sql("shop", "main", "CREATE TABLE t (id INT PRIMARY KEY)");
    admin.post(&admin.org("/databases/shop/branches"), &json!({"name": "after"})).expect(201);
    let after = bough.wait_branch("shop", "after");
    assert_eq!(after["schema_ready"], json!(true));
    wait_until(std::time::Duration::from_secs(15), "the table is counted", || {
        let shop = admin.get(&admin.org("/databases/shop")).expect(200).json;
        (shop["default_branch_table_count"] == json!(1) && shop["schema_last_updated_at"].is_string())
            .then_some(())
    });
}
