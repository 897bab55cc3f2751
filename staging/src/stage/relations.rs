//! Functions over whole relations.
//!
//! `FROM refuel_resolve(vendors, 'same_vendor')` reads a table that the run makes of all rows of the relation, before the
//! query is asked:
//!
//! ```sql
//! SELECT r.entity_id FROM refuel_resolve(vendors, 'same_vendor') AS r
//! -- becomes
//! SELECT r.entity_id FROM _refuel_same_vendor_5f3a91bc AS r
//! ```

use serde::{Deserialize, Serialize};
use sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart, Query, TableAlias, TableFactor};

use super::AnswerTables;
use crate::calls::check;
use crate::scopes::walk::{self, Change, Flow, ON, STOP};
use crate::{Call, Dialect, RelationName, Result, StagingError};

/// A relation that a task is applied to as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computed {
    /// The call.
    pub call: Call,
    /// The relation that it is about.
    pub relation: RelationName,
    /// The table that holds what comes of it.
    pub table: RelationName,
}

/// The relation that a function over relations is given: a name, or a text that holds one.
///
/// # Errors
/// Where it is neither.
pub(crate) fn relation(call: &Call, written: &Expr, dialect: Dialect) -> Result<RelationName> {
    let named = match written {
        Expr::Identifier(name) => RelationName::of(&object_name(std::slice::from_ref(name)), dialect),
        Expr::CompoundIdentifier(names) => RelationName::of(&object_name(names), dialect),
        other => check::literal(other).map(|text| match text.rsplit_once('.') {
            Some((schema, name)) => RelationName::new(Some(schema), name),
            None => RelationName::new(None, text),
        }),
    };
    named.ok_or_else(|| StagingError::Unsupported {
        position: call.position,
        function: call.function.name(),
        place: format!("on {written}"),
        instead: format!("name a relation: {}({{{{ ref('...') }}}}, 'task')", call.function.name()),
    })
}

fn object_name(names: &[Ident]) -> ObjectName {
    ObjectName(names.iter().cloned().map(ObjectNamePart::Identifier).collect())
}

/// That a call is about a name that a WITH gives, which is no relation of the database.
pub(crate) fn not_of_a_cte(call: &Call, name: &RelationName) -> StagingError {
    StagingError::Unsupported {
        position: call.position,
        function: call.function.name(),
        place: format!("on the CTE \"{}\"", name.name),
        instead: "make a model of what the CTE returns, materialized as a table or a view, and name that".to_owned(),
    }
}

/// Puts the tables in place of the calls whose results are in one.
pub(crate) fn place(query: &mut Query, dialect: Dialect, tables: &dyn AnswerTables) -> Result<Vec<Computed>> {
    let mut placing = Placing {
        dialect,
        tables,
        found: Vec::new(),
        wrong: None,
    };
    let _ = walk::change(query, &mut placing);
    match placing.wrong {
        Some(error) => Err(error),
        None => Ok(placing.found),
    }
}

struct Placing<'a> {
    dialect: Dialect,
    tables: &'a dyn AnswerTables,
    found: Vec<Computed>,
    wrong: Option<StagingError>,
}

impl Placing<'_> {
    fn placed(&mut self, factor: &mut TableFactor) -> Result<()> {
        let (name, args, alias) = match factor {
            TableFactor::Table {
                name,
                args: Some(args),
                alias,
                ..
            } => (name, &args.args, alias),
            TableFactor::Function { name, args, alias, .. } => (name, &*args, alias),
            _ => return Ok(()),
        };
        let Some(identifier) = check::identifier(name) else {
            return Ok(());
        };
        let function = check::function(identifier)?;
        if !function.is_of_relations() {
            return Ok(());
        }
        let sound = check::arguments(function, check::position(identifier), args)?;
        let relation = relation(&sound.call, &sound.texts[0], self.dialect)?;
        let Some(table) = self.tables.relation(&sound.call, &relation) else {
            return Ok(());
        };
        let alias = alias.clone().unwrap_or_else(|| TableAlias {
            explicit: true,
            name: Ident::new(function.name()),
            columns: Vec::new(),
            at: None,
        });
        *factor = self.factor_of(&table, alias);
        if self.found.iter().all(|known| known.table != table) {
            self.found.push(Computed {
                call: sound.call,
                relation,
                table,
            });
        }
        Ok(())
    }

    /// A table in FROM.
    fn factor_of(&self, table: &RelationName, alias: TableAlias) -> TableFactor {
        let mut query = super::sql::query(self.dialect, &format!("SELECT 1 FROM {}", table.sql(self.dialect)));
        let select = super::sql::select_mut(&mut query).expect("it is a SELECT");
        let mut factor = select.from.remove(0).relation;
        if let TableFactor::Table { alias: own, .. } = &mut factor {
            *own = Some(alias);
        }
        factor
    }
}

impl Change for Placing<'_> {
    fn factor(&mut self, factor: &mut TableFactor) -> Flow {
        match self.placed(factor) {
            Ok(()) => ON,
            Err(error) => {
                self.wrong = Some(error);
                STOP
            }
        }
    }
}
