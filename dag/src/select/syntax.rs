//! The selection syntax: text to [`Selector`] and back.

use std::fmt;

use super::error::SelectError;
use crate::nearest;

/// The methods, as they are written before the colon. `config` is followed by a dot and the key.
pub(super) const METHODS: [&str; 13] = [
    "fqn",
    "path",
    "file",
    "tag",
    "task",
    "source",
    "config",
    "resource_type",
    "test_type",
    "test_name",
    "package",
    "state",
    "result",
];

/// What `resource_type:` takes.
pub const RESOURCE_TYPES: [&str; 7] = ["model", "seed", "source", "test", "unit_test", "evaluation", "task"];
/// What `test_type:` takes. `data` is `generic` and `singular` together.
pub const TEST_TYPES: [&str; 5] = ["generic", "singular", "data", "unit", "evaluation"];
/// What `result:` takes.
pub const RESULTS: [&str; 8] = ["success", "error", "fail", "warn", "skipped", "pass", "reused", "no-op"];

/// What `state:` compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateMethod {
    /// `modified`: there before, and something that changes its data is different.
    Modified,
    /// `modified.body`: its SQL, its variables or, for a seed, its content.
    ModifiedBody,
    /// `modified.config`: its settings.
    ModifiedConfig,
    /// `modified.task`: a task that it calls, so that inputs are asked again.
    ModifiedTask,
    /// `modified.regate`: a threshold or fallback of a task that it calls, so that no input is asked again.
    ModifiedRegate,
    /// `modified.metadata`: what only people read. `modified` alone leaves it out.
    ModifiedMetadata,
    /// `new`: not there before.
    New,
    /// `old`: there before, modified or not.
    Old,
    /// `unmodified`: there before, and the same but for what only people read.
    Unmodified,
}

impl StateMethod {
    const ALL: [(&'static str, Self); 9] = [
        ("modified", Self::Modified),
        ("modified.body", Self::ModifiedBody),
        ("modified.config", Self::ModifiedConfig),
        ("modified.task", Self::ModifiedTask),
        ("modified.regate", Self::ModifiedRegate),
        ("modified.metadata", Self::ModifiedMetadata),
        ("new", Self::New),
        ("old", Self::Old),
        ("unmodified", Self::Unmodified),
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, method)| *method == self)
            .map_or("", |(name, _)| name)
    }
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Method {
    /// A node's name, or the names of folders above it: `stg_orders`, `staging.stg_orders`, `staging`.
    Name,
    /// The node's file, or a folder above it, from the project's root.
    Path,
    /// The name of the node's file, with or without its ending.
    File,
    /// One of its tags.
    Tag,
    /// A task that it calls.
    Task,
    /// A source table, `S.T`, or all tables of a source, `S`.
    Source,
    /// A setting, by the keys that lead to it.
    Config(Vec<String>),
    /// Its type, of [`RESOURCE_TYPES`].
    ResourceType,
    /// The type of a test, of [`TEST_TYPES`].
    TestType,
    /// The test that a generic test applies, such as `unique`.
    TestName,
    /// The project that it belongs to.
    Package,
    /// How it compares with an earlier state.
    State(StateMethod),
    /// How it ended in an earlier run, of [`RESULTS`].
    Result,
}

/// How far a graph operator goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Depth {
    /// As far as there are edges.
    All,
    /// So many edges at most.
    Steps(u32),
}

/// One part of a selector: a method with its value, and the neighbours that come with what it finds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Criterion {
    /// `@`: what depends on it, with all that those depend on.
    pub around: bool,
    /// `+` in front.
    pub parents: Option<Depth>,
    /// What is compared.
    pub method: Method,
    /// With what.
    pub value: String,
    /// `+` at the end.
    pub children: Option<Depth>,
}

/// A parsed selector: a union of intersections. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector {
    /// The intersections.
    pub union: Vec<Vec<Criterion>>,
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// [`SelectError::Syntax`], [`SelectError::UnknownMethod`] and [`SelectError::UnknownValue`], with the column.
    pub fn parse(text: &str) -> Result<Self, SelectError> {
        let mut union = Vec::new();
        for (start, word) in split(text, char::is_whitespace) {
            if word.is_empty() {
                continue;
            }
            let parts = split(word, |character| character == ',');
            let intersection: Result<Vec<Criterion>, SelectError> = parts
                .into_iter()
                .map(|(at, part)| Reader { text, at: start + at }.criterion(part))
                .collect();
            union.push(intersection?);
        }
        if union.is_empty() {
            return Err(Reader { text, at: 0 }.syntax(
                0,
                "a selector is empty",
                Some("name a model, such as `stg_orders`"),
            ));
        }
        Ok(Self { union })
    }

    /// Reads several selectors as their union, as a command line gives them. None where there are none.
    pub fn parse_all<S: AsRef<str>>(texts: &[S]) -> Result<Option<Self>, SelectError> {
        let mut union = Vec::new();
        for text in texts {
            union.extend(Self::parse(text.as_ref())?.union);
        }
        Ok((!union.is_empty()).then_some(Self { union }))
    }

    /// The parts, in order.
    pub fn criteria(&self) -> impl Iterator<Item = &Criterion> {
        self.union.iter().flatten()
    }
}

/// Pieces between separators, each with the byte that it begins at.
fn split(text: &str, separator: impl Fn(char) -> bool) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, character) in text.char_indices() {
        if separator(character) {
            pieces.push((start, &text[start..at]));
            start = at + character.len_utf8();
        }
    }
    pieces.push((start, &text[start..]));
    pieces
}

/// Reads one criterion that begins `at` bytes into `text`.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn column(&self, offset: usize) -> usize {
        self.text[..self.at + offset].chars().count() + 1
    }

    fn syntax(&self, offset: usize, message: &str, hint: Option<&str>) -> SelectError {
        SelectError::Syntax {
            text: self.text.to_owned(),
            column: self.column(offset),
            message: message.to_owned(),
            hint: hint.map(str::to_owned),
        }
    }

    fn criterion(&self, part: &str) -> Result<Criterion, SelectError> {
        let mut offset = 0;
        let around = part.starts_with('@');
        let mut parents = None;
        if around {
            offset = 1;
        } else if let Some((depth, length)) = leading_operator(part) {
            parents = Some(depth.ok_or_else(|| self.syntax(0, "the number of steps is too large", None))?);
            offset = length;
        }
        let (body, children) = match trailing_operator(&part[offset..]) {
            Some((depth, begin)) => {
                let depth =
                    depth.ok_or_else(|| self.syntax(offset + begin, "the number of steps is too large", None))?;
                (&part[offset..offset + begin], Some(depth))
            }
            None => (&part[offset..], None),
        };
        if around && children.is_some() {
            let hint = "`@` takes in what depends on it already: leave the `+` out";
            return Err(self.syntax(offset + body.len(), "`@` and `+` don't go together", Some(hint)));
        }
        let (named, value_at) = self.method(body, offset)?;
        let value = &body[value_at..];
        if value.is_empty() {
            let message = if part.is_empty() {
                "nothing stands beside the comma"
            } else {
                "a name is missing"
            };
            return Err(self.syntax(offset + value_at, message, None));
        }
        if named.is_none() && value.starts_with(['+', '@']) {
            return Err(self.syntax(
                offset,
                "one operator is enough",
                Some("write `+name`, `2+name` or `@name`"),
            ));
        }
        let method = named.unwrap_or_else(|| Method::implied(value));
        let method = self.checked(method, value, offset + value_at)?;
        let value = match method {
            Method::Path => normalized_path(value).to_owned(),
            _ => value.to_owned(),
        };
        Ok(Criterion {
            around,
            parents,
            method,
            value,
            children,
        })
    }

    /// The method that is named, if one is, and where the value begins.
    fn method(&self, body: &str, offset: usize) -> Result<(Option<Method>, usize), SelectError> {
        let named = body.split_once(':').filter(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
        });
        let Some((name, _)) = named else {
            return Ok((None, 0));
        };
        let begin = name.len() + 1;
        let (head, rest) = name
            .split_once('.')
            .map_or((name, None), |(head, rest)| (head, Some(rest)));
        let method = match (head, rest) {
            ("fqn", None) => Method::Name,
            ("path", None) => Method::Path,
            ("file", None) => Method::File,
            ("tag", None) => Method::Tag,
            ("task", None) => Method::Task,
            ("source", None) => Method::Source,
            ("resource_type", None) => Method::ResourceType,
            ("test_type", None) => Method::TestType,
            ("test_name", None) => Method::TestName,
            ("package", None) => Method::Package,
            ("state", None) => Method::State(StateMethod::Modified),
            ("result", None) => Method::Result,
            ("config", Some(keys)) if keys.split('.').all(|key| !key.is_empty()) => {
                Method::Config(keys.split('.').map(str::to_owned).collect())
            }
            ("config", _) => {
                let hint = "write `config.materialized:table`";
                return Err(self.syntax(offset, "`config` is followed by a dot and a key", Some(hint)));
            }
            _ => {
                return Err(SelectError::UnknownMethod {
                    text: self.text.to_owned(),
                    column: self.column(offset),
                    method: name.to_owned(),
                    nearest: nearest(head, METHODS).map(|method| match method.as_str() {
                        "config" => "config.KEY".to_owned(),
                        _ => method,
                    }),
                });
            }
        };
        Ok((Some(method), begin))
    }

    /// The method with its value looked at.
    fn checked(&self, method: Method, value: &str, offset: usize) -> Result<Method, SelectError> {
        let unknown = |method: &str, known: Vec<&'static str>| SelectError::UnknownValue {
            text: self.text.to_owned(),
            column: self.column(offset),
            method: method.to_owned(),
            value: value.to_owned(),
            nearest: nearest(value, known.iter().copied()),
            known,
        };
        match &method {
            Method::State(_) => {
                let found = StateMethod::ALL.into_iter().find(|(name, _)| *name == value);
                let names = || StateMethod::ALL.into_iter().map(|(name, _)| name).collect();
                return found
                    .map(|(_, state)| Method::State(state))
                    .ok_or_else(|| unknown("state", names()));
            }
            Method::ResourceType if !RESOURCE_TYPES.contains(&value) => {
                return Err(unknown("resource_type", RESOURCE_TYPES.to_vec()));
            }
            Method::TestType if !TEST_TYPES.contains(&value) => return Err(unknown("test_type", TEST_TYPES.to_vec())),
            Method::Result if !RESULTS.contains(&value) => return Err(unknown("result", RESULTS.to_vec())),
            Method::ResourceType | Method::TestType | Method::Result => {}
            _ => {
                if let Err(error) = glob::Pattern::new(value) {
                    let at = value.char_indices().nth(error.pos).map_or(value.len(), |(at, _)| at);
                    return Err(self.syntax(
                        offset + at,
                        error.msg,
                        Some("`*`, `?` and `[abc]` stand for characters"),
                    ));
                }
            }
        }
        Ok(method)
    }
}

impl Method {
    /// What a value without a method is compared with: a path where it has a separator, a file where it ends as one
    /// does, else a name.
    fn implied(value: &str) -> Self {
        if value.contains('/') {
            Self::Path
        } else if FILE_ENDINGS.iter().any(|ending| value.ends_with(ending)) {
            Self::File
        } else {
            Self::Name
        }
    }
}

/// What the names of a project's files end in.
const FILE_ENDINGS: [&str; 7] = [".sql", ".yml", ".yaml", ".csv", ".tsv", ".jsonl", ".parquet"];

/// `./models/staging/` is `models/staging`; the project itself is `.`.
fn normalized_path(path: &str) -> &str {
    let mut rest = path;
    while let Some(inner) = rest.strip_prefix("./") {
        rest = inner.trim_start_matches('/');
    }
    match rest.trim_end_matches('/') {
        "" => ".",
        rest => rest,
    }
}

/// `+` or `2+` at the start: the depth, None where the number is too large, and the bytes that it takes.
fn leading_operator(text: &str) -> Option<(Option<Depth>, usize)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &text[digits..];
    rest.starts_with('+').then(|| (depth(&text[..digits]), digits + 1))
}

/// `+` or `+2` at the end: the depth, None where the number is too large, and the byte where it begins.
fn trailing_operator(text: &str) -> Option<(Option<Depth>, usize)> {
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let begin = text[..text.len() - digits].strip_suffix('+')?.len();
    Some((depth(&text[text.len() - digits..]), begin))
}

fn depth(digits: &str) -> Option<Depth> {
    if digits.is_empty() {
        return Some(Depth::All);
    }
    digits.parse().ok().map(Depth::Steps)
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, intersection) in self.union.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            for (at, criterion) in intersection.iter().enumerate() {
                if at > 0 {
                    f.write_str(",")?;
                }
                criterion.fmt(f)?;
            }
        }
        Ok(())
    }
}

impl Criterion {
    /// Whether a name would be read as something else if `fqn:` didn't stand before it.
    fn needs_method(&self) -> bool {
        let is_number = self.value.bytes().all(|byte| byte.is_ascii_digit());
        Method::implied(&self.value) != Method::Name
            || self.value.contains([':', '+', '@'])
            || (is_number && self.children.is_some())
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.around {
            f.write_str("@")?;
        }
        match self.parents {
            Some(Depth::All) => f.write_str("+")?,
            Some(Depth::Steps(steps)) => write!(f, "{steps}+")?,
            None => {}
        }
        match &self.method {
            // A name says what it is where it would otherwise be read as something else.
            Method::Name if self.needs_method() => f.write_str("fqn:")?,
            Method::Name => {}
            Method::Path => f.write_str("path:")?,
            Method::File => f.write_str("file:")?,
            Method::Tag => f.write_str("tag:")?,
            Method::Task => f.write_str("task:")?,
            Method::Source => f.write_str("source:")?,
            Method::Config(keys) => write!(f, "config.{}:", keys.join("."))?,
            Method::ResourceType => f.write_str("resource_type:")?,
            Method::TestType => f.write_str("test_type:")?,
            Method::TestName => f.write_str("test_name:")?,
            Method::Package => f.write_str("package:")?,
            Method::State(_) => f.write_str("state:")?,
            Method::Result => f.write_str("result:")?,
        }
        f.write_str(&self.value)?;
        if self.method == Method::Path && trailing_operator(&self.value).is_some() {
            f.write_str("/")?;
        }
        match self.children {
            Some(Depth::All) => f.write_str("+"),
            Some(Depth::Steps(steps)) => write!(f, "+{steps}"),
            None => Ok(()),
        }
    }
}
