//! What is made of a library that panics on wrong data.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// Whether a panic of this thread is caught and told as something else.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is caught and told as something else, so that a program's hook has nothing to print.
pub fn is_caught() -> bool {
    CAUGHT.get()
}

/// Calls a library that may panic on data that it should refuse, and gives the panic's message instead. A hook
/// that asks [`is_caught`] prints nothing for it.
///
/// What `call` changes may be left half changed, so that it may only be asked again where that does no harm.
pub fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
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
