//! From a task to the text that a model reads.
//!
//! [`layout`] holds the wording, [`template`] a model's own chat template, [`plan`] puts both together and cuts the
//! result into what every row shares and what a row adds.

pub(crate) mod layout;
mod plan;
mod template;
pub(crate) mod values;

pub use layout::{CONTENT_FREE, Choice, LAYOUT_VERSION, NO_ANSWER};
pub use plan::Plan;
pub use template::{ChatTemplate, Message, Role};
pub use values::{NO_ENTRY, NO_VALUE};

/// A part of a prompt. Each part is tokenized by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Text of a chat template or of our own wording. Special tokens in it, such as `<|im_start|>`, are tokens.
    Template(String),
    /// Text that somebody else wrote: a row, an example, guidelines, a label. What looks like a special token in it is
    /// tokenized as plain text, so that a row can't end its own turn and speak as somebody else.
    Data(String),
}

impl Segment {
    /// The text, whatever it is.
    pub fn text(&self) -> &str {
        match self {
            Self::Template(text) | Self::Data(text) => text,
        }
    }

    fn text_mut(&mut self) -> &mut String {
        match self {
            Self::Template(text) | Self::Data(text) => text,
        }
    }
}

/// Appends a part. Template text is joined with template text before it, so that it is tokenized as a whole.
fn push(segments: &mut Vec<Segment>, next: Segment) {
    match (segments.last_mut(), next) {
        (_, next) if next.text().is_empty() => {}
        (Some(Segment::Template(text)), Segment::Template(more)) => text.push_str(&more),
        (_, next) => segments.push(next),
    }
}

/// Appends parts, see [`push`].
fn extend(segments: &mut Vec<Segment>, more: impl IntoIterator<Item = Segment>) {
    for segment in more {
        push(segments, segment);
    }
}
