//! Values that nobody should send.

use bough_testkit::Dice;
use serde_json::{Value, json};

/// Pieces of a path, ready to be sent.
pub const PIECES: &[&str] = &[
    "%00",
    "%0d%0aset-cookie:%20x",
    "%ff%fe",
    "%2e%2e",
    "..",
    ".",
    "%2F",
    "a%2Fb",
    "%5c",
    "%25",
    "%",
    "%zz",
    "*",
    "%F0%9F%92%A9",
    "%E2%80%AE",
    "%C3%A9",
    "e%CC%81",
    "'%20OR%201=1--",
    "%22",
    "%3Cscript%3E",
    "${jndi:ldap://x}",
    "{database}",
    "{id}",
    "-1",
    "0",
    "null",
    "undefined",
    "true",
    "000000000000",
    "zzzzzzzzzzzz",
    "ZZZZZZZZZZZZ",
    "main;",
    "a=b&c",
    "CON",
    "mysql",
    "information_schema",
    "UPPER",
    "_x",
    "-x",
    "x-",
    "x_y",
    "a.b",
    "a b",
    "a+b",
    "~",
    "@",
    "service-tokens",
    "grants",
    "access",
    "branches",
    "v1",
    "pscale_tkn_x",
];

/// Texts for fields and parameters.
pub const TEXTS: &[&str] = &[
    "",
    " ",
    "\t\n",
    "\0",
    "a\0b",
    "null",
    "true",
    "0",
    "-1",
    "NaN",
    "*",
    "**",
    "%",
    "%s%n",
    "\\",
    "\"",
    "'",
    "`",
    ";",
    "--",
    "/*",
    "' OR '1'='1",
    "1; DROP TABLE service_tokens",
    "${7*7}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "\u{202e}gnirts",
    "\u{200b}",
    "\u{feff}x",
    "e\u{301}",
    "é",
    "ß",
    "İ",
    "💩",
    "👩‍👩‍👧‍👦",
    "\u{10ffff}",
    "\u{fffd}",
    "\u{85}",
    "\u{2028}",
    "\r\nx-injected: 1",
    "mysql",
    "main",
    "information_schema",
    "UPPER",
    "a b",
    "a.b",
    "a/b",
    "-a",
    "a-",
    "_",
    "organization",
    "Organization",
    "all",
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/99",
    "127.0.0.1",
    "pscale_tkn_",
    "99999999999999999999",
    "1e3",
    "0x10",
    "２",
];

/// JSON that is not what it seems, or no JSON.
pub const RAW: &[&str] = &[
    "1e999",
    "-1e999",
    "-0",
    "-0.0",
    "01",
    "+1",
    ".5",
    "1.",
    "NaN",
    "Infinity",
    "0x1",
    "1_000",
    "'x'",
    "\"\\ud800\"",
    "\"\\ud800\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\u0000\"",
    "\"\\x41\"",
    "\"\n\"",
    "tru",
    "nul",
    "undefined",
    "[1,]",
    "{\"a\":1,}",
    "{\"a\":1,\"a\":2}",
    "{a:1}",
    "//x\n1",
    "1e-400",
    "18446744073709551616",
    "1.0000000000000000000001",
    "9007199254740993",
    "\"\u{feff}\"",
    "\u{feff}1",
    "[[]]",
    "{\"\":{}}",
];

pub const NUMBERS: &[i64] = &[
    0,
    1,
    -1,
    2,
    59,
    60,
    100,
    101,
    255,
    256,
    65_535,
    65_536,
    604_799,
    604_800,
    604_801,
    316_224_000,
    316_224_001,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64,
    u32::MAX as i64 + 1,
    i64::MAX,
    i64::MIN,
    i64::MAX - 1,
];

/// A long text: just within, just beyond and far beyond what is allowed anywhere.
pub fn long(dice: &mut Dice) -> String {
    let length = *dice.pick(&[62, 63, 64, 65, 199, 200, 201, 255, 256, 2_000, 2_001, 10_000, 100_000]);
    dice.pick(&["a", "é", "💩", " ", "\"", "-", "1"]).repeat(length)
}

pub fn text(dice: &mut Dice) -> String {
    if dice.percent(12) { long(dice) } else { (*dice.pick(TEXTS)).to_owned() }
}

/// Nested lists or objects.
pub fn deep(dice: &mut Dice, levels: usize) -> String {
    match dice.below(3) {
        0 => "[".repeat(levels) + &"]".repeat(levels),
        1 => "{\"a\":".repeat(levels) + "1" + &"}".repeat(levels),
        // One that does not end.
        _ => "[{\"a\":".repeat(levels),
    }
}

/// Any value at all.
pub fn value(dice: &mut Dice) -> Value {
    some(dice, 3)
}

/// With so many levels within each other at most.
fn some(dice: &mut Dice, levels: usize) -> Value {
    match dice.below(if levels == 0 { 8 } else { 12 }) {
        0 => Value::Null,
        1 => json!(dice.percent(50)),
        2 => json!(dice.pick(NUMBERS)),
        3 => json!(dice.pick(&[0.0, -0.0, 0.5, 1e300, -1e300, f64::MIN_POSITIVE, 60.0])),
        4 => json!(u64::MAX),
        5 => json!([]),
        6 => json!({}),
        7 => json!(text(dice)),
        8 => json!([some(dice, levels - 1), some(dice, levels - 1)]),
        9 => json!({text(dice): some(dice, levels - 1)}),
        10 => Value::Array(vec![some(dice, 0); *dice.pick(&[1, 2, 101, 1_000])]),
        _ => json!(text(dice)),
    }
}

/// A text as it may stand in a path or query; `plain` now and then leaves in what should be escaped.
pub fn escaped(dice: &mut Dice, text: &str) -> String {
    let everything = dice.percent(10);
    let keeps = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~*".contains(&byte);
    text.bytes()
        .map(|byte| match keeps(byte) && !everything {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

/// Values of `Authorization` that are none.
pub fn authorization(dice: &mut Dice, valid: &str) -> String {
    let (id, secret) = valid.split_once(':').unwrap_or(("", ""));
    match dice.below(14) {
        0 => String::new(),
        1 => ":".to_owned(),
        2 => format!("{secret}:{id}"),
        3 => format!("Bearer {secret}"),
        4 => format!("Basic {valid}"),
        5 => format!("{valid}x"),
        6 => format!("{id}:"),
        7 => format!(":{secret}"),
        8 => format!("{}:{secret}", id.to_uppercase()),
        9 => format!("{id}:{}", secret.to_lowercase()),
        10 => format!("{id} {secret}"),
        11 => format!("{id}:{secret}:{secret}"),
        12 => "x".repeat(*dice.pick(&[1, 100, 8_000])),
        _ => format!("{id}:pscale_tkn_{}", "A".repeat(43)),
    }
}
