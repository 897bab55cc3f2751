//! Rows that are longer than what fits.

use refuel_engine::Cancel;
use refuel_engine::machine::peak_memory;
use refuel_task::{RenderedInput, Status};

use crate::home::{self, DECODER, TOPICS};

fn long(bytes: usize) -> RenderedInput {
    RenderedInput::text(&"The parcel has not come and nobody answers the phone. ".repeat(bytes / 54 + 1)[..bytes])
}

#[test]
fn a_row_of_a_hundred_kilobytes_is_cut_and_answered_within_the_budget() {
    let Some(home) = home::with_model(DECODER) else { return };
    let prepared = home::engine(&home, 0)
        .prepare(&home::task(TOPICS), Some(DECODER))
        .expect("it is prepared");
    let cancel = Cancel::default();
    let short = RenderedInput::text("Where is my parcel?");
    prepared
        .answer(std::slice::from_ref(&short), &cancel, &mut |_| {})
        .expect("an answer");
    let before = peak_memory().expect("Linux");
    let answers = prepared
        .answer(&[long(100_000), short], &cancel, &mut |_| {})
        .expect("answers");
    let reason = answers[0].reason.as_deref().expect("a reason");
    assert!(reason.starts_with("truncated: "), "{reason}");
    assert_eq!(answers[0].status, Status::Ok);
    // The budgets of keys and values, of attention and of the arena, together.
    let more = peak_memory().expect("Linux") - before;
    assert!(more < 700 << 20, "{more} bytes more");
}

#[test]
fn a_row_that_must_not_be_cut_fails_alone() {
    let Some(home) = home::with_model(DECODER) else { return };
    let task = home::task(&format!("{TOPICS}truncate: error\n"));
    let prepared = home::engine(&home, 0)
        .prepare(&task, Some(DECODER))
        .expect("it is prepared");
    let inputs = [long(60_000), RenderedInput::text("Where is my parcel?")];
    let answers = prepared
        .answer(&inputs, &Cancel::default(), &mut |_| {})
        .expect("answers");
    assert_eq!(answers[0].status, Status::Error);
    let reason = answers[0].reason.as_deref().expect("a reason");
    assert!(reason.contains("tokens and only"), "{reason}");
    assert_eq!(answers[1].status, Status::Ok);
}

#[test]
fn the_head_the_tail_or_the_middle_is_kept() {
    let Some(home) = home::with_model(DECODER) else { return };
    let text = format!(
        "BEGINNING {} CENTRE {} ENDING",
        "filler ".repeat(9_000),
        "filler ".repeat(9_000)
    );
    for (policy, kept) in [("head", "BEGINNING"), ("tail", "ENDING"), ("middle", "CENTRE")] {
        let task = home::task(&format!("{TOPICS}truncate: {policy}\n"));
        let prepared = home::engine(&home, 0)
            .prepare(&task, Some(DECODER))
            .expect("it is prepared");
        let cancel = Cancel::default();
        let prompts = prepared
            .prompts(&[RenderedInput::text(&text)], &cancel)
            .expect("prompts");
        let shown = prepared.show(&prompts.rows[0], &cancel).expect("text");
        for word in ["BEGINNING", "CENTRE", "ENDING"] {
            assert_eq!(shown.contains(word), word == kept, "{policy}: {word}");
        }
    }
}
