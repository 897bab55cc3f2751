//! What the verbs need of an engine with a task: a seam, so that reading, writing, resuming and stopping can be tested
//! with scripted answers.

use std::path::{Path, PathBuf};

use refuel_engine::session::Budget;
use refuel_engine::session::onnx::{Device, RuntimeOptions};
use refuel_engine::{CachePolicy, Cancel, Engine, EngineError, EngineOptions, Estimate, PreparedTask};
use refuel_registry::RegistryError;
use refuel_task::{Answer, RenderedInput, Task};

use crate::cli::{DeviceChoice, EngineArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::printer::Printer;

/// Answers inputs.
pub(crate) trait Answerer: Send + Sync {
    /// `name@digest` of the model.
    fn model(&self) -> &str;

    /// What identifies answers beside the fingerprint: the model's digest, and what answers before it.
    fn digest(&self) -> &str;

    /// Fingerprint of the task as it is asked.
    fn fingerprint(&self) -> &str;

    /// What a user should know before the answers are trusted, such as labels that can't be told apart. It may be known
    /// only once an input was answered.
    fn notes(&self) -> Vec<String>;

    /// Whether answers that were given before work was stopped are there when it goes on.
    fn keeps_answers(&self) -> bool;

    /// What a run over `inputs` would cost.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`] when `cancel` was set.
    fn estimate(&self, inputs: &[RenderedInput], cancel: &Cancel) -> Result<Estimate, EngineError>;

    /// Answers in the order of the inputs. `on_rows(n)` says that `n` more are there.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`] when `cancel` was set before the last answer.
    fn answer(
        &self,
        inputs: &[RenderedInput],
        cancel: &Cancel,
        on_rows: &mut dyn FnMut(usize),
    ) -> Result<Vec<Answer>, EngineError>;
}

impl Answerer for Prepared {
    fn model(&self) -> &str {
        self.task.model()
    }

    fn digest(&self) -> &str {
        self.task.digest()
    }

    fn fingerprint(&self) -> &str {
        self.task.fingerprint()
    }

    fn notes(&self) -> Vec<String> {
        self.task.notes()
    }

    fn keeps_answers(&self) -> bool {
        self.keeps_answers
    }

    fn estimate(&self, inputs: &[RenderedInput], cancel: &Cancel) -> Result<Estimate, EngineError> {
        self.task.estimate(inputs, cancel)
    }

    fn answer(
        &self,
        inputs: &[RenderedInput],
        cancel: &Cancel,
        on_rows: &mut dyn FnMut(usize),
    ) -> Result<Vec<Answer>, EngineError> {
        self.task.answer(inputs, cancel, on_rows)
    }
}

/// A task on a model of this machine.
struct Prepared {
    task: PreparedTask,
    keeps_answers: bool,
}

/// An engine, as the options of the command line ask for it.
pub(crate) struct Models {
    engine: Engine,
    keeps_answers: bool,
}

impl Models {
    /// Opens the registry and the kept answers. No model is loaded.
    pub(crate) fn open(arguments: &EngineArgs, context: &Context) -> Result<Self, Failure> {
        let models = Self {
            engine: Engine::open(engine_options(arguments, &context.home()?))?,
            keeps_answers: !arguments.runtime.no_cache,
        };
        models.tell_warnings(context.printer);
        Ok(models)
    }

    /// Settles which model answers a task.
    pub(crate) fn prepare(&self, task: &Task, model: Option<&str>) -> Result<Box<dyn Answerer>, Failure> {
        Ok(Box::new(Prepared {
            task: self.engine.prepare(task, model)?,
            keeps_answers: self.keeps_answers,
        }))
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Tells what went wrong without stopping anything.
    pub(crate) fn tell_warnings(&self, printer: Printer) {
        self.engine.warnings().iter().for_each(|warning| printer.warn(warning));
    }
}

/// Parts of the memory for rows: a half for keys and values, a quarter for attention scores and logits; the rest is for
/// other activations, and for what ONNX Runtime's arena rounds up.
const CACHE_SHARE: u64 = 2;
const ACTIVATION_SHARE: u64 = 4;

/// A budget under which rows take so many bytes at most.
fn bounded(budget: Budget, bytes: u64) -> Budget {
    Budget {
        cache_bytes: Some((bytes / CACHE_SHARE) as usize),
        activation_bytes: budget.activation_bytes.min((bytes / ACTIVATION_SHARE) as usize),
        ..budget
    }
}

/// Where answers are kept.
pub(crate) fn cache_folder(home: &Path) -> PathBuf {
    home.join("cache")
}

/// How an engine is asked to work.
pub(crate) fn engine_options(arguments: &EngineArgs, home: &Path) -> EngineOptions {
    let mut budget = Budget::default();
    if let Some(tokens) = arguments.runtime.batch_tokens {
        budget.padded_tokens = Some(tokens as usize);
    }
    if let Some(bytes) = arguments.runtime.memory {
        budget = bounded(budget, bytes);
    }
    let cache = if arguments.runtime.no_cache {
        CachePolicy::Memory
    } else {
        CachePolicy::Disk {
            folder: cache_folder(home),
            limit_bytes: arguments.runtime.cache_size,
        }
    };
    EngineOptions {
        runtime: runtime_options(arguments, home),
        budget,
        cache,
    }
}

/// How ONNX Runtime is asked to work.
pub(crate) fn runtime_options(arguments: &EngineArgs, home: &Path) -> RuntimeOptions {
    RuntimeOptions {
        library: arguments.runtime.library.clone(),
        threads: arguments.threads.map_or(0, usize::from),
        device: match arguments.runtime.device {
            DeviceChoice::Auto => Device::Auto,
            DeviceChoice::Cpu => Device::Cpu,
            DeviceChoice::Cuda => Device::Cuda,
        },
        device_id: arguments.runtime.device_id,
        memory_arena: !arguments.runtime.no_arena,
        ..RuntimeOptions::new(home)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let status = match &error {
            EngineError::WrongRole { .. }
            | EngineError::NotEncoder { .. }
            | EngineError::PromptTooLong { .. }
            | EngineError::UnknownClass { .. }
            | EngineError::NoModel { .. }
            | EngineError::NoHead { .. }
            | EngineError::HeadUnfit { .. }
            | EngineError::NoCascade { .. }
            | EngineError::Untrainable { .. }
            | EngineError::Task(_)
            | EngineError::Registry(
                RegistryError::Unknown { .. } | RegistryError::Name { .. } | RegistryError::Ambiguous { .. },
            ) => ExitStatus::Usage,
            _ => ExitStatus::Failure,
        };
        Self::new(&error, error.code(), error.hint(), status)
    }
}

impl From<refuel_task::TaskError> for Failure {
    fn from(error: refuel_task::TaskError) -> Self {
        Self::new(&error, error.code(), error.hint(), ExitStatus::Usage)
    }
}
