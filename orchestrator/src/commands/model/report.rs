//! What is told of a model as JSON, and in words.

use std::collections::BTreeMap;
use std::path::PathBuf;

use refuel_compiler::Role;
use refuel_registry::{ModelEntry, ModelFile, Origin, weights_name};
use serde::Serialize;

/// A model. The keys are stable.
#[derive(Debug, Serialize)]
pub(super) struct Model {
    name: String,
    /// `sha256:` and 64 hexadecimal digits.
    digest: String,
    /// `name@digest` with 12 digits: what answers carry.
    reference: String,
    role: Role,
    family: String,
    parameters: u64,
    weights: &'static str,
    context_length: usize,
    bytes: u64,
    licence: String,
    source: Origin,
    installed_at: String,
    compiler: String,
    folder: PathBuf,
    files: Vec<ModelFile>,
    /// What else is known of it: of a head, what it was trained on and how it did.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    notes: BTreeMap<String, String>,
}

impl Model {
    pub(super) fn of(entry: &ModelEntry) -> Self {
        let manifest = &entry.manifest;
        let description = &manifest.description;
        Self {
            name: manifest.name.clone(),
            digest: manifest.digest.clone(),
            reference: manifest.reference(),
            role: description.role,
            family: description.family.clone(),
            parameters: description.parameters,
            weights: weights_name(description.weights),
            context_length: description.context_length,
            bytes: manifest.size(),
            licence: manifest.licence.clone(),
            source: manifest.source.clone(),
            installed_at: manifest.installed_at.to_string(),
            compiler: manifest.compiler.clone(),
            folder: entry.dir.clone(),
            files: manifest.files.clone(),
            notes: description.notes.clone(),
        }
    }
}

/// A number of parameters as people say it: `135M`, `1.5B`.
pub(super) fn parameters(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..999_500 => format!("{:.0}k", count as f64 / 1e3),
        999_500..999_500_000 => format!("{:.0}M", count as f64 / 1e6),
        _ if count < 9_950_000_000 => format!("{:.1}B", count as f64 / 1e9),
        _ => format!("{:.0}B", count as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::parameters;

    #[test]
    fn parameters_are_told_as_people_say_them() {
        let told = [512, 40_000, 134_515_008, 1_543_714_304, 8_030_261_248, 46_702_792_704].map(parameters);
        assert_eq!(told, ["512", "40k", "135M", "1.5B", "8.0B", "47B"]);
    }
}
