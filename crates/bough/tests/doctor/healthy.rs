//! What is in order is told so, nothing is changed by looking, and a Bough at work does not look broken.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::told::{Told, doctor, doctor_at, paste, pid_of, place_of, set_up, wait_restarted, with_shop};

/// Every path below `root` with its owner, mode, size and last change.
fn listing(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            let meta = entry.metadata().expect("its metadata");
            let path = entry.path();
            if meta.is_dir() {
                folders.push(path.clone());
            }
            let changed = (meta.mtime(), meta.mtime_nsec());
            let told = format!("{}:{} {:o} {} {changed:?}", meta.uid(), meta.gid(), meta.mode(), meta.len());
            found.insert(path.display().to_string(), told);
        }
    }
    found
}

#[test]
fn a_healthy_directory_is_told_so_and_stays_as_it_is() {
    let mut bough = with_shop();
    let (_, folder) = place_of(&bough, "main");
    let pid = pid_of(&folder);
    let told = doctor(&bough);
    told.assert_sound("serving");
    told.find("ok", "serving", "serves");
    told.find("ok", "address", "listens on 127.0.0.1:");
    told.find("ok", "gateway", "listens on 127.0.0.1:");
    told.find("ok", "branch-records", "1 records");
    told.find("ok", "branch-servers", "1 branch servers run");
    told.find("ok", "server-versions", "1 branch servers run the installed");

    // What a server at work writes on its own is left out.
    let theirs =
        |path: &str| path.contains("/data/") || path.ends_with("/data") || path.ends_with("error.log");
    let own = |root: &Path| {
        let mut listed = listing(root);
        listed.retain(|path, _| !theirs(path));
        listed
    };
    let servers = bough.branch_servers();
    let heads = bough.data_dir().join("audit-heads");
    // The last heads are noted when it ends.
    bough.stop();
    assert!(heads.exists());
    let before = own(&bough.data_dir());
    for _ in 0..3 {
        let told = doctor(&bough);
        told.assert_sound("servers run on");
        told.find("note", "serving", "nobody serves");
        told.find("note", "branch-servers", "1 branch servers run, as they should");
    }
    let words = bough.run(&["doctor"]);
    assert_eq!(words.status.code(), Some(0));
    assert_eq!(own(&bough.data_dir()), before, "nothing came, went or changed");
    assert_eq!(bough.branch_servers(), servers);

    let stopped = bough.run(&["stop-branches"]);
    assert!(stopped.status.success());
    let before = listing(&bough.data_dir());
    let told = doctor(&bough);
    told.assert_sound("nothing runs");
    told.find("note", "branch-servers", "1 branch servers do not run");
    assert_eq!(listing(&bough.data_dir()), before, "nothing came, went or changed");

    bough.serve();
    wait_restarted(&bough, &folder, pid);
    bough.wait_branch("shop", "main");
    doctor(&bough).assert_sound("serving again");
}

#[test]
fn people_are_told_in_groups_with_a_summary() {
    let bough = set_up();
    let output = bough.run(&["doctor"]);
    let text = String::from_utf8(output.stdout).expect("text");
    let groups: Vec<&str> = text.lines().filter(|line| !line.starts_with(' ')).collect();
    let expected = ["Programs", "Data directory", "Machine", "Metadata", "Branches"];
    assert_eq!(groups[..5], expected, "{text}");
    assert!(groups[5].starts_with("Sound: ") && groups.len() == 6, "{text}");
    let mend = format!("bough serve --data-dir {}", bough.data_dir().display());
    assert!(text.contains(&format!("\n           -> {mend}\n")), "{text}");
    let help = String::from_utf8(bough.run(&["doctor", "--help"]).stdout).expect("text");
    assert!(
        help.contains("Exit code: 0 when nothing is worse than a note, 1 with warnings, 2 with failures"),
        "{help}"
    );
}

#[test]
fn before_there_is_anything() {
    let bough = set_up();
    let above = bough.data_dir().parent().expect("a folder").to_owned();
    let before = listing(&above);
    let dir = above.join("not/yet");
    let told = doctor_at(&dir, &[], &[]);
    told.assert_sound("not there");
    let mend = told.find("note", "data-dir", "is not there yet");
    assert_eq!(mend, format!("bough setup --data-dir {} --organization NAME --email ADDR", dir.display()));
    assert_eq!(listing(&above), before, "nothing is made");

    std::fs::create_dir(above.join("empty")).expect("a folder");
    let told = doctor_at(&above.join("empty"), &[], &[]);
    told.assert_sound("empty");
    told.find("note", "data-dir", "is empty yet");
}

#[test]
fn a_bough_at_work_looks_sound_at_every_moment() {
    let bough = with_shop();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let admin = bough.admin();
            let branches = admin.org("/databases/shop/branches");
            let mut made = 0;
            while !over.load(Ordering::Relaxed) {
                made += 1;
                let name = format!("dev-{made}");
                admin.post(&branches, &json!({"name": name})).expect(201);
                admin.get(&format!("{branches}/{name}?wait=ready")).expect(200);
                admin.delete(&format!("{branches}/{name}")).expect(204);
            }
            made
        });
        let told: Vec<Told> = (0..20).map(|_| doctor(&bough)).collect();
        over.store(true, Ordering::Relaxed);
        let made = worker.join().expect("branches were made");
        for told in told {
            told.assert_sound("at work");
        }
        assert!(made > 1, "{made} branches came and went");
    });
    // A server that is killed is started again; that is no finding.
    let (_, folder) = place_of(&bough, "main");
    let pid = pid_of(&folder);
    paste(&format!("kill -9 {pid}"));
    doctor(&bough).assert_sound("a server was killed a moment ago");
    wait_restarted(&bough, &folder, pid);
}
