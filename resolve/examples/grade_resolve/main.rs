//! Grades matching and resolving on labelled data: `cargo run --release -p refuel-resolve --example grade_resolve`.
//!
//! The data is read from `REFUEL_DATA`, or `../shared/data` beside the workspace. `--verbose` says how it came about,
//! `--examples` stops before anything is graded, `--errors` shows the examples that cross-validation gets wrong, and
//! `--rest` grades the rows that are neither examples nor the first 200 too. `--scale` times 100,000 made-up records.

#![expect(
    clippy::unwrap_used,
    reason = "a grading run ends where its data is not as it should be"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is what this is for")]

mod logistic;
mod metrics;
mod pairs;
mod tables;

use std::path::PathBuf;

fn main() {
    let flag = |name: &str| std::env::args().any(|argument| argument == name);
    let only: Option<String> = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let wanted = |name: &str| only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let folder = std::env::var_os("REFUEL_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path)
            .map_err(|error| eprintln!("skipped: {}: {error}", path.display()))
            .ok()
    };
    for (name, count) in [
        ("er_abt_buy", 500),
        ("er_dblp_acm", 500),
        ("er_walmart_amazon_dirty", 500),
    ] {
        if !wanted(name) {
            continue;
        }
        let Some(text) = read(&format!("{name}/all.csv")) else {
            continue;
        };
        let all = pairs::read(&text, &pairs::Form::Sides);
        let (rest, examples) = all.split_at(all.len() - count);
        let (graded, middle) = rest.split_at(200);
        pairs::grade(name, examples, graded, middle, flag("--verbose"));
        if flag("--rest") {
            pairs::grade(&format!("{name}, rest"), examples, middle, graded, false);
        }
    }
    if wanted("autolabel_walmart_amazon") {
        let files = read("autolabel_walmart_amazon/seed.csv").zip(read("autolabel_walmart_amazon/test.csv"));
        if let Some((seed, test)) = files {
            let examples = pairs::read(&seed, &pairs::Form::Entities);
            let test = pairs::read(&test, &pairs::Form::Entities);
            let (graded, rest) = test.split_at(200);
            pairs::grade("autolabel_walmart_amazon", &examples, graded, rest, flag("--verbose"));
            if flag("--rest") {
                pairs::grade("autolabel_walmart_amazon, rest", &examples, rest, graded, false);
            }
        }
    }
    if wanted("link_fodors_zagats") && !flag("--examples") {
        let files = read("link_fodors_zagats/all.csv").zip(read("link_fodors_zagats/matches.csv"));
        if let Some((all, matches)) = files {
            tables::grade("link_fodors_zagats", &tables::linked(&all, &matches), flag("--verbose"));
        }
    }
    if wanted("dedup_febrl1")
        && !flag("--examples")
        && let Some(all) = read("dedup_febrl1/all.csv")
    {
        tables::grade("dedup_febrl1", &tables::deduplicated(&all), flag("--verbose"));
    }
    if flag("--scale") {
        tables::grade("made up", &tables::made_up(100_000), flag("--verbose"));
    }
}
