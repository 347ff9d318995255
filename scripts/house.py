#!/usr/bin/env python3
"""The house rules: what each of our crates may depend on and may name.

The compiler checks that the code is right; this checks that it stands in the right room. The rules
are the data below, each with its reason. `make lint` runs them; `scripts/house_test.py` breaks each
one on purpose and sees it red, so a new rule needs a break of its own there.

    scripts/house.py [--root DIR]

Needs Python 3.8 or later and cargo, nothing else; takes well under a second. One line per fault:
`file:line: [rule] what was found. The reason.` Exit code 1 if there is a fault, 0 if not.
"""

import argparse
import bisect
import fnmatch
import json
import os
import re
import subprocess
import sys
from collections import namedtuple

# ---------------------------------------------------------------------------------------------
# Which of our crates may depend on which ("bough-" left out). A new crate gets a row here, with
# its arrival. The bench crate measures everything, so it may reach everything.

ROOMS = {
    "model": (),
    "policy": ("model",),
    "store": ("model", "policy"),
    "schema": ("model",),
    "mysql-client": ("model",),
    "mysql-wire": (),
    "gateway": ("model", "mysql-wire"),
    "peers": ("model", "gateway"),
    "engine": ("model", "mysql-client"),
    "control": ("model", "policy", "store", "schema", "mysql-client", "engine"),
    "api": ("model", "policy", "control"),
    "dashboard": ("model", "policy", "control"),
    "bough": ("model", "policy", "store", "engine", "control", "gateway", "peers", "api", "dashboard"),
    "testkit": (),
    "torture": ("engine", "mysql-client", "testkit"),
    "bench": ("model", "policy", "store", "mysql-client", "mysql-wire", "engine", "control", "api", "testkit"),
}
ROOMS_REASON = "the map of the house: each arrow that is not drawn keeps one crate simple to change"

# Dev-dependencies on these are allowed everywhere: what drives Bough from outside, and what reads definitions.
TEST_ROOMS = ("testkit", "torture", "schema")

# ---------------------------------------------------------------------------------------------
# Which outside crate only some of ours may depend on. `dev`: whether tests of any crate may too.

Outside = namedtuple("Outside", "crates rooms dev reason")

OUTSIDE = (
    Outside(("rusqlite",), ("store", "bench"), False,
            "only the store knows the metadata database; the benchmark fills it with a million tokens"),
    Outside(("rusqlite_migration", "libsqlite3-sys"), ("store",), False, "only the store knows the metadata database"),
    Outside(("mysql", "mysql_async", "mysql_common"), ("mysql-client",), True,
            "only mysql-client opens connections to a MySQL or MariaDB server; tests are clients of the gateway"),
    Outside(("axum", "axum-*", "hyper", "hyper-*", "tower", "tower-*", "tokio", "tokio-*"),
            ("api", "dashboard", "gateway", "peers", "bough", "bench"),
            False, "HTTP and async end at the doors: behind them everything is plain and synchronous"),
    Outside(("rustls", "rustls-*"), ("gateway", "bough", "bench"), True,
            "TLS ends at the gateway; the binary reads the certificates"),
    Outside(("nix", "libc", "rustix"), ("engine", "bough", "testkit", "torture", "bench"), False,
            "only the engine, the binary and the tests deal with processes and accounts of the system"),
    Outside(("getrandom", "rand", "rand_*", "fastrand"), ("control",), False,
            "one place draws randomness: others are handed the bytes, so tests can choose them"),
    Outside(("ureq", "reqwest"), ("testkit", "bench"), True, "Bough calls nobody over HTTP; only its tests do"),
    Outside(("cedar-policy", "cedar-policy-*"), ("bench",), False, "a peer to measure against; Bough decides by itself"),
    Outside(("argon2", "bcrypt", "scrypt"), ("control",), False, "one place hashes passwords"),
)

# ---------------------------------------------------------------------------------------------
# What source code may name, and where. A rule holds in every crate but those in `free`, or in those
# in `only`. `paths` are Rust paths (through `use`, groups, renames and globs too; `core::` counts as
# `std::`) less those in `but`; `code` is a pattern over code without comments and strings; `strings`
# is one over string literals. `tests` says whether test code is held to it: tests/, benches/,
# examples/ and whatever is under `#[cfg(test)]`.

Rule = namedtuple("Rule", "name only free paths but code strings tests reason")


def rule(name, reason, only=None, free=(), paths=(), but=(), code=None, strings=None, tests=False):
    split = [tuple(path.split("::")) for path in paths]
    spared = [tuple(path.split("::")) for path in but]
    return Rule(name, only, tuple(free), split, spared, code and re.compile(code), strings and re.compile(strings),
                tests, reason)


ADDRESSES = tuple("std::net::" + name for name in (
    "IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "SocketAddrV4", "SocketAddrV6", "AddrParseError"))

# Held to more by the rule "pure", so other rules need not say it again.
PURE = ("model", "policy", "schema", "mysql-wire")

SOURCE = (
    rule("pure", "a pure crate touches no clock, network, disk, environment, process, thread or async:"
         " what it needs comes in as a value",
         only=PURE,
         paths=("std::fs", "std::net", "std::env", "std::process", "std::thread", "std::os", "std::time::Instant",
                "std::io::stdin", "std::io::stdout", "std::io::stderr", "tokio"),
         but=ADDRESSES, code=r"\basync\b|\.\s*await\b"),
    rule("clock", "time comes in as a value where decisions are made and rows are written, so tests can choose it",
         free=("control", "engine", "api", "dashboard", "gateway", "peers", "bough", "testkit", "torture", "mysql-client", "bench"),
         paths=("std::time::SystemTime::now", "std::time::Instant::now", "jiff::Timestamp::now", "jiff::Zoned::now"),
         code=r"\bUNIX_EPOCH\s*\.\s*elapsed\b|\b(?:SystemTime|Instant)\s*::\s*now\b"),
    rule("disk", "files belong to the store, the engine and those who keep keys and configuration; to peers its locks",
         free=PURE + ("store", "engine", "control", "peers", "bough", "testkit", "torture", "bench"),
         paths=("std::fs", "tokio::fs")),
    rule("network", "sockets belong to the doors and to the clients of branch servers; addresses as values are free",
         free=PURE + ("api", "gateway", "peers", "bough", "mysql-client", "engine", "testkit", "bench"),
         paths=("std::net", "std::os::unix::net", "tokio::net"), but=ADDRESSES),
    rule("environment", "settings are read once, by the binary, and handed on as values",
         free=PURE + ("bough", "engine", "testkit", "bench"), paths=("std::env",)),
    rule("spawn", "only the engine starts processes; tests and benchmarks start Bough itself",
         free=PURE + ("engine", "testkit", "torture", "bench"), paths=("std::process::Command", "tokio::process"),
         code=r"\bprocess\s*::\s*Command\b"),
    rule("sql", "SQL is written where it is run: in the store for the metadata, in engine and mysql-client for branches;"
         " schema prints definitions and runs nothing",
         free=("store", "schema", "engine", "mysql-client", "testkit", "torture", "bench"),
         strings=r"\A\s*(?:SELECT|INSERT|UPDATE|REPLACE INTO|DELETE FROM|PRAGMA|WITH RECURSIVE"
                 r"|(?:CREATE|ALTER|DROP) (?:OR REPLACE |TEMPORARY )?(?:TABLE|DATABASE|SCHEMA|VIEW|USER|INDEX|TRIGGER))\s"),
    rule("http", "only the two doors know HTTP, and each has one place where an error becomes a status",
         free=("api", "dashboard", "testkit", "bench"),
         paths=("axum", "hyper", "hyper_util", "http_body_util", "tower"), code=r"\bStatusCode\b"),
    rule("unfinished", "what is committed is finished, and every test runs", tests=True,
         code=r"\b(?:todo|unimplemented|dbg)\s*!|#\s*!?\[\s*ignore\b|\bcfg_attr\s*\([^\]]*\bignore\b"),
)

# ---------------------------------------------------------------------------------------------
# What no file of the repository may contain (tracked, or about to be). Some needles are put
# together from parts, so that this file does not find itself.

Text = namedtuple("Text", "name pattern spared reason")


def host(*parts):
    return r"(?<![\w.-])(?:[\w-]+\.)*" + r"\.".join(parts) + r"(?![\w-])"


TEXT = (
    Text("note", re.compile(r"\b(?:TO" r"DO|FIX" r"ME)\b"), (),
         "an open end is an issue, not a comment that nobody reads"),
    Text("build-path", re.compile(r"(?<![\w.~$}\])*-])/(?:work|root|home)/"), (),
         "a path of the machine it was written on means nothing elsewhere"),
    Text("registry-host", re.compile("|".join((
        host("crates", "io"), host("pypi", "org"), host("pythonhosted", "org"), host("npmjs", "org"),
        host("proxy", "golang", "org"), host("maven", "org"), host("maven", "apache", "org"),
        host("deb", "debian", "org"), host("security", "debian", "org")))),
        (("Cargo.lock", r'^source = "registry\+'), ("*package-lock.json", r'"resolved":')),
        "packages come through the client that is set up on the machine, which may use a mirror"),
)

# ---------------------------------------------------------------------------------------------
# Files stay readable in one sitting.

LINES_FAULT = 600
LINES_WARN = 500
LINES_REASON = "files stay readable in one sitting: split it by what it is about"

LINTS_REASON = "every crate is held to the same lints of the compiler"

# Exceptions: (rule, file, reason). One that is not needed any more is a fault itself.
Exception_ = namedtuple("Exception_", "rule path reason")

EXCEPTIONS = ()

# Every rule by name, for the test that each can turn red.
RULES = tuple(["room", "outside", "lints", "sql-file", "size", "exception"]
              + [each.name for each in SOURCE] + [each.name for each in TEXT])

# ---------------------------------------------------------------------------------------------
# From here on: how it is checked.

Fault = namedtuple("Fault", "path line rule what reason warning")


def fault(path, line, name, what, reason, warning=False):
    return Fault(path, line, name, what, reason, warning)


# --- Rust, as far as it is needed here --------------------------------------------------------

TOKEN = re.compile(r"""
    (?P<line>//[^\n]*)
  | (?P<block>/\*)
  | (?P<raw>(?<!\w)[bc]?r(?P<hash>\#*)"(?P<rawtext>.*?)"(?P=hash))
  | (?P<str>(?:(?<!\w)[bc])?"(?P<text>(?:[^"\\]|\\.)*)")
  | (?P<char>(?:(?<!\w)b)?'(?:[^'\\\n]|\\(?:u\{[^}]*\}|x[0-9A-Fa-f]{2}|.))')
""", re.VERBOSE | re.DOTALL)


def blank(text):
    return re.sub(r"[^\n]", " ", text)


class Source:
    """A Rust file: its code without comments and strings (same offsets), its strings, its test regions."""

    def __init__(self, text):
        self.starts = [0] + [match.end() for match in re.finditer("\n", text)]
        code, strings, at = [], [], 0
        while True:
            match = TOKEN.search(text, at)
            if match is None:
                code.append(text[at:])
                break
            code.append(text[at:match.start()])
            end = match.end()
            if match.group("block"):
                end = self.block_end(text, end)
            for group in ("rawtext", "text"):
                if match.group(group) is not None:
                    strings.append((match.start(), match.group(group)))
            code.append(blank(text[match.start():end]))
            at = end
        self.code = "".join(code)
        self.strings = strings
        self.uses = list(uses(self.code))
        self.use_spans = [match.span() for match in USE.finditer(self.code)]
        self.tests, self.test_modules = test_regions(self.code)

    @staticmethod
    def block_end(text, at):
        depth = 1
        for match in re.compile(r"/\*|\*/").finditer(text, at):
            depth += 1 if match.group() == "/*" else -1
            if depth == 0:
                return match.end()
        return len(text)

    def line(self, offset):
        return bisect.bisect_right(self.starts, offset)

    def is_test(self, offset):
        return any(start <= offset < end for start, end in self.tests)


USE = re.compile(r"\buse\s+(?=[\w:{*])([^;]*);")


def uses(code):
    """Every path that a `use` brings in: (offset, path, name in this file; None for a glob)."""
    for match in USE.finditer(code):
        yield from use_tree(match.group(1), match.start(1), ())


def use_tree(text, offset, prefix):
    brace = text.find("{")
    if brace < 0:
        path, _, alias = text.partition(" as ")
        segments = prefix + tuple(part for part in re.sub(r"\s", "", path).split("::") if part)
        if not segments:
            return
        at = offset + len(text) - len(text.lstrip())
        if segments[-1] == "*":
            yield at, std(segments[:-1]), None
            return
        if segments[-1] == "self":
            segments = segments[:-1]
        if segments:
            yield at, std(segments), alias.strip() or segments[-1]
        return
    prefix += tuple(part for part in re.sub(r"\s", "", text[:brace]).split("::") if part)
    depth, start = 0, brace + 1
    for at in range(brace, len(text)):
        if text[at] == "{":
            depth += 1
        elif text[at] == "}":
            depth -= 1
        if (text[at] == "," and depth == 1) or depth == 0:
            if text[start:at].strip():
                yield from use_tree(text[start:at], offset + start, prefix)
            start = at + 1
        if depth == 0:
            break


def std(segments):
    return ("std",) + segments[1:] if segments[0] in ("core", "alloc") else segments


INLINE = re.compile(r"(?<![\w:])(?:::\s*)?([A-Za-z_]\w*(?:\s*::\s*[A-Za-z_]\w*)+)")


def named_paths(source):
    """Every path that the code names: (offset, path, whether it is a glob import)."""
    names = {name: path for _, path, name in source.uses if name is not None}
    for offset, path, name in source.uses:
        first = names.get(path[0], path[:1]) if path[0] not in (name, "std") else path[:1]
        yield offset, first + path[1:], name is None
    for match in INLINE.finditer(source.code):
        if any(start <= match.start() < end for start, end in source.use_spans):
            continue
        path = tuple(re.sub(r"\s", "", match.group(1)).split("::"))
        yield match.start(1), std(names.get(path[0], path[:1]) + path[1:]), False


def names_path(path, glob, forbidden, spared):
    if any(path[:len(each)] == each for each in spared):
        return False
    return path[:len(forbidden)] == forbidden or (glob and forbidden[:len(path)] == path)


TEST_ATTRIBUTE = re.compile(r"#\s*\[\s*(?:cfg\s*\(\s*(?:test|all\s*\(\s*test\b[^\]]*)\s*\)|test)\s*\]")


def test_regions(code):
    """Where test code is: from each test attribute to the end of its item; and the names of test modules
    that are files of their own."""
    if re.search(r"#\s*!\s*\[\s*cfg\s*\(\s*test\s*\)\s*\]", code):
        return [(0, len(code))], []
    regions, modules = [], []
    for match in TEST_ATTRIBUTE.finditer(code):
        at, depth = match.end(), 0
        while at < len(code):
            char = code[at]
            if char in "([":
                depth += 1
            elif char in ")]":
                depth -= 1
            elif char == ";" and depth == 0:
                break
            elif char == "{" and depth == 0:
                at = brace_end(code, at)
                break
            at += 1
        regions.append((match.start(), at + 1))
        module = re.search(r"\bmod\s+(\w+)\s*\Z", code[match.end():at])
        if module and code[at:at + 1] == ";":
            modules.append(module.group(1))
    return regions, modules


def brace_end(code, at):
    depth = 0
    for match in re.compile(r"[{}]").finditer(code, at):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    return len(code)


# --- the checks -------------------------------------------------------------------------------


def room_of(name):
    return name[len("bough-"):] if name.startswith("bough-") else name


def dependency_line(manifest, name):
    pattern = re.compile(r'^\s*"?%s"?\s*[.=]|^\[.*dependencies\.%s\]|package\s*=\s*"%s"' % ((re.escape(name),) * 3))
    for number, line in enumerate(manifest.splitlines(), 1):
        if pattern.search(line):
            return number
    return 1


def check_crate(package, manifest, path):
    """The manifest of one crate: `package` as `cargo metadata` gives it, `manifest` its text."""
    room = room_of(package["name"])
    if room not in ROOMS:
        yield fault(path, 1, "room", "the crate %s has no row in ROOMS of scripts/house.py" % package["name"], ROOMS_REASON)
        return
    if not re.search(r"^\[lints\]\s*\n\s*workspace\s*=\s*true", manifest, re.MULTILINE):
        yield fault(path, 1, "lints", "[lints] workspace = true is missing", LINTS_REASON)
    for dependency in package["dependencies"]:
        name, dev = dependency["name"], dependency["kind"] == "dev"
        line = dependency_line(manifest, name)
        if dependency.get("path") is not None:
            allowed = ROOMS[room] + (TEST_ROOMS if dev else ())
            if room_of(name) not in allowed:
                yield fault(path, line, "room", "%s may not depend on %s (may: %s)"
                            % (package["name"], name, ", ".join(allowed) or "none of ours"), ROOMS_REASON)
            continue
        for each in OUTSIDE:
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in each.crates):
                continue
            if room not in each.rooms and not (dev and each.dev):
                yield fault(path, line, "outside", "%s may not depend on %s (may: %s)"
                            % (package["name"], name, ", ".join(each.rooms)), each.reason)


def applies(each, room):
    return room in each.only if each.only is not None else room not in each.free


def check_rust(path, room, source, is_test):
    """One Rust file of the crate `room`."""
    seen = set()

    def report(each, offset, what):
        if not each.tests and (is_test or source.is_test(offset)):
            return
        key = (each.name, source.line(offset), what)
        if key not in seen:
            seen.add(key)
            yield fault(path, source.line(offset), each.name, what, each.reason)

    paths = list(named_paths(source))
    for each in SOURCE:
        if not applies(each, room):
            continue
        covered = set()
        for offset, named, glob in paths:
            for forbidden in each.paths:
                if names_path(named, glob, forbidden, each.but):
                    covered.add(source.line(offset))
                    yield from report(each, offset, "%s names %s" % (room, "::".join(named + (("*",) if glob else ()))))
        if each.code:
            for match in each.code.finditer(source.code):
                if source.line(match.start()) not in covered:
                    yield from report(each, match.start(), "%s has `%s`" % (room, " ".join(match.group().split())))
        if each.strings:
            for offset, text in source.strings:
                if each.strings.search(text):
                    yield from report(each, offset, "%s has the statement \"%s\"" % (room, " ".join(text.split())[:40]))


def check_size(path, text):
    lines = text.count("\n") + (not text.endswith("\n"))
    if lines > LINES_WARN:
        limit = LINES_FAULT if lines > LINES_FAULT else LINES_WARN
        yield fault(path, lines, "size", "%d lines, over %d" % (lines, limit), LINES_REASON, lines <= LINES_FAULT)


def check_text(path, text):
    for each in TEXT:
        for match in each.pattern.finditer(text):
            start = text.rfind("\n", 0, match.start()) + 1
            line = text[start:text.find("\n", match.end()) if "\n" in text[match.end():] else len(text)]
            if any(fnmatch.fnmatchcase(path, name) and re.search(spared, line) for name, spared in each.spared):
                continue
            yield fault(path, text.count("\n", 0, match.start()) + 1, each.name, "`%s`" % match.group(), each.reason)


# --- the tree ---------------------------------------------------------------------------------


def tracked(root):
    """The files of the repository, with those that are new and not ignored; without git, all but build results."""
    try:
        listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        return sorted(set(name for name in os.fsdecode(listed).split("\0") if name))
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if name not in (".git", "target", "bough-data", ".tools")]
            found += [os.path.relpath(os.path.join(folder, name), root) for name in files]
        return sorted(found)


def read(root, path):
    """A file's text; None for one that is none (a picture, a link, just deleted)."""
    full = os.path.join(root, path)
    if os.path.islink(full) or not os.path.isfile(full):
        return None
    try:
        with open(full, encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError:
        return None


def metadata(root):
    done = subprocess.run(["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"], cwd=root,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit("house: cargo metadata failed:\n" + done.stderr.decode(errors="replace"))
    return json.loads(done.stdout.decode())["packages"]


def module_files(path, module):
    """Where `mod module;` in the file `path` may be, and what lies below it."""
    folder, name = os.path.split(path)
    if name not in ("lib.rs", "main.rs", "mod.rs"):
        folder = os.path.join(folder, name[:-len(".rs")])
    return os.path.join(folder, module + ".rs"), os.path.join(folder, module) + os.sep


def check_tree(root):
    """All faults and warnings of the tree, the exceptions taken out, and how many files were read."""
    faults, texts = [], {}
    for path in tracked(root):
        text = read(root, path)
        if text is not None:
            texts[path] = text
    crates = {}
    for package in metadata(root):
        manifest = os.path.relpath(package["manifest_path"], os.path.realpath(root))
        crates[os.path.dirname(manifest)] = room_of(package["name"])
        faults += check_crate(package, texts.get(manifest) or read(root, manifest) or "", manifest)

    sources = {}
    for path, text in texts.items():
        faults += check_text(path, text)
        parts = path.split("/")
        folder = "/".join(parts[:2])
        if folder not in crates or len(parts) < 3:
            continue
        room, is_test = crates[folder], parts[2] in ("tests", "benches", "examples")
        if path.endswith(".rs"):
            sources[path] = (room, Source(text), is_test)
            if parts[2] == "src":
                faults += check_size(path, text)
        sql = next(each for each in SOURCE if each.name == "sql")
        if path.endswith(".sql") and not is_test and applies(sql, room):
            faults.append(fault(path, 1, "sql-file", "%s has a file of SQL" % room, sql.reason))

    test_files, test_folders = set(), []
    for path, (_, source, _) in sources.items():
        for module in source.test_modules:
            file, below = module_files(path, module)
            test_files.add(file)
            test_folders.append(below)
    for path, (room, source, is_test) in sources.items():
        in_test = is_test or path in test_files or path.startswith(tuple(test_folders))
        faults += check_rust(path, room, source, in_test)

    return except_some(faults), len(texts)


def except_some(faults):
    kept = [each for each in faults
            if not any((each.rule, each.path) == (spared.rule, spared.path) for spared in EXCEPTIONS)]
    found = {(each.rule, each.path) for each in faults}
    kept += [fault(spared.path, 1, "exception", "the exception from [%s] is not needed any more" % spared.rule,
                   "remove it from EXCEPTIONS of scripts/house.py")
             for spared in EXCEPTIONS if (spared.rule, spared.path) not in found]
    return sorted(kept)


def main():
    parser = argparse.ArgumentParser(description="Checks the house rules of Bough.")
    parser.add_argument("--root", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
    root = os.path.realpath(parser.parse_args().root)
    found, files = check_tree(root)
    for each in found:
        print("%s:%d: %s[%s] %s. %s%s." % (each.path, each.line, "warning: " if each.warning else "", each.rule, each.what,
                                           each.reason[0].upper(), each.reason[1:]))
    bad = sum(not each.warning for each in found)
    print("house: %d files, %d rules, %d faults, %d warnings" % (files, len(RULES), bad, len(found) - bad))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
