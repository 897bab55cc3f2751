//! The wording of prompts: everything that this project says to a language model, in one place.
//!
//! Change [`LAYOUT_VERSION`] with any change here that can move a token: it is part of every fingerprint.
//!
//! Texts are put together so that a cut between two of them never falls where a tokenizer would have merged across it.
//! Byte-pair tokenizers split text into words first, and a word takes the space or the punctuation *before* it along;
//! a line break ends a word. So a part ends after a single line break, or right before a space, and what comes next
//! starts with a letter, or with that space. (Two line breaks are no place to end: some tokenizers read them as one
//! token, others as one token each when a letter follows.)

use std::fmt::Debug;

use serde_json::Value;

use super::Segment;
use crate::examples::Example;
use crate::input::RenderedInput;
use crate::shape::{self, spaced};
use crate::task::{Label, Task};

/// Version of the wording. Part of every fingerprint.
pub const LAYOUT_VERSION: u32 = 1;

/// Inputs without content, for contextual calibration (Zhao et al. 2021, section 4).
pub const CONTENT_FREE: [&str; 3] = ["N/A", "[MASK]", "-"];

/// What names the row in the layout for models without a chat template.
pub(crate) const PLAIN_INPUT: &str = "Input:";
/// What names the answer there.
pub(crate) const PLAIN_ANSWER: &str = "Answer:";

const SIDE_A: &str = "A:";
const SIDE_B: &str = "B:";
/// What the model writes where a text does not answer a question.
pub const NO_ANSWER: &str = "unanswerable";
const CONTEXT: &str = "Text:";
const QUESTION: &str = "Question:";

const YES: &str = "yes";
const NO: &str = "no";

/// One thing that can be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The text that is scored, right behind the prompt. It begins with a space where the prompt leaves that to the
    /// answer.
    pub text: String,
    /// The same text as people read it.
    pub name: String,
    /// The value that it stands for.
    pub value: Value,
}

impl Choice {
    fn new(name: &str, value: Value) -> Self {
        Self {
            text: name.to_owned(),
            name: name.to_owned(),
            value,
        }
    }
}

/// An example as the model reads it: what the user asks, and what the model answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) question: Vec<Segment>,
    pub(crate) answer: String,
}

/// The wording for one kind of task.
pub(crate) trait Layout: Sync + Debug {
    /// What the model is told before any row. None where there is nothing to tell.
    fn system(&self, task: &Task) -> Option<String>;

    /// A row, as the user says it: what is the row's own as data, our words as template. It is followed by a tail where
    /// [`Layout::tails`] gives any.
    fn row(&self, input: &RenderedInput) -> Vec<Segment> {
        vec![Segment::Data(input.text.clone())]
    }

    /// An example, as questions of the user and answers of the model.
    fn turns(&self, task: &Task, example: &Example) -> Vec<Turn>;

    /// What follows the row, a text for each question about it. Empty where the row itself is the question.
    fn tails(&self, _task: &Task) -> Vec<String> {
        Vec::new()
    }

    /// What can be answered. Empty where the model writes freely.
    fn choices(&self, task: &Task) -> Vec<Choice>;
}

/// For `label`.
#[derive(Debug)]
pub(crate) struct OneLabel;
/// For `multilabel`: a question a label, after the row, so that the row is computed once.
#[derive(Debug)]
pub(crate) struct EachLabel;
/// For `match`.
#[derive(Debug)]
pub(crate) struct SameOrNot;
/// For `complete`.
#[derive(Debug)]
pub(crate) struct Free;
/// For `answer`.
#[derive(Debug)]
pub(crate) struct FromText;
/// For `extract`.
#[derive(Debug)]
pub(crate) struct AsRecord;

impl Layout for OneLabel {
    fn system(&self, task: &Task) -> Option<String> {
        Some(paragraphs(&[
            &task.guidelines,
            &format!("Labels:\n{}", label_list(&task.labels)),
            "Answer with one of these labels only, exactly as it is written.",
        ]))
    }

    fn turns(&self, _task: &Task, example: &Example) -> Vec<Turn> {
        vec![Turn {
            question: self.row(&example.input),
            answer: text_of(&example.answer),
        }]
    }

    fn choices(&self, task: &Task) -> Vec<Choice> {
        task.labels
            .iter()
            .map(|label| Choice::new(&label.name, Value::String(label.name.clone())))
            .collect()
    }
}

impl EachLabel {
    fn tail(label: &Label) -> String {
        format!("Does the label \"{}\" apply? Answer {YES} or {NO}.", label.name)
    }
}

impl Layout for EachLabel {
    fn system(&self, task: &Task) -> Option<String> {
        Some(paragraphs(&[
            &task.guidelines,
            &format!("Labels, of which any number can apply:\n{}", label_list(&task.labels)),
            &format!("For each text and label, answer {YES} where the label applies and {NO} where it does not."),
        ]))
    }

    /// The row and its line break, so that each tail starts with a letter.
    fn row(&self, input: &RenderedInput) -> Vec<Segment> {
        vec![Segment::Data(input.text.clone()), Segment::Template("\n".to_owned())]
    }

    /// One label that applies and one that does not, where there are such: the model sees both answers, and a prompt
    /// does not grow with the number of labels. The second is chosen by the text's own hash, so that the examples do
    /// not all deny the same label.
    fn turns(&self, task: &Task, example: &Example) -> Vec<Turn> {
        let given: Vec<&str> = example
            .answer
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let (applies, others): (Vec<&Label>, Vec<&Label>) = task
            .labels
            .iter()
            .partition(|label| given.contains(&label.name.as_str()));
        let seed = usize::from(example.input.hash().0[0]);
        let turn = |label: &Label, answer: &str| {
            let mut question = self.row(&example.input);
            question.push(Segment::Data(Self::tail(label)));
            Turn {
                question,
                answer: answer.to_owned(),
            }
        };
        let yes = applies.get(seed % applies.len().max(1)).map(|label| turn(label, YES));
        let no = others.get(seed % others.len().max(1)).map(|label| turn(label, NO));
        // Yes and no take turns in coming last, which small models lean towards.
        if seed % 2 == 0 {
            yes.into_iter().chain(no).collect()
        } else {
            no.into_iter().chain(yes).collect()
        }
    }

    fn tails(&self, task: &Task) -> Vec<String> {
        task.labels.iter().map(Self::tail).collect()
    }

    fn choices(&self, _task: &Task) -> Vec<Choice> {
        yes_or_no()
    }
}

impl Layout for SameOrNot {
    fn system(&self, task: &Task) -> Option<String> {
        let guidelines = if task.guidelines.is_empty() {
            "Decide whether two records, A and B, are about the same thing."
        } else {
            &task.guidelines
        };
        Some(paragraphs(&[
            guidelines,
            &format!("Answer {YES} where A and B match and {NO} where they do not."),
        ]))
    }

    /// Each side is data of its own, so that a long one can be cut without losing the other.
    fn row(&self, input: &RenderedInput) -> Vec<Segment> {
        let mut row = match &input.sides {
            Some([a, b]) => {
                let space = side_space(a, b);
                vec![
                    Segment::Template(SIDE_A.to_owned()),
                    Segment::Data(format!("{space}{a}")),
                    Segment::Template(format!("\n{SIDE_B}")),
                    Segment::Data(format!("{space}{b}")),
                ]
            }
            None => vec![Segment::Data(input.text.clone())],
        };
        row.push(Segment::Template("\nDo A and B match?".to_owned()));
        row
    }

    fn turns(&self, _task: &Task, example: &Example) -> Vec<Turn> {
        let answer = if example.answer == Value::Bool(true) { YES } else { NO };
        vec![Turn {
            question: self.row(&example.input),
            answer: answer.to_owned(),
        }]
    }

    fn choices(&self, _task: &Task) -> Vec<Choice> {
        yes_or_no()
    }
}

impl Layout for Free {
    fn system(&self, task: &Task) -> Option<String> {
        (!task.guidelines.is_empty()).then(|| task.guidelines.clone())
    }

    fn turns(&self, _task: &Task, example: &Example) -> Vec<Turn> {
        vec![Turn {
            question: self.row(&example.input),
            answer: text_of(&example.answer),
        }]
    }

    fn choices(&self, _task: &Task) -> Vec<Choice> {
        Vec::new()
    }
}

impl Layout for FromText {
    fn system(&self, task: &Task) -> Option<String> {
        Some(paragraphs(&[
            &task.guidelines,
            &format!(
                "Answer the question with words of the text: copy the shortest piece of it that answers, as it is \
                 written. Where the text does not answer, write {NO_ANSWER}."
            ),
        ]))
    }

    /// Each side is data of its own, so that a long text can be cut without losing the question.
    fn row(&self, input: &RenderedInput) -> Vec<Segment> {
        let Some([context, question]) = &input.sides else {
            return vec![Segment::Data(input.text.clone())];
        };
        vec![
            Segment::Template(CONTEXT.to_owned()),
            Segment::Data(format!(" {context}")),
            Segment::Template(format!("\n{QUESTION}")),
            Segment::Data(format!(" {question}")),
        ]
    }

    fn turns(&self, _task: &Task, example: &Example) -> Vec<Turn> {
        vec![Turn {
            question: self.row(&example.input),
            answer: example.answer.as_str().unwrap_or(NO_ANSWER).to_owned(),
        }]
    }

    fn choices(&self, _task: &Task) -> Vec<Choice> {
        Vec::new()
    }
}

impl Layout for AsRecord {
    fn system(&self, task: &Task) -> Option<String> {
        Some(paragraphs(&[
            &task.guidelines,
            &format!("Fields:\n{}", shape::written_types(&task.fields)),
            "Read these fields out of the text. Answer with one JSON object that has them in this order, copied as they are \
             written, and null for what the text does not say.",
        ]))
    }

    fn turns(&self, task: &Task, example: &Example) -> Vec<Turn> {
        vec![Turn {
            question: self.row(&example.input),
            answer: spaced(&shape::filled(&task.fields, &example.answer)),
        }]
    }

    fn choices(&self, _task: &Task) -> Vec<Choice> {
        Vec::new()
    }
}

/// The two sides of a `match` as one text.
pub(crate) fn two_sides(a: &str, b: &str) -> String {
    let space = side_space(a, b);
    format!("{SIDE_A}{space}{a}\n{SIDE_B}{space}{b}")
}

/// What stands between the name of a side and its text: texts of several lines begin on a line of their own.
fn side_space(a: &str, b: &str) -> char {
    if a.contains('\n') || b.contains('\n') {
        '\n'
    } else {
        ' '
    }
}

/// `- name: description`, a line a label.
fn label_list(labels: &[Label]) -> String {
    let mut list = String::new();
    for label in labels {
        if !list.is_empty() {
            list.push('\n');
        }
        list.push_str("- ");
        list.push_str(&label.name);
        if let Some(description) = &label.description {
            list.push_str(": ");
            list.push_str(&description.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    list
}

/// The parts that are not empty, a blank line between them.
pub(super) fn paragraphs(parts: &[&str]) -> String {
    parts
        .iter()
        .copied()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn yes_or_no() -> Vec<Choice> {
    vec![Choice::new(YES, Value::Bool(true)), Choice::new(NO, Value::Bool(false))]
}

fn text_of(answer: &Value) -> String {
    answer.as_str().unwrap_or_default().to_owned()
}
