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
use crate::calls::{InFrom, check};
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
        instead: format!(
            "name a relation: {}({{{{ ref('...') }}}}, 'task')",
            call.function.name()
        ),
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
        let Some(called) = InFrom::of(factor)? else {
            return Ok(());
        };
        if !called.function.is_of_relations() {
            return Ok(());
        }
        let sound = called.sound()?;
        let relation = relation(&sound.call, &sound.texts[0], self.dialect)?;
        let Some(table) = self.tables.relation(&sound.call, &relation) else {
            return Ok(());
        };
        let alias = called.alias();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Analyzed, Asked, Placement, Plan};

    /// Results of a task over a relation are in a table that is called after both.
    struct Tables;

    impl AnswerTables for Tables {
        fn place(&self, asked: &Asked, _arguments: u8) -> Placement {
            Placement::Table(RelationName::new(None, format!("_answers_{}", asked.name())))
        }

        fn relation(&self, call: &Call, relation: &RelationName) -> Option<RelationName> {
            Some(RelationName::new(
                None,
                format!("_{}_{}", call.asked.name(), relation.name),
            ))
        }
    }

    fn plan(sql: &str, dialect: Dialect) -> Result<Plan> {
        Analyzed::parse(sql, dialect)?.stage(&Tables)
    }

    #[test]
    fn a_function_over_a_relation_becomes_a_table() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            let made = |sql: &str| plan(sql, dialect).unwrap();
            let one = made("SELECT r.entity_id FROM refuel_resolve(vendors, 'same') AS r WHERE r.is_canonical");
            assert_eq!(
                one.sql,
                "SELECT r.entity_id FROM \"_same_vendors\" AS r WHERE r.is_canonical"
            );
            assert_eq!(one.relations.len(), 1);
            assert_eq!(one.relations[0].relation, RelationName::new(None, "vendors"));
            assert!(one.stages.is_empty());
            let unnamed = made("SELECT refuel_repair.value FROM refuel_repair(shop.beers, 'mend')").sql;
            assert_eq!(
                unnamed,
                "SELECT refuel_repair.value FROM \"_mend_beers\" AS refuel_repair"
            );
            let twice =
                made("SELECT 1 FROM refuel_resolve('vendors', 'same') AS a, refuel_resolve(vendors, 'same') AS b");
            assert_eq!(twice.relations.len(), 1, "one table for both");
        }
    }

    #[test]
    fn calls_beside_it_are_staged_as_ever() {
        let sql = "SELECT refuel_label(v.name, 'topic') AS topic FROM refuel_resolve(vendors, 'same') AS r \
                   JOIN vendors AS v ON v.id = r.record_key";
        let made = plan(sql, Dialect::Sqlite).unwrap();
        assert_eq!((made.relations.len(), made.stages.len()), (1, 1));
        assert!(
            made.stages[0].inputs.contains("\"_same_vendors\" AS r"),
            "{}",
            made.stages[0].inputs
        );
        let analyzed = Analyzed::parse(sql, Dialect::Sqlite).unwrap();
        let relations: Vec<&str> = analyzed.relations().iter().map(|(name, _)| &*name.name).collect();
        assert_eq!(relations, ["vendors"], "the query reads what the function is about");
        assert_eq!(analyzed.calls().len(), 2);
    }

    #[test]
    fn what_it_can_not_be_about_is_said() {
        let told = |sql: &str| {
            let error = plan(sql, Dialect::Sqlite).unwrap_err();
            format!("{} {error}", error.code())
        };
        assert_eq!(
            told("WITH v AS (SELECT 1 AS id) SELECT 1 FROM refuel_resolve(v, 'same')"),
            "RF1009 refuel_resolve can't be called on the CTE \"v\""
        );
        assert_eq!(
            told("SELECT 1 FROM refuel_resolve(1 + 1, 'same')"),
            "RF1009 refuel_resolve can't be called on 1 + 1"
        );
        assert_eq!(
            told("SELECT refuel_repair(beers, 'mend') FROM beers"),
            "RF1006 refuel_repair can't be called in an expression: it returns rows, and stands in FROM"
        );
        assert_eq!(
            told("SELECT 1 FROM refuel_resolve(vendors)"),
            "RF1004 refuel_resolve takes a relation and a task, and got 1 argument"
        );
    }
}
