//! A review on a terminal.

use std::io::{self, IsTerminal as _, Stderr, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
};
use crossterm::{cursor, execute, queue, terminal};
use jiff::Timestamp;
use refuel_state::State;

use super::error::ReviewError;
use super::session::{Effect, Frame, Item, Key, Session, Span, Tally};
use crate::commands::ExitStatus;
use crate::error::{CliError, Failure};
use crate::table::Tone;

/// How soon a polite request to end is noticed.
const GLANCE: Duration = Duration::from_millis(100);

/// How soon it is noticed that the terminal is gone, and how long a polite end may take then.
const LAST_CALL: Duration = Duration::from_millis(500);

/// Lets a person decide, and keeps each verdict as it is given.
pub(super) fn run(state: &State, items: Vec<Item>, reviewer: String) -> Result<Tally, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let heard = stop.clone();
    // Ctrl-C is a key while the terminal is raw; what is heard here are SIGTERM and SIGHUP.
    ctrlc::set_handler(move || heard.store(true, Ordering::SeqCst)).map_err(|source| CliError::Signals { source })?;
    let mut screen = Screen::enter().map_err(in_terminal)?;
    end_with_the_terminal(stop.clone());
    let size = terminal::size().map_err(in_terminal)?;
    let mut session = Session::new(items, reviewer, size);
    loop {
        screen.show(&session.draw()).map_err(in_terminal)?;
        let Some(event) = next(&stop).map_err(in_terminal)? else {
            return Ok(session.tally());
        };
        let key = match event {
            Event::Resize(columns, lines) => {
                session.resize(columns, lines);
                screen.forget();
                continue;
            }
            Event::Key(event) => key_of(&event),
            _ => None,
        };
        let Some(key) = key else { continue };
        match session.press(key, Timestamp::now()) {
            Effect::Draw => {}
            Effect::Keep(review) => state.put_reviews(std::slice::from_ref(&review))?,
            Effect::TakeBack(task, hash) => {
                state.take_review_back(&task, hash)?;
            }
            Effect::Leave => return Ok(session.tally()),
        }
    }
}

/// The next thing that happens. None where the process is asked to end.
fn next(stop: &AtomicBool) -> io::Result<Option<Event>> {
    while !stop.load(Ordering::SeqCst) {
        if event::poll(GLANCE)? {
            return event::read().map(Some);
        }
    }
    Ok(None)
}

/// Ends the process once it is asked to and doesn't, or once its terminal was closed: crossterm reads from a closed one
/// again and again without an end, and returns to nobody. Each verdict was kept as it was given.
fn end_with_the_terminal(stop: Arc<AtomicBool>) {
    thread::spawn(move || {
        // A terminal that hung up is none any more (isatty(3)).
        while !stop.load(Ordering::SeqCst) && io::stdin().is_terminal() {
            thread::sleep(LAST_CALL);
        }
        stop.store(true, Ordering::SeqCst);
        thread::sleep(LAST_CALL);
        give_back();
        std::process::exit(ExitStatus::Success.number().into());
    });
}

fn in_terminal(source: io::Error) -> Failure {
    ReviewError::Terminal { source }.into()
}

fn key_of(event: &KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    Some(match event.code {
        KeyCode::Char('c' | 'd') if control => Key::Interrupt,
        KeyCode::Char('u') if control => Key::Clear,
        KeyCode::Char(_) if control || event.modifiers.contains(KeyModifiers::ALT) => return None,
        KeyCode::Char(letter) => Key::Char(letter),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        _ => return None,
    })
}

/// The terminal while it is ours: raw, on a screen of its own. It is given back when this is dropped, and before a panic
/// is told.
struct Screen {
    out: Stderr,
    colour: bool,
    /// What is on it.
    shown: Vec<String>,
}

impl Screen {
    fn enter() -> io::Result<Self> {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
        let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        terminal::enable_raw_mode()?;
        let mut screen = Self {
            out: io::stderr(),
            colour,
            shown: Vec::new(),
        };
        execute!(screen.out, EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }

    /// Nothing of what was drawn is there any more.
    fn forget(&mut self) {
        self.shown.clear();
    }

    fn show(&mut self, frame: &Frame) -> io::Result<()> {
        queue!(self.out, BeginSynchronizedUpdate, cursor::Hide)?;
        if self.shown.is_empty() {
            queue!(self.out, Clear(ClearType::All))?;
        }
        let mut lines = Vec::with_capacity(frame.lines.len());
        for (at, spans) in frame.lines.iter().enumerate() {
            let line = self.line(spans)?;
            if self.shown.get(at) != Some(&line) {
                queue!(
                    self.out,
                    cursor::MoveTo(0, at as u16),
                    Clear(ClearType::CurrentLine),
                    Print(&line)
                )?;
            }
            lines.push(line);
        }
        if self.shown.len() > lines.len() {
            queue!(
                self.out,
                cursor::MoveTo(0, lines.len() as u16),
                Clear(ClearType::FromCursorDown)
            )?;
        }
        self.shown = lines;
        if let Some((column, line)) = frame.cursor {
            queue!(self.out, cursor::MoveTo(column, line), cursor::Show)?;
        }
        queue!(self.out, EndSynchronizedUpdate)?;
        self.out.flush()
    }

    fn line(&self, spans: &[Span]) -> io::Result<String> {
        let mut line = Vec::new();
        for span in spans {
            if self.colour {
                match span.tone {
                    Tone::Plain => {}
                    Tone::Strong => queue!(line, SetAttribute(Attribute::Bold))?,
                    Tone::Faint => queue!(line, SetAttribute(Attribute::Dim))?,
                    Tone::Good => queue!(line, SetForegroundColor(Color::DarkGreen))?,
                    Tone::Unsure => queue!(line, SetForegroundColor(Color::DarkYellow))?,
                    Tone::Bad => queue!(line, SetForegroundColor(Color::DarkRed))?,
                }
            }
            line.extend_from_slice(span.text.as_bytes());
            if self.colour && span.tone != Tone::Plain {
                queue!(line, SetAttribute(Attribute::Reset), ResetColor)?;
            }
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Leaves the terminal as it was. Whoever closed it does not need it any more.
fn give_back() {
    let _ = execute!(io::stderr(), cursor::Show, LeaveAlternateScreen);
    let _ = terminal::disable_raw_mode();
}
