//! A daemon with a clock and processes that are played. They are killed at every point.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::plan::LATER;
use crate::process::Identity;
use crate::settings::{JobSettings, Overlap};
use crate::store::{RunFilter, RunState};

/// What a played machine does: programs run until they are told to end.
#[derive(Debug, Default)]
struct Machine {
    /// Processes that watch: attempt and, once it was taken over, their number.
    watching: BTreeMap<i64, i64>,
    /// How often the program of a run was started, and when it was.
    started: BTreeMap<i64, u32>,
    /// Programs that run, by attempt.
    programs: BTreeMap<i64, i64>,
    /// Processes that were asked to stop.
    asked: Vec<i64>,
    /// Attempts whose programs were asked to stop, because nothing watches them.
    orphans: Vec<i64>,
    next: i64,
    /// Processes that were started and haven't taken their attempt over yet.
    starting: Vec<i64>,
    /// The daemon's own children.
    children: Vec<i64>,
}

#[derive(Debug, Clone, Default)]
struct Played(Rc<RefCell<Machine>>);

fn identity(number: i64) -> Identity {
    Identity {
        process: number as i32,
        started: number,
        boot: "played".to_owned(),
    }
}

impl Processes for Played {
    fn start(&mut self, _: &Path, attempt: i64, _: &Path) -> Result<(), ScheduleError> {
        let mut machine = self.0.borrow_mut();
        machine.starting.push(attempt);
        machine.children.push(attempt);
        Ok(())
    }

    fn is_starting(&mut self, attempt: i64) -> bool {
        let machine = self.0.borrow();
        machine.children.contains(&attempt) && machine.starting.contains(&attempt)
    }

    fn lives(&mut self, process: &Identity) -> bool {
        self.0
            .borrow()
            .watching
            .values()
            .any(|number| *number == process.started)
    }

    fn signal(&mut self, process: &Identity, _: Signal) {
        self.0.borrow_mut().asked.push(process.started);
    }

    fn signal_marked(&mut self, mark: &str, signal: Signal) -> usize {
        let attempt: i64 = mark.rsplit_once(':').unwrap().1.parse().unwrap();
        let mut machine = self.0.borrow_mut();
        let there = machine.programs.contains_key(&attempt);
        if signal == Signal::KILL {
            machine.programs.remove(&attempt);
        } else {
            machine.orphans.push(attempt);
        }
        usize::from(there)
    }
}

impl Played {
    /// The processes that were started take their attempts over, and start their programs.
    fn take_over(&self, store: &mut Store, now: Timestamp) {
        let mut machine = self.0.borrow_mut();
        for attempt in std::mem::take(&mut machine.starting) {
            machine.next += 1;
            let number = machine.next;
            if store.take_over(attempt, &identity(number), now).unwrap().is_some() {
                let run = store.attempt(attempt).unwrap().unwrap().run;
                let other = machine
                    .programs
                    .keys()
                    .find(|other| store.attempt(**other).unwrap().unwrap().run == run);
                assert_eq!(other, None, "two programs of run {run} at once");
                machine.watching.insert(attempt, number);
                machine.programs.insert(attempt, run);
                *machine.started.entry(run).or_default() += 1;
            }
        }
    }

    /// A program ends, and its process notes it.
    fn end(&self, store: &mut Store, which: usize, exit_code: i32, now: Timestamp) {
        let mut machine = self.0.borrow_mut();
        let Some(attempt) = machine.watching.keys().copied().nth(which) else {
            return;
        };
        machine.watching.remove(&attempt);
        machine.programs.remove(&attempt);
        let ended = if exit_code == 0 { Ended::Success } else { Ended::Failed };
        let end = AttemptEnd {
            ended,
            exit_code: Some(exit_code),
            signal: None,
        };
        store.end_attempt(attempt, end, now).unwrap();
    }

    /// Programs that were asked to stop do.
    fn obey(&self, store: &mut Store, now: Timestamp) {
        let mut machine = self.0.borrow_mut();
        for attempt in std::mem::take(&mut machine.orphans) {
            machine.programs.remove(&attempt);
        }
        let asked = std::mem::take(&mut machine.asked);
        for number in asked {
            let found = machine.watching.iter().find(|(_, watching)| **watching == number);
            let Some(attempt) = found.map(|(attempt, _)| *attempt) else {
                continue;
            };
            machine.watching.remove(&attempt);
            machine.programs.remove(&attempt);
            let stop = store.attempt(attempt).unwrap().unwrap().stop.unwrap();
            let end = AttemptEnd {
                ended: stop.ended(),
                exit_code: None,
                signal: Some(15),
            };
            store.end_attempt(attempt, end, now).unwrap();
        }
    }

    /// The process that watches a program is killed; the program runs on.
    fn kill_watcher(&self, which: usize) {
        let mut machine = self.0.borrow_mut();
        if let Some(attempt) = machine.watching.keys().copied().nth(which) {
            machine.watching.remove(&attempt);
        }
    }

    /// The daemon is killed: its children are nobody's. Some that it had started may not have come up yet.
    fn kill_daemon(&self, lose_starting: bool) {
        let mut machine = self.0.borrow_mut();
        machine.children.clear();
        if lose_starting {
            machine.starting.clear();
        }
    }
}

struct Stage {
    folder: tempfile::TempDir,
    machine: Played,
    table: Timetable,
    now: Timestamp,
    conductor: Option<Conductor>,
    events: Vec<String>,
}

impl Stage {
    fn new(settings: JobSettings) -> Self {
        let mut stage = Self {
            folder: tempfile::tempdir().unwrap(),
            machine: Played::default(),
            table: Timetable::new([settings], []).unwrap(),
            now: "2026-03-01T00:00:30Z".parse().unwrap(),
            conductor: None,
            events: Vec::new(),
        };
        stage.restart();
        stage
    }

    fn restart(&mut self) {
        self.conductor = None;
        let store = Store::open(self.folder.path()).unwrap();
        let grace = Duration::from_secs(10);
        let mut conductor = Conductor::new(store, self.folder.path(), Path::new("refuel"), grace, false);
        conductor.set(self.table.clone(), self.now, &mut |_| {}).unwrap();
        self.conductor = Some(conductor);
    }

    fn tick(&mut self) {
        let events = &mut self.events;
        let conductor = self.conductor.as_mut().unwrap();
        let mut tell = |event: Event| events.push(event.to_string());
        conductor.tick(self.now, &mut self.machine, &mut tell).unwrap();
    }

    fn store(&self) -> Store {
        Store::open(self.folder.path()).unwrap()
    }

    /// Time passes, the daemon ticks, and what it started comes up.
    fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        self.tick();
        self.machine.take_over(&mut self.store(), self.now);
    }

    fn end(&mut self, exit_code: i32) {
        self.machine.end(&mut self.store(), 0, exit_code, self.now);
        self.tick();
    }

    fn told(&mut self) -> String {
        std::mem::take(&mut self.events).join("\n")
    }
}

fn minutely() -> JobSettings {
    JobSettings {
        catchup: Catchup::None,
        ..JobSettings::new("shop", "/shop", "job", "* * * * *")
    }
}

#[test]
fn a_run_that_fails_is_tried_again_and_then_given_up() {
    let mut settings = minutely();
    settings.cron = "@hourly".to_owned();
    settings.retries = 1;
    settings.retry_delay = Duration::from_secs(4);
    let mut stage = Stage::new(settings);
    stage.pass(3570);
    stage.end(LATER);
    stage.pass(1);
    assert_eq!(stage.machine.0.borrow().programs.len(), 0, "it waits");
    stage.pass(4);
    stage.end(LATER);
    let told = stage.told();
    // The wait is partly random.
    let told = told
        .lines()
        .filter(|line| !line.contains("is tried again"))
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(told, @r"
    shop.job: run 1 of 2026-03-01T01:00:00Z starts
    shop.job: run 1 failed with exit status 75 after 0.0 s
    shop.job: run 1 of 2026-03-01T01:00:00Z starts, attempt 2
    shop.job: run 1 failed with exit status 75 after 0.0 s
    shop.job: run 1 failed for good: exit status 75; no retry is left
    ");
}

#[test]
fn a_wrong_request_is_not_tried_again() {
    let mut settings = minutely();
    settings.retries = 5;
    let mut stage = Stage::new(settings);
    stage.pass(30);
    stage.end(2);
    insta::assert_snapshot!(stage.told(), @r"
    shop.job: run 1 of 2026-03-01T00:01:00Z starts
    shop.job: run 1 failed with exit status 2 after 0.0 s
    shop.job: run 1 failed for good: exit status 2: the request was wrong
    ");
}

#[test]
fn a_later_run_replaces_an_earlier_one() {
    let mut settings = minutely();
    settings.overlap = Overlap::CancelPrevious;
    let mut stage = Stage::new(settings);
    stage.pass(30);
    stage.pass(60);
    assert_eq!(
        stage.machine.0.borrow().programs.len(),
        1,
        "the earlier one is not gone yet"
    );
    stage.machine.obey(&mut stage.store(), stage.now);
    stage.pass(1);
    insta::assert_snapshot!(stage.told(), @r"
    shop.job: run 1 of 2026-03-01T00:01:00Z starts
    shop.job: run 1 is asked to stop
    shop.job: run 1 was stopped after 60.0 s
    shop.job: run 2 of 2026-03-01T00:02:00Z starts
    ");
    assert_eq!(stage.machine.0.borrow().programs.len(), 1);
}

#[test]
fn runs_that_may_queue_wait_for_each_other() {
    let mut settings = minutely();
    settings.overlap = Overlap::Queue;
    let mut stage = Stage::new(settings);
    stage.pass(30);
    stage.pass(60);
    stage.end(0);
    stage.pass(1);
    stage.end(0);
    insta::assert_snapshot!(stage.told(), @r"
    shop.job: run 1 of 2026-03-01T00:01:00Z starts
    shop.job: run 1 is done after 60.0 s
    shop.job: run 2 of 2026-03-01T00:02:00Z starts
    shop.job: run 2 is done after 0.0 s
    ");
}

#[test]
fn a_daemon_that_was_killed_finds_its_runs_again() {
    let mut stage = Stage::new(minutely());
    stage.pass(30);
    stage.machine.kill_daemon(false);
    stage.restart();
    stage.pass(20);
    stage.end(0);
    insta::assert_snapshot!(stage.told(), @r"
    shop.job: run 1 of 2026-03-01T00:01:00Z starts
    shop.job: run 1 goes on
    shop.job: run 1 is done after 20.0 s
    ");
}

#[test]
fn a_run_whose_watcher_was_killed_is_stopped_and_begun_again() {
    let mut settings = minutely();
    settings.cron = "@hourly".to_owned();
    let mut stage = Stage::new(settings);
    stage.pass(3570);
    stage.machine.kill_watcher(0);
    stage.pass(1);
    stage.pass(1);
    assert_eq!(stage.machine.0.borrow().started[&1], 1, "the first is not gone yet");
    stage.machine.obey(&mut stage.store(), stage.now);
    stage.pass(1);
    stage.pass(1);
    stage.end(0);
    insta::assert_snapshot!(stage.told(), @r"
    shop.job: run 1 of 2026-03-01T01:00:00Z starts
    shop.job: run 1 was interrupted after 3.0 s
    shop.job: run 1 begins again
    shop.job: run 1 of 2026-03-01T01:00:00Z starts, attempt 2
    shop.job: run 1 is done after 1.0 s
    ");
}

#[test]
fn an_attempt_that_was_claimed_and_never_came_up_is_brought_up_by_the_next_daemon() {
    let mut stage = Stage::new(minutely());
    stage.now += SignedDuration::from_secs(30);
    stage.tick();
    stage.machine.kill_daemon(true);
    stage.restart();
    stage.pass(1);
    stage.end(0);
    assert_eq!(stage.machine.0.borrow().started.values().sum::<u32>(), 1);
    let run = stage.store().run(1).unwrap().0;
    assert_eq!((run.state, run.attempts), (RunState::Success, 1));
}

#[test]
fn runs_of_a_job_that_is_gone_are_taken_away() {
    let mut settings = minutely();
    settings.overlap = Overlap::Queue;
    let mut stage = Stage::new(settings);
    stage.pass(30);
    stage.pass(60);
    let mut events = Vec::new();
    let conductor = stage.conductor.as_mut().unwrap();
    let table = Timetable::default();
    conductor
        .set(table, stage.now, &mut |event| events.push(event.to_string()))
        .unwrap();
    assert_eq!(events, ["job: run 2 was taken away: its job is gone, or switched off"]);
    stage.end(0);
    assert_eq!(stage.store().run(1).unwrap().0.state, RunState::Success);
}

#[test]
fn a_job_that_is_off_runs_when_somebody_asks_for_it() {
    let mut settings = minutely();
    settings.enabled = false;
    let mut stage = Stage::new(settings);
    let registered = stage.store().register(&stage.table.jobs()[0], stage.now).unwrap();
    let run = stage.store().trigger(registered, stage.now).unwrap();
    stage.restart();
    stage.pass(60);
    stage.end(0);
    assert_eq!(stage.store().run(run).unwrap().0.state, RunState::Success);
    assert_eq!(stage.store().open_runs().unwrap().len(), 0, "it isn't due by itself");
}

#[derive(Debug, Clone)]
enum Step {
    Pass(i64),
    TakeOver,
    End(usize, i32),
    KillWatcher(usize),
    KillDaemon(bool),
    Obey,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_i64..400).prop_map(Step::Pass),
        4 => Just(Step::TakeOver),
        3 => (0_usize..2, prop_oneof![3 => Just(0), 2 => Just(LATER), 1 => Just(1), 1 => Just(2)]).prop_map(|(which, exit)| Step::End(which, exit)),
        1 => (0_usize..2).prop_map(Step::KillWatcher),
        2 => any::<bool>().prop_map(Step::KillDaemon),
        2 => Just(Step::Obey),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever is killed, and whenever: no two programs of a run at once (`take_over` checks it), no program of a run
    /// that is done, and every time of the job is a run or recorded as skipped.
    #[test]
    fn no_run_is_lost_or_doubled(
        catchup in prop_oneof![Just(Catchup::None), Just(Catchup::Last), Just(Catchup::All)],
        overlap in prop_oneof![Just(Overlap::Skip), Just(Overlap::Queue), Just(Overlap::CancelPrevious)],
        retries in 0_u32..3,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut settings = minutely();
        (settings.catchup, settings.overlap, settings.retries) = (catchup, overlap, retries);
        let mut stage = Stage::new(settings);
        let begin = stage.now;
        let mut decided = stage.now;
        for step in steps {
            match step {
                Step::Pass(seconds) => stage.now += SignedDuration::from_secs(seconds),
                Step::TakeOver => stage.machine.take_over(&mut stage.store(), stage.now),
                Step::End(which, exit) => stage.machine.end(&mut stage.store(), which, exit, stage.now),
                Step::KillWatcher(which) => stage.machine.kill_watcher(which),
                Step::KillDaemon(lose_starting) => {
                    stage.machine.kill_daemon(lose_starting);
                    stage.restart();
                    continue;
                }
                Step::Obey => stage.machine.obey(&mut stage.store(), stage.now),
            }
            stage.tick();
            decided = stage.now;
            let store = stage.store();
            let machine = stage.machine.0.borrow();
            for run in machine.programs.values() {
                let state = store.run(*run).unwrap().0.state;
                prop_assert_eq!(state, RunState::Running, "run {} has a program", run);
            }
        }
        let store = stage.store();
        let runs = store.runs(&RunFilter { limit: u32::MAX, ..RunFilter::default() }).unwrap();
        let skipped: u64 = store.skips(None, u32::MAX).unwrap().iter().map(|skip| skip.count.unwrap()).sum();
        let job = &stage.table.jobs()[0];
        let due = job.cron.after(begin).take_while(|at| *at <= decided).count() as u64;
        prop_assert_eq!(runs.len() as u64 + skipped, due);
        for run in &runs {
            let (run, attempts, _) = store.run(run.run).unwrap();
            let succeeded = attempts.iter().filter(|attempt| attempt.state == "success").count();
            prop_assert_eq!(succeeded, usize::from(run.state == RunState::Success));
            let failed = attempts.iter().filter(|attempt| attempt.state == "failed").count() as u32;
            prop_assert!(failed <= retries + 1);
        }
    }
}
