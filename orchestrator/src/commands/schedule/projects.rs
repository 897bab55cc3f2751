//! What projects say of their jobs, as the schedule takes it.

use std::path::{Path, PathBuf};

use refuel_project::{
    Catchup as ProjectCatchup, Environment, Hook as ProjectHook, Job, Overlap as ProjectOverlap, PROJECT_FILE, Project,
    ProjectError, render_environment,
};
use refuel_schedule::{Catchup, Hook, JobSettings, Overlap, Projects, Timetable, Watch};
use serde_json::Value;

use crate::cli::ScheduleProjects;
use crate::error::{CliError, Failure};

/// The projects whose jobs run. Their `refuel_project.yml` alone is read: a mistake in a model is told by the run.
#[derive(Debug)]
pub(super) struct Files {
    folders: Vec<PathBuf>,
    watch: Watch,
}

impl Files {
    /// The projects that are named, or the one of the current folder.
    pub(super) fn find(arguments: &ScheduleProjects) -> Result<Self, Failure> {
        let mut folders = Vec::new();
        for folder in &arguments.folders {
            let root = Project::find(folder).map_err(Failure::from)?;
            // A folder that was named is the project, not some place in one.
            if !folder.join(PROJECT_FILE).is_file() {
                return Err(ProjectError::NoProject { start: folder.clone() }.into());
            }
            folders.push(root);
        }
        if folders.is_empty() {
            folders.push(Project::find(Path::new(".")).map_err(Failure::from)?);
        }
        // Two ways to one folder are one project, whose jobs must not run twice.
        let mut folders: Vec<PathBuf> = folders
            .into_iter()
            .map(|folder| folder.canonicalize().unwrap_or(folder))
            .collect();
        folders.sort();
        folders.dedup();
        let watch = Watch::new(folders.iter().map(|folder| folder.join(PROJECT_FILE)));
        Ok(Self { folders, watch })
    }

    /// Reads them.
    pub(super) fn read(&self) -> Result<Timetable, Failure> {
        let mut jobs = Vec::new();
        let mut pools = Vec::new();
        let mut problems = Vec::new();
        for folder in &self.folders {
            match read(folder) {
                Ok((more_jobs, more_pools)) => {
                    jobs.extend(more_jobs);
                    pools.extend(more_pools);
                }
                Err(errors) => problems.extend(errors),
            }
        }
        if !problems.is_empty() {
            let all = Failure::all(problems.into_iter().map(Failure::from));
            return Err(all.unwrap_or_else(|| CliError::Stopped { part: "reading" }.into()));
        }
        Ok(Timetable::new(jobs, pools)?)
    }
}

impl Projects for Files {
    fn reload(&mut self, asked: bool) -> Option<Result<Timetable, String>> {
        (self.watch.changed() || asked).then(|| {
            self.read().map_err(|failure| match failure {
                Failure::Reported(report) => report.message,
                Failure::OutputClosed => String::new(),
            })
        })
    }
}

type Read = (Vec<JobSettings>, Vec<(String, u32)>);

/// The jobs and pools of one project.
fn read(folder: &Path) -> Result<Read, Vec<ProjectError>> {
    let settings = Project::settings(folder)?;
    let mut jobs = Vec::new();
    for job in settings.schedule {
        jobs.push(convert(&settings.name, folder, job).map_err(|error| vec![error])?);
    }
    Ok((jobs, settings.pools.into_iter().collect()))
}

fn convert(project: &str, folder: &Path, job: Job) -> Result<JobSettings, ProjectError> {
    let hooks = |hooks: &[ProjectHook]| {
        hooks
            .iter()
            .map(|hook| self::hook(hook, &job))
            .collect::<Result<Vec<_>, _>>()
    };
    let (on_success, on_failure) = (hooks(&job.on_success)?, hooks(&job.on_failure)?);
    Ok(JobSettings {
        command: command(&job),
        timezone: Some(job.timezone),
        catchup: match job.catchup {
            ProjectCatchup::None => Catchup::None,
            ProjectCatchup::Last => Catchup::Last,
            ProjectCatchup::All => Catchup::All,
        },
        overlap: match job.overlap {
            ProjectOverlap::Skip => Overlap::Skip,
            ProjectOverlap::Queue => Overlap::Queue,
            ProjectOverlap::CancelPrevious => Overlap::CancelPrevious,
        },
        retries: job.retries,
        retry_delay: job.retry_delay,
        timeout: job.timeout,
        pool: job.pool,
        on_success,
        on_failure,
        enabled: job.enabled,
        place: Some(job.cron_place.to_string()),
        ..JobSettings::new(project, folder, job.name, job.cron)
    })
}

/// The arguments of the program. It runs in the project's folder, and so finds the project by itself.
fn command(job: &Job) -> Vec<String> {
    let mut arguments = vec![job.command.name().to_owned()];
    let mut option = |name: &str, values: &[String]| {
        if !values.is_empty() {
            arguments.push(name.to_owned());
            arguments.extend(values.iter().cloned());
        }
    };
    option("--select", &job.select);
    option("--exclude", &job.exclude);
    option("--target", job.target.as_slice());
    if !job.vars.is_empty() {
        option("--vars", &[Value::Object(job.vars.clone()).to_string()]);
    }
    if job.full_refresh {
        arguments.push("--full-refresh".to_owned());
    }
    arguments.push("--no-progress".to_owned());
    arguments
}

/// A hook with what its variables stand for.
fn hook(hook: &ProjectHook, job: &Job) -> Result<Hook, ProjectError> {
    let render = |text| render_environment(text, &Environment::Process, &job.place);
    Ok(match hook {
        ProjectHook::Command(command) => Hook::Command(render(command)?),
        ProjectHook::Webhook(address) => Hook::Webhook(render(address)?),
    })
}
