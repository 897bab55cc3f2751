//! Loads a project: finds its files, reads them side by side, and puts them together.

mod assemble;
mod files;
mod names;

use std::path::Path;

pub(crate) use files::text;

use crate::error::ProjectError;
use crate::profile;
use crate::project::{LoadOptions, Project};
use crate::properties::{TextHash, text_hash};
use crate::settings::ProjectFile;
use crate::shape::Problems;
use crate::{PROJECT_FILE, Settings, settings};

/// See [`Project::load`].
pub(crate) fn load(root: &Path, options: &LoadOptions) -> Result<Project, Vec<ProjectError>> {
    match partly(root, options) {
        (Some(project), problems) if problems.is_empty() => Ok(project),
        (_, problems) => Err(problems),
    }
}

/// See [`Project::load_partly`].
pub(crate) fn partly(root: &Path, options: &LoadOptions) -> (Option<Project>, Vec<ProjectError>) {
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    let mut problems = Problems::new();
    let file = match project_file(&root, &mut problems) {
        Ok(file) => file,
        Err(problems) => return (None, problems),
    };
    let chosen = profile::choose(&root, &file.0, options, &mut problems);
    let found = files::find(&root, &file.0.settings, &mut problems);
    let project = assemble::assemble(root, file, chosen, found, options, &mut problems);
    problems.sort_by(|a, b| order(a).cmp(&order(b)));
    (project, problems)
}

/// See [`Project::settings`].
pub(crate) fn settings(root: &Path) -> Result<Settings, Vec<ProjectError>> {
    let mut problems = Problems::new();
    let (file, _) = project_file(root, &mut problems)?;
    if problems.is_empty() {
        Ok(file.settings)
    } else {
        Err(problems)
    }
}

/// `refuel_project.yml` of a project, and the hash of its text. What is wrong with it is added to `problems`; the error is what makes it
/// unreadable.
fn project_file(root: &Path, problems: &mut Problems) -> Result<(ProjectFile, TextHash), Vec<ProjectError>> {
    if !root.join(PROJECT_FILE).is_file() {
        return Err(vec![ProjectError::NoProject { start: root.to_owned() }]);
    }
    let text = files::text(root, PROJECT_FILE).map_err(|error| vec![error])?;
    let file = settings::read(&text, problems).ok_or_else(|| std::mem::take(problems))?;
    Ok((file, text_hash(&text)))
}

/// Errors are told in the order of files and lines.
fn order(error: &ProjectError) -> Option<(&str, Option<(u32, u32)>)> {
    error.place().map(|place| (&*place.source, place.position))
}
