//! Numbers as data writes them.

/// A number with what may stand around it: a currency sign, a percent sign, separators of thousands.
///
/// `1.234,50` and `1,234.50` are both 1234.5: of two separators the last one is the decimal one. One comma in front of
/// exactly three digits separates thousands, and so do spaces. Nothing else is a number: `12 in`, `a4` and `617 555 0101` are
/// not.
pub(crate) fn parse_number(normalized: &str) -> Option<f64> {
    let text = normalized
        .trim_matches(|c: char| c.is_whitespace() || matches!(c, '$' | '€' | '£' | '¥' | '%' | '+' | '#'))
        .trim_start_matches("usd")
        .trim_end_matches("usd")
        .trim_end_matches("eur")
        .trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !digits.ends_with(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    if digits
        .bytes()
        .any(|b| !(b.is_ascii_digit() || matches!(b, b'.' | b',' | b' ' | b'\'')))
    {
        return None;
    }
    let whole = digits.split(['.', ',']).next().unwrap_or_default();
    if whole.split(' ').skip(1).any(|group| group.len() != 3) {
        return None;
    }
    let commas = digits.matches(',').count();
    let points = digits.matches('.').count();
    let decimal = match (commas, points) {
        (0, 1) => Some('.'),
        (1, 0) if digits.rsplit(',').next().is_some_and(|rest| rest.len() != 3) => Some(','),
        (_, 0) | (0, _) => None,
        (_, 1) if digits.rfind('.') > digits.rfind(',') => Some('.'),
        (1, _) if digits.rfind(',') > digits.rfind('.') => Some(','),
        _ => return None,
    };
    let plain: String = digits
        .chars()
        .filter_map(|c| match c {
            c if c.is_ascii_digit() => Some(c),
            c if Some(c) == decimal => Some('.'),
            _ => None,
        })
        .collect();
    let number: f64 = plain.parse().ok()?;
    number.is_finite().then_some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, number) in [
            ("12", 12.0),
            ("-3.5", -3.5),
            ("$1,234.50", 1234.5),
            ("1.234,50 €", 1234.5),
            ("1,234", 1234.0),
            ("1,5", 1.5),
            ("1.234.567", 1_234_567.0),
            ("12 %", 12.0),
            ("1 234", 1234.0),
            (".5", 0.5),
        ] {
            assert_eq!(parse_number(text), Some(number), "{text}");
        }
        for text in ["", "a4", "12 in", "1-2", "12:30", "617 555 0101", "-", ".", "1,2.3,4"] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }
}
