//! What a daemon does at each tick, with a clock and processes that are given.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;

use super::processes::Processes;
use crate::error::ScheduleError;
use crate::event::Event;
use crate::logs;
use crate::plan::{Ended, Over, Pooled, RetryPolicy, Settled, decide, settle, startable};
use crate::settings::{Catchup, Hook, Job, Timetable};
use crate::store::{Attempt, AttemptEnd, AttemptState, OpenRun, Registered, StopReason, Store, Task};

/// How often a process is started that ends before it takes its attempt over.
const MOST_STARTS: u32 = 3;

/// Whoever listens to events.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(Event);

/// What a daemon knows besides its store.
#[derive(Debug)]
pub(crate) struct Conductor {
    pub(crate) store: Store,
    table: Timetable,
    /// The numbers of the jobs, in the order of the table.
    registered: Vec<Registered>,
    /// When there is something to decide about each of them: nothing is written where nothing is due.
    due: Vec<Timestamp>,
    home: PathBuf,
    program: PathBuf,
    grace: Duration,
    /// Whether it looks now and then, started by another clock: what it missed between was not downtime.
    looks: bool,
    random: fastrand::Rng,
    /// How often a process was started for an attempt.
    starts: BTreeMap<i64, u32>,
    /// Attempts that were asked to stop, with when what they started is killed.
    asked: BTreeMap<i64, Timestamp>,
    /// Attempts of earlier daemons that were told of.
    known: BTreeSet<i64>,
    /// Runs that failed, and runs that are done, since the start.
    pub(crate) failed: u64,
    pub(crate) succeeded: u64,
}

impl Conductor {
    pub(crate) fn new(store: Store, home: &Path, program: &Path, grace: Duration, looks: bool) -> Self {
        Self {
            store,
            table: Timetable::default(),
            registered: Vec::new(),
            due: Vec::new(),
            home: home.to_owned(),
            program: program.to_owned(),
            grace,
            looks,
            random: fastrand::Rng::new(),
            starts: BTreeMap::new(),
            asked: BTreeMap::new(),
            known: BTreeSet::new(),
            failed: 0,
            succeeded: 0,
        }
    }

    /// Takes the jobs of a timetable. Runs that wait for jobs that are gone, or off, are taken away.
    pub(crate) fn set(&mut self, table: Timetable, now: Timestamp, tell: Tell<'_>) -> Result<(), ScheduleError> {
        let mut registered = Vec::new();
        for job in table.jobs() {
            registered.push(self.store.register(job, now)?);
        }
        let old_folders: BTreeSet<PathBuf> = folders(&self.table).into_iter().collect();
        self.table = table;
        self.due = vec![Timestamp::MIN; registered.len()];
        self.registered = registered;
        let new_folders = folders(&self.table);
        for run in self.store.open_runs()? {
            let ours = old_folders.contains(&run.folder) || new_folders.contains(&run.folder);
            // A job that is off runs when somebody asks for it.
            let wanted = self
                .job(run.open.job)
                .is_some_and(|job| job.settings.enabled || run.manual);
            if ours && !wanted && !run.open.running {
                let reason = "its job is gone, or switched off";
                self.store.cancel_run(run.open.run, reason)?;
                tell(Event::Dropped {
                    job: run.job,
                    run: run.open.run,
                    reason: reason.to_owned(),
                });
            }
        }
        let process = std::process::id() as i32;
        self.store.set_daemon(process, &folders(&self.table))
    }

    /// The next time of any job.
    pub(crate) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.table.upcoming(now, 1).first().map(|(_, at)| *at)
    }

    /// When something has to be decided next.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.due.iter().min().copied()
    }

    /// Jobs that are switched on.
    pub(crate) fn jobs_on(&self) -> usize {
        self.table.jobs().iter().filter(|job| job.settings.enabled).count()
    }

    fn job(&self, number: i64) -> Option<&Job> {
        let at = self.registered.iter().position(|registered| registered.0 == number)?;
        self.table.jobs().get(at)
    }

    /// Settles what has ended, decides what is due, starts what may start.
    pub(crate) fn tick(
        &mut self,
        now: Timestamp,
        processes: &mut dyn Processes,
        tell: Tell<'_>,
    ) -> Result<(), ScheduleError> {
        self.watch(now, processes, tell)?;
        self.decide(now, tell)?;
        self.stop_unwanted(now, processes, tell)?;
        self.start(now, processes, tell)
    }

    /// Looks after the attempts that are under way. Returns how many are.
    pub(crate) fn watch(
        &mut self,
        now: Timestamp,
        processes: &mut dyn Processes,
        tell: Tell<'_>,
    ) -> Result<usize, ScheduleError> {
        let runs = self.titles()?;
        let mut under_way = 0;
        for attempt in self.store.attempts_under_way()? {
            let title = runs.get(&attempt.run).cloned().unwrap_or_default();
            match attempt.state {
                AttemptState::Starting => self.bring_up(&attempt, &title, now, processes, tell)?,
                AttemptState::Running => self.look_after(&attempt, &title, now, processes, tell)?,
                AttemptState::Ended(_) => {}
            }
            // It may have ended by what was just done.
            match self.store.attempt(attempt.id)? {
                Some(attempt) if matches!(attempt.state, AttemptState::Ended(_)) => {
                    self.settle(&attempt, &title, now, tell)?;
                }
                _ => under_way += 1,
            }
        }
        Ok(under_way)
    }

    /// `PROJECT.JOB` of every open run.
    fn titles(&self) -> Result<BTreeMap<i64, String>, ScheduleError> {
        let runs = self.store.open_runs()?.into_iter();
        Ok(runs.map(|run| (run.open.run, self.title(&run))).collect())
    }

    fn title(&self, run: &OpenRun) -> String {
        self.job(run.open.job).map_or_else(|| run.job.clone(), Job::title)
    }

    /// An attempt that no process has taken over: of a daemon that was killed, or one whose process is just starting.
    fn bring_up(
        &mut self,
        attempt: &Attempt,
        title: &str,
        now: Timestamp,
        processes: &mut dyn Processes,
        tell: Tell<'_>,
    ) -> Result<(), ScheduleError> {
        if let Some(stop) = attempt.stop {
            self.store.end_unstarted(attempt.id, stop.ended(), now)?;
            return Ok(());
        }
        if processes.is_starting(attempt.id) {
            return Ok(());
        }
        let starts = self.starts.entry(attempt.id).or_default();
        if *starts >= MOST_STARTS {
            self.store.end_unstarted(attempt.id, Ended::Failed, now)?;
            return Ok(());
        }
        *starts += 1;
        if let Err(error) = processes.start(self.store.path(), attempt.id, &attempt.log) {
            tell(Event::StartFailed {
                job: title.to_owned(),
                run: attempt.run,
                reason: with_causes(&error),
            });
        }
        Ok(())
    }

    /// An attempt that a process has taken over.
    fn look_after(
        &mut self,
        attempt: &Attempt,
        title: &str,
        now: Timestamp,
        processes: &mut dyn Processes,
        tell: Tell<'_>,
    ) -> Result<(), ScheduleError> {
        let lives = attempt.process.as_ref().is_some_and(|process| processes.lives(process));
        if lives {
            if !self.starts.contains_key(&attempt.id) && self.known.insert(attempt.id) {
                tell(Event::Adopted {
                    job: title.to_owned(),
                    run: attempt.run,
                    attempt: attempt.number,
                });
            }
            return Ok(());
        }
        // Whatever it had started has nobody who watches it. It has to be gone before another attempt begins.
        let kill_at = *self.asked.entry(attempt.id).or_insert_with(|| later(now, self.grace));
        let signal = if kill_at <= now { Signal::KILL } else { Signal::TERM };
        if processes.signal_marked(&self.store.mark(attempt.id), signal) == 0 {
            let end = AttemptEnd {
                ended: attempt.stop.unwrap_or(StopReason::Interrupted).ended(),
                exit_code: None,
                signal: None,
            };
            self.store.end_attempt(attempt.id, end, now)?;
        }
        Ok(())
    }

    /// An attempt that is over.
    fn settle(&mut self, attempt: &Attempt, title: &str, now: Timestamp, tell: Tell<'_>) -> Result<(), ScheduleError> {
        let AttemptState::Ended(ended) = attempt.state else {
            return Ok(());
        };
        let run = self
            .store
            .open_runs()?
            .into_iter()
            .find(|run| run.open.run == attempt.run);
        let job = run.and_then(|run| self.job(run.open.job)).cloned();
        let policy = job.as_ref().map_or(
            RetryPolicy {
                retries: 0,
                delay: Duration::ZERO,
            },
            |job| RetryPolicy {
                retries: job.settings.retries,
                delay: job.settings.retry_delay,
            },
        );
        let (failures, interruptions) = self.store.tally(attempt.run)?;
        let over = Over {
            ended,
            exit_code: attempt.exit_code,
            signal: attempt.signal,
            timeout: job.as_ref().and_then(|job| job.settings.timeout),
            failures,
            interruptions,
        };
        let settled = settle(&over, policy, self.random.f64());
        let hooks: &[Hook] = match (&job, &settled) {
            (Some(job), Settled::Success) => &job.settings.on_success,
            (Some(job), Settled::Failed(_)) => &job.settings.on_failure,
            _ => &[],
        };
        if !self.store.settle(attempt.run, &settled, hooks, now)? {
            return Ok(());
        }
        self.asked.remove(&attempt.id);
        self.starts.remove(&attempt.id);
        self.known.remove(&attempt.id);
        let (run, job) = (attempt.run, title.to_owned());
        let seconds = match (attempt.started_at, attempt.ended_at) {
            (Some(started), Some(ended)) => ended.duration_since(started).as_secs_f64(),
            _ => 0.0,
        };
        tell(Event::Ended {
            job: job.clone(),
            run,
            attempt: attempt.number,
            how: ended,
            exit_code: attempt.exit_code,
            signal: attempt.signal,
            seconds,
        });
        match settled {
            Settled::Success => self.succeeded += 1,
            Settled::Cancelled => {}
            Settled::Failed(reason) => {
                self.failed += 1;
                tell(Event::Failed { job, run, reason });
            }
            Settled::Again(wait) => {
                let seconds = wait.as_secs_f64();
                tell(Event::Retry { job, run, seconds });
            }
        }
        Ok(())
    }

    /// Decides about the times of every job.
    fn decide(&mut self, now: Timestamp, tell: Tell<'_>) -> Result<(), ScheduleError> {
        for ((job, number), due) in self.table.jobs().iter().zip(&self.registered).zip(&mut self.due) {
            if now < *due {
                continue;
            }
            let catchup = match job.settings.catchup {
                Catchup::None if self.looks => Catchup::Last,
                other => other,
            };
            let decided = self.store.decide(*number, |decided_until, open| {
                decide(job, catchup, decided_until, open, now)
            })?;
            *due = job.cron.next(decided.0.decided_until).unwrap_or(Timestamp::MAX);
            for skip in decided.0.skips {
                tell(Event::Skipped {
                    job: job.title(),
                    first: skip.first,
                    last: skip.last,
                    count: skip.count,
                    reason: skip.reason.as_str(),
                });
            }
        }
        Ok(())
    }

    /// Asks attempts to stop that aren't wanted any more.
    fn stop_unwanted(
        &mut self,
        now: Timestamp,
        processes: &mut dyn Processes,
        tell: Tell<'_>,
    ) -> Result<(), ScheduleError> {
        let runs = self.titles()?;
        for attempt in self.store.attempts_under_way()? {
            let unwanted = attempt.state == AttemptState::Running && attempt.stop.is_some();
            if unwanted && !self.asked.contains_key(&attempt.id) {
                self.asked.insert(attempt.id, later(now, self.grace));
                if let Some(process) = &attempt.process {
                    processes.signal(process, Signal::TERM);
                }
                tell(Event::Stopping {
                    job: runs.get(&attempt.run).cloned().unwrap_or_default(),
                    run: attempt.run,
                });
            }
        }
        Ok(())
    }

    /// Starts the runs that may start.
    fn start(&mut self, now: Timestamp, processes: &mut dyn Processes, tell: Tell<'_>) -> Result<(), ScheduleError> {
        let open = self.store.open_runs()?;
        // Runs of jobs that other daemons had are none of ours.
        let pooled: Vec<Pooled> = open
            .iter()
            .filter_map(|run| Some((run.open.clone(), self.job(run.open.job)?.pool())))
            .collect();
        for number in startable(&pooled, |pool| self.table.slots(pool), now) {
            let Some((run, job)) = open
                .iter()
                .find(|run| run.open.run == number)
                .and_then(|run| Some((run, self.job(run.open.job)?.clone())))
            else {
                continue;
            };
            let task = self.task(&job, run);
            let settings = &job.settings;
            let log = |number| logs::path(&self.home, &settings.project, &settings.name, run.open.run, number);
            let Some(id) = self.store.claim(number, &task, log, now)? else {
                continue;
            };
            let Some(attempt) = self.store.attempt(id)? else {
                continue;
            };
            tell(Event::Started {
                job: job.title(),
                run: number,
                attempt: attempt.number,
                scheduled_at: run.open.scheduled_at,
                log: attempt.log.clone(),
            });
            self.bring_up(&attempt, &job.title(), now, processes, tell)?;
        }
        Ok(())
    }

    fn task(&self, job: &Job, run: &OpenRun) -> Task {
        let settings = &job.settings;
        let variable = |name: &str, value: String| (name.to_owned(), value);
        Task {
            program: settings.program.clone().unwrap_or_else(|| self.program.clone()),
            arguments: settings.command.clone(),
            folder: settings.folder.clone(),
            variables: vec![
                variable("REFUEL_HOME", self.home.display().to_string()),
                variable("REFUEL_SCHEDULE_PROJECT", settings.project.clone()),
                variable("REFUEL_SCHEDULE_JOB", settings.name.clone()),
                variable("REFUEL_SCHEDULE_RUN", run.open.run.to_string()),
                variable("REFUEL_SCHEDULE_TIME", run.open.scheduled_at.to_string()),
            ],
            timeout: settings.timeout,
            grace: self.grace,
        }
    }

    /// Asks every attempt to stop: it is wanted later.
    pub(crate) fn close(
        &mut self,
        now: Timestamp,
        processes: &mut dyn Processes,
        tell: Tell<'_>,
    ) -> Result<(), ScheduleError> {
        self.store.stop_all(StopReason::Interrupted)?;
        self.stop_unwanted(now, processes, tell)
    }

    /// Kills every attempt that was asked to stop.
    pub(crate) fn kill(&mut self, processes: &mut dyn Processes) -> Result<(), ScheduleError> {
        for attempt in self.store.attempts_under_way()? {
            if let Some(process) = &attempt.process {
                processes.signal(process, Signal::KILL);
            }
            processes.signal_marked(&self.store.mark(attempt.id), Signal::KILL);
            self.asked.insert(attempt.id, Timestamp::MIN);
        }
        Ok(())
    }

    /// Whether a run of our jobs waits or is under way.
    pub(crate) fn has_open_runs(&self) -> Result<bool, ScheduleError> {
        let open = self.store.open_runs()?;
        Ok(open
            .iter()
            .any(|run| run.open.running || self.job(run.open.job).is_some()))
    }
}

/// The folders of a timetable's projects.
fn folders(table: &Timetable) -> Vec<PathBuf> {
    let folders: BTreeSet<PathBuf> = table.jobs().iter().map(|job| job.settings.folder.clone()).collect();
    folders.into_iter().collect()
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

/// An error with what lies below, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        text.push_str(&format!(": {cause}"));
        below = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
