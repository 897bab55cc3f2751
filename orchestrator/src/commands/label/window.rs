//! Rows that go through the engine together.

use refuel_tables::Chunk;
use refuel_task::{InputSpec, Part, RenderedInput, Task};

/// Where windows end: the first are small, so that answers come at once and a mistake in the task shows early.
const FIRST_ENDS: [u64; 2] = [64, 256];

/// Rows in the windows behind those: enough for rows of like length to be batched together, few enough that a slow model
/// is done with them soon. The borders depend on the
/// row's number alone, so that a run that is stopped and continued batches as one that was not.
const ROWS: u64 = 512;

/// Number of the first row behind the window that row number `row` (from 0) lies in.
pub(crate) fn end(row: u64) -> u64 {
    FIRST_ENDS
        .into_iter()
        .find(|end| row < *end)
        .unwrap_or((row / ROWS + 1) * ROWS)
}

/// Rows that go through the engine together.
#[derive(Debug)]
pub(crate) struct Window {
    /// The rows as they were read.
    pub(crate) chunk: Chunk,
    /// What the model reads of each row that can be asked, in order.
    pub(crate) inputs: Vec<RenderedInput>,
    /// The rows that can't be asked, in order, with the reason.
    pub(crate) faults: Vec<(usize, String)>,
}

impl Window {
    /// Renders the rows of a chunk that was read with the task's columns.
    pub(crate) fn render(chunk: Chunk, task: &Task) -> Self {
        let mut inputs = Vec::with_capacity(chunk.rows());
        let mut faults = Vec::new();
        // The common case needs no record: the column's text is what the model reads.
        let plain = matches!(task.input, InputSpec::One(Part::Column(_)));
        for row in 0..chunk.rows() {
            if let Some(fault) = chunk.fault(row) {
                faults.push((row, fault.to_owned()));
                continue;
            }
            match chunk.text(row, 0).filter(|text| plain && !text.trim().is_empty()) {
                Some(text) => inputs.push(RenderedInput::text(text)),
                None => match RenderedInput::or_nothing(task.render_input(&chunk.record(row))) {
                    Ok(input) => inputs.push(input),
                    Err(error) => faults.push((row, error.to_string())),
                },
            }
        }
        Self { chunk, inputs, faults }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_depend_on_the_row_alone() {
        let mut row = 0;
        let mut borders = Vec::new();
        while row < 4000 {
            row = end(row);
            borders.push(row);
        }
        assert_eq!(borders, [64, 256, 512, 1024, 1536, 2048, 2560, 3072, 3584, 4096]);
        assert_eq!(end(100), 256);
        assert_eq!(end(1023), 1024);
    }
}
