//! Configuration by folder: what `models:`, `seeds:` and `tests:` of `refuel_project.yml` say.

use std::sync::Arc;

use refuel_task::Place;
use refuel_task::yaml::{Content, Node};

use crate::config::Layered;
use crate::error::ProjectError;
use crate::shape::{Entries, Problems, suggestion};

/// Configuration of a folder, with that of the folders in it.
#[derive(Debug)]
pub(crate) struct FolderConfigs<C> {
    /// What holds for everything in this folder that has no nearer configuration.
    own: Arc<C>,
    folders: Vec<Folder<C>>,
}

#[derive(Debug)]
struct Folder<C> {
    /// The folder, or a file without its ending.
    name: String,
    place: Place,
    configs: FolderConfigs<C>,
}

impl<C: Layered> FolderConfigs<C> {
    /// Nothing is said.
    pub(crate) fn none() -> Self {
        Self::below(Arc::default(), Vec::new())
    }

    /// What a map says, that was checked. A folder with the project's name, outermost, is the project itself.
    pub(crate) fn read(node: Node, project: &str) -> Self {
        let place = node.place.clone();
        let Content::Map(entries) = node.content else {
            return Self::none();
        };
        let (mut own, rest): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(word, ..)| word != project);
        for (_, _, node) in rest {
            if let Content::Map(inner) = node.content {
                own.extend(inner);
            }
        }
        Self::of(&C::default(), own, place)
    }

    fn of(above: &C, entries: Vec<(String, Place, Node)>, place: Place) -> Self {
        let (config, folders): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(word, ..)| word.starts_with('+'));
        let config = config
            .into_iter()
            .map(|(word, place, node)| (word.trim_start_matches('+').to_owned(), place, node))
            .collect();
        let own = above.merged(Entries::of(config, place, C::KEYS));
        let folders = folders
            .into_iter()
            .filter_map(|(name, place, node)| {
                let Content::Map(entries) = node.content else {
                    return None;
                };
                let configs = Self::of(&own, entries, place.clone());
                Some(Folder { name, place, configs })
            })
            .collect();
        Self::below(Arc::new(own), folders)
    }

    fn below(own: Arc<C>, folders: Vec<Folder<C>>) -> Self {
        Self { own, folders }
    }

    /// The configuration of a file, by its path from the folder of models, without its ending: `staging/stg_orders`.
    pub(crate) fn of_path(&self, path: &str) -> &Arc<C> {
        let mut nearest = self;
        for part in path.split('/') {
            match nearest.folders.iter().find(|folder| folder.name == part) {
                Some(folder) => nearest = &folder.configs,
                None => break,
            }
        }
        &nearest.own
    }

    /// Whether nothing is said of any folder.
    pub(crate) fn is_flat(&self) -> bool {
        self.folders.is_empty()
    }

    /// Says which folders are not there. `paths` are those of all files, as for [`FolderConfigs::of_path`]; `what` they
    /// are: `model`.
    pub(crate) fn check(&self, paths: &[&str], what: &'static str, problems: &mut Problems) {
        for folder in &self.folders {
            folder.check(paths, "", what, problems);
        }
    }
}

impl<C> Folder<C> {
    fn check(&self, paths: &[&str], above: &str, what: &'static str, problems: &mut Problems) {
        let below = |path: &str| -> Option<String> { path.strip_prefix(above).map(ToOwned::to_owned) };
        let own = format!("{above}{}", self.name);
        let inner = format!("{own}/");
        if paths.iter().any(|path| **path == own || path.starts_with(&inner)) {
            for folder in &self.configs.folders {
                folder.check(paths, &inner, what, problems);
            }
            return;
        }
        let mut names: Vec<String> = paths
            .iter()
            .filter_map(|path| below(path))
            .filter_map(|path| path.split('/').next().map(ToOwned::to_owned))
            .collect();
        names.sort();
        names.dedup();
        problems.push(ProjectError::UnknownName {
            place: self.place.clone(),
            what,
            name: own,
            hint: if names.is_empty() {
                "take it out: there is nothing that it could be said of".to_owned()
            } else {
                suggestion(&self.name, names.iter().map(String::as_str), "there are")
            },
        });
    }
}
