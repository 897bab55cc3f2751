//! One choice out of a list: each candidate's whole token sequence is scored.

use std::collections::HashMap;

use refuel_task::{Answer, Plan, Scored};
use serde_json::Value;

use super::{Asked, Procedure, answered, best_scores, terminator};
use crate::batching::CandidateTrie;
use crate::confidence::{CandidateScores, content_free_prior};
use crate::error::EngineError;
use crate::model::Model;
use crate::session::OnRows;

/// See the module.
pub(crate) struct Choose {
    trie: CandidateTrie,
    values: Vec<Value>,
    texts: Vec<String>,
    prior: Option<Vec<f32>>,
    notes: Vec<String>,
}

impl Choose {
    pub(crate) fn new(model: &Model, plan: &Plan) -> Result<Self, EngineError> {
        let candidates = plan
            .choices
            .iter()
            .map(|choice| model.tokenizer.plain(&choice.text))
            .collect::<Result<Vec<_>, _>>()?;
        let trie = CandidateTrie::new(&candidates, &[], terminator(model, plan)?);
        let texts: Vec<String> = plan.choices.iter().map(|choice| choice.name.clone()).collect();
        Ok(Self {
            notes: same_tokens(&texts, &candidates),
            trie,
            values: plan.choices.iter().map(|choice| choice.value.clone()).collect(),
            texts,
            prior: None,
        })
    }

    fn score(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<CandidateScores>, EngineError> {
        let scores = asked
            .model
            .session()
            .score(asked.prefix, &asked.rows(), &self.trie, asked.cancel, on_rows)?;
        Ok(scores
            .iter()
            .map(|row| CandidateScores::new(&self.trie, row, self.prior.as_deref()))
            .collect())
    }
}

impl Procedure for Choose {
    fn tokens_after_row(&self) -> usize {
        self.trie.tokens()
    }

    fn run(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Answer>, EngineError> {
        let scores = self.score(asked, on_rows)?;
        Ok(asked
            .questions
            .iter()
            .zip(scores)
            .map(|(question, scores)| {
                let ranked = scores.ranked();
                let best = ranked[0];
                let mut answer = answered(
                    asked.model,
                    question,
                    self.values[best].clone(),
                    Some(scores.normalized[best]),
                    Some(scores.raw[best]),
                );
                answer.scores = best_scores(&ranked, |candidate| Scored {
                    value: self.texts[candidate].clone(),
                    confidence: scores.normalized[candidate],
                    raw_confidence: scores.raw[candidate],
                    span: None,
                });
                answer.output_tokens = self.trie.nodes().len() as u32;
                answer
            })
            .collect())
    }

    fn calibrate(&mut self, asked: Asked<'_>) -> Result<(), EngineError> {
        self.prior = None;
        let scores = self.score(asked, &mut |_| {})?;
        self.prior = Some(content_free_prior(&scores));
        Ok(())
    }

    fn candidates(&self) -> Option<&CandidateTrie> {
        Some(&self.trie)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

/// Says which texts are the same to the model.
fn same_tokens(texts: &[String], candidates: &[Vec<u32>]) -> Vec<String> {
    let mut first: HashMap<&[u32], usize> = HashMap::new();
    let mut notes = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let earlier = *first.entry(candidate).or_insert(index);
        if earlier != index {
            notes.push(format!(
                "the labels \"{}\" and \"{}\" are the same tokens to the model: it can't tell them apart",
                texts[earlier], texts[index]
            ));
        }
    }
    notes
}
