//! What can go wrong in the schedule.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// An error of the schedule, with a stable code and a hint.
#[derive(Debug, Error)]
pub enum ScheduleError {
    /// A cron expression can't be read.
    #[error("{job}: `{expression}` is no cron expression: {reason}")]
    Cron {
        /// The job, with where it is written.
        job: String,
        /// The expression.
        expression: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A time zone that this machine doesn't know.
    #[error("{job}: there is no time zone `{zone}`")]
    Zone {
        /// The job, with where it is written.
        job: String,
        /// What was asked for.
        zone: String,
        /// A name that is near.
        nearest: Option<String>,
    },
    /// A cron expression that no time ever matches.
    #[error("{job}: no time matches `{expression}`")]
    Never {
        /// The job, with where it is written.
        job: String,
        /// The expression.
        expression: String,
    },
    /// Two jobs of one project have one name.
    #[error("two jobs of the project `{project}` are called `{job}`")]
    Twice {
        /// The project.
        project: String,
        /// The name.
        job: String,
    },
    /// Jobs are told apart by `PROJECT.JOB`, and two projects have one name.
    #[error("two projects are called `{project}`: `{}` and `{}`", folders[0].display(), folders[1].display())]
    SameName {
        /// The name.
        project: String,
        /// Their folders.
        folders: Box<[PathBuf; 2]>,
    },
    /// The address of a webhook is none. It isn't shown: it may hold a secret.
    #[error("{job}: nothing can be sent to its webhook: {reason}")]
    Webhook {
        /// The job, with where it is written.
        job: String,
        /// What is wrong with the address.
        reason: String,
    },
    /// A job waits for a slot of a pool that isn't there.
    #[error("{job}: there is no pool `{pool}`")]
    Pool {
        /// The job, with where it is written.
        job: String,
        /// What was asked for.
        pool: String,
        /// A name that is near.
        nearest: Option<String>,
    },
    /// A pool without a slot would hold its jobs up for good.
    #[error("the pool `{pool}` has no slots")]
    NoSlots {
        /// The pool.
        pool: String,
    },
    /// No job of that name.
    #[error("there is no job `{job}`")]
    UnknownJob {
        /// What was asked for.
        job: String,
        /// A name that is near.
        nearest: Option<String>,
    },
    /// Several projects have a job of that name.
    #[error("the job `{job}` is one of {}", projects.join(", "))]
    AmbiguousJob {
        /// What was asked for.
        job: String,
        /// `PROJECT.JOB` of each.
        projects: Vec<String>,
    },
    /// No run of that number.
    #[error("there is no run {run}")]
    UnknownRun {
        /// What was asked for.
        run: i64,
    },
    /// Another daemon works for this home folder.
    #[error("another schedule works for this home folder{}", process.map(|process| format!(": process {process}")).unwrap_or_default())]
    Busy {
        /// Its process, where that is known.
        process: Option<i32>,
    },
    /// The daemon that runs doesn't know the project of a job.
    #[error("the schedule that runs (process {process}) doesn't have the project `{}`", folder.display())]
    OtherProjects {
        /// Its process.
        process: i32,
        /// The folder of the project.
        folder: PathBuf,
    },
    /// The file of the schedule can't be used.
    #[error("the schedule's file `{}` can't be used", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file of the schedule is of a later version.
    #[error("`{}` was written by a later version of the program (form {found}; this one knows {known})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: i64,
        /// The latest form that this program knows.
        known: i64,
    },
    /// A file or folder can't be used.
    #[error("can't {what} `{}`", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Signals can't be listened for.
    #[error("can't listen for signals")]
    Signals {
        /// Why it failed.
        source: io::Error,
    },
}

impl ScheduleError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cron { .. } => "RF1601",
            Self::Zone { .. } => "RF1602",
            Self::Never { .. } => "RF1603",
            Self::Twice { .. } => "RF1604",
            Self::Pool { .. } => "RF1605",
            Self::NoSlots { .. } => "RF1606",
            Self::UnknownJob { .. } => "RF1607",
            Self::AmbiguousJob { .. } => "RF1608",
            Self::UnknownRun { .. } => "RF1609",
            Self::Busy { .. } => "RF1610",
            Self::OtherProjects { .. } => "RF1611",
            Self::Store { .. } => "RF1612",
            Self::Newer { .. } => "RF1613",
            Self::Io { .. } => "RF1614",
            Self::Signals { .. } => "RF1615",
            Self::SameName { .. } => "RF1616",
            Self::Webhook { .. } => "RF1617",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let near = |nearest: &Option<String>, otherwise: &str| {
            Some(
                nearest
                    .as_ref()
                    .map_or_else(|| otherwise.to_owned(), |nearest| format!("did you mean `{nearest}`?")),
            )
        };
        match self {
            Self::Cron { .. } => Some(
                "write minute, hour, day of the month, month and day of the week, such as `30 6 * * MON-FRI`, or @hourly, \
                 @daily, @weekly, @monthly or @yearly"
                    .to_owned(),
            ),
            Self::Zone { nearest, .. } => near(
                nearest,
                "write a name of the IANA database such as Europe/Berlin, or UTC; a machine without the database needs \
                 the package tzdata",
            ),
            Self::Never { .. } => Some("check the day and the month: February has no day 30".to_owned()),
            Self::Twice { .. } => Some("give one of them another name".to_owned()),
            Self::SameName { .. } => Some(
                "give one of them another `name` in its refuel_project.yml, or a schedule with a `--home` of its own"
                    .to_owned(),
            ),
            Self::Webhook { .. } => Some("write an address such as `https://example.com/alerts`".to_owned()),
            Self::Pool { nearest, .. } => near(nearest, "declare it with its slots under `pools` of the schedule"),
            Self::NoSlots { .. } => {
                Some("give it one slot or more; a job is switched off with `enabled: false`".to_owned())
            }
            Self::UnknownJob { nearest, .. } => near(nearest, "`refuel schedule ls` lists the jobs"),
            Self::AmbiguousJob { projects, .. } => projects
                .first()
                .map(|first| format!("name the project too, such as `{first}`")),
            Self::UnknownRun { .. } => Some("`refuel runs` lists them".to_owned()),
            Self::Busy { .. } => Some(
                "one schedule serves every project of a home folder: give it each with `--project-dir`, or start another \
                 with a `--home` of its own"
                    .to_owned(),
            ),
            Self::OtherProjects { folder, .. } => Some(format!(
                "start it with `--project-dir {}` besides the others",
                folder.display()
            )),
            Self::Store { source, .. } => match source.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DiskFull) => Some("make room on the disk".to_owned()),
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                    Some("move it away; the history of runs begins anew".to_owned())
                }
                Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::CannotOpen) => {
                    Some("check the permissions of the file and its folder".to_owned())
                }
                _ => None,
            },
            Self::Newer { .. } => Some("use that version, or name another home folder with `--home`".to_owned()),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => Some("make room on the disk".to_owned()),
                io::ErrorKind::PermissionDenied => Some("check the permissions of the folder".to_owned()),
                _ => None,
            },
            Self::Signals { .. } => None,
        }
    }

    /// Whether the request itself was wrong, so that asking again is in vain.
    pub fn is_wrong_request(&self) -> bool {
        match self {
            Self::Cron { .. }
            | Self::Zone { .. }
            | Self::Never { .. }
            | Self::Twice { .. }
            | Self::SameName { .. }
            | Self::Webhook { .. }
            | Self::Pool { .. }
            | Self::NoSlots { .. }
            | Self::UnknownJob { .. }
            | Self::AmbiguousJob { .. }
            | Self::UnknownRun { .. }
            | Self::OtherProjects { .. }
            | Self::Newer { .. } => true,
            Self::Busy { .. } | Self::Store { .. } | Self::Io { .. } | Self::Signals { .. } => false,
        }
    }
}

/// The name nearest to `name`, where one is near enough to have been meant.
pub(crate) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let lower = name.to_lowercase();
    names
        .into_iter()
        .map(|there| {
            (
                strsim::normalized_damerau_levenshtein(&there.to_lowercase(), &lower),
                there,
            )
        })
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, there)| there.to_owned())
}
