//! What can be wrong with a question about lineage.

use refuel_staging::StagingError;

use crate::nodes::NodeId;

/// An error of asking for lineage.
#[derive(Debug, thiserror::Error)]
pub enum LineageError {
    /// No model, seed or source has the name.
    #[error("no model, seed or source is called \"{name}\"")]
    UnknownNode {
        /// The name as given.
        name: String,
        /// The nearest name.
        nearest: Option<String>,
    },
    /// The node has no such column.
    #[error("{node} has no column \"{column}\"")]
    UnknownColumn {
        /// The node.
        node: NodeId,
        /// The column as given.
        column: String,
        /// The nearest column.
        nearest: Option<String>,
        /// The columns that it has.
        known: Vec<String>,
    },
    /// The node has no columns, or they can't be told.
    #[error("the columns of {node} are not known")]
    NoColumns {
        /// The node.
        node: NodeId,
    },
    /// The SQL of a model can't be read.
    #[error("the SQL of {node} can't be read")]
    Sql {
        /// The model.
        node: NodeId,
        /// Why not.
        source: Box<StagingError>,
    },
}

impl LineageError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownNode { .. } => "RF1270",
            Self::UnknownColumn { .. } => "RF1271",
            Self::NoColumns { .. } => "RF1272",
            Self::Sql { .. } => "RF1273",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownNode {
                nearest: Some(nearest), ..
            }
            | Self::UnknownColumn {
                nearest: Some(nearest), ..
            } => Some(format!("did you mean \"{nearest}\"?")),
            Self::UnknownNode { .. } => Some("`refuel ls` shows what there is".to_owned()),
            Self::UnknownColumn { known, .. } => Some(format!("it has {}", known.join(", "))),
            Self::NoColumns { node } => Some(match node.resource_type() {
                Some(crate::nodes::ResourceType::Source) => {
                    "declare them under \"columns\" of the source's table in a properties file".to_owned()
                }
                Some(crate::nodes::ResourceType::Model) => {
                    "name the columns instead of `*`, or declare those of the sources above it".to_owned()
                }
                _ => "ask for a model, a seed or a source".to_owned(),
            }),
            Self::Sql { source, .. } => source.hint(),
        }
    }
}
