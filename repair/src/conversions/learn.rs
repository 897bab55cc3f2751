//! Learning of conversions from values that a person put right, and values that were right.

use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::operation::Operation;
use super::template::Template;

/// Operations of a chain, at most.
const DEEPEST: usize = 3;
/// Texts that a search sees, at most.
const MOST_SEEN: usize = 4000;
/// Chains that a search finds, at most.
const MOST_FOUND: usize = 60;
/// Conversions that are kept for a column.
const MOST_KEPT: usize = 8;
/// Longer values are not searched for programs.
const LONGEST: usize = 200;

/// A labelled value: what stood there and what should. An empty `after` is a missing value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Example {
    pub(crate) row: usize,
    pub(crate) before: Arc<str>,
    pub(crate) after: Arc<str>,
}

/// Texts that stand for a missing value, in small letters.
const MISSING_MARKS: [&str; 18] = [
    "n/a",
    "#n/a",
    "na",
    "n.a.",
    "nan",
    "null",
    "nil",
    "none",
    "-",
    "--",
    "---",
    "?",
    "unknown",
    "missing",
    "not available",
    "not applicable",
    "tbd",
    ".",
];

fn stands_for_missing(text: &str) -> bool {
    MISSING_MARKS.contains(&text.trim().to_lowercase().as_str())
}

/// How a value is written anew.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Program {
    Chain(Vec<Operation>),
    Template(Template),
    /// Just this value becomes just that one.
    Value(Arc<str>, Arc<str>),
}

impl Program {
    fn apply(&self, text: &str) -> Option<String> {
        match self {
            Self::Value(before, after) => (text == &**before).then(|| after.to_string()),
            Self::Template(template) => template.apply(text),
            Self::Chain(operations) => {
                let mut text = operations.first()?.apply(text)?;
                for operation in &operations[1..] {
                    // Later steps are for what needs them.
                    text = operation.apply(&text).unwrap_or(text);
                }
                Some(text)
            }
        }
    }

    /// See [`Operation::presumes`].
    fn presumes(&self) -> f32 {
        match self {
            Self::Chain(operations) => operations.iter().map(Operation::presumes).sum(),
            Self::Template(_) => 1.8,
            Self::Value(..) => 0.0,
        }
    }

    fn is_value(&self) -> bool {
        matches!(self, Self::Value(..))
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(before, after) if after.is_empty() => write!(f, "\"{before}\" is no value"),
            Self::Value(before, after) => write!(f, "\"{before}\" is \"{after}\""),
            Self::Template(template) => template.fmt(f),
            Self::Chain(operations) => {
                for (at, operation) in operations.iter().enumerate() {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    operation.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

/// A conversion and what labelled values say of it.
#[derive(Debug, Clone)]
pub(crate) struct Conversion {
    program: Program,
    /// The examples that it gets right, and the others that it changes.
    right: Vec<Example>,
    wrong: Vec<Example>,
}

impl Conversion {
    /// Writes a text anew; none where the conversion is not for it or changes nothing. Empty for a missing value.
    pub(crate) fn apply(&self, text: &str) -> Option<String> {
        self.program.apply(text).filter(|after| after != text)
    }

    /// How far it can be trusted, from 0 to 1: the mean of the Beta distribution of its being right, where a second value
    /// that is like the first counts for less than one that is not. A labelled row can't vouch for itself.
    pub(crate) fn trust(&self, but_row: Option<usize>) -> f32 {
        let others = || self.right.iter().filter(|example| Some(example.row) != but_row);
        let right = others().count() as f32;
        let wrong = self.wrong.iter().filter(|example| Some(example.row) != but_row).count() as f32;
        let vouched = if let Program::Value(_, after) = &self.program {
            // What stands for a missing value always does; that a value is always another one takes more to believe.
            if after.is_empty() { right } else { 0.6 * right }
        } else {
            let distinct = others().map(|example| &example.before).collect::<FxHashSet<_>>().len() as f32;
            distinct + 0.25 * (right - distinct)
        };
        let before = match &self.program {
            Program::Value(before, after) if after.is_empty() && stands_for_missing(before) => 0.8,
            Program::Value(_, after) if !after.is_empty() => 0.2,
            _ => 0.4,
        };
        // How values are written is a rule: a value that it gets wrong speaks louder than one that it gets right.
        (vouched + before) / (vouched + 2.0 * wrong + 1.0)
    }

    /// Whether it makes one value of another and was seen once.
    pub(crate) fn is_one_value(&self) -> bool {
        self.right.len() == 1 && matches!(&self.program, Program::Value(_, after) if !after.is_empty())
    }

    /// Whether some labelled row but one vouches for it.
    pub(crate) fn is_vouched(&self, but_row: Option<usize>) -> bool {
        self.right.iter().any(|example| Some(example.row) != but_row)
    }

    /// How many labelled cells vouch for it, and how many speak against it.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.right.len(), self.wrong.len())
    }
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.program.fmt(f)
    }
}

/// The conversions that labelled values of a column show, the most trusted first.
pub(crate) fn learn(examples: &[Example]) -> Vec<Conversion> {
    let mut programs: FxHashSet<Program> = FxHashSet::default();
    let mut searched: FxHashSet<(&str, &str)> = FxHashSet::default();
    let changed = || {
        examples
            .iter()
            .filter(|example| example.before != example.after && !example.before.is_empty())
    };
    for example in changed() {
        if !searched.insert((&example.before, &example.after)) {
            continue;
        }
        programs.insert(Program::Value(example.before.clone(), example.after.clone()));
        if example.after.is_empty() || example.before.len() > LONGEST {
            continue;
        }
        programs.extend(chains(&example.before, &example.after).into_iter().map(Program::Chain));
        programs.extend(Template::of(&example.before, &example.after).map(Program::Template));
    }
    let mut conversions: Vec<Conversion> = programs
        .into_iter()
        .map(|program| {
            let mut conversion = Conversion {
                program,
                right: Vec::new(),
                wrong: Vec::new(),
            };
            for example in examples.iter().filter(|example| !example.before.is_empty()) {
                match conversion.apply(&example.before) {
                    Some(after) if after == *example.after => conversion.right.push(example.clone()),
                    Some(_) => conversion.wrong.push(example.clone()),
                    None => {}
                }
            }
            conversion
        })
        .filter(|conversion| conversion.right.len() > conversion.wrong.len())
        .collect();
    conversions.sort_by(|one, other| {
        (other.trust(None).total_cmp(&one.trust(None)))
            .then_with(|| one.program.presumes().total_cmp(&other.program.presumes()))
            .then_with(|| one.program.to_string().cmp(&other.program.to_string()))
    });
    let (values, mut conversions): (Vec<Conversion>, Vec<Conversion>) = conversions
        .into_iter()
        .partition(|conversion| conversion.program.is_value());
    conversions.truncate(MOST_KEPT);
    conversions.extend(values);
    conversions
}

/// The shortest chains of operations from one text to another, and those that are one longer: the shortest may do by
/// chance what another does for a reason.
fn chains(before: &str, after: &str) -> Vec<Vec<Operation>> {
    let pool = pool(before, after);
    let mut seen: FxHashSet<String> = FxHashSet::default();
    seen.insert(before.to_owned());
    let mut layer: Vec<(String, Vec<Operation>)> = vec![(before.to_owned(), Vec::new())];
    let mut found: Vec<Vec<Operation>> = Vec::new();
    for _ in 0..DEEPEST {
        let shorter = !found.is_empty();
        let mut next = Vec::new();
        for (text, chain) in &layer {
            for operation in &pool {
                let Some(result) = operation.apply(text).filter(|result| result != text) else {
                    continue;
                };
                let longer = || chain.iter().chain([operation]).cloned().collect::<Vec<_>>();
                if result == after {
                    found.push(longer());
                } else if seen.len() < MOST_SEEN && !result.is_empty() && seen.insert(result.clone()) {
                    next.push((result, longer()));
                }
            }
        }
        if shorter {
            break;
        }
        layer = next;
    }
    found.truncate(MOST_FOUND);
    found
}

/// The operations that may lead from one text to another.
fn pool(before: &str, after: &str) -> Vec<Operation> {
    let mut pool = vec![
        Operation::Trim,
        Operation::FirstNumber,
        Operation::PlainNumber,
        Operation::GroupThousands,
        Operation::Lower,
        Operation::Upper,
        Operation::Title,
        Operation::TurnRound,
    ];
    let prefix: usize = before
        .chars()
        .zip(after.chars())
        .take_while(|(one, other)| one == other)
        .map(|(letter, _)| letter.len_utf8())
        .sum();
    let (rest_before, rest_after) = (&before[prefix..], &after[prefix..]);
    let suffix: usize = rest_before
        .chars()
        .rev()
        .zip(rest_after.chars().rev())
        .take_while(|(one, other)| one == other)
        .map(|(letter, _)| letter.len_utf8())
        .sum();
    let gone = &rest_before[..rest_before.len() - suffix];
    let come = &rest_after[..rest_after.len() - suffix];
    let whole = gone.len() == before.len();
    match (gone.is_empty(), come.is_empty()) {
        (false, true) if !whole => pool.push(Operation::Remove(gone.into())),
        (false, false) if !whole => pool.push(Operation::Replace(gone.into(), come.into())),
        (true, false) if suffix == 0 => pool.push(Operation::Suffix(come.into())),
        (true, false) if prefix == 0 => pool.push(Operation::Prefix(come.into())),
        _ => {}
    }
    if after.starts_with('0') && after.len() < LONGEST && after.bytes().all(|byte| byte.is_ascii_digit()) {
        pool.push(Operation::PadZeros(after.len()));
    }
    let mut marks: Vec<char> = before.chars().filter(|letter| !letter.is_alphanumeric()).collect();
    marks.sort_unstable();
    marks.dedup();
    for mark in marks.into_iter().take(6) {
        let mark: Arc<str> = mark.to_string().into();
        if !after.contains(&*mark) {
            pool.push(Operation::Remove(mark.clone()));
        }
        pool.push(Operation::Before(mark.clone()));
        pool.push(Operation::After(mark));
    }
    for word in before.split_whitespace().filter(|word| !after.contains(word)).take(4) {
        pool.push(Operation::Remove(word.into()));
    }
    pool
}

#[cfg(test)]
mod tests {
    use super::{Example, learn};

    fn examples(pairs: &[(&str, &str)]) -> Vec<Example> {
        let pair = |(row, &(before, after)): (usize, &(&str, &str))| Example {
            row,
            before: before.into(),
            after: after.into(),
        };
        pairs.iter().enumerate().map(pair).collect()
    }

    fn convert(pairs: &[(&str, &str)], text: &str) -> Option<String> {
        let learned = learn(&examples(pairs));
        let mut trusted = learned.iter().filter(|conversion| conversion.trust(None) > 0.5);
        trusted.find_map(|conversion| conversion.apply(text))
    }

    #[test]
    fn units_go() {
        let pairs = [("12.0 oz.", "12"), ("16.9 ounce", "16.9")];
        assert_eq!(convert(&pairs, "19.2 oz. Alumi-Tek").as_deref(), Some("19.2"));
    }

    #[test]
    fn what_is_right_stays() {
        let pairs = [("0.05%", "0.05"), ("0.061%", "0.061"), ("0.07", "0.07")];
        assert_eq!(convert(&pairs, "0.099%").as_deref(), Some("0.099"));
        assert_eq!(convert(&pairs, "0.08"), None);
    }

    #[test]
    fn zeros_that_were_lost_come_back() {
        let pairs = [("1907", "01907"), ("60601", "60601"), ("2101", "02101")];
        assert_eq!(convert(&pairs, "1801").as_deref(), Some("01801"));
        assert_eq!(convert(&pairs, "73301"), None);
    }

    #[test]
    fn one_value_is_no_value() {
        let pairs = [("N/A", ""), ("20", "20")];
        assert_eq!(convert(&pairs, "N/A").as_deref(), Some(""));
        assert_eq!(convert(&pairs, "20"), None);
    }

    #[test]
    fn a_conversion_that_breaks_what_is_right_is_trusted_less() {
        let learned = learn(&examples(&[("a-b", "ab"), ("c-d", "c-d"), ("e-f", "ef")]));
        let best = learned[0].trust(None);
        assert!(best < 0.7, "{best}");
    }
}
