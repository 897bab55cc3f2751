//! Tasks over whole tables: which records are the same thing, and which cells are wrong.

use std::fmt::Write as _;
use std::path::Path;

use refuel_task::{
    BlockingRule, CanonicalRule, ColumnRole, KeyPart, Kind, LinkMode, PairSide, ResolveTask, TableTask, Take, Task,
};

use crate::{read, task};

const VENDORS: &str = "
name: same_vendor
kind: resolve
key: vendor_id
columns: {phone: code, name: name, city: }
mode: link_and_deduplicate
model: all-minilm-l6-v2
blocking:
  - words: 20
  - trigrams: 15
  - embeddings: 5
  - sorted: 4
  - sorted: {column: name}
  - key: city
  - key: [city, {column: name, first: 4}, {column: phone, last: 6}, {column: phone, digits: true}]
  - min_hash: {bands: 10}
max_pairs: 1000
threshold: 0.6
canonical: {name: longest, city: vote, phone: {latest: seen}, street: {source: [2, 1]}}
examples:
  - {left: 17, right: V-45, match: yes}
  - {left: {name: Acme, city: Rome}, right: {name: ACME, city: }, match: false}
  - {left_name: Acme, left_city: Rome, right_name: Apex, match: 0}
";

fn resolve(task: &Task) -> &ResolveTask {
    match &task.table {
        Some(TableTask::Resolve(resolve)) => resolve,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_task_says_how_records_are_resolved() {
    let task = task(VENDORS);
    assert!(task.kind == Kind::RESOLVE && task.kind.is_of_tables());
    let resolve = resolve(&task);
    assert_eq!(resolve.key.as_deref(), Some("vendor_id"));
    let columns: Vec<_> = resolve
        .columns
        .iter()
        .map(|column| (&*column.name, column.role))
        .collect();
    assert_eq!(
        columns,
        [
            ("city", None),
            ("name", Some(ColumnRole::Name)),
            ("phone", Some(ColumnRole::Code))
        ]
    );
    assert_eq!(resolve.mode, Some(LinkMode::LinkAndDeduplicate));
    let part = |column: &str, take| KeyPart {
        column: column.to_owned(),
        take,
    };
    assert_eq!(
        resolve.blocking,
        [
            BlockingRule::Words(20),
            BlockingRule::Trigrams(15),
            BlockingRule::Embeddings(5),
            BlockingRule::Sorted {
                column: None,
                window: 4
            },
            BlockingRule::Sorted {
                column: Some("name".to_owned()),
                window: 3
            },
            BlockingRule::Key(vec![part("city", Take::All)]),
            BlockingRule::Key(vec![
                part("city", Take::All),
                part("name", Take::First(4)),
                part("phone", Take::Last(6)),
                part("phone", Take::Digits),
            ]),
            BlockingRule::MinHash { bands: 10, rows: 5 },
        ]
    );
    assert_eq!((resolve.max_pairs, resolve.threshold), (Some(1000), 0.6));
    let canonical: Vec<_> = resolve
        .canonical
        .iter()
        .map(|(column, rule)| (&**column, rule))
        .collect();
    assert_eq!(
        canonical,
        [
            ("city", &CanonicalRule::Vote),
            ("name", &CanonicalRule::Longest),
            ("phone", &CanonicalRule::Latest("seen".to_owned())),
            ("street", &CanonicalRule::Source(vec![2, 1])),
        ]
    );
    let pairs = &resolve.pairs;
    assert_eq!(pairs[0].left, PairSide::Key("17".to_owned()));
    assert_eq!(pairs[0].right, PairSide::Key("V-45".to_owned()));
    let record = |fields: &[(&str, &str)]| {
        let fields = fields
            .iter()
            .map(|(column, value)| ((*column).to_owned(), (*value).to_owned()));
        PairSide::Record(fields.collect())
    };
    assert_eq!(pairs[1].right, record(&[("name", "ACME")]), "a blank value is none");
    assert_eq!(pairs[2].left, record(&[("city", "Rome"), ("name", "Acme")]));
    assert_eq!(
        pairs.iter().map(|pair| pair.same).collect::<Vec<_>>(),
        [true, false, false]
    );
}

#[test]
fn little_has_to_be_said() {
    let task = task("{name: same, kind: resolve}");
    let resolve = resolve(&task);
    assert!(resolve.columns.is_empty() && resolve.blocking.is_empty() && resolve.pairs.is_empty());
    assert_eq!((resolve.threshold, resolve.mode), (0.5, None));
    let Some(TableTask::Repair(repair)) = &crate::task("{name: mend, kind: repair}").table else {
        panic!("a task of kind repair")
    };
    assert!(repair.unknown && repair.rows.is_empty() && (repair.threshold - 0.5).abs() < f32::EPSILON);
}

#[test]
fn labelled_pairs_and_rows_are_read_from_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("pairs.csv"),
        "left,right,same\nV1,V2,yes\nV3,V4,no\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("rows.csv"), "id,style,ounces\n7,IPA,\n").unwrap();
    let read = |text: &str| Task::from_yaml(text, "task.yml", folder.path()).unwrap();
    let pairs = read("{kind: resolve, key: id, examples: {from: pairs.csv, match: same}}");
    assert_eq!(resolve(&pairs).pairs.len(), 2);
    assert!(resolve(&pairs).pairs[0].same);
    let Some(TableTask::Repair(repair)) = read("{kind: repair, key: id, examples: {from: rows.csv}}").table else {
        panic!("a task of kind repair")
    };
    assert_eq!(repair.rows[0].key, "7");
    assert_eq!(
        repair.rows[0].values,
        [
            ("ounces".to_owned(), None),
            ("style".to_owned(), Some("IPA".to_owned()))
        ]
    );
}

#[test]
fn a_catalog_keeps_all_that_a_file_says() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rows.csv"), "id,style\n7,IPA\n").unwrap();
    let path = folder.path().join("mend.yml");
    std::fs::write(&path, "kind: repair\nkey: id\nexamples: {from: rows.csv}\n").unwrap();
    let vendors = folder.path().join("same_vendor.yml");
    std::fs::write(&vendors, VENDORS).unwrap();
    for path in [path, vendors] {
        let spec = Task::export(&path).unwrap();
        let kept = Task::from_catalog(&spec, "catalog").unwrap();
        let file = Task::from_file(&path).unwrap();
        assert_eq!(kept.table, file.table);
        assert_eq!(kept.fingerprint(), file.fingerprint());
    }
}

#[test]
fn whatever_changes_a_result_changes_the_fingerprint() {
    let before = task(VENDORS).fingerprint();
    for (from, to) in [
        ("phone: code", "phone: name"),
        ("key: vendor_id", "key: id"),
        ("link_and_deduplicate", "link"),
        ("- words: 20", "- words: 21"),
        ("max_pairs: 1000", "max_pairs: 1001"),
        ("threshold: 0.6", "threshold: 0.7"),
        ("name: longest", "name: vote"),
        ("V-45, match: yes", "V-45, match: no"),
    ] {
        assert!(VENDORS.contains(from), "{from}");
        assert_ne!(task(&VENDORS.replace(from, to)).fingerprint(), before, "{to}");
    }
    assert_eq!(task(&VENDORS.replace("same_vendor", "other")).fingerprint(), before);
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    let mut told = String::new();
    for text in [
        "kind: resolve\ninput: name",
        "kind: resolve\ncolumns: {name: nmae}",
        "kind: resolve\ncolumns: [name, name]",
        "kind: resolve\ncolumns: [name]\nignore: name",
        "kind: repair\nkey: id\ncolumns: [id]",
        "kind: resolve\nblocking: []",
        "kind: resolve\nblocking: [{words: 20, trigrams: 20}]",
        "kind: resolve\nblocking: [{word: 20}]",
        "kind: resolve\nblocking: [{words: 0}]",
        "kind: resolve\nblocking: [{embeddings: 10}]",
        "kind: resolve\nblocking: [{key: [{column: name, first: 2, last: 2}]}]",
        "kind: resolve\nthreshold: 1",
        "kind: resolve\ncanonical: {name: shortest}",
        "kind: resolve\ncanonical: {name: {}}",
        "kind: resolve\nmode: linked",
        "kind: resolve\nexamples: [{left: 1, right: 2}]",
        "kind: resolve\nexamples: [{left: 1, match: true}]",
        "kind: resolve\nexamples: [{left: 1, right: 2, match: perhaps}]",
        "kind: repair\nmodel: smollm2-135m-instruct",
        "kind: repair\nexamples: [{style: IPA}]",
        "kind: repair\nkey: id\nexamples: [{style: IPA}]",
    ] {
        let error = read(&format!("name: t\n{text}")).expect_err(text);
        let _ = writeln!(told, "{}\n  {error}", text.replace('\n', " | "));
        if let Some(hint) = error.hint() {
            let _ = writeln!(told, "  hint: {hint}");
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_row_is_no_answer_of_a_task_over_whole_tables() {
    let task = Task::from_yaml("{name: t, kind: resolve}", "t.yml", Path::new(".")).unwrap();
    assert!(task.normalize_expected(&true.into()).is_err());
    assert!(!task.asks_model());
}
