//! Keys and values of some rows as a cache of their own.

use ort::value::{DynValue, Tensor};

use super::super::tensors::{failed, numbers};
use super::{Cache, DecoderSession};
use crate::error::EngineError;
use crate::session::States;

impl DecoderSession {
    /// Copies the first keys and values of the rows `kept`, as many as stand with each. The other places up to `capacity` hold
    /// zeros.
    pub(super) fn gather(&self, cache: &Cache, kept: &[(usize, usize)], capacity: usize) -> Result<Cache, EngineError> {
        let failed = failed(&self.model);
        let (heads, size) = (self.description.kv_heads, self.description.head_size);
        let row_size = cache.capacity * size;
        let shape = vec![heads as i64, kept.len() as i64, capacity as i64, size as i64];
        let copy = |value: &DynValue| {
            let data = numbers(value).map_err(&failed)?;
            let head_size = data.len() / heads.max(1);
            let mut rows = vec![0.0; heads * kept.len() * capacity * size];
            let of_rows = rows.chunks_exact_mut((kept.len() * capacity * size).max(1));
            for (head, rows) in data.chunks_exact(head_size.max(1)).zip(of_rows) {
                for (&(row, keys), copied) in kept.iter().zip(rows.chunks_exact_mut((capacity * size).max(1))) {
                    copied[..keys * size].copy_from_slice(&head[row * row_size..][..keys * size]);
                }
            }
            Ok::<_, EngineError>(Tensor::from_array((shape.clone(), rows)).map_err(&failed)?.into_dyn())
        };
        let layers = cache
            .layers
            .iter()
            .map(|(key, value)| Ok((copy(key)?, copy(value)?)))
            .collect::<Result<_, EngineError>>()?;
        Ok(Cache { capacity, layers })
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
        let start = (row * cache.capacity + token) * size;
        let mut values = Vec::new();
        for (_, value) in cache.layers.iter().take(states.end).skip(states.first) {
            let data = numbers(value).map_err(&failed)?;
            let of_head = data.len() / self.description.kv_heads.max(1);
            for head in data.chunks_exact(of_head.max(1)) {
                values.extend_from_slice(&head[start..start + size]);
            }
        }
        Ok(values)
    }
}
