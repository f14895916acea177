//! `min_duration` and `max_duration`.

use std::time::Duration;

use super::Conditions;
use super::extra::Extra;
use crate::span::{self, MAX_MILLIS};
use crate::sql::Bind;
use crate::{InvalidParameter, InvalidReason};

/// A range of `duration_ms`, both ends inclusive. While an end is set, records that have not ended do not
/// match.
///
/// A parameter is digits and one of `ms`, `s`, `m`, `h`, `d`, `w`, such as `250ms`, `90s`, `5m`, or several of them
/// with the longer unit first, such as `1h30m`: at most 36,500 days, and never without a unit. Parts of a millisecond
/// are cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DurationRange {
    /// The shortest duration that matches.
    pub min: Option<Duration>,
    /// The longest duration that matches.
    pub max: Option<Duration>,
}

impl DurationRange {
    /// Both ends with their names, in milliseconds; more than [`MAX_MILLIS`] when an end is out of range.
    fn ends(&self) -> [(&'static str, Option<i64>); 2] {
        let millis = |end: Option<Duration>| end.map(|it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX));
        [("min_duration", millis(self.min)), ("max_duration", millis(self.max))]
    }
}

impl Extra for DurationRange {
    fn accepts(name: &str) -> bool {
        name == "min_duration" || name == "max_duration"
    }

    fn set(&mut self, name: &str, text: &str) -> Result<(), InvalidParameter> {
        let refused = |reason| Err(InvalidParameter::new(name.to_owned(), text, reason));
        let Some(duration) = parse(text) else { return refused(InvalidReason::NotADuration) };
        let end = if name == "min_duration" { &mut self.min } else { &mut self.max };
        match end.replace(duration) {
            Some(_) => refused(InvalidReason::Repeated),
            None => Ok(()),
        }
    }

    fn push_errors(&self, errors: &mut Vec<InvalidParameter>) {
        let ends = self.ends();
        for (name, millis) in ends {
            if let Some(millis) = millis.filter(|millis| *millis > MAX_MILLIS) {
                let reason = InvalidReason::NotADuration;
                errors.push(InvalidParameter::new(name, format!("{millis}ms"), reason));
            }
        }
        if let [(name, Some(min)), (_, Some(max))] = ends
            && min > max
        {
            let reason = InvalidReason::AboveMaximum { max };
            errors.push(InvalidParameter::new(name, format!("{min}ms"), reason));
        }
    }

    fn push_conditions(&self, conditions: &mut Conditions) {
        let [(_, min), (_, max)] = self.ends();
        if let Some(min) = min {
            conditions.and("duration_ms >= ").bind(Bind::BigInt(min));
        }
        if let Some(max) = max {
            conditions.and("duration_ms <= ").bind(Bind::BigInt(max));
        }
    }

    fn describe(&self, out: &mut Vec<(String, Vec<String>)>) {
        let set = self.ends().into_iter().filter_map(|(name, millis)| Some((name, millis?)));
        out.extend(set.map(|(name, millis)| (name.to_owned(), vec![millis.to_string()])));
    }
}

fn parse(text: &str) -> Option<Duration> {
    let millis = span::parse(text).ok()?;
    u64::try_from(millis).ok().map(Duration::from_millis)
}
