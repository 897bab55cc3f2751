//! Metadata values.

use std::io::Read;

use super::reader::Reader;
use crate::error::FormatError;

/// How deep arrays of arrays may go. No known key has more than one level.
const MOST_NESTING: usize = 4;

/// A metadata value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `UINT8`.
    U8(u8),
    /// `INT8`.
    I8(i8),
    /// `UINT16`.
    U16(u16),
    /// `INT16`.
    I16(i16),
    /// `UINT32`.
    U32(u32),
    /// `INT32`.
    I32(i32),
    /// `UINT64`.
    U64(u64),
    /// `INT64`.
    I64(i64),
    /// `FLOAT32`.
    F32(f32),
    /// `FLOAT64`.
    F64(f64),
    /// `BOOL`.
    Bool(bool),
    /// `STRING`.
    String(String),
    /// `ARRAY`.
    Array(Array),
}

/// A metadata array; all its elements have one type.
#[derive(Debug, Clone, PartialEq)]
pub enum Array {
    /// Of `UINT8`.
    U8(Vec<u8>),
    /// Of `INT8`.
    I8(Vec<i8>),
    /// Of `UINT16`.
    U16(Vec<u16>),
    /// Of `INT16`.
    I16(Vec<i16>),
    /// Of `UINT32`.
    U32(Vec<u32>),
    /// Of `INT32`.
    I32(Vec<i32>),
    /// Of `UINT64`.
    U64(Vec<u64>),
    /// Of `INT64`.
    I64(Vec<i64>),
    /// Of `FLOAT32`.
    F32(Vec<f32>),
    /// Of `FLOAT64`.
    F64(Vec<f64>),
    /// Of `BOOL`.
    Bool(Vec<bool>),
    /// Of `STRING`.
    String(Vec<String>),
    /// Of `ARRAY`.
    Array(Vec<Array>),
}

impl Value {
    /// Reads a value's type and the value.
    pub(super) fn read<R: Read>(reader: &mut Reader<R>) -> Result<Self, FormatError> {
        let kind = reader.u32()?;
        Ok(match kind {
            0 => Self::U8(reader.u8()?),
            1 => Self::I8(reader.u8()?.cast_signed()),
            2 => Self::U16(reader.u16()?),
            3 => Self::I16(reader.u16()?.cast_signed()),
            4 => Self::U32(reader.u32()?),
            5 => Self::I32(reader.u32()?.cast_signed()),
            6 => Self::F32(f32::from_bits(reader.u32()?)),
            7 => Self::Bool(reader.flag()?),
            8 => Self::String(reader.string()?),
            9 => Self::Array(Array::read(reader, 1)?),
            10 => Self::U64(reader.u64()?),
            11 => Self::I64(reader.u64()?.cast_signed()),
            12 => Self::F64(f64::from_bits(reader.u64()?)),
            other => return Err(reader.malformed(format_args!("there is no value type {other}"))),
        })
    }

    /// A whole number that is not negative, of whatever width.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::U8(value) => Some(value.into()),
            Self::U16(value) => Some(value.into()),
            Self::U32(value) => Some(value.into()),
            Self::U64(value) => Some(value),
            Self::I8(value) => u64::try_from(value).ok(),
            Self::I16(value) => u64::try_from(value).ok(),
            Self::I32(value) => u64::try_from(value).ok(),
            Self::I64(value) => u64::try_from(value).ok(),
            _ => None,
        }
    }

    /// A floating point number, or a whole one.
    pub fn as_f32(&self) -> Option<f32> {
        match *self {
            Self::F32(value) => Some(value),
            Self::F64(value) => Some(value as f32),
            Self::I8(value) => Some(value.into()),
            Self::I16(value) => Some(value.into()),
            Self::I32(value) => Some(value as f32),
            Self::I64(value) => Some(value as f32),
            _ => self.as_u64().map(|value| value as f32),
        }
    }

    /// A string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Self::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// An array.
    pub fn as_array(&self) -> Option<&Array> {
        match self {
            Self::Array(array) => Some(array),
            _ => None,
        }
    }
}

impl Array {
    fn read<R: Read>(reader: &mut Reader<R>, depth: usize) -> Result<Self, FormatError> {
        if depth > MOST_NESTING {
            return Err(reader.malformed(format_args!("arrays are nested more than {MOST_NESTING} deep")));
        }
        let kind = reader.u32()?;
        let count = reader.u64()?;
        Ok(match kind {
            0 => Self::U8(reader.numbers(count, u8::from_le_bytes)?),
            1 => Self::I8(reader.numbers(count, i8::from_le_bytes)?),
            2 => Self::U16(reader.numbers(count, u16::from_le_bytes)?),
            3 => Self::I16(reader.numbers(count, i16::from_le_bytes)?),
            4 => Self::U32(reader.numbers(count, u32::from_le_bytes)?),
            5 => Self::I32(reader.numbers(count, i32::from_le_bytes)?),
            6 => Self::F32(reader.numbers(count, f32::from_le_bytes)?),
            7 => {
                let count = reader.expect(count, 1, "booleans")?;
                Self::Bool((0..count).map(|_| reader.flag()).collect::<Result<_, _>>()?)
            }
            8 => {
                // Each string has its length in 8 bytes, so that room is made for at most three times what the file has.
                let count = reader.expect(count, 8, "strings")?;
                Self::String((0..count).map(|_| reader.string()).collect::<Result<_, _>>()?)
            }
            9 => {
                let count = reader.expect(count, 12, "arrays")?;
                Self::Array(
                    (0..count)
                        .map(|_| Self::read(reader, depth + 1))
                        .collect::<Result<_, _>>()?,
                )
            }
            10 => Self::U64(reader.numbers(count, u64::from_le_bytes)?),
            11 => Self::I64(reader.numbers(count, i64::from_le_bytes)?),
            12 => Self::F64(reader.numbers(count, f64::from_le_bytes)?),
            other => return Err(reader.malformed(format_args!("there is no value type {other}"))),
        })
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::I8(values) => values.len(),
            Self::U16(values) => values.len(),
            Self::I16(values) => values.len(),
            Self::U32(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::U64(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::String(values) => values.len(),
            Self::Array(values) => values.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Strings.
    pub fn as_strings(&self) -> Option<&[String]> {
        match self {
            Self::String(values) => Some(values),
            _ => None,
        }
    }

    /// Whole numbers of whatever width (booleans are 0 and 1).
    pub fn to_integers(&self) -> Option<Vec<i64>> {
        fn widen<T: Copy + Into<i64>>(values: &[T]) -> Vec<i64> {
            values.iter().map(|value| (*value).into()).collect()
        }
        match self {
            Self::U8(values) => Some(widen(values)),
            Self::I8(values) => Some(widen(values)),
            Self::U16(values) => Some(widen(values)),
            Self::I16(values) => Some(widen(values)),
            Self::U32(values) => Some(widen(values)),
            Self::I32(values) => Some(widen(values)),
            Self::I64(values) => Some(values.clone()),
            Self::U64(values) => values.iter().map(|value| i64::try_from(*value).ok()).collect(),
            Self::Bool(values) => Some(widen(values)),
            _ => None,
        }
    }

    /// Floating point numbers.
    pub fn to_floats(&self) -> Option<Vec<f32>> {
        match self {
            Self::F32(values) => Some(values.clone()),
            Self::F64(values) => Some(values.iter().map(|value| *value as f32).collect()),
            _ => None,
        }
    }
}
