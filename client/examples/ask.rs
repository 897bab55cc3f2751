//! Measures how fast a host answers over its socket, and prints one line of JSON.
//!
//! ```text
//! ask SOCKET TASK.json ROWS ROUNDS CLIENTS
//! ```
//!
//! `ROWS` short texts are answered once by the model, then `ROUNDS` times when their answers are kept, in one session.
//! Then single rows whose answers are kept are asked for one after the other, and rows that have no answer by one client
//! and by `CLIENTS` at once, each asking row by row.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::thread;
use std::time::{Duration, Instant};

use refuel_client::wire::{Hello, Input, Source, TaskSpec};
use refuel_client::{Address, Blocking, ClientError, Session};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Rows that a client asks for one by one.
const SINGLE: usize = 24;

/// Kept answers that are asked for one by one.
const KEPT_SINGLE: usize = 2000;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [socket, task, rows, rounds, clients] = arguments.as_slice() else {
        return Err("ask SOCKET TASK.json ROWS ROUNDS CLIENTS".into());
    };
    let (rows, rounds, clients): (usize, usize, usize) = (rows.parse()?, rounds.parse()?, clients.parse()?);
    let address: Address = socket.parse()?;
    let spec = TaskSpec {
        name: "measured".to_owned(),
        json: std::fs::read_to_string(task)?,
        model: None,
    };
    let mut session = open(&address);
    let inputs = texts("many", rows);
    let model = seconds(|| ask(&mut session, &spec, &inputs).map(drop))?;
    let kept = seconds(|| {
        for _ in 0..rounds {
            let cached = ask(&mut session, &spec, &inputs)?;
            assert_eq!(cached, rows, "every answer is kept");
        }
        Ok(())
    })?;
    let kept_single = seconds(|| {
        for input in inputs.iter().cycle().take(KEPT_SINGLE) {
            ask(&mut session, &spec, std::slice::from_ref(input))?;
        }
        Ok(())
    })?;
    let one_by_one = |name: String| {
        let mut session = open(&address);
        for input in &texts(&name, SINGLE) {
            ask(&mut session, &spec, std::slice::from_ref(input))?;
        }
        Ok(())
    };
    let alone = seconds(|| one_by_one("alone".to_owned()))?;
    let together = seconds(|| {
        thread::scope(|scope| {
            let asking: Vec<_> = (0..clients)
                .map(|client| scope.spawn(move || one_by_one(format!("client {client}"))))
                .collect();
            asking
                .into_iter()
                .try_for_each(|asking| asking.join().unwrap_or(Err(ClientError::Stopped)))
        })
    })?;
    println!(
        "{{\"rows\":{rows},\"model_rows_per_second\":{:.1},\"kept_rows_per_second\":{:.0},\
         \"kept_single_row_us\":{:.1},\"single_rows_per_second_1_client\":{:.1},\
         \"clients\":{clients},\"single_rows_per_second_all_clients\":{:.1}}}",
        rows as f64 / model,
        (rows * rounds) as f64 / kept,
        kept_single * 1e6 / KEPT_SINGLE as f64,
        SINGLE as f64 / alone,
        (SINGLE * clients) as f64 / together,
    );
    Ok(())
}

fn open(address: &Address) -> Session {
    let hello = Hello {
        program: "ask".to_owned(),
        pid: std::process::id(),
        ..Hello::default()
    };
    Session::new(address.clone(), hello, Duration::ZERO)
}

/// Different texts, in each run of this program.
fn texts(name: &str, count: usize) -> Vec<Input> {
    let run = std::process::id();
    let text = |number| format!("Where is my parcel? Order {run}-{number}, {name}");
    (0..count).map(|number| Input::Text(text(number))).collect()
}

/// Asks, and gives how many answers were kept.
fn ask(session: &mut Session, spec: &TaskSpec, inputs: &[Input]) -> Result<usize, ClientError> {
    let (answers, _) = session.answer(spec, false, inputs, &mut Blocking::default(), &mut |_| ())?;
    Ok(answers.iter().filter(|answer| answer.source == Source::Cache).count())
}

fn seconds(work: impl FnOnce() -> Result<(), ClientError>) -> Result<f64, ClientError> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64())
}
