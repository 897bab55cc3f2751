//! What guessing ahead is worth: the same texts written with guesses and without, one at a time and many at a time.
//!
//! `cargo run --release -p refuel-engine --example drafts -- TASK.yml ROWS.csv [ROWS]`, where the table has the columns that
//! the task reads. Prints, for each number of texts at a time, texts a second both ways, their ratio, and how many of the answers,
//! and of their confidences to the last bit, are not those of one text at a time without guesses.

#![expect(clippy::print_stdout, reason = "the figures are what the example is for")]

use std::path::PathBuf;
use std::time::Instant;

use refuel_engine::session::Budget;
use refuel_engine::session::onnx::RuntimeOptions;
use refuel_engine::{CachePolicy, Cancel, Engine, EngineOptions};
use refuel_task::{Answer, Record, RenderedInput, Task};

type Failure = Box<dyn std::error::Error>;

/// Tokens that are guessed ahead at most.
const DRAFTS: usize = 8;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |name: &str| arguments.next().ok_or_else(|| format!("missing {name}"));
    let (task, table) = (Task::from_file(next("TASK")?)?, next("ROWS.csv")?);
    let most = next("ROWS").map_or(Ok(32), |rows| rows.parse())?;
    let mut reader = csv::Reader::from_path(table)?;
    let inputs = reader
        .deserialize::<Record>()
        .take(most)
        .map(|record| Ok(task.render_input(&record?)?))
        .collect::<Result<Vec<RenderedInput>, Failure>>()?;
    let home = std::env::var_os("REFUEL_HOME").map_or_else(
        || std::env::home_dir().unwrap_or_default().join(".local/share/refuel"),
        PathBuf::from,
    );
    println!("texts at a time | without | with {DRAFTS} guesses | ratio | other answers | other confidences");
    let mut expected: Option<Vec<Answer>> = None;
    for at_a_time in [1, 4, 32] {
        // Kept answers would be found: each run has an engine of its own.
        let run = |drafts: usize| -> Result<(f64, Vec<Answer>), Failure> {
            let engine = Engine::open(EngineOptions {
                runtime: RuntimeOptions::new(&home),
                budget: Budget::default(),
                cache: CachePolicy::Memory,
            })?;
            let prepared = engine.prepare(&task, None)?.with_drafts(drafts);
            let cancel = Cancel::default();
            prepared.answer_at_once(&inputs[..1], &cancel, &mut |_| {})?;
            let start = Instant::now();
            let mut answers = Vec::new();
            for inputs in inputs[1..].chunks(at_a_time) {
                answers.extend(prepared.answer_at_once(inputs, &cancel, &mut |_| {})?);
            }
            Ok((answers.len() as f64 / start.elapsed().as_secs_f64(), answers))
        };
        let ((plain, alone), (drafted, answers)) = (run(0)?, run(DRAFTS)?);
        let expected = expected.get_or_insert_with(|| alone.clone());
        let differing = |differs: fn(&Answer, &Answer) -> bool| {
            let others = |answers: &[Answer]| expected.iter().zip(answers).filter(|(a, b)| differs(a, b)).count();
            format!("{}, {} of {}", others(&alone), others(&answers), answers.len())
        };
        println!(
            "{at_a_time} | {plain:.2} | {drafted:.2} | {:.2} | {} | {}",
            drafted / plain,
            differing(|left, right| left.value != right.value),
            differing(|left, right| left.raw_confidence != right.raw_confidence),
        );
    }
    Ok(())
}
