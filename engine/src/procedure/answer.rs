//! The piece of a text that answers a question. The model can write nothing but such a piece, or that there is none.

use std::sync::Arc;

use rayon::prelude::*;
use refuel_learn::Shown;
use refuel_task::{Answer, NO_ANSWER, Plan, RenderedInput, Scored, Segment, Status, Task};
use serde_json::Value;

use super::{Asked, Procedure, Reading, answered, guided};
use crate::confidence::geometric_mean;
use crate::error::EngineError;
use crate::guide::{Grammar, Guide, Places, Vocabulary, piece_grammar};
use crate::learned::answerable::{AnswerHead, Read};
use crate::model::Model;
use crate::session::{GenerateOptions, Generated, OnRows, Opening, States};

/// A threshold that no probability reaches: a piece is given wherever one can be.
const ALWAYS_A_PIECE: f32 = 2.0;

/// See the module.
pub(crate) struct AnswerFromText {
    vocabulary: Arc<Vocabulary>,
    /// What comes before the answer.
    lead: &'static str,
    options: GenerateOptions,
    /// What tells how sure answers are, where that was learned.
    head: Option<Arc<AnswerHead>>,
    /// From how probable on it is said that there is none.
    threshold: f32,
    /// The states that say most about whether there is an answer.
    states: States,
}

impl AnswerFromText {
    pub(crate) fn new(
        model: &Model,
        task: &Task,
        plan: &Plan,
        drafts: usize,
        head: Option<Arc<AnswerHead>>,
    ) -> Result<Self, EngineError> {
        let nothing = model.tokenizer.plain(NO_ANSWER)?;
        Ok(Self {
            vocabulary: model.vocabulary()?,
            lead: plan.answer_lead,
            options: GenerateOptions {
                max_tokens: task.generation.max_tokens as usize,
                stop_tokens: Vec::new(),
                drafts,
                opening: nothing.first().map(|&token| Opening {
                    token,
                    threshold: task.no_answer_threshold,
                    states: None,
                }),
            },
            head,
            threshold: task.no_answer_threshold,
            states: states(model, plan)?,
        })
    }

    fn guide(&self, context: &str) -> Result<Box<dyn Guide>, String> {
        let or_space = self.vocabulary.may_lead_with_space();
        let grammar = piece_grammar(context, NO_ANSWER, self.lead, or_space);
        Ok(Grammar::new(&self.vocabulary, grammar)?.guide())
    }

    /// What the model writes for each question: under the task's threshold, or else a piece wherever there is one, with
    /// the states that it has.
    fn write(&self, asked: Asked<'_>, with_states: bool, on_rows: OnRows<'_>) -> Result<Vec<Written>, EngineError> {
        let mut options = self.options.clone();
        if let Some(opening) = options.opening.as_mut().filter(|_| with_states) {
            opening.threshold = ALWAYS_A_PIECE;
            opening.states = Some(self.states);
        }
        let guides: Vec<Result<Box<dyn Guide>, String>> = (0..asked.questions.len())
            .into_par_iter()
            .map(|at| self.guide(context_of(asked.questions[at].input)))
            .collect();
        let generated = guided::write(asked, guides, &options, on_rows)?;
        let written = asked
            .questions
            .iter()
            .zip(generated)
            .map(|(question, mut generated)| Written {
                piece: self.read(&generated, context_of(question.input)),
                states: std::mem::take(&mut generated.states),
                tokens: generated.tokens.len() as u32,
            });
        Ok(written.collect())
    }

    /// The answer that a text is, or why it is none.
    fn read(&self, generated: &Generated, context: &str) -> Result<Piece, String> {
        if let Some(problem) = &generated.problem {
            return Err(format!("the answer can't be written: {problem}"));
        }
        let cut =
            (!generated.finished).then(|| format!("the answer was cut at max_tokens: {}", self.options.max_tokens));
        if let (Some(cut), None) = (&cut, &generated.ending) {
            return Err(format!("{cut}, where it can't be ended"));
        }
        let bytes: Vec<u8> = generated
            .tokens
            .iter()
            .flat_map(|&token| self.vocabulary.bytes(token))
            .copied()
            .collect();
        let text = without_mark(String::from_utf8_lossy(&bytes).trim()).to_owned();
        let said: Vec<f32> = (generated.log_probabilities.iter())
            .zip(&generated.allowed_log_probabilities)
            // What there was no choice about says nothing.
            .filter(|&(&all, &allowed)| all != 0.0 || allowed != 0.0)
            .map(|(&all, _)| all)
            .collect();
        let own = Scored {
            span: Places::new(context).find(&text).filter(|_| text != NO_ANSWER),
            confidence: generated.allowed_log_probabilities.iter().sum::<f32>().exp(),
            raw_confidence: geometric_mean(&said),
            value: text,
        };
        let nothing = generated.opening.filter(|_| own.value != NO_ANSWER).map(none_scored);
        Ok(Piece {
            own,
            other: nothing,
            cut,
        })
    }

    /// Answers out of pieces, as sure as the head takes them to be.
    fn judged(&self, head: &AnswerHead, written: &mut [Written]) -> Result<(), EngineError> {
        let (places, read): (Vec<usize>, Vec<Read>) = written
            .iter_mut()
            .enumerate()
            .filter_map(|(at, written)| Some((at, written.reading()?)))
            // Where a guide leaves no choice the model is not asked, and holds nothing in mind.
            .filter(|(_, read)| read.states.len() == head.states())
            .unzip();
        let judged = head.judge(&read.iter().collect::<Vec<_>>())?;
        for (at, [none, right]) in places.into_iter().zip(judged) {
            let Ok(piece) = &mut written[at].piece else { continue };
            let mut nothing = none_scored(none);
            nothing.confidence = head.confidence(none);
            if piece.own.value == NO_ANSWER {
                // No piece could be written.
                piece.own = nothing;
                continue;
            }
            piece.own.raw_confidence = right;
            piece.own.confidence = head.confidence(right);
            let given = if none >= self.threshold {
                std::mem::replace(&mut piece.own, nothing)
            } else {
                nothing
            };
            piece.other = Some(given);
        }
        Ok(())
    }
}

/// Words that are written with a point, in small letters.
const ABBREVIATIONS: [&str; 22] = [
    "al", "approx", "ave", "blvd", "co", "corp", "dept", "dr", "est", "etc", "inc", "jr", "ltd", "mr", "mrs", "ms",
    "no", "prof", "rd", "sr", "st", "vs",
];

/// A piece of a text without the mark that ends its sentence or its clause there. The point of an abbreviation stays.
fn without_mark(piece: &str) -> &str {
    let is_abbreviated = |text: &str| {
        let last = text
            .rsplit(|character: char| character.is_whitespace() || character == '(')
            .next();
        let last = last.unwrap_or_default().to_lowercase();
        let is_letter = last.chars().count() == 1 && last.chars().all(char::is_alphabetic);
        is_letter || last.is_empty() || last.contains('.') || ABBREVIATIONS.contains(&last.as_str())
    };
    let stopped = piece.strip_suffix('.').filter(|text| !is_abbreviated(text));
    let Some(shorter) = stopped.or_else(|| piece.strip_suffix([',', ';', ':'])) else {
        return piece;
    };
    match shorter.trim_end() {
        "" => piece,
        shorter => shorter,
    }
}

/// That there is none, at a probability.
fn none_scored(probability: f32) -> Scored {
    Scored {
        value: NO_ANSWER.to_owned(),
        confidence: probability,
        raw_confidence: probability,
        span: None,
    }
}

/// The text that a question is about.
fn context_of(input: &RenderedInput) -> &str {
    input.sides.as_ref().map_or(input.text.as_str(), |[context, _]| context)
}

/// The states that tell of an answer: those at the question's last token, in the layers from the half to two thirds of the
/// way through the model. Those of Qwen2.5-Coder-1.5B tell most there, of the examples of a set of questions; those at the
/// prompt's last token, and those of earlier and later layers, tell less.
fn states(model: &Model, plan: &Plan) -> Result<States, EngineError> {
    let layers = model.description.layers;
    let mut row = plan.row(&RenderedInput::two("a", "b"));
    let after = row
        .iter()
        .rposition(|segment| matches!(segment, Segment::Data(_)))
        .map_or(0, |data| data + 1);
    let behind = model.tokenizer.segments(&row.split_off(after))?.len();
    Ok(States {
        first: layers / 2,
        end: (2 * layers).div_ceil(3),
        behind,
    })
}

/// What a text turned out to be.
struct Piece {
    own: Scored,
    /// What else could be said: that there is no answer, or the piece where that is said.
    other: Option<Scored>,
    /// What is to be said of an answer that was cut.
    cut: Option<String>,
}

/// What was written for a question.
struct Written {
    piece: Result<Piece, String>,
    states: Vec<f32>,
    /// Tokens of the text.
    tokens: u32,
}

impl Written {
    /// What a head reads of it, states taken out. None where nothing could be written.
    fn reading(&mut self) -> Option<Read> {
        let piece = self.piece.as_ref().ok()?;
        let is_none = piece.own.value == NO_ANSWER;
        Some(Read {
            shown: Shown {
                none: match &piece.other {
                    Some(none) => none.confidence,
                    None => f32::from(u8::from(is_none)),
                },
                confidence: piece.own.confidence,
                raw_confidence: piece.own.raw_confidence,
                words: if is_none {
                    0
                } else {
                    piece.own.value.split_whitespace().count()
                },
            },
            states: std::mem::take(&mut self.states),
        })
    }
}

impl Procedure for AnswerFromText {
    fn tokens_after_row(&self) -> usize {
        self.options.max_tokens
    }

    /// The confidence of an answer is the probability of its tokens among those that were allowed, that there is none among
    /// them; the raw one is the geometric mean of their probabilities among all. The scores tell the probability of there
    /// being none, at the first token. Where a head was learned, it tells all of them.
    fn run(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Answer>, EngineError> {
        let mut written = self.write(asked, self.head.is_some(), on_rows)?;
        if let Some(head) = &self.head {
            self.judged(head, &mut written)?;
        }
        let answers = asked
            .questions
            .iter()
            .zip(written)
            .map(|(question, written)| match written.piece {
                Err(reason) => Answer::error(&asked.model.name, reason),
                Ok(Piece { own, other, cut }) => {
                    let value = if own.value == NO_ANSWER {
                        Value::Null
                    } else {
                        own.value.as_str().into()
                    };
                    let (confidence, raw) = (Some(own.confidence), Some(own.raw_confidence));
                    let mut answer = answered(asked.model, question, value, confidence, raw);
                    answer.scores = std::iter::once(own).chain(other).collect();
                    answer.output_tokens = written.tokens;
                    guided::say_cut(&mut answer, cut);
                    answer
                }
            });
        Ok(answers.collect())
    }

    fn readings(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Option<Reading>>, EngineError> {
        let written = self.write(asked, true, on_rows)?;
        let readings = written.into_iter().map(|mut written| {
            let read = written.reading()?;
            let piece = written.piece.ok()?.own.value;
            Some(Reading {
                piece: (piece != NO_ANSWER).then_some(piece),
                read,
            })
        });
        Ok(readings.collect())
    }
}

/// One answer from the answers to the windows of a text, each with the character that its window begins at: the surest
/// piece of any; where no window has one, that there is none, as sure as the least sure of them is.
pub(crate) fn best_window(windows: Vec<(Answer, u32)>) -> Answer {
    let count = windows.len();
    let (input_tokens, output_tokens) = windows.iter().fold((0, 0), |(read, wrote), (answer, _)| {
        (read + answer.input_tokens, wrote + answer.output_tokens)
    });
    let rank = |answer: &Answer| {
        // A window that failed may be the one that has the answer.
        let confidence = answer.confidence.unwrap_or(0.0);
        match (answer.status == Status::Error, answer.value.is_null()) {
            (true, _) => (2, confidence),
            (false, false) => (1, confidence),
            (false, true) => (0, -confidence),
        }
    };
    let best = windows.into_iter().reduce(|best, next| {
        let (left, right) = (rank(&best.0), rank(&next.0));
        if right.0 > left.0 || right.0 == left.0 && right.1 > left.1 {
            next
        } else {
            best
        }
    });
    let Some((mut answer, start)) = best else {
        return Answer::error("", "the text has no window");
    };
    for span in answer.scores.iter_mut().filter_map(|scored| scored.span.as_mut()) {
        *span = span.map(|at| at + start);
    }
    answer.input_tokens = input_tokens;
    answer.output_tokens = output_tokens;
    if count > 1 {
        let read = format!("read in {count} windows");
        answer.reason = Some(match answer.reason {
            Some(reason) => format!("{reason}; {read}"),
            None => read,
        });
    }
    answer
}

#[cfg(test)]
mod tests {
    use refuel_task::Source;

    use super::*;

    fn window(value: Value, confidence: f32, start: u32) -> (Answer, u32) {
        let answer = Answer {
            scores: vec![Scored {
                value: value.to_string(),
                confidence,
                raw_confidence: confidence,
                span: (!value.is_null()).then_some([1, 3]),
            }],
            value,
            confidence: Some(confidence),
            status: Status::Ok,
            reason: None,
            source: Source::Model,
            input_tokens: 10,
            ..Answer::error("m@1", "")
        };
        (answer, start)
    }

    #[test]
    fn a_piece_leaves_the_mark_of_its_sentence() {
        for (piece, left) in [
            ("Canon EOS R6,", "Canon EOS R6"),
            ("The tenant pays for water.", "The tenant pays for water"),
            ("four weeks;", "four weeks"),
            ("Acme Inc.", "Acme Inc."),
            ("at 9 a.m.", "at 9 a.m."),
            ("Vitamin C.", "Vitamin C."),
            ("and so on...", "and so on..."),
            ("Yahoo!", "Yahoo!"),
            (".", "."),
            ("", ""),
        ] {
            assert_eq!(without_mark(piece), left);
        }
    }

    #[test]
    fn the_surest_piece_of_any_window_is_the_answer() {
        let best = best_window(vec![
            window(Value::Null, 0.9, 0),
            window("ab".into(), 0.3, 50),
            window("cd".into(), 0.4, 100),
        ]);
        assert_eq!((best.value, best.scores[0].span), ("cd".into(), Some([101, 103])));
        assert_eq!(
            (best.input_tokens, best.reason.as_deref()),
            (30, Some("read in 3 windows"))
        );
    }

    #[test]
    fn there_is_none_where_no_window_has_one_and_a_failure_is_one() {
        let none = || vec![window(Value::Null, 0.9, 0), window(Value::Null, 0.6, 50)];
        let best = best_window(none());
        assert_eq!((best.value, best.confidence), (Value::Null, Some(0.6)));
        let mut failed = none();
        failed.push((Answer::error("m@1", "broken"), 90));
        assert_eq!(best_window(failed).status, Status::Error);
        assert_eq!(
            best_window(vec![window("ab".into(), 0.3, 0)]).reason,
            None,
            "one window is the whole text"
        );
    }
}
