//! Models: reused, or staged, answered and made.

use std::collections::BTreeMap;
use std::time::Instant;

use refuel_dag::{ModelNode, Node, RenderMode};
use refuel_project::{ConstraintKind, IncrementalStrategy, Materialized, OnSchemaChange};
use refuel_staging::Asked;
use refuel_state::{NodeStatus, NodeVersion};
use refuel_warehouse::contract::{Constraint, Contract, Declared, Rule};
use refuel_warehouse::materialize::{self, Incremental, Made, Make, OnSchemaChange as Change, Strategy};
use refuel_warehouse::{Owner, RelationKind, RelationName, Warehouse};

use super::query::{self, Resolved};
use super::{gates, shown};
use crate::context::{Context, Scope};
use crate::error::RunError;
use crate::quote;
use crate::report::NodeReport;
use crate::versions::{self, TaskChange, UNKNOWN};

/// How a model is built this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    /// Whether its text is rendered as for an incremental build.
    pub(crate) incremental_text: bool,
    /// Whether rows go into the table that is there.
    into_table: bool,
}

/// Builds a model, unless it is as it would be.
pub(crate) fn run(
    context: &Context<'_>,
    node: &Node,
    model: &ModelNode,
    report: &mut NodeReport,
) -> Result<NodeStatus, RunError> {
    let inputs = inputs(context, node, model)?;
    let version = versions::of_node(node, &inputs);
    let Some(relation) = &node.relation else {
        context.versions.set(&node.id, version);
        return Ok(NodeStatus::NoOp);
    };
    report.version = Some(version.clone());
    report.relation = Some(shown(relation));
    let clock = Instant::now();
    let mut session = context.session()?;
    let stored = gates::kept(relation, model.gated);
    let there = session.warehouse()?.relation(&stored)?;
    let may_reuse = !context.request.full_refresh && !context.request.empty;
    if may_reuse && is_reused(context, node, model, &version, &inputs, there, session.warehouse()?)? {
        context.versions.set(&node.id, version);
        return Ok(NodeStatus::Reused);
    }
    let (way, why) = way(context, context.request.full_refresh, node, model, &inputs, there);
    if let Some(why) = why {
        context.note(Some(&node.id), why);
    }
    let sql = context.dag.rendered_sql(node, &RenderMode::new(way.incremental_text))?;
    report.compile_seconds = clock.elapsed().as_secs_f64();
    let mut resolved = query::resolve(context, node, &sql, &mut session, report)?;
    if context.request.empty {
        let none = |sql: &str| format!("SELECT * FROM ({sql}) AS refuel_none WHERE 1 = 0");
        resolved.sql = none(&resolved.sql);
        if let Some(refuel_staging::Gated::Sql(sql)) = &mut resolved.gated {
            *sql = none(sql);
        }
    }
    report.compiled_sql = Some(resolved.sql.clone());
    let made = make(context, node, model, relation, &resolved, way, session.warehouse()?)?;
    report.rows = made.rows;
    for change in &made.schema_changes {
        context.note(Some(&node.id), change);
    }
    for lost in &made.lost_views {
        context.note(
            Some(&node.id),
            format!(
                "the view {lost} can't read the new {}; building its model again brings it back",
                node.name
            ),
        );
    }
    if !context.request.empty {
        let made = NodeVersion {
            unique_id: node.id.to_string(),
            fingerprint: node.fingerprints.data().to_string(),
            gate_fingerprint: node.fingerprints.gate.to_string(),
            metadata_fingerprint: node.fingerprints.metadata.to_string(),
            version: version.clone(),
            inputs,
            relation: Some(shown(relation)),
            answer_tables: resolved.tables.iter().map(|table| table.name.clone()).collect(),
            run: None,
            at: jiff::Timestamp::now(),
        };
        context.state.put_node_version(context.run, context.target, &made)?;
    }
    context.versions.set(&node.id, version);
    report.message = resolved.counts.failures();
    Ok(NodeStatus::Success)
}

/// The versions of what a model reads: nodes, and models that it calls without a task.
pub(crate) fn inputs(scope: &Scope<'_>, node: &Node, model: &ModelNode) -> Result<BTreeMap<String, String>, RunError> {
    let mut inputs = scope.inputs_of(node);
    let renderings = std::iter::once(&model.full).chain(&model.incremental);
    for call in renderings.flat_map(|rendering| &rendering.facts.calls) {
        if matches!(call.asked, Asked::Task { .. }) || scope.has_extension {
            continue;
        }
        let asked = scope.tasks.get(&call.asked)?;
        let verdicts = scope.verdicts_of(&asked.task.name);
        inputs.insert(
            format!("{} {}", call.function, call.asked.name()),
            versions::of_task(&asked, verdicts),
        );
    }
    Ok(inputs)
}

/// Whether what is there is what would be made.
pub(crate) fn is_reused(
    scope: &Scope<'_>,
    node: &Node,
    model: &ModelNode,
    version: &str,
    inputs: &BTreeMap<String, String>,
    there: Option<RelationKind>,
    warehouse: &mut dyn Warehouse,
) -> Result<bool, RunError> {
    let Some(before) = scope.previous.get(node.id.as_str()) else {
        return Ok(false);
    };
    let is_view = model.config.materialized == Materialized::View;
    let is_fresh = !model.volatile && (is_view || !versions::is_volatile(&model.full.marked));
    let is_known = !inputs.values().any(|input| input == UNKNOWN);
    if before.version != version
        || !is_fresh
        || !is_known
        || there
            != Some(if is_view {
                RelationKind::View
            } else {
                RelationKind::Table
            })
    {
        return Ok(false);
    }
    // A view reads its answers when it is read. The table of a task that was dropped by hand has to be made again.
    for table in &before.answer_tables {
        let name = RelationName::new(scope.schema.as_deref(), table.clone());
        if is_view && warehouse.relation(&name)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How a model is built this time, and what a user should know of that.
pub(crate) fn way(
    scope: &Scope<'_>,
    full_refresh: bool,
    node: &Node,
    model: &ModelNode,
    inputs: &BTreeMap<String, String>,
    there: Option<RelationKind>,
) -> (Way, Option<String>) {
    let anew = Way {
        incremental_text: false,
        into_table: false,
    };
    let config = &model.config;
    let refresh = config.full_refresh.unwrap_or(full_refresh);
    let before = scope.previous.get(node.id.as_str());
    if config.materialized != Materialized::Incremental || refresh || there != Some(RelationKind::Table) {
        return (anew, None);
    }
    let incremental = Way {
        incremental_text: true,
        into_table: true,
    };
    let change = before.and_then(|before| {
        inputs.iter().find_map(|(id, now)| {
            let change = TaskChange::between(before.inputs.get(id)?, now)?;
            Some((id, change))
        })
    });
    let Some((id, change)) = change else {
        return (incremental, None);
    };
    // Rows that are there were answered by the task as it was: all are looked at, and known answers cost nothing.
    let name = id.rsplit('.').next().unwrap_or(id);
    let what = format!("{name}: {}", change.to_text());
    if config.unique_key.is_empty() {
        if config.full_refresh == Some(false) {
            return (
                incremental,
                Some(format!(
                    "{what}; rows that are there keep their answers, because the model has no unique_key and forbids full_refresh"
                )),
            );
        }
        return (anew, Some(format!("{what}; the table is made anew")));
    }
    (
        Way {
            incremental_text: false,
            into_table: true,
        },
        Some(format!("{what}; all rows are looked at again")),
    )
}

/// Makes the relation, with the hooks before and behind it in one transaction.
fn make(
    context: &Context<'_>,
    node: &Node,
    model: &ModelNode,
    relation: &RelationName,
    resolved: &Resolved,
    way: Way,
    warehouse: &mut dyn Warehouse,
) -> Result<Made, RunError> {
    let owner = owner(context, node);
    let contract = contract(context, node, model);
    let (stored, sql) = if model.gated {
        (
            gates::stored(relation),
            gates::query(node, &resolved.sql, resolved.gated.as_ref())?,
        )
    } else {
        (relation.clone(), resolved.sql.clone())
    };
    in_transaction(warehouse, |warehouse| {
        hooks(context, node, "pre-hook", &model.config.pre_hook, warehouse)?;
        let what = Make {
            relation: &stored,
            sql: &sql,
            owner: &owner,
            unique_key: &model.config.unique_key,
            contract: contract.as_ref(),
        };
        let made = match model.config.materialized {
            Materialized::View => materialize::view(warehouse, &what)?,
            Materialized::Incremental if way.into_table => materialize::incremental(warehouse, &what, how(model, way))?,
            _ => materialize::table(warehouse, &what)?,
        };
        if model.gated {
            let columns = warehouse.columns(&stored)?;
            let columns: Vec<String> = columns.into_iter().map(|column| column.name).collect();
            gates::views(warehouse, relation, &owner, &columns)?;
        } else {
            gates::clear(warehouse, &owner.project, node, model, relation)?;
        }
        hooks(context, node, "post-hook", &model.config.post_hook, warehouse)?;
        Ok(made)
    })
}

/// Does something wholly or not at all.
pub(super) fn in_transaction<T>(
    warehouse: &mut dyn Warehouse,
    work: impl FnOnce(&mut dyn Warehouse) -> Result<T, RunError>,
) -> Result<T, RunError> {
    warehouse.begin()?;
    match work(warehouse) {
        Ok(done) => {
            warehouse.commit()?;
            Ok(done)
        }
        Err(error) => {
            // The first error says more than one of taking it back.
            let _ = warehouse.rollback();
            Err(error)
        }
    }
}

/// How new rows come into the table.
fn how(model: &ModelNode, way: Way) -> Incremental {
    let strategy = match model.config.strategy() {
        // All rows come again, so that those that are there must not stay beside them.
        IncrementalStrategy::Append if !way.incremental_text => Strategy::Merge,
        IncrementalStrategy::Append => Strategy::Append,
        IncrementalStrategy::Merge => Strategy::Merge,
        IncrementalStrategy::DeleteInsert => Strategy::DeleteInsert,
    };
    Incremental {
        strategy,
        on_schema_change: match model.config.on_schema_change {
            OnSchemaChange::Ignore => Change::Ignore,
            OnSchemaChange::Fail => Change::Fail,
            OnSchemaChange::AppendNewColumns => Change::AppendNewColumns,
            OnSchemaChange::SyncAllColumns => Change::SyncAllColumns,
        },
    }
}

/// Runs hooks of a node.
pub(super) fn hooks(
    context: &Context<'_>,
    node: &Node,
    name: &str,
    hooks: &[String],
    warehouse: &mut dyn Warehouse,
) -> Result<(), RunError> {
    for (at, hook) in hooks.iter().enumerate() {
        let sql = context.dag.render_inline(
            &format!("{name} of {}", node.name),
            hook,
            Some(node),
            &RenderMode::new(false),
        )?;
        if !sql.trim().is_empty() {
            warehouse
                .execute(&sql)
                .map_err(|error| RunError::from(error).of_hook(name, at + 1, &sql))?;
        }
    }
    Ok(())
}

/// Who makes the relations of a node.
pub(super) fn owner(context: &Context<'_>, node: &Node) -> Owner {
    Owner {
        project: context.dag.project.settings.name.clone(),
        node: node.id.to_string(),
        fingerprint: crate::context::mark(&node.fingerprints.data().to_string(), Some(context.run)),
    }
}

/// What the properties declare, where the model has to keep it.
fn contract(context: &Context<'_>, node: &Node, model: &ModelNode) -> Option<Contract> {
    if !model.config.contract {
        return None;
    }
    let properties = context.dag.properties(node)?;
    let mut columns: Vec<Declared> = properties
        .columns
        .iter()
        .map(|column| Declared {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
        })
        .collect();
    if model.gated {
        columns.push(Declared {
            name: gates::COLUMN.to_owned(),
            data_type: None,
        });
    }
    let of_columns = properties.columns.iter().flat_map(|column| {
        let own = vec![column.name.clone()];
        column
            .constraints
            .iter()
            .map(move |constraint| (own.clone(), constraint))
    });
    let of_table = properties
        .constraints
        .iter()
        .map(|constraint| (constraint.columns.clone(), constraint));
    let constraints = of_columns
        .chain(of_table)
        .flat_map(|(columns, constraint)| {
            let rules: Vec<Rule> = match constraint.kind {
                ConstraintKind::NotNull => columns.into_iter().map(Rule::NotNull).collect(),
                ConstraintKind::Unique => vec![Rule::Unique(columns)],
                ConstraintKind::PrimaryKey => vec![Rule::PrimaryKey(columns)],
                ConstraintKind::Check => constraint.expression.iter().cloned().map(Rule::Check).collect(),
            };
            let named = |rule| Constraint {
                name: constraint.name.clone(),
                rule,
            };
            rules.into_iter().map(named)
        })
        .collect();
    Some(Contract { columns, constraints })
}

/// Rows of a test that fail, kept.
pub(super) struct StoredFailures {
    /// Where.
    pub(super) relation: String,
    /// How many.
    pub(super) rows: u64,
}

/// Keeps the rows of a test that fail in a table called after the test.
pub(super) fn store_failures(
    context: &Context<'_>,
    node: &Node,
    sql: &str,
    warehouse: &mut dyn Warehouse,
) -> Result<StoredFailures, RunError> {
    // Postgres cuts names at 63 bytes.
    let name: String = node.name.chars().filter(char::is_ascii).take(63).collect();
    let relation = RelationName::new(context.schema.as_deref(), name);
    let made = materialize::table(
        warehouse,
        &Make {
            relation: &relation,
            sql,
            owner: &owner(context, node),
            unique_key: &[],
            contract: None,
        },
    )?;
    Ok(StoredFailures {
        relation: quote::relation(&relation),
        rows: made.rows.unwrap_or(0),
    })
}
