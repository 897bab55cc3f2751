//! What this crate promises to those who use it.

mod errors;
mod folders;
mod full;
mod hostile;
mod profiles;
mod scaffold;

use std::path::Path;

use refuel_project::{Environment, LoadOptions, Project, ProjectError};
use tempfile::TempDir;

/// A folder with these files.
fn files(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    folder
}

/// Options that see nothing of the machine's own environment.
fn options() -> LoadOptions {
    LoadOptions {
        env: Environment::Fixed([].into()),
        ..LoadOptions::default()
    }
}

/// Loads a project of these files. `name: shop` is there unless they say otherwise.
fn load(given: &[(&str, &str)]) -> Result<Project, Vec<ProjectError>> {
    let mut all = Vec::new();
    if !given.iter().any(|(path, _)| *path == "refuel_project.yml") {
        all.push(("refuel_project.yml", "name: shop\n"));
    }
    all.extend(given);
    let folder = files(&all);
    Project::load(folder.path(), &options())
}

/// The same, for files that are right.
fn loaded(given: &[(&str, &str)]) -> Project {
    load(given).unwrap_or_else(|errors| panic!("{}", told(&errors)))
}

/// Everything that is wrong with these files, as a person reads it.
fn wrong(given: &[(&str, &str)]) -> String {
    told(&load(given).expect_err("something is wrong"))
}

fn told(errors: &[ProjectError]) -> String {
    let told: Vec<String> = errors
        .iter()
        .map(|error| match error.hint() {
            Some(hint) => format!("{} {error}\n    {hint}", error.code()),
            None => format!("{} {error}", error.code()),
        })
        .collect();
    told.join("\n")
}

/// The project of this crate's tests that has every key.
fn full() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/full"))
}
