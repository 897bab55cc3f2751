//! The rules of English, a file for each sort of expression.

mod clocks;
mod days;
mod hours;
mod lengths;
mod moments;
mod numbers;
mod open;
mod periods;
mod ranges;
mod repeats;
mod stages;
mod weeks;

use super::grammar::{Action, Rule};

/// Every rule. Of two readings of the same words the one that is written first counts.
pub(super) fn english() -> Vec<Rule> {
    [
        numbers::rules(),
        days::rules(),
        days::relative_rules(),
        periods::rules(),
        weeks::rules(),
        stages::rules(),
        ranges::rules(),
        clocks::rules(),
        hours::rules(),
        moments::rules(),
        moments::stretch_rules(),
        lengths::rules(),
        repeats::rules(),
        open::rules(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn rule(makes: &'static str, pattern: &'static str, action: Action) -> Rule {
    Rule { makes, pattern, action }
}

pub(super) use hours::{length, narrowed};
pub(super) use lengths::{seconds, timex};
pub(super) use moments::readings as moment_readings;
