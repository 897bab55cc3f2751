//! What projects say of their jobs, as the schedule takes it.

use std::path::{Path, PathBuf};

use refuel_project::{
    Catchup as ProjectCatchup, Environment, Hook as ProjectHook, Job, Overlap as ProjectOverlap, PROJECT_FILE, Project,
    ProjectError, render_environment,
};
use refuel_schedule::{Catchup, Hook, JobSettings, Overlap, Projects, Reload, Timetable, Watch};
use serde_json::Value;

use crate::cli::ScheduleProjects;
use crate::error::{CliError, Failure};

/// The projects whose jobs run. Their `refuel_project.yml` alone is read: a mistake in a model is told by the run.
#[derive(Debug)]
pub(super) struct Files {
    folders: Vec<Folder>,
    watch: Watch,
}

/// The folder of a project.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    /// What it said when it could last be read.
    last: Option<Read>,
}

impl Files {
    /// The projects that are named, or the one of the current folder. A folder that was named may be missing, or hold no
    /// project yet: it is looked at again.
    pub(super) fn find(arguments: &ScheduleProjects) -> Result<Self, Failure> {
        let mut folders = Vec::new();
        for folder in &arguments.folders {
            folders.push(std::path::absolute(folder).map_err(|source| CliError::Read {
                path: folder.clone(),
                source,
            })?);
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
        Ok(Self::new(folders))
    }

    fn new(folders: Vec<PathBuf>) -> Self {
        let watch = Watch::new(folders.iter().map(|folder| folder.join(PROJECT_FILE)));
        let folders = folders.into_iter().map(|path| Folder { path, last: None });
        Self {
            folders: folders.collect(),
            watch,
        }
    }

    /// Reads them. Each of them has to be right.
    pub(super) fn read(&mut self) -> Result<Timetable, Failure> {
        let (table, problems) = self.read_right();
        match Failure::all(problems) {
            Some(failure) => Err(failure),
            None => Ok(table),
        }
    }

    /// Reads those that are right. One that is wrong has the jobs that it had before, and its mistakes are told.
    pub(super) fn read_right(&mut self) -> (Timetable, Vec<Failure>) {
        let mut problems = Vec::new();
        let mut right: Vec<Read> = Vec::new();
        for folder in &mut self.folders {
            let now = read(&folder.path).and_then(|now| together(&right, &now).map(|_| now));
            match now {
                Ok(now) => folder.last = Some(now),
                Err(problem) => {
                    problems.push(problem);
                    // What was right may not go with the others any more.
                    folder.last = folder.last.take().filter(|last| together(&right, last).is_ok());
                }
            }
            right.extend(folder.last.clone());
        }
        // It was put together with the last of them a moment ago.
        let table = right
            .split_last()
            .and_then(|(last, others)| together(others, last).ok());
        (table.unwrap_or_default(), problems)
    }

    /// Whether any of them could be read.
    pub(super) fn is_any_right(&self) -> bool {
        self.folders.iter().any(|folder| folder.last.is_some())
    }
}

impl Projects for Files {
    fn reload(&mut self, asked: bool) -> Option<Reload> {
        (self.watch.changed() || asked).then(|| {
            let (table, problems) = self.read_right();
            let all_wrong = problems.len() == self.folders.len();
            Reload {
                table: Some(table).filter(|_| !all_wrong),
                problems: problems.iter().filter_map(Failure::message).collect(),
            }
        })
    }
}

/// The jobs of one project, and its pools.
type Read = (Vec<JobSettings>, Vec<(String, u32)>);

/// The jobs of several projects and of one more.
fn together(projects: &[Read], another: &Read) -> Result<Timetable, Failure> {
    let all = || projects.iter().chain([another]);
    let jobs = all().flat_map(|(jobs, _)| jobs.iter().cloned());
    let pools = all().flat_map(|(_, pools)| pools.iter().cloned());
    Ok(Timetable::new(jobs, pools)?)
}

/// Reads one project.
fn read(folder: &Path) -> Result<Read, Failure> {
    if !folder.join(PROJECT_FILE).is_file() {
        // A folder that was named is the project, not some place in one.
        let start = folder.to_owned();
        return Err(ProjectError::NoProject { start }.into());
    }
    jobs_of(folder).map_err(|problems| {
        let all = Failure::all(problems.into_iter().map(Failure::from));
        all.unwrap_or_else(|| CliError::Stopped { part: "reading" }.into())
    })
}

/// What the file of a project says of its jobs.
fn jobs_of(folder: &Path) -> Result<Read, Vec<ProjectError>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, cron: &str) {
        std::fs::create_dir_all(folder).unwrap();
        let text = format!("name: {name}\nschedule:\n  - name: nightly\n    cron: \"{cron}\"\n");
        std::fs::write(folder.join(PROJECT_FILE), text).unwrap();
    }

    fn titles(table: &Timetable) -> Vec<String> {
        let jobs = table.jobs().iter();
        jobs.map(|job| format!("{} {}", job.title(), job.cron.expression()))
            .collect()
    }

    fn codes(problems: &[Failure]) -> Vec<String> {
        let code = |problem: &Failure| match problem {
            Failure::Reported(report) => report.code.to_string(),
            Failure::OutputClosed => "closed".to_owned(),
        };
        problems.iter().map(code).collect()
    }

    #[test]
    fn a_project_that_is_wrong_or_missing_keeps_no_other_from_running() {
        let desk = tempfile::tempdir().unwrap();
        let [bank, gone, shop] = ["bank", "gone", "shop"].map(|name| desk.path().join(name));
        write(&bank, "bank", "@daily");
        write(&shop, "shop", "nonsense");
        let mut files = Files::new(vec![bank.clone(), gone.clone(), shop.clone()]);
        let (table, problems) = files.read_right();
        assert_eq!(titles(&table), ["bank.nightly @daily"]);
        assert_eq!(codes(&problems), ["RF1101", "RF1601"]);
        assert!(files.read().is_err(), "whoever asks for one job is told of mistakes");
        // They come back by themselves.
        write(&gone, "gone", "@hourly");
        write(&shop, "shop", "@weekly");
        let reload = files.reload(false).unwrap();
        let all = ["bank.nightly @daily", "gone.nightly @hourly", "shop.nightly @weekly"];
        assert_eq!(titles(&reload.table.unwrap()), all);
        assert_eq!(reload.problems, Vec::<String>::new());
    }

    #[test]
    fn a_project_that_was_right_keeps_its_jobs_while_others_change() {
        let desk = tempfile::tempdir().unwrap();
        let [bank, shop] = ["bank", "shop"].map(|name| desk.path().join(name));
        write(&bank, "bank", "@daily");
        write(&shop, "shop", "@weekly");
        let mut files = Files::new(vec![bank.clone(), shop.clone()]);
        files.read().unwrap();
        write(&bank, "bank", "nonsense");
        write(&shop, "shop", "@hourly");
        let reload = files.reload(true).unwrap();
        assert_eq!(
            titles(&reload.table.unwrap()),
            ["bank.nightly @daily", "shop.nightly @hourly"]
        );
        assert_eq!(reload.problems.len(), 1);
        write(&shop, "shop", "nonsense");
        let reload = files.reload(true).unwrap();
        assert!(reload.table.is_none(), "the jobs stay as they were");
        assert_eq!(reload.problems.len(), 2);
    }

    #[test]
    fn of_two_projects_of_one_name_the_first_runs() {
        let desk = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| desk.path().join(name));
        write(&one, "shop", "@daily");
        write(&two, "shop", "@weekly");
        let (table, problems) = Files::new(vec![one, two]).read_right();
        assert_eq!(titles(&table), ["shop.nightly @daily"]);
        assert_eq!(codes(&problems), ["RF1616"]);
    }
}
