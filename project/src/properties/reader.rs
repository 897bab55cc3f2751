//! Reads one properties file.

use std::path::Path;
use std::sync::Arc;

use refuel_task::Place;
use refuel_task::yaml::Node;

use super::keys::{FILE, MODEL, SEED};
use super::{Properties, Source, UnitTest};
use crate::config::{MODEL_CONFIG, SEED_CONFIG, TestConfig};
use crate::shape::{Entries, Problems, Shape, check};

/// What a properties file says.
#[derive(Debug, Default)]
pub(crate) struct PropertiesFile {
    pub(crate) models: Vec<Described>,
    pub(crate) seeds: Vec<Described>,
    pub(crate) sources: Vec<Source>,
    pub(crate) unit_tests: Vec<UnitTest>,
}

/// What a properties file says of a model or a seed.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) config: Option<Entries>,
    pub(crate) properties: Box<Properties>,
}

/// What a file is read with.
pub(crate) struct Reader<'a> {
    /// The project's folder.
    pub(crate) root: &'a Path,
    /// Folders of tests, which hold fixtures.
    pub(crate) test_paths: &'a [String],
    /// Configuration of tests in the file's folder.
    pub(crate) tests: Arc<TestConfig>,
    /// What is wrong.
    pub(crate) problems: Problems,
}

impl Reader<'_> {
    /// Reads the tree of a file.
    pub(crate) fn read(&mut self, node: Node) -> PropertiesFile {
        let mut file = PropertiesFile::default();
        check(&node, &Shape::Object(&FILE), &mut self.problems);
        let Some(mut entries) = Entries::open(node, &FILE) else {
            return file;
        };
        let _ = entries.whole("version");
        for node in entries.list("models") {
            let Some(mut entries) = Entries::open(node, &MODEL) else {
                continue;
            };
            let Some(name) = entries.filled("name") else { continue };
            let place = entries.place.clone();
            let config = entries.object("config", &MODEL_CONFIG);
            for node in entries.list("unit_tests") {
                file.unit_tests.extend(self.unit_test(node, Some(&name)));
            }
            file.models.push(Described {
                properties: Box::new(self.properties(entries, true)),
                name,
                place,
                config,
            });
        }
        for node in entries.list("seeds") {
            let Some(mut entries) = Entries::open(node, &SEED) else {
                continue;
            };
            let Some(name) = entries.filled("name") else { continue };
            let place = entries.place.clone();
            let config = entries.object("config", &SEED_CONFIG);
            file.seeds.push(Described {
                properties: Box::new(self.properties(entries, false)),
                name,
                place,
                config,
            });
        }
        for node in entries.list("sources") {
            file.sources.extend(self.source(node));
        }
        for node in entries.list("unit_tests") {
            file.unit_tests.extend(self.unit_test(node, None));
        }
        file
    }
}
