//! For each rare value of a column the frequent values that it may have been.

use rustc_hash::FxHashMap;

use super::channel::{Channel, Replacements};
use super::distance::Aligner;
use crate::table::Column;

/// A value that stands in this many rows is frequent.
const FREQUENT: u32 = 3;
/// And this many times as often as the rare one.
const TIMES: u32 = 4;
/// Letters of a text that grams are made of, and cost is counted for.
const LONGEST: usize = 400;
/// Grams of a rare value that are looked up, the rarest first.
const LOOKED_UP: usize = 10;
/// Frequent values that are aligned with a rare one.
const ALIGNED: usize = 12;
/// Longer lists of values with a gram are not read.
const LONGEST_LIST: usize = 3000;
/// Short texts have few grams: those of one length are all compared, up to so many.
const SAME_LENGTH: usize = 400;

/// Rare values of a column that the channel is learned from, at most.
const LEARNED_FROM: usize = 5000;
/// And how alike they must be to the frequent ones.
const NEARLY: f32 = 0.66;
/// What a replaced letter counts that a person put right.
const CORRECTED: f32 = 2.0;

/// A frequent value that a rare one may have been.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Likeness {
    pub(crate) code: u32,
    /// From 0 to 1, by the channel.
    pub(crate) alike: f32,
    /// Its share among the values that the rare one may have been, by cost and frequency.
    pub(crate) share: f32,
}

/// The frequent values of a column, by the grams that they have.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    grams: FxHashMap<[char; 3], Vec<u32>>,
    by_length: FxHashMap<usize, Vec<u32>>,
}

fn grams(text: &str, into: &mut Vec<[char; 3]>) {
    into.clear();
    let mut window = ['\u{2}'; 3];
    for letter in text.chars().take(LONGEST).chain(std::iter::once('\u{3}')) {
        window = [window[1], window[2], letter];
        if window[1] != '\u{2}' {
            into.push(window);
        }
    }
    into.sort_unstable();
    into.dedup();
}

impl Neighbours {
    /// Indexes the frequent values of a column.
    pub(crate) fn of(column: &Column) -> Self {
        let mut neighbours = Self::default();
        let mut scratch = Vec::new();
        for code in column.present_codes().filter(|&code| column.count(code) >= FREQUENT) {
            let text = column.text(code);
            grams(text, &mut scratch);
            for &gram in &scratch {
                neighbours.grams.entry(gram).or_default().push(code);
            }
            let length = text.chars().count();
            neighbours.by_length.entry(length).or_default().push(code);
        }
        neighbours
    }

    /// The values that a rare one may have been, the best first; at most three.
    pub(crate) fn find(&self, column: &Column, code: u32, channel: &Channel, aligner: &mut Aligner) -> Vec<Likeness> {
        let observed = column.text(code);
        let length = observed.chars().count();
        let least = column.count(code).max(1) * TIMES;
        if self.grams.is_empty() || !(2..=LONGEST).contains(&length) {
            return Vec::new();
        }
        let longest_cost = if length < 4 {
            1.0
        } else {
            (length as f32 * 0.3).min(8.0)
        };
        let mut found: Vec<(u32, f32)> = Vec::new();
        for candidate in self.candidates(observed, length) {
            if candidate == code || column.count(candidate) < least.max(FREQUENT) {
                continue;
            }
            if let Some(cost) = aligner.cost(channel, column.text(candidate), observed, longest_cost) {
                found.push((candidate, cost));
            }
        }
        found.sort_by(|one, other| {
            (one.1.total_cmp(&other.1))
                .then_with(|| column.count(other.0).cmp(&column.count(one.0)))
                .then(one.0.cmp(&other.0))
        });
        let Some(&(_, cheapest)) = found.first() else {
            return Vec::new();
        };
        let weight =
            |&(candidate, cost): &(u32, f32)| (column.count(candidate) as f32) * (-3.0 * (cost - cheapest)).exp();
        let all: f32 = found.iter().map(weight).sum();
        let mut likenesses: Vec<Likeness> = found
            .iter()
            .map(|pair| Likeness {
                code: pair.0,
                alike: 1.0 - pair.1 / length.max(column.text(pair.0).chars().count()) as f32,
                share: weight(pair) / all,
            })
            .collect();
        likenesses.sort_by(|one, other| other.share.total_cmp(&one.share));
        likenesses.truncate(3);
        likenesses
    }

    fn candidates(&self, observed: &str, length: usize) -> Vec<u32> {
        let mut scratch = Vec::new();
        grams(observed, &mut scratch);
        let mut lists: Vec<&[u32]> = scratch
            .iter()
            .filter_map(|gram| self.grams.get(gram).map(Vec::as_slice))
            .filter(|list| list.len() <= LONGEST_LIST)
            .collect();
        lists.sort_by_key(|list| list.len());
        let mut overlap: FxHashMap<u32, u32> = FxHashMap::default();
        for list in lists.into_iter().take(LOOKED_UP) {
            for &candidate in list {
                *overlap.entry(candidate).or_default() += 1;
            }
        }
        let mut candidates: Vec<(u32, u32)> = overlap.into_iter().collect();
        candidates.sort_by_key(|&(candidate, shared)| (std::cmp::Reverse(shared), candidate));
        let mut candidates: Vec<u32> = candidates
            .into_iter()
            .map(|(candidate, _)| candidate)
            .take(ALIGNED)
            .collect();
        if length <= 12
            && let Some(same) = self.by_length.get(&length).filter(|same| same.len() <= SAME_LENGTH)
        {
            candidates.extend(same);
            candidates.sort_unstable();
            candidates.dedup();
        }
        candidates
    }
}

impl Channel {
    /// Learns the channel of a table: from rare values that differ by a letter or two from frequent ones, and from what
    /// people put right.
    pub(crate) fn learn<'a>(
        columns: impl Iterator<Item = (&'a Column, &'a Neighbours)>,
        corrected: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let plain = Self::default();
        let mut aligner = Aligner::default();
        let mut replacements = Replacements::default();
        for (column, neighbours) in columns {
            let rare = column.present_codes().filter(|&code| column.count(code) < FREQUENT);
            for code in rare.take(LEARNED_FROM) {
                // With the plain costs another digit is too dear to be found.
                if let Some(best) = neighbours.find(column, code, &plain, &mut aligner).first()
                    && best.alike >= NEARLY
                {
                    replacements.count(column.text(best.code), column.text(code), 1.0);
                }
            }
        }
        for (before, after) in corrected {
            replacements.count(after, before, CORRECTED);
        }
        replacements.channel()
    }
}
