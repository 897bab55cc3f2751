//! Vocabularies whose entries are found by embeddings too.

use refuel_task::{Normalization, RenderedInput, Task, ValueRules};

use crate::{read, task};

const PRODUCT: &str = "
kind: normalize
input: raw
vocabulary: [{value: Notebook  computer, id: n}, {value: Desktop computer, id: d}, {value: n, id: x}]
embeddings: all-minilm-l6-v2
";

fn rules(task: &Task) -> &Normalization {
    match &task.value_rules {
        Some(ValueRules::Normalize(normalization)) => normalization,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_model_that_embeds_is_named_and_answers_without_a_language_model() {
    let product = task(PRODUCT);
    let (terms, model) = product.embedded_vocabulary().expect("a model that embeds");
    assert_eq!(
        (terms.entries().len(), model.to_string().as_str()),
        (3, "all-minilm-l6-v2")
    );
    assert!(!product.asks_model());
    assert_eq!(product.registry_names(), ["all-minilm-l6-v2"]);
    let both = task(&format!("{PRODUCT}model: smollm2-135m-instruct\n"));
    assert_eq!(both.registry_names(), ["smollm2-135m-instruct", "all-minilm-l6-v2"]);
}

#[test]
fn answers_of_letters_alone_are_not_those_with_embeddings() {
    let letters = task(&PRODUCT.replace("embeddings: all-minilm-l6-v2\n", ""));
    assert!(letters.embedded_vocabulary().is_none());
    assert_ne!(letters.fingerprint(), task(PRODUCT).fingerprint());
}

#[test]
fn a_format_has_no_use_for_embeddings() {
    let error = read("kind: normalize\ninput: a\nformat: phone\nembeddings: all-minilm-l6-v2\n").unwrap_err();
    assert!(error.to_string().starts_with("tickets.yml:4:"), "{error}");
    assert!(error.to_string().contains("has no use for a format"), "{error}");
}

#[test]
fn entries_that_a_model_is_shown_are_found_again_whatever_found_them() {
    let product = task(PRODUCT);
    let shown = RenderedInput::choosing("laptop", &["Notebook  computer", "n", "Desktop computer"]);
    let [raw, lines] = shown.sides.expect("a value and its entries");
    let choices = rules(&product).choices_shown(&raw, &lines);
    let ids: Vec<&str> = choices.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(
        ids,
        ["n", "x", "d"],
        "\"n\" is a name here, and the identifier of another entry"
    );
    assert_eq!(choices[0].1, "Notebook  computer", "as the vocabulary has it");
}
