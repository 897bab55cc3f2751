//! What the rows of a function over a whole relation come from.

use sqlparser::ast::TableFactor;

use super::{CallOrigin, ColumnOrigin, Columns, OutputColumn};
use crate::Dialect;
use crate::calls::InFrom;
use crate::stage::relations;

/// The origin of every column of such a function in FROM: its task, over all columns of the relation. None of anything else.
pub(super) fn origin(factor: &TableFactor, dialect: Dialect, known: &dyn Columns, all: &str) -> Option<OutputColumn> {
    let called = InFrom::of(factor).ok()?;
    let called = called.filter(|called| called.function.is_of_relations())?;
    let call = called.sound().ok()?;
    let relation = relations::relation(&call.call, &call.texts[0], dialect).ok()?;
    let columns = known.columns(&relation).unwrap_or_else(|| vec![all.to_owned()]);
    let mut from: Vec<ColumnOrigin> = columns
        .into_iter()
        .map(|column| ColumnOrigin {
            relation: relation.clone(),
            column,
        })
        .collect();
    from.sort();
    Some(OutputColumn {
        calls: vec![CallOrigin {
            function: called.function,
            asked: call.call.asked,
            from,
            calls: Vec::new(),
            unknown: Vec::new(),
        }],
        ..OutputColumn::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Analyzed, RelationName};

    struct Known;

    impl Columns for Known {
        fn columns(&self, relation: &RelationName) -> Option<Vec<String>> {
            (relation.name == "vendors").then(|| vec!["id".to_owned(), "city".to_owned()])
        }
    }

    #[test]
    fn a_column_comes_from_the_task_over_the_relation() {
        let sql = "SELECT r.entity_id FROM refuel_resolve(vendors, 'same') AS r";
        let lineage = Analyzed::parse(sql, Dialect::Sqlite).unwrap().lineage(&Known);
        let column = &lineage.columns[0];
        assert!(column.from.is_empty() && column.unknown.is_empty(), "{column:?}");
        let [call] = &column.calls[..] else {
            panic!("{column:?}")
        };
        assert_eq!(call.asked.name(), "same");
        let from: Vec<String> = call
            .from
            .iter()
            .map(|origin| format!("{}.{}", origin.relation.name, origin.column))
            .collect();
        assert_eq!(from, ["vendors.city", "vendors.id"]);
    }
}
