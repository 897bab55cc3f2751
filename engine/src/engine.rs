//! The engine: models by name, loaded once; answers, kept.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use refuel_registry::{ModelEntry, Registry};
use refuel_task::Task;

use crate::cache::{AnswerCache, CacheLimits};
use crate::error::EngineError;
use crate::model::Model;
use crate::prepared::PreparedTask;
use crate::session::onnx::RuntimeOptions;
use crate::session::{Budget, Placement};
use crate::steps;

/// Bytes of answers that are kept in memory.
const MEMORY_CACHE: u64 = 64 << 20;

/// Where answers are kept from one run to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CachePolicy {
    /// Nowhere; within a task's life equal inputs are still asked once.
    Memory,
    /// In a folder.
    Disk {
        /// The folder.
        folder: PathBuf,
        /// The most bytes that are kept there.
        limit_bytes: u64,
    },
}

/// How an engine works.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// ONNX Runtime, its threads and device, and the home folder.
    pub runtime: RuntimeOptions,
    /// What a run may hold in memory.
    pub budget: Budget,
    /// Where answers are kept.
    pub cache: CachePolicy,
}

/// What prepared tasks share.
pub(crate) struct Shared {
    pub(crate) options: EngineOptions,
    pub(crate) cache: AnswerCache,
    pub(crate) registry: Registry,
    models: Mutex<HashMap<String, Arc<Model>>>,
}

/// Models by name, loaded once, and the answers that they gave.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

impl Engine {
    /// Opens the registry and the cache. No model is loaded yet.
    pub fn open(options: EngineOptions) -> Result<Self, EngineError> {
        let registry = Registry::open(&options.runtime.home)?;
        let cache = match &options.cache {
            CachePolicy::Memory => AnswerCache::in_memory(MEMORY_CACHE),
            CachePolicy::Disk { folder, limit_bytes } => AnswerCache::open(
                folder,
                CacheLimits {
                    memory_bytes: MEMORY_CACHE,
                    disk_bytes: *limit_bytes,
                },
            )?,
        };
        let shared = Shared {
            options,
            cache,
            registry,
            models: Mutex::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// What went wrong without stopping anything, such as a corrupt cache that was set aside. Each is told once.
    pub fn warnings(&self) -> Vec<String> {
        self.shared.cache.warnings()
    }

    /// Settles which model answers a task, and what identifies its answers. The model itself is loaded when the first
    /// input is met that has no answer yet.
    ///
    /// `model` is used instead of the task's own. A task that asks no model stays so with [`refuel_task::RULES_MODEL`], and one whose
    /// strategy leaves nothing to a model asks none whatever is given.
    pub fn prepare(&self, task: &Task, model: Option<&str>) -> Result<PreparedTask, EngineError> {
        let steps = steps::for_task(task, &self.shared)?;
        let asked = match model.filter(|model| !refuel_task::names_rules(model)) {
            _ if steps.iter().any(|step| step.answers_all()) => None,
            Some(model) => Some(model.to_owned()),
            None => task.asks_model().then(|| task.model_name()),
        };
        let entry = asked.map(|asked| self.shared.entry(&asked)).transpose()?;
        PreparedTask::new(Arc::clone(&self.shared), task.clone(), steps, entry)
    }
}

/// What a model takes in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelMemory {
    /// Digest of the model.
    pub digest: String,
    /// `name@digest`, as answers carry it.
    pub model: String,
    /// Bytes that it takes as long as it is loaded: its files, which are read whole.
    pub weights_bytes: u64,
    /// Bytes that it may take beside these while it runs: keys and values of rows, attention scores and logits, under
    /// the engine's [`Budget`].
    pub run_bytes: u64,
}

/// A model that is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedModel {
    /// Digest of the model.
    pub digest: String,
    /// Where it runs, and why there.
    pub placement: Placement,
}

impl Engine {
    /// The registry that models are taken from.
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// The models that are loaded, in no order.
    pub fn loaded(&self) -> Vec<LoadedModel> {
        let models = self.shared.models.lock().unwrap_or_else(PoisonError::into_inner);
        models
            .iter()
            .map(|(digest, model)| LoadedModel {
                digest: digest.clone(),
                placement: model.placement().clone(),
            })
            .collect()
    }

    /// Forgets a loaded model, by its digest. Its memory is free once no task holds it; see [`PreparedTask::release`].
    /// Returns whether it was loaded.
    pub fn unload(&self, digest: &str) -> bool {
        let mut models = self.shared.models.lock().unwrap_or_else(PoisonError::into_inner);
        models.remove(digest).is_some()
    }

    /// The file that answers are kept in. None where they are kept in memory alone.
    pub fn cache_file(&self) -> Option<PathBuf> {
        self.shared.cache.file()
    }
}

impl Shared {
    pub(crate) fn entry(&self, name: &str) -> Result<ModelEntry, EngineError> {
        Ok(self.registry.get(name)?)
    }

    /// What a model takes in memory.
    pub(crate) fn memory_of(&self, entry: &ModelEntry) -> ModelMemory {
        let description = &entry.manifest.description;
        let bytes_a_token = description.cache_bytes_a_token();
        // While a run is under way both what was there and what it makes are alive.
        let whole_context = description.context_length.saturating_mul(2 * bytes_a_token);
        let budget = self.options.budget.settled(description.context_length, bytes_a_token);
        let run_bytes = budget.cache_bytes().min(whole_context) + budget.activation_bytes;
        ModelMemory {
            digest: entry.manifest.digest.clone(),
            model: entry.manifest.reference(),
            weights_bytes: entry.manifest.size(),
            run_bytes: run_bytes as u64,
        }
    }

    /// The loaded model; it is loaded where it isn't yet.
    pub(crate) fn model(&self, entry: &ModelEntry) -> Result<Arc<Model>, EngineError> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = models.get(&entry.manifest.digest) {
            return Ok(Arc::clone(model));
        }
        let description = &entry.manifest.description;
        let name = entry.manifest.reference();
        let model = Model::load(
            &name,
            &entry.dir,
            description,
            &self.options.runtime,
            self.options.budget,
        )?;
        let model = Arc::new(model);
        models.insert(entry.manifest.digest.clone(), Arc::clone(&model));
        Ok(model)
    }
}
