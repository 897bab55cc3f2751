//! Rendering texts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, OutputSpan, UndefinedBehavior};
use refuel_project::{Connection, Project};
use refuel_staging::Dialect;
use refuel_task::Place;
use serde_json::Map;

use super::locate;
use super::macros::declared;
use super::record::Rendered;
use super::scope::{Base, NAMES, Scope};
use crate::error::DagError;
use crate::fingerprint::{Fingerprint, Hasher};

/// Work that one text may do: each unit is an instruction or 64 bytes of output.
const FUEL: u64 = 2_000_000;

/// When a run began, and what it is called.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// `run_started_at`.
    pub(crate) started: Timestamp,
    /// `invocation_id`.
    pub(crate) invocation: Arc<str>,
}

impl Default for Moment {
    /// What is hashed: the same for every run.
    fn default() -> Self {
        Self {
            started: Timestamp::UNIX_EPOCH,
            invocation: "00000000-0000-0000-0000-000000000000".into(),
        }
    }
}

/// How a text is rendered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mode {
    /// What `is_incremental()` says.
    pub(crate) incremental: bool,
    /// The time and the id of the run.
    pub(crate) moment: Moment,
    /// Variables that outrank the project's.
    pub(crate) vars: Option<Arc<Map<String, serde_json::Value>>>,
    /// Environment variables that outrank the environment's.
    pub(crate) env: Option<Arc<Map<String, serde_json::Value>>>,
}

/// A text that is rendered.
#[derive(Debug, Clone)]
pub(crate) struct TemplateFile<'a> {
    /// What errors call it: the file, from the project's folder.
    pub(crate) path: &'a str,
    /// The text.
    pub(crate) text: &'a str,
    /// Settings from outside the file.
    pub(crate) base: Base,
}

/// What all renderings of a project share.
pub(super) struct Shared {
    pub(super) project: Arc<Project>,
    pub(super) dialect: Dialect,
    /// `target`.
    pub(super) target: Value,
    /// Macros by name, with their files.
    pub(super) macros: BTreeMap<Arc<str>, Arc<str>>,
}

/// Renders the texts of a project.
#[derive(Clone)]
pub(crate) struct Renderer {
    environment: Arc<Environment<'static>>,
    shared: Arc<Shared>,
    /// The time and the id of this run.
    pub(crate) moment: Moment,
}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renderer")
            .field("moment", &self.moment)
            .finish_non_exhaustive()
    }
}

impl Renderer {
    /// Takes the macros of a project in.
    ///
    /// # Errors
    /// Macros that don't parse, that have the name of a function, or that have each other's names.
    pub(crate) fn new(project: &Arc<Project>, moment: Moment) -> Result<Self, Vec<DagError>> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        let mut errors = Vec::new();
        let mut macros: BTreeMap<Arc<str>, Arc<str>> = BTreeMap::new();
        for file in &project.macros {
            if let Err(error) = environment.add_template_owned(file.path.to_string(), file.text.to_string()) {
                errors.push(locate::template_error(&error, &file.path, &file.text, &[]));
            }
            for (name, line) in declared(&file.text) {
                let place = Place {
                    source: Arc::clone(&file.path),
                    position: Some((line, 1)),
                    path: String::new(),
                };
                if NAMES.contains(&name) {
                    errors.push(DagError::Template {
                        place,
                        message: format!("a macro can't be called \"{name}\": it is a function of templates"),
                        hint: Some("give it another name".to_owned()),
                    });
                } else if let Some(first) = macros.insert(name.into(), Arc::clone(&file.path)) {
                    errors.push(DagError::Template {
                        place,
                        message: format!("a second macro is called \"{name}\"; the first is in {first}"),
                        hint: Some("give one of them another name".to_owned()),
                    });
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let dialect = match project.target.connection {
            Connection::Sqlite(_) => Dialect::Sqlite,
            Connection::Postgres(_) => Dialect::Postgres,
        };
        Ok(Self {
            environment: Arc::new(environment),
            shared: Arc::new(Shared {
                target: target(project),
                project: Arc::clone(project),
                dialect,
                macros,
            }),
            moment,
        })
    }

    /// The dialect of the target.
    pub(crate) fn dialect(&self) -> Dialect {
        self.shared.dialect
    }

    /// The project.
    pub(crate) fn project(&self) -> &Arc<Project> {
        &self.shared.project
    }

    /// Names and files of macros.
    pub(crate) fn macros(&self) -> impl Iterator<Item = (&str, &str)> {
        self.shared.macros.iter().map(|(name, file)| (&**name, &**file))
    }

    /// Hash of everything but the file, variables and environment that a rendered text depends on.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut hasher = Hasher::new("renderer");
        hasher.text(env!("CARGO_PKG_VERSION"));
        hasher.text(&self.shared.target.to_string());
        for file in &self.shared.project.macros {
            hasher.text(&file.path).text(&file.text);
        }
        hasher.finish()
    }

    /// Renders a text.
    ///
    /// # Errors
    /// What is wrong, with its place in the file that was written, or in that of a macro.
    pub(crate) fn render(&self, file: &TemplateFile<'_>, mode: &Mode) -> Result<Rendered, DagError> {
        if !is_template(file.text) {
            return Ok(Rendered {
                text: without_last_newline(file.text).to_owned(),
                ..Rendered::default()
            });
        }
        let scope = self.scope(file, mode);
        let text = self
            .environment
            .template_from_named_str(file.path, file.text)
            .and_then(|template| template.render(scope.context()))
            .map_err(|error| self.error(&error, file))?;
        let mut rendered = std::mem::take(&mut *scope.record());
        rendered.text = text;
        Ok(rendered)
    }

    /// Renders a text again, and says where its parts come from. Empty where it can't be rendered.
    pub(crate) fn spans(&self, file: &TemplateFile<'_>, mode: &Mode) -> Vec<OutputSpan> {
        let scope = self.scope(file, mode);
        self.environment
            .template_from_named_str(file.path, file.text)
            .and_then(|template| template.render_with_spans(scope.context()))
            .map(|(_, spans)| spans)
            .unwrap_or_default()
    }

    fn scope(&self, file: &TemplateFile<'_>, mode: &Mode) -> Arc<Scope> {
        Arc::new(Scope::new(Arc::clone(&self.shared), mode.clone(), file.base.clone()))
    }

    fn error(&self, error: &minijinja::Error, file: &TemplateFile<'_>) -> DagError {
        let names: Vec<&str> = NAMES.into_iter().chain(self.macros().map(|(name, _)| name)).collect();
        let path = error.name().unwrap_or(file.path);
        let text = if path == file.path {
            file.text
        } else {
            let macros = self.shared.project.macros.iter();
            macros
                .filter(|file| &*file.path == path)
                .map(|file| &*file.text)
                .next()
                .unwrap_or_default()
        };
        match locate::template_error(error, path, text, &names) {
            DagError::MissingVariable { place, name, .. } => {
                let known = self.shared.project.vars.keys().map(String::as_str);
                let nearest = crate::error::nearest(&name, known);
                DagError::MissingVariable { place, name, nearest }
            }
            error => error,
        }
    }
}

/// Whether there is anything to render.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// As templates have it: one line end at the very end does not count.
fn without_last_newline(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// `target`: what a template may know of the database. Passwords, users and addresses are not in it.
fn target(project: &Project) -> Value {
    let target = &project.target;
    let database = match &target.connection {
        Connection::Sqlite(sqlite) => sqlite
            .path
            .file_stem()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        Connection::Postgres(postgres) => postgres.database.clone().unwrap_or_default(),
    };
    Value::from_pairs([
        ("name", Value::from(target.name.as_str())),
        ("type", Value::from(target.kind())),
        ("schema", Value::from(target.schema().unwrap_or_default())),
        ("database", Value::from(database.as_str())),
        ("dbname", Value::from(database.as_str())),
        ("threads", Value::from(target.threads)),
    ])
}
