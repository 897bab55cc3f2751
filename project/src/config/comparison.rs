//! Bounds that people write: `> 10`, `!= 0`, `>= 0.8`.

use std::fmt;

use serde::Serialize;

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`, also written `==`.
    Equal,
    /// `!=`, also written `<>`.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Operator {
    /// The operator as SQL writes it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// A number with how it is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// How.
    pub operator: Operator,
    /// With what; finite.
    pub bound: f64,
}

impl Comparison {
    /// Reads `>= 0.8`, and `p > 0.01` where `subject` is `p`: the subject may stand in front. Blanks don't matter.
    pub fn parse(text: &str, subject: &str) -> Option<Self> {
        let text = text.trim();
        let text = text
            .strip_prefix(subject)
            .filter(|_| !subject.is_empty())
            .unwrap_or(text)
            .trim_start();
        let signs = [
            ("!=", Operator::NotEqual),
            ("<>", Operator::NotEqual),
            (">=", Operator::GreaterOrEqual),
            ("<=", Operator::LessOrEqual),
            ("==", Operator::Equal),
            ("=", Operator::Equal),
            (">", Operator::Greater),
            ("<", Operator::Less),
        ];
        let (operator, rest) = signs
            .iter()
            .find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)))?;
        let bound = rest.trim().parse().ok().filter(|bound: &f64| bound.is_finite())?;
        Some(Self { operator, bound })
    }

    /// Whether it is true of a value. Nothing is true of a value that is not a number but that it differs.
    #[expect(clippy::float_cmp, reason = "that is what `=` asks for")]
    pub fn holds(&self, value: f64) -> bool {
        match self.operator {
            Operator::Equal => value == self.bound,
            Operator::NotEqual => value != self.bound,
            Operator::Less => value < self.bound,
            Operator::LessOrEqual => value <= self.bound,
            Operator::Greater => value > self.bound,
            Operator::GreaterOrEqual => value >= self.bound,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operator.sign(), self.bound)
    }
}

impl Serialize for Comparison {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
