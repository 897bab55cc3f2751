//! What a column of a table is, in words that need no library.

use arrow::datatypes::DataType;

use crate::{Format, Input, IoError, Layout};

/// What the values of a column are, as far as the format says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// The format has no types: the values are text, whatever they mean.
    Untyped,
    /// Yes or no.
    Boolean,
    /// Whole numbers of up to 64 bits.
    Integer,
    /// Numbers.
    Real,
    /// Numbers with a fixed number of digits, read as text.
    Decimal,
    /// Days, read as text such as `2024-02-29`.
    Date,
    /// Moments without a time zone, read as text such as `2024-02-29T12:00:00`.
    Timestamp,
    /// Moments with a time zone, read as text such as `2024-02-29T12:00:00Z`.
    ZonedTimestamp,
    /// Text.
    Text,
    /// Lists and structures, read as JSON.
    Nested,
}

impl ColumnType {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => Self::Integer,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Real,
            // More than 63 bits of a whole number.
            DataType::UInt64
            | DataType::Decimal32(_, _)
            | DataType::Decimal64(_, _)
            | DataType::Decimal128(_, _)
            | DataType::Decimal256(_, _) => Self::Decimal,
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Timestamp(_, None) => Self::Timestamp,
            DataType::Timestamp(_, Some(_)) => Self::ZonedTimestamp,
            DataType::List(_)
            | DataType::LargeList(_)
            | DataType::FixedSizeList(_, _)
            | DataType::Struct(_)
            | DataType::Map(_, _) => Self::Nested,
            DataType::Dictionary(_, values) => Self::of(values),
            _ => Self::Text,
        }
    }
}

/// The columns of a table with what they are; JSON Lines are read to their end for it.
///
/// # Errors
/// When it can't be read.
pub fn column_types(input: &Input, layout: Layout) -> Result<Vec<(String, ColumnType)>, IoError> {
    let schema = crate::open(input, layout, &[])?.whole_schema()?;
    let columns = schema.iter().flat_map(|schema| schema.fields().iter());
    let columns = columns.map(|field| {
        let column_type = match layout.format {
            Format::Csv | Format::Tsv => ColumnType::Untyped,
            Format::Jsonl | Format::Parquet => ColumnType::of(field.data_type()),
        };
        (field.name().clone(), column_type)
    });
    Ok(columns.collect())
}
