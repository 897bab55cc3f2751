//! One safetensors file.

use std::path::Path;

use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use half::{bf16, f16};
use safetensors::tensor::{Metadata, TensorInfo};

use super::CHUNK;
use crate::error::FormatError;
use crate::files::PlacedFile;

/// Largest header in bytes, as in the format's own library.
const MOST_HEADER: u64 = 100_000_000;

/// A file with its checked header.
#[derive(Debug)]
pub(super) struct Shard {
    file: PlacedFile,
    header: Metadata,
    data_start: u64,
}

impl Shard {
    /// Reads and checks the header: every tensor's bytes follow those before it, their number is what type and shape
    /// say, and together they are the rest of the file.
    pub(super) fn open(path: &Path) -> Result<Self, FormatError> {
        let file = PlacedFile::open(path)?;
        if file.length() < 8 {
            return Err(file.malformed("has less than the 8 bytes of a header length"));
        }
        let mut size = [0; 8];
        file.read_at(0, &mut size)?;
        let size = u64::from_le_bytes(size);
        if size > MOST_HEADER || size > file.length() - 8 {
            return Err(file.malformed(format!(
                "says its header has {size} bytes, but the file has {} in all and headers at most {MOST_HEADER}",
                file.length()
            )));
        }
        let mut text = vec![0; size as usize];
        file.read_at(8, &mut text)?;
        // Deserializing checks places, shapes and types against each other.
        let header: Metadata =
            serde_json::from_slice(&text).map_err(|error| file.malformed(format!("header: {error}")))?;
        let end = header.data_len();
        let data_start = size + 8;
        if data_start.checked_add(end as u64) != Some(file.length()) {
            return Err(file.malformed(format!(
                "has {} bytes of tensors, but its header describes {end}",
                file.length() - data_start
            )));
        }
        Ok(Self {
            file,
            header,
            data_start,
        })
    }

    /// Names as the file has them, in the order of their data.
    pub(super) fn names(&self) -> Vec<String> {
        self.header.offset_keys()
    }

    pub(super) fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.header.info(name)
    }

    /// Place of the first tensor's first byte.
    pub(super) fn data_start(&self) -> u64 {
        self.data_start
    }

    pub(super) fn malformed(&self, what: String) -> FormatError {
        self.file.malformed(what)
    }

    /// Reads single-precision numbers from the byte `offset` on.
    pub(super) fn read_f32(&self, offset: u64, into: &mut [f32]) -> Result<(), FormatError> {
        self.file.read_at(offset, bytemuck::cast_slice_mut(into))?;
        for value in into {
            // A no-op on little-endian machines, which the compiler removes.
            *value = f32::from_bits(u32::from_le(value.to_bits()));
        }
        Ok(())
    }

    /// Reads IEEE half-precision numbers from the byte `offset` on.
    pub(super) fn read_f16(&self, offset: u64, into: &mut [f32]) -> Result<(), FormatError> {
        self.read_halves(offset, into, |bits, out| {
            bits.reinterpret_cast::<f16>().convert_to_f32_slice(out);
        })
    }

    /// Reads bfloat16 numbers from the byte `offset` on.
    pub(super) fn read_bf16(&self, offset: u64, into: &mut [f32]) -> Result<(), FormatError> {
        self.read_halves(offset, into, |bits, out| {
            bits.reinterpret_cast::<bf16>().convert_to_f32_slice(out);
        })
    }

    fn read_halves(&self, offset: u64, into: &mut [f32], convert: fn(&[u16], &mut [f32])) -> Result<(), FormatError> {
        let mut bits = vec![0_u16; into.len().min(CHUNK)];
        let mut place = offset;
        for part in into.chunks_mut(CHUNK) {
            let bits = &mut bits[..part.len()];
            self.file.read_at(place, bytemuck::cast_slice_mut(bits))?;
            for value in bits.iter_mut() {
                *value = u16::from_le(*value);
            }
            convert(bits, part);
            place += 2 * part.len() as u64;
        }
        Ok(())
    }
}
