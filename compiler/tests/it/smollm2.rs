//! The real `SmolLM2` 135M, where its GGUF file is: what each weight format loses, and what memory a compilation takes.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::path::PathBuf;

use refuel_compiler::{CompileOptions, ModelDescription, WeightFormat, compile};
use refuel_formats::{Checkpoint, FormatError, WeightSource};
use tokenizers::Tokenizer;

use crate::decoder::Decoder;
use crate::fixtures::divergence;
use crate::memory::growth;
use crate::runtime::{self, variable};

const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// Messages, prose and code, one text a line with its line ends written out.
const TEXTS: &str = include_str!("texts.txt");

/// The file: where `REFUEL_TEST_SMOLLM2_GGUF` says, or in the cache folder of fixtures.
fn checkpoint() -> Option<Checkpoint> {
    let cache = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let path: Option<PathBuf> = variable("REFUEL_TEST_SMOLLM2_GGUF").or_else(|| {
        let path = cache()?.join("refuel-fixtures").join(FILE);
        path.is_file().then_some(path)
    });
    if path.is_none() {
        eprintln!("skipped: {FILE} is neither in REFUEL_TEST_SMOLLM2_GGUF nor in ~/.cache/refuel-fixtures");
    }
    Some(Checkpoint::open(&path?).unwrap())
}

fn compiled(checkpoint: &Checkpoint, options: CompileOptions) -> (tempfile::TempDir, ModelDescription) {
    let out = tempfile::tempdir().unwrap();
    let description = compile(checkpoint, &options, out.path(), &mut |_| {}).unwrap();
    (out, description)
}

fn texts(checkpoint: &Checkpoint) -> Vec<Vec<i64>> {
    let tokenizer = Tokenizer::from_bytes(&checkpoint.tokenizer.tokenizer_json).unwrap();
    let tokens = |text: &str| -> Vec<i64> {
        let found = tokenizer.encode_fast(text.replace("\\n", "\n"), false).unwrap();
        found.get_ids().iter().map(|&id| i64::from(id)).collect()
    };
    TEXTS.lines().map(tokens).collect()
}

/// How far the logits over all texts are from those of the weights in single precision.
#[derive(Debug)]
struct Loss {
    /// Kullback-Leibler divergence a token.
    nats: f64,
    /// Share of tokens whose most likely next one is another.
    other_best: f64,
}

fn losses(checkpoint: &Checkpoint, formats: &[CompileOptions]) -> Vec<Loss> {
    let texts = texts(checkpoint);
    let tokens: usize = texts.iter().map(Vec::len).sum();
    let open = |options| {
        let (folder, description) = compiled(checkpoint, options);
        Decoder::open(folder.path(), description)
    };
    let mut exact = open(CompileOptions::new(WeightFormat::F32));
    let expected: Vec<_> = texts.iter().map(|text| exact.run(None, None, text).0).collect();
    let best = |logits: &Vec<f32>| logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    let loss = |options: &CompileOptions| {
        let mut decoder = open(*options);
        let (mut nats, mut others) = (0.0, 0_u32);
        for (text, expected) in texts.iter().zip(&expected) {
            let (found, _) = decoder.run(None, None, text);
            nats += divergence(&found, expected) * text.len() as f64;
            others += found
                .iter()
                .zip(expected)
                .filter(|(found, expected)| best(found) != best(expected))
                .count() as u32;
        }
        let loss = Loss {
            nats: nats / tokens as f64,
            other_best: f64::from(others) / tokens as f64,
        };
        eprintln!("{options:?}: {loss:.5?} over {tokens} tokens");
        loss
    };
    formats.iter().map(loss).collect()
}

#[test]
fn each_format_loses_no_more_than_is_stated() {
    let Some(checkpoint) = checkpoint().filter(|_| runtime::is_there()) else {
        return;
    };
    let formats = [WeightFormat::F16, WeightFormat::Int8, WeightFormat::Int4].map(CompileOptions::new);
    let not_turned = CompileOptions {
        rotate: false,
        ..formats[1]
    };
    let losses = losses(&checkpoint, &[&formats[..], &[not_turned]].concat());
    let bounds = [(1e-5, 0.005), (0.02, 0.08), (0.04, 0.12)];
    for ((format, (nats, other_best)), loss) in formats.iter().zip(bounds).zip(&losses) {
        assert!(loss.nats < nats && loss.other_best < other_best, "{format:?}: {loss:?}");
    }
    assert!(
        losses[1].nats < losses[3].nats / 2.0,
        "rotation is worth it: {losses:?}"
    );
}

/// The file's own weights have 4 bits already, and lose little in 4 bits again. Spread over what they were rounded from,
/// they are like those of a checkpoint in 16 bits.
#[test]
fn four_bits_of_finer_weights_lose_more() {
    let Some(mut checkpoint) = checkpoint().filter(|_| runtime::is_there()) else {
        return;
    };
    checkpoint.weights = Box::new(Spread(checkpoint.weights));
    let losses = losses(
        &checkpoint,
        &[WeightFormat::Int8, WeightFormat::Int4].map(CompileOptions::new),
    );
    assert!(losses[0].nats < 0.03 && losses[1].nats < 0.6, "{losses:?}");
}

/// The weights with a random part of a block's step added to each.
struct Spread(Box<dyn WeightSource>);

impl WeightSource for Spread {
    fn names(&self) -> Vec<String> {
        self.0.names()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.0.shape(name)
    }

    fn read_rows(&self, name: &str, rows: Range<usize>, into: &mut [f32]) -> Result<(), FormatError> {
        self.0.read_rows(name, rows.clone(), into)?;
        if name.ends_with("norm.weight") {
            return Ok(());
        }
        let columns = into.len() / rows.len();
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let name = hasher.finish();
        for (row, line) in rows.zip(into.chunks_exact_mut(columns)) {
            for (block, values) in line.chunks_mut(32).enumerate() {
                let least = values.iter().copied().fold(f32::INFINITY, f32::min);
                let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                for (place, value) in values.iter_mut().enumerate() {
                    // The same whichever rows are read together.
                    let place = (row * columns + 32 * block + place) as u64;
                    let mixed = (name ^ place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let random =
                        ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f32 / (1 << 24) as f32;
                    *value += (most - least) / 15.0 * (random - 0.5);
                }
            }
        }
        Ok(())
    }

    fn file_type(&self) -> String {
        self.0.file_type()
    }
}

/// Weights in single precision would take 538 MB; at no time is a quarter of that there.
#[test]
fn a_compilation_holds_a_part_of_the_model_at_a_time() {
    let Some(checkpoint) = checkpoint() else { return };
    let mut bytes = 0;
    for weights in [
        WeightFormat::Int4,
        WeightFormat::Int8,
        WeightFormat::F16,
        WeightFormat::F32,
    ] {
        let ((folder, description), growth) = growth(|| compiled(&checkpoint, CompileOptions::new(weights)));
        assert_eq!(description.parameters, 134_515_008);
        let fewer = std::mem::replace(
            &mut bytes,
            folder.path().join("model.onnx.data").metadata().unwrap().len(),
        );
        assert!(bytes > fewer, "{weights:?} takes {bytes} bytes, fewer bits {fewer}");
        let Some(growth) = growth else { continue };
        eprintln!(
            "{weights:?}: {} MiB of memory for {} MiB on disk",
            growth >> 20,
            bytes >> 20
        );
        assert!(growth < 134_515_008, "{weights:?} takes {growth} bytes");
    }
}
