//! SQL in pieces, for whoever shows it marked up.

/// Words that are marked. Whatever else a definition holds stays plain.
const KEYWORDS: &[&str] = &[
    "ALGORITHM",
    "ALTER",
    "AND",
    "AS",
    "AUTO_INCREMENT",
    "BY",
    "CASCADE",
    "CHARACTER",
    "CHARSET",
    "CHECK",
    "COLLATE",
    "COMMENT",
    "CONSTRAINT",
    "CREATE",
    "CURRENT_TIMESTAMP",
    "DEFAULT",
    "DEFINER",
    "DELETE",
    "ENGINE",
    "FOREIGN",
    "FROM",
    "FULLTEXT",
    "GENERATED",
    "HASH",
    "IN",
    "INDEX",
    "KEY",
    "LESS",
    "LIST",
    "NOT",
    "NULL",
    "ON",
    "OR",
    "PARTITION",
    "PARTITIONS",
    "PRIMARY",
    "RANGE",
    "REFERENCES",
    "SECURITY",
    "SELECT",
    "SET",
    "SPATIAL",
    "SQL",
    "STORED",
    "TABLE",
    "THAN",
    "UNIQUE",
    "UNSIGNED",
    "UPDATE",
    "USING",
    "VALUES",
    "VIEW",
    "VIRTUAL",
    "WHERE",
];

/// What a piece of SQL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Anything else.
    Plain,
    /// A word of the language.
    Keyword,
    /// A quoted name.
    Name,
    /// A quoted text.
    Text,
    /// A number.
    Number,
    /// A comment.
    Comment,
}

/// The length of the quoted piece at the beginning of `sql`; doubled quotes and, within texts,
/// backslashes do not end it.
fn quoted(sql: &str, quote: char) -> usize {
    let mut rest = sql.char_indices().skip(1).peekable();
    while let Some((at, c)) = rest.next() {
        if c == '\\' && quote != '`' {
            rest.next();
        } else if c == quote {
            match rest.peek() {
                Some((_, next)) if *next == quote => {
                    rest.next();
                }
                _ => return at + quote.len_utf8(),
            }
        }
    }
    sql.len()
}

fn word(sql: &str, first: char) -> (Piece, usize) {
    let fits = |c: char| c.is_alphanumeric() || c == '_';
    let length = sql.find(|c| !fits(c)).unwrap_or(sql.len());
    if first.is_ascii_digit() {
        return (Piece::Number, length);
    }
    let upper = sql[..length].to_ascii_uppercase();
    let piece = if KEYWORDS.binary_search(&upper.as_str()).is_ok() { Piece::Keyword } else { Piece::Plain };
    (piece, length)
}

fn next_piece(sql: &str) -> (Piece, usize) {
    match sql.chars().next() {
        Some('`') => (Piece::Name, quoted(sql, '`')),
        Some(quote @ ('\'' | '"')) => (Piece::Text, quoted(sql, quote)),
        Some('/') if sql.starts_with("/*") => {
            (Piece::Comment, sql.find("*/").map_or(sql.len(), |end| end + 2))
        }
        Some(c) if c.is_alphanumeric() || c == '_' => word(sql, c),
        Some(c) => (Piece::Plain, c.len_utf8()),
        None => (Piece::Plain, 0),
    }
}

/// The pieces of a definition, in order; together they are all of it.
fn pieces(sql: &str) -> impl Iterator<Item = (Piece, &str)> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        let (piece, length) = next_piece(rest);
        let (text, after) = rest.split_at(length);
        rest = after;
        (!text.is_empty()).then_some((piece, text))
    })
}

/// A definition as text of a page: all of it escaped, its pieces in elements of the class that a door gives
/// them.
pub fn marked_up(sql: &str, class: fn(Piece) -> Option<&'static str>) -> String {
    let mut html = String::with_capacity(sql.len() * 3);
    for (piece, text) in pieces(sql) {
        let class = class(piece);
        if let Some(class) = class {
            html.push_str("<span class=\"");
            html.push_str(class);
            html.push_str("\">");
        }
        for c in text.chars() {
            match c {
                '&' => html.push_str("&amp;"),
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                '"' => html.push_str("&quot;"),
                '\'' => html.push_str("&#39;"),
                c => html.push(c),
            }
        }
        if class.is_some() {
            html.push_str("</span>");
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted_for_the_search() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn takes_any_text_and_loses_none() {
        for odd in ["'", "`", "/*", "'\\", "ä'ö", "\u{0}", "1e5 é_ö", "''''", "\"\\\"", "a`b``c`/*'*/'x''y'"]
        {
            assert_eq!(pieces(odd).map(|(_, text)| text).collect::<String>(), odd);
        }
    }
}
