//! Time zones by name. Their rules are compiled in, so that they are the same on every machine.

use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::tz::TimeZoneDatabase;

use crate::Timestamp;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Longest name, in bytes; none that there is has as many.
const NAME_MAX_BYTES: usize = 64;

/// The name of a time zone, such as `Europe/Berlin` (IANA).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeZoneName(Box<str>);

impl TimeZoneName {
    /// Universal time.
    pub fn utc() -> Self {
        Self("UTC".into())
    }

    /// Reads a name, in whichever case; `None` when there is no such zone.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > NAME_MAX_BYTES {
            return None;
        }
        let zone = ZONES.get(text).ok()?;
        zone.iana_name().map(|name| Self(name.into()))
    }

    /// Every name there is, in alphabetical order.
    pub fn all() -> Vec<Self> {
        let mut names: Vec<Self> = ZONES.available().map(|name| Self(name.as_str().into())).collect();
        names.sort();
        names
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last second of a day there, `2026-12-31`; `None` when there is no such day.
    pub fn end_of_day(&self, day: &str) -> Option<Timestamp> {
        let date: jiff::civil::Date = day.parse().ok().filter(|_| day.len() == "2026-12-31".len())?;
        let zone = ZONES.get(&self.0).unwrap_or(jiff::tz::TimeZone::UTC);
        // A day may begin late or end early: its last second is the one before the next day's first.
        let next = zone.to_timestamp(date.tomorrow().ok()?.at(0, 0, 0, 0)).ok()?;
        Some(Timestamp::from_micros(next.as_microsecond()).minus(Duration::from_secs(1)))
    }

    /// A time as it is told there: `2026-08-01 12:00:00 CEST`.
    pub fn local(&self, at: Timestamp) -> String {
        let stamp = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(jiff::Timestamp::MAX);
        let zone = ZONES.get(&self.0).unwrap_or(jiff::tz::TimeZone::UTC);
        stamp.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }
}

impl fmt::Display for TimeZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_database_in_its_spelling() {
        let name = |text: &str| TimeZoneName::parse(text).map(|name| name.to_string());
        assert_eq!(name("Europe/Berlin").as_deref(), Some("Europe/Berlin"));
        assert_eq!(name("europe/berlin").as_deref(), Some("Europe/Berlin"));
        assert_eq!(name("UTC").as_deref(), Some("UTC"));
        let long = "x".repeat(10_000);
        for wrong in
            ["", "Europe", "Europe/Nowhere", "+01:00", "../etc/passwd", " UTC", "Europe/Berlin\0", &long]
        {
            assert_eq!(name(wrong), None, "{wrong:?}");
        }
        assert_eq!(TimeZoneName::parse("UTC"), Some(TimeZoneName::utc()));
    }

    #[test]
    fn every_name_that_is_offered_can_be_read_back() {
        let all = TimeZoneName::all();
        assert!(all.len() > 300, "{}", all.len());
        for name in all {
            assert_eq!(TimeZoneName::parse(name.as_str()), Some(name));
        }
    }

    #[test]
    fn a_day_ends_with_its_last_second_there() {
        let end = |zone, day: &str| {
            let zone = TimeZoneName::parse(zone).expect("a zone");
            zone.end_of_day(day).map(|end| end.to_string())
        };
        assert_eq!(end("UTC", "2024-02-29").as_deref(), Some("2024-02-29T23:59:59.000Z"));
        assert_eq!(end("Europe/Berlin", "2026-08-01").as_deref(), Some("2026-08-01T21:59:59.000Z"));
        assert_eq!(end("America/New_York", "2026-01-31").as_deref(), Some("2026-02-01T04:59:59.000Z"));
        // There the next day began at one o'clock.
        assert_eq!(end("America/Santiago", "2026-09-05").as_deref(), Some("2026-09-06T03:59:59.000Z"));
        for none in ["2023-02-29", "", "29.02.2024", "2024-02-29T10:00", "20240229", "-000009-01-01"] {
            assert_eq!(end("UTC", none), None, "{none}");
        }
        assert_eq!(end("UTC", "9999-12-31"), None, "the calendar ends there");
    }

    #[test]
    fn times_are_told_in_summer_and_winter() {
        let berlin = TimeZoneName::parse("Europe/Berlin").expect("a zone");
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        assert_eq!(berlin.local(at(1_785_578_400)), "2026-08-01 12:00:00 CEST");
        assert_eq!(berlin.local(at(1_768_388_400)), "2026-01-14 12:00:00 CET");
        assert_eq!(TimeZoneName::utc().local(at(0)), "1970-01-01 00:00:00 UTC");
        assert!(!berlin.local(Timestamp::from_micros(i64::MAX)).is_empty());
    }
}
