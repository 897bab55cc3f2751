//! What a user sees when the program is wrong.

use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::thread::{self, ThreadId};

/// The main thread of a host. Panics of its other threads end what they were about, and not the host.
static HOST: OnceLock<ThreadId> = OnceLock::new();

/// From now on the calling thread is the main one of a host.
pub(crate) fn serve() {
    let _ = HOST.set(thread::current().id());
}

/// Replaces the panic message by one that says what to do, with the place and the cause kept.
pub(crate) fn install() {
    let with_backtrace = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if refuel_tables::panic::is_caught() {
            return;
        }
        if with_backtrace {
            default(panic);
        }
        let place = place(panic);
        if HOST.get().is_some_and(|main| *main != thread::current().id()) {
            let cause = panic.payload_as_str().unwrap_or("no message");
            tracing::error!(place, cause, "a mistake in refuel; the host goes on");
            return;
        }
        // Standard error may be closed; there is nobody left to tell then.
        let _ = write!(
            anstream::stderr().lock(),
            "error[RF0600]: refuel {version} stopped at {place} because of a mistake in it: {cause}\n\
             hint: the output written so far is kept; `--resume` goes on. Please report this with the lines above \
             and what `RUST_BACKTRACE=1` adds\n",
            version = env!("CARGO_PKG_VERSION"),
            cause = panic.payload_as_str().unwrap_or("no message"),
        );
    }));
}

fn place(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location();
    place.map_or_else(|| "an unknown place".to_owned(), ToString::to_string)
}
