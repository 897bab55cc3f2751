//! What can be wrong with a project that its files alone don't show.

use refuel_project::ProjectError;
use refuel_task::Place;
pub use refuel_task::nearest;

/// An error of compiling. The message says what and where; [`DagError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DagError {
    /// A template is not one, or raises an error while it is rendered.
    #[error("{place}: {message}")]
    Template {
        /// Where in the file that was written.
        place: Place,
        /// What is wrong.
        message: String,
        /// What to do, where it can be told.
        hint: Option<String>,
    },
    /// `ref()` or `source()` names something that the project does not have.
    #[error("{place}: {from} refers to {what} \"{name}\", which the project does not have")]
    MissingReference {
        /// Where it is written.
        place: Place,
        /// What refers to it, such as `model "orders"`.
        from: String,
        /// What was meant: `model or seed`, `source`.
        what: &'static str,
        /// The name as written.
        name: String,
        /// The nearest name that is there.
        nearest: Option<String>,
    },
    /// `ref()` names a model that is there but switched off.
    #[error("{place}: {from} refers to \"{name}\", which is disabled")]
    DisabledReference {
        /// Where it is written.
        place: Place,
        /// What refers to it.
        from: String,
        /// The name as written.
        name: String,
        /// Where it is disabled.
        disabled: Place,
    },
    /// Nodes depend on each other in a circle.
    #[error("{place}: {} on each other in a circle: {}", count(path), path.join(" -> "))]
    Cycle {
        /// The file of the first node of the circle.
        place: Place,
        /// Names of the nodes; the first is also the last.
        path: Vec<String>,
    },
    /// `var()` asks for a variable that nobody gave.
    #[error("{place}: no value for the variable \"{name}\"")]
    MissingVariable {
        /// Where it is asked for.
        place: Place,
        /// The variable.
        name: String,
        /// The nearest variable that has a value.
        nearest: Option<String>,
    },
    /// `env_var()` asks for an environment variable that is not set.
    #[error("{place}: the environment variable \"{name}\" is not set")]
    MissingEnvironmentVariable {
        /// Where it is asked for.
        place: Place,
        /// The variable.
        name: String,
    },
    /// What a template gave is not SQL that can be staged.
    #[error("{place}: {message}")]
    Sql {
        /// Where in the file that was written, as near as can be told.
        place: Place,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A call names a task that the project does not have.
    #[error("{place}: {function} names the task \"{task}\", which the project does not have")]
    UnknownTask {
        /// Where the call is.
        place: Place,
        /// The function, such as `refuel_label`.
        function: String,
        /// The task.
        task: String,
        /// The nearest task that is there.
        nearest: Option<String>,
    },
    /// A call gives a task to a function that takes another kind.
    #[error("{place}: {function} takes tasks of kind {takes}, and \"{task}\" is of kind \"{kind}\"")]
    TaskKind {
        /// Where the call is.
        place: Place,
        /// The function.
        function: String,
        /// The kinds it takes, such as `"label"`.
        takes: String,
        /// The task.
        task: String,
        /// The task's kind.
        kind: &'static str,
    },
    /// A call gives a task to a function that takes the name of a model.
    #[error("{place}: {function} takes the name of a model, and \"{task}\" is a task")]
    TaskForModel {
        /// Where the call is.
        place: Place,
        /// The function, such as `refuel_complete`.
        function: String,
        /// The task.
        task: String,
        /// The task's kind.
        kind: &'static str,
        /// The function that takes tasks of this kind.
        instead: Option<&'static str>,
    },
    /// A call insists on a version that the task does not have.
    #[error("{place}: {function} names version {wanted} of the task \"{task}\", which has {}", version(*has))]
    TaskVersion {
        /// Where the call is.
        place: Place,
        /// The function.
        function: String,
        /// The task.
        task: String,
        /// The version that the call names.
        wanted: u32,
        /// The version that the task has.
        has: Option<u32>,
    },
    /// `config(...)` in a file is not what a model takes.
    #[error(transparent)]
    Config(#[from] ProjectError),
    /// Two nodes would be stored under one name.
    #[error("{place}: \"{first}\" and \"{second}\" would both be stored as {relation}")]
    SameRelation {
        /// File of the second.
        place: Place,
        /// Name of the first.
        first: String,
        /// Name of the second.
        second: String,
        /// The relation.
        relation: String,
    },
    /// Settings of a model don't go together, or one that another needs is missing.
    #[error("{place}: {message}")]
    Settings {
        /// Where they are written.
        place: Place,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A test, unit test or evaluation can't be made.
    #[error("{place}: {message}")]
    Test {
        /// Where it is declared.
        place: Place,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Two tests have one name.
    #[error("{place}: a second test is called \"{name}\"; the first is at {first}")]
    SameTest {
        /// Where the second is.
        place: Place,
        /// The name.
        name: String,
        /// Where the first is.
        first: Place,
    },
    /// A file of the project can't be read, or one of `target/` can't be written.
    #[error("can't {doing} {path}: {reason}")]
    File {
        /// What was tried: `read`, `write`.
        doing: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A node was asked for that is not there, or that has no SQL.
    #[error("{message}")]
    NoSql {
        /// What is missing.
        message: String,
    },
}

impl DagError {
    /// The stable code of this error. Selectors, artifacts, lineage and differences have RF1250 and above.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Template { .. } => "RF1201",
            Self::MissingReference { .. } => "RF1202",
            Self::DisabledReference { .. } => "RF1203",
            Self::Cycle { .. } => "RF1204",
            Self::MissingVariable { .. } => "RF1205",
            Self::MissingEnvironmentVariable { .. } => "RF1206",
            Self::Sql { .. } => "RF1207",
            Self::UnknownTask { .. } => "RF1208",
            Self::TaskKind { .. } => "RF1209",
            Self::Config(error) => error.code(),
            Self::SameRelation { .. } => "RF1210",
            Self::Test { .. } => "RF1211",
            Self::SameTest { .. } => "RF1212",
            Self::File { .. } => "RF1213",
            Self::NoSql { .. } => "RF1214",
            Self::TaskVersion { .. } => "RF1215",
            Self::Settings { .. } => "RF1216",
            Self::TaskForModel { .. } => "RF1217",
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        let meant = |nearest: &Option<String>| nearest.as_ref().map(|name| format!("did you mean \"{name}\"?"));
        match self {
            Self::Template { hint, .. }
            | Self::Sql { hint, .. }
            | Self::Test { hint, .. }
            | Self::Settings { hint, .. } => hint.clone(),
            Self::MissingReference { nearest, what, .. } => meant(nearest).or_else(|| {
                Some(match *what {
                    "source" => "declare it under \"sources\" in a properties file".to_owned(),
                    _ => "a model is a file below models/, a seed is one below seeds/".to_owned(),
                })
            }),
            Self::DisabledReference { disabled, .. } => {
                Some(format!("enable it at {disabled}, or disable what refers to it as well"))
            }
            Self::Cycle { path, .. } => Some(match path.len() {
                0..=2 => "a model reads what it held before through {{ this }}".to_owned(),
                _ => "take one of these references out, or move what both need into a model of its own".to_owned(),
            }),
            Self::MissingVariable { name, nearest, .. } => Some(match nearest {
                Some(near) => format!("did you mean \"{near}\"? or give one: --vars '{{\"{name}\": ...}}'"),
                None => format!(
                    "give one with --vars '{{\"{name}\": ...}}', under \"vars\" in refuel_project.yml, or a default: \
                     var('{name}', ...)"
                ),
            }),
            Self::MissingEnvironmentVariable { name, .. } => {
                Some(format!("set it, or give a default: env_var('{name}', '...')"))
            }
            Self::UnknownTask { nearest, .. } => {
                meant(nearest).or_else(|| Some("a task is a file below tasks/".to_owned()))
            }
            Self::TaskKind { .. } => Some("use the function of that kind, or another task".to_owned()),
            Self::TaskForModel {
                task, kind, instead, ..
            } => Some(match instead {
                Some(function) => format!("{function} asks tasks of kind \"{kind}\"; `refuel model ls` lists models"),
                None => {
                    format!("no function asks tasks of kind \"{kind}\" like \"{task}\"; `refuel model ls` lists models")
                }
            }),
            Self::TaskVersion { task, .. } => Some(format!(
                "name the task alone, '{task}', to take the version that is there"
            )),
            Self::Config(error) => error.hint(),
            Self::SameRelation { .. } => {
                Some("give one of them another \"alias\" or \"schema\", or a source another \"identifier\"".to_owned())
            }
            Self::SameTest { .. } => Some("give one of them another \"name\"".to_owned()),
            Self::File { .. } => Some("check the path, and that it can be read and written".to_owned()),
            Self::NoSql { .. } => None,
        }
    }

    /// Where the error is, for those that are in a file.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Template { place, .. }
            | Self::MissingReference { place, .. }
            | Self::DisabledReference { place, .. }
            | Self::Cycle { place, .. }
            | Self::MissingVariable { place, .. }
            | Self::MissingEnvironmentVariable { place, .. }
            | Self::Sql { place, .. }
            | Self::UnknownTask { place, .. }
            | Self::TaskKind { place, .. }
            | Self::TaskVersion { place, .. }
            | Self::TaskForModel { place, .. }
            | Self::SameRelation { place, .. }
            | Self::Settings { place, .. }
            | Self::Test { place, .. }
            | Self::SameTest { place, .. } => Some(place),
            Self::Config(error) => error.place(),
            Self::File { .. } | Self::NoSql { .. } => None,
        }
    }
}

/// `2 nodes`, without the repeated end of a circle.
fn count(path: &[String]) -> String {
    match path.len().saturating_sub(1) {
        1 => "1 node depends".to_owned(),
        number => format!("{number} nodes depend"),
    }
}

fn version(has: Option<u32>) -> String {
    has.map_or_else(|| "none".to_owned(), |version| format!("version {version}"))
}

/// Something that is not wrong but worth a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub place: Place,
    /// What, without a full stop.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}
