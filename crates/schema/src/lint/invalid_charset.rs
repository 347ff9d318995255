//! `INVALID_CHARSET`: character sets that schema changes do not take.

use super::{About, Code, Findings, Looked, Rule};
use crate::CharacterSet;

/// What may be. `binary` is none: a table that has it by default keeps bytes as they are.
const ALLOWED: &[&str] = &["utf8mb4", "utf8mb3", "utf8", "latin1", "ascii", "binary"];

pub(super) const RULE: Rule = Rule {
    code: Code::InvalidCharset,
    finds: "A table or column in another character set than utf8mb4, utf8mb3, utf8, latin1, ascii (or binary, which is \
            none).",
    why: "Of the others some cannot be used by clients (utf16, utf32, ucs2), and in some a byte of a character looks \
          like a quote or a backslash (sjis, gbk, big5).",
    mend: "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4; for one column ALTER TABLE t MODIFY c … CHARACTER SET utf8mb4.",
    check,
};

fn is_wrong(name: &CharacterSet) -> bool {
    !ALLOWED.contains(&name.as_str())
}

fn check(looked: &Looked<'_>, findings: &mut Findings) {
    for table in looked.tables() {
        if let Some(charset) = table.character_set().filter(|name| is_wrong(name)) {
            let description = format!(
                "Table \"{}\" has the character set {charset}. Convert it: ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4.",
                table.name
            );
            let about = About { charset: charset.to_string(), ..About::default() };
            findings.note(Code::InvalidCharset, &table.name, about, description);
        }
        for column in &table.columns {
            let Some(charset) = column.character_set().filter(|name| is_wrong(name)) else { continue };
            let description = format!(
                "Column \"{}\" of table \"{}\" has the character set {charset}. Take utf8mb4, utf8mb3, latin1 or ascii.",
                column.name, table.name
            );
            let about =
                About { column: column.name.to_string(), charset: charset.to_string(), ..About::default() };
            findings.note(Code::InvalidCharset, &table.name, about, description);
        }
    }
}
