//! What the lint finds, case by case: `lint/cases.txt` against the reviewed `lint/findings.txt`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bough_model::DatabaseName;
use bough_schema::lint::{Case, Code, FINDINGS_MAX, Finding, RULES, lint};
use bough_schema::{Definition, ObjectKind, Schema};

const CASES: &str = include_str!("lint/cases.txt");
const UPDATE: &str = "BOUGH_UPDATE_GOLDEN";

fn schema(definitions: &[String]) -> Schema {
    let name = |text: &str| text.split('`').nth(1).expect("a name").to_owned();
    let kind = |text: &str| match text.split_whitespace().nth(1) {
        Some("TABLE") => ObjectKind::Table,
        Some("SEQUENCE") => ObjectKind::Sequence,
        _ => ObjectKind::View,
    };
    // Of a view the owner is in backticks, too.
    let named = |text: &str| match text.split_once(" VIEW ") {
        Some((_, view)) if kind(text) == ObjectKind::View => name(view),
        _ => name(text),
    };
    let names: Vec<String> = definitions.iter().map(|text| named(text)).collect();
    let given = definitions.iter().zip(&names);
    Schema::read(
        DatabaseName::parse("shop").expect("a name"),
        given.map(|(text, name)| Definition { kind: kind(text), name, create: text.as_bytes() }),
    )
}

fn findings(case: &str) -> Vec<Finding> {
    let (_, body) = case.split_once('\n').expect("a title");
    let (mut foreign_keys_allowed, mut complaints, mut left_out) = (true, BTreeMap::new(), 0);
    let mut body = body.trim_matches('\n');
    while let Some((line, rest)) = body.split_once('\n').filter(|(line, _)| !line.starts_with("CREATE")) {
        if line == "no foreign keys" {
            foreign_keys_allowed = false;
        } else if let Some(views) = line.strip_prefix("complaint: ") {
            complaints.extend(views.split(", ").map(|view| (view.to_owned(), format!("{view} is no good"))));
        } else if let Some(count) = line.strip_prefix("left out: ") {
            left_out = count.parse().expect("a number");
        } else {
            panic!("{line:?}");
        }
        body = rest;
    }
    let definitions: Vec<String> =
        body.split("\n----\n").filter(|text| !text.is_empty()).map(str::to_owned).collect();
    let schema = schema(&definitions);
    lint(&Case { schema: &schema, foreign_keys_allowed, complaints: &complaints, left_out })
}

fn told(finding: &Finding) -> String {
    let about = &finding.about;
    let mut told = format!("{} {}: {}", finding.code.as_str(), finding.table, finding.description);
    let keys = about.foreign_key_columns.join(",");
    for (what, value) in [
        ("column", &about.column),
        ("foreign key", &keys),
        ("charset", &about.charset),
        ("engine", &about.engine),
        ("value", &about.enum_value),
        ("partitioning", &about.partitioning),
        ("partition", &about.partition),
    ] {
        if !value.is_empty() {
            write!(told, " [{what}: {value}]").expect("written");
        }
    }
    told
}

#[test]
fn findings_are_the_reviewed_ones() {
    let mut all = String::new();
    let mut found = BTreeSet::new();
    for case in CASES.split("== ").filter(|case| !case.is_empty()) {
        let title = case.lines().next().expect("a title");
        writeln!(all, "== {title}").expect("written");
        for finding in findings(case) {
            found.insert(finding.code);
            writeln!(all, "{}", told(&finding)).expect("written");
        }
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint/findings.txt");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &all).expect("written");
    }
    let reviewed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(all, reviewed, "review the difference, then {UPDATE}=1");
    let known: BTreeSet<Code> = RULES.iter().map(|rule| rule.code).collect();
    assert_eq!(found, known, "each code has a case, and each rule a code of its own");
    assert_eq!(RULES.len(), known.len());
}

/// Many tables with much to find: bounded, quick, and no recursion runs out of room.
#[test]
fn a_large_schema_is_bounded() {
    let chain = |number: usize, next: usize| {
        format!(
            "CREATE TABLE `t{number}` (\n  `id` int(11) NOT NULL,\n  KEY `id` (`id`),\n  CONSTRAINT `c{number}` FOREIGN KEY (`id`) REFERENCES `t{next}` (`id`)\n) ENGINE=MyISAM DEFAULT CHARSET=utf16"
        )
    };
    let count = 2_048;
    let round: Vec<String> = (0..count).map(|number| chain(number, (number + 1) % count)).collect();
    let schema = schema(&round);
    let complaints = BTreeMap::new();
    let case = Case { schema: &schema, foreign_keys_allowed: false, complaints: &complaints, left_out: 0 };
    let found = lint(&case);
    assert_eq!(found.len(), FINDINGS_MAX);
    assert!(found.iter().all(|finding| finding.description.len() < 1_000));
}

#[test]
fn every_code_is_in_the_documentation() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lint.md");
    let text = std::fs::read_to_string(path).expect("docs/lint.md");
    for rule in RULES {
        assert!(text.contains(&format!("\n| `{}` | ", rule.code.as_str())), "{}", rule.code.as_str());
        assert!([rule.finds, rule.why, rule.mend].iter().all(|words| words.ends_with('.')));
    }
}
