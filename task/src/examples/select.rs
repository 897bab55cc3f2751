//! Choosing examples: pure functions of the examples and their vectors. Ties go to the example that was written first.

use serde_json::Value;

use super::Example;

/// The first `count` examples. With `balance`, answers take turns in the order in which they first appear, and each
/// gives its first examples. All of them, in the order written, where there are no more than `count`.
pub fn fixed(examples: &[Example], count: usize, balance: bool) -> Vec<usize> {
    if count >= examples.len() || !balance {
        return (0..examples.len().min(count)).collect();
    }
    let mut groups = groups(examples);
    let mut chosen = Vec::with_capacity(count);
    let mut turn = 0;
    while chosen.len() < count {
        for group in &mut groups {
            if let Some(&index) = group.get(turn)
                && chosen.len() < count
            {
                chosen.push(index);
            }
        }
        turn += 1;
    }
    chosen
}

/// The `count` examples nearest to `row` by cosine, best first, without those that `excluded` says are the row itself.
pub fn similar(row: &[f32], vectors: &[Vec<f32>], count: usize, excluded: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut scored: Vec<(f32, usize)> = vectors
        .iter()
        .enumerate()
        .filter(|(index, _)| !excluded(*index))
        .map(|(index, vector)| (cosine(row, vector), index))
        .collect();
    scored.sort_by(|(left, left_index), (right, right_index)| right.total_cmp(left).then(left_index.cmp(right_index)));
    scored.into_iter().take(count).map(|(_, index)| index).collect()
}

/// `count` examples that are unlike each other: first the one nearest to the mean of all, then always the one whose
/// nearest chosen neighbour is farthest by cosine (farthest-point traversal, Gonzalez 1985). With `balance`, answers take
/// turns in the order in which they first appear, and each gives the farthest of its own.
///
/// `vectors` holds one for each example.
pub fn diverse(examples: &[Example], vectors: &[Vec<f32>], count: usize, balance: bool) -> Vec<usize> {
    let available = examples.len().min(vectors.len());
    if count >= available {
        return (0..available).collect();
    }
    let groups = if balance {
        groups(&examples[..available])
    } else {
        vec![(0..available).collect()]
    };
    let mean = mean(&vectors[..available]);
    // How near each example is to what has been chosen; before the first choice, how far it is from the mean.
    let mut nearness: Vec<f32> = vectors[..available]
        .iter()
        .map(|vector| -cosine(&mean, vector))
        .collect();
    let mut taken = vec![false; available];
    let mut chosen: Vec<usize> = Vec::with_capacity(count);
    while chosen.len() < count {
        for group in &groups {
            let next = group
                .iter()
                .copied()
                .filter(|&index| !taken[index])
                .min_by(|&left, &right| nearness[left].total_cmp(&nearness[right]).then(left.cmp(&right)));
            let Some(next) = next.filter(|_| chosen.len() < count) else {
                continue;
            };
            for (index, near) in nearness.iter_mut().enumerate() {
                let to_next = cosine(&vectors[next], &vectors[index]);
                *near = if chosen.is_empty() { to_next } else { near.max(to_next) };
            }
            taken[next] = true;
            chosen.push(next);
        }
    }
    chosen
}

/// Indexes of the examples by answer, answers in the order in which they first appear.
fn groups(examples: &[Example]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(&Value, Vec<usize>)> = Vec::new();
    for (index, example) in examples.iter().enumerate() {
        match groups.iter_mut().find(|(answer, _)| *answer == &example.answer) {
            Some((_, members)) => members.push(index),
            None => groups.push((&example.answer, vec![index])),
        }
    }
    groups.into_iter().map(|(_, members)| members).collect()
}

fn mean(vectors: &[Vec<f32>]) -> Vec<f32> {
    let mut sum = vec![0.0; vectors.first().map_or(0, Vec::len)];
    for vector in vectors {
        for (total, value) in sum.iter_mut().zip(vector) {
            *total += value;
        }
    }
    sum
}

/// Cosine of the angle between two vectors; 0 where one has no length or is not finite.
fn cosine(left: &[f32], right: &[f32]) -> f32 {
    let dot: f32 = left.iter().zip(right).map(|(a, b)| a * b).sum();
    let length = |vector: &[f32]| vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    let cosine = dot / (length(left) * length(right));
    if cosine.is_finite() { cosine } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::RenderedInput;

    fn examples(answers: &[&str]) -> Vec<Example> {
        answers
            .iter()
            .enumerate()
            .map(|(index, answer)| Example {
                input: RenderedInput::text(&format!("text {index}")),
                answer: Value::from(*answer),
            })
            .collect()
    }

    fn angles(degrees: &[f32]) -> Vec<Vec<f32>> {
        degrees
            .iter()
            .map(|degree| vec![degree.to_radians().cos(), degree.to_radians().sin()])
            .collect()
    }

    #[test]
    fn fixed_takes_the_first_and_balanced_takes_turns() {
        let examples = examples(&["a", "a", "a", "b", "c", "b"]);
        assert_eq!(fixed(&examples, 3, false), [0, 1, 2]);
        assert_eq!(fixed(&examples, 4, true), [0, 3, 4, 1]);
        assert_eq!(
            fixed(&examples, 5, true),
            [0, 3, 4, 1, 5],
            "an answer that has run out is passed over"
        );
        assert_eq!(
            fixed(&examples, 9, true),
            [0, 1, 2, 3, 4, 5],
            "all of them stay in the order written"
        );
    }

    #[test]
    fn similar_is_by_cosine_best_first_and_ties_go_to_the_first() {
        let vectors = angles(&[90.0, 10.0, 0.0, 10.0]);
        assert_eq!(similar(&[2.0, 0.0], &vectors, 3, |_| false), [2, 1, 3]);
        assert_eq!(similar(&[2.0, 0.0], &vectors, 9, |index| index == 2), [1, 3, 0]);
    }

    #[test]
    fn vectors_without_length_or_sense_are_never_nearest() {
        let vectors = vec![vec![0.0, 0.0], vec![f32::NAN, 1.0], vec![1.0, 0.1]];
        assert_eq!(similar(&[1.0, 0.0], &vectors, 3, |_| false), [2, 0, 1]);
    }

    #[test]
    fn diverse_starts_in_the_middle_and_goes_for_the_farthest() {
        let vectors = angles(&[0.0, 5.0, 40.0, 80.0, 85.0]);
        let examples = examples(&["a", "a", "a", "b", "b"]);
        assert_eq!(diverse(&examples, &vectors, 3, false), [2, 4, 0]);
        assert_eq!(diverse(&examples, &vectors, 2, true), [2, 4], "one of each answer");
        assert_eq!(diverse(&examples, &vectors, 9, true), [0, 1, 2, 3, 4]);
    }
}
