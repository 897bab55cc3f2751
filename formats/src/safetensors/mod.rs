//! Weights in safetensors files: one, or several shards with an index.
//!
//! The format: eight bytes of header length, a JSON header that names every tensor with its type, shape and place, then
//! the numbers, little-endian. <https://huggingface.co/docs/safetensors>

mod names;
mod shard;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Component, Path};

use safetensors::Dtype;
use serde::Deserialize;

use crate::config::Family;
use crate::error::FormatError;
use crate::files::read_small;
use crate::source::WeightSource;

use names::canonical_name;
use shard::Shard;

/// Most shards an index can name. The largest published checkpoints have a few hundred.
const MOST_SHARDS: usize = 4096;

/// Numbers converted at a time, so that what is read stays in the processor's cache.
const CHUNK: usize = 16 * 1024;

/// Where one tensor lies.
#[derive(Debug, Clone)]
struct Placed {
    shard: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    /// Place of the first byte in the file.
    offset: u64,
}

/// Weights in safetensors files.
///
/// Names are brought to one form: a text model's are `model.layers.0.…` also where it is part of a multimodal checkpoint
/// (whose other parts are left out), and an encoder's are without `bert.` before them.
#[derive(Debug)]
pub struct SafetensorsWeights {
    shards: Vec<Shard>,
    tensors: BTreeMap<String, Placed>,
}

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl SafetensorsWeights {
    /// Opens `model.safetensors`, or the shards that `model.safetensors.index.json` names, in a folder. Only the headers
    /// are read.
    ///
    /// # Errors
    /// [`FormatError::MissingFile`] where there is neither; [`FormatError::Unsupported`] where there are weights in
    /// another format only; [`FormatError::Malformed`] for headers that lie and an index that points outside the folder.
    pub fn open(folder: &Path, family: Family) -> Result<Self, FormatError> {
        let single = folder.join("model.safetensors");
        let mut weights = Self {
            shards: Vec::new(),
            tensors: BTreeMap::new(),
        };
        if single.exists() {
            weights.add(Shard::open(&single)?, family, None)?;
            return Ok(weights);
        }
        let path = folder.join("model.safetensors.index.json");
        let Some(text) = read_small(&path)? else {
            return Err(no_weights(folder));
        };
        let malformed = |what: String| FormatError::Malformed {
            path: path.clone(),
            what,
        };
        let index: Index = serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
        let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (tensor, file) in &index.weight_map {
            files.entry(file).or_default().push(tensor);
        }
        if files.is_empty() || files.len() > MOST_SHARDS {
            return Err(malformed(format!(
                "names {} shards; there should be 1 to {MOST_SHARDS}",
                files.len()
            )));
        }
        for (file, tensors) in files {
            if !is_plain_name(file) {
                return Err(malformed(format!(
                    "shard `{file}` is not the name of a file in the same folder"
                )));
            }
            let shard_path = folder.join(file);
            if !shard_path.exists() {
                return Err(FormatError::MissingFile {
                    folder: folder.to_owned(),
                    file: file.to_owned(),
                });
            }
            weights.add(Shard::open(&shard_path)?, family, Some(&tensors))?;
        }
        Ok(weights)
    }

    /// Adds a shard's tensors: all of them, or those that the index lists for it.
    fn add(&mut self, shard: Shard, family: Family, listed: Option<&[&str]>) -> Result<(), FormatError> {
        let number = self.shards.len();
        let names = match listed {
            Some(names) => names.iter().map(|name| (*name).to_owned()).collect(),
            None => shard.names(),
        };
        for raw in names {
            let Some(info) = shard.info(&raw) else {
                return Err(shard.malformed(format!("tensor {raw} is not there, though the index says so")));
            };
            let Some(name) = canonical_name(&raw, family) else {
                continue;
            };
            let placed = Placed {
                shard: number,
                dtype: info.dtype,
                shape: info.shape.clone(),
                offset: shard.data_start() + info.data_offsets.0 as u64,
            };
            if self.tensors.insert(name.clone(), placed).is_some() {
                return Err(shard.malformed(format!("tensor {name} is there twice")));
            }
        }
        self.shards.push(shard);
        Ok(())
    }
}

/// Whether a name stays in its folder: one part, no separators of any system.
fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && !name.contains(['/', '\\', '\0'])
}

/// Why a folder has no weights that can be read.
fn no_weights(folder: &Path) -> FormatError {
    let other = [
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
        "tf_model.h5",
        "flax_model.msgpack",
        "consolidated.00.pth",
    ]
    .into_iter()
    .find(|file| folder.join(file).exists());
    match other {
        Some(file) => FormatError::Unsupported {
            what: format!("{file} (weights that aren't safetensors)"),
            hint: "write the model again as safetensors: in Python, \
                   `AutoModel.from_pretrained(folder).save_pretrained(folder, safe_serialization=True)` with the model's own class"
                .to_owned(),
        },
        None => FormatError::MissingFile { folder: folder.to_owned(), file: "model.safetensors".to_owned() },
    }
}

impl WeightSource for SafetensorsWeights {
    fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.tensors.get(name).map(|placed| placed.shape.clone())
    }

    fn read_rows(&self, name: &str, rows: Range<usize>, into: &mut [f32]) -> Result<(), FormatError> {
        let wrong = |what: String| FormatError::Tensor {
            name: name.to_owned(),
            what,
        };
        let (placed, (count, columns)) = self
            .tensors
            .get(name)
            .zip(self.matrix(name))
            .ok_or_else(|| FormatError::MissingTensor { name: name.to_owned() })?;
        if rows.start > rows.end || rows.end > count {
            return Err(wrong(format!(
                "has {count} rows; {} to {} were asked for",
                rows.start, rows.end
            )));
        }
        if Some(into.len()) != rows.len().checked_mul(columns) {
            return Err(wrong(format!(
                "{} rows of {columns} don't fit into {} numbers",
                rows.len(),
                into.len()
            )));
        }
        let shard = &self.shards[placed.shard];
        // The header was checked: the whole tensor, and so this part of it, lies within the file.
        let skipped = (rows.start * columns) as u64;
        match placed.dtype {
            Dtype::F32 => shard.read_f32(placed.offset + 4 * skipped, into),
            Dtype::F16 => shard.read_f16(placed.offset + 2 * skipped, into),
            Dtype::BF16 => shard.read_bf16(placed.offset + 2 * skipped, into),
            other => Err(FormatError::Unsupported {
                what: format!("tensor {name} of type {other:?}"),
                hint:
                    "weights of type F32, F16 and BF16 can be read; take the checkpoint in one of them, or a GGUF file"
                        .to_owned(),
            }),
        }
    }

    fn file_type(&self) -> String {
        let mut bytes: BTreeMap<String, usize> = BTreeMap::new();
        for placed in self.tensors.values() {
            let size = placed.shape.iter().product::<usize>();
            *bytes.entry(format!("{:?}", placed.dtype)).or_default() += size;
        }
        bytes
            .into_iter()
            .max_by_key(|(_, size)| *size)
            .map_or_else(String::new, |(name, _)| name)
    }
}

#[cfg(test)]
mod tests;
