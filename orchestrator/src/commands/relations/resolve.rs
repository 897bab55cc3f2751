//! `refuel resolve`: which rows are the same thing.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use owo_colors::OwoColorize;
use refuel_relations::{ResolveReport, Resolved, Resolving, Step};
use refuel_resolve::{ClusterFigures, compare_clusters};
use refuel_tables::RowType;
use refuel_task::{ModelName, TableTask, Task};
use serde_json::{Value, json};

use super::embed;
use super::source::{self, Source};
use super::write::{self, Target};
use crate::answerer::Models;
use crate::cli::{OutputFormat, ResolveArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::interrupt::Interrupt;
use crate::progress::{Progress, Unit};
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// Which of two sources a row is of, 1 or 2. The column is there where there are two.
const SOURCE: &str = "source";
/// Columns behind those of a source.
const COLUMNS: [(&str, RowType); 3] = [
    ("entity_id", RowType::Integer),
    ("is_canonical", RowType::Boolean),
    ("confidence", RowType::Real),
];

/// Columns of a table of entities, before those of their canonical records.
const OF_ENTITIES: [(&str, RowType); 4] = [
    ("entity_id", RowType::Integer),
    ("records", RowType::Integer),
    ("confidence", RowType::Real),
    ("record_key", RowType::Text),
];

/// Runs `refuel resolve`.
pub(crate) fn run(arguments: &ResolveArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let interrupt = Interrupt::listen(context.printer)?;
    let began = Instant::now();
    let task = settled(arguments)?;
    let common = &arguments.common;
    let mut sources = Vec::new();
    for name in &arguments.sources {
        let Some(source) = source::read(name, common.tables, common.limit, &interrupt)? else {
            return Ok(ExitStatus::Interrupted);
        };
        sources.push(source);
    }
    let targets = Targets::new(arguments, &task, &sources)?;
    let relations: Vec<_> = sources.iter().map(|source| source.relation.clone()).collect();
    let resolving = Resolving::new(&task, &relations)?;
    let vectors = match task.model.as_ref().filter(|_| resolving.records() > 0) {
        None => None,
        Some(model) => {
            let models = Models::open(&arguments.engine, context)?;
            match embed::embed(&models, &model.to_string(), &resolving.texts(), &interrupt, context)? {
                Some(vectors) => Some(vectors),
                None => return Ok(ExitStatus::Interrupted),
            }
        }
    };
    let progress = std::cell::RefCell::new(Progress::new(
        context.printer,
        Unit::Rows,
        task.name.clone(),
        Some(resolving.records() as u64),
    ));
    let watch = |step: Step, done: usize, all: usize| {
        // Each step is a quarter of the way; pairs are counted in it as records are.
        let before = match step {
            Step::Prepare => 0,
            Step::Block => 1,
            Step::Score => 2,
            Step::Cluster => 3,
        };
        let part = done as f64 / all.max(1) as f64;
        let way = (f64::from(before) + part) / 4.0 * resolving.records() as f64;
        progress.borrow_mut().set(way as u64);
        !interrupt.is_requested()
    };
    let resolved = match resolving.resolve(vectors, &watch) {
        Ok(resolved) => resolved,
        Err(error) if error.is_cancelled() => return Ok(ExitStatus::Interrupted),
        Err(error) => return Err(error.into()),
    };
    progress.into_inner().finish();
    let figures = arguments
        .expected
        .as_deref()
        .map(|column| compared(&resolved, &sources, column))
        .transpose()?;
    targets.write(&resolved, &sources)?;
    let told = Told {
        task: &task,
        resolved: &resolved,
        figures: figures.as_ref(),
        seconds: began.elapsed().as_secs_f64(),
    };
    if common.format.format == OutputFormat::Json {
        let has_rows = targets.rows.path().is_none();
        context.printer.json_beside(has_rows, &told.json(&targets))?;
    } else if context.printer.shows_notes() {
        context.printer.note(format!("\n{}", told.text()));
    }
    Ok(ExitStatus::Success)
}

/// The task, with what the command line says instead.
fn settled(arguments: &ResolveArgs) -> Result<Task, Failure> {
    let mut task = Task::from_file(&arguments.task)?;
    if let Some(model) = &arguments.model {
        let (name, digest) = model
            .split_once('@')
            .map_or((&**model, None), |(name, digest)| (name, Some(digest)));
        task.model = Some(ModelName {
            name: name.to_owned(),
            digest: digest.map(|digest| digest.trim_start_matches("sha256:").to_owned()),
        });
    }
    if let Some(TableTask::Resolve(resolve)) = &mut task.table {
        if let Some(threshold) = arguments.threshold {
            resolve.threshold = threshold;
        }
        if let Some(expected) = &arguments.expected
            && resolve.columns.is_empty()
            && !resolve.ignore.contains(expected)
        {
            resolve.ignore.push(expected.clone());
        }
    }
    Ok(task)
}

/// Tables that will be written.
struct Targets {
    rows: Target,
    entities: Option<Target>,
    pairs: Option<Target>,
}

impl Targets {
    fn new(arguments: &ResolveArgs, task: &Task, sources: &[Source]) -> Result<Self, Failure> {
        let common = &arguments.common;
        let own: Vec<&Source> = sources.iter().collect();
        write::refuse_two_streams(&[
            ("--output", Some(&*common.output)),
            ("--entities", arguments.entities.as_deref()),
            ("--pairs", arguments.pairs.as_deref()),
        ])?;
        for source in sources {
            write::refuse_clash(source, &COLUMNS.map(|(name, _)| name))?;
            if sources.len() > 1 {
                write::refuse_clash(source, &[SOURCE])?;
            }
            if arguments.entities.is_some() {
                let own = OF_ENTITIES.iter().map(|(name, _)| *name);
                let clashing: Vec<&str> = own.filter(|name| is_compared(task, name)).collect();
                write::refuse_clash(source, &clashing)?;
            }
        }
        let target = |path: &Path, asked| Target::new(path, asked, &own, common.tables.delimiter, common.force);
        Ok(Self {
            rows: target(&common.output, common.output_format.map(Into::into))?,
            entities: arguments
                .entities
                .as_deref()
                .map(|path| target(path, None))
                .transpose()?,
            pairs: arguments.pairs.as_deref().map(|path| target(path, None)).transpose()?,
        })
    }

    fn write(&self, resolved: &Resolved, sources: &[Source]) -> Result<(), Failure> {
        // Of two tables, a column that only one has is empty in the rows of the other.
        let mut columns: Vec<(String, RowType)> = Vec::new();
        for source in sources {
            for (name, row_type) in write::types(source) {
                match columns.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) if *known != row_type => *known = RowType::Text,
                    Some(_) => {}
                    None => columns.push((name, row_type)),
                }
            }
        }
        let own = columns.len();
        let places: Vec<Vec<Option<usize>>> = sources
            .iter()
            .map(|source| {
                let place = |name: &String| source.relation.columns.iter().position(|own| own == name);
                columns.iter().map(|(name, _)| place(name)).collect()
            })
            .collect();
        if sources.len() > 1 {
            columns.push((SOURCE.to_owned(), RowType::Integer));
        }
        columns.extend(COLUMNS.map(|(name, row_type)| (name.to_owned(), row_type)));
        let rows = resolved.rows.iter().map(|row| {
            let relation = row.relation as usize;
            let values = &sources[relation].values[row.row];
            let mut made: Vec<Value> = places[relation]
                .iter()
                .map(|place| place.map_or(Value::Null, |place| values[place].clone()))
                .collect();
            debug_assert_eq!(made.len(), own);
            if sources.len() > 1 {
                made.push((relation + 1).into());
            }
            made.extend([row.entity_id.into(), row.is_canonical.into(), rounded(row.confidence)]);
            made
        });
        self.rows.write(&columns, rows)?;
        if let Some(target) = &self.entities {
            write_entities(target, resolved, sources)?;
        }
        if let Some(target) = &self.pairs {
            let columns = [
                ("left_key", RowType::Text),
                ("right_key", RowType::Text),
                ("probability", RowType::Real),
                ("same_entity", RowType::Boolean),
                ("rules", RowType::Integer),
            ];
            let rows = resolved.pairs.iter().map(|pair| {
                vec![
                    pair.left_key.as_str().into(),
                    pair.right_key.as_str().into(),
                    rounded(pair.probability),
                    pair.same_entity.into(),
                    pair.rules.into(),
                ]
            });
            target.write(&columns.map(|(name, row_type)| (name.to_owned(), row_type)), rows)?;
        }
        Ok(())
    }
}

/// Whether a column of this name is compared, so that a canonical record has it.
fn is_compared(task: &Task, name: &str) -> bool {
    let Some(TableTask::Resolve(resolve)) = &task.table else {
        return false;
    };
    let is_left_out = resolve.key.as_deref() == Some(name) || resolve.ignore.iter().any(|ignored| ignored == name);
    let is_named = resolve.columns.is_empty() || resolve.columns.iter().any(|column| column.name == name);
    is_named && !is_left_out
}

/// One row an entity: its number and size, the key of its most typical record, and its canonical record.
fn write_entities(target: &Target, resolved: &Resolved, sources: &[Source]) -> Result<(), Failure> {
    let mut columns: Vec<(String, RowType)> = OF_ENTITIES.map(|(name, row_type)| (name.to_owned(), row_type)).into();
    let first = columns.len();
    for name in sources.iter().flat_map(|source| &source.relation.columns) {
        let is_compared = resolved.report.columns.iter().any(|column| column.name == *name);
        if is_compared && columns.iter().all(|(known, _)| known != name) {
            columns.push((name.clone(), RowType::Text));
        }
    }
    let rows = resolved.entities.iter().map(|entity| {
        let mut row: Vec<Value> = vec![
            entity.entity_id.into(),
            entity.records.into(),
            rounded(entity.confidence),
            entity.record_key.as_str().into(),
        ];
        let value = |(name, _): &(String, RowType)| entity.canonical.get(name).cloned().unwrap_or_default();
        row.extend(columns[first..].iter().map(value));
        row
    });
    target.write(&columns, rows)?;
    Ok(())
}

/// A probability with as many digits as it is worth.
pub(super) fn rounded(number: f32) -> Value {
    ((f64::from(number) * 1e4).round() / 1e4).into()
}

/// The entities against a column that says what is the same. A row without a value there is the same as none.
fn compared(resolved: &Resolved, sources: &[Source], column: &str) -> Result<ClusterFigures, Failure> {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut truth = Vec::with_capacity(resolved.rows.len());
    for (at, row) in resolved.rows.iter().enumerate() {
        let source = &sources[row.relation as usize].relation;
        let Some(place) = source.columns.iter().position(|name| name == column) else {
            return Err(CliError::NoSuchColumn {
                source_name: source.name.clone(),
                column: column.to_owned(),
                columns: source.columns.clone(),
            }
            .into());
        };
        let value = source.rows[row.row][place].clone().unwrap_or_else(|| format!("\0{at}"));
        let next = numbers.len() as u32;
        truth.push(*numbers.entry(value).or_insert(next));
    }
    let found: Vec<u32> = resolved.rows.iter().map(|row| row.entity_id as u32).collect();
    compare_clusters(&found, &truth).map_err(|error| refuel_relations::RelationError::from(error).into())
}

/// What is told at the end.
struct Told<'a> {
    task: &'a Task,
    resolved: &'a Resolved,
    figures: Option<&'a ClusterFigures>,
    seconds: f64,
}

impl Told<'_> {
    fn json(&self, targets: &Targets) -> Value {
        let path =
            |target: Option<&Target>| target.and_then(|target| target.path().map(|path| path.display().to_string()));
        json!({
            "task": self.task.name,
            "fingerprint": self.task.fingerprint(),
            "model": self.task.model.as_ref().map(ToString::to_string),
            "output": path(Some(&targets.rows)),
            "entities_table": path(targets.entities.as_ref()),
            "pairs_table": path(targets.pairs.as_ref()),
            "seconds": self.seconds,
            "report": self.resolved.report,
            "expected": self.figures.map(|figures| json!({
                "null_model": {"all_alone": {"pairwise_f1": 0.0}},
                "figures": figures,
            })),
        })
    }

    fn text(&self) -> String {
        let report = &self.resolved.report;
        let mut sections = Vec::new();
        sections.push(blocking(report));
        let mut grid = Grid::pairs();
        let all: usize = report.records.iter().sum();
        grid.pair("records", records(report));
        grid.pair(
            "entities",
            Text::new(
                format!(
                    "{}, of which {} have several records; the largest has {}",
                    words::count(report.entities as u64),
                    words::count(report.merged as u64),
                    words::count(report.largest as u64)
                ),
                Tone::Strong,
            ),
        );
        grid.pair("compared", comparing(report));
        grid.pair("recall of blocking", recall(report));
        if let Some(labelled) = &report.labelled {
            let held_out = labelled.held_out;
            grid.pair(
                "labelled pairs",
                format!(
                    "{}, {} the same: F1 {:.3}, precision {:.3}, recall {:.3}, accuracy {:.3} (majority {:.3}) on pairs that were held out",
                    words::count(labelled.pairs as u64),
                    words::count(labelled.same as u64),
                    held_out.f1,
                    held_out.precision,
                    held_out.recall,
                    held_out.accuracy,
                    held_out.majority
                ),
            );
        } else {
            grid.pair(
                "weights",
                "estimated from the table itself; the task has no labelled pairs",
            );
        }
        if let Some(figures) = self.figures {
            let pairwise = figures.pairwise;
            grid.pair(
                "as expected",
                format!(
                    "pairwise F1 {:.3} (all alone: 0), precision {:.3}, recall {:.3}; B-cubed F1 {:.3}; whole entities F1 {:.3}",
                    pairwise.f1, pairwise.precision, pairwise.recall, figures.b_cubed.f1, figures.exact.f1
                ),
            );
        }
        grid.pair(
            "time",
            format!(
                "{}, {} rows/s",
                words::seconds(self.seconds),
                words::per_second(all as f64 / self.seconds.max(1e-9))
            ),
        );
        sections.push(grid.render());
        sections.extend(unsure(report));
        if report.dropped > 0 {
            sections.push(format!(
                "{} {} pairs were left out: raise \"max_pairs\", or use narrower rules of \"blocking\"",
                "note:".yellow(),
                words::count(report.dropped as u64)
            ));
        }
        sections.join("\n\n")
    }
}

/// That a good part of what was merged agrees in one column alone, with what to do about it.
fn unsure(report: &ResolveReport) -> Option<String> {
    let merged = report
        .merged_pairs
        .filter(|merged| merged.in_one_column > 0 && merged.in_one_column * 10 >= merged.pairs)?;
    let what_to_do = if report.columns.len() == 1 {
        "the task compares no other"
    } else {
        "look at them with `--pairs`, and label some pairs in \"examples\""
    };
    Some(format!(
        "{} {} of {} pairs that came into one entity agree in one column at most: {what_to_do}",
        "note:".yellow(),
        words::count(merged.in_one_column as u64),
        words::count(merged.pairs as u64)
    ))
}

fn blocking(report: &ResolveReport) -> String {
    let mut grid = Grid::new([
        ("blocking", Side::Left),
        ("pairs", Side::Right),
        ("found alone", Side::Right),
        ("the same", Side::Right),
    ]);
    for rule in &report.blocking {
        grid.row([
            rule.rule.as_str().into(),
            words::count(rule.pairs as u64).into(),
            words::count(rule.alone as u64).into(),
            words::count(rule.matches as u64).into(),
        ]);
    }
    grid.render()
}

fn records(report: &ResolveReport) -> String {
    let counts: Vec<String> = report.records.iter().map(|count| words::count(*count as u64)).collect();
    let columns: Vec<String> = report
        .columns
        .iter()
        .map(|column| format!("{} ({})", column.name, column.role))
        .collect();
    format!("{}, compared by {}", counts.join(" and "), columns.join(", "))
}

fn comparing(report: &ResolveReport) -> String {
    format!(
        "{} of {} pairs",
        words::count(report.compared as u64),
        words::count(report.possible)
    )
}

fn recall(report: &ResolveReport) -> String {
    let estimated = match report.estimated_recall {
        Some(share) => format!("{:.1} %, estimated from how the rules overlap", 100.0 * share),
        None => "unknown: too few matches to tell".to_owned(),
    };
    match report.labelled.as_ref().and_then(|labelled| labelled.blocked) {
        Some((found, known)) => format!("{found} of {known} labelled matches; {estimated}"),
        None => estimated,
    }
}
