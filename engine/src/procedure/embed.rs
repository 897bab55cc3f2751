//! A vector for each text.

use refuel_task::Answer;
use serde_json::Value;

use super::{Procedure, Question, answered, rows};
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::model::Model;
use crate::session::OnRows;

/// See the module.
pub(crate) struct Embed;

impl Procedure for Embed {
    fn tokens_after_row(&self) -> usize {
        0
    }

    fn run(
        &self,
        model: &Model,
        _prefix: &[u32],
        questions: &[Question<'_>],
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Answer>, EngineError> {
        let vectors = model.session().embed(&rows(questions), cancel, on_rows)?;
        Ok(questions
            .iter()
            .zip(vectors)
            .map(|(question, vector)| {
                let value = Value::Array(vector.into_iter().map(Value::from).collect());
                answered(model, question, value, None, None)
            })
            .collect())
    }
}
