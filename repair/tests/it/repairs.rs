//! What is found in tables, and the words for it.

use refuel_repair::{LabelledRow, Proposal, Remedy, RepairError, Settings, Table, choose_rows_to_label, repair};

type Rows = Vec<Vec<Option<String>>>;

fn row(values: &[&str]) -> Vec<Option<String>> {
    values
        .iter()
        .map(|value| (!value.is_empty()).then(|| (*value).to_owned()))
        .collect()
}

/// One line for each proposal, with its evidence below it.
fn told(columns: &[&str], rows: &Rows, labels: &[LabelledRow]) -> String {
    let table = Table::new(columns.iter().copied(), rows.clone()).unwrap();
    let repairs = repair(&table, labels, &Settings::default()).unwrap();
    let line = |proposal: &Proposal| {
        let before = proposal.before.as_deref().unwrap_or("(missing)");
        let after = match &proposal.remedy {
            Remedy::Replace(value) => value,
            Remedy::Clear => "(missing)",
            Remedy::Unknown => "?",
        };
        let mut line = format!("{} {}: {before} -> {after}\n", proposal.row, columns[proposal.column]);
        for evidence in &proposal.evidence {
            line.push_str(&format!("    {}: {}\n", evidence.kind, evidence.words));
        }
        line
    };
    repairs.proposals.iter().map(line).collect()
}

/// Sixty rows of shops in six towns.
fn shops() -> Rows {
    let towns = [
        ("60601", "Chicago", "IL"),
        ("02101", "Boston", "MA"),
        ("73301", "Austin", "TX"),
        ("98101", "Seattle", "WA"),
        ("80201", "Denver", "CO"),
        ("97201", "Portland", "OR"),
    ];
    let shop = |number: usize| {
        let (zip, town, state) = towns[number % towns.len()];
        let price = format!("{}.{:02}", 5 + number * 7 % 40, number * 13 % 100);
        row(&[zip, town, state, &price])
    };
    (0..60).map(shop).collect()
}

const COLUMNS: [&str; 4] = ["zip", "city", "state", "price"];

#[test]
fn a_table_without_errors_is_left_alone() {
    assert_eq!(told(&COLUMNS, &shops(), &[]), "");
}

#[test]
fn what_the_table_shows_is_found_without_labels() {
    let mut rows = shops();
    rows[6][1] = Some("Chicgo".into());
    rows[13][2] = None;
    rows[20][2] = Some("WA".into());
    rows[27] = row(&["98101", "Seattle WA", "", "12.50"]);
    rows[34] = row(&["80201", "CO", "Denver", "9.10"]);
    rows[41][3] = Some("1150000".into());
    insta::assert_snapshot!(told(&COLUMNS, &rows, &[]), @r#"
    6 city: Chicgo -> Chicago
        dependency: 9 of 9 other rows with state "IL" have "Chicago"
        vocabulary: "Chicago" stands in 10 rows and looks nearly the same
    13 state: (missing) -> MA
        dependency: 9 of 9 other rows with city "Boston" have "MA"
    20 state: WA -> TX
        dependency: 9 of 9 other rows with city "Austin" have "TX"
    27 city: Seattle WA -> Seattle
        moved: the rest of the value is one of state, which is missing
        dependency: 9 of 10 other rows with state "WA" have "Seattle"
        vocabulary: "Seattle" stands in 10 rows and looks nearly the same
    27 state: (missing) -> WA
        moved: it stands in city, behind or before what belongs there
        dependency: 9 of 9 other rows with city "Seattle" have "WA"
    34 city: CO -> Denver
        moved: a value of state stands here
        dependency: 9 of 9 other rows with state "CO" have "Denver"
    34 state: Denver -> CO
        moved: a value of city stands here
        dependency: 9 of 9 other rows with city "Denver" have "CO"
    41 price: 1150000 -> ?
        outlier: 17 times the usual spread from the median of price, by orders of magnitude
    "#);
}

#[test]
fn numbers_that_are_spread_evenly_have_no_outliers() {
    let mut random = fastrand::Rng::with_seed(9);
    let rows: Rows = (0..2000)
        .map(|number| row(&[&format!("item {number}"), &random.u32(1..100_000).to_string()]))
        .collect();
    assert_eq!(told(&["item", "quantity"], &rows, &[]), "");
}

#[test]
fn a_dependency_that_often_fails_makes_no_sure_proposal() {
    let mut rows = shops();
    // Four rows of ten have another state than their city, so that the city tells little.
    for number in (0..60).filter(|number| number % 10 < 4) {
        rows[number][2] = Some(["WA", "CO", "OR", "IL", "MA"][number * 7 % 5].into());
        rows[number][0] = Some(format!("{:05}", 10_000 + number * 137));
    }
    let table = Table::new(COLUMNS, rows).unwrap();
    let repairs = repair(&table, &[], &Settings::default()).unwrap();
    let sure: Vec<&Proposal> = repairs
        .proposals
        .iter()
        .filter(|proposal| proposal.column == 2 && proposal.confidence >= 0.9)
        .collect();
    assert!(sure.is_empty(), "{sure:?}");
}

#[test]
fn labelled_rows_teach_how_values_are_written() {
    let mut rows = shops();
    for (number, row) in rows.iter_mut().enumerate().filter(|(number, _)| number % 3 == 0) {
        let price = row[3].take().unwrap();
        row[3] = Some(if number % 9 == 0 {
            "n/a".into()
        } else {
            format!("${price} each")
        });
    }
    let labels: Vec<LabelledRow> = [0, 3, 6, 7, 8]
        .into_iter()
        .map(|number| {
            let mut values = rows[number].clone();
            values[3] = shops()[number][3].clone().filter(|_| number % 9 != 0);
            LabelledRow { row: number, values }
        })
        .collect();
    let told = told(&COLUMNS, &rows, &labels);
    let lines: Vec<&str> = told.lines().take(6).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    9 price: n/a -> (missing)
        conversion: "n/a" is no value: right in 1 of 1 labelled rows
    12 price: $9.56 each -> 9.56
        conversion: keep the first number: right in 2 of 2 labelled rows
        format: 100 % of values have the form 9.9, and this one $9.9 a
    15 price: $30.95 each -> 30.95
    "#);
    // Rows 0 to 8 but three are labelled; each third of the others is mended.
    assert_eq!(told.lines().filter(|line| !line.starts_with(' ')).count(), 17);
}

#[test]
fn rows_that_tell_most_are_chosen() {
    let mut rows = shops();
    rows[17][3] = Some("$5.00".into());
    rows[42][1] = Some("Bostn".into());
    let table = Table::new(COLUMNS, rows).unwrap();
    let chosen = choose_rows_to_label(&table, 4, &[], &Settings::default()).unwrap();
    assert!(chosen[..2].contains(&17), "{chosen:?}");
    assert!(chosen.contains(&42), "{chosen:?}");
}

#[test]
fn columns_can_be_left_alone() {
    let mut rows = shops();
    rows[6][1] = Some("Chicgo".into());
    let table = Table::new(COLUMNS, rows).unwrap();
    let settings = Settings {
        ignore: vec!["city".into()],
        ..Settings::default()
    };
    assert_eq!(repair(&table, &[], &settings).unwrap().proposals, []);
}

#[test]
fn what_is_wrong_with_a_request_is_told() {
    let table = Table::new(["a", "b"], vec![row(&["1", "2"])]).unwrap();
    let label = |row: usize, values: &[&str]| LabelledRow {
        row,
        values: self::row(values),
    };
    let asked = |labels: &[LabelledRow]| repair(&table, labels, &Settings::default()).unwrap_err();
    let strict = Settings {
        least_confidence: 1.5,
        ..Settings::default()
    };
    let misnamed = Settings {
        ignore: vec!["prise".into()],
        ..Settings::default()
    };
    let priced = Table::new(["id", "price"], vec![row(&["1", "2"])]).unwrap();
    let errors = [
        Table::new(["a", "b"], vec![row(&["1"])]).unwrap_err(),
        asked(&[label(3, &["1", "2"])]),
        asked(&[label(0, &["1"])]),
        asked(&[label(0, &["1", "2"]), label(0, &["1", "2"])]),
        repair(&table, &[], &strict).unwrap_err(),
        repair(&priced, &[], &misnamed).unwrap_err(),
    ];
    let line = |error: &RepairError| format!("{} {error}\n       {}\n", error.code(), error.hint());
    insta::assert_snapshot!(errors.iter().map(line).collect::<String>(), @r#"
    RF2101 row 0 has 1 value, and there are 2 columns
           give 2 values in each row; a missing one is an empty value
    RF2102 row 3 is labelled, and the table has 1 row, counted from 0
           label rows of the table that is repaired, by their index in it
    RF2101 row 0 has 1 value, and there are 2 columns
           give 2 values in each row; a missing one is an empty value
    RF2103 row 0 is labelled twice
           keep one of the two
    RF2104 `least_confidence` is 1.5, which is not a number from 0 to 1
           set `least_confidence` to a number from 0 to 1
    RF2105 no column "prise" in the table, which has id, price
           did you mean "price"?
    "#);
}
