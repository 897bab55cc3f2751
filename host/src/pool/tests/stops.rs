//! Runs that stop: by a failure of the model's runtime, by a panic, and models that can't be used.

use std::collections::BTreeMap;

use refuel_client::wire::{Answer, Report, ReportKind, Status, Value};

use super::script::{FAIL, LOADING, PANIC, SLOW, Stage, UNUSABLE};

/// Rows that have an error, and why.
fn errors(answers: &BTreeMap<u64, Answer>) -> Vec<(u64, &str)> {
    let failed = answers.iter().filter(|(_, answer)| answer.status == Status::Error);
    failed
        .map(|(&row, answer)| (row, answer.reason.as_deref().unwrap_or_default()))
        .collect()
}

/// Rows of two clients that run together, of which one stops the run.
fn beside_each_other(stage: &Stage, stops: &str) -> [BTreeMap<u64, Answer>; 2] {
    let (mut anna, mut ben) = (stage.client("anna"), stage.client("ben"));
    let task = anna.task("topic", "small:10");
    stage.script.hold();
    let begun = anna.ask(&task, ["begin"]);
    stage.script.until_held();
    let of_anna = anna.ask(&task, (0..7).map(|row| format!("a{row}")));
    let of_ben = ben.ask(&task, ["b0", stops, "b2", "b3", "b4", "b5", "b6"]);
    stage.script.let_all_go();
    begun.answers();
    let both = [of_anna.answers().0, of_ben.answers().0];
    assert_eq!(stage.script.runs()[1].len(), 14, "they run together");
    both
}

#[test]
fn a_run_that_fails_is_an_error_of_the_row_that_fails_it_alone() {
    let stage = Stage::new();
    let [of_anna, of_ben] = beside_each_other(&stage, FAIL);
    assert_eq!(errors(&of_anna), []);
    assert_eq!(of_anna[&6].value, Value::Text("A6".to_owned()));
    assert_eq!(
        errors(&of_ben),
        [(1, "the model `small:10` failed while it ran: told to")]
    );
    assert_eq!(stage.script.loads(), 1, "the model stays");
    let runs = stage.script.runs();
    assert!(runs.len() <= 10, "{runs:?}");
}

#[test]
fn a_panic_is_an_error_of_the_row_that_panics_alone_and_the_model_is_loaded_anew() {
    let stage = Stage::new();
    let [of_anna, of_ben] = beside_each_other(&stage, PANIC);
    assert_eq!(errors(&of_anna), []);
    let reason = "the model's run stopped because of a mistake in refuel: told to panic";
    assert_eq!(errors(&of_ben), [(1, reason)]);
    let stopped = stage
        .script
        .runs()
        .iter()
        .filter(|run| run.iter().any(|text| text == PANIC))
        .count();
    assert_eq!(stage.script.loads(), 1 + stopped, "after each panic, and at the start");
}

#[test]
fn a_row_that_stops_its_run_is_not_kept_and_can_be_asked_again() {
    let stage = Stage::new();
    let mut client = stage.client("anna");
    let task = client.task("topic", "small:10");
    for _ in 0..2 {
        let (answers, work) = client.ask(&task, [FAIL]).answers();
        assert_eq!(errors(&answers).len(), 1);
        assert_eq!(work.cached, 0);
    }
    assert_eq!(stage.script.runs().len(), 2);
    let Report::Usage(usage) = stage.pool.report(ReportKind::Usage) else {
        panic!()
    };
    assert_eq!((usage[0].inputs, usage[0].failed), (2, 2));
}

#[test]
fn a_model_that_stops_whatever_it_is_asked_is_soon_done_with() {
    for stops in [FAIL, PANIC] {
        let stage = Stage::new();
        let mut client = stage.client("anna");
        let task = client.task("topic", "small:10");
        // The speed is learned, so that many rows run at once.
        client.ask(&task, ["first"]).answers();
        client.ask(&task, ["second"]).answers();
        let rows = (0..500).map(|row| format!("{stops} {row}"));
        let (answers, _) = client.ask(&task, rows).answers();
        assert_eq!(errors(&answers).len(), 500);
        let runs = stage.script.runs();
        assert_eq!(runs[2].len(), 500);
        assert!(runs.len() <= 40, "{} runs", runs.len());
        assert_eq!(errors(&client.ask(&task, ["third"]).answers().0), []);
    }
}

#[test]
fn a_request_that_is_cancelled_while_its_rows_are_run_in_halves_gives_them_back() {
    let stage = Stage::new();
    let mut client = stage.client("anna");
    let task = client.task("topic", "small:10");
    stage.script.hold();
    // The longest row runs first.
    let first = "a row longer than the others";
    let inbox = client.ask(&task, [first, FAIL, "c", "d"]);
    stage.script.until_held();
    // The whole, its first half, and the first row.
    stage.script.let_go(3);
    stage.script.until_run(4);
    client.client.cancel(&inbox.request);
    stage.script.until_cancelled(1);
    stage.script.let_all_go();
    stage.until_quiet();
    let (answers, work) = client.ask(&task, [first, "c", "d"]).answers();
    assert_eq!(
        (errors(&answers), work.cached),
        (vec![], 1),
        "what was answered is kept"
    );
    let Report::Host(host) = stage.pool.report(ReportKind::Host) else {
        panic!()
    };
    assert_eq!((host.queued, host.queued_bytes), (0, 0));
}

#[test]
fn a_model_that_can_not_be_loaded_fails_the_requests_and_no_other() {
    let stage = Stage::new();
    let (mut anna, mut ben) = (stage.client("anna"), stage.client("ben"));
    let (task, other) = (anna.task("topic", UNUSABLE), ben.task("topic", "small:10"));
    let failure = anna.ask(&task, ["row", "another"]).end().expect_err("it fails");
    assert_eq!((failure.code.as_str(), failure.wrong_request), ("RF0503", false));
    assert_eq!(ben.ask(&other, ["row"]).answers().0.len(), 1);
    assert_eq!(stage.script.runs().len(), 1, "nothing is run in halves for it");
}

#[test]
fn loading_is_no_time_of_the_model_and_no_waiting_for_others() {
    let stage = Stage::new();
    let mut client = stage.client("anna");
    let task = client.task("topic", SLOW);
    let (_, work) = client.ask(&task, ["row"]).answers();
    let loading = LOADING.as_micros() as u64;
    assert!(work.elapsed_us >= loading && work.waited_us < loading / 2, "{work:?}");
    let Report::Usage(usage) = stage.pool.report(ReportKind::Usage) else {
        panic!()
    };
    assert!(usage[0].model_us < loading / 2, "{usage:?}");
}
