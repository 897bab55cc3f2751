//! What daemons make of each other, of their files and of time.

use refuel_schedule::RunState;
use serde_json::json;

use crate::desk::{Desk, until};

#[test]
fn two_daemons_exclude_each_other() {
    let desk = Desk::new(&[("job", "true", json!({}))]);
    let mut first = desk.daemon(false);
    let ready = first.until("ready: process");
    let mut second = desk.daemon(false);
    let refused = second.until("error RF1610");
    assert_eq!(second.wait(), Some(2));
    let process = ready.split_once("process ").unwrap().1.split_once(',').unwrap().0;
    assert!(
        refused.ends_with(&format!("for this home folder: process {process}")),
        "{refused}"
    );
    // kill -9 gives the lock back.
    first.kill();
    desk.once();
}

#[test]
fn a_job_that_is_due_every_second_runs_by_itself() {
    let desk = Desk::new(&[(
        "job",
        "echo x >> ran",
        json!({"cron": "* * * * * *", "overlap": "queue"}),
    )]);
    let daemon = desk.daemon(false);
    desk.until_lines("ran", 2);
    daemon.end();
    let runs = desk.runs();
    assert!(runs.iter().all(|run| run.origin == "cron"), "{runs:#?}");
    let late = runs
        .iter()
        .filter_map(|run| Some(run.started_at?.duration_since(run.scheduled_at)));
    assert!(
        late.clone().all(|late| late.is_positive()),
        "no run starts before its time"
    );
}

#[test]
fn a_later_run_replaces_one_that_takes_too_long() {
    let settings = json!({"cron": "* * * * * *", "overlap": "cancel_previous"});
    let desk = Desk::new(&[("job", "echo x >> starts; sleep 60", settings)]);
    let daemon = desk.daemon(false);
    desk.until_lines("starts", 3);
    daemon.end();
    let runs = desk.runs();
    let cancelled: Vec<_> = runs.iter().filter(|run| run.state == RunState::Cancelled).collect();
    assert!(cancelled.len() >= 2, "{runs:#?}");
    assert!(
        cancelled
            .iter()
            .all(|run| run.reason.as_deref() == Some("a later run replaces it")),
        "{runs:#?}"
    );
}

#[test]
fn jobs_of_one_project_take_turns() {
    let script = "mkdir busy || echo two at once >> wrong; sleep 0.3; rmdir busy";
    let desk = Desk::new(&[
        ("a", script, json!({})),
        ("b", script, json!({})),
        ("c", script, json!({})),
    ]);
    let runs = ["a", "b", "c"].map(|job| desk.trigger(job));
    desk.once();
    assert!(runs.iter().all(|run| desk.run(*run).state == RunState::Success));
    assert_eq!(desk.lines("wrong"), Vec::<String>::new());
}

#[test]
fn files_that_change_are_read_again_and_wrong_ones_change_nothing() {
    let desk = Desk::new(&[("job", "true", json!({}))]);
    let mut daemon = desk.daemon(false);
    daemon.until("1 job, the next at");
    desk.set(&[("job", "true", json!({"cron": "nonsense"}))]);
    daemon.until("a project is wrong, its jobs stay as they were");
    desk.set(&[("other", "echo x >> ran", json!({})), ("job", "true", json!({}))]);
    daemon.until("read projects again: 2 jobs");
    daemon.signal("HUP");
    daemon.until("read projects again: 2 jobs");
    // One that a daemon is asked for while it works.
    let run = desk.trigger("other");
    daemon.until("is done");
    until("the run", || (desk.run(run).state == RunState::Success).then_some(()));
    assert_eq!(desk.lines("ran").len(), 1);
    daemon.end();
}
