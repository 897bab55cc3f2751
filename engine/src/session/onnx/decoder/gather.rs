//! Keys and values of some rows, at some places, as a cache of their own.

use ort::value::{DynValue, Tensor};

use super::super::tensors::failed;
use super::{Cache, DecoderSession};
use crate::error::EngineError;
use crate::session::States;

impl DecoderSession {
    /// Copies, of each of the rows `kept`, the keys and values at the places named with it. Rows with fewer than `length`
    /// are filled up with zeros.
    pub(super) fn gather(
        &self,
        cache: &Cache,
        kept: &[(usize, Vec<usize>)],
        length: usize,
    ) -> Result<Cache, EngineError> {
        let failed = failed(&self.model);
        let (heads, size) = (self.description.kv_heads, self.description.head_size);
        let row_size = cache.length * size;
        let shape = vec![heads as i64, kept.len() as i64, length as i64, size as i64];
        let copy = |value: &DynValue| {
            let (_, data) = value.try_extract_tensor::<f32>().map_err(&failed)?;
            let head_size = data.len() / heads.max(1);
            let mut rows = Vec::with_capacity(heads * kept.len() * length * size);
            for head in data.chunks_exact(head_size.max(1)) {
                for (row, keys) in kept {
                    let row = &head[row * row_size..(row + 1) * row_size];
                    for run in keys.chunk_by(|left, right| left + 1 == *right) {
                        rows.extend_from_slice(&row[run[0] * size..(run[run.len() - 1] + 1) * size]);
                    }
                    rows.resize(rows.len() + (length - keys.len()) * size, 0.0);
                }
            }
            Ok::<_, EngineError>(Tensor::from_array((shape.clone(), rows)).map_err(&failed)?.into_dyn())
        };
        let layers = cache
            .layers
            .iter()
            .map(|(key, value)| Ok((copy(key)?, copy(value)?)))
            .collect::<Result<_, EngineError>>()?;
        Ok(Cache { length, layers })
    }

    /// The values of one token of a row in the layers of `states`: layer by layer, `kv_heads * head_size` numbers each.
    pub(super) fn values_at(
        &self,
        cache: &Cache,
        states: States,
        row: usize,
        token: usize,
    ) -> Result<Vec<f32>, EngineError> {
        let failed = failed(&self.model);
        let size = self.description.head_size;
        let start = (row * cache.length + token) * size;
        let mut values = Vec::new();
        for (_, value) in cache.layers.iter().take(states.end).skip(states.first) {
            let (_, data) = value.try_extract_tensor::<f32>().map_err(&failed)?;
            let of_head = data.len() / self.description.kv_heads.max(1);
            for head in data.chunks_exact(of_head.max(1)) {
                values.extend_from_slice(&head[start..start + size]);
            }
        }
        Ok(values)
    }
}
