//! `refuel schedule` and `refuel runs`, as a user runs them.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::common::Desk;

/// A project with jobs, none of which is due by itself.
const PROJECT: &str = "\
name: shop
schedule:
  - name: nightly
    cron: \"30 2 * * *\"
    timezone: Europe/Berlin
    select: [tag:nightly+]
    vars: {since: 2025-01-01}
    on_failure:
      - command: echo \"told of $REFUEL_SCHEDULE_JOB, exit status $REFUEL_SCHEDULE_EXIT_STATUS\"
  - name: yearly
    cron: \"@yearly\"
    target: nowhere
  - name: resting
    cron: \"@hourly\"
    enabled: false
";

fn project() -> Desk {
    let desk = Desk::new();
    desk.write("refuel_project.yml", PROJECT);
    desk
}

/// What the program writes to standard output, as JSON.
fn json(desk: &Desk, arguments: &[&str]) -> Value {
    let output = desk.command(&desk.path("home"), arguments).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", desk.told(&output)))
}

/// Compares with a snapshot, with words for moments, durations and the program, which are different each time.
fn assert_steady(name: &str, told: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]");
    settings.add_filter(r"\b\d+\.\d+ s\b", "[SECONDS]");
    settings.add_filter(r"process \d+", "process [N]");
    settings.add_filter(r"\S+/refuel build", "refuel build");
    // Columns are as wide as the longest of these.
    settings.add_filter(r"─+", "───");
    settings.add_filter(r" {2,}", "  ");
    settings.bind(|| insta::assert_snapshot!(name, told));
}

#[test]
fn help_of_the_schedule() {
    let desk = Desk::new();
    insta::assert_snapshot!("help_schedule", desk.run(&["schedule", "--help"]));
    insta::assert_snapshot!("help_runs", desk.run(&["runs", "--help"]));
}

#[test]
fn jobs_are_listed_with_their_next_times() {
    let desk = project();
    let listed = json(&desk, &["schedule", "ls", "--next", "2", "--format", "json"]);
    let jobs = listed.as_array().unwrap();
    assert_eq!(jobs.len(), 3);
    assert_eq!(jobs[0]["next"].as_array().unwrap().len(), 2);
    assert_eq!(jobs[2]["next"], Value::from(Vec::<Value>::new()));
    let command = serde_json::json!([
        "build",
        "--select",
        "tag:nightly+",
        "--vars",
        "{\"since\":\"2025-01-01\"}",
        "--no-progress"
    ]);
    assert_eq!(jobs[0]["command"], command);
    let told = desk.run(&["schedule", "--dry-run", "--next", "1"]);
    assert!(told.contains("shop.yearly") && told.contains("off"), "{told}");
}

#[test]
fn mistakes_about_jobs_are_told_with_their_places() {
    let desk = project();
    insta::assert_snapshot!("mistake_no_job", desk.run(&["schedule", "trigger", "nihgtly"]));
    insta::assert_snapshot!("mistake_no_run", desk.run(&["runs", "show", "7"]));
    insta::assert_snapshot!("mistake_no_job_ran", desk.run(&["runs", "nightly"]));
    desk.write("refuel_project.yml", PROJECT.replace("30 2 * * *", "99 2 * * *"));
    insta::assert_snapshot!("mistake_cron", desk.run(&["schedule", "ls"]));
    desk.write("refuel_project.yml", PROJECT.replace("Europe/Berlin", "Europe/Belin"));
    insta::assert_snapshot!("mistake_zone", desk.run(&["schedule", "ls"]));
    let none = Desk::new();
    insta::assert_snapshot!("mistake_no_project", none.run(&["schedule", "--once"]));
}

#[test]
fn a_run_is_asked_for_runs_once_and_is_shown() {
    let desk = project();
    let told = desk.run(&["schedule", "trigger", "nightly"]);
    assert!(told.contains("run 1 of shop.nightly waits"), "{told}");
    // There is no model with that tag: the request is wrong, and isn't tried again.
    let told = desk.run(&["schedule", "--once"]);
    assert!(told.starts_with("status: 1"), "{told}");
    assert_steady("once", &told);
    assert_steady("runs", &desk.run(&["runs"]));
    let shown = desk.run(&["runs", "show", "1"]);
    assert!(shown.contains("told of nightly, exit status 2"), "{shown}");
    let shown = json(&desk, &["runs", "show", "1", "--format", "json"]);
    assert_eq!((&shown["state"], &shown["exit_code"]), (&"failed".into(), &2.into()));
    assert_eq!(shown["hooks"][0]["state"], "done");
    // Nothing is left to do.
    assert!(desk.run(&["schedule", "--once", "--quiet"]).starts_with("status: 0"));
}

#[test]
fn a_schedule_that_works_is_asked_and_ends_in_order() {
    let desk = project();
    let arguments = ["schedule", "--format", "json"];
    let mut command = desk.command(&desk.path("home"), &arguments);
    let mut schedule = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut events = {
        use std::io::BufRead as _;
        std::io::BufReader::new(schedule.stdout.take().unwrap()).lines()
    };
    let mut until = |wanted: &str| loop {
        let event: Value = serde_json::from_str(&events.next().unwrap().unwrap()).unwrap();
        if event["event"] == wanted {
            return event;
        }
    };
    assert_eq!(until("ready")["jobs"], 2);
    // It has the lock: another one ends at once, and so does one that only looks.
    let told = desk.run(&["schedule"]);
    assert!(told.contains("error[RF1610]"), "{told}");
    let told = desk.run(&["schedule", "--once"]);
    assert!(
        told.starts_with("status: 0") && told.contains("another schedule is at work"),
        "{told}"
    );
    let asked = json(&desk, &["schedule", "trigger", "yearly", "--format", "json"]);
    assert_eq!(asked["process"], schedule.id());
    let ended = until("ended");
    assert_eq!((&ended["run"], &ended["how"]), (&asked["run"], &"failed".into()));
    let process = schedule.id().to_string();
    let status = std::process::Command::new("kill")
        .args(["-s", "TERM", &process])
        .status()
        .unwrap();
    assert!(status.success());
    until("closed");
    let began = std::time::Instant::now();
    assert!(schedule.wait().unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn options_of_every_verb_stand_before_a_subcommand_too() {
    let desk = project();
    let home = desk.path("elsewhere").display().to_string();
    let folder = desk.path(".").display().to_string();
    let asked = json(
        &desk,
        &[
            "schedule",
            "--home",
            &home,
            "--project-dir",
            &folder,
            "--format",
            "json",
            "trigger",
            "yearly",
        ],
    );
    assert_eq!((&asked["run"], &asked["job"]), (&1.into(), &"shop.yearly".into()));
    let shown = json(&desk, &["runs", "--home", &home, "--format", "json", "show", "1"]);
    assert_eq!(shown["state"], "queued");
    let behind = json(&desk, &["schedule", "ls", "--project-dir", &folder, "--format", "json"]);
    assert_eq!(behind.as_array().unwrap().len(), 3);
    // What belongs to the schedule itself means nothing there.
    insta::assert_snapshot!("mistake_once", desk.run(&["schedule", "--once", "trigger", "yearly"]));
    let told = desk.run(&["runs", "nightly", "show", "1"]);
    assert!(told.starts_with("status: 2"), "{told}");
}

#[test]
fn a_project_that_is_gone_keeps_no_other_from_running() {
    let desk = project();
    let folder = desk.path(".").display().to_string();
    let gone = desk.path("gone").display().to_string();
    desk.run(&["schedule", "trigger", "resting"]);
    let told = desk.run(&["schedule", "--once", "--project-dir", &folder, "--project-dir", &gone]);
    assert!(told.starts_with("status: 1"), "{told}");
    assert!(
        told.contains("error[RF1101]") && told.contains("run 1 is done"),
        "{told}"
    );
    let told = desk.run(&["schedule", "--once", "--project-dir", &gone]);
    assert!(
        told.starts_with("status: 2") && told.contains("error[RF1101]"),
        "{told}"
    );
}

/// A lock of another process may be gone later; a column that is not there is never.
#[test]
fn a_run_says_to_the_schedule_whether_it_may_do_better_later() {
    let desk = project();
    std::fs::create_dir(desk.path("models")).unwrap();
    desk.write("models/one.sql", "select 1 as one\n");
    let status = |desk: &Desk, scheduled: bool| {
        let mut command = desk.command(&desk.path("home"), &["run"]);
        if scheduled {
            command.env("REFUEL_SCHEDULE_ATTEMPT", "schedule:1");
        }
        let output = command.output().unwrap();
        (output.status.code(), desk.told(&output))
    };
    let (first, told) = status(&desk, false);
    assert_eq!(first, Some(0), "{told}");
    let state = refuel_state::State::open(desk.path(refuel_state::FILE)).unwrap();
    let lock = state.lock("dev", "refuel build").unwrap();
    assert_eq!([status(&desk, false).0, status(&desk, true).0], [Some(1), Some(75)]);
    drop(lock);
    desk.write("models/one.sql", "select nothing_like_it from one_that_is_not_there\n");
    assert_eq!(status(&desk, true).0, Some(1));
}
