//! Compiles a project and says how long each part took: `cargo run --release -p refuel-dag --example compile -- FOLDER`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is a program that says what it measured"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use refuel_dag::{CompileOptions, Dag};
use refuel_project::{LoadOptions, Project};

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("compile FOLDER");
        return ExitCode::from(2);
    };
    let started = Instant::now();
    let project = match Project::load(&folder, &LoadOptions::default()) {
        Ok(project) => Arc::new(project),
        Err(errors) => {
            errors.iter().for_each(|error| eprintln!("{} {error}", error.code()));
            return ExitCode::FAILURE;
        }
    };
    let loaded = started.elapsed();
    let began = Instant::now();
    let dag = match Dag::compile(&project, &CompileOptions::in_target(&project)) {
        Ok(dag) => dag,
        Err(errors) => {
            errors.iter().for_each(|error| eprintln!("{} {error}", error.code()));
            return ExitCode::FAILURE;
        }
    };
    let compiled = began.elapsed();
    println!(
        "{} nodes, {} files rendered: read in {:.3} s, compiled in {:.3} s, {:.0} MB at most",
        dag.nodes.len(),
        dag.rendered_files,
        loaded.as_secs_f64(),
        compiled.as_secs_f64(),
        peak_megabytes()
    );
    // Nothing is left to be done with it, and giving back every piece takes longer than ending.
    std::mem::forget((dag, project));
    ExitCode::SUCCESS
}

/// The most memory that this process has had, by Linux's account.
fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: Option<f64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kilobytes.unwrap_or_default() / 1024.0
}
