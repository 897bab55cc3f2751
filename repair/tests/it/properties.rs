//! What holds for every table.

use proptest::prelude::*;
use refuel_repair::{LabelledRow, Remedy, Settings, Table, choose_rows_to_label, repair};

type Rows = Vec<Vec<Option<String>>>;

/// A value: often one of a few, sometimes anything.
fn value() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        6 => prop::sample::select(vec![
            "chicago", "chicgo", "boston", "12", "12.0 oz", "12.0", "1,200", "IL", "MA", "Chicago IL", "2024-03-17", "N/A",
            "3/17/2024", "0.05%", "0.05", "Ng, Andrew", "120000", "1.5e300", "NaN", "-0", "x", " ", "\u{301}", "ß",
        ])
        .prop_map(|text| Some(text.to_owned())),
        1 => Just(None),
        1 => "\\PC{0,8}".prop_map(Some),
        1 => any::<String>().prop_map(Some),
    ]
}

fn rows() -> impl Strategy<Value = Rows> {
    (1_usize..5, 0_usize..40)
        .prop_flat_map(|(columns, rows)| prop::collection::vec(prop::collection::vec(value(), columns), rows))
}

fn table(rows: &Rows) -> Table {
    let columns = rows.first().map_or(1, Vec::len);
    Table::new((0..columns).map(|column| format!("c{column}")), rows.clone()).unwrap()
}

/// Labels of some rows: the values of the row below, so that there is something to learn.
fn labels(rows: &Rows, chosen: &[usize]) -> Vec<LabelledRow> {
    let label = |&row: &usize| LabelledRow {
        row,
        values: rows[(row + 1) % rows.len()].clone(),
    };
    chosen.iter().map(label).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn proposals_are_of_cells_that_they_change(rows in rows(), count in 0_usize..6) {
        let table = table(&rows);
        let settings = Settings::default();
        let chosen = choose_rows_to_label(&table, count, &[], &settings).unwrap();
        prop_assert_eq!(chosen.len(), count.min(rows.len()));
        let labels = labels(&rows, &chosen);
        let repairs = repair(&table, &labels, &settings).unwrap();
        let mut last = None;
        for proposal in &repairs.proposals {
            let cell = (proposal.row, proposal.column);
            prop_assert!(last < Some(cell));
            last = Some(cell);
            prop_assert!(!chosen.contains(&proposal.row));
            let stands = rows[proposal.row][proposal.column].as_deref().filter(|text| !text.is_empty());
            prop_assert_eq!(proposal.before.as_deref(), stands);
            prop_assert!((settings.least_confidence..=1.0).contains(&proposal.confidence));
            prop_assert!(!proposal.evidence.is_empty());
            prop_assert!(proposal.evidence.iter().all(|evidence| !evidence.words.is_empty()));
            match &proposal.remedy {
                Remedy::Replace(value) => prop_assert!(!value.is_empty() && Some(value.as_str()) != stands),
                Remedy::Clear => prop_assert!(stands.is_some()),
                Remedy::Unknown => prop_assert_eq!(proposal.after(), stands),
            }
        }
    }

    #[test]
    fn the_same_table_gives_the_same(rows in rows(), count in 0_usize..4) {
        let once = choose_rows_to_label(&table(&rows), count, &[], &Settings::default()).unwrap();
        let twice = choose_rows_to_label(&table(&rows), count, &[], &Settings::default()).unwrap();
        prop_assert_eq!(&once, &twice);
        let labels = labels(&rows, &once);
        let once = repair(&table(&rows), &labels, &Settings::default()).unwrap();
        let twice = repair(&table(&rows), &labels, &Settings::default()).unwrap();
        prop_assert_eq!(once, twice);
    }
}
