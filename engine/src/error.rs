//! What can go wrong while a model is loaded or run.

use std::path::PathBuf;

use refuel_task::EMBEDDING_MODEL;
use thiserror::Error;

/// What hints call the file of a task, which the engine does not know. Whoever does puts its name there.
pub const TASK_FILE: &str = "TASK.yml";

/// An error of the engine, with a stable code and a hint.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The ONNX Runtime library is not where it was looked for.
    #[error("the ONNX Runtime library was not found; looked at {}", list(.looked))]
    LibraryMissing {
        /// Every path that was tried, in order.
        looked: Vec<PathBuf>,
    },
    /// The ONNX Runtime library is there and can't be used.
    #[error("the ONNX Runtime library `{}` can't be loaded: {reason}", path.display())]
    LibraryUnusable {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// A model's files can't be read or don't make a session.
    #[error("the model `{model}` can't be loaded: {reason}")]
    ModelUnusable {
        /// `name@digest`.
        model: String,
        /// What was wrong.
        reason: String,
    },
    /// A model was compiled by a version of Refuel that laid its graph out differently.
    #[error("the model `{model}` was compiled by another version of refuel (graph layout {version})")]
    ModelOutdated {
        /// `name@digest`.
        model: String,
        /// The layout's version.
        version: u32,
    },
    /// ONNX Runtime failed while it ran a model.
    #[error("the model `{model}` failed while it ran: {reason}")]
    RunFailed {
        /// `name@digest`.
        model: String,
        /// What ONNX Runtime said.
        reason: String,
    },
    /// The model can't do what the task asks.
    #[error("the model `{model}` is {is}; a task of kind `{kind}` needs {needs}")]
    WrongRole {
        /// `name@digest`.
        model: String,
        /// What the model is.
        is: &'static str,
        /// Kind of the task.
        kind: String,
        /// What the kind needs.
        needs: &'static str,
    },
    /// Texts are to be embedded by a model that is no encoder.
    #[error("the model `{model}` is {is}; embeddings come from an encoder")]
    NotEncoder {
        /// `name@digest`.
        model: String,
        /// What the model is.
        is: &'static str,
    },
    /// The task's shared part does not fit the model.
    #[error(
        "the task's shared prompt has {tokens} tokens; the model `{model}` reads at most {limit} with room for a row"
    )]
    PromptTooLong {
        /// `name@digest`.
        model: String,
        /// Tokens of the shared prompt.
        tokens: usize,
        /// The most that fits.
        limit: usize,
    },
    /// A device was asked for that can't be used.
    #[error("the device `{device}` was asked for and can't be used: {reason}")]
    DeviceUnusable {
        /// The device.
        device: String,
        /// Why not.
        reason: String,
    },
    /// The text can't be tokenized.
    #[error("the tokenizer of `{model}` failed: {reason}")]
    Tokenizer {
        /// `name@digest`.
        model: String,
        /// What the tokenizer said.
        reason: String,
    },
    /// What a task lets a model write can't be made into a grammar over its tokens.
    #[error("what the task reads out can't be asked of the model `{model}`: {reason}")]
    Grammar {
        /// `name@digest`.
        model: String,
        /// What was wrong.
        reason: String,
    },
    /// The work was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A classifier does not know a label of the task.
    #[error("the model `{model}` has no class \"{label}\"; its classes are {}", classes.join(", "))]
    UnknownClass {
        /// `name@digest`.
        model: String,
        /// The task's label.
        label: String,
        /// The model's classes.
        classes: Vec<String>,
    },
    /// A prompt was asked for of a task that asks no model.
    #[error("the task `{task}` asks no model, so there is no prompt")]
    NoModel {
        /// Name of the task.
        task: String,
    },
    /// A task is to be answered by a head that is not there.
    #[error("the head `{head}` of the task `{task}` is not trained")]
    NoHead {
        /// Name that the head would have in the registry.
        head: String,
        /// Name of the task.
        task: String,
    },
    /// A head answers another task than this.
    #[error("the head `{head}` does not fit the task `{task}`: {what}")]
    HeadUnfit {
        /// `name@digest`.
        head: String,
        /// Name of the task.
        task: String,
        /// Why not.
        what: String,
    },
    /// Nobody has chosen how sure the parts of a cascade have to be.
    #[error("nothing is chosen for the cascade of the task `{task}`: its head `{head}` was trained without")]
    NoCascade {
        /// `name@digest`.
        head: String,
        /// Name of the task.
        task: String,
    },
    /// There is nothing to train a head on, or nothing that a head could answer.
    #[error("no head can be trained for the task `{task}`: {what}")]
    Untrainable {
        /// Name of the task.
        task: String,
        /// Why not.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A head can't be learned or used.
    #[error(transparent)]
    Learn(refuel_learn::LearnError),
    /// The task can't be asked.
    #[error(transparent)]
    Task(#[from] refuel_task::TaskError),
    /// The model is not in the registry, or the registry can't be read.
    #[error(transparent)]
    Registry(#[from] refuel_registry::RegistryError),
    /// The answers' cache can't be opened.
    #[error(transparent)]
    Cache(#[from] crate::cache::CacheError),
    /// A file can't be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl From<refuel_learn::LearnError> for EngineError {
    fn from(error: refuel_learn::LearnError) -> Self {
        match error {
            refuel_learn::LearnError::Stopped => Self::Cancelled,
            other => Self::Learn(other),
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect::<Vec<_>>()
        .join(", ")
}

impl EngineError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LibraryMissing { .. } => "RF0501",
            Self::LibraryUnusable { .. } => "RF0502",
            Self::ModelUnusable { .. } => "RF0503",
            Self::RunFailed { .. } => "RF0504",
            Self::WrongRole { .. } => "RF0505",
            Self::PromptTooLong { .. } => "RF0506",
            Self::DeviceUnusable { .. } => "RF0507",
            Self::Tokenizer { .. } => "RF0508",
            Self::Cancelled => "RF0509",
            Self::ModelOutdated { .. } => "RF0512",
            Self::Io(_) => "RF0510",
            Self::UnknownClass { .. } => "RF0511",
            Self::Grammar { .. } => "RF0513",
            Self::NoModel { .. } => "RF0514",
            Self::NoHead { .. } => "RF0515",
            Self::HeadUnfit { .. } => "RF0516",
            Self::NoCascade { .. } => "RF0517",
            Self::Untrainable { .. } => "RF0518",
            Self::NotEncoder { .. } => "RF0519",
            Self::Learn(error) => error.code(),
            Self::Task(error) => error.code(),
            Self::Registry(error) => error.code(),
            Self::Cache(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::LibraryMissing { .. } => Some(
                "run `scripts/setup`, or set ORT_DYLIB_PATH to libonnxruntime.so of ONNX Runtime 1.24 or newer"
                    .to_owned(),
            ),
            Self::LibraryUnusable { .. } => {
                Some("the library must be ONNX Runtime 1.24 or newer, built for this processor".to_owned())
            }
            Self::ModelUnusable { model, .. } => Some(format!(
                "check its files with `refuel model verify {model}`, or pull it again"
            )),
            Self::ModelOutdated { .. } => {
                Some("pull it again with `refuel model pull NAME --force`, or import it again".to_owned())
            }
            Self::WrongRole { .. } => Some("`refuel model ls` shows what each model is".to_owned()),
            Self::NotEncoder { .. } => Some(format!(
                "name an encoder instead, such as `{EMBEDDING_MODEL}`: `refuel model pull {EMBEDDING_MODEL}` fetches it, `refuel \
                 model ls` shows which are here"
            )),
            Self::PromptTooLong { .. } => Some(
                "shorten the guidelines, or use fewer examples or labels, or a model with a longer context".to_owned(),
            ),
            Self::Grammar { .. } => Some("use fewer or simpler fields, or another model".to_owned()),
            Self::DeviceUnusable { .. } => Some(
                "`refuel debug` shows what was found and what each model would run on; `--device auto` falls back to the processor"
                    .to_owned(),
            ),
            Self::UnknownClass { .. } => {
                Some("give the task's labels the names of the model's classes, or list those as aliases".to_owned())
            }
            Self::NoHead { .. } => Some(format!("train it with `refuel train {TASK_FILE}`")),
            Self::HeadUnfit { .. } => Some(format!("train it again with `refuel train {TASK_FILE}`")),
            Self::NoCascade { .. } => Some(format!(
                "with `strategy: cascade` in its file, `refuel train {TASK_FILE}` chooses it"
            )),
            Self::Untrainable { hint, .. } => Some(hint.clone()),
            Self::Learn(error) => error.hint(),
            Self::NoModel { .. } => Some("name one in the task: model: NAME".to_owned()),
            Self::Task(error) => error.hint(),
            Self::Registry(error) => error.hint(),
            Self::Cache(error) => error.hint(),
            Self::RunFailed { .. } | Self::Tokenizer { .. } | Self::Cancelled | Self::Io(_) => None,
        }
    }
}
