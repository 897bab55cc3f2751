//! From files to nodes.

mod checks;
mod ephemeral;
mod files;
mod models;
mod names;
mod options;
mod origin;
mod others;
mod settings;
mod sql;
mod test_name;
mod test_sql;
#[cfg(test)]
mod tests;
mod unit_tests;
mod write;

use std::sync::Arc;

use indexmap::IndexMap;
use refuel_project::Project;
use rustc_hash::FxHashSet;

pub use options::CompileOptions;
pub(crate) use sql::{render_inline, rendered_sql};
pub(crate) use write::compiled;

use crate::cache::Cache;
use crate::dag::Dag;
use crate::error::{DagError, Warning};
use crate::fingerprint;
use crate::graph::Graph;
use crate::nodes::{Node, NodeId};
use crate::render::Renderer;

/// What comes up while nodes are made.
#[derive(Debug, Default)]
struct Notes {
    errors: Vec<DagError>,
    warnings: Vec<Warning>,
    disabled: Vec<NodeId>,
}

pub(crate) fn compile(project: &Arc<Project>, options: &CompileOptions) -> Result<Dag, Vec<DagError>> {
    let renderer = Renderer::new(project, options.moment())?;
    let mut cache = match &options.cache {
        Some(path) => Cache::read(path, renderer.fingerprint()),
        None => Cache::default(),
    };
    let mut notes = Notes::default();
    let files = files::read(&renderer, &mut cache, &mut notes);
    let names = names::Names::new(project, &files);
    let mut nodes: IndexMap<NodeId, Node> = IndexMap::with_capacity(project.models.len() * 4);
    others::tasks(project, &mut nodes);
    others::sources(&names, &mut nodes, &mut notes);
    others::seeds(&names, &mut cache, &mut nodes, &mut notes);
    // Also where something is wrong: what is right need not be rendered again when that is mended.
    let paths: FxHashSet<&str> = project
        .models
        .values()
        .map(|model| &*model.path)
        .chain(project.tests.values().map(|test| &*test.path))
        .chain(project.seeds.values().map(|seed| &*seed.path))
        .collect();
    cache.retain(|path| paths.contains(path));
    cache.write();
    models::models(&files, &names, &mut nodes, &mut notes);
    checks::singular(&files, &names, &mut nodes, &mut notes);
    checks::declared(&names, &mut nodes, &mut notes);
    unit_tests::unit_tests(&names, &mut nodes, &mut notes);
    checks::evaluations(&names, &mut nodes, &mut notes);
    models::gate(&mut nodes, &names, &mut notes);
    names::same_relations(project, &nodes, &mut notes);
    settings::check(&files, &names, &nodes, &mut notes);
    let graph = match Graph::new(&nodes) {
        Ok(graph) => graph,
        Err(circles) => {
            notes
                .errors
                .extend(circles.iter().map(|circle| circle_error(&nodes, circle)));
            Graph::default()
        }
    };
    if !notes.errors.is_empty() {
        in_order(&mut notes.errors);
        return Err(notes.errors);
    }
    let all = fingerprint::upstream(&mut nodes, &graph);
    let origins = origin::origins(&renderer, &files, &nodes, &graph, &all);
    let mut messages = Vec::new();
    for file in files.models.iter().chain(&files.tests) {
        messages.extend(file.messages());
    }
    let dag = Dag {
        project: Arc::clone(project),
        nodes,
        graph,
        disabled: notes.disabled,
        warnings: notes.warnings,
        messages,
        rendered_files: files.rendered,
        origins,
        renderer,
    };
    if let Some(folder) = &options.compiled {
        compiled(&dag, folder)?;
    }
    Ok(dag)
}

pub(crate) fn errors_of_files(project: &Arc<Project>) -> Vec<DagError> {
    let renderer = match Renderer::new(project, CompileOptions::default().moment()) {
        Ok(renderer) => renderer,
        Err(errors) => return errors,
    };
    let mut notes = Notes::default();
    files::read(&renderer, &mut Cache::default(), &mut notes);
    in_order(&mut notes.errors);
    notes.errors
}

/// Errors are told in the order of files and lines.
fn in_order(errors: &mut [DagError]) {
    errors.sort_by_cached_key(|error| error.place().map(|place| (Arc::clone(&place.source), place.position)));
}

fn circle_error(nodes: &IndexMap<NodeId, Node>, circle: &[usize]) -> DagError {
    DagError::Cycle {
        place: nodes[circle[0]].place.clone(),
        path: circle.iter().map(|number| nodes[*number].name.to_string()).collect(),
    }
}
