//! The front of a GGUF file: metadata and the list of tensors.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::path::Path;

use super::MAGIC;
use super::reader::Reader;
use super::tensor_type::TensorType;
use super::value::Value;
use crate::error::FormatError;

/// Most dimensions of a tensor (`GGML_MAX_DIMS`).
const MOST_DIMENSIONS: u32 = 4;
/// Alignment of the tensors' data where the file doesn't say, in bytes.
const DEFAULT_ALIGNMENT: u64 = 32;
/// Largest alignment, in bytes. Files in use have 32 or a page.
const MOST_ALIGNMENT: u64 = 1 << 20;
/// Longest name of a tensor or key, in bytes (the specification's limit for keys).
const MOST_NAME_BYTES: usize = 65_535;

/// A tensor in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name in the file, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// Row-major, `[out, in]`: the file's own order is the other way round.
    pub shape: Vec<usize>,
    /// How its numbers are stored.
    pub kind: TensorType,
    /// Where its data begins, in bytes from the file's beginning.
    pub offset: u64,
    /// Length of its data in bytes.
    pub bytes: u64,
}

impl Tensor {
    /// How many numbers it has.
    pub fn values(&self) -> usize {
        self.shape.iter().product()
    }
}

/// What the front of the file says, checked.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) metadata: BTreeMap<String, Value>,
    pub(super) tensors: Vec<Tensor>,
}

impl Header {
    /// Reads the front of a file of `length` bytes.
    pub(super) fn read(input: impl Read, path: &Path, length: u64) -> Result<Self, FormatError> {
        let mut reader = Reader::new(input, path, length);
        if reader.magic()? != MAGIC {
            return Err(reader.malformed("this is no GGUF file, it doesn't begin with `GGUF`"));
        }
        let version = reader.u32()?;
        check_version(version)?;
        let tensor_count = reader.u64()?;
        let pair_count = reader.u64()?;
        // A key's length, its first byte's type and a value take 13 bytes or more; a tensor 24.
        let pair_count = reader.expect(pair_count, 13, "metadata pairs")?;
        let tensor_count = reader.expect(tensor_count, 24, "tensors")?;

        let mut metadata = BTreeMap::new();
        for _ in 0..pair_count {
            let key = name(&mut reader)?;
            let value = Value::read(&mut reader)?;
            if metadata.contains_key(&key) {
                return Err(reader.malformed(format_args!("the key {key} is there twice")));
            }
            metadata.insert(key, value);
        }
        let mut tensors = Vec::new();
        let mut names = HashSet::new();
        for _ in 0..tensor_count {
            let tensor = read_tensor(&mut reader)?;
            if !names.insert(tensor.name.clone()) {
                return Err(reader.malformed(format_args!("the tensor {} is there twice", tensor.name)));
            }
            tensors.push(tensor);
        }

        let alignment = alignment(&reader, &metadata)?;
        let data = reader.position().next_multiple_of(alignment);
        for tensor in &mut tensors {
            place(&reader, tensor, data, alignment, length)?;
        }
        Ok(Self {
            version,
            metadata,
            tensors,
        })
    }
}

fn check_version(version: u32) -> Result<(), FormatError> {
    let what = match version {
        2 | 3 => return Ok(()),
        // Version 3 with its bytes the other way round.
        _ if matches!(version.swap_bytes(), 2 | 3) => "a big-endian GGUF file".to_owned(),
        other => format!("GGUF version {other}"),
    };
    Err(FormatError::Unsupported {
        what,
        hint: "take a little-endian file of version 2 or 3".to_owned(),
    })
}

fn name<R: Read>(reader: &mut Reader<R>) -> Result<String, FormatError> {
    let name = reader.string()?;
    if name.len() > MOST_NAME_BYTES {
        return Err(reader.malformed(format_args!("a name has {} bytes", name.len())));
    }
    Ok(name)
}

/// Reads a tensor's entry. Its offset is still the one in the data part.
fn read_tensor<R: Read>(reader: &mut Reader<R>) -> Result<Tensor, FormatError> {
    let name = name(reader)?;
    let dimensions = reader.u32()?;
    if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
        return Err(reader.malformed(format_args!("the tensor {name} has {dimensions} dimensions")));
    }
    let mut shape = Vec::new();
    let mut values = 1_u64;
    for _ in 0..dimensions {
        let size = reader.u64()?;
        let product = values.checked_mul(size).filter(|product| *product > 0);
        let (Some(product), Ok(size)) = (product, usize::try_from(size)) else {
            return Err(reader.malformed(format_args!("the tensor {name} has a dimension of size {size}")));
        };
        values = product;
        shape.push(size);
    }
    let kind = TensorType::from_number(reader.u32()?)?;
    let (block_values, block_bytes) = (kind.block_values(), kind.block_bytes());
    if !shape[0].is_multiple_of(block_values) {
        return Err(reader.malformed(format_args!(
            "rows of the tensor {name} have {} numbers, which is no multiple of {}'s {block_values}",
            shape[0],
            kind.name()
        )));
    }
    let Some(bytes) = (values / block_values as u64).checked_mul(block_bytes as u64) else {
        return Err(reader.malformed(format_args!("the tensor {name} has {values} numbers")));
    };
    shape.reverse();
    let offset = reader.u64()?;
    Ok(Tensor {
        name,
        shape,
        kind,
        offset,
        bytes,
    })
}

fn alignment<R: Read>(reader: &Reader<R>, metadata: &BTreeMap<String, Value>) -> Result<u64, FormatError> {
    let Some(value) = metadata.get("general.alignment") else {
        return Ok(DEFAULT_ALIGNMENT);
    };
    match value.as_u64() {
        Some(alignment) if alignment.is_power_of_two() && alignment <= MOST_ALIGNMENT => Ok(alignment),
        _ => Err(reader.malformed("general.alignment should be a power of two, 1 to 1048576")),
    }
}

/// Checks that a tensor lies inside the file, and turns its offset into the file's. Tensors may overlap: nothing is
/// written, and shared weights are stored so.
fn place<R: Read>(
    reader: &Reader<R>,
    tensor: &mut Tensor,
    data: u64,
    alignment: u64,
    length: u64,
) -> Result<(), FormatError> {
    if !tensor.offset.is_multiple_of(alignment) {
        return Err(reader.malformed(format_args!(
            "the tensor {} begins at {}, which is no multiple of {alignment}",
            tensor.name, tensor.offset
        )));
    }
    let begin = data.checked_add(tensor.offset);
    let end = begin.and_then(|begin| begin.checked_add(tensor.bytes));
    match (begin, end) {
        (Some(begin), Some(end)) if end <= length => {
            tensor.offset = begin;
            Ok(())
        }
        _ => Err(reader.malformed(format_args!(
            "the tensor {} should have {} bytes from {} of the data, but the file has {length} bytes",
            tensor.name, tensor.bytes, tensor.offset
        ))),
    }
}
