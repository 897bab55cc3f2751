//! Answers that a real model copies out of a text.

use refuel_task::{NO_ANSWER, RenderedInput, Status};

use crate::home::answers;

const QUESTIONS: &str = "
kind: answer
input: {context: context, question: question}
examples:
  - {input: {context: The mill was built in 1871 by Jonas Berg., question: Who built the mill?}, answer: Jonas Berg}
  - {input: {context: The mill was built in 1871 by Jonas Berg., question: What does a ticket cost?}, answer: null}
";

const CONTEXT: &str = "The café opened in Zürich on 3 May 1999. Its founder, Anna Keller, sold it to a chain for 2.5 million \
                       francs in 2014.";

/// What a span says of the context.
fn piece(context: &str, [start, end]: [u32; 2]) -> String {
    context
        .trim()
        .chars()
        .skip(start as usize)
        .take((end - start) as usize)
        .collect()
}

#[test]
fn every_answer_is_a_piece_of_the_text_or_none() {
    let questions = [
        "Who founded it?",
        "When did it open?",
        "Where did it open?",
        "How many rooms has it?",
    ];
    let inputs: Vec<RenderedInput> = questions
        .iter()
        .map(|question| RenderedInput::two(CONTEXT, question))
        .collect();
    let Some(answers) = answers(&format!("{QUESTIONS}no_answer_threshold: 0.9\n"), &inputs) else {
        return;
    };
    for (question, answer) in questions.iter().zip(&answers) {
        assert_eq!(answer.status, Status::Ok, "{answer:?}");
        assert!(
            answer.confidence.is_some_and(|sure| sure > 0.0 && sure <= 1.0),
            "{answer:?}"
        );
        match answer.value.as_str() {
            Some(text) => {
                assert_eq!(
                    piece(CONTEXT, answer.scores[0].span.expect("a place")),
                    text,
                    "{question}"
                );
                assert_eq!(answer.scores[1].value, NO_ANSWER);
            }
            None => assert!(answer.value.is_null() && answer.scores[0].value == NO_ANSWER),
        }
    }
    assert!(answers.iter().any(|answer| answer.value.is_string()));
}

#[test]
fn the_threshold_decides_whether_there_is_an_answer() {
    let inputs = [RenderedInput::two(CONTEXT, "Who founded it?")];
    let Some(always) = answers(&format!("{QUESTIONS}no_answer_threshold: 1\n"), &inputs) else {
        return;
    };
    assert!(always[0].value.is_string());
    let never = answers(&format!("{QUESTIONS}no_answer_threshold: 0\n"), &inputs).expect("the model is there");
    assert!(never[0].value.is_null());
    let sure = never[0].confidence.expect("a confidence");
    assert!(
        (sure - always[0].scores[1].confidence).abs() < 1e-3,
        "{never:?} {always:?}"
    );
}

#[test]
fn a_long_text_is_read_in_windows_and_places_count_in_all_of_it() {
    let filler = "Nothing happened in that year, and the villagers went about their work as ever. ".repeat(80);
    let context = format!("  {filler}{CONTEXT} {filler}");
    let inputs = [RenderedInput::two(&context, "Who founded the café?")];
    let Some(answers) = answers(&format!("{QUESTIONS}no_answer_threshold: 1\n"), &inputs) else {
        return;
    };
    let answer = &answers[0];
    assert!(
        answer
            .reason
            .as_deref()
            .is_some_and(|reason| reason.starts_with("read in ")),
        "{answer:?}"
    );
    let text = answer.value.as_str().expect("an answer");
    assert_eq!(piece(&context, answer.scores[0].span.expect("a place")), text);
}
