//! A yes or a no to each of several questions about one row. The row is computed once; the questions branch off it.

use refuel_task::{Answer, Plan, Scored, Task};
use serde_json::Value;

use super::{Asked, Procedure, answered, terminator};
use crate::batching::CandidateTrie;
use crate::confidence::{CandidateScores, content_free_prior};
use crate::error::EngineError;
use crate::model::Model;
use crate::session::OnRows;

/// Tokens of questions that branch off a row at a time; more are asked in several rounds.
const TOKENS_A_ROUND: usize = 256;

/// Some of the questions.
struct Round {
    trie: CandidateTrie,
    /// Indexes of the labels that are asked about.
    labels: Vec<usize>,
}

/// See the module.
pub(crate) struct ChooseEach {
    rounds: Vec<Round>,
    labels: Vec<String>,
    choices: usize,
    /// Index of the choice that stands for true.
    yes: usize,
    threshold: f32,
    /// For each label, what the choices get from inputs without content.
    prior: Option<Vec<Vec<f32>>>,
}

impl ChooseEach {
    pub(crate) fn new(model: &Model, task: &Task, plan: &Plan) -> Result<Self, EngineError> {
        let choices = plan
            .choices
            .iter()
            .map(|choice| model.tokenizer.plain(&choice.text))
            .collect::<Result<Vec<_>, _>>()?;
        let tails = plan
            .tails
            .iter()
            .map(|tail| model.tokenizer.segments(tail))
            .collect::<Result<Vec<_>, _>>()?;
        let end = terminator(model, plan)?;
        let mut rounds: Vec<Round> = Vec::new();
        let mut waiting: Vec<usize> = Vec::new();
        let mut tokens = 0;
        let close = |waiting: &mut Vec<usize>, rounds: &mut Vec<Round>| {
            let labels = std::mem::take(waiting);
            let candidates: Vec<Vec<u32>> = labels
                .iter()
                .flat_map(|&label| choices.iter().map(move |choice| (label, choice)))
                .map(|(label, choice)| [tails[label].as_slice(), choice].concat())
                .collect();
            let given: Vec<usize> = labels
                .iter()
                .flat_map(|&label| vec![tails[label].len(); choices.len()])
                .collect();
            rounds.push(Round {
                trie: CandidateTrie::new(&candidates, &given, end),
                labels,
            });
        };
        for (label, tail) in tails.iter().enumerate() {
            if tokens + tail.len() > TOKENS_A_ROUND && !waiting.is_empty() {
                close(&mut waiting, &mut rounds);
                tokens = 0;
            }
            waiting.push(label);
            tokens += tail.len();
        }
        if !waiting.is_empty() {
            close(&mut waiting, &mut rounds);
        }
        Ok(Self {
            rounds,
            labels: task.labels.iter().map(|label| label.name.clone()).collect(),
            choices: choices.len(),
            yes: plan
                .choices
                .iter()
                .position(|choice| choice.value == Value::Bool(true))
                .unwrap_or(0),
            threshold: task.label_threshold,
            prior: None,
        })
    }

    /// For each question, for each label, the scores of its choices.
    fn score(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Vec<CandidateScores>>, EngineError> {
        let mut scores: Vec<Vec<CandidateScores>> = vec![Vec::with_capacity(self.labels.len()); asked.questions.len()];
        let rows = asked.rows();
        let mut session = asked.model.session();
        for (position, round) in self.rounds.iter().enumerate() {
            let last = position + 1 == self.rounds.len();
            let mut tell = |count: usize| {
                if last {
                    on_rows(count);
                }
            };
            let found = session.score(asked.prefix, &rows, &round.trie, asked.cancel, &mut tell)?;
            for (row, found) in scores.iter_mut().zip(found) {
                for (place, &label) in round.labels.iter().enumerate() {
                    let prior = self.prior.as_ref().map(|prior| prior[label].as_slice());
                    let range = place * self.choices..(place + 1) * self.choices;
                    row.push(CandidateScores::of_range(&round.trie, range, &found, prior));
                }
            }
        }
        Ok(scores)
    }
}

impl Procedure for ChooseEach {
    fn tokens_after_row(&self) -> usize {
        self.rounds.iter().map(|round| round.trie.tokens()).max().unwrap_or(0)
    }

    /// The value holds the labels whose yes has at least the task's `label_threshold`. The answer is as sure as its
    /// least sure decision: the confidence is the smallest over the labels of the probability of what was decided.
    fn run(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Answer>, EngineError> {
        let scores = self.score(asked, on_rows)?;
        Ok(asked
            .questions
            .iter()
            .zip(scores)
            .map(|(question, scores)| {
                let mut given = Vec::new();
                let (mut confidence, mut raw) = (1.0_f32, 1.0_f32);
                let mut listed = Vec::with_capacity(scores.len());
                for (label, scores) in self.labels.iter().zip(&scores) {
                    let yes = scores.normalized[self.yes];
                    let applies = yes >= self.threshold;
                    let no = (0..self.choices).find(|&choice| choice != self.yes).unwrap_or(self.yes);
                    confidence = confidence.min(if applies { yes } else { 1.0 - yes });
                    raw = raw.min(scores.raw[if applies { self.yes } else { no }]);
                    if applies {
                        given.push(Value::String(label.clone()));
                    }
                    listed.push(Scored {
                        value: label.clone(),
                        confidence: yes,
                        raw_confidence: scores.raw[self.yes],
                        span: None,
                    });
                }
                listed.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
                let mut answer = answered(asked.model, question, Value::Array(given), Some(confidence), Some(raw));
                answer.scores = listed;
                answer.output_tokens = self.rounds.iter().map(|round| round.trie.nodes().len() as u32).sum();
                answer
            })
            .collect())
    }

    fn calibrate(&mut self, asked: Asked<'_>) -> Result<(), EngineError> {
        self.prior = None;
        let scores = self.score(asked, &mut |_| {})?;
        let prior = (0..self.labels.len())
            .map(|label| content_free_prior(&scores.iter().map(|row| row[label].clone()).collect::<Vec<_>>()))
            .collect();
        self.prior = Some(prior);
        Ok(())
    }
}
