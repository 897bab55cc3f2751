//! Heads on the tokens of texts, as an encoder has them that is tuned on the texts itself.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ndarray::Array2;
use refuel_formats::Checkpoint;
use refuel_learn::encoder::{Encoder as Trainable, Epoch, TokenOptions, TokenText};
use refuel_learn::{
    LearnError, Sentence, TaggerOptions, TaggerRow, TrainedTagger, split, stratified_folds, train_tagger,
};
use refuel_task::{Example, Task};

use super::tagger::rows_of;
use super::tuned::{TunedOn, kept};
use super::{OnTraining, TrainEvent, TrainOptions, TrainStep, Tuning, groups};
use crate::cancel::Cancel;
use crate::engine::Shared;
use crate::error::EngineError;
use crate::learned::encoder::Encoder;
use crate::learned::tagger::{CutTexts, Parts, Slots, read_texts};
use crate::reading::Windows;

/// One of this many texts is held out of a first tuning, which tells how good the second one is that sees all.
const HELD_OUT: usize = 5;

/// A head on an encoder that is tuned.
pub(super) struct Tuned<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) task: &'a Task,
    pub(super) examples: &'a [Example],
    pub(super) options: &'a TrainOptions<'a>,
    pub(super) tuning: &'a Tuning,
    pub(super) cancel: &'a Cancel,
    /// The encoder as it is.
    pub(super) base: &'a Encoder,
    pub(super) parts: &'a Parts,
    pub(super) slots: &'a Slots,
    /// What a tagger reads with it.
    pub(super) rows: &'a [TaggerRow],
    /// That tagger, which chose the places of values.
    pub(super) plain: &'a TrainedTagger,
}

impl Tuned<'_> {
    /// The head, and the encoder that was tuned for it.
    pub(super) fn train(
        &self,
        search: &TaggerOptions,
        on_event: OnTraining<'_>,
    ) -> Result<(TrainedTagger, Encoder), EngineError> {
        let used = |folder: &Path| self.on(folder, search, on_event);
        let listener = &mut |_: refuel_registry::Event<'_>| {};
        self.shared
            .registry
            .with_checkpoint(self.base.entry(), &self.tuning.servers, listener, used)?
    }

    /// Tunes the checkpoint in a folder.
    fn on(
        &self,
        folder: &Path,
        search: &TaggerOptions,
        on_event: OnTraining<'_>,
    ) -> Result<(TrainedTagger, Encoder), EngineError> {
        let refuse = |message: String| EngineError::Learn(LearnError::Encoder { message });
        let checkpoint = Checkpoint::open(folder).map_err(|error| refuse(error.to_string()))?;
        let base = Trainable::read(&checkpoint.config, checkpoint.weights.as_ref())?;
        let texts: Vec<&str> = self
            .examples
            .iter()
            .map(|example| example.input.text.as_str())
            .collect();
        let cut = CutTexts::of(&texts, self.parts);
        let pieces = cut.pieces();
        let windows = Windows::of(&*self.base.load()?, &pieces)?;
        let lessons = self.lessons(&cut, &windows);
        on_event(TrainEvent::Begin {
            step: TrainStep::Tune,
            rows: (2 * self.tuning.epochs * lessons.len()) as u64,
        });
        // The penalty was chosen on states that no row had a part in.
        let fixed = TaggerOptions {
            penalties: vec![self.plain.penalty],
            folds: 0,
            ..search.clone()
        };
        let fit = |rows: &[TaggerRow]| {
            let groups: Vec<u64> = (0..rows.len() as u64).collect();
            train_tagger(rows, self.slots.leaves.len(), &groups, &fixed, &|| {
                self.cancel.is_cancelled()
            })
        };
        let held_out = {
            let parts = self.turns(search.seed);
            let (seen, held) = split(&parts, 0);
            let taken: Vec<TokenText> = lessons
                .iter()
                .filter(|(text, _)| parts[*text] != 0)
                .map(|(_, lesson)| lesson.clone())
                .collect();
            let first = self.tuned(&base, &taken, lessons.len(), on_event)?;
            let states: Vec<Vec<f32>> = first
                .states(&windows.rows)?
                .into_iter()
                .map(|states| states.into_raw_vec_and_offset().0)
                .collect();
            let read = cut.with_states(&windows.joined(states, first.dimensions()), first.dimensions());
            let rows = self.placed(read);
            let seen: Vec<TaggerRow> = seen.iter().map(|&row| rows[row].clone()).collect();
            let mut held_out = vec![None; rows.len()];
            let trained = match fit(&seen) {
                // Nothing can be told then, and all rows together may be enough.
                Err(LearnError::TooFewExamples { .. }) => None,
                other => Some(other?),
            };
            let reader = trained.as_ref().map(|trained| trained.tagger.reader());
            for (row, reader) in held.into_iter().zip(reader.iter().cycle()) {
                held_out[row] = Some(reader.read(&rows[row].sentence, &rows[row].states.view())?);
            }
            held_out
        };
        let all: Vec<TokenText> = lessons.iter().map(|(_, lesson)| lesson.clone()).collect();
        let encoder = self.tuned(&base, &all, all.len(), on_event)?;
        let of = TunedOn {
            task: self.task,
            examples: self.examples,
            name: self.options.name,
        };
        let entry = kept(self.shared, self.base, &checkpoint, folder, &encoder, &of)?;
        let encoder = Encoder::new(Arc::clone(self.shared), &entry.manifest.reference())?;
        on_event(TrainEvent::Begin {
            step: TrainStep::Fit,
            rows: self.examples.len() as u64,
        });
        let rows = self.placed(read_texts(&texts, self.parts, &encoder, self.cancel, &mut |_| {})?);
        let trained = fit(&rows)?;
        Ok((TrainedTagger { held_out, ..trained }, encoder))
    }

    fn turns(&self, seed: u64) -> Vec<usize> {
        let firsts: Vec<usize> = self
            .plain
            .placed
            .iter()
            .map(|values| values.first().map_or(0, |(field, _)| field + 1))
            .collect();
        stratified_folds(&firsts, Some(&groups(self.examples)), HELD_OUT, seed)
    }

    /// Rows with new states, whose values stand where they were found to.
    fn placed(&self, read: Vec<(Sentence, Array2<f32>)>) -> Vec<TaggerRow> {
        let mut rows = rows_of(self.slots, self.examples, read);
        for (row, placed) in rows.iter_mut().zip(&self.plain.placed) {
            for value in row.values.iter_mut().flatten() {
                let chosen = |place: &Range<usize>| placed.contains(&(value.field, place.clone()));
                if let Some(place) = value.places.iter().find(|place| chosen(place)).cloned() {
                    value.places = vec![place];
                }
            }
        }
        rows
    }

    /// The windows of texts with the classes of their tokens, each with the number of its text: none for a text whose values
    /// have no place. Class 0 is outside of every value; a field has one for the beginning of a value and one for its inside.
    fn lessons(&self, cut: &CutTexts<'_>, windows: &Windows) -> Vec<(usize, TokenText)> {
        let of_pieces = cut.places();
        let mut lessons = Vec::new();
        for (row, (piece, places)) in windows.rows.iter().zip(windows.places()) {
            let (text, start) = of_pieces[piece];
            if self.rows[text].values.is_none() {
                continue;
            }
            let values: Vec<(usize, Vec<Range<usize>>)> = self.plain.placed[text]
                .iter()
                .map(|(field, piece)| (*field, self.rows[text].sentence.tokens[piece.clone()].to_vec()))
                .collect();
            let class = |place: Range<usize>| {
                let (from, to) = (place.start + start, place.end + start);
                let found = values.iter().find_map(|(field, tokens)| {
                    let at = tokens.iter().position(|token| from < token.end && token.start < to)?;
                    Some(1 + 2 * field + usize::from(at > 0))
                });
                found.unwrap_or(0)
            };
            let classes = places.into_iter().map(|place| place.map(class)).collect();
            let lesson = TokenText {
                tokens: row.clone(),
                classes,
            };
            lessons.push((text, lesson));
        }
        lessons
    }

    /// Tunes the encoder; `all` are the rows of an epoch in what is told.
    fn tuned(
        &self,
        encoder: &Trainable,
        lessons: &[TokenText],
        all: usize,
        on_event: OnTraining<'_>,
    ) -> Result<Trainable, EngineError> {
        let options = TokenOptions {
            epochs: self.tuning.epochs,
            seed: self.options.seed,
            ..TokenOptions::default()
        };
        let mut report = |_: Epoch| {
            on_event(TrainEvent::Rows(all as u64));
            !self.cancel.is_cancelled()
        };
        let classes = 1 + 2 * self.slots.leaves.len();
        Ok(encoder.tune_on_tokens(lessons, classes, &options, &mut report)?)
    }
}
