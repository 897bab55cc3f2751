//! What a user sees when the program is wrong, and what is made of a library that panics on wrong data.

use std::any::Any;
use std::cell::Cell;
use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::OnceLock;
use std::thread::{self, ThreadId};

thread_local! {
    /// Whether a panic of this thread is caught and told as something else.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

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
        if CAUGHT.get() {
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

/// Calls a library that may panic on data that it should refuse, and gives the panic's message instead. Nothing is
/// printed for it.
///
/// What `call` changes may be left half changed, so that it may only be asked again where that does no harm.
pub(crate) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    let outer = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    CAUGHT.set(outer);
    result.map_err(|payload| message(payload.as_ref()).to_owned())
}

fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(caught(|| 1), Ok(1));
        let number = 7;
        assert_eq!(caught(|| -> u8 { panic!("at {number}") }), Err("at 7".to_owned()));
        assert_eq!(caught(|| -> u8 { panic!("plain") }), Err("plain".to_owned()));
        assert!(!CAUGHT.get(), "the next panic is told again");
    }
}
