//! `refuel model show`.

use refuel_compiler::{ModelDescription, Role};
use refuel_registry::{Catalog, Registry, weights_name};

use super::report::Model;
use crate::cli::{OutputFormat, ShowArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::table::{Grid, Text, Tone};
use crate::words;

/// What a model that reads texts is like.
fn text_model(grid: &mut Grid, description: &ModelDescription) {
    grid.pair(
        "context",
        words::counted(description.context_length as u64, "token", "tokens"),
    );
    grid.pair(
        "vocabulary",
        words::counted(description.vocabulary as u64, "token", "tokens"),
    );
    let layers = words::counted(description.layers as u64, "layer", "layers");
    grid.pair(
        "layers",
        format!("{layers}, {} wide", words::count(description.hidden as u64)),
    );
}

/// Runs `refuel model show`.
pub(super) fn run(registry: &Registry, arguments: &ShowArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let entry = registry.get(&arguments.model)?;
    if arguments.format.format == OutputFormat::Json {
        context.printer.json(&Model::of(&entry))?;
        return Ok(ExitStatus::Success);
    }
    let (manifest, description) = (&entry.manifest, &entry.manifest.description);
    let mut grid = Grid::pairs();
    grid.pair("name", Text::new(manifest.name.clone(), Tone::Strong));
    grid.pair("digest", manifest.digest.clone());
    grid.pair("role", description.role.name());
    if let Some(model) = Catalog::get()?.find(&manifest.name) {
        grid.pair("good for", model.good_for.clone());
    }
    grid.pair("family", description.family.clone());
    grid.pair("parameters", words::count(description.parameters));
    grid.pair("weights", weights_name(description.weights));
    if description.role == Role::Head {
        grid.pair("reads", words::counted(description.hidden as u64, "number", "numbers"));
        for (name, value) in &description.notes {
            grid.pair(name, words::one_line(value, 200));
        }
    } else {
        text_model(&mut grid, description);
    }
    grid.pair("licence", manifest.licence.clone());
    grid.pair("source", words::one_line(&manifest.source.location, 200));
    if let Some(revision) = &manifest.source.revision {
        grid.pair("revision", words::one_line(revision, 100));
    }
    grid.pair(
        "installed",
        manifest.installed_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    );
    grid.pair("compiled by", format!("refuel {}", manifest.compiler));
    grid.pair("size", words::bytes(manifest.size()));
    grid.pair("folder", entry.dir.display().to_string());
    for file in &manifest.files {
        let digits: String = file.sha256.chars().take(12).collect();
        grid.pair("", format!("{digits}  {}  {}", file.path, words::bytes(file.size)));
    }
    context.printer.data(grid.render())?;
    Ok(ExitStatus::Success)
}
