//! Whether a database takes a query, before anything is asked or computed for it.
//!
//! A column that isn't there, or a type that doesn't fit, costs nothing to find out, and answers to a million inputs cost
//! hours. So the query is prepared over tables of answers that are empty and that nobody else sees.

use std::cell::RefCell;
use std::collections::BTreeMap;

use refuel_dag::Node;
use refuel_staging::{Analyzed, AnswerTables, Asked, Call, Placement, Plan, RelationName};
use refuel_warehouse::{Dialect, Warehouse};

use super::query::Tables;
use super::{gates, relations};
use crate::connections::Session;
use crate::context::Scope;
use crate::error::RunError;
use crate::inference::AnswerTable;
use crate::quote;

/// Places calls as a run does, but each table of answers is an empty one of the connection's own.
struct Trial<'a, 'b> {
    known: &'a Tables<'a, 'b>,
    /// What stands for each table.
    stand_ins: RefCell<BTreeMap<RelationName, RelationName>>,
}

impl Trial<'_, '_> {
    fn stand_in(&self, table: RelationName) -> RelationName {
        let mut stand_ins = self.stand_ins.borrow_mut();
        let number = stand_ins.len() + 1;
        let made = || RelationName::new(None, format!("_refuel_trial_{number}"));
        stand_ins.entry(table).or_insert_with(made).clone()
    }
}

impl AnswerTables for Trial<'_, '_> {
    fn place(&self, asked: &Asked, arguments: u8) -> Placement {
        match self.known.place(asked, arguments) {
            Placement::Table(table) => Placement::Table(self.stand_in(table)),
            Placement::AsWritten => Placement::AsWritten,
        }
    }

    fn relation(&self, call: &Call, relation: &RelationName) -> Option<RelationName> {
        let table = self.known.relation(call, relation)?;
        Some(self.stand_in(table))
    }

    fn columns(&self, relation: &RelationName) -> Option<Vec<String>> {
        self.known.columns(relation)
    }
}

/// Has the database prepare a query of a node, and the queries for the inputs of its calls.
///
/// # Errors
/// What the database refuses, as it would refuse it once everything is answered.
pub(super) fn check(
    scope: &Scope<'_>,
    node: &Node,
    analyzed: &Analyzed,
    known: &Tables<'_, '_>,
    session: &mut Session<'_>,
) -> Result<(), RunError> {
    let trial = Trial {
        known,
        stand_ins: RefCell::default(),
    };
    let plan = analyzed.stage(&trial)?;
    if plan.stages.is_empty() && plan.relations.is_empty() {
        return Ok(());
    }
    let warehouse = session.warehouse()?;
    // A transaction of SQLite would wait for whoever writes. Behind a pool of connections to Postgres, temporary tables
    // last as long as the transaction.
    let in_transaction = warehouse.dialect() == Dialect::Postgres;
    if in_transaction {
        warehouse.begin()?;
    }
    let taken = prepare(scope, node, &plan, warehouse);
    if in_transaction {
        warehouse.rollback()?;
    } else {
        for table in trial.stand_ins.into_inner().values() {
            warehouse.execute(&format!("DROP TABLE IF EXISTS temp.{}", quote::identifier(&table.name)))?;
        }
    }
    taken
}

fn prepare(scope: &Scope<'_>, node: &Node, plan: &Plan, warehouse: &mut dyn Warehouse) -> Result<(), RunError> {
    for computed in &plan.relations {
        let asked = scope.tasks.get(&computed.call.asked)?;
        relations::make(asked.task.kind, &computed.table, true, warehouse)?;
    }
    for stage in &plan.stages {
        let asked = scope.tasks.get(&stage.asked)?;
        let table = AnswerTable {
            temporary: true,
            ..AnswerTable::of(stage)
        };
        table.make(warehouse, &asked.task)?;
    }
    for stage in &plan.stages {
        warehouse.describe(&stage.inputs)?;
    }
    warehouse.describe(&plan.sql)?;
    if node.model().is_some_and(|model| model.gated) {
        // That rows can't have gates is told before anything is asked, too.
        warehouse.describe(&gates::query(node, &plan.sql, plan.gated.as_ref())?)?;
    }
    Ok(())
}
