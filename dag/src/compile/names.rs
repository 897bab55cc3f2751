//! What names mean: models, seeds, sources, tasks, and the relations they are kept in.

use std::sync::Arc;

use indexmap::IndexMap;
use refuel_project::{Connection, Project, Source, SourceTable};
use refuel_staging::{Dialect, RelationName};
use refuel_task::Place;
use rustc_hash::FxHashMap;

use super::Notes;
use super::files::{Config, File, Files};
use crate::error::{DagError, nearest};
use crate::nodes::{Detail, Node, NodeId, Part, Reference, ResourceType};
use crate::render::Asked;

/// The names of a project.
pub(super) struct Names<'a> {
    pub(super) project: &'a Arc<Project>,
    models: FxHashMap<&'a str, &'a File>,
    pub(super) dialect: Dialect,
}

impl<'a> Names<'a> {
    pub(super) fn new(project: &'a Arc<Project>, files: &'a Files) -> Self {
        Self {
            project,
            models: files.models.iter().map(|file| (&*file.name, file)).collect(),
            dialect: match project.target.connection {
                Connection::Sqlite(_) => Dialect::Sqlite,
                Connection::Postgres(_) => Dialect::Postgres,
            },
        }
    }

    /// The id of a node of this project.
    pub(super) fn id(&self, kind: ResourceType, parts: &[&str]) -> NodeId {
        NodeId::new(kind, &self.project.settings.name, parts)
    }

    /// The project's name, folders and a name, as selectors of folders see it. Folders start below the first of
    /// `roots` that the file is in.
    pub(super) fn fqn(&self, path: &str, roots: &[String], name: &Arc<str>) -> Vec<Arc<str>> {
        let below = roots
            .iter()
            .find_map(|root| path.strip_prefix(root.trim_end_matches('/'))?.strip_prefix('/'))
            .unwrap_or(path);
        let mut parts: Vec<&str> = below.split('/').collect();
        parts.pop();
        let mut names = Vec::with_capacity(parts.len() + 2);
        names.push(self.project.settings.name.as_str().into());
        names.extend(parts.into_iter().map(Arc::from));
        names.push(Arc::clone(name));
        names
    }

    /// The relation of a model or seed. SQLite has no schemas: there the name alone tells relations apart.
    pub(super) fn relation(&self, schema: Option<&str>, alias: Option<&str>, name: &str) -> RelationName {
        let schema = match self.dialect {
            Dialect::Sqlite => None,
            Dialect::Postgres => schema.or(self.project.target.schema()).map(ToOwned::to_owned),
        };
        RelationName {
            schema,
            name: alias.unwrap_or(name).to_owned(),
        }
    }

    /// The relation of a source's table. A file is loaded into the target's schema, unless the source names one.
    pub(super) fn source_relation(&self, source: &Source, table: &SourceTable) -> RelationName {
        let name = table.identifier.as_deref().unwrap_or(&table.name).to_owned();
        let schema = match self.dialect {
            Dialect::Sqlite => source.database.clone(),
            Dialect::Postgres => source.schema.clone().or_else(|| match table.file {
                Some(_) => self.project.target.schema().map(ToOwned::to_owned),
                None => Some(source.name.clone()),
            }),
        };
        RelationName { schema, name }
    }

    /// What a file asked for. `from` is what asks, such as `model "orders"`; `this` is its id, where it has a relation.
    pub(super) fn resolve(
        &self,
        asked: &Asked,
        this: Option<&NodeId>,
        from: &str,
        place: &dyn Fn() -> Place,
    ) -> Result<Reference, DagError> {
        match asked {
            Asked::This => match this {
                Some(id) => Ok(Reference {
                    node: id.clone(),
                    part: None,
                }),
                None => Err(DagError::Template {
                    place: place(),
                    message: format!("{from} has no relation of its own that \"this\" could mean"),
                    hint: Some("name a model: {{ ref('...') }}".to_owned()),
                }),
            },
            Asked::Ref {
                project: Some(project),
                name,
                ..
            } if *project != self.project.settings.name => Err(DagError::Template {
                place: place(),
                message: format!(
                    "{from} refers to \"{name}\" of the project \"{project}\"; this one is \"{}\"",
                    self.project.settings.name
                ),
                hint: Some(format!("leave the project out: ref('{name}')")),
            }),
            Asked::Ref { name, part, .. } => self.model_or_seed(name, *part, from, place),
            Asked::Source { source, table } => self.source(source, table, from, place),
        }
    }

    /// What a reference in a properties file means.
    pub(super) fn resolve_declared(
        &self,
        reference: &refuel_project::Reference,
        from: &str,
        place: &Place,
    ) -> Result<Reference, DagError> {
        let asked = match reference {
            refuel_project::Reference::Model { name } => {
                let part = name
                    .rsplit_once('.')
                    .and_then(|(model, part)| Some((model, Part::named(part)?)));
                Asked::Ref {
                    project: None,
                    name: part.map_or(name.as_str(), |(model, _)| model).to_owned(),
                    part: part.map(|(_, part)| part),
                }
            }
            refuel_project::Reference::Source { source, table } => Asked::Source {
                source: source.clone(),
                table: table.clone(),
            },
        };
        self.resolve(&asked, None, from, &|| place.clone())
    }

    fn model_or_seed(
        &self,
        name: &str,
        part: Option<Part>,
        from: &str,
        place: &dyn Fn() -> Place,
    ) -> Result<Reference, DagError> {
        let disabled = |disabled: Place| DagError::DisabledReference {
            place: place(),
            from: from.to_owned(),
            name: name.to_owned(),
            disabled,
        };
        if let Some(model) = self.project.models.get(name) {
            let off = match self.models.get(name) {
                Some(file) => !file.config.is_enabled(),
                // It could not be read, which has been said.
                None => false,
            };
            if off {
                return Err(disabled(Place::of(&*model.path)));
            }
            return Ok(Reference {
                node: self.id(ResourceType::Model, &[name]),
                part,
            });
        }
        if let Some(seed) = self.project.seeds.get(name) {
            if !seed.config.enabled.unwrap_or(true) {
                let at = seed.properties.as_ref().map(|properties| properties.place.clone());
                return Err(disabled(at.unwrap_or_else(|| Place::of(&*seed.path))));
            }
            if let Some(part) = part {
                return Err(DagError::Template {
                    place: place(),
                    message: format!("{from} refers to \"{name}.{part}\", and \"{name}\" is a seed"),
                    hint: Some("only models that call tasks have parts".to_owned()),
                });
            }
            return Ok(Reference {
                node: self.id(ResourceType::Seed, &[name]),
                part: None,
            });
        }
        let known = self.project.models.keys().chain(self.project.seeds.keys());
        Err(DagError::MissingReference {
            place: place(),
            from: from.to_owned(),
            what: "model or seed",
            name: name.to_owned(),
            nearest: self.near(name).or_else(|| nearest(name, known.map(|name| &**name))),
        })
    }

    /// `orders.acepted` is nearest to `orders.accepted`, where there is a model of that name.
    fn near(&self, name: &str) -> Option<String> {
        let (model, part) = name.rsplit_once('.')?;
        self.project.models.get(model)?;
        let part = nearest(part, Part::ALL.map(Part::name))?;
        Some(format!("{model}.{part}"))
    }

    fn source(&self, source: &str, table: &str, from: &str, place: &dyn Fn() -> Place) -> Result<Reference, DagError> {
        let missing = |nearest| DagError::MissingReference {
            place: place(),
            from: from.to_owned(),
            what: "source",
            name: format!("{source}.{table}"),
            nearest,
        };
        let Some(declared) = self.project.sources.get(source) else {
            let near = nearest(source, self.project.sources.keys().map(String::as_str));
            return Err(missing(near.map(|near| format!("{near}.{table}"))));
        };
        match declared.tables.iter().find(|known| known.name == table) {
            Some(known) if !known.enabled => Err(DagError::DisabledReference {
                place: place(),
                from: from.to_owned(),
                name: format!("{source}.{table}"),
                disabled: known.place.clone(),
            }),
            Some(_) => Ok(Reference {
                node: self.id(ResourceType::Source, &[source, table]),
                part: None,
            }),
            None => {
                let near = nearest(table, declared.tables.iter().map(|known| known.name.as_str()));
                Err(missing(near.map(|near| format!("{source}.{near}"))))
            }
        }
    }

    /// Whether a model is there but could not be read, which has been said.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.project.models.contains_key(name) && !self.models.contains_key(name)
    }
}

impl File {
    pub(super) fn model_config(&self) -> Option<&Arc<refuel_project::ModelConfig>> {
        match &self.config {
            Config::Model(config) => Some(config),
            Config::Test(_) => None,
        }
    }
}

/// Says which nodes would be kept in one relation.
pub(super) fn same_relations(project: &Project, nodes: &IndexMap<NodeId, Node>, notes: &mut Notes) {
    let mut taken: FxHashMap<RelationName, &Node> = FxHashMap::default();
    for node in nodes.values() {
        let Some(relation) = &node.relation else { continue };
        let mut own = vec![relation.clone()];
        if node.model().is_some_and(|model| model.gated) {
            own.push(relation.sibling(format!("{}__gated", relation.name)));
            own.extend(Part::ALL.map(|part| part.relation(relation)));
        }
        for relation in own {
            match taken.get(&relation) {
                // Several sources may be declared over one table that others fill.
                Some(first) if is_filled_by_others(first, project) && is_filled_by_others(node, project) => {}
                Some(first) => notes.errors.push(DagError::SameRelation {
                    place: node.place.clone(),
                    first: first.name.to_string(),
                    second: node.name.to_string(),
                    relation: relation.to_string(),
                }),
                None => {
                    taken.insert(relation, node);
                }
            }
        }
    }
}

/// Whether a node is a source whose table is there without the project: no file is loaded into it.
fn is_filled_by_others(node: &Node, project: &Project) -> bool {
    let Detail::Source(of) = &node.detail else {
        return false;
    };
    let tables = project.sources.get(&*of.source).map(|source| source.tables.as_slice());
    let table = tables.unwrap_or_default().iter().find(|table| table.name == *of.table);
    table.is_none_or(|table| table.file.is_none())
}
