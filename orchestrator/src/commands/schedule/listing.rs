//! `refuel schedule ls`: when jobs run next.

use std::path::PathBuf;

use jiff::Timestamp;
use refuel_schedule::{Job, Timetable};
use serde::Serialize;

use super::projects::Files;
use crate::cli::{FormatArgs, OutputFormat, ScheduleProjects};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// A job with its next times. The keys are stable.
#[derive(Debug, Serialize)]
struct Listed {
    project: String,
    job: String,
    folder: PathBuf,
    cron: String,
    timezone: String,
    meaning: String,
    enabled: bool,
    command: Vec<String>,
    next: Vec<Timestamp>,
}

/// Runs `refuel schedule ls`.
pub(super) fn run(
    projects: &ScheduleProjects,
    next: u16,
    format: FormatArgs,
    context: &Context,
) -> Result<ExitStatus, Failure> {
    let table = Files::find(projects)?.read()?;
    let (now, next) = (Timestamp::now(), usize::from(next));
    if format.format == OutputFormat::Json {
        let jobs: Vec<Listed> = table.jobs().iter().map(|job| listed(job, now, next)).collect();
        context.printer.json(&jobs)?;
    } else if table.jobs().is_empty() {
        context
            .printer
            .note("no job: write some under `schedule` in refuel_project.yml");
    } else {
        context.printer.data(grid(&table, now, next).render())?;
    }
    Ok(ExitStatus::Success)
}

fn listed(job: &Job, now: Timestamp, next: usize) -> Listed {
    let settings = &job.settings;
    let next = if settings.enabled { next } else { 0 };
    Listed {
        project: settings.project.clone(),
        job: settings.name.clone(),
        folder: settings.folder.clone(),
        cron: job.cron.expression().to_owned(),
        timezone: job.cron.zone().to_owned(),
        meaning: job.cron.describe(),
        enabled: settings.enabled,
        command: settings.command.clone(),
        next: job.cron.after(now).take(next).collect(),
    }
}

/// A line for each time, soonest first; jobs that are off come last.
fn grid(table: &Timetable, now: Timestamp, next: usize) -> Grid {
    let mut grid = Grid::new([
        ("time", Side::Left),
        ("in", Side::Right),
        ("job", Side::Left),
        ("cron", Side::Left),
        ("runs", Side::Left),
    ]);
    let command = |job: &Job| {
        let words: Vec<String> = job.settings.command.iter().map(|word| words::shell(word)).collect();
        words::one_line(&words.join(" "), 60)
    };
    for (job, at) in table.upcoming(now, next) {
        let local = job.cron.local(at);
        // Six fields are those that begin with seconds.
        let has_seconds = job.cron.expression().split_whitespace().count() == 6;
        let form = if has_seconds {
            "%a %Y-%m-%d %H:%M:%S %Z"
        } else {
            "%a %Y-%m-%d %H:%M %Z"
        };
        grid.row([
            Text::new(local.strftime(form).to_string(), Tone::Strong),
            words::seconds(at.duration_since(now).as_secs_f64().round()).into(),
            job.title().into(),
            job.cron.expression().into(),
            command(job).into(),
        ]);
    }
    for job in table.jobs().iter().filter(|job| !job.settings.enabled) {
        grid.row([
            Text::new("off", Tone::Faint),
            Text::default(),
            job.title().into(),
            job.cron.expression().into(),
            command(job).into(),
        ]);
    }
    grid
}

#[cfg(test)]
mod tests {
    use refuel_schedule::JobSettings;

    use super::*;

    #[test]
    fn times_of_a_job_that_runs_every_few_seconds_can_be_told_apart() {
        let job = |name: &str, cron: &str| JobSettings::new("shop", "/shop", name, cron);
        let table = Timetable::new([job("often", "*/20 * * * * *"), job("daily", "@daily")], []).unwrap();
        let plain = grid(&table, "2026-03-01T23:59:10Z".parse().unwrap(), 2).render();
        insta::assert_snapshot!(anstream::adapter::strip_str(&plain), @r"
         time                               in   job          cron             runs
        ─────────────────────────────────────────────────────────────────────────────
         Sun 2026-03-01 23:59:20 UTC      10 s   shop.often   */20 * * * * *   build
         Sun 2026-03-01 23:59:40 UTC      30 s   shop.often   */20 * * * * *   build
         Mon 2026-03-02 00:00 UTC         50 s   shop.daily   @daily           build
         Tue 2026-03-03 00:00 UTC      1 d 0 h   shop.daily   @daily           build
        ");
    }
}
