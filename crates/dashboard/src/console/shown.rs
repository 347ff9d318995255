//! What a run answered, as it is shown: values cut and made visible, and what happened in sentences.

use std::time::Duration;

use bough_control::console::{
    ANSWERS_MAX, Answer as Answered, Cell as Value, ColumnKind, Done, Ended, Position, READ_MAX_BYTES,
    ROW_MAX_BYTES, ROWS_MAX, Refusal, Rows, SHOWN_MAX_BYTES, StatementRun,
};
use bough_control::model::PasswordRole;

use super::view::{Answer, Cell, Column, Place, Results};
use crate::branches::bytes;
use crate::layout::counted;
use crate::passwords::role_text;

/// Longest text that is shown as it is, in characters; of a longer one, more is shown on request.
const SHORT_MAX: usize = 160;
/// So much is shown of a longer one at first, in characters.
const BEGINNING: usize = 100;
/// Bytes of what is no text that are shown at first.
const HEX_SHORT_MAX: usize = 32;
/// Bytes of what is no text that are shown at all.
const HEX_MAX: usize = 512;
/// Letters of a line that are shown on either side of what is wrong in it.
const AROUND: usize = 60;

/// A number with a comma after each thousand.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn count(number: u64, unit: &str) -> String {
    counted(number, unit).replacen(&number.to_string(), &grouped(number), 1)
}

fn size(length: usize) -> String {
    bytes(i64::try_from(length).unwrap_or(i64::MAX))
}

fn time(took: Duration) -> String {
    match took.as_millis() {
        millis @ 0..1_000 => format!("{millis} ms"),
        millis => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
    }
}

/// Letters that would not be seen, or that would change how others are, are shown by signs for them.
fn visible(text: &str) -> String {
    let sign = |letter: char| match letter {
        '\n' | '\t' => letter,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + letter as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200b}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => '\u{fffd}',
        letter => letter,
    };
    text.chars().map(sign).collect()
}

/// The text of bytes of which the last letter may have been cut.
fn text_of(value: &Value) -> String {
    let text = String::from_utf8_lossy(&value.bytes);
    let whole = value.bytes.len() == value.length;
    visible(if whole { &text } else { text.trim_end_matches('\u{fffd}') })
}

fn hex_of(value: &Value, most: usize) -> String {
    let digits: String = value.bytes.iter().take(most).map(|byte| format!("{byte:02X}")).collect();
    format!("0x{digits}")
}

fn cell(value: Option<&Value>, kind: ColumnKind) -> Cell {
    let Some(value) = value else { return Cell::Null };
    if kind == ColumnKind::Binary {
        return match value.length {
            0..=HEX_SHORT_MAX => Cell::Short(hex_of(value, HEX_SHORT_MAX)),
            length => {
                let rest = if length > HEX_MAX {
                    format!("The first {HEX_MAX} bytes of {}.", size(length))
                } else {
                    size(length)
                };
                Cell::Long(format!("{}…", hex_of(value, HEX_SHORT_MAX)), hex_of(value, HEX_MAX), rest)
            }
        };
    }
    let text = text_of(value);
    if value.bytes.len() == value.length && text.chars().nth(SHORT_MAX).is_none() {
        return Cell::Short(text);
    }
    let beginning: String = text.chars().take(BEGINNING).collect();
    let beginning = beginning.lines().next().unwrap_or_default();
    let rest = if value.bytes.len() < value.length {
        format!("The first {} of {}.", size(value.bytes.len()), size(value.length))
    } else {
        String::new()
    };
    Cell::Long(format!("{beginning}…"), text, rest)
}

fn told(rows: &Rows) -> String {
    match (rows.rows.len() as u64, rows.read) {
        (0, 0) if rows.whole => "No rows".to_owned(),
        (number, read) if rows.whole && number == read => count(number, "row"),
        (number, read) if rows.whole => format!("The first {} of {}", grouped(number), count(read, "row")),
        (number, _) => format!("The first {}", count(number, "row")),
    }
}

fn table(rows: &Rows, name: &str) -> Answer {
    let columns = rows
        .columns
        .iter()
        .map(|column| Column { name: visible(&column.name), number: column.kind == ColumnKind::Number });
    let line = |row: &Vec<Option<Value>>| {
        let cells = row.iter().zip(&rows.columns);
        cells.map(|(value, column)| cell(value.as_ref(), column.kind)).collect()
    };
    let lines = rows.rows.iter().enumerate().map(|(at, row)| (at + 1, line(row)));
    Answer::Table(format!("{name}{}", told(rows)), columns.collect(), lines.collect())
}

fn done(done: &Done) -> String {
    let mut text = match done.affected {
        0 => "Done, no rows changed".to_owned(),
        number => format!("{} changed", count(number, "row")),
    };
    if let Some(id) = done.inserted_id {
        text.push_str(&format!(", the first new number is {id}"));
    }
    if !done.info.is_empty() {
        text.push_str(&format!(" ({})", visible(&done.info)));
    }
    match done.warnings {
        0 => {}
        number => text.push_str(&format!(", {}", count(u64::from(number), "warning"))),
    }
    text
}

/// What is not shown, and what that means.
fn cut(run: &StatementRun) -> String {
    let rows = run.answers.iter().filter_map(|answer| match answer {
        Answered::Rows(rows) => Some(rows),
        Answered::Done(_) => None,
    });
    let lacking = rows.filter(|rows| rows.read > rows.rows.len() as u64).map(|rows| rows.rows.len()).max();
    let mut told = Vec::new();
    match lacking {
        Some(ROWS_MAX) => told.push(format!(
            "Only the first {} rows are shown: narrow it down with WHERE or LIMIT.",
            grouped(ROWS_MAX as u64)
        )),
        Some(_) => told.push(format!(
            "Only as many rows are shown as fit into {}: choose fewer columns, or narrow it down with WHERE or LIMIT.",
            size(SHOWN_MAX_BYTES)
        )),
        None => {}
    }
    if run.more > 0 {
        let all = (run.answers.len() + run.more) as u64;
        told.push(format!("Only the first {ANSWERS_MAX} of {} are shown.", count(all, "result")));
    }
    match run.ended {
        Ended::RowTooLarge => told.push(format!(
            "A row is larger than {}, the most that is read here: choose fewer columns, or use LEFT().",
            size(ROW_MAX_BYTES)
        )),
        Ended::Cut if !run.only_reads => {
            told.push(format!("It answers more than {}, the most that is read here.", size(READ_MAX_BYTES)));
        }
        _ => {}
    }
    if matches!(run.ended, Ended::Cut | Ended::RowTooLarge) && !run.only_reads {
        told.push(
            "It was ended there: what came after may not have been run, and what was not committed by then is undone."
                .to_owned(),
        );
    }
    told.join(" ")
}

const UNDONE: &str = "What was not committed by then is undone, and nothing after it was run.";

/// Why it went no further.
fn problem(ended: &Ended, limit: Duration) -> String {
    match ended {
        Ended::Whole | Ended::Cut | Ended::RowTooLarge => String::new(),
        Ended::Refused(Refusal { code, state, message }, _) => {
            format!("Error {code} ({state}): {}", visible(message))
        }
        Ended::TimeOver => format!("It took longer than {} s, and was ended. {UNDONE}", limit.as_secs()),
        Ended::Cancelled => format!("It was cancelled. {UNDONE}"),
        Ended::Left => format!("It was ended, since nobody waited for it. {UNDONE}"),
        Ended::NotAllowed => {
            format!("It was ended: you may not run this here any more, or the branch has changed. {UNDONE}")
        }
        Ended::Lost(_) => format!("Its session was ended on the branch's server, or broke. {UNDONE}"),
    }
}

/// What the server says where an account may not: of a table, a column, a routine, a schema, a right.
const NOT_PERMITTED: [u16; 5] = [1142, 1143, 1370, 1044, 1227];

/// What helps against it.
fn hint(run: &StatementRun) -> &'static str {
    match &run.ended {
        Ended::Refused(refusal, _)
            if NOT_PERMITTED.contains(&refusal.code) && run.role != PasswordRole::Admin =>
        {
            "Another role may be allowed to: choose it beside \"Run as\", and run it again."
        }
        _ => "",
    }
}

fn place(text: &str, position: Position) -> Option<Place> {
    let (before, rest) = text.split_at_checked(position.offset)?;
    let (marked, after) = rest.split_at_checked(position.length)?;
    let units = |text: &str| text.encode_utf16().count();
    let from = units(before);
    let line: Vec<char> = before.rsplit('\n').next().unwrap_or_default().chars().collect();
    let skipped = line.len().saturating_sub(AROUND);
    let dots = |cut: bool| if cut { "…" } else { "" };
    let rest: Vec<char> = after.lines().next().unwrap_or_default().chars().collect();
    let shown: String = rest.iter().take(AROUND).collect();
    Some(Place {
        line: position.line,
        column: position.column,
        from,
        to: from + units(marked),
        before: format!("{}{}", dots(skipped > 0), visible(&line[skipped..].iter().collect::<String>())),
        marked: visible(marked),
        after: format!("{}{}", visible(&shown), dots(rest.len() > AROUND)),
    })
}

/// In a sentence, for those who listen, too.
fn said(run: &StatementRun, problem: &str) -> String {
    let what = match (run.answers.as_slice(), problem.is_empty()) {
        (_, false) => "Not done".to_owned(),
        ([], true) => "Done".to_owned(),
        ([Answered::Rows(rows)], true) => told(rows),
        ([Answered::Done(one)], true) => done(one),
        (all, true) => count((all.len() + run.more) as u64, "result"),
    };
    format!("{what}, after {}, as {}.", time(run.took), role_text(run.role).0.to_lowercase())
}

/// All of it. `text` is what was run, `limit` the longest time for that.
pub(super) fn results(run: &StatementRun, text: &str, limit: Duration) -> Results {
    let several = run.answers.len() > 1;
    let name = |at: usize| if several { format!("Result {}: ", at + 1) } else { String::new() };
    let answer = |(at, answered): (usize, &Answered)| match answered {
        Answered::Rows(rows) => table(rows, &name(at)),
        Answered::Done(one) => Answer::Done(format!("{}{}.", name(at), done(one))),
    };
    let problem = problem(&run.ended, limit);
    Results {
        said: said(run, &problem),
        place: match &run.ended {
            Ended::Refused(_, Some(position)) => place(text, *position),
            _ => None,
        },
        problem,
        hint: hint(run),
        cut: cut(run),
        answers: run.answers.iter().enumerate().map(answer).collect(),
        warnings: run
            .warnings
            .iter()
            .map(|warning| (warning.level.clone(), warning.code.clone(), visible(&warning.message)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(bytes: &[u8], length: usize) -> Option<Value> {
        Some(Value { bytes: bytes.to_vec(), length })
    }

    fn shown(value: Option<Value>, kind: ColumnKind) -> (String, String, String) {
        match cell(value.as_ref(), kind) {
            Cell::Null => ("NULL".to_owned(), String::new(), String::new()),
            Cell::Short(text) => (text, String::new(), String::new()),
            Cell::Long(beginning, text, rest) => (beginning, text, rest),
        }
    }

    #[test]
    fn values_are_made_visible_and_cut() {
        let text = |bytes: &[u8]| shown(value(bytes, bytes.len()), ColumnKind::Text).0;
        assert_eq!(shown(None, ColumnKind::Text).0, "NULL");
        assert_eq!(text(b""), "");
        assert_eq!(text("a\0b\u{7f}\u{202e}c\nd".as_bytes()), "a␀b␡\u{fffd}c\nd");
        assert_eq!(text(b"\xff<b>"), "\u{fffd}<b>");
        let (beginning, kept, rest) = shown(value("ü".repeat(2_048).as_bytes(), 3 << 20), ColumnKind::Text);
        assert_eq!((beginning.chars().count(), kept.chars().count()), (101, 2_048));
        assert_eq!(rest, "The first 4 kB of 3 MB.");
        // The last letter was cut in two.
        let (_, kept, _) = shown(value("ab\u{fc}".as_bytes().get(..3).expect("bytes"), 9), ColumnKind::Text);
        assert_eq!(kept, "ab");
        assert_eq!(shown(value(b"\x00\xabA", 3), ColumnKind::Binary).0, "0x00AB41");
        let (beginning, kept, rest) = shown(value(&[1; 1_024], 1_024), ColumnKind::Binary);
        assert_eq!((beginning.chars().count(), kept.len()), (2 + 64 + 1, 2 + 1_024));
        assert_eq!(rest, "The first 512 bytes of 1 kB.");
    }

    #[test]
    fn numbers_are_grouped() {
        let told: Vec<String> = [0, 999, 1_000, 1_234_567].map(grouped).to_vec();
        assert_eq!(told, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!((count(1, "row"), count(1_000, "row")), ("1 row".to_owned(), "1,000 rows".to_owned()));
    }

    #[test]
    fn a_place_is_shown_with_the_line_around_it() {
        let text = "SELECT 1,\n  '😀' FORM ü, x\nLIMIT 1";
        let at = text.find("ü").expect("there");
        let shown = place(text, Position { offset: at, length: 2, line: 2, column: 12 }).expect("a place");
        assert_eq!(
            (shown.before.as_str(), shown.marked.as_str(), shown.after.as_str()),
            ("  '😀' FORM ", "ü", ", x")
        );
        // A script counts the face twice.
        assert_eq!((shown.from, shown.to), (22, 23));
        assert!(place("a", Position { offset: 9, length: 1, line: 1, column: 1 }).is_none());
    }
}
