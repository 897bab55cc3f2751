//! Softmax over a vocabulary, without copies.

use rayon::prelude::*;

use crate::guide::TokenSet;
use crate::session::Opening;

/// `log(sum(exp(logits)))`, computed against the maximum so that it can't overflow.
///
/// Sums are kept in 16 lanes in the order of the slice, so that the result is the same whatever runs beside it.
pub(super) fn log_sum_exp(logits: &[f32]) -> f32 {
    let maximum = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if !maximum.is_finite() {
        return maximum;
    }
    let mut lanes = [0.0_f32; 16];
    let chunks = logits.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &logit) in lanes.iter_mut().zip(chunk) {
            *lane += exponential(logit - maximum);
        }
    }
    for (lane, &logit) in lanes.iter_mut().zip(rest) {
        *lane += exponential(logit - maximum);
    }
    let sum: f64 = lanes.iter().map(|&lane| f64::from(lane)).sum();
    maximum + sum.ln() as f32
}

/// `exp(x)` for `x <= 0`, within 2 units in the last place, in plain arithmetic that the compiler can vectorize.
///
/// Range reduction to `2^n * exp(r)` with `|r| <= ln(2) / 2` and a polynomial of degree 6 (the Taylor series: its error
/// over that range is below 2e-7). Below -87 the result is 0 within single precision.
#[inline]
fn exponential(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding 1.5 * 2^23 rounds to an integer held in the low bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    let clamped = x.max(-87.0);
    let shifted = clamped * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = clamped - n * LN2_HIGH - n * LN2_LOW;
    let polynomial =
        1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0))))));
    let scale = f32::from_bits(((shifted.to_bits() & 0x3ff).wrapping_add(127) & 0x1ff) << 23);
    if x < -87.0 { 0.0 } else { polynomial * scale }
}

/// For each row of `logits` (`[rows, vocabulary]`): the log probabilities of the tokens that `wanted` names for it.
pub(super) fn token_log_probabilities(logits: &[f32], vocabulary: usize, wanted: &[Vec<u32>]) -> Vec<Vec<f32>> {
    logits
        .par_chunks_exact(vocabulary)
        .zip(wanted)
        .map(|(row, tokens)| {
            let total = log_sum_exp(row);
            tokens
                .iter()
                .map(|&token| row.get(token as usize).map_or(f32::NEG_INFINITY, |logit| logit - total))
                .collect()
        })
        .collect()
}

/// A token with its log probabilities.
pub(super) struct Chosen {
    pub(super) token: u32,
    /// Among all tokens.
    pub(super) log_probability: f32,
    /// Among those that were allowed.
    pub(super) among_allowed: f32,
}

/// The most likely token of those that are allowed; the lowest of equals. None where none is.
pub(super) fn choose(logits: &[f32], allowed: Option<&TokenSet>) -> Option<Chosen> {
    let Some(allowed) = allowed else {
        let (token, log_probability) = greedy(logits);
        return Some(Chosen {
            token,
            log_probability,
            among_allowed: log_probability,
        });
    };
    let mut best: Option<usize> = None;
    allowed.iter_set_entries(|token| {
        if token < logits.len() && best.is_none_or(|best| logits[token] > logits[best]) {
            best = Some(token);
        }
    });
    let best = best?;
    let mut sum = 0.0_f64;
    allowed.iter_set_entries(|token| {
        if token < logits.len() {
            sum += f64::from(exponential(logits[token] - logits[best]));
        }
    });
    Some(Chosen {
        token: best as u32,
        log_probability: logits[best] - log_sum_exp(logits),
        among_allowed: -sum.ln() as f32,
    })
}

/// The same for the first token of a text, where `opening` decides whether the text says that there is nothing. Its
/// probability among the allowed tokens comes second; none where it is not one of them.
pub(super) fn choose_first(logits: &[f32], allowed: &TokenSet, opening: Opening) -> (Option<Chosen>, Option<f32>) {
    let Some(best) = choose(logits, Some(allowed)) else {
        return (None, None);
    };
    let Some(&logit) = logits
        .get(opening.token as usize)
        .filter(|_| allowed.is_allowed(opening.token))
    else {
        return (Some(best), None);
    };
    let of = |token: u32| Chosen {
        token,
        log_probability: best.log_probability + logits[token as usize] - logits[best.token as usize],
        among_allowed: best.among_allowed + logits[token as usize] - logits[best.token as usize],
    };
    let probability = (best.among_allowed + logit - logits[best.token as usize]).exp();
    if probability >= opening.threshold {
        return (Some(of(opening.token)), Some(probability));
    }
    let mut others = allowed.clone();
    others.disallow_token(opening.token);
    let chosen = choose(logits, Some(&others)).map_or(opening.token, |chosen| chosen.token);
    (Some(of(chosen)), Some(probability))
}

/// The most likely token and its log probability; the lowest token of equals.
fn greedy(logits: &[f32]) -> (u32, f32) {
    let mut best = 0;
    for (token, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = token;
        }
    }
    (best as u32, logits[best] - log_sum_exp(logits))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(tokens: &[u32]) -> TokenSet {
        let mut set = TokenSet::alloc(8);
        tokens.iter().for_each(|&token| set.allow_token(token));
        set
    }

    #[test]
    fn only_what_is_allowed_is_chosen_and_counts() {
        let logits = [0.0, 5.0, 3.0, 3.0_f32.ln(), 0.0];
        let chosen = choose(&logits, Some(&set(&[0, 3, 7]))).expect("a token");
        assert_eq!(chosen.token, 3, "what the logits don't reach is passed over");
        assert!((chosen.among_allowed.exp() - 0.75).abs() < 1e-6);
        assert!(choose(&logits, Some(&set(&[]))).is_none());
        assert_eq!(choose(&logits, None).map(|chosen| chosen.token), Some(1));
    }

    #[test]
    fn an_opening_is_taken_by_its_own_threshold() {
        let logits = [0.0, 9.0, 3.0_f32.ln(), 0.0];
        let first = |tokens: &[u32], threshold: f32| {
            let opening = Opening {
                token: 0,
                threshold,
                states: None,
            };
            let (chosen, probability) = choose_first(&logits, &set(tokens), opening);
            let chosen = chosen.expect("a token");
            (chosen.token, chosen.among_allowed.exp(), probability)
        };
        let near = |(token, among, probability): (u32, f32, Option<f32>), expected: (u32, f32, f32)| {
            assert_eq!(token, expected.0);
            assert!((among - expected.1).abs() < 1e-6 && (probability.unwrap() - expected.2).abs() < 1e-6);
        };
        near(first(&[0, 2], 0.5), (2, 0.75, 0.25));
        near(first(&[0, 2], 0.2), (0, 0.25, 0.25));
        near(first(&[0], 1.1), (0, 1.0, 1.0));
        assert_eq!(first(&[2, 3], 0.0), (2, 0.75, None));
    }

    proptest! {
        #[test]
        fn the_exponential_agrees_with_the_library(x in -86.0_f32..0.0) {
            let (expected, got) = (f64::from(x).exp(), f64::from(exponential(x)));
            prop_assert!((got - expected).abs() <= expected * 5e-7, "{x}: {got} against {expected}");
        }

        #[test]
        fn log_sum_exp_agrees_with_double_precision(logits in prop::collection::vec(-30.0_f32..30.0, 1..200)) {
            let maximum = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = logits.iter().map(|&logit| f64::from(logit - maximum).exp()).sum();
            let expected = f64::from(maximum) + sum.ln();
            prop_assert!((f64::from(log_sum_exp(&logits)) - expected).abs() < 1e-5);
        }
    }

    #[test]
    fn probabilities_sum_to_one() {
        let logits: Vec<f32> = (0..1000).map(|index| ((index * 37) % 101) as f32 / 7.0).collect();
        let all: Vec<u32> = (0..1000).collect();
        let sum: f64 = token_log_probabilities(&logits, 1000, &[all])[0]
            .iter()
            .map(|&value| f64::from(value).exp())
            .sum();
        assert!((sum - 1.0).abs() < 1e-5);
    }
}
