//! `refuel model rm`.

use refuel_registry::{Registry, RegistryError};

use crate::cli::{OutputFormat, RmArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::words;

/// Runs `refuel model rm`.
pub(super) fn run(registry: &Registry, arguments: &RmArgs, context: &Context) -> Result<ExitStatus, Failure> {
    // A name that is wrong is found before anything is gone.
    let mut models: Vec<String> = Vec::new();
    for model in &arguments.models {
        for meant in meant(registry, model, arguments)? {
            if !models.contains(&meant) {
                models.push(meant);
            }
        }
    }
    let mut removed = Vec::new();
    for model in &models {
        let gone = registry.remove(model)?;
        context
            .printer
            .note(format!("removed {}, {}", gone.reference, words::bytes(gone.bytes)));
        removed.push(gone);
    }
    if removed.is_empty() {
        context.printer.note("there are no older ones");
    }
    if arguments.format.format == OutputFormat::Json {
        context.printer.json(&removed)?;
    }
    Ok(ExitStatus::Success)
}

/// What is to be removed for a name: `name@digest` of each.
fn meant(registry: &Registry, model: &str, arguments: &RmArgs) -> Result<Vec<String>, RegistryError> {
    if !arguments.all && !arguments.older {
        registry.only(model)?;
        return Ok(vec![model.to_owned()]);
    }
    match registry.only(model) {
        Ok(only) if arguments.all => Ok(vec![only.reference]),
        Ok(_) => Ok(Vec::new()),
        Err(RegistryError::Ambiguous { candidates, .. }) if arguments.all => Ok(candidates),
        Err(RegistryError::Ambiguous { mut candidates, .. }) => {
            let newest = registry.get(model)?.manifest.reference();
            candidates.retain(|candidate| *candidate != newest);
            Ok(candidates)
        }
        Err(error) => Err(error),
    }
}
