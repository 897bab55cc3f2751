//! What `ref()`, `source()` and `this` give.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Value};

use super::marks::{Aspect, mark};

/// A relation that is not known yet: it renders as a mark, and so do its parts.
#[derive(Debug)]
pub(super) struct Relation {
    /// The number of the reference.
    pub(super) number: usize,
}

impl Object for Relation {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "name" | "identifier" | "table" | "alias" => Some(mark(Aspect::Name, self.number).into()),
            "schema" => Some(mark(Aspect::Schema, self.number).into()),
            _ => None,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mark(Aspect::Relation, self.number))
    }
}
