//! Runs a compiled decoder as [`refuel_compiler::GraphInterface::PrefixDecoder`] describes it.

use std::path::Path;

use ort::session::Session;
use refuel_compiler::{GraphInterface, ModelDescription};

use crate::runtime::{self, input};

/// What stands for "may not look".
const HIDDEN: f32 = -1.0e9;

/// Keys and values, of rows that were run or of a prefix.
#[derive(Clone)]
pub(crate) struct Cache {
    /// Rows.
    rows: usize,
    /// Position of each row's each key. None for padding.
    positions: Vec<Vec<Option<i64>>>,
    /// Of each layer `[kv_heads, rows, length, head_size]`, keys and values.
    layers: Vec<[Vec<f32>; 2]>,
}

impl Cache {
    fn length(&self) -> usize {
        self.positions[0].len()
    }
}

/// A compiled decoder.
pub(crate) struct Decoder {
    session: Session,
    description: ModelDescription,
}

impl Decoder {
    /// Opens a compiled model's folder.
    pub(crate) fn open(folder: &Path, description: ModelDescription) -> Self {
        assert_eq!(description.interface, GraphInterface::PrefixDecoder);
        Self {
            session: runtime::open(folder),
            description,
        }
    }

    /// Runs one row of new tokens and gives the logits after each of them, and its keys and values.
    pub(crate) fn run(&mut self, prefix: Option<&Cache>, past: Option<&Cache>, ids: &[i64]) -> (Vec<Vec<f32>>, Cache) {
        let (mut logits, cache) = self.run_rows(prefix, past, &[ids]);
        (logits.swap_remove(0), cache)
    }

    /// Runs rows of new tokens, padded to the longest, and gives the logits after each token of each row.
    pub(crate) fn run_rows(
        &mut self,
        prefix: Option<&Cache>,
        past: Option<&Cache>,
        rows: &[&[i64]],
    ) -> (Vec<Vec<Vec<f32>>>, Cache) {
        let width = rows.iter().map(|row| row.len()).max().unwrap();
        let wanted: Vec<i64> = rows
            .iter()
            .enumerate()
            .flat_map(|(index, row)| (0..row.len()).map(move |place| (index * width + place) as i64))
            .collect();
        let (logits, cache) = self.run_wanted(prefix, past, rows, wanted);
        let mut logits = logits.into_iter();
        let by_row = rows
            .iter()
            .map(|row| logits.by_ref().take(row.len()).collect())
            .collect();
        (by_row, cache)
    }

    /// The same with the logits of the `wanted` indexes into the padded rows.
    pub(crate) fn run_wanted(
        &mut self,
        prefix: Option<&Cache>,
        past: Option<&Cache>,
        rows: &[&[i64]],
        wanted: Vec<i64>,
    ) -> (Vec<Vec<f32>>, Cache) {
        let count = rows.len();
        let width = rows.iter().map(|row| row.len()).max().unwrap();
        let (prefix_length, past_length) = (prefix.map_or(0, Cache::length), past.map_or(0, Cache::length));
        let mut ids = Vec::new();
        let mut positions = Vec::new();
        let mut keys: Vec<Vec<Option<i64>>> = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let past_keys = past.map(|past| past.positions[index].clone()).unwrap_or_default();
            let first = past_keys
                .iter()
                .flatten()
                .max()
                .map_or(prefix_length as i64, |last| last + 1);
            let new = (0..width).map(|place| (place < row.len()).then(|| first + place as i64));
            ids.extend((0..width).map(|place| row.get(place).copied().unwrap_or(0)));
            positions.extend(new.clone().map(|position| position.unwrap_or(0)));
            keys.push(past_keys.into_iter().chain(new).collect());
        }
        let own = past_length + width;
        let mut bias = Vec::with_capacity(count * width * own);
        let mut sliding = Vec::new();
        for keys in &keys {
            for query in 0..width {
                let at = keys[past_length + query];
                let seen = |place: usize, window: usize| match (at, keys[place]) {
                    (Some(at), Some(key)) => key <= at && at - key < window as i64,
                    // Padding looks at itself.
                    (None, _) => place == past_length + query,
                    (Some(_), None) => false,
                };
                let value = |seen: bool| if seen { 0.0 } else { HIDDEN };
                bias.extend((0..own).map(|place| value(seen(place, usize::MAX >> 1))));
                if let Some(window) = self.description.sliding_window {
                    let near = |key: usize| at.is_some_and(|at| at - (key as i64) < window as i64);
                    sliding.extend((0..prefix_length).map(|key| value(near(key))));
                    sliding.extend((0..own).map(|place| value(seen(place, window))));
                }
            }
        }
        let mut inputs = vec![
            input("input_ids", &[count, width], ids),
            input("position_ids", &[count, width], positions),
            input("attention_bias", &[1, count, width, own], bias),
            input("logit_positions", &[wanted.len()], wanted),
        ];
        if self.description.sliding_window.is_some() {
            inputs.push(input("sliding_bias", &[1, count, width, prefix_length + own], sliding));
        }
        let (heads, size) = (self.description.kv_heads, self.description.head_size);
        let places = (0..heads).flat_map(|head| {
            let tokens = (0..count).flat_map(|row| (past_length..own).map(move |place| (row, place)));
            tokens.flat_map(move |(row, place)| [head, row, place].map(|index| index as i64))
        });
        inputs.push(input(
            "key_places",
            &[heads, count, width, 3],
            places.collect::<Vec<_>>(),
        ));
        for (kind, cache, rows, capacity) in [("prefix", prefix, 1, prefix_length), ("past", past, count, own)] {
            assert!(cache.is_none_or(|cache| cache.rows == rows));
            for layer in 0..self.description.layers {
                for (which, word) in ["key", "value"].into_iter().enumerate() {
                    let mut data = vec![0.0; heads * rows * capacity * size];
                    if let Some(cache) = cache {
                        let kept = cache.layers[layer][which].chunks_exact((cache.length() * size).max(1));
                        for (row, kept) in data.chunks_exact_mut((capacity * size).max(1)).zip(kept) {
                            row[..kept.len()].copy_from_slice(kept);
                        }
                    }
                    let shape = [heads, rows, capacity, size];
                    inputs.push(input(format!("{kind}_{word}.{layer}"), &shape, data));
                }
            }
        }
        let outputs = self.session.run(inputs).expect("the graph runs");
        let floats = |name: &str, shape: &[usize]| -> Vec<f32> {
            let (found, data) = outputs[name].try_extract_tensor::<f32>().expect("an output of floats");
            assert!(
                found.iter().map(|&size| size as usize).eq(shape.iter().copied()),
                "{name}: {found:?}"
            );
            data.to_vec()
        };
        let vocabulary = self.description.vocabulary;
        let wanted = outputs["logits"].shape()[0] as usize;
        let logits = floats("logits", &[wanted, vocabulary]);
        let layers = (0..self.description.layers).map(|layer| {
            ["key", "value"].map(|word| floats(&format!("present_{word}.{layer}"), &[heads, count, own, size]))
        });
        let cache = Cache {
            rows: count,
            layers: layers.collect(),
            positions: keys,
        };
        (logits.chunks_exact(vocabulary).map(<[f32]>::to_vec).collect(), cache)
    }
}
