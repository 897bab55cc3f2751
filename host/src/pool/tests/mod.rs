//! What the pool promises, with scripted answers.

mod real;
mod relate;
mod script;
mod stops;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use refuel_client::wire::{Input, Report, ReportKind, Source, Status, Value};

use super::*;
use script::{Stage, spec};

fn texts(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}{number}")).collect()
}

#[test]
fn each_row_gets_its_own_answer_and_known_ones_come_from_the_cache() {
    let stage = Stage::new();
    let mut client = stage.client("anna");
    let task = client.task("topic", "small:10");
    let (answers, work) = client.ask(&task, ["a", "b", " ", "a"]).answers();
    let told: Vec<(Value, Status, Source)> = answers
        .into_values()
        .map(|answer| (answer.value, answer.status, answer.source))
        .collect();
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(
        told,
        [
            (text("A"), Status::Ok, Source::Model),
            (text("B"), Status::Ok, Source::Model),
            (Value::Null, Status::Error, Source::Rule),
            (text("A"), Status::Ok, Source::Duplicate),
        ]
    );
    assert_eq!((work.cached, work.batches), (0, 1));
    assert_eq!(
        (work.input_tokens, work.output_tokens),
        (6, 2),
        "what is asked once counts once"
    );
    let (answers, work) = client.ask(&task, ["b", "c", "b"]).answers();
    assert_eq!(answers[&0].source, Source::Cache);
    assert_eq!(answers[&1].source, Source::Model);
    assert_eq!((work.cached, work.batches), (2, 1));
    assert_eq!(stage.script.runs().concat(), ["a", "b", "c"]);
    let (answers, work) = client.ask(&task, [""; 0]).answers();
    assert!(answers.is_empty() && work.batches == 0);
}

#[test]
fn tasks_that_are_the_same_share_their_runs_whoever_asks() {
    let stage = Stage::new();
    let (mut anna, mut ben) = (stage.client("anna"), stage.client("ben"));
    let (first, second) = (anna.task("topic", "small:10"), ben.task("topic", "small:10"));
    let other = ben.task("other", "small:10");
    assert!(Arc::ptr_eq(&first.lane, &second.lane) && !Arc::ptr_eq(&first.lane, &other.lane));
    stage.script.hold();
    let begun = anna.ask(&first, ["begin"]);
    stage.script.until_held();
    let (of_anna, of_ben) = (anna.ask(&first, texts("a", 3)), ben.ask(&second, texts("b", 3)));
    stage.script.let_all_go();
    let ends = [begun.answers(), of_anna.answers(), of_ben.answers()];
    assert_eq!(ends[1].0.len() + ends[2].0.len(), 6);
    let runs = stage.script.runs();
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert_eq!(
        runs[1],
        ["b0", "a0", "b1", "a1", "b2", "a2"],
        "one row each in turn, who was served least first"
    );
}

#[test]
fn what_is_under_way_is_not_asked_again() {
    let stage = Stage::new();
    let (mut anna, mut ben) = (stage.client("anna"), stage.client("ben"));
    let task = anna.task("topic", "small:10");
    stage.script.hold();
    let running = anna.ask(&task, ["x"]);
    stage.script.until_held();
    let attached = ben.ask(&task, ["x", "x"]);
    let queued = anna.ask(&task, ["y"]);
    let also = ben.ask(&task, ["y"]);
    stage.script.let_all_go();
    assert_eq!(running.answers().0[&0].source, Source::Model);
    let (answers, work) = attached.answers();
    assert!(answers.values().all(|answer| answer.source == Source::Duplicate));
    assert_eq!((work.input_tokens, work.cached, work.batches), (0, 0, 1));
    let sources = [queued.answers().0[&0].source, also.answers().0[&0].source];
    assert!(sources.contains(&Source::Model) && sources.contains(&Source::Duplicate));
    assert_eq!(stage.script.runs(), [["x"], ["y"]]);
}

#[test]
fn a_single_row_does_not_wait_for_a_large_request() {
    let stage = Stage::new();
    let (mut large, mut small) = (stage.client("large"), stage.client("small"));
    let task = large.task("topic", "small:10");
    let other = small.task("other", "small:10");
    stage.script.hold();
    let all = large.ask(&task, texts("row ", 5000));
    stage.script.until_held();
    let one = small.ask(&task, ["single"]);
    let elsewhere = small.ask(&other, ["single"]);
    stage.script.let_go(3);
    assert_eq!(one.answers().0.len(), 1);
    assert_eq!(elsewhere.answers().0.len(), 1);
    stage.script.let_all_go();
    assert_eq!(all.answers().0.len(), 5000);
    let ran: usize = stage.script.runs().iter().map(Vec::len).sum();
    assert_eq!(ran, 5002, "each row ran once");
}

#[test]
fn a_request_that_is_cancelled_stops_its_run_and_says_nothing_more() {
    let stage = Stage::new();
    let mut client = stage.client("anna");
    let task = client.task("topic", "small:10");
    stage.script.hold();
    let inbox = client.ask(&task, texts("row ", 100));
    stage.script.until_held();
    let asked = Instant::now();
    client.client.cancel(&inbox.request);
    stage.script.until_cancelled(1);
    assert!(asked.elapsed() < Duration::from_millis(100));
    stage.until_quiet();
    stage.script.let_all_go();
    let next = client.ask(&task, ["next"]).answers();
    assert_eq!(next.0.len(), 1);
    assert!(inbox.is_empty());
    let runs = stage.script.runs();
    assert_eq!(runs.len(), 2, "rows that waited never ran: {runs:?}");
    client.client.cancel(&inbox.request);
}

#[test]
fn a_client_that_goes_takes_its_work_along_and_leaves_that_of_others() {
    let stage = Stage::new();
    let (mut anna, mut ben) = (stage.client("anna"), stage.client("ben"));
    let task = anna.task("topic", "small:10");
    stage.script.hold();
    let _gone = anna.ask(&task, texts("shared ", 3));
    stage.script.until_held();
    let _also_gone = anna.ask(&task, texts("row ", 50));
    let stays = ben.ask(&task, ["shared 1", "own"]);
    drop(anna);
    let Report::Host(host) = stage.pool.report(ReportKind::Host) else {
        panic!()
    };
    assert_eq!(
        (host.clients, host.queued),
        (1, 1),
        "the run is for somebody, and his own row waits"
    );
    stage.script.let_all_go();
    assert_eq!(stays.answers().0.len(), 2);
    assert_eq!(stage.script.runs().len(), 2);
    drop(ben);
    let Report::Host(host) = stage.pool.report(ReportKind::Host) else {
        panic!()
    };
    assert_eq!((host.clients, host.queued, host.queued_bytes), (0, 0, 0));
    assert!(matches!(stage.pool.report(ReportKind::Activity), Report::Activity(all) if all.is_empty()));
}

#[test]
fn a_run_that_was_stopped_goes_on_for_who_came_meanwhile() {
    let stage = Stage::new();
    let (mut anna, mut ben) = (stage.client("anna"), stage.client("ben"));
    let task = anna.task("topic", "small:10");
    stage.script.hold();
    let gone = anna.ask(&task, ["x", "y"]);
    stage.script.until_held();
    // The worker sees the stop only once the run is let go, when somebody else waits for one of the rows.
    anna.client.cancel(&gone.request);
    let came = ben.ask(&task, ["y"]);
    stage.script.let_all_go();
    assert_eq!(came.answers().0[&0].value, Value::Text("Y".to_owned()));
    assert!(gone.is_empty());
}

#[test]
fn inputs_that_can_not_be_right_fail_the_request() {
    let stage = Stage::new();
    let mut client = stage.client("anna");
    let task = client.task("topic", "small:10");
    let pair = Input::Pair("a".to_owned(), "b".to_owned());
    let failure = client.ask_inputs(&task, vec![pair]).end().expect_err("it fails");
    assert_eq!((failure.code.as_str(), failure.wrong_request), ("RF0413", true));
    stage.until_quiet();
}

#[test]
fn a_request_that_is_given_in_parts_is_one_request() {
    let stage = Stage::new();
    let mut client = stage.client("anna");
    let task = client.task("topic", "small:10");
    let inbox = client.ask_in_parts(&task, &texts("row ", 10), &[4, 3, 3]);
    let (answers, _) = inbox.answers();
    assert_eq!(answers.len(), 10);
    let Report::Usage(usage) = stage.pool.report(ReportKind::Usage) else {
        panic!()
    };
    assert_eq!((usage[0].requests, usage[0].inputs), (1, 10));
}

#[test]
fn models_share_the_memory_and_one_that_never_fits_is_refused() {
    let stage = Stage::new();
    let mut client = stage.client("anna");
    let tasks: Vec<_> = ["a:40", "b:40", "c:40"].map(|model| client.task("topic", model)).into();
    for task in &tasks {
        assert_eq!(client.ask(task, ["row"]).answers().0.len(), 1);
    }
    assert_eq!(stage.script.loaded(), ["b:40", "c:40"], "the longest unused made room");
    assert_eq!(client.ask(&tasks[0], ["another"]).answers().0.len(), 1);
    assert_eq!(stage.script.loaded(), ["a:40", "c:40"]);
    let large = client.task("topic", "large:2000000000");
    let failure = client.ask(&large, ["row"]).end().expect_err("it never fits");
    assert_eq!(failure.code, "RF0821");
    assert!(
        failure
            .message
            .starts_with("the model `large:2000000000` takes up to 2.00 GB of memory"),
        "{}",
        failure.message
    );
    assert_eq!(stage.script.loaded(), ["a:40", "c:40"], "nothing made room for it");
}

#[test]
fn a_model_that_nobody_asks_is_unloaded() {
    let stage = Stage::with(|options| options.idle_timeout = Duration::from_millis(50));
    let mut client = stage.client("anna");
    let task = client.task("topic", "small:10");
    assert_eq!(client.ask(&task, ["row"]).answers().0.len(), 1);
    let until = Instant::now() + Duration::from_secs(10);
    while !stage.script.loaded().is_empty() {
        assert!(Instant::now() < until, "it stays loaded");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(client.ask(&task, ["another"]).answers().0.len(), 1);
    assert_eq!(stage.script.loads(), 2);
}

#[test]
fn too_much_at_once_is_refused() {
    let stage = Stage::with(|options| options.window_bytes = 1000);
    let mut client = stage.client("anna");
    let task = client.task("topic", "small:10");
    stage.script.hold();
    let large = client.ask(&task, ["x".repeat(10_000)]);
    let failure = client
        .ask(&task, ["y".repeat(100)])
        .end()
        .expect_err("it is beyond the window");
    assert_eq!((failure.code.as_str(), failure.wrong_request), ("RF0823", true));
    stage.script.let_all_go();
    assert_eq!(large.answers().0.len(), 1, "a single one may be larger");
    assert_eq!(client.ask(&task, ["y".repeat(100)]).answers().0.len(), 1);

    let stage = Stage::with(|options| options.queue_bytes = 1000);
    let mut client = stage.client("anna");
    let task = client.task("topic", "small:10");
    stage.script.hold();
    let begun = client.ask(&task, ["begin"]);
    stage.script.until_held();
    let waits = client.ask(&task, ["x".repeat(900)]);
    let failure = client
        .ask(&task, ["y".repeat(900)])
        .end()
        .expect_err("the queue is full");
    assert_eq!((failure.code.as_str(), failure.wrong_request), ("RF0822", false));
    stage.script.let_all_go();
    assert_eq!(begun.answers().0.len() + waits.answers().0.len(), 2);
}

#[test]
fn clients_that_come_ask_cancel_and_go_in_any_order_lose_nothing() {
    let stage = Stage::new();
    std::thread::scope(|scope| {
        for role in 0..8_usize {
            let stage = &stage;
            scope.spawn(move || {
                for round in 0..40 {
                    let mut client = stage.client("anna");
                    let task = client.task(["topic", "other"][(role + round) % 2], ["a:40", "b:60"][round % 2]);
                    let shared = texts(&format!("round {round} row "), 20 + role);
                    let stays = client.ask(&task, shared.clone());
                    let cancelled = client.ask(&task, texts(&format!("{role} {round} row "), 100));
                    if round % 3 == 0 {
                        client.client.cancel(&cancelled.request);
                    }
                    let (answers, work) = stays.answers();
                    assert_eq!(answers.len(), shared.len());
                    for (row, answer) in answers {
                        assert_eq!(answer.value, Value::Text(shared[row as usize].to_uppercase()));
                    }
                    assert!(work.waited_us <= work.elapsed_us);
                    if round % 3 == 1 {
                        assert_eq!(cancelled.answers().0.len(), 100);
                    }
                }
            });
        }
    });
    stage.until_quiet();
    let Report::Host(host) = stage.pool.report(ReportKind::Host) else {
        panic!()
    };
    assert_eq!((host.clients, host.queued, host.queued_bytes), (0, 0, 0));
}

#[test]
fn a_pool_that_stops_drops_what_waits_and_tells_nobody() {
    let stage = Stage::new();
    let mut client = stage.client("anna");
    let task = client.task("topic", "small:10");
    stage.script.hold();
    let inbox = client.ask(&task, texts("row ", 1000));
    stage.script.until_held();
    let asked = Instant::now();
    stage.pool.stop();
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert!(inbox.is_empty());
    let ask = Ask {
        request: 99,
        task: 1,
        detail: false,
        inputs: vec![(0, Input::Text("late".to_owned()))],
    };
    assert!(matches!(
        client.client.open(&task, &ask, |_| ()),
        Err(HostError::Stopping)
    ));
    let refused = client.client.prepare(&spec("topic", "small:10"));
    assert!(matches!(refused, Err(HostError::Stopping)));
    assert_eq!(stage.script.runs().len(), 1);
}

#[test]
fn what_is_under_way_and_what_was_used_is_told() {
    let stage = Stage::new();
    let mut client = stage.client("anna");
    let task = client.task("topic", "small:10");
    client.ask(&task, ["known", " "]).answers();
    stage.script.hold();
    let inbox = client.ask(&task, ["known", "new"]);
    stage.script.until_held();
    let Report::Activity(activity) = stage.pool.report(ReportKind::Activity) else {
        panic!()
    };
    assert_eq!(activity.len(), 1);
    let request = &activity[0];
    assert_eq!(
        (
            request.role.as_str(),
            request.task.as_str(),
            request.inputs,
            request.answered
        ),
        ("anna", "topic@1", 2, 1)
    );
    let Report::Host(host) = stage.pool.report(ReportKind::Host) else {
        panic!()
    };
    assert_eq!((host.models_bytes, host.budget_bytes), (15, 100));
    stage.script.let_all_go();
    inbox.answers();
    stage.until_quiet();
    let Report::Usage(usage) = stage.pool.report(ReportKind::Usage) else {
        panic!()
    };
    assert_eq!(usage.len(), 1);
    let used = &usage[0];
    assert_eq!((used.requests, used.inputs, used.cached, used.failed), (2, 4, 1, 1));
    assert_eq!((used.input_tokens, used.output_tokens), (6, 2));
    assert_eq!((used.role.as_str(), used.model.as_str()), ("anna", "small:10"));
}

#[test]
fn observers_are_told_of_runs_and_requests() {
    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);
    impl Observer for Kept {
        fn request_ended(&self, ended: &EndedRequest<'_>) {
            let text = format!(
                "{} {} {} of {}",
                ended.task,
                ended.outcome.name(),
                ended.answered,
                ended.inputs
            );
            self.0.lock().expect("kept").push(text);
        }

        fn run_ended(&self, run: &Run<'_>) {
            let text = format!("{} rows for {} in {}", run.rows, run.requests, run.batches);
            self.0.lock().expect("kept").push(text);
        }
    }
    let kept = Arc::new(Kept::default());
    let stage = Stage::with(|options| options.observer = Arc::<Kept>::clone(&kept));
    let mut client = stage.client("anna");
    let task = client.task("topic", "small:10");
    client.ask(&task, ["a", "b"]).answers();
    stage.pool.stop();
    let mut told = kept.0.lock().expect("kept").clone();
    told.sort();
    assert_eq!(told, ["2 rows for 1 in 1", "topic@1 done 2 of 2"]);
}
