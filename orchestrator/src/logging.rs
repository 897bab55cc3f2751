//! Logs: to standard error, by `--verbose` and `REFUEL_LOG`.

use tracing_subscriber::EnvFilter;

use crate::cli::GlobalArgs;

/// Environment variable with a filter such as `refuel_engine=debug,warn`.
const FILTER: &str = "REFUEL_LOG";

/// Starts the log. Without `--verbose` and `REFUEL_LOG` only warnings are written.
pub(crate) fn start(arguments: &GlobalArgs) {
    let default = match (arguments.quiet, arguments.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "refuel=debug,refuel_engine=info,refuel_registry=info,refuel_compiler=info,warn",
        (false, _) => "debug",
    };
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(default));
    // A second subscriber can't be there: this is called once, from `main`.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .try_init();
}
