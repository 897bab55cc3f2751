//! Which nodes run when, and what is told of them.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use refuel_dag::diff::Snapshot;
use refuel_dag::{NodeId, ResourceType};
use refuel_engine::Cancel;
use refuel_runs::{Command, Event, NodeStatus, RunError, RunRequest, execute, retry};

use crate::common::{Recorder, Shop, TOPIC, lines, status};

#[test]
fn with_fail_fast_nothing_is_begun_after_the_first_failure() {
    let shop = Shop::with(&[
        (
            "models/aaa.sql",
            "{{ config(materialized='table') }} SELECT no_such_column FROM {{ ref('messages') }}\n",
        ),
        ("models/zzz.sql", "SELECT * FROM {{ ref('labelled') }}\n"),
    ]);
    let report = shop
        .try_run(Command::Build, |request| {
            request.fail_fast = true;
            request.threads = NonZeroUsize::new(1);
        })
        .unwrap();
    assert_eq!(
        status(&report, "model.shop.aaa"),
        NodeStatus::Error,
        "{}",
        lines(&report)
    );
    assert!(!report.is_success());
    let not_fast = shop.build();
    assert_eq!(
        status(&not_fast, "model.shop.zzz"),
        NodeStatus::Success,
        "{}",
        lines(&not_fast)
    );
}

#[test]
fn an_error_says_the_file_and_what_the_database_said() {
    let shop = Shop::with(&[(
        "models/report.sql",
        "SELECT no_such_column FROM {{ ref('messages') }}\n",
    )]);
    let report = shop.build();
    let message = report.node("model.shop.report").unwrap().message.clone().unwrap();
    assert!(message.starts_with("models/report.sql"), "{message}");
    assert!(message.contains("no_such_column"), "{message}");
}

#[test]
fn retry_does_what_failed_and_what_was_skipped_because_of_it() {
    let shop = Shop::with(&[(
        "models/labelled.sql",
        "{{ config(materialized='table') }} SELECT topic FROM {{ ref('cleaned') }}\n",
    )]);
    let first = shop.build();
    assert_eq!(status(&first, "model.shop.labelled"), NodeStatus::Error);
    assert_eq!(
        status(&first, "model.shop.report"),
        NodeStatus::Skipped,
        "{}",
        lines(&first)
    );
    shop.write(
        "models/labelled.sql",
        "{{ config(materialized='table') }} SELECT id, refuel_label(body, 'topic') AS topic FROM {{ ref('cleaned') }}\n",
    );
    let workspace = shop.open();
    let request = RunRequest::new(Command::Build, Vec::new());
    let again = retry(&workspace, &request, &refuel_runs::Silent, &Cancel::new()).unwrap();
    insta::assert_snapshot!(lines(&again), @r"
    model.shop.labelled success
    model.shop.report success
    ");
    let nothing = retry(&workspace, &request, &refuel_runs::Silent, &Cancel::new()).unwrap_err();
    assert!(matches!(nothing, RunError::NothingLeft { .. }), "{nothing}");
}

#[test]
fn ctrl_c_drops_what_waits_and_keeps_what_was_answered() {
    let shop = Shop::new();
    let many: Vec<String> = (0..400).map(|at| format!("{at},refund {at}!\n")).collect();
    shop.write("seeds/messages.csv", &format!("id,body\n{}", many.concat()));
    shop.models.slow(Duration::from_millis(400));
    let workspace = shop.open();
    let request = RunRequest::new(Command::Build, Shop::all(&workspace));
    let cancel = Cancel::new();
    let recorder = Recorder::default();
    let (report, after) = std::thread::scope(|scope| {
        let running = scope.spawn(|| execute(&workspace, &request, &recorder, &cancel));
        // The first window is answered, and the second goes on.
        let begun = Instant::now();
        while !recorder
            .0
            .lock()
            .unwrap()
            .iter()
            .any(|event| matches!(event, Event::Answered { .. }))
        {
            assert!(begun.elapsed() < Duration::from_mins(1), "nothing is answered");
            std::thread::sleep(Duration::from_millis(5));
        }
        cancel.cancel();
        let asked = Instant::now();
        let mut told = None;
        while told.is_none() && asked.elapsed() < Duration::from_secs(30) {
            let events = recorder.0.lock().unwrap();
            let stopped = events.iter().any(|event| match event {
                Event::NodeFinished { report, .. } => report.status == NodeStatus::Interrupted,
                _ => false,
            });
            drop(events);
            if stopped {
                told = Some(asked.elapsed());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        (running.join().unwrap(), told.unwrap())
    });
    let report = report.unwrap();
    assert!(report.interrupted);
    assert!(after < Duration::from_millis(150), "{after:?}");
    assert_eq!(
        status(&report, "model.shop.labelled"),
        NodeStatus::Interrupted,
        "{}",
        lines(&report)
    );
    let before = shop.models.asked().len();
    assert!((32..400).contains(&before), "{before}");
    shop.models.slow(Duration::ZERO);
    let again = retry(&workspace, &request, &refuel_runs::Silent, &Cancel::new()).unwrap();
    assert!(again.is_success(), "{}", lines(&again));
    assert_eq!(
        shop.models.asked().len(),
        400 - before,
        "what was answered is not asked again"
    );
}

#[test]
fn sql_of_other_nodes_goes_on_while_a_model_is_waited_for() {
    let shop = Shop::with(&[
        (
            "models/side_a.sql",
            "{{ config(materialized='table') }} SELECT 1 AS one\n",
        ),
        (
            "models/side_b.sql",
            "{{ config(materialized='table') }} SELECT * FROM {{ ref('side_a') }}\n",
        ),
    ]);
    shop.models.slow(Duration::from_millis(600));
    let workspace = shop.open();
    let mut request = RunRequest::new(Command::Build, Shop::all(&workspace));
    request.threads = NonZeroUsize::new(1);
    let recorder = Recorder::default();
    let report = execute(&workspace, &request, &recorder, &Cancel::new()).unwrap();
    assert!(report.is_success(), "{}", lines(&report));
    let events = recorder.0.into_inner().unwrap();
    let ended: Vec<String> = events
        .iter()
        .filter_map(|event| match event {
            Event::NodeFinished { report, .. } => Some(report.name.clone()),
            _ => None,
        })
        .collect();
    let place = |name: &str| ended.iter().position(|ended| ended == name).unwrap();
    assert!(place("side_b") < place("labelled"), "{ended:?}");
}

#[test]
fn two_runs_at_once_exclude_each_other() {
    let shop = Shop::new();
    shop.models.slow(Duration::from_millis(500));
    let workspace = shop.open();
    let request = RunRequest::new(Command::Build, Shop::all(&workspace));
    std::thread::scope(|scope| {
        let recorder = Recorder::default();
        let first = scope.spawn(|| execute(&workspace, &request, &refuel_runs::Silent, &Cancel::new()));
        let begun = Instant::now();
        while workspace.state.holder("dev").is_none() && workspace.state.holder(workspace.target()).is_none() {
            assert!(begun.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(5));
        }
        let other = shop.open();
        let refused = execute(&other, &request, &recorder, &Cancel::new()).unwrap_err();
        assert_eq!(refused.code(), "RF1412");
        assert!(refused.to_string().contains("`refuel build`"), "{refused}");
        assert!(first.join().unwrap().unwrap().is_success());
    });
}

#[test]
fn what_a_run_did_not_build_is_still_changed_afterwards() {
    let shop = Shop::new();
    shop.build();
    for model in ["labelled", "report"] {
        let path = format!("models/{model}.sql");
        let text = std::fs::read_to_string(shop.path().join(&path)).unwrap();
        shop.write(&path, &text.replace("SELECT", "SELECT 1 AS one,"));
    }
    shop.write("tasks/topic.yml", &TOPIC.replace("Say what", "Tell what"));
    let only = |name: &str| {
        let id = NodeId::new(ResourceType::Model, "shop", &[name]);
        shop.try_run(Command::Build, |request| request.selection = vec![id])
            .unwrap()
    };
    assert!(only("cleaned").is_success());
    assert_eq!(
        changed(&shop),
        ["model.shop.labelled", "model.shop.report", "task.shop.topic"]
    );
    assert!(only("labelled").is_success());
    assert_eq!(changed(&shop), ["model.shop.report"]);
    shop.write(
        "models/report.sql",
        "SELECT no_such_column FROM {{ ref('labelled') }}\n",
    );
    assert!(!shop.build().is_success());
    assert_eq!(changed(&shop), ["model.shop.report"], "it could not be built");
    shop.write("models/report.sql", "SELECT topic FROM {{ ref('labelled') }}\n");
    assert!(shop.build().is_success());
    assert!(changed(&shop).is_empty());
}

/// The nodes that are not what they were when they were built last.
fn changed(shop: &Shop) -> Vec<String> {
    let workspace = shop.open();
    let (_, kept) = workspace
        .state
        .snapshot(&workspace.dag.project.target.name)
        .unwrap()
        .unwrap();
    let before: Snapshot = serde_json::from_slice(&kept).unwrap();
    let now = Snapshot::of(&workspace.dag, before.models.clone());
    now.nodes
        .iter()
        .filter(|(id, node)| before.nodes.get(*id) != Some(*node))
        .map(|(id, _)| id.to_string())
        .collect()
}

#[test]
fn with_fail_fast_what_is_ready_but_not_begun_is_not_done() {
    let shop = Shop::empty();
    shop.write("refuel_project.yml", "name: shop\nmodels: {+materialized: table}\n");
    shop.write("models/a.sql", "SELECT no_such_column\n");
    for number in 1..=6 {
        shop.write(&format!("models/b{number}.sql"), "SELECT 1 AS one\n");
    }
    let report = shop
        .try_run(Command::Build, |request| {
            request.fail_fast = true;
            request.threads = NonZeroUsize::new(1);
        })
        .unwrap();
    assert_eq!(status(&report, "model.shop.a"), NodeStatus::Error, "{}", lines(&report));
    let done = report.nodes.iter().filter(|node| node.status == NodeStatus::Success);
    assert_eq!(done.count(), 0, "{}", lines(&report));
}

#[test]
fn the_time_of_a_node_is_that_of_its_work() {
    let shop = Shop::empty();
    shop.write("refuel_project.yml", "name: shop\nmodels: {+materialized: table}\n");
    let counting =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) SELECT max(i) AS m FROM n\n";
    for number in 1..=5 {
        shop.write(&format!("models/b{number}.sql"), counting);
    }
    let report = shop
        .try_run(Command::Build, |request| request.threads = NonZeroUsize::new(1))
        .unwrap();
    let all: f64 = report.nodes.iter().map(|node| node.execute_seconds).sum();
    assert!(all < report.seconds * 1.2, "{all} s of nodes in {} s", report.seconds);
}
