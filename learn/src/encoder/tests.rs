use proptest::prelude::*;
use refuel_formats::FormatError;

use super::*;

/// A checkpoint of two small layers with numbers by chance.
struct Chance;

const HIDDEN: usize = 8;
const INNER: usize = 12;
const VOCABULARY: usize = 20;
const POSITIONS: usize = 9;

impl WeightSource for Chance {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let last = name.rsplit_once("layer.").map_or(name, |(_, name)| name);
        Some(match last.split_once('.').map_or(last, |(_, name)| name) {
            "word_embeddings.weight" => vec![VOCABULARY, HIDDEN],
            "position_embeddings.weight" => vec![POSITIONS, HIDDEN],
            "token_type_embeddings.weight" => vec![2, HIDDEN],
            "intermediate.dense.weight" => vec![INNER, HIDDEN],
            "intermediate.dense.bias" => vec![INNER],
            "output.dense.weight" => vec![HIDDEN, INNER],
            other if other.ends_with("bias") || other.ends_with("LayerNorm.weight") => vec![HIDDEN],
            _ => vec![HIDDEN, HIDDEN],
        })
    }

    fn read_rows(&self, name: &str, rows: Range<usize>, into: &mut [f32]) -> Result<(), FormatError> {
        let seed = name
            .bytes()
            .fold(7u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
        let mut random = fastrand::Rng::with_seed(seed);
        let columns = into.len() / rows.len();
        // Only whole tensors are read here.
        assert!(rows.start == 0 && columns > 0);
        let middle = if name.ends_with("LayerNorm.weight") { 1.0 } else { 0.0 };
        into.iter_mut().for_each(|value| *value = middle + random.f32() - 0.5);
        Ok(())
    }

    fn file_type(&self) -> String {
        "chance".to_owned()
    }
}

fn config() -> ModelConfig {
    let json = format!(
        r#"{{"architectures": ["BertModel"], "model_type": "bert", "hidden_size": {HIDDEN}, "num_hidden_layers": 2,
            "num_attention_heads": 2, "intermediate_size": {INNER}, "vocab_size": {VOCABULARY},
            "max_position_embeddings": {POSITIONS}, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu"}}"#
    );
    let mut config =
        refuel_formats::config::huggingface::from_json(json.as_bytes(), std::path::Path::new("config.json")).unwrap();
    config.pooling = Some("mean".to_owned());
    config.normalize = true;
    config
}

fn encoder() -> Encoder {
    Encoder::read(&config(), &Chance).unwrap()
}

fn texts() -> Vec<Vec<u32>> {
    vec![
        vec![1, 5, 2],
        vec![1, 7, 8, 9, 2],
        vec![1, 2],
        vec![1, 11, 12, 2],
        vec![3; 12],
    ]
}

/// What the loss changes by is what the gradient says, for numbers of every tensor of both layers.
#[test]
fn the_gradient_is_that_of_the_embeddings() {
    let encoder = encoder();
    let texts = texts();
    let views: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let mut random = fastrand::Rng::with_seed(3);
    let slopes = Array2::from_shape_simple_fn((texts.len(), HIDDEN), || random.f32() - 0.5);
    let dropout = || Some((0.2, fastrand::Rng::with_seed(11)));
    let loss = |encoder: &Encoder| {
        let pass = encoder.pass(encoder.start(&views), 0, dropout());
        let terms = pass.embeddings.iter().zip(&slopes);
        terms
            .map(|(value, slope)| f64::from(*value) * f64::from(*slope))
            .sum::<f64>()
    };
    let mut gradient: Vec<Vec<f32>> = encoder
        .layers
        .iter()
        .map(|layer| vec![0.0; layer.numbers.len()])
        .collect();
    let pass = encoder.pass(encoder.start(&views), 0, dropout());
    encoder.backward(&pass, &slopes, 0, &mut gradient);
    let mut furthest = 0.0f64;
    for (layer, gradient) in gradient.iter().enumerate() {
        for at in (0..gradient.len()).step_by(3) {
            let shifted = |by: f32| {
                let mut encoder = encoder.clone();
                encoder.layers[layer].numbers[at] += by;
                loss(&encoder)
            };
            let slope = (shifted(2e-3) - shifted(-2e-3)) / 4e-3;
            let gap = (slope - f64::from(gradient[at])).abs();
            furthest = furthest.max(gap);
            assert!(gap < 2e-3, "layer {layer}, number {at}: {slope} {}", gradient[at]);
        }
    }
    assert!(furthest > 0.0, "something was compared");
}

#[test]
fn tuning_draws_texts_of_a_label_together() {
    let encoder = encoder();
    let texts: Vec<Vec<u32>> = (0..40u32).map(|at| vec![1, 3 + at % 7, 10 + at % 2, 2]).collect();
    let labels: Vec<usize> = (0..40).map(|at| at % 2).collect();
    let options = TuneOptions {
        epochs: 40,
        rate: 3e-3,
        ..TuneOptions::default()
    };
    let mut epochs = Vec::new();
    let tuned = encoder
        .tune(&texts, &labels, &[1.0; 40], 2, &options, &mut |epoch| {
            epochs.push(epoch.number);
            true
        })
        .unwrap();
    assert_eq!(epochs.len(), 40);
    assert!(tuned.losses[39] < 0.5 * tuned.losses[0], "{:?}", tuned.losses);
    let embeddings = tuned.encoder.embed(&texts).unwrap();
    let logits = embeddings.dot(&tuned.points.t());
    assert_eq!(crate::linear::best_of(&logits), labels);
    let stopped = encoder.tune(&texts, &labels, &[1.0; 40], 2, &options, &mut |_| false);
    assert!(matches!(stopped, Err(LearnError::Stopped)));
}

/// The same numbers come out whatever the number of threads, and with lower layers kept as they are.
#[test]
fn tuning_does_not_depend_on_threads() {
    let encoder = encoder();
    let texts: Vec<Vec<u32>> = (0..40u32).map(|at| vec![1, 3 + at % 11, 2]).collect();
    let labels: Vec<usize> = (0..40).map(|at| at % 3).collect();
    let options = TuneOptions {
        epochs: 2,
        layers: 1,
        ..TuneOptions::default()
    };
    let tune = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| encoder.tune(&texts, &labels, &[1.0; 40], 3, &options, &mut |_| true))
            .unwrap()
            .encoder
            .tensors()
    };
    let one = tune(1);
    assert_eq!(one, tune(3));
    assert_eq!(one[..16], encoder.tensors()[..16], "the lower layer is not trained");
    assert_ne!(one[16..], encoder.tensors()[16..]);
}

#[test]
fn a_token_outside_the_vocabulary_is_refused() {
    assert!(matches!(
        encoder().embed(&[vec![VOCABULARY as u32]]),
        Err(LearnError::Shape { .. })
    ));
    assert!(matches!(encoder().embed(&[vec![]]), Err(LearnError::Shape { .. })));
}

proptest! {
    /// A text's embedding does not depend on what it is embedded with.
    #[test]
    fn a_text_is_embedded_by_itself(texts in proptest::collection::vec(proptest::collection::vec(0..VOCABULARY as u32, 1..12), 1..20)) {
        let encoder = encoder();
        let together = encoder.embed(&texts).unwrap();
        for (at, text) in texts.iter().enumerate() {
            let alone = encoder.embed(std::slice::from_ref(text)).unwrap();
            let gap = (&together.row(at) - &alone.row(0)).iter().fold(0.0f32, |most, gap| most.max(gap.abs()));
            prop_assert!(gap < 1e-5, "{gap}");
        }
    }
}

#[test]
fn tuning_on_tokens_tells_them_apart_and_is_the_same_every_time() {
    let encoder = encoder();
    let text = |tokens: &[u32]| TokenText {
        tokens: tokens.to_vec(),
        // Even tokens are of one class, odd ones of the other; those at the borders of none.
        classes: tokens
            .iter()
            .map(|token| (*token > 2).then_some((*token % 2) as usize))
            .collect(),
    };
    let texts = [
        text(&[1, 5, 8, 2]),
        text(&[1, 7, 6, 9, 2]),
        text(&[1, 4, 3, 2]),
        text(&[1, 10, 11, 2]),
    ];
    let options = TokenOptions {
        epochs: 60,
        batch: 2,
        rate: 1e-2,
        class_rate: 1e-2,
        dropout: 0.0,
        ..TokenOptions::default()
    };
    let mut losses = Vec::new();
    let mut tune = || {
        let mut hear = |epoch: Epoch| {
            losses.push(epoch.loss);
            true
        };
        encoder.tune_on_tokens(&texts, 2, &options, &mut hear).unwrap()
    };
    let (one, other) = (tune(), tune());
    assert_eq!(one.tensors(), other.tensors());
    assert!((losses[0] - 2.0f64.ln()).abs() < 0.1, "{}", losses[0]);
    assert!(losses[59] < 0.2, "{}", losses[59]);
    let tokens = vec![texts[0].tokens.clone(), vec![1, 2]];
    let states = one.states(&tokens).unwrap();
    assert_eq!([states[0].dim(), states[1].dim()], [(4, HIDDEN), (2, HIDDEN)]);
    let stopped = encoder.tune_on_tokens(&texts, 2, &options, &mut |_| false);
    assert!(matches!(stopped, Err(LearnError::Stopped)));
    let unknown = encoder.tune_on_tokens(&texts, 1, &options, &mut |_| true);
    assert!(matches!(unknown, Err(LearnError::UnknownLabel { .. })));
}
