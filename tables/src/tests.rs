//! What goes in comes out: every format into every format, with awkward data.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int64Array, ListArray, StringArray,
    StructArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int32Type};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use refuel_task::{Answer, Source, Status};
use serde_json::{Value, json};

use super::*;

mod faults;
mod told;

fn answer(value: Value) -> Answer {
    Answer {
        value,
        confidence: Some(0.75),
        raw_confidence: Some(0.1),
        status: Status::Ok,
        reason: None,
        scores: Vec::new(),
        model: "m@1".to_owned(),
        source: Source::Model,
        input_tokens: 1,
        output_tokens: 1,
    }
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs_err::write(&path, content).unwrap();
        path
    }
}

fn layout(path: &Path) -> Layout {
    Layout::new(Format::of(path).unwrap(), None)
}

fn reader(path: &Path, wanted: &[&str]) -> Result<Box<dyn Reader>, IoError> {
    let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
    open(&Input::new(path), layout(path), &wanted)
}

/// Labels each row by its number, `chunk` rows at a time.
fn copy(input: &Path, output: &Path, chunk: usize) -> Result<u64, IoError> {
    let mut reader = reader(input, &[])?;
    let answers = AnswerColumns::new("topic", ValueType::Text);
    let mut writer = create(&Output::new(output), layout(output), reader.as_ref(), answers, None)?;
    let mut rows = 0;
    while let Some(chunk) = reader.next_chunk(chunk)? {
        assert_eq!(chunk.first_row, rows);
        let answers: Vec<Answer> = (0..chunk.rows())
            .map(|row| answer(json!(format!("l{}", rows + row as u64))))
            .collect();
        writer.write(&chunk, &answers)?;
        rows += chunk.rows() as u64;
    }
    writer.finish()?;
    Ok(rows)
}

fn text(path: &Path) -> String {
    fs_err::read_to_string(path).unwrap()
}

fn message(error: &IoError) -> String {
    format!("{}: {error}; {}", error.code(), error.hint().unwrap_or_default())
}

const AWKWARD: &str = "id,body,note\n1,\"a, \"\"quoted\"\" field\",\n2,\"two\nlines\",\" spaces \"\n3,\"\",crême brûlée 🍮\n\
                       4,=1+1,\t\n";

#[test]
fn csv_keeps_its_fields_in_chunks_of_any_size() {
    let place = Place::new();
    let input = place.file("in.csv", AWKWARD);
    for chunk in [1, 2, 3, 100] {
        let output = place.path("out.csv");
        assert_eq!(copy(&input, &output, chunk).unwrap(), 4);
        insta::allow_duplicates! {
            insta::assert_snapshot!(text(&output), @r#"
            id,body,note,topic,topic_confidence,topic_raw_confidence,topic_status,topic_reason,topic_source,topic_model
            1,"a, ""quoted"" field",,l0,0.75,0.1,ok,,model,m@1
            2,"two
            lines", spaces ,l1,0.75,0.1,ok,,model,m@1
            3,,crême brûlée 🍮,l2,0.75,0.1,ok,,model,m@1
            4,=1+1,	,l3,0.75,0.1,ok,,model,m@1
            "#);
        }
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_not_part_of_the_data() {
    let place = Place::new();
    let input = place.file("in.csv", "\u{feff}id,body\r\n1,x\r\n2,y\r\n");
    let mut reader = reader(&input, &["id", "body"]).unwrap();
    let chunk = reader.next_chunk(10).unwrap().unwrap();
    assert_eq!(
        serde_json::to_value(chunk.record(0)).unwrap(),
        json!({"id": "1", "body": "x"})
    );
    assert_eq!(chunk.value(1, 1), json!("y"));
    assert_eq!(chunk.place(1), "line 3");
    assert!(reader.next_chunk(10).unwrap().is_none());

    let input = place.file("in.jsonl", "\u{feff}{\"id\": 1}\r\n");
    let mut reader = self::reader(&input, &["id"]).unwrap();
    assert_eq!(reader.next_chunk(10).unwrap().unwrap().value(0, 0), json!(1));
}

/// What a table with faulty rows becomes, with what is wrong with them.
fn with_faults(input: &Path, output: &Path) -> Vec<(String, Option<String>)> {
    let mut reader = reader(input, &[]).unwrap();
    let answers = AnswerColumns::new("topic", ValueType::Text);
    let mut writer = create(&Output::new(output), layout(output), reader.as_ref(), answers, None).unwrap();
    let mut faults = Vec::new();
    while let Some(chunk) = reader.next_chunk(2).unwrap() {
        let answers: Vec<Answer> = (0..chunk.rows()).map(|_| answer(json!("l"))).collect();
        writer.write(&chunk, &answers).unwrap();
        faults.extend((0..chunk.rows()).map(|row| (chunk.place(row), chunk.fault(row).map(ToOwned::to_owned))));
    }
    writer.finish().unwrap();
    faults
}

#[test]
fn rows_with_more_or_fewer_fields_are_kept_and_said() {
    let place = Place::new();
    let input = place.file("ragged.csv", "a,b\n1,\"x\ny\"\n1,2,3\n1\n4,5,,\n");
    let output = place.path("out.csv");
    insta::assert_debug_snapshot!(with_faults(&input, &output));
    let written = text(&output);
    let own: Vec<&str> = written
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(",l,").map(|(own, _)| own))
        .collect();
    assert_eq!(own, ["y\"", "1,\"2,3\"", "1,", "4,5"]);
    with_faults(&input, &place.path("out.jsonl"));
    with_faults(&input, &place.path("out.parquet"));
}

#[test]
fn bytes_that_are_not_text_are_kept_and_said() {
    let place = Place::new();
    let input = place.file("latin.csv", b"a,b\n1,caf\xE9\n2,caf\xC3\xA9\n");
    let output = place.path("out.csv");
    let faults = with_faults(&input, &output);
    assert_eq!(faults[0], ("line 2".to_owned(), Some("field 2 isn't UTF-8".to_owned())));
    assert_eq!(faults[1].1, None);
    let written = fs_err::read(&output).unwrap();
    assert!(
        written.windows(7).any(|bytes| bytes == b"1,caf\xE9,"),
        "the bytes are as they came"
    );
    with_faults(&input, &place.path("out.jsonl"));
    assert!(text(&place.path("out.jsonl")).starts_with("{\"a\":\"1\",\"b\":\"caf\u{fffd}\",\"topic\""));
}

#[test]
fn long_rows_fill_a_chunk_before_its_number_of_rows() {
    let place = Place::new();
    let long = "x".repeat(1 << 20);
    let rows = 12;
    let csv = place.file("in.csv", format!("a\n{}", format!("{long}\n").repeat(rows)));
    let jsonl = place.file("in.jsonl", format!("{{\"a\":\"{long}\"}}\n").repeat(rows));
    for input in [csv, jsonl] {
        let mut reader = reader(&input, &["a"]).unwrap();
        let mut sizes = Vec::new();
        while let Some(chunk) = reader.next_chunk(100).unwrap() {
            sizes.push(chunk.rows());
        }
        assert_eq!(sizes.iter().sum::<usize>(), rows);
        assert!(sizes.iter().all(|size| *size <= 5), "{sizes:?}");
    }
}

#[test]
fn what_has_no_header_or_a_wrong_one_is_refused() {
    let place = Place::new();
    let code = |path: &Path, wanted: &[&str]| reader(path, wanted).map(|_| ()).unwrap_err().code();
    assert_eq!(code(&place.file("twice.csv", "a,b,a\n1,2,3\n"), &[]), "RF0613");
    assert_eq!(code(&place.file("empty.csv", ""), &[]), "RF0616");
    assert_eq!(code(&place.path("missing.csv"), &[]), "RF0611");
    assert_eq!(code(&place.file("fine.csv", "body\nx\n"), &["text"]), "RF0614");
    assert_eq!(
        reader(&place.path("fine.csv"), &["bodi"])
            .map(|_| ())
            .unwrap_err()
            .hint()
            .unwrap(),
        "did you mean `body`?"
    );
}

#[test]
fn columns_that_would_be_written_over_are_refused() {
    let place = Place::new();
    let clash = |input: &Path, output: &str| copy(input, &place.path(output), 10).unwrap_err().code();
    let csv = place.file("in.csv", "id,topic_status\n1,x\n");
    let jsonl = place.file("in.jsonl", "{\"id\": 1}\n{\"id\": 2, \"topic\": null}\n");
    let escaped = place.file("escaped.jsonl", "{\"id\": 1, \"\\u0074opic\": 2}\n");
    for output in ["out.csv", "out.jsonl", "out.parquet"] {
        assert_eq!(clash(&csv, output), "RF0615");
        assert_eq!(clash(&jsonl, output), "RF0615");
        assert_eq!(clash(&escaped, output), "RF0615");
    }
}

#[test]
fn json_lines_keep_their_values_to_the_byte() {
    let place = Place::new();
    let lines = [
        r#"{"id": 123456789012345678901234567890, "x": 1.10, "nested": {"b": [1, null], "a": "\u00e9"}}"#,
        "",
        r#"  {"other": "key", "text": "line\nbreak, \"quote\" and \\ back"}  "#,
        "{}",
        r"{ }",
    ];
    let input = place.file("in.jsonl", lines.join("\n"));
    let output = place.path("out.jsonl");
    assert_eq!(copy(&input, &output, 2).unwrap(), 4);
    insta::assert_snapshot!(text(&output), @r#"
    {"id": 123456789012345678901234567890, "x": 1.10, "nested": {"b": [1, null], "a": "\u00e9"},"topic":"l0","topic_confidence":0.75,"topic_raw_confidence":0.1,"topic_status":"ok","topic_reason":null,"topic_source":"model","topic_model":"m@1"}
    {"other": "key", "text": "line\nbreak, \"quote\" and \\ back","topic":"l1","topic_confidence":0.75,"topic_raw_confidence":0.1,"topic_status":"ok","topic_reason":null,"topic_source":"model","topic_model":"m@1"}
    {"topic":"l2","topic_confidence":0.75,"topic_raw_confidence":0.1,"topic_status":"ok","topic_reason":null,"topic_source":"model","topic_model":"m@1"}
    {"topic":"l3","topic_confidence":0.75,"topic_raw_confidence":0.1,"topic_status":"ok","topic_reason":null,"topic_source":"model","topic_model":"m@1"}
    "#);
    for line in text(&output).lines() {
        let _: Value = serde_json::from_str(line).unwrap();
    }
}

#[test]
fn a_key_that_some_lines_lack_is_null_there() {
    let place = Place::new();
    let input = place.file("in.jsonl", "{\"a\": [1, {\"b\": 2}]}\n{\"b\": 2}\n");
    let chunk = reader(&input, &["a"]).unwrap().next_chunk(10).unwrap().unwrap();
    assert_eq!(
        [chunk.value(0, 0), chunk.value(1, 0)],
        [json!([1, {"b": 2}]), Value::Null]
    );
}

#[test]
fn json_lines_become_csv_with_the_keys_of_all_rows() {
    let place = Place::new();
    let input = place.file("in.jsonl", "{\"a\": 1, \"b\": [1, 2]}\n{\"c\": \"x,y\", \"a\": null}\n");
    let output = place.path("out.csv");
    for chunk in [1, 10] {
        copy(&input, &output, chunk).unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(text(&output), @r#"
            a,b,c,topic,topic_confidence,topic_raw_confidence,topic_status,topic_reason,topic_source,topic_model
            1,"[1,2]",,l0,0.75,0.1,ok,,model,m@1
            ,,"x,y",l1,0.75,0.1,ok,,model,m@1
            "#);
        }
    }
}

/// One column of each type that is met in practice, three rows, the last null.
fn columns() -> RecordBatch {
    let structure = StructArray::from(vec![
        (
            Arc::new(Field::new("x", DataType::Int64, true)),
            Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("y", DataType::Utf8, true)),
            Arc::new(StringArray::from(vec!["a", "b", "c"])) as ArrayRef,
        ),
    ]);
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), Some(vec![]), None]);
    let dictionary: DictionaryArray<Int32Type> = [Some("red"), Some("blue"), None].into_iter().collect();
    let decimal = Decimal128Array::from(vec![Some(12345), Some(-5), None])
        .with_precision_and_scale(10, 2)
        .unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "text",
            Arc::new(StringArray::from(vec![Some("a,\"b\"\n"), Some(""), None])),
        ),
        ("big", Arc::new(UInt64Array::from(vec![Some(u64::MAX), Some(0), None]))),
        (
            "real",
            Arc::new(Float64Array::from(vec![Some(0.1), Some(f64::NAN), None])),
        ),
        ("day", Arc::new(Date32Array::from(vec![Some(0), Some(20000), None]))),
        (
            "moment",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1), Some(0), None]).with_timezone("UTC")),
        ),
        ("price", Arc::new(decimal)),
        ("colour", Arc::new(dictionary)),
        ("list", Arc::new(list)),
        ("structure", Arc::new(structure)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn parquet_file(path: &Path, batch: &RecordBatch) {
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn parquet_batches(path: &Path) -> Vec<RecordBatch> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    builder.build().unwrap().map(Result::unwrap).collect()
}

#[test]
fn parquet_keeps_columns_and_types() {
    let place = Place::new();
    let (input, output) = (place.path("in.parquet"), place.path("out.parquet"));
    let batch = columns();
    parquet_file(&input, &batch);
    for chunk in [1, 2, 100] {
        assert_eq!(copy(&input, &output, chunk).unwrap(), 3);
        let [written] = parquet_batches(&output).try_into().unwrap();
        assert_eq!(written.num_columns(), batch.num_columns() + 7);
        for (column, field) in batch.schema().fields().iter().enumerate() {
            assert_eq!(written.schema().field(column), field.as_ref());
            // NaN isn't equal to itself, but is printed alike.
            assert_eq!(
                format!("{:?}", written.column(column)),
                format!("{:?}", batch.column(column)),
                "{field:?}"
            );
        }
        assert_eq!(
            written.column_by_name("topic").unwrap().as_ref(),
            &StringArray::from(vec!["l0", "l1", "l2"])
        );
    }
}

#[test]
fn parquet_becomes_text() {
    let place = Place::new();
    let input = place.path("in.parquet");
    parquet_file(&input, &columns());
    copy(&input, &place.path("out.jsonl"), 2).unwrap();
    copy(&input, &place.path("out.csv"), 2).unwrap();
    insta::assert_snapshot!(text(&place.path("out.jsonl")));
    insta::assert_snapshot!(text(&place.path("out.csv")));
}

#[test]
fn text_becomes_parquet() {
    let place = Place::new();
    let input = place.file("in.csv", AWKWARD);
    let output = place.path("out.parquet");
    copy(&input, &output, 3).unwrap();
    let back = place.path("back.jsonl");
    let mut reader = reader(&output, &["id", "body", "note", "topic"]).unwrap();
    let chunk = reader.next_chunk(10).unwrap().unwrap();
    assert_eq!(
        serde_json::to_value(chunk.record(1)).unwrap(),
        json!({"id": "2", "body": "two\nlines", "note": " spaces ", "topic": "l1"})
    );
    drop(back);

    let typed = place.file(
        "in.jsonl",
        "{\"n\": 1, \"r\": 1, \"b\": true, \"x\": {\"y\": 1}}\n{\"r\": 0.5, \"b\": null}\n",
    );
    copy(&typed, &output, 10).unwrap();
    let schema = parquet_batches(&output)[0].schema();
    let kinds: Vec<&DataType> = schema.fields().iter().take(4).map(|field| field.data_type()).collect();
    assert_eq!(
        kinds,
        [
            &DataType::Int64,
            &DataType::Float64,
            &DataType::Boolean,
            &DataType::Utf8
        ]
    );
    let mixed = place.file("mixed.jsonl", "{\"n\": 1}\n{\"n\": \"two\"}\n");
    copy(&mixed, &output, 1).unwrap();
    let schema = parquet_batches(&output)[0].schema();
    assert_eq!(
        schema.field(0).data_type(),
        &DataType::Utf8,
        "all rows count, not the first alone"
    );
}

#[test]
fn a_table_without_rows_keeps_its_header() {
    let place = Place::new();
    let input = place.file("in.csv", "id,body\n");
    for output in ["out.csv", "out.jsonl", "out.parquet"] {
        assert_eq!(copy(&input, &place.path(output), 10).unwrap(), 0);
    }
    assert!(text(&place.path("out.csv")).starts_with("id,body,topic,"));
    assert_eq!(text(&place.path("out.jsonl")), "");
    let builder = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(place.path("out.parquet")).unwrap());
    assert_eq!(builder.unwrap().schema().fields().len(), 9);
}

#[test]
fn values_of_every_kind_are_written() {
    let place = Place::new();
    let input = place.file("in.csv", "id\n1\n");
    let write = |value_type: ValueType, value: Value, output: &str| {
        let output = place.path(output);
        let mut reader = reader(&input, &[]).unwrap();
        let columns = AnswerColumns::new("t", value_type);
        let mut writer = create(&Output::new(&output), layout(&output), reader.as_ref(), columns, None).unwrap();
        let chunk = reader.next_chunk(1).unwrap().unwrap();
        writer.write(&chunk, &[answer(value)]).unwrap();
        writer.finish().unwrap();
        let chunk = self::reader(&output, &["t"]).unwrap().next_chunk(1).unwrap().unwrap();
        chunk.value(0, 0)
    };
    for (value_type, value, in_csv) in [
        (ValueType::Text, json!("a"), json!("a")),
        (ValueType::Texts, json!(["a", "b,c"]), json!("[\"a\",\"b,c\"]")),
        (ValueType::Boolean, json!(true), json!("true")),
        (ValueType::Numbers, json!([0.5, -1.0]), json!("[0.5,-1.0]")),
        (ValueType::Texts, Value::Null, json!("")),
    ] {
        assert_eq!(write(value_type, value.clone(), "out.parquet"), value);
        assert_eq!(write(value_type, value.clone(), "out.jsonl"), value);
        assert_eq!(write(value_type, value, "out.csv"), in_csv);
    }
}

/// Writes `rows` rows, stops as a killed run would with a torn line behind the checkpoint, goes on, and compares.
#[test]
fn a_table_is_continued_behind_its_checkpoint() {
    let place = Place::new();
    let csv = place.file("in.csv", AWKWARD);
    let jsonl = place.file(
        "in.jsonl",
        "{\"a\": 1}\n{\"b\": 2}\n\n{\"a\": 3, \"b\": 1}\n{\"b\": 4}\n",
    );
    let parquet = place.path("in.parquet");
    parquet_file(&parquet, &columns());
    for input in [&csv, &jsonl, &parquet] {
        for extension in ["csv", "jsonl", "parquet"] {
            let whole = place.path(&format!("whole.{extension}"));
            copy(input, &whole, 2).unwrap();
            let output = place.path(&format!("out.{extension}"));
            let columns = || AnswerColumns::new("topic", ValueType::Text);
            let answers = |from: usize, to: usize| -> Vec<Answer> {
                (from..to).map(|row| answer(json!(format!("l{row}")))).collect()
            };
            let target = Output::new(&output);

            let mut reading = reader(input, &[]).unwrap();
            let mut writer = create(&target, layout(&output), reading.as_ref(), columns(), None).unwrap();
            let chunk = reading.next_chunk(2).unwrap().unwrap();
            writer.write(&chunk, &answers(0, 2)).unwrap();
            let bytes = writer.checkpoint().unwrap();
            if extension == "parquet" {
                writer.finish().unwrap();
            } else {
                let chunk = reading.next_chunk(1).unwrap().unwrap();
                writer.write(&chunk, &answers(2, 3)).unwrap();
                writer.checkpoint().unwrap();
                drop(writer);
                let mut torn = fs_err::read(&output).unwrap();
                torn.truncate(torn.len() - 5);
                fs_err::write(&output, torn).unwrap();
            }

            let mut reading = reader(input, &[]).unwrap();
            assert_eq!(reading.skip(2).unwrap(), 2);
            let going_on = Some(Continue { bytes });
            let mut writer = create(&target, layout(&output), reading.as_ref(), columns(), going_on).unwrap();
            let chunk = reading.next_chunk(10).unwrap().unwrap();
            writer.write(&chunk, &answers(2, 2 + chunk.rows())).unwrap();
            writer.finish().unwrap();
            if extension == "parquet" {
                assert_eq!(
                    format!("{:?}", parquet_batches(&output)),
                    format!("{:?}", parquet_batches(&whole)),
                    "{input:?}"
                );
                assert!(!columnar_write::earlier_path(&output).exists());
            } else {
                assert_eq!(text(&output), text(&whole), "{input:?} to {extension}");
            }
        }
    }
}

#[test]
fn what_is_no_table_is_refused() {
    let place = Place::new();
    assert_eq!(
        reader(&place.file("in.parquet", "not parquet"), &[])
            .map(|_| ())
            .unwrap_err()
            .code(),
        "RF0619"
    );
    assert_eq!(
        reader(&place.file("none.parquet", ""), &[])
            .map(|_| ())
            .unwrap_err()
            .code(),
        "RF0616"
    );
    fs_err::create_dir(place.path("folder.csv")).unwrap();
    let error = reader(&place.path("folder.csv"), &[]).map(|_| ()).unwrap_err();
    assert_eq!(error.hint().unwrap(), "name a file, not a folder");
    let error = Input::new(Path::new("table.xlsx")).format(None).unwrap_err();
    insta::assert_snapshot!(message(&error), @"RF0610: can't tell the format of table.xlsx; end the name in .csv, .tsv, .jsonl or .parquet, or say it with `--input-format`");
}
