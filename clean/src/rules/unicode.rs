//! Unicode normalization (Unicode Standard Annex 15).

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick, is_nfkc_quick};

use crate::edit::Patch;

/// A form that a text can be brought into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnicodeForm {
    /// Letters and their accents are one character where there is one. Nothing looks different.
    #[default]
    Nfc,
    /// In addition, characters that differ in looks alone are the same: `ﬁ` is `fi`, `１` is `1`, `²` is `2`.
    Nfkc,
}

impl UnicodeForm {
    pub(super) fn patches(self, text: &str) -> Vec<Patch> {
        let is_normal = match self {
            Self::Nfc => is_nfc_quick(text.chars()),
            Self::Nfkc => is_nfkc_quick(text.chars()),
        };
        if is_normal == IsNormalized::Yes {
            return Vec::new();
        }
        // An ASCII character never joins what is before it: each stretch from one to the next is normalized alone.
        let mut starts: Vec<usize> = text
            .char_indices()
            .filter(|(_, letter)| letter.is_ascii())
            .map(|(at, _)| at)
            .collect();
        starts.insert(0, 0);
        starts.push(text.len());
        starts.dedup();
        let mut patches = Vec::new();
        for bounds in starts.windows(2) {
            let part = &text[bounds[0]..bounds[1]];
            if part.len() < 2 {
                continue;
            }
            let normal: String = match self {
                Self::Nfc => part.nfc().collect(),
                Self::Nfkc => part.nfkc().collect(),
            };
            if normal != part {
                patches.push(Patch::new(bounds[0]..bounds[1], normal));
            }
        }
        patches
    }
}
