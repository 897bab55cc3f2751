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

#[test]
fn guesses_change_no_answer_of_one_text_at_a_time() {
    let Some(home) = home::with_model(DECODER) else { return };
    let texts = [
        "good morning, i wold like to book a table for Anna Keller on friday",
        "pleese tell me wether there is a table for eleven people tonight, my name is Jonas",
        "the quick brown fox jumps over the lazzy dog and the lazy dog does not mind the quick brown fox",
    ];
    for yaml in [MEND, READ] {
        let write = |drafts: usize| -> Vec<Answer> {
            let prepared = home::engine(&home, 0)
                .prepare(&home::task(yaml), Some(DECODER))
                .expect("it is prepared");
            let prepared = prepared.with_drafts(drafts);
            let one = |text: &&str| {
                let input = [RenderedInput::text(text)];
                prepared
                    .answer_at_once(&input, &Cancel::default(), &mut |_| {})
                    .expect("an answer")
                    .remove(0)
            };
            texts.iter().map(one).collect()
        };
        for (plain, guessed) in write(0).iter().zip(write(8)) {
            assert_eq!(plain.value, guessed.value);
            let near =
                |left: Option<f32>, right: Option<f32>| (left.unwrap_or(0.0) - right.unwrap_or(0.0)).abs() < 1e-2;
            assert!(near(plain.confidence, guessed.confidence), "{plain:?} {guessed:?}");
        }
    }
}
