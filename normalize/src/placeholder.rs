//! What stands in the place of a value that nobody knows: `n/a`, `unknown`, `-`.

/// Words that say that there is no value, without the marks around and within them.
const NO_VALUE: [&str; 44] = [
    "na",
    "nan",
    "none",
    "null",
    "nil",
    "void",
    "undefined",
    "undef",
    "unknown",
    "unk",
    "unkn",
    "unspecified",
    "not known",
    "not available",
    "not applicable",
    "not provided",
    "not specified",
    "not given",
    "not set",
    "no value",
    "no data",
    "no answer",
    "no entry",
    "missing",
    "empty",
    "blank",
    "tbd",
    "tba",
    "tbc",
    "to be determined",
    "to be announced",
    "to be confirmed",
    "dont know",
    "unbekannt",
    "keine angabe",
    "keine angaben",
    "nicht bekannt",
    "inconnu",
    "inconnue",
    "sans objet",
    "desconocido",
    "desconocida",
    "sconosciuto",
    "desconhecido",
];

/// Whether a whole text says that there is no value. Marks alone say so, but for those that tick a box.
pub(crate) fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    if text.len() > 40 {
        return false;
    }
    if text
        .chars()
        .all(|mark| mark.is_ascii_punctuation() || matches!(mark, '–' | '—' | '…' | ' '))
    {
        return true;
    }
    // "N / A", "n.a.", "(null)", "#N/A", "NOT-SET", "don't know".
    let bare: String = text
        .chars()
        .filter(|mark| {
            !matches!(
                mark,
                '.' | '/'
                    | '\\'
                    | '\''
                    | '’'
                    | '#'
                    | '('
                    | ')'
                    | '['
                    | ']'
                    | '<'
                    | '>'
                    | '{'
                    | '}'
                    | '?'
                    | '!'
                    | '"'
                    | '*'
                    | ':'
            )
        })
        .map(|letter| if matches!(letter, '_' | '-') { ' ' } else { letter })
        .collect::<String>()
        .to_lowercase();
    let words: Vec<&str> = bare.split_whitespace().collect();
    // Letters that are apart are an abbreviation only where a mark stood between them: "n / a".
    let joined = if text.contains(['/', '.']) && words.iter().all(|word| word.len() == 1) {
        words.concat()
    } else {
        words.join(" ")
    };
    NO_VALUE.contains(&joined.as_str()) || (joined == "ka" && text.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::is_placeholder;
    use crate::{Format, Outcome, Refusal, Settings};

    #[test]
    fn what_stands_for_no_value_is_told_from_values() {
        for text in [
            "n/a",
            "N / A",
            "n.a.",
            "#N/A",
            "(null)",
            "NOT_SET",
            "--",
            "?",
            "don't know",
            "k. A.",
            "  None. ",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in [
            "0",
            "no",
            "Nana",
            "N A Sharma",
            "Unknown Pleasures Ltd",
            "✓",
            "Void Studios",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn no_format_takes_what_stands_for_no_value_for_one() {
        let settings = Settings {
            region: Some("US".to_owned()),
            reference: "2026-11-26T09:00:00".parse().ok(),
            currency: Some("USD".to_owned()),
            ..Settings::default()
        };
        for text in [
            "n/a",
            "N/A",
            "none",
            "None",
            "unknown",
            "UNKNOWN",
            "-",
            "--",
            "null",
            "NULL",
            "n.a.",
            "tbd",
            "?",
            "nil",
            "not available",
        ] {
            for format in Format::ALL {
                // Codes that are written so are the values of these formats themselves: Namibia, Nauru, Nila.
                let is_code = matches!(format, Format::Country | Format::Language)
                    && text.len() == 3
                    && !text.contains(['/', '.']);
                for settings in [&Settings::default(), &settings] {
                    let outcome = format.normalize(text, settings);
                    let low =
                        matches!(&outcome, Outcome::Canonical(canonical) if is_code && canonical.confidence <= 0.5);
                    let refused = outcome
                        == Outcome::Refused {
                            reason: Refusal::NotFound,
                        };
                    assert!(refused || low, "{format:?} of {text}: {outcome:?}");
                }
            }
        }
    }
}
