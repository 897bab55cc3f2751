//! Says how long it takes to select from a project, to write its manifest and to compare it with an earlier state:
//! `cargo run --release -p refuel-dag --example artifacts -- FOLDER`. The manifest goes into the target folder.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is a program that says what it measured"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use refuel_dag::artifacts::{Invocation, MANIFEST_FILE, ManifestOptions, write_manifest};
use refuel_dag::diff::{Diff, Snapshot};
use refuel_dag::lineage::{Direction, Lineages, NoHeaders};
use refuel_dag::select::{Request, Selector};
use refuel_dag::{CompileOptions, Dag};
use refuel_project::{LoadOptions, Project};

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("artifacts FOLDER");
        return ExitCode::from(2);
    };
    let Ok(project) = Project::load(&folder, &LoadOptions::default()) else {
        eprintln!("the project can't be loaded");
        return ExitCode::FAILURE;
    };
    let project = Arc::new(project);
    let Ok(dag) = Dag::compile(&project, &CompileOptions::in_target(&project)) else {
        eprintln!("the project can't be compiled");
        return ExitCode::FAILURE;
    };
    println!("{} nodes, {:.0} MB", dag.nodes.len(), peak_megabytes());
    let target = project.root.join(&project.settings.target_path);
    timed("manifest.json", || {
        let options = ManifestOptions {
            invocation: Invocation {
                id: "00000000-0000-7000-8000-000000000000".to_owned(),
                started_at: Timestamp::now(),
            },
            now: Timestamp::now(),
            compiled: true,
        };
        write_manifest(&dag, &target, &options).is_ok()
    });
    let bytes = std::fs::metadata(target.join(MANIFEST_FILE)).map_or(0, |metadata| metadata.len());
    println!("{:.1} MB in it", bytes as f64 / 1e6);
    timed("select", || {
        let selector = Selector::parse("+path:models/*/*_1*+ tag:nightly,config.materialized:table @*_77").ok();
        let request = Request {
            select: selector.as_ref(),
            allow_empty: true,
            ..Request::default()
        };
        dag.select(&request).is_ok()
    });
    timed("snapshot and diff", || {
        let snapshot = Snapshot::of(&dag, BTreeMap::new());
        Diff::between(&snapshot, &snapshot).is_empty()
    });
    let last = dag.order().rfind(|node| node.model().is_some());
    timed("lineage of a model", || {
        let mut lineages = Lineages::new(&dag, &NoHeaders);
        last.is_some_and(|last| lineages.of_columns(&last.name, Direction::Upstream).is_ok())
    });
    ExitCode::SUCCESS
}

fn timed(what: &str, work: impl FnOnce() -> bool) {
    let start = Instant::now();
    let went = if work() { "" } else { ", and it failed" };
    println!(
        "{what}: {:.3} s, {:.0} MB at most{went}",
        start.elapsed().as_secs_f64(),
        peak_megabytes()
    );
}

/// The most memory that this process has had, by Linux's account.
fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: Option<f64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kilobytes.unwrap_or_default() / 1024.0
}
