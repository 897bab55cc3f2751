//! Arrow values as JSON values.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, FixedSizeListArray, LargeListArray, LargeStringArray,
    ListArray, MapArray, StringArray, StringViewArray, StructArray,
};
use arrow::datatypes::{
    DataType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Number, Value};

/// What stands before the hexadecimal digits of bytes in a column where others are text.
const BYTES: &str = "\\x";

/// The value at `row` of a column: text, numbers, booleans, lists and structures as their JSON likes, everything else
/// (dates, times, decimals, bytes as hexadecimal digits) as text.
///
/// A number that JSON can't hold (not finite) is null.
pub(crate) fn json_value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    macro_rules! integer {
        ($kind:ty) => {
            Value::from(array.as_primitive::<$kind>().value(row))
        };
    }
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Utf8 => text(
            array
                .as_any()
                .downcast_ref::<StringArray>()
                .map(|array| array.value(row)),
        ),
        DataType::LargeUtf8 => text(
            array
                .as_any()
                .downcast_ref::<LargeStringArray>()
                .map(|array| array.value(row)),
        ),
        DataType::Utf8View => text(
            array
                .as_any()
                .downcast_ref::<StringViewArray>()
                .map(|array| array.value(row)),
        ),
        DataType::Boolean => array
            .as_any()
            .downcast_ref::<BooleanArray>()
            .map_or(Value::Null, |array| Value::Bool(array.value(row))),
        DataType::Int8 => integer!(Int8Type),
        DataType::Int16 => integer!(Int16Type),
        DataType::Int32 => integer!(Int32Type),
        DataType::Int64 => integer!(Int64Type),
        DataType::UInt8 => integer!(UInt8Type),
        DataType::UInt16 => integer!(UInt16Type),
        DataType::UInt32 => integer!(UInt32Type),
        DataType::UInt64 => integer!(UInt64Type),
        DataType::Float16 => short(array.as_primitive::<Float16Type>().value(row).to_f32()),
        DataType::Float32 => short(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => number(array.as_primitive::<Float64Type>().value(row)),
        DataType::Binary => array
            .as_any()
            .downcast_ref::<BinaryArray>()
            .map_or(Value::Null, |array| {
                // Some writers keep text in columns of bytes. What is none is told from text by what Postgres puts before
                // bytes too.
                match std::str::from_utf8(array.value(row)) {
                    Ok(text) if !text.starts_with(BYTES) => text.into(),
                    _ => match formatted(array, row) {
                        Value::String(digits) => format!("{BYTES}{digits}").into(),
                        other => other,
                    },
                }
            }),
        DataType::List(_) => elements(array.as_any().downcast_ref::<ListArray>().map(|array| array.value(row))),
        DataType::LargeList(_) => elements(
            array
                .as_any()
                .downcast_ref::<LargeListArray>()
                .map(|array| array.value(row)),
        ),
        DataType::FixedSizeList(_, _) => elements(
            array
                .as_any()
                .downcast_ref::<FixedSizeListArray>()
                .map(|array| array.value(row)),
        ),
        DataType::Map(_, _) => elements(
            array
                .as_any()
                .downcast_ref::<MapArray>()
                .map(|array| std::sync::Arc::new(array.value(row)) as _),
        ),
        DataType::Struct(_) => array
            .as_any()
            .downcast_ref::<StructArray>()
            .map_or(Value::Null, |array| {
                let fields = array.column_names().into_iter().zip(array.columns());
                let object: Map<String, Value> = fields
                    .map(|(name, column)| (name.to_owned(), json_value(column.as_ref(), row)))
                    .collect();
                Value::Object(object)
            }),
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let key = dictionary.normalized_keys()[row];
            json_value(dictionary.values().as_ref(), key)
        }
        _ => formatted(array, row),
    }
}

/// Whether the value at `row` is a number that isn't finite.
pub(crate) fn is_not_finite(array: &dyn Array, row: usize) -> bool {
    !array.is_null(row)
        && match array.data_type() {
            DataType::Float16 => !array.as_primitive::<Float16Type>().value(row).to_f32().is_finite(),
            DataType::Float32 => !array.as_primitive::<Float32Type>().value(row).is_finite(),
            DataType::Float64 => !array.as_primitive::<Float64Type>().value(row).is_finite(),
            _ => false,
        }
}

fn text(text: Option<&str>) -> Value {
    text.map_or(Value::Null, Value::from)
}

fn number(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// A 32-bit number with its own few digits, not with those of the nearest 64-bit one.
fn short(short: f32) -> Value {
    short.to_string().parse().map_or(Value::Null, number)
}

fn elements(list: Option<ArrayRef>) -> Value {
    list.map_or(Value::Null, |list| {
        (0..list.len()).map(|row| json_value(list.as_ref(), row)).collect()
    })
}

fn formatted(array: &dyn Array, row: usize) -> Value {
    let options = FormatOptions::default();
    ArrayFormatter::try_new(array, &options)
        .ok()
        .and_then(|formatter| formatter.value(row).try_to_string().ok())
        .map_or(Value::Null, Value::String)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_not_finite_are_null_and_can_be_told_from_null() {
        let numbers = arrow::array::Float64Array::from(vec![Some(0.5), Some(f64::NAN), Some(f64::INFINITY), None]);
        let found = |row| (json_value(&numbers, row), is_not_finite(&numbers, row));
        assert_eq!(found(0), (0.5.into(), false));
        assert_eq!(found(1), (Value::Null, true));
        assert_eq!(found(2), (Value::Null, true));
        assert_eq!(found(3), (Value::Null, false));
    }

    #[test]
    fn bytes_that_are_no_text_are_told_from_text_of_the_same_column() {
        let bytes = BinaryArray::from(vec![b"ff".as_slice(), b"\xff", b"\\xff", b""]);
        let values: Vec<Value> = (0..bytes.len()).map(|row| json_value(&bytes, row)).collect();
        assert_eq!(values, ["ff", "\\xff", "\\x5c786666", ""]);
    }
}
