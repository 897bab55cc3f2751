//! `refuel plan`: what a build would do and cost, before anything runs.

use refuel_runs::{Action, Command, PlanNode, PlanReport, PlanStage};

use super::build::{Opened, resource_types, within};
use super::earlier::Known;
use super::selection;
use crate::cli::OutputFormat;
use crate::cli::project::PlanArgs;
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// Says what a build would do.
pub(crate) fn run(arguments: &PlanArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let interrupt = Interrupt::listen(context.printer)?;
    let opened = Opened::open(&arguments.project, &arguments.models, context)?;
    let known = Known::of(&opened.workspace, &arguments.selection)?;
    let types = resource_types(Command::Build);
    let mut request = within(Command::Build, &arguments.budget);
    request.full_refresh = arguments.full_refresh;
    request.selection = known.with(&opened.workspace.dag, |earlier| {
        selection::select(&opened.workspace.dag, &arguments.selection, types, earlier, context)
    })?;
    let report = refuel_runs::plan(&opened.workspace, &request, &interrupt.cancel)?;
    match arguments.format.format {
        OutputFormat::Json => context.printer.json(&report)?,
        OutputFormat::Text => context.printer.data(text(&report))?,
    }
    Ok(if report.over_budget.is_some() {
        ExitStatus::Failure
    } else {
        ExitStatus::Success
    })
}

fn text(report: &PlanReport) -> String {
    let mut grid = Grid::new([
        ("node", Side::Left),
        ("action", Side::Left),
        ("task", Side::Left),
        ("rows", Side::Right),
        ("distinct", Side::Right),
        ("known", Side::Right),
        ("to ask", Side::Right),
        ("tokens", Side::Right),
        ("time", Side::Right),
    ]);
    let checks = report.nodes.iter().filter(|node| node.action == Action::Check).count();
    for node in report.nodes.iter().filter(|node| node.action != Action::Check) {
        add(&mut grid, node);
    }
    let mut lines = vec![grid.render(), String::new()];
    if checks > 0 {
        lines.push(format!("and {}", words::counted(checks as u64, "check", "checks")));
    }
    lines.extend(
        report
            .nodes
            .iter()
            .filter_map(|node| node.unknown.as_ref().map(|why| format!("{}: {why}", node.name))),
    );
    lines.push(total(report));
    if report.has_extension {
        lines.push("the extension answers calls here, and knows more answers than are counted".to_owned());
    }
    if let Some(over) = &report.over_budget {
        lines.push(format!("over budget: {over}"));
    }
    lines.join("\n")
}

fn add(grid: &mut Grid, node: &PlanNode) {
    let rows = node.rows.map_or_else(String::new, words::count);
    let action = Text::new(word(node.action), tone(node.action));
    let node_lines = node.relations.len() + node.stages.len();
    if node_lines == 0 {
        let empty = || Text::from("");
        grid.row([
            node.name.as_str().into(),
            action,
            empty(),
            rows.into(),
            empty(),
            empty(),
            empty(),
            empty(),
            empty(),
        ]);
        return;
    }
    for (at, relation) in node.relations.iter().enumerate() {
        let is_first = at == 0;
        let count = words::count(relation.rows);
        let known = if relation.is_kept { count.as_str() } else { "" };
        let what = if relation.is_kept {
            Text::new("kept", Tone::Faint)
        } else if relation.is_shared {
            Text::new("(computed above)", Tone::Faint)
        } else {
            Text::new("all computed", Tone::Strong)
        };
        grid.row([
            Text::from(if is_first { node.name.as_str() } else { "" }),
            if is_first { action.clone() } else { "".into() },
            relation.task.as_str().into(),
            if is_first { rows.as_str().into() } else { "".into() },
            count.as_str().into(),
            known.into(),
            what,
            "".into(),
            "".into(),
        ]);
    }
    for (at, stage) in node.stages.iter().enumerate() {
        let is_first = at == 0 && node.relations.is_empty();
        grid.row([
            Text::from(if is_first { node.name.as_str() } else { "" }),
            if is_first { action.clone() } else { "".into() },
            stage.task.as_str().into(),
            if is_first { rows.as_str().into() } else { "".into() },
            words::count(stage.distinct).into(),
            words::count(stage.answered).into(),
            to_ask(stage),
            about(stage.tokens.map(words::count)).into(),
            about(stage.seconds.map(words::seconds)).into(),
        ]);
    }
}

fn to_ask(stage: &PlanStage) -> Text {
    let number = words::count(stage.to_ask);
    if !stage.asks_model && !stage.is_shared && stage.to_ask > 0 {
        let most = if stage.at_most { "at most " } else { "" };
        Text::new(format!("{most}{number}, no model"), Tone::Plain)
    } else if stage.is_shared {
        Text::new("(counted above)", Tone::Faint)
    } else if stage.at_most {
        Text::new(format!("at most {number}"), Tone::Unsure)
    } else {
        Text::new(number, if stage.to_ask > 0 { Tone::Strong } else { Tone::Plain })
    }
}

fn about(amount: Option<String>) -> String {
    amount.map_or_else(String::new, |amount| format!("~{amount}"))
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Build => "build",
        Action::Increment => "add rows",
        Action::Reuse => "reuse",
        Action::Load => "load",
        Action::Check => "check",
        Action::Inline => "inline",
    }
}

fn tone(action: Action) -> Tone {
    match action {
        Action::Reuse | Action::Inline => Tone::Faint,
        _ => Tone::Plain,
    }
}

fn total(report: &PlanReport) -> String {
    let total = &report.total;
    let mut line = format!(
        "{} to ask, {} known",
        words::counted(total.to_ask, "input", "inputs"),
        words::count(total.answered)
    );
    if total.at_most_more > 0 {
        line.push_str(&format!(", at most {} more", words::count(total.at_most_more)));
    }
    if total.without_model > 0 {
        line.push_str(&format!(
            ", {} to answer without a language model",
            words::count(total.without_model)
        ));
    }
    if total.computed > 0 {
        line.push_str(&format!(
            ", {} of relations to compute",
            words::counted(total.computed, "row", "rows")
        ));
    }
    if total.to_ask > 0 {
        line.push_str(&format!(
            "; about {} and {}",
            words::counted(total.tokens, "token", "tokens"),
            words::seconds(total.seconds)
        ));
    }
    let uncounted = report.nodes.iter().filter(|node| node.unknown.is_some()).count() as u64;
    if uncounted > 0 {
        let them = words::counted(uncounted, "node that isn't", "nodes that aren't");
        line.push_str(&format!("; and what is asked by {them} counted"));
    }
    line
}
