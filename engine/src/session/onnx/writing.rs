//! One text that is being written: what the logits of a run add to it, and what is to be run next.

use std::iter;

use super::mathematics::{Chosen, choose, choose_first};
use crate::guide::Guide;
use crate::session::{GenerateOptions, Generated};

/// The longest run of tokens that is looked for in the row to copy what follows it.
const LONGEST_MATCH: usize = 3;

/// What of the options and of the model ends texts and bounds them.
pub(super) struct Bounds<'a> {
    pub(super) vocabulary: usize,
    pub(super) eos_tokens: &'a [u32],
    pub(super) options: &'a GenerateOptions,
}

impl Bounds<'_> {
    fn ends(&self, token: u32) -> bool {
        self.eos_tokens.contains(&token) || self.options.stop_tokens.contains(&token)
    }
}

/// A text that is being written.
pub(super) struct Writing<'a> {
    /// Index of its row in what the caller gave.
    pub(super) row: usize,
    /// What the row's text is copied from: its own tokens.
    prompt: &'a [u32],
    guide: Option<Box<dyn Guide>>,
    /// Tokens of the text that have not been run, which are certain.
    pub(super) pending: Vec<u32>,
    /// Guesses at what follows them.
    pub(super) draft: Vec<u32>,
    /// How many are guessed.
    reach: usize,
    /// Whether the model has had a say.
    opened: bool,
    /// Whether nothing is to be run any more.
    pub(super) done: bool,
    pub(super) text: Generated,
}

impl<'a> Writing<'a> {
    /// The text of a row that is `prompt`, before its first token. What its guide forces is pending.
    pub(super) fn new(row: usize, prompt: &'a [u32], guide: Option<Box<dyn Guide>>, bounds: &Bounds<'_>) -> Self {
        let mut writing = Self {
            row,
            prompt,
            guide,
            pending: Vec::new(),
            draft: Vec::new(),
            reach: bounds.options.drafts.min(4),
            opened: false,
            done: bounds.options.max_tokens == 0,
            text: Generated::default(),
        };
        writing.pending = writing.forced(bounds);
        writing.guess(bounds);
        writing
    }

    /// Reads the logits behind the last certain token and behind each guess, `[1 + guesses, vocabulary]`. The pending
    /// tokens and the guesses have been run. Returns how many of the guesses were right.
    pub(super) fn read(&mut self, logits: &[f32], bounds: &Bounds<'_>) -> usize {
        let draft = std::mem::take(&mut self.draft);
        self.pending.clear();
        let mut right = 0;
        // What is forced behind a guess and was guessed too has been run with it: the model has no say about it.
        while let Some(logits) = logits.get(right * bounds.vocabulary..(right + 1) * bounds.vocabulary) {
            let Some(token) = self.next(logits, bounds) else { break };
            let certain: Vec<u32> = iter::once(token).chain(self.forced(bounds)).collect();
            let guessed = certain.iter().zip(&draft[right..]);
            let same = guessed.take_while(|(token, guess)| token == guess).count();
            right += same;
            self.pending.extend(&certain[same..]);
            if self.done || same < certain.len() {
                break;
            }
        }
        self.text.drafted += right as u32;
        if !draft.is_empty() {
            self.reach = if right == draft.len() {
                (self.reach * 2).min(bounds.options.drafts)
            } else {
                // A text that has stopped to copy is asked with one guess until it copies again.
                (right + 1).min(bounds.options.drafts)
            };
        }
        self.guess(bounds);
        right
    }

    /// Adds the likeliest token. None where it ended the text, or can't be told.
    fn next(&mut self, logits: &[f32], bounds: &Bounds<'_>) -> Option<u32> {
        let allowed = match &mut self.guide {
            None => None,
            Some(guide) => match guide.allowed() {
                Ok(allowed) => Some(allowed),
                Err(problem) => {
                    self.fail(problem);
                    return None;
                }
            },
        };
        let is_first = !std::mem::replace(&mut self.opened, true);
        let chosen = match (bounds.options.opening, &allowed) {
            (Some(opening), Some(allowed)) if is_first => {
                let (chosen, probability) = choose_first(logits, allowed, opening);
                self.text.opening = probability;
                chosen
            }
            _ => choose(logits, allowed.as_ref()),
        };
        let Some(Chosen {
            token,
            log_probability,
            among_allowed,
        }) = chosen
        else {
            self.fail("nothing may follow".to_owned());
            return None;
        };
        self.text.log_probabilities.push(log_probability);
        self.text.allowed_log_probabilities.push(among_allowed);
        if bounds.ends(token) {
            self.text.finished = true;
            self.done = true;
            return None;
        }
        self.text.tokens.push(token);
        if let Some(guide) = &mut self.guide
            && let Err(problem) = guide.take(token)
        {
            self.fail(problem);
            return None;
        }
        self.over();
        if !self.done && self.full(bounds) {
            self.cut();
        }
        (!self.done).then_some(token)
    }

    /// Adds what the guide forces, without asking the model, and returns it.
    fn forced(&mut self, bounds: &Bounds<'_>) -> Vec<u32> {
        let Some(guide) = self.guide.as_mut().filter(|_| !self.done) else {
            return Vec::new();
        };
        match guide.forced() {
            Ok(forced) => {
                self.text.tokens.extend(&forced);
                for said in [
                    &mut self.text.log_probabilities,
                    &mut self.text.allowed_log_probabilities,
                ] {
                    said.resize(said.len() + forced.len(), 0.0);
                }
                self.over();
                if !self.done && self.full(bounds) {
                    self.cut();
                }
                forced
            }
            Err(problem) => {
                self.fail(problem);
                Vec::new()
            }
        }
    }

    /// Guesses what follows.
    fn guess(&mut self, bounds: &Bounds<'_>) {
        if self.done || self.reach == 0 {
            return;
        }
        let room = bounds.options.max_tokens.saturating_sub(self.text.tokens.len() + 1);
        let draft = look_up(self.prompt, &self.text.tokens, self.reach.min(room));
        let fitting = match &mut self.guide {
            Some(guide) if !draft.is_empty() => guide.fitting(draft),
            _ => draft.len(),
        };
        self.draft.extend_from_slice(&draft[..fitting]);
    }

    fn full(&self, bounds: &Bounds<'_>) -> bool {
        self.text.tokens.len() >= bounds.options.max_tokens
    }

    fn over(&mut self) {
        if self.guide.as_ref().is_some_and(|guide| guide.is_over()) {
            self.text.finished = true;
            self.done = true;
        }
    }

    /// The text stops at the limit; under a guide, it may be ended without the model.
    fn cut(&mut self) {
        self.done = true;
        if let Some(guide) = self.guide.as_mut().filter(|guide| !guide.is_over()) {
            self.text.ending = guide.ending();
        }
    }

    fn fail(&mut self, problem: String) {
        self.text.problem = Some(problem);
        self.done = true;
    }
}

/// What follows, in `prompt`, the last tokens of `text`: at most `most` tokens. The longest match counts, and of equals the
/// first.
fn look_up<'p>(prompt: &'p [u32], text: &[u32], most: usize) -> &'p [u32] {
    for length in (1..=LONGEST_MATCH.min(text.len())).rev() {
        let last = &text[text.len() - length..];
        let found = prompt.windows(length).position(|window| window == last);
        let behind = found.map_or(&[][..], |at| &prompt[at + length..]);
        if !behind.is_empty() {
            return &behind[..most.min(behind.len())];
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::guide::TokenSet;

    #[test]
    fn what_followed_the_longest_match_is_copied() {
        let prompt = [1, 2, 3, 9, 2, 3, 4, 5, 6];
        assert_eq!(look_up(&prompt, &[9, 2, 3], 2), [4, 5]);
        assert_eq!(look_up(&prompt, &[7, 2, 3], 2), [9, 2], "the first of equals");
        assert_eq!(look_up(&prompt, &[7, 5], 8), [6]);
        assert!(look_up(&prompt, &[6], 8).is_empty(), "nothing stands behind it");
        assert!(look_up(&prompt, &[], 8).is_empty());
    }

    /// A model whose next token is a function of all that stands before it.
    fn logits(context: &[u32], vocabulary: usize) -> Vec<f32> {
        let hash = context.iter().rev().take(2).fold(7_u32, |hash, &token| {
            hash.wrapping_mul(31).wrapping_add(token).wrapping_mul(2_654_435_761)
        });
        (0..vocabulary as u32)
            .map(|token| (hash ^ token.wrapping_mul(40_503)) as u8 as f32)
            .collect()
    }

    /// Every third token is followed by two others, whatever the model says.
    #[derive(Default)]
    struct Triplets {
        owed: Vec<u32>,
    }

    impl Triplets {
        fn takes(owed: &mut Vec<u32>, token: u32) -> bool {
            match owed.first() {
                Some(&first) if first != token => return false,
                Some(_) => drop(owed.remove(0)),
                None if token.is_multiple_of(3) => *owed = vec![token + 1, token + 2],
                None => {}
            }
            true
        }
    }

    impl Guide for Triplets {
        fn forced(&mut self) -> Result<Vec<u32>, String> {
            Ok(std::mem::take(&mut self.owed))
        }

        fn is_over(&self) -> bool {
            false
        }

        fn allowed(&mut self) -> Result<TokenSet, String> {
            let mut all = TokenSet::alloc(64);
            all.set_all(true);
            Ok(all)
        }

        fn fitting(&mut self, tokens: &[u32]) -> usize {
            let mut owed = self.owed.clone();
            tokens
                .iter()
                .take_while(|&&token| Self::takes(&mut owed, token))
                .count()
        }

        fn take(&mut self, token: u32) -> Result<(), String> {
            Self::takes(&mut self.owed, token)
                .then_some(())
                .ok_or_else(|| format!("{token} does not follow"))
        }

        fn ending(&mut self) -> Option<Vec<u32>> {
            None
        }
    }

    fn written(prompt: &[u32], drafts: usize, vocabulary: usize, guided: bool) -> Generated {
        let options = GenerateOptions {
            max_tokens: 40,
            stop_tokens: vec![0],
            drafts,
            opening: None,
        };
        let bounds = Bounds {
            vocabulary,
            eos_tokens: &[],
            options: &options,
        };
        let guide = guided.then(|| Box::<Triplets>::default() as Box<dyn Guide>);
        let mut writing = Writing::new(0, prompt, guide, &bounds);
        let mut context = prompt.to_vec();
        while !writing.done {
            context.extend(&writing.pending);
            let draft = writing.draft.clone();
            let read: Vec<f32> = (0..=draft.len())
                .flat_map(|guesses| logits(&[&context, &draft[..guesses]].concat(), vocabulary))
                .collect();
            let right = writing.read(&read, &bounds);
            context.extend(&draft[..right]);
        }
        writing.text
    }

    proptest! {
        #[test]
        fn guesses_change_nothing_of_a_text(
            prompt in prop::collection::vec(0_u32..12, 1..60),
            drafts in 1_usize..20,
            vocabulary in 4_usize..12,
            guided: bool,
        ) {
            let plain = written(&prompt, 0, vocabulary, guided);
            let mut drafted = written(&prompt, drafts, vocabulary, guided);
            prop_assert!(drafted.drafted as usize <= drafted.tokens.len());
            drafted.drafted = 0;
            prop_assert_eq!(drafted, plain);
        }
    }
}
