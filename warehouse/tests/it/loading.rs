//! Files become tables.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use refuel_warehouse::load::{Load, Loaded, file};
use refuel_warehouse::materialize::view;
use refuel_warehouse::{Result, Warehouse};

use crate::common::{Desk, either, make, named, on_both, owner, relations, shown, told};

fn load(warehouse: &mut dyn Warehouse, path: &Path, column_types: &[(&str, &str)]) -> Result<Loaded> {
    let types: Vec<(String, String)> = column_types
        .iter()
        .map(|(column, data_type)| ((*column).to_owned(), (*data_type).to_owned()))
        .collect();
    let load = Load {
        relation: &named("seed"),
        path,
        delimiter: None,
        column_types: &types,
        owner: &owner("seed"),
        is_forced: false,
    };
    file(warehouse, &load)
}

/// Names and types of the columns.
fn types(loaded: &Loaded) -> String {
    let columns = loaded.columns.iter();
    let columns = columns.map(|column| format!("{} {}", column.name, column.data_type.as_deref().unwrap_or("?")));
    columns.collect::<Vec<String>>().join(", ")
}

const PEOPLE: &str = "id,zip,Full Name,born,seen,weight,member,note\n\
                      1,01234,Ann,1990-02-28,2024-05-01T10:00:00Z,60.5,true,\"two\nlines, \"\"said\"\"\"\n\
                      2,99999,Bob,,2024-05-01 12:30:00+02:00,70,FALSE,\n";

on_both! {
    fn numbers_that_are_not_finite_are_null_and_told(desk: &Desk) {
        let mut warehouse = desk.connect();
        let path = desk.file("prices.parquet", "");
        let prices = Float64Array::from(vec![Some(0.5), Some(f64::NAN), None, Some(f64::INFINITY)]);
        let batch = RecordBatch::try_from_iter([("price", Arc::new(prices) as ArrayRef)]).unwrap();
        let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let loaded = load(warehouse.as_mut(), &path, &[]).unwrap();
        assert_eq!(loaded.not_finite, [("price".to_owned(), 2)]);
        assert_eq!(shown(warehouse.as_mut(), "SELECT count(*), count(price) FROM seed"), ["4|1"]);
    }

    fn types_are_told_by_every_value_of_a_column(desk: &Desk) {
        let mut warehouse = desk.connect();
        let path = desk.file("people.csv", PEOPLE);
        let loaded = load(warehouse.as_mut(), &path, &[]).unwrap();
        assert_eq!(loaded.rows, Some(2));
        let expected = either(
            warehouse.as_ref(),
            "id integer, zip text, Full Name text, born date, seen timestamp, weight real, member boolean, note text",
            "id bigint, zip text, Full Name text, born date, seen timestamp with time zone, weight double precision, \
             member boolean, note text",
        );
        assert_eq!(types(&loaded), expected);
        let rows = shown(warehouse.as_mut(), "SELECT zip, \"Full Name\", born, weight, note FROM seed ORDER BY id");
        assert_eq!(rows, ["01234|Ann|1990-02-28|60.5|two\nlines, \"said\"", "99999|Bob|-|70|-"]);
        assert_eq!(shown(warehouse.as_mut(), "SELECT count(*) FROM seed WHERE member"), ["1"]);
    }

    fn declared_types_come_before_told_ones(desk: &Desk) {
        let mut warehouse = desk.connect();
        let path = desk.file("people.csv", "id,price,code,ok\n007,1.10,12,yes\n8,2,13,\n");
        let declared = [("id", "int"), ("price", "numeric(10,2)"), ("code", "varchar(10)"), ("ok", "boolean")];
        let loaded = load(warehouse.as_mut(), &path, &declared).unwrap();
        let expected = either(
            warehouse.as_ref(),
            "id int, price numeric(10,2), code varchar(10), ok boolean",
            "id integer, price numeric(10,2), code character varying(10), ok boolean",
        );
        assert_eq!(types(&loaded), expected);
        let rows = shown(warehouse.as_mut(), "SELECT id, price, code || '!', CASE WHEN ok THEN 1 END FROM seed ORDER BY id");
        assert_eq!(rows, ["7|1.1|12!|1", "8|2|13!|-"]);
    }

    fn a_value_that_is_not_of_its_declared_type_is_told_with_its_line(desk: &Desk) {
        let mut warehouse = desk.connect();
        let path = desk.file("people.csv", "id,at\n1,2024-01-01\n2,01.02.2024\n");
        let error = load(warehouse.as_mut(), &path, &[("at", "date")]).unwrap_err();
        let text = |error| told(&error).replace(path.to_str().unwrap(), "people.csv");
        insta::assert_snapshot!(text(error), @r#"
        RF1317: people.csv, line 3: `at` is declared date, and "01.02.2024" isn't
        hint: mend the value, or declare another type in `column_types`
        "#);
        let error = load(warehouse.as_mut(), &path, &[("att", "date")]).unwrap_err();
        insta::assert_snapshot!(text(error), @r"
        RF1318: people.csv has no column `att`, for which a type is declared
        hint: did you mean `at`?
        ");
        assert_eq!(relations(warehouse.as_mut()), [""; 0]);
        assert!(!warehouse.in_transaction());
    }

    fn faulty_rows_are_told_and_nothing_is_loaded(desk: &Desk) {
        let mut warehouse = desk.connect();
        let path = desk.file("people.csv", "id,name\n1,Ann\n2\n3,Cid,more\n");
        let error = load(warehouse.as_mut(), &path, &[]).unwrap_err();
        let text = told(&error).replace(path.to_str().unwrap(), "people.csv");
        insta::assert_snapshot!(text, @r"
        RF1316: people.csv can't be loaded: line 3: 1 fields, where the header has 2; line 4: 3 fields, where the header has 2
        hint: mend these rows; nothing was loaded
        ");
        let error = load(warehouse.as_mut(), &desk.path("nothing.csv"), &[]).unwrap_err();
        assert_eq!(error.code(), "RF1315");
        assert!(error.is_request());
    }

    fn a_file_that_has_not_changed_is_not_loaded_again(desk: &Desk) {
        let mut warehouse = desk.connect();
        let path = desk.file("people.csv", "id\n1\n");
        assert_eq!(load(warehouse.as_mut(), &path, &[]).unwrap().rows, Some(1));
        let again = load(warehouse.as_mut(), &path, &[]).unwrap();
        assert_eq!((again.rows, again.columns.len()), (None, 1));
        assert_eq!(load(warehouse.as_mut(), &path, &[("id", "text")]).unwrap().rows, Some(1), "types are content too");
        desk.file("people.csv", "id\n1\n2\n");
        assert_eq!(load(warehouse.as_mut(), &path, &[("id", "text")]).unwrap().rows, Some(2));
        warehouse.execute("DROP TABLE seed").unwrap();
        assert_eq!(load(warehouse.as_mut(), &path, &[("id", "text")]).unwrap().rows, Some(2), "it is gone");
    }

    fn views_read_the_file_that_is_loaded_anew(desk: &Desk) {
        let mut warehouse = desk.connect();
        let path = desk.file("people.csv", "id\n1\n");
        load(warehouse.as_mut(), &path, &[]).unwrap();
        view(warehouse.as_mut(), &make(&named("reader"), "SELECT id FROM seed", &owner("reader"))).unwrap();
        desk.file("people.csv", "id,more\n2,x\n");
        load(warehouse.as_mut(), &path, &[]).unwrap();
        assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM reader"), ["2"]);
    }

    fn json_lines_keep_their_types(desk: &Desk) {
        let mut warehouse = desk.connect();
        let lines = "{\"n\": 1, \"code\": \"0012\", \"ok\": true, \"tags\": [\"a\", \"b\"]}\n\
                     {\"n\": 2.5, \"code\": \"\", \"late\": \"x\"}\n{\"n\": null, \"tags\": {\"k\": 1}}\n";
        let path = desk.file("seed.jsonl", lines);
        assert_eq!(load(warehouse.as_mut(), &path, &[]).unwrap().rows, Some(3));
        let rows = shown(warehouse.as_mut(), "SELECT n, code, CASE WHEN ok THEN 1 END, tags, late FROM seed ORDER BY n IS NULL, n");
        assert_eq!(rows, ["1|0012|1|[\"a\",\"b\"]|-", "2.5||-|-|x", "-|-|-|{\"k\":1}|-"]);
    }
}

#[test]
fn tables_of_every_format_are_loaded() {
    let desk = Desk::sqlite();
    let mut warehouse = desk.connect();
    let tsv = desk.file("a.tsv", "id\tname\n1\ta,b\n");
    assert_eq!(load(warehouse.as_mut(), &tsv, &[]).unwrap().rows, Some(1));
    assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM seed"), ["1|a,b"]);
    let unknown = desk.file("a.xlsx", "");
    assert_eq!(load(warehouse.as_mut(), &unknown, &[]).unwrap_err().code(), "RF1315");
}
