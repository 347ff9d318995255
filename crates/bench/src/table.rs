//! The table that comes out.

use std::io::Write as _;

/// Writes a line to the terminal.
pub fn say(text: &str) {
    // A reader that has gone away is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{text}");
    let _ = std::io::stdout().flush();
}

/// What stands where there is no number.
pub const NOT_MEASURED: &str = "not measured";

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Line {
    /// What is measured.
    pub measure: String,
    /// What GOALS.md wants.
    pub goal: String,
    /// Bough's figure.
    pub ours: String,
    /// The figure of what ran beside it.
    pub beside: String,
    /// One by the other.
    pub ratio: String,
    /// `yes`, `no`, or why there is no verdict.
    pub met: String,
}

impl Line {
    /// The figures without a verdict: nothing is wanted of them.
    pub fn for_context(self) -> Self {
        Self { goal: "-".to_owned(), met: "context".to_owned(), ..self }
    }

    /// A measure that broke off has no number.
    pub fn failed(name: &str, why: &str) -> Self {
        Self::without_numbers(name, &format!("failed: {why}"))
    }

    /// A measure that was not taken.
    pub fn not_measured(name: &str, why: &str) -> Self {
        Self::without_numbers(name, why)
    }

    fn without_numbers(name: &str, why: &str) -> Self {
        Self {
            measure: name.to_owned(),
            goal: String::new(),
            ours: NOT_MEASURED.to_owned(),
            beside: String::new(),
            ratio: String::new(),
            met: why.to_owned(),
        }
    }
}

/// A verdict.
pub fn met(fulfilled: bool) -> String {
    if fulfilled { "yes" } else { "NO" }.to_owned()
}

/// The table as Markdown, aligned for reading as text.
pub fn print(lines: &[Line]) -> String {
    let head = ["measure", "goal", "ours", "beside it", "ratio", "met?"].map(str::to_owned);
    let mut rows: Vec<[String; 6]> = vec![head];
    rows.extend(
        lines
            .iter()
            .cloned()
            .map(|line| [line.measure, line.goal, line.ours, line.beside, line.ratio, line.met]),
    );
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push(format!("| {} |", cells.join(" | ")));
        if at == 0 {
            text.push(format!("|{}|", widths.map(|width| "-".repeat(width + 2)).join("|")));
        }
    }
    text.join("\n")
}
