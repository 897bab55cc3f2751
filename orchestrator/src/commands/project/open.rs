//! A project as its verbs find it: read, compiled, selected from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use refuel_dag::{CompileOptions, Dag, DagError};
use refuel_project::{LoadOptions, Project, ProjectError};
use serde_json::{Map, Value};

use crate::cli::project::ProjectArgs;
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::printer::Printer;

/// Reads a project that is going to be run, without compiling it.
///
/// # Errors
/// Everything that is wrong with its files.
pub(crate) fn load(arguments: &ProjectArgs) -> Result<Arc<Project>, Failure> {
    load_with(arguments, false)
}

/// Reads a project that is only looked at, without compiling it: texts that did not change need not be read.
///
/// # Errors
/// Everything that is wrong with its files.
pub(crate) fn load_to_look(arguments: &ProjectArgs) -> Result<Arc<Project>, Failure> {
    load_with(arguments, true)
}

fn load_with(arguments: &ProjectArgs, late: bool) -> Result<Arc<Project>, Failure> {
    let root = match &arguments.project_dir {
        Some(folder) => {
            let root = Project::find(folder)?;
            // A folder that was named is the project, not some place in one.
            if !folder.join(refuel_project::PROJECT_FILE).is_file() {
                return Err(ProjectError::NoProject { start: folder.clone() }.into());
            }
            root
        }
        None => Project::find(Path::new("."))?,
    };
    let options = LoadOptions {
        target: arguments.target.clone(),
        profiles_dir: arguments.profiles_dir.clone(),
        vars: variables(&arguments.vars)?,
        cached: true,
        late,
        ..LoadOptions::default()
    };
    match Project::load_partly(&root, &options) {
        (Some(project), errors) if errors.is_empty() => Ok(Arc::new(project)),
        (project, errors) => {
            // Who mends one file wants to know of the others too: SQL is read although a task or properties can't be.
            let further = project.map_or_else(Vec::new, |project| Dag::errors_of_files(&Arc::new(project)));
            let errors = errors.into_iter().map(Failure::from);
            let all = Failure::all(errors.chain(further.into_iter().map(Failure::from)));
            Err(all.unwrap_or_else(nothing_told))
        }
    }
}

/// Reads and compiles a project that is only looked at, and tells what is worth a word.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn compile(arguments: &ProjectArgs, context: &Context) -> Result<Arc<Dag>, Failure> {
    let project = load_to_look(arguments)?;
    let options = CompileOptions::in_target(&project);
    compile_with(&project, &options, context.printer)
}

/// The same, of a project that is read already.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn compile_with(
    project: &Arc<Project>,
    options: &CompileOptions,
    printer: Printer,
) -> Result<Arc<Dag>, Failure> {
    let dag = Dag::compile(project, options).map_err(several)?;
    for warning in &dag.warnings {
        let hint = warning
            .hint
            .as_ref()
            .map_or_else(String::new, |hint| format!("; {hint}"));
        printer.warn(format_args!("{}: {}{hint}", warning.place, warning.message));
    }
    for message in dag.messages.iter().filter(|message| message.info) {
        printer.note(format_args!("{}: {}", message.path, message.text));
    }
    Ok(Arc::new(dag))
}

/// Where a project keeps what it remembers.
pub(crate) fn state_path(project: &Project) -> PathBuf {
    project.root.join(refuel_state::FILE)
}

/// Every error of a list, as one failure.
pub(super) fn several<E: Into<Failure>>(errors: Vec<E>) -> Failure {
    Failure::all(errors.into_iter().map(Into::into)).unwrap_or_else(nothing_told)
}

fn nothing_told() -> Failure {
    CliError::Stopped { part: "reading" }.into()
}

/// Variables as the command line gives them: maps in YAML or JSON, or NAME=VALUE.
fn variables(given: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut variables = Map::new();
    for text in given {
        let wrong = |reason: String| CliError::Variables {
            given: text.clone(),
            reason,
        };
        if text.trim_start().starts_with('{') {
            let map: Map<String, Value> =
                serde_saphyr::from_str(text).map_err(|error| wrong(error.without_snippet().to_string()))?;
            variables.extend(map);
            continue;
        }
        let (name, value) = text
            .split_once('=')
            .filter(|(name, _)| !name.trim().is_empty())
            .ok_or_else(|| wrong("it is neither a map nor NAME=VALUE".to_owned()))?;
        // `since=2025` is a number, `since=2025-01-01` and `name=O'Hara` are text.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        variables.insert(name.trim().to_owned(), value);
    }
    Ok(variables)
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        Self::new(&error, error.code(), error.hint(), ExitStatus::Usage)
    }
}

impl From<DagError> for Failure {
    fn from(error: DagError) -> Self {
        Self::new(&error, error.code(), error.hint(), ExitStatus::Usage)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_are_maps_or_pairs_and_the_last_wins() {
        let given = ["{since: 2025-01-01, top: 3}", "top=5", "name=O'Hara = Co", "flag=true"].map(str::to_owned);
        let expected = json!({"since": "2025-01-01", "top": 5, "name": "O'Hara = Co", "flag": true});
        assert_eq!(Value::Object(variables(&given).unwrap()), expected);
        for wrong in ["since", "=3", "{since"] {
            assert!(variables(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
