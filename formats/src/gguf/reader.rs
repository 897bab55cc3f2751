//! Reading numbers and strings whose lengths nobody vouches for.

use std::io::Read;
use std::path::Path;

use crate::error::FormatError;

/// Longest header (metadata, vocabulary and tensor list) in bytes. The largest published ones, with vocabularies of
/// 262,144 tokens, have 15 MB.
const MOST_HEADER_BYTES: u64 = 128 << 20;

/// Reads from the front of a file and knows how much is left.
pub(super) struct Reader<'a, R> {
    inner: R,
    path: &'a Path,
    position: u64,
    length: u64,
}

impl<'a, R: Read> Reader<'a, R> {
    /// `length` is the whole file's, in bytes.
    pub(super) fn new(inner: R, path: &'a Path, length: u64) -> Self {
        Self {
            inner,
            path,
            position: 0,
            length,
        }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// An error at this place of the file.
    pub(super) fn malformed(&self, what: impl std::fmt::Display) -> FormatError {
        FormatError::Malformed {
            path: self.path.to_owned(),
            what: format!("{what} (at byte {})", self.position),
        }
    }

    /// Checks that `count` things of at least `size` bytes can still come, before room is made for them.
    pub(super) fn expect(&self, count: u64, size: u64, what: &str) -> Result<usize, FormatError> {
        let left = self.length - self.position;
        let needed = count.checked_mul(size);
        if needed.is_none_or(|needed| needed > left) {
            return Err(self.malformed(format_args!(
                "{count} {what} don't fit in the {left} bytes that are left"
            )));
        }
        if needed.is_none_or(|needed| needed > MOST_HEADER_BYTES.saturating_sub(self.position)) {
            return Err(self.malformed(format_args!(
                "{count} {what} make the header longer than {MOST_HEADER_BYTES} bytes"
            )));
        }
        usize::try_from(count).map_err(|_| self.malformed(format_args!("{count} {what} are too many")))
    }

    /// Reads `count` numbers of `SIZE` bytes.
    pub(super) fn numbers<T, const SIZE: usize>(
        &mut self,
        count: u64,
        convert: fn([u8; SIZE]) -> T,
    ) -> Result<Vec<T>, FormatError> {
        let bytes = self.bytes(count, SIZE as u64, "numbers")?;
        let (numbers, _) = bytes.as_chunks::<SIZE>();
        Ok(numbers.iter().map(|number| convert(*number)).collect())
    }

    fn bytes(&mut self, count: u64, size: u64, what: &str) -> Result<Vec<u8>, FormatError> {
        let count = self.expect(count, size, what)?;
        let mut bytes = vec![0; count * size as usize];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, into: &mut [u8]) -> Result<(), FormatError> {
        self.inner.read_exact(into).map_err(|source| FormatError::Io {
            path: self.path.to_owned(),
            source,
        })?;
        self.position += into.len() as u64;
        Ok(())
    }

    fn fixed<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], FormatError> {
        self.expect(1, SIZE as u64, "more number")?;
        let mut bytes = [0; SIZE];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn magic(&mut self) -> Result<[u8; 4], FormatError> {
        self.fixed()
    }

    pub(super) fn u8(&mut self) -> Result<u8, FormatError> {
        Ok(u8::from_le_bytes(self.fixed()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, FormatError> {
        Ok(u16::from_le_bytes(self.fixed()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, FormatError> {
        Ok(u32::from_le_bytes(self.fixed()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, FormatError> {
        Ok(u64::from_le_bytes(self.fixed()?))
    }

    /// One byte: 0 or 1.
    pub(super) fn flag(&mut self) -> Result<bool, FormatError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.malformed(format_args!("a boolean is {other}"))),
        }
    }

    /// A length in bytes (64 bits), then UTF-8.
    pub(super) fn string(&mut self) -> Result<String, FormatError> {
        let length = self.u64()?;
        let bytes = self.bytes(length, 1, "bytes of a string")?;
        String::from_utf8(bytes).map_err(|_| self.malformed("a string is not UTF-8"))
    }
}
