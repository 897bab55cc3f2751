//! What a project says of its jobs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::cron::Cron;
use crate::error::{ScheduleError, nearest};

/// One job, as a project's file has it. [`Job::new`] checks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSettings {
    /// The project's name.
    pub project: String,
    /// The project's folder, absolute: where the command runs. Folder and name tell jobs apart.
    pub folder: PathBuf,
    /// The job's name.
    pub name: String,
    /// When it runs: a cron expression.
    pub cron: String,
    /// In which time zone of the IANA database; UTC where none is named.
    pub timezone: Option<String>,
    /// Arguments of the program, such as `build --select tag:nightly`.
    pub command: Vec<String>,
    /// What becomes of times that nobody was there for.
    pub catchup: Catchup,
    /// What happens when it is due while an earlier run of it isn't done.
    pub overlap: Overlap,
    /// How often a run that failed is tried again.
    pub retries: u32,
    /// How long the first retry waits; each further one waits twice as long.
    pub retry_delay: Duration,
    /// How long an attempt may take.
    pub timeout: Option<Duration>,
    /// The pool that it takes a slot of. Jobs without one take turns with the others of their project.
    pub pool: Option<String>,
    /// What is told of a run that went well.
    pub on_success: Vec<Hook>,
    /// What is told of one that failed, after the last retry.
    pub on_failure: Vec<Hook>,
    /// Whether it runs at all.
    pub enabled: bool,
    /// Where it is written, such as `refuel_project.yml:12:5`; for messages.
    pub place: Option<String>,
    /// The program that runs, where it isn't the one that `Daemon` is given.
    pub program: Option<PathBuf>,
}

impl JobSettings {
    /// A job with the defaults: UTC, `build`, the last missed time runs, none while it runs, no retry, 1 minute before the first
    /// one where there are some, no timeout, no hooks.
    pub fn new(
        project: impl Into<String>,
        folder: impl Into<PathBuf>,
        name: impl Into<String>,
        cron: impl Into<String>,
    ) -> Self {
        Self {
            project: project.into(),
            folder: folder.into(),
            name: name.into(),
            cron: cron.into(),
            timezone: None,
            command: vec!["build".to_owned()],
            catchup: Catchup::Last,
            overlap: Overlap::Skip,
            retries: 0,
            retry_delay: Duration::from_mins(1),
            timeout: None,
            pool: None,
            on_success: Vec::new(),
            on_failure: Vec::new(),
            enabled: true,
            place: None,
            program: None,
        }
    }

    /// The job as messages about its settings name it.
    fn named(&self) -> String {
        match &self.place {
            Some(place) => format!("{place}: job `{}`", self.name),
            None => format!("job `{}`", self.name),
        }
    }
}

/// What becomes of times at which the job was due and no schedule ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Catchup {
    /// They are recorded as missed.
    None,
    /// The last of them runs, unless the job is due anyway.
    #[default]
    Last,
    /// The last 100 of them run, one after the other.
    All,
}

/// What happens to a time at which the job is due while an earlier run of it waits or runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overlap {
    /// It is recorded as skipped.
    #[default]
    Skip,
    /// It waits, behind at most 99 others.
    Queue,
    /// The earlier run is stopped.
    CancelPrevious,
}

/// What is told about a run that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// A command of the shell, run in the project's folder.
    Command(String),
    /// An address that gets a JSON document by POST.
    Webhook(String),
}

/// A job that can be run: its expression is understood.
#[derive(Debug, Clone)]
pub struct Job {
    /// What the project says.
    pub settings: JobSettings,
    /// When it runs.
    pub cron: Cron,
}

impl Job {
    /// Checks a job.
    pub fn new(settings: JobSettings) -> Result<Self, ScheduleError> {
        let cron = Cron::parse(&settings.named(), &settings.cron, settings.timezone.as_deref())?;
        for hook in settings.on_success.iter().chain(&settings.on_failure) {
            if let Hook::Webhook(address) = hook
                && let Err(reason) = check_address(address)
            {
                let job = settings.named();
                return Err(ScheduleError::Webhook { job, reason });
            }
        }
        Ok(Self { settings, cron })
    }

    /// `PROJECT.JOB`.
    pub fn title(&self) -> String {
        format!("{}.{}", self.settings.project, self.settings.name)
    }

    /// The pool that it takes a slot of.
    pub(crate) fn pool(&self) -> PoolKey {
        match &self.settings.pool {
            Some(name) => PoolKey::Named(name.clone()),
            None => PoolKey::Project(self.settings.folder.clone()),
        }
    }
}

/// Whether something can be sent to an address. The reason doesn't repeat it: it may hold a secret.
fn check_address(address: &str) -> Result<(), String> {
    let address: ureq::http::Uri = address.parse().map_err(|error| format!("{error}"))?;
    match address.scheme_str() {
        Some("http" | "https") => {}
        Some(other) => return Err(format!("it begins with `{other}:`")),
        None => return Err("it does not begin with `https://` or `http://`".to_owned()),
    }
    match address.host() {
        None | Some("") => Err("it names no server".to_owned()),
        Some(_) => Ok(()),
    }
}

/// A pool: one that has a name, or the one that a project's other jobs share. Runs of a project exclude each other, so
/// that the latter has one slot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PoolKey {
    Named(String),
    Project(PathBuf),
}

/// Every job of every project, and the pools.
#[derive(Debug, Clone, Default)]
pub struct Timetable {
    jobs: Vec<Job>,
    pools: BTreeMap<String, u32>,
}

impl Timetable {
    /// Checks jobs together. A pool that several projects declare is one pool; the least of the slots counts.
    pub fn new(
        jobs: impl IntoIterator<Item = JobSettings>,
        pools: impl IntoIterator<Item = (String, u32)>,
    ) -> Result<Self, ScheduleError> {
        let mut table = Self::default();
        for (name, slots) in pools {
            if slots == 0 {
                return Err(ScheduleError::NoSlots { pool: name });
            }
            let there = table.pools.entry(name).or_insert(slots);
            *there = slots.min(*there);
        }
        for settings in jobs {
            let other = |job: &&Job| job.settings.project == settings.project && job.settings.folder != settings.folder;
            if let Some(other) = table.jobs.iter().find(other) {
                return Err(ScheduleError::SameName {
                    project: settings.project,
                    folders: Box::new([other.settings.folder.clone(), settings.folder]),
                });
            }
            let same = |job: &Job| job.settings.folder == settings.folder && job.settings.name == settings.name;
            if table.jobs.iter().any(same) {
                let (project, job) = (settings.project, settings.name);
                return Err(ScheduleError::Twice { project, job });
            }
            if let Some(pool) = settings.pool.as_ref().filter(|pool| !table.pools.contains_key(*pool)) {
                return Err(ScheduleError::Pool {
                    job: settings.named(),
                    pool: pool.clone(),
                    nearest: nearest(pool, table.pools.keys().map(String::as_str)),
                });
            }
            table.jobs.push(Job::new(settings)?);
        }
        Ok(table)
    }

    /// The jobs, in the order of the files.
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// Slots of a pool.
    pub(crate) fn slots(&self, pool: &PoolKey) -> u32 {
        match pool {
            PoolKey::Named(name) => self.pools.get(name).copied().unwrap_or(1),
            PoolKey::Project(_) => 1,
        }
    }

    /// The job that `JOB` or `PROJECT.JOB` names.
    pub fn find(&self, name: &str) -> Result<&Job, ScheduleError> {
        let found: Vec<&Job> = self
            .jobs
            .iter()
            .filter(|job| job.settings.name == name || job.title() == name)
            .collect();
        match found[..] {
            [job] => Ok(job),
            [] => Err(ScheduleError::UnknownJob {
                job: name.to_owned(),
                nearest: nearest(name, self.jobs.iter().map(|job| job.settings.name.as_str())),
            }),
            _ => Err(ScheduleError::AmbiguousJob {
                job: name.to_owned(),
                projects: found.iter().map(|job| job.title()).collect(),
            }),
        }
    }

    /// The next `each` times of every job that is switched on, soonest first, after `now`.
    pub fn upcoming(&self, now: Timestamp, each: usize) -> Vec<(&Job, Timestamp)> {
        let on = self.jobs.iter().filter(|job| job.settings.enabled);
        let mut times: Vec<(&Job, Timestamp)> = on
            .flat_map(|job| job.cron.after(now).take(each).map(move |at| (job, at)))
            .collect();
        times.sort_by_key(|(_, at)| *at);
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str) -> JobSettings {
        JobSettings::new("shop", "/shop", name, "@daily")
    }

    #[test]
    fn jobs_are_checked_together() {
        let twice = Timetable::new([job("a"), job("a")], []).unwrap_err();
        assert_eq!(twice.code(), "RF1604");
        let mut pooled = job("a");
        pooled.pool = Some("gpus".to_owned());
        let unknown = Timetable::new([pooled.clone()], [("gpu".to_owned(), 1)]).unwrap_err();
        assert_eq!(unknown.hint().as_deref(), Some("did you mean `gpu`?"));
        let pools = [("gpus".to_owned(), 4), ("gpus".to_owned(), 2)];
        let table = Timetable::new([pooled], pools).unwrap();
        assert_eq!(table.slots(&table.jobs()[0].pool()), 2);
        assert!(Timetable::new([], [("gpus".to_owned(), 0)]).is_err());
    }

    #[test]
    fn two_projects_of_one_name_could_not_be_told_apart() {
        let mut other = job("b");
        other.folder = "/elsewhere".into();
        let error = Timetable::new([job("a"), other], []).unwrap_err();
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            ("RF1616", "two projects are called `shop`: `/shop` and `/elsewhere`")
        );
    }

    #[test]
    fn an_address_that_nothing_can_be_sent_to_is_told_before_it_is_needed() {
        let told = |address: &str| {
            let mut job = job("a");
            job.place = Some("refuel_project.yml:4:5".to_owned());
            job.on_failure = vec![Hook::Command("true".to_owned()), Hook::Webhook(address.to_owned())];
            Timetable::new([job], []).map_or_else(|error| error.to_string(), |_| "fine".to_owned())
        };
        let head = "refuel_project.yml:4:5: job `a`: nothing can be sent to its webhook:";
        assert_eq!(told("https://user:word@example.com:8443/hook?key=1"), "fine");
        assert_eq!(told("http://127.0.0.1:80"), "fine");
        assert_eq!(
            told("notaurl"),
            format!("{head} it does not begin with `https://` or `http://`")
        );
        assert_eq!(
            told("ftp://example.com/secret"),
            format!("{head} it begins with `ftp:`")
        );
        assert_eq!(told(""), format!("{head} empty string"));
        assert!(!told("https:// example.com/secret").contains("secret"));
    }

    #[test]
    fn a_job_is_found_by_its_name_and_its_project() {
        let mut other = job("nightly");
        other.project = "bank".to_owned();
        other.folder = "/bank".into();
        let table = Timetable::new([job("nightly"), job("hourly"), other], []).unwrap();
        assert_eq!(table.find("hourly").unwrap().title(), "shop.hourly");
        assert_eq!(table.find("bank.nightly").unwrap().title(), "bank.nightly");
        assert_eq!(table.find("nightly").unwrap_err().code(), "RF1608");
        let unknown = table.find("hourli").unwrap_err();
        assert_eq!(unknown.hint().as_deref(), Some("did you mean `hourly`?"));
    }

    #[test]
    fn times_of_all_jobs_come_in_their_order() {
        let mut off = job("off");
        off.enabled = false;
        let mut hourly = job("hourly");
        hourly.cron = "@hourly".to_owned();
        let table = Timetable::new([job("daily"), hourly, off], []).unwrap();
        let now = "2026-03-01T22:30:00Z".parse().unwrap();
        let times: Vec<String> = table
            .upcoming(now, 2)
            .into_iter()
            .map(|(job, at)| format!("{} {at}", job.settings.name))
            .collect();
        assert_eq!(
            times,
            [
                "hourly 2026-03-01T23:00:00Z",
                "daily 2026-03-02T00:00:00Z",
                "hourly 2026-03-02T00:00:00Z",
                "daily 2026-03-03T00:00:00Z"
            ]
        );
    }
}
