//! Arguments of `refuel man`.

use clap::{Args, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  What a task file can say:
    refuel man task
  What an error code means:
    refuel man RF0614
  Let an editor complete and check task files, and the settings of projects:
    refuel man --schema task > task.schema.json
    refuel man --schema project > project.schema.json";

/// Arguments of `refuel man`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ManArgs {
    /// What to read about: a topic, or an error code such as RF0614 [default: the list of topics]
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: Option<String>,

    /// Print a JSON Schema instead
    #[arg(long, value_name = "WHAT", value_enum, conflicts_with = "topic")]
    pub(crate) schema: Option<SchemaChoice>,
}

/// What has a JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaChoice {
    /// Task files
    Task,
    /// `refuel_project.yml`
    Project,
    /// profiles.yml
    Profiles,
    /// Properties of models, seeds, sources and tests
    Properties,
}
