//! The entries of a vocabulary that a raw value means, where its letters don't tell which: those whose embeddings are most
//! like its own.

mod index;
mod kept;

use std::sync::Arc;

use refuel_task::{
    Answer, Normalization, Normalized, RULES_MODEL, RenderedInput, Scored, Source, Status, Task, Terms, ValueRules,
};
use serde_json::Value;

use super::{Reply, Step};
use crate::cancel::Cancel;
use crate::engine::{ModelMemory, Shared};
use crate::error::EngineError;
use index::{Index, Near};

/// The version of how entries are compared: another one gives other answers.
const VERSION: &str = "entries@1";

/// An entry that this share of values which mean none comes less near to is the one that is meant.
const SURE: f32 = 0.9;
/// The same where nobody else is asked.
const LIKELY: f32 = 0.8;
/// Letters that are at least this much alike are not overruled.
const LETTERS_HOLD: f32 = 0.7;
/// The most entries that a model chooses among.
const MOST_CHOICES: usize = 8;

/// See the module.
struct Entries {
    normalization: Normalization,
    terms: Arc<Terms>,
    model: String,
    index: Index,
}

/// The step of a task that names a model for the entries of its vocabulary.
///
/// # Errors
/// Where that model is not on this machine, or is no encoder.
pub(super) fn step(task: &Task, shared: &Arc<Shared>) -> Result<Option<Box<dyn Step>>, EngineError> {
    let (Some(ValueRules::Normalize(normalization)), Some((terms, model))) =
        (&task.value_rules, task.embedded_vocabulary())
    else {
        return Ok(None);
    };
    let index = Index::new(shared, Arc::clone(terms), &model.to_string())?;
    Ok(Some(Box::new(Entries {
        normalization: normalization.clone(),
        terms: Arc::clone(terms),
        model: index.encoder().entry().manifest.reference(),
        index,
    })))
}

impl Step for Entries {
    fn digest(&self) -> String {
        format!("{VERSION}+{}", self.index.encoder().entry().manifest.digest)
    }

    fn ask(&self, inputs: &[&RenderedInput], cancel: &Cancel) -> Result<Vec<Reply>, EngineError> {
        let raws: Vec<&str> = inputs.iter().map(|input| raw_of(input)).collect();
        let near = self.index.nearest(&raws, cancel)?;
        Ok(raws
            .iter()
            .zip(near)
            .map(|(raw, near)| self.reply(raw, &near))
            .collect())
    }

    fn model(&self) -> Option<String> {
        Some(self.model.clone())
    }

    fn models(&self) -> Vec<ModelMemory> {
        vec![self.index.encoder().memory()]
    }

    fn is_quick(&self) -> bool {
        false
    }

    fn is_ready(&self) -> bool {
        self.index.is_ready()
    }

    fn load(&self, cancel: &Cancel) -> Result<(), EngineError> {
        self.index.load(cancel)
    }

    fn release(&self) {
        self.index.release();
    }
}

/// The raw value, which the rules before may have put beside the entries that are written like it.
fn raw_of(input: &RenderedInput) -> &str {
    input.sides.as_ref().map_or(&input.text, |[raw, _]| raw)
}

/// What an answer is made of: an identifier, how sure it is, and who says so.
struct Found<'a> {
    id: &'a str,
    confidence: f32,
    source: Source,
}

impl Entries {
    fn reply(&self, raw: &str, near: &[Near]) -> Reply {
        let (written, is_likely, reason) = match self.normalization.of(raw) {
            // The rules before this step have answered it.
            Normalized::Sure(id, confidence) => (vec![(id, confidence)], true, String::new()),
            Normalized::Open {
                candidates,
                is_likely,
                reason,
            } => (candidates, is_likely, reason),
        };
        let letters = written.first().map(|(id, confidence)| Found {
            id,
            confidence: *confidence,
            source: Source::Rule,
        });
        let meaning = near.first().map(|near| Found {
            id: self.id(near),
            confidence: near.confidence,
            source: Source::Similar,
        });
        let scores = self.scores(&written, near);
        let agree = matches!((&letters, &meaning), (Some(one), Some(other)) if one.id == other.id);
        let letters = letters.filter(|_| is_likely);
        let holds = letters.as_ref().is_some_and(|found| found.confidence >= LETTERS_HOLD);
        if let Some(found) = meaning
            .as_ref()
            .filter(|found| found.confidence >= SURE && (agree || !holds))
        {
            return Reply::Answered(self.answer(found, scores, None));
        }
        let otherwise = match (letters, meaning.filter(|found| found.confidence >= LIKELY)) {
            (Some(letters), _) => self.answer(&letters, scores, Some(reason)),
            (None, Some(meaning)) => self.answer(
                &meaning,
                scores,
                Some("the entry that is nearest in meaning may not be the one that is meant".to_owned()),
            ),
            (None, None) => {
                let reason = if written.is_empty() {
                    "nothing in the vocabulary is like it, or near enough in meaning".to_owned()
                } else {
                    reason
                };
                self.abstain(scores, reason)
            }
        };
        let choices = self.choices(&written, near);
        if choices.is_empty() {
            return Reply::Answered(otherwise);
        }
        Reply::Passed {
            input: Some(RenderedInput::choosing(raw, &choices)),
            otherwise: Some(otherwise),
        }
    }

    fn id(&self, near: &Near) -> &str {
        &self.terms.entries()[near.place].id
    }

    /// Names of the entries that are most like it, by letters and by meaning in turn. Those with the same name are there
    /// once: nobody could choose between them.
    fn choices<'a>(&'a self, written: &[(String, f32)], near: &[Near]) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        let mut add = |name: Option<&'a str>| {
            if let Some(name) = name.filter(|name| names.len() < MOST_CHOICES && !names.contains(name)) {
                names.push(name);
            }
        };
        for at in 0..written.len().max(near.len()) {
            add(written.get(at).and_then(|(id, _)| self.terms.value_of(id)));
            add(near.get(at).map(|near| &*self.terms.entries()[near.place].value));
        }
        names
    }

    /// Every entry that was found, with the surer of the two confidences; the surest first.
    fn scores(&self, written: &[(String, f32)], near: &[Near]) -> Vec<Scored> {
        let mut scores: Vec<(&str, f32)> = written
            .iter()
            .map(|(id, confidence)| (id.as_str(), *confidence))
            .collect();
        for near in near {
            let id = self.id(near);
            match scores.iter_mut().find(|(known, _)| *known == id) {
                Some((_, confidence)) => *confidence = confidence.max(near.confidence),
                None => scores.push((id, near.confidence)),
            }
        }
        scores.sort_by(|one, other| other.1.total_cmp(&one.1));
        scores.truncate(MOST_CHOICES);
        let scored = scores.into_iter().map(|(id, confidence)| Scored {
            value: id.to_owned(),
            confidence,
            raw_confidence: confidence,
            span: None,
        });
        scored.collect()
    }

    fn answer(&self, found: &Found<'_>, scores: Vec<Scored>, reason: Option<String>) -> Answer {
        let model = match found.source {
            Source::Rule => RULES_MODEL,
            _ => &self.model,
        };
        Answer {
            value: Value::from(found.id),
            confidence: Some(found.confidence),
            raw_confidence: Some(found.confidence),
            status: Status::Ok,
            reason,
            source: found.source,
            scores,
            ..Answer::error(model, "")
        }
    }

    fn abstain(&self, scores: Vec<Scored>, reason: String) -> Answer {
        let confidence = scores.first().map(|scored| scored.confidence);
        Answer {
            confidence,
            raw_confidence: confidence,
            status: Status::Abstained,
            reason: Some(reason),
            source: Source::Similar,
            scores,
            ..Answer::error(&self.model, "")
        }
    }
}
