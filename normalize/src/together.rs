//! Numbers that belong together: `12 1/2` is one, `2-3` and `6 x 330` are several.

use crate::number::{Number, canonical};

/// What the lower number of a fraction can be. Others are something else: 24/7.
const PARTS: [u32; 12] = [2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 32, 64];

/// What stands between numbers of which none is meant alone.
const LINKS: [&str; 20] = [
    "-", "--", "/", "x", "×", "*", "·", "to", "or", "by", "bis", "oder", "à", "ou", "±", "+/-", "+-", "~", "...", "..",
];

/// Why there is no one value.
pub(crate) const SEVERAL: &str = "the text has several values";

/// Numbers with their fractions: `12 1/2` is 12.5, `1/2` is 0.5.
pub(crate) fn with_fractions(text: &str, numbers: Vec<Number>) -> Vec<Number> {
    let mut made: Vec<Number> = Vec::with_capacity(numbers.len());
    let mut left = numbers.into_iter().peekable();
    while let Some(top) = left.next() {
        let Some(bottom) = left.next_if(|bottom| is_fraction(text, &top, bottom)) else {
            made.push(top);
            continue;
        };
        let whole =
            made.pop_if(|whole| digits(whole).is_some() && text.get(whole.span.end..top.span.start) == Some(" "));
        let start = whole.as_ref().map_or(top.span.start, |whole| whole.span.start);
        let of = |number: &Number| digits(number).unwrap_or(0);
        let value = whole.as_ref().map_or(0.0, |whole| f64::from(of(whole)))
            + f64::from(of(&top)) / f64::from(of(&bottom).max(1));
        let sign = if text[start..].starts_with('-') { "-" } else { "" };
        if let Some(value) = canonical(&format!("{value:.6}")) {
            made.push(Number {
                span: start..bottom.span.end,
                readings: vec![format!("{sign}{value}")],
                percent: false,
            });
        }
    }
    made
}

/// Whether two numbers are the upper and the lower one of a fraction.
fn is_fraction(text: &str, top: &Number, bottom: &Number) -> bool {
    let (Some(above), Some(below)) = (digits(top), digits(bottom)) else {
        return false;
    };
    let alone = !text[..top.span.start].ends_with('/') && !text[bottom.span.end..].starts_with('/');
    text.get(top.span.end..bottom.span.start) == Some("/") && alone && above < below && PARTS.contains(&below)
}

/// The digits of a number that has no marks, without its sign.
fn digits(number: &Number) -> Option<u32> {
    match number.readings.as_slice() {
        [reading] if !number.percent => reading.trim_start_matches('-').parse().ok(),
        _ => None,
    }
}

/// Whether what stands between two places of a text makes what is before and behind it several values, or parts of one.
pub(crate) fn linked(text: &str, end: usize, start: usize) -> bool {
    let Some(between) = text.get(end..start).map(str::trim) else {
        return false;
    };
    LINKS.contains(&between.to_lowercase().as_str()) || (between.is_empty() && text[start..].starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::numbers;
    use crate::settings::Settings;

    fn read(text: &str) -> Vec<String> {
        let numbers = with_fractions(text, numbers(text, &Settings::default()));
        numbers.into_iter().map(|number| number.readings.join(" or ")).collect()
    }

    #[test]
    fn numbers_that_share_a_mark_are_no_fraction() {
        // The comma and the sign may be of the number before and of that behind.
        assert!(!read("5,-5").is_empty());
    }

    #[test]
    fn a_fraction_is_a_part_of_the_number_before_it() {
        assert_eq!(read("12 1/2 EUR"), ["12.5"]);
        assert_eq!(read("1/2 cup and 3 3/4 cups"), ["0.5", "3.75"]);
        assert_eq!(read("-1 1/2 in"), ["-1.5"]);
        assert_eq!(
            read("1/2/2024 and 24/7"),
            ["1", "2", "2024", "24", "7"],
            "dates and the like"
        );
    }

    #[test]
    fn ranges_and_products_are_linked() {
        for (text, end, start) in [
            ("2-3 kg", 1, 2),
            ("6 x 330 ml", 1, 4),
            ("5 to 10", 1, 5),
            ("2 -3", 1, 2),
        ] {
            assert!(linked(text, end, start), "{text}");
        }
        assert!(!linked("5 kg, 10", 4, 6));
    }
}
