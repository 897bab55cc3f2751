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
    /// The last two of four digits: a year of this century or the last.
    LastTwo,
    /// The number of the month whose English name starts like this.
    MonthNumber,
    /// The same in two digits.
    MonthTwoDigits,
    /// The first three letters of the English name of the month with this number.
    MonthName,
}

const WAYS: [Written; 10] = [
    Written::AsIs,
    Written::Unpadded,
    Written::TwoDigits,
    Written::LastTwo,
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
    /// Some digits of a part: which part, from which digit, how many.
    Digits(usize, usize, usize),
    /// Hours and minutes, given by two parts, in minutes.
    Minutes(usize, usize),
}

/// What a part of the input must be for the template to apply.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Demand {
    Class(Class),
    /// Just so many digits.
    Digits(usize),
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
        Written::LastTwo => (class == Class::Digits && text.len() == 4).then(|| text[2..].to_owned()),
        Written::MonthNumber => Some((month(text)? + 1).to_string()),
        Written::MonthTwoDigits => Some(format!("{:02}", month(text)? + 1)),
        Written::MonthName => Some((*MONTHS.get(number()?.checked_sub(1)? as usize)?).to_owned()),
    }
}

/// The part of which some digits are written next: those after the digits that were taken from it.
fn next_digits(inputs: &[(Class, &str)], taken: &[usize], output: &str) -> Option<usize> {
    (0..inputs.len()).find(|&at| {
        let (class, text) = inputs[at];
        class == Class::Digits && text.len() > output.len() && text[taken[at]..].starts_with(output)
    })
}

/// The parts that are hours and minutes, where the output is both in minutes.
fn hours_and_minutes(inputs: &[(Class, &str)], output: &str) -> Option<(usize, usize)> {
    let mut digits = (0..inputs.len()).filter(|&at| inputs[at].0 == Class::Digits);
    let (hours, minutes) = (digits.next()?, digits.next()?);
    (in_minutes(inputs[hours].1, inputs[minutes].1)? == output).then_some((hours, minutes))
}

fn in_minutes(hours: &str, minutes: &str) -> Option<String> {
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60 && hours < 1000).then(|| (hours * 60 + minutes).to_string())
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
        // How many digits of each part were written by themselves.
        let mut taken = vec![0_usize; inputs.len()];
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
            if matching.is_none() && class == Class::Digits {
                if let Some(at) = next_digits(&inputs, &taken, output) {
                    used[at] = true;
                    pieces.push(Piece::Digits(at, taken[at], output.len()));
                    taken[at] += output.len();
                    continue;
                }
                if let Some((hours, minutes)) = hours_and_minutes(&inputs, output) {
                    (used[hours], used[minutes]) = (true, true);
                    pieces.push(Piece::Minutes(hours, minutes));
                    continue;
                }
            }
            match (matching, pieces.last_mut()) {
                (Some((at, way)), _) => {
                    used[at] = true;
                    pieces.push(Piece::Part(at, way));
                }
                (None, Some(Piece::Constant(constant))) => constant.push_str(output),
                (None, _) => pieces.push(Piece::Constant(output.to_owned())),
            }
        }
        // Where one number is padded, another that needed no padding is meant to be padded too.
        if pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Part(_, Written::TwoDigits)))
        {
            for piece in &mut pieces {
                if let Piece::Part(at, way @ Written::AsIs) = piece
                    && write(inputs[*at].0, inputs[*at].1, Written::TwoDigits).is_some_and(|text| text.len() == 2)
                {
                    *way = Written::TwoDigits;
                }
            }
        }
        // Digits that are taken apart are all taken: a few of them alone are like others by chance.
        let apart = |at: usize| taken[at] > 0 && taken[at] != inputs[at].1.len();
        if !used.contains(&true) || (0..inputs.len()).any(apart) {
            return None;
        }
        let demands = inputs
            .iter()
            .zip(&used)
            .zip(&taken)
            .map(|((&(class, text), &used), &taken)| match class {
                Class::Digits if taken > 0 => Demand::Digits(taken),
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
                    Demand::Digits(length) => class == Class::Digits && text.len() == *length,
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
                Piece::Digits(at, from, length) => out.push_str(parts[*at].1.get(*from..from + length)?),
                Piece::Minutes(hours, minutes) => out.push_str(&in_minutes(parts[*hours].1, parts[*minutes].1)?),
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
                Piece::Part(at, _) | Piece::Digits(at, ..) => write!(f, "{{{}}}", at + 1)?,
                Piece::Minutes(hours, minutes) => write!(f, "{{60 x {} + {}}}", hours + 1, minutes + 1)?,
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
    fn what_is_padded_once_is_padded_always() {
        let template = Template::of("3/17/2024", "2024-03-17").unwrap();
        assert_eq!(template.apply("11/5/1999").as_deref(), Some("1999-11-05"));
    }

    #[test]
    fn a_name_of_a_month_is_its_number() {
        let template = Template::of("17 March 2024", "2024-03-17").unwrap();
        assert_eq!(template.apply("5 Jan 1999").as_deref(), Some("1999-01-5"));
    }

    #[test]
    fn digits_are_taken_apart() {
        let template = Template::of("5551234", "555-1234").unwrap();
        assert_eq!(template.apply("9876543").as_deref(), Some("987-6543"));
        assert_eq!(template.apply("98765432"), None);
        assert_eq!(Template::of("5551234", "555"), None);
    }

    #[test]
    fn hours_become_minutes() {
        let template = Template::of("1 hr. 32 min.", "92 min").unwrap();
        assert_eq!(template.apply("2 hr. 5 min.").as_deref(), Some("125 min"));
        assert_eq!(template.apply("2 h 5 m"), None);
    }

    #[test]
    fn nothing_in_common_is_no_template() {
        assert_eq!(Template::of("yes", "1"), None);
    }
}
