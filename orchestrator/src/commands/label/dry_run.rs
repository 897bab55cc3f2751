//! `refuel label --dry-run`: what a run would take.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use refuel_engine::EngineError;
use refuel_tables::Reader;
use serde::Serialize;

use super::window::Window;
use crate::answerer::Answerer;
use crate::cli::OutputFormat;
use crate::commands::ExitStatus;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::table::{Grid, Text, Tone};
use crate::words;

/// What a run would take. The keys are stable.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct Forecast {
    /// Rows of the input.
    pub(crate) rows: u64,
    /// Inputs that differ.
    pub(crate) distinct: u64,
    /// Those of them whose answers are kept already.
    pub(crate) cached: u64,
    /// Inputs that a model would be asked for.
    pub(crate) to_run: u64,
    /// Rows that can't be asked, such as empty ones.
    pub(crate) faulty: u64,
    /// Tokens that all rows share, which are run once.
    pub(crate) prefix_tokens: u64,
    /// Tokens of the rows that a model would be asked for.
    pub(crate) row_tokens: u64,
    /// Seconds that it would take, timed on some of the rows.
    pub(crate) estimated_seconds: f64,
    /// `name@digest` of the model.
    pub(crate) model: String,
    /// Fingerprint of the task.
    pub(crate) fingerprint: String,
}

/// Rows that are looked at together: some of each are run to time the others by.
const ROWS: usize = 65_536;

/// Looks over all rows. Of each input that was seen, 8 bytes are kept, so that one that comes again counts once.
pub(crate) fn forecast(
    task: &refuel_task::Task,
    answerer: &dyn Answerer,
    reader: &mut dyn Reader,
    limit: Option<u64>,
    interrupt: &Interrupt,
    progress: &mut Progress,
) -> Result<Option<Forecast>, Failure> {
    let mut forecast = Forecast {
        model: answerer.model().to_owned(),
        fingerprint: answerer.fingerprint().to_owned(),
        ..Forecast::default()
    };
    let hasher = RandomState::new();
    let mut seen: HashSet<u64> = HashSet::new();
    while let Some(rows) = limit.map_or(Some(ROWS), |limit| left(limit, forecast.rows)) {
        let Some(chunk) = reader.next_chunk(rows)? else { break };
        if interrupt.is_requested() {
            return Ok(None);
        }
        let mut window = Window::render(chunk, task);
        forecast.rows += window.chunk.rows() as u64;
        forecast.faulty += window.faults.len() as u64;
        let rendered = window.inputs.len();
        window.inputs.retain(|input| !input.is_nothing());
        forecast.faulty += (rendered - window.inputs.len()) as u64;
        window.inputs.retain(|input| seen.insert(hasher.hash_one(input.hash())));
        let estimate = match answerer.estimate(&window.inputs, &interrupt.cancel) {
            Ok(estimate) => estimate,
            Err(EngineError::Cancelled) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        forecast.distinct += estimate.distinct as u64;
        forecast.cached += estimate.cached as u64;
        forecast.to_run += (estimate.distinct - estimate.cached) as u64;
        forecast.prefix_tokens = forecast.prefix_tokens.max(estimate.prefix_tokens as u64);
        forecast.row_tokens += estimate.row_tokens as u64;
        forecast.estimated_seconds += estimate.seconds;
        progress.set(forecast.rows);
    }
    Ok(Some(forecast))
}

/// Rows to read next, where there is a limit.
fn left(limit: u64, done: u64) -> Option<usize> {
    let left = limit.saturating_sub(done);
    (left > 0).then(|| usize::try_from(left).unwrap_or(ROWS).min(ROWS))
}

/// Prints what a run would take.
pub(crate) fn report(forecast: &Forecast, format: OutputFormat, printer: Printer) -> Result<ExitStatus, Failure> {
    if format == OutputFormat::Json {
        printer.json(forecast)?;
        return Ok(ExitStatus::Success);
    }
    let mut grid = Grid::pairs();
    grid.pair("rows", words::count(forecast.rows));
    grid.pair("distinct inputs", words::count(forecast.distinct));
    grid.pair("kept answers", words::count(forecast.cached));
    grid.pair("to run", Text::new(words::count(forecast.to_run), Tone::Strong));
    if forecast.faulty > 0 {
        grid.pair(
            "rows that can't be asked",
            Text::new(words::count(forecast.faulty), Tone::Bad),
        );
    }
    grid.pair("tokens shared by all rows", words::count(forecast.prefix_tokens));
    grid.pair("tokens of the rows to run", words::count(forecast.row_tokens));
    let time = words::seconds(forecast.estimated_seconds);
    grid.pair("estimated time", Text::new(time, Tone::Strong));
    grid.pair("model", forecast.model.clone());
    printer.data(grid.render())?;
    Ok(ExitStatus::Success)
}
