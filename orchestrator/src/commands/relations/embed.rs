//! Embeddings of whole tables.

use std::path::Path;

use refuel_engine::EngineError;
use refuel_task::Task;

use crate::answerer::Models;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::progress::{Progress, Unit};

/// The vectors of texts, in their order; none where somebody stopped it.
pub(super) fn embed(
    models: &Models,
    model: &str,
    texts: &[String],
    interrupt: &Interrupt,
    context: &Context,
) -> Result<Option<Vec<Vec<f32>>>, Failure> {
    let spec = serde_json::json!({"name": "records", "kind": "embed", "input": "record", "model": model});
    let task = Task::from_json(&spec, "records", Path::new(""))?;
    let answerer = models.prepare(&task, None)?;
    let total = texts.len() as u64;
    let mut progress = Progress::new(context.printer, Unit::Rows, "embed", Some(total));
    let embedded = refuel_relations::embed(texts, |before, inputs| {
        let mut done = before as u64;
        answerer.answer(inputs, &interrupt.cancel, &mut |rows| {
            done += rows as u64;
            progress.set(done);
        })
    });
    match embedded {
        Ok(vectors) => {
            progress.finish();
            Ok(Some(vectors))
        }
        Err(EngineError::Cancelled) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
