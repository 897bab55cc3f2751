//! Text that is written under a guide of each question's own.

use refuel_task::Answer;

use super::Asked;
use crate::error::EngineError;
use crate::guide::Guide;
use crate::session::{GenerateOptions, Generated, OnRows};

/// What is written for each question, in their order. A question that no guide could be made for has the problem instead.
pub(super) fn write(
    asked: Asked<'_>,
    guides: Vec<Result<Box<dyn Guide>, String>>,
    options: &GenerateOptions,
    on_rows: OnRows<'_>,
) -> Result<Vec<Generated>, EngineError> {
    let mut problems = Vec::with_capacity(guides.len());
    let (mut rows, mut open) = (Vec::new(), Vec::new());
    for (guide, row) in guides.into_iter().zip(asked.rows()) {
        match guide {
            Ok(guide) => {
                problems.push(None);
                rows.push(row);
                open.push(guide);
            }
            Err(problem) => problems.push(Some(problem)),
        }
    }
    let mut session = asked.model.session();
    let generated = session.generate(asked.prefix, &rows, open, options, asked.cancel, on_rows)?;
    let mut generated = generated.into_iter();
    let all = problems.into_iter().map(|problem| match problem {
        None => generated.next().unwrap_or_default(),
        Some(problem) => Generated {
            problem: Some(problem),
            ..Generated::default()
        },
    });
    Ok(all.collect())
}

/// Says of an answer that it was cut, before what else there is to say of it.
pub(super) fn say_cut(answer: &mut Answer, cut: Option<String>) {
    answer.reason = match (cut, answer.reason.take()) {
        (Some(cut), Some(reason)) => Some(format!("{cut}; {reason}")),
        (cut, reason) => cut.or(reason),
    };
}
