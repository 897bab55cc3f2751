//! An open GGUF file.

use std::collections::{BTreeMap, HashMap};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::data::Data;
use super::dequantize::dequantize;
use super::header::{Header, Tensor};
use super::value::{Array, Value};
use crate::error::FormatError;
use crate::files::PlacedFile;

/// Bytes read from the file at a time while a tensor is dequantized.
const CHUNK_BYTES: usize = 1 << 20;

/// An open GGUF file: its metadata and its tensors.
#[derive(Debug)]
pub struct Gguf {
    path: PathBuf,
    data: Data,
    version: u32,
    metadata: BTreeMap<String, Value>,
    tensors: Vec<Tensor>,
    by_name: HashMap<String, usize>,
}

impl Gguf {
    /// Opens a file and reads its metadata and its list of tensors.
    ///
    /// # Errors
    /// [`FormatError::Io`], [`FormatError::Malformed`] with the place in the file, or [`FormatError::Unsupported`] for
    /// other versions, big-endian files, tensor types that are not known and files that are one part of several.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        Self::new(path.to_owned(), Data::File(PlacedFile::open(path)?))
    }

    /// As [`Gguf::open`], for a file that is in memory already; `path` is for messages.
    ///
    /// # Errors
    /// As [`Gguf::open`].
    pub fn from_bytes(bytes: Vec<u8>, path: &Path) -> Result<Self, FormatError> {
        Self::new(path.to_owned(), Data::Memory(bytes))
    }

    fn new(path: PathBuf, data: Data) -> Result<Self, FormatError> {
        let input = BufReader::with_capacity(1 << 16, data.front());
        let Header {
            version,
            metadata,
            tensors,
        } = Header::read(input, &path, data.length())?;
        let by_name = tensors
            .iter()
            .enumerate()
            .map(|(index, tensor)| (tensor.name.clone(), index))
            .collect();
        let gguf = Self {
            path,
            data,
            version,
            metadata,
            tensors,
            by_name,
        };
        if gguf.count("split.count")?.is_some_and(|count| count > 1) {
            return Err(FormatError::Unsupported {
                what: "a GGUF file that is one part of several".to_owned(),
                hint: "join the parts with `llama-gguf-split --merge`".to_owned(),
            });
        }
        Ok(gguf)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The format's version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Every key with its value, in the order of the keys.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.metadata.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }

    /// Every tensor, in the file's order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// A tensor by its name in the file.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.by_name.get(name).map(|index| &self.tensors[*index])
    }

    /// The string under a key. None where the key is not there.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] where it is something else.
    pub fn text(&self, key: &str) -> Result<Option<&str>, FormatError> {
        self.typed(key, "a string", Value::as_str)
    }

    /// The whole number under a key, which is not negative.
    ///
    /// # Errors
    /// As [`Gguf::text`].
    pub fn count(&self, key: &str) -> Result<Option<u64>, FormatError> {
        self.typed(key, "a whole number", Value::as_u64)
    }

    /// The number under a key.
    ///
    /// # Errors
    /// As [`Gguf::text`].
    pub fn number(&self, key: &str) -> Result<Option<f32>, FormatError> {
        self.typed(key, "a number", Value::as_f32)
    }

    /// The boolean under a key.
    ///
    /// # Errors
    /// As [`Gguf::text`].
    pub fn flag(&self, key: &str) -> Result<Option<bool>, FormatError> {
        self.typed(key, "a boolean", Value::as_bool)
    }

    /// The strings under a key.
    ///
    /// # Errors
    /// As [`Gguf::text`].
    pub fn texts(&self, key: &str) -> Result<Option<&[String]>, FormatError> {
        self.typed(key, "an array of strings", |value| value.as_array()?.as_strings())
    }

    /// The whole numbers under a key.
    ///
    /// # Errors
    /// As [`Gguf::text`].
    pub fn integers(&self, key: &str) -> Result<Option<Vec<i64>>, FormatError> {
        self.typed(key, "an array of whole numbers", |value| {
            value.as_array().and_then(Array::to_integers)
        })
    }

    /// The floating point numbers under a key.
    ///
    /// # Errors
    /// As [`Gguf::text`].
    pub fn floats(&self, key: &str) -> Result<Option<Vec<f32>>, FormatError> {
        self.typed(key, "an array of floating point numbers", |value| {
            value.as_array().and_then(Array::to_floats)
        })
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        kind: &str,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, FormatError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match convert(value) {
            Some(value) => Ok(Some(value)),
            None => Err(self.malformed(format!("{key} should be {kind}"))),
        }
    }

    /// An error about this file.
    pub(crate) fn malformed(&self, what: impl Into<String>) -> FormatError {
        FormatError::Malformed {
            path: self.path.clone(),
            what: what.into(),
        }
    }

    /// Reads a tensor's numbers from number `first` on, as many as `into` has, in the file's own order. Both are whole
    /// numbers of blocks.
    ///
    /// # Errors
    /// [`FormatError::Tensor`] for numbers outside the tensor or within a block, [`FormatError::Io`] for a file that has
    /// become shorter.
    pub fn read_values(&self, tensor: &Tensor, first: usize, into: &mut [f32]) -> Result<(), FormatError> {
        let (block_values, block_bytes) = (tensor.kind.block_values(), tensor.kind.block_bytes());
        let end = first.checked_add(into.len());
        if end.is_none_or(|end| end > tensor.values())
            || !first.is_multiple_of(block_values)
            || !into.len().is_multiple_of(block_values)
        {
            return Err(FormatError::Tensor {
                name: tensor.name.clone(),
                what: format!("{} numbers from {first} on are no whole blocks inside it", into.len()),
            });
        }
        let mut offset = tensor.offset + (first / block_values) as u64 * block_bytes as u64;
        let blocks_at_once = (CHUNK_BYTES / block_bytes).min(into.len() / block_values).max(1);
        let mut bytes = vec![0; blocks_at_once * block_bytes];
        for values in into.chunks_mut(blocks_at_once * block_values) {
            let bytes = &mut bytes[..values.len() / block_values * block_bytes];
            self.data.read_at(&self.path, offset, bytes)?;
            dequantize(tensor.kind, bytes, values);
            offset += bytes.len() as u64;
        }
        Ok(())
    }
}
