//! A vector for each text.

use refuel_task::Answer;
use serde_json::Value;

use super::{Asked, Procedure, answered};
use crate::error::EngineError;
use crate::session::OnRows;

/// See the module.
pub(crate) struct Embed;

impl Procedure for Embed {
    fn tokens_after_row(&self) -> usize {
        0
    }

    fn run(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Answer>, EngineError> {
        let vectors = asked.model.session().embed(&asked.rows(), asked.cancel, on_rows)?;
        Ok(asked
            .questions
            .iter()
            .zip(vectors)
            .map(|(question, vector)| {
                let value = Value::Array(vector.into_iter().map(Value::from).collect());
                answered(asked.model, question, value, None, None)
            })
            .collect())
    }
}
