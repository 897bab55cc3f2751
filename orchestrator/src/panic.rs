//! What a user sees when the program is wrong.

use std::io::Write;

/// Replaces the panic message by one that says what to do, with the place and the cause kept.
pub(crate) fn install() {
    let with_backtrace = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if with_backtrace {
            default(panic);
        }
        let cause = panic.payload_as_str().unwrap_or("no message");
        let place = panic
            .location()
            .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        // Standard error may be closed; there is nobody left to tell then.
        let _ = write!(
            anstream::stderr().lock(),
            "error[RF0600]: refuel {version} stopped at {place} because of a mistake in it: {cause}\n\
             hint: the output written so far is kept; `--resume` goes on. Please report this with the lines above \
             and what `RUST_BACKTRACE=1` adds\n",
            version = env!("CARGO_PKG_VERSION"),
        );
    }));
}
