//! Progress of the registry, shown.

use refuel_registry::{Event, Step};

use crate::printer::Printer;
use crate::progress::{Progress, Unit};
use crate::words;

/// Shows what the registry tells: a bar for each step on a terminal, else a line for each download.
pub(super) struct Listener {
    printer: Printer,
    progress: Option<Progress>,
}

impl Listener {
    pub(super) fn new(printer: Printer) -> Self {
        Self {
            printer,
            progress: None,
        }
    }

    /// Shows an event.
    pub(super) fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Begin { step, total, done } => {
                self.progress = None;
                let (what, unit) = match step {
                    Step::Download(file) => (format!("fetching {file}"), Unit::Bytes),
                    Step::Unpack(file) => (format!("unpacking {file}"), Unit::Bytes),
                    Step::Compile(name) => (format!("compiling {name}"), Unit::Parameters),
                    Step::Hash(name) => (format!("checking {name}"), Unit::Bytes),
                };
                if matches!(step, Step::Download(_)) {
                    self.announce(&what, total, done);
                }
                let mut progress = Progress::new(self.printer, unit, what, total);
                progress.start_at(done);
                self.progress = Some(progress);
            }
            Event::Done(done) => {
                if let Some(progress) = &mut self.progress {
                    progress.set(done);
                }
            }
            Event::Note(text) => match &self.progress {
                Some(progress) => progress.note(text),
                None => self.printer.note(text),
            },
        }
    }

    /// A bar says the same on a terminal; elsewhere, a log should show what a run waits for.
    fn announce(&self, what: &str, total: Option<u64>, done: u64) {
        if self.printer.is_terminal() || !self.printer.shows_progress() {
            return;
        }
        let size = total.map_or(String::new(), |total| format!(" ({})", words::bytes(total)));
        let done = if done > 0 {
            format!(", going on after {}", words::bytes(done))
        } else {
            String::new()
        };
        self.printer.note(format!("{what}{size}{done}"));
    }
}
