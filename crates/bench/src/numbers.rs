//! Figures out of samples.

/// What is said of a row of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of at least one sample; of none, all is not a number.
    pub fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (sorted.first(), sorted.last()) else {
            return Self { median: f64::NAN, min: f64::NAN, max: f64::NAN };
        };
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            (sorted[middle - 1] + sorted[middle]) / 2.0
        } else {
            sorted[middle]
        };
        Self { median, min: *min, max: *max }
    }

    /// `12.3 us [11.9-13.0]`
    pub fn show(&self, unit: &str, decimals: usize) -> String {
        format!("{:.decimals$} {unit} [{:.decimals$}-{:.decimals$}]", self.median, self.min, self.max)
    }
}

/// The smallest sample that at least `share` of all are not above: with 20 samples, the 99th
/// percentile is the largest.
pub fn percentile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

fn mean_and_variance(samples: &[f64]) -> (f64, f64) {
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    (mean, samples.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / (count - 1.0))
}

/// Welch's t: how many standard errors the means of two rows of samples are apart.
pub fn welch(first: &[f64], second: &[f64]) -> f64 {
    let ((mean, variance), (other, its)) = (mean_and_variance(first), mean_and_variance(second));
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    let error = (variance / first.len() as f64 + its / second.len() as f64).sqrt();
    (mean - other) / error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        let spread = Spread::of(&[3.0, 1.0, 2.0, 10.0]);
        assert_eq!(spread, Spread { median: 2.5, min: 1.0, max: 10.0 });
        assert_eq!(spread.show("ms", 1), "2.5 ms [1.0-10.0]");
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&hundred, 0.99).to_bits(), 99_f64.to_bits());
        // By hand: means 2 and 4, variances 1 and 4, three samples each.
        let t = welch(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]);
        assert!((t + 2.0 / (5.0_f64 / 3.0).sqrt()).abs() < 1e-12, "{t}");
        assert_eq!(percentile(&[5.0, 7.0], 0.99).to_bits(), 7_f64.to_bits());
    }
}
