//! Where in a text the server's error is.

/// The server shows so many bytes of what it could not read, and three dots where there is more.
const NEAR_MAX_BYTES: usize = 80;
const DOTS: &str = "...";

/// A statement that cannot be parsed.
const SYNTAX: u16 = 1064;
/// Errors about a name, which they quote first.
const ABOUT_A_NAME: [u16; 4] = [1054, 1109, 1146, 1305];

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Where it begins, in bytes.
    pub offset: usize,
    /// How long it is, in bytes; 0 at the end of the text.
    pub length: usize,
    /// Its line, from 1.
    pub line: usize,
    /// Its place in the line, in characters, from 1.
    pub column: usize,
}

impl Position {
    /// Where an error is, as far as its words tell.
    pub(super) fn of(text: &str, code: u16, message: &str) -> Option<Self> {
        let (offset, length) = match code {
            SYNTAX => of_syntax(text, message)?,
            code if ABOUT_A_NAME.contains(&code) => of_name(text, message)?,
            _ => return None,
        };
        let before = text.get(..offset)?;
        let line_begins = before.rfind('\n').map_or(0, |at| at + 1);
        Some(Self {
            offset,
            length,
            line: before.matches('\n').count() + 1,
            column: before[line_begins..].chars().count() + 1,
        })
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '$')
}

/// The length of the word, or else of the sign, that something begins with.
fn first_word(text: &str) -> usize {
    let word = text.find(|letter| !is_of_word(letter)).unwrap_or(text.len());
    if word > 0 { word } else { text.chars().next().map_or(0, char::len_utf8) }
}

/// What the server could not read is all that it had not read: it goes to the end of the text, less the blanks and
/// semicolons there, or is cut.
fn of_syntax(text: &str, message: &str) -> Option<(usize, usize)> {
    let (_, rest) = message.split_once("near '")?;
    let (near, _) = rest.rsplit_once("' at line ")?;
    let read = text.trim_end_matches(|letter: char| letter == ';' || letter.is_ascii_whitespace());
    let at_end = near.trim_end_matches(|letter: char| letter == ';' || letter.is_ascii_whitespace());
    if near.is_empty() {
        return Some((read.len(), 0));
    }
    let offset = if read.ends_with(at_end) && near.len() < NEAR_MAX_BYTES - DOTS.len() {
        read.len() - at_end.len()
    } else {
        // A letter of several bytes may have been cut.
        let begins = near.strip_suffix(DOTS).unwrap_or(near).trim_end_matches('\u{fffd}');
        let mut found = text.match_indices(begins);
        let (offset, _) = found.next()?;
        // Of several nobody can tell which.
        if found.next().is_some() {
            return None;
        }
        offset
    };
    let blanks = text[offset..].len() - text[offset..].trim_start().len();
    let offset = offset + blanks;
    Some((offset, first_word(&text[offset..])))
}

/// The name that an error is about, where it stands in the text just once.
fn of_name(text: &str, message: &str) -> Option<(usize, usize)> {
    let (_, rest) = message.split_once('\'').or_else(|| message.split_once(' '))?;
    let name = rest.split(['\'', ' ']).next()?;
    let name = name.rsplit('.').next().filter(|name| !name.is_empty())?;
    let alone = |at: usize| {
        let before = text[..at].chars().next_back().is_some_and(is_of_word);
        let after = text[at + name.len()..].chars().next().is_some_and(is_of_word);
        !before && !after
    };
    let mut found = text.match_indices(name).map(|(at, _)| at).filter(|at| alone(*at));
    let offset = found.next()?;
    found.next().is_none().then_some((offset, name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syntax(text: &str, near: &str) -> Option<(usize, usize, String)> {
        let message = format!(
            "You have an error in your SQL syntax; check the manual that corresponds to your MariaDB server version \
             for the right syntax to use near '{near}' at line 1"
        );
        let found = Position::of(text, SYNTAX, &message)?;
        Some((found.line, found.column, text[found.offset..found.offset + found.length].to_owned()))
    }

    fn at(line: usize, column: usize, what: &str) -> Option<(usize, usize, String)> {
        Some((line, column, what.to_owned()))
    }

    #[test]
    fn the_place_is_where_the_server_stopped_reading() {
        assert_eq!(syntax("SELEC 1", "SELEC 1"), at(1, 1, "SELEC"));
        assert_eq!(syntax("SELECT\n1\nFORM t", "t"), at(3, 6, "t"));
        assert_eq!(syntax("SELECT 1 FORM t; \n ; ", "t"), at(1, 15, "t"));
        assert_eq!(syntax("SELECT 1 FROM", ""), at(1, 14, ""));
        assert_eq!(syntax("SELECT 1;\n\n SELEC 2; SELECT 3", "SELEC 2; SELECT 3"), at(3, 2, "SELEC"));
        assert_eq!(syntax("SELECT 'abc", "'abc"), at(1, 8, "'"));
        assert_eq!(syntax("CREATE TABLE t (id INT,, x INT)", " x INT)"), at(1, 26, "x"));
        // Letters, not bytes.
        assert_eq!(syntax("SELECT 'ü€😀' FORM üü", "üü"), at(1, 19, "üü"));
        // The text has a quote and words like the message's in it.
        let odd = "' at line 7 near '";
        assert_eq!(syntax(&format!("SELECT ) {odd}"), &format!(") {odd}")), at(1, 8, ")"));
    }

    #[test]
    fn what_was_cut_is_found_by_its_beginning_when_there_is_one_of_it() {
        let long = "y".repeat(100);
        let near = format!("{}...", &long[..77]);
        assert_eq!(syntax(&format!("SELECT 1 FORM {long} z"), &near), at(1, 15, &long));
        assert_eq!(syntax(&format!("SELECT 1 FORM {long} z, {long} z"), &near), None);
        let near = format!("{}\u{fffd}...", "ä".repeat(38));
        assert_eq!(syntax(&format!("SELECT x FORM {}", "ä".repeat(60)), &near), at(1, 15, &"ä".repeat(60)));
    }

    #[test]
    fn a_name_is_found_when_it_stands_there_once() {
        let column = |text: &str| {
            let found = Position::of(text, 1054, "Unknown column 'nam' in 'SELECT'")?;
            Some((found.line, found.column))
        };
        assert_eq!(column("SELECT name,\n  nam FROM t"), Some((2, 3)));
        assert_eq!(column("SELECT nam, nam FROM t"), None);
        assert_eq!(column("SELECT 1"), None);
        let table =
            Position::of("SELECT * FROM `nix`", 1146, "Table 'shop.nix' doesn't exist").expect("found");
        assert_eq!((table.offset, table.length), (15, 3));
        assert_eq!(Position::of("SELECT 1", 1045, "Access denied for user 'x'"), None);
    }

    #[test]
    fn no_words_of_a_server_do_harm() {
        for message in [
            "",
            "near '",
            "near '' at line",
            "near 'é' at line 1",
            "' at line 1near '",
            "'",
            "''",
            "'.'",
            "x ",
        ] {
            for text in ["", "é", "'", "\n;\n", "near 'é' at line 1"] {
                for code in [SYNTAX, 1054, 1146] {
                    let _ = Position::of(text, code, message);
                }
            }
        }
    }
}
