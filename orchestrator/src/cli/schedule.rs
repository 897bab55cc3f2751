//! Arguments of `refuel schedule`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::FormatArgs;
use super::host::parse_duration;

const EXAMPLES: &str = "\
Examples:
  Run the jobs of this project by the clock, until it is stopped:
    refuel schedule
  Those of two projects, with events as JSON lines on standard output:
    refuel schedule --project-dir ~/shop --project-dir ~/bank --format json
  When does what run?
    refuel schedule ls
  Look once, started by cron or pg_cron every five minutes:
    */5 * * * * refuel schedule --once --quiet --project-dir /srv/shop
    SELECT cron.schedule('*/5 * * * *',
      $$COPY (SELECT) TO PROGRAM 'refuel schedule --once --quiet --project-dir /srv/shop'$$)
  Run a job now:
    refuel schedule trigger nightly";

/// Heading under which `--help` lists what is kept.
const HISTORY: &str = "History";

/// Arguments of `refuel schedule`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, mut_arg("format", |format| format.global(true)))]
pub(crate) struct ScheduleArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ScheduleCommand>,

    #[command(flatten)]
    pub(crate) projects: ScheduleProjects,

    /// Run what is due and what is left to be tried again, then end
    ///
    /// What was missed since the last look runs once, also where the job says `catchup: none`: between two looks
    /// nobody was to be there.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) once: bool,

    /// Show when jobs run next, and run nothing; `refuel schedule ls` does the same
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Times to show of each job
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000), requires = "dry_run")]
    pub(crate) next: u16,

    /// How long a run has to end once it is asked to, such as 30s; then it is killed
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    pub(crate) grace: Duration,

    /// Runs to remember of each job, with their logs
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..), help_heading = HISTORY)]
    pub(crate) keep_runs: u32,

    /// Days to remember runs; the last of each job is always remembered
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=36500), help_heading = HISTORY)]
    pub(crate) keep_days: u32,

    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Whose jobs.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScheduleProjects {
    /// Folder of a project, as often as there are projects [default: the nearest above that has a `refuel_project.yml`]
    #[arg(
        long = "project-dir",
        alias = "project",
        global = true,
        env = "REFUEL_PROJECT_DIR",
        value_name = "DIR"
    )]
    pub(crate) folders: Vec<PathBuf>,
}

/// What else can be done with a schedule.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Show when jobs run next
    Ls(ScheduleLsArgs),
    /// Run a job now, whatever the clock says
    Trigger(TriggerArgs),
    /// Watch one attempt; the schedule starts this by itself
    #[command(hide = true)]
    Watch(WatchArgs),
}

/// Arguments of `refuel schedule ls`.
#[derive(Debug, Args)]
pub(crate) struct ScheduleLsArgs {
    /// Times to show of each job
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) next: u16,
}

/// Arguments of `refuel schedule trigger`.
#[derive(Debug, Args)]
#[command(after_help = "\
The schedule that runs starts it, in turn with other runs of the job and its pool. Where none runs,
the next one does: refuel schedule --once")]
pub(crate) struct TriggerArgs {
    /// Job, or PROJECT.JOB
    #[arg(value_name = "JOB")]
    pub(crate) job: String,
}

/// Arguments of `refuel schedule watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// File of the schedule
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Number of the attempt
    #[arg(value_name = "ATTEMPT")]
    pub(crate) attempt: i64,
}
