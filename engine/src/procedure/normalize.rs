//! Raw values that the rules have no answer to: written in the form of a format, or chosen among the entries of a
//! vocabulary that are most like them.

use refuel_task::{Answer, NO_ENTRY, NO_VALUE, Normalization, Plan, Scored, Status, Task, format_word};
use serde_json::Value;

use super::{Asked, Generate, Procedure, Question, answered, best_scores, terminator};
use crate::batching::CandidateTrie;
use crate::confidence::CandidateScores;
use crate::error::EngineError;
use crate::model::Model;
use crate::session::OnRows;

/// Tokens that the entries of a choice take, about: a few names.
const ENTRY_TOKENS: usize = 160;

/// The procedure for a task of kind `normalize`.
pub(super) fn new(
    model: &Model,
    task: &Task,
    normalization: &Normalization,
    plan: &Plan,
    drafts: usize,
) -> Result<Box<dyn Procedure>, EngineError> {
    Ok(match normalization {
        Normalization::Format { .. } => Box::new(Write {
            normalization: normalization.clone(),
            generate: Generate::new(model, task, plan, drafts)?,
        }),
        Normalization::Vocabulary { .. } => Box::new(ChooseEntry {
            normalization: normalization.clone(),
            lead: plan.answer_lead,
            terminator: terminator(model, plan)?,
        }),
    })
}

/// Writes the value. What the rules can't read without doubt is no answer.
struct Write {
    normalization: Normalization,
    generate: Generate,
}

impl Write {
    fn judged(&self, written: &str) -> Result<String, String> {
        let line = written.lines().next().unwrap_or_default().trim();
        let word = match &self.normalization {
            Normalization::Format { format, .. } => format_word(*format),
            Normalization::Vocabulary { .. } => "an entry",
        };
        if line.trim_end_matches('.').eq_ignore_ascii_case(NO_VALUE) {
            return Err(format!("the model finds no value: {word} is not in the text"));
        }
        let value = self.normalization.of_written(line);
        value.ok_or_else(|| format!("the model wrote \"{line}\", which can't be read as {word}"))
    }
}

impl Procedure for Write {
    fn tokens_after_row(&self) -> usize {
        self.generate.tokens_after_row()
    }

    fn run(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Answer>, EngineError> {
        let written = self.generate.write(asked, on_rows)?;
        let answers = asked.questions.iter().zip(written).map(|(question, written)| {
            let confidence = Some(written.confidence);
            let judged = self.judged(&written.text);
            let mut answer = answered(asked.model, question, Value::Null, confidence, confidence);
            answer.output_tokens = written.tokens;
            match judged {
                Ok(value) => answer.value = value.into(),
                Err(reason) => abstain(&mut answer, reason),
            }
            answer
        });
        Ok(answers.collect())
    }
}

/// Chooses among entries, which each row has its own of.
struct ChooseEntry {
    normalization: Normalization,
    lead: &'static str,
    terminator: Option<u32>,
}

impl ChooseEntry {
    fn choose(&self, asked: Asked<'_>, question: &Question<'_>, on_rows: OnRows<'_>) -> Result<Answer, EngineError> {
        let mut choices = match &question.input.sides {
            Some([raw, entries]) => self.normalization.choices_shown(raw, entries),
            None => self.normalization.choices(&question.input.text),
        };
        choices.push((String::new(), NO_ENTRY.to_owned()));
        let candidates = choices
            .iter()
            .map(|(_, entry)| asked.model.tokenizer.plain(&format!("{}{entry}", self.lead)))
            .collect::<Result<Vec<_>, _>>()?;
        let trie = CandidateTrie::new(&candidates, &[], self.terminator);
        let row = std::slice::from_ref(&question.row.tokens);
        let mut session = asked.model.session();
        let scores = session.score(asked.prefix, row, &trie, asked.cancel, on_rows)?;
        let scores = scores.first().map_or(&[][..], Vec::as_slice);
        let scores = CandidateScores::new(&trie, scores, None);
        let ranked = scores.ranked();
        let best = ranked[0];
        let (confidence, raw_confidence) = (Some(scores.normalized[best]), Some(scores.raw[best]));
        let mut answer = answered(asked.model, question, Value::Null, confidence, raw_confidence);
        answer.output_tokens = trie.nodes().len() as u32;
        // What is told are identifiers, as answers are.
        let told = |choice: usize| match &choices[choice] {
            (id, entry) if id.is_empty() => entry,
            (id, _) => id,
        };
        answer.scores = best_scores(&ranked, |choice| Scored {
            value: told(choice).clone(),
            confidence: scores.normalized[choice],
            raw_confidence: scores.raw[choice],
            span: None,
        });
        match &choices[best] {
            (id, _) if id.is_empty() => abstain(
                &mut answer,
                "the model says that it is none of the entries that are like it".to_owned(),
            ),
            (id, _) => answer.value = id.as_str().into(),
        }
        Ok(answer)
    }
}

impl Procedure for ChooseEntry {
    fn tokens_after_row(&self) -> usize {
        ENTRY_TOKENS
    }

    fn run(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Answer>, EngineError> {
        asked
            .questions
            .iter()
            .map(|question| self.choose(asked, question, &mut *on_rows))
            .collect()
    }
}

/// There is no value, and why.
fn abstain(answer: &mut Answer, reason: String) {
    answer.status = Status::Abstained;
    answer.value = Value::Null;
    answer.reason = Some(match answer.reason.take() {
        Some(note) => format!("{reason}; {note}"),
        None => reason,
    });
}
