//! The entries of a vocabulary by their embeddings, and how unusual it is to be as much like one of them as a value is.
//!
//! How alike two embeddings are says little by itself: names of universities are all alike, names of goods are not. What it
//! is worth is told by the vocabulary. An entry that is taken out of it is a value which means none of the others, so that
//! entries taken out one by one show how near to an entry such values come. The confidence is the share of such values that
//! come less near: by Student's distribution of one more value of a sample, as in the prediction interval of a normal one
//! (Hahn and Meeker, *Statistical Intervals*, 1991, section 4.4), because a vocabulary may have a dozen entries only. Of the
//! values that mean no entry, a tenth gets a confidence of 0.9 or more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::{Array2, ArrayView1, Axis, s};
use quick_cache::sync::Cache;
use rayon::prelude::*;
use refuel_task::{FEWEST_EMBEDDED, Terms};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::kept::Kept;
use crate::cancel::Cancel;
use crate::engine::{CachePolicy, Shared};
use crate::error::EngineError;
use crate::learned::encoder::Encoder;
use crate::learned::matrix;

/// Most names and aliases of a vocabulary that are all embedded. Of larger ones those are that are written like the value.
pub(super) const MOST_EMBEDDED: usize = 50_000;
/// The nearest entries that are told.
const NEAREST: usize = 8;
/// Entries of a large vocabulary that are written like a value, and embedded for it.
const WRITTEN_ALIKE: usize = 16;
/// Entries that are taken out to see how near others come.
const MOST_TAKEN_OUT: usize = 1_000;
/// The same of a large vocabulary, where each needs others to be embedded.
const MOST_TAKEN_OUT_OF_LARGE: usize = 250;
/// The least standard deviation that is computed with.
const LEAST_DEVIATION: f64 = 0.01;
/// Values that are compared with all entries at a time.
const BLOCK: usize = 32;

/// An entry that is near to a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Near {
    /// Where it stands in the vocabulary.
    pub(super) place: usize,
    /// The share of values that mean no entry which come less near to one, from 0 to 1.
    pub(super) confidence: f32,
}

/// See the module.
pub(super) struct Index {
    terms: Arc<Terms>,
    encoder: Encoder,
    kept: Option<Kept>,
    ready: Mutex<Option<Arc<Ready>>>,
}

/// What is compared with.
struct Ready {
    /// Of a vocabulary that is not too large, all of its names.
    names: Option<Names>,
    /// Vectors of names of a large vocabulary that were compared with lately.
    lately: Cache<String, Arc<[f32]>>,
    /// How near entries come that are taken out. None of too few.
    taken_out: Option<TakenOut>,
}

/// Names with their vectors.
struct Names {
    /// `[names, dimensions]`, each of length 1.
    vectors: Array2<f32>,
    /// The entry of each name; those of an entry are beside each other.
    owners: Vec<u32>,
}

/// An entry with the cosine of its most alike name.
type Cosine = (usize, f32);

impl Index {
    /// The entries, which are embedded when they are first needed.
    pub(super) fn new(shared: &Arc<Shared>, terms: Arc<Terms>, model: &str) -> Result<Self, EngineError> {
        let encoder = Encoder::new(Arc::clone(shared), model)?;
        let kept = match &shared.options.cache {
            CachePolicy::Memory => None,
            CachePolicy::Disk { folder, limit_bytes } => {
                let what = [terms.hash(), &encoder.entry().manifest.digest];
                Some(Kept::new(folder, *limit_bytes, &what))
            }
        };
        Ok(Self {
            terms,
            encoder,
            kept,
            ready: Mutex::default(),
        })
    }

    pub(super) fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    pub(super) fn is_ready(&self) -> bool {
        self.encoder.is_loaded() && self.ready.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub(super) fn load(&self, cancel: &Cancel) -> Result<(), EngineError> {
        self.encoder.load()?;
        self.ready(cancel).map(drop)
    }

    pub(super) fn release(&self) {
        self.encoder.release();
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The entries nearest to each value, the nearest first.
    pub(super) fn nearest(&self, raws: &[&str], cancel: &Cancel) -> Result<Vec<Vec<Near>>, EngineError> {
        if raws.is_empty() {
            return Ok(Vec::new());
        }
        let ready = self.ready(cancel)?;
        let cosines = self.cosines(&ready, raws, &[], cancel)?;
        Ok(cosines
            .iter()
            .map(|cosines| told(cosines, ready.taken_out.as_ref()))
            .collect())
    }

    fn ready(&self, cancel: &Cancel) -> Result<Arc<Ready>, EngineError> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = &*ready {
            return Ok(Arc::clone(ready));
        }
        let entries = self.terms.entries();
        let all: usize = entries.iter().map(|entry| 1 + entry.aliases.len()).sum();
        let names = (all <= MOST_EMBEDDED).then(|| self.embedded(cancel)).transpose()?;
        let most = if names.is_some() {
            MOST_TAKEN_OUT
        } else {
            MOST_TAKEN_OUT_OF_LARGE
        };
        let mut made = Ready {
            names,
            lately: Cache::new(MOST_EMBEDDED),
            taken_out: None,
        };
        let taken: Vec<usize> = (0..entries.len())
            .step_by(entries.len().div_ceil(most).max(1))
            .collect();
        let values: Vec<&str> = taken.iter().map(|&place| &*entries[place].value).collect();
        let cosines = self.cosines(&made, &values, &taken, cancel)?;
        let nearest: Vec<f32> = cosines.iter().filter_map(|cosines| nearness(cosines, 0)).collect();
        made.taken_out = TakenOut::of(&nearest);
        let made = Arc::new(made);
        *ready = Some(Arc::clone(&made));
        Ok(made)
    }

    /// All names with their vectors, which are kept from one run to the next.
    fn embedded(&self, cancel: &Cancel) -> Result<Names, EngineError> {
        let (mut texts, mut owners) = (Vec::new(), Vec::new());
        for (entry, place) in self.terms.entries().iter().zip(0..) {
            for name in std::iter::once(&entry.value).chain(&entry.aliases) {
                texts.push(&**name);
                owners.push(place);
            }
        }
        if let Some(vectors) = self.kept.as_ref().and_then(|kept| kept.read(texts.len())) {
            return Ok(Names { vectors, owners });
        }
        let vectors = matrix(&self.encoder.vectors(&texts, cancel, &mut |_| {})?)?;
        if let Some(kept) = &self.kept {
            kept.write(&vectors);
        }
        Ok(Names { vectors, owners })
    }

    /// The entries nearest to each text, the nearest first. `without` has, for each text, an entry that is taken out of the
    /// vocabulary, or is empty.
    fn cosines(
        &self,
        ready: &Ready,
        raws: &[&str],
        without: &[usize],
        cancel: &Cancel,
    ) -> Result<Vec<Vec<Cosine>>, EngineError> {
        let vectors = matrix(&self.encoder.vectors(raws, cancel, &mut |_| {})?)?;
        match &ready.names {
            Some(names) => Ok(names.nearest(&vectors, without)),
            None => self.among_written_alike(&ready.lately, raws, &vectors, without, cancel),
        }
    }

    /// The same among the entries that are written like each text.
    fn among_written_alike(
        &self,
        lately: &Cache<String, Arc<[f32]>>,
        raws: &[&str],
        vectors: &Array2<f32>,
        without: &[usize],
        cancel: &Cancel,
    ) -> Result<Vec<Vec<Cosine>>, EngineError> {
        let proposed: Vec<Vec<(usize, String)>> = raws
            .par_iter()
            .enumerate()
            .map(|(row, raw)| {
                let found = self.terms.lookup(raw, WRITTEN_ALIKE + 1).into_iter();
                let places = found.filter_map(|found| Some((self.terms.place_of(&found.id)?, found.matched)));
                let others = places.filter(|(place, _)| without.get(row) != Some(place));
                others.take(WRITTEN_ALIKE).collect()
            })
            .collect();
        let mut known: HashMap<&str, Arc<[f32]>> = HashMap::new();
        let mut unknown: Vec<&str> = Vec::new();
        for (_, name) in proposed.iter().flatten() {
            if !known.contains_key(name.as_str()) {
                let vector = lately.get(name.as_str());
                if vector.is_none() {
                    unknown.push(name);
                }
                known.insert(name, vector.unwrap_or_default());
            }
        }
        let made = self.encoder.vectors(&unknown, cancel, &mut |_| {})?;
        for (name, vector) in unknown.into_iter().zip(matrix(&made)?.rows()) {
            let vector: Arc<[f32]> = vector.iter().copied().collect();
            lately.insert(name.to_owned(), Arc::clone(&vector));
            known.insert(name, vector);
        }
        let rows = proposed.iter().zip(vectors.rows());
        let cosines = rows.map(|(proposed, vector)| {
            let cosine = |name: &str| ArrayView1::from(&*known[name]).dot(&vector);
            let mut found: Vec<Cosine> = proposed.iter().map(|(place, name)| (*place, cosine(name))).collect();
            found.sort_by(nearer);
            found.truncate(NEAREST);
            found
        });
        Ok(cosines.collect())
    }
}

impl Names {
    /// The entries nearest to each vector, `[values, dimensions]`.
    fn nearest(&self, vectors: &Array2<f32>, without: &[usize]) -> Vec<Vec<Cosine>> {
        let starts: Vec<usize> = (0..vectors.nrows()).step_by(BLOCK).collect();
        let blocks = starts.into_par_iter().map(|start| {
            let block = vectors.slice(s![start..(start + BLOCK).min(vectors.nrows()), ..]);
            let cosines = block.dot(&self.vectors.t());
            let rows = cosines.axis_iter(Axis(0)).enumerate();
            rows.map(|(row, cosines)| self.best(&cosines, without.get(start + row).copied()))
                .collect::<Vec<_>>()
        });
        blocks.flatten_iter().collect()
    }

    /// The entries with the greatest cosines; of equals the first.
    fn best(&self, cosines: &ArrayView1<'_, f32>, without: Option<usize>) -> Vec<Cosine> {
        let mut best: Vec<Cosine> = Vec::with_capacity(NEAREST + 1);
        for (&cosine, &owner) in cosines.iter().zip(&self.owners) {
            let owner = owner as usize;
            let least = best.get(NEAREST - 1).map_or(f32::NEG_INFINITY, |(_, cosine)| *cosine);
            if cosine <= least || without == Some(owner) {
                continue;
            }
            match best.iter().position(|(place, _)| *place == owner) {
                Some(at) if best[at].1 >= cosine => continue,
                Some(at) => {
                    best.remove(at);
                }
                None => {}
            }
            let at = best.partition_point(|(_, known)| *known >= cosine);
            best.insert(at, (owner, cosine));
            best.truncate(NEAREST);
        }
        best
    }
}

fn nearer(one: &Cosine, other: &Cosine) -> std::cmp::Ordering {
    other.1.total_cmp(&one.1).then(one.0.cmp(&other.0))
}

/// How near the entry with this number in the order is: its cosine, and half of its lead over the best of the others. A value
/// that is as near to two entries is not known to mean one of them. None where there is no such entry.
fn nearness(cosines: &[Cosine], at: usize) -> Option<f32> {
    let (_, own) = cosines.get(at)?;
    let other = cosines.get(usize::from(at == 0)).map_or(0.0, |(_, other)| *other);
    Some(own + (own - other) / 2.0)
}

/// How near entries come that are taken out of a vocabulary.
#[derive(Debug, Clone, Copy, PartialEq)]
struct TakenOut {
    count: f64,
    mean: f64,
    deviation: f64,
}

impl TakenOut {
    /// None of too few to know how they are spread.
    fn of(nearness: &[f32]) -> Option<Self> {
        let count = nearness.len() as f64;
        if nearness.len() < FEWEST_EMBEDDED {
            return None;
        }
        let mean = nearness.iter().map(|&near| f64::from(near)).sum::<f64>() / count;
        let squares = nearness.iter().map(|&near| (f64::from(near) - mean).powi(2));
        let deviation = (squares.sum::<f64>() / (count - 1.0)).sqrt().max(LEAST_DEVIATION);
        Some(Self { count, mean, deviation })
    }

    /// The share of values that mean no entry which come less near.
    fn less_near(&self, nearness: f32) -> f32 {
        let of_one_more = self.deviation * (1.0 + 1.0 / self.count).sqrt();
        StudentsT::new(self.mean, of_one_more, self.count - 1.0)
            .map_or(0.0, |distribution| distribution.cdf(f64::from(nearness)) as f32)
    }
}

/// Entries with how sure it is that they are meant.
fn told(cosines: &[Cosine], taken_out: Option<&TakenOut>) -> Vec<Near> {
    let near = cosines.iter().enumerate().map(|(at, (place, _))| {
        let less_near = |of: &TakenOut| nearness(cosines, at).map_or(0.0, |nearness| of.less_near(nearness));
        Near {
            place: *place,
            confidence: taken_out.map_or(0.0, less_near),
        }
    });
    near.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_name_of_an_entry_counts_and_one_that_is_taken_out_does_not() {
        let names = Names {
            vectors: ndarray::arr2(&[[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]]),
            owners: vec![0, 0, 1, 2],
        };
        let value = ndarray::arr2(&[[0.6, 0.8]]);
        let places = |without: &[usize]| -> Vec<usize> {
            let nearest = names.nearest(&value, without);
            nearest[0].iter().map(|(place, _)| *place).collect()
        };
        assert_eq!(places(&[]), [0, 1, 2]);
        assert_eq!(places(&[0]), [1, 2]);
        let cosine = names.nearest(&value, &[])[0][0].1;
        assert!((cosine - 1.0).abs() < 1e-6, "{cosine}");
    }

    #[test]
    fn a_value_is_as_sure_as_few_of_those_that_mean_no_entry_come_as_near() {
        let taken_out = TakenOut::of(&[0.2, 0.3, 0.4, 0.5, 0.6]).expect("enough");
        let confidences = |cosines: &[Cosine]| -> Vec<f32> {
            told(cosines, Some(&taken_out))
                .iter()
                .map(|near| near.confidence)
                .collect()
        };
        let [first, second] = confidences(&[(7, 0.8), (3, 0.4)])[..] else {
            panic!("two entries")
        };
        // 0.8 and half of 0.4 are 3.464 deviations of one more above the mean of 0.4; four degrees of freedom.
        assert!((first - 0.987_1).abs() < 1e-3, "{first}");
        assert!((second - 0.156_3).abs() < 1e-3, "{second}: 0.4 less half of 0.4");
        let equal = confidences(&[(7, 0.8), (3, 0.8)]);
        assert!(equal[0] < first, "two that are as near are less sure: {equal:?}");
        assert!(told(&[], Some(&taken_out)).is_empty());
    }

    #[test]
    fn too_few_entries_tell_nothing_of_others_and_equal_ones_can_be_computed_with() {
        assert_eq!(TakenOut::of(&[0.5, 0.6]), None);
        assert!(told(&[(0, 1.0)], None)[0].confidence < f32::EPSILON);
        let same = TakenOut::of(&[0.5; 10]).expect("enough");
        assert!(same.less_near(0.5) > 0.4 && same.less_near(0.9) > 0.99 && same.less_near(0.1) < 0.01);
    }
}
