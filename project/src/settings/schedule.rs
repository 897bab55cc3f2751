//! Runs by the clock, as `refuel_project.yml` asks for them.

use std::time::Duration;

use refuel_task::Place;
use serde::Serialize;
use serde_json::{Map, Value};

/// A run that the clock starts.
#[derive(Debug, Clone)]
pub struct Job {
    /// Name, which no other job of the project has.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// What it is for, for people.
    pub description: Option<String>,
    /// When: a cron expression, not checked here.
    pub cron: String,
    /// Where `cron` is written.
    pub cron_place: Place,
    /// The time zone of `cron`, by IANA name; UTC unless told.
    pub timezone: String,
    /// What runs.
    pub command: JobCommand,
    /// Selectors of nodes.
    pub select: Vec<String>,
    /// Selectors of nodes that are left out.
    pub exclude: Vec<String>,
    /// The target. None: the profile's.
    pub target: Option<String>,
    /// Variables.
    pub vars: Map<String, Value>,
    /// Whether everything is made anew.
    pub full_refresh: bool,
    /// What happens to times that passed while no scheduler ran.
    pub catchup: Catchup,
    /// What happens at a time at which the run before is still running.
    pub overlap: Overlap,
    /// How often a run that failed is tried again.
    pub retries: u32,
    /// How long the first retry waits; each further one waits twice as long.
    pub retry_delay: Duration,
    /// How long a run may take. None: as long as it likes.
    pub timeout: Option<Duration>,
    /// The pool whose slots it shares with others.
    pub pool: Option<String>,
    /// What happens after a run that went well.
    pub on_success: Vec<Hook>,
    /// What happens after a run that failed, retries included.
    pub on_failure: Vec<Hook>,
    /// Whether it runs at all.
    pub enabled: bool,
}

/// What a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobCommand {
    /// `refuel build`
    #[default]
    Build,
    /// `refuel run`
    Run,
    /// `refuel test`
    Test,
    /// `refuel seed`
    Seed,
}

impl JobCommand {
    /// The verb.
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Run => "run",
            Self::Test => "test",
            Self::Seed => "seed",
        }
    }
}

/// What happens to times that passed while no scheduler ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Catchup {
    /// Nothing: the next time counts.
    None,
    /// One run, for the latest of them.
    #[default]
    Last,
    /// A run for each of them.
    All,
}

/// What happens at a time at which the run before is still running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The new run is left out.
    #[default]
    Skip,
    /// The new run waits.
    Queue,
    /// The old run is stopped.
    CancelPrevious,
}

/// What happens after a run. `{{ env_var('X') }}` in it is put in when it happens: see
/// [`render_environment`](crate::render_environment).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// A command for the shell.
    Command(String),
    /// An address that what happened is sent to, as JSON.
    Webhook(String),
}
