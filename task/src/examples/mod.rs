//! Solved rows that the model is shown.

mod load;
mod select;

use serde::Serialize;
use serde_json::Value;

pub(crate) use load::{each_record, read_records};
pub use select::{diverse, fixed, similar};

use crate::input::RenderedInput;
use crate::task::ModelName;

/// Most examples that a prompt can show.
pub const MOST_SHOWN: usize = 256;
/// How many examples are shown where a task chooses from a file and does not say.
pub const SHOWN_UNLESS_TOLD: usize = 8;
/// The embedding model that chooses examples where a task does not say.
pub const EMBEDDING_MODEL: &str = "all-minilm-l6-v2";

/// One solved row.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// What the model reads.
    pub input: RenderedInput,
    /// The right answer, in the form of the task's kind: a label's name, a list of names, a boolean, or text.
    pub answer: Value,
}

/// How the examples that are shown are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// The first ones, the same for every row.
    #[default]
    Fixed,
    /// Those most like the row, by the cosine of embeddings. They differ by row, so they are not in the shared prefix.
    Similar,
    /// Ones that are unlike each other, by the cosine of embeddings; the same for every row.
    Diverse,
}

impl Selection {
    /// The words in task files.
    pub const WORDS: [(&'static str, Self); 3] = [
        (Self::Fixed.name(), Self::Fixed),
        (Self::Similar.name(), Self::Similar),
        (Self::Diverse.name(), Self::Diverse),
    ];

    /// The word in task files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Similar => "similar",
            Self::Diverse => "diverse",
        }
    }

    /// The selection of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::WORDS
            .into_iter()
            .find(|(own, _)| *own == word)
            .map(|(_, own)| own)
    }
}

/// The examples of a task, all of them, and how those that are shown are chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct ExampleSet {
    /// All of them, in the order written.
    pub items: Vec<Example>,
    /// How they are chosen.
    pub select: Selection,
    /// How many are shown; fewer where there are fewer.
    pub count: usize,
    /// For `fixed` and `diverse`: answers take turns, so that each is shown about as often.
    pub balance: bool,
    /// The embedding model, for `similar` and `diverse`.
    pub model: Option<ModelName>,
}

impl ExampleSet {
    /// Whether choosing needs an embedding of every example (and, for `similar`, of the row).
    pub fn needs_embeddings(&self) -> bool {
        self.select != Selection::Fixed
    }

    /// Whether the examples that are shown depend on the row.
    pub fn by_row(&self) -> bool {
        self.select == Selection::Similar
    }

    /// The examples that every row is shown, in the order of the prompt. Empty for `similar`.
    ///
    /// `embeddings` holds a vector for each of [`ExampleSet::items`], in their order; only `diverse` reads it.
    pub fn shared(&self, embeddings: &[Vec<f32>]) -> Vec<&Example> {
        let chosen = match self.select {
            Selection::Fixed => fixed(&self.items, self.count, self.balance),
            Selection::Diverse => diverse(&self.items, embeddings, self.count, self.balance),
            Selection::Similar => Vec::new(),
        };
        chosen.into_iter().map(|index| &self.items[index]).collect()
    }

    /// The examples that one row is shown, in the order of the prompt: the most similar comes last, nearest to the row.
    /// Empty unless the selection is `similar`. An example with the row's own text is left out, because it would give
    /// the answer away.
    ///
    /// `embeddings` holds a vector for each of [`ExampleSet::items`], in their order; `row_embedding` is the row's.
    pub fn for_row(&self, input: &RenderedInput, row_embedding: &[f32], embeddings: &[Vec<f32>]) -> Vec<&Example> {
        if self.select != Selection::Similar {
            return Vec::new();
        }
        let mut chosen = similar(row_embedding, embeddings, self.count, |index| {
            self.items[index].input.text == input.text
        });
        chosen.reverse();
        chosen.into_iter().map(|index| &self.items[index]).collect()
    }

    /// Whether an example has exactly this input. Where examples are the same for every row, such a row is shown its own
    /// answer: an evaluation leaves it out.
    pub fn contains(&self, input: &RenderedInput) -> bool {
        self.items.iter().any(|example| example.input.text == input.text)
    }
}
