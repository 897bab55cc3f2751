//! A project: everything that its folder holds.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use refuel_task::{Place, Task};
use serde_json::{Map, Value};

use crate::config::{ModelConfig, SeedConfig, TestConfig};
use crate::error::ProjectError;
use crate::profile::{Environment, Target};
use crate::properties::{Format, Properties, Source, UnitTest};
use crate::settings::Settings;
use crate::source_text::SourceText;
use crate::{PROJECT_FILE, load};

/// What a project is loaded with, beside its own files.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// The target, by name. None: the one that `profiles.yml` names.
    pub target: Option<String>,
    /// The folder of `profiles.yml`. None: the project's, or else `~/.refuel`.
    pub profiles_dir: Option<PathBuf>,
    /// Variables that outrank those of `refuel_project.yml`.
    pub vars: Map<String, Value>,
    /// Where `env_var` looks.
    pub env: Environment,
    /// Whether what was read of properties files is kept in the target folder, and taken from there.
    pub cached: bool,
    /// Whether the texts of models and singular tests are read only when they are asked for, which is right where nothing
    /// is asked of them later than now: a run works with the project as it was when it began.
    pub late: bool,
}

/// A project, read and checked. Paths of files are relative to [`Project::root`], with `/` between their parts.
#[derive(Debug)]
pub struct Project {
    /// The folder, absolute.
    pub root: PathBuf,
    /// What `refuel_project.yml` says.
    pub settings: Settings,
    /// Variables: those of `refuel_project.yml`, outranked by those that the project was loaded with.
    pub vars: Map<String, Value>,
    /// Where `env_var` looks.
    pub env: Environment,
    /// The database that is worked on.
    pub target: Target,
    /// Names of all targets, for errors and help.
    pub targets: Vec<String>,
    /// Models by name, in the order of names; disabled ones too.
    pub models: IndexMap<Arc<str>, Model>,
    /// Seeds by name, in the order of names; disabled ones too. No model has the name of a seed.
    pub seeds: IndexMap<Arc<str>, Seed>,
    /// Sources by name, in the order of names.
    pub sources: IndexMap<String, Source>,
    /// Tests that are SQL files, by name, in the order of names.
    pub tests: IndexMap<Arc<str>, SingularTest>,
    /// Unit tests, in the order of their models and names. A model doesn't have two of one name.
    pub unit_tests: Vec<UnitTest>,
    /// Tasks by name.
    pub tasks: BTreeMap<String, TaskFile>,
    /// Files of macros, in the order of paths.
    pub macros: Vec<MacroFile>,
    /// Hashes of the texts of `refuel_project.yml` and of properties files, by path: XXH3 of 128 bits.
    pub texts: HashMap<Arc<str>, [u8; 16]>,
}

/// A model: one `SELECT` in a file.
#[derive(Debug, Clone)]
pub struct Model {
    /// Name: the file's without `.sql`.
    pub name: Arc<str>,
    /// The file.
    pub path: Arc<str>,
    /// The file's text.
    pub sql: SourceText,
    /// Configuration by `refuel_project.yml` and by properties. What the file's `config(...)` says comes on top, by
    /// [`ModelConfig::with`].
    pub config: Arc<ModelConfig>,
    /// What the properties files say of it; None where they say nothing.
    pub properties: Option<Box<Properties>>,
}

/// A small table that the project holds as a file.
#[derive(Debug, Clone)]
pub struct Seed {
    /// Name: the file's without its ending.
    pub name: Arc<str>,
    /// The file.
    pub path: Arc<str>,
    /// How the file is written.
    pub format: Format,
    /// Configuration by `refuel_project.yml` and by properties.
    pub config: Arc<SeedConfig>,
    /// What the properties files say of it; None where they say nothing.
    pub properties: Option<Box<Properties>>,
}

/// A test that is a query in a file: each row that it returns is a failure.
#[derive(Debug, Clone)]
pub struct SingularTest {
    /// Name: the file's without `.sql`.
    pub name: Arc<str>,
    /// The file.
    pub path: Arc<str>,
    /// The file's text.
    pub sql: SourceText,
    /// Configuration by `refuel_project.yml`. What the file's `config(...)` says comes on top, by [`TestConfig::with`].
    pub config: Arc<TestConfig>,
}

/// A task and the file that it was read from.
#[derive(Debug, Clone)]
pub struct TaskFile {
    /// The file.
    pub path: Arc<str>,
    /// The task.
    pub task: Arc<Task>,
}

/// A file of macros.
#[derive(Debug, Clone)]
pub struct MacroFile {
    /// The file.
    pub path: Arc<str>,
    /// The file's text.
    pub text: Arc<str>,
}

impl Project {
    /// The folder of the project that `start` is in: `start` or the nearest folder above that has a
    /// `refuel_project.yml`. The path is absolute.
    ///
    /// # Errors
    /// [`ProjectError::NoProject`]; [`ProjectError::Read`] where `start` can't be looked at.
    pub fn find(start: &Path) -> Result<PathBuf, ProjectError> {
        let absolute = std::path::absolute(start).map_err(|error| ProjectError::Read {
            place: Place::of(start.display().to_string()),
            path: start.to_owned(),
            error,
        })?;
        absolute
            .ancestors()
            .find(|folder| folder.join(PROJECT_FILE).is_file())
            .map(Path::to_owned)
            .ok_or(ProjectError::NoProject {
                start: absolute.clone(),
            })
    }

    /// Reads the project in the folder `root`.
    ///
    /// # Errors
    /// Everything that is wrong in any of its files, in the order of files and lines. Never empty.
    pub fn load(root: &Path, options: &LoadOptions) -> Result<Self, Vec<ProjectError>> {
        load::load(root, options)
    }

    /// Reads the project in the folder `root` as far as it can be read: what is wrong with it, in the order of files and
    /// lines, and the project without that, for who looks for further errors. None where not even its settings or its
    /// target can be read.
    pub fn load_partly(root: &Path, options: &LoadOptions) -> (Option<Self>, Vec<ProjectError>) {
        load::partly(root, options)
    }

    /// What `refuel_project.yml` in the folder `root` says, without a look at any other file.
    ///
    /// # Errors
    /// Everything that is wrong in that file. Never empty.
    pub fn settings(root: &Path) -> Result<Settings, Vec<ProjectError>> {
        load::settings(root)
    }
}
