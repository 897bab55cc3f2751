//! What `refuel init` writes: a project that runs at once, or one with nothing in it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use refuel_task::Place;

use crate::error::ProjectError;
use crate::shape::NAME;

/// What a new project holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Template {
    /// A seed of messages, a task that sorts them, models, tests and a report.
    #[default]
    Example,
    /// Settings and empty folders alone.
    Empty,
}

/// What stands for the project's name in the files.
const NAME_MARK: &str = "PROJECT_NAME";

/// Files with their texts.
const EXAMPLE: [(&str, &str); 13] = [
    (".gitignore", include_str!("files/gitignore")),
    ("README.md", include_str!("files/README.md")),
    (
        "models/marts/labelled_messages.sql",
        include_str!("files/models/marts/labelled_messages.sql"),
    ),
    ("models/marts/marts.yml", include_str!("files/models/marts/marts.yml")),
    (
        "models/marts/topic_report.sql",
        include_str!("files/models/marts/topic_report.sql"),
    ),
    (
        "models/staging/staging.yml",
        include_str!("files/models/staging/staging.yml"),
    ),
    (
        "models/staging/stg_messages.sql",
        include_str!("files/models/staging/stg_messages.sql"),
    ),
    ("profiles.yml", include_str!("files/profiles.yml")),
    ("refuel_project.yml", include_str!("files/refuel_project.yml")),
    ("seeds/messages.csv", include_str!("files/seeds/messages.csv")),
    ("seeds/seeds.yml", include_str!("files/seeds/seeds.yml")),
    ("tasks/message_topic.yml", include_str!("files/tasks/message_topic.yml")),
    (
        "tests/no_message_is_lost.sql",
        include_str!("files/tests/no_message_is_lost.sql"),
    ),
];

/// The same for a project with nothing in it. Git keeps no folder that is empty.
const EMPTY: [(&str, &str); 8] = [
    (".gitignore", include_str!("files/gitignore")),
    ("macros/.gitkeep", ""),
    ("models/.gitkeep", ""),
    ("profiles.yml", include_str!("files/empty/profiles.yml")),
    ("refuel_project.yml", include_str!("files/empty/refuel_project.yml")),
    ("seeds/.gitkeep", ""),
    ("tasks/.gitkeep", ""),
    ("tests/.gitkeep", ""),
];

impl Template {
    /// Its files, by their paths from the project's folder.
    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Example => &EXAMPLE,
            Self::Empty => &EMPTY,
        }
    }
}

/// The text of a file of the example, by its path, with the project called `library`.
pub fn example(path: &str) -> Option<String> {
    let (_, text) = EXAMPLE.iter().find(|(known, _)| *known == path)?;
    Some(text.replace(NAME_MARK, "library"))
}

/// The name of a project in a folder: the folder's, with `_` for what can't be in a name.
///
/// # Errors
/// [`ProjectError::Invalid`] where no name can be made of it.
pub fn name_of(folder: &Path) -> Result<String, ProjectError> {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let shown = absolute
        .components()
        .next_back()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .unwrap_or_default();
    let name: String = shown
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' })
        .collect();
    check_name(&name).map(|()| name)
}

/// Whether a text can be a project's name.
fn check_name(name: &str) -> Result<(), ProjectError> {
    (NAME.check)(name).map_err(|why| ProjectError::Invalid {
        place: Place::of("new project"),
        message: format!("\"{name}\" can't be its name{why}"),
        hint: Some(format!("give another, --name NAME: {}", NAME.example)),
    })
}

/// Writes a project of this name into a folder, which is made where it isn't there. Gives the paths of its files from
/// the folder, in order.
///
/// # Errors
/// [`ProjectError::Invalid`] for a name that can't be one; [`ProjectError::Exists`] where one of the files is there:
/// then nothing is written at all; [`ProjectError::Write`].
pub fn write(folder: &Path, name: &str, template: Template) -> Result<Vec<PathBuf>, ProjectError> {
    check_name(name)?;
    let files = template.files();
    if let Some((path, _)) = files
        .iter()
        .find(|(path, _)| folder.join(path).symlink_metadata().is_ok())
    {
        return Err(ProjectError::Exists {
            path: folder.join(path),
        });
    }
    let mut written = Vec::with_capacity(files.len());
    for (path, text) in files {
        let full = folder.join(path);
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => ProjectError::Exists { path: full.clone() },
            _ => ProjectError::Write {
                path: full.clone(),
                error,
            },
        };
        if let Some(parent) = full.parent() {
            fs_err::create_dir_all(parent).map_err(failed)?;
        }
        let file = fs_err::OpenOptions::new().write(true).create_new(true).open(&full);
        let text = text.replace(NAME_MARK, name);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(failed)?;
        written.push(PathBuf::from(path));
    }
    Ok(written)
}
