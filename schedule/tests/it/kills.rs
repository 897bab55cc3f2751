//! Whatever is killed, no run is lost or doubled.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use refuel_schedule::{Cron, RunState};
use serde_json::json;

use crate::desk::{Desk, lives, signal, until};

#[test]
fn a_run_outlives_its_daemon_and_is_found_by_the_next_one() {
    let desk = Desk::new(&[("job", "echo started >> starts; sleep 2; exit 7", json!({}))]);
    let run = desk.trigger("job");
    let mut daemon = desk.daemon(false);
    daemon.until("starts");
    desk.until_lines("starts", 1);
    daemon.kill();
    let events = desk.once().join("\n");
    assert!(events.contains("run 1 goes on"), "{events}");
    // The next daemon isn't its parent, and knows how it ended all the same.
    assert!(events.contains("failed with exit status 7"), "{events}");
    assert_eq!(desk.lines("starts").len(), 1);
    assert_eq!(
        (desk.run(run).state, desk.attempts(run)),
        (RunState::Failed, vec!["failed".to_owned()])
    );
}

#[test]
fn a_run_that_ends_while_no_daemon_is_there_is_settled_by_the_next_one() {
    let desk = Desk::new(&[("job", "echo started >> starts; sleep 0.5; echo done >> ends", json!({}))]);
    let run = desk.trigger("job");
    let daemon = desk.daemon(false);
    desk.until_lines("starts", 1);
    daemon.kill();
    until("the end of the attempt", || {
        (desk.attempts(run) == ["success"]).then_some(())
    });
    assert_eq!(desk.run(run).state, RunState::Running, "nobody has settled it yet");
    desk.once();
    assert_eq!((desk.run(run).state, desk.lines("ends").len()), (RunState::Success, 1));
}

#[test]
fn a_program_whose_watcher_was_killed_is_stopped_before_it_begins_again() {
    let script = "echo $$ $PPID >> starts; test $(wc -l < starts) -gt 1 || sleep 60; echo done >> ends";
    let desk = Desk::new(&[("job", script, json!({}))]);
    let run = desk.trigger("job");
    let mut daemon = desk.daemon(true);
    let started = desk.until_lines("starts", 1).remove(0);
    let (program, watcher) = started.split_once(' ').unwrap();
    signal(watcher, "KILL");
    daemon.until("begins again");
    assert!(!lives(program), "it was stopped");
    daemon.wait();
    assert_eq!(desk.attempts(run), ["interrupted", "success"]);
    assert_eq!((desk.lines("starts").len(), desk.lines("ends").len()), (2, 1));
}

#[test]
fn daemons_that_are_killed_again_and_again_run_each_time_once() {
    let settings = json!({"cron": "* * * * * *", "catchup": "all", "overlap": "queue"});
    let script = "echo $REFUEL_SCHEDULE_TIME >> times; sleep 0.2";
    let desk = Desk::new(&[("job", script, settings)]);
    // Another moment each time: at the start, while it decides, claims, starts, waits.
    for round in 0..14 {
        let daemon = desk.daemon(false);
        thread::sleep(Duration::from_millis(130 + 97 * round));
        daemon.kill();
    }
    // One that works until it has caught up, then ends in order.
    let daemon = desk.daemon(false);
    until("the runs that wait", || {
        desk.runs()
            .iter()
            .all(|run| run.state == RunState::Success)
            .then_some(())
    });
    daemon.end();
    // Whatever was interrupted at the end runs now, and nothing new is due.
    desk.set(&[("job", script, json!({"cron": "@yearly"}))]);
    desk.once();

    let runs = desk.runs();
    assert!(runs.len() >= 10, "{} runs", runs.len());
    let times = desk.lines("times");
    let different: BTreeSet<&String> = times.iter().collect();
    // The last may have been interrupted by the end in order, and begun again.
    let again: usize = runs.iter().map(|run| run.attempts as usize - 1).sum();
    assert!(again <= 1, "{runs:#?}");
    assert!(times.len() - different.len() <= again, "{times:#?}");
    // No time between the first and the last is missing.
    let cron = Cron::parse("job", "* * * * * *", None).unwrap();
    let (first, last) = (runs.last().unwrap().scheduled_at, runs[0].scheduled_at);
    let due = 1 + cron.after(first).take_while(|at| *at <= last).count();
    assert_eq!(desk.store().skips(None, 100).unwrap(), []);
    assert_eq!(runs.len(), due);
    assert_eq!(different.len(), due);
}
