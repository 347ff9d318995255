//! SQL as highlighted HTML. Every character of the SQL is escaped; the marks around it are ours.

use bough_control::branches::{Piece, marked_up};

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

/// Marks up a definition.
pub(crate) fn highlight(sql: &str) -> String {
    format!("<pre class=\"sql\">{}</pre>", marked_up(sql, class))
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
