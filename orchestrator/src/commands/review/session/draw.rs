//! The screen: from a review to lines of text.

use refuel_state::Pending;
use refuel_task::Status;
use unicode_width::UnicodeWidthStr;

use super::choices::Form;
use super::text::{clean, end, fit, of_input, of_value, wrap};
use super::{Item, Mode, Session, Tally};
use crate::table::Tone;
use crate::words::count;

/// The least screen that is drawn on.
const LEAST: (usize, usize) = (30, 12);
/// Lines of the guidelines that are shown beside the input.
const GUIDELINES: usize = 2;

/// Text in one tone.
#[derive(Debug, Clone)]
pub(in super::super) struct Span {
    pub(in super::super) text: String,
    pub(in super::super) tone: Tone,
}

/// A screen.
#[derive(Debug, Default)]
pub(in super::super) struct Frame {
    /// Lines from the top, none longer than the screen is wide.
    pub(in super::super) lines: Vec<Vec<Span>>,
    /// Column and line of the cursor, where somebody writes.
    pub(in super::super) cursor: Option<(u16, u16)>,
}

impl Frame {
    fn line(&mut self, spans: impl IntoIterator<Item = Span>) {
        self.lines.push(spans.into_iter().collect());
    }

    fn text(&mut self, text: impl Into<String>) {
        self.line([span(text, Tone::Plain)]);
    }

    /// Cuts what is wider than the screen.
    fn cut(&mut self, columns: usize) {
        for line in &mut self.lines {
            let mut left = columns;
            for span in line {
                span.text = fit(&span.text, left);
                left -= span.text.width();
            }
        }
    }

    fn blank_to(&mut self, lines: usize) {
        while self.lines.len() < lines {
            self.line([]);
        }
    }
}

fn span(text: impl Into<String>, tone: Tone) -> Span {
    Span {
        text: text.into(),
        tone,
    }
}

/// How the lines between head and foot are shared out.
struct Layout {
    guidelines: Vec<String>,
    input: usize,
    choices: usize,
}

impl Session {
    pub(in super::super) fn draw(&self) -> Frame {
        let mut frame = Frame::default();
        if self.columns < LEAST.0 || self.lines < LEAST.1 {
            frame.text(fit("the window is too small", self.columns));
            return frame;
        }
        self.head(&mut frame);
        let foot = self.foot();
        let body_end = self.lines - foot.len() - 1;
        match (&self.mode, self.items.get(self.past.len())) {
            (Mode::Help, _) => help().iter().for_each(|line| frame.text(fit(line, self.columns))),
            (Mode::Guidelines, Some(item)) => {
                let lines = wrap(&item.task.guidelines, self.columns - 2);
                let room = body_end - frame.lines.len();
                self.window(&mut frame, &lines, room);
            }
            (_, Some(item)) => self.item(&mut frame, item),
            (_, None) => self.end(&mut frame),
        }
        frame.lines.truncate(body_end);
        frame.blank_to(body_end);
        self.rule(&mut frame);
        frame.lines.extend(foot);
        self.editor(&mut frame);
        frame.cut(self.columns);
        frame
    }

    fn head(&self, frame: &mut Frame) {
        let tally = self.tally();
        let at = self.past.len();
        let left = match self.items.get(at) {
            Some(item) => {
                let of = count(self.items.len() as u64);
                format!(" {} · {} of {of}", item.pending.task, count(at as u64 + 1))
            }
            None => " done".to_owned(),
        };
        let right = progress(&tally);
        let left = fit(&left, self.columns.saturating_sub(right.width() + 1));
        let gap = self.columns.saturating_sub(left.width() + right.width() + 1);
        frame.line([
            span(left, Tone::Strong),
            span(" ".repeat(gap), Tone::Plain),
            span(right, Tone::Faint),
        ]);
        self.rule(frame);
    }

    fn rule(&self, frame: &mut Frame) {
        frame.line([span("─".repeat(self.columns), Tone::Faint)]);
    }

    fn item(&self, frame: &mut Frame, item: &Item) {
        let layout = self.layout(item);
        for line in &layout.guidelines {
            frame.line([span(format!(" {line}"), Tone::Faint)]);
        }
        if !layout.guidelines.is_empty() {
            self.rule(frame);
        }
        let lines = wrap(&of_input(&item.pending.input, &item.task), self.columns - 2);
        self.window(frame, &lines, layout.input);
        self.rule(frame);
        frame.line(said(&item.pending, item, self.columns));
        if let Mode::Find { text, marked } = &self.mode {
            let found = self.choices.find(text);
            let first = (marked + 1).saturating_sub(layout.choices);
            let shown = found.iter().enumerate().skip(first).take(layout.choices);
            for (row, at) in shown {
                self.choice(frame, *at, row == *marked);
            }
            if found.is_empty() {
                frame.line([span(" nothing has this in its name", Tone::Unsure)]);
            }
        } else {
            let list = self.choices.list.len();
            let fitting = if list > layout.choices {
                layout.choices - 1
            } else {
                list
            };
            for at in 0..fitting {
                self.choice(frame, at, false);
            }
            if fitting < list {
                frame.line([span(format!(" {} more: `/` finds them", list - fitting), Tone::Faint)]);
            }
        }
        if let Some(note) = &self.note {
            frame.line([span(
                fit(&format!(" note: {}", clean(note)), self.columns),
                Tone::Unsure,
            )]);
        }
    }

    fn choice(&self, frame: &mut Frame, at: usize, pointed: bool) {
        let choice = &self.choices.list[at];
        let names = self.choices.list.iter().map(|choice| choice.name.width()).max();
        let widest = names.unwrap_or(0).min(self.columns / 2);
        let key = self.choices.key(at).map_or(" ".to_owned(), |key| key.to_string());
        let mark = match (self.choices.form, choice.is_marked) {
            (Form::Several, true) => "[x] ",
            (Form::Several, false) => "[ ] ",
            _ if choice.is_guess => "▸ ",
            _ => "  ",
        };
        let pointer = if pointed { ">" } else { " " };
        let name = fit(&clean(&choice.name), widest);
        let padding = " ".repeat(widest - name.width());
        let confidence = choice
            .confidence
            .map_or("     ".to_owned(), |sure| format!("{sure:.3}"));
        let tone = if choice.is_guess || pointed {
            Tone::Strong
        } else {
            Tone::Plain
        };
        let used = 1 + 2 + mark.width() + widest + 2 + 5 + 2;
        let about = choice.about.as_deref().map(clean).unwrap_or_default();
        let about = fit(&about.replace('\n', " "), self.columns.saturating_sub(used));
        frame.line([
            span(pointer, Tone::Strong),
            span(format!("{key} "), Tone::Good),
            span(format!("{mark}{name}{padding}  "), tone),
            span(format!("{confidence}  "), Tone::Plain),
            span(about, Tone::Faint),
        ]);
    }

    /// So many lines of a text from where it was scrolled to, the last of which says what is left.
    fn window(&self, frame: &mut Frame, lines: &[String], room: usize) {
        let below = lines.len().saturating_sub(self.scroll + room);
        // The last line is given up for saying so.
        let shown = if below > 0 { room - 1 } else { room };
        for line in lines.iter().skip(self.scroll).take(shown) {
            frame.text(format!(" {line}"));
        }
        if below > 0 {
            let more = format!(" ↓ {} more lines", below + 1);
            frame.line([span(fit(&more, self.columns), Tone::Faint)]);
        }
    }

    fn layout(&self, item: &Item) -> Layout {
        let body = self.lines - 2 - self.foot().len() - 1;
        let mut guidelines = wrap(&item.task.guidelines, self.columns - 2);
        if guidelines.len() > GUIDELINES {
            guidelines.truncate(GUIDELINES);
            if let Some(last) = guidelines.last_mut() {
                *last = format!("{} … (g)", fit(last, self.columns - 8).trim_end_matches('…'));
            }
        }
        let head = if guidelines.is_empty() { 0 } else { guidelines.len() + 1 };
        // A line says what the model said, another is between, and a note may come.
        let left = body.saturating_sub(head + 2 + usize::from(self.note.is_some()));
        let lines = wrap(&of_input(&item.pending.input, &item.task), self.columns - 2).len();
        // A short input leaves its room to the labels.
        let most = (left * 3 / 5).max(2).max(left.saturating_sub(lines));
        let choices = self.choices.list.len().min(most);
        Layout {
            guidelines,
            input: left.saturating_sub(choices).max(1),
            choices,
        }
    }

    /// Lines of the text that is scrolled.
    pub(super) fn room(&self) -> usize {
        if self.columns < LEAST.0 || self.lines < LEAST.1 {
            return 1;
        }
        match (&self.mode, self.items.get(self.past.len())) {
            (Mode::Guidelines, _) => self.lines - 2 - self.foot().len() - 1,
            (_, Some(item)) => self.layout(item).input,
            (_, None) => 1,
        }
    }

    /// The furthest that the text can be scrolled.
    pub(super) fn furthest(&self) -> usize {
        let Some(item) = self.items.get(self.past.len()) else {
            return 0;
        };
        let columns = self.columns.max(LEAST.0) - 2;
        let lines = match self.mode {
            Mode::Guidelines => wrap(&item.task.guidelines, columns),
            _ => wrap(&of_input(&item.pending.input, &item.task), columns),
        };
        lines.len().saturating_sub(self.room())
    }

    fn end(&self, frame: &mut Frame) {
        let tally = self.tally();
        frame.text("");
        frame.text(if self.items.is_empty() {
            " Nothing waits for a person."
        } else {
            " That was all of it."
        });
        if tally.skipped > 0 {
            frame.text(format!(
                " {} skipped: they wait for the next review.",
                count(tally.skipped)
            ));
        }
    }

    fn foot(&self) -> Vec<Vec<Span>> {
        let wide = |text: &str| vec![span(fit(text, self.columns), Tone::Faint)];
        let first = match (&self.mode, &self.message) {
            (Mode::Note { .. } | Mode::Write { .. } | Mode::Find { .. }, _) => Vec::new(),
            (_, Some(message)) => vec![span(fit(&format!(" {message}"), self.columns), Tone::Unsure)],
            (Mode::Help, _) => wide(" any key goes back"),
            (Mode::Guidelines, _) => wide(" ↑↓ scroll · any other key goes back"),
            _ if self.past.len() >= self.items.len() => wide(" enter leaves · u undoes the last"),
            _ => {
                let keys = self.choices.keys();
                wide(&match self.choices.form {
                    Form::One => format!(" enter accept · {keys} choose · / find · x none is right · s skip · u undo"),
                    Form::Several => {
                        format!(" {keys} mark · enter keep what is marked · / find · x none is right · s skip")
                    }
                    Form::Text => {
                        " enter accept · e write the right text · x none is right · s skip · u undo".to_owned()
                    }
                })
            }
        };
        let second = match self.mode {
            Mode::Note { .. } => wide(" enter keeps the note · escape leaves it as it was"),
            Mode::Write { .. } => wide(" enter keeps the text as the verdict · escape goes back"),
            Mode::Find { .. } => wide(" ↑↓ enter choose · escape goes back"),
            Mode::Help | Mode::Guidelines => Vec::new(),
            Mode::Choose if self.past.len() >= self.items.len() => Vec::new(),
            Mode::Choose => wide(" ↑↓ scroll · n note · u undo · g guidelines · ? all keys · q leave"),
        };
        vec![first, second]
    }

    /// The line that somebody writes on, with the cursor at its end.
    fn editor(&self, frame: &mut Frame) {
        let (name, text) = match &self.mode {
            Mode::Note { text } => ("note", text),
            Mode::Write { text } => ("answer", text),
            Mode::Find { text, .. } => ("find", text),
            Mode::Choose | Mode::Guidelines | Mode::Help => return,
        };
        let name = format!(" {name}: ");
        let cleaned = clean(text).replace('\n', " ");
        let shown = end(&cleaned, self.columns - name.width() - 1);
        let line = self.lines - 2;
        frame.cursor = Some(((name.width() + shown.width()) as u16, line as u16));
        frame.lines[line] = vec![span(name, Tone::Strong), span(shown, Tone::Plain)];
    }
}

/// What the model said, and why a person is asked.
fn said(pending: &Pending, item: &Item, columns: usize) -> Vec<Span> {
    let answer = &pending.answer;
    let mut text = match answer.status {
        Status::Error => format!(" no answer: {}", answer.reason.as_deref().unwrap_or("the model failed")),
        Status::Ok | Status::Abstained => format!(" model: {}", of_value(&answer.value)),
    };
    if answer.status != Status::Error {
        let gated = item.task.gate().apply(answer.clone());
        if let Some(reason) = gated.reason {
            text.push_str(" — ");
            text.push_str(&reason);
        }
    }
    vec![span(fit(&clean(&text).replace('\n', " "), columns), Tone::Unsure)]
}

fn progress(tally: &Tally) -> String {
    let mut text = format!("{} decided", count(tally.decided));
    if let Some(percent) = (tally.agreed * 100).checked_div(tally.compared) {
        text.push_str(&format!(" · model right {percent} %"));
    }
    text
}

fn help() -> [&'static str; 15] {
    [
        "",
        " enter       accept what the model said; keep what is marked",
        " 1-9 a-z     choose the label with this key; mark it where there can be several",
        " /           find a label by a part of its name or of an alias",
        " e           write the right text, where the task writes text",
        " x           none of what could be answered is right: the row is rejected",
        " s           skip: it waits for the next review",
        " u           undo, as many steps as were taken",
        " n           note: why, for whoever reads the verdict",
        " g           the task's guidelines",
        " ↑ ↓         scroll; page up, page down and space by pages",
        " q, ctrl-c   leave; every verdict is kept already",
        "",
        " A verdict outranks the model from the next build on. It is no example",
        " until `refuel review --as-examples` makes it one.",
    ]
}
