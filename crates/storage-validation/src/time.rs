//! Which times a record may name.

use chrono::{Months, TimeDelta};
use storage_models::Timestamp;
use validator::ValidateRange as _;

use crate::problem::Problem;

/// How far back a time may lie: ten years of the calendar.
const MONTHS_BACK: Months = Months::new(120);

/// How far ahead a time may lie, for clocks that run fast.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// The times that a record received at some instant may name, both ends included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) received_at: Timestamp,
    earliest: Timestamp,
    latest: Timestamp,
}

impl Window {
    pub(crate) fn around(received_at: Timestamp) -> Self {
        // At the calendar's ends, there is no more of it to accept.
        let back = received_at.as_datetime().checked_sub_months(MONTHS_BACK).map(Timestamp::new);
        let earliest = back.unwrap_or(received_at);
        let latest = received_at.checked_add(AHEAD).unwrap_or(received_at);
        Self { received_at, earliest, latest }
    }

    /// Reads a time and checks that it lies in the window. Finer than microseconds is cut.
    pub(crate) fn read(&self, text: &str) -> Result<Timestamp, Problem> {
        let Ok(time) = text.parse::<Timestamp>() else {
            return Err(Problem::NotATime(text.to_owned()));
        };
        let (low, high) = (self.earliest, self.latest);
        if time.micros().validate_range(Some(low.micros()), Some(high.micros()), None, None) {
            Ok(time)
        } else {
            Err(Problem::OutOfRange { low: low.to_string(), high: high.to_string() })
        }
    }
}
