//! The keys of evaluations.

use super::{CONFIG_OF_TEST, DESCRIPTION};
use crate::shape::{Key, Object, P_VALUE, PROBABILITY_BOUND, PSI, Shape, TITLE};

const TRUTH: Key = Key::new("truth", Shape::Text, "The column of the right answers.");
const PREDICTION: Key = Key::new(
    "prediction",
    Shape::Text,
    "The column of the model that holds the answers. Needed where the task isn't asked of the rows.",
);
const CONFIDENCE: Key = Key::new(
    "confidence",
    Shape::Text,
    "The column of the model that holds the answers' confidence.",
);

/// The rows of an evaluation.
pub(crate) static ON: Object = Object::new(
    "on",
    "the rows of an evaluation",
    &[
        Key::new(
            "relation",
            Shape::Text,
            "ref('NAME'), source('SOURCE', 'TABLE'), or a file from the project's folder; the model itself \
             unless told.",
        ),
        Key::new(
            "key",
            Shape::OneOrMore(&Shape::Text),
            "Columns that the model and the relation have both: the model's answers are held against the rows with the \
             same values. Without it, the task is asked of each row of the relation.",
        ),
        TRUTH,
        PREDICTION,
        CONFIDENCE,
    ],
);

/// An evaluation.
pub(crate) static EVALUATION: Object = Object::new(
    "evaluation",
    "an evaluation",
    &[
        Key::new("name", Shape::Formed(&TITLE), "The evaluation's name.").required("name: NAME"),
        DESCRIPTION,
        Key::new("task", Shape::Text, "The task whose answers are looked at."),
        Key::new(
            "on",
            Shape::Either(&[Shape::Object(&ON), Shape::Text]),
            "The rows whose right answer is known: ref('NAME'), source('SOURCE', 'TABLE'), or a file from the \
             project's folder, or a map that also names their columns. Unless told, they are those of the model \
             itself.",
        ),
        TRUTH,
        PREDICTION,
        CONFIDENCE,
        Key::new(
            "metrics",
            Shape::Object(&METRICS),
            "Bounds of measures against the right answers.",
        ),
        Key::new(
            "drift",
            Shape::Object(&DRIFT),
            "Bounds of how far the distribution of labels is from that of the run before.",
        ),
        Key::new(
            "severity",
            Shape::Word(&["error", "warn"]),
            "What it means where a bound is not kept; `error` unless told.",
        ),
        CONFIG_OF_TEST,
    ],
);

/// Measures against the right answers.
pub(crate) static METRICS: Object = Object::new(
    "metrics",
    "bounds of measures",
    &[
        Key::new(
            "accuracy",
            Shape::Formed(&PROBABILITY_BOUND),
            "The share of right answers.",
        ),
        Key::new(
            "f1",
            Shape::Formed(&PROBABILITY_BOUND),
            "The mean over labels of the harmonic mean of precision and recall.",
        ),
        Key::new(
            "coverage",
            Shape::Formed(&PROBABILITY_BOUND),
            "The share of rows that are answered at the task's threshold.",
        ),
        Key::new(
            "auroc",
            Shape::Formed(&PROBABILITY_BOUND),
            "How well confidence tells right answers from wrong ones.",
        ),
    ],
);

/// Measures of drift.
pub(crate) static DRIFT: Object = Object::new(
    "drift",
    "bounds of drift",
    &[
        Key::new(
            "chi_square",
            Shape::Formed(&P_VALUE),
            "The p-value of the chi-square test of homogeneity.",
        ),
        Key::new("psi", Shape::Formed(&PSI), "The population stability index."),
    ],
);
