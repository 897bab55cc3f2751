//! Reads `profiles.yml` and chooses a target.

use std::path::{Path, PathBuf};
use std::time::Duration;

use refuel_task::Place;
use refuel_task::yaml::{Content, Node};

use super::keys::{POSTGRES, PROFILE, SQLITE};
use super::{Connection, Extension, PostgresTarget, Secret, SqliteTarget, SslMode, Target, render_environment};
use crate::error::ProjectError;
use crate::project::LoadOptions;
use crate::settings::ProjectFile;
use crate::shape::{Entries, Object, Problems, Shape, check, suggestion};
use crate::{PROFILES_FILE, PROJECT_FILE};

/// The target of a project that has no `profiles.yml`.
const DEFAULT_TARGET: &str = "dev";
/// The SQLite file of a target that names none.
const DEFAULT_FILE: &str = "warehouse.sqlite3";
/// How many statements run at once unless told.
const THREADS: usize = 4;

/// The target that was chosen.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) target: Target,
    /// Names of all targets.
    pub(crate) targets: Vec<String>,
}

/// Chooses the target that the options name, or else the profile. None where something is wrong.
pub(crate) fn choose(
    root: &Path,
    project: &ProjectFile,
    options: &LoadOptions,
    problems: &mut Problems,
) -> Option<Chosen> {
    let Some((path, shown)) = find(root, options) else {
        return without_file(root, options, problems);
    };
    let text = match fs_err::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(ProjectError::Read {
                place: Place::of(shown.as_str()),
                path,
                error,
            });
            return None;
        }
    };
    let node = match Node::from_yaml(&text, &shown) {
        Ok(node) => node,
        Err(error) => {
            problems.push(error.into());
            return None;
        }
    };
    let node = select_profile(node, project, problems)?;
    let before = problems.len();
    check(&node, &Shape::Object(&PROFILE), problems);
    if problems.len() > before {
        return None;
    }
    let mut profile = Entries::open(node, &PROFILE)?;
    let place = profile.place.clone();
    let default = profile.take("target");
    let Content::Map(targets) = profile.take("targets")?.content else {
        return None;
    };
    let names: Vec<String> = targets.iter().map(|(name, ..)| name.clone()).collect();
    let (name, named_at) = match (&options.target, default) {
        (Some(name), _) => (name.clone(), Place::of(shown.as_str())),
        (None, Some(node)) => {
            let text = node.content.text()?;
            match render_environment(text, &options.env, &node.place) {
                Ok(name) => (name, node.place),
                Err(error) => {
                    problems.push(error);
                    return None;
                }
            }
        }
        (None, None) => {
            let [only] = names.as_slice() else {
                problems.push(several_targets(place, &names));
                return None;
            };
            (only.clone(), place)
        }
    };
    let Some((_, _, node)) = targets.into_iter().find(|(other, ..)| *other == name) else {
        problems.push(ProjectError::UnknownName {
            place: named_at,
            what: "target",
            hint: suggestion(&name, names.iter().map(String::as_str), "there are"),
            name,
        });
        return None;
    };
    let target = read_target(&name, node, root, &path, options, problems)?;
    Some(Chosen { target, targets: names })
}

/// The error for a profile that doesn't say which of its targets is used.
fn several_targets(place: Place, names: &[String]) -> ProjectError {
    if names.is_empty() {
        return ProjectError::Invalid {
            place,
            message: "the profile has no target".to_owned(),
            hint: Some("write one: targets: {dev: {type: sqlite}}".to_owned()),
        };
    }
    ProjectError::MissingKey {
        place,
        key: "target".to_owned(),
        context: "a profile with several targets".to_owned(),
        hint: format!("name the usual one: target: {}, or give --target", names.join(" or ")),
    }
}

/// The file, with what errors call it. None where there is none.
fn find(root: &Path, options: &LoadOptions) -> Option<(PathBuf, String)> {
    if let Some(folder) = &options.profiles_dir {
        let path = folder.join(PROFILES_FILE);
        let shown = path.display().to_string();
        return Some((path, shown));
    }
    let own = root.join(PROFILES_FILE);
    if own.is_file() {
        return Some((own, PROFILES_FILE.to_owned()));
    }
    let home = PathBuf::from(options.env.get("HOME")?)
        .join(".refuel")
        .join(PROFILES_FILE);
    let shown = home.display().to_string();
    home.is_file().then_some((home, shown))
}

/// A project without `profiles.yml` works on a SQLite file of its own.
fn without_file(root: &Path, options: &LoadOptions, problems: &mut Problems) -> Option<Chosen> {
    if let Some(name) = options.target.as_deref().filter(|name| *name != DEFAULT_TARGET) {
        problems.push(ProjectError::UnknownName {
            place: Place::of(PROJECT_FILE),
            what: "target",
            name: name.to_owned(),
            hint: format!("the project has no {PROFILES_FILE}: write one, with \"{name}\" below \"targets\""),
        });
        return None;
    }
    Some(Chosen {
        target: Target {
            name: DEFAULT_TARGET.to_owned(),
            place: Place::of(PROJECT_FILE),
            threads: THREADS,
            connection: Connection::Sqlite(SqliteTarget {
                path: root.join(DEFAULT_FILE),
            }),
        },
        targets: vec![DEFAULT_TARGET.to_owned()],
    })
}

/// The profile itself, where a file holds one; else the one that the project names.
fn select_profile(node: Node, project: &ProjectFile, problems: &mut Problems) -> Option<Node> {
    let Content::Map(entries) = &node.content else {
        check(&node, &Shape::Object(&PROFILE), problems);
        if matches!(node.content, Content::Null) {
            problems.push(ProjectError::Invalid {
                place: node.place,
                message: "the file is empty".to_owned(),
                hint: Some("write targets: {dev: {type: sqlite}}, or take the file out".to_owned()),
            });
        }
        return None;
    };
    let is_profile = entries
        .iter()
        .any(|(word, _, value)| word == "targets" || (word == "target" && !matches!(value.content, Content::Map(_))));
    // A file whose maps hold no targets is one profile with a word that is wrong.
    let holds_profiles = entries.iter().any(|(.., value)| match &value.content {
        Content::Map(inner) => inner.iter().any(|(word, ..)| word == "targets"),
        _ => false,
    });
    if is_profile || !holds_profiles {
        return Some(node);
    }
    let wanted = &project.settings.profile;
    let names: Vec<&str> = entries.iter().map(|(name, ..)| name.as_str()).collect();
    let Some(index) = names.iter().position(|name| name == wanted) else {
        problems.push(ProjectError::UnknownName {
            place: project.profile_place.clone().unwrap_or_else(|| node.place.clone()),
            what: "profile",
            name: wanted.clone(),
            hint: suggestion(wanted, names.iter().copied(), "there are"),
        });
        return None;
    };
    let Content::Map(mut entries) = node.content else {
        return None;
    };
    Some(entries.swap_remove(index).2)
}

fn read_target(
    name: &str,
    node: Node,
    root: &Path,
    file: &Path,
    options: &LoadOptions,
    problems: &mut Problems,
) -> Option<Target> {
    let before = problems.len();
    let Content::Map(entries) = node.content else {
        return None;
    };
    let kind = entries.iter().find(|(word, ..)| word == "type");
    let object = match kind.and_then(|(.., node)| node.content.text()) {
        Some("sqlite") => &SQLITE,
        _ => &POSTGRES,
    };
    let entries = entries
        .into_iter()
        .map(|(word, place, node)| {
            let node = rendered(&word, node, object, options, problems);
            (word, place, node)
        })
        .collect();
    let node = Node {
        place: node.place,
        content: Content::Map(entries),
    };
    check(&node, &Shape::Object(object), problems);
    if problems.len() > before {
        return None;
    }
    let mut entries = Entries::open(node, object)?;
    let place = entries.place.clone();
    let _ = entries.take("type");
    Some(Target {
        name: name.to_owned(),
        threads: entries.whole("threads").map_or(THREADS, |threads| threads as usize),
        connection: if std::ptr::eq(object, &raw const SQLITE) {
            let path = entries.filled("path").unwrap_or_else(|| DEFAULT_FILE.to_owned());
            Connection::Sqlite(SqliteTarget { path: root.join(path) })
        } else {
            Connection::Postgres(Box::new(read_postgres(&mut entries, file)))
        },
        place,
    })
}

/// A value with its environment variables put in. What becomes a number is one where one is wanted.
fn rendered(word: &str, node: Node, object: &'static Object, options: &LoadOptions, problems: &mut Problems) -> Node {
    let Content::Text(text) = &node.content else {
        return node;
    };
    if !text.contains("{{") {
        return node;
    }
    let text = match render_environment(text, &options.env, &node.place) {
        Ok(text) => text,
        Err(error) => {
            problems.push(error);
            return Node {
                place: node.place,
                content: Content::Null,
            };
        }
    };
    let is_number = matches!(
        object.key(word).map(|key| &key.shape),
        Some(Shape::Templated(Shape::Whole { .. }))
    );
    let content = match text.trim().parse::<u64>() {
        Ok(number) if is_number => Content::Number(number.into()),
        _ if text.is_empty() => Content::Null,
        _ => Content::Text(text),
    };
    Node {
        place: node.place,
        content,
    }
}

fn read_postgres(entries: &mut Entries, file: &Path) -> PostgresTarget {
    let modes = [
        SslMode::Disable,
        SslMode::Prefer,
        SslMode::Require,
        SslMode::VerifyCa,
        SslMode::VerifyFull,
    ]
    .map(|mode| (mode.name(), mode));
    let uses = [Extension::Auto, Extension::Required, Extension::Never].map(|used| (used.name(), used));
    let folder = file.parent().unwrap_or(Path::new(""));
    PostgresTarget {
        url: entries.filled("url").map(Secret::new),
        host: entries.filled("host"),
        port: entries.whole("port").map(|port| port as u16),
        user: entries.filled("user"),
        password: entries.text("password").map(Secret::new),
        database: entries.filled("database"),
        schema: entries.filled("schema").unwrap_or_else(|| "public".to_owned()),
        sslmode: entries.word("sslmode", &modes),
        sslrootcert: entries.filled("sslrootcert").map(|path| folder.join(path)),
        extension: entries.word("extension", &uses).unwrap_or_default(),
        connect_timeout: entries.duration("connect_timeout").unwrap_or(Duration::from_secs(10)),
        application_name: entries
            .filled("application_name")
            .unwrap_or_else(|| "refuel".to_owned()),
    }
}
