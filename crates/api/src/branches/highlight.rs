//! SQL as highlighted HTML. Every character of the SQL is escaped; the marks around it are ours.

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
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Plain,
    Keyword,
    Name,
    Text,
    Number,
    Comment,
}

impl Piece {
    fn class(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Keyword => Some("k"),
            Self::Name => Some("n"),
            Self::Text => Some("s"),
            Self::Number => Some("m"),
            Self::Comment => Some("c"),
        }
    }
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

fn escape(text: &str, html: &mut String) {
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
}

/// Marks up a definition.
pub(crate) fn highlight(sql: &str) -> String {
    let mut html = String::with_capacity(sql.len() * 2);
    html.push_str("<pre class=\"sql\">");
    let mut rest = sql;
    while !rest.is_empty() {
        let (piece, length) = next_piece(rest);
        let (text, after) = rest.split_at(length);
        match piece.class() {
            Some(class) => {
                html.push_str("<span class=\"");
                html.push_str(class);
                html.push_str("\">");
                escape(text, &mut html);
                html.push_str("</span>");
            }
            None => escape(text, &mut html),
        }
        rest = after;
    }
    html.push_str("</pre>");
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
    fn marks_what_it_knows_and_escapes_everything() {
        assert_eq!(
            highlight("CREATE TABLE `a<b``c` (id int DEFAULT 'x''\\'y</pre>') /* <c> */"),
            "<pre class=\"sql\"><span class=\"k\">CREATE</span> <span class=\"k\">TABLE</span> \
             <span class=\"n\">`a&lt;b``c`</span> (id int <span class=\"k\">DEFAULT</span> \
             <span class=\"s\">&#39;x&#39;&#39;\\&#39;y&lt;/pre&gt;&#39;</span>) <span class=\"c\">/* &lt;c&gt; */</span></pre>"
        );
    }

    #[test]
    fn takes_any_text() {
        for odd in ["'", "`", "/*", "'\\", "ä'ö", "\u{0}", "1e5 é_ö", "''''", "\"\\\""] {
            let html = highlight(odd);
            assert!(html.ends_with("</pre>"), "{odd:?}");
        }
    }
}
