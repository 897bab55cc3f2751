//! Measures how fast the pool answers, and prints one line of JSON.
//!
//! ```text
//! pool HOME MODEL ROWS ROUNDS
//! ```
//!
//! `ROWS` short texts are labelled by the engine alone, then through the pool; then one client asks the pool for all of
//! them again `ROUNDS` times, when their answers are kept. A request has 1,024 rows.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Instant;

use refuel_client::wire::{Ask, Hello, Input, TaskSpec, ToClient};
use refuel_engine::session::Budget;
use refuel_engine::session::onnx::RuntimeOptions;
use refuel_engine::{CachePolicy, Cancel, Engine, EngineOptions};
use refuel_host::pool::{Pool, PoolOptions};
use refuel_task::Task;
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

/// Rows of a request.
const BLOCK: usize = 1024;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [home, model, rows, rounds] = arguments.as_slice() else {
        return Err("pool HOME MODEL ROWS ROUNDS".into());
    };
    let (rows, rounds): (usize, usize) = (rows.parse()?, rounds.parse()?);
    let engine = EngineOptions {
        runtime: RuntimeOptions::new(Path::new(home)),
        budget: Budget::default(),
        cache: CachePolicy::Memory,
    };
    let mut options = PoolOptions::new(engine.clone());
    options.usage_file = None;
    let pool = Pool::start(options)?;
    let client = pool.connect(Hello::default());
    let labels: Vec<String> = (0..10).map(|number| format!("kind of message {number}")).collect();
    let task = json!({"name": "topic", "kind": "label", "input": "body", "labels": labels});
    let settled = client.prepare(&TaskSpec {
        name: "topic@1".to_owned(),
        json: task.to_string(),
        model: Some(model.clone()),
    })?;
    let inputs: Vec<(u64, Input)> = (0..rows as u64)
        .map(|row| {
            (
                row,
                Input::Text(format!("Order {row} has not come, and I want my money back.")),
            )
        })
        .collect();
    let alone = {
        let task = Task::from_catalog(&task, "topic@1")?;
        let prepared = Engine::open(engine)?.prepare(&task, Some(model))?;
        let rendered = inputs
            .iter()
            .filter_map(|(_, input)| match input {
                Input::Text(text) => Some(task.render_text(text)),
                _ => None,
            })
            .collect::<Result<Vec<_>, _>>()?;
        // The model is loaded before the clock is started.
        prepared.answer(&[task.render_text("warm")?], &Cancel::new(), &mut |_| {})?;
        let start = Instant::now();
        prepared.answer(&rendered, &Cancel::new(), &mut |_| {})?;
        rows as f64 / start.elapsed().as_secs_f64()
    };
    let mut request = 0;
    let mut ask_all = |detail: bool, inputs: Vec<Vec<(u64, Input)>>| -> Result<u64, Failure> {
        let mut cached = 0;
        for inputs in inputs {
            request += 1;
            let (sender, messages) = channel();
            let ask = Ask {
                request,
                task: 1,
                detail,
                inputs,
            };
            let deliver = move |message| {
                let _ = sender.send(message);
            };
            let opened = client.open(&settled, &ask, deliver)?;
            client.give(&opened, ask.inputs);
            loop {
                match messages.recv()? {
                    ToClient::Done { work, .. } => break cached += work.cached,
                    ToClient::Failed(failure) => return Err(failure.message.into()),
                    _ => {}
                }
            }
        }
        Ok(cached)
    };
    let blocks = || -> Vec<Vec<(u64, Input)>> { inputs.chunks(BLOCK).map(<[_]>::to_vec).collect() };
    ask_all(false, vec![vec![(0, Input::Text("warm".to_owned()))]])?;
    let start = Instant::now();
    ask_all(false, blocks())?;
    let through_pool = rows as f64 / start.elapsed().as_secs_f64();
    let mut measured = Vec::new();
    for detail in [false, true] {
        let mut seconds = 0.0;
        for _ in 0..rounds {
            let blocks = blocks();
            let start = Instant::now();
            if ask_all(detail, blocks)? != rows as u64 {
                return Err("not all answers were kept".into());
            }
            seconds += start.elapsed().as_secs_f64();
        }
        measured.push(((rows * rounds) as f64 / seconds).round());
    }
    println!(
        "{}",
        json!({
            "rows": rows,
            "rounds": rounds,
            "engine_rows_a_second": alone,
            "pool_rows_a_second": through_pool,
            "kept_rows_a_second": measured[0],
            "kept_rows_a_second_with_scores": measured[1],
        })
    );
    Ok(())
}
