//! Digests of relations.

use refuel_warehouse::Digest;
use refuel_warehouse::materialize::{table, view};

use crate::common::{Desk, make, named, on_both, owner};

fn digest(desk: &Desk, sql: &str) -> Digest {
    let mut warehouse = desk.connect();
    let (name, owner) = (named("t"), owner("t"));
    table(warehouse.as_mut(), &make(&name, sql, &owner)).unwrap();
    warehouse.digest(&name).unwrap()
}

on_both! {
    fn the_order_of_rows_does_not_matter_and_all_else_does(desk: &Desk) {
        let rows = |rows: &[&str]| rows.iter().map(|row| format!("SELECT {row}")).collect::<Vec<_>>().join(" UNION ALL ");
        let first = digest(desk, &rows(&["1 AS a, 'x' AS b", "2, 'y'", "2, 'y'", "3, NULL"]));
        assert_eq!(first.rows, 4);
        assert_eq!(first, digest(desk, &rows(&["2 AS a, 'y' AS b", "3, NULL", "1, 'x'", "2, 'y'"])));
        assert_eq!(first, first.to_string().parse().unwrap());
        for other in [
            &["1 AS a, 'x' AS b", "2, 'y'", "3, NULL"][..],
            &["1 AS a, 'x' AS b", "1, 'x'", "2, 'y'", "3, NULL"],
            &["1 AS a, 'y' AS b", "2, 'x'", "2, 'y'", "3, NULL"],
            &["1 AS a, 'x' AS b", "2, 'y'", "2, 'y'", "3, ''"],
            &["1 AS a, 'x' AS c", "2, 'y'", "2, 'y'", "3, NULL"],
            &["1.0 AS a, 'x' AS b", "2, 'y'", "2, 'y'", "3, NULL"],
            &["'1' AS a, 'x' AS b", "'2', 'y'", "'2', 'y'", "'3', NULL"],
        ] {
            assert_ne!(first, digest(desk, &rows(other)), "{other:?}");
        }
        assert_ne!(digest(desk, "SELECT 'ab' AS a, 'c' AS b"), digest(desk, "SELECT 'a' AS a, 'bc' AS b"));
    }

    fn views_and_empty_relations_have_digests(desk: &Desk) {
        let mut warehouse = desk.connect();
        let (name, owner) = (named("v"), owner("v"));
        view(warehouse.as_mut(), &make(&name, "SELECT 1 AS refuel_row, 2 AS t WHERE 1 = 0", &owner)).unwrap();
        assert_eq!(warehouse.digest(&name).unwrap().rows, 0);
        assert_eq!(warehouse.digest(&named("nothing")).unwrap_err().code(), "RF1303");
    }
}
