//! Names of persons and of companies.

mod spoken;

use std::sync::LazyLock;

use human_name::Name;
use rustc_hash::FxHashMap;
use serde_json::json;

use crate::fold::{folded, joined_letters};
use crate::names::trimmed;
use crate::outcome::{Found, Outcome};
use crate::settings::Settings;

/// A person's name in the order in which it is spoken, with initials followed by points: `Jane Q. Doe Jr.`
pub(crate) fn find_persons(text: &str, _: &Settings) -> Vec<Found> {
    let span = trimmed(text);
    let shown = &text[span.clone()];
    let lower = shown.to_lowercase();
    // "Name: Jane Doe".
    let label = [
        "full name:",
        "name:",
        "contact:",
        "attn:",
        "attention:",
        "c/o",
        "customer:",
        "author:",
        "by:",
    ]
    .into_iter()
    .find(|label| lower.starts_with(label));
    let cut = label.map_or(0, str::len);
    let Some(rest) = shown.get(cut..) else {
        return Vec::new();
    };
    let start = span.start + cut + (rest.len() - rest.trim_start().len());
    let span = start..span.end;
    let shown = &text[span.clone()];
    if shown.len() > 200
        || shown
            .chars()
            .any(|character| character.is_ascii_digit() || character == '@')
    {
        return Vec::new();
    }
    // Scripts that the library doesn't know, and names of one word, stay as they are.
    let latin = shown
        .chars()
        .any(|character| character.is_alphabetic() && u32::from(character) < 0x0250);
    let words = shown.split_whitespace().count();
    if !latin || words == 1 {
        let letters = shown
            .chars()
            .all(|character| character.is_alphabetic() || is_name_mark(character));
        let value = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let nobody = NOBODY.contains(&value.to_lowercase().as_str()) || spoken::names_nobody(&value);
        let fits = letters && words <= 4 && !value.is_empty() && !nobody;
        let confidence = if latin { 0.4 } else { 0.6 };
        return fits
            .then(|| Found::one(value, json!({}), confidence, span))
            .into_iter()
            .collect();
    }
    if names_several(shown) {
        return vec![Found {
            outcome: Outcome::Ambiguous {
                candidates: Vec::new(),
                reason: "the text names several persons",
            },
            span,
        }];
    }
    if is_company(shown) || spoken::names_nobody(shown) {
        return Vec::new();
    }
    let in_capitals = spoken::of_capitals(shown);
    let read = in_capitals.as_ref().map_or(shown, |spoken| &spoken.text);
    let Some(name) = Name::parse(read) else {
        return Vec::new();
    };
    let value = full(&name);
    // What the name has lost is a nickname, or it was none.
    let lost = spoken::lost(read, &name, &value);
    let has_nickname = shown.contains(['"', '(', '“', '\'']);
    if spoken::makes_initials(read, &value) || lost.is_open || (lost.words > 0 && !has_nickname) {
        return Vec::new();
    }
    // Words in small letters may be any.
    let small = !shown.contains(char::is_uppercase) && shown.contains(char::is_lowercase);
    // What is read again must be the same.
    let stable = Name::parse(&value).is_some_and(|again| full(&again) == value);
    let confidence = match &in_capitals {
        Some(spoken) => spoken.confidence,
        None if name.given_name().is_some() && words <= 6 && !small && lost.words == 0 => 0.9,
        None => 0.6,
    };
    let parts = json!({
        "given": name.given_name(),
        "middle": name.middle_name(),
        "initials": name.initials(),
        "family": name.surname(),
        "suffix": name.generational_suffix(),
        "title": name.honorific_prefix(),
        "qualification": name.honorific_suffix(),
    });
    if !stable {
        return Vec::new();
    }
    vec![Found::one(value, parts, confidence, span)]
}

/// A name without a comma before what follows it: `Jane Q. Doe Jr.`
fn full(name: &Name) -> String {
    name.display_full().replace(", ", " ")
}

/// Whether a text has more than one person's name: they are joined by a word or a mark.
fn names_several(text: &str) -> bool {
    let mut words = text.split_whitespace();
    text.contains([';', '/', '+', '|', '\n'])
        || words.any(|word| matches!(word.to_lowercase().as_str(), "&" | "and" | "und" | "et" | "or" | "oder"))
        || text.contains('&')
}

/// Whether a text ends in a legal form that no surname is.
fn is_company(text: &str) -> bool {
    let last = text
        .rsplit(' ')
        .next()
        .unwrap_or_default()
        .trim_end_matches('.')
        .to_lowercase();
    COMPANY_ENDS.contains(&last.as_str())
}

/// Legal forms that are no names.
const COMPANY_ENDS: [&str; 18] = [
    "inc",
    "incorporated",
    "ltd",
    "limited",
    "llc",
    "llp",
    "gmbh",
    "corp",
    "corporation",
    "plc",
    "company",
    "kg",
    "ohg",
    "bv",
    "nv",
    "s.a",
    "s.r.l",
    "pty",
];

/// What stands in the place of a name that nobody knows.
const NOBODY: [&str; 12] = [
    "unknown",
    "anonymous",
    "none",
    "null",
    "nil",
    "na",
    "tbd",
    "unbekannt",
    "anonym",
    "inconnu",
    "desconocido",
    "nobody",
];

fn is_name_mark(character: char) -> bool {
    matches!(character, ' ' | '·' | '・' | '-' | '\'' | '’' | '.') || crate::text::is_combining(character)
}

/// A legal form: how it is written, the countries that have it, and its spellings, folded.
pub(crate) struct LegalForm {
    pub(crate) written: &'static str,
    pub(crate) countries: Vec<&'static str>,
    pub(crate) spellings: Vec<String>,
    /// The spellings as they are written, in lower case.
    exact: Vec<String>,
}

/// The legal forms, those of most words first.
pub(crate) static LEGAL_FORMS: LazyLock<Vec<LegalForm>> = LazyLock::new(|| {
    let mut forms: Vec<LegalForm> = include_str!("../data/legal_forms.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut fields = line.split('|');
            let written = fields.next()?;
            let countries = fields.next()?.split(' ').collect();
            let others = fields.next().unwrap_or_default();
            let mut spellings: Vec<String> = [written].into_iter().chain(others.split(", ")).map(form_key).collect();
            spellings.retain(|spelling| !spelling.is_empty());
            spellings.sort();
            spellings.dedup();
            let exact = [written]
                .into_iter()
                .chain(others.split(", "))
                .map(str::to_lowercase)
                .collect();
            Some(LegalForm {
                written,
                countries,
                spellings,
                exact,
            })
        })
        .collect();
    forms.sort_by_key(|form| std::cmp::Reverse(form.spellings.iter().map(String::len).max()));
    forms
});

fn form_key(form: &str) -> String {
    joined_letters(&folded(form))
}

/// Spellings by their last word, and those of scripts that don't part words.
type Endings = (
    FxHashMap<&'static str, Vec<(&'static str, usize)>>,
    Vec<(&'static str, usize)>,
);

static ENDINGS: LazyLock<Endings> = LazyLock::new(|| {
    let mut endings: Endings = Endings::default();
    for (index, form) in LEGAL_FORMS.iter().enumerate() {
        for spelling in &form.spellings {
            let last = spelling.rsplit(' ').next().unwrap_or(spelling);
            endings.0.entry(last).or_default().push((spelling.as_str(), index));
            if !spelling.is_ascii() {
                endings.1.push((spelling.as_str(), index));
            }
        }
    }
    endings
});

/// The longest legal form at the end of a folded name whose single letters are joined, and the name without it.
pub(crate) fn legal_form(name: &str) -> Option<(&'static LegalForm, &str)> {
    let (words, glued) = &*ENDINGS;
    let last = name.rsplit(' ').next().unwrap_or(name);
    let spaced = words.get(last).into_iter().flatten().filter_map(|(spelling, index)| {
        let rest = name.strip_suffix(spelling)?.strip_suffix(' ')?;
        Some((spelling.len(), *index, rest))
    });
    let touching = glued
        .iter()
        .filter(|_| !name.is_ascii())
        .filter_map(|(spelling, index)| {
            let rest = name.strip_suffix(spelling)?.trim_end();
            Some((spelling.len(), *index, rest))
        });
    spaced
        .chain(touching)
        .filter(|(_, _, rest)| !rest.is_empty())
        .max_by_key(|(length, _, _)| *length)
        .map(|(_, index, rest)| (&LEGAL_FORMS[index], rest))
}

/// A company's name with its legal form as it is usually written: `Acme GmbH`.
pub(crate) fn find_companies(text: &str, _: &Settings) -> Vec<Found> {
    let span = trimmed(text);
    let shown = &text[span.clone()];
    let words: Vec<&str> = shown.split_whitespace().collect();
    if words.is_empty() || shown.len() > 300 || !shown.chars().any(char::is_alphabetic) {
        return Vec::new();
    }
    // The legal form is the longest run of words at the end that is one.
    let form = (1..=words.len().min(7))
        .rev()
        .filter(|count| *count < words.len())
        .find_map(|count| {
            let tail = words[words.len() - count..].join(" ");
            let key = form_key(&tail);
            let lower = tail.to_lowercase();
            // Of two forms that differ by their marks, such as A/S and a.s., it is the one that is written.
            let fits = || LEGAL_FORMS.iter().filter(|form| form.spellings.contains(&key));
            let form = fits()
                .find(|form| form.exact.contains(&lower))
                .or_else(|| fits().next());
            form.map(|form| (form, count))
        });
    let kept = form.map_or(words.len(), |(_, count)| words.len() - count);
    let base = words[..kept].join(" ");
    let base = base.trim_end_matches([',', ';', '-', ' ']);
    if base.is_empty() {
        return Vec::new();
    }
    let tail = words[kept..].join(" ");
    // A form that is not usually written in capitals, and is, says that capitals say nothing.
    let shouted = form.is_some_and(|(form, _)| form.written.contains(char::is_lowercase) && is_upper(&tail));
    let base = readable(base, if shouted { 4 } else { 5 });
    let value = form.map_or_else(|| base.clone(), |(form, _)| format!("{base} {}", form.written));
    let parts = json!({
        "name": base,
        "legal_form": form.map(|(form, _)| form.written),
        "countries": form.map(|(form, _)| &form.countries),
    });
    let confidence = if form.is_some() { 0.9 } else { 0.7 };
    vec![Found::one(value, parts, confidence, span)]
}

/// Words of a name that have no capital.
const SMALL: [&str; 14] = [
    "of", "and", "the", "for", "de", "la", "du", "des", "und", "di", "del", "da", "do", "et",
];

/// Words of names that are no abbreviations, short as they are.
const SHORT: [&str; 53] = [
    "new", "old", "big", "red", "air", "oil", "gas", "sun", "sea", "sky", "bay", "car", "art", "law", "tax", "tea",
    "inn", "pet", "pub", "bar", "box", "bus", "one", "two", "six", "ten", "all", "our", "my", "we", "you", "to", "at",
    "by", "up", "go", "san", "los", "las", "el", "le", "st", "von", "van", "der", "den", "zum", "zur", "bei", "sur",
    "top", "fox", "key",
];

fn is_upper(text: &str) -> bool {
    text.contains(char::is_alphabetic) && !text.contains(char::is_lowercase)
}

/// A name in capitals or in small letters throughout, with a capital at each word. One of fewer than `least` letters that is
/// in capitals may be an abbreviation, and stays; so do short words in capitals.
pub(crate) fn readable(name: &str, least: usize) -> String {
    let letters = || name.chars().filter(|character| character.is_alphabetic());
    let capitals = letters().all(char::is_uppercase);
    let small = letters().all(char::is_lowercase);
    if !(capitals || small) || letters().count() < if small { 4 } else { least } {
        return name.to_owned();
    }
    name.split(' ')
        .enumerate()
        .map(|(nth, word)| {
            let lower = word.to_lowercase();
            if nth > 0 && SMALL.contains(&lower.as_str()) {
                return lower;
            }
            // An abbreviation, of three letters or without vowels, but for words that are as short.
            let is_word = SMALL.contains(&lower.as_str()) || SHORT.contains(&lower.as_str());
            let abbreviation = capitals
                && !is_word
                && (word.chars().count() <= 3 || !lower.contains(['a', 'e', 'i', 'o', 'u', 'y']) || word.contains('.'));
            if abbreviation {
                return word.to_owned();
            }
            let mut made = String::new();
            let mut begins = true;
            for character in lower.chars() {
                if begins {
                    made.extend(character.to_uppercase());
                } else {
                    made.push(character);
                }
                begins = matches!(character, '-' | '/' | '&' | '.');
            }
            made
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(found: &[Found]) -> &str {
        found.first().and_then(|found| found.outcome.value()).unwrap_or("-")
    }

    #[test]
    fn a_person_is_named_as_spoken() {
        let of = |text| value(&find_persons(text, &Settings::default())).to_owned();
        assert_eq!(of("Doe, Jane Q."), "Jane Q. Doe");
        assert_eq!(of("DR. JANE DOE, PHD"), "Jane Doe");
        assert_eq!(of("Name: van der Berg, Anna"), "Anna van der Berg");
        assert_eq!(of("4711"), "-");
        assert_eq!(of("Doe, Jane Q., Jr."), "Jane Q. Doe Jr.");
    }

    #[test]
    fn capitals_throughout_a_word_are_a_surname_and_no_initials() {
        let of = |text| value(&find_persons(text, &Settings::default())).to_owned();
        for (text, name) in [
            ("SMITH John", "John Smith"),
            ("John SMITH", "John Smith"),
            ("jean-luc PICARD", "Jean-Luc Picard"),
            ("DUPONT Jean-Luc", "Jean-Luc Dupont"),
            ("VAN DER BERG Anna", "Anna van der Berg"),
            ("van der BERG Anna", "Anna van der Berg"),
            ("DE LA CRUZ Maria", "Maria de la Cruz"),
            ("Dr. SMITH John", "John Smith"),
            ("SMITH, John", "John Smith"),
            ("SMITH John Jr.", "John Smith Jr."),
            ("O'NEILL-MCDONALD Ann", "Ann O'Neill-McDonald"),
            ("JP Morgan", "J. P. Morgan"),
            ("JANE DOE", "Jane Doe"),
            ("Jane Doe MD", "Jane Doe"),
        ] {
            assert_eq!(of(text), name, "{text}");
        }
        for text in ["LI Wei", "Kim Jong UN", "JOHN smith"] {
            let found = find_persons(text, &Settings::default());
            let unsure = |found: &Found| found.outcome.candidates()[0].confidence <= 0.6;
            assert!(found.iter().all(unsure), "{text}: {found:?}");
        }
    }

    #[test]
    fn words_that_name_nobody_are_no_person() {
        for text in [
            "no problem",
            "No problem",
            "customer service",
            "Customer Service",
            "the usual suspects",
            "thank you",
            "Support Team",
            "not known",
            "no",
        ] {
            assert_eq!(value(&find_persons(text, &Settings::default())), "-", "{text}");
        }
        // What is all in small letters may be a name, and may be anything.
        let found = find_persons("jane doe", &Settings::default());
        assert_eq!(value(&found), "Jane Doe");
        assert!(found[0].outcome.candidates()[0].confidence <= 0.6);
    }

    #[test]
    fn several_persons_and_none_are_no_person() {
        for text in [
            "Jane & John Doe",
            "Jane and John Doe",
            "Doe, Jane; Doe, John",
            "Jane Doe / John Doe",
        ] {
            let found = find_persons(text, &Settings::default());
            assert!(
                matches!(
                    found[..],
                    [Found {
                        outcome: Outcome::Ambiguous { .. },
                        ..
                    }]
                ),
                "{text}: {found:?}"
            );
        }
        for text in ["Acme Inc", "Acme Widgets GmbH", "unknown", "N/A"] {
            assert_eq!(value(&find_persons(text, &Settings::default())), "-", "{text}");
        }
    }

    #[test]
    fn a_company_has_its_legal_form_as_usual() {
        let of = |text| value(&find_companies(text, &Settings::default())).to_owned();
        assert_eq!(of("ACME WIDGETS, INC"), "Acme Widgets Inc.");
        assert_eq!(of("Siemens Aktiengesellschaft"), "Siemens AG");
        assert_eq!(of("Foo Bar S. A. de C. V."), "Foo Bar S.A. de C.V.");
        assert_eq!(of("IBM"), "IBM");
        assert_eq!(of("BMW AG"), "BMW AG");
        for text in ["ACME GMBH", "acme GmbH", "Acme Gmbh.", "Acme GmbH"] {
            assert_eq!(of(text), "Acme GmbH", "{text}");
        }
        assert_eq!(of("Limited"), "Limited");
    }

    #[test]
    fn short_words_in_capitals_are_no_abbreviations() {
        let of = |text| value(&find_companies(text, &Settings::default())).to_owned();
        assert_eq!(of("THE BOEING COMPANY"), "The Boeing Co.");
        assert_eq!(of("NEW YORK AIR INC"), "New York Air Inc.");
        assert_eq!(of("BANK OF THE WEST"), "Bank of the West");
        assert_eq!(of("IBM GERMANY GMBH"), "IBM Germany GmbH");
    }

    #[test]
    fn a_legal_form_tells_countries() {
        let found = find_companies("Novo-Nordisk A/S", &Settings::default());
        assert_eq!(found[0].outcome.candidates()[0].parts["countries"], json!(["DK", "NO"]));
    }
}
