//! Where the columns of a query come from.

mod computed;
mod trace;

pub(crate) use trace::of;

use serde::{Deserialize, Serialize};

use crate::{Asked, Function, RelationName};

/// What columns relations have.
pub trait Columns {
    /// The columns of a relation in their order; none where they aren't known.
    fn columns(&self, relation: &RelationName) -> Option<Vec<String>>;
}

/// Knows no relation's columns.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoColumns;

impl Columns for NoColumns {
    fn columns(&self, _relation: &RelationName) -> Option<Vec<String>> {
        None
    }
}

/// The columns of a query with their origins, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lineage {
    /// The columns. One named `*` stands for those of a relation whose columns aren't known.
    pub columns: Vec<OutputColumn>,
}

/// A column of a query's result.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutputColumn {
    /// Its name, as the database would name it.
    pub name: String,
    /// The columns that its value is computed from without a call, sorted, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<ColumnOrigin>,
    /// The calls that its value is computed from, in the order of the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallOrigin>,
    /// Names that could be of several relations, or of none that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// A column of a relation that is read. The column is `*` where the relation's columns aren't known and all are taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ColumnOrigin {
    /// The relation.
    pub relation: RelationName,
    /// The column.
    pub column: String,
}

/// A call that a column's value is computed from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallOrigin {
    /// The function.
    pub function: Function,
    /// The task or model.
    pub asked: Asked,
    /// The columns that its arguments are computed from without another call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<ColumnOrigin>,
    /// The calls within its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallOrigin>,
    /// Names in its arguments that could be of several relations, or of none that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}
