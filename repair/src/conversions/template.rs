//! Templates over the parts of a value: `{1}/{2}/{0}` writes `2024-3-7` as `3/7/2024`.

use std::fmt;

/// What a part of a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Class {
    Digits,
    Letters,
    Other,
}

/// How a part is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Written {
    AsIs,
    Lower,
    Upper,
    Title,
    /// Digits without leading zeros.
    Unpadded,
    /// Digits, at least two.
    TwoDigits,
    /// The number of the month whose English name starts like this.
    MonthNumber,
    /// The same in two digits.
    MonthTwoDigits,
    /// The first three letters of the English name of the month with this number.
    MonthName,
}

const WAYS: [Written; 9] = [
    Written::AsIs,
    Written::Unpadded,
    Written::TwoDigits,
    Written::Lower,
    Written::Upper,
    Written::Title,
    Written::MonthNumber,
    Written::MonthTwoDigits,
    Written::MonthName,
];

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Piece {
    Constant(String),
    Part(usize, Written),
}

/// What a part of the input must be for the template to apply.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Demand {
    Class(Class),
    Text(String),
}

/// A template: what an input must look like, and what is written for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Template {
    demands: Vec<Demand>,
    pieces: Vec<Piece>,
}

fn parts(text: &str) -> Vec<(Class, &str)> {
    let class = |letter: char| {
        if letter.is_ascii_digit() {
            Class::Digits
        } else if letter.is_alphabetic() {
            Class::Letters
        } else {
            Class::Other
        }
    };
    let mut parts: Vec<(Class, &str)> = Vec::new();
    let mut start = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((_, letter)) = letters.next() {
        let end = letters.peek().map_or(text.len(), |&(at, _)| at);
        let ends = letters.peek().is_none_or(|&(_, next)| class(next) != class(letter));
        if ends {
            parts.push((class(letter), &text[start..end]));
            start = end;
        }
    }
    parts
}

fn month(text: &str) -> Option<usize> {
    let start: String = text.chars().take(3).collect();
    (text.len() >= 3).then(|| MONTHS.iter().position(|month| month.eq_ignore_ascii_case(&start)))?
}

fn write(class: Class, text: &str, way: Written) -> Option<String> {
    let number = || (class == Class::Digits && text.len() < 9).then(|| text.parse::<u32>().ok())?;
    let letters = class == Class::Letters;
    match way {
        Written::AsIs => Some(text.to_owned()),
        Written::Lower => letters.then(|| text.to_lowercase()),
        Written::Upper => letters.then(|| text.to_uppercase()),
        Written::Title => {
            let mut rest = text.chars();
            let first = rest.next().filter(|_| letters)?;
            Some(first.to_uppercase().chain(rest.flat_map(char::to_lowercase)).collect())
        }
        Written::Unpadded => Some(number()?.to_string()),
        Written::TwoDigits => Some(format!("{:02}", number()?)),
        Written::MonthNumber => Some((month(text)? + 1).to_string()),
        Written::MonthTwoDigits => Some(format!("{:02}", month(text)? + 1)),
        Written::MonthName => Some((*MONTHS.get(number()?.checked_sub(1)? as usize)?).to_owned()),
    }
}

impl Template {
    /// The template that makes `after` of `before` and puts as little as it can itself.
    pub(super) fn of(before: &str, after: &str) -> Option<Self> {
        let inputs = parts(before);
        let outputs = parts(after);
        if inputs.is_empty() || inputs.len() > 16 || outputs.is_empty() || outputs.len() > 16 {
            return None;
        }
        let mut used = vec![false; inputs.len()];
        let mut pieces: Vec<Piece> = Vec::new();
        for (class, output) in outputs {
            let matching = (class != Class::Other)
                .then(|| {
                    WAYS.iter().find_map(|&way| {
                        // A part is used once where it can be: a date has its month and its day from two places.
                        let fits = |at: usize| write(inputs[at].0, inputs[at].1, way).as_deref() == Some(output);
                        let unused = (0..inputs.len()).find(|&at| !used[at] && fits(at));
                        unused
                            .or_else(|| (0..inputs.len()).find(|&at| fits(at)))
                            .map(|at| (at, way))
                    })
                })
                .flatten();
            match (matching, pieces.last_mut()) {
                (Some((at, way)), _) => {
                    used[at] = true;
                    pieces.push(Piece::Part(at, way));
                }
                (None, Some(Piece::Constant(constant))) => constant.push_str(output),
                (None, _) => pieces.push(Piece::Constant(output.to_owned())),
            }
        }
        if !used.contains(&true) {
            return None;
        }
        let demands = inputs
            .iter()
            .zip(&used)
            .map(|(&(class, text), &used)| match class {
                Class::Digits => Demand::Class(class),
                Class::Letters if used => Demand::Class(class),
                // A word that is put aside says what the value is.
                Class::Letters => Demand::Text(text.to_lowercase()),
                Class::Other => Demand::Text(text.to_owned()),
            })
            .collect();
        Some(Self { demands, pieces })
    }

    /// Writes a text anew; none where it does not look as the template demands.
    pub(super) fn apply(&self, text: &str) -> Option<String> {
        let parts = parts(text);
        let fits = parts.len() == self.demands.len()
            && parts
                .iter()
                .zip(&self.demands)
                .all(|(&(class, text), demand)| match demand {
                    Demand::Class(wanted) => *wanted == class,
                    Demand::Text(wanted) => {
                        text == wanted || (class == Class::Letters && text.to_lowercase() == *wanted)
                    }
                });
        if !fits {
            return None;
        }
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Constant(constant) => out.push_str(constant),
                Piece::Part(at, way) => out.push_str(&write(parts[*at].0, parts[*at].1, *way)?),
            }
        }
        Some(out)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write as \"")?;
        for piece in &self.pieces {
            match piece {
                Piece::Constant(constant) => f.write_str(constant)?,
                Piece::Part(at, _) => write!(f, "{{{}}}", at + 1)?,
            }
        }
        f.write_str("\" of its parts")
    }
}

#[cfg(test)]
mod tests {
    use super::Template;

    #[test]
    fn a_date_is_written_in_another_order() {
        let template = Template::of("2024-03-17", "3/17/2024").unwrap();
        assert_eq!(template.apply("1999-11-05").as_deref(), Some("11/05/1999"));
        assert_eq!(template.apply("1999/11/05"), None);
    }

    #[test]
    fn a_name_of_a_month_is_its_number() {
        let template = Template::of("17 March 2024", "2024-03-17").unwrap();
        assert_eq!(template.apply("5 Jan 1999").as_deref(), Some("1999-01-5"));
    }

    #[test]
    fn nothing_in_common_is_no_template() {
        assert_eq!(Template::of("yes", "1"), None);
    }
}
