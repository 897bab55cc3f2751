//! The ways in which two values are compared, and what each says.

use serde::{Deserialize, Serialize};

use crate::profile::Role;

/// One way of comparing two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// How many sides have no value: 0 none, 0.5 one, 1 both. All other measures are NaN unless both sides have one.
    Missing,
    /// 1 where both values are the same but for case, accents and space, else 0. Numbers and dates: the same value.
    Exact,
    /// [`Exact`](Self::Exact), weighed by how rare the value is: 1 where only these two have it.
    RareExact,
    /// Jaro-Winkler similarity of the first 64 characters.
    JaroWinkler,
    /// Cosine of the words, weighed by how often they are in a record and how rare they are among records (TF-IDF).
    WordCosine,
    /// The same, words that are spelled nearly alike counted as far as they are alike (soft TF-IDF: Cohen, Ravikumar and
    /// Fienberg, 2003).
    SoftWordCosine,
    /// For each word of the side with fewer, how like it the most similar word of the other is; their mean (Monge-Elkan).
    BestWords,
    /// Jaccard similarity of the runs of three characters.
    Trigrams,
    /// How much of the side that has less is in the other, words weighed by rarity.
    Containment,
    /// How much of the side that has more is in the other, words weighed by rarity.
    Coverage,
    /// Length of the shorter code over that of the longer one that contains it; 1 where they are equal, else 0.
    CodeContainment,
    /// 1 less the edits (transpositions count one) over the length of the longer one.
    EditSimilarity,
    /// The smaller number over the larger one; 0 where their signs differ.
    Ratio,
    /// e to the power of minus the distance over the interquartile range of the column: 1 equal, 0 far apart.
    Closeness,
    /// Rarity of the rarest word that both have, from 0 to 1.
    RarestShared,
    /// On each side, the rarity of the rarest word that the other lacks; the smaller of the two, from 0 to 1.
    RarestUnshared,
    /// Jaccard similarity of the numbers, those with units among them. NaN where one side has none.
    NumberOverlap,
    /// Of the dimensions (size, weight, power, ...) that both sides give a quantity for, the share in which one agrees.
    QuantityAgreement,
    /// How many dimensions there are in which both give a quantity and none agrees, 3 at most.
    QuantityConflict,
    /// The best agreement of a code of one side with one of the other, or with its text run together, weighed by rarity.
    CodeAgreement,
    /// Of the codes' rarity, the share that is found on the other side; of the side with the larger share.
    CodeCoverage,
    /// The same of the side with the smaller share.
    CodeCoverageBoth,
    /// Where no codes agree: how like each other the two most similar ones are. Model numbers that differ by a digit are
    /// two models.
    CodeNearMiss,
    /// How many sides have no code: 0 none, 0.5 one, 1 both.
    CodeMissing,
    /// Jaro-Winkler similarity of the first words, where names of brands and people stand.
    FirstWord,
    /// Words of the shorter side over those of the longer.
    LengthRatio,
    /// Cosine of the embeddings, which come from outside. NaN where there is none.
    EmbeddingCosine,
}

/// What a higher value says. A classifier with few examples is steadier when it is held to this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The higher, the more likely the two are the same.
    Same,
    /// The higher, the more likely they differ.
    Different,
    /// Either.
    Unknown,
}

impl Measure {
    /// Its name, as it stands in names of features.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Exact => "exact",
            Self::RareExact => "rare_exact",
            Self::JaroWinkler => "jaro_winkler",
            Self::WordCosine => "word_cosine",
            Self::SoftWordCosine => "soft_word_cosine",
            Self::BestWords => "best_words",
            Self::Trigrams => "trigrams",
            Self::Containment => "containment",
            Self::Coverage => "coverage",
            Self::CodeContainment => "code_containment",
            Self::EditSimilarity => "edit_similarity",
            Self::Ratio => "ratio",
            Self::Closeness => "closeness",
            Self::RarestShared => "rarest_shared",
            Self::RarestUnshared => "rarest_unshared",
            Self::NumberOverlap => "number_overlap",
            Self::QuantityAgreement => "quantity_agreement",
            Self::QuantityConflict => "quantity_conflict",
            Self::CodeAgreement => "code_agreement",
            Self::CodeCoverage => "code_coverage",
            Self::CodeCoverageBoth => "code_coverage_both",
            Self::CodeNearMiss => "code_near_miss",
            Self::CodeMissing => "code_missing",
            Self::FirstWord => "first_word",
            Self::LengthRatio => "length_ratio",
            Self::EmbeddingCosine => "embedding_cosine",
        }
    }

    /// What a higher value says.
    pub fn direction(self) -> Direction {
        match self {
            Self::Missing | Self::CodeMissing | Self::LengthRatio | Self::CodeNearMiss => Direction::Unknown,
            Self::RarestUnshared | Self::QuantityConflict => Direction::Different,
            _ => Direction::Same,
        }
    }

    /// How the values of a column of this role are compared.
    pub(crate) fn of_column(role: Role) -> &'static [Self] {
        match role {
            Role::Name => &[
                Self::Missing,
                Self::Exact,
                Self::RareExact,
                Self::JaroWinkler,
                Self::WordCosine,
                Self::SoftWordCosine,
                Self::BestWords,
                Self::Trigrams,
                Self::Containment,
            ],
            Role::Code => &[
                Self::Missing,
                Self::Exact,
                Self::RareExact,
                Self::CodeContainment,
                Self::EditSimilarity,
            ],
            Role::Number => &[Self::Missing, Self::Exact, Self::Ratio, Self::Closeness],
            Role::Date => &[Self::Missing, Self::Exact, Self::Closeness, Self::EditSimilarity],
            Role::Text => &[Self::Missing, Self::WordCosine, Self::Trigrams, Self::Containment],
            Role::Category => &[
                Self::Missing,
                Self::Exact,
                Self::RareExact,
                Self::WordCosine,
                Self::Trigrams,
            ],
        }
    }

    /// How whole records are compared, whatever column a value stands in.
    pub(crate) const OF_RECORD: [Self; 17] = [
        Self::WordCosine,
        Self::SoftWordCosine,
        Self::BestWords,
        Self::Containment,
        Self::Coverage,
        Self::Trigrams,
        Self::RarestShared,
        Self::RarestUnshared,
        Self::NumberOverlap,
        Self::QuantityAgreement,
        Self::QuantityConflict,
        Self::CodeAgreement,
        Self::CodeCoverage,
        Self::CodeCoverageBoth,
        Self::CodeNearMiss,
        Self::CodeMissing,
        Self::FirstWord,
    ];
}
