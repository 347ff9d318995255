#!/usr/bin/env python3
"""Breaks each house rule on purpose and sees it red; and sees what is allowed stay green.

Each test writes a small workspace of its own with the crates of ROOMS and one fault in it, and runs
the checks of scripts/house.py over it. `make lint` runs this before it trusts the rules.
"""

import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import house  # noqa: E402

RED = set()
MANIFEST = '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2024"\n\n[lints]\nworkspace = true\n\n'
ROOT_MANIFEST = '[workspace]\nresolver = "3"\nmembers = ["crates/*"]\n\n[workspace.lints.rust]\nunsafe_code = "deny"\n'


def crate_name(room):
    return room if room == "bough" else "bough-" + room


def package(room, *dependencies):
    """A crate as `cargo metadata` would list it; a dependency is (name, kind, whether it is ours)."""
    return {"name": crate_name(room), "dependencies": [
        {"name": name, "kind": kind, "path": "somewhere" if ours else None} for name, kind, ours in dependencies]}


class Tree:
    """A workspace in a temporary folder, sound until a file is written into it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="bough-house-")
        self.root = os.path.realpath(self.folder.name)
        self.write("Cargo.toml", ROOT_MANIFEST)
        for room in house.ROOMS:
            self.write("crates/%s/Cargo.toml" % room, MANIFEST % crate_name(room))
            self.write("crates/%s/src/lib.rs" % room, "//! A room.\n")

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def found(self):
        return house.check_tree(self.root)[0]


class Case(unittest.TestCase):
    def setUp(self):
        self.tree = Tree()
        self.addCleanup(self.tree.folder.cleanup)
        # One cargo call for all: only the tests of manifests need the real one.
        real = house.metadata
        self.addCleanup(setattr, house, "metadata", real)
        self.real_metadata = real
        house.metadata = lambda root: [
            dict(package(room), manifest_path=os.path.join(root, "crates", room, "Cargo.toml")) for room in house.ROOMS]

    def red(self, name, path, line, text=None, count=1):
        if text is not None:
            self.tree.write(path, text)
        found = self.tree.found()
        self.assertEqual([(each.rule, each.path, each.line) for each in found], [(name, path, line)] * count, found)
        self.assertFalse(found[0].warning, found)
        RED.add(name)

    def green(self, path=None, text=None):
        if path is not None:
            self.tree.write(path, text)
        self.assertEqual(self.tree.found(), [])


class Sound(Case):
    def test_a_sound_tree_is_green(self):
        self.green()

    def test_the_real_cargo_lists_a_sound_tree(self):
        house.metadata = self.real_metadata
        self.green()


class Rooms(Case):
    def test_each_arrow_that_is_not_drawn_is_red(self):
        for room, allowed in house.ROOMS.items():
            for other in house.ROOMS:
                if other == room:
                    continue
                found = list(house.check_crate(package(room, (crate_name(other), None, True)), MANIFEST, "Cargo.toml"))
                self.assertEqual([each.rule for each in found], [] if other in allowed else ["room"], (room, other))
                found = list(house.check_crate(package(room, (crate_name(other), "dev", True)), MANIFEST, "Cargo.toml"))
                expected = [] if other in allowed or other in house.TEST_ROOMS else ["room"]
                self.assertEqual([each.rule for each in found], expected, (room, other, "dev"))

    def test_the_rows_are_those_of_the_design(self):
        self.assertNotIn("store", house.ROOMS["api"], "the API reaches the store through control alone")
        self.assertNotIn("mysql-client", house.ROOMS["bough"])
        self.assertEqual((), house.ROOMS["model"])
        self.assertEqual(("model",), house.ROOMS["policy"])
        self.assertEqual((), house.ROOMS["mysql-wire"])
        self.assertEqual(("model", "mysql-wire"), house.ROOMS["gateway"], "it knows the control plane as a trait alone")

    def test_an_arrow_written_into_a_manifest_is_red_with_its_line(self):
        house.metadata = self.real_metadata
        manifest = MANIFEST % "bough-api" + '[dependencies]\nbough-store = { path = "../store" }\n'
        self.red("room", "crates/api/Cargo.toml", 10, manifest)

    def test_a_crate_without_a_row_is_red(self):
        house.metadata = self.real_metadata
        self.tree.write("crates/attic/src/lib.rs", "")
        self.red("room", "crates/attic/Cargo.toml", 1, MANIFEST % "bough-attic")

    def test_a_crate_without_the_common_lints_is_red(self):
        self.red("lints", "crates/model/Cargo.toml", 1, '[package]\nname = "bough-model"\n')


class OutsideCrates(Case):
    def test_each_outside_crate_is_red_elsewhere(self):
        for each in house.OUTSIDE:
            for pattern in each.crates:
                name = pattern.replace("*", "thing")
                for room in house.ROOMS:
                    for kind in (None, "build", "dev"):
                        found = list(house.check_crate(package(room, (name, kind, False)), MANIFEST, "Cargo.toml"))
                        fine = room in each.rooms or (kind == "dev" and each.dev)
                        self.assertEqual([fault.rule for fault in found], [] if fine else ["outside"], (room, name, kind))
        RED.add("outside")

    def test_the_rows_are_those_of_the_design(self):
        rows = {name: each.rooms for each in house.OUTSIDE for name in each.crates}
        self.assertEqual(("store", "bench"), rows["rusqlite"])
        self.assertEqual(("store",), rows["rusqlite_migration"])
        self.assertEqual(("mysql-client",), rows["mysql"])
        self.assertEqual(("control",), rows["argon2"])
        self.assertEqual(("control",), rows["getrandom"])

    def test_one_written_into_a_manifest_is_red_renamed_or_not(self):
        house.metadata = self.real_metadata
        manifest = MANIFEST % "bough-control" + '[dependencies]\ndb = { package = "rusqlite", version = "0.40" }\n'
        self.red("outside", "crates/control/Cargo.toml", 10, manifest)
        manifest = MANIFEST % "bough-control" + "[target.'cfg(unix)'.dependencies]\nrusqlite = \"0.40\"\n"
        self.red("outside", "crates/control/Cargo.toml", 10, manifest)


class SourceRules(Case):
    def breaks(self, name, room, *lines):
        for line in lines:
            with self.subTest(room=room, line=line):
                self.red(name, "crates/%s/src/lib.rs" % room, 3, "//! A room.\n\n%s\n" % line)
        self.tree.write("crates/%s/src/lib.rs" % room, "")

    def allows(self, room, *lines):
        for line in lines:
            with self.subTest(room=room, line=line):
                self.green("crates/%s/src/lib.rs" % room, "//! A room.\n\n%s\n" % line)

    def test_each_path_of_each_rule_is_red_inline_used_grouped_renamed_and_globbed(self):
        for each in house.SOURCE:
            for path in each.paths:
                head, tail = "::".join(path[:-1]), path[-1]
                ways = ["fn f() { let _ = %s; }" % "::".join(path + ("x",)), "use %s;" % "::".join(path)]
                if head:
                    ways += ["use %s::{a, b::{c}, %s as other};" % (head, tail), "pub(crate) use %s::*;" % head]
                for room in house.ROOMS:
                    for way in ways:
                        source = house.Source(way)
                        found = {fault.rule for fault in house.check_rust("lib.rs", room, source, False)}
                        self.assertEqual(each.name in found, house.applies(each, room), (each.name, room, way))
                        self.assertNotIn(each.name, {fault.rule for fault in house.check_rust("t.rs", room, source, True)}
                                         if not each.tests else (), way)

    def test_pure_crates_touch_nothing(self):
        lines = ["use tokio::sync::Mutex;", "async fn f() {}", "fn f() { g().await }",
                 "use std::time::{Duration, Instant};", "fn f() { std::thread::sleep(d) }", "use std::io::{self, stdin};"]
        self.breaks("pure", "model", *lines)
        self.breaks("pure", "policy", *lines)
        self.allows("model", "use std::time::{Duration, SystemTime};", "use std::net::{IpAddr, Ipv4Addr};",
                    "use core::net::IpAddr;", "use std::io::Error;", "// std::fs::read is not for us",
                    'const HELP: &str = "std::env::var";', "fn is_async() {}")
        self.allows("control", "fn f() { std::thread::spawn(g); }")

    def test_clock(self):
        self.breaks("clock", "store", "fn f() { let _ = SystemTime::now(); }", "use std::time; fn f() { time::Instant::now(); }",
                    "use std::time::Instant as Watch; fn f() { Watch::now(); }", "fn f() { UNIX_EPOCH.elapsed(); }",
                    "use jiff::Zoned; fn f() { Zoned::now(); }", "fn f() { g.map(std::time::Instant::now) }",
                    "use std::time::*;")
        self.breaks("clock", "policy", "fn f() { let _ = SystemTime::now(); }")
        self.allows("control", "fn f() { let _ = std::time::SystemTime::now(); }")
        self.allows("store", "use bough_model::Timestamp; fn f() { Timestamp::now(); }")

    def test_disk_network_environment(self):
        self.breaks("disk", "api", "fn f() { std::fs::read(p); }", "use tokio::fs::File;", "use std::{fs, io};")
        self.allows("store", "fn f() { std::fs::read(p); }")
        self.breaks("network", "control", "use std::net::{IpAddr, TcpStream};", "use std::os::unix::net::UnixStream;")
        self.allows("control", "use std::net::{IpAddr, SocketAddr};")
        self.breaks("environment", "control", 'fn f() { std::env::var("HOME"); }', "use std::env; fn f() {}")
        self.allows("bough", 'fn f() { std::env::var("HOME"); }')

    def test_spawn(self):
        self.breaks("spawn", "bough", "use std::process::Command;", "use std::process::{exit, Command as Run};",
                    "fn f() { std::process::Command::new(x); }", "fn f() { process::Command::new(x); }",
                    "use tokio::process::Command;")
        self.allows("bough", "use clap::Command;", "use std::process::{ExitCode, exit};")
        self.allows("engine", "use std::process::Command;")

    def test_sql(self):
        lines = ['const Q: &str = "SELECT 1";', 'const Q: &str = r#"\nINSERT INTO t VALUES (1)"#;',
                 'fn f() { run("UPDATE t SET a = 1") }', 'fn f() { run(b"DELETE FROM t") }',
                 'fn f() { run(&format!("CREATE TABLE {t} (a INT)")) }', 'fn f() { run("DROP TABLE t") }']
        for room in ("control", "api", "bough", "policy"):
            self.breaks("sql", room, *lines)
        self.allows("store", *lines)
        self.allows("api", 'const A: &str = "Select a branch";', '// run "SELECT 1"', 'const A: &str = "UPDATED";')

    def test_sql_file(self):
        self.red("sql-file", "crates/control/src/tables.sql", 1, "SELECT 1;\n")
        os.remove(os.path.join(self.tree.root, "crates/control/src/tables.sql"))
        self.green("crates/store/migrations/0001.sql", "CREATE TABLE t (a INT);\n")

    def test_http(self):
        for room in ("control", "bough", "policy", "store"):
            self.breaks("http", room, "use axum::Router;", "fn f(a: hyper::Uri) {}", "fn f() -> StatusCode { g() }",
                        "use tower::ServiceExt as _;")
        self.allows("api", "use axum::http::StatusCode;")

    def test_unfinished(self):
        self.breaks("unfinished", "engine", "fn f() { todo!() }", "fn f() { unimplemented!(\"later\") }",
                    "fn f() { dbg!(a); }")
        ignored = "#[cfg(test)]\nmod tests {\n    #[test]\n    %s\n    fn f() {}\n}\n"
        for attribute in ("#[ignore]", '#[ignore = "slow"]', "#[cfg_attr(unix, ignore)]"):
            self.red("unfinished", "crates/engine/src/lib.rs", 4, ignored % attribute)
        self.tree.write("crates/engine/src/lib.rs", "")
        self.red("unfinished", "crates/engine/tests/a.rs", 2, "#[test]\n#[ignore]\nfn f() {}\n")

    def test_test_code_is_spared_and_what_follows_it_is_not(self):
        region = '#[cfg(test)]\nmod tests {\n    const Q: &str = "SELECT 1 }";\n    fn f() { std::fs::read(p); }\n}\n'
        self.green("crates/api/src/lib.rs", region)
        self.red("disk", "crates/api/src/lib.rs", 6, region + "fn g() { std::fs::read(p); }\n")
        self.green("crates/api/src/lib.rs", "#[cfg(test)]\n#[allow(x)]\nfn f(a: [u8; 2]) { std::fs::read(p); }\n")
        self.red("disk", "crates/api/src/lib.rs", 2, "#[cfg(not(test))]\nfn f() { std::fs::read(p); }\n")
        self.red("disk", "crates/api/src/lib.rs", 2, '#[cfg(any(test, feature = "x"))]\nfn f() { std::fs::read(p); }\n')

    def test_test_modules_in_files_of_their_own_are_spared(self):
        self.tree.write("crates/api/src/lib.rs", "mod a;\n")
        self.tree.write("crates/api/src/a.rs", "#[cfg(test)]\nmod tests;\n")
        self.green("crates/api/src/a/tests.rs", "mod deep;\nfn f() { std::fs::read(p); }\n")
        self.green("crates/api/src/a/tests/deep.rs", "fn f() { std::fs::read(p); }\n")
        self.green("crates/api/tests/it.rs", "fn f() { std::fs::read(p); }\n")
        self.red("disk", "crates/api/src/b/tests.rs", 1, "fn f() { std::fs::read(p); }\n")

    def test_code_is_told_from_comments_strings_lifetimes_and_characters(self):
        self.allows("api", "/* outer /* inner */ std::fs::read */", 'fn f() { g("a \\" std::fs::read(p)") }',
                    'fn f() { g(r##"a "# std::fs::read(p)"##) }', "fn f<'a>(x: &'a str) -> &'a str { x }")
        self.breaks("disk", "api", "fn f<'a>(x: &'a str, c: char) { if c == '\"' { std::fs::read(x); } }",
                    "fn f() { g('\\'', \"/*\"); std::fs::read(p); }", "/* a */ fn f() { std :: fs :: read(p); }")


class TextRules(Case):
    def test_note(self):
        for word in ("TO" + "DO", "FIX" + "ME"):
            self.red("note", "crates/model/src/lib.rs", 2, "//! A room.\n// %s: later\n" % word)
        self.tree.write("crates/model/src/lib.rs", "")
        self.red("note", "docs/guide.md", 1, "TO" + "DO\n")

    def test_build_path(self):
        for name in ("work", "root", "home"):
            for text in ("see /%s/x\n", 'include_str!("/%s/x")\n', "path=/%s/x\n", "`/%s/x`\n"):
                self.red("build-path", "docs/guide.md", 1, text % name)
        self.green("docs/guide.md", "a/home/b, ./work/x, ~/work/x, $HOME/work/, at /homes/x and /var/lib/bough\n")

    def test_registry_host(self):
        for parts in (("crates", "io"), ("index", "crates", "io"), ("pypi", "org"), ("files", "pythonhosted", "org"),
                      ("registry", "npmjs", "org"), ("proxy", "golang", "org"), ("repo", "maven", "apache", "org"),
                      ("deb", "debian", "org")):
            self.red("registry-host", "docs/guide.md", 2, "See\nhttps://%s/x\n" % ".".join(parts))
        os.remove(os.path.join(self.tree.root, "docs/guide.md"))
        source = 'source = "registry+https://github.com/rust-lang/%s-index"\n' % ".".join(("crates", "io"))
        self.green("Cargo.lock", source)
        self.red("registry-host", "Cargo.lock", 2, source + "# " + ".".join(("crates", "io")) + "\n")

    def test_size(self):
        path = "crates/model/src/lib.rs"
        self.green(path, "\n" * house.LINES_WARN)
        self.tree.write(path, "\n" * (house.LINES_WARN + 1))
        self.assertEqual([(each.rule, each.warning) for each in self.tree.found()], [("size", True)])
        self.red("size", path, house.LINES_FAULT + 1, "\n" * (house.LINES_FAULT + 1))

    def test_exceptions_spare_one_rule_in_one_file_and_must_be_needed(self):
        path = "crates/api/src/lib.rs"
        self.addCleanup(setattr, house, "EXCEPTIONS", house.EXCEPTIONS)
        house.EXCEPTIONS = (house.Exception_("disk", path, "for this test"),)
        self.green(path, "fn f() { std::fs::read(p); }\n")
        self.red("exception", path, 1, "")


class Program(Case):
    def run_on(self, root):
        program = os.path.join(os.path.dirname(os.path.abspath(house.__file__)), "house.py")
        done = subprocess.run([sys.executable, program, "--root", root], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode()

    def test_the_program_says_where_which_and_why_and_fails(self):
        self.assertEqual(self.run_on(self.tree.root)[0], 0)
        self.tree.write("crates/model/src/lib.rs", "\nuse std::fs;\n")
        code, output = self.run_on(self.tree.root)
        self.assertEqual(code, 1)
        self.assertIn("crates/model/src/lib.rs:2: [pure] model names std::fs. A pure crate touches no clock", output)

    def test_what_git_ignores_is_not_read(self):
        self.tree.write("notes/a.md", "see /" + "work/x\n")
        self.assertEqual(self.run_on(self.tree.root)[0], 1)
        subprocess.run(["git", "init", "-q", self.tree.root], check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(self.run_on(self.tree.root)[0], 1, "a new file counts before it is added")
        self.tree.write(".gitignore", "notes/\n")
        self.assertEqual(self.run_on(self.tree.root)[0], 0)


class ZEvery(unittest.TestCase):
    def test_every_rule_was_seen_red(self):
        """Last by its name: a rule that nothing above turned red is one that nobody has tried."""
        self.assertEqual(set(house.RULES) - RED, set())


if __name__ == "__main__":
    unittest.main(verbosity=0)
