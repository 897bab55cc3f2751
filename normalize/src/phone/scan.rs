//! Where telephone numbers are in a text, by their form and by the words around them.

use std::ops::Range;

/// Digits that look like a telephone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Bytes of the text, with the extension.
    pub(super) span: Range<usize>,
    /// All digits, as they were written.
    pub(super) digits: String,
    /// The digits from the country's code on, where the number says that it has one.
    pub(super) international: Option<String>,
    pub(super) extension: Option<String>,
}

/// Words after which a number is something else.
const OTHER: [&str; 27] = [
    "account",
    "acct",
    "card",
    "visa",
    "mastercard",
    "amex",
    "iban",
    "isbn",
    "issn",
    "ssn",
    "order",
    "invoice",
    "policy",
    "passport",
    "serial",
    "tracking",
    "reference",
    "ref",
    "id",
    "no",
    "nr",
    "part",
    "omb",
    "vat",
    "tax",
    "version",
    "latitude",
];

/// Words after which it is a telephone number.
const PHONE: [&str; 17] = [
    "phone",
    "telephone",
    "tel",
    "mobile",
    "cell",
    "fax",
    "call",
    "contact",
    "whatsapp",
    "sms",
    "text",
    "ring",
    "dial",
    "telefon",
    "téléphone",
    "handy",
    "reach",
];

/// How many groups of digits are looked at together.
const LONGEST: usize = 20;

/// One run of digits and marks: groups of digits, and what stands before each.
struct Run {
    span: Range<usize>,
    /// The mark before a group (none before the first), and the group.
    groups: Vec<(String, Range<usize>)>,
    plus: bool,
}

/// The candidates of a plain text, from left to right.
pub(super) fn candidates(text: &str) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let Some(run) = run(text, at) else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let run = first_of_two(text, run);
        let end = run.span.end;
        // A bracket around a number in brackets is the sentence's.
        let bracket = text[at..].starts_with('(');
        // A slash between two numbers parts them.
        let follows = found
            .last()
            .is_some_and(|last: &Candidate| text[last.span.end..at].trim() == "/");
        if let Some(candidate) = candidate(text, run, follows) {
            at = candidate.span.end.max(end);
            found.push(candidate);
        } else {
            at = if bracket { at + 1 } else { end };
        }
    }
    found
}

/// The longest run that begins at a byte: `+`, brackets, digits, and at most two marks between two groups of digits.
fn run(text: &str, start: usize) -> Option<Run> {
    let bytes = text.as_bytes();
    if !matches!(bytes[start], b'+' | b'(' | b'0'..=b'9') {
        return None;
    }
    let mut groups: Vec<(String, Range<usize>)> = Vec::new();
    let mut mark = String::new();
    let mut plus = false;
    let mut at = start;
    let mut end = start;
    while at < bytes.len() {
        match bytes[at] {
            b'0'..=b'9' => {
                let from = at;
                while at < bytes.len() && bytes[at].is_ascii_digit() {
                    at += 1;
                }
                groups.push((std::mem::take(&mut mark), from..at));
                end = at;
                // Nothing that long is one number, or two.
                if groups.len() > LONGEST || end - start > 4 * LONGEST {
                    break;
                }
                continue;
            }
            b'+' if groups.is_empty() && !plus => plus = true,
            b'(' | b')' | b' ' | b'-' | b'.' | b'/' => {}
            _ => break,
        }
        if !groups.is_empty() && mark.len() >= 3 {
            break;
        }
        mark.push(char::from(bytes[at]));
        at += 1;
    }
    (!groups.is_empty()).then_some(Run {
        span: start..end,
        groups,
        plus,
    })
}

/// A run that is too long for one number ends where a space or a slash parts it in two that are not.
fn first_of_two(text: &str, mut run: Run) -> Run {
    let lengths: Vec<usize> = run.groups.iter().map(|(_, group)| group.len()).collect();
    let total: usize = lengths.iter().sum();
    if total <= 16 {
        return run;
    }
    let fits = |digits: usize| (7..=15).contains(&digits);
    let cut = (1..lengths.len()).find(|at| {
        let before: usize = lengths[..*at].iter().sum();
        let rest = total - before;
        run.groups[*at].0.contains([' ', '/']) && fits(before) && before >= 9 && rest >= 7
    });
    if let Some(cut) = cut {
        run.groups.truncate(cut);
        run.span.end = run.groups.last().map_or(run.span.end, |(_, group)| group.end);
        debug_assert!(run.span.end <= text.len());
    }
    run
}

fn candidate(text: &str, mut run: Run, follows: bool) -> Option<Candidate> {
    // An extension ends the number.
    let (extension, end) = extension(text, run.span.end);
    // A bracket that closes what was not opened parts two numbers.
    if let Some(unopened) = unopened(text, &run) {
        run.groups.drain(..unopened);
        run.span.start = run.groups.first()?.1.start;
        run.plus = false;
    }
    // A bracket at the beginning that nothing closes is not the number's.
    if text[run.span.clone()].starts_with('(') && !text[run.span.clone()].contains(')') {
        let from = run.span.start + 1;
        if text[from..run.span.end].starts_with(' ')
            || !text[from..].starts_with(['+', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        {
            return None;
        }
        run.span.start = from;
    }
    let digits: String = run.groups.iter().map(|(_, group)| &text[group.clone()]).collect();
    if !fits(text, &run, &digits, extension.is_some(), end, follows) {
        return None;
    }
    let international = international(text, &run, &digits);
    Some(Candidate {
        span: run.span.start..end.unwrap_or(run.span.end),
        digits,
        international,
        extension,
    })
}

/// The group before which a bracket closes that was never opened.
fn unopened(text: &str, run: &Run) -> Option<usize> {
    let mut open = text[run.span.start..run.groups[0].1.start].matches('(').count();
    for (nth, (mark, _)) in run.groups.iter().enumerate().skip(1) {
        for character in mark.chars() {
            match character {
                '(' => open += 1,
                ')' if open == 0 => return Some(nth),
                ')' => open -= 1,
                _ => {}
            }
        }
    }
    None
}

/// `x123`, `ext. 123`, `extension 123`: the digits, and where they end.
fn extension(text: &str, end: usize) -> (Option<String>, Option<usize>) {
    let rest = &text[end..];
    let trimmed = rest.trim_start_matches([' ', ',', ';']);
    let lower = trimmed
        .get(..trimmed.len().min(10))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let Some(word) = ["extension", "ext.", "ext=", "ext", "x"]
        .into_iter()
        .find(|word| lower.starts_with(word))
    else {
        return (None, None);
    };
    let after = trimmed[word.len()..].trim_start_matches([' ', ':', '.']);
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    let from = text.len() - after.len();
    let next = after[digits.len()..].chars().next();
    if (1..=7).contains(&digits.len()) && !next.is_some_and(char::is_alphanumeric) {
        let end = from + digits.len();
        (Some(digits), Some(end))
    } else {
        (None, None)
    }
}

/// Whether the digits, the marks between them and what is around them are those of a telephone number.
fn fits(text: &str, run: &Run, digits: &str, extended: bool, end: Option<usize>, follows: bool) -> bool {
    let lengths: Vec<usize> = run.groups.iter().map(|(_, group)| group.len()).collect();
    let marks: Vec<&str> = run.groups.iter().skip(1).map(|(mark, _)| mark.as_str()).collect();
    let prefixed = run.plus || digits.starts_with("00") || digits.starts_with("011");
    let longest = if prefixed { 18 } else { 15 };
    if digits.len() < 7 || digits.len() > longest || digits.bytes().all(|digit| digit == b'0') {
        return false;
    }
    // What touches the number.
    let before = text[..run.span.start].chars().next_back();
    let after = text[end.unwrap_or(run.span.end)..].chars().next();
    let bare = lengths.len() == 1 && !run.plus;
    let rest = &text[end.unwrap_or(run.span.end)..];
    if rest.starts_with(':') && rest[1..].starts_with(|next: char| next.is_ascii_digit()) {
        return false;
    }
    if after.is_some_and(|after| after.is_alphanumeric() || matches!(after, '%' | '=' | '*' | '+' | '_' | '@'))
        && !extended
    {
        return false;
    }
    match before {
        Some(before) if before.is_alphanumeric() && !(run.plus || text[run.span.clone()].starts_with('(')) => {
            return false;
        }
        Some(before) if before.is_numeric() => return false,
        Some(')') if run.plus => return false,
        Some('#' | '=' | '*' | '+' | '_' | '$' | '€' | '£' | '%' | '\\') => return false,
        Some('/') if follows => {}
        Some('-' | '.' | ',' | '/' | ':') => {
            // A code of letters and digits that goes on.
            let mut earlier = text[..run.span.start]
                .chars()
                .rev()
                .skip(1)
                .take_while(|letter| letter.is_alphanumeric());
            if earlier.any(char::is_numeric) || (bare && before != Some(':')) {
                return false;
            }
        }
        _ => {}
    }
    if !brackets_fit(text, run) {
        return false;
    }
    // Long sequences of short groups are lists of numbers.
    if lengths.iter().filter(|length| **length == 1).count() > 3 {
        return false;
    }
    let clear = run.plus || prefixed;
    if !clear
        && (is_date(text, &run.groups, &lengths, &marks)
            || is_address(text, run, &lengths, &marks)
            || is_card(digits, &lengths))
    {
        return false;
    }
    let points = marks.iter().filter(|mark| **mark == ".").count();
    let pointed = points == marks.len() && lengths.iter().skip(1).all(|length| (2..=4).contains(length));
    let bracketed = text[run.span.clone()].contains('(');
    if !clear && points > 0 && (marks.len() == 1 || !(pointed || bracketed)) {
        return false;
    }
    // Numbers of social security, and American numbers without area that can't be: those begin with 2 to 9.
    if lengths == [3, 2, 4] && marks.iter().all(|mark| matches!(*mark, "-" | " ")) {
        return false;
    }
    if digits.len() == 7 && lengths == [3, 4] && marks[0] == "-" && digits.starts_with(['0', '1']) {
        return false;
    }
    named_as_phone(&text[..run.span.start]).unwrap_or(true)
}

/// Brackets are around the country's code, the area's or a zero, and one pair is not in another.
fn brackets_fit(text: &str, run: &Run) -> bool {
    let shown = &text[run.span.clone()];
    let mut open = false;
    for character in shown.chars() {
        match character {
            '(' if open => return false,
            '(' => open = true,
            ')' if !open => return false,
            ')' => open = false,
            _ => {}
        }
    }
    !open && shown.matches('(').count() <= 2
}

/// Day, month and year, or hours.
fn is_date(text: &str, groups: &[(String, Range<usize>)], lengths: &[usize], marks: &[&str]) -> bool {
    let one = |mark: &str| marks.iter().take(2).all(|other| *other == mark);
    if lengths.len() < 3 {
        return false;
    }
    let form = matches!(lengths[..3], [1 | 2, 1 | 2, 4] | [4, 1 | 2, 1 | 2]);
    let year = groups[..3]
        .iter()
        .map(|(_, group)| &text[group.clone()])
        .find(|group| group.len() == 4);
    let year = year.is_some_and(|year| year.starts_with("19") || year.starts_with("20"));
    form && year && (one("/") || one("-") || one("."))
}

/// Four numbers with points between them are an address of the internet.
fn is_address(text: &str, run: &Run, lengths: &[usize], marks: &[&str]) -> bool {
    lengths.len() == 4
        && marks.iter().all(|mark| *mark == ".")
        && run
            .groups
            .iter()
            .all(|(_, group)| text[group.clone()].parse::<u32>().is_ok_and(|part| part < 256))
}

/// Groups of four with fifteen digits or more, or a number that passes the check of cards (Luhn).
fn is_card(digits: &str, lengths: &[usize]) -> bool {
    if digits.len() < 13 {
        return false;
    }
    let fours = lengths.len() >= 3 && lengths[..lengths.len() - 1].iter().all(|length| *length == 4);
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(nth, digit)| {
            let digit = u32::from(digit - b'0');
            if nth % 2 == 1 {
                if digit > 4 { digit * 2 - 9 } else { digit * 2 }
            } else {
                digit
            }
        })
        .sum();
    fours || (digits.len() >= 15 && sum.is_multiple_of(10))
}

/// Whether the words before a number say that it is a telephone number, or something else.
fn named_as_phone(before: &str) -> Option<bool> {
    let from = before.char_indices().rev().nth(40).map_or(0, |(at, _)| at);
    let sentence = before[from..].rsplit(['\n', ';', '!', '?']).next().unwrap_or_default();
    for (word, _) in crate::text::words(sentence).into_iter().rev().take(4) {
        if PHONE.contains(&word.as_str()) {
            return Some(true);
        }
        if OTHER.contains(&word.as_str()) {
            // "Phone no." is a telephone number.
            let phone = crate::text::words(sentence)
                .iter()
                .any(|(word, _)| PHONE.contains(&word.as_str()));
            return Some(phone && matches!(word.as_str(), "no" | "nr" | "id"));
        }
    }
    None
}

/// Digits from the country's code on: after a plus, 00 or 011; a zero in brackets is only dialled at home.
fn international(text: &str, run: &Run, digits: &str) -> Option<String> {
    let mut rest: String = if run.plus {
        digits.to_owned()
    } else if let Some(rest) = digits
        .strip_prefix("00")
        .filter(|rest| rest.len() >= 9 && !rest.starts_with('0'))
    {
        rest.to_owned()
    } else {
        let area = digits
            .strip_prefix("011")
            .filter(|rest| rest.len() >= 10 && !rest.starts_with('0'))?;
        // 011 is how North America dials abroad, where it stands by itself.
        let own = run.groups.first().is_some_and(|(_, group)| group.len() == 3);
        own.then(|| area.to_owned())?
    };
    for (nth, (mark, group)) in run.groups.iter().enumerate().skip(1) {
        let closed = text[group.end..].starts_with(')');
        if &text[group.clone()] == "0" && mark.ends_with('(') && closed {
            let before: usize = run.groups[..nth].iter().map(|(_, group)| group.len()).sum();
            let at = before - (digits.len() - rest.len()).min(before);
            if rest[at..].starts_with('0') {
                rest.remove(at);
            }
        }
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<&str> {
        candidates(text)
            .into_iter()
            .map(|candidate| &text[candidate.span])
            .collect()
    }

    #[test]
    fn numbers_are_found_with_all_that_belongs_to_them() {
        assert_eq!(
            shown("Ring (+41) 44-668 18 00 or 044 668 18 01 x12."),
            ["(+41) 44-668 18 00", "044 668 18 01 x12"]
        );
        assert_eq!(shown("office 12) 44668180"), ["44668180"]);
        assert_eq!(shown("415-555-2671/415-555-2672"), ["415-555-2671", "415-555-2672"]);
        assert_eq!(shown("(call (415) 555-2671)"), ["(415) 555-2671"]);
    }

    #[test]
    fn dates_cards_accounts_and_formulas_are_not_telephone_numbers() {
        for text in [
            "due 24/12/2024",
            "card 4111 1111 1111 1111",
            "account 44668180",
            "44+41-446681800",
            "a446681800",
            "446681800b",
            "44668180%",
            "192.168.100.201",
            "123-45-6789",
            "-446681800",
            "9/2=4668180",
            "((44) 668) 1800",
        ] {
            assert_eq!(shown(text), Vec::<&str>::new(), "{text}");
        }
    }
}
