//! Names of files that become names in a database.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use refuel_task::Place;

use super::files::Found;
use crate::error::ProjectError;
use crate::shape::{NAME, Problems, at_most};

/// What the names of relations that are made beside a model end with.
const BESIDE: [&str; 4] = ["__gated", "__accepted", "__review", "__rejected"];

/// Longest name of a model: what fits into a Postgres identifier with `__rejected` behind it.
const LONGEST: usize = 52;

/// Whether a file's name can be that of a relation; what is wrong is said. `what` it is: `model`.
pub(super) fn is_name(file: &Found, what: &str, problems: &mut Problems) -> bool {
    let name = file.stem();
    let wrong = if let Err(why) = (NAME.check)(name).and_then(|()| at_most(name, LONGEST)) {
        Some((why, format!("rename the file: a {what} is named by {}", NAME.example)))
    } else if name.starts_with("_refuel") || name.starts_with("__refuel") {
        Some((
            ": names with that beginning are our own".to_owned(),
            "rename the file".to_owned(),
        ))
    } else {
        BESIDE.iter().find(|ending| name.ends_with(*ending)).map(|ending| {
            (
                format!(": \"{ending}\" is the ending of what is made beside a model"),
                "rename the file".to_owned(),
            )
        })
    };
    let Some((why, hint)) = wrong else { return true };
    problems.push(ProjectError::Invalid {
        place: Place::of(file.path.clone()),
        message: format!("\"{name}\" can't be the name of a {what}{why}"),
        hint: Some(hint),
    });
    false
}

/// Names that are there already. Case doesn't tell names apart, since it doesn't in SQL.
#[derive(Default)]
pub(super) struct Taken {
    names: HashMap<String, (String, Arc<str>)>,
}

impl Taken {
    /// Takes a name; says so where it is taken. `what` takes it: `a model`.
    pub(super) fn take(&mut self, file: &Found, what: &str, problems: &mut Problems) -> bool {
        let name = file.stem();
        match self.names.entry(name.to_ascii_lowercase()) {
            Entry::Vacant(entry) => {
                entry.insert((name.to_owned(), file.path.clone()));
                true
            }
            Entry::Occupied(entry) => {
                let (other, path) = entry.get();
                let differing = if other == name { "" } else { " but for case" };
                problems.push(ProjectError::Duplicate {
                    place: Place::of(file.path.clone()),
                    what: format!("{what} named \"{name}\"{differing}"),
                    first: Place::of(path.clone()),
                    hint: "rename one of the two files".to_owned(),
                });
                false
            }
        }
    }
}
