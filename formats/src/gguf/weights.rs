//! Weights under their names, and in the form, of Hugging Face checkpoints.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::file::Gguf;
use super::header::Tensor;
use super::names::{Change, Meaning, meaning};
use crate::config::ModelConfig;
use crate::error::FormatError;
use crate::source::WeightSource;

/// A tensor of the checkpoint: a part of a tensor of the file.
#[derive(Debug)]
struct Entry {
    tensor: usize,
    /// Where it begins in the file's tensor, in numbers.
    first: usize,
    shape: Vec<usize>,
    change: Change,
}

/// Weights of a GGUF file, dequantized row by row as they are asked for.
#[derive(Debug)]
pub struct GgufWeights {
    gguf: Arc<Gguf>,
    entries: HashMap<String, Entry>,
}

impl GgufWeights {
    /// Finds what each tensor of the file is in the architecture.
    ///
    /// # Errors
    /// [`FormatError::Unsupported`] for a tensor that the architecture doesn't have, [`FormatError::Malformed`] for two
    /// of one meaning and for shapes that contradict the configuration.
    pub fn new(gguf: Arc<Gguf>, config: &ModelConfig) -> Result<Self, FormatError> {
        let mut entries = HashMap::new();
        let mut add = |name: String, entry: Entry| match entries.insert(name.clone(), entry) {
            None => Ok(()),
            Some(_) => Err(gguf.malformed(format!("two tensors are {name}"))),
        };
        for (index, tensor) in gguf.tensors().iter().enumerate() {
            match meaning(&tensor.name, config) {
                Meaning::One(name, change) => {
                    check_change(&gguf, tensor, change)?;
                    add(
                        name,
                        Entry {
                            tensor: index,
                            first: 0,
                            shape: tensor.shape.clone(),
                            change,
                        },
                    )?;
                }
                Meaning::Experts(before, after) => {
                    let &[count, rows, columns] = tensor.shape.as_slice() else {
                        return Err(gguf.malformed(format!("the tensor {} should have three dimensions", tensor.name)));
                    };
                    if config.experts.is_none_or(|experts| experts.count != count) {
                        return Err(gguf.malformed(format!(
                            "the tensor {} has {count} experts, but the metadata says otherwise",
                            tensor.name
                        )));
                    }
                    for expert in 0..count {
                        add(
                            format!("{before}{expert}.{after}"),
                            Entry {
                                tensor: index,
                                first: expert * rows * columns,
                                shape: vec![rows, columns],
                                change: Change::None,
                            },
                        )?;
                    }
                }
                Meaning::Known => {}
                Meaning::Unknown => {
                    return Err(FormatError::Unsupported {
                        what: format!(
                            "the tensor {} in a model of family {}",
                            tensor.name,
                            config.family.name()
                        ),
                        hint: "the file has a variant of the architecture that can't be compiled".to_owned(),
                    });
                }
            }
        }
        Ok(Self { gguf, entries })
    }

    fn entry(&self, name: &str) -> Result<&Entry, FormatError> {
        self.entries
            .get(name)
            .ok_or_else(|| FormatError::MissingTensor { name: name.to_owned() })
    }

    /// Reads rows whose heads go in pairs: row `j` of the first half of a head lies at `2j`, row `j` of the second half at
    /// `2j + 1`.
    fn read_paired(
        &self,
        entry: &Entry,
        head_size: usize,
        columns: usize,
        rows: Range<usize>,
        into: &mut [f32],
    ) -> Result<(), FormatError> {
        let tensor = &self.gguf.tensors()[entry.tensor];
        let half = head_size / 2;
        let mut stored = vec![0.0; head_size * columns];
        let mut head_read = None;
        for (row, out) in rows.zip(into.chunks_exact_mut(columns)) {
            let (head, place) = (row / head_size, row % head_size);
            if head_read != Some(head) {
                self.gguf
                    .read_values(tensor, entry.first + head * stored.len(), &mut stored)?;
                head_read = Some(head);
            }
            let place = place % half * 2 + place / half;
            out.copy_from_slice(&stored[place * columns..][..columns]);
        }
        Ok(())
    }
}

/// Checks that a tensor has the shape that its change needs.
fn check_change(gguf: &Gguf, tensor: &Tensor, change: Change) -> Result<(), FormatError> {
    let Change::PairedHeads(heads) = change else {
        return Ok(());
    };
    if tensor.shape.len() <= 2 && heads > 0 && tensor.shape[0].is_multiple_of(2 * heads) {
        return Ok(());
    }
    Err(gguf.malformed(format!(
        "the tensor {} has the shape {:?}, which {heads} heads can't share evenly",
        tensor.name, tensor.shape
    )))
}

impl WeightSource for GgufWeights {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.entries.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        Some(self.entries.get(name)?.shape.clone())
    }

    fn read_rows(&self, name: &str, rows: Range<usize>, into: &mut [f32]) -> Result<(), FormatError> {
        let entry = self.entry(name)?;
        let (row_count, columns) = match entry.shape.as_slice() {
            [] => (1, 1),
            [length] => (1, *length),
            [first, rest @ ..] => (*first, rest.iter().product()),
        };
        if rows.start > rows.end || rows.end > row_count {
            return Err(FormatError::Tensor {
                name: name.to_owned(),
                what: format!("rows {} to {} of {row_count} were asked for", rows.start, rows.end),
            });
        }
        if into.len() != rows.len() * columns {
            return Err(FormatError::Tensor {
                name: name.to_owned(),
                what: format!(
                    "{} rows of {columns} don't fit in room for {} numbers",
                    rows.len(),
                    into.len()
                ),
            });
        }
        let tensor = &self.gguf.tensors()[entry.tensor];
        if let Change::PairedHeads(heads) = entry.change {
            // A bias is one row; its numbers are what rows are in a matrix.
            let (rows, columns) = if entry.shape.len() == 1 && !rows.is_empty() {
                (0..columns, 1)
            } else {
                (rows, columns)
            };
            return self.read_paired(entry, entry.shape[0] / heads, columns, rows, into);
        }
        self.gguf
            .read_values(tensor, entry.first + rows.start * columns, into)?;
        if entry.change == Change::OneAdded {
            for value in into {
                *value -= 1.0;
            }
        }
        Ok(())
    }

    fn file_type(&self) -> String {
        // The type most of the weights are stored in; files mix several.
        let mut bytes_by_type = HashMap::new();
        for tensor in self.gguf.tensors() {
            *bytes_by_type.entry(tensor.kind).or_insert(0_u128) += tensor.values() as u128;
        }
        let largest = bytes_by_type
            .into_iter()
            .max_by_key(|(kind, values)| (*values, kind.name()));
        largest.map_or("F32", |(kind, _)| kind.name()).to_owned()
    }
}
