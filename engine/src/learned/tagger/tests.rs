use std::path::Path;

use serde_json::json;

use super::*;

fn task(fields: &str) -> Task {
    let text = format!("name: t\nkind: extract\ninput: body\nfields: {fields}");
    Task::from_yaml(&text, "t.yml", Path::new(".")).unwrap()
}

fn sentence(text: &str) -> Sentence {
    Sentence::read(&Parts { columns: Vec::new() }.cut(text))
}

#[test]
fn fields_inside_of_others_and_lists_are_slots_and_what_is_no_piece_of_a_text_is_none() {
    let task = task(
        "{people: {type: integer}, name: {fields: [first, last]}, tags: {items: string}, urgent: {type: boolean}}",
    );
    let slots = Slots::of(&task);
    assert_eq!(slots.names(), ["people", "name.first", "name.last", "tags"]);
    assert_eq!(slots.others, ["urgent"]);
    let record = json!({"people": 4, "name": {"first": "Ann", "last": null}, "tags": ["a", "b"], "urgent": true});
    let found = slots
        .values(&record)
        .into_iter()
        .map(|(slot, value)| format!("{slot}: {value}"));
    let told: Vec<String> = found.collect();
    assert_eq!(told, ["0: 4", "1: \"Ann\"", "3: \"a\"", "3: \"b\""]);
}

#[test]
fn a_record_has_the_surest_value_of_a_field_and_all_of_a_list_with_their_places() {
    let task = task("{people: {type: integer}, name: {fields: [first]}, tags: {items: string}}");
    let slots = Slots::of(&task);
    let text = "für 4 or 5, Ann: quiet, late";
    let piece = |field: usize, at: usize, confidence: f32| Piece {
        field,
        tokens: at..at + 1,
        confidence,
    };
    let tagging = Tagging {
        pieces: vec![
            piece(0, 1, 0.4),
            piece(0, 3, 0.5),
            piece(0, 5, 0.9),
            piece(2, 7, 0.8),
            piece(2, 9, 0.7),
        ],
        absences: vec![0.0, 0.75, 0.0],
        confidence: 0.3,
    };
    let record = slots.record(text, &sentence(text), &tagging);
    assert_eq!(
        record.value,
        json!({"people": 5, "name": null, "tags": ["quiet", "late"]}),
        "Ann is no number"
    );
    let told: Vec<String> = record
        .fields
        .iter()
        .map(|field| format!("{} {} {:?}", field.value, field.confidence, field.span))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    people 0.5 Some([9, 10])
    name.first 0.75 None
    tags[0] 0.8 Some([17, 22])
    tags[1] 0.7 Some([24, 28])
    ");
}

fn tagged(task: &Task, text: &str, pieces: &[(usize, usize, f32)]) -> TaggedRecord {
    let slots = Slots::of(task);
    let pieces = pieces.iter().map(|&(field, at, confidence)| Piece {
        field,
        tokens: at..at + 1,
        confidence,
    });
    let tagging = Tagging {
        pieces: pieces.collect(),
        absences: vec![0.01; slots.leaves.len()],
        confidence: 0.9,
    };
    slots.record(text, &sentence(text), &tagging)
}

#[test]
fn what_may_not_stay_null_is_left_out() {
    let task = task("{people: {type: integer, nullable: false}, name: {fields: [first, last], nullable: false}}");
    let record = tagged(&task, "Ann was here", &[(1, 0, 0.9)]);
    assert_eq!(record.value, json!({"name": {"first": "Ann", "last": null}}));
    assert_eq!(tagged(&task, "nobody", &[]).value, json!({}));
    assert_eq!(
        task.normalize_expected(&record.value).as_ref(),
        Ok(&record.value),
        "it is what right answers look like"
    );
}

#[test]
fn a_piece_that_is_no_value_takes_the_confidence_of_the_record_along() {
    let task = task("{room: {type: integer, maximum: 60}, mail: {format: email}, tags: {items: string, max_items: 1}}");
    let beyond = tagged(&task, "room 99", &[(0, 1, 0.98)]);
    assert_eq!(beyond.value, json!({"room": null, "mail": null, "tags": []}));
    assert!(beyond.confidence < 0.02, "{}", beyond.confidence);
    let mail = tagged(&task, "write to nobody", &[(1, 2, 0.98)]);
    assert!(mail.value["mail"].is_null() && mail.confidence < 0.02);
    let many = tagged(&task, "late quiet", &[(2, 0, 0.9), (2, 1, 0.7)]);
    assert_eq!(many.value["tags"], json!(["late"]), "the surer one");
    assert!((many.confidence - 0.3).abs() < 1e-6);
}

#[test]
fn numbers_and_texts_of_a_list_are_found_as_they_are_read() {
    let task = task("{price: {type: number}, condition: {enum: [new, used]}}");
    let slots = Slots::of(&task);
    let text = "Used lens 35mm, $1,299.00";
    let places = |slot: usize, value: Value| slots.places(slot, &value, text, &sentence(text));
    assert_eq!(places(0, json!(1299)).first(), Some(&(6..11)));
    assert_eq!(places(1, json!("used")).first(), Some(&(0..1)));
    assert!(places(1, json!("new")).is_empty());
}

#[test]
fn columns_of_a_text_are_parts_of_it() {
    let parts = Parts {
        columns: vec!["asked".to_owned(), "body".to_owned()],
    };
    let text = "asked: name\nbody: Ann\nLee: yes";
    let cut: Vec<(&str, &str)> = parts.cut(text).iter().map(|part| (part.column, part.text)).collect();
    assert_eq!(cut, [("asked", "name\n"), ("body", "Ann\nLee: yes")]);
    assert!(
        parts
            .cut(text)
            .iter()
            .all(|part| text[part.start..].starts_with(part.text))
    );
    assert_eq!(parts.cut("no columns").len(), 1);
}
