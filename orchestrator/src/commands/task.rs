//! `refuel task`: look at task files before a model does.

mod head;

use std::path::Path;

use clap::CommandFactory;
use clap::error::ErrorKind;
use owo_colors::OwoColorize;
use refuel_engine::EngineError;
use refuel_tables::{self as tables, Input, Layout};
use refuel_task::{
    Calibration, ChatTemplate, Example, ExampleSet, InputSpec, Kind, OnError, Part, Plan, Record, RenderedInput,
    Segment, Selection, Strategy, Task, Truncate,
};
use serde_json::{Value, json};

use crate::cli::{Cli, OutputFormat, TaskArgs, TaskCheckArgs, TaskCommand, TaskExportArgs, TaskExportFormat};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// Labels that are shown.
const SHOWN_LABELS: usize = 20;

/// Runs `refuel task`.
pub(crate) fn run(arguments: &TaskArgs, context: &Context) -> Result<ExitStatus, Failure> {
    match &arguments.command {
        TaskCommand::Check(arguments) => check(arguments, context),
        TaskCommand::Export(arguments) => export(arguments, context),
    }
}

fn export(arguments: &TaskExportArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let function = match (arguments.format, arguments.alter) {
        (TaskExportFormat::Json, false) => None,
        (TaskExportFormat::Sql, false) => Some("refuel_create_task"),
        (TaskExportFormat::Sql, true) => Some("refuel_alter_task"),
        (TaskExportFormat::Json, true) => Cli::command()
            .error(
                ErrorKind::ArgumentConflict,
                "the argument '--alter' needs '--format sql'",
            )
            .exit(),
    };
    let spec = Task::export(&arguments.task)?;
    let Some(function) = function else {
        context.printer.json(&spec)?;
        return Ok(ExitStatus::Success);
    };
    let name = spec["name"].as_str().unwrap_or_default();
    let (name, spec) = (sql_literal(name), sql_literal(&format!("{spec:#}")));
    context.printer.data(format!("SELECT {function}({name}, {spec});"))?;
    Ok(ExitStatus::Success)
}

/// A string of SQL, right whether or not `standard_conforming_strings` is on: with backslashes it is written as `E'...'`,
/// as `quote_literal()` of Postgres does it.
fn sql_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

fn check(arguments: &TaskCheckArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let printer = context.printer;
    let task = Task::from_file(&arguments.task)?;
    head::warn(&task, &arguments.task, arguments.model.as_deref(), context)?;
    if let Some(warning) = task.too_few_to_embed() {
        printer.warn(warning);
    }
    let prompt = arguments
        .prompt
        .then(|| prompt(arguments, &task, context))
        .transpose()?;
    if arguments.format.format == OutputFormat::Json {
        let mut report = json!({
            "name": task.name,
            "version": task.version,
            "kind": task.kind,
            "fingerprint": task.fingerprint(),
            "columns": task.columns(),
            "labels": task.labels,
            "examples": task.examples.as_ref().map(|examples| examples.items.len()),
            "model": task.model.as_ref().map(ToString::to_string),
            "threshold": task.threshold,
            "target_precision": task.target_precision,
            "calibrated": task.calibrated,
            "fallback": task.fallback,
            "on_error": task.on_error,
            "truncate": task.truncate,
            "calibration": task.calibration,
            "table": task.table,
        });
        if let (Some(prompt), Value::Object(report)) = (prompt, &mut report) {
            report.insert("prompt".to_owned(), prompt.text().into());
        }
        printer.json(&report)?;
        return Ok(ExitStatus::Success);
    }
    match prompt {
        Some(prompt) => printer.data(prompt.shown())?,
        None => printer.data(overview(&task))?,
    }
    Ok(ExitStatus::Success)
}

fn overview(task: &Task) -> String {
    let mut grid = Grid::pairs();
    let version = task
        .version
        .map(|version| format!(", version {version}"))
        .unwrap_or_default();
    grid.pair("task", Text::new(format!("{}{version}", task.name), Tone::Strong));
    grid.pair("kind", format!("{}: {}", task.kind, task.kind.about()));
    if let Some(description) = &task.description {
        grid.pair("for", words::one_line(description, 90));
    }
    if let Some(table) = &task.table {
        crate::commands::relations::overview::add(&mut grid, table);
        grid.pair("fingerprint", task.fingerprint());
        return grid.render();
    }
    grid.pair("reads", reads(&task.input));
    if let Some(examples) = &task.examples {
        grid.pair("examples", examples_in_words(task, examples));
    }
    if let Some(rules) = &task.value_rules {
        grid.pair("rules", rules.in_words());
    }
    if task.strategy == Strategy::Cascade {
        let head = task.head_name();
        grid.pair(
            "asked first",
            if task.label_rules.is_empty() {
                format!("the head `{head}`")
            } else {
                format!("rules, and the head `{head}`")
            },
        );
    }
    grid.pair("model", model_in_words(task));
    if let Some(judges) = head::judges(task) {
        grid.pair("judged by", judges);
    }
    if let Some(catch_all) = head::catch_all(task) {
        grid.pair("catch-all", catch_all);
    }
    let threshold = match (task.threshold, &task.fallback) {
        (None, _) => "none: every answer is taken".to_owned(),
        (Some(threshold), None) => format!("{threshold}; answers below it are null"),
        (Some(threshold), Some(fallback)) => format!("{threshold}; answers below it become {fallback}"),
    };
    grid.pair("threshold", threshold);
    if let Some(target) = task.target_precision {
        grid.pair("chosen for", format!("a precision of {target}"));
    }
    if let Some(calibrated) = &task.calibrated {
        let rows = words::counted(calibrated.rows, "row", "rows");
        grid.pair(
            "confidence",
            format!("calibrated on {rows} ({})", calibrated.map.method()),
        );
    }
    if task.calibration == Calibration::Contextual {
        grid.pair("calibration", "contextual");
    }
    if let Some(truncate) = truncate_in_words(task) {
        grid.pair("truncate", truncate);
    }
    let on_error = match task.on_error {
        OnError::Fail => "a row that fails stops the run",
        OnError::Null => "a row that fails gets null",
        OnError::Capture => "a row that fails gets null and its reason",
    };
    grid.pair("on error", on_error);
    grid.pair("fingerprint", task.fingerprint());
    let mut text = grid.render();
    if !task.labels.is_empty() {
        let mut labels = Grid::new([("label", Side::Left), ("what it means", Side::Left)]);
        for label in task.labels.iter().take(SHOWN_LABELS) {
            let about = label
                .description
                .as_deref()
                .map_or_else(String::new, |about| words::one_line(about, 90));
            labels.row([words::one_line(&label.name, 40).into(), Text::new(about, Tone::Faint)]);
        }
        text.push_str("\n\n");
        text.push_str(&labels.render());
        if task.labels.len() > SHOWN_LABELS {
            let more = format!(
                "\n and {} more",
                words::count((task.labels.len() - SHOWN_LABELS) as u64)
            );
            text.push_str(&more.dimmed().to_string());
        }
    }
    text
}

fn reads(input: &InputSpec) -> String {
    let part = |part: &Part| match part {
        Part::Column(column) => format!("column `{column}`"),
        Part::Object(column) => format!("the object in the column `{column}`"),
        Part::Columns(columns) | Part::Record(columns) => {
            format!(
                "columns {}",
                columns
                    .iter()
                    .map(|column| format!("`{column}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        }
        Part::Template(template) => format!("template `{}`", words::one_line(template.source(), 70)),
    };
    match input {
        InputSpec::One(one) => part(one),
        InputSpec::Two { a, b } => format!("{} beside {}", part(a), part(b)),
    }
}

/// The language model, or what answers without one.
fn model_in_words(task: &Task) -> String {
    if task.asks_model() {
        let named = task.model.as_ref().map(ToString::to_string);
        return named.unwrap_or_else(|| "the default one".to_owned());
    }
    match task.strategy {
        Strategy::Similar => "none: the examples that are most like the row answer".to_owned(),
        Strategy::Head => format!("none: the head `{}` answers", task.head_name()),
        _ => match task.embedded_vocabulary() {
            Some((_, model)) => format!("none: rules answer, and `{model}` finds what they leave"),
            None => "none: rules alone answer".to_owned(),
        },
    }
}

/// What becomes of an input that is too long. None where nothing that answers has a longest input: rules, what compares
/// records, and a head that reads a text in parts.
fn truncate_in_words(task: &Task) -> Option<&'static str> {
    let policy = if task.asks_model() || task.kind == Kind::EMBED {
        task.truncate
    } else if task.kind == Kind::LABEL && matches!(task.strategy, Strategy::Similar | Strategy::Head) {
        // Whatever the task says of prompts, an embedding is of the beginning.
        Truncate::Head
    } else {
        return None;
    };
    Some(match policy {
        Truncate::Head => "the beginning of what is too long is kept",
        Truncate::Tail => "the end of what is too long is kept",
        Truncate::Middle => "the middle of what is too long is kept",
        Truncate::Error => "a row that is too long fails",
    })
}

fn examples_in_words(task: &Task, examples: &ExampleSet) -> String {
    let rows = words::counted(examples.items.len() as u64, "solved row", "solved rows");
    if !task.asks_model() {
        return match task.strategy {
            Strategy::Similar | Strategy::Head => format!("{rows}, all of which are learned from"),
            _ => format!("{rows}, which nobody is shown"),
        };
    }
    let shown = examples.count.min(examples.items.len());
    let how = match examples.select {
        Selection::Fixed => "the first ones",
        Selection::Similar => "those most like the row",
        Selection::Diverse => "ones unlike each other",
    };
    format!(
        "{rows}, of which {shown} {} shown: {how}",
        if shown == 1 { "is" } else { "are" }
    )
}

/// A prompt in parts.
struct Prompt {
    shared: Vec<Segment>,
    row: Vec<Segment>,
    /// What is asked of the row one by one, for kinds that ask more than once.
    tails: Vec<Vec<Segment>>,
    choices: usize,
}

impl Prompt {
    fn text(&self) -> String {
        let parts = self
            .shared
            .iter()
            .chain(&self.row)
            .chain(self.tails.first().into_iter().flatten());
        parts.map(Segment::text).collect()
    }

    /// The prompt with its parts told apart.
    fn shown(&self) -> String {
        let join = |segments: &[Segment]| segments.iter().map(Segment::text).collect::<String>();
        let mark = |text: &str| format!("{}\n", format!("── {text} ").dimmed());
        let mut text = mark("shared by every row, run once");
        text.push_str(&join(&self.shared));
        text.push('\n');
        text.push_str(&mark("this row"));
        text.push_str(&join(&self.row));
        if let Some(first) = self.tails.first() {
            text.push('\n');
            text.push_str(&mark(&format!(
                "the first of {}",
                words::counted(self.tails.len() as u64, "question", "questions")
            )));
            text.push_str(&join(first));
        }
        text.push('\n');
        let end = match self.choices {
            0 => "here the model writes".to_owned(),
            choices => format!(
                "here {} are scored",
                words::counted(choices as u64, "answer", "answers")
            ),
        };
        text.push_str(mark(&end).trim_end());
        text
    }
}

fn prompt(arguments: &TaskCheckArgs, task: &Task, context: &Context) -> Result<Prompt, Failure> {
    if arguments.model.is_none() && !task.asks_model() {
        let task = task.name.clone();
        return Err(EngineError::NoModel { task }.into());
    }
    let template = template(arguments, task, context)?;
    let shared = shared_examples(task, context);
    let plan = Plan::new(task, template.as_ref(), &shared)?;
    let input = match &arguments.sample {
        Some(path) => sample(arguments, path, task)?,
        None => invented(task)?,
    };
    if plan.by_row {
        context
            .printer
            .note("the examples of a row are chosen by its likeness to them when it is asked; none are shown here");
    }
    Ok(Prompt {
        shared: plan.prefix.clone(),
        row: plan.row(&task.behind_rules(&input)),
        tails: plan.tails.clone(),
        choices: plan.choices.len(),
    })
}

/// The examples that every row is shown.
fn shared_examples<'a>(task: &'a Task, context: &Context) -> Vec<&'a Example> {
    let Some(examples) = &task.examples else {
        return Vec::new();
    };
    if examples.select == Selection::Diverse {
        context
            .printer
            .note("the examples are chosen with an embedding model when the task runs; here the first stand in");
        let chosen = refuel_task::fixed(&examples.items, examples.count, examples.balance);
        return chosen.into_iter().map(|index| &examples.items[index]).collect();
    }
    examples.shared(&[])
}

/// A row that names its columns; of a record the fields that are to be filled in are missing.
fn invented(task: &Task) -> Result<RenderedInput, Failure> {
    let is_field = |column: &String| task.kind == Kind::ENRICH && task.fields.iter().any(|field| field.name == *column);
    let (fields, mut columns): (Vec<String>, Vec<String>) = task.columns().into_iter().partition(is_field);
    if columns.is_empty() {
        columns = fields;
    }
    let record: Record = columns
        .into_iter()
        .map(|column| (column.clone(), format!("<{column}>").into()))
        .collect();
    Ok(task.render_input(&record)?)
}

fn sample(arguments: &TaskCheckArgs, path: &Path, task: &Task) -> Result<RenderedInput, Failure> {
    let input = Input::new(path);
    let layout = Layout::new(
        input.format(arguments.tables.input_format.map(Into::into))?,
        arguments.tables.delimiter,
    );
    let mut reader = tables::open(&input, layout, &task.columns())?;
    let before = arguments.row - 1;
    let skipped = reader.skip(before)?;
    match reader.next_chunk(1)? {
        Some(chunk) if skipped == before => Ok(task.render_input(&chunk.record(0))?),
        _ => Err(CliError::NoSuchRow {
            path: path.to_owned(),
            row: arguments.row,
            rows: skipped,
        }
        .into()),
    }
}

/// The chat template of the model that the task would be asked of.
fn template(arguments: &TaskCheckArgs, task: &Task, context: &Context) -> Result<Option<ChatTemplate>, Failure> {
    let asked = arguments
        .model
        .clone()
        .or_else(|| task.model.as_ref().map(ToString::to_string));
    let name = asked.clone().unwrap_or_else(|| refuel_engine::DEFAULT_MODEL.to_owned());
    let registry = refuel_registry::Registry::open(&context.home()?).map_err(EngineError::from)?;
    let folder = match registry.get(&name) {
        Ok(entry) => entry.dir,
        Err(error) if arguments.model.is_some() => return Err(EngineError::from(error).into()),
        Err(_) => {
            context.printer.note(format!(
                "`{name}` is not on this machine; this is the prompt for a model without a chat template"
            ));
            return Ok(None);
        }
    };
    Ok(refuel_engine::chat_template(&name, &folder)?)
}
