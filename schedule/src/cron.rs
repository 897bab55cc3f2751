//! Cron expressions in time zones.
//!
//! Five fields: minute, hour, day of the month, month, day of the week; six where seconds come first. `*`, lists, ranges,
//! steps, names of months and days, `L`, `W` and `#` as the Open Cron Pattern Specification has them, and `@yearly`,
//! `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`.
//!
//! Where clocks change, as Vixie cron does: a job at one fixed time of the day runs once, at the first moment after a
//! gap that its time falls into, and the first time where its time comes twice. A job with several times a day (a list,
//! a range or `*` among its hours or minutes) runs whenever a clock on the wall shows one of them: not at all in a gap,
//! twice where the hour comes twice.

use std::fmt;

use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::{ScheduleError, nearest};

/// Times at which something is due.
#[derive(Debug, Clone)]
pub struct Cron {
    expression: String,
    pattern: croner::Cron,
    zone: TimeZone,
    zone_name: String,
}

impl Cron {
    /// Reads an expression. `job` is what messages name the job, such as ``job `nightly` ``; times are those of `zone`, a name of the IANA database, else of UTC.
    pub fn parse(job: &str, expression: &str, zone: Option<&str>) -> Result<Self, ScheduleError> {
        let zone_name = zone.unwrap_or("UTC");
        let zone = TimeZone::get(zone_name).map_err(|_| {
            let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
            ScheduleError::Zone {
                job: job.to_owned(),
                zone: zone_name.to_owned(),
                nearest: nearest(zone_name, names.iter().map(String::as_str)),
            }
        })?;
        let parser = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .build();
        let trimmed = expression.trim();
        // A common name for `@daily` that the library doesn't have.
        let asked = if trimmed.eq_ignore_ascii_case("@midnight") {
            "@daily"
        } else {
            trimmed
        };
        let pattern = parser.parse(asked).map_err(|error| ScheduleError::Cron {
            job: job.to_owned(),
            expression: trimmed.to_owned(),
            reason: reason(trimmed, &error),
        })?;
        let cron = Self {
            expression: trimmed.to_owned(),
            pattern,
            zone,
            zone_name: zone_name.to_owned(),
        };
        // From a day that is fixed, so that an expression is right or wrong whenever it is read.
        if cron.next(Timestamp::UNIX_EPOCH).is_none() {
            let (job, expression) = (job.to_owned(), cron.expression);
            return Err(ScheduleError::Never { job, expression });
        }
        Ok(cron)
    }

    /// The expression.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The name of the time zone.
    pub fn zone(&self) -> &str {
        &self.zone_name
    }

    /// What it means, in words.
    pub fn describe(&self) -> String {
        self.pattern.describe()
    }

    /// The time as a clock in the job's time zone shows it.
    pub fn local(&self, at: Timestamp) -> jiff::Zoned {
        at.to_zoned(self.zone.clone())
    }

    /// The first time after `after`.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let mut from = self.local(after);
        loop {
            let found = self.pattern.find_next_occurrence(&from, false).ok()?;
            if found.timestamp() > after {
                return Some(found.timestamp());
            }
            // The library counts in whole seconds, and may give a time within the second that it was asked from.
            from = from.checked_add(jiff::SignedDuration::from_secs(1)).ok()?;
        }
    }

    /// The last time before `before`.
    pub fn previous(&self, before: Timestamp) -> Option<Timestamp> {
        let mut from = self.local(before);
        loop {
            // The library counts in whole seconds: the second that `before` lies within has begun before it.
            let within = from.subsec_nanosecond() != 0;
            let found = self.pattern.find_previous_occurrence(&from, within).ok()?;
            if found.timestamp() < before {
                return Some(found.timestamp());
            }
            from = from.checked_sub(jiff::SignedDuration::from_secs(1)).ok()?;
        }
    }

    /// Every time after `after`, in order.
    pub fn after(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next(after), |last| self.next(*last))
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.expression, self.zone_name)
    }
}

/// What is wrong with an expression, in the words of a reader who doesn't know the library.
fn reason(expression: &str, error: &croner::errors::CronError) -> String {
    let fields = expression.split_whitespace().count();
    if expression.is_empty() {
        "it is empty".to_owned()
    } else if expression.starts_with('@') {
        "there is no such short name".to_owned()
    } else if !(5..=6).contains(&fields) {
        format!("it has {fields} fields, not 5 or 6")
    } else {
        let text = error.to_string();
        let text = text
            .trim_start_matches("Component error: ")
            .trim_start_matches("Invalid pattern: ")
            .trim_start_matches("Pattern contains illegal characters: ")
            .replace("CronPattern", "it");
        text.trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests;
