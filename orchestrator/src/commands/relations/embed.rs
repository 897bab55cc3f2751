//! Embeddings of whole tables.

use std::path::Path;

use refuel_engine::EngineError;
use refuel_task::{RenderedInput, Task};

use crate::answerer::Models;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::progress::{Progress, Unit};

/// Rows that are embedded between two looks at the progress.
const TOGETHER: usize = 2048;

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
    let mut vectors = Vec::with_capacity(texts.len());
    for (number, together) in texts.chunks(TOGETHER).enumerate() {
        let inputs: Vec<RenderedInput> = together.iter().map(|text| RenderedInput::text(text)).collect();
        let mut done = (number * TOGETHER) as u64;
        let answers = answerer.answer(&inputs, &interrupt.cancel, &mut |rows| {
            done += rows as u64;
            progress.set(done);
        });
        let answers = match answers {
            Ok(answers) => answers,
            Err(EngineError::Cancelled) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        vectors.extend(answers.iter().map(|answer| numbers(&answer.value)));
    }
    progress.finish();
    // What could not be embedded is near nothing.
    let width = vectors.iter().map(Vec::len).max().unwrap_or(0);
    vectors.iter_mut().for_each(|vector| vector.resize(width, 0.0));
    Ok(Some(vectors))
}

fn numbers(value: &serde_json::Value) -> Vec<f32> {
    let numbers = value.as_array().into_iter().flatten();
    numbers.filter_map(|number| Some(number.as_f64()? as f32)).collect()
}
