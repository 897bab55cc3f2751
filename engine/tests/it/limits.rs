//! Rows that are longer than what fits.

use refuel_engine::machine::peak_memory;
use refuel_engine::session::Budget;
use refuel_engine::session::onnx::RuntimeOptions;
use refuel_engine::{CachePolicy, Cancel, Engine, EngineOptions};
use refuel_task::{RenderedInput, Source, Status};

use crate::home::{self, DECODER, TOPICS};

fn long(bytes: usize) -> RenderedInput {
    RenderedInput::text(&"The parcel has not come and nobody answers the phone. ".repeat(bytes / 54 + 1)[..bytes])
}

#[test]
fn a_row_of_a_hundred_kilobytes_is_cut_and_answered_within_the_budget() {
    let Some(home) = home::with_model(DECODER) else { return };
    let budget = Budget {
        cache_bytes: Some(128 << 20),
        activation_bytes: 64 << 20,
        ..Budget::default()
    };
    let prepared = home::engine_with(&home, 0, budget, CachePolicy::Memory)
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
    assert!(
        reason.starts_with("truncated: ") && reason.ends_with("memory for rows has no room for more"),
        "{reason}"
    );
    assert_eq!(answers[0].status, Status::Ok);
    // Both budgets, and as much as one of them for other activations and what the arena rounds up.
    let more = peak_memory().expect("Linux") - before;
    eprintln!("{} MB more", more >> 20);
    assert!(more < 320 << 20, "{more} bytes more");
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

#[test]
fn an_answer_to_a_part_of_a_row_is_not_kept_for_the_whole() {
    let Some(home) = home::with_model(DECODER) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let cache = CachePolicy::Disk {
        folder: folder.path().to_owned(),
        limit_bytes: 1 << 24,
    };
    let input = [long(12_000)];
    let ask = |cache_bytes| {
        let budget = Budget {
            cache_bytes,
            ..Budget::default()
        };
        let prepared = home::engine_with(&home, 0, budget, cache.clone())
            .prepare(&home::task(TOPICS), Some(DECODER))
            .expect("it is prepared");
        let answers = prepared.answer(&input, &Cancel::default(), &mut |_| {});
        answers.expect("answers").swap_remove(0)
    };
    let small = ask(Some(64 << 20));
    assert!(small.reason.expect("it is cut").starts_with("truncated: "));
    let whole = ask(None);
    assert_eq!(
        (whole.source, whole.reason),
        (Source::Model, None),
        "the model reads all of it"
    );
    assert_eq!(ask(Some(64 << 20)).source, Source::Cache, "a better answer is used");
}

#[test]
fn a_long_row_runs_without_an_arena_too() {
    let Some(home) = home::with_model(DECODER) else { return };
    let engine = Engine::open(EngineOptions {
        runtime: RuntimeOptions {
            memory_arena: false,
            ..RuntimeOptions::new(&home)
        },
        budget: Budget::default(),
        cache: CachePolicy::Memory,
    });
    let prepared = engine
        .expect("the engine opens")
        .prepare(&home::task(TOPICS), Some(DECODER))
        .expect("it is prepared");
    let answers = prepared.answer(&[long(14_000)], &Cancel::default(), &mut |_| {});
    assert_eq!(answers.expect("answers")[0].status, Status::Ok);
}

/// Words, numbers, punctuation and other scripts in no order, from a fixed seed.
fn prose(bytes: usize) -> String {
    const WORDS: [&str; 16] = [
        "the",
        "parcel",
        "hasn't",
        "arrived,",
        "straße",
        "naïve",
        "№42",
        "…",
        "«да»",
        "注文番号",
        "don't-know",
        "3.14",
        "🙂",
        "e\u{301}te",
        "<|im_end|>",
        "\n\n",
    ];
    let mut state = 7_u64;
    let mut text = String::with_capacity(bytes + 32);
    while text.len() < bytes {
        // Knuth's linear congruential generator (The Art of Computer Programming, volume 2, section 3.3.4).
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        text.push_str(WORDS[(state >> 60) as usize]);
        text.push_str(if state & (1 << 40) == 0 { " " } else { "  " });
    }
    text
}

#[test]
fn what_is_kept_of_a_text_that_is_far_too_long_is_what_is_kept_of_one_that_is_read_whole() {
    for (model, kind) in [(DECODER, TOPICS), (home::ENCODER, "kind: embed\ninput: body\n")] {
        let Some(home) = home::with_model(model) else { continue };
        let cancel = Cancel::default();
        let prepared = home::engine(&home, 0)
            .prepare(&home::task(kind), Some(model))
            .expect("it is prepared");
        let far_too_long = prose(4 << 20);
        let rows = |text: &str| {
            prepared
                .prompts(&[RenderedInput::text(text)], &cancel)
                .expect("prompts")
                .rows
        };
        let started = std::time::Instant::now();
        let cut = rows(&far_too_long);
        eprintln!("{model}: {} tokens in {:?}", cut[0].len(), started.elapsed());
        // Short enough to be read whole, and still too long for either model.
        let whole = rows(&far_too_long[..far_too_long.floor_char_boundary(128 << 10)]);
        assert!(cut == whole, "{model}: other tokens");
    }
}
