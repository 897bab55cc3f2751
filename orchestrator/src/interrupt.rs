//! Ctrl-C: the first asks the work to stop in order, the second ends the process at once.

use std::sync::atomic::{AtomicU8, Ordering};

use refuel_engine::Cancel;

use crate::error::{CliError, Failure};
use crate::printer::Printer;

/// Status of a process that an interrupt ended, by the shells' convention of 128 and the signal's number.
const INTERRUPTED: i32 = 130;

static COUNT: AtomicU8 = AtomicU8::new(0);

/// Has Ctrl-C, and a polite request to end (SIGTERM, SIGHUP), set the flag that it returns.
pub(crate) fn listen(printer: Printer) -> Result<Cancel, Failure> {
    let cancel = Cancel::new();
    let flag = cancel.clone();
    ctrlc::set_handler(move || {
        if COUNT.fetch_add(1, Ordering::SeqCst) > 0 {
            std::process::exit(INTERRUPTED);
        }
        flag.cancel();
        printer.note("\nstopping after the batch that is running; Ctrl-C again stops at once");
    })
    .map_err(|source| CliError::Signals { source })?;
    Ok(cancel)
}
