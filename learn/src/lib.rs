//! What is learned from labelled examples: heads on embeddings, trees on features of pairs, confidence that is what it
//! says, and where a cheap strategy should pass a row on. Pure: features in, models and numbers out.
//!
//! Everything here is a function of its arguments: no clock, no random number but from a seed, and the same bytes however
//! many threads there are.

mod answerable;
mod boosting;
mod calibration;
mod cascade;
mod catch_all;
mod checks;
pub mod encoder;
mod error;
mod features;
mod folds;
mod head;
mod linear;
mod nearest;
mod pairs;
mod saved;
mod tagger;
mod text;
mod thresholds;

pub use answerable::{ANSWERABLE_OUTPUTS, AnswerableHead, Questions, Shown, TrainedAnswerable, train_answerable};
pub use boosting::{BoostOptions, BoostedTrees, Node, Tree, TreeOptions};
pub use calibration::{Calibration, ChosenCalibration, Tried, temperature_of_logits};
pub use cascade::{Cascade, CascadeStage, StageRows, choose_cascade};
pub use catch_all::{CatchAll, logits_without_own_label};
pub use error::LearnError;
pub use features::{Features, TermRows, normalize_rows};
pub use folds::{split, stratified_folds};
pub use head::{Choice, HeadOptions, LabelTexts, TrainedHead, accuracy, cross_entropies, train_head};
pub use linear::{Activation, FitOptions, LinearHead, Targets, best_of};
pub use nearest::{NearestNeighbours, Neighbour, Voting};
pub use pairs::{PairLine, PairModel, TrainedPairs, train_pairs};
pub use saved::{Facts, data_hash, head_from_onnx, head_to_onnx, pairs_from_onnx, pairs_to_onnx};
pub use tagger::{
    Piece, Sentence, Tagger, TaggerOptions, TaggerReader, TaggerRow, Tagging, TextPart, TrainedTagger, Value, pieces,
    tagger_from_onnx, tagger_to_onnx, train_tagger,
};
pub use text::{TermOptions, TermVocabulary};
pub use thresholds::{
    LEVEL, Threshold, fewest_to_show, lower_bound, threshold_for_precision, threshold_of_highest_precision,
};
