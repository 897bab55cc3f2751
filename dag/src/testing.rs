//! Small projects for tests.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use refuel_project::{Environment, LoadOptions, Project};
use tempfile::TempDir;

use crate::compile::CompileOptions;
use crate::dag::{Dag, RenderMode};
use crate::error::DagError;
use crate::nodes::Node;

/// A task of kind `label`.
pub(crate) const TOPIC: &str = "\
kind: label
description: What it is about.
input: body
guidelines: Say what it is about.
labels: [delivery, refund]
threshold: 0.5
";

/// A folder with a project in it.
pub(crate) struct Folder {
    root: TempDir,
    /// Variables of the command line.
    pub(crate) vars: serde_json::Map<String, serde_json::Value>,
    /// The environment.
    pub(crate) env: std::collections::BTreeMap<String, String>,
}

impl Folder {
    /// A project with these files. `refuel_project.yml` is there unless it is among them.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self {
            root: tempfile::tempdir().unwrap(),
            vars: serde_json::Map::new(),
            env: std::collections::BTreeMap::new(),
        };
        folder.write("refuel_project.yml", "name: shop\n");
        for (path, text) in files {
            folder.write(path, text);
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_file(self.path().join(path)).unwrap();
    }

    pub(crate) fn load(&self) -> Arc<Project> {
        self.load_with(false)
    }

    fn load_with(&self, cached: bool) -> Arc<Project> {
        let options = LoadOptions {
            cached,
            late: cached,
            vars: self.vars.clone(),
            env: Environment::Fixed(self.env.clone()),
            profiles_dir: None,
            target: None,
        };
        match Project::load(self.path(), &options) {
            Ok(project) => Arc::new(project),
            Err(errors) => panic!(
                "{}",
                errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            ),
        }
    }

    pub(crate) fn try_compile(&self) -> Result<Dag, Vec<DagError>> {
        Dag::compile(&self.load(), &at_a_fixed_time(CompileOptions::default()))
    }

    pub(crate) fn compile(&self) -> Dag {
        self.try_compile().unwrap_or_else(|errors| panic!("{}", told(&errors)))
    }

    /// With the cache and the compiled files in `target/`.
    pub(crate) fn compile_in_target(&self) -> Dag {
        let project = self.load_with(true);
        let options = at_a_fixed_time(CompileOptions::in_target(&project));
        Dag::compile(&project, &options).unwrap_or_else(|errors| panic!("{}", told(&errors)))
    }

    /// What is wrong, as a person reads it.
    pub(crate) fn errors(&self) -> String {
        match self.try_compile() {
            Ok(_) => String::new(),
            Err(errors) => told(&errors),
        }
    }
}

/// Two compiles of one project are compared, and must not differ by when they were made.
fn at_a_fixed_time(options: CompileOptions) -> CompileOptions {
    CompileOptions {
        started: "2024-02-29T12:00:00Z".parse().ok(),
        invocation: Some("a-run".to_owned()),
        ..options
    }
}

/// A compiled project of these files.
pub(crate) fn compile(files: &[(&str, &str)]) -> Dag {
    Folder::new(files).compile()
}

/// What is wrong with a project of these files.
pub(crate) fn errors(files: &[(&str, &str)]) -> String {
    Folder::new(files).errors()
}

/// Errors as a person reads them.
pub(crate) fn told(errors: &[DagError]) -> String {
    let mut text = String::new();
    for error in errors {
        let _ = writeln!(text, "{} {error}", error.code());
        if let Some(hint) = error.hint() {
            let _ = writeln!(text, "       {hint}");
        }
    }
    text
}

/// The node of this id, below `shop`.
pub(crate) fn node<'a>(dag: &'a Dag, id: &str) -> &'a Node {
    let (kind, name) = id.split_once('.').unwrap();
    dag.node(&format!("{kind}.shop.{name}"))
        .unwrap_or_else(|| panic!("no {id} among {:?}", dag.nodes.keys().collect::<Vec<_>>()))
}

/// Its SQL for a full build.
pub(crate) fn sql(dag: &Dag, id: &str) -> String {
    dag.rendered_sql(node(dag, id), &RenderMode::default()).unwrap()
}
