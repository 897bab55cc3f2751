//! What a model makes of questions, before a head or a threshold decides: what a head is trained on.

use refuel_task::RenderedInput;

use super::PreparedTask;
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::procedure::{Question, Reading};

/// A window of a text with what the model makes of a question about it.
pub(crate) struct WindowReading {
    /// The number of the input.
    pub(crate) owner: usize,
    /// The window's text.
    pub(crate) context: String,
    /// What the model makes of it.
    pub(crate) reading: Reading,
}

impl PreparedTask {
    /// What the model makes of each window of inputs, in their order; windows that it can't read are left out. Nothing is
    /// kept of it.
    pub(crate) fn readings(
        &self,
        inputs: &[&RenderedInput],
        cancel: &Cancel,
    ) -> Result<Vec<WindowReading>, EngineError> {
        let ready = self.ready(cancel)?;
        let windows = ready.windows(&self.task, inputs, cancel)?;
        let asked: Vec<&RenderedInput> = windows.texts.iter().collect();
        let rows = ready.tokenize(&self.task, &asked, cancel)?;
        let (places, questions): (Vec<usize>, Vec<Question<'_>>) = asked
            .iter()
            .zip(rows)
            .enumerate()
            .filter_map(|(at, (&input, row))| Some((at, Question { input, row: row.ok()? })))
            .unzip();
        let readings = ready.procedure.readings(ready.asked(&questions, cancel), &mut |_| {})?;
        let readings = places.into_iter().zip(readings).filter_map(|(at, reading)| {
            let context = windows.texts[at].sides.as_ref().map(|[context, _]| context.clone());
            Some(WindowReading {
                owner: windows.owners[at].0,
                context: context.unwrap_or_default(),
                reading: reading?,
            })
        });
        Ok(readings.collect())
    }
}
