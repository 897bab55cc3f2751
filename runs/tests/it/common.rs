//! Projects in a folder of their own.

use std::path::Path;
use std::sync::{Arc, Mutex};

use refuel_dag::{CompileOptions, Dag, NodeId};
use refuel_engine::Cancel;
use refuel_project::{LoadOptions, Project};
use refuel_runs::{
    Command, Event, NodeReport, NodeStatus, Observer, RunError, RunReport, RunRequest, Workspace, execute,
};
use refuel_warehouse::Value;
use tempfile::TempDir;

use crate::scripted::Scripted;

/// A task that sorts messages.
pub(crate) const TOPIC: &str = "\
kind: label
description: What a message is about.
input: body
guidelines: Say what it is about.
labels: [delivery, refund, other]
threshold: 0.6
";

/// Messages: six, of which two are equal but for their ids.
pub(crate) const MESSAGES: &str = "\
id,body
1,Where is my delivery?!
2,I want a refund!
3,I want a refund!
4,delivery or refund
5,Hello
6,
";

/// The files of a project that sorts messages.
pub(crate) const FILES: [(&str, &str); 6] = [
    ("refuel_project.yml", "name: shop\n"),
    ("seeds/messages.csv", MESSAGES),
    ("tasks/topic.yml", TOPIC),
    (
        "models/cleaned.sql",
        "{{ config(materialized='view') }}\nSELECT id, trim(body) AS body FROM {{ ref('messages') }}\n",
    ),
    (
        "models/labelled.sql",
        "{{ config(materialized='table') }}\n\
         SELECT id, body, refuel_label(body, 'topic') AS topic FROM {{ ref('cleaned') }}\n",
    ),
    (
        "models/report.sql",
        "{{ config(materialized='table') }}\n\
         SELECT topic, count(*) AS messages FROM {{ ref('labelled') }} GROUP BY topic\n",
    ),
];

/// A project in a folder, with models that are scripted.
pub(crate) struct Shop {
    folder: Option<TempDir>,
    path: std::path::PathBuf,
    /// The models.
    pub(crate) models: Scripted,
    /// The profile's target.
    pub(crate) target: Option<String>,
}

impl Shop {
    /// The project of [`FILES`].
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// The project of [`FILES`] with further files, or with others in their place.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let shop = Self::empty();
        for (path, text) in FILES.iter().chain(files) {
            shop.write(path, text);
        }
        shop
    }

    /// A folder with nothing in it.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            path: folder.path().to_owned(),
            folder: Some(folder),
            models: Scripted::default(),
            target: None,
        }
    }

    /// A project that is there, and stays.
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            folder: None,
            path: path.to_owned(),
            models: Scripted::default(),
            target: None,
        }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        let _ = &self.folder;
        &self.path
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Compiles and opens the project.
    pub(crate) fn open(&self) -> Workspace {
        let options = LoadOptions {
            target: self.target.clone(),
            ..LoadOptions::default()
        };
        let project = Project::load(self.path(), &options).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let dag =
            Dag::compile(&Arc::new(project), &CompileOptions::default()).unwrap_or_else(|errors| panic!("{errors:#?}"));
        Workspace::open(Arc::new(dag), Arc::new(self.models.clone())).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Everything that can be selected.
    pub(crate) fn all(workspace: &Workspace) -> Vec<NodeId> {
        workspace.dag.nodes.keys().cloned().collect()
    }

    /// Does a run of everything.
    pub(crate) fn run(&self, command: Command) -> RunReport {
        self.try_run(command, |_| {}).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Builds everything.
    pub(crate) fn build(&self) -> RunReport {
        self.run(Command::Build)
    }

    /// Does a run of everything with other options.
    pub(crate) fn try_run(
        &self,
        command: Command,
        options: impl FnOnce(&mut RunRequest),
    ) -> Result<RunReport, RunError> {
        let workspace = self.open();
        let mut request = RunRequest::new(command, Self::all(&workspace));
        options(&mut request);
        execute(&workspace, &request, &refuel_runs::Silent, &Cancel::new())
    }

    /// The rows of a query, with their cells as text.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let workspace = self.open();
        let mut warehouse = workspace.warehouses.connect().unwrap();
        let rows = warehouse.rows(sql).unwrap_or_else(|error| panic!("{error}"));
        let shown = |value: &Value| match value {
            Value::Null => "NULL".to_owned(),
            other => other.to_string(),
        };
        rows.iter().map(|row| row.iter().map(shown).collect()).collect()
    }

    /// The rows of a query as lines with bars between cells.
    pub(crate) fn table(&self, sql: &str) -> String {
        let lines: Vec<String> = self.rows(sql).iter().map(|row| row.join(" | ")).collect();
        lines.join("\n")
    }
}

/// How a node ended.
pub(crate) fn status(report: &RunReport, id: &str) -> NodeStatus {
    node(report, id).status
}

/// What is reported of a node.
pub(crate) fn node<'a>(report: &'a RunReport, id: &str) -> &'a NodeReport {
    report
        .node(id)
        .unwrap_or_else(|| panic!("no {id} in {:#?}", report.nodes))
}

/// Every node with how it ended and its message, a line each, sorted.
pub(crate) fn lines(report: &RunReport) -> String {
    let mut lines: Vec<String> = report
        .nodes
        .iter()
        .map(|node| {
            let message = node.message.as_deref().unwrap_or("");
            format!("{} {} {message}", node.node, node.status.as_str())
                .trim_end()
                .to_owned()
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

/// Keeps every event.
#[derive(Default)]
pub(crate) struct Recorder(pub(crate) Mutex<Vec<Event>>);

impl Recorder {
    /// What was noted, a line each.
    pub(crate) fn notes(&self) -> String {
        let events = self.0.lock().unwrap();
        let notes: Vec<&str> = events
            .iter()
            .filter_map(|event| match event {
                Event::Note { message, .. } => Some(message.as_str()),
                _ => None,
            })
            .collect();
        notes.join("\n")
    }
}

impl Observer for Recorder {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}
