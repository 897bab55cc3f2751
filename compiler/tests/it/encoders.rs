//! BERT: token vectors, text vectors, and classes.

use refuel_compiler::{GraphInterface, ModelDescription, Pooling, WeightFormat};
use serde::Deserialize;

use crate::fixtures::{compiled_as, distance, expected};
use crate::runtime::{self, input};

#[derive(Deserialize)]
struct Batch {
    ids: Vec<Vec<i64>>,
    attention_mask: Vec<Vec<i64>>,
    token_type_ids: Vec<Vec<i64>>,
    last_hidden_state: Option<Vec<Vec<Vec<f32>>>>,
    embedding: Option<Vec<Vec<f32>>>,
    logits: Option<Vec<Vec<f32>>>,
}

/// Runs the batch and gives one output in rows of its last dimension.
fn run(folder: &std::path::Path, batch: &Batch, output: &str) -> Vec<Vec<f32>> {
    let shape = [batch.ids.len(), batch.ids[0].len()];
    let inputs = vec![
        input("input_ids", &shape, batch.ids.concat()),
        input("attention_mask", &shape, batch.attention_mask.concat()),
        input("token_type_ids", &shape, batch.token_type_ids.concat()),
    ];
    let mut session = runtime::open(folder);
    let outputs = session.run(inputs).expect("the graph runs");
    let (shape, data) = outputs[output]
        .try_extract_tensor::<f32>()
        .expect("an output of floats");
    let width = *shape.last().unwrap() as usize;
    data.chunks_exact(width).map(<[f32]>::to_vec).collect()
}

fn normalized(vectors: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
    let normalize = |vector: Vec<f32>| {
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.iter().map(|value| value / length).collect()
    };
    vectors.into_iter().map(normalize).collect()
}

/// An encoder's vectors of the batch.
struct Encoded {
    description: ModelDescription,
    batch: Batch,
    /// One vector a token.
    hidden: Vec<Vec<f32>>,
    /// One vector a text, of length 1.
    embedding: Vec<Vec<f32>>,
}

fn encoded(name: &str, weights: WeightFormat) -> Option<Encoded> {
    if !runtime::is_there() {
        return None;
    }
    let batch: Batch = expected("bert");
    let (folder, description) = compiled_as(name, weights);
    let hidden = run(folder.path(), &batch, "last_hidden_state");
    let embedding = normalized(run(folder.path(), &batch, "embedding"));
    Some(Encoded {
        description,
        batch,
        hidden,
        embedding,
    })
}

#[test]
fn an_encoder_gives_the_same_vectors() {
    check("bert");
}

#[test]
fn an_encoder_in_a_gguf_file_gives_the_same_vectors() {
    check("gguf/bert.f16.gguf");
}

fn check(name: &str) {
    let Some(Encoded {
        description,
        batch,
        hidden,
        embedding,
    }) = encoded(name, WeightFormat::F32)
    else {
        return;
    };
    assert_eq!(
        description.interface,
        GraphInterface::Encoder {
            token_type_ids: true,
            output: "embedding".to_owned(),
            pooled: true,
            pooling: Pooling::Mean,
            normalize: true,
        }
    );
    // Nobody reads the vectors of padding.
    let kept = |vectors: Vec<Vec<f32>>| -> Vec<Vec<f32>> {
        let mask = batch.attention_mask.concat();
        vectors
            .into_iter()
            .zip(mask)
            .filter(|(_, kept)| *kept == 1)
            .map(|(vector, _)| vector)
            .collect()
    };
    let expected = kept(batch.last_hidden_state.clone().unwrap().concat());
    let distance_of_tokens = distance(&kept(hidden), &expected);
    let distance_of_texts = distance(&embedding, batch.embedding.as_ref().unwrap());
    eprintln!("{name}: off by {distance_of_tokens:.1e} at most, text vectors by {distance_of_texts:.1e}");
    assert!(
        distance_of_tokens < 1e-3,
        "token vectors are off by {distance_of_tokens}"
    );
    assert!(distance_of_texts < 1e-3, "text vectors are off by {distance_of_texts}");
}

#[test]
fn an_encoder_in_every_format_gives_close_vectors() {
    for (weights, least) in [
        (WeightFormat::F16, 0.999_99),
        (WeightFormat::Int8, 0.999),
        (WeightFormat::Int4, 0.9),
    ] {
        let Some(Encoded { batch, embedding, .. }) = encoded("bert", weights) else {
            return;
        };
        for (found, expected) in embedding.iter().zip(batch.embedding.as_ref().unwrap()) {
            let cosine: f32 = found
                .iter()
                .zip(expected)
                .map(|(found, expected)| found * expected)
                .sum();
            eprintln!("bert, {weights:?}: cosine {cosine:.5}");
            assert!(cosine > least, "{weights:?}: the cosine is {cosine}");
        }
    }
}

#[test]
fn a_classifier_gives_the_same_logits() {
    if !runtime::is_there() {
        return;
    }
    let batch: Batch = expected("bert_classifier");
    let expected = batch.logits.clone().unwrap();
    for (weights, most) in [
        (WeightFormat::F32, 1e-3),
        (WeightFormat::F16, 5e-3),
        (WeightFormat::Int8, 0.05),
        (WeightFormat::Int4, 0.5),
    ] {
        let (folder, description) = compiled_as("bert_classifier", weights);
        let GraphInterface::Classifier { labels, token_type_ids } = description.interface else {
            panic!("a classifier has the interface of one");
        };
        assert!(token_type_ids);
        assert_eq!(labels, ["billing", "delivery", "other"]);
        let distance = distance(&run(folder.path(), &batch, "logits"), &expected);
        eprintln!("bert_classifier, {weights:?}: off by {distance:.1e} at most");
        assert!(distance < most, "{weights:?}: off by {distance}");
    }
}
