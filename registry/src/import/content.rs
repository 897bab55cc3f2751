//! What kind of model a file or folder is.

use std::io::Read;
use std::path::{Path, PathBuf};

use fs_err as fs;
use refuel_compiler::DESCRIPTION_FILE;
use refuel_formats::gguf;

use super::archive::Archive;
use super::parts;
use crate::error::RegistryError;
use crate::event::Listener;
use crate::staging::Staging;

/// Archives in archives that are looked into. A wheel with a zip archive in it has two; an archive that holds itself has
/// no end.
const MOST_NESTING: usize = 3;
/// Folders below an archive's root that are looked into.
const MOST_DEPTH: usize = 6;
/// Files and folders of an archive that are looked at.
const MOST_ENTRIES: usize = 100_000;

/// A model, by its kind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A GGUF file.
    Gguf(PathBuf),
    /// A folder with `config.json`, `tokenizer.json` and `*.safetensors`.
    Checkpoint {
        folder: PathBuf,
        /// A graph in the same folder, for architectures that are not compiled here.
        graph: Option<PathBuf>,
    },
    /// An ONNX graph, and the folder with its `config.json` and `tokenizer.json`.
    Graph { graph: PathBuf, files: PathBuf },
    /// A folder of a registry: compiled already.
    Compiled(PathBuf),
}

/// Finds out what a file or folder is. Archives are unpacked, and parts joined, in `staging`.
pub(crate) fn recognize(path: &Path, staging: &Staging, listener: Listener<'_>) -> Result<Content, RegistryError> {
    if path.is_dir() {
        return match in_folder(path)? {
            Some(content) => Ok(content),
            None => match parts::first_in(path)? {
                Some(first) => joined(&first, staging, listener),
                None => Err(not_a_model(path, "there are no model files in the folder")),
            },
        };
    }
    file(path, staging, 0, listener)
}

fn not_a_model(path: &Path, what: impl Into<String>) -> RegistryError {
    RegistryError::NotAModel {
        path: path.to_owned(),
        what: what.into(),
    }
}

fn file(path: &Path, staging: &Staging, nesting: usize, listener: Listener<'_>) -> Result<Content, RegistryError> {
    let mut magic = [0; 4];
    let read = |source| RegistryError::io("read", path, source);
    let known = fs::File::open(path).map_err(read)?.read(&mut magic).map_err(read)?;
    let is_named = |end: &str| path.to_string_lossy().to_lowercase().ends_with(end);
    match &magic[..known] {
        bytes if *bytes == gguf::MAGIC => match parts::of(path)? {
            parts if parts.len() > 1 => joined(path, staging, listener),
            _ => Ok(Content::Gguf(path.to_owned())),
        },
        b"PK\x03\x04" | b"PK\x05\x06" => unpacked(path, staging, nesting, listener),
        _ if is_named(".onnx") => {
            let folder = path.parent().unwrap_or(Path::new("/"));
            Ok(Content::Graph {
                graph: path.to_owned(),
                files: files_of(folder),
            })
        }
        _ if is_named(".safetensors") => Err(not_a_model(
            path,
            "a checkpoint is imported as a folder, with its config.json",
        )),
        _ if parts::of(path)?.len() > 1 => joined(path, staging, listener),
        _ => Err(not_a_model(path, "it begins with the bytes of no format that is known")),
    }
}

/// The folder with `config.json`: the graph's own, or the one above it, as repositories with a folder `onnx` have it.
fn files_of(folder: &Path) -> PathBuf {
    let above = folder
        .parent()
        .filter(|above| !folder.join("config.json").exists() && above.join("config.json").exists());
    above.unwrap_or(folder).to_owned()
}

fn joined(path: &Path, staging: &Staging, listener: Listener<'_>) -> Result<Content, RegistryError> {
    let parts = parts::of(path)?;
    let joined = staging.path("joined.gguf");
    parts::join(&parts, &joined, listener)?;
    let mut magic = [0; 4];
    let read = fs::File::open(&joined).and_then(|mut file| file.read_exact(&mut magic));
    if read.is_err() || magic != gguf::MAGIC {
        return Err(not_a_model(path, "its parts don't make a GGUF file"));
    }
    Ok(Content::Gguf(joined))
}

fn unpacked(path: &Path, staging: &Staging, nesting: usize, listener: Listener<'_>) -> Result<Content, RegistryError> {
    if nesting == MOST_NESTING {
        return Err(not_a_model(
            path,
            format!("archives are in archives more than {MOST_NESTING} deep"),
        ));
    }
    let root = staging.folder(&format!("unpacked-{nesting}"))?;
    Archive::open(path)?.unpack(&root, listener)?;
    let mut nested = Vec::new();
    let mut folders = vec![(root.clone(), 0)];
    let mut seen = 0;
    // Folders nearest to the root first.
    while !folders.is_empty() {
        let mut below = Vec::new();
        for (folder, depth) in folders {
            if let Some(content) = in_folder(&folder)? {
                return Ok(content);
            }
            let read = |source| RegistryError::io("read", &folder, source);
            let mut entries = fs::read_dir(&folder)
                .map_err(read)?
                .collect::<Result<Vec<_>, _>>()
                .map_err(read)?;
            entries.sort_by_key(fs::DirEntry::file_name);
            seen += entries.len();
            for entry in entries {
                let path = entry.path();
                if path.is_dir() {
                    below.push((path, depth + 1));
                } else if path
                    .extension()
                    .is_some_and(|extension| extension == "zip" || extension == "whl")
                {
                    nested.push(path);
                }
            }
        }
        folders = below;
        folders.retain(|(_, depth)| *depth <= MOST_DEPTH && seen <= MOST_ENTRIES);
    }
    match nested.as_slice() {
        [] => Err(not_a_model(path, "there are no model files in the archive")),
        [one] => file(one, staging, nesting + 1, listener),
        several => Err(not_a_model(
            path,
            format!("it holds {} archives, which could all be the model", several.len()),
        )),
    }
}

/// The model whose files lie in a folder. None where none do.
fn in_folder(folder: &Path) -> Result<Option<Content>, RegistryError> {
    let there = |name: &str| folder.join(name).is_file();
    if there(DESCRIPTION_FILE) && there("model.onnx") {
        return Ok(Some(Content::Compiled(folder.to_owned())));
    }
    let graph = graph_in(folder)?;
    let described = there("config.json");
    if described && (there("model.safetensors") || there("model.safetensors.index.json")) {
        let folder = folder.to_owned();
        return Ok(Some(Content::Checkpoint { folder, graph }));
    }
    if let Some(graph) = graph {
        let files = files_of(graph.parent().unwrap_or(folder));
        return Ok(Some(Content::Graph { graph, files }));
    }
    match with_extension(folder, "gguf")?.as_slice() {
        // A checkpoint without weights that can be read has the reader's own words for that.
        [] if described && there("tokenizer.json") => {
            let folder = folder.to_owned();
            Ok(Some(Content::Checkpoint { folder, graph: None }))
        }
        [] => Ok(None),
        [one] => Ok(Some(Content::Gguf(one.clone()))),
        several => Err(several_of(folder, several)),
    }
}

/// The ONNX graph in a folder, or in the folder `onnx` in it.
fn graph_in(folder: &Path) -> Result<Option<PathBuf>, RegistryError> {
    for folder in [folder.to_owned(), folder.join("onnx")] {
        if !folder.is_dir() {
            continue;
        }
        let model = folder.join("model.onnx");
        if model.is_file() {
            return Ok(Some(model));
        }
        match with_extension(&folder, "onnx")?.as_slice() {
            [] => {}
            [one] => return Ok(Some(one.clone())),
            several => return Err(several_of(&folder, several)),
        }
    }
    Ok(None)
}

fn several_of(folder: &Path, files: &[PathBuf]) -> RegistryError {
    let names: Vec<String> = files
        .iter()
        .map(|file| file.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .take(20)
        .collect();
    not_a_model(folder, format!("give the path of one of {}", names.join(", ")))
}

fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, RegistryError> {
    let read = |source| RegistryError::io("read", folder, source);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if path.extension().is_some_and(|there| there == extension) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
