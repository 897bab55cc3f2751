//! Settings of models that need each other.

use indexmap::IndexMap;
use refuel_project::{IncrementalStrategy, Materialized, ModelConfig, Properties};
use refuel_task::Place;

use super::Notes;
use super::files::{File, Files};
use super::names::Names;
use crate::error::DagError;
use crate::nodes::{Node, NodeId, ResourceType};

/// Says which models have settings that don't go together.
pub(super) fn check(files: &Files, names: &Names<'_>, nodes: &IndexMap<NodeId, Node>, notes: &mut Notes) {
    for file in &files.models {
        let Some(config) = file.model_config() else { continue };
        let declared = names.project.models.get(&*file.name);
        let properties = declared.and_then(|model| model.properties.as_deref());
        let mut errors: Vec<DagError> = missing_key(file, config, properties).into_iter().collect();
        if config.contract {
            errors.extend(untyped(file, properties));
        }
        if !errors.is_empty() && nodes.contains_key(&names.id(ResourceType::Model, &[&file.name])) {
            notes.errors.extend(errors);
        }
    }
}

/// A strategy that finds rows by a key needs one: without it every row would be there twice.
fn missing_key(file: &File, config: &ModelConfig, properties: Option<&Properties>) -> Option<DagError> {
    let strategy = config.incremental_strategy?;
    let has_need = strategy != IncrementalStrategy::Append
        && config.materialized == Materialized::Incremental
        && config.unique_key.is_empty();
    has_need.then(|| DagError::Settings {
        place: place_of(file, "incremental_strategy", properties),
        message: format!(
            "the model \"{}\" has the incremental_strategy \"{}\" and no unique_key that rows could be found by",
            file.name,
            strategy.name()
        ),
        hint: Some(
            "name the columns that tell rows apart: unique_key='id'; or take the strategy \"append\"".to_owned(),
        ),
    })
}

/// A contract says what type each column has.
fn untyped(file: &File, properties: Option<&Properties>) -> Vec<DagError> {
    let hint = "say for each column what it is: {name: id, data_type: integer}";
    let Some(properties) = properties.filter(|properties| !properties.columns.is_empty()) else {
        return vec![DagError::Settings {
            place: place_of(file, "contract", properties),
            message: format!(
                "the model \"{}\" has a contract, and no columns are declared",
                file.name
            ),
            hint: Some(hint.to_owned()),
        }];
    };
    let untyped = properties.columns.iter().filter(|column| column.data_type.is_none());
    untyped
        .map(|column| DagError::Settings {
            place: column.place.clone(),
            message: format!(
                "the model \"{}\" has a contract, and its column \"{}\" has no data_type",
                file.name, column.name
            ),
            hint: Some(hint.to_owned()),
        })
        .collect()
}

/// Where a setting is written: in the file of the model, or else in its properties or above.
fn place_of(file: &File, key: &str, properties: Option<&Properties>) -> Place {
    match (file.raw.shown().find(key), properties) {
        (Some(at), _) => crate::render::place_at(&file.path, file.raw.shown(), at),
        (None, Some(properties)) => properties.place.clone(),
        (None, None) => file.place(),
    }
}
