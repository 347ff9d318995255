//! The schemas of well-known open-source applications, loaded as their operators load them, then branched.
//!
//! They come out of Debian packages by `scripts/app-schemas.sh` and are no part of this project. `make test`
//! tries the few small ones where they can be had, `make test-schemas` all of them.
#![allow(clippy::print_stderr, reason = "what was tried, and what was not")]

mod support;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use bough_engine::Step;
use bough_model::Desired;
use support::printed::{all_read_back, catalogue, printed, without_counters};
use support::{Rig, child_spec, converge, id, root_spec, schema};

/// Those of `make test`.
const FEW: &[&str] = &["bacula", "icinga2", "kea"];
/// Set to `all` for all that were fetched.
const WHICH: &str = "BOUGH_APP_SCHEMAS";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/app-schemas")
}

fn fetched() -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder()).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| Some(name.strip_suffix(".sql")?.to_owned())).collect()
}

#[test]
fn schemas_of_applications_are_branched() {
    let (fetched, all) = (fetched(), std::env::var(WHICH).is_ok_and(|which| which == "all"));
    let few = FEW.iter().map(|name| (*name).to_owned());
    let wanted: BTreeSet<String> = if all { fetched.clone() } else { few.collect() };
    for name in wanted.difference(&fetched) {
        eprintln!("skipped: {name}: its schema is not in .tools/app-schemas; see scripts/app-schemas.sh");
    }
    let tried: Vec<&String> = wanted.intersection(&fetched).collect();
    if tried.is_empty() {
        eprintln!("skipped: no schema of an application is here, so none was tried");
        return;
    }
    let rig = Rig::new();
    let parent = root_spec("appsaaaaaaaa");
    converge(&rig.engine, &parent, Desired::Running);
    let mut from = rig.engine.connect(&parent.id).expect("a session");
    for (number, name) in tried.iter().enumerate() {
        from.execute("DROP DATABASE shop_1").expect("the schema before");
        from.execute("CREATE DATABASE shop_1 CHARACTER SET utf8mb4").expect("a schema");
        load(&rig, name);
        let child = child_spec(&format!("app{number:09}"), "appsaaaaaaaa");
        for step in [Step::CopyTemplate, Step::StartServer, Step::PrepareAccounts] {
            rig.engine.execute(&child, step).expect("a step");
        }
        let begun = Instant::now();
        rig.engine.execute(&child, Step::CopySchema).unwrap_or_else(|error| panic!("{name}: {error}"));
        let took = begun.elapsed();
        let mut to = rig.engine.connect(&child.id).expect("a session");
        let (wanted, copy) = (printed(&mut from), printed(&mut to));
        assert_eq!(wanted.keys().collect::<Vec<_>>(), copy.keys().collect::<Vec<_>>(), "{name}");
        for (object, text) in &wanted {
            assert_eq!(copy[object], without_counters(text), "{name}: {object}");
        }
        assert_eq!(catalogue(&mut from), catalogue(&mut to), "{name}");
        assert!(all_read_back(&rig.engine, &parent.id) > 1, "{name}");
        eprintln!("{name}: {} objects, copied in {} ms", wanted.len() - 3, took.as_millis());
        converge(&rig.engine, &child, Desired::Gone);
    }
}

/// As an operator would: with the command-line client, which knows `DELIMITER`.
fn load(rig: &Rig, name: &str) {
    let path = folder().join(format!("{name}.sql"));
    let mut client = rig.engine.shell_command(&id("appsaaaaaaaa"), &schema()).expect("the client");
    client.arg("--batch").stdin(Stdio::from(File::open(path).expect("the file")));
    let output = client.output().expect("the client runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} cannot be loaded: {said}");
}
