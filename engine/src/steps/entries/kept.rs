//! Vectors of a vocabulary's names, kept from one run to the next: a file for each vocabulary and model. It is a help only:
//! whatever goes wrong with it, vectors are made again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err as fs;
use ndarray::Array2;

/// The version of the form of a file.
const VERSION: &str = "vectors@1";
/// The folder beside the answers that are kept.
const FOLDER: &str = "vectors";
/// Bytes of the hash at the end of a file.
const HASH_BYTES: usize = 32;

/// Where the vectors of a vocabulary are kept.
pub(super) struct Kept {
    folder: PathBuf,
    file: PathBuf,
    limit_bytes: u64,
}

impl Kept {
    /// A place for what `what` identifies. All files together take at most `limit_bytes`; the oldest go first.
    pub(super) fn new(folder: &Path, limit_bytes: u64, what: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [VERSION].iter().chain(what) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let folder = folder.join(FOLDER);
        Self {
            file: folder.join(&hasher.finalize().to_hex()[..32]),
            folder,
            limit_bytes,
        }
    }

    /// The vectors, `[rows, dimensions]`. None where there are none, or where they are not those of so many rows.
    pub(super) fn read(&self, rows: usize) -> Option<Array2<f32>> {
        let bytes = fs::read(&self.file).ok()?;
        let (numbers, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH_BYTES)?)?;
        if blake3::hash(numbers).as_bytes() != hash || rows == 0 {
            return None;
        }
        let numbers: Vec<f32> = numbers
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        let columns = numbers.len() / rows;
        Array2::from_shape_vec((rows, columns), numbers).ok()
    }

    /// Keeps vectors, as rows. Where they can't be kept, they are not.
    pub(super) fn write(&self, vectors: &Array2<f32>) {
        // Nobody waits for what is a help only, and the next run makes them again.
        let _ = self.written(vectors);
    }

    fn written(&self, vectors: &Array2<f32>) -> io::Result<()> {
        let numbers: Vec<u8> = vectors.iter().flat_map(|number| number.to_le_bytes()).collect();
        let size = (numbers.len() + HASH_BYTES) as u64;
        if size > self.limit_bytes {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        self.make_room(size)?;
        // Another process may read it meanwhile: it is there whole, or not at all.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&numbers)?;
        file.write_all(blake3::hash(&numbers).as_bytes())?;
        file.persist(&self.file).map_err(|error| error.error)?;
        Ok(())
    }

    /// Takes away the oldest files, until one of `size` bytes fits beside the others.
    fn make_room(&self, size: u64) -> io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let known = entry.metadata()?;
            files.push((known.modified()?, known.len(), entry.path()));
        }
        files.sort();
        let mut taken: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if taken + size <= self.limit_bytes {
                break;
            }
            fs::remove_file(path)?;
            taken -= bytes;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(by: f32) -> Array2<f32> {
        Array2::from_shape_fn((3, 4), |(row, column)| by * (row * 4 + column) as f32)
    }

    #[test]
    fn vectors_come_back_as_they_were_and_a_file_that_is_not_whole_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(folder.path(), 1 << 20, &["vocabulary", "model"]);
        assert_eq!(kept.read(3), None);
        kept.write(&vectors(0.1));
        assert_eq!(kept.read(3), Some(vectors(0.1)));
        assert_eq!(kept.read(5), None, "of other rows");
        assert_eq!(
            Kept::new(folder.path(), 1 << 20, &["vocabulary", "other"]).read(3),
            None
        );
        let mut bytes = fs::read(&kept.file).unwrap();
        bytes[5] ^= 1;
        fs::write(&kept.file, bytes).unwrap();
        assert_eq!(kept.read(3), None);
    }

    #[test]
    fn the_oldest_vectors_go_where_there_is_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let size = (3 * 4 * 4 + HASH_BYTES) as u64;
        let kept = |name: &str| Kept::new(folder.path(), 2 * size, &[name]);
        for (name, age) in [("a", 30), ("b", 20)] {
            kept(name).write(&vectors(1.0));
            let file = std::fs::File::options().write(true).open(kept(name).file).unwrap();
            file.set_modified(SystemTime::now() - std::time::Duration::from_secs(age))
                .unwrap();
        }
        kept("c").write(&vectors(1.0));
        let there: Vec<bool> = ["a", "b", "c"]
            .iter()
            .map(|name| kept(name).read(3).is_some())
            .collect();
        assert_eq!(there, [false, true, true]);
        let small = Kept::new(folder.path(), size - 1, &["d"]);
        small.write(&vectors(1.0));
        assert_eq!(small.read(3), None, "what is larger than all that may be kept");
        assert!(kept("b").read(3).is_some(), "and nothing goes for it");
    }
}
