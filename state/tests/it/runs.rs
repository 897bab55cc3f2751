//! Runs, nodes, batches, snapshots and measurements.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use refuel_state::{
    BatchName, BatchState, Input, Measurement, NewAnswer, NodeResult, NodeStatus, NodeVersion, Prune, RunStatus,
    StateError, Work,
};
use serde_json::json;

use crate::common::{answer, begin, fresh, hash, version};

#[test]
fn a_run_is_remembered_with_what_was_asked_for_and_how_it_ended() {
    let fresh = fresh();
    let (lock, run) = begin(&fresh.state, "dev");
    let going_on = fresh.state.run(&run).unwrap().unwrap();
    assert_eq!((going_on.status, going_on.ended), (RunStatus::Running, None));
    assert_eq!(going_on.arguments, json!({"select": ["tag:daily"]}));
    assert_eq!((going_on.pid, going_on.target.as_str()), (std::process::id(), "dev"));
    fresh
        .state
        .end_run(&run, RunStatus::Failed, Some("1 node failed"))
        .unwrap();
    drop(lock);
    let (_lock, second) = begin(&fresh.state, "dev");
    assert!(second > run, "names sort by time");
    let runs = fresh.state.runs(Some("dev"), 10).unwrap();
    assert_eq!(runs.iter().map(|run| &run.id).collect::<Vec<_>>(), [&second, &run]);
    assert_eq!(
        (runs[1].status, runs[1].message.as_deref()),
        (RunStatus::Failed, Some("1 node failed"))
    );
    assert!(runs[1].ended.unwrap() >= runs[1].started);
    assert!(fresh.state.runs(Some("prod"), 10).unwrap().is_empty());
    assert_eq!(fresh.state.find_run(run.as_str()).unwrap().id, run);
    let error = fresh.state.find_run(&run.as_str()[..8]).unwrap_err();
    assert!(
        matches!(error, StateError::UnknownRun { .. }),
        "both begin like that: {error}"
    );
}

#[test]
fn what_is_left_of_the_last_run_is_known() {
    let fresh = fresh();
    assert_eq!(fresh.state.resume("dev").unwrap(), None);
    let (lock, run) = begin(&fresh.state, "dev");
    for (id, status) in [
        ("model.p.a", NodeStatus::Success),
        ("model.p.b", NodeStatus::Error),
        ("model.p.c", NodeStatus::Skipped),
        ("model.p.d", NodeStatus::Reused),
        ("test.p.t", NodeStatus::Fail),
        ("test.p.u", NodeStatus::Warn),
    ] {
        fresh.state.node_started(&run, id).unwrap();
        fresh.state.node_finished(&run, &NodeResult::new(id, status)).unwrap();
    }
    fresh.state.node_started(&run, "model.p.e").unwrap();
    fresh.state.end_run(&run, RunStatus::Interrupted, None).unwrap();
    drop(lock);
    let resume = fresh.state.resume("dev").unwrap().unwrap();
    assert_eq!(resume.run.id, run);
    assert_eq!(
        resume.done().collect::<Vec<_>>(),
        ["model.p.a", "model.p.d", "test.p.u"]
    );
    assert_eq!(
        resume.not_done().collect::<Vec<_>>(),
        ["model.p.b", "model.p.c", "model.p.e", "test.p.t"]
    );
    let interrupted = resume
        .results
        .iter()
        .find(|result| result.unique_id == "model.p.e")
        .unwrap();
    assert_eq!(interrupted.status, NodeStatus::Interrupted);
    assert!(interrupted.started.is_some() && interrupted.ended.is_some());
}

#[test]
fn a_result_comes_back_as_it_was_noted() {
    let fresh = fresh();
    let (_lock, run) = begin(&fresh.state, "dev");
    let at = Timestamp::from_microsecond(1_764_000_000_123_456).unwrap();
    let result = NodeResult {
        unique_id: "model.p.a".to_owned(),
        status: NodeStatus::Success,
        started: Some(at),
        ended: Some(at + SignedDuration::from_millis(1500)),
        compile_seconds: Some(0.25),
        execute_seconds: Some(1.25),
        rows: Some(1000),
        asked: Some(12),
        cached: Some(988),
        failures: None,
        message: Some("CREATE TABLE".to_owned()),
        relation: Some("\"main\".\"a\"".to_owned()),
        fingerprint: Some("f".to_owned()),
        compiled_sql: Some("SELECT 1".to_owned()),
    };
    fresh.state.nodes_finished(&run, std::slice::from_ref(&result)).unwrap();
    assert_eq!(fresh.state.node_results(&run).unwrap(), [result]);
}

#[test]
fn the_last_good_build_of_a_node_is_kept_by_target() {
    let fresh = fresh();
    let (_lock, run) = begin(&fresh.state, "dev");
    let built = NodeVersion {
        unique_id: "model.p.a".to_owned(),
        fingerprint: "f".to_owned(),
        gate_fingerprint: "g".to_owned(),
        metadata_fingerprint: "m".to_owned(),
        version: "v1".to_owned(),
        inputs: BTreeMap::from([("source.p.s.t".to_owned(), "abc".to_owned())]),
        relation: Some("a".to_owned()),
        answer_tables: vec!["_refuel_topic_0123abcd".to_owned()],
        run: Some(run.clone()),
        at: Timestamp::from_second(1_764_000_000).unwrap(),
    };
    fresh.state.put_node_version(&run, "dev", &built).unwrap();
    assert_eq!(
        fresh.state.node_version("dev", "model.p.a").unwrap(),
        Some(built.clone())
    );
    assert_eq!(fresh.state.node_version("prod", "model.p.a").unwrap(), None);
    let again = NodeVersion {
        version: "v2".to_owned(),
        ..built
    };
    fresh
        .state
        .put_node_versions(&run, "dev", std::slice::from_ref(&again))
        .unwrap();
    assert_eq!(fresh.state.node_versions("dev").unwrap()["model.p.a"], again);
    fresh.state.forget_node_version("dev", "model.p.a").unwrap();
    assert!(fresh.state.node_versions("dev").unwrap().is_empty());
}

#[test]
fn a_batch_is_done_when_its_answers_are_kept() {
    let fresh = fresh();
    let (lock, run) = begin(&fresh.state, "dev");
    let key = fresh.state.task_key(&version("topic", "f1")).unwrap();
    let batch = |number| BatchName {
        unique_id: "model.p.a",
        stage: 0,
        number,
    };
    fresh.state.batch_asked(&run, &batch(0), 1).unwrap();
    fresh.state.batch_asked(&run, &batch(1), 7).unwrap();
    let input = Input::One("a".to_owned());
    let new = NewAnswer {
        hash: hash("a"),
        input: &input,
        answer: &answer("refund", 0.9),
    };
    fresh
        .state
        .put_answers(Some(&run), key, &[new], Some(&batch(0)))
        .unwrap();
    fresh.state.end_run(&run, RunStatus::Interrupted, None).unwrap();
    drop(lock);
    let batches = fresh.state.batches(&run).unwrap();
    let seen: Vec<(u32, u64, BatchState)> = batches.iter().map(|b| (b.number, b.inputs, b.state)).collect();
    assert_eq!(seen, [(0, 1, BatchState::Done), (1, 7, BatchState::Interrupted)]);
    assert_eq!(
        fresh.state.history("topic", hash("a")).unwrap()[0].run.as_ref(),
        Some(&run)
    );
}

#[test]
fn a_snapshot_comes_back_to_the_byte() {
    let fresh = fresh();
    let (_lock, run) = begin(&fresh.state, "dev");
    assert_eq!(fresh.state.snapshot("dev").unwrap(), None);
    let content = "{\"nodes\": [\"SELECT * FROM orders\"]}".repeat(20_000).into_bytes();
    fresh.state.put_snapshot(&run, "dev", &content).unwrap();
    assert!(fresh.state.snapshot("dev").unwrap().unwrap().1 == content);
    let size = std::fs::metadata(fresh.state.path().with_extension("sqlite3-wal"))
        .unwrap()
        .len();
    assert!(size < content.len() as u64, "{size}");
    fresh.state.put_snapshot(&run, "dev", b"").unwrap();
    assert_eq!(fresh.state.snapshot("dev").unwrap().unwrap().1, b"");
}

#[test]
fn measurements_belong_to_their_run_and_distributions_are_compared_with_the_run_before() {
    let fresh = fresh();
    let (lock, first) = begin(&fresh.state, "dev");
    let measured = Measurement {
        unique_id: "evaluation.p.e".to_owned(),
        task: "topic".to_owned(),
        metric: "accuracy".to_owned(),
        value: Some(0.8125),
        interval: Some((0.7, 0.9)),
        rows: 64,
    };
    let unknown = Measurement {
        metric: "auroc".to_owned(),
        value: None,
        interval: None,
        ..measured.clone()
    };
    fresh
        .state
        .put_measurements(&first, &[measured.clone(), unknown.clone()])
        .unwrap();
    assert_eq!(fresh.state.measurements(&first).unwrap(), [measured, unknown]);

    let counts = BTreeMap::from([("refund".to_owned(), 7), ("delivery".to_owned(), 3)]);
    fresh
        .state
        .put_distribution(&first, "model.p.a", "topic", &counts)
        .unwrap();
    assert_eq!(
        fresh.state.distribution_before(&first, "model.p.a", "topic").unwrap(),
        None
    );
    fresh.state.end_run(&first, RunStatus::Success, None).unwrap();
    drop(lock);
    let (lock, second) = begin(&fresh.state, "dev");
    fresh
        .state
        .put_distribution(&second, "model.p.a", "topic", &BTreeMap::new())
        .unwrap();
    let before = fresh
        .state
        .distribution_before(&second, "model.p.a", "topic")
        .unwrap()
        .unwrap();
    assert_eq!((&before.counts, &before.run), (&counts, &first));
    fresh.state.end_run(&second, RunStatus::Success, None).unwrap();
    drop(lock);
    let (_lock, elsewhere) = begin(&fresh.state, "prod");
    assert_eq!(
        fresh
            .state
            .distribution_before(&elsewhere, "model.p.a", "topic")
            .unwrap(),
        None
    );
}

#[test]
fn a_speed_follows_what_was_measured_last() {
    let fresh = fresh();
    let work = |rows, seconds| Work {
        rows,
        tokens: rows * 20,
        seconds,
    };
    let speed = |task: &str| fresh.state.speed("d1", "cpu", task).unwrap();
    assert_eq!(speed("topic"), None);
    fresh.state.note_speed("d1", "cpu", "topic", &work(100, 1.0)).unwrap();
    fresh.state.note_speed("d1", "cpu", "topic", &work(0, 0.0)).unwrap();
    assert!((speed("topic").unwrap().rows_per_second - 100.0).abs() < 1e-9);
    assert!((speed("topic").unwrap().tokens_per_second - 2000.0).abs() < 1e-9);
    for _ in 0..8 {
        fresh.state.note_speed("d1", "cpu", "topic", &work(400, 1.0)).unwrap();
    }
    let now = speed("topic").unwrap().rows_per_second;
    assert!(now > 390.0 && now < 400.0, "{now}");
    assert_eq!(
        speed("never measured"),
        speed("topic"),
        "what the model does otherwise is the best guess"
    );
    assert_eq!(fresh.state.speed("d1", "cuda", "topic").unwrap(), None);
}

#[test]
fn pruning_keeps_the_last_run_of_each_target_and_what_drift_is_measured_against() {
    let fresh = fresh();
    let mut runs = Vec::new();
    for target in ["dev", "dev", "dev", "prod"] {
        let (_lock, run) = begin(&fresh.state, target);
        fresh
            .state
            .node_finished(&run, &NodeResult::new("model.p.a", NodeStatus::Success))
            .unwrap();
        if runs.len() == 1 {
            fresh
                .state
                .put_distribution(&run, "model.p.a", "topic", &BTreeMap::new())
                .unwrap();
        }
        fresh.state.end_run(&run, RunStatus::Success, None).unwrap();
        runs.push(run);
    }
    let nothing = fresh.state.prune(&Prune::default()).unwrap();
    assert_eq!(nothing.runs, 0);
    let all = Prune {
        runs_before: Some(Timestamp::now() + SignedDuration::from_hours(1)),
        answers_unused_since: None,
    };
    assert_eq!(fresh.state.prune(&all).unwrap().runs, 1);
    assert_eq!(fresh.state.run(&runs[0]).unwrap(), None);
    assert!(fresh.state.node_results(&runs[0]).unwrap().is_empty());
    for kept in &runs[1..] {
        assert!(fresh.state.run(kept).unwrap().is_some());
    }
}

#[test]
fn nothing_is_kept_for_a_run_that_is_not_there() {
    let fresh = fresh();
    let (_lock, run) = begin(&fresh.state, "dev");
    let other = crate::common::fresh();
    let error = other.state.node_started(&run, "model.p.a").unwrap_err();
    assert!(matches!(error, StateError::UnknownRun { .. }), "{error:?}");
    assert_eq!(error.code(), "RF1414");
}
