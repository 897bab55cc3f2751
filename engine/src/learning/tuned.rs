//! Encoders that were tuned on labelled rows, as models of the registry.

use std::path::Path;

use fs_err as fs;
use refuel_formats::Checkpoint;
use refuel_learn::encoder::Encoder as Trainable;
use refuel_registry::ModelEntry;
use refuel_task::{Example, Task};

use super::head_name;
use crate::engine::Shared;
use crate::error::EngineError;
use crate::learned::encoder::Encoder;

/// The file of a checkpoint's weights.
const WEIGHTS: &str = "model.safetensors";
/// Largest file of a checkpoint, beside its weights, that is copied, in bytes.
const MOST_COPIED: u64 = 64 << 20;

/// What an encoder was tuned on.
pub(super) struct TunedOn<'a> {
    pub(super) task: &'a Task,
    pub(super) examples: &'a [Example],
    /// The name of the head that reads it, where it isn't the task's.
    pub(super) name: Option<&'a str>,
}

/// Compiles a tuned encoder and puts it into the registry, as `NAME-encoder` beside the head. `folder` has the `checkpoint`
/// that it was before, which `base` was compiled of.
pub(super) fn kept(
    shared: &Shared,
    base: &Encoder,
    checkpoint: &Checkpoint,
    folder: &Path,
    encoder: &Trainable,
    of: &TunedOn<'_>,
) -> Result<ModelEntry, EngineError> {
    let weights = encoder.to_safetensors(checkpoint.weights.as_ref())?;
    let tuned = tempfile::tempdir()?;
    copy(folder, tuned.path())?;
    fs::write(tuned.path().join(WEIGHTS), weights)?;
    let base = &base.entry().manifest;
    let name = of.name.map_or_else(|| head_name(of.task), str::to_lowercase);
    let location = format!(
        "{} tuned on {} rows of the task {}",
        base.reference(),
        of.examples.len(),
        of.task.name
    );
    let (name, licence) = (format!("{name}-encoder"), Some(base.licence.as_str()));
    Ok(shared
        .registry
        .add_checkpoint(tuned.path(), &name, &location, licence, &mut |_| {})?)
}

/// Copies the files of a checkpoint but for its weights and graphs.
fn copy(from: &Path, to: &Path) -> Result<(), EngineError> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let is_weights = ["safetensors", "bin", "onnx", "h5", "pt"]
            .iter()
            .any(|ending| path.extension().is_some_and(|extension| extension == *ending));
        if path.is_dir() {
            fs::create_dir_all(to.join(&name))?;
            copy(&path, &to.join(&name))?;
        } else if !is_weights && entry.metadata()?.len() <= MOST_COPIED {
            fs::copy(&path, to.join(&name))?;
        }
    }
    Ok(())
}
