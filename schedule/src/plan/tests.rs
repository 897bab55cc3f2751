use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::due::{MOST_CAUGHT_UP, MOST_OPEN, SkipReason};
use super::retry::{LATER, LONGEST_DELAY, MOST_INTERRUPTIONS};
use super::*;
use crate::settings::{Catchup, Job, JobSettings, Overlap, PoolKey};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn job(cron: &str, catchup: Catchup, overlap: Overlap) -> Job {
    let mut settings = JobSettings::new("shop", "/shop", "job", cron);
    settings.catchup = catchup;
    settings.overlap = overlap;
    Job::new(settings).unwrap()
}

/// Decides as the job's settings have it.
fn decide(job: &Job, decided_until: Timestamp, open: &[Open], now: Timestamp) -> Decision {
    super::decide(job, job.settings.catchup, decided_until, open, now)
}

fn open(run: i64, job: i64, at: &str, running: bool) -> Open {
    let at = time(at);
    Open {
        run,
        job,
        scheduled_at: at,
        running,
        not_before: at,
    }
}

/// A decision, in words.
fn told(decision: &Decision) -> String {
    let mut lines = Vec::new();
    for (at, caught_up) in &decision.runs {
        lines.push(format!("run {at}{}", if *caught_up { ", caught up" } else { "" }));
    }
    for skip in &decision.skips {
        let count = skip.count.map_or_else(|| "?".to_owned(), |count| count.to_string());
        lines.push(format!(
            "skip {count} from {} to {}: {}",
            skip.first,
            skip.last,
            skip.reason.as_str()
        ));
    }
    for run in &decision.cancel {
        lines.push(format!("cancel {run}"));
    }
    lines.join("\n")
}

#[test]
fn times_that_were_missed_run_as_the_job_wants_it() {
    let (from, now) = (time("2026-03-01T00:30:00Z"), time("2026-03-01T04:30:00Z"));
    let decided = |catchup| told(&decide(&job("@hourly", catchup, Overlap::Skip), from, &[], now));
    insta::assert_snapshot!(decided(Catchup::None), @"skip 4 from 2026-03-01T01:00:00Z to 2026-03-01T04:00:00Z: missed");
    insta::assert_snapshot!(decided(Catchup::Last), @r"
    run 2026-03-01T04:00:00Z, caught up
    skip 3 from 2026-03-01T01:00:00Z to 2026-03-01T03:00:00Z: missed
    ");
    insta::assert_snapshot!(decided(Catchup::All), @r"
    run 2026-03-01T01:00:00Z, caught up
    run 2026-03-01T02:00:00Z, caught up
    run 2026-03-01T03:00:00Z, caught up
    run 2026-03-01T04:00:00Z, caught up
    ");
}

#[test]
fn the_last_missed_time_gives_way_to_one_that_is_due_now() {
    let (from, now) = (time("2026-03-01T00:30:00Z"), time("2026-03-01T03:00:01Z"));
    let decision = decide(&job("@hourly", Catchup::Last, Overlap::Skip), from, &[], now);
    insta::assert_snapshot!(told(&decision), @r"
    run 2026-03-01T03:00:00Z
    skip 2 from 2026-03-01T01:00:00Z to 2026-03-01T02:00:00Z: missed
    ");
}

#[test]
fn of_several_times_that_are_due_at_once_the_newest_runs() {
    let (from, now) = (time("2026-03-01T00:49:52Z"), time("2026-03-01T00:57:16Z"));
    let decided = |overlap| told(&decide(&job("* * * * *", Catchup::Last, overlap), from, &[], now));
    let newest = decided(Overlap::Skip);
    insta::assert_snapshot!(newest, @r"
    run 2026-03-01T00:57:00Z
    skip 6 from 2026-03-01T00:50:00Z to 2026-03-01T00:55:00Z: missed
    skip 1 from 2026-03-01T00:56:00Z to 2026-03-01T00:56:00Z: superseded
    ");
    assert_eq!(decided(Overlap::CancelPrevious), newest);
}

#[test]
fn years_of_missed_times_are_bounded() {
    let (from, now) = (time("2020-01-01T00:00:00Z"), time("2026-03-01T00:00:30Z"));
    let decision = decide(&job("@hourly", Catchup::All, Overlap::Queue), from, &[], now);
    // The 100th of them is due now, and finds 99 that wait.
    assert_eq!(decision.runs.len(), MOST_CAUGHT_UP);
    let skipped: Vec<(Option<u64>, SkipReason)> = decision.skips.iter().map(|skip| (skip.count, skip.reason)).collect();
    assert_eq!(
        skipped,
        [
            (None, SkipReason::Missed),
            (Some(366 * 24 - 1 - 100), SkipReason::Missed),
            (Some(1), SkipReason::Full)
        ]
    );
    assert!(decision.skips[0].last < decision.skips[1].first);
}

#[test]
fn a_time_at_the_edge_of_what_is_counted_is_decided_once() {
    let now = time("2026-03-01T00:00:30.5Z");
    let decision = decide(
        &job("30,31 0 0 * * *", Catchup::None, Overlap::Skip),
        time("2020-01-01T00:00:00Z"),
        &[],
        now,
    );
    let [forgotten, missed, ..] = &decision.skips[..] else {
        panic!("{:?}", decision.skips);
    };
    assert_eq!(
        missed.first.duration_since(forgotten.last),
        SignedDuration::from_secs(1)
    );
}

#[test]
fn a_time_that_meets_an_open_run_is_treated_as_the_job_wants_it() {
    let (from, now) = (time("2026-03-01T00:30:00Z"), time("2026-03-01T01:00:00Z"));
    let running = [open(7, 1, "2026-03-01T00:00:00Z", true)];
    let decided = |overlap| told(&decide(&job("@hourly", Catchup::None, overlap), from, &running, now));
    insta::assert_snapshot!(decided(Overlap::Skip), @"skip 1 from 2026-03-01T01:00:00Z to 2026-03-01T01:00:00Z: overlap");
    insta::assert_snapshot!(decided(Overlap::Queue), @"run 2026-03-01T01:00:00Z");
    insta::assert_snapshot!(decided(Overlap::CancelPrevious), @r"
    run 2026-03-01T01:00:00Z
    cancel 7
    ");
}

#[test]
fn a_job_that_is_off_or_a_clock_that_was_put_back_decides_nothing() {
    let (from, now) = (time("2026-03-01T00:30:00Z"), time("2026-03-01T01:00:00Z"));
    let mut off = job("@hourly", Catchup::All, Overlap::Skip);
    off.settings.enabled = false;
    let decision = decide(&off, from, &[], now);
    assert_eq!((told(&decision).as_str(), decision.decided_until), ("", now));
    let decision = decide(&job("@hourly", Catchup::All, Overlap::Skip), now, &[], from);
    assert_eq!((told(&decision).as_str(), decision.decided_until), ("", now));
}

#[test]
fn runs_start_in_their_order_as_pools_have_room() {
    let gpu = PoolKey::Named("gpu".to_owned());
    let shop = PoolKey::Project("/shop".into());
    let now = time("2026-03-01T03:00:00Z");
    let slots = |pool: &PoolKey| if matches!(pool, PoolKey::Named(_)) { 2 } else { 1 };
    let mut waits = open(5, 5, "2026-03-01T00:20:00Z", false);
    waits.not_before = time("2026-03-01T03:00:01Z");
    let runs = [
        (open(1, 1, "2026-03-01T02:00:00Z", false), gpu.clone()),
        (open(2, 2, "2026-03-01T01:00:00Z", false), gpu.clone()),
        (open(3, 3, "2026-03-01T00:00:00Z", true), gpu.clone()),
        // Its job runs already.
        (open(4, 3, "2026-03-01T00:10:00Z", false), shop.clone()),
        (waits, shop.clone()),
        (open(6, 5, "2026-03-01T00:30:00Z", false), shop.clone()),
        (open(7, 7, "2026-03-01T02:30:00Z", false), shop),
    ];
    assert_eq!(startable(&runs, slots, now), [2, 7]);
    assert_eq!(startable(&runs, slots, now + SignedDuration::from_secs(1)), [5, 2]);
}

/// An attempt that ended with an exit status, and how often its run has failed by now.
fn exited(code: i32, failures: u32) -> Over {
    Over {
        ended: Ended::Failed,
        exit_code: Some(code),
        signal: None,
        timeout: None,
        failures,
        interruptions: 0,
    }
}

/// What becomes of a run, as a person is told.
fn settled(over: &Over) -> String {
    let policy = RetryPolicy {
        retries: 2,
        delay: Duration::from_secs(10),
    };
    match settle(over, policy, 0.5) {
        Settled::Again(wait) => format!("again in {wait:?}"),
        Settled::Failed(reason) => format!("failed: {reason}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn what_may_be_better_later_is_tried_again() {
    insta::assert_snapshot!(settled(&exited(LATER, 1)), @"again in 7.5s");
    insta::assert_snapshot!(settled(&exited(LATER, 2)), @"again in 15s");
    insta::assert_snapshot!(settled(&exited(LATER, 3)), @"failed: exit status 75; no retry is left");
    // Of programs that know nothing of this status, and of ends that nobody meant.
    insta::assert_snapshot!(settled(&exited(127, 1)), @"again in 7.5s");
    let killed = Over {
        exit_code: None,
        signal: Some(9),
        ..exited(0, 1)
    };
    insta::assert_snapshot!(settled(&killed), @"again in 7.5s");
}

#[test]
fn what_would_fail_again_is_not_tried_again() {
    // A test that fails, a column that is missing, a budget that would be passed: more of the same makes none of it well.
    insta::assert_snapshot!(settled(&exited(1, 1)), @"failed: exit status 1: trying again would not help");
    insta::assert_snapshot!(settled(&exited(2, 1)), @"failed: exit status 2: the request was wrong");
}

#[test]
fn a_run_says_how_its_last_attempt_ended() {
    let last = Over {
        exit_code: None,
        ..exited(0, 3)
    };
    let told = |over: Over| settled(&over);
    insta::assert_snapshot!(told(Over { ended: Ended::Timeout, exit_code: Some(130), timeout: Some(Duration::from_secs(3)), ..last }), @"failed: it took longer than 3 s; no retry is left");
    insta::assert_snapshot!(told(Over { ended: Ended::Timeout, ..last }), @"failed: it took too long; no retry is left");
    insta::assert_snapshot!(told(last), @"failed: it could not be started; no retry is left");
    insta::assert_snapshot!(told(Over { signal: Some(9), ..last }), @"failed: ended by signal 9; no retry is left");
    insta::assert_snapshot!(told(Over { ended: Ended::Interrupted, interruptions: MOST_INTERRUPTIONS, ..last }), @"failed: interrupted too often");
}

#[test]
fn what_was_not_the_runs_own_fault_uses_no_retry_up() {
    let with = |ended, failures, interruptions| Over {
        ended,
        interruptions,
        ..exited(0, failures)
    };
    insta::assert_snapshot!(settled(&with(Ended::Success, 0, 0)), @"Success");
    insta::assert_snapshot!(settled(&with(Ended::Cancelled, 0, 0)), @"Cancelled");
    insta::assert_snapshot!(settled(&with(Ended::Interrupted, 2, 1)), @"again in 0ns");
}

fn catchup() -> impl Strategy<Value = Catchup> {
    prop_oneof![Just(Catchup::None), Just(Catchup::Last), Just(Catchup::All)]
}

fn overlap_policy() -> impl Strategy<Value = Overlap> {
    prop_oneof![Just(Overlap::Skip), Just(Overlap::Queue), Just(Overlap::CancelPrevious)]
}

fn expression() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("* * * * *"),
        Just("*/20 * * * * *"),
        Just("7,37 * * * *"),
        Just("30 2 * * *"),
        Just("0 */6 * * *"),
        Just("15 4 * * SUN"),
    ]
}

proptest! {
    /// However the schedule comes and goes, each time of a job is decided once: it becomes a run or is recorded.
    #[test]
    fn every_time_is_decided_once(
        expression in expression(),
        catchup in catchup(),
        overlap in overlap_policy(),
        begin in 1_740_000_000_i64..1_780_000_000,
        steps in prop::collection::vec((1_i64..20_000, 0_usize..3), 1..12),
    ) {
        let job = job(expression, catchup, overlap);
        let begin = Timestamp::from_second(begin).unwrap();
        let (mut now, mut decided_until) = (begin, begin);
        let (mut runs, mut skipped) = (Vec::new(), 0);
        let mut open_runs: Vec<Open> = Vec::new();
        for (seconds, done) in steps {
            now += SignedDuration::from_secs(seconds);
            open_runs.drain(..done.min(open_runs.len()));
            let decision = decide(&job, decided_until, &open_runs, now);
            decided_until = decision.decided_until;
            open_runs.retain(|open| !decision.cancel.contains(&open.run));
            for (at, _) in &decision.runs {
                open_runs.push(Open { run: runs.len() as i64, job: 1, scheduled_at: *at, running: false, not_before: *at });
                runs.push(*at);
            }
            prop_assert!(open_runs.len() <= MOST_OPEN + 1);
            for skip in &decision.skips {
                let between = job.cron.after(skip.first - SignedDuration::from_secs(1)).take_while(|at| *at <= skip.last);
                prop_assert_eq!(Some(between.count() as u64), skip.count);
                skipped += skip.count.unwrap();
            }
        }
        prop_assert!(runs.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", runs);
        let due = job.cron.after(begin).take_while(|at| *at <= now).count() as u64;
        prop_assert_eq!(runs.len() as u64 + skipped, due);
    }

    /// A pool never has more runs than slots, and a job never more than one.
    #[test]
    fn pools_hold(jobs in prop::collection::vec((0_i64..5, any::<bool>(), 0_i64..100), 0..20), slots in 1_u32..4) {
        let pool = |number: u8| PoolKey::Named(number.to_string());
        let mut running: Vec<i64> = Vec::new();
        let mut used = [0_u32; 3];
        let runs: Vec<Pooled> = jobs.iter().enumerate().map(|(number, (job, wants, at))| {
            // A job has one pool, and what runs already keeps to the rules.
            let name = *job as u8 % 3;
            let runs = *wants && !running.contains(job) && used[usize::from(name)] < slots;
            if runs {
                running.push(*job);
                used[usize::from(name)] += 1;
            }
            let at = Timestamp::from_second(*at).unwrap();
            (Open { run: number as i64, job: *job, scheduled_at: at, running: runs, not_before: at }, pool(name))
        }).collect();
        let now = Timestamp::from_second(50).unwrap();
        for start in startable(&runs, |_| slots, now) {
            let (run, PoolKey::Named(name)) = &runs[start as usize] else { unreachable!() };
            prop_assert!(!run.running && run.not_before <= now);
            prop_assert!(!running.contains(&run.job));
            running.push(run.job);
            used[name.parse::<usize>().unwrap()] += 1;
        }
        prop_assert!(used.iter().all(|used| *used <= slots));
    }

    /// Waits grow up to a bound, and no number makes them overflow.
    #[test]
    fn waits_are_bounded(failures in 1_u32..=u32::MAX, seconds in 0_u64..1_000_000, random in 0.0..1.0_f64) {
        let policy = RetryPolicy { retries: u32::MAX, delay: Duration::from_secs(seconds) };
        let Settled::Again(wait) = settle(&exited(LATER, failures), policy, random) else {
            return Err(TestCaseError::fail("it is tried again"));
        };
        prop_assert!(wait <= LONGEST_DELAY);
        prop_assert!(wait * 2 >= policy.delay.min(LONGEST_DELAY));
    }
}
