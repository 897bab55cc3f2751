//! Numbers and names as people read them.

pub(crate) use refuel_tables::nearest;

/// A count with thousands apart: `1,204`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `1,204 rows`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Bytes in decimal units: `412 MB`.
pub(crate) fn bytes(number: u64) -> String {
    let mut value = number as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 {
            return if value < 9.95 && unit != "B" {
                format!("{value:.1} {unit}")
            } else {
                format!("{value:.0} {unit}")
            };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// A duration in the units that fit: `0.42 s`, `14 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`.
pub(crate) fn seconds(number: f64) -> String {
    if !number.is_finite() || number < 0.0 {
        return "unknown".to_owned();
    }
    if number < 0.995 {
        return format!("{number:.2} s");
    }
    if number < 9.95 {
        return format!("{number:.1} s");
    }
    let whole = number.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// A share from 0 to 1 in percent: `12.5 %`.
pub(crate) fn share(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A share in percent: `12.5 %`.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        "0 %".to_owned()
    } else {
        format!("{:.1} %", part as f64 * 100.0 / whole as f64)
    }
}

/// A speed: `84.2`, `12,400`.
pub(crate) fn per_second(speed: f64) -> String {
    if !speed.is_finite() {
        "unknown".to_owned()
    } else if speed < 100.0 {
        format!("{speed:.1}")
    } else {
        count(speed.round() as u64)
    }
}

/// A character as a terminal can be given it: a replacement for those that it would act on. These are control characters,
/// and those that turn the direction of what follows (U+202A to U+202E, U+2066 to U+2069 of Unicode Standard Annex #9),
/// which would let a text rewrite the rest of its line. Marks of direction stay: texts from right to left need them.
pub(crate) fn visible(character: char) -> char {
    match character {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        character if character.is_control() => '\u{fffd}',
        character => character,
    }
}

/// Text on one line, cut after `most` characters.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        for character in word.chars() {
            if length >= most {
                line.truncate(line.trim_end().len());
                line.push('…');
                return line;
            }
            line.push(visible(character));
            length += 1;
        }
    }
    line
}

/// An argument as a shell reads it.
pub(crate) fn shell(argument: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "-_./=:,@+%".contains(character);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', "'\\''"))
    }
}

/// The first digits of a digest: enough to tell models apart.
pub(crate) fn short_digest(digest: &str) -> String {
    digest.trim_start_matches("sha256:").chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!(
            [count(0), count(999), count(1000), count(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [bytes(0), bytes(999), bytes(1500), bytes(412_000_000)],
            ["0 B", "999 B", "1.5 kB", "412 MB"]
        );
        assert_eq!(bytes(999_600), "1.0 MB");
        assert_eq!(seconds(0.42), "0.42 s");
        assert_eq!(seconds(14.2), "14 s");
        assert_eq!(seconds(200.0), "3 min 20 s");
        assert_eq!(seconds(7500.0), "2 h 5 min");
        assert_eq!(seconds(360_000.0), "4 d 4 h");
        assert_eq!(percent(1, 8), "12.5 %");
        assert_eq!(counted(1, "row", "rows"), "1 row");
    }

    #[test]
    fn text_is_cut_to_one_line_without_control_characters() {
        assert_eq!(one_line("a\n b\u{1b}[31m", 80), "a b\u{fffd}[31m");
        assert_eq!(
            one_line("paid \u{202e}drawer\u{2069}", 80),
            "paid \u{fffd}drawer\u{fffd}"
        );
        assert_eq!(one_line("\u{200f}שלום", 80), "\u{200f}שלום");
        assert_eq!(one_line("crème brûlée", 5), "crème…");
        assert_eq!(one_line("crème", 5), "crème");
    }

    #[test]
    fn arguments_are_quoted_where_a_shell_needs_it() {
        assert_eq!(shell("out.csv"), "out.csv");
        assert_eq!(shell("my file's.csv"), "'my file'\\''s.csv'");
        assert_eq!(shell(""), "''");
    }
}
