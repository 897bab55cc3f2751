//! A task on a model that is loaded: the shared prompt in tokens, the procedure, the examples' vectors.

use std::sync::Arc;

use rayon::prelude::*;
use refuel_compiler::Role;
use refuel_task::{Answer, Calibration, Example, ExampleSet, Kind, Plan, RenderedInput, Segment, Task};

use super::Spread;
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::learned::answerable::AnswerHead;
use crate::model::Model;
use crate::procedure::{Asked, Classify, Embed, Procedure, Question, for_decoder};
use crate::reading::{embed, row_limit, whole};
use crate::truncation::{self, RowLimit, RowTokens};

/// The least room for a row that a shared prompt must leave, in tokens.
const LEAST_ROOM: usize = 16;

/// See the module.
pub(super) struct Ready {
    pub(super) model: Arc<Model>,
    pub(super) procedure: Box<dyn Procedure>,
    pub(super) prefix: Vec<u32>,
    /// The prompt. None where an encoder reads the text itself.
    plan: Option<Plan>,
    /// The most tokens of a row.
    pub(super) limit: RowLimit,
    /// Examples that are chosen for each row.
    by_row: Option<ByRow>,
}

/// Examples that are chosen for each row, by the cosine of embeddings.
struct ByRow {
    model: Arc<Model>,
    examples: ExampleSet,
    vectors: Vec<Vec<f32>>,
}

impl Ready {
    pub(super) fn new(
        task: &Task,
        model: Arc<Model>,
        embedding: Option<Arc<Model>>,
        head: Option<Arc<AnswerHead>>,
        drafts: usize,
        cancel: &Cancel,
    ) -> Result<Self, EngineError> {
        match model.description.role {
            Role::Decoder if task.kind != Kind::EMBED => {
                Self::for_decoder(task, model, embedding, head, drafts, cancel)
            }
            Role::Encoder if task.kind == Kind::EMBED => Ok(Self::for_encoder(model, Box::new(Embed))),
            Role::Classifier if task.kind == Kind::LABEL => {
                let procedure = Box::new(Classify::new(&model, task)?);
                Ok(Self::for_encoder(model, procedure))
            }
            role => Err(EngineError::WrongRole {
                model: model.name.clone(),
                is: match role {
                    Role::Decoder => "a decoder",
                    Role::Encoder => "an encoder",
                    Role::Classifier => "a classifier",
                    Role::Head => "a head",
                },
                kind: task.kind.name().to_owned(),
                needs: if task.kind == Kind::EMBED {
                    "an encoder"
                } else if task.kind == Kind::LABEL {
                    "a decoder or a classifier"
                } else {
                    "a decoder"
                },
            }),
        }
    }

    fn for_encoder(model: Arc<Model>, procedure: Box<dyn Procedure>) -> Self {
        let limit = row_limit(&model, 0, 0);
        Self {
            model,
            procedure,
            prefix: Vec::new(),
            plan: None,
            limit,
            by_row: None,
        }
    }

    fn for_decoder(
        task: &Task,
        model: Arc<Model>,
        embedding: Option<Arc<Model>>,
        head: Option<Arc<AnswerHead>>,
        drafts: usize,
        cancel: &Cancel,
    ) -> Result<Self, EngineError> {
        let vectors = match (&task.examples, &embedding) {
            (Some(examples), Some(embedding)) => {
                let texts: Vec<&str> = examples
                    .items
                    .iter()
                    .map(|example| example.input.text.as_str())
                    .collect();
                embed(embedding, &texts, cancel, &mut |_| {})?
            }
            _ => Vec::new(),
        };
        let shared = task
            .examples
            .as_ref()
            .map_or_else(Vec::new, |examples| examples.shared(&vectors));
        let plan = Plan::new(task, model.template.as_ref(), &shared)?;
        let mut prefix = model.tokenizer.segments(&plan.prefix)?;
        let description = &model.description;
        // A chat template writes the first token itself.
        if let Some(bos) = description.bos_token.filter(|_| description.add_bos && plan.plain) {
            prefix.insert(0, bos);
        }
        let mut procedure = for_decoder(&model, task, &plan, drafts, head)?;
        let after = procedure.tokens_after_row();
        let limit = row_limit(&model, prefix.len(), after);
        if limit.tokens < LEAST_ROOM {
            return Err(EngineError::PromptTooLong {
                model: model.name.clone(),
                tokens: prefix.len() + after,
                limit: model.description.context_length.saturating_sub(LEAST_ROOM),
            });
        }
        let by_row = match (&task.examples, embedding) {
            (Some(examples), Some(embedding)) if examples.by_row() => Some(ByRow {
                model: embedding,
                examples: examples.clone(),
                vectors,
            }),
            _ => None,
        };
        if task.calibration == Calibration::Contextual {
            let inputs = plan.content_free();
            let rows = inputs
                .iter()
                .map(|input| truncation::fit(&model.tokenizer, &[], &plan.row(input), limit, task.truncate))
                .collect::<Result<Vec<_>, _>>()?;
            let questions: Vec<Question<'_>> = inputs
                .iter()
                .zip(rows)
                .filter_map(|(input, row)| Some(Question { input, row: row.ok()? }))
                .collect();
            procedure.calibrate(Asked {
                model: &model,
                prefix: &prefix,
                questions: &questions,
                cancel,
            })?;
        }
        Ok(Self {
            model,
            procedure,
            prefix,
            plan: Some(plan),
            limit,
            by_row,
        })
    }

    /// Questions, as a procedure takes them.
    pub(super) fn asked<'a>(&'a self, questions: &'a [Question<'a>], cancel: &'a Cancel) -> Asked<'a> {
        Asked {
            model: &self.model,
            prefix: &self.prefix,
            questions,
            cancel,
        }
    }

    /// Answers inputs that are all different, as [`Ready::answer_each`] does, long ones in parts where the kind allows it.
    pub(super) fn answer(
        &self,
        task: &Task,
        inputs: &[&RenderedInput],
        cancel: &Cancel,
        spread: &mut Spread<'_, '_>,
    ) -> Result<Vec<(Answer, bool)>, EngineError> {
        if task.kind == Kind::ANSWER {
            self.answer_windows(task, inputs, cancel, spread)
        } else {
            self.answer_each(task, inputs, cancel, spread)
        }
    }

    /// Answers inputs that are all different, and says of each answer whether it may be kept: one to a part of an input
    /// that had to do because of the budget must not stand for the whole once there is more room.
    pub(super) fn answer_each(
        &self,
        task: &Task,
        inputs: &[&RenderedInput],
        cancel: &Cancel,
        spread: &mut Spread<'_, '_>,
    ) -> Result<Vec<(Answer, bool)>, EngineError> {
        let rows = self.tokenize(task, inputs, cancel)?;
        let mut answers: Vec<Option<(Answer, bool)>> = vec![None; inputs.len()];
        let mut questions = Vec::with_capacity(inputs.len());
        let mut asked = Vec::with_capacity(inputs.len());
        for (index, (&input, row)) in inputs.iter().zip(rows).enumerate() {
            match row {
                Ok(row) => {
                    asked.push((index, !row.by_budget));
                    questions.push(Question { input, row });
                }
                Err(reason) => answers[index] = Some((Answer::error(&self.model.name, reason), false)),
            }
        }
        spread.tell(inputs.len() - asked.len());
        let mut tell = |rows: usize| spread.tell(rows);
        let made = self.procedure.run(self.asked(&questions, cancel), &mut tell)?;
        for ((index, keep), answer) in asked.into_iter().zip(made) {
            answers[index] = Some((checked(answer), keep));
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// Tokens of each input's prompt behind the prefix, or why it can't be asked.
    pub(super) fn tokenize(
        &self,
        task: &Task,
        inputs: &[&RenderedInput],
        cancel: &Cancel,
    ) -> Result<Vec<Result<RowTokens, String>>, EngineError> {
        let Some(plan) = &self.plan else {
            return inputs.par_iter().map(|input| self.whole(task, input)).collect();
        };
        let examples = self.examples(inputs, cancel)?;
        inputs
            .par_iter()
            .enumerate()
            .map(|(index, input)| {
                let before: Vec<Segment> = match &examples {
                    None => Vec::new(),
                    Some(examples) => plan.row_examples(&examples[index])?,
                };
                truncation::fit(
                    &self.model.tokenizer,
                    &before,
                    &plan.row(input),
                    self.limit,
                    task.truncate,
                )
            })
            .collect()
    }

    /// The examples that each input is shown, where they are chosen by row.
    fn examples(&self, inputs: &[&RenderedInput], cancel: &Cancel) -> Result<Option<Vec<Vec<&Example>>>, EngineError> {
        let Some(by_row) = &self.by_row else { return Ok(None) };
        let texts: Vec<&str> = inputs.iter().map(|input| input.text.as_str()).collect();
        let vectors = embed(&by_row.model, &texts, cancel, &mut |_| {})?;
        let chosen = inputs
            .iter()
            .zip(&vectors)
            .map(|(input, vector)| by_row.examples.for_row(input, vector, &by_row.vectors));
        Ok(Some(chosen.collect()))
    }

    fn whole(&self, task: &Task, input: &RenderedInput) -> Result<Result<RowTokens, String>, EngineError> {
        whole(&self.model, &input.text, self.limit, task.truncate)
    }
}

/// A model that gives no numbers gives no answer.
fn checked(answer: Answer) -> Answer {
    let finite = |number: Option<f32>| number.is_none_or(f32::is_finite);
    if finite(answer.confidence) && finite(answer.raw_confidence) {
        return answer;
    }
    Answer::error(&answer.model, "the model gave probabilities that are not numbers")
}
