//! What a template sees: the names that it can use, and what using them leaves behind.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use minijinja::value::{DynObject, Object, Value};
use refuel_project::{ModelConfig, SeedConfig, TestConfig};

use super::clock::Clock;
use super::functions::Function;
use super::macros::UserMacro;
use super::portable::Portable;
use super::record::{Asked, Rendered};
use super::relation::Relation;
use super::renderer::{Mode, Shared};

/// The settings that a file has from outside: what `config.get()` sees beside the file's own.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    /// A model's.
    Model(Arc<ModelConfig>),
    /// A seed's.
    Seed(Arc<SeedConfig>),
    /// A test's.
    Test(Arc<TestConfig>),
    /// None: the text belongs to no node.
    None,
}

impl Base {
    /// The value of a setting, where it has one.
    pub(crate) fn get(&self, key: &str) -> Option<serde_json::Value> {
        let all = match self {
            Self::Model(config) => serde_json::to_value(&**config),
            Self::Seed(config) => serde_json::to_value(&**config),
            Self::Test(config) => serde_json::to_value(&**config),
            Self::None => return None,
        };
        let value = all.ok()?.get_mut(key)?.take();
        (!value.is_null()).then_some(value)
    }
}

/// Names that every template can use, beside macros and what minijinja has.
pub(super) const NAMES: [&str; 14] = [
    "ref",
    "source",
    "var",
    "env_var",
    "config",
    "this",
    "is_incremental",
    "target",
    "execute",
    "run_started_at",
    "invocation_id",
    "log",
    "exceptions",
    "refuel",
];

/// What one rendering of one text sees.
pub(super) struct Scope {
    /// What all renderings share.
    pub(super) shared: Arc<Shared>,
    /// How this one is rendered.
    pub(super) mode: Mode,
    /// Settings from outside the file.
    pub(super) base: Base,
    /// How deep macros call each other right now.
    pub(super) depth: AtomicUsize,
    record: Mutex<Rendered>,
}

impl Scope {
    pub(super) fn new(shared: Arc<Shared>, mode: Mode, base: Base) -> Self {
        Self {
            shared,
            mode,
            base,
            depth: AtomicUsize::new(0),
            record: Mutex::default(),
        }
    }

    /// What has come up so far. A template runs on one thread; the lock is there because values are shared.
    pub(super) fn record(&self) -> MutexGuard<'_, Rendered> {
        self.record.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The relation of what is asked for.
    pub(super) fn relation(&self, asked: Asked) -> Value {
        let number = self.record().number(asked);
        Value::from_object(Relation { number })
    }

    /// Goes one macro deeper; false where that is too deep.
    pub(super) fn enter(&self, deepest: usize) -> bool {
        self.depth.fetch_add(1, Ordering::Relaxed) < deepest
    }

    pub(super) fn leave(&self) {
        self.depth.fetch_sub(1, Ordering::Relaxed);
    }

    /// The scope as the context of a template.
    pub(super) fn context(self: &Arc<Self>) -> Value {
        Value::from_dyn_object(DynObject::new(Arc::clone(self)))
    }

    fn function(self: &Arc<Self>, function: Function) -> Value {
        Value::from_object(function.in_scope(Arc::clone(self)))
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl Object for Scope {
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        Some(match key {
            "ref" => self.function(Function::Ref),
            "source" => self.function(Function::Source),
            "var" => self.function(Function::Var),
            "env_var" => self.function(Function::EnvVar),
            "config" => self.function(Function::Config),
            "is_incremental" => self.function(Function::IsIncremental),
            "log" => self.function(Function::Log),
            "exceptions" => self.function(Function::Exceptions),
            "this" => self.relation(Asked::This),
            "target" => self.shared.target.clone(),
            "execute" => Value::from(true),
            "run_started_at" => {
                self.record().uses.volatile = true;
                Value::from_object(Clock(self.mode.moment.started))
            }
            "invocation_id" => {
                self.record().uses.volatile = true;
                Value::from(&*self.mode.moment.invocation)
            }
            "refuel" => Value::from_object(Portable {
                dialect: self.shared.dialect,
            }),
            name => {
                let (name, file) = self.shared.macros.get_key_value(name)?;
                Value::from_object(UserMacro {
                    name: Arc::clone(name),
                    file: Arc::clone(file),
                    scope: Arc::clone(self),
                })
            }
        })
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }
}
