//! `refuel model rm`.

use refuel_registry::Registry;

use crate::cli::{OutputFormat, RmArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::words;

/// Runs `refuel model rm`.
pub(super) fn run(registry: &Registry, arguments: &RmArgs, context: &Context) -> Result<ExitStatus, Failure> {
    // A name that is wrong is found before anything is gone.
    for model in &arguments.models {
        registry.only(model)?;
    }
    let mut removed = Vec::new();
    for model in &arguments.models {
        let gone = registry.remove(model)?;
        context
            .printer
            .note(format!("removed {}, {}", gone.reference, words::bytes(gone.bytes)));
        removed.push(gone);
    }
    if arguments.format.format == OutputFormat::Json {
        context.printer.json(&removed)?;
    }
    Ok(ExitStatus::Success)
}
