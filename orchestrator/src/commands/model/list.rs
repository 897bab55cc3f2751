//! `refuel model ls`.

use refuel_registry::{Catalog, CatalogModel, Registry, weights_name};
use serde::Serialize;

use super::report::{self, Model};
use crate::cli::{LsArgs, OutputFormat};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// A model of the catalog, and whether it is here. The keys are stable.
#[derive(Debug, Serialize)]
struct Offer<'a> {
    #[serde(flatten)]
    model: &'a CatalogModel,
    installed: bool,
}

/// Runs `refuel model ls`.
pub(super) fn run(registry: &Registry, arguments: &LsArgs, context: &Context) -> Result<ExitStatus, Failure> {
    if arguments.catalog {
        return catalog(registry, arguments, context);
    }
    let (entries, damaged) = registry.survey()?;
    if arguments.format.format == OutputFormat::Json {
        context
            .printer
            .json(&entries.iter().map(Model::of).collect::<Vec<_>>())?;
    } else if entries.is_empty() {
        let hint = "no models are on this machine; `refuel model ls --catalog` lists those that can be had";
        context.printer.note(context.in_hint(hint));
    } else {
        let mut grid = Grid::new([
            ("model", Side::Left),
            ("digest", Side::Left),
            ("role", Side::Left),
            ("parameters", Side::Right),
            ("weights", Side::Left),
            ("size", Side::Right),
            ("licence", Side::Left),
        ]);
        let mut before = String::new();
        for entry in &entries {
            let (manifest, description) = (&entry.manifest, &entry.manifest.description);
            // The first of a name is what the name means.
            let tone = if before == manifest.name {
                Tone::Plain
            } else {
                Tone::Strong
            };
            before.clone_from(&manifest.name);
            grid.row([
                Text::new(manifest.name.clone(), tone),
                manifest.short_digest().into(),
                description.role.name().into(),
                report::parameters(description.parameters).into(),
                weights_name(description.weights).into(),
                words::bytes(manifest.size()).into(),
                Text::new(manifest.licence.clone(), Tone::Faint),
            ]);
        }
        context.printer.data(grid.render())?;
    }
    for error in &damaged {
        context.printer.warn(error);
    }
    Ok(if damaged.is_empty() {
        ExitStatus::Success
    } else {
        ExitStatus::Failure
    })
}

fn catalog(registry: &Registry, arguments: &LsArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let here = registry.list()?;
    let installed = |model: &CatalogModel| here.iter().any(|entry| entry.manifest.name == model.name);
    let models = Catalog::get()?.models();
    if arguments.format.format == OutputFormat::Json {
        let offers = models.iter().map(|model| Offer {
            model,
            installed: installed(model),
        });
        context.printer.json(&offers.collect::<Vec<_>>())?;
        return Ok(ExitStatus::Success);
    }
    let mut grid = Grid::new([
        ("model", Side::Left),
        ("role", Side::Left),
        ("parameters", Side::Right),
        ("to fetch", Side::Right),
        ("licence", Side::Left),
        ("here", Side::Left),
        ("good for", Side::Left),
    ]);
    for model in models {
        grid.row([
            Text::new(model.name.clone(), Tone::Strong),
            model.role.name().into(),
            report::parameters(model.parameters).into(),
            model
                .places
                .first()
                .map_or(String::new(), |place| words::bytes(place.size()))
                .into(),
            model.licence.clone().into(),
            if installed(model) {
                Text::new("yes", Tone::Good)
            } else {
                "".into()
            },
            Text::new(model.good_for.clone(), Tone::Faint),
        ]);
    }
    context.printer.data(grid.render())?;
    Ok(ExitStatus::Success)
}
