//! Finds the files of a project and reads them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use refuel_task::{LARGEST_FILE, Place};
use walkdir::{DirEntry, WalkDir};

use crate::PROJECT_FILE;
use crate::error::ProjectError;
use crate::properties::Format;
use crate::settings::Settings;
use crate::shape::Problems;
use crate::source_text::SourceText;

/// A file, by its path from the project's folder.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// From the project's folder, with `/` between its parts.
    pub(super) path: Arc<str>,
    /// Where the part below the folder that it was found in starts.
    base: usize,
}

impl Found {
    /// The path from the folder that it was found in, without its ending: `staging/stg_orders`.
    pub(super) fn below(&self) -> &str {
        let below = &self.path[self.base..];
        let name = below.rfind('/').map_or(0, |slash| slash + 1);
        below[name..].rfind('.').map_or(below, |dot| &below[..name + dot])
    }

    /// The folder below the one that it was found in; empty for that one itself.
    pub(super) fn folder(&self) -> &str {
        let below = &self.path[self.base..];
        below.rfind('/').map_or("", |slash| &below[..slash])
    }

    /// The file's name without its ending.
    pub(super) fn stem(&self) -> &str {
        let below = self.below();
        below.rfind('/').map_or(below, |slash| &below[slash + 1..])
    }
}

/// What was found, in the order of paths.
#[derive(Debug, Default)]
pub(super) struct FoundFiles {
    pub(super) models: Vec<Found>,
    pub(super) seeds: Vec<(Found, Format)>,
    pub(super) tests: Vec<Found>,
    pub(super) tasks: Vec<Found>,
    pub(super) macros: Vec<Found>,
    pub(super) properties: Vec<Found>,
}

/// Finds all files of a project.
pub(super) fn find(root: &Path, settings: &Settings, problems: &mut Problems) -> FoundFiles {
    let mut found = FoundFiles::default();
    let yaml = |file: &Found| file.path.ends_with(".yml") || file.path.ends_with(".yaml");
    for file in walk(root, &settings.model_paths, "models", problems) {
        if file.path.ends_with(".sql") {
            found.models.push(file);
        } else if yaml(&file) {
            found.properties.push(file);
        }
    }
    for file in walk(root, &settings.seed_paths, "seeds", problems) {
        if yaml(&file) {
            found.properties.push(file);
        } else if let Some(format) = Format::of_name(&file.path) {
            found.seeds.push((file, format));
        }
    }
    for file in walk(root, &settings.test_paths, "tests", problems) {
        // Fixtures are rows for unit tests.
        if file.below().starts_with("fixtures/") {
            continue;
        }
        if file.path.ends_with(".sql") {
            found.tests.push(file);
        } else if yaml(&file) {
            found.properties.push(file);
        }
    }
    found.tasks = walk(root, &settings.task_paths, "tasks", problems);
    found.tasks.retain(yaml);
    found.macros = walk(root, &settings.macro_paths, "macros", problems);
    found.macros.retain(|file| file.path.ends_with(".sql"));
    found
}

/// Every file below some folders, in the order of paths. Hidden files and folders are left out.
fn walk(root: &Path, folders: &[String], default: &str, problems: &mut Problems) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for folder in folders {
        let full = root.join(folder);
        if !full.is_dir() {
            if folder != default {
                problems.push(ProjectError::Invalid {
                    place: Place::of(PROJECT_FILE),
                    message: format!("there is no folder \"{folder}\" for {default}"),
                    hint: Some(format!(
                        "make the folder, or take it out of \"{}-paths\"",
                        default.trim_end_matches('s')
                    )),
                });
            }
            continue;
        }
        let paths = side_by_side(&full).unwrap_or_else(|_| {
            // What is wrong is told as one walk finds it.
            let entries = entries(WalkDir::new(&full))
                .filter_map(|entry| entry.map_err(|error| problems.push(unreadable(folder, &error))).ok());
            paths(entries)
        });
        for path in paths {
            let below = path.strip_prefix(&full).ok().and_then(Path::to_str);
            let Some(below) = below else {
                problems.push(ProjectError::Invalid {
                    place: Place::of(path.to_string_lossy().into_owned()),
                    message: "the file's name is not UTF-8".to_owned(),
                    hint: Some("give it another name".to_owned()),
                });
                continue;
            };
            found.push(Found {
                path: format!("{folder}/{below}").into(),
                base: folder.len() + 1,
            });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    // One folder may be in another.
    found.dedup_by(|a, b| a.path == b.path);
    found
}

/// Entries below a folder, without those that are hidden.
fn entries(walk: WalkDir) -> impl Iterator<Item = walkdir::Result<DirEntry>> {
    let is_shown = |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    walk.follow_links(true).into_iter().filter_entry(is_shown)
}

/// Those of entries that are files.
fn paths(entries: impl Iterator<Item = DirEntry>) -> Vec<PathBuf> {
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(DirEntry::into_path).collect()
}

/// The files below a folder: each of the folders in it is walked on its own.
fn side_by_side(folder: &Path) -> walkdir::Result<Vec<PathBuf>> {
    let here: Vec<DirEntry> =
        entries(WalkDir::new(folder).min_depth(1).max_depth(1)).collect::<walkdir::Result<_>>()?;
    let (folders, files): (Vec<DirEntry>, Vec<DirEntry>) =
        here.into_iter().partition(|entry| entry.file_type().is_dir());
    let below: Vec<Vec<PathBuf>> = folders
        .into_par_iter()
        .map(|folder| {
            let entries: Vec<DirEntry> = entries(WalkDir::new(folder.path())).collect::<walkdir::Result<_>>()?;
            Ok(paths(entries.into_iter()))
        })
        .collect::<walkdir::Result<_>>()?;
    let mut found = paths(files.into_iter());
    found.extend(below.into_iter().flatten());
    Ok(found)
}

fn unreadable(folder: &str, error: &walkdir::Error) -> ProjectError {
    let path = error.path().unwrap_or(Path::new(folder)).to_owned();
    if error.loop_ancestor().is_some() {
        return ProjectError::Invalid {
            place: Place::of(path.display().to_string()),
            message: "the link leads to a folder that it is in".to_owned(),
            hint: Some("take the link out".to_owned()),
        };
    }
    let kind = error.io_error().map_or(std::io::ErrorKind::Other, std::io::Error::kind);
    ProjectError::Read {
        place: Place::of(folder),
        path,
        error: kind.into(),
    }
}

/// The text of a file, without a byte order mark.
pub(crate) fn text(root: &Path, shown: &str) -> Result<String, ProjectError> {
    let path = root.join(shown);
    let unreadable = |error| ProjectError::Read {
        place: Place::of(shown),
        path: shown.into(),
        error,
    };
    let bytes = fs_err::read(&path).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(ProjectError::Invalid {
            place: Place::of(shown),
            message: format!(
                "the file has {} MB; files of a project have at most {} MB",
                bytes.len() >> 20,
                LARGEST_FILE >> 20
            ),
            hint: Some("rows of data belong into seeds, sources or fixtures".to_owned()),
        });
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].split(|&byte| byte == b'\n').count();
        ProjectError::Invalid {
            place: Place {
                position: Some((line as u32, 0)),
                ..Place::of(shown)
            },
            message: "the file is not UTF-8 from this line on".to_owned(),
            hint: Some("save it as UTF-8".to_owned()),
        }
    })?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

/// The texts of files, read side by side. Those that can't be read are said and left out.
pub(super) fn texts(root: &Path, files: Vec<Found>, problems: &mut Problems) -> Vec<(Found, Arc<str>)> {
    let read: Vec<Result<(Found, Arc<str>), ProjectError>> = files
        .into_par_iter()
        .with_min_len(16)
        .map(|file| {
            let text = text(root, &file.path)?;
            Ok((file, text.into()))
        })
        .collect();
    said(read, problems)
}

/// The texts of files of SQL, read side by side unless they are to be read `late`. Those that can't be read are said and
/// left out.
pub(super) fn sql(
    root: &Arc<Path>,
    files: Vec<Found>,
    late: bool,
    problems: &mut Problems,
) -> Vec<(Found, SourceText)> {
    let read: Vec<Result<(Found, SourceText), ProjectError>> = files
        .into_par_iter()
        .with_min_len(16)
        .map(|file| {
            let text = SourceText::unread(root, &file.path)?;
            if !late {
                text.read()?;
            }
            Ok((file, text))
        })
        .collect();
    said(read, problems)
}

/// What went well. The rest is said.
fn said<T>(results: Vec<Result<T, ProjectError>>, problems: &mut Problems) -> Vec<T> {
    let sound = results
        .into_iter()
        .filter_map(|result| result.map_err(|error| problems.push(error)).ok());
    sound.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_path_are_told_apart() {
        let file = |path: &str, base| Found {
            path: path.into(),
            base,
        };
        let nested = file("models/staging/web/stg_orders.sql", 7);
        assert_eq!(
            (nested.below(), nested.folder(), nested.stem()),
            ("staging/web/stg_orders", "staging/web", "stg_orders")
        );
        let plain = file("models/orders.v2.sql", 7);
        assert_eq!(
            (plain.below(), plain.folder(), plain.stem()),
            ("orders.v2", "", "orders.v2")
        );
        let dotted = file("models/a.b/orders", 7);
        assert_eq!(
            (dotted.below(), dotted.folder(), dotted.stem()),
            ("a.b/orders", "a.b", "orders")
        );
    }
}
