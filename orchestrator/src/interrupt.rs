//! Ctrl-C: the first asks the work to stop in order, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use refuel_engine::Cancel;

use crate::commands::ExitStatus;
use crate::error::{CliError, Failure};
use crate::printer::Printer;

/// Whether somebody asked for the work to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    count: Arc<AtomicU8>,
    /// What the engine looks at. It is not set by the first request, so that a window that is nearly done can be.
    pub(crate) cancel: Cancel,
}

impl Interrupt {
    /// Listens for Ctrl-C, and for polite requests to end (SIGTERM, SIGHUP).
    pub(crate) fn listen(printer: Printer) -> Result<Self, Failure> {
        let interrupt = Self::default();
        let heard = interrupt.clone();
        ctrlc::set_handler(move || {
            if heard.count.fetch_add(1, Ordering::SeqCst) > 0 {
                std::process::exit(ExitStatus::Interrupted.number().into());
            }
            printer.note("\nstopping in order; Ctrl-C again stops at once");
        })
        .map_err(|source| CliError::Signals { source })?;
        Ok(interrupt)
    }

    /// Whether the work is to stop.
    pub(crate) fn is_requested(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0 || self.cancel.is_cancelled()
    }

    /// Does what Ctrl-C does, for tests.
    #[cfg(test)]
    pub(crate) fn request(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }
}
