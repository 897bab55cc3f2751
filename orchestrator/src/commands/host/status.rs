//! `refuel host --status`.

use std::path::Path;
use std::time::Duration;

use refuel_client::wire::{Activity, Hello, HostReport, ModelReport, Report, ReportKind, UsageReport};
use refuel_client::{Address, Blocking, ClientError, Session};
use serde::Serialize;

use crate::cli::OutputFormat;
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// What a host tells of itself. The keys are stable.
#[derive(Debug, Serialize)]
struct Status {
    socket: String,
    host: HostReport,
    models: Vec<ModelReport>,
    activity: Vec<Activity>,
    usage: Vec<UsageReport>,
}

/// Asks the host that listens on a socket.
pub(super) fn run(socket: &Path, format: OutputFormat, context: &Context) -> Result<ExitStatus, Failure> {
    let status = ask(socket)?;
    match format {
        OutputFormat::Json => context.printer.json(&status)?,
        OutputFormat::Text => context
            .printer
            .data(text(&status, jiff::Timestamp::now().as_millisecond()))?,
    }
    status
        .host
        .warnings
        .iter()
        .for_each(|warning| context.printer.warn(warning));
    Ok(ExitStatus::Success)
}

fn ask(socket: &Path) -> Result<Status, Failure> {
    let address: Address = socket.to_string_lossy().parse().map_err(ClientError::from)?;
    let hello = Hello {
        program: "refuel".to_owned(),
        pid: std::process::id(),
        ..Hello::default()
    };
    let mut session = Session::new(address.clone(), hello, Duration::ZERO);
    let mut report = |kind| session.report(kind, &mut Blocking::default());
    let (host, models, activity, usage) = (
        report(ReportKind::Host)?,
        report(ReportKind::Models)?,
        report(ReportKind::Activity)?,
        report(ReportKind::Usage)?,
    );
    let (Report::Host(mut host), Report::Models(models), Report::Activity(activity), Report::Usage(usage)) =
        (host, models, activity, usage)
    else {
        let what = "it sent another report than the one that it was asked for".to_owned();
        return Err(ClientError::Protocol { address, what }.into());
    };
    // The connection that asks is none that matters.
    host.clients = host.clients.saturating_sub(1);
    Ok(Status {
        socket: socket.display().to_string(),
        host,
        models,
        activity,
        usage,
    })
}

/// Time since a moment, in words.
fn since(moment_ms: i64, now_ms: i64) -> String {
    words::seconds(now_ms.saturating_sub(moment_ms).max(0) as f64 / 1000.0)
}

fn text(status: &Status, now: i64) -> String {
    let host = &status.host;
    let mut grid = Grid::pairs();
    grid.pair("host", Text::new(format!("refuel {}", host.version), Tone::Strong));
    grid.pair("socket", status.socket.clone());
    grid.pair("process", host.pid.to_string());
    grid.pair("up for", since(host.started_ms, now));
    grid.pair("clients", words::count(host.clients));
    grid.pair(
        "waiting",
        format!(
            "{}, {}",
            words::counted(host.queued, "input", "inputs"),
            words::bytes(host.queued_bytes)
        ),
    );
    grid.pair(
        "memory",
        format!(
            "{} in all; models {} of {}",
            words::bytes(host.resident_bytes),
            words::bytes(host.models_bytes),
            words::bytes(host.budget_bytes)
        ),
    );
    grid.pair("kept answers", words::bytes(host.cache_bytes));
    let parts = [
        grid.render(),
        models(&status.models, now),
        activity(&status.activity, now),
    ];
    parts.join("\n\n")
}

fn models(models: &[ModelReport], now: i64) -> String {
    if models.is_empty() {
        return " no models are on this machine; `refuel model pull` fetches one".to_owned();
    }
    let mut grid = Grid::new([
        ("model", Side::Left),
        ("digest", Side::Left),
        ("role", Side::Left),
        ("size", Side::Right),
        ("state", Side::Left),
        ("memory", Side::Right),
        ("last used", Side::Left),
    ]);
    for model in models {
        let device = model.device.as_deref().unwrap_or("");
        grid.row([
            Text::new(model.name.clone(), Tone::Strong),
            words::short_digest(&model.digest).into(),
            model.role.clone().into(),
            words::bytes(model.size_bytes).into(),
            if model.loaded {
                Text::new(format!("loaded {device}").trim_end(), Tone::Good)
            } else {
                Text::new("on disk", Tone::Faint)
            },
            if model.loaded {
                words::bytes(model.memory_bytes).into()
            } else {
                "".into()
            },
            model
                .used_ms
                .map_or(String::new(), |used| format!("{} ago", since(used, now)))
                .into(),
        ]);
    }
    grid.render()
}

fn activity(activity: &[Activity], now: i64) -> String {
    if activity.is_empty() {
        return " nothing is under way".to_owned();
    }
    let mut grid = Grid::new([
        ("process", Side::Right),
        ("program", Side::Left),
        ("database", Side::Left),
        ("role", Side::Left),
        ("task", Side::Left),
        ("model", Side::Left),
        ("answered", Side::Right),
        ("inputs", Side::Right),
        ("for", Side::Right),
    ]);
    for request in activity {
        // Clients name these; a terminal would act on control characters.
        let name = |text: &str| words::one_line(text, 40);
        grid.row([
            request.pid.to_string().into(),
            name(&request.program).into(),
            name(&request.database).into(),
            name(&request.role).into(),
            Text::new(name(&request.task), Tone::Strong),
            name(&request.model).into(),
            words::count(request.answered).into(),
            words::count(request.inputs).into(),
            since(request.started_ms, now).into(),
        ]);
    }
    grid.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_shown_with_its_models_and_what_is_under_way() {
        let mut status = Status {
            socket: "/run/user/1000/refuel.sock".to_owned(),
            host: HostReport {
                pid: 4711,
                version: "0.1.0".to_owned(),
                started_ms: 0,
                clients: 2,
                queued: 1204,
                queued_bytes: 150_000,
                resident_bytes: 812_000_000,
                budget_bytes: 12_000_000_000,
                models_bytes: 690_000_000,
                cache_bytes: 4_000_000,
                warnings: Vec::new(),
            },
            models: Vec::new(),
            activity: Vec::new(),
            usage: Vec::new(),
        };
        let shown = |status: &Status| anstream::adapter::strip_str(&text(status, 3_725_000)).to_string();
        insta::assert_snapshot!("status_idle", shown(&status));
        status.models = vec![
            ModelReport {
                name: "all-minilm-l6-v2".to_owned(),
                digest: "sha256:00".to_owned(),
                role: "encoder".to_owned(),
                license: Some("apache-2.0".to_owned()),
                size_bytes: 91_000_000,
                loaded: false,
                device: None,
                memory_bytes: 0,
                used_ms: None,
            },
            ModelReport {
                name: "smollm2-135m-instruct".to_owned(),
                digest: "sha256:01".to_owned(),
                role: "decoder".to_owned(),
                license: Some("apache-2.0".to_owned()),
                size_bytes: 272_000_000,
                loaded: true,
                device: Some("cpu".to_owned()),
                memory_bytes: 690_000_000,
                used_ms: Some(3_724_000),
            },
        ];
        status.activity = vec![Activity {
            pid: 99,
            program: "postgres".to_owned(),
            database: "shop".to_owned(),
            role: "an\u{1b}[31ma".to_owned(),
            task: "ticket_topic@2".to_owned(),
            model: "smollm2-135m-instruct@0123456789ab".to_owned(),
            inputs: 1500,
            answered: 296,
            started_ms: 3_712_000,
        }];
        insta::assert_snapshot!("status_busy", shown(&status));
    }
}
