//! `refuel runs`: what the schedule has run.

use jiff::Timestamp;
use refuel_schedule::{AttemptRecord, HookRecord, RunFilter, RunRecord, ScheduleError, SkipRecord, Store, tail};
use serde::Serialize;

use crate::cli::{OutputFormat, RunsArgs, RunsCommand, RunsShowArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// Runs `refuel runs`.
pub(crate) fn run(arguments: &RunsArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let store = Store::open(&context.home()?)?;
    match &arguments.command {
        Some(RunsCommand::Show(show)) => self::show(&store, show, arguments.format.format, context)?,
        None => list(&store, arguments, context)?,
    }
    Ok(ExitStatus::Success)
}

fn list(store: &Store, arguments: &RunsArgs, context: &Context) -> Result<(), Failure> {
    let (printer, json) = (context.printer, arguments.format.format == OutputFormat::Json);
    if let Some(job) = &arguments.job {
        check_name(store, job)?;
    }
    if arguments.skipped {
        let skips = store.skips(arguments.job.as_deref(), arguments.limit)?;
        if json {
            return printer.json(&skips);
        }
        if skips.is_empty() {
            printer.note("no time was skipped");
            return Ok(());
        }
        return printer.data(skips_grid(&skips).render());
    }
    let runs = store.runs(&RunFilter {
        job: arguments.job.clone(),
        failed: arguments.failed,
        limit: arguments.limit,
    })?;
    if json {
        return printer.json(&runs);
    }
    if runs.is_empty() {
        printer.note(if arguments.failed {
            "no run failed"
        } else {
            "nothing has run yet: `refuel schedule` runs jobs by the clock"
        });
        return Ok(());
    }
    printer.data(runs_grid(&runs).render())
}

/// A name that no job has or had is a mistake, not an empty list.
fn check_name(store: &Store, job: &str) -> Result<(), Failure> {
    let names = store.job_names()?;
    if names.iter().any(|(name, title)| name == job || title == job) {
        return Ok(());
    }
    let nearest = words::nearest(job, names.iter().map(|(name, _)| name.as_str()));
    Err(ScheduleError::UnknownJob {
        job: job.to_owned(),
        nearest: nearest.map(str::to_owned),
    }
    .into())
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn duration(started: Option<Timestamp>, ended: Option<Timestamp>) -> String {
    match (started, ended) {
        (Some(started), Some(ended)) => words::seconds(ended.duration_since(started).as_secs_f64()),
        _ => String::new(),
    }
}

fn tone(state: &str) -> Tone {
    match state {
        "success" | "done" => Tone::Good,
        "failed" | "timeout" => Tone::Bad,
        "queued" | "running" | "starting" | "pending" => Tone::Plain,
        _ => Tone::Unsure,
    }
}

fn runs_grid(runs: &[RunRecord]) -> Grid {
    let mut grid = Grid::new([
        ("run", Side::Right),
        ("job", Side::Left),
        ("scheduled", Side::Left),
        ("state", Side::Left),
        ("took", Side::Right),
        ("attempts", Side::Right),
        ("why", Side::Left),
    ]);
    for run in runs {
        let state = run.state.as_str();
        let why = match &run.reason {
            Some(reason) => reason.clone(),
            None if run.origin == "cron" => String::new(),
            None => run.origin.clone(),
        };
        grid.row([
            run.run.to_string().into(),
            format!("{}.{}", run.project, run.job).into(),
            time(run.scheduled_at).into(),
            Text::new(state, tone(state)),
            duration(run.started_at, run.ended_at).into(),
            run.attempts.to_string().into(),
            Text::new(why, Tone::Faint),
        ]);
    }
    grid
}

fn skips_grid(skips: &[SkipRecord]) -> Grid {
    let mut grid = Grid::new([
        ("job", Side::Left),
        ("from", Side::Left),
        ("to", Side::Left),
        ("times", Side::Right),
        ("why", Side::Left),
    ]);
    for skip in skips {
        let count = skip.count.map_or_else(|| "?".to_owned(), words::count);
        grid.row([
            format!("{}.{}", skip.project, skip.job).into(),
            time(skip.first).into(),
            time(skip.last).into(),
            count.into(),
            skip.reason.clone().into(),
        ]);
    }
    grid
}

/// One run. The keys are stable.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    run: RunRecord,
    /// Attempts, first to last.
    tried: Vec<AttemptRecord>,
    hooks: Vec<HookRecord>,
    /// The end of the last attempt's output; null where it is gone.
    output: Option<String>,
}

fn show(store: &Store, arguments: &RunsShowArgs, format: OutputFormat, context: &Context) -> Result<(), Failure> {
    let (run, tried, hooks) = store.run(arguments.run)?;
    let output = tried.last().and_then(|attempt| tail(&attempt.log, arguments.lines));
    let shown = Shown {
        run,
        tried,
        hooks,
        output,
    };
    if format == OutputFormat::Json {
        context.printer.json(&shown)
    } else {
        context.printer.data(in_words(&shown))
    }
}

fn in_words(shown: &Shown) -> String {
    let run = &shown.run;
    let mut pairs = Grid::pairs();
    pairs.pair("run", format!("{} of {}.{}", run.run, run.project, run.job));
    pairs.pair("scheduled", format!("{} ({})", time(run.scheduled_at), run.origin));
    let state = match &run.reason {
        Some(reason) => format!("{}: {reason}", run.state.as_str()),
        None => run.state.as_str().to_owned(),
    };
    pairs.pair("state", state);
    pairs.pair("folder", run.folder.display().to_string());
    if let Some(last) = shown.tried.last() {
        let words: Vec<String> = last.command.iter().map(|word| words::shell(word)).collect();
        pairs.pair("command", words.join(" "));
        pairs.pair("output", last.log.display().to_string());
    }
    let mut parts = vec![pairs.render()];
    if !shown.tried.is_empty() {
        parts.push(attempts_grid(&shown.tried).render());
    }
    if !shown.hooks.is_empty() {
        parts.push(hooks_grid(&shown.hooks).render());
    }
    match &shown.output {
        Some(output) if !output.is_empty() => parts.push(output.clone()),
        Some(_) => {}
        None if shown.tried.is_empty() => {}
        None => parts.push("the output is gone".to_owned()),
    }
    parts.join("\n\n")
}

fn attempts_grid(attempts: &[AttemptRecord]) -> Grid {
    let mut grid = Grid::new([
        ("attempt", Side::Right),
        ("started", Side::Left),
        ("took", Side::Right),
        ("state", Side::Left),
        ("exit", Side::Right),
    ]);
    for attempt in attempts {
        let exit = match (attempt.exit_code, attempt.signal) {
            (Some(code), _) => code.to_string(),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => String::new(),
        };
        grid.row([
            attempt.number.to_string().into(),
            attempt.started_at.map(time).unwrap_or_default().into(),
            duration(attempt.started_at, attempt.ended_at).into(),
            Text::new(attempt.state.clone(), tone(&attempt.state)),
            exit.into(),
        ]);
    }
    grid
}

fn hooks_grid(hooks: &[HookRecord]) -> Grid {
    let mut grid = Grid::new([
        ("hook", Side::Left),
        ("state", Side::Left),
        ("tries", Side::Right),
        ("why", Side::Left),
    ]);
    for hook in hooks {
        grid.row([
            hook.kind.clone().into(),
            Text::new(hook.state.clone(), tone(&hook.state)),
            hook.tries.to_string().into(),
            hook.message.clone().unwrap_or_default().into(),
        ]);
    }
    grid
}
