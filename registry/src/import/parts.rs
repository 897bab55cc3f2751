//! Files in numbered parts: `model.gguf.part01`, `model.gguf.part02`, and so on.

use std::io::Read;
use std::path::{Path, PathBuf};

use fs_err as fs;
use refuel_formats::gguf;

use crate::error::RegistryError;
use crate::event::{Event, Listener, Step};

/// Bytes copied at a time.
const CHUNK: usize = 1 << 20;
/// Most parts of a file.
const MOST_PARTS: u64 = 10_000;

/// A name taken apart around its last number.
fn numbered(name: &str) -> Option<(&str, u64, &str)> {
    let end = name.rfind(|character: char| character.is_ascii_digit())? + 1;
    let start = name[..end]
        .rfind(|character: char| !character.is_ascii_digit())
        .map_or(0, |at| at + 1);
    let start = if name.is_char_boundary(start) { start } else { end - 1 };
    Some((&name[..start], name[start..end].parse().ok()?, &name[end..]))
}

/// The parts that a file is one of, in their order; the file alone where it is none. They are in the same folder, their
/// names differ in a number only, and it counts up from 0 or 1 without gaps.
pub(crate) fn of(path: &Path) -> Result<Vec<PathBuf>, RegistryError> {
    let alone = || Ok(vec![path.to_owned()]);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // Whole files have numbers in their names, too.
    let whole = path.extension().is_some_and(|extension| extension == "gguf");
    let Some((before, _, after)) = numbered(&name).filter(|_| !whole) else {
        return alone();
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let read = |source| RegistryError::io("read", folder, source);
    let mut parts = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        let other = entry.file_name().to_string_lossy().into_owned();
        if let Some((other_before, number, other_after)) = numbered(&other)
            && (other_before, other_after) == (before, after)
            && number <= MOST_PARTS
        {
            parts.push((number, entry.path()));
        }
    }
    parts.sort();
    let first = parts.first().map_or(0, |(number, _)| *number);
    let gap = parts
        .iter()
        .zip(first..)
        .find(|((number, _), expected)| number != expected);
    match gap {
        _ if first > 1 => alone(),
        None => Ok(parts.into_iter().map(|(_, path)| path).collect()),
        Some((_, missing)) => Err(RegistryError::NotAModel {
            path: path.to_owned(),
            what: format!("part {missing} is missing or there twice"),
        }),
    }
}

/// The first part of a GGUF file in a folder.
pub(crate) fn first_in(folder: &Path) -> Result<Option<PathBuf>, RegistryError> {
    let read = |source| RegistryError::io("read", folder, source);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        paths.push(entry.map_err(read)?.path());
    }
    paths.sort();
    Ok(paths.into_iter().filter(|path| path.is_file()).find(|path| {
        let mut magic = [0; 4];
        let begins = fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
        begins.is_ok() && magic == gguf::MAGIC
    }))
}

/// Writes the parts one after the other into one file.
pub(crate) fn join(parts: &[PathBuf], into: &Path, listener: Listener<'_>) -> Result<(), RegistryError> {
    let write = |source| RegistryError::io("write", into, source);
    let size = |path: &PathBuf| {
        let size = fs::metadata(path).map(|metadata| metadata.len());
        size.map_err(|source| RegistryError::io("read", path, source))
    };
    let total = parts.iter().map(size).sum::<Result<u64, _>>()?;
    let name = into.file_name().unwrap_or_default().to_string_lossy();
    listener(Event::Begin {
        step: Step::Unpack(&name),
        total: Some(total),
        done: 0,
    });
    let mut out = fs::File::create(into).map_err(write)?;
    let mut done = 0;
    for part in parts {
        let mut file = fs::File::open(part).map_err(|source| RegistryError::io("read", part, source))?;
        copy(&mut file, part, &mut out, into, &mut |bytes| {
            done += bytes;
            listener(Event::Done(done));
        })?;
    }
    Ok(())
}

/// Copies all that `from` gives; errors say which side failed.
pub(crate) fn copy(
    from: &mut dyn Read,
    from_path: &Path,
    into: &mut dyn std::io::Write,
    into_path: &Path,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<u64, RegistryError> {
    let mut buffer = vec![0; CHUNK];
    let mut copied = 0;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(RegistryError::io("read", from_path, source)),
        };
        into.write_all(&buffer[..count])
            .map_err(|source| RegistryError::io("write", into_path, source))?;
        copied += count as u64;
        on_bytes(count as u64);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_found_in_their_order_from_any_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for number in [1, 2, 10, 9, 3, 4, 5, 6, 7, 8] {
            fs::write(path(&format!("m.gguf.part{number}")), number.to_string()).unwrap();
        }
        fs::write(path("m.gguf.part"), "").unwrap();
        fs::write(path("other.part2"), "").unwrap();
        let parts = of(&path("m.gguf.part10")).unwrap();
        assert_eq!(parts.len(), 10);
        let joined = path("joined");
        join(&parts, &joined, &mut |_| {}).unwrap();
        assert_eq!(fs::read_to_string(joined).unwrap(), "12345678910");
        assert_eq!(of(&path("m.gguf.part")).unwrap().len(), 1);
        assert_eq!(of(&path("other.part2")).unwrap().len(), 1);
    }

    #[test]
    fn a_missing_part_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for number in [1, 2, 4] {
            fs::write(folder.path().join(format!("m.{number:03}")), "").unwrap();
        }
        let error = of(&folder.path().join("m.001")).unwrap_err();
        assert!(error.to_string().contains("part 3"), "{error}");
    }

    #[test]
    fn whole_files_with_numbers_in_their_names_stand_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["qwen-1.gguf", "qwen-2.gguf"] {
            fs::write(folder.path().join(name), "GGUF").unwrap();
        }
        assert_eq!(of(&folder.path().join("qwen-2.gguf")).unwrap().len(), 1);
    }

    proptest! {
        #[test]
        fn a_name_is_taken_apart_and_put_together(name in "\\PC{0,40}") {
            if let Some((before, number, after)) = numbered(&name) {
                let middle = &name[before.len()..name.len() - after.len()];
                prop_assert_eq!(middle.parse::<u64>().unwrap(), number);
            }
        }
    }
}
