//! The rules, by name.

mod casing;
mod dashes;
mod html;
mod invisible;
mod parse;
mod punctuation;
mod quotes;
mod unicode;
mod whitespace;

use std::fmt;

pub use casing::Case;
pub use dashes::DashStyle;
pub use html::Html;
pub use quotes::QuoteStyle;
pub use unicode::UnicodeForm;
pub use whitespace::Whitespace;

use crate::edit::{Cleaned, Draft, Patch};
use crate::mojibake;
use crate::spelling::Speller;

/// Rounds over all rules. Each rule alone is done in one; two that make work for each other need a few.
const MOST_ROUNDS: usize = 16;

/// The name of a rule, as task files have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleName {
    /// Unicode normalization.
    Unicode,
    /// Text that was decoded with the wrong character set.
    Mojibake,
    /// Control characters and others that nobody sees.
    Invisible,
    /// White space.
    Whitespace,
    /// HTML tags and character references.
    Html,
    /// Capitals and small letters.
    Casing,
    /// Quotation marks and apostrophes.
    Quotes,
    /// Hyphens and dashes.
    Dashes,
    /// Repeated punctuation marks.
    Punctuation,
    /// Spelling.
    Spelling,
}

impl RuleName {
    /// Every rule, in the order in which they are best applied.
    pub const ALL: [Self; 10] = [
        Self::Mojibake,
        Self::Html,
        Self::Unicode,
        Self::Invisible,
        Self::Whitespace,
        Self::Quotes,
        Self::Dashes,
        Self::Punctuation,
        Self::Spelling,
        Self::Casing,
    ];

    /// The name in task files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unicode => "unicode",
            Self::Mojibake => "mojibake",
            Self::Invisible => "invisible",
            Self::Whitespace => "whitespace",
            Self::Html => "html",
            Self::Casing => "casing",
            Self::Quotes => "quotes",
            Self::Dashes => "dashes",
            Self::Punctuation => "punctuation",
            Self::Spelling => "spelling",
        }
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A rule with its options.
#[derive(Debug, Clone)]
pub enum Rule {
    /// See [`UnicodeForm`].
    Unicode(UnicodeForm),
    /// UTF-8 that was read as Windows-1252, Mac Roman, code page 437 or the like is read as UTF-8. Only what can hardly
    /// have been meant is touched.
    Mojibake,
    /// Control characters, zero-width characters, soft hyphens and marks of direction go, but where the writing needs
    /// them.
    Invisible,
    /// See [`Whitespace`].
    Whitespace(Whitespace),
    /// See [`Html`].
    Html(Html),
    /// See [`Case`].
    Casing(Case),
    /// See [`QuoteStyle`].
    Quotes(QuoteStyle),
    /// See [`DashStyle`].
    Dashes(DashStyle),
    /// `!!!` is `!`, `?!?!` is `?!`, `.....` is `...`, `,,` is `,`.
    Punctuation,
    /// Words that the dictionary does not have, and that are near to one that it has.
    Spelling(Speller),
}

impl Rule {
    /// The name of the rule.
    pub fn name(&self) -> RuleName {
        match self {
            Self::Unicode(_) => RuleName::Unicode,
            Self::Mojibake => RuleName::Mojibake,
            Self::Invisible => RuleName::Invisible,
            Self::Whitespace(_) => RuleName::Whitespace,
            Self::Html(_) => RuleName::Html,
            Self::Casing(_) => RuleName::Casing,
            Self::Quotes(_) => RuleName::Quotes,
            Self::Dashes(_) => RuleName::Dashes,
            Self::Punctuation => RuleName::Punctuation,
            Self::Spelling(_) => RuleName::Spelling,
        }
    }

    fn patches(&self, draft: &Draft<'_>) -> Vec<Patch> {
        let text = draft.text.as_str();
        match self {
            Self::Unicode(form) => form.patches(text),
            Self::Mojibake => mojibake::patches(text),
            Self::Invisible => invisible::patches(text),
            Self::Whitespace(whitespace) => whitespace.patches(text),
            Self::Html(html) => html.patches(text, &draft.made_by(RuleName::Html)),
            Self::Casing(case) => case.patches(text),
            Self::Quotes(style) => style.patches(text),
            Self::Dashes(style) => style.patches(text),
            Self::Punctuation => punctuation::patches(text),
            Self::Spelling(speller) => speller.patches(text),
        }
    }
}

/// Rules in their order.
#[derive(Debug, Clone)]
pub struct Rules(Vec<Rule>);

impl Default for Rules {
    /// What changes no meaning: mojibake, HTML, Unicode form, invisible characters and white space.
    fn default() -> Self {
        Self(vec![
            Rule::Mojibake,
            Rule::Html(Html::default()),
            Rule::Unicode(UnicodeForm::default()),
            Rule::Invisible,
            Rule::Whitespace(Whitespace::default()),
        ])
    }
}

impl Rules {
    /// Rules in an order.
    ///
    /// # Errors
    /// [`CleanError::Twice`](crate::CleanError::Twice).
    pub fn new(rules: Vec<Rule>) -> crate::Result<Self> {
        for (at, rule) in rules.iter().enumerate() {
            if rules[..at].iter().any(|other| other.name() == rule.name()) {
                return Err(crate::CleanError::Twice {
                    place: format!("rules[{at}]"),
                    rule: rule.name().name(),
                });
            }
        }
        Ok(Self(rules))
    }

    /// The rules, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// Applies the rules in order until none changes anything. What comes out stays as it is when it is cleaned again, but
    /// where it was escaped: `&lt;b&gt;` is the text `<b>`, which is a tag to whoever cleans it once more.
    pub fn apply(&self, text: &str) -> Cleaned {
        let mut draft = Draft::new(text);
        for _ in 0..MOST_ROUNDS {
            let mut changed = false;
            for rule in &self.0 {
                // A rule is done before the next one sees the text.
                for _ in 0..MOST_ROUNDS {
                    if !draft.patch(rule.patches(&draft), rule.name()) {
                        break;
                    }
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        draft.finish()
    }

    /// How sure the text is that came of a text, from 0 to 1: 1 but for spelling. A correction is as sure as the word is
    /// likely that was meant, and a word that the dictionary lacks, and that was left alone, is less sure than any correction.
    pub fn confidence(&self, cleaned: &Cleaned) -> f32 {
        let of_rule = self.0.iter().map(|rule| match rule {
            Rule::Spelling(speller) => {
                let edits = cleaned.edits.iter();
                let corrected = edits.filter(|edit| edit.rules.contains(&RuleName::Spelling));
                speller.confidence(corrected.map(|edit| edit.before.as_str()), &cleaned.text)
            }
            _ => 1.0,
        });
        of_rule.fold(1.0, f32::min)
    }
}
