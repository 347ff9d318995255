//! Reading figures. Who may read the thing itself may read its figures.

use bough_policy::{Granted, OrganizationAt, TokenAt};
use bough_store::figures::{self as store, Hour, Requests};

use super::{OrganizationFigures, Point, Span, TokenFigures};
use crate::{ControlPlane, Result};

fn add(to: &mut Requests, more: &Requests) {
    to.count = to.count.saturating_add(more.count);
    to.refusals = to.refusals.saturating_add(more.refusals);
    to.micros_sum = to.micros_sum.saturating_add(more.micros_sum);
    to.micros_max = to.micros_max.max(more.micros_max);
    for (to, more) in to.took.iter_mut().zip(more.took) {
        *to = to.saturating_add(more);
    }
}

/// The rows of each step: `rows` are sorted by hour.
fn steps<T>(span: Span, starts: Vec<Hour>, rows: &[(Hour, T)]) -> impl Iterator<Item = (Hour, &[(Hour, T)])> {
    starts.into_iter().map(move |start| {
        let from = rows.partition_point(|(hour, _)| *hour < start);
        let to = rows.partition_point(|(hour, _)| hour.0 < start.0 + span.step_hours());
        (start, &rows[from..to])
    })
}

impl ControlPlane {
    /// A service token's requests. Those of the last few seconds are not in it yet.
    ///
    /// # Errors
    /// When the store fails.
    pub fn token_figures(&self, granted: &Granted<TokenAt>, span: Span) -> Result<TokenFigures> {
        let starts: Vec<Hour> = span.starts(self.now()).collect();
        let rows = self.store.read(|reader| store::requests(reader, granted, starts[0]))?;
        let mut total = Requests::default();
        let points = steps(span, starts, &rows)
            .map(|(start, rows)| {
                let mut counted = Requests::default();
                rows.iter().for_each(|(_, requests)| add(&mut counted, requests));
                add(&mut total, &counted);
                Point { from: start.begins(), counted }
            })
            .collect();
        Ok(TokenFigures { span, points, total })
    }

    /// An organization's branches and what they take on disk.
    ///
    /// # Errors
    /// When the store fails.
    pub fn organization_figures(
        &self,
        granted: &Granted<OrganizationAt>,
        span: Span,
    ) -> Result<OrganizationFigures> {
        let starts: Vec<Hour> = span.starts(self.now()).collect();
        let rows = self.store.read(|reader| store::branches(reader, granted, starts[0]))?;
        let points = steps(span, starts, &rows)
            .map(|(start, rows)| Point {
                from: start.begins(),
                counted: rows.last().map(|(_, branches)| *branches),
            })
            .collect();
        Ok(OrganizationFigures { span, points })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fall_into_their_steps() {
        let rows: Vec<(Hour, u32)> = [23, 24, 47, 48, 72].map(|hour| (Hour(hour), 0)).to_vec();
        let counts: Vec<(i64, usize)> =
            steps(Span::Month, vec![Hour(24), Hour(48), Hour(72), Hour(96)], &rows)
                .map(|(start, rows)| (start.0, rows.len()))
                .collect();
        assert_eq!(counts, [(24, 2), (48, 1), (72, 1), (96, 0)]);
    }

    #[test]
    fn what_is_added_keeps_the_longest() {
        let mut one = Requests { count: 1, micros_sum: 5, micros_max: 5, ..Requests::default() };
        one.took[0] = 1;
        let mut sum = one.clone();
        add(&mut sum, &Requests { refusals: 1, micros_max: 3, ..one });
        assert_eq!((sum.count, sum.refusals, sum.micros_sum, sum.micros_max, sum.took[0]), (2, 1, 10, 5, 2));
    }
}
