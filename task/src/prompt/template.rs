//! A model's own chat template, run as Hugging Face's `apply_chat_template` runs it.
//!
//! Nothing that somebody else wrote goes through the template: each text is stood in for by a *mark*, a short string of
//! private-use characters, and put back afterwards. So the places of the texts are known exactly, and a text can't be
//! mistaken for template code or for a special token.

use std::fmt;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, Value, context};
use serde::Serialize;

use crate::error::TaskError;

/// Most work that one rendering may do, in minijinja's units. A prompt with 256 examples through the longest published
/// template takes less than a tenth of it.
const FUEL: u64 = 5_000_000;
/// Longest template that is compiled, in bytes. The longest published ones have about 20 kB.
const LONGEST: usize = 1024 * 1024;
const NAME: &str = "chat_template";

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// What the model is told before anybody speaks.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// A compiled chat template, and what was found out about it. Cheap to clone.
#[derive(Clone)]
pub struct ChatTemplate {
    environment: Arc<Environment<'static>>,
    bos: String,
    eos: String,
    system: bool,
    terminator: Option<String>,
    answer_lead: String,
}

impl fmt::Debug for ChatTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatTemplate")
            .field("system", &self.system)
            .field("terminator", &self.terminator)
            .field("answer_lead", &self.answer_lead)
            .finish_non_exhaustive()
    }
}

impl ChatTemplate {
    /// Compiles a template and tries it on short conversations, so that one that can't be used is found here.
    ///
    /// `source` is `chat_template` of `tokenizer_config.json`, or `tokenizer.chat_template` of a GGUF file; `bos` and
    /// `eos` are the texts of the model's first and last token, empty where it has none.
    ///
    /// Templates see what Hugging Face gives them: `messages`, `add_generation_prompt`, `bos_token`, `eos_token`,
    /// `raise_exception`, and `tools` and `documents` as none. `enable_thinking` is false, because an answer is scored
    /// right where the model's turn begins. `strftime_now` gives a fixed day: the same input must have the same answer
    /// tomorrow.
    ///
    /// # Errors
    /// [`TaskError::ChatTemplate`]: it does not compile, does too much work, raises an error, or does not show the
    /// turns that it is given.
    pub fn new(source: &str, bos: &str, eos: &str) -> Result<Self, TaskError> {
        if source.len() > LONGEST {
            return Err(unusable(format!("has {} bytes; {LONGEST} are the most", source.len())));
        }
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| unusable(what(&error)))?);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_function("strftime_now", strftime_now);
        environment
            .add_template_owned(NAME, without_generation_tags(source))
            .map_err(|error| unusable(format!("is not valid{}: {}", line_of(&error), what(&error))))?;
        let mut template = Self {
            environment: Arc::new(environment),
            bos: bos.to_owned(),
            eos: eos.to_owned(),
            system: false,
            terminator: None,
            answer_lead: String::new(),
        };
        template.find_out()?;
        Ok(template)
    }

    /// Whether it shows a system turn. Where not, the text goes into the first turn of the user.
    pub fn has_system(&self) -> bool {
        self.system
    }

    /// What it puts after an answer of the model, such as `<|im_end|>`.
    pub fn terminator(&self) -> Option<&str> {
        self.terminator.as_deref()
    }

    /// White space that it puts between the mark of the model's turn and an answer, but not into the prompt that asks
    /// for one. Part of the answer for whoever scores it: Llama 2 writes `[/INST] answer`.
    pub(super) fn answer_lead(&self) -> &str {
        &self.answer_lead
    }

    /// Renders a conversation. With `ask`, the mark of the model's turn is put after it.
    ///
    /// # Errors
    /// [`TaskError::ChatTemplate`] where the template raises an error or does too much work.
    pub fn render(&self, messages: &[Message], ask: bool) -> Result<String, TaskError> {
        let failed = |error: Error| {
            if error.kind() == ErrorKind::OutOfFuel {
                return unusable("does too much work for one prompt".to_owned());
            }
            unusable(format!("raises an error{}: {}", line_of(&error), what(&error)))
        };
        let template = self.environment.get_template(NAME).map_err(failed)?;
        template
            .render(context! {
                messages => Value::from(Serde(messages)),
                add_generation_prompt => ask,
                bos_token => &self.bos,
                eos_token => &self.eos,
                tools => Value::from(()),
                documents => Value::from(()),
                enable_thinking => false,
            })
            .map_err(failed)
    }

    /// Renders a conversation of marks and cuts the result at them.
    pub(super) fn pieces(&self, turns: &[(Role, Vec<usize>)], ask: bool) -> Result<Vec<Piece>, TaskError> {
        let messages: Vec<Message> = turns
            .iter()
            .map(|(role, marks)| Message {
                role: *role,
                content: marks.iter().copied().map(mark).collect(),
            })
            .collect();
        let text = self.render(&messages, ask)?;
        let mut places = Vec::new();
        for (role, index) in turns
            .iter()
            .flat_map(|(role, marks)| marks.iter().map(move |index| (*role, *index)))
        {
            let wanted = mark(index);
            let mut found = text.match_indices(&wanted);
            match (found.next(), found.next()) {
                (Some((place, _)), None) => places.push((place, place + wanted.len(), index)),
                (None, _) => return Err(unusable(format!("leaves out what the {} says", name_of(role)))),
                (Some(_), Some(_)) => {
                    return Err(unusable(format!(
                        "shows what the {} says more than once",
                        name_of(role)
                    )));
                }
            }
        }
        places.sort_unstable();
        let mut pieces = Vec::with_capacity(places.len() * 2 + 1);
        let mut done = 0;
        for (start, end, index) in places {
            pieces.push(Piece::Text(text[done..start].to_owned()));
            pieces.push(Piece::Mark(index));
            done = end;
        }
        pieces.push(Piece::Text(text[done..].to_owned()));
        Ok(pieces)
    }

    /// Tries the template on short conversations.
    fn find_out(&mut self) -> Result<(), TaskError> {
        use Role::{Assistant, System, User};

        self.system = self.pieces(&[(System, vec![0]), (User, vec![1])], true).is_ok();
        // Whatever else it can't do, a template must be able to show one question.
        let asked = self.pieces(&[(User, vec![0])], true)?;
        let ended = self.pieces(&[(User, vec![0]), (Assistant, vec![1])], false);
        let terminator = match ended.as_deref() {
            Ok([.., Piece::Mark(1), Piece::Text(end)]) => end.trim(),
            _ => "",
        };
        let terminator = if terminator.is_empty() {
            self.eos.as_str()
        } else {
            terminator
        };
        self.terminator = (!terminator.is_empty()).then(|| terminator.to_owned());
        let told = self.pieces(&[(User, vec![0]), (Assistant, vec![1]), (User, vec![2])], true);
        if let (Ok([_, Piece::Mark(0), Piece::Text(before), Piece::Mark(1), ..]), [.., Piece::Text(prompt)]) =
            (told.as_deref(), asked.as_slice())
            && let Some(lead) = before.strip_prefix(prompt.as_str())
            && lead.trim().is_empty()
        {
            lead.clone_into(&mut self.answer_lead);
        }
        Ok(())
    }
}

/// A part of a rendered conversation of marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// What the template wrote.
    Text(String),
    /// Where the text with this number belongs.
    Mark(usize),
}

/// What stands in for the text with this number: no white space that a template would trim, and closed on both sides,
/// so that 1 is not found in 12.
fn mark(index: usize) -> String {
    format!("\u{E000}{index}\u{E001}")
}

fn name_of(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

fn unusable(message: String) -> TaskError {
    TaskError::ChatTemplate { message }
}

fn line_of(error: &Error) -> String {
    error
        .line()
        .map(|line| format!(" in its line {line}"))
        .unwrap_or_default()
}

fn what(error: &Error) -> String {
    error
        .detail()
        .map_or_else(|| error.kind().to_string(), ToOwned::to_owned)
}

/// A fixed day in the format that a template asks for. Llama 3 tells the model the date; 26 July 2024 is what its
/// template says where it can't know.
fn strftime_now(format: &str) -> Result<String, Error> {
    let day = jiff::civil::date(2024, 7, 26).at(0, 0, 0, 0).in_tz("UTC");
    day.and_then(|day| jiff::fmt::strtime::format(format, &day))
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("strftime_now: {error}")))
}

/// Hugging Face's `{% generation %}` marks what a trainer learns from, and changes nothing that is rendered. It becomes
/// `{% if true %}`, which has the same effect on the white space around it.
fn without_generation_tags(source: &str) -> String {
    let mut clean = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else { break };
        let tag = &rest[start + 2..start + length];
        let word = tag.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim();
        clean.push_str(&rest[..start]);
        match word {
            "generation" | "endgeneration" => {
                let by = if word == "generation" { "if true" } else { "endif" };
                clean.push_str("{%");
                clean.push_str(&tag.replace(word, by));
                clean.push_str("%}");
            }
            _ => clean.push_str(&rest[start..start + length + 2]),
        }
        rest = &rest[start + length + 2..];
    }
    clean.push_str(rest);
    clean
}
