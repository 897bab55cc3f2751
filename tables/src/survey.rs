//! A quick look over the input before the run: how large it is, what identifies it, about how many rows it has.

use std::io::Read;

use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use serde::{Deserialize, Serialize};

use crate::{Format, Input, IoError};

/// What a look over an input file shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Size in bytes.
    pub bytes: u64,
    /// BLAKE3 of the content, in hexadecimal digits.
    pub blake3: String,
    /// Rows, for progress: exact for Parquet and JSON Lines, and for CSV unless quotes stand inside unquoted fields.
    pub rows: u64,
}

impl Survey {
    /// Looks over a file; `None` for standard input, which can be read once only.
    pub fn of(input: &Input, format: Format) -> Result<Option<Self>, IoError> {
        let Input::File(path) = input else { return Ok(None) };
        // What can't be read twice (a pipe, such as `<(command)` in a shell) can't be surveyed either. It must not even be
        // opened: whoever writes to it would take that for its one reader.
        if fs_err::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
            return Ok(None);
        }
        let mut file = input.open_file(path)?;
        let mut hasher = blake3::Hasher::new();
        let mut counter = Counter::new(format);
        let mut buffer = vec![0; 1 << 20];
        let mut bytes = 0;
        loop {
            let read = file.read(&mut buffer).map_err(|source| input.unreadable(source))?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            counter.add(&buffer[..read]);
            bytes += read as u64;
        }
        let rows = match format {
            Format::Parquet => {
                let file = input.open_file(path)?;
                let reader = crate::columnar::guarded(input, || SerializedFileReader::new(file))?;
                reader.metadata().file_metadata().num_rows().try_into().unwrap_or(0)
            }
            _ => counter.rows(),
        };
        Ok(Some(Self {
            bytes,
            blake3: hasher.finalize().to_hex().to_string(),
            rows,
        }))
    }
}

/// Counts rows of text without parsing them.
struct Counter {
    format: Format,
    quoted: bool,
    lines: u64,
    /// Whether the line that is open has anything but white space.
    filled: bool,
}

impl Counter {
    fn new(format: Format) -> Self {
        Self {
            format,
            quoted: false,
            lines: 0,
            filled: false,
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        if self.format == Format::Parquet {
            return;
        }
        let quotes = matches!(self.format, Format::Csv | Format::Tsv);
        let mut from = 0;
        for at in memchr::memchr2_iter(b'\n', b'"', bytes) {
            if bytes[at] == b'"' {
                self.quoted ^= quotes;
                self.filled = true;
            } else if !self.quoted {
                self.filled |= !bytes[from..at].trim_ascii().is_empty();
                self.lines += u64::from(self.filled);
                self.filled = false;
                from = at + 1;
            }
        }
        self.filled |= !bytes[from.min(bytes.len())..].trim_ascii().is_empty();
    }

    fn rows(&self) -> u64 {
        let header = u64::from(matches!(self.format, Format::Csv | Format::Tsv));
        (self.lines + u64::from(self.filled)).saturating_sub(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(format: Format, text: &str) -> u64 {
        // In pieces of every size, since a row may lie across two reads.
        let counts: Vec<u64> = (1..=text.len().max(1))
            .map(|size| {
                let mut counter = Counter::new(format);
                text.as_bytes().chunks(size).for_each(|piece| counter.add(piece));
                counter.rows()
            })
            .collect();
        assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
        counts[0]
    }

    #[test]
    fn line_breaks_in_quotes_are_no_rows() {
        assert_eq!(count(Format::Csv, "a,b\n1,\"two\nlines, \"\"said\"\"\"\n2,x"), 2);
        assert_eq!(count(Format::Csv, "a\n"), 0);
        assert_eq!(count(Format::Csv, ""), 0);
    }

    #[test]
    fn blank_lines_are_no_rows() {
        assert_eq!(count(Format::Jsonl, "{\"a\":1}\n\n  \n{\"a\":\"\\\"\"}\n"), 2);
    }
}
