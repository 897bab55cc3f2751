//! How texts are mended.

use refuel_clean::{Diff, Guard, Keep, RuleName, Rules};
use serde_json::{Value, json};

/// The share of letters that a model may change, unless told.
pub(crate) const MAX_CHANGE: f32 = 0.25;
/// What an edit of a model must leave as it is: words in task files.
pub(crate) const KEEP_WORDS: [&str; 4] = ["numbers", "names", "negation", "contacts"];
/// The most changes that are told one by one.
const TOLD: usize = 8;
/// The most letters of a change that are told.
const TOLD_LETTERS: usize = 40;

/// How texts are mended.
#[derive(Debug, Clone)]
pub struct Cleaning {
    /// Rules, in their order.
    pub rules: Rules,
    /// Judges what a model makes of a text.
    pub guard: Guard,
    /// What the guard keeps, for what is told of it.
    pub keep: Keep,
    /// The share of letters that a model may change.
    pub max_change: f32,
    /// The rules as the task has them, and the hash of the dictionary.
    pub(crate) written: Value,
}

/// A text that rules mended.
#[derive(Debug, Clone, PartialEq)]
pub struct Mended {
    /// The text.
    pub text: String,
    /// What was changed and by which rules, for people. None where nothing was.
    pub told: Option<String>,
    /// How sure it is that the text is right: 1, or as sure as its corrections, and as words that the dictionary lacks.
    pub confidence: f32,
}

impl Cleaning {
    /// Applies the rules.
    pub fn mend(&self, text: &str) -> Mended {
        let cleaned = self.rules.apply(text);
        let mut names: Vec<RuleName> = Vec::new();
        for name in cleaned.edits.iter().flat_map(|edit| &edit.rules) {
            if !names.contains(name) {
                names.push(*name);
            }
        }
        let confidence = self.rules.confidence(&cleaned);
        let told = (!names.is_empty()).then(|| {
            let names: Vec<&str> = names.iter().map(|name| name.name()).collect();
            let changes = cleaned
                .edits
                .iter()
                .map(|edit| (edit.before.as_str(), edit.after.as_str()));
            format!("edited by {}: {}", names.join(", "), told(changes))
        });
        Mended {
            text: cleaned.text,
            told,
            confidence,
        }
    }

    /// Judges what a model made of a text that the rules had mended: what it changed, for people, or why it must not.
    ///
    /// # Errors
    /// Why the edit is rejected, and what it would have changed.
    pub fn judge(&self, before: &str, after: &str) -> Result<Option<String>, String> {
        match self.guard.check(before, after) {
            Ok(diff) if diff.is_empty() => Ok(None),
            Ok(diff) => Ok(Some(told_of(&diff, before, after))),
            Err(rejected) => Err(format!("{rejected} ({})", told_of(&rejected.diff, before, after))),
        }
    }

    /// What is hashed.
    pub(super) fn canonical(&self) -> Value {
        let keep = [
            self.keep.numbers,
            self.keep.names,
            self.keep.negation,
            self.keep.contacts,
        ];
        json!(["clean", self.written, self.max_change, keep])
    }
}

fn told_of(diff: &Diff, before: &str, after: &str) -> String {
    let pieces = |hunk: &refuel_clean::Hunk| (&before[hunk.before.clone()], &after[hunk.after.clone()]);
    told(diff.hunks().iter().map(pieces))
}

/// Changes as people read them: `[-gone-]{+came+}`, as word diffs are shown.
fn told<'a>(changes: impl ExactSizeIterator<Item = (&'a str, &'a str)>) -> String {
    let count = changes.len();
    let shown = changes.take(TOLD).map(|(before, after)| match (before, after) {
        (before, "") => format!("[-{}-]", cut(before)),
        ("", after) => format!("{{+{}+}}", cut(after)),
        (before, after) => format!("[-{}-]{{+{}+}}", cut(before), cut(after)),
    });
    let mut text = shown.collect::<Vec<String>>().join(" ");
    if count > TOLD {
        text.push_str(&format!(" and {} more", count - TOLD));
    }
    text
}

/// A piece of a text on one line, long ones cut.
fn cut(piece: &str) -> String {
    let mut shown: String = piece.chars().take(TOLD_LETTERS).flat_map(visible).collect();
    if piece.chars().count() > TOLD_LETTERS {
        shown.push('…');
    }
    shown
}

/// A letter, or the escape of one that nobody sees.
fn visible(letter: char) -> Vec<char> {
    let is_seen = letter == ' ' || (!letter.is_whitespace() && !letter.is_control());
    if is_seen {
        vec![letter]
    } else {
        letter.escape_default().collect()
    }
}
