//! What can be wrong with a model file.

use std::path::PathBuf;

/// What can be wrong with a model file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// A file can't be read.
    #[error("can't read {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file breaks its format's rules.
    #[error("{path}: {what}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the place in the file.
        what: String,
    },
    /// The format or the architecture is a fine one that is not known here.
    #[error("{what} is not supported")]
    Unsupported {
        /// What is not known.
        what: String,
        /// What is known instead.
        hint: String,
    },
    /// A tensor that the architecture needs is not in the file.
    #[error("tensor {name} is missing")]
    MissingTensor {
        /// Its name in a Hugging Face checkpoint.
        name: String,
    },
    /// Rows outside a tensor, or a buffer of the wrong length, were asked for.
    #[error("tensor {name}: {what}")]
    Tensor {
        /// Its name in a Hugging Face checkpoint.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// A file that has to be there is not.
    #[error("{file} is missing in {folder}", folder = folder.display())]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The file.
        file: String,
    },
}

impl FormatError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "RF0101",
            Self::Malformed { .. } => "RF0102",
            Self::Unsupported { .. } => "RF0103",
            Self::MissingTensor { .. } => "RF0104",
            Self::Tensor { .. } => "RF0105",
            Self::MissingFile { .. } => "RF0106",
        }
    }

    /// What to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unsupported { hint, .. } => Some(hint.clone()),
            Self::Malformed { .. } => {
                Some("the file is damaged, cut short, or not what its name says; fetch it again".to_owned())
            }
            Self::MissingTensor { .. } => {
                Some("the file is incomplete, or its config.json describes another architecture".to_owned())
            }
            Self::MissingFile { .. } => {
                Some("a checkpoint needs config.json, tokenizer.json and *.safetensors".to_owned())
            }
            Self::Io { .. } | Self::Tensor { .. } => None,
        }
    }
}
