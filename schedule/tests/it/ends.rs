//! How programs and daemons end.

use std::time::{Duration, Instant};

use refuel_schedule::RunState;
use serde_json::json;

use crate::desk::{Desk, lives};

#[test]
fn a_run_knows_what_it_is_and_its_output_is_kept() {
    let script = "echo $REFUEL_SCHEDULE_PROJECT.$REFUEL_SCHEDULE_JOB $REFUEL_SCHEDULE_RUN; echo wrong >&2; pwd; echo $REFUEL_HOME";
    let desk = Desk::new(&[("job", script, json!({}))]);
    let run = desk.trigger("job");
    desk.once();
    let (record, attempts, _) = desk.store().run(run).unwrap();
    assert_eq!(
        (record.state, record.origin.as_str(), record.exit_code),
        (RunState::Success, "manual", Some(0))
    );
    let log = refuel_schedule::tail(&attempts[0].log, 100).unwrap();
    let place = desk.path(".").canonicalize().unwrap();
    let wanted = format!(
        "shop.job {run}\nwrong\n{}\n{}",
        place.display(),
        desk.path("home").display()
    );
    assert!(log.contains(&wanted), "{log}");
}

#[test]
fn a_program_that_takes_too_long_is_stopped_with_all_that_it_started() {
    // Neither listens to SIGTERM.
    let script =
        "trap '' TERM; echo $$ >> starts; sh -c \"trap '' TERM; echo \\$\\$ >> starts; sleep 60\" & sleep 60; sleep 60";
    let desk = Desk::new(&[("job", script, json!({"timeout": 500}))]);
    let run = desk.trigger("job");
    let began = Instant::now();
    desk.once();
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(desk.attempts(run), ["timeout"]);
    assert_eq!(desk.run(run).state, RunState::Failed);
    for process in desk.until_lines("starts", 2) {
        assert!(!lives(&process), "{process} lives on");
    }
}

#[test]
fn a_program_that_may_do_better_later_is_tried_again_and_no_other() {
    let flaky = "echo x >> flaky; test $(wc -l < flaky) -ge 3 || exit 75";
    let killed = "echo x >> killed; test $(wc -l < killed) -ge 2 || kill -9 $$";
    let retries = || json!({"retries": 2, "retry_delay": 100});
    let desk = Desk::new(&[
        ("flaky", flaky, retries()),
        ("killed", killed, retries()),
        ("wrong", "exit 2", retries()),
        ("failed", "exit 1", retries()),
        ("hopeless", "exit 75", retries()),
    ]);
    let runs = ["flaky", "killed", "wrong", "failed", "hopeless"].map(|job| desk.trigger(job));
    desk.once();
    assert_eq!(desk.attempts(runs[0]), ["failed", "failed", "success"]);
    assert_eq!(desk.attempts(runs[1]), ["failed", "success"]);
    assert_eq!(desk.store().run(runs[1]).unwrap().1[0].signal, Some(9));
    assert_eq!(desk.attempts(runs[2]), ["failed"]);
    assert_eq!(desk.attempts(runs[3]), ["failed"]);
    assert_eq!(desk.attempts(runs[4]), ["failed", "failed", "failed"]);
    let reasons = [2, 3, 4].map(|run| desk.run(runs[run]).reason.unwrap());
    assert_eq!(
        reasons,
        [
            "exit status 2: the request was wrong",
            "exit status 1: trying again would not help",
            "exit status 75; no retry is left"
        ]
    );
}

#[test]
fn a_folder_that_is_gone_and_a_time_that_is_over_are_told_as_such() {
    let desk = Desk::new(&[
        ("slow", "sleep 60", json!({"timeout": 500})),
        ("lost", "true", json!({"folder": "/nowhere/at/all"})),
    ]);
    let runs = ["slow", "lost"].map(|job| desk.trigger(job));
    desk.once();
    let reasons = runs.map(|run| desk.run(run).reason.unwrap());
    assert_eq!(
        reasons,
        [
            "it took longer than 0.5 s; no retry is left",
            "it could not be started; no retry is left"
        ]
    );
}

#[test]
fn a_program_that_is_not_there_fails() {
    let desk = Desk::new(&[("job", "true", json!({}))]);
    let run = desk.trigger("job");
    // The folder goes between the claim and the start; what the shell would be makes no difference.
    desk.set(&[("job", "exec /nowhere/program", json!({}))]);
    let mut daemon = desk.daemon(true);
    assert_eq!(daemon.wait(), Some(101), "a failed run is told by the status");
    assert_eq!(
        (desk.run(run).state, desk.run(run).exit_code),
        (RunState::Failed, Some(127))
    );
}

#[test]
fn a_daemon_that_is_asked_to_end_stops_its_runs_and_the_next_one_begins_them_again() {
    let script = "echo $$ >> starts; test $(wc -l < starts) -gt 1 || sleep 60";
    let desk = Desk::new(&[("job", script, json!({}))]);
    let run = desk.trigger("job");
    let daemon = desk.daemon(false);
    let program = desk.until_lines("starts", 1).remove(0);
    let events = daemon.end().join("\n");
    assert!(events.contains("asked to end; 1 run is stopped first"), "{events}");
    assert!(events.ends_with("ended"), "{events}");
    assert!(!lives(&program));
    assert_eq!(
        (desk.run(run).state, desk.attempts(run)),
        (RunState::Queued, vec!["interrupted".to_owned()])
    );
    desk.once();
    assert_eq!(desk.attempts(run), ["interrupted", "success"]);
}

#[test]
fn a_second_signal_ends_a_daemon_at_once() {
    let desk = Desk::new(&[(
        "job",
        "trap '' TERM; echo $$ >> starts; while true; do sleep 0.1; done",
        json!({}),
    )]);
    let run = desk.trigger("job");
    let mut daemon = desk.daemon(false);
    let program = desk.until_lines("starts", 1).remove(0);
    daemon.signal("TERM");
    daemon.until("is stopped first");
    daemon.signal("INT");
    daemon.wait();
    assert!(!lives(&program));
    assert_eq!(desk.attempts(run), ["interrupted"]);
}
