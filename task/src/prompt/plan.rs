//! A task as prompts: what every row shares, what a row adds, and what can be answered.

use super::layout::{CONTENT_FREE, Choice, Layout, PLAIN_ANSWER, PLAIN_INPUT, Turn};
use super::template::{ChatTemplate, Piece, Role};
use super::{Segment, extend, push};
use crate::error::TaskError;
use crate::examples::Example;
use crate::input::RenderedInput;
use crate::task::Task;

/// What stands between guidelines and text where both are in one turn of the user.
const FOLDED_INPUT: &str = "\n\nInput:\n";

/// Everything that is needed to ask a task.
///
/// The prompt of a row is [`Plan::prefix`], then [`Plan::row_examples`] where [`Plan::by_row`], then [`Plan::row`], then
/// each of [`Plan::tails`] in turn where there are any. What follows is the answer: one of [`Plan::choices`], or free
/// text where there are none.
///
/// Where a prompt is too long, the [`Segment::Data`] of [`Plan::row`] may be cut, and nothing else: there is one for
/// most kinds, and one a side for `match` (see [`crate::Truncate::kept_of`]).
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is the same for every row: guidelines, labels, shared examples, and all that comes before the row.
    pub prefix: Vec<Segment>,
    /// One question each about the row, up to where the answer begins. Empty where the row itself is the question. For
    /// `multilabel`, they are in the order of the labels.
    pub tails: Vec<Vec<Segment>>,
    /// What can be answered, to each of the tails. Empty where the model writes freely. The texts are data: they are
    /// tokenized as plain text, right behind what comes before them.
    pub choices: Vec<Choice>,
    /// What comes after an answer, such as `<|im_end|>`. Its first token ends an answer. None where free text of a model
    /// without a chat template ends at [`Plan::stops`] alone.
    pub terminator: Option<Segment>,
    /// Texts that end a free answer and are not part of it: the task's own, and where the layout has one, its own.
    pub stops: Vec<String>,
    /// Whether the layout for models without a chat template is used. Such a prompt begins with the model's first token
    /// (`<s>`) where its tokenizer adds one; a chat template has written it already.
    pub plain: bool,
    /// Whether rows have examples of their own, so that [`Plan::row_examples`] belongs between prefix and row, even for
    /// a row that has none.
    pub by_row: bool,
    /// What an answer begins with that belongs to the prompt's form: a space, where the template has one there. It is in
    /// the texts of [`Plan::choices`] already.
    pub answer_lead: &'static str,
    /// Written right before the row: a space, where the template has one there.
    row_lead: &'static str,
    /// What follows the row, or each tail.
    after: Vec<Segment>,
    writer: Writer,
}

/// Writes prompts with any examples.
#[derive(Debug, Clone)]
struct Writer {
    layout: &'static dyn Layout,
    /// Without its examples.
    task: Task,
    system: Option<String>,
    template: Option<ChatTemplate>,
    shared: Vec<Turn>,
}

/// A prompt around a row that is not there yet.
struct Frame {
    before: Vec<Segment>,
    row_lead: &'static str,
    after: Vec<Segment>,
    answer_lead: &'static str,
}

/// What a mark stands for.
#[derive(Clone, Copy)]
enum Slot {
    System,
    Question(usize),
    Answer(usize),
    Row,
}

impl Plan {
    /// The prompts of `task` for a model with this chat template, or for one without.
    ///
    /// `examples` are shown to every row: what [`crate::ExampleSet::shared`] gives. A task whose examples are chosen by
    /// row (`select: similar`) has none of these; pass what [`crate::ExampleSet::for_row`] gives to
    /// [`Plan::row_examples`].
    ///
    /// # Errors
    /// [`TaskError::NoPrompt`] for `embed`; [`TaskError::ChatTemplate`] where the template fails on these turns.
    pub fn new(task: &Task, template: Option<&ChatTemplate>, examples: &[&Example]) -> Result<Self, TaskError> {
        let layout = task
            .kind
            .rules()
            .layout()
            .ok_or(TaskError::NoPrompt { kind: task.kind.name() })?;
        let shared = examples
            .iter()
            .flat_map(|example| layout.turns(task, example))
            .collect();
        let by_row = task.examples.as_ref().is_some_and(crate::ExampleSet::by_row);
        let writer = Writer {
            layout,
            task: Task {
                examples: None,
                ..task.clone()
            },
            system: layout.system(task).filter(|system| !system.is_empty()),
            template: template.cloned(),
            shared,
        };
        let Frame {
            before,
            row_lead,
            after,
            answer_lead,
        } = writer.frame(&[])?;
        let prefix = if by_row { writer.common_prefix(&before)? } else { before };
        let mut choices = layout.choices(task);
        for choice in &mut choices {
            choice.text.insert_str(0, answer_lead);
        }
        let tails = layout
            .tails(task)
            .into_iter()
            .map(|tail| joined([Segment::Data(tail)], &after))
            .collect();
        let free = choices.is_empty();
        let terminator = match template {
            Some(template) => template.terminator().map(|text| Segment::Template(text.to_owned())),
            None => (!free).then(|| Segment::Template("\n".to_owned())),
        };
        let mut stops = if free { task.generation.stop.clone() } else { Vec::new() };
        if free && template.is_none() {
            stops.push(format!("\n{PLAIN_INPUT}"));
        }
        Ok(Self {
            prefix,
            tails,
            choices,
            terminator,
            stops,
            plain: template.is_none(),
            by_row,
            answer_lead,
            row_lead,
            after,
            writer,
        })
    }

    /// A row, and what follows it up to where the answer begins; where there are [`Plan::tails`], up to where these
    /// begin. Every [`Segment::Data`] of it may be cut.
    pub fn row(&self, input: &RenderedInput) -> Vec<Segment> {
        let row = led(self.row_lead, self.writer.layout.row(input));
        joined(row, if self.tails.is_empty() { &self.after } else { &[] })
    }

    /// The examples of one row, which come between [`Plan::prefix`] and [`Plan::row`].
    ///
    /// # Errors
    /// [`TaskError::ChatTemplate`] where the template fails on these turns, or writes what comes before or after them
    /// differently with their number.
    pub fn row_examples(&self, examples: &[&Example]) -> Result<Vec<Segment>, TaskError> {
        let turns: Vec<Turn> = examples
            .iter()
            .flat_map(|example| self.writer.layout.turns(&self.writer.task, example))
            .collect();
        let frame = self.writer.frame(&turns)?;
        match frame.before.strip_prefix(self.prefix.as_slice()) {
            Some(own) if frame.after == self.after && frame.row_lead == self.row_lead => Ok(own.to_vec()),
            _ => Err(TaskError::ChatTemplate {
                message: format!("writes a prompt with {} examples unlike one without", turns.len()),
            }),
        }
    }

    /// [`Plan::row_examples`] and then [`Plan::row`]. For whoever cuts long rows the two are better kept apart, because
    /// no part of an example may be cut.
    pub fn row_with_examples(&self, examples: &[&Example], input: &RenderedInput) -> Result<Vec<Segment>, TaskError> {
        Ok(joined(self.row_examples(examples)?, &self.row(input)))
    }

    /// Inputs without content, made of [`CONTENT_FREE`]: what contextual calibration asks.
    pub fn content_free(&self) -> Vec<RenderedInput> {
        let two_sided = self.writer.task.kind.rules().two_sided();
        let input = |text| {
            if two_sided {
                RenderedInput::two(text, text)
            } else {
                RenderedInput::text(text)
            }
        };
        CONTENT_FREE.into_iter().map(input).collect()
    }
}

impl Writer {
    /// The prompt with the shared examples and then `own`.
    fn frame(&self, own: &[Turn]) -> Result<Frame, TaskError> {
        let turns: Vec<&Turn> = self.shared.iter().chain(own).collect();
        match &self.template {
            Some(template) => self.chat(template, &turns),
            None => Ok(self.plain(&turns)),
        }
    }

    /// What `before` shares with the prompts of rows that have examples. Whole parts alone are compared, so that the
    /// cut is where parts end.
    fn common_prefix(&self, before: &[Segment]) -> Result<Vec<Segment>, TaskError> {
        // A question of the kind's own form: where it begins with words of the layout, these run together with what the
        // template writes in front.
        let input = if self.task.kind.rules().two_sided() {
            RenderedInput::two("?", "?")
        } else {
            RenderedInput::text("?")
        };
        let turn = Turn {
            question: self.layout.row(&input),
            answer: "!".to_owned(),
        };
        let mut shared = before.len();
        for count in 1..=2 {
            let other = self.frame(&vec![turn.clone(); count])?.before;
            shared = before
                .iter()
                .zip(&other)
                .take(shared)
                .take_while(|(left, right)| left == right)
                .count();
        }
        Ok(before[..shared].to_vec())
    }

    fn chat(&self, template: &ChatTemplate, turns: &[&Turn]) -> Result<Frame, TaskError> {
        let mut slots: Vec<Slot> = Vec::with_capacity(turns.len() * 2 + 2);
        let mut messages: Vec<(Role, Vec<usize>)> = Vec::with_capacity(turns.len() * 2 + 2);
        let mut mark = |slot: Slot| {
            slots.push(slot);
            slots.len() - 1
        };
        let mut folded = Vec::new();
        if self.system.is_some() {
            let system = mark(Slot::System);
            if template.has_system() {
                messages.push((Role::System, vec![system]));
            } else {
                folded.push(system);
            }
        }
        let is_folded = !folded.is_empty();
        for index in 0..turns.len() {
            let mut question = std::mem::take(&mut folded);
            question.push(mark(Slot::Question(index)));
            messages.push((Role::User, question));
            messages.push((Role::Assistant, vec![mark(Slot::Answer(index))]));
        }
        folded.push(mark(Slot::Row));
        messages.push((Role::User, folded));

        let mut before = Vec::new();
        let mut row_lead = None;
        let mut after = Vec::new();
        let mut lead = "";
        for piece in template.pieces(&messages, true)? {
            let target = if row_lead.is_some() { &mut after } else { &mut before };
            let slot = match piece {
                Piece::Text(text) if text.is_empty() => continue,
                Piece::Text(text) => {
                    let (text, space) = without_last_space(&text);
                    push(target, Segment::Template(text.to_owned()));
                    lead = space;
                    continue;
                }
                Piece::Mark(index) => slots[index],
            };
            match slot {
                Slot::System => {
                    let system = self.system.as_deref().unwrap_or_default();
                    let end = match (is_folded, lead) {
                        (false, _) => "",
                        (true, "") => FOLDED_INPUT,
                        (true, _) => FOLDED_INPUT.trim_end(),
                    };
                    push(target, Segment::Data(format!("{lead}{system}{end}")));
                    // What follows in the same turn begins as every turn of the user does.
                    if is_folded {
                        continue;
                    }
                }
                Slot::Question(index) => extend(target, led(lead, turns[index].question.clone())),
                Slot::Answer(index) => push(target, Segment::Data(format!("{lead}{}", turns[index].answer))),
                Slot::Row => row_lead = Some(lead),
            }
            lead = "";
        }
        let end = format!("{lead}{}", template.answer_lead());
        let (end, answer_lead) = without_last_space(&end);
        push(&mut after, Segment::Template(end.to_owned()));
        Ok(Frame {
            before,
            row_lead: row_lead.unwrap_or_default(),
            after,
            answer_lead,
        })
    }

    /// For models without a chat template: `Input: ...` and `Answer: ...`, a line each.
    fn plain(&self, turns: &[&Turn]) -> Frame {
        let mut before = match &self.system {
            Some(system) => vec![Segment::Data(format!("{system}\n\n{PLAIN_INPUT}"))],
            None => vec![Segment::Template(PLAIN_INPUT.to_owned())],
        };
        for turn in turns {
            extend(&mut before, led(" ", turn.question.clone()));
            push(&mut before, Segment::Template(format!("\n{PLAIN_ANSWER}")));
            push(&mut before, Segment::Data(format!(" {}", turn.answer)));
            push(&mut before, Segment::Template(format!("\n{PLAIN_INPUT}")));
        }
        let after = vec![Segment::Template(format!("\n{PLAIN_ANSWER}"))];
        Frame {
            before,
            row_lead: " ",
            after,
            answer_lead: " ",
        }
    }
}

/// A text, and the space at its end. Tokenizers take a space along with the word that follows it, so it goes with what
/// follows.
fn without_last_space(text: &str) -> (&str, &'static str) {
    text.strip_suffix(' ').map_or((text, ""), |text| (text, " "))
}

/// Parts with a text in front of the first one.
fn led(lead: &str, mut segments: Vec<Segment>) -> Vec<Segment> {
    if let Some(first) = segments.first_mut() {
        first.text_mut().insert_str(0, lead);
    }
    segments
}

fn joined(first: impl IntoIterator<Item = Segment>, then: &[Segment]) -> Vec<Segment> {
    let mut segments = Vec::new();
    extend(&mut segments, first);
    extend(&mut segments, then.iter().cloned());
    segments
}
