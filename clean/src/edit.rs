//! Edits of a text, and how edits of an edited text are edits of the first.

use std::ops::Range;

use crate::RuleName;

/// A change of one place of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The bytes of the text as it was given that are replaced; empty where something is put in. Both ends are boundaries
    /// of characters.
    pub range: Range<usize>,
    /// What stands there.
    pub before: String,
    /// What is put there.
    pub after: String,
    /// The rules that had a part in it, in the order in which they first did.
    pub rules: Vec<RuleName>,
}

/// A text that rules were applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleaned {
    /// The text now.
    pub text: String,
    /// What was changed, in order of place; no two overlap. Put into the text as it was given, they make the text now.
    pub edits: Vec<Edit>,
}

impl Cleaned {
    /// Puts edits into the text that they are of.
    ///
    /// ```
    /// let rules = refuel_clean::Rules::default();
    /// let cleaned = rules.apply("caf\u{c3}\u{a9}  &amp; bar");
    /// assert_eq!(cleaned.text, "café & bar");
    /// assert_eq!(refuel_clean::Cleaned::apply("caf\u{c3}\u{a9}  &amp; bar", &cleaned.edits), cleaned.text);
    /// ```
    pub fn apply(text: &str, edits: &[Edit]) -> String {
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for edit in edits {
            out.push_str(&text[done..edit.range.start]);
            out.push_str(&edit.after);
            done = edit.range.end;
        }
        out.push_str(&text[done..]);
        out
    }
}

/// A change that one rule makes to the text as it is then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Patch {
    pub(crate) range: Range<usize>,
    pub(crate) after: String,
}

impl Patch {
    pub(crate) fn new(range: Range<usize>, after: impl Into<String>) -> Self {
        Self {
            range,
            after: after.into(),
        }
    }
}

/// A text on its way through rules.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    original: &'a str,
    pub(crate) text: String,
    /// In order of place.
    edits: Vec<Placed>,
}

/// An edit, with the place where what it put there is now.
#[derive(Debug)]
struct Placed {
    original: Range<usize>,
    now: Range<usize>,
    rules: Vec<RuleName>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(original: &'a str) -> Self {
        Self {
            original,
            text: original.to_owned(),
            edits: Vec::new(),
        }
    }

    /// Applies the patches of a rule, which are in order of place and don't overlap. False where nothing changed.
    pub(crate) fn patch(&mut self, mut patches: Vec<Patch>, rule: RuleName) -> bool {
        patches.retain(|patch| self.text[patch.range.clone()] != patch.after);
        if patches.is_empty() {
            return false;
        }
        let mut text = String::with_capacity(self.text.len());
        let mut edits: Vec<Placed> = Vec::with_capacity(self.edits.len() + patches.len());
        let mut old = std::mem::take(&mut self.edits).into_iter().peekable();
        let mut new = patches.into_iter().peekable();
        // What is before `done` is in the new text already.
        let mut done = 0;
        // How far the text is behind the original: where no edit is, a place in one is that far from the other.
        let mut shift = 0_isize;
        loop {
            let start = match (old.peek(), new.peek()) {
                (None, None) => break,
                (Some(edit), None) => edit.now.start,
                (None, Some(patch)) => patch.range.start,
                (Some(edit), Some(patch)) => edit.now.start.min(patch.range.start),
            };
            text.push_str(&self.text[done..start]);
            let original_start = start.strict_sub_signed(shift);
            let now_start = text.len();
            let mut rules: Vec<RuleName> = Vec::new();
            let (mut end, mut copied) = (start, start);
            let (mut has_old, mut has_new) = (false, false);
            // What overlaps becomes one edit, and so does an edit with a patch that touches it.
            let joins = |at: usize, end: usize, alone: bool| at < end || (at == end && alone);
            loop {
                let alone = has_new || !has_old;
                if let Some(edit) = old.next_if(|edit| joins(edit.now.start, end, alone)) {
                    end = end.max(edit.now.end);
                    shift = edit.now.end as isize - edit.original.end as isize;
                    edit.rules.into_iter().for_each(|rule| add(&mut rules, rule));
                    has_old = true;
                    continue;
                }
                let alone = has_old || !has_new;
                if let Some(patch) = new.next_if(|patch| joins(patch.range.start, end, alone)) {
                    text.push_str(&self.text[copied..patch.range.start]);
                    text.push_str(&patch.after);
                    copied = patch.range.end;
                    end = end.max(patch.range.end);
                    has_new = true;
                    continue;
                }
                break;
            }
            if has_new {
                add(&mut rules, rule);
            }
            text.push_str(&self.text[copied..end]);
            done = end;
            edits.push(Placed {
                original: original_start..end.strict_sub_signed(shift),
                now: now_start..text.len(),
                rules,
            });
        }
        text.push_str(&self.text[done..]);
        self.text = text;
        self.edits = edits;
        true
    }

    /// The bytes of the text now that a rule put there, or had a part in putting there, in order.
    pub(crate) fn made_by(&self, rule: RuleName) -> Vec<Range<usize>> {
        let made = self
            .edits
            .iter()
            .filter(|edit| edit.rules.contains(&rule) && !edit.now.is_empty());
        made.map(|edit| edit.now.clone()).collect()
    }

    /// The text and its edits. Places that were changed and changed back are none.
    pub(crate) fn finish(self) -> Cleaned {
        let edit = |placed: Placed| Edit {
            before: self.original[placed.original.clone()].to_owned(),
            after: self.text[placed.now].to_owned(),
            range: placed.original,
            rules: placed.rules,
        };
        let edits = self
            .edits
            .into_iter()
            .map(edit)
            .filter(|edit| edit.before != edit.after)
            .collect();
        Cleaned { text: self.text, edits }
    }
}

fn add(rules: &mut Vec<RuleName>, rule: RuleName) {
    if !rules.contains(&rule) {
        rules.push(rule);
    }
}

#[cfg(test)]
mod tests {
    use super::{Cleaned, Draft, Edit, Patch};
    use crate::RuleName;

    /// A rule with its patches: the bytes, and what is put there.
    type Step<'a> = (RuleName, &'a [(std::ops::Range<usize>, &'a str)]);

    fn edits(original: &str, steps: &[Step<'_>]) -> (String, Vec<Edit>) {
        let mut draft = Draft::new(original);
        for (rule, patches) in steps {
            let patches = patches
                .iter()
                .map(|(range, after)| Patch::new(range.clone(), *after))
                .collect();
            draft.patch(patches, *rule);
        }
        let cleaned = draft.finish();
        assert_eq!(Cleaned::apply(original, &cleaned.edits), cleaned.text);
        (cleaned.text, cleaned.edits)
    }

    #[test]
    fn edits_of_edits_are_edits_of_the_first_text() {
        let (text, edits) = edits(
            "abcdef",
            &[
                (RuleName::Html, &[(1..3, "XYZ"), (5..6, "")]),
                (RuleName::Whitespace, &[(0..2, "-"), (5..6, "+")]),
            ],
        );
        assert_eq!(text, "-YZd+");
        let ranges: Vec<_> = edits.iter().map(|edit| edit.range.clone()).collect();
        assert_eq!(ranges, [0..3, 4..6]);
        assert_eq!(edits[0].rules, [RuleName::Html, RuleName::Whitespace]);
    }

    #[test]
    fn what_is_changed_back_is_no_edit() {
        let steps: [Step<'_>; 2] = [(RuleName::Html, &[(1..2, "")]), (RuleName::Quotes, &[(1..1, "b")])];
        assert_eq!(edits("abc", &steps), ("abc".into(), vec![]));
    }
}
