//! Encoders and sequence classifiers: whole rows, padded and masked.

use std::borrow::Cow;

use ort::session::Session as OrtSession;
use refuel_compiler::{GraphInterface, ModelDescription, Pooling};

use super::tensors::{self, Inputs, failed, tensor};
use crate::batching::{CandidateTrie, PackLimits, plan_packs};
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::guide::Guide;
use crate::session::{Budget, GenerateOptions, Generated, OnRows, Placement, Session};

/// See the module.
pub(super) struct EncoderSession {
    pub(super) model: String,
    pub(super) session: OrtSession,
    pub(super) description: ModelDescription,
    pub(super) placement: Placement,
    pub(super) budget: Budget,
}

/// How a graph's output becomes the numbers of a row.
struct Reading<'a> {
    output: &'a str,
    token_type_ids: bool,
    taken: Taken,
    normalize: bool,
    size: usize,
}

/// What is taken of the numbers that a graph has for a row.
#[derive(Clone, Copy)]
enum Taken {
    /// All: there is one vector a row.
    Whole,
    /// One vector out of those of its tokens.
    Pooled(Pooling),
    /// The vector of each token.
    Tokens,
}

impl EncoderSession {
    fn run_rows(
        &mut self,
        rows: &[Vec<u32>],
        reading: &Reading<'_>,
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let lengths: Vec<usize> = rows.iter().map(|row| row.len().max(1)).collect();
        let limits = PackLimits {
            padded_tokens: self.budget.padded_tokens() * 4,
            rows: 256,
        };
        let mut result = vec![Vec::new(); rows.len()];
        for pack in plan_packs(&lengths, limits) {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            let vectors = self.run_pack(rows, &pack, reading)?;
            for (&index, vector) in pack.iter().zip(vectors) {
                result[index] = vector;
            }
            on_rows(pack.len());
        }
        Ok(result)
    }

    fn run_pack(
        &mut self,
        rows: &[Vec<u32>],
        pack: &[usize],
        reading: &Reading<'_>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let width = pack.iter().map(|&row| rows[row].len()).max().unwrap_or(0).max(1);
        let count = pack.len() * width;
        let (mut ids, mut mask) = (vec![0_i64; count], vec![0_i64; count]);
        for (index, &row) in pack.iter().enumerate() {
            for (offset, &token) in rows[row].iter().enumerate() {
                ids[index * width + offset] = i64::from(token);
                mask[index * width + offset] = 1;
            }
        }
        let failed = failed(&self.model);
        let shape = vec![pack.len() as i64, width as i64];
        let mut inputs: Inputs<'_> = vec![
            (Cow::Borrowed("input_ids"), tensor(shape.clone(), ids).map_err(&failed)?),
            (
                Cow::Borrowed("attention_mask"),
                tensor(shape.clone(), mask).map_err(&failed)?,
            ),
        ];
        if reading.token_type_ids {
            inputs.push((
                Cow::Borrowed("token_type_ids"),
                tensor(shape, vec![0_i64; count]).map_err(&failed)?,
            ));
        }
        let long = count > self.budget.padded_tokens() * 16;
        let shrink = self.placement.arenas.as_deref().filter(|_| long);
        tensors::run(
            &mut self.session,
            &self.model,
            inputs,
            tensors::named(&[reading.output]),
            shrink,
            |outputs| {
                let data = tensors::floats(outputs, reading.output, &self.model)?;
                let a_row = data.len() / pack.len();
                Ok(pack
                    .iter()
                    .enumerate()
                    .map(|(index, &row)| {
                        let data = &data[index * a_row..(index + 1) * a_row];
                        let mut vector = match reading.taken {
                            Taken::Whole => data.to_vec(),
                            Taken::Pooled(pooling) => pool(data, rows[row].len(), reading.size, pooling),
                            Taken::Tokens => data[..rows[row].len() * reading.size].to_vec(),
                        };
                        if reading.normalize {
                            normalize(&mut vector);
                        }
                        vector
                    })
                    .collect())
            },
        )
    }
}

/// One vector out of those of a row's tokens; `data` is `[width, size]`, of which `tokens` are real.
fn pool(data: &[f32], tokens: usize, size: usize, pooling: Pooling) -> Vec<f32> {
    let tokens = tokens.clamp(1, (data.len() / size).max(1));
    match pooling {
        Pooling::Cls => data[..size].to_vec(),
        Pooling::Last => data[(tokens - 1) * size..tokens * size].to_vec(),
        Pooling::Mean => {
            let mut mean = vec![0.0; size];
            for vector in data.chunks_exact(size).take(tokens) {
                mean.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
            }
            mean.iter_mut().for_each(|sum| *sum /= tokens as f32);
            mean
        }
    }
}

fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
}

impl Session for EncoderSession {
    fn description(&self) -> &ModelDescription {
        &self.description
    }

    fn placement(&self) -> &Placement {
        &self.placement
    }

    fn row_limit(&self, prefix: usize, extra: usize) -> usize {
        // The attention scores of a row are squared in its length, for each head of 64.
        let heads = (self.description.hidden / 64).max(1);
        let scores = self.budget.activation_bytes / (heads * 2 * size_of::<f32>());
        self.description
            .context_length
            .saturating_sub(prefix + extra)
            .min((scores as f64).sqrt() as usize)
    }

    fn score(
        &mut self,
        _: &[u32],
        _: &[Vec<u32>],
        _: &CandidateTrie,
        _: &Cancel,
        _: OnRows<'_>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        Err(self.wrong_role("score", "a decoder"))
    }

    fn generate(
        &mut self,
        _: &[u32],
        _: &[Vec<u32>],
        _: Vec<Box<dyn Guide>>,
        _: &GenerateOptions,
        _: &Cancel,
        _: OnRows<'_>,
    ) -> Result<Vec<Generated>, EngineError> {
        Err(self.wrong_role("complete", "a decoder"))
    }

    fn embed(&mut self, rows: &[Vec<u32>], cancel: &Cancel, on_rows: OnRows<'_>) -> Result<Vec<Vec<f32>>, EngineError> {
        let GraphInterface::Encoder {
            token_type_ids,
            output,
            pooled,
            pooling,
            normalize,
        } = self.description.interface.clone()
        else {
            return Err(self.wrong_role("embed", "an encoder"));
        };
        let size = self.description.hidden;
        let reading = Reading {
            output: &output,
            token_type_ids,
            taken: if pooled { Taken::Whole } else { Taken::Pooled(pooling) },
            normalize,
            size,
        };
        self.run_rows(rows, &reading, cancel, on_rows)
    }

    fn states(
        &mut self,
        rows: &[Vec<u32>],
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let GraphInterface::Encoder { token_type_ids, .. } = self.description.interface else {
            return Err(self.wrong_role("embed", "an encoder"));
        };
        let reading = Reading {
            output: "last_hidden_state",
            token_type_ids,
            taken: Taken::Tokens,
            normalize: false,
            size: self.description.hidden,
        };
        self.run_rows(rows, &reading, cancel, on_rows)
    }

    fn classify(
        &mut self,
        rows: &[Vec<u32>],
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let GraphInterface::Classifier { token_type_ids, .. } = self.description.interface else {
            return Err(self.wrong_role("classify", "a classifier"));
        };
        let reading = Reading {
            output: "logits",
            token_type_ids,
            taken: Taken::Whole,
            normalize: false,
            size: 0,
        };
        self.run_rows(rows, &reading, cancel, on_rows)
    }
}

impl EncoderSession {
    fn wrong_role(&self, kind: &str, needs: &'static str) -> EngineError {
        let is = match self.description.interface {
            GraphInterface::Classifier { .. } => "a classifier",
            _ => "an encoder",
        };
        EngineError::WrongRole {
            model: self.model.clone(),
            is,
            kind: kind.to_owned(),
            needs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_reads_real_tokens_only() {
        let data = [1.0, 2.0, 3.0, 4.0, 100.0, 100.0];
        assert_eq!(pool(&data, 2, 2, Pooling::Mean), [2.0, 3.0]);
        assert_eq!(pool(&data, 2, 2, Pooling::Last), [3.0, 4.0]);
        assert_eq!(pool(&data, 2, 2, Pooling::Cls), [1.0, 2.0]);
    }
}
