//! The SQL of nodes, as it is sent to a database.

use std::sync::Arc;

use indexmap::IndexMap;
use refuel_project::Materialized;
use refuel_staging::{Dialect, RelationName};

use super::ephemeral::{cte_name, in_front, without_semicolon};
use super::test_sql::{failing_rows, limited};
use crate::dag::{Dag, RenderMode};
use crate::error::{DagError, nearest};
use crate::nodes::{Detail, ModelNode, Node, NodeId, Reference, ResourceType, TestKind, TestNode};
use crate::render::{Asked, Aspect, Base, Mode, TemplateFile, call_place, place_at, replace};

/// The schema that SQLite calls its own file.
const SQLITE_SCHEMA: &str = "main";

pub(crate) fn rendered_sql(dag: &Dag, node: &Node, mode: &RenderMode) -> Result<String, DagError> {
    let mut writer = Writer::new(dag, mode);
    let sql = match &node.detail {
        Detail::Model(model) => writer.model(node, model)?,
        Detail::Test(test) => writer.test(node, test)?,
        _ => {
            return Err(DagError::NoSql {
                message: format!("{} \"{}\" has no SQL", node.resource_type(), node.name),
            });
        }
    };
    Ok(writer.finish(&sql))
}

pub(crate) fn render_inline(
    dag: &Dag,
    name: &str,
    text: &str,
    this: Option<&Node>,
    mode: &RenderMode,
) -> Result<String, DagError> {
    let base = match this.map(|node| &node.detail) {
        Some(Detail::Model(model)) => Base::Model(Arc::clone(&model.config)),
        Some(Detail::Seed(seed)) => Base::Seed(Arc::clone(&seed.config)),
        Some(Detail::Test(test)) => Base::Test(Arc::clone(&test.config)),
        _ => Base::None,
    };
    let file = TemplateFile { path: name, text, base };
    let mut writer = Writer::new(dag, mode);
    let sql = writer.rendered(&file, this)?;
    Ok(writer.finish(&sql))
}

/// Puts relations into texts, and gathers the ephemeral models that they read.
struct Writer<'a> {
    dag: &'a Dag,
    mode: &'a RenderMode,
    /// Common table expressions by name, each after those that it reads.
    ctes: IndexMap<String, String>,
}

impl<'a> Writer<'a> {
    fn new(dag: &'a Dag, mode: &'a RenderMode) -> Self {
        Self {
            dag,
            mode,
            ctes: IndexMap::new(),
        }
    }

    fn finish(&self, sql: &str) -> String {
        let ctes = self.ctes.iter().map(|(name, body)| (name.as_str(), body.as_str()));
        in_front(without_semicolon(sql), ctes)
    }

    fn model(&mut self, node: &Node, model: &ModelNode) -> Result<String, DagError> {
        if model.volatile || !self.mode.vars.is_empty() || !self.mode.env.is_empty() {
            let file = TemplateFile {
                path: &node.path,
                text: model.raw.read()?,
                base: Base::Model(Arc::clone(&model.config)),
            };
            return self.rendered(&file, Some(node));
        }
        let rendering = match &model.incremental {
            Some(incremental) if self.mode.incremental => incremental,
            _ => &model.full,
        };
        self.filled(&rendering.marked, &rendering.references)
    }

    fn test(&mut self, node: &Node, test: &TestNode) -> Result<String, DagError> {
        let sql = match &test.kind {
            TestKind::Singular(rendering) => self.filled(&rendering.marked, &rendering.references)?,
            TestKind::Declared { test: declared, to } => {
                let Some(owner) = &test.attached_to else {
                    return Err(DagError::NoSql {
                        message: format!("test \"{}\" belongs to nothing", node.name),
                    });
                };
                let owner = Reference {
                    node: owner.clone(),
                    part: None,
                };
                let relation = self.text(Aspect::Relation, &owner)?;
                let other = match to {
                    Some(to) => Some(self.text(Aspect::Relation, to)?),
                    None => None,
                };
                failing_rows(declared, test, &relation, other.as_deref(), self.dag.dialect())
            }
        };
        Ok(limited(without_semicolon(&sql), test.config.limit))
    }

    /// Renders a text now, with the time of this run and the variables of the mode.
    fn rendered(&mut self, file: &TemplateFile<'_>, this: Option<&Node>) -> Result<String, DagError> {
        let some = |map: &serde_json::Map<String, serde_json::Value>| (!map.is_empty()).then(|| Arc::new(map.clone()));
        let mode = Mode {
            incremental: self.mode.incremental,
            moment: self.dag.renderer.moment.clone(),
            vars: some(&self.mode.vars),
            env: some(&self.mode.env),
        };
        let rendered = self.dag.renderer.render(file, &mode)?;
        let references: Vec<Reference> = rendered
            .asked
            .iter()
            .map(|asked| resolve(self.dag, asked, file, this))
            .collect::<Result<_, _>>()?;
        self.filled(&rendered.text, &references)
    }

    /// A text with relations where its marks are.
    fn filled(&mut self, marked: &str, references: &[Reference]) -> Result<String, DagError> {
        let mut failed = None;
        let plain = (self.dag.dialect() == Dialect::Sqlite).then(|| marked.to_lowercase());
        let text = replace(marked, |aspect, number| {
            let reference = references.get(number)?;
            if aspect == Aspect::Relation
                && let Some(relation) = plain.as_ref().and_then(|plain| self.hidden(plain, reference))
            {
                return Some(relation);
            }
            let text = self.text(aspect, reference);
            text.map_err(|error| failed = Some(error)).ok()
        });
        failed.map_or(Ok(text), Err)
    }

    /// The relation with its schema, where the text may have a CTE of its name. SQLite would take the CTE for the
    /// relation that it is made of: `WITH orders AS (SELECT * FROM orders)` is a circle there.
    fn hidden(&self, lowercase: &str, reference: &Reference) -> Option<String> {
        if self.mode.overrides.contains_key(&reference.node) {
            return None;
        }
        let relation = self.dag.node(reference.node.as_str())?.relation.as_ref()?;
        let relation = match reference.part {
            Some(part) => part.relation(relation),
            None => relation.clone(),
        };
        (relation.schema.is_none() && may_define(lowercase, &relation.name)).then(|| {
            let relation = RelationName {
                schema: Some(SQLITE_SCHEMA.to_owned()),
                ..relation
            };
            relation.sql(Dialect::Sqlite)
        })
    }

    /// What stands at a mark.
    fn text(&mut self, aspect: Aspect, reference: &Reference) -> Result<String, DagError> {
        if let Some(text) = self.mode.overrides.get(&reference.node) {
            return Ok(match aspect {
                Aspect::Relation | Aspect::Name => text.clone(),
                Aspect::Schema => String::new(),
            });
        }
        let Some(node) = self.dag.node(reference.node.as_str()) else {
            return Err(DagError::NoSql {
                message: format!("\"{}\" is not in the project", reference.node),
            });
        };
        if let Some(relation) = &node.relation {
            let relation = match reference.part {
                Some(part) => part.relation(relation),
                None => relation.clone(),
            };
            return Ok(match aspect {
                Aspect::Relation => relation.sql(self.dag.dialect()),
                Aspect::Schema => relation.schema.unwrap_or_default(),
                Aspect::Name => relation.name,
            });
        }
        let name = cte_name(&node.name);
        match &node.detail {
            Detail::Model(model) if model.config.materialized == Materialized::Ephemeral => {
                if !self.ctes.contains_key(&name) {
                    let body = self.model(node, model)?;
                    self.ctes.insert(name.clone(), body);
                }
                Ok(if aspect == Aspect::Schema { String::new() } else { name })
            }
            _ => Err(DagError::NoSql {
                message: format!("{} \"{}\" has no rows", node.resource_type(), node.name),
            }),
        }
    }
}

/// Whether a text in lowercase may define a CTE of this name: it has the name with `AS` or columns behind it.
fn may_define(text: &str, name: &str) -> bool {
    let name = name.to_lowercase();
    text.match_indices(&name).any(|(at, _)| {
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let behind = &text[at + name.len()..];
        let rest = behind.trim_start_matches(['"', '`', ']']).trim_start();
        !text[..at].ends_with(is_word)
            && !behind.starts_with(is_word)
            && (rest.starts_with('(') || rest.strip_prefix("as").is_some_and(|rest| !rest.starts_with(is_word)))
    })
}

/// What a text asked for, in a project that is compiled.
fn resolve(dag: &Dag, asked: &Asked, file: &TemplateFile<'_>, this: Option<&Node>) -> Result<Reference, DagError> {
    let missing = |what, function: &str, name: &str, written: &[&str], nearest| DagError::MissingReference {
        place: call_place(file.path, file.text, function, written),
        from: format!("\"{}\"", file.path),
        what,
        name: name.to_owned(),
        nearest,
    };
    match asked {
        Asked::This => match this {
            Some(node) => Ok(Reference {
                node: node.id.clone(),
                part: None,
            }),
            None => Err(DagError::Template {
                place: place_at(file.path, file.text, 0),
                message: "there is no relation here that \"this\" could mean".to_owned(),
                hint: Some("name a model: {{ ref('...') }}".to_owned()),
            }),
        },
        Asked::Ref { name, part, .. } => {
            let Some(node) = dag.referable(name) else {
                let known = dag
                    .nodes
                    .values()
                    .filter(|node| matches!(node.resource_type(), ResourceType::Model | ResourceType::Seed));
                let near = nearest(name, known.map(|node| &*node.name));
                return Err(missing("model or seed", "ref", name, &[name], near));
            };
            if let Some(part) = part
                && !node.model().is_some_and(|model| model.gated)
            {
                return Err(DagError::Template {
                    place: call_place(file.path, file.text, "ref", &[&format!("{name}.{part}")]),
                    message: format!("\"{name}\" has no part \"{part}\": its rows are not gated"),
                    hint: Some("set \"gates: true\" on a model that calls tasks".to_owned()),
                });
            }
            Ok(Reference {
                node: node.id.clone(),
                part: *part,
            })
        }
        Asked::Source { source, table } => {
            let id = NodeId::new(ResourceType::Source, &dag.project.settings.name, &[source, table]);
            if dag.nodes.contains_key(&id) {
                return Ok(Reference { node: id, part: None });
            }
            let name = format!("{source}.{table}");
            let known = dag
                .nodes
                .values()
                .filter(|node| node.resource_type() == ResourceType::Source);
            let near = nearest(&name, known.map(|node| &*node.name));
            Err(missing("source", "source", &name, &[source, table], near))
        }
    }
}
