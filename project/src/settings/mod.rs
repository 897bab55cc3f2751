//! `refuel_project.yml`.

mod folders;
mod keys;
mod read;
mod schedule;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::Budget;

pub(crate) use folders::FolderConfigs;
pub(crate) use keys::PROJECT;
pub(crate) use read::{ProjectFile, read};
pub use schedule::{Catchup, Hook, Job, JobCommand, Overlap};

/// What `refuel_project.yml` says, but for the configuration by folder, which is in that of models, seeds and tests.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The project's name.
    pub name: String,
    /// Its version, for people.
    pub version: Option<String>,
    /// What it is, for people.
    pub description: Option<String>,
    /// The profile, by name; the project's name where none is given.
    pub profile: String,
    /// Folders of models.
    pub model_paths: Vec<String>,
    /// Folders of tasks.
    pub task_paths: Vec<String>,
    /// Folders of seeds.
    pub seed_paths: Vec<String>,
    /// Folders of tests.
    pub test_paths: Vec<String>,
    /// Folders of macros.
    pub macro_paths: Vec<String>,
    /// The folder that compiled files are written to.
    pub target_path: String,
    /// Variables.
    pub vars: Map<String, Value>,
    /// The most that one run may ask of models.
    pub budget: Budget,
    /// SQL that runs before anything else of a run.
    pub on_run_start: Vec<Arc<str>>,
    /// SQL that runs after everything else of a run.
    pub on_run_end: Vec<Arc<str>>,
    /// Runs by the clock.
    pub schedule: Vec<Job>,
    /// How many jobs of a pool run at once, by the pool's name.
    pub pools: BTreeMap<String, u32>,
}
