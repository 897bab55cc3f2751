//! What people say outranks what models say.

use refuel_runs::NodeStatus;
use refuel_state::{Input, Review, Verdict};
use refuel_task::RenderedInput;

use crate::common::{Shop, TOPIC, lines, status};

pub(crate) fn review(shop: &Shop, text: &str, verdict: Verdict) {
    let review = Review {
        task: "topic".to_owned(),
        hash: RenderedInput::text(text).hash(),
        input: Input::One(text.to_owned()),
        verdict,
        reviewer: "ada".to_owned(),
        at: jiff::Timestamp::now(),
        note: None,
        guess: None,
    };
    shop.open().state.put_reviews(&[review]).unwrap();
}

#[test]
fn a_verdict_counts_from_the_next_build_on_and_survives_another_task() {
    let shop = Shop::new();
    shop.build();
    shop.models.asked();
    review(&shop, "Hello", Verdict::Value("delivery".into()));
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(
        status(&report, "model.shop.labelled"),
        NodeStatus::Success,
        "it is not reused"
    );
    assert_eq!(shop.models.asked(), [""; 0]);
    assert_eq!(shop.table("SELECT topic FROM labelled WHERE id = 5"), "delivery");
    assert_eq!(status(&shop.build(), "model.shop.labelled"), NodeStatus::Reused);
    // Another guideline asks all others again.
    shop.write("tasks/topic.yml", &TOPIC.replace("Say what", "Say in one word what"));
    shop.build();
    assert_eq!(
        shop.models.asked(),
        ["I want a refund!", "Where is my delivery?!", "delivery or refund"]
    );
    assert_eq!(shop.table("SELECT topic FROM labelled WHERE id = 5"), "delivery");
}

#[test]
fn a_verdict_that_is_taken_back_counts_no_more() {
    let shop = Shop::new();
    shop.build();
    review(&shop, "I want a refund!", Verdict::Value("other".into()));
    shop.build();
    assert_eq!(
        shop.table("SELECT topic FROM labelled WHERE id IN (2, 3)"),
        "other\nother"
    );
    let hash = RenderedInput::text("I want a refund!").hash();
    shop.open().state.take_review_back("topic", hash).unwrap();
    shop.models.asked();
    shop.build();
    assert_eq!(
        shop.table("SELECT topic FROM labelled WHERE id IN (2, 3)"),
        "refund\nrefund"
    );
    assert_eq!(shop.models.asked(), [""; 0]);
}

#[test]
fn a_rejection_leaves_no_value() {
    let shop = Shop::new();
    review(&shop, "I want a refund!", Verdict::Reject);
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(shop.table("SELECT topic FROM labelled WHERE id = 2"), "NULL");
    assert_eq!(shop.models.asked().len(), 3, "nobody needs the model's word on it");
}
