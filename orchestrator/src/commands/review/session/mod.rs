//! A review as a person goes through it: keys in, a screen and things to do out. Knows no terminal and no file.

mod choices;
mod draw;
mod keys;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use jiff::Timestamp;
use refuel_state::{Guess, Pending, Review, Verdict};
use refuel_task::{InputHash, Status, Task};
use serde_json::Value;

use choices::{Choices, Form};

pub(super) use draw::{Frame, Span};
pub(super) use keys::Key;
pub(super) use text::{of_input as shown_input, of_value as shown_value};

/// An answer with the task that it is of.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) pending: Pending,
    pub(super) task: Arc<Task>,
}

impl Item {
    /// What the model said. None where it failed.
    pub(super) fn guess(&self) -> Option<&Value> {
        (self.pending.answer.status != Status::Error).then_some(&self.pending.answer.value)
    }
}

/// What is to be done after a key.
#[derive(Debug, PartialEq)]
pub(super) enum Effect {
    /// Nothing but drawing the screen anew.
    Draw,
    /// A verdict is to be kept.
    Keep(Box<Review>),
    /// A verdict is to be taken back.
    TakeBack(String, InputHash),
    /// The review is over.
    Leave,
}

/// What keys are about.
#[derive(Debug, Clone, PartialEq)]
enum Mode {
    /// The answer.
    Choose,
    /// A list of labels, narrowed to those that hold a text.
    Find { text: String, marked: usize },
    /// A note on the answer.
    Note { text: String },
    /// The right text, where the task writes text.
    Write { text: String },
    /// The task's guidelines, all of them.
    Guidelines,
    /// What each key does.
    Help,
}

/// What was done with an answer.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Skipped,
    Decided { agreed: Option<bool>, note: Option<String> },
}

/// What came of a review.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) decided: u64,
    pub(super) skipped: u64,
    /// Decided where the model had said something.
    pub(super) compared: u64,
    /// Decided as the model had said.
    pub(super) agreed: u64,
}

/// A review, somewhere in its course.
#[derive(Debug)]
pub(super) struct Session {
    items: Vec<Item>,
    reviewer: String,
    mode: Mode,
    /// Steps that were taken, one an answer: so many answers are behind.
    past: Vec<Step>,
    choices: Choices,
    note: Option<String>,
    /// First line of the input, or of the guidelines, that is shown.
    scroll: usize,
    message: Option<String>,
    columns: usize,
    lines: usize,
}

impl Session {
    pub(super) fn new(items: Vec<Item>, reviewer: String, (columns, lines): (u16, u16)) -> Self {
        let mut session = Self {
            items,
            reviewer,
            mode: Mode::Choose,
            past: Vec::new(),
            choices: Choices::none(),
            note: None,
            scroll: 0,
            message: None,
            columns: usize::from(columns),
            lines: usize::from(lines),
        };
        session.arrive();
        session
    }

    /// The screen has another size.
    pub(super) fn resize(&mut self, columns: u16, lines: u16) {
        self.columns = usize::from(columns);
        self.lines = usize::from(lines);
        self.scroll = self.scroll.min(self.furthest());
    }

    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for step in &self.past {
            match step {
                Step::Skipped => tally.skipped += 1,
                Step::Decided { agreed, .. } => {
                    tally.decided += 1;
                    tally.compared += u64::from(agreed.is_some());
                    tally.agreed += u64::from(*agreed == Some(true));
                }
            }
        }
        tally
    }

    /// Takes a key; `now` is when.
    pub(super) fn press(&mut self, key: Key, now: Timestamp) -> Effect {
        if key == Key::Interrupt {
            return Effect::Leave;
        }
        self.message = None;
        match std::mem::replace(&mut self.mode, Mode::Choose) {
            Mode::Choose => self.in_choosing(key, now),
            Mode::Find { text, marked } => self.in_finding(key, text, marked, now),
            Mode::Note { mut text } => {
                match key {
                    Key::Enter => self.note = Some(text.trim().to_owned()).filter(|note| !note.is_empty()),
                    Key::Escape => {}
                    _ => {
                        edit(&mut text, key);
                        self.mode = Mode::Note { text };
                    }
                }
                Effect::Draw
            }
            Mode::Write { mut text } => match key {
                Key::Enter if text.trim().is_empty() => {
                    self.message = Some("there is nothing to keep; `x` says that no answer is right".to_owned());
                    Effect::Draw
                }
                Key::Enter => self.decide(Verdict::Value(text.trim().into()), now),
                Key::Escape => Effect::Draw,
                _ => {
                    edit(&mut text, key);
                    self.mode = Mode::Write { text };
                    Effect::Draw
                }
            },
            Mode::Guidelines => {
                if self.scrolls(key, true) {
                    self.mode = Mode::Guidelines;
                } else {
                    self.scroll = 0;
                }
                Effect::Draw
            }
            Mode::Help => Effect::Draw,
        }
    }

    fn in_choosing(&mut self, key: Key, now: Timestamp) -> Effect {
        if self.past.len() >= self.items.len() {
            return match key {
                Key::Char('u') => self.undo(),
                Key::Enter | Key::Escape | Key::Char('q') => Effect::Leave,
                _ => Effect::Draw,
            };
        }
        if self.scrolls(key, false) {
            return Effect::Draw;
        }
        match key {
            Key::Enter => return self.accept(now),
            Key::Char('x') => return self.decide(Verdict::Reject, now),
            Key::Char('s') => {
                self.past.push(Step::Skipped);
                self.arrive();
            }
            Key::Char('u') => return self.undo(),
            Key::Char('q') => return Effect::Leave,
            Key::Char('?') => self.mode = Mode::Help,
            Key::Char('g') => {
                self.scroll = 0;
                self.mode = Mode::Guidelines;
            }
            Key::Char('n') => {
                self.mode = Mode::Note {
                    text: self.note.clone().unwrap_or_default(),
                };
            }
            Key::Char('e') if self.choices.form == Form::Text => {
                let guess = self.items[self.past.len()].guess();
                let text = guess.and_then(Value::as_str).unwrap_or_default().to_owned();
                self.mode = Mode::Write { text };
            }
            Key::Char('/') if self.choices.form != Form::Text => {
                self.mode = Mode::Find {
                    text: String::new(),
                    marked: 0,
                };
            }
            Key::Char(letter) => {
                if let Some(at) = self.choices.by_key(letter) {
                    return self.choose(at, now);
                }
                self.message = Some(format!("`{letter}` does nothing here; `?` shows what does"));
            }
            _ => {}
        }
        Effect::Draw
    }

    fn in_finding(&mut self, key: Key, mut text: String, mut marked: usize, now: Timestamp) -> Effect {
        let found = self.choices.find(&text);
        match key {
            Key::Escape => return Effect::Draw,
            Key::Enter => {
                return match found.get(marked) {
                    Some(at) => self.choose(*at, now),
                    None => Effect::Draw,
                };
            }
            Key::Up => marked = marked.saturating_sub(1),
            Key::Down => marked = (marked + 1).min(found.len().saturating_sub(1)),
            _ => {
                edit(&mut text, key);
                marked = 0;
            }
        }
        self.mode = Mode::Find { text, marked };
        Effect::Draw
    }

    /// Takes a label: it is the verdict where there is one label, else it joins the others or leaves them.
    fn choose(&mut self, at: usize, now: Timestamp) -> Effect {
        match self.choices.form {
            Form::Several => {
                self.choices.turn(at);
                Effect::Draw
            }
            Form::One | Form::Text => {
                let value = self.choices.value(at);
                self.decide(Verdict::Value(value), now)
            }
        }
    }

    /// Takes what the model said, or the labels that are marked.
    fn accept(&mut self, now: Timestamp) -> Effect {
        let Some(item) = self.items.get(self.past.len()) else {
            return Effect::Draw;
        };
        if self.choices.form == Form::Several {
            let value = self.choices.marked();
            return self.decide(Verdict::Value(value), now);
        }
        let Some(guess) = item.guess() else {
            self.message = Some("the model gave no answer that could be accepted".to_owned());
            return Effect::Draw;
        };
        // A task can lose a label after it was asked.
        match item.task.normalize_expected(guess) {
            Ok(value) => self.decide(Verdict::Value(value), now),
            Err(reason) => {
                self.message = Some(format!("this can't be accepted: {reason}"));
                Effect::Draw
            }
        }
    }

    fn decide(&mut self, verdict: Verdict, now: Timestamp) -> Effect {
        let Some(item) = self.items.get(self.past.len()) else {
            return Effect::Draw;
        };
        let pending = &item.pending;
        let review = Review {
            task: pending.task.clone(),
            hash: pending.hash,
            input: pending.input.clone(),
            verdict,
            reviewer: self.reviewer.clone(),
            at: now,
            note: self.note.clone(),
            guess: item.guess().map(|value| Guess {
                value: value.clone(),
                confidence: pending.answer.confidence,
                fingerprint: pending.fingerprint.clone(),
                model: pending.answer.model.clone(),
            }),
        };
        self.past.push(Step::Decided {
            agreed: review.agrees(),
            note: self.note.clone(),
        });
        self.arrive();
        Effect::Keep(Box::new(review))
    }

    fn undo(&mut self) -> Effect {
        let Some(step) = self.past.pop() else {
            self.message = Some("there is nothing to undo".to_owned());
            return Effect::Draw;
        };
        self.arrive();
        match step {
            Step::Skipped => Effect::Draw,
            Step::Decided { note, .. } => {
                self.note = note;
                let pending = &self.items[self.past.len()].pending;
                Effect::TakeBack(pending.task.clone(), pending.hash)
            }
        }
    }

    /// Gets ready for the answer that is next.
    fn arrive(&mut self) {
        self.mode = Mode::Choose;
        self.scroll = 0;
        self.note = None;
        self.choices = match self.items.get(self.past.len()) {
            Some(item) => Choices::of(&item.task, &item.pending.answer),
            None => Choices::none(),
        };
    }

    /// Whether a key moved the text that is shown.
    fn scrolls(&mut self, key: Key, guidelines: bool) -> bool {
        if guidelines {
            self.mode = Mode::Guidelines;
        }
        let page = self.room().max(2) - 1;
        self.scroll = match key {
            Key::Up => self.scroll.saturating_sub(1),
            Key::Down => self.scroll + 1,
            Key::PageUp => self.scroll.saturating_sub(page),
            Key::PageDown | Key::Char(' ') => self.scroll + page,
            _ => {
                self.mode = Mode::Choose;
                return false;
            }
        };
        self.scroll = self.scroll.min(self.furthest());
        true
    }
}

/// Changes a line of text at its end.
fn edit(text: &mut String, key: Key) {
    match key {
        Key::Char(letter) => text.push(letter),
        Key::Backspace => {
            text.pop();
        }
        Key::Clear => text.clear(),
        _ => {}
    }
}
