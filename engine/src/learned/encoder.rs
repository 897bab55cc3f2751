//! The embedding model that a step reads texts with, loaded when it is first needed.

use std::sync::{Arc, Mutex, PoisonError};

use refuel_compiler::Role;
use refuel_registry::ModelEntry;

use crate::cancel::Cancel;
use crate::engine::{ModelMemory, Shared};
use crate::error::EngineError;
use crate::model::Model;
use crate::reading::{TokenStates, embed, token_states};
use crate::session::OnRows;

/// See the module.
pub(crate) struct Encoder {
    shared: Arc<Shared>,
    entry: ModelEntry,
    model: Mutex<Option<Arc<Model>>>,
}

impl Encoder {
    /// The embedding model with this name, which is not loaded yet.
    ///
    /// # Errors
    /// [`EngineError::NotEncoder`] for other models.
    pub(crate) fn new(shared: Arc<Shared>, name: &str) -> Result<Self, EngineError> {
        let entry = shared.entry(name)?;
        let role = entry.manifest.description.role;
        if role != Role::Encoder {
            return Err(EngineError::NotEncoder {
                model: entry.manifest.reference(),
                is: match role {
                    Role::Decoder => "a language model",
                    Role::Classifier => "a classifier",
                    Role::Encoder | Role::Head => "a head",
                },
            });
        }
        Ok(Self {
            shared,
            entry,
            model: Mutex::default(),
        })
    }

    /// The model's entry in the registry.
    pub(crate) fn entry(&self) -> &ModelEntry {
        &self.entry
    }

    /// What it takes in memory.
    pub(crate) fn memory(&self) -> ModelMemory {
        self.shared.memory_of(&self.entry)
    }

    /// Whether it is loaded.
    pub(crate) fn is_loaded(&self) -> bool {
        self.model.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Lets the model go, until it is needed again.
    pub(crate) fn release(&self) {
        *self.model.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The model, which is loaded where it isn't.
    pub(crate) fn load(&self) -> Result<Arc<Model>, EngineError> {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = &*model {
            return Ok(Arc::clone(model));
        }
        let loaded = self.shared.model(&self.entry)?;
        *model = Some(Arc::clone(&loaded));
        Ok(loaded)
    }

    /// A vector for each text, in their order.
    pub(crate) fn vectors(
        &self,
        texts: &[&str],
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        embed(&*self.load()?, texts, cancel, on_rows)
    }

    /// The states of the tokens of each text, in their order.
    pub(crate) fn states(
        &self,
        texts: &[&str],
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<TokenStates>, EngineError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        token_states(&*self.load()?, texts, cancel, on_rows)
    }
}
