//! The keys of configuration.

use refuel_task::yaml::{Content, Node};
use refuel_task::{Place, yaml::YamlError};
use serde_json::Value;

use crate::error::ProjectError;
use crate::shape::{CHARACTER, COMPARISON, Entries, Key, MOST, NAME, Object, Problems, Shape, check};

/// Configuration of a model.
pub(crate) static MODEL_CONFIG: Object = Object::new(
    "model_config",
    "the configuration of a model",
    &[
        Key::new(
            "materialized",
            Shape::Word(&["view", "table", "incremental", "ephemeral"]),
            "How the model is kept: as a view (unless told), a table, a table that each build adds to, or not at all.",
        ),
        Key::new(
            "unique_key",
            Shape::OneOrMore(&Shape::Text),
            "For incremental models: the column, or columns, that tell rows apart.",
        ),
        Key::new(
            "incremental_strategy",
            Shape::Word(&["append", "merge", "delete+insert"]),
            "How new rows are taken in; `merge` where there is a unique_key, and `append` where there is none.",
        ),
        Key::new(
            "on_schema_change",
            Shape::Word(&["ignore", "fail", "append_new_columns", "sync_all_columns"]),
            "What happens where an incremental model has other columns than its table; `ignore` unless told.",
        ),
        Key::new(
            "tags",
            Shape::OneOrMore(&Shape::Text),
            "Words to select it by. Those of folders are added.",
        ),
        Key::new("enabled", Shape::Flag, "Whether it is part of the project."),
        Key::new(
            "schema",
            Shape::Formed(&NAME),
            "The schema that it is made in, instead of the target's.",
        ),
        Key::new(
            "alias",
            Shape::Formed(&NAME),
            "The relation's name, instead of the model's.",
        ),
        Key::new(
            "contract",
            Shape::Object(&CONTRACT),
            "Whether columns and their types must be as the properties declare them.",
        ),
        Key::new(
            "gates",
            Shape::Flag,
            "Whether rows carry what became of the answers behind them, for ref('m.accepted'), ref('m.review') and \
             ref('m.rejected').",
        ),
        Key::new(
            "full_refresh",
            Shape::Flag,
            "For incremental models: whether each build makes it anew, whatever the command line says.",
        ),
        Key::new(
            "pre_hook",
            Shape::OneOrMore(&Shape::Text),
            "SQL that runs before it is built. Hooks of folders run first.",
        ),
        Key::new(
            "post_hook",
            Shape::OneOrMore(&Shape::Text),
            "SQL that runs after it was built. Hooks of folders run first.",
        ),
        Key::new("meta", Shape::Map(&Shape::Anything), "Whatever people want to note."),
        Key::new(
            "on_error",
            Shape::Word(&["fail", "null", "capture"]),
            "What happens to a row that a task can't answer, whatever the task says.",
        ),
        Key::new(
            "max_rows",
            COUNT,
            "The most distinct inputs that its calls may ask in a run.",
        ),
        Key::new("max_tokens", COUNT, "The most tokens that its calls may cost in a run."),
        Key::new(
            "max_minutes",
            MINUTES,
            "The longest that its calls may take in a run, by the speed measured before.",
        ),
    ],
)
.with_hyphens()
.by_folder("model_folders");

/// A contract.
pub(crate) static CONTRACT: Object = Object::new(
    "contract",
    "a contract",
    &[Key::new(
        "enforced",
        Shape::Flag,
        "Whether a model with other columns or types than declared fails.",
    )],
);

/// Configuration of a seed.
pub(crate) static SEED_CONFIG: Object = Object::new(
    "seed_config",
    "the configuration of a seed",
    &[
        Key::new(
            "column_types",
            Shape::Map(&Shape::Text),
            "Types of columns, by name, as the target's database calls them.",
        ),
        Key::new(
            "delimiter",
            Shape::Formed(&CHARACTER),
            "The character between fields of a CSV file.",
        ),
        Key::new(
            "tags",
            Shape::OneOrMore(&Shape::Text),
            "Words to select it by. Those of folders are added.",
        ),
        Key::new("enabled", Shape::Flag, "Whether it is part of the project."),
        Key::new(
            "schema",
            Shape::Formed(&NAME),
            "The schema that it is made in, instead of the target's.",
        ),
        Key::new(
            "alias",
            Shape::Formed(&NAME),
            "The relation's name, instead of the seed's.",
        ),
        Key::new(
            "full_refresh",
            Shape::Flag,
            "Whether it is loaded anew even where the file is the same.",
        ),
        Key::new(
            "pre_hook",
            Shape::OneOrMore(&Shape::Text),
            "SQL that runs before it is loaded.",
        ),
        Key::new(
            "post_hook",
            Shape::OneOrMore(&Shape::Text),
            "SQL that runs after it was loaded.",
        ),
        Key::new("meta", Shape::Map(&Shape::Anything), "Whatever people want to note."),
    ],
)
.with_hyphens()
.by_folder("seed_folders");

/// Configuration of a test.
pub(crate) static TEST_CONFIG: Object = Object::new(
    "test_config",
    "the configuration of a test",
    &[
        Key::new(
            "severity",
            Shape::Word(&["error", "warn"]),
            "What a failure means at most; `error` unless told.",
        ),
        Key::new(
            "warn_if",
            Shape::Formed(&COMPARISON),
            "The count of failures at which it warns; `!= 0` unless told.",
        ),
        Key::new(
            "error_if",
            Shape::Formed(&COMPARISON),
            "The count of failures at which it is an error; `!= 0` unless told.",
        ),
        Key::new(
            "store_failures",
            Shape::Flag,
            "Whether the rows that fail are kept in a table.",
        ),
        Key::new(
            "where",
            Shape::Text,
            "A condition in SQL: only the rows for which it holds are tested.",
        ),
        Key::new(
            "limit",
            Shape::Whole { least: 1, most: MOST },
            "The most failures that are counted and kept.",
        ),
        Key::new("enabled", Shape::Flag, "Whether it is part of the project."),
        Key::new(
            "tags",
            Shape::OneOrMore(&Shape::Text),
            "Words to select it by. Those of folders are added.",
        ),
        Key::new("meta", Shape::Map(&Shape::Anything), "Whatever people want to note."),
    ],
)
.with_hyphens()
.by_folder("test_folders");

/// A number of things that may be none.
pub(crate) const COUNT: Shape = Shape::Whole { least: 0, most: MOST };
/// A length of time in minutes.
pub(crate) const MINUTES: Shape = Shape::Number {
    least: 0.0,
    most: f64::INFINITY,
};

/// Configuration that can be said by folder, in properties and in a file, each outranking the one before.
pub(crate) trait Layered: Clone + Default {
    /// Its keys.
    const KEYS: &'static Object;

    /// This with what is said nearer.
    fn merged(&self, from: Entries) -> Self;

    /// The same for a value that was not checked.
    fn with_value(&self, from: &Value, place: &Place) -> Result<Self, Vec<ProjectError>> {
        let mut problems = Problems::new();
        let node = Node::from_json(from, &place.source).map_err(|error: YamlError| vec![error.into()])?;
        let mut node = placed(node, place);
        "config".clone_into(&mut node.place.path);
        check(&node, &Shape::Object(Self::KEYS), &mut problems);
        match Entries::open(node, Self::KEYS) {
            Some(entries) if problems.is_empty() => Ok(self.merged(entries)),
            _ => Err(problems),
        }
    }
}

/// Gives every value the position of the place that all of it was written at; the paths stay.
fn placed(node: Node, place: &Place) -> Node {
    let put = |own: Place| Place {
        position: place.position,
        ..own
    };
    let content = match node.content {
        Content::List(items) => Content::List(items.into_iter().map(|item| placed(item, place)).collect()),
        Content::Map(entries) => Content::Map(
            entries
                .into_iter()
                .map(|(key, at, value)| (key, put(at), placed(value, place)))
                .collect(),
        ),
        scalar => scalar,
    };
    Node {
        place: put(node.place),
        content,
    }
}

/// Adds words that are not there yet.
pub(crate) fn add_words(words: &mut Vec<String>, more: Vec<String>) {
    for word in more {
        if !words.contains(&word) {
            words.push(word);
        }
    }
}

/// The nearer word, where there is one.
pub(crate) fn set<T>(value: &mut T, nearer: Option<T>) {
    if let Some(nearer) = nearer {
        *value = nearer;
    }
}

/// The same for what may not have been said at all.
pub(crate) fn set_some<T>(value: &mut Option<T>, nearer: Option<T>) {
    if nearer.is_some() {
        *value = nearer;
    }
}
