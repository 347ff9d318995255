//! Charts, drawn here: a drawing each for wide, middling and narrow places, a legend, and the same figures as a
//! table.
//!
//! The drawing has presentation attributes only, which the content security policy lets through. Its colours
//! are those that the stylesheet knows and puts the theme's in place of. Series differ in their mark, too.

use std::fmt::Write as _;

use plotters::coord::combinators::BindKeyPoints as _;
use plotters::prelude::*;

mod scale;

pub(crate) use scale::Unit;

/// Text.
const MUTED: RGBColor = RGBColor(0x56, 0x60, 0x59);
/// Lines of the grid.
const GRID: RGBColor = RGBColor(0xD8, 0xDC, 0xD4);
/// How much of its colour the area below a curve has.
const AREA_OPACITY: f64 = 0.16;
/// Size of text as plotters wants it: it divides by 1.24, so that this is about 12.
const TEXT_SIZE: u32 = 15;
/// About how wide a character of it is.
const CHARACTER_WIDTH: usize = 7;
/// Width of a curve.
const CURVE_WIDTH: u32 = 2;
/// Radius of a dot.
const DOT_RADIUS: i32 = 3;
/// Most lines of the grid.
const LINES_MAX: u32 = 4;

/// Where a drawing is for: shown at about its own size, so that text can be read.
struct Shape {
    class: &'static str,
    size: (u32, u32),
}

const SHAPES: [Shape; 3] = [
    Shape { class: "chart-wide", size: (720, 220) },
    Shape { class: "chart-middle", size: (500, 200) },
    Shape { class: "chart-narrow", size: (340, 190) },
];

/// The colour of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    First,
    Second,
    Third,
    /// Of what was refused or went wrong.
    Bad,
}

impl Ink {
    const fn colour(self) -> RGBColor {
        match self {
            Self::First => RGBColor(0x1D, 0x6B, 0x45),
            Self::Second => RGBColor(0x2A, 0x5B, 0x91),
            Self::Third => RGBColor(0x7D, 0x4E, 0x00),
            Self::Bad => RGBColor(0xA5, 0x2F, 0x1F),
        }
    }
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A curve with the area below it.
    Area,
    /// A curve.
    Line,
    /// A curve with a dot at each value.
    Dots,
}

/// What is drawn as one curve.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) ink: Ink,
    pub(crate) mark: Mark,
    /// A value for each step; `None` leaves a gap.
    pub(crate) values: Vec<Option<u64>>,
}

/// A step of the horizontal axis.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// What the table calls it.
    pub(crate) name: String,
    /// What stands below the axis; nothing for most.
    pub(crate) label: String,
}

/// What a chart is made of.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    /// What a step is: the head of the table's first column.
    pub(crate) step: &'static str,
    pub(crate) unit: Unit,
    pub(crate) steps: Vec<Step>,
    pub(crate) series: Vec<Series>,
}

/// A chart as pages show it.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) title: String,
    /// Ours, and what it has of others is escaped.
    pub(crate) svg: String,
    pub(crate) legend: Vec<Legend>,
    pub(crate) table: Table,
    /// Nothing was counted in the whole time.
    pub(crate) empty: bool,
}

/// Which curve is which.
#[derive(Clone, Debug)]
pub(crate) struct Legend {
    /// A sample of the curve, drawn by us.
    pub(crate) sample: &'static str,
    pub(crate) ink: Ink,
    pub(crate) name: String,
}

/// The figures of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<TableRow>,
}

/// A step's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableRow {
    pub(crate) name: String,
    pub(crate) cells: Vec<String>,
}

impl Plot {
    /// Draws it.
    pub(crate) fn draw(&self) -> Chart {
        let mut svg = String::new();
        for shape in &SHAPES {
            // A text is drawn into: nothing of that fails. If it ever did, the table would be left.
            if let Ok(drawn) = self.drawing(shape) {
                svg.push_str(&drawn);
            }
        }
        let legend = self.series.iter().map(Legend::of).collect();
        let empty = self.highest() == 0;
        Chart { title: self.title.clone(), svg, legend, table: self.table(), empty }
    }

    fn highest(&self) -> u64 {
        self.series.iter().flat_map(|series| &series.values).filter_map(|value| *value).max().unwrap_or(0)
    }

    fn table(&self) -> Table {
        let cell = |series: &Series, at: usize| {
            let value = series.values.get(at).copied().flatten();
            value.map_or_else(|| "–".to_owned(), |value| self.unit.exactly(value))
        };
        let rows = self.steps.iter().enumerate().map(|(at, step)| TableRow {
            name: step.name.clone(),
            cells: self.series.iter().map(|series| cell(series, at)).collect(),
        });
        let head = std::iter::once(self.step.to_owned());
        Table {
            head: head.chain(self.series.iter().map(|series| series.name.clone())).collect(),
            rows: rows.collect(),
        }
    }

    /// What a drawing says to those who do not see it: the highest value of each curve. The rest is in the
    /// table.
    fn in_words(&self) -> String {
        let mut words = match (self.steps.first(), self.steps.last()) {
            (Some(first), Some(last)) => format!("From {} to {}.", first.name, last.name),
            _ => "Nothing yet.".to_owned(),
        };
        for series in &self.series {
            let values = series.values.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?)));
            // Of several that are as high, the first.
            let highest = values.rev().max_by_key(|(_, value)| *value);
            let _ = match highest.and_then(|(at, value)| Some((self.steps.get(at)?, value))) {
                Some((step, value)) => {
                    write!(words, " {}: at most {}, {}.", series.name, self.unit.exactly(value), step.name)
                }
                None => write!(words, " {}: nothing.", series.name),
            };
        }
        words
    }

    fn drawing(&self, shape: &Shape) -> Result<String, Box<dyn std::error::Error>> {
        let scale = scale::Scale::of(self.unit, self.highest(), LINES_MAX);
        let mut drawn = String::new();
        {
            let root = SVGBackend::with_string(&mut drawn, shape.size).into_drawing_area();
            let last = self.steps.len().saturating_sub(1).max(1);
            let labelled: Vec<i32> = (0_i32..)
                .zip(&self.steps)
                .filter(|(_, step)| !step.label.is_empty())
                .map(|(at, _)| at)
                .collect();
            let across = (0..i32::try_from(last)?).with_key_points(labelled);
            let longest = scale.lines.iter().map(|line| scale.label(*line).chars().count()).max();
            let beside = longest.unwrap_or(0) * CHARACTER_WIDTH + 10;
            let mut chart = ChartBuilder::on(&root)
                .margin_top(8)
                .margin_right(24)
                .margin_bottom(2)
                .set_label_area_size(LabelAreaPosition::Left, u32::try_from(beside)?)
                .set_label_area_size(LabelAreaPosition::Bottom, 24)
                .build_cartesian_2d(across, scale.clone())?;
            let label = |at: &i32| {
                let step = usize::try_from(*at).ok().and_then(|at| self.steps.get(at));
                step.map_or_else(String::new, |step| step.label.clone())
            };
            chart
                .configure_mesh()
                .disable_x_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(GRID)
                .axis_style(GRID)
                .set_tick_mark_size(LabelAreaPosition::Left, 5)
                .set_tick_mark_size(LabelAreaPosition::Bottom, 4)
                .label_style(("sans-serif", TEXT_SIZE, &MUTED))
                .x_label_formatter(&label)
                .y_label_formatter(&|value| scale.label(*value))
                .draw()?;
            for series in &self.series {
                let colour = series.ink.colour();
                let style = colour.stroke_width(CURVE_WIDTH);
                for part in parts(&series.values, &scale) {
                    if series.mark == Mark::Dots || part.len() == 1 {
                        let dot = |at: &(i32, f64)| Circle::new(*at, DOT_RADIUS, colour.filled());
                        chart.draw_series(part.iter().map(dot))?;
                    }
                    match series.mark {
                        _ if part.len() == 1 => {}
                        Mark::Area => {
                            let area = AreaSeries::new(part, 0.0, colour.mix(AREA_OPACITY));
                            chart.draw_series(area.border_style(style))?;
                        }
                        Mark::Line | Mark::Dots => {
                            chart.draw_series(LineSeries::new(part, style))?;
                        }
                    }
                }
            }
            root.present()?;
        }
        let body = drawn.split_once('>').map_or("", |(_, body)| body);
        let (width, height) = shape.size;
        Ok(format!(
            "<svg class=\"{}\" viewBox=\"0 0 {width} {height}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">\
             <title>{}</title><desc>{}</desc>{body}",
            shape.class,
            escaped(&self.title),
            escaped(&self.in_words()),
        ))
    }
}

/// The runs of values that follow each other, scaled.
fn parts(values: &[Option<u64>], scale: &scale::Scale) -> Vec<Vec<(i32, f64)>> {
    let mut parts: Vec<Vec<(i32, f64)>> = Vec::new();
    let mut open = false;
    for (at, value) in (0_i32..).zip(values) {
        match value {
            Some(value) => {
                let point = (at, scale.place(*value));
                match parts.last_mut() {
                    Some(part) if open => part.push(point),
                    _ => parts.push(vec![point]),
                }
                open = true;
            }
            None => open = false,
        }
    }
    parts
}

impl Legend {
    fn of(series: &Series) -> Self {
        let sample = match series.mark {
            Mark::Area => "area",
            Mark::Line => "line",
            Mark::Dots => "dots",
        };
        Self { sample, ink: series.ink, name: series.name.clone() }
    }

    /// Its colour as the stylesheet knows it.
    pub(crate) fn colour(&self) -> String {
        let RGBColor(red, green, blue) = self.ink.colour();
        format!("#{red:02X}{green:02X}{blue:02X}")
    }
}

/// Text fit to stand in a drawing.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
