//! Figures of the control plane as charts.

use bough_control::figures::{
    OrganizationFigures, Point, Span, TokenFigures, average_micros, percentile_micros,
};
use bough_control::model::Timestamp;

use crate::chart::{Chart, Ink, Mark, Plot, Series, Step, Unit};

/// Every how many hours of a day there is a label, and every how many days of a month.
const HOURS_BETWEEN: usize = 6;
const DAYS_BETWEEN: usize = 7;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `24 Nov` and `14:00`.
fn day_and_time(at: Timestamp) -> (String, String) {
    let text = at.to_string();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or("");
    let month = part(5, 7).parse::<usize>().ok().and_then(|number| MONTHS.get(number.checked_sub(1)?));
    let day = format!("{} {}", part(8, 10).trim_start_matches('0'), month.unwrap_or(&""));
    (day, part(11, 16).to_owned())
}

fn steps(span: Span, begins: impl ExactSizeIterator<Item = Timestamp>) -> Vec<Step> {
    let last = begins.len().saturating_sub(1);
    begins
        .enumerate()
        .map(|(at, begins)| {
            let (day, time) = day_and_time(begins);
            match span {
                Span::Day => {
                    let hour: usize = time.get(..2).and_then(|hour| hour.parse().ok()).unwrap_or(0);
                    let label = if hour.is_multiple_of(HOURS_BETWEEN) { time.clone() } else { String::new() };
                    Step { name: format!("{day}, {time}"), label }
                }
                // Counted from today: two labels never stand side by side.
                Span::Month if (last - at).is_multiple_of(DAYS_BETWEEN) => {
                    Step { name: day.clone(), label: day }
                }
                Span::Month => Step { name: day, label: String::new() },
            }
        })
        .collect()
}

const fn step_name(span: Span) -> &'static str {
    match span {
        Span::Day => "Hour from (UTC)",
        Span::Month => "Day (UTC)",
    }
}

/// Charts of one span with the same steps.
struct Charts {
    span: Span,
    steps: Vec<Step>,
}

impl Charts {
    fn of<T>(span: Span, points: &[Point<T>]) -> Self {
        Self { span, steps: steps(span, points.iter().map(|point| point.from)) }
    }

    fn draw(&self, title: &str, unit: Unit, series: Vec<Series>) -> Chart {
        let (title, steps) = (title.to_owned(), self.steps.clone());
        Plot { title, step: step_name(self.span), unit, steps, series }.draw()
    }
}

fn curve(name: &str, ink: Ink, mark: Mark, values: impl Iterator<Item = Option<u64>>) -> Series {
    Series { name: name.to_owned(), ink, mark, values: values.collect() }
}

/// A service token's requests with its refusals, and how long they took.
pub(crate) fn of_token(figures: &TokenFigures) -> [Chart; 2] {
    let charts = Charts::of(figures.span, &figures.points);
    let counted = || figures.points.iter().map(|point| &point.counted);
    let requests = vec![
        curve("Requests", Ink::First, Mark::Area, counted().map(|requests| Some(requests.count))),
        curve("Refused", Ink::Bad, Mark::Dots, counted().map(|requests| Some(requests.refusals))),
    ];
    let latency = vec![
        curve("Average", Ink::Second, Mark::Area, counted().map(average_micros)),
        curve("95 of 100 within", Ink::Third, Mark::Dots, counted().map(|each| percentile_micros(each, 95))),
    ];
    [
        charts.draw("Requests and refusals", Unit::Count, requests),
        charts.draw("Time to answer", Unit::Micros, latency),
    ]
}

/// An organization's branches, and what they take on disk.
pub(crate) fn of_organization(figures: &OrganizationFigures) -> [Chart; 2] {
    let charts = Charts::of(figures.span, &figures.points);
    let counted = || figures.points.iter().map(|point| point.counted);
    let branches = vec![
        curve("Branches", Ink::First, Mark::Area, counted().map(|all| Some(all?.count))),
        curve("Running", Ink::Second, Mark::Line, counted().map(|all| Some(all?.running))),
        curve("Asleep", Ink::Third, Mark::Dots, counted().map(|all| Some(all?.asleep))),
    ];
    let disk = vec![curve("On disk", Ink::First, Mark::Area, counted().map(|all| Some(all?.disk_bytes)))];
    [charts.draw("Branches", Unit::Count, branches), charts.draw("Disk use", Unit::Bytes, disk)]
}

#[cfg(test)]
mod tests {
    use askama::Template as _;
    use bough_control::figures::{Branches, RequestFigures};

    use super::*;

    /// 2026-11-24T14:00Z.
    const AT: i64 = 1_795_528_800_000_000;
    const HOUR: i64 = 3_600_000_000;

    fn points<T>(span: Span, count: i64, counted: impl Fn(i64) -> T) -> Vec<Point<T>> {
        let step = span.step_hours() * HOUR;
        (0..count)
            .map(|at| Point {
                from: Timestamp::from_micros(AT - (count - 1 - at) * step),
                counted: counted(at),
            })
            .collect()
    }

    fn labels(span: Span, count: i64) -> Vec<String> {
        let points = points(span, count, |_| ());
        let steps = steps(span, points.iter().map(|point| point.from));
        steps.into_iter().map(|step| step.label).filter(|label| !label.is_empty()).collect()
    }

    #[test]
    fn steps_have_few_labels_and_all_a_name() {
        assert_eq!(labels(Span::Day, 24), ["18:00", "00:00", "06:00", "12:00"]);
        assert_eq!(labels(Span::Month, 31), ["27 Oct", "3 Nov", "10 Nov", "17 Nov", "24 Nov"]);
        let points = points(Span::Day, 2, |_| ());
        let names: Vec<String> = steps(Span::Day, points.iter().map(|point| point.from))
            .into_iter()
            .map(|step| step.name)
            .collect();
        assert_eq!(names, ["24 Nov, 13:00", "24 Nov, 14:00"]);
    }

    #[test]
    fn a_token_without_requests_says_so() {
        let figures = TokenFigures {
            span: Span::Month,
            points: points(Span::Month, 31, |_| RequestFigures::default()),
            total: RequestFigures::default(),
        };
        assert!(of_token(&figures).iter().all(|chart| chart.empty));
    }

    #[derive(askama::Template)]
    #[template(
        source = r#"{% import "parts.html" as parts %}{% for chart in charts %}{{ parts::plot(chart) }}{% endfor %}"#,
        ext = "html"
    )]
    struct Shown {
        charts: Vec<Chart>,
    }

    #[test]
    fn a_page_shows_drawing_legend_and_table() {
        let figures = TokenFigures {
            span: Span::Day,
            points: points(Span::Day, 24, |at| {
                let count = if at < 9 { 0 } else { at.unsigned_abs() * 17 % 40 };
                let mut took = RequestFigures::default().took;
                (took[1], took[4]) = (count / 2, count - count / 2);
                let (refusals, micros_sum) = (count / 9, count * 2_500);
                RequestFigures { count, refusals, micros_sum, micros_max: 9_000, took }
            }),
            total: RequestFigures::default(),
        };
        let page = Shown { charts: of_token(&figures).to_vec() }.render().expect("it renders");
        assert_eq!((page.matches("<figure").count(), page.matches("<table").count()), (2, 2));
        assert_eq!(page.matches("class=\"chart-narrow\"").count(), 2, "as markup, not as text");
        assert!(page.contains("<th scope=\"row\">24 Nov, 14:00</th>"), "{page}");
        assert!(page.contains("<td class=\"num\" data-label=\"Refused\">3</td>"), "{page}");
        let empty = TokenFigures { points: points(Span::Day, 24, |_| RequestFigures::default()), ..figures };
        let page = Shown { charts: of_token(&empty).to_vec() }.render().expect("it renders");
        assert_eq!((page.matches("Nothing in this time.").count(), page.matches("<svg").count()), (2, 0));
    }

    #[test]
    fn figures_become_cells() {
        let figures = OrganizationFigures {
            span: Span::Day,
            points: points(Span::Day, 24, |at| {
                (at > 20).then_some(Branches { count: 3, running: 2, asleep: 1, disk_bytes: 73 << 20 })
            }),
        };
        let [branches, disk] = of_organization(&figures);
        assert_eq!(branches.table.head, ["Hour from (UTC)", "Branches", "Running", "Asleep"]);
        assert_eq!(branches.table.rows[23].cells, ["3", "2", "1"]);
        assert_eq!((&*disk.table.rows[23].cells[0], &*disk.table.rows[0].cells[0]), ("73 MiB", "–"));
        assert!(!branches.empty && !disk.empty);
    }
}
