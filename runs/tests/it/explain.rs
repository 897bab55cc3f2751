//! Why a row was asked, or was not.

use refuel_engine::Cancel;
use refuel_runs::{Explanation, explain};

use crate::common::{MESSAGES, Shop, TOPIC};

fn explained(shop: &Shop, key: &str) -> Explanation {
    let workspace = shop.open();
    explain(&workspace, "model.shop.labelled", Some("id"), key, &Cancel::new())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Sentences without the times in them.
fn why(explanation: &Explanation) -> String {
    let lines = explanation.calls.iter().flat_map(|call| &call.why);
    let lines: Vec<String> = lines
        .map(|line| {
            let words = line.split(' ').map(|word| {
                let is_time = word.contains(':') && word.chars().next().is_some_and(|first| first.is_ascii_digit());
                let is_day = word.matches('-').count() == 2 && word.len() == 10;
                if is_time || is_day { "#" } else { word }
            });
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    lines.join("\n")
}

#[test]
fn a_row_is_followed_to_its_input_and_its_answer() {
    let shop = Shop::new();
    shop.build();
    let known = explained(&shop, "2");
    assert_eq!(known.calls.len(), 1);
    assert_eq!(known.calls[0].reads.as_deref(), Some("I want a refund!"));
    assert_eq!(
        (known.calls[0].gate, known.calls[0].value.as_str()),
        (Some("accepted"), Some("refund"))
    );
    insta::assert_snapshot!(why(&known), @r"
    it is not asked: the same input was answered by the same task and model on # # UTC
    its gate is accepted: confidence 0.600 against the threshold 0.6
    ");
    insta::assert_snapshot!(why(&explained(&shop, "5")), @r"
    it is not asked: the same input was answered by the same task and model on # # UTC
    its gate is review: confidence 0.500 is below the threshold 0.6
    ");
}

#[test]
fn what_changed_in_the_task_is_told() {
    let shop = Shop::new();
    shop.build();
    shop.write("tasks/topic.yml", &TOPIC.replace("Say what", "Say in one word what"));
    let again = explained(&shop, "2");
    insta::assert_snapshot!(why(&again), @"it is asked again: since # # UTC the task has changed (guidelines)");
    assert_eq!(again.calls[0].history.len(), 1);
    assert!(!again.calls[0].history[0].is_current);
}

#[test]
fn a_key_that_is_not_there_is_said() {
    let shop = Shop::new();
    shop.build();
    let workspace = shop.open();
    let missing = explain(&workspace, "model.shop.labelled", Some("id"), "17", &Cancel::new()).unwrap_err();
    assert_eq!(missing.to_string(), "no row of \"labelled\" is made of id = 17");
    let unknown = explain(&workspace, "model.shop.labelled", Some("nr"), "17", &Cancel::new()).unwrap_err();
    assert!(
        unknown.to_string().contains("reads nothing that has a column \"nr\""),
        "{unknown}"
    );
}

#[test]
fn a_row_that_an_incremental_build_leaves_out_is_told() {
    let shop = Shop::new();
    shop.write(
        "models/labelled.sql",
        "{{ config(materialized='incremental', unique_key='id') }}\n\
         SELECT id, body, refuel_label(body, 'topic') AS topic FROM {{ ref('cleaned') }}\n\
         {% if is_incremental() %}WHERE id >= (SELECT max(id) - 1 FROM {{ this }}){% endif %}\n",
    );
    shop.build();
    shop.write(
        "seeds/messages.csv",
        &MESSAGES.replace("I want a refund!\n3", "A refund at last!\n3"),
    );
    shop.run(refuel_runs::Command::Seed);
    let changed = explained(&shop, "2");
    assert!(changed.calls[0].is_left_out);
    insta::assert_snapshot!(why(&changed), @"the next build doesn't come to it: what is_incremental() adds to the model leaves its row out, and --full-refresh takes it in");
    assert!(!explained(&shop, "5").calls.iter().any(|call| call.is_left_out));
}
