//! Records that a real model writes: always records of the task, whatever the input.

use proptest::prelude::*;
use refuel_task::{RenderedInput, Status};
use serde_json::Value;

use crate::home::{self, answers};

const LISTINGS: &str = "
kind: extract
input: title
guidelines: Read the product out of the title of its listing.
fields:
  brand: who makes it
  price: {type: number, description: what it costs}
  condition: {enum: [new, used, refurbished]}
  colors: {items: string, max_items: 4}
  seller: {fields: {name: who sells it, since: {type: integer}}}
examples:
  - input: Sony WH-1000XM4, black, used, $129 from AudioShop
    fields: {brand: Sony, price: 129, condition: used, colors: [black], seller: {name: AudioShop}}
  - input: 'brand new Bosch drill, 59.90'
    fields: {brand: Bosch, price: 59.9, condition: new, colors: []}
max_tokens: 160
";

fn listings() -> Vec<RenderedInput> {
    [
        "Canon EOS R6 camera body, refurbished, $1,299 from FotoFritz",
        "new Makita drill \"DHP482\", blue/white, 119.00",
        "Löwe Fernseher\t55 Zoll — gebraucht, schwarz\n350 Euro",
        "{\"brand\": \"Nike\"}",
        "?",
    ]
    .iter()
    .map(|title| RenderedInput::text(title))
    .collect()
}

/// The characters of a span.
fn characters(input: &RenderedInput, [start, end]: [u32; 2]) -> String {
    input
        .text
        .chars()
        .skip(start as usize)
        .take((end - start) as usize)
        .collect()
}

#[test]
fn every_record_is_one_of_the_task_and_its_texts_stand_in_the_input() {
    let inputs = listings();
    let Some(answers) = answers(LISTINGS, &inputs) else {
        return;
    };
    let task = home::task(LISTINGS);
    for (input, answer) in inputs.iter().zip(&answers) {
        assert_eq!(answer.status, Status::Ok, "{answer:?}");
        assert_eq!(
            task.normalize_expected(&answer.value).as_ref(),
            Ok(&answer.value),
            "in the form of the task"
        );
        let brand = answer
            .scores
            .iter()
            .find(|field| field.value == "brand")
            .expect("it is told of");
        match &answer.value["brand"] {
            Value::String(text) => assert_eq!(&characters(input, brand.span.expect("a place")), text),
            other => assert!(other.is_null() && brand.span.is_none()),
        }
        let least = answer.scores.iter().map(|field| field.confidence).fold(1.0, f32::min);
        assert!(answer.confidence.is_some_and(|sure| sure <= least + 1e-6));
        assert!(
            answer
                .scores
                .iter()
                .all(|field| (0.0..=1.0).contains(&field.confidence) && (0.0..=1.0).contains(&field.raw_confidence))
        );
    }
    assert_eq!(answers[1].value["brand"], "Makita");
    assert_eq!(answers[1].value["price"], 119.0);
}

#[test]
fn a_record_that_is_cut_is_ended_and_says_so() {
    let yaml =
        "kind: extract\ninput: body\nfields: {story: {span: false}, mood: {enum: [sad, glad]}}\nmax_tokens: 12\n";
    let inputs = [RenderedInput::text(
        "Tell me a very long story about a fox and a goose, with every detail.",
    )];
    let Some(answers) = answers(yaml, &inputs) else { return };
    let answer = &answers[0];
    assert_eq!(answer.status, Status::Ok);
    assert!(
        answer.value["story"].is_string() && answer.value["mood"].is_null(),
        "{}",
        answer.value
    );
    assert_eq!(answer.reason.as_deref(), Some("the record was cut at max_tokens: 12"));
    assert_eq!(answer.confidence, Some(0.0), "nobody said how it ends");
}

#[test]
fn a_record_that_can_not_be_ended_is_an_error() {
    let yaml = "kind: extract\ninput: body\nfields: {story: {span: false}, mood: {enum: [sad, glad], required: true}}\nmax_tokens: 12\n";
    let inputs = [RenderedInput::text(
        "Tell me a very long story about a fox and a goose, with every detail.",
    )];
    let Some(answers) = answers(yaml, &inputs) else { return };
    assert_eq!(answers[0].status, Status::Error);
    assert_eq!(answers[0].value, Value::Null);
    assert_eq!(
        answers[0].reason.as_deref(),
        Some("the record was cut at max_tokens: 12, where it can't be ended")
    );
}

/// Whatever the text, the model can write no record but one of the task.
#[test]
fn no_input_makes_anything_but_a_record() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let texts: Vec<String> = (0..24)
        .map(|_| {
            let tree = "[ -~äß東\n\t\"\\\\{}\\[\\]]{1,60}"
                .new_tree(&mut runner)
                .expect("a text");
            proptest::strategy::ValueTree::current(&tree)
        })
        .filter(|text| !text.trim().is_empty())
        .collect();
    let inputs: Vec<RenderedInput> = texts.iter().map(|text| RenderedInput::text(text)).collect();
    let Some(answers) = answers(LISTINGS, &inputs) else {
        return;
    };
    let task = home::task(LISTINGS);
    for (input, answer) in inputs.iter().zip(&answers) {
        assert_eq!(answer.status, Status::Ok, "{:?}: {:?}", input.text, answer.reason);
        assert_eq!(task.normalize_expected(&answer.value).as_ref(), Ok(&answer.value));
    }
}
