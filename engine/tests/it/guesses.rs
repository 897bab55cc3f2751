//! Tokens that are guessed ahead change nothing of what a real model writes.

use refuel_engine::Cancel;
use refuel_task::{Answer, RenderedInput};

use crate::home::{self, DECODER};

const MEND: &str = "
kind: complete
input: text
guidelines: Write the text again, word for word, with its spelling mended.
examples:
  - {input: i wnat a table for two, output: i want a table for two}
  - {input: is there parking neer the hall on fridays, output: is there parking near the hall on fridays}
max_tokens: 48
";

const READ: &str = "
kind: extract
input: text
fields: {name: who asks, people: for how many, day: null}
max_tokens: 64
";

/// Also of their confidences, to the last bit: what is guessed and what is written beside a text leave all its sums in one order.
#[test]
fn guesses_and_neighbours_change_nothing_of_a_text() {
    let Some(home) = home::with_model(DECODER) else { return };
    let texts = [
        "good morning, i wold like to book a table for Anna Keller on friday",
        "pleese tell me wether there is a table for eleven people tonight, my name is Jonas",
        "the quick brown fox jumps over the lazzy dog and the lazy dog does not mind the quick brown fox",
        "four",
        "we are 6, cann we come at half past eight insted of nine? the name was Perez, and it was for tomorow",
    ]
    .map(RenderedInput::text);
    for yaml in [MEND, READ] {
        let write = |drafts: usize, at_a_time: usize| -> Vec<Answer> {
            let prepared = home::engine(&home, 0)
                .prepare(&home::task(yaml), Some(DECODER))
                .expect("it is prepared")
                .with_drafts(drafts);
            let some = |texts: &[RenderedInput]| {
                prepared
                    .answer_at_once(texts, &Cancel::default(), &mut |_| {})
                    .expect("answers")
            };
            texts.chunks(at_a_time).flat_map(some).collect()
        };
        let expected = write(0, 1);
        for (drafts, at_a_time) in [(8, 1), (0, 5), (8, 5), (3, 2)] {
            for (plain, other) in expected.iter().zip(write(drafts, at_a_time)) {
                assert_eq!(plain.value, other.value, "{drafts} guesses, {at_a_time} at a time");
                assert_eq!(
                    plain.raw_confidence, other.raw_confidence,
                    "{drafts} guesses, {at_a_time} at a time"
                );
            }
        }
    }
}
