//! Progress on standard error: a bar on a terminal, else a line now and then.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use crate::printer::Printer;
use crate::words;

/// Off a terminal, a line is written at most this often.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Rows of a table.
    Rows,
    /// Bytes of a file.
    Bytes,
    /// Parameters of a model.
    Parameters,
    /// Nothing: how much of it is done is known at its end.
    Nothing,
}

/// Progress of one long thing. Dropping it takes the bar away.
#[derive(Debug)]
pub(crate) struct Progress {
    printer: Printer,
    unit: Unit,
    what: Cow<'static, str>,
    total: Option<u64>,
    bar: Option<ProgressBar>,
    done: u64,
    started_at: u64,
    started: Instant,
    last_line: Instant,
    last_tenth: u64,
}

impl Progress {
    /// Begins to show how far `what` has come, out of `total` where that is known.
    pub(crate) fn new(printer: Printer, unit: Unit, what: impl Into<Cow<'static, str>>, total: Option<u64>) -> Self {
        let what = what.into();
        let bar = (printer.shows_progress() && printer.is_terminal()).then(|| {
            let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
            bar.set_style(style(unit, total.is_some()));
            bar.set_prefix(what.clone());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let now = Instant::now();
        Self {
            printer,
            unit,
            what,
            total,
            bar,
            done: 0,
            started_at: 0,
            started: now,
            last_line: now,
            last_tenth: 0,
        }
    }

    /// Work that an earlier run had done: shown as done, and left out of the speed.
    pub(crate) fn start_at(&mut self, done: u64) {
        self.done = done;
        self.started_at = done;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.reset_eta();
        }
    }

    /// Says how much is done.
    pub(crate) fn set(&mut self, done: u64) {
        self.done = done;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            return;
        }
        if !self.printer.shows_progress() {
            return;
        }
        let tenth = self.total.map_or(0, |total| done.saturating_mul(10) / total.max(1));
        let waited = self.last_line.elapsed();
        // A tenth is worth a line when it took a while; a fast run must not fill a log.
        if waited >= LINE_EVERY || (tenth > self.last_tenth && waited >= LINE_EVERY / 5) {
            self.last_line = Instant::now();
            self.last_tenth = tenth;
            self.printer.note(self.line());
        }
    }

    /// Writes a line above the bar.
    pub(crate) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.printer.note(text)),
            None => self.printer.note(text),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        drop(self);
    }

    fn line(&self) -> String {
        let count = |number: u64| match self.unit {
            Unit::Rows | Unit::Parameters | Unit::Nothing => HumanCount(number).to_string(),
            Unit::Bytes => HumanBytes(number).to_string(),
        };
        let seconds = self.started.elapsed().as_secs_f64().max(1e-9);
        let speed = (self.done - self.started_at.min(self.done)) as f64 / seconds;
        let mut line = match self.total {
            Some(total) => {
                let percent = self.done.saturating_mul(100) / total.max(1);
                format!("{}: {} of {} ({percent} %)", self.what, count(self.done), count(total))
            }
            None => format!("{}: {}", self.what, count(self.done)),
        };
        let per_second = match self.unit {
            Unit::Rows => format!(", {} rows/s", words::per_second(speed)),
            Unit::Bytes => format!(", {}/s", HumanBytes(speed as u64)),
            Unit::Parameters => format!(", {} parameters/s", HumanCount(speed as u64)),
            Unit::Nothing => String::new(),
        };
        line.push_str(&per_second);
        if let Some(total) = self.total.filter(|_| speed > 0.0) {
            let left = Duration::from_secs_f64((total.saturating_sub(self.done) as f64 / speed).min(1e9));
            line.push_str(", ");
            line.push_str(&HumanDuration(left).to_string());
            line.push_str(" left");
        }
        line
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(unit: Unit, total_known: bool) -> ProgressStyle {
    let template = match (unit, total_known) {
        (Unit::Rows, true) => "{prefix} {wide_bar:.cyan/dim} {human_pos}/{human_len} rows  {speed:.dim}  {eta} left",
        (Unit::Rows, false) => "{prefix} {spinner} {human_pos} rows  {speed:.dim}",
        (Unit::Parameters, true) => "{prefix} {wide_bar:.cyan/dim} {percent} %  {eta} left",
        (Unit::Parameters, false) => "{prefix} {spinner}",
        (Unit::Bytes, true) => "{prefix} {wide_bar:.cyan/dim} {bytes}/{total_bytes}  {bytes_per_sec:.dim}  {eta} left",
        (Unit::Bytes, false) => "{prefix} {spinner} {bytes}  {bytes_per_sec:.dim}",
        (Unit::Nothing, _) => "{prefix} {spinner} {elapsed:.dim}",
    };
    // The templates are constants of this file, and a test renders each; the default bar is the way out.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("speed", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        let _ = write!(text, "{} rows/s", words::per_second(state.per_sec()));
    })
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressStyle;

    use super::*;

    #[test]
    fn every_template_is_understood() {
        for unit in [Unit::Rows, Unit::Bytes, Unit::Parameters, Unit::Nothing] {
            for total_known in [true, false] {
                let _: ProgressStyle = style(unit, total_known);
            }
        }
    }
}
