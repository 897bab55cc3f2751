//! What is told of an answer beside its value.

use refuel_task::Scored;

use super::*;

#[test]
fn records_are_written_with_what_is_told_of_their_fields() {
    let place = Place::new();
    let input = place.file("in.csv", "id\n1\n");
    let record = Answer {
        scores: vec![
            Scored {
                value: "brand".to_owned(),
                confidence: 0.5,
                raw_confidence: 0.25,
                span: Some([3, 7]),
            },
            Scored {
                value: "parts[0].name".to_owned(),
                confidence: 1.0,
                raw_confidence: 1.0,
                span: None,
            },
        ],
        ..answer(json!({"brand": "Sony", "parts": [{"name": null}]}))
    };
    let fields = json!({
        "brand": {"confidence": 0.5, "raw_confidence": 0.25, "span": [3, 7]},
        "parts[0].name": {"confidence": 1.0, "raw_confidence": 1.0},
    });
    for output in ["out.csv", "out.jsonl", "out.parquet"] {
        let output = place.path(output);
        let mut reader = reader(&input, &[]).unwrap();
        let columns = AnswerColumns::new("t", ValueType::Record);
        let mut writer = create(&Output::new(&output), layout(&output), reader.as_ref(), columns, None).unwrap();
        let chunk = reader.next_chunk(1).unwrap().unwrap();
        writer.write(&chunk, std::slice::from_ref(&record)).unwrap();
        writer.finish().unwrap();
        let read = self::reader(&output, &["t", "t_fields"])
            .unwrap()
            .next_chunk(1)
            .unwrap()
            .unwrap();
        let json = |column: usize| match read.value(0, column) {
            Value::String(text) => serde_json::from_str(&text).unwrap(),
            other => other,
        };
        assert_eq!(
            (json(0), json(1)),
            (record.value.clone(), fields.clone()),
            "{}",
            output.display()
        );
    }
}

#[test]
fn what_else_could_have_been_answered_is_written_where_it_is_asked_for() {
    let place = Place::new();
    let input = place.file("in.csv", "id\n1\n");
    let scored = Answer {
        scores: vec![Scored {
            value: "EUR 5.00".to_owned(),
            confidence: 0.5,
            raw_confidence: 0.25,
            span: None,
        }],
        ..answer(Value::Null)
    };
    let scores = json!([{"value": "EUR 5.00", "confidence": 0.5, "raw_confidence": 0.25}]);
    for output in ["out.csv", "out.jsonl", "out.parquet"] {
        let output = place.path(output);
        let mut reader = reader(&input, &[]).unwrap();
        let columns = AnswerColumns::new("t", ValueType::Text).with_scores();
        let mut writer = create(&Output::new(&output), layout(&output), reader.as_ref(), columns, None).unwrap();
        let chunk = reader.next_chunk(1).unwrap().unwrap();
        writer.write(&chunk, std::slice::from_ref(&scored)).unwrap();
        writer.finish().unwrap();
        let read = self::reader(&output, &["t_scores"])
            .unwrap()
            .next_chunk(1)
            .unwrap()
            .unwrap();
        let told = match read.value(0, 0) {
            Value::String(text) => serde_json::from_str(&text).unwrap(),
            other => other,
        };
        assert_eq!(told, scores, "{}", output.display());
    }
}
