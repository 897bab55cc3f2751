//! `refuel debug`: what this machine has, and what a run would use.

use owo_colors::OwoColorize;
use refuel_compiler::ModelDescription;
use refuel_engine::session::onnx::{Device, RuntimeOptions, cuda_for, cuda_report};
use refuel_engine::{DebugReport, debug_report};
use refuel_registry::Registry;
use serde::Serialize;

use crate::answerer;
use crate::cli::{DebugArgs, OutputFormat};
use crate::commands::{ExitStatus, cache};
use crate::context::Context;
use crate::error::Failure;
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// A model as a run would use it.
#[derive(Debug, Serialize)]
struct ModelLine {
    name: String,
    digest: String,
    bytes: u64,
    licence: String,
    /// `cpu` or `cuda`, with why not the other where that could be asked for.
    device: String,
}

/// What a model would run on.
fn device_of(description: &ModelDescription, runtime: &RuntimeOptions) -> String {
    let cuda = || cuda_for(description, runtime);
    match (runtime.device, cuda_report(runtime)) {
        (Device::Auto | Device::Cuda, Ok(_)) => match cuda() {
            Ok(_) => "cuda".to_owned(),
            Err(reason) => format!("cpu: {reason}"),
        },
        _ => "cpu".to_owned(),
    }
}

/// Everything that is shown. The keys are stable.
#[derive(Debug, Serialize)]
struct Everything {
    #[serde(flatten)]
    machine: DebugReport,
    models: Vec<ModelLine>,
    models_problem: Option<String>,
    cache: cache::Kept,
}

/// Runs `refuel debug`.
pub(crate) fn run(arguments: &DebugArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let home = context.home()?;
    let runtime = answerer::runtime_options(&arguments.engine, &home);
    let machine = debug_report(&runtime);
    let (models, models_problem) = match Registry::open(&home).and_then(|registry| registry.list()) {
        Ok(entries) => {
            let lines = entries.into_iter().map(|entry| ModelLine {
                bytes: entry.manifest.files.iter().map(|file| file.size).sum(),
                name: entry.manifest.name,
                digest: entry.manifest.digest,
                licence: entry.manifest.licence,
                device: device_of(&entry.manifest.description, &runtime),
            });
            (lines.collect(), None)
        }
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let everything = Everything {
        machine,
        models,
        models_problem,
        cache: cache::kept(&home)?,
    };
    match arguments.format.format {
        OutputFormat::Json => context.printer.json(&everything)?,
        OutputFormat::Text => context.printer.data(text(&everything))?,
    }
    Ok(ExitStatus::Success)
}

fn text(everything: &Everything) -> String {
    let machine = &everything.machine;
    let mut grid = Grid::pairs();
    let absent = |text: &str| Text::new(text, Tone::Bad);
    grid.pair("refuel", Text::new(machine.version, Tone::Strong));
    grid.pair("home", machine.home.display().to_string());
    match &machine.runtime.library {
        Some(library) => grid.pair("ONNX Runtime", library.display().to_string()),
        None => grid.pair("ONNX Runtime", absent("not found")),
    }
    if let Some(build) = &machine.runtime.build {
        grid.pair("", words::one_line(build, 100));
    }
    if let Some(problem) = &machine.runtime.problem {
        grid.pair("", absent(problem));
    }
    if let Some(hint) = &machine.runtime.hint {
        grid.pair("", format!("hint: {hint}"));
    }
    let cuda = if machine.cuda.usable {
        Text::new(format!("usable: {}", machine.cuda.reason), Tone::Good)
    } else {
        Text::new(format!("not used: {}", machine.cuda.reason), Tone::Plain)
    };
    grid.pair("CUDA", cuda);
    if let Ok(processor) = serde_json::to_value(&machine.processor) {
        grid.pair("processor", in_words(&processor));
    }
    grid.pair("threads", machine.threads.to_string());
    grid.pair(
        "memory arena",
        if machine.memory_arena {
            "kept for the next run"
        } else {
            "given back at once"
        },
    );
    let memory = [
        (machine.memory_total_bytes, "in all"),
        (machine.memory_available_bytes, "free"),
    ];
    let memory: Vec<String> = memory
        .into_iter()
        .filter_map(|(bytes, what)| bytes.map(|bytes| format!("{} {what}", words::bytes(bytes))))
        .collect();
    grid.pair("memory", memory.join(", "));
    grid.pair("kept answers", everything.cache.in_words());
    let mut text = grid.render();
    text.push_str("\n\n");
    if let Some(problem) = &everything.models_problem {
        text.push_str(&format!(" models: {}", problem.red()));
    } else if everything.models.is_empty() {
        text.push_str(" no models are on this machine; `refuel model pull` fetches one");
    } else {
        let mut models = Grid::new([
            ("model", Side::Left),
            ("digest", Side::Left),
            ("size", Side::Right),
            ("runs on", Side::Left),
            ("licence", Side::Left),
        ]);
        for model in &everything.models {
            models.row([
                Text::new(model.name.clone(), Tone::Strong),
                words::short_digest(&model.digest).into(),
                words::bytes(model.bytes).into(),
                model.device.clone().into(),
                Text::new(model.licence.clone(), Tone::Faint),
            ]);
        }
        text.push_str(&models.render());
    }
    text
}

/// What is known of the processor, on one line.
fn in_words(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(object) => {
            let parts = object
                .iter()
                .filter(|(_, value)| !value.is_null() && **value != serde_json::Value::Bool(false));
            let parts = parts.map(|(key, value)| match value {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Bool(_) => key.replace('_', " "),
                serde_json::Value::Array(values) => values.iter().map(in_words).collect::<Vec<_>>().join(" "),
                other => format!("{} {}", other, key.replace('_', " ")),
            });
            parts.collect::<Vec<_>>().join(", ")
        }
        other => super::label::plain(other),
    }
}
