//! Rows in the text format of `COPY` (<https://www.postgresql.org/docs/current/sql-copy.html>), which the server reads
//! into columns of any type.

use std::fmt::Write as _;

use crate::Value;
use crate::value::hexadecimal;

/// Puts a row behind those that are there.
pub(super) fn put(text: &mut String, row: &[Value]) {
    for (at, value) in row.iter().enumerate() {
        if at > 0 {
            text.push('\t');
        }
        match value {
            Value::Null => text.push_str("\\N"),
            Value::Boolean(value) => text.push(if *value { 't' } else { 'f' }),
            // Writing to a string can't fail.
            Value::Integer(number) => drop(write!(text, "{number}")),
            Value::Real(number) if number.is_infinite() => {
                text.push_str(if *number > 0.0 { "Infinity" } else { "-Infinity" });
            }
            Value::Real(number) => drop(write!(text, "{number}")),
            Value::Text(content) | Value::Json(content) => escape(text, content),
            Value::Bytes(bytes) => {
                text.push_str("\\\\x");
                text.push_str(&hexadecimal(bytes));
            }
        }
    }
    text.push('\n');
}

fn escape(text: &mut String, content: &str) {
    let mut from = 0;
    for (at, byte) in content.bytes().enumerate() {
        let mark = match byte {
            b'\\' => "\\\\",
            b'\t' => "\\t",
            b'\n' => "\\n",
            b'\r' => "\\r",
            _ => continue,
        };
        text.push_str(&content[from..at]);
        text.push_str(mark);
        from = at + 1;
    }
    text.push_str(&content[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_the_format_is_escaped() {
        let mut text = String::new();
        let row = [
            Value::Text("a\tb\\N\r\nc".to_owned()),
            Value::Null,
            Value::Text(String::new()),
            Value::Real(f64::NEG_INFINITY),
            Value::Bytes(vec![0, 255]),
        ];
        put(&mut text, &row);
        assert_eq!(text, "a\\tb\\\\N\\r\\nc\t\\N\t\t-Infinity\t\\\\x00ff\n");
    }
}
