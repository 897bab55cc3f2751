//! The one place that decides what goes to standard output, to standard error, and where progress is drawn.
//!
//! Data goes to standard output, everything else to standard error. `--quiet` leaves data and errors.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use owo_colors::OwoColorize;
use serde::Serialize;

use crate::cli::{ColorChoice, GlobalArgs};
use crate::commands::ExitStatus;
use crate::error::{CliError, Failure};

/// Decides what is printed, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    quiet: bool,
    progress: bool,
}

#[expect(
    clippy::unused_self,
    reason = "whoever prints has to have a printer, whether or not this much depends on its settings"
)]
impl Printer {
    /// Settles colour for the whole process, and what this printer lets through.
    pub(crate) fn new(arguments: &GlobalArgs) -> Self {
        match arguments.color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        Self {
            quiet: arguments.quiet,
            progress: !arguments.no_progress && !arguments.quiet,
        }
    }

    /// Whether a person sees standard error as it is written.
    pub(crate) fn is_terminal(self) -> bool {
        io::stderr().is_terminal()
    }

    /// Whether progress is shown.
    pub(crate) fn shows_progress(self) -> bool {
        self.progress
    }

    /// Whether notes are shown.
    pub(crate) fn shows_notes(self) -> bool {
        !self.quiet
    }

    /// Writes data to standard output, with a line end.
    pub(crate) fn data(self, text: impl Display) -> Result<(), Failure> {
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{text}")
            .and_then(|()| stdout.flush())
            .map_err(Failure::from_stdout)
    }

    /// Writes one JSON document to standard output, indented.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(|source| CliError::Json { source })?;
        self.data(text)
    }

    /// Writes a line for people to standard error.
    pub(crate) fn note(self, text: impl Display) {
        if !self.quiet {
            // A closed standard error must not stop the work.
            let _ = writeln!(anstream::stderr().lock(), "{text}");
        }
    }

    /// Writes lines about something that went wrong to standard error, also where notes are not wanted.
    pub(crate) fn problem(self, text: impl Display) {
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }

    /// Writes one JSON document to standard error, for verbs whose standard output has something else.
    pub(crate) fn note_json(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(|source| CliError::Json { source })?;
        let _ = writeln!(anstream::stderr().lock(), "{text}");
        Ok(())
    }

    /// Writes one JSON document to standard output, or to standard error where standard output has the rows.
    pub(crate) fn json_beside(self, has_rows: bool, value: &impl Serialize) -> Result<(), Failure> {
        if has_rows {
            self.note_json(value)
        } else {
            self.json(value)
        }
    }

    /// Writes a warning to standard error.
    pub(crate) fn warn(self, text: impl Display) {
        if !self.quiet {
            let _ = writeln!(anstream::stderr().lock(), "{}: {text}", "warning".yellow().bold());
        }
    }

    /// Writes an error with its hint and causes to standard error, and says which status the process ends with.
    pub(crate) fn failure(self, failure: &Failure) -> ExitStatus {
        let report = match failure {
            // Whoever read the output has seen enough: `refuel ... | head` is no failure.
            Failure::OutputClosed => return ExitStatus::Success,
            Failure::Reported(report) => report,
        };
        let mut stderr = anstream::stderr().lock();
        for report in std::iter::once(&**report).chain(&report.further) {
            let head = format!("error[{}]", report.code);
            let _ = writeln!(stderr, "{}: {}", head.red().bold(), report.message);
            if let Some(hint) = &report.hint {
                let _ = writeln!(stderr, "{}: {hint}", "hint".cyan().bold());
            }
            for cause in &report.causes {
                let _ = writeln!(stderr, "  {}: {cause}", "cause".dimmed());
            }
        }
        if !report.further.is_empty() {
            let _ = writeln!(stderr, "{} errors", report.further.len() + 1);
        }
        report.status
    }
}
