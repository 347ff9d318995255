//! SQL as highlighted HTML. Every character of the SQL is escaped; the marks around it are ours.

use bough_control::branches::{Piece, pieces};

const fn class(piece: Piece) -> Option<&'static str> {
    match piece {
        Piece::Plain => None,
        Piece::Keyword => Some("k"),
        Piece::Name => Some("n"),
        Piece::Text => Some("s"),
        Piece::Number => Some("m"),
        Piece::Comment => Some("c"),
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
    for (piece, text) in pieces(sql) {
        match class(piece) {
            Some(class) => {
                html.push_str("<span class=\"");
                html.push_str(class);
                html.push_str("\">");
                escape(text, &mut html);
                html.push_str("</span>");
            }
            None => escape(text, &mut html),
        }
    }
    html.push_str("</pre>");
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_what_it_knows_and_escapes_everything() {
        assert_eq!(
            highlight("CREATE TABLE `a<b``c` (id int DEFAULT 'x''\\'y</pre>') /* <c> */"),
            "<pre class=\"sql\"><span class=\"k\">CREATE</span> <span class=\"k\">TABLE</span> \
             <span class=\"n\">`a&lt;b``c`</span> (id int <span class=\"k\">DEFAULT</span> \
             <span class=\"s\">&#39;x&#39;&#39;\\&#39;y&lt;/pre&gt;&#39;</span>) <span class=\"c\">/* &lt;c&gt; */</span></pre>"
        );
    }
}
