//! What a person sees of a run while it goes on: a line a node, and on a terminal bars for what is under way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use owo_colors::OwoColorize;
use refuel_dag::{NodeId, ResourceType};
use refuel_runs::{Event, NodeReport, Observer};
use refuel_state::NodeStatus;

use crate::printer::Printer;
use crate::words;

/// Off a terminal, a node that asks a model has a line at most this often.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// After so long a node is drawn as slow.
const SLOW: Duration = Duration::from_mins(1);

/// Shows a run on standard error.
pub(super) struct Watch {
    printer: Printer,
    /// Width of the longest name.
    width: usize,
    shown: Mutex<Shown>,
}

/// What is on the screen.
struct Shown {
    bars: Option<Bars>,
    running: HashMap<NodeId, Running>,
}

/// The bars of a terminal.
struct Bars {
    all: MultiProgress,
    total: ProgressBar,
}

/// A node that is under way.
struct Running {
    name: String,
    started: Instant,
    bar: Option<ProgressBar>,
    found: u64,
    answered: u64,
    last_line: Instant,
}

impl Watch {
    /// Shows nodes whose names are at most `width` wide.
    pub(super) fn new(printer: Printer, width: usize) -> Self {
        Self {
            printer,
            width: width.clamp(12, 48),
            shown: Mutex::new(Shown {
                bars: None,
                running: HashMap::new(),
            }),
        }
    }

    fn tell(&self, shown: &Shown, text: &str) {
        match &shown.bars {
            Some(bars) => bars.all.suspend(|| self.printer.note(text)),
            None => self.printer.note(text),
        }
    }

    fn begin(&self, shown: &mut Shown, nodes: usize) {
        if !self.printer.shows_progress() || !self.printer.is_terminal() {
            return;
        }
        let all = MultiProgress::new();
        let total = all.add(ProgressBar::new(nodes as u64));
        total.set_style(styled("{wide_bar:.cyan/dim} {pos}/{len} nodes  {elapsed}"));
        total.enable_steady_tick(Duration::from_millis(200));
        shown.bars = Some(Bars { all, total });
    }

    fn begin_node(&self, shown: &mut Shown, node: &NodeId) {
        let name = short(node).to_owned();
        let bar = shown.bars.as_ref().map(|bars| {
            let bar = bars.all.insert_before(&bars.total, ProgressBar::no_length());
            bar.set_style(styled("  {spinner} {prefix}  {msg}  {elapsed:.dim}"));
            bar.set_prefix(format!("{name:width$}", width = self.width));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let now = Instant::now();
        let running = Running {
            name,
            started: now,
            bar,
            found: 0,
            answered: 0,
            last_line: now,
        };
        shown.running.insert(node.clone(), running);
    }

    fn progress(&self, shown: &mut Shown, node: &NodeId, change: impl FnOnce(&mut Running)) {
        let Some(running) = shown.running.get_mut(node) else {
            return;
        };
        change(running);
        let speed = running.answered as f64 / running.started.elapsed().as_secs_f64().max(1e-9);
        let message = format!(
            "{} of {} answered, {} rows/s",
            words::count(running.answered),
            words::count(running.found.max(running.answered)),
            words::per_second(speed)
        );
        if let Some(bar) = &running.bar {
            if running.started.elapsed() > SLOW {
                bar.set_style(styled("  {spinner:.yellow} {prefix:.yellow}  {msg}  {elapsed:.yellow}"));
            }
            bar.set_message(message);
        } else if self.printer.shows_progress() && running.last_line.elapsed() >= LINE_EVERY {
            running.last_line = Instant::now();
            let line = format!("{}: {message}", running.name);
            self.printer.note(line);
        }
    }

    fn end_node(&self, shown: &mut Shown, report: &NodeReport, number: Option<usize>, of: usize) {
        if let Some(bar) = shown.running.remove(&report.node).and_then(|running| running.bar) {
            bar.finish_and_clear();
        }
        if let Some(bars) = &shown.bars {
            bars.total.inc(u64::from(number.is_some()));
        }
        let line = line(report, number, of, self.width);
        if !is_wrong(report.status) {
            self.tell(shown, &line);
        } else if let Some(bars) = &shown.bars {
            bars.all.suspend(|| self.printer.problem(line));
        } else {
            self.printer.problem(line);
        }
    }
}

impl Observer for Watch {
    fn event(&self, event: &Event) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { nodes, .. } => self.begin(&mut shown, *nodes),
            Event::NodeStarted { node, .. } => self.begin_node(&mut shown, node),
            Event::Inputs { node, found, .. } => {
                self.progress(&mut shown, node, |running| running.found = running.found.max(*found));
            }
            Event::Answered { node, inputs, .. } => {
                self.progress(&mut shown, node, |running| running.answered += inputs);
            }
            Event::Retrying { node, message, wait } => {
                let wait = words::seconds(wait.as_secs_f64());
                self.tell(&shown, &format!("{}: {message}; again in {wait}", short(node)));
            }
            Event::Note { node, message } => match node {
                Some(node) => self.tell(&shown, &format!("{}: {message}", short(node))),
                None => self.tell(&shown, message),
            },
            Event::NodeFinished { report, number, of } => self.end_node(&mut shown, report, *number, *of),
            Event::Finished { .. } => {
                if let Some(bars) = shown.bars.take() {
                    bars.total.finish_and_clear();
                }
            }
        }
    }
}

/// The name of a node, without its kind and its project.
fn short(node: &NodeId) -> &str {
    node.as_str().splitn(3, '.').last().unwrap_or_default()
}

fn styled(template: &str) -> ProgressStyle {
    // The templates are constants of this file, and a test renders each; the default bar is the way out.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// Whether somebody has to hear of it, whatever else they don't want to hear.
pub(super) fn is_wrong(status: NodeStatus) -> bool {
    matches!(status, NodeStatus::Error | NodeStatus::Fail)
}

/// The line of a node that has ended. `number` is its place among those that were asked for; none for what they need.
fn line(report: &NodeReport, number: Option<usize>, of: usize, width: usize) -> String {
    let digits = of.to_string().len();
    let head = match number {
        Some(number) => format!("{number:>digits$}/{of}"),
        None => " ".repeat(2 * digits + 1),
    };
    let word = format!("{:<9}", report.status.as_str().to_uppercase());
    let word = match report.status {
        NodeStatus::Success => word.green().to_string(),
        NodeStatus::Reused | NodeStatus::NoOp => word.cyan().to_string(),
        NodeStatus::Warn | NodeStatus::Skipped => word.yellow().to_string(),
        _ => word.red().to_string(),
    };
    let mut line = format!("{head} {word} {:width$}", report.name);
    let details = details(report);
    if !details.is_empty() {
        line.push_str("  ");
        line.push_str(&details.join(", "));
    }
    if report.started.is_some() && report.status != NodeStatus::Reused {
        let seconds = words::seconds(report.compile_seconds + report.execute_seconds);
        line.push_str(&format!("  {}", format_args!("[{seconds}]").dimmed()));
    }
    if is_wrong(report.status)
        && let (Some(code), Some(message)) = (&report.code, &report.message)
    {
        line.push_str(&format!(
            "\n    {}: {message}",
            format_args!("error[{code}]").red().bold()
        ));
        if let Some(hint) = &report.hint {
            line.push_str(&format!("\n    {}: {hint}", "hint".cyan().bold()));
        }
    }
    line.trim_end().to_owned()
}

fn details(report: &NodeReport) -> Vec<String> {
    let mut details = Vec::new();
    if let Some(rows) = report.rows {
        details.push(words::counted(rows, "row", "rows"));
    }
    if report.asked > 0 {
        details.push(format!("{} asked", words::count(report.asked)));
    }
    if report.without_model > 0 {
        details.push(format!(
            "{} without a language model",
            words::count(report.without_model)
        ));
    }
    if report.cached > 0 {
        details.push(format!("{} known", words::count(report.cached)));
    }
    // What has a code stands on a line of its own. Of what has several lines, the others come at the end of the run.
    let message = report.message.as_deref().filter(|_| report.code.is_none());
    let message = message.and_then(|message| message.lines().next());
    match (message, report.failures.filter(|&failures| failures > 0)) {
        (Some(message), Some(failures)) if report.resource_type == Some(ResourceType::Test) => {
            let them = if failures == 1 { "it" } else { "them" };
            details.push(format!("{message}: `refuel show {}` shows {them}", report.name));
        }
        (Some(message), _) => details.push(message.to_owned()),
        (None, Some(failures)) => details.push(words::counted(failures, "failing row", "failing rows")),
        (None, None) => {}
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_understood() {
        for template in [
            "{wide_bar:.cyan/dim} {pos}/{len} nodes  {elapsed}",
            "  {spinner} {prefix}  {msg}  {elapsed:.dim}",
            "  {spinner:.yellow} {prefix:.yellow}  {msg}  {elapsed:.yellow}",
        ] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
