//! What a chain of tags says of a text: the likeliest tags, and how likely each piece is.
//!
//! Sums over all ways to tag a text go forward and backward over its tokens (Rabiner 1989, "A tutorial on hidden Markov
//! models and selected applications in speech recognition", section V, for the scaling).

use std::ops::Range;

use ndarray::ArrayView2;

use super::tags::{Tags, is_inside};

/// Factors between neighbouring tags: `exp` of the transitions, 0 for what may not follow.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    tags: usize,
    /// `[from, to]`.
    factors: Vec<f64>,
}

impl Chain {
    /// Of `transitions`, `[from, to]`.
    pub(super) fn new(tags: Tags, transitions: &[f32]) -> Self {
        let count = tags.count();
        let factors = transitions.iter().enumerate().map(|(at, &transition)| {
            if Tags::may_follow(at / count, at % count) {
                f64::from(transition).exp()
            } else {
                0.0
            }
        });
        Self {
            tags: count,
            factors: factors.collect(),
        }
    }

    fn of(&self, from: usize) -> &[f64] {
        &self.factors[from * self.tags..(from + 1) * self.tags]
    }

    /// `into[to] = sum of before[from] * factor`.
    fn forward(&self, before: &[f64], into: &mut [f64]) {
        into.fill(0.0);
        for (from, &share) in before.iter().enumerate() {
            if share > 0.0 {
                let factors = self.of(from);
                into.iter_mut()
                    .zip(factors)
                    .for_each(|(sum, factor)| *sum += share * factor);
            }
        }
    }

    /// Sums over all ways to tag a text whose tokens have these scores, `[tokens, tags]`.
    pub(super) fn lattice(&self, scores: &ArrayView2<'_, f32>) -> Lattice<'_> {
        let (tokens, tags) = scores.dim();
        let mut lattice = Lattice {
            chain: self,
            tokens,
            potentials: vec![0.0; tokens * tags],
            forward: vec![0.0; tokens * tags],
            backward: vec![1.0; tokens * tags],
            scales: vec![1.0; tokens],
            log_sum: 0.0,
        };
        for (token, row) in scores.rows().into_iter().enumerate() {
            let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let range = token * tags..(token + 1) * tags;
            for (potential, &score) in lattice.potentials[range.clone()].iter_mut().zip(row) {
                *potential = (f64::from(score) - f64::from(highest)).exp();
            }
            let (before, here) = lattice.forward.split_at_mut(range.start);
            let here = &mut here[..tags];
            if token == 0 {
                (0..tags).for_each(|tag| here[tag] = f64::from(u8::from(!is_inside(tag))));
            } else {
                self.forward(&before[range.start - tags..], here);
            }
            here.iter_mut()
                .zip(&lattice.potentials[range])
                .for_each(|(sum, potential)| *sum *= potential);
            let scale = here.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            here.iter_mut().for_each(|sum| *sum /= scale);
            lattice.scales[token] = scale;
            lattice.log_sum += scale.ln() + f64::from(highest);
        }
        for token in (1..tokens).rev() {
            let after: Vec<f64> = (0..tags)
                .map(|tag| lattice.potential(token, tag) * lattice.backward[token * tags + tag] / lattice.scales[token])
                .collect();
            for from in 0..tags {
                let sum = self.of(from).iter().zip(&after).map(|(factor, after)| factor * after);
                lattice.backward[(token - 1) * tags + from] = sum.sum();
            }
        }
        lattice
    }

    /// The likeliest tags.
    pub(super) fn best(&self, scores: &ArrayView2<'_, f32>) -> Vec<usize> {
        let (tokens, tags) = scores.dim();
        if tokens == 0 {
            return Vec::new();
        }
        let logarithms: Vec<f64> = self.factors.iter().map(|factor| factor.ln()).collect();
        let mut origins = vec![0; tokens * tags];
        let start = |tag: usize| if is_inside(tag) { f64::NEG_INFINITY } else { 0.0 };
        let mut sums: Vec<f64> = (0..tags).map(|tag| start(tag) + f64::from(scores[[0, tag]])).collect();
        for token in 1..tokens {
            let next = (0..tags).map(|tag| {
                let (origin, sum) = (0..tags)
                    .map(|from| (from, sums[from] + logarithms[from * tags + tag]))
                    .fold(
                        (0, f64::NEG_INFINITY),
                        |best, one| if one.1 > best.1 { one } else { best },
                    );
                origins[token * tags + tag] = origin;
                sum + f64::from(scores[[token, tag]])
            });
            sums = next.collect();
        }
        let mut tag = (0..tags).fold(0, |best, tag| if sums[tag] > sums[best] { tag } else { best });
        let mut path = vec![tag; tokens];
        for token in (1..tokens).rev() {
            tag = origins[token * tags + tag];
            path[token - 1] = tag;
        }
        path
    }
}

/// See [`Chain::lattice`].
pub(super) struct Lattice<'a> {
    chain: &'a Chain,
    tokens: usize,
    /// `exp` of the scores, those of a token divided by the greatest: `[tokens, tags]`, as the next two.
    potentials: Vec<f64>,
    forward: Vec<f64>,
    backward: Vec<f64>,
    scales: Vec<f64>,
    /// Natural logarithm of the sum over all ways.
    pub(super) log_sum: f64,
}

impl Lattice<'_> {
    fn potential(&self, token: usize, tag: usize) -> f64 {
        self.potentials[token * self.chain.tags + tag]
    }

    fn backward(&self, token: usize, tag: usize) -> f64 {
        self.backward[token * self.chain.tags + tag]
    }

    /// How likely a token has a tag.
    pub(super) fn share(&self, token: usize, tag: usize) -> f64 {
        self.forward[token * self.chain.tags + tag] * self.backward(token, tag)
    }

    /// Adds to `sums`, `[from, to]`, how likely each pair of tags is at each pair of neighbours.
    pub(super) fn add_pairs(&self, sums: &mut [f64]) {
        let tags = self.chain.tags;
        for token in 1..self.tokens {
            let after: Vec<f64> = (0..tags)
                .map(|tag| self.potential(token, tag) * self.backward(token, tag) / self.scales[token])
                .collect();
            for from in 0..tags {
                let before = self.forward[(token - 1) * tags + from];
                let factors = self.chain.of(from);
                for (to, sum) in sums[from * tags..(from + 1) * tags].iter_mut().enumerate() {
                    *sum += before * factors[to] * after[to];
                }
            }
        }
    }

    /// How likely a piece of the text, from token to token, is just one value of a field (Culotta and `McCallum` 2004,
    /// "Confidence estimation for information extraction", section 3.1).
    pub(super) fn piece(&self, field: usize, piece: &Range<usize>) -> f64 {
        let (begin, inside) = (Tags::begin(field), Tags::inside(field));
        let mut tag = begin;
        let mut share = self.forward[piece.start * self.chain.tags + begin];
        for token in piece.start + 1..piece.end {
            share *= self.chain.of(tag)[inside] * self.potential(token, inside) / self.scales[token];
            tag = inside;
        }
        let last = piece.end - 1;
        let mut after = self.backward(last, tag);
        if piece.end < self.tokens {
            let goes_on = self.chain.of(tag)[inside] * self.potential(piece.end, inside);
            after -= goes_on * self.backward(piece.end, inside) / self.scales[piece.end];
        }
        (share * after).clamp(0.0, 1.0)
    }

    /// How likely no piece of the text is a value of a field.
    pub(super) fn absence(&self, field: usize) -> f64 {
        let tags = self.chain.tags;
        let mut sums = vec![1.0; 1];
        let mut next = vec![0.0; tags];
        for token in 0..self.tokens {
            if token == 0 {
                (0..tags).for_each(|tag| next[tag] = f64::from(u8::from(!is_inside(tag))));
            } else {
                self.chain.forward(&sums, &mut next);
            }
            next[Tags::begin(field)] = 0.0;
            next[Tags::inside(field)] = 0.0;
            let potentials = &self.potentials[token * tags..(token + 1) * tags];
            next.iter_mut()
                .zip(potentials)
                .for_each(|(sum, potential)| *sum *= potential / self.scales[token]);
            sums.clone_from(&next);
        }
        sums.iter().sum::<f64>().clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::*;

    /// Every way to tag `tokens` tokens.
    fn ways(tags: Tags, tokens: usize) -> Vec<Vec<usize>> {
        let mut ways: Vec<Vec<usize>> = vec![Vec::new()];
        for _ in 0..tokens {
            let longer = ways.iter().flat_map(|way| {
                let may = |&tag: &usize| match way.last() {
                    Some(&last) => Tags::may_follow(last, tag),
                    None => !is_inside(tag),
                };
                (0..tags.count())
                    .filter(may)
                    .map(|tag| [way.as_slice(), &[tag]].concat())
            });
            ways = longer.collect();
        }
        ways
    }

    proptest! {
        #[test]
        fn sums_are_those_over_every_way(
            tokens in 1usize..5,
            numbers in proptest::collection::vec(-3.0f32..3.0, 4 * 5 + 25),
        ) {
            let tags = Tags::new(2);
            let (scores, transitions) = numbers.split_at(4 * 5);
            let scores = Array2::from_shape_vec((tokens, 5), scores[..tokens * 5].to_vec()).unwrap();
            let score = |way: &[usize]| -> f64 {
                let own: f64 = way.iter().enumerate().map(|(token, &tag)| f64::from(scores[[token, tag]])).sum();
                let between: f64 = way.windows(2).map(|pair| f64::from(transitions[pair[0] * 5 + pair[1]])).sum();
                (own + between).exp()
            };
            let ways = ways(tags, tokens);
            let all: f64 = ways.iter().map(|way| score(way)).sum();
            let share = |holds: &dyn Fn(&[usize]) -> bool| -> f64 {
                ways.iter().filter(|way| holds(way)).map(|way| score(way)).sum::<f64>() / all
            };
            let chain = Chain::new(tags, transitions);
            let lattice = chain.lattice(&scores.view());
            prop_assert!((lattice.log_sum - all.ln()).abs() < 1e-9);
            for token in 0..tokens {
                for tag in 0..5 {
                    let expected = share(&|way| way[token] == tag);
                    prop_assert!((lattice.share(token, tag) - expected).abs() < 1e-9);
                }
            }
            for field in 0..2 {
                let expected = share(&|way| !way.contains(&Tags::begin(field)));
                prop_assert!((lattice.absence(field) - expected).abs() < 1e-9);
                for start in 0..tokens {
                    for end in start + 1..=tokens {
                        let expected = share(&|way| Tags::pieces(way).contains(&(field, start..end)));
                        prop_assert!((lattice.piece(field, &(start..end)) - expected).abs() < 1e-9);
                    }
                }
            }
            let best = ways.iter().max_by(|left, right| score(left).total_cmp(&score(right))).unwrap();
            prop_assert!((score(&chain.best(&scores.view())) - score(best)).abs() < 1e-9 * score(best));
            let mut pairs = vec![0.0; 25];
            lattice.add_pairs(&mut pairs);
            for (at, sum) in pairs.iter().enumerate() {
                let count = |way: &[usize]| way.windows(2).filter(|pair| pair[0] * 5 + pair[1] == at).count() as f64;
                let expected: f64 = ways.iter().map(|way| count(way) * score(way)).sum::<f64>() / all;
                prop_assert!((sum - expected).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_long_text_neither_overflows_nor_underflows() {
        let tags = Tags::new(2);
        let scores = Array2::from_shape_fn((5_000, 5), |(token, tag)| ((token * 7 + tag * 13) % 29) as f32 * 3.0);
        let chain = Chain::new(tags, &[0.5; 25]);
        let lattice = chain.lattice(&scores.view());
        assert!(lattice.log_sum.is_finite());
        let sum: f64 = (0..5).map(|tag| lattice.share(4_000, tag)).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
}
