//! What expressions of random queries can read.

/// Columns that can be read, by type.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) texts: Vec<String>,
    pub(super) numbers: Vec<String>,
}

impl Scope {
    /// These and another's.
    pub(super) fn with(mut self, other: &Self) -> Self {
        self.texts.extend(other.texts.iter().cloned());
        self.numbers.extend(other.numbers.iter().cloned());
        self
    }
}

/// Columns of `doc`, and of tables like it.
pub(super) fn doc(name: &str) -> Scope {
    Scope {
        texts: vec![format!("{name}.body")],
        numbers: vec![format!("{name}.size"), format!("{name}.author")],
    }
}

/// Columns of `author`.
pub(super) fn author(name: &str) -> Scope {
    Scope {
        texts: vec![format!("{name}.name"), format!("{name}.topic")],
        numbers: vec![format!("{name}.id")],
    }
}
