//! `refuel review`.

mod error;
mod examples;
mod list;
mod queue;
mod session;
mod sheet;
mod terminal;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use jiff::Timestamp;
use refuel_project::Project;
use refuel_state::{Guess, Review, State};
use refuel_task::{InputHash, Status, Task};
use serde_json::json;

pub(crate) use error::ReviewError;

use crate::cli::{OutputFormat, ReviewArgs};
use crate::commands::ExitStatus;
use crate::commands::project::open;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::words::counted;
use queue::Tasks;
use session::{Item, Tally};
use sheet::Known;

/// Does what the verb asks for.
pub(crate) fn run(arguments: &ReviewArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let project = open::load(&arguments.project)?;
    if let Some(file) = &arguments.as_examples {
        return as_examples(file, &project, arguments, context);
    }
    let tasks = match &arguments.model {
        Some(model) => Tasks::of_model(&*open::compile(&arguments.project, context)?, model)?,
        None if arguments.task.is_empty() => Tasks::all(&project),
        None => Tasks::named(&project, &arguments.task)?,
    };
    let state = State::open_if_there(open::state_path(&project))?;
    if let Some(path) = &arguments.import {
        return import(path, &tasks, state.as_ref(), arguments, context);
    }
    if arguments.decided {
        let reviews = decided(&tasks, state.as_ref())?;
        return show_decided(&reviews, &tasks, arguments, context);
    }
    let items = match &state {
        Some(state) => tasks.waiting(state, arguments)?,
        None => Vec::new(),
    };
    if let Some(path) = &arguments.export {
        return export(path, &counted(items.len() as u64, "answer", "answers"), context, |to| {
            sheet::write_waiting(&items, to)
        });
    }
    if arguments.list {
        return list(&items, arguments, context);
    }
    let Some(state) = state.filter(|_| !items.is_empty()) else {
        context.printer.note(nothing_waits());
        return Ok(ExitStatus::Success);
    };
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(ReviewError::NoTerminal.into());
    }
    let tally = terminal::run(&state, items, reviewer(arguments))?;
    report(&tally, arguments, context)
}

fn nothing_waits() -> &'static str {
    "nothing waits for a person: run `refuel build` first, or give a task a threshold"
}

/// Who decides: as the command line says, or as the system calls them.
fn reviewer(arguments: &ReviewArgs) -> String {
    let named = |variable: &str| std::env::var(variable).ok().filter(|name| !name.is_empty());
    (arguments.reviewer.clone())
        .or_else(|| named("USER"))
        .or_else(|| named("LOGNAME"))
        .unwrap_or_else(|| "unknown".to_owned())
}

fn report(tally: &Tally, arguments: &ReviewArgs, context: &Context) -> Result<ExitStatus, Failure> {
    if arguments.format.format == OutputFormat::Json {
        context.printer.json(&json!({
            "decided": tally.decided,
            "skipped": tally.skipped,
            "compared": tally.compared,
            "agreed": tally.agreed,
        }))?;
        return Ok(ExitStatus::Success);
    }
    let mut text = format!("{} decided", counted(tally.decided, "answer", "answers"));
    if tally.compared > 0 {
        text.push_str(&format!(
            "; the model was right on {} of the {} that it answered",
            tally.agreed, tally.compared
        ));
    }
    if tally.skipped > 0 {
        text.push_str(&format!("; {} skipped", tally.skipped));
    }
    context.printer.note(text);
    if tally.decided > 0 {
        context.printer.note("`refuel build` takes the verdicts in");
    }
    Ok(ExitStatus::Success)
}

fn list(items: &[Item], arguments: &ReviewArgs, context: &Context) -> Result<ExitStatus, Failure> {
    match arguments.format.format {
        OutputFormat::Json => context.printer.json(&list::waiting_json(items))?,
        OutputFormat::Text if items.is_empty() => context.printer.note(nothing_waits()),
        OutputFormat::Text => context.printer.data(list::waiting_text(items))?,
    }
    Ok(ExitStatus::Success)
}

/// The verdicts on these tasks, oldest first.
fn decided(tasks: &Tasks, state: Option<&State>) -> Result<Vec<Review>, Failure> {
    let Some(state) = state else { return Ok(Vec::new()) };
    let mut reviews = state.reviews(None)?;
    reviews.retain(|review| tasks.get(&review.task).is_some());
    Ok(reviews)
}

fn show_decided(
    reviews: &[Review],
    tasks: &Tasks,
    arguments: &ReviewArgs,
    context: &Context,
) -> Result<ExitStatus, Failure> {
    if let Some(path) = &arguments.export {
        return export(
            path,
            &counted(reviews.len() as u64, "verdict", "verdicts"),
            context,
            |to| sheet::write_decided(reviews, tasks, to),
        );
    }
    match arguments.format.format {
        OutputFormat::Json => context.printer.json(&list::decided_json(reviews))?,
        OutputFormat::Text if reviews.is_empty() => context.printer.note("nobody has decided on anything yet"),
        OutputFormat::Text => context.printer.data(list::decided_text(reviews, tasks))?,
    }
    Ok(ExitStatus::Success)
}

fn export(
    path: &Path,
    what: &str,
    context: &Context,
    write: impl Fn(&mut dyn Write) -> csv::Result<()>,
) -> Result<ExitStatus, Failure> {
    let failed = |error: csv::Error| CliError::Write {
        path: path.to_owned(),
        source: error.into(),
    };
    if path == Path::new("-") {
        let mut text = Vec::new();
        write(&mut text).map_err(failed)?;
        context.printer.data(String::from_utf8_lossy(&text).trim_end())?;
    } else {
        write_whole(path, |file| write(file).map_err(io::Error::from))?;
        context
            .printer
            .note(format_args!("{what} written to `{}`", path.display()));
    }
    Ok(ExitStatus::Success)
}

/// Writes a file beside its place, and moves it there when it is whole.
fn write_whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).and_then(|mut file| {
        write(&mut file)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(io::Error::from)
    });
    written.map(|_| ()).map_err(|source| {
        CliError::Write {
            path: path.to_owned(),
            source,
        }
        .into()
    })
}

fn import(
    path: &PathBuf,
    tasks: &Tasks,
    state: Option<&State>,
    arguments: &ReviewArgs,
    context: &Context,
) -> Result<ExitStatus, Failure> {
    let unreadable = |source: io::Error| CliError::Read {
        path: path.clone(),
        source,
    };
    let text = if path == Path::new("-") {
        io::read_to_string(io::stdin()).map_err(unreadable)?
    } else {
        fs::read_to_string(path).map_err(unreadable)?
    };
    let by = (reviewer(arguments), Timestamp::now());
    let taken = sheet::read(&text, path, tasks, (&by.0, by.1), |task, hash| match state {
        Some(state) => known(state, task, hash),
        None => Ok(None),
    })?;
    let mut changed = 0;
    if let Some(state) = state {
        for review in &taken.reviews {
            let there = state.verdicts(&review.task, &[review.hash])?;
            changed += u64::from(there[0].as_ref().is_some_and(|there| *there != review.verdict));
        }
        if !arguments.dry_run {
            state.put_reviews(&taken.reviews)?;
        }
    }
    let (decided, undecided) = (taken.reviews.len() as u64, taken.undecided);
    let agreed = taken
        .reviews
        .iter()
        .filter(|review| review.agrees() == Some(true))
        .count();
    if arguments.format.format == OutputFormat::Json {
        context.printer.json(&json!({
            "decided": decided,
            "undecided": undecided,
            "changed": changed,
            "agreed": agreed,
            "dry_run": arguments.dry_run,
        }))?;
        return Ok(ExitStatus::Success);
    }
    let verb = if arguments.dry_run { "would be taken" } else { "taken" };
    context.printer.note(format_args!(
        "{} {verb}, {agreed} of them as the model had said; {changed} replace another; {} without one",
        counted(decided, "verdict", "verdicts"),
        counted(undecided, "row", "rows"),
    ));
    if decided > 0 && !arguments.dry_run {
        context.printer.note("`refuel build` takes them in");
    }
    Ok(ExitStatus::Success)
}

/// What is known of an input: what the task was given, and what was last answered to it.
fn known(state: &State, task: &str, hash: InputHash) -> Result<Option<Known>, Failure> {
    let Some(input) = state.input(task, hash)? else {
        return Ok(None);
    };
    let last = state.history(task, hash)?.pop();
    let guess = last
        .filter(|kept| kept.answer.status != Status::Error)
        .map(|kept| Guess {
            value: kept.answer.value,
            confidence: kept.answer.confidence,
            fingerprint: kept.fingerprint,
            model: kept.answer.model,
        });
    Ok(Some(Known { input, guess }))
}

fn as_examples(
    file: &Path,
    project: &Project,
    arguments: &ReviewArgs,
    context: &Context,
) -> Result<ExitStatus, Failure> {
    let asked = fs::canonicalize(file).map_err(|source| CliError::Read {
        path: file.to_owned(),
        source,
    })?;
    let is_asked = |path: &str| fs::canonicalize(project.root.join(path)).is_ok_and(|there| there == asked);
    let Some(found) = project.tasks.values().find(|there| is_asked(&there.path)) else {
        return Err(ReviewError::NoTaskFile {
            path: file.to_owned(),
            known: project.tasks.values().map(|there| there.path.to_string()).collect(),
        }
        .into());
    };
    let (task, place) = (&found.task, project.root.join(&*found.path));
    let reviewed = match State::open_if_there(open::state_path(project))? {
        Some(state) => state.reviews_as_examples(&task.name)?,
        None => Vec::new(),
    };
    let (lines, written, left_out) = examples::lines_of(&reviewed, task)?;
    let to = examples::file_of(&place);
    write_whole(&to, |file| file.write_all(lines.as_bytes()))?;
    let after = Task::from_file(&place).map_err(Failure::from)?;
    let (name, is_named) = (to.file_name().unwrap_or_default().to_string_lossy(), names(&place, &to));
    let asks_again = after.fingerprint() != task.fingerprint();
    if arguments.format.format == OutputFormat::Json {
        context.printer.json(&json!({
            "file": to,
            "examples": written,
            "left_out": left_out,
            "named_by_the_task": is_named,
            "asks_again": asks_again,
        }))?;
        return Ok(ExitStatus::Success);
    }
    let printer = context.printer;
    printer.note(format_args!(
        "{} written to `{}`",
        counted(written as u64, "example", "examples"),
        to.display()
    ));
    if left_out > 0 {
        printer.warn(format_args!(
            "{} left out: the task reads other columns now, or has lost the label",
            counted(left_out as u64, "verdict is", "verdicts are")
        ));
    }
    printer.note(match (is_named, asks_again) {
        (false, _) => format!(
            "the task does not name it yet: write `from: {name}` under `examples`, beside its `items` if it has any"
        ),
        (true, true) => "the task's fingerprint has changed: the next `refuel build` asks every row anew".to_owned(),
        (true, false) => "the examples are those that were there".to_owned(),
    });
    Ok(ExitStatus::Success)
}

/// Whether a task file says the name of a file of examples.
fn names(task_file: &Path, examples: &Path) -> bool {
    let name = examples.file_name().unwrap_or_default().to_string_lossy();
    fs::read_to_string(task_file).is_ok_and(|text| text.contains(&*name))
}
