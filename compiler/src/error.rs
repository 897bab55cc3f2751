//! What can go wrong while a checkpoint is compiled.

use std::path::{Path, PathBuf};

use refuel_formats::FormatError;

/// What can go wrong while a checkpoint is compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The checkpoint can't be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The compiled model can't be written.
    #[error("can't write {path}: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of an ONNX folder can't be read.
    #[error("can't read {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A tensor has another shape than the configuration says.
    #[error("tensor {name} is {found:?}, but the configuration makes it {expected:?}")]
    Shape {
        /// Its name in a Hugging Face checkpoint.
        name: String,
        /// Rows and columns in the file.
        found: (usize, usize),
        /// Rows and columns by the configuration.
        expected: (usize, usize),
    },
    /// A weight is infinite, not a number, or too large for half precision.
    #[error("tensor {name} holds {value}, which can't be a weight in {format}")]
    Value {
        /// Its name in a Hugging Face checkpoint.
        name: String,
        /// The number.
        value: f32,
        /// The weight format.
        format: &'static str,
    },
    /// The configuration contradicts itself.
    #[error("the configuration can't be right: {what}")]
    Configuration {
        /// What is wrong.
        what: String,
    },
    /// An ONNX file breaks the format's rules.
    #[error("{path}: {what}", path = path.display())]
    Graph {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// An ONNX graph is a fine one that is not known here.
    #[error("{path}: {what}", path = path.display())]
    UnknownGraph {
        /// The file or folder.
        path: PathBuf,
        /// What it is.
        what: String,
        /// What is known instead.
        hint: String,
    },
}

impl CompileError {
    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read {
            path: path.to_path_buf(),
            source,
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format(error) => error.code(),
            Self::Write { .. } => "RF0201",
            Self::Read { .. } => "RF0202",
            Self::Shape { .. } => "RF0203",
            Self::Value { .. } => "RF0204",
            Self::Configuration { .. } => "RF0205",
            Self::Graph { .. } => "RF0206",
            Self::UnknownGraph { .. } => "RF0207",
        }
    }

    /// What to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Format(error) => error.hint(),
            Self::Write { source, .. } => (source.kind() == std::io::ErrorKind::StorageFull)
                .then(|| "a compiled model needs as much space as its weights; free some and try again".to_owned()),
            Self::Read { .. } => None,
            Self::Shape { .. } | Self::Configuration { .. } => {
                Some("config.json and the weights are not of one model; fetch both again".to_owned())
            }
            Self::Value { value, .. } => Some(if value.is_finite() {
                "compile with weights f32 or int8 instead".to_owned()
            } else {
                "the file is damaged, or its training diverged; fetch it again".to_owned()
            }),
            Self::Graph { .. } => Some("the file is damaged or cut short; fetch it again".to_owned()),
            Self::UnknownGraph { hint, .. } => Some(hint.clone()),
        }
    }
}
