//! Measures one thing on a model of the registry and prints one line of JSON. `bench/run.py` calls it.
//!
//! ```text
//! measure MODE --home HOME --model NAME --task TASK.yml --input ROWS.csv --rows N [--threads T]
//! ```
//!
//! Modes: `label` (shared prompt run once, rows packed), `naive` (one row at a time, the whole prompt each time),
//! `prefill` (one text of 256 tokens after the other), `decode` (16 texts at a time, 64 tokens each), `export` (the
//! tokens of all of it, for a rival to run).

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use refuel_engine::batching::CandidateTrie;
use refuel_engine::session::onnx::{RuntimeOptions, load};
use refuel_engine::session::{Budget, GenerateOptions, Session};
use refuel_engine::{CachePolicy, Cancel, Engine, EngineOptions, PromptTokens};
use refuel_task::{RenderedInput, Task};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().ok_or("a mode is missing")?;
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    while let Some(key) = arguments.next() {
        given.insert(key, arguments.next().ok_or("a value is missing")?);
    }
    let get = |key: &str| given.get(key).cloned().ok_or_else(|| format!("{key} is missing"));
    let home = PathBuf::from(get("--home")?);
    let rows: usize = get("--rows")?.parse()?;
    let mut runtime = RuntimeOptions::new(&home);
    runtime.threads = get("--threads").map_or(Ok(0), |threads| threads.parse())?;
    let mut budget = Budget::default();
    if let Ok(tokens) = get("--padded-tokens") {
        budget.padded_tokens = Some(tokens.parse()?);
    }

    let model = get("--model")?;
    let task = Task::from_file(get("--task")?)?;
    let options = EngineOptions {
        runtime: runtime.clone(),
        budget,
        cache: CachePolicy::Memory,
    };
    let prepared = Engine::open(options)?.prepare(&task, Some(&model))?;
    let inputs = read_rows(&get("--input")?, &task, rows)?;
    let prompts = prepared.prompts(&inputs, &Cancel::default())?;

    let entry = refuel_registry::Registry::open(&home)?.get(&model)?;
    let mut description = entry.manifest.description;
    if mode == "decode" {
        // Texts that end early would leave the batch half empty.
        description.eos_tokens.clear();
    }
    let mut session = load(&model, &entry.dir, &description, &runtime, budget)?;
    let mut report = match mode.as_str() {
        "label" => label(session.as_mut(), &prompts)?,
        "naive" => naive(session.as_mut(), &prompts)?,
        "prefill" => prefill(session.as_mut(), &prompts)?,
        "decode" => decode(session.as_mut(), &prompts)?,
        "export" => export(&prompts),
        other => return Err(format!("no mode {other}").into()),
    };
    report["mode"] = json!(mode);
    report["model"] = json!(prepared.model());
    report["weights"] = json!(description.weights);
    // The table of token vectors is looked up, not multiplied; norms are a thousandth of what is left.
    report["products_per_token"] = json!(description.parameters - (description.vocabulary * description.hidden) as u64);
    report["threads"] = json!(session.placement().threads);
    report["peak_memory_bytes"] = json!(refuel_engine::machine::peak_memory());
    println!("{report}");
    Ok(())
}

fn read_rows(path: &str, task: &Task, rows: usize) -> Result<Vec<RenderedInput>, Failure> {
    let mut reader = csv::Reader::from_path(path)?;
    let header = reader.headers()?.clone();
    let mut inputs = Vec::new();
    for record in reader.records().take(rows) {
        let record = record?;
        let record = header
            .iter()
            .zip(&record)
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        inputs.push(task.render_input(&record)?);
    }
    Ok(inputs)
}

fn trie(prompts: &PromptTokens) -> Result<&CandidateTrie, Failure> {
    Ok(prompts
        .candidates
        .as_ref()
        .ok_or("the task has no list of candidates")?)
}

fn label(session: &mut dyn Session, prompts: &PromptTokens) -> Result<Value, Failure> {
    let trie = trie(prompts)?;
    let cancel = Cancel::default();
    // The prefix and ONNX Runtime's own first-run work are not what is measured: both come once a run of any length.
    session.score(&prompts.prefix, &prompts.rows[..1], trie, &cancel, &mut |_| {})?;
    let start = Instant::now();
    let scores = session.score(&prompts.prefix, &prompts.rows, trie, &cancel, &mut |_| {})?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(rates(prompts, trie, seconds, &scores))
}

fn naive(session: &mut dyn Session, prompts: &PromptTokens) -> Result<Value, Failure> {
    let trie = trie(prompts)?;
    let cancel = Cancel::default();
    let whole: Vec<Vec<u32>> = prompts
        .rows
        .iter()
        .map(|row| [prompts.prefix.as_slice(), row].concat())
        .collect();
    session.score(&[], &whole[..1], trie, &cancel, &mut |_| {})?;
    let start = Instant::now();
    let mut scores = Vec::with_capacity(whole.len());
    for row in &whole {
        scores.extend(session.score(&[], std::slice::from_ref(row), trie, &cancel, &mut |_| {})?);
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(rates(prompts, trie, seconds, &scores))
}

fn rates(prompts: &PromptTokens, trie: &CandidateTrie, seconds: f64, scores: &[Vec<f32>]) -> Value {
    let row_tokens: usize = prompts.rows.iter().map(Vec::len).sum();
    let chosen: Vec<usize> = scores
        .iter()
        .map(|row| {
            let score = |candidate: usize| trie.candidate_score(candidate, row).0;
            (0..trie.paths().len())
                .max_by(|&a, &b| score(a).total_cmp(&score(b)))
                .unwrap_or(0)
        })
        .collect();
    json!({
        "rows": prompts.rows.len(),
        "prefix_tokens": prompts.prefix.len(),
        "row_tokens": row_tokens,
        "candidate_tokens": trie.tokens(),
        "seconds": seconds,
        "rows_per_second": prompts.rows.len() as f64 / seconds,
        "chosen": chosen,
    })
}

fn prefill(session: &mut dyn Session, prompts: &PromptTokens) -> Result<Value, Failure> {
    const LENGTH: usize = 256;
    const TEXTS: usize = 16;
    let stream: Vec<u32> = prompts
        .prefix
        .iter()
        .chain(prompts.rows.iter().flatten())
        .copied()
        .collect();
    let texts: Vec<Vec<u32>> = (0..=TEXTS)
        .map(|text| (0..LENGTH).map(|at| stream[(text * 97 + at) % stream.len()]).collect())
        .collect();
    // One candidate of one token: the logits of the last position and nothing more.
    let trie = CandidateTrie::new(&[vec![stream[0]]], &[], None);
    let cancel = Cancel::default();
    session.score(&[], &texts[..1], &trie, &cancel, &mut |_| {})?;
    let start = Instant::now();
    for text in &texts[1..] {
        session.score(&[], std::slice::from_ref(text), &trie, &cancel, &mut |_| {})?;
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(json!({ "tokens": LENGTH * TEXTS, "seconds": seconds, "tokens_per_second": (LENGTH * TEXTS) as f64 / seconds }))
}

fn decode(session: &mut dyn Session, prompts: &PromptTokens) -> Result<Value, Failure> {
    const ROWS: usize = 16;
    const TOKENS: usize = 64;
    let rows: Vec<Vec<u32>> = prompts.rows.iter().take(ROWS).cloned().collect();
    let cancel = Cancel::default();
    let options = |max_tokens| GenerateOptions {
        drafts: 0,
        opening: None,
        max_tokens,
        stop_tokens: Vec::new(),
    };
    // The time of the first token, which is prefill, is taken off.
    let mut run = |tokens: usize| -> Result<(f64, usize), Failure> {
        let start = Instant::now();
        let texts = session.generate(
            &prompts.prefix,
            &rows,
            Vec::new(),
            &options(tokens),
            &cancel,
            &mut |_| {},
        )?;
        Ok((
            start.elapsed().as_secs_f64(),
            texts.iter().map(|text| text.log_probabilities.len()).sum(),
        ))
    };
    run(2)?;
    let (first, of_first) = run(1)?;
    let (all, of_all) = run(TOKENS)?;
    let (seconds, tokens) = (all - first, of_all - of_first);
    Ok(json!({ "texts": ROWS, "tokens": tokens, "seconds": seconds, "tokens_per_second": tokens as f64 / seconds }))
}

fn export(prompts: &PromptTokens) -> Value {
    let nodes = prompts.candidates.as_ref().map(|trie| {
        trie.nodes()
            .iter()
            .map(|node| json!({ "token": node.token, "parent": if node.parent == usize::MAX { -1 } else { node.parent as i64 } }))
            .collect::<Vec<_>>()
    });
    let paths = prompts.candidates.as_ref().map(CandidateTrie::paths);
    json!({ "prefix": prompts.prefix, "rows": prompts.rows, "nodes": nodes, "paths": paths })
}
