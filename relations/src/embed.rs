//! Vectors of texts, out of the answers of a task that embeds.

use refuel_task::{Answer, RenderedInput};

/// Texts that are embedded together: enough to fill batches, few enough to look at the progress between two lots.
const TOGETHER: usize = 2048;

/// The vectors of texts, in their order and all of one width. `answer` embeds inputs, of which it is told how many were
/// embedded before; what could not be embedded is near nothing.
///
/// # Errors
/// The first of `answer`.
pub fn embed<E>(
    texts: &[String],
    mut answer: impl FnMut(usize, &[RenderedInput]) -> Result<Vec<Answer>, E>,
) -> Result<Vec<Vec<f32>>, E> {
    let mut vectors: Vec<Vec<f32>> = Vec::with_capacity(texts.len());
    for together in texts.chunks(TOGETHER) {
        let inputs: Vec<RenderedInput> = together.iter().map(|text| RenderedInput::text(text)).collect();
        let answers = answer(vectors.len(), &inputs)?;
        vectors.extend(answers.iter().map(|answer| {
            let numbers = answer.value.as_array().into_iter().flatten();
            numbers.filter_map(|number| Some(number.as_f64()? as f32)).collect()
        }));
    }
    let width = vectors.iter().map(Vec::len).max().unwrap_or(0);
    vectors.iter_mut().for_each(|vector| vector.resize(width, 0.0));
    Ok(vectors)
}
