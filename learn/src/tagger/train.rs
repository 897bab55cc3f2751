//! Training of a tagger: which terms it reads, how strongly its weights are drawn to 0, and how good it is.

use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::Array2;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::chain::Chain;
use super::fit::{Corpus, Problem};
use super::sentence::Sentence;
use super::tags::Tags;
use super::{Tagger, Tagging, tagging};
use crate::error::LearnError;
use crate::features::TermRows;
use crate::folds::{split, stratified_folds};

/// Fewest texts with a value.
const FEWEST: usize = 2;

/// A value that a text has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Number of the field.
    pub field: usize,
    /// Where it may stand, each from token to token: every place that reads like it.
    pub places: Vec<Range<usize>>,
}

/// A text whose values are known.
#[derive(Debug, Clone, PartialEq)]
pub struct TaggerRow {
    /// Its tokens.
    pub sentence: Sentence,
    /// The states that an encoder has for them, `[tokens, dimensions]`.
    pub states: Array2<f32>,
    /// Its values. None where some value has no place in it: nothing is learned from the text then.
    pub values: Option<Vec<Value>>,
}

/// How a tagger is trained.
#[derive(Debug, Clone)]
pub struct TaggerOptions {
    /// What is tried for how strongly weights are drawn to 0: factors of their squared length beside the sum of the texts'
    /// losses.
    pub penalties: Vec<f32>,
    /// Parts that are held out by turns; below 2 none is, and the first penalty is taken.
    pub folds: usize,
    /// From so many texts on only one part is held out.
    pub many: usize,
    /// Texts that a term has to be in.
    pub minimum_texts: usize,
    /// Most terms; those in most texts are taken.
    pub most_terms: usize,
    /// Where the parts come from.
    pub seed: u64,
}

impl Default for TaggerOptions {
    fn default() -> Self {
        Self {
            penalties: vec![1.0, 0.3, 0.1],
            folds: 5,
            many: 2_000,
            minimum_texts: 2,
            most_terms: 50_000,
            seed: 17,
        }
    }
}

/// A tagger that was trained.
#[derive(Debug, Clone)]
pub struct TrainedTagger {
    /// The tagger, fitted to all texts.
    pub tagger: Tagger,
    /// Of each text the values, as numbers of fields with pieces from token to token: the places that were chosen.
    pub placed: Vec<Vec<(usize, Range<usize>)>>,
    /// Values without a place that is not another's, each as numbers of its field and of one whose value has the place.
    pub crowded: Vec<(usize, usize)>,
    /// Of each text what a tagger says of it that had not seen it. None where every one has.
    pub held_out: Vec<Option<Tagging>>,
    /// The penalty that did best on what was held out.
    pub penalty: f32,
    /// Its mean negative logarithm of the probability of a text's tags there.
    pub log_loss: f64,
}

/// Trains a tagger for `fields` fields. Rows of the same group, such as equal texts, are held out together.
///
/// A value that stands at several places is taken to stand at the first, until a first tagger says which is likeliest.
///
/// # Errors
/// [`LearnError::TooFewExamples`], [`LearnError::Shape`], [`LearnError::NotFinite`], [`LearnError::Stopped`].
pub fn train_tagger(
    rows: &[TaggerRow],
    fields: usize,
    groups: &[u64],
    options: &TaggerOptions,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<TrainedTagger, LearnError> {
    let tags = Tags::new(fields);
    let usable: Vec<usize> = (0..rows.len())
        .filter(|&row| rows[row].values.is_some() && !rows[row].sentence.tokens.is_empty())
        .collect();
    let valued = |row: &&usize| rows[**row].values.as_ref().is_some_and(|values| !values.is_empty());
    let have = usable.iter().filter(valued).count();
    if have < FEWEST {
        return Err(LearnError::TooFewExamples {
            what: "a tagger",
            need: FEWEST,
            have,
        });
    }
    let terms = terms_of(rows, options);
    let corpus = corpus(rows, &terms)?;
    let mut run = Run {
        rows,
        tags,
        corpus: &corpus,
        right: Vec::new(),
        crowded: Vec::new(),
        stopped,
    };
    run.place(&usable)?;
    let parts = parts(rows, groups, options);
    let turns = match options.folds {
        0 | 1 => 0,
        _ if rows.len() >= options.many => 1,
        folds => folds,
    };
    let mut tried: Vec<(f32, f64)> = Vec::new();
    let mut warm: Vec<Option<Vec<f32>>> = vec![None; turns];
    let mut best: Option<(f64, Vec<Option<Vec<f32>>>)> = None;
    for &penalty in &options.penalties {
        let (mut sum, mut count) = (0.0, 0);
        for (turn, start) in warm.iter_mut().enumerate() {
            let (seen, held) = split(&parts, turn);
            let [seen, held] = [seen, held].map(|mut of| {
                of.retain(|row| usable.binary_search(row).is_ok());
                of
            });
            if seen.is_empty() || held.is_empty() {
                continue;
            }
            let point = run.fit(&seen, penalty, start.take())?;
            sum += run.loss(&held, &point);
            count += held.len();
            *start = Some(point);
        }
        let loss = sum / f64::from(u32::try_from(count.max(1)).unwrap_or(u32::MAX));
        tried.push((penalty, loss));
        if best.as_ref().is_none_or(|(least, _)| loss < *least) {
            best = Some((loss, warm.clone()));
        }
    }
    let (log_loss, points) = best.unwrap_or((0.0, Vec::new()));
    let penalty = tried
        .iter()
        .find(|(_, loss)| *loss <= log_loss)
        .map_or(1.0, |(penalty, _)| *penalty);
    let held_out = (0..rows.len())
        .into_par_iter()
        .map(|row| {
            let point = points.get(parts[row])?.as_ref()?;
            Some(run.tagging(row, point))
        })
        .collect();
    let point = run.fit(&usable, penalty, None)?;
    let tagger = Problem::new(&corpus, tags, &run.right, &usable, 0.0).tagger(&point, terms);
    let placed = (0..rows.len()).map(|row| Tags::pieces(&run.right[corpus.tokens(row)]));
    Ok(TrainedTagger {
        tagger,
        placed: placed.collect(),
        crowded: run.crowded,
        held_out,
        penalty,
        log_loss,
    })
}

/// The part of each row, so that every part has its share of texts with each first field.
fn parts(rows: &[TaggerRow], groups: &[u64], options: &TaggerOptions) -> Vec<usize> {
    let first = |row: &TaggerRow| {
        let values = row.values.as_ref()?;
        Some(values.first()?.field + 1)
    };
    let firsts: Vec<usize> = rows.iter().map(|row| first(row).unwrap_or(0)).collect();
    stratified_folds(&firsts, Some(groups), options.folds, options.seed)
}

/// Terms that are in enough texts, those in most first.
fn terms_of(rows: &[TaggerRow], options: &TaggerOptions) -> Vec<u64> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for row in rows {
        let own: FxHashSet<u64> = row.sentence.terms.iter().flatten().copied().collect();
        own.into_iter().for_each(|term| *counts.entry(term).or_default() += 1);
    }
    let mut terms: Vec<(usize, u64)> = counts
        .into_iter()
        .filter(|(_, texts)| *texts >= options.minimum_texts)
        .map(|(term, texts)| (texts, term))
        .collect();
    terms.sort_unstable_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
    terms.truncate(options.most_terms);
    terms.into_iter().map(|(_, term)| term).collect()
}

fn corpus(rows: &[TaggerRow], terms: &[u64]) -> Result<Corpus, LearnError> {
    let columns: FxHashMap<u64, u32> = terms.iter().zip(0..).map(|(term, column)| (*term, column)).collect();
    let dimensions = rows.first().map_or(0, |row| row.states.ncols());
    let mut corpus = Corpus {
        starts: vec![0],
        states: Array2::zeros((0, dimensions)),
        terms: TermRows::new(terms.len()),
    };
    let mut states = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let expected = (row.sentence.tokens.len(), dimensions);
        if row.states.dim() != expected {
            return Err(LearnError::Shape {
                what: "numbers of the states of tokens",
                expected: expected.0 * expected.1,
                found: row.states.len(),
            });
        }
        if let Some(value) = row.states.iter().find(|value| !value.is_finite()) {
            return Err(LearnError::NotFinite {
                what: "the state of a token",
                row: at,
                value: *value,
            });
        }
        states.extend(row.states.iter().copied());
        for own in &row.sentence.terms {
            let mut own: Vec<u32> = own.iter().filter_map(|term| columns.get(term).copied()).collect();
            own.sort_unstable();
            own.dedup();
            corpus.terms.push(own.into_iter().map(|term| (term, 1.0)));
        }
        corpus.starts.push(corpus.terms.rows());
    }
    corpus.states = Array2::from_shape_vec((corpus.terms.rows(), dimensions), states).expect("rows were measured");
    Ok(corpus)
}

struct Run<'a> {
    rows: &'a [TaggerRow],
    tags: Tags,
    corpus: &'a Corpus,
    /// The right tag of each token.
    right: Vec<usize>,
    /// See [`TrainedTagger::crowded`].
    crowded: Vec<(usize, usize)>,
    stopped: &'a (dyn Fn() -> bool + Sync),
}

impl Run<'_> {
    /// Chooses the place of each value.
    fn place(&mut self, usable: &[usize]) -> Result<(), LearnError> {
        (self.right, self.crowded) = self.tagged(|_, value| value.places.clone());
        let several = |row: &usize| {
            let values = self.rows[*row].values.as_deref().unwrap_or_default();
            values.iter().any(|value| value.places.len() > 1)
        };
        let unclear: FxHashSet<usize> = usable.iter().copied().filter(several).collect();
        if unclear.is_empty() {
            return Ok(());
        }
        let clear: Vec<usize> = usable.iter().copied().filter(|row| !unclear.contains(row)).collect();
        // Few clear texts teach worse than a guess does.
        let from = if clear.len() >= unclear.len() { &clear } else { usable };
        let point = self.fit(from, 1.0, None)?;
        let scores = self.corpus.scores(self.tags.count(), &point);
        let chain = self.chain(&point);
        (self.right, self.crowded) = self.tagged(|row, value| {
            if value.places.len() < 2 {
                return value.places.clone();
            }
            let tokens = self.corpus.tokens(row);
            let lattice = chain.lattice(&scores.slice(ndarray::s![tokens, ..]));
            let mut places: Vec<(f64, Range<usize>)> = value
                .places
                .iter()
                .map(|place| (lattice.piece(value.field, place), place.clone()))
                .collect();
            places.sort_by(|left, right| right.0.total_cmp(&left.0));
            places.into_iter().map(|(_, place)| place).collect()
        });
        Ok(())
    }

    /// Tags of all tokens, where each value stands at the first of its places that is still free, and values for which none
    /// is.
    fn tagged(&self, places: impl Fn(usize, &Value) -> Vec<Range<usize>>) -> (Vec<usize>, Vec<(usize, usize)>) {
        let mut crowded = Vec::new();
        let mut right = Vec::with_capacity(self.corpus.states.nrows());
        for (at, row) in self.rows.iter().enumerate() {
            let mut taken: Vec<(usize, Range<usize>)> = Vec::new();
            let mut values: Vec<&Value> = row.values.iter().flatten().collect();
            // Those without a choice, and long ones, come first.
            let length = |value: &Value| value.places.first().map_or(0, Range::len);
            values.sort_by_key(|value| (value.places.len() > 1, std::cmp::Reverse(length(value))));
            for value in values {
                let holder = |place: &Range<usize>| {
                    let mut others = taken.iter();
                    others.find(|(_, other)| place.end > other.start && other.end > place.start)
                };
                let places = places(at, value);
                if let Some(place) = places.iter().find(|place| holder(place).is_none()) {
                    taken.push((value.field, place.clone()));
                } else if let Some((other, _)) = places.first().and_then(holder) {
                    crowded.push((value.field, *other));
                }
            }
            right.extend(Tags::write(row.sentence.tokens.len(), &taken));
        }
        (right, crowded)
    }

    fn fit(&self, texts: &[usize], penalty: f32, start: Option<Vec<f32>>) -> Result<Vec<f32>, LearnError> {
        let problem = Problem::new(
            self.corpus,
            self.tags,
            &self.right,
            texts,
            2.0 * penalty / texts.len() as f32,
        );
        let point = problem.minimum(start.unwrap_or_else(|| vec![0.0; problem.size()]), self.stopped);
        if (self.stopped)() {
            Err(LearnError::Stopped)
        } else {
            Ok(point)
        }
    }

    fn chain(&self, point: &[f32]) -> Chain {
        Chain::new(self.tags, self.transitions(point))
    }

    fn transitions<'p>(&self, point: &'p [f32]) -> &'p [f32] {
        &point[point.len() - self.tags.count() * self.tags.count()..]
    }

    fn scores(&self, row: usize, point: &[f32]) -> Array2<f32> {
        self.corpus.only(row).scores(self.tags.count(), point)
    }

    /// Sum of the losses of texts.
    fn loss(&self, texts: &[usize], point: &[f32]) -> f64 {
        let chain = self.chain(point);
        let transitions = self.transitions(point);
        let loss = |&text: &usize| {
            let scores = self.scores(text, point);
            let right = &self.right[self.corpus.tokens(text)];
            let own: f64 = right
                .iter()
                .enumerate()
                .map(|(token, &tag)| f64::from(scores[[token, tag]]))
                .sum();
            let between = |pair: &[usize]| f64::from(transitions[pair[0] * self.tags.count() + pair[1]]);
            chain.lattice(&scores.view()).log_sum - own - right.windows(2).map(between).sum::<f64>()
        };
        texts.iter().map(loss).sum()
    }

    fn tagging(&self, row: usize, point: &[f32]) -> Tagging {
        let scores = self.scores(row, point);
        tagging(self.tags, &self.chain(point), self.transitions(point), &scores.view())
    }
}

#[cfg(test)]
mod tests {
    use super::super::TextPart;
    use super::*;

    /// A text with its values; there are no states.
    fn row(text: &str, values: &[(usize, &str)]) -> TaggerRow {
        let sentence = Sentence::read(&[TextPart {
            column: "text",
            text,
            start: 0,
        }]);
        let value = |&(field, value): &(usize, &str)| Value {
            field,
            places: sentence.places(text, value),
        };
        TaggerRow {
            values: Some(values.iter().map(value).collect()),
            states: Array2::zeros((sentence.tokens.len(), 0)),
            sentence,
        }
    }

    fn bookings() -> Vec<TaggerRow> {
        let names = ["Ann", "Bob", "Cy", "Dora", "Eve", "Finn"];
        let mut rows = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let people = at + 2;
            rows.push(row(
                &format!("table for {people} at {}", at + 1),
                &[(0, &people.to_string())],
            ));
            rows.push(row(&format!("my name is {name}"), &[(1, name)]));
            rows.push(row(
                &format!("{people} people, for {name}"),
                &[(0, &people.to_string()), (1, name)],
            ));
            rows.push(row("thank you very much", &[]));
        }
        rows
    }

    fn train(rows: &[TaggerRow]) -> TrainedTagger {
        let groups: Vec<u64> = (0..rows.len() as u64).collect();
        train_tagger(rows, 2, &groups, &TaggerOptions::default(), &|| false).unwrap()
    }

    fn said(trained: &TrainedTagger, text: &str) -> Vec<(usize, String)> {
        let new = row(text, &[]);
        let tagging = trained.tagger.reader().read(&new.sentence, &new.states.view()).unwrap();
        let piece = |piece: &super::super::Piece| {
            let (first, last) = (piece.tokens.start, piece.tokens.end - 1);
            let text = &text[new.sentence.tokens[first].start..new.sentence.tokens[last].end];
            (piece.field, text.to_owned())
        };
        tagging.pieces.iter().map(piece).collect()
    }

    #[test]
    fn values_that_it_never_saw_are_found_by_what_stands_around_them() {
        let trained = train(&bookings());
        assert_eq!(said(&trained, "my name is Zoe"), [(1, "Zoe".to_owned())]);
        assert_eq!(said(&trained, "table for 9 at 5"), [(0, "9".to_owned())]);
        assert_eq!(said(&trained, "thank you"), []);
        assert_eq!(trained.held_out.iter().flatten().count(), 24, "each was held out once");
    }

    #[test]
    fn equal_rows_make_an_equal_tagger() {
        assert_eq!(train(&bookings()).tagger, train(&bookings()).tagger);
    }

    #[test]
    fn of_two_places_that_of_clearer_texts_is_learned() {
        let mut rows = bookings();
        // The number of people stands second here, where the first place is that of the hour.
        rows.push(row("at 7 a table for 7", &[(0, "7")]));
        let trained = train(&rows);
        assert_eq!(said(&trained, "at 8 a table for 8").len(), 1);
        let new = row("at 8 a table for 8", &[]);
        let tagging = trained.tagger.reader().read(&new.sentence, &new.states.view()).unwrap();
        assert_eq!(tagging.pieces[0].tokens, 5..6);
    }

    #[test]
    fn what_is_too_little_or_wrong_is_an_error() {
        let few = train_tagger(&[row("a b", &[])], 1, &[0], &TaggerOptions::default(), &|| false);
        assert!(matches!(few, Err(LearnError::TooFewExamples { .. })));
        let mut rows = bookings();
        rows[0].states = Array2::zeros((1, 3));
        let groups = vec![0; rows.len()];
        let shape = train_tagger(&rows, 2, &groups, &TaggerOptions::default(), &|| false);
        assert!(matches!(shape, Err(LearnError::Shape { .. })));
        let stopped = train_tagger(&bookings(), 2, &[0; 24], &TaggerOptions::default(), &|| true);
        assert!(matches!(stopped, Err(LearnError::Stopped)));
    }
}
