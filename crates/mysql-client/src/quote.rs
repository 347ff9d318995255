//! Names and texts as they stand in SQL. Each function's result is right under every `sql_mode`, as
//! long as the client's character set is `utf8mb4`, which [`crate::Connection::open`] sees to.

use std::fmt::Write as _;

/// A name between backticks.
pub fn quote_ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A schema's name between backticks for `GRANT … ON schema.*`, where `_` and `%` would otherwise
/// stand for any text.
pub fn quote_grant_schema(name: &str) -> String {
    let plain = name.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
    quote_ident(&plain)
}

/// A text as a string literal.
///
/// A text with a backslash becomes a hexadecimal literal, because whether a backslash escapes depends
/// on `sql_mode`; such a literal is an expression, so it cannot stand where the grammar wants a plain
/// string (`COMMENT`, account names).
pub fn quote_str(text: &str) -> String {
    if !text.contains('\\') {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut hex = String::with_capacity(text.len() * 2 + 16);
    hex.push_str("_utf8mb4 X'");
    for byte in text.bytes() {
        // Writing into a String cannot fail.
        let _ = write!(hex, "{byte:02X}");
    }
    hex.push('\'');
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes() {
        assert_eq!(quote_ident("a`b"), "`a``b`");
        assert_eq!(quote_str("it's"), "'it''s'");
        assert_eq!(quote_str("\\' OR 1=1"), "_utf8mb4 X'5C27204F5220313D31'");
        assert_eq!(quote_grant_schema("a_b%c"), "`a\\_b\\%c`");
    }
}
