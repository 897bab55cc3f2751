//! Rendering and parsing the files of models and singular tests, all at once, each only where it changed.

use std::sync::Arc;

use minijinja::OutputSpan;
use rayon::prelude::*;
use refuel_project::{ModelConfig, SourceText, TestConfig};
use refuel_staging::{Analyzed, Facts, Position, StagingError};
use refuel_task::Place;

use super::Notes;
use crate::cache::{Cache, Kept, KeptText, to_bytes};
use crate::dag::Message;
use crate::error::{DagError, Warning};
use crate::fingerprint::Fingerprint;
use crate::render::{
    Asked, Base, Mode, Renderer, TemplateFile, Uses, call_place, offset_of, place_at, repeated_settings, source_of,
    text_hash, value_hash,
};

/// A file's text after rendering and parsing, before its references are resolved.
#[derive(Debug, Clone)]
pub(super) struct Parsed {
    pub(super) marked: Arc<str>,
    pub(super) asked: Vec<Asked>,
    pub(super) facts: Arc<Facts>,
}

impl From<KeptText> for Parsed {
    fn from(kept: KeptText) -> Self {
        let (marked, asked, facts) = kept.into_parts();
        Self {
            marked,
            asked,
            facts: Arc::new(facts),
        }
    }
}

/// The settings of a file's node.
#[derive(Debug, Clone)]
pub(super) enum Config {
    Model(Arc<ModelConfig>),
    Test(Arc<TestConfig>),
}

/// A file that was rendered and parsed.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: Arc<str>,
    pub(super) path: Arc<str>,
    pub(super) raw: SourceText,
    pub(super) config: Config,
    /// None where the node is disabled.
    pub(super) full: Option<Parsed>,
    pub(super) incremental: Option<Parsed>,
    pub(super) volatile: bool,
    /// Hash of everything above but the settings from outside. None where it can't be told.
    pub(super) made: Option<Fingerprint>,
    messages: Vec<(String, bool)>,
}

impl File {
    pub(super) fn messages(&self) -> impl Iterator<Item = Message> + '_ {
        self.messages.iter().map(|(text, info)| Message {
            path: Arc::clone(&self.path),
            text: text.clone(),
            info: *info,
        })
    }

    /// The start of the file.
    pub(super) fn place(&self) -> Place {
        start(&self.path)
    }

    /// Where a reference is written, as near as can be told.
    pub(super) fn place_of(&self, asked: &Asked) -> Place {
        match asked {
            Asked::Ref {
                project: Some(project),
                name,
                part: None,
            } => call_place(&self.path, self.raw.shown(), "ref", &[project, name]),
            Asked::Ref { name, part, .. } => {
                let written = part.map_or_else(|| name.clone(), |part| format!("{name}.{part}"));
                call_place(&self.path, self.raw.shown(), "ref", &[&written])
            }
            Asked::Source { source, table } => call_place(&self.path, self.raw.shown(), "source", &[source, table]),
            Asked::This => self.place(),
        }
    }
}

/// All files that were rendered and parsed, by kind, in the project's order.
pub(super) struct Files {
    pub(super) models: Vec<File>,
    pub(super) tests: Vec<File>,
    /// How many were not in the cache.
    pub(super) rendered: usize,
}

/// What became of one file.
struct Outcome {
    file: Option<File>,
    /// What is to be kept, where the file was rendered now.
    fresh: Option<Vec<u8>>,
    rendered: bool,
    warnings: Vec<Warning>,
    errors: Vec<DagError>,
}

/// Renders and parses every file of models and singular tests.
pub(super) fn read(renderer: &Renderer, cache: &mut Cache, notes: &mut Notes) -> Files {
    let project = Arc::clone(renderer.project());
    let models: Vec<Item<'_>> = project
        .models
        .values()
        .map(|model| Item {
            name: &model.name,
            path: &model.path,
            text: &model.sql,
            base: Config::Model(Arc::clone(&model.config)),
        })
        .collect();
    let tests: Vec<Item<'_>> = project
        .tests
        .values()
        .map(|test| Item {
            name: &test.name,
            path: &test.path,
            text: &test.sql,
            base: Config::Test(Arc::clone(&test.config)),
        })
        .collect();
    let mut rendered = 0;
    let mut of = |items: Vec<Item<'_>>| {
        let known: &Cache = cache;
        let outcomes: Vec<Outcome> = items.par_iter().map(|item| item.outcome(renderer, known)).collect();
        let mut files = Vec::with_capacity(outcomes.len());
        for (item, outcome) in items.iter().zip(outcomes) {
            files.extend(outcome.file);
            notes.warnings.extend(outcome.warnings);
            notes.errors.extend(outcome.errors);
            rendered += usize::from(outcome.rendered);
            if let Some(kept) = outcome.fresh {
                cache.keep(item.path, kept);
            }
        }
        files
    };
    let models = of(models);
    let tests = of(tests);
    Files {
        models,
        tests,
        rendered,
    }
}

/// A file that is to be rendered.
struct Item<'a> {
    name: &'a Arc<str>,
    path: &'a Arc<str>,
    text: &'a SourceText,
    base: Config,
}

impl Item<'_> {
    fn outcome(&self, renderer: &Renderer, cache: &Cache) -> Outcome {
        let mut outcome = Outcome {
            file: None,
            fresh: None,
            rendered: false,
            warnings: Vec::new(),
            errors: Vec::new(),
        };
        let (kept, made) = match self.known(renderer, cache, &mut outcome) {
            Ok(known) => known,
            Err(error) => {
                outcome.errors.push(error);
                return outcome;
            }
        };
        for message in &kept.warnings {
            outcome.warnings.push(Warning {
                place: start(self.path),
                message: message.clone(),
                hint: None,
            });
        }
        let config = match self.config(&kept) {
            Ok(config) => config,
            Err(errors) => {
                outcome.errors.extend(errors);
                return outcome;
            }
        };
        outcome.file = Some(File {
            name: Arc::clone(self.name),
            path: Arc::clone(self.path),
            raw: self.text.clone(),
            config,
            full: kept.full.map(Parsed::from),
            incremental: kept.incremental.map(Parsed::from),
            volatile: kept.uses.volatile,
            made,
            messages: kept.messages,
        });
        outcome
    }

    /// What is known of the file, and the hash of that: from the cache, or by rendering it now.
    fn known(
        &self,
        renderer: &Renderer,
        cache: &Cache,
        outcome: &mut Outcome,
    ) -> Result<(Kept, Option<Fingerprint>), DagError> {
        let known = cache.file(self.path);
        let known = known.filter(|(kept, _)| self.is_current(&kept.uses, renderer));
        let stamp = self.text.stamp();
        let (known, text, hash) = match known {
            Some((kept, head)) if stamp.is_some() && head.stamp == stamp => return Ok((kept, Some(head.made))),
            known => {
                let text = self.text.read()?;
                let hash = text_hash(text);
                (known.filter(|(kept, _)| kept.text == hash), text, hash)
            }
        };
        let kept = match known {
            Some((kept, head)) if stamp.is_none() => return Ok((kept, Some(head.made))),
            Some((kept, _)) => kept,
            None => {
                outcome.rendered = true;
                self.fresh(renderer, text, hash)?
            }
        };
        let (bytes, made) = to_bytes(&kept, stamp, self.path).unzip();
        outcome.fresh = bytes;
        Ok((kept, made))
    }

    fn base(&self) -> Base {
        match &self.base {
            Config::Model(config) => Base::Model(Arc::clone(config)),
            Config::Test(config) => Base::Test(Arc::clone(config)),
        }
    }

    fn template<'a>(&'a self, text: &'a str) -> TemplateFile<'a> {
        TemplateFile {
            path: self.path,
            text,
            base: self.base(),
        }
    }

    /// Whether everything that was looked at is still the same.
    fn is_current(&self, uses: &Uses, renderer: &Renderer) -> bool {
        let project = renderer.project();
        let base = self.base();
        let same = |used: &crate::render::Used, now: &dyn Fn(&str) -> Option<Fingerprint>| {
            used.iter().all(|(name, hash)| *hash == now(name))
        };
        same(&uses.vars, &|name| project.vars.get(name).map(value_hash))
            && same(&uses.env, &|name| project.env.get(name).as_deref().map(text_hash))
            && same(&uses.config, &|name| base.get(name).as_ref().map(value_hash))
    }

    /// Renders and parses the file.
    fn fresh(&self, renderer: &Renderer, text: &str, hash: Fingerprint) -> Result<Kept, DagError> {
        let file = self.template(text);
        let full = renderer.render(&file, &Mode::default())?;
        if let Some((key, at)) = repeated_settings(text).first() {
            return Err(DagError::Settings {
                place: place_at(self.path, text, *at),
                message: format!("config() sets \"{key}\" twice"),
                hint: Some("keep one of the two".to_owned()),
            });
        }
        let mut uses = full.uses;
        let enabled = full
            .config
            .as_ref()
            .and_then(|config| config.get("enabled"))
            .and_then(serde_json::Value::as_bool)
            .unwrap_or_else(|| self.base.is_enabled());
        let parse = |text: String, asked: Vec<Asked>, mode: &Mode| match Analyzed::facts(&text, renderer.dialect()) {
            Ok(facts) => Ok(KeptText::new(text, asked, facts)),
            Err(error) => Err(sql_error(&error, &text, &file, renderer, mode)),
        };
        let mut kept = Kept {
            text: hash,
            uses: Uses::default(),
            config: full.config.map(|config| serde_json::Value::Object(config).to_string()),
            full: None,
            incremental: None,
            messages: full.messages,
            warnings: full.warnings,
        };
        if enabled {
            if uses.incremental {
                let mode = Mode {
                    incremental: true,
                    ..Mode::default()
                };
                let other = renderer.render(&file, &mode)?;
                uses.merge(other.uses);
                kept.incremental = Some(parse(other.text, other.asked, &mode)?);
            }
            kept.full = Some(parse(full.text, full.asked, &Mode::default())?);
        }
        kept.uses = uses;
        Ok(kept)
    }

    /// The settings from outside with those of the file on top.
    fn config(&self, kept: &Kept) -> Result<Config, Vec<DagError>> {
        let Some(said) = &kept.config else {
            return Ok(self.base.clone());
        };
        let said: serde_json::Value = serde_json::from_str(said).unwrap_or_default();
        let with = |place: &Place| match &self.base {
            Config::Model(base) => base.with(&said, place).map(|config| Config::Model(Arc::new(config))),
            Config::Test(base) => base.with(&said, place).map(|config| Config::Test(Arc::new(config))),
        };
        // The place is in errors alone, and takes a look at the text.
        let config =
            with(&start(self.path)).or_else(|_| with(&call_place(self.path, self.text.shown(), "config", &[])));
        config.map_err(|errors| errors.into_iter().map(DagError::from).collect())
    }
}

impl Config {
    pub(super) fn is_enabled(&self) -> bool {
        match self {
            Self::Model(config) => config.is_enabled(),
            Self::Test(config) => config.enabled.unwrap_or(true),
        }
    }
}

/// The start of a file.
fn start(path: &Arc<str>) -> Place {
    Place {
        source: Arc::clone(path),
        position: Some((1, 1)),
        path: String::new(),
    }
}

/// An error in rendered SQL, with its place in the file that was written.
pub(super) fn sql_error(
    error: &StagingError,
    rendered: &str,
    file: &TemplateFile<'_>,
    renderer: &Renderer,
    mode: &Mode,
) -> DagError {
    let spans = renderer.spans(file, mode);
    DagError::Sql {
        place: source_place(error.position(), rendered, &spans, file),
        message: error.to_string(),
        hint: error.hint(),
    }
}

/// The place in the file of a position in what was rendered from it.
pub(super) fn source_place(position: Position, rendered: &str, spans: &[OutputSpan], file: &TemplateFile<'_>) -> Place {
    if position.line == 0 {
        return place_at(file.path, file.text, 0);
    }
    let offset = offset_of(rendered, position.line as usize, position.column as usize);
    // A text without a template in it is rendered as it is.
    let source = source_of(spans, offset).unwrap_or(offset);
    place_at(file.path, file.text, source)
}
