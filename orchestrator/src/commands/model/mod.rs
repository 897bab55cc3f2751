//! `refuel model`: the registry of models.

mod install;
mod list;
mod listener;
mod remove;
mod report;
mod show;
mod verify;

use refuel_registry::{Registry, RegistryError};

use crate::cli::{DirArgs, ModelArgs, ModelCommand};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;

/// Runs `refuel model`.
pub(crate) fn run(arguments: &ModelArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let registry = Registry::open(&context.home()?)?;
    match &arguments.command {
        ModelCommand::Pull(arguments) => install::pull(&registry, arguments, context),
        ModelCommand::Import(arguments) => install::import(&registry, arguments, context),
        ModelCommand::Ls(arguments) => list::run(&registry, arguments, context),
        ModelCommand::Show(arguments) => show::run(&registry, arguments, context),
        ModelCommand::Verify(arguments) => verify::run(&registry, arguments, context),
        ModelCommand::Rm(arguments) => remove::run(&registry, arguments, context),
        ModelCommand::Dir(arguments) => folder(&registry, arguments, context),
    }
}

fn folder(registry: &Registry, arguments: &DirArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let folder = match &arguments.model {
        Some(model) => registry.get(model)?.dir,
        None => registry.folder(),
    };
    context.printer.data(folder.display())?;
    Ok(ExitStatus::Success)
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        let status = match &error {
            RegistryError::Unknown { .. }
            | RegistryError::Name { .. }
            | RegistryError::Ambiguous { .. }
            | RegistryError::Source { .. }
            | RegistryError::NotAModel { .. } => ExitStatus::Usage,
            // What was to be imported isn't there; what the registry itself misses is told as damage.
            RegistryError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => ExitStatus::Usage,
            _ => ExitStatus::Failure,
        };
        Self::new(&error, error.code(), error.hint(), status)
    }
}
