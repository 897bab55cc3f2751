//! Text of a certain form: durations, comparisons, references, names.

use std::fmt;
use std::time::Duration;

use crate::config::Comparison;
use crate::properties::Reference;

/// A form of text.
pub(crate) struct Syntax {
    /// An example, as it is written in YAML.
    pub(crate) example: &'static str,
    /// A regular expression for schemas. It takes whatever `check` takes.
    pub(crate) pattern: &'static str,
    /// Whether a number that is not negative is of this form too.
    pub(crate) numbers: bool,
    /// Whether a text is of this form. The error is what follows the text in a sentence, or nothing.
    pub(crate) check: fn(&str) -> Result<(), String>,
}

impl fmt::Debug for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Syntax").field(&self.example).finish()
    }
}

fn must(is: bool) -> Result<(), String> {
    if is { Ok(()) } else { Err(String::new()) }
}

/// Longest name in a database: what fits into a Postgres identifier.
const LONGEST_NAME: usize = 63;
/// Longest name of what is in no database.
const LONGEST_TITLE: usize = 200;

/// The name of whatever is named in SQL.
pub(crate) static NAME: Syntax = Syntax {
    example: "a letter, then letters, digits and _, such as stg_orders",
    pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
    numbers: false,
    check: |text| {
        must(is_word(text, |_| false))?;
        at_most(text, LONGEST_NAME)
    },
};

/// The name of a test or a job.
pub(crate) static TITLE: Syntax = Syntax {
    example: "a letter, then letters, digits, _ and -, such as nightly-build",
    pattern: "^[A-Za-z_][A-Za-z0-9_-]*$",
    numbers: false,
    check: |text| {
        must(is_word(text, |letter| letter == '-'))?;
        at_most(text, LONGEST_TITLE)
    },
};

fn is_word(text: &str, also: fn(char) -> bool) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || also(letter))
}

/// Whether a text has no more characters than these.
pub(crate) fn at_most(text: &str, most: usize) -> Result<(), String> {
    if text.len() <= most {
        return Ok(());
    }
    Err(format!(": it has {} characters, and {most} are the most", text.len()))
}

/// One character.
pub(crate) static CHARACTER: Syntax = Syntax {
    example: "one character, such as \";\"",
    pattern: "^[\\s\\S]$",
    numbers: false,
    check: |text| must(text.len() == 1 && text.is_ascii()),
};

/// A length of time.
pub(crate) static DURATION: Syntax = Syntax {
    example: "a length of time such as 90s, 5m or 1h 30m",
    pattern: "^\\s*[Pp0-9]",
    numbers: true,
    check: |text| must(duration(text).is_some()),
};

/// How many failures of a test.
pub(crate) static COMPARISON: Syntax = Syntax {
    example: "a comparison such as \"> 10\" or \"!= 0\"",
    pattern: "^\\s*(!=|<>|>=|<=|==|=|>|<)\\s*[0-9.eE+-]+\\s*$",
    numbers: false,
    check: |text| must(Comparison::parse(text, "").is_some()),
};

/// The bound of a measure from 0 to 1.
pub(crate) static PROBABILITY_BOUND: Syntax = Syntax {
    example: "a comparison with a number from 0 to 1, such as \">= 0.8\"",
    pattern: "^\\s*(!=|<>|>=|<=|==|=|>|<)\\s*[0-9.eE+-]+\\s*$",
    numbers: false,
    check: |text| must(Comparison::parse(text, "").is_some_and(|found| (0.0..=1.0).contains(&found.bound))),
};

/// The bound of a p-value.
pub(crate) static P_VALUE: Syntax = Syntax {
    example: "a comparison with a number from 0 to 1, such as \"p > 0.01\"",
    pattern: "^\\s*(p\\s*)?(!=|<>|>=|<=|==|=|>|<)\\s*[0-9.eE+-]+\\s*$",
    numbers: false,
    check: |text| must(Comparison::parse(text, "p").is_some_and(|found| (0.0..=1.0).contains(&found.bound))),
};

/// The bound of the population stability index.
pub(crate) static PSI: Syntax = Syntax {
    example: "a comparison such as \"< 0.2\"",
    pattern: "^\\s*(psi\\s*)?(!=|<>|>=|<=|==|=|>|<)\\s*[0-9.eE+-]+\\s*$",
    numbers: false,
    check: |text| must(Comparison::parse(text, "psi").is_some_and(|found| found.bound >= 0.0)),
};

/// A model, seed or source.
pub(crate) static REFERENCE: Syntax = Syntax {
    example: "ref('NAME') or source('SOURCE', 'TABLE')",
    pattern: "^\\s*(\\{\\{)?\\s*(ref|source)\\s*\\(.*\\)\\s*(\\}\\})?\\s*$",
    numbers: false,
    check: |text| must(Reference::parse(text).is_some()),
};

/// Reads `90s`, `5m`, `1h 30m`, `PT5M`, or a number of seconds. None where it is not a length of time, or below zero.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    text.parse::<jiff::SignedDuration>().ok()?.try_into().ok()
}
