//! Models that are made on this machine, out of labelled rows rather than out of files.

use fs_err as fs;
use refuel_compiler::{DESCRIPTION_FILE, ModelDescription, Role};

use crate::error::RegistryError;
use crate::manifest::{ModelEntry, Origin};
use crate::name;
use crate::registry::{Finished, Registry};

/// A model that was made here.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The name it gets.
    pub name: String,
    /// Its licence: that of what it was made of, or `unknown`.
    pub licence: String,
    /// What it was made of, in words that say where it can be found.
    pub location: String,
    /// What it is. Nothing in it may change from one making to the next, or the digest does.
    pub description: ModelDescription,
    /// Its files by name, but for the description's.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Registry {
    /// Puts a model that was made here in place. Equal files and an equal description have an equal digest.
    ///
    /// # Errors
    /// [`RegistryError::Name`]; [`RegistryError::NotAModel`] where the name is that of models which are no heads, and a
    /// head would take their place; those of writing.
    pub fn add(&self, made: &Made) -> Result<ModelEntry, RegistryError> {
        name::check(&made.name)?;
        if made.description.role == Role::Head {
            self.refuse_taken(&made.name)?;
        }
        let staging = self.staging()?;
        let out = staging.folder("model")?;
        let mut description = serde_json::to_vec_pretty(&made.description).map_err(|error| RegistryError::Damaged {
            path: out.join(DESCRIPTION_FILE),
            what: error.to_string(),
        })?;
        description.push(b'\n');
        let files = made.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        for (file, bytes) in files.chain([(DESCRIPTION_FILE, description.as_slice())]) {
            let path = out.join(file);
            fs::write(&path, bytes).map_err(|source| RegistryError::io("write", &path, source))?;
        }
        let finished = Finished {
            name: made.name.clone(),
            licence: made.licence.clone(),
            source: Origin {
                location: made.location.clone(),
                revision: None,
                files: Vec::new(),
            },
            description: made.description.clone(),
        };
        self.place(&staging, &out, finished, &mut |_| {})
    }

    /// A name means the model that came last: a head must not come before a model that tasks ask by it.
    fn refuse_taken(&self, name: &str) -> Result<(), RegistryError> {
        let is_catalogued = crate::Catalog::get()?.find(name).is_some();
        let other = self
            .list()?
            .into_iter()
            .find(|entry| entry.manifest.name == name && entry.manifest.description.role != Role::Head);
        match other {
            None if !is_catalogued => Ok(()),
            other => Err(RegistryError::Name {
                name: name.to_owned(),
                what: match other {
                    Some(entry) => format!(
                        "it is the name of {}, and a head would take its place",
                        entry.manifest.reference()
                    ),
                    None => "the catalog has a model of this name".to_owned(),
                },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use refuel_compiler::{GraphInterface, SCHEMA_VERSION, WeightFormat};

    use super::*;

    fn made(name: &str, role: Role, bytes: &[u8]) -> Made {
        Made {
            name: name.to_owned(),
            licence: "unknown".to_owned(),
            location: "trained".to_owned(),
            description: ModelDescription {
                schema_version: SCHEMA_VERSION,
                role,
                family: "linear".to_owned(),
                weights: WeightFormat::F32,
                context_length: 0,
                vocabulary: 0,
                hidden: 3,
                layers: 0,
                kv_heads: 0,
                heads: 0,
                head_size: 0,
                sliding_window: None,
                bos_token: None,
                eos_tokens: Vec::new(),
                add_bos: false,
                interface: GraphInterface::Head,
                parameters: 8,
                notes: BTreeMap::from([("examples".to_owned(), "12".to_owned())]),
            },
            files: vec![("model.onnx".to_owned(), bytes.to_vec())],
        }
    }

    #[test]
    fn what_was_made_is_found_and_equal_files_have_an_equal_digest() {
        let home = tempfile::tempdir().unwrap();
        let registry = Registry::open(home.path()).unwrap();
        let first = registry.add(&made("topic", Role::Head, b"graph")).unwrap();
        let again = registry.add(&made("topic", Role::Head, b"graph")).unwrap();
        assert_eq!(first.manifest.digest, again.manifest.digest);
        let other = registry.add(&made("topic", Role::Head, b"another")).unwrap();
        assert_ne!(first.manifest.digest, other.manifest.digest);
        let found = registry.get("topic").unwrap();
        assert_eq!(found.manifest.digest, other.manifest.digest, "the last one is meant");
        assert_eq!(found.manifest.description.notes["examples"], "12");
        assert!(registry.verify(&found, &mut |_| {}).unwrap().is_empty());
    }

    #[test]
    fn a_head_takes_no_name_of_another_model() {
        let home = tempfile::tempdir().unwrap();
        let registry = Registry::open(home.path()).unwrap();
        let refused = registry
            .add(&made("smollm2-135m-instruct", Role::Head, b"graph"))
            .unwrap_err();
        assert_eq!(refused.code(), "RF0302");
        registry.add(&made("tuned", Role::Encoder, b"graph")).unwrap();
        let refused = registry.add(&made("tuned", Role::Head, b"graph")).unwrap_err();
        assert!(refused.to_string().contains("it is the name of tuned@"), "{refused}");
    }
}
