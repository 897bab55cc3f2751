//! Logs: to standard error, by `--verbose` and `REFUEL_LOG`.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::cli::{Command, GlobalArgs, LogFormat};

/// Environment variable with a filter such as `refuel_engine=debug,warn`.
const FILTER: &str = "REFUEL_LOG";

/// Starts the log. Without `--verbose` and `REFUEL_LOG` only warnings are written, by a host also what it does.
pub(crate) fn start(arguments: &GlobalArgs, command: &Command) {
    let host = match command {
        Command::Host(host) if !host.status => Some(host),
        _ => None,
    };
    let default = match (arguments.quiet, arguments.verbose, host.is_some()) {
        (true, ..) => "error",
        (false, 0, false) => "warn",
        (false, 0, true) => "refuel_host=info,refuel_engine=info,warn",
        (false, 1, _) => {
            "refuel=debug,refuel_host=debug,refuel_engine=info,refuel_registry=info,refuel_compiler=info,warn"
        }
        (false, ..) => "debug",
    };
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    // A second subscriber can't be there: this is called once, from `main`.
    let _ = match host {
        None => log.without_time().try_init(),
        Some(host) if is_json(host.log_format) => log.json().flatten_event(true).with_span_list(false).try_init(),
        Some(_) => log.try_init(),
    };
}

/// A person reads a terminal, a program everything else.
fn is_json(asked: Option<LogFormat>) -> bool {
    match asked {
        Some(format) => format == LogFormat::Json,
        None => !std::io::stderr().is_terminal(),
    }
}
