//! SHA-256 of files, and of lists of them.

use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

use fs_err::File;
use sha2::{Digest, Sha256};

use crate::error::RegistryError;
use crate::manifest::ModelFile;

/// Bytes read at a time.
const CHUNK: usize = 1 << 18;

/// Hexadecimal digits, lower-case.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Size in bytes and SHA-256 of a file. `on_bytes` hears how many more were read.
pub(crate) fn file(path: &Path, on_bytes: &mut dyn FnMut(u64)) -> Result<(u64, String), RegistryError> {
    let read = |source| RegistryError::io("read", path, source);
    let mut file = File::open(path).map_err(read)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut size = 0;
    loop {
        let count = file.read(&mut buffer).map_err(read)?;
        if count == 0 {
            return Ok((size, hexadecimal(&hash.finalize())));
        }
        hash.update(&buffer[..count]);
        size += count as u64;
        on_bytes(count as u64);
    }
}

/// The digest of a model: SHA-256 over one line a file, in the order of their names, of its SHA-256, two blanks and its
/// name, as `sha256sum` writes them.
pub(crate) fn digest(files: &[ModelFile]) -> String {
    let mut files: Vec<&ModelFile> = files.iter().collect();
    files.sort_by(|left, right| left.path.cmp(&right.path));
    let mut hash = Sha256::new();
    for file in files {
        hash.update(format!("{}  {}\n", file.sha256, file.path));
    }
    format!("sha256:{}", hexadecimal(&hash.finalize()))
}
