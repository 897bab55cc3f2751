//! Runs whose process is killed.

use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use refuel_runs::{Command, NodeStatus};

use crate::common::{Shop, lines, status};

/// Tells a test process that it is the child of one, and where its project is.
const CHILD: &str = "REFUEL_RUNS_TEST_CHILD";

/// Inputs of the project.
const INPUTS: usize = 600;

/// Runs a build in the child. By itself it does nothing: it is started by the tests below.
#[test]
fn child_process() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let folder = PathBuf::from(folder);
    let shop = Shop::at(&folder);
    shop.models.log_to(folder.join("asked.log"));
    shop.models.slow(Duration::from_millis(60));
    shop.build();
}

fn start(shop: &Shop) -> Child {
    Process::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_process", "--nocapture", "--test-threads=1"])
        .env(CHILD, shop.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What the child has asked so far.
fn asked(shop: &Shop) -> Vec<String> {
    let text = std::fs::read_to_string(shop.path().join("asked.log")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn project() -> Shop {
    let shop = Shop::new();
    let rows: Vec<String> = (0..INPUTS).map(|at| format!("{at},refund number {at}!\n")).collect();
    shop.write("seeds/messages.csv", &format!("id,body\n{}", rows.concat()));
    shop
}

/// Kills the child once it has asked so many inputs, and gives what it had asked.
fn kill_after(shop: &Shop, inputs: usize) -> Vec<String> {
    let mut child = start(shop);
    let begun = Instant::now();
    while asked(shop).len() < inputs {
        assert!(begun.elapsed() < Duration::from_mins(2), "the child asks nothing");
        assert!(child.try_wait().unwrap().is_none(), "the child has ended");
        std::thread::sleep(Duration::from_millis(3));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    asked(shop)
}

#[test]
fn a_build_after_kill_9_repeats_at_most_one_batch() {
    for inputs in [1, 40, 300] {
        let shop = project();
        let before = kill_after(&shop, inputs);
        assert!(before.len() < INPUTS, "it was killed in the middle");
        let report = shop.build();
        assert!(report.is_success(), "{}", lines(&report));
        let after = shop.models.asked();
        let repeated: Vec<&String> = after.iter().filter(|input| before.contains(input)).collect();
        let window = shop.models.windows().into_iter().max().unwrap_or(0).max(256);
        assert!(
            repeated.len() <= window,
            "{} of {} were repeated",
            repeated.len(),
            before.len()
        );
        // What the child asked before its last window was kept.
        let kept = before.len() - repeated.len();
        assert!(before.len() <= 32 || kept > 0, "nothing was kept of {}", before.len());
        assert_eq!(after.len() + kept, INPUTS);
        assert_eq!(
            shop.table("SELECT count(*) FROM labelled WHERE topic = 'refund'"),
            INPUTS.to_string()
        );
    }
}

#[test]
fn after_kill_9_the_run_is_known_to_be_interrupted_and_nothing_is_half_made() {
    let shop = project();
    kill_after(&shop, 100);
    assert_eq!(
        shop.table("SELECT count(*) FROM sqlite_schema WHERE name IN ('labelled', 'report')"),
        "0"
    );
    let workspace = shop.open();
    let last = workspace.state.last_run(workspace.target()).unwrap().unwrap();
    assert_eq!(last.status, refuel_state::RunStatus::Interrupted);
    let report = refuel_runs::retry(
        &workspace,
        &refuel_runs::RunRequest::new(Command::Build, Vec::new()),
        &refuel_runs::Silent,
        &refuel_engine::Cancel::new(),
    )
    .unwrap();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(status(&report, "model.shop.labelled"), NodeStatus::Success);
    assert!(
        report.node("seed.shop.messages").is_none(),
        "what was done is not done again"
    );
}
