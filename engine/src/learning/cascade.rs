//! Chooses a cascade: which ways of answering are tried, and how sure each but the last has to be.

use std::collections::HashSet;
use std::sync::Arc;

use refuel_learn::{Cascade, StageRows, choose_cascade};
use refuel_registry::RegistryError;
use refuel_task::{Example, InputHash, RenderedInput, Selection, Status, Strategy, Task};
use serde::Serialize;

use super::{OnTraining, TrainEvent, TrainOptions, TrainStep};
use crate::cancel::Cancel;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::evaluate::{Interval, canonical, wilson};
use crate::learned::cascade::{CascadeChoice, CascadePart, HEAD, MODEL, RULES, VERSION, rules_of};
use crate::learned::encoder::Encoder;
use crate::prepared::PreparedTask;
use crate::steps::{embedding_model, rule_answer};

/// What a row costs by each way of answering, against each other. Fixed, so that what is chosen does not depend on how
/// busy the machine was: rules read a text, a head embeds it, and a language model of the smallest kind takes a hundred
/// times as long.
const COSTS: [f64; 3] = [0.001, 1.0, 100.0];
/// Rows that the language model is asked about together.
const TOGETHER: usize = 64;

/// How one way of answering does on all rows by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alone {
    /// `rules`, `head` or `model`.
    pub name: String,
    /// Share of all rows that it gets right.
    pub accuracy: f64,
    /// Its 95 % interval.
    pub interval: Option<Interval>,
}

/// A cascade, with how it does on the rows that it was chosen on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChosenCascade {
    /// What is kept of it with the head.
    #[serde(flatten)]
    pub choice: CascadeChoice,
    /// Share of the rows that it gets right.
    pub accuracy: f64,
    /// Its 95 % interval.
    pub accuracy_interval: Option<Interval>,
    /// What its parts do on all rows by themselves.
    pub alone: Vec<Alone>,
}

impl ChosenCascade {
    /// How many of the rows it gets right, with the interval, such as `0.912 [0.874, 0.939] on 400 rows`.
    pub fn measured(&self) -> String {
        let interval = self.accuracy_interval.map_or(String::new(), |interval| {
            format!(" [{:.3}, {:.3}]", interval.0, interval.1)
        });
        let rows = self.choice.rows;
        let unit = if rows == 1 { "row" } else { "rows" };
        format!("{:.3}{interval} on {rows} {unit}", self.accuracy)
    }
}

/// Chooses a cascade on labelled rows. `head` says of each row how sure a head was that had not seen it, and whether it was
/// right; rows that every head has seen are left out. With what a user should know.
pub(super) fn choose(
    engine: &Engine,
    task: &Task,
    examples: &[Example],
    head: &[Option<(f32, bool)>],
    options: &TrainOptions<'_>,
    cancel: &Cancel,
    on_event: OnTraining<'_>,
) -> Result<(ChosenCascade, Vec<String>), EngineError> {
    let mut notes = Vec::new();
    let prepared = match engine.prepare(&by_model(task), options.model) {
        _ if options.most_asked == 0 => None,
        Ok(prepared) => Some(prepared),
        Err(error @ EngineError::Registry(RegistryError::Unknown { .. })) => {
            notes.push(format!("{error}: the cascade ends with the head"));
            None
        }
        Err(error) => return Err(error),
    };
    let rows = match &prepared {
        Some(_) => sample(&unshown(engine, task, examples, cancel)?, options),
        None => (0..examples.len()).collect(),
    };
    let rows: Vec<usize> = rows.into_iter().filter(|&row| head[row].is_some()).collect();
    let mut stages = Vec::new();
    if !task.label_rules.is_empty() {
        let ruled = |&row: &usize| {
            let answer = rule_answer(task, &examples[row].input)?;
            Some((answer.confidence?, answer.value == examples[row].answer))
        };
        stages.push(stage(RULES, COSTS[0], rows.iter().map(ruled)));
    }
    stages.push(stage(HEAD, COSTS[1], rows.iter().map(|&row| head[row])));
    if let Some(prepared) = &prepared {
        let asked = ask(prepared, examples, &rows, cancel, on_event)?;
        stages.push(stage(MODEL, COSTS[2], asked.into_iter()));
    }
    let best = best(&stages, f64::from(task.keep))?;
    let alone = stages.iter().map(|stage| {
        let right = stage.rows.iter().flatten().filter(|(_, right)| *right).count();
        Alone {
            name: stage.name.clone(),
            accuracy: right as f64 / rows.len().max(1) as f64,
            interval: wilson(right as u64, rows.len() as u64),
        }
    });
    let choice = CascadeChoice {
        version: VERSION,
        keep: task.keep,
        rows: rows.len() as u64,
        rules: rules_of(task),
        model: prepared.as_ref().map(|prepared| prepared.digest().to_owned()),
        parts: parts(&best),
    };
    if prepared.is_some() && !choice.asks_model() {
        notes.push("the language model does no better on what the head leaves; the cascade asks none".to_owned());
    }
    notes.extend(rules_left_out(&choice, stages.first()));
    if choice.too_few().is_some() {
        notes.push(choice.shown());
    }
    let chosen = ChosenCascade {
        accuracy: best.accuracy,
        accuracy_interval: wilson(choice.right(), choice.rows),
        alone: alone.collect(),
        choice,
    };
    Ok((chosen, notes))
}

/// What is to be said where rules are not shown to be right as often as the cascade has to be.
fn rules_left_out(choice: &CascadeChoice, rules: Option<&StageRows>) -> Option<String> {
    let rules = rules.filter(|stage| stage.name == RULES)?;
    let is_asked = choice
        .parts
        .iter()
        .any(|part| part.name == RULES && part.threshold.is_some());
    let held: Vec<bool> = rules.rows.iter().flatten().map(|&(_, right)| right).collect();
    let right = held.iter().filter(|right| **right).count();
    (!is_asked).then(|| {
        format!(
            "the cascade leaves the rules out: they hold for {} of {} rows and are right for {right}, which does not show that they keep {}",
            held.len(),
            rules.rows.len(),
            choice.keep
        )
    })
}

fn stage(name: &str, cost: f64, rows: impl Iterator<Item = Option<(f32, bool)>>) -> StageRows {
    StageRows {
        name: name.to_owned(),
        rows: rows.collect(),
        cost,
    }
}

/// The cascade that is right most often, whichever part comes last; of equals the cheapest. Rules leave rows without an
/// answer and never come last.
fn best(stages: &[StageRows], keep: f64) -> Result<Cascade, EngineError> {
    let mut best: Option<Cascade> = None;
    for last in (0..stages.len()).filter(|&last| stages[last].name != RULES) {
        let cascade = choose_cascade(&stages[..=last], keep)?;
        if best.as_ref().is_none_or(|best| cascade.accuracy > best.accuracy) {
            best = Some(cascade);
        }
    }
    best.ok_or(EngineError::Learn(refuel_learn::LearnError::TooFewExamples {
        what: "a cascade",
        need: 1,
        have: 0,
    }))
}

fn parts(cascade: &Cascade) -> Vec<CascadePart> {
    let part = |stage: &refuel_learn::CascadeStage| CascadePart {
        name: stage.name.clone(),
        threshold: stage.threshold.map(|threshold| threshold.threshold),
        reached: stage.reached,
        answered: stage.answered,
        right: stage.right,
        lower: stage.threshold.map(|threshold| threshold.precision_lower),
    };
    cascade.stages.iter().map(part).collect()
}

/// The task as its language model alone answers it.
pub(super) fn by_model(task: &Task) -> Task {
    Task {
        strategy: Strategy::Model,
        label_rules: Vec::new(),
        ..task.ungated()
    }
}

/// Rows whose answer the prompt does not show. Where examples are chosen by likeness to the row, the row itself never is
/// one.
pub(super) fn unshown(
    engine: &Engine,
    task: &Task,
    examples: &[Example],
    cancel: &Cancel,
) -> Result<Vec<usize>, EngineError> {
    let mut shown: HashSet<InputHash> = HashSet::new();
    if let Some(set) = &task.examples {
        let vectors = if set.select == Selection::Diverse {
            let texts: Vec<&str> = set.items.iter().map(|example| example.input.text.as_str()).collect();
            Encoder::new(Arc::clone(&engine.shared), &embedding_model(task))?.vectors(&texts, cancel, &mut |_| {})?
        } else {
            Vec::new()
        };
        shown.extend(set.shared(&vectors).into_iter().map(|example| example.input.hash()));
    }
    let rows = (0..examples.len()).filter(|&row| !shown.contains(&examples[row].input.hash()));
    Ok(rows.collect())
}

/// As many of the rows as the language model is asked about, in their order.
pub(super) fn sample(rows: &[usize], options: &TrainOptions<'_>) -> Vec<usize> {
    let mut chosen = rows.to_vec();
    fastrand::Rng::with_seed(options.seed).shuffle(&mut chosen);
    chosen.truncate(options.most_asked);
    chosen.sort_unstable();
    chosen
}

/// What the language model says of rows: how sure it is, and whether it is right.
fn ask(
    prepared: &PreparedTask,
    examples: &[Example],
    rows: &[usize],
    cancel: &Cancel,
    on_event: OnTraining<'_>,
) -> Result<Vec<Option<(f32, bool)>>, EngineError> {
    on_event(TrainEvent::Begin {
        step: TrainStep::Ask,
        rows: rows.len() as u64,
    });
    let mut asked = Vec::with_capacity(rows.len());
    for rows in rows.chunks(TOGETHER) {
        let inputs: Vec<RenderedInput> = rows.iter().map(|&row| examples[row].input.clone()).collect();
        let mut tell = |rows: usize| on_event(TrainEvent::Rows(rows as u64));
        let answers = prepared.answer(&inputs, cancel, &mut tell)?;
        for (&row, answer) in rows.iter().zip(answers) {
            let right = canonical(&answer.value) == canonical(&examples[row].answer);
            let said = (answer.status == Status::Ok).then_some(answer.confidence).flatten();
            asked.push(said.map(|confidence| (confidence, right)));
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(model_is_right: impl Fn(usize) -> bool) -> Vec<StageRows> {
        // The head is sure of half of the rows, and right there; of the others it gets half.
        let head = (0..400).map(|row| {
            Some(if row % 2 == 0 {
                (0.99, true)
            } else {
                (0.4, row % 4 == 1)
            })
        });
        let model = (0..400).map(|row| Some((0.8, model_is_right(row))));
        vec![stage(HEAD, 1.0, head), stage(MODEL, 100.0, model)]
    }

    #[test]
    fn a_stronger_model_answers_what_the_head_is_not_sure_of() {
        let parts = parts(&best(&stages(|row| row % 10 != 1), 0.95).unwrap());
        let told: Vec<(&str, u64)> = parts.iter().map(|part| (part.name.as_str(), part.answered)).collect();
        assert_eq!(told, [("head", 200), ("model", 200)]);
        assert!(parts[0].lower.unwrap() >= 0.95 && parts[1].threshold.is_none());
    }

    #[test]
    fn a_weaker_model_is_not_asked() {
        let parts = parts(&best(&stages(|row| row % 10 == 1), 0.95).unwrap());
        let told: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(told, ["head"]);
        assert_eq!(parts[0].answered, 400);
    }
}
