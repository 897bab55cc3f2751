//! Patterns over tokens, and the chart that applies them.
//!
//! A rule says what symbol a sequence of words and symbols makes, and how its value follows from theirs. The chart is
//! filled from the last token to the first; the symbols that begin at a token are found by left corner, so that a rule
//! only ever looks at symbols that are complete (Kay, *Algorithm schemata and data structures in syntactic processing*,
//! 1980). Every reading is kept: which one counts is decided by who asks.
//!
//! A pattern is written as text: words are literal, `a|b` is either word, `{name}` is a symbol, `( .. | .. )` is a
//! choice of sequences, `?` after an element makes it optional, `~` before one forbids space in front of it, and `\\`
//! makes a word of a bracket. What is reported of a match is all of it, or what stands
//! between `<` and `>`.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::Context;
use super::tokens::Token;
use super::value::Value;

/// The number of a symbol.
pub(super) type Symbol = u16;

/// How many readings of one symbol over the same tokens are kept.
const READINGS: usize = 4;

/// How many tokens a rule may cover; longer texts are read all the same.
const REACH: usize = 40;

/// Makes the value of a match out of the values of its symbols.
pub(super) type Action = fn(&Context, &Captures) -> Option<Value>;

/// A rule as it is written.
pub(super) struct Rule {
    /// The symbol that it makes.
    pub(super) makes: &'static str,
    /// The pattern.
    pub(super) pattern: &'static str,
    /// The value.
    pub(super) action: Action,
}

/// Values of the symbols of a match, from left to right.
pub(super) struct Captures<'a>(pub(super) Vec<&'a Value>);

impl Captures<'_> {
    /// The `nth` value, counted from 0, that `read` understands.
    pub(super) fn get<T>(&self, nth: usize, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        self.0.iter().filter_map(|value| read(value)).nth(nth)
    }
}

/// One element of a flat pattern.
#[derive(Debug, Clone, PartialEq)]
struct Element {
    what: What,
    glued: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Words(Vec<String>),
    Symbol(Symbol),
}

/// A rule without choices.
struct Flat {
    makes: Symbol,
    elements: Vec<Element>,
    /// What is reported, counted in elements.
    shown: Range<usize>,
    action: Action,
}

/// What was recognised between two tokens.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    /// The symbol.
    pub(super) symbol: Symbol,
    /// The tokens that it covers.
    pub(super) tokens: Range<usize>,
    /// The tokens that are reported of it.
    pub(super) shown: Range<usize>,
    /// The value.
    pub(super) value: Value,
    /// The number of the flat rule; a word of the lexicon has none.
    pub(super) rule: usize,
}

/// Words and rules, ready to be applied.
pub(super) struct Grammar {
    symbols: FxHashMap<String, Symbol>,
    rules: Vec<Flat>,
    by_word: FxHashMap<String, Vec<usize>>,
    by_symbol: FxHashMap<Symbol, Vec<usize>>,
    /// Entries of the lexicon by their first word.
    entries: FxHashMap<String, Vec<(Vec<String>, Symbol, Value)>>,
}

impl Grammar {
    /// A grammar out of words (symbol, words, value) and rules.
    pub(super) fn new(
        entries: impl IntoIterator<Item = (String, Vec<String>, Value)>,
        rules: impl IntoIterator<Item = Rule>,
    ) -> Self {
        let mut grammar = Self {
            symbols: FxHashMap::default(),
            rules: Vec::new(),
            by_word: FxHashMap::default(),
            by_symbol: FxHashMap::default(),
            entries: FxHashMap::default(),
        };
        for (symbol, words, value) in entries {
            let symbol = grammar.symbol(&symbol);
            if let Some(first) = words.first() {
                let first = first.clone();
                grammar.entries.entry(first).or_default().push((words, symbol, value));
            }
        }
        for rule in rules {
            grammar.add(&rule);
        }
        grammar
    }

    /// The number of a symbol that some rule or word makes or names.
    pub(super) fn symbol_named(&self, name: &str) -> Option<Symbol> {
        self.symbols.get(name).copied()
    }

    /// What a word of the lexicon means; several things, where it is in there more often.
    pub(super) fn meanings(&self, word: &str) -> impl Iterator<Item = &Value> {
        let entries = self.entries.get(word).into_iter().flatten();
        entries
            .filter(|(words, ..)| words.len() == 1)
            .map(|(_, _, value)| value)
    }

    fn symbol(&mut self, name: &str) -> Symbol {
        let next = self.symbols.len() as Symbol;
        *self.symbols.entry(name.to_owned()).or_insert(next)
    }

    fn add(&mut self, rule: &Rule) {
        let makes = self.symbol(rule.makes);
        let words: Vec<&str> = rule.pattern.split_whitespace().collect();
        let mut at = 0;
        for sequence in sequences(&words, &mut at) {
            let mut elements = Vec::new();
            let mut shown = 0..usize::MAX;
            for word in sequence {
                match word {
                    "<" => shown.start = elements.len(),
                    ">" => shown.end = elements.len(),
                    word => elements.push(self.element(word)),
                }
            }
            shown.end = shown.end.min(elements.len());
            let number = self.rules.len();
            match elements.first() {
                None => continue,
                Some(Element {
                    what: What::Words(words),
                    ..
                }) => {
                    for word in words {
                        self.by_word.entry(word.clone()).or_default().push(number);
                    }
                }
                Some(Element {
                    what: What::Symbol(symbol),
                    ..
                }) => {
                    self.by_symbol.entry(*symbol).or_default().push(number);
                }
            }
            self.rules.push(Flat {
                makes,
                elements,
                shown,
                action: rule.action,
            });
        }
    }

    fn element(&mut self, word: &str) -> Element {
        let (glued, word) = match word.strip_prefix('~') {
            Some(rest) if !rest.is_empty() && !rest.starts_with('|') => (true, rest),
            _ => (false, word),
        };
        let what = match word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) {
            Some(name) => What::Symbol(self.symbol(name)),
            None => What::Words(
                word.split('|')
                    .map(|word| word.trim_start_matches('\\').to_owned())
                    .collect(),
            ),
        };
        Element { what, glued }
    }

    /// Everything that the rules recognise in the tokens.
    pub(super) fn chart(&self, context: &Context, tokens: &[Token]) -> Vec<Vec<Edge>> {
        let mut chart: Vec<Vec<Edge>> = vec![Vec::new(); tokens.len()];
        for start in (0..tokens.len()).rev() {
            let (before, after) = chart.split_at_mut(start + 1);
            let here = &mut before[start];
            self.lexical(context, tokens, start, here);
            if let Some(rules) = self.by_word.get(&tokens[start].text) {
                for &number in rules {
                    let made = Search::new(self, number, context, tokens, after, start..start + 1).made();
                    for edge in made {
                        keep(here, edge);
                    }
                }
            }
            let mut next = 0;
            while next < here.len() {
                let edge = here[next].clone();
                next += 1;
                let Some(rules) = self.by_symbol.get(&edge.symbol) else {
                    continue;
                };
                for &number in rules {
                    let mut search = Search::new(self, number, context, tokens, after, edge.tokens.clone());
                    search.ends = vec![edge.shown.clone()];
                    search.values = vec![&edge.value];
                    let made = search.made();
                    for edge in made {
                        keep(here, edge);
                    }
                }
            }
        }
        chart
    }

    /// Words of the lexicon and numbers that begin here.
    fn lexical(&self, context: &Context, tokens: &[Token], start: usize, here: &mut Vec<Edge>) {
        let mut push = |symbol, end, value| {
            here.push(Edge {
                symbol,
                tokens: start..end,
                shown: start..end,
                value,
                rule: usize::MAX,
            });
        };
        for (words, symbol, value) in self.entries.get(&tokens[start].text).into_iter().flatten() {
            let end = start + words.len();
            let matches = end <= tokens.len()
                && words
                    .iter()
                    .zip(&tokens[start..])
                    .all(|(word, token)| *word == token.text);
            if matches {
                push(*symbol, end, value.clone());
            }
        }
        if tokens[start].numeric {
            for (name, value) in super::lexicon::numbers(context, &tokens[start].text) {
                if let Some(&symbol) = self.symbols.get(name) {
                    push(symbol, start + 1, value);
                }
            }
        }
    }
}

/// A rule that is matched with the tokens behind its first element, in every way there is.
struct Search<'a> {
    number: usize,
    rule: &'a Flat,
    context: &'a Context,
    tokens: &'a [Token],
    /// What was recognised from each token behind the first on.
    after: &'a [Vec<Edge>],
    /// Where each element began, and where the last ended.
    trail: Vec<usize>,
    /// What is reported of each element.
    ends: Vec<Range<usize>>,
    values: Vec<&'a Value>,
    made: Vec<Edge>,
}

impl<'a> Search<'a> {
    /// The first element is matched: with the tokens `first`, all of which are reported.
    fn new(
        grammar: &'a Grammar,
        number: usize,
        context: &'a Context,
        tokens: &'a [Token],
        after: &'a [Vec<Edge>],
        first: Range<usize>,
    ) -> Self {
        Self {
            number,
            rule: &grammar.rules[number],
            context,
            tokens,
            after,
            trail: vec![first.start, first.end],
            ends: std::iter::once(first).collect(),
            values: Vec::new(),
            made: Vec::new(),
        }
    }

    /// What the rule makes of the tokens.
    fn made(mut self) -> Vec<Edge> {
        self.extend(1);
        self.made
    }

    /// Matches the elements from `element` on.
    fn extend(&mut self, element: usize) {
        let rule = self.rule;
        let (start, at) = (self.trail[0], self.trail[self.trail.len() - 1]);
        if element == rule.elements.len() {
            let captures = Captures(std::mem::take(&mut self.values));
            if let Some(value) = (rule.action)(self.context, &captures) {
                self.made.push(Edge {
                    symbol: rule.makes,
                    tokens: start..at,
                    shown: self.ends[rule.shown.start].start..self.ends[rule.shown.end - 1].end,
                    value,
                    rule: self.number,
                });
            }
            self.values = captures.0;
            return;
        }
        let wanted = &rule.elements[element];
        if at >= self.tokens.len() || at - start > REACH || (wanted.glued && self.tokens[at].spaced) {
            return;
        }
        match &wanted.what {
            What::Words(words) => {
                if words.contains(&self.tokens[at].text) {
                    self.step(element, at + 1, at..at + 1);
                }
            }
            What::Symbol(symbol) => {
                let behind: &'a [Vec<Edge>] = self.after;
                for edge in behind[at - start - 1].iter().filter(|edge| edge.symbol == *symbol) {
                    self.values.push(&edge.value);
                    self.step(element, edge.tokens.end, edge.shown.clone());
                    self.values.pop();
                }
            }
        }
    }

    /// Goes on behind an element that was matched, and comes back.
    fn step(&mut self, element: usize, end: usize, shown: Range<usize>) {
        self.trail.push(end);
        self.ends.push(shown);
        self.extend(element + 1);
        self.ends.pop();
        self.trail.pop();
    }
}

/// Keeps an edge unless it says nothing new, or too many say the like.
fn keep(here: &mut Vec<Edge>, edge: Edge) {
    let mut alike = 0;
    for other in here.iter() {
        if other.symbol == edge.symbol && other.tokens == edge.tokens {
            if other.value == edge.value && other.shown == edge.shown {
                return;
            }
            alike += 1;
        }
    }
    if alike < READINGS {
        here.push(edge);
    }
}

/// The sequences that a pattern stands for, up to its end or to a closing bracket.
fn sequences<'a>(words: &[&'a str], at: &mut usize) -> Vec<Vec<&'a str>> {
    let mut choices: Vec<Vec<&str>> = Vec::new();
    let mut current: Vec<Vec<&str>> = vec![Vec::new()];
    while *at < words.len() {
        let word = words[*at];
        *at += 1;
        let (options, optional): (Vec<Vec<&str>>, bool) = match word {
            ")" | ")?" => {
                // Whoever opened the bracket looks at the mark of an option.
                *at -= 1;
                break;
            }
            "|" => {
                choices.append(&mut current);
                current = vec![Vec::new()];
                continue;
            }
            "(" => {
                let inner = sequences(words, at);
                let optional = words.get(*at) == Some(&")?");
                *at += 1;
                (inner, optional)
            }
            word => match word.strip_suffix('?') {
                Some(rest) if !rest.is_empty() => (vec![vec![rest]], true),
                _ => (vec![vec![word]], false),
            },
        };
        let mut next = Vec::new();
        for sequence in current {
            // The longer match first: of two readings alike it is the first that is kept.
            for option in &options {
                next.push([sequence.clone(), option.clone()].concat());
            }
            if optional {
                next.push(sequence);
            }
        }
        current = next;
    }
    choices.append(&mut current);
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(pattern: &str) -> Vec<String> {
        let words: Vec<&str> = pattern.split_whitespace().collect();
        sequences(&words, &mut 0)
            .into_iter()
            .map(|sequence| sequence.join(" "))
            .collect()
    }

    #[test]
    fn a_pattern_is_the_sequences_that_it_allows() {
        insta::assert_debug_snapshot!(expanded("the? {day} ( of|in {month} | , {year} )? x"), @r#"
        [
            "the {day} of|in {month} x",
            "the {day} , {year} x",
            "the {day} x",
            "{day} of|in {month} x",
            "{day} , {year} x",
            "{day} x",
        ]
        "#);
    }
}
