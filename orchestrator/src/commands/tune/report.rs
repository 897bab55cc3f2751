//! The ways of answering side by side, and which is picked.

use std::collections::HashMap;

use refuel_engine::evaluate::paired_difference;
use refuel_task::Task;
use serde::Serialize;
use serde_json::Value;

use super::Row;
use super::measure::Measured;
use crate::commands::label::plain;
use crate::commands::train::warnings::no_better;
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// What is told. The keys are stable.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The task.
    task: String,
    /// Rows that were compared on.
    rows: u64,
    /// Share of the rows that have the most frequent right answer.
    majority_rate: f64,
    /// That answer; empty where it is that there is none.
    majority_value: String,
    /// The ways of answering.
    ways: Vec<Measured>,
    /// The one that is picked.
    pub(super) pick: String,
    /// Why.
    reason: String,
}

impl Report {
    /// None where nothing was measured.
    pub(super) fn new(task: &Task, rows: &[Row], ways: Vec<Measured>) -> Option<Self> {
        let mut counts: HashMap<&Value, u64> = HashMap::new();
        rows.iter()
            .for_each(|row| *counts.entry(&row.expected).or_default() += 1);
        let (value, count) = counts
            .into_iter()
            .max_by(|left, right| left.1.cmp(&right.1).then_with(|| plain(right.0).cmp(&plain(left.0))))?;
        let majority_rate = count as f64 / rows.len() as f64;
        let (pick, reason) = pick(&ways, majority_rate)?;
        Some(Self {
            task: task.name.clone(),
            rows: rows.len() as u64,
            majority_rate,
            majority_value: plain(value),
            pick: ways[pick].way.clone(),
            reason,
            ways,
        })
    }

    /// Whether the pick is right no more often than always giving the most frequent answer.
    pub(super) fn is_useless(&self) -> bool {
        let mut ways = self.ways.iter().filter(|way| way.way == self.pick);
        ways.any(|way| way.accuracy <= self.majority_rate)
    }

    /// That the pick is no better than always giving the most frequent answer, or not shown to be.
    pub(super) fn no_better(&self) -> Option<String> {
        let way = self.ways.iter().find(|way| way.way == self.pick)?;
        no_better(
            &format!("{} is right", way.way),
            way.accuracy,
            way.accuracy_ci95,
            self.majority_rate,
        )
    }

    /// The table for people.
    pub(super) fn text(&self) -> String {
        let mut grid = Grid::new([
            ("way", Side::Left),
            ("accuracy", Side::Right),
            ("95 %", Side::Left),
            ("AUROC", Side::Right),
            ("answered", Side::Right),
            ("rows/s", Side::Right),
        ]);
        for way in &self.ways {
            let tone = if way.way == self.pick { Tone::Good } else { Tone::Plain };
            grid.row([
                Text::new(way.way.clone(), tone),
                format!("{:.3}", way.accuracy).into(),
                way.accuracy_ci95
                    .map_or(String::new(), |interval| {
                        format!("{:.3} to {:.3}", interval.0, interval.1)
                    })
                    .into(),
                way.auroc.map_or(String::new(), |auroc| format!("{auroc:.3}")).into(),
                format!("{:.1} %", 100.0 * way.answered).into(),
                // All of them were kept from earlier.
                way.rows_per_second
                    .map_or_else(|| "-".to_owned(), words::per_second)
                    .into(),
            ]);
        }
        let null = always(&self.majority_value);
        grid.row([
            Text::new(null, Tone::Faint),
            format!("{:.3}", self.majority_rate).into(),
            "".into(),
            "".into(),
            "".into(),
            "".into(),
        ]);
        format!(
            "{}\n\n{} on {}: {}",
            grid.render(),
            self.pick,
            words::counted(self.rows, "row", "rows"),
            self.reason
        )
    }
}

/// What the null model is called that always gives a value.
fn always(value: &str) -> String {
    if value.is_empty() {
        return "always no answer".to_owned();
    }
    format!("always `{}`", words::one_line(value, 40))
}

/// The cheapest of those that are not measurably worse than the best, and better than always giving the most frequent
/// answer, which is right for a share of `majority_rate`; of those that cost the same, the one that is right most often. What they
/// cost is known: measured speed depends on what else the machine does, and on what it has answered before.
fn pick(ways: &[Measured], majority_rate: f64) -> Option<(usize, String)> {
    let best = (0..ways.len()).reduce(|best, next| {
        if ways[next].accuracy > ways[best].accuracy {
            next
        } else {
            best
        }
    })?;
    let is_level = |way: &Measured| {
        let pairs = way.right.iter().zip(&ways[best].right);
        let gained = pairs.clone().filter(|(own, best)| **own && !**best).count() as u64;
        let lost = pairs.filter(|(own, best)| !**own && **best).count() as u64;
        paired_difference(gained, lost, way.right.len() as u64).is_some_and(|(_, interval)| interval.contains(0.0))
    };
    let is_useful = |way: &Measured| way.accuracy > majority_rate;
    let cheapest = (0..ways.len())
        .filter(|&at| at == best || (is_useful(&ways[at]) && is_level(&ways[at])))
        .reduce(|picked, next| {
            let (left, right) = (&ways[picked], &ways[next]);
            let is_better = right.cost < left.cost || (right.cost == left.cost && right.accuracy > left.accuracy);
            if is_better { next } else { picked }
        })?;
    let reason = if !is_useful(&ways[cheapest]) {
        "no way is better than always the same answer".to_owned()
    } else if cheapest == best {
        "right most often".to_owned()
    } else {
        format!("as good as {}, as far as these rows tell, and cheaper", ways[best].way)
    };
    Some((cheapest, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(name: &str, right: impl Fn(usize) -> bool, speed: f64) -> Measured {
        let cost = match name {
            "rules" => 0,
            "similar" | "head" => 1,
            "cascade" => 2,
            _ => 3,
        };
        let right: Vec<bool> = (0..200).map(right).collect();
        Measured {
            way: name.to_owned(),
            cost,
            model: "m@1".to_owned(),
            accuracy: right.iter().filter(|right| **right).count() as f64 / 200.0,
            accuracy_ci95: None,
            auroc: None,
            auroc_ci95: None,
            answered: 1.0,
            rows_per_second: Some(speed),
            seconds: 1.0,
            right,
        }
    }

    #[test]
    fn the_cheapest_of_those_that_are_level_is_picked_however_fast_another_was() {
        let ways = [
            way("rules", |row| row % 3 == 0, 10_000.0),
            way("head", |row| row % 10 > 1, 400.0),
            way("cascade", |row| row % 10 > 1, 900_000.0),
            way("model", |row| row % 10 > 1 || row == 1, 5.0),
        ];
        let (picked, reason) = pick(&ways, 0.3).unwrap();
        assert_eq!(ways[picked].way, "head");
        assert_eq!(reason, "as good as model, as far as these rows tell, and cheaper");
    }

    #[test]
    fn of_ways_that_cost_the_same_the_better_one_is_picked() {
        let ways = [
            way("similar", |row| row % 10 > 2, 400.0),
            way("head", |row| row % 10 > 2 || row < 5, 390.0),
            way("model", |row| row % 10 > 2 || row < 7, 5.0),
        ];
        assert_eq!(ways[pick(&ways, 0.3).unwrap().0].way, "head");
    }

    #[test]
    fn a_majority_without_an_answer_is_told_in_words() {
        assert_eq!(always(&plain(&Value::Null)), "always no answer");
        assert_eq!(always(&plain(&Value::from("refund"))), "always `refund`");
    }

    #[test]
    fn what_is_measurably_better_is_picked_however_slow() {
        let ways = [
            way("head", |row| row % 2 == 0, 400.0),
            way("model", |row| row % 10 > 0, 5.0),
        ];
        assert_eq!(pick(&ways, 0.3), Some((1, "right most often".to_owned())));
        assert_eq!(pick(&[], 0.3), None);
    }

    #[test]
    fn what_is_no_better_than_the_most_frequent_answer_is_not_picked_for_being_cheap() {
        let ways = [
            way("head", |row| row % 2 == 0, 400.0),
            way("model", |row| row % 2 == 0 || row == 1, 5.0),
        ];
        assert_eq!(pick(&ways, 0.5), Some((1, "right most often".to_owned())));
        let (_, reason) = pick(&ways, 0.8).unwrap();
        assert_eq!(reason, "no way is better than always the same answer");
    }
}
