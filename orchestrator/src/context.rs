//! What every verb gets: the printer, and where the home folder is.

use std::path::PathBuf;

use crate::cli::GlobalArgs;
use crate::error::Failure;
use crate::home;
use crate::printer::Printer;

/// What every verb gets.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// The only way to standard output and standard error.
    pub(crate) printer: Printer,
    home: Option<PathBuf>,
}

impl Context {
    /// Settles what the global options mean on this terminal.
    pub(crate) fn new(arguments: &GlobalArgs) -> Self {
        Self {
            printer: Printer::new(arguments),
            home: arguments.home.clone(),
        }
    }

    /// The home folder; it need not exist yet.
    pub(crate) fn home(&self) -> Result<PathBuf, Failure> {
        home::resolve(self.home.as_deref()).map_err(Failure::from)
    }
}
