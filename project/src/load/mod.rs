//! Loads a project: finds its files, reads them side by side, and puts them together.

mod assemble;
mod files;
mod names;

use std::path::Path;

use crate::error::ProjectError;
use crate::profile;
use crate::project::{LoadOptions, Project};
use crate::shape::Problems;
use crate::{PROJECT_FILE, settings};

/// See [`Project::load`].
pub(crate) fn load(root: &Path, options: &LoadOptions) -> Result<Project, Vec<ProjectError>> {
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    let mut problems = Problems::new();
    let path = root.join(PROJECT_FILE);
    if !path.is_file() {
        return Err(vec![ProjectError::NoProject { start: root }]);
    }
    let text = files::text(&root, PROJECT_FILE).map_err(|error| vec![error])?;
    let Some(file) = settings::read(&text, &mut problems) else {
        return Err(problems);
    };
    let chosen = profile::choose(&root, &file, options, &mut problems);
    let found = files::find(&root, &file.settings, &mut problems);
    let project = assemble::assemble(root, file, chosen, found, options, &mut problems);
    match project {
        Some(project) if problems.is_empty() => Ok(project),
        _ => {
            problems.sort_by(|a, b| order(a).cmp(&order(b)));
            Err(problems)
        }
    }
}

/// Errors are told in the order of files and lines.
fn order(error: &ProjectError) -> Option<(&str, Option<(u32, u32)>)> {
    error.place().map(|place| (&*place.source, place.position))
}
