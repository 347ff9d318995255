//! Numbers as charts show them: in the unit that suits the highest, at round places.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::Ranged;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Microseconds.
    Micros,
}

const COUNTS: &[(f64, &str)] =
    &[(1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"), (1e15, "P"), (1e18, "E")];
const BYTES: &[(f64, &str)] = &[
    (1.0, " B"),
    (1024.0, " KiB"),
    (1_048_576.0, " MiB"),
    (1_073_741_824.0, " GiB"),
    (1_099_511_627_776.0, " TiB"),
    (1_125_899_906_842_624.0, " PiB"),
];
const MICROS: &[(f64, &str)] = &[(1.0, " µs"), (1e3, " ms"), (1e6, " s")];

#[allow(clippy::cast_precision_loss, reason = "what is drawn is rounded anyway")]
fn float(value: u64) -> f64 {
    value as f64
}

impl Unit {
    const fn multiples(self) -> &'static [(f64, &'static str)] {
        match self {
            Self::Count => COUNTS,
            Self::Bytes => BYTES,
            Self::Micros => MICROS,
        }
    }

    /// The multiple in which a value is at least one.
    fn multiple(self, value: f64) -> (f64, &'static str) {
        let fits = self.multiples().iter().rev().find(|(factor, _)| value >= *factor);
        fits.copied().unwrap_or(self.multiples()[0])
    }

    /// A value for the table: things to the last, the rest to three places.
    pub(crate) fn exactly(self, value: u64) -> String {
        if self == Self::Count {
            return grouped(value);
        }
        let (factor, name) = self.multiple(float(value));
        format!("{}{name}", rounded(float(value) / factor))
    }
}

/// With commas between thousands.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// To three places, without zeros at the end.
fn rounded(value: f64) -> String {
    let decimals = match value {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The vertical axis.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    factor: f64,
    name: &'static str,
    /// Where the axis ends.
    pub(crate) top: f64,
    /// Where its lines are, zero among them.
    pub(crate) lines: Vec<f64>,
}

impl Scale {
    /// One that the highest value fits on, with so many lines above zero at most.
    pub(crate) fn of(unit: Unit, highest: u64, lines_max: u32) -> Self {
        let (factor, name) = unit.multiple(float(highest));
        // Half a thing is never counted, nor half a byte or microsecond.
        let least = if factor > 1.0 { 0.0 } else { 1.0 };
        let highest = (float(highest) / factor).max(1.0);
        let wanted = highest / f64::from(lines_max);
        let power = 10_f64.powf(wanted.log10().floor());
        let round = [1.0, 2.0, 2.5, 5.0, 10.0].map(|times| times * power);
        let fits =
            |step: &f64| *step >= wanted - power * 1e-9 && *step >= least && step.fract() * least == 0.0;
        let step = round.into_iter().find(fits).unwrap_or(least.max(power * 10.0));
        let count = (highest / step - 1e-9).ceil().max(1.0);
        let mut lines = vec![0.0];
        while lines.len() <= lines_max as usize && float(lines.len() as u64 - 1) < count {
            lines.push(step * float(lines.len() as u64));
        }
        Self { factor, name, top: step * count, lines }
    }

    /// Where a value is on it.
    pub(crate) fn place(&self, value: u64) -> f64 {
        float(value) / self.factor
    }

    /// What stands at a line.
    pub(crate) fn label(&self, line: f64) -> String {
        format!("{}{}", rounded(line), self.name)
    }
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    #[allow(clippy::cast_possible_truncation, reason = "it lies within the drawing")]
    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let part = (value / self.top).clamp(0.0, 1.0);
        limit.0 + (part * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.lines.clone()
    }

    fn range(&self) -> Range<f64> {
        0.0..self.top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(unit: Unit, highest: u64) -> Vec<String> {
        let scale = Scale::of(unit, highest, 4);
        assert!(scale.place(highest) <= scale.top * (1.0 + 1e-9), "{highest}: {scale:?}");
        assert_eq!(scale.lines.last().copied(), Some(scale.top), "{highest}");
        scale.lines.iter().map(|line| scale.label(*line)).collect()
    }

    #[test]
    fn lines_are_round_and_few() {
        assert_eq!(labels(Unit::Count, 0), ["0", "1"]);
        assert_eq!(labels(Unit::Count, 1), ["0", "1"]);
        assert_eq!(labels(Unit::Count, 3), ["0", "1", "2", "3"]);
        assert_eq!(labels(Unit::Count, 7), ["0", "2", "4", "6", "8"]);
        assert_eq!(labels(Unit::Count, 9), ["0", "5", "10"]);
        assert_eq!(labels(Unit::Count, 412), ["0", "200", "400", "600"]);
        assert_eq!(labels(Unit::Count, 1_000), ["0k", "0.25k", "0.5k", "0.75k", "1k"]);
        assert_eq!(labels(Unit::Bytes, 73 << 20), ["0 MiB", "20 MiB", "40 MiB", "60 MiB", "80 MiB"]);
        assert_eq!(labels(Unit::Micros, 61_300), ["0 ms", "20 ms", "40 ms", "60 ms", "80 ms"]);
        assert_eq!(labels(Unit::Micros, 60_000_000), ["0 s", "20 s", "40 s", "60 s"]);
        for power in 0..64 {
            for highest in [1_u64 << power, (1_u64 << power) + 1, u64::MAX >> power] {
                for unit in [Unit::Count, Unit::Bytes, Unit::Micros] {
                    let labels = labels(unit, highest);
                    assert!((2..=5).contains(&labels.len()), "{highest} {unit:?}: {labels:?}");
                    let mut once = labels.clone();
                    once.dedup();
                    assert_eq!(once, labels, "{highest} {unit:?}");
                }
            }
        }
    }

    #[test]
    fn values_for_reading() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(|value| Unit::Count.exactly(value)),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [0, 1_023, 24_117_248].map(|value| Unit::Bytes.exactly(value)),
            ["0 B", "1023 B", "23 MiB"]
        );
        assert_eq!(
            [99, 1_840, 61_300, 60_000_000].map(|value| Unit::Micros.exactly(value)),
            ["99 µs", "1.84 ms", "61.3 ms", "60 s"]
        );
        assert_eq!(Unit::Count.exactly(u64::MAX), "18,446,744,073,709,551,615");
    }
}
