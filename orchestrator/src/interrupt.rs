//! Ctrl-C: the first asks the work to stop in order, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use refuel_engine::Cancel;

use crate::commands::ExitStatus;
use crate::error::{CliError, Failure};
use crate::printer::Printer;

/// Whether somebody asked for the work to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    count: Arc<AtomicU8>,
    /// Milliseconds that the work in hand has to be finished in.
    patience: Arc<AtomicU64>,
    /// What the engine looks at.
    pub(crate) cancel: Cancel,
}

impl Interrupt {
    /// Listens for Ctrl-C, and for polite requests to end (SIGTERM, SIGHUP).
    pub(crate) fn listen(printer: Printer) -> Result<Self, Failure> {
        let interrupt = Self::default();
        let heard = interrupt.clone();
        ctrlc::set_handler(move || {
            if !heard.request() {
                std::process::exit(ExitStatus::Interrupted.number().into());
            }
            printer.note("\nstopping in order; Ctrl-C again stops at once");
        })
        .map_err(|source| CliError::Signals { source })?;
        Ok(interrupt)
    }

    /// From now on the work in hand has so long to be finished, where it would be lost otherwise. Without this the
    /// first request cancels it.
    pub(crate) fn let_finish(&self, patience: Duration) {
        let milliseconds = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        self.patience.store(milliseconds, Ordering::SeqCst);
    }

    /// Does what Ctrl-C does. Returns whether it was the first time.
    pub(crate) fn request(&self) -> bool {
        if self.count.fetch_add(1, Ordering::SeqCst) > 0 {
            return false;
        }
        let cancel = self.cancel.clone();
        match self.patience.load(Ordering::SeqCst) {
            0 => cancel.cancel(),
            milliseconds => {
                // Nothing but time may hold it up: a model that runs for minutes calls nobody meanwhile.
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(milliseconds));
                    cancel.cancel();
                });
            }
        }
        true
    }

    /// Whether the work is to stop.
    pub(crate) fn is_requested(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0 || self.cancel.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_first_request_cancels_at_once_unless_work_would_be_lost() {
        let interrupt = Interrupt::default();
        assert!(!interrupt.is_requested());
        assert!(interrupt.request());
        assert!(interrupt.cancel.is_cancelled());
        assert!(!interrupt.request(), "the second ends the process");

        let interrupt = Interrupt::default();
        interrupt.let_finish(Duration::from_millis(300));
        let asked = Instant::now();
        assert!(interrupt.request());
        assert!(interrupt.is_requested());
        assert!(!interrupt.cancel.is_cancelled() || asked.elapsed() >= Duration::from_millis(300));
        while !interrupt.cancel.is_cancelled() {
            assert!(asked.elapsed() < Duration::from_secs(30), "nobody cancels the work");
            thread::sleep(Duration::from_millis(5));
        }
        assert!(asked.elapsed() >= Duration::from_millis(300));
    }
}
