//! Inputs that are wrong: a row's fault stays with its row, and a file's is said by its real name.

use std::io::Write as _;
use std::os::fd::AsRawFd;
use std::sync::Once;

use parquet::file::metadata::RowGroupMetaData;
use proptest::prelude::*;

use super::*;

/// What is wrong with each row.
fn faults(input: &Path) -> Vec<Option<String>> {
    let mut reader = reader(input, &[]).unwrap();
    let mut faults = Vec::new();
    while let Some(chunk) = reader.next_chunk(3).unwrap() {
        faults.extend((0..chunk.rows()).map(|row| chunk.fault(row).map(ToOwned::to_owned)));
    }
    faults
}

#[test]
fn a_quote_that_is_never_closed_is_said_of_its_row() {
    let place = Place::new();
    let input = place.file("in.csv", "id,body\n1,fine\n2,\"not closed\n3,lost\n4,\"\"too\"\"\n");
    let output = place.path("out.csv");
    let faults = with_faults(&input, &output);
    assert_eq!(faults[0], ("line 2".to_owned(), None));
    insta::assert_debug_snapshot!(faults[1], @r#"
    (
        "line 3",
        Some(
            "a quote is opened and never closed, so that all lines behind it are in one field",
        ),
    )
    "#);
    assert_eq!(faults.len(), 2);
    assert!(
        text(&output).contains("2,\"not closed\n3,lost\n4,\"\"too\"\"\n\",l,"),
        "nothing is lost: {}",
        text(&output)
    );
    let header = place.file("header.csv", "id,\"body\n1,x\n");
    let error = reader(&header, &[]).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "RF0612");
    assert!(error.to_string().contains("never closed"), "{error}");
    // A single column without a line end is no fault.
    assert_eq!(self::faults(&place.file("one.csv", "a\n1\n\"2\"")), [None, None]);
}

#[test]
fn a_quote_that_a_later_one_closes_is_said_of_its_row() {
    let place = Place::new();
    let input = place.file(
        "in.csv",
        "id,body\n1,\"two\nlines\"\n2,\"not closed\n3,lost\n4,\"too\"\n5,\"fine\" \n6,fine\n",
    );
    let faults = faults(&input);
    assert_eq!(faults.len(), 4);
    assert!(
        faults[1].as_ref().unwrap().contains("these lines may be rows"),
        "{faults:?}"
    );
    assert_eq!([&faults[0], &faults[2], &faults[3]], [&None; 3]);
    let mut reader = reader(&input, &["id"]).unwrap();
    reader.skip(2).unwrap();
    let chunk = reader.next_chunk(9).unwrap().unwrap();
    assert_eq!(
        (chunk.rows(), chunk.fault(0)),
        (2, None),
        "it is no fault of a row behind it"
    );
}

/// Whether a text ends inside of quotes, by the rules of RFC 4180; a quote within an unquoted field is text.
fn ends_in_quotes(text: &str) -> bool {
    let (mut quoted, mut at_start) = (false, true);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
            }
            '"' if quoted => {
                quoted = false;
                at_start = false;
            }
            '"' if at_start => {
                quoted = true;
                at_start = false;
            }
            ',' | '\n' | '\r' if !quoted => at_start = true,
            _ => at_start = false,
        }
    }
    quoted
}

proptest! {
    #[test]
    fn only_the_last_row_has_an_unclosed_quote_and_only_where_there_is_one(body in "[a,\"\n\r ]{0,40}") {
        let place = Place::new();
        let faults = faults(&place.file("in.csv", format!("a,b\n{body}")));
        let unclosed: Vec<bool> = faults
            .iter()
            .map(|fault| fault.as_ref().is_some_and(|fault| fault.contains("never closed")))
            .collect();
        let (last, others) = unclosed.split_last().unwrap_or((&false, &[]));
        prop_assert!(!others.contains(&true));
        prop_assert_eq!(*last, ends_in_quotes(&body), "{:?}", faults);
    }
}

#[test]
fn a_json_line_that_is_no_object_is_a_faulty_row() {
    let place = Place::new();
    let lines = "{\"a\": 1}\n{\"a\": tru}\n\n[1, 2]\n{\"a\": 1} {\"a\": 2}\n{\"a\": \"\\ud800\"}\n{\"a\": 4}\n{\"a\": ";
    let input = place.file("in.jsonl", lines);
    let output = place.path("out.jsonl");
    insta::assert_debug_snapshot!(with_faults(&input, &output));
    let written = text(&output);
    let written: Vec<&str> = written.lines().collect();
    assert_eq!(written.len(), 7);
    assert!(
        written[1].starts_with("{\"unparsed_line\":\"{\\\"a\\\": tru}\",\"topic\":\"l\","),
        "{}",
        written[1]
    );
    assert!(
        written[4].starts_with("{\"a\": \"\\ud800\",\"topic\":"),
        "as it came: {}",
        written[4]
    );
    assert!(written[5].starts_with("{\"a\": 4,\"topic\":"));
    for output in ["out.csv", "out.parquet"] {
        let output = place.path(output);
        with_faults(&input, &output);
        let chunk = reader(&output, &["a", "unparsed_line"])
            .unwrap()
            .next_chunk(10)
            .unwrap();
        let chunk = chunk.unwrap();
        assert_eq!(chunk.value(1, 1), "{\"a\": tru}");
        assert_eq!(
            chunk.value(4, 1),
            "{\"a\": \"\\ud800\"}",
            "half a character has no column"
        );
        assert_eq!(chunk.value(6, 1), "{\"a\":");
        assert!(chunk.value(5, 1).as_str().is_none_or(str::is_empty));
    }
}

#[test]
fn json_lines_without_any_object_are_refused_with_the_first_line() {
    let place = Place::new();
    let fault = |content: &str| {
        let input = place.file("in.jsonl", content);
        let error = reader(&input, &["a"]).unwrap().next_chunk(10).unwrap_err();
        message(&error).replace(place.folder.path().to_str().unwrap(), "")
    };
    insta::assert_snapshot!(fault("[1, 2]\n[2, 3]\n"), @r#"RF0612: /in.jsonl, line 1: the line isn't one JSON object: invalid type: sequence, expected a JSON object at column 0; each line has to be one JSON object, such as {"text": "hello"}"#);
    insta::assert_snapshot!(fault("\n{\"a\": 1} {\"a\": 2}\n"), @r#"RF0612: /in.jsonl, line 2: the line isn't one JSON object: trailing characters at column 10; each line has to be one JSON object, such as {"text": "hello"}"#);
    insta::assert_snapshot!(fault("{\"aa\": 1}\nx\n"), @"RF0614: /in.jsonl has no column `a`; its columns are `aa`");
}

#[test]
fn bytes_of_json_lines_that_are_not_text_stay_the_same() {
    let place = Place::new();
    let input = place.file("in.jsonl", b"{\"a\": \"caf\xE9\", \"n\": 1.10 }\n");
    let output = place.path("out.jsonl");
    assert_eq!(
        with_faults(&input, &output)[0].1.as_deref(),
        Some("the line isn't UTF-8")
    );
    let written = fs_err::read(&output).unwrap();
    assert!(
        written.starts_with(b"{\"a\": \"caf\xE9\", \"n\": 1.10,\"topic\":"),
        "{}",
        String::from_utf8_lossy(&written)
    );
    assert_eq!(with_faults(&input, &place.path("out.csv")).len(), 1);
}

/// 100 rows of which the last alone has the key `late`, as text.
fn late() -> String {
    let mut lines: Vec<String> = (0..99).map(|row| format!("{{\"id\": {row}}}")).collect();
    lines.push("{\"late\": \"yes\", \"id\": \"last\"}\n".to_owned());
    lines.join("\n")
}

#[test]
fn a_key_first_seen_late_has_its_column_from_the_start() {
    let place = Place::new();
    let input = place.file("in.jsonl", late());
    for output in ["out.csv", "out.parquet", "out.tsv"] {
        let output = place.path(output);
        assert_eq!(copy(&input, &output, 10).unwrap(), 100);
        let mut reader = reader(&output, &["late", "id"]).unwrap();
        let mut rows = Vec::new();
        while let Some(chunk) = reader.next_chunk(100).unwrap() {
            rows.extend((0..chunk.rows()).map(|row| [chunk.value(row, 0), chunk.value(row, 1)]));
        }
        assert_eq!(rows[98][1], "98");
        assert_eq!(rows[99], ["yes", "last"]);
    }
}

#[test]
fn a_wanted_key_may_first_be_seen_late() {
    let place = Place::new();
    let input = place.file("in.jsonl", late());
    let mut reader = reader(&input, &["late"]).unwrap();
    assert_eq!(reader.next_chunk(64).unwrap().unwrap().value(0, 0), Value::Null);
    assert_eq!(reader.next_chunk(64).unwrap().unwrap().value(35, 0), "yes");
    let mut reader = self::reader(&input, &["later"]).unwrap();
    let error = reader.next_chunk(64).unwrap_err();
    assert_eq!(
        (error.code(), error.hint().unwrap().as_str()),
        ("RF0614", "did you mean `late`?")
    );
}

/// What can be read once only has the columns of its first rows.
#[test]
fn a_stream_of_json_lines_has_the_columns_of_its_first_rows() {
    let place = Place::new();
    let (pipe, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"{\"id\": 1}\nx\n{\"id\": 2, \"late\": 1}\n").unwrap();
    drop(writer);
    let input = Input::new(Path::new(&format!("/dev/fd/{}", pipe.as_raw_fd())));
    let mut reader = open(&input, Layout::new(Format::Jsonl, None), &["id".to_owned()]).unwrap();
    let output = place.path("out.csv");
    let answers = AnswerColumns::new("topic", ValueType::Text);
    let mut writer = create(&Output::new(&output), layout(&output), reader.as_ref(), answers, None).unwrap();
    // The second line isn't an object, and needs no column for its text.
    for _ in 0..2 {
        let chunk = reader.next_chunk(1).unwrap().unwrap();
        writer.write(&chunk, &[answer(json!("l"))]).unwrap();
    }
    let chunk = reader.next_chunk(1).unwrap().unwrap();
    let error = writer.write(&chunk, &[answer(json!("l"))]).unwrap_err();
    insta::assert_snapshot!(message(&error).replace(place.folder.path().to_str().unwrap(), ""), @"RF0617: line 3 of the input doesn't fit the columns of /out.csv: its key `late` was in none of the first rows; write JSON Lines, where each row has its own keys and types");
}

#[test]
fn text_in_utf_16_and_compressed_files_are_told_by_their_names() {
    let place = Place::new();
    let utf_16 = |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(order).collect() };
    let table = "id,body\n1,x\n";
    let marked = [b"\xFF\xFE".to_vec(), utf_16(table, u16::to_le_bytes)].concat();
    let mut said = Vec::new();
    for (name, content) in [
        ("marked.csv", marked),
        ("little.csv", utf_16(table, u16::to_le_bytes)),
        ("big.jsonl", utf_16("{\"id\": 1}\n", u16::to_be_bytes)),
        ("packed.csv", b"\x1F\x8B\x08\x00\x00\x00".to_vec()),
        ("packed.jsonl", b"PK\x03\x04\x14\x00".to_vec()),
    ] {
        let error = reader(&place.file(name, content), &[]).map(|_| ()).unwrap_err();
        said.push(message(&error).replace(place.folder.path().to_str().unwrap(), ""));
    }
    for name in ["in.csv.gz", "in.jsonl.zst"] {
        said.push(message(&Input::new(Path::new(name)).format(None).unwrap_err()));
    }
    insta::assert_snapshot!(said.join("\n"));
}

const PARQUET_ROWS: usize = 30;

/// A small Parquet file with text, numbers, nulls, lists and a dictionary.
fn small_parquet() -> Vec<u8> {
    let texts: StringArray = (0..PARQUET_ROWS)
        .map(|row| (row % 7 != 3).then(|| format!("parcel number {} is late", row % 11)))
        .collect();
    let numbers: Int64Array = (0..PARQUET_ROWS as i64).map(|row| Some(row * row)).collect();
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(
        (0..PARQUET_ROWS as i32).map(|row| (row % 5 != 0).then(|| (0..row % 4).map(Some))),
    );
    let colours: DictionaryArray<Int32Type> = (0..PARQUET_ROWS).map(|row| ["red", "blue"][row % 2]).collect();
    let columns: [(&str, ArrayRef); 4] = [
        ("text", Arc::new(texts)),
        ("number", Arc::new(numbers)),
        ("list", Arc::new(lists)),
        ("colour", Arc::new(colours)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Reads every value of a Parquet file, and returns the number of rows.
fn read_all(place: &Place, bytes: &[u8]) -> Result<usize, IoError> {
    // Panics that are caught print nothing, as under the program's own hook.
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !crate::panic::is_caught() {
                default(panic);
            }
        }));
    });
    let input = place.file("in.parquet", bytes);
    Survey::of(&Input::new(&input), Format::Parquet)?;
    let mut reader = reader(&input, &[])?;
    let answers = AnswerColumns::new("topic", ValueType::Text);
    let output = place.path("out.jsonl");
    let mut writer = create(&Output::new(&output), layout(&output), reader.as_ref(), answers, None)?;
    let mut rows = 0;
    while let Some(chunk) = reader.next_chunk(7)? {
        let answers: Vec<Answer> = (0..chunk.rows()).map(|_| answer(json!("l"))).collect();
        writer.write(&chunk, &answers)?;
        rows += chunk.rows();
    }
    Ok(rows)
}

#[test]
fn a_cut_parquet_file_is_refused() {
    let place = Place::new();
    let whole = small_parquet();
    assert_eq!(read_all(&place, &whole).unwrap(), PARQUET_ROWS);
    for length in [1, 4, 100, whole.len() / 2, whole.len() - 1] {
        assert_eq!(read_all(&place, &whole[..length]).unwrap_err().code(), "RF0619");
    }
}

/// Each byte of a file inverted, one at a time: the reader panics on some of these files, and ends early on others.
#[test]
fn no_wrong_byte_of_a_parquet_file_stops_the_program_or_loses_rows() {
    let place = Place::new();
    let whole = small_parquet();
    let mut refused = 0;
    let mut panicked = 0;
    for at in 0..whole.len() {
        for mask in [0x01, 0xFF] {
            let mut bytes = whole.clone();
            bytes[at] ^= mask;
            match read_all(&place, &bytes) {
                Ok(rows) => assert_eq!(rows, PARQUET_ROWS, "byte {at} ^ {mask:#x}"),
                Err(error) => {
                    refused += 1;
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    panicked += usize::from(cause.is_some_and(|cause| cause.contains("the file is corrupt")));
                }
            }
        }
    }
    eprintln!(
        "{} bytes, {refused} files refused, {panicked} of them where the reader panicked",
        whole.len()
    );
    assert!(refused > whole.len() / 4, "{refused}");
    assert!(panicked > 0, "this file shows why panics are caught");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn wrong_bytes_in_a_parquet_file_never_stop_the_program_or_lose_rows(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..5)
    ) {
        let place = Place::new();
        let mut bytes = small_parquet();
        for (index, mask) in &flips {
            let at = index.index(bytes.len());
            bytes[at] ^= mask;
        }
        if let Ok(rows) = read_all(&place, &bytes) {
            prop_assert_eq!(rows, PARQUET_ROWS);
        }
    }
}

#[test]
fn a_row_group_of_parquet_ends_at_a_number_of_bytes() {
    let place = Place::new();
    // Text that doesn't compress, of a megabyte a row.
    let mut state = 1u64;
    let mut table = "body\n".to_owned();
    for _ in 0..80 {
        for _ in 0..1 << 16 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            table.push_str(&format!("{state:016x}"));
        }
        table.push('\n');
    }
    let output = place.path("out.parquet");
    assert_eq!(copy(&place.file("in.csv", table), &output, 512).unwrap(), 80);
    let file = std::fs::File::open(&output).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let groups: Vec<i64> = builder
        .metadata()
        .row_groups()
        .iter()
        .map(RowGroupMetaData::compressed_size)
        .collect();
    assert!(groups.len() > 1, "{groups:?}");
    assert!(groups.iter().all(|bytes| *bytes <= (64 + 8) << 20), "{groups:?}");
}
