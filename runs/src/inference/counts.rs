//! What came of the inputs of a stage.

use std::collections::HashMap;

use refuel_task::{Answer, Source, Task};

use crate::words;

/// Different reasons that are counted one by one.
const MOST_REASONS: usize = 1000;

/// Reasons that are told.
const TOLD_REASONS: usize = 3;

/// Characters of a reason that are told.
const TOLD_OF_REASON: usize = 120;

/// What came of the inputs of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StageCounts {
    /// Inputs that a model was asked for.
    pub(crate) asked: u64,
    /// Inputs that rules, like examples or a head answered, so that no language model was asked.
    pub(crate) without_model: u64,
    /// Inputs whose answer, or a verdict, was known.
    pub(crate) cached: u64,
    /// Inputs that could not be answered.
    pub(crate) failed: u64,
    /// Why, with how many.
    pub(super) reasons: HashMap<String, u64>,
}

impl StageCounts {
    /// Both together.
    pub(crate) fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.without_model += other.without_model;
        self.cached += other.cached;
        self.failed += other.failed;
        for (reason, count) in &other.reasons {
            self.give(reason, *count);
        }
    }

    /// Counts an answer that was asked for.
    pub(crate) fn answered(&mut self, task: &Task, answer: &Answer) {
        match answer.source {
            Source::Cache => self.cached += 1,
            Source::Rule | Source::Similar | Source::Head => self.without_model += 1,
            // What a step could not answer doesn't say which step that was.
            _ if !task.asks_model() => self.without_model += 1,
            _ => self.asked += 1,
        }
    }

    /// Counts an input that could not be answered.
    pub(crate) fn failed(&mut self, reason: &str) {
        self.failed += 1;
        self.give(reason, 1);
    }

    fn give(&mut self, reason: &str, count: u64) {
        if let Some(known) = self.reasons.get_mut(reason) {
            *known += count;
        } else if self.reasons.len() < MOST_REASONS {
            self.reasons.insert(reason.to_owned(), count);
        }
    }

    /// How many inputs could not be answered, with the commonest reasons; none where all could.
    pub(crate) fn failures(&self) -> Option<String> {
        if self.failed == 0 {
            return None;
        }
        let mut reasons: Vec<(&str, u64)> = self.reasons.iter().map(|(reason, count)| (&**reason, *count)).collect();
        reasons.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        let told = reasons.iter().take(TOLD_REASONS).map(|(reason, count)| {
            let line: Vec<&str> = reason.split_whitespace().collect();
            let line = line.join(" ");
            let told: String = line.chars().take(TOLD_OF_REASON).collect();
            let more = if told.len() < line.len() { "…" } else { "" };
            format!("{told}{more} ({})", words::grouped(*count))
        });
        let mut told: Vec<String> = told.collect();
        if reasons.len() > TOLD_REASONS {
            told.push(words::count((reasons.len() - TOLD_REASONS) as u64, "other reason"));
        }
        let failed = words::count(self.failed, "input");
        Some(format!("{failed} could not be answered: {}", told.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commonest_reasons_are_told_first() {
        let mut counts = StageCounts::default();
        assert_eq!(counts.failures(), None);
        for (reason, times) in [("late", 1), ("input is empty", 3), ("a\n\nb", 2), ("odd", 1)] {
            (0..times).for_each(|_| counts.failed(reason));
        }
        assert_eq!(
            counts.failures().unwrap(),
            "7 inputs could not be answered: input is empty (3); a b (2); late (1); 1 other reason"
        );
        let mut all = StageCounts::default();
        all.failed("late");
        all.add(&counts);
        assert_eq!(
            all.failures().unwrap(),
            "8 inputs could not be answered: input is empty (3); a b (2); late (2); 1 other reason"
        );
        let mut long = StageCounts::default();
        long.failed(&"x".repeat(500));
        assert!(long.failures().unwrap().ends_with("x… (1)"));
    }
}
