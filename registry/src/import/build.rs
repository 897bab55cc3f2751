//! From files to a model's folder.

use std::path::Path;

use fs_err as fs;
use refuel_compiler::{
    CompileError, CompileOptions, DESCRIPTION_FILE, ModelDescription, WeightFormat, adopt, compile, role_of,
};
use refuel_formats::{Checkpoint, FormatError};

use super::content::Content;
use crate::error::RegistryError;
use crate::event::{Event, Listener, Step};
use crate::manifest::{MANIFEST_FILE, Manifest, Origin, UNFINISHED, read_small};

/// What was made.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) description: ModelDescription,
    /// What the files themselves name as their licence.
    pub(crate) licence: Option<String>,
    /// Name and origin, where the files are out of another registry.
    pub(crate) name: Option<String>,
    pub(crate) origin: Option<Origin>,
}

/// Makes a model's folder of files. `name` is for progress.
pub(crate) fn build(
    content: &Content,
    name: &str,
    weights: Option<WeightFormat>,
    out: &Path,
    listener: Listener<'_>,
) -> Result<Built, RegistryError> {
    match content {
        Content::Gguf(path) => from_checkpoint(
            &Checkpoint::open(path).map_err(CompileError::from)?,
            name,
            weights,
            out,
            listener,
        ),
        Content::Checkpoint { folder, graph } => match (Checkpoint::open(folder), graph) {
            (Err(FormatError::Unsupported { what, .. }), Some(graph)) => {
                listener(Event::Note(&format!(
                    "{what} can't be compiled here; the ONNX graph beside it is taken"
                )));
                from_graph(graph, folder, weights, out)
            }
            (checkpoint, _) => from_checkpoint(&checkpoint.map_err(CompileError::from)?, name, weights, out, listener),
        },
        Content::Graph { graph, files } => from_graph(graph, files, weights, out),
        Content::Compiled(folder) => from_registry(folder, weights, out),
    }
}

fn from_checkpoint(
    checkpoint: &Checkpoint,
    name: &str,
    weights: Option<WeightFormat>,
    out: &Path,
    listener: Listener<'_>,
) -> Result<Built, RegistryError> {
    let mut options = CompileOptions::default_for(role_of(&checkpoint.config));
    options.weights = weights.unwrap_or(options.weights);
    let mut begun = false;
    let description = compile(checkpoint, &options, out, &mut |progress| {
        if !begun {
            begun = true;
            listener(Event::Begin {
                step: Step::Compile(name),
                total: Some(progress.total),
                done: 0,
            });
        }
        listener(Event::Done(progress.done));
    })?;
    Ok(Built {
        description,
        licence: checkpoint.licence.clone(),
        name: None,
        origin: None,
    })
}

fn from_graph(graph: &Path, files: &Path, weights: Option<WeightFormat>, out: &Path) -> Result<Built, RegistryError> {
    let description = adopt(graph, files, out)?;
    same_weights(graph, weights, &description)?;
    Ok(Built {
        licence: description.notes.get("licence").cloned(),
        description,
        name: None,
        origin: None,
    })
}

/// Graphs are taken as they are: other weights than a caller asks for would not be noticed.
fn same_weights(path: &Path, asked: Option<WeightFormat>, description: &ModelDescription) -> Result<(), RegistryError> {
    match asked {
        Some(asked) if asked != description.weights => Err(RegistryError::NotAModel {
            path: path.to_owned(),
            what: format!(
                "the weights of an ONNX graph stay as they are ({}); import a checkpoint to choose them",
                crate::weights_name(description.weights)
            ),
        }),
        _ => Ok(()),
    }
}

/// Copies a model that was compiled before. Its files must be those of its manifest.
fn from_registry(folder: &Path, weights: Option<WeightFormat>, out: &Path) -> Result<Built, RegistryError> {
    let (description, manifest) = if folder.join(MANIFEST_FILE).is_file() {
        let manifest = Manifest::read(folder)?;
        (manifest.description.clone(), Some(manifest))
    } else {
        let text = read_small(&folder.join(DESCRIPTION_FILE))?;
        let description = serde_json::from_slice(&text).map_err(|error| RegistryError::Damaged {
            path: folder.to_owned(),
            what: format!("{DESCRIPTION_FILE}: {error}"),
        })?;
        (description, None)
    };
    same_weights(folder, weights, &description)?;
    let read = |source| RegistryError::io("read", folder, source);
    for entry in fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == MANIFEST_FILE || name.starts_with(UNFINISHED) || !entry.path().is_file() {
            continue;
        }
        let to = out.join(entry.file_name());
        fs::copy(entry.path(), &to).map_err(|source| RegistryError::io("write", &to, source))?;
        if let Some(manifest) = &manifest {
            let expected = manifest.files.iter().find(|file| file.path == name);
            let (_, found) = crate::hash::file(&to, &mut |_| {})?;
            if expected.is_none_or(|file| file.sha256 != found) {
                return Err(RegistryError::Damaged {
                    path: folder.to_owned(),
                    what: format!("{name} is not the file that its manifest names"),
                });
            }
        }
    }
    if let Some(missing) = manifest
        .iter()
        .flat_map(|manifest| &manifest.files)
        .find(|file| !out.join(&file.path).exists())
    {
        return Err(RegistryError::Damaged {
            path: folder.to_owned(),
            what: format!("{} is missing", missing.path),
        });
    }
    Ok(Built {
        description,
        licence: manifest.as_ref().map(|manifest| manifest.licence.clone()),
        name: manifest.as_ref().map(|manifest| manifest.name.clone()),
        origin: manifest.map(|manifest| manifest.source),
    })
}
