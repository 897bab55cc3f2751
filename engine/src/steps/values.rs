//! The rules of `normalize`, `clean` and `enrich`. What they have no answer to goes on to the model, where the task asks
//! one: with what the rules made of it.

use rayon::prelude::*;
use refuel_task::{
    Answer, Cleaning, Enriched, Normalization, Normalized, RULES_MODEL, RenderedInput, Scored, Source, Status, Task,
    ValueRules,
};
use serde_json::{Map, Value};

use super::{Reply, Step};
use crate::cancel::Cancel;
use crate::error::EngineError;

/// See the module.
struct Rules {
    task: Task,
}

/// The step of a task of one of these kinds.
pub(super) fn step(task: &Task) -> Option<Box<dyn Step>> {
    let is_one = task.value_rules.is_some() || task.kind == refuel_task::Kind::ENRICH;
    is_one.then(|| {
        let task = Task {
            // What rules do not read.
            examples: None,
            ..task.clone()
        };
        Box::new(Rules { task }) as Box<dyn Step>
    })
}

impl Step for Rules {
    fn digest(&self) -> String {
        RULES_MODEL.to_owned()
    }

    fn ask(&self, inputs: &[&RenderedInput], _cancel: &Cancel) -> Result<Vec<Reply>, EngineError> {
        let reply = |input: &&RenderedInput| match &self.task.value_rules {
            Some(ValueRules::Normalize(normalization)) => normalize(normalization, &input.text),
            Some(ValueRules::Clean(cleaning)) => clean(cleaning, &input.text),
            Some(ValueRules::Enrich(_)) | None => enrich(&self.task, &input.text),
        };
        Ok(inputs.par_iter().map(reply).collect())
    }
}

/// An answer of rules.
fn ruled(value: Value, confidence: Option<f32>, reason: Option<String>) -> Answer {
    Answer {
        value,
        confidence,
        raw_confidence: confidence,
        status: Status::Ok,
        reason,
        source: Source::Rule,
        ..Answer::error(RULES_MODEL, "")
    }
}

fn scored(value: &str, confidence: f32) -> Scored {
    Scored {
        value: value.to_owned(),
        confidence,
        raw_confidence: confidence,
        span: None,
    }
}

fn normalize(normalization: &Normalization, raw: &str) -> Reply {
    match normalization.of(raw) {
        Normalized::Sure(value, confidence) => Reply::Answered(ruled(Value::from(value), Some(confidence), None)),
        Normalized::Open {
            candidates,
            is_likely,
            reason,
        } => {
            let best = candidates.first();
            let mut answer = ruled(Value::Null, best.map(|(_, confidence)| *confidence), Some(reason));
            match best.filter(|_| is_likely) {
                Some((value, _)) => answer.value = value.as_str().into(),
                None => answer.status = Status::Abstained,
            }
            answer.scores = candidates
                .iter()
                .map(|(value, confidence)| scored(value, *confidence))
                .collect();
            let choices = normalization.choices(raw);
            match normalization {
                // Embeddings may find what no letters do.
                Normalization::Vocabulary {
                    embeddings: Some(_), ..
                } if choices.is_empty() => Reply::Passed {
                    input: None,
                    otherwise: Some(answer),
                },
                // A model has nothing to choose among.
                Normalization::Vocabulary { .. } if choices.is_empty() => Reply::Answered(answer),
                Normalization::Vocabulary { .. } => {
                    let entries: Vec<&str> = choices.iter().map(|(_, entry)| entry.as_str()).collect();
                    Reply::Passed {
                        input: Some(RenderedInput::choosing(raw, &entries)),
                        otherwise: Some(answer),
                    }
                }
                Normalization::Format { .. } => Reply::Passed {
                    input: None,
                    otherwise: Some(answer),
                },
            }
        }
    }
}

fn clean(cleaning: &Cleaning, text: &str) -> Reply {
    let mended = cleaning.mend(text);
    let answer = ruled(mended.text.as_str().into(), Some(mended.confidence), mended.told);
    if mended.text.trim().is_empty() {
        // Nothing is left for a model.
        return Reply::Answered(answer);
    }
    Reply::Passed {
        input: Some(RenderedInput::mending(text, &mended.text)),
        otherwise: Some(answer),
    }
}

fn enrich(task: &Task, text: &str) -> Reply {
    let Enriched { known, found, missing } = match task.enriched(text) {
        Ok(enriched) => enriched,
        Err(reason) => return Reply::Answered(Answer::unasked(RULES_MODEL, reason)),
    };
    let mut answer = ruled(task.completed(&known, &Map::new()), Some(1.0), None);
    answer.scores = found.iter().map(|field| scored(field, 1.0)).collect();
    if missing.is_empty() {
        return Reply::Answered(answer);
    }
    let names: Vec<&str> = missing.iter().map(|field| field.name.as_str()).collect();
    answer.status = Status::Abstained;
    answer.confidence = None;
    answer.raw_confidence = None;
    answer.reason = Some(format!("nothing says {}", names.join(", ")));
    Reply::Passed {
        input: Some(RenderedInput::completing(&known, &names)),
        otherwise: Some(answer),
    }
}
