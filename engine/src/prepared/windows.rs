//! A text that is too long to be read at once, in windows that overlap.

use std::ops::Range;

use refuel_task::{Answer, RenderedInput, Task};

use super::Spread;
use super::ready::Ready;
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::procedure::best_window;

/// The most tokens of a window. What a small model reads at once it finds things in.
const WINDOW: usize = 768;

/// The least tokens of a window.
const LEAST_WINDOW: usize = 32;

/// Of a window, the part that the next one has too: what would be cut in two stands whole in one of them.
const OVERLAP: usize = 8;

/// Inputs in windows.
pub(super) struct Windows {
    /// The windows of all inputs.
    pub(super) texts: Vec<RenderedInput>,
    /// Of each window the number of its input, and the character that it begins at.
    pub(super) owners: Vec<(usize, u32)>,
    /// Of each input, whether its windows are small because memory is: its answer is not to stand for one with more.
    tight: Vec<bool>,
}

impl Ready {
    /// [`Ready::answer_each`] for tasks that read a context and a question: a long context is read in windows, and the best
    /// window's answer is the answer.
    pub(super) fn answer_windows(
        &self,
        task: &Task,
        inputs: &[&RenderedInput],
        cancel: &Cancel,
        spread: &mut Spread<'_, '_>,
    ) -> Result<Vec<(Answer, bool)>, EngineError> {
        let Windows { texts, owners, tight } = self.windows(task, inputs, cancel)?;
        let asked: Vec<&RenderedInput> = texts.iter().collect();
        let answers = self.answer_each(task, &asked, cancel, spread)?;
        let mut by_owner: Vec<Vec<(Answer, u32)>> = vec![Vec::new(); inputs.len()];
        let mut kept = vec![true; inputs.len()];
        for ((answer, keep), (owner, start)) in answers.into_iter().zip(owners) {
            kept[owner] &= keep;
            by_owner[owner].push((answer, start));
        }
        Ok(by_owner
            .into_iter()
            .zip(kept)
            .zip(tight)
            .map(|((windows, keep), tight)| {
                let keep = keep && (windows.len() == 1 || !tight);
                (best_window(windows), keep)
            })
            .collect())
    }

    /// The windows of inputs.
    pub(super) fn windows(
        &self,
        task: &Task,
        inputs: &[&RenderedInput],
        cancel: &Cancel,
    ) -> Result<Windows, EngineError> {
        let mut texts = Vec::with_capacity(inputs.len());
        let mut owners = Vec::with_capacity(inputs.len());
        let mut tight = Vec::with_capacity(inputs.len());
        for (owner, input) in inputs.iter().enumerate() {
            let Some([context, question]) = &input.sides else {
                texts.push((*input).clone());
                owners.push((owner, 0));
                tight.push(false);
                continue;
            };
            let around = self.tokenize(task, &[&RenderedInput::two("", question)], cancel)?;
            let around = around.into_iter().flatten().map(|row| row.tokens.len()).sum::<usize>();
            let room = self.limit.tokens.saturating_sub(around + 2);
            tight.push(self.limit.by_budget && room < WINDOW);
            let room = room.clamp(LEAST_WINDOW, WINDOW);
            for window in windows(context, room, |text| self.model.tokenizer.offsets(text))? {
                let before = context[..window.start].chars().count() as u32;
                let text = &context[window];
                // White space at the beginning goes when the input is made, and places count without it.
                let blank = text.chars().take_while(|letter| letter.is_whitespace()).count() as u32;
                texts.push(RenderedInput::two(text, question));
                owners.push((owner, before + blank));
            }
        }
        Ok(Windows { texts, owners, tight })
    }
}

/// The bytes of each window of at most `most` tokens. Windows begin and end at white space where there is some; together
/// they are the text.
fn windows<E>(
    text: &str,
    most: usize,
    offsets: impl FnOnce(&str) -> Result<Vec<(usize, usize)>, E>,
) -> Result<Vec<Range<usize>>, E> {
    let whole = 0..text.len();
    // No token is less than a byte.
    if text.len() <= most {
        return Ok(vec![whole]);
    }
    let offsets = offsets(text)?;
    if offsets.len() <= most {
        return Ok(vec![whole]);
    }
    let mut windows: Vec<Range<usize>> = Vec::new();
    let mut first = 0;
    loop {
        let last = (first + most).min(offsets.len());
        let start = windows.last().map_or(0, |before| {
            let start = text.floor_char_boundary(offsets[first].0.min(before.end));
            let space = text[start..before.end].find(char::is_whitespace);
            space.map_or(start, |space| start + space)
        });
        if last == offsets.len() {
            windows.push(start..text.len());
            return Ok(windows);
        }
        let end = text.floor_char_boundary(offsets[last].0);
        let space = text[start..end].rfind(char::is_whitespace);
        // A window that has no space but near its beginning is cut where it is full.
        let end = space
            .map(|space| start + space)
            .filter(|&space| space > usize::midpoint(start, end))
            .unwrap_or(end);
        windows.push(start..end);
        // The first token behind the window, and some before it.
        let behind = offsets.partition_point(|&(start, _)| start < end);
        first = behind.saturating_sub(most / OVERLAP).max(first + 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A token a letter.
    fn letters(text: &str) -> Vec<(usize, usize)> {
        text.char_indices()
            .map(|(at, letter)| (at, at + letter.len_utf8()))
            .collect()
    }

    fn cut(text: &str, most: usize) -> Vec<Range<usize>> {
        windows(text, most, |text| Ok::<_, std::convert::Infallible>(letters(text))).unwrap()
    }

    #[test]
    fn windows_overlap_and_break_at_white_space() {
        let text = "aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii jjjj";
        let texts: Vec<&str> = cut(text, 40).into_iter().map(|range| &text[range]).collect();
        assert_eq!(texts, ["aaaa bbbb cccc dddd eeee ffff gggg hhhh", " hhhh iiii jjjj"]);
        assert_eq!(cut("short", 16).first(), Some(&(0..5)));
    }

    proptest! {
        #[test]
        fn together_they_are_the_text(text in "[a-zä \n]{0,300}", most in 8_usize..60) {
            let cut = cut(&text, most);
            prop_assert_eq!(cut[0].start, 0);
            prop_assert_eq!(cut[cut.len() - 1].end, text.len());
            for pair in cut.windows(2) {
                prop_assert!(pair[1].start <= pair[0].end && pair[0].end < pair[1].end, "{:?}", cut);
            }
            for window in &cut {
                prop_assert!(text[window.clone()].chars().count() <= most);
            }
        }
    }
}
