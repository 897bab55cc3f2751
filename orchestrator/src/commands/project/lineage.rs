//! `refuel lineage`: what a node or a column comes from, and what comes from it.

use std::path::{Path, PathBuf};

use refuel_dag::lineage::{Direction, Headers, LineageError, LineageGraph, Lineages, node_lineage};
use refuel_dag::{Dag, Node, NodeId, ResourceType};
use refuel_project::Format;
use refuel_tables::{Input, Layout};
use serde::Serialize;

use super::open;
use crate::cli::OutputFormat;
use crate::cli::project::{Drawing, LineageArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;

/// A lineage, for programs.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<LineageGraph>,
    #[serde(skip_serializing_if = "Option::is_none")]
    downstream: Option<LineageGraph>,
}

/// What is asked about.
#[derive(Debug, PartialEq, Eq)]
enum Subject {
    /// A node.
    Node(NodeId),
    /// A column of a node, which is called so.
    Column(String, String),
}

/// Shows a lineage.
pub(crate) fn run(arguments: &LineageArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let dag = open::compile(&arguments.project, context)?;
    let subject = subject(&dag, &arguments.node);
    let files = Files {
        root: dag.project.root.clone(),
    };
    let mut lineages = Lineages::new(&dag, &files);
    let mut follow = |direction: Direction| match &subject {
        Subject::Column(node, column) => lineages.of_column(node, column, direction),
        Subject::Node(_) if arguments.columns => lineages.of_columns(&arguments.node, direction),
        Subject::Node(id) => {
            let roots: Vec<&Node> = dag.node(id.as_str()).into_iter().collect();
            Ok(node_lineage(&dag, &roots, direction, arguments.depth, arguments.tests))
        }
    };
    let wants_upstream = arguments.upstream || !arguments.downstream;
    let report = Report {
        upstream: wants_upstream.then(|| follow(Direction::Upstream)).transpose()?,
        downstream: arguments
            .downstream
            .then(|| follow(Direction::Downstream))
            .transpose()?,
    };
    match (arguments.format.format, arguments.draw) {
        (OutputFormat::Json, _) => context.printer.json(&report)?,
        (OutputFormat::Text, Drawing::Tree) => context.printer.data(trees(&report).trim_end())?,
        (OutputFormat::Text, drawing) => {
            let graph = whole(report);
            let text = if drawing == Drawing::Mermaid {
                graph.mermaid()
            } else {
                graph.dot()
            };
            context.printer.data(text.trim_end())?;
        }
    }
    Ok(ExitStatus::Success)
}

/// A name that is a node is one; else its last part is a column.
fn subject(dag: &Dag, name: &str) -> Subject {
    let project = &dag.project.settings.name;
    let model = dag.referable(name).map(|node| node.id.clone());
    let source = name
        .split_once('.')
        .map(|(source, table)| NodeId::new(ResourceType::Source, project, &[source, table]));
    let task = NodeId::new(
        ResourceType::Task,
        project,
        &[name.strip_prefix("task:").unwrap_or(name)],
    );
    let found = [model, source, Some(NodeId::from(name)), Some(task)]
        .into_iter()
        .flatten();
    if let Some(id) = { found }.find(|id| dag.node(id.as_str()).is_some()) {
        return Subject::Node(id);
    }
    match name.rsplit_once('.') {
        Some((node, column)) => Subject::Column(node.to_owned(), column.to_owned()),
        // Whoever follows it says what there is.
        None => Subject::Column(name.to_owned(), String::new()),
    }
}

fn trees(report: &Report) -> String {
    let upstream = report.upstream.as_ref().map(|graph| graph.tree(Direction::Upstream));
    let downstream = report
        .downstream
        .as_ref()
        .map(|graph| graph.tree(Direction::Downstream));
    match (upstream, downstream) {
        (Some(upstream), Some(downstream)) => format!("comes from\n{upstream}\ngoes to\n{downstream}"),
        (upstream, downstream) => upstream.or(downstream).unwrap_or_default(),
    }
}

/// Both directions in one graph.
fn whole(report: Report) -> LineageGraph {
    let mut graph = report.upstream.unwrap_or_default();
    if let Some(downstream) = report.downstream {
        graph.extend(downstream);
    }
    graph
}

/// The names of columns of the project's files.
struct Files {
    root: PathBuf,
}

impl Headers for Files {
    fn columns(&self, path: &str, format: Format, delimiter: Option<char>) -> Option<Vec<String>> {
        let format = match format {
            Format::Csv => refuel_tables::Format::Csv,
            Format::Tsv => refuel_tables::Format::Tsv,
            Format::Jsonl => refuel_tables::Format::Jsonl,
            Format::Parquet => refuel_tables::Format::Parquet,
        };
        let delimiter = delimiter.and_then(|delimiter| u8::try_from(delimiter).ok());
        let input = Input::File(self.root.join(Path::new(path)));
        let reader = refuel_tables::open(&input, Layout::new(format, delimiter), &[]).ok()?;
        if let Some(columns) = reader.columns() {
            return Some(columns.to_vec());
        }
        let schema = reader.whole_schema().ok()??;
        Some(schema.fields().iter().map(|field| field.name().clone()).collect())
    }
}

impl From<LineageError> for Failure {
    fn from(error: LineageError) -> Self {
        Self::new(&error, error.code(), error.hint(), ExitStatus::Usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_file_are_its_header() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), "id;name\n1;Ada\n").unwrap();
        std::fs::write(
            folder.path().join("b.jsonl"),
            "{\"id\": 1}\n{\"id\": 2, \"name\": \"Ada\"}\n",
        )
        .unwrap();
        let files = Files {
            root: folder.path().to_owned(),
        };
        let expected = Some(vec!["id".to_owned(), "name".to_owned()]);
        assert_eq!(files.columns("a.csv", Format::Csv, Some(';')), expected);
        assert_eq!(files.columns("b.jsonl", Format::Jsonl, None), expected);
        assert_eq!(files.columns("c.csv", Format::Csv, None), None, "it isn't there");
    }
}
