//! Things with a code and many names: countries, languages, truth values.

use std::ops::Range;
use std::sync::LazyLock;

use isocountry::CountryCode;
use rustc_hash::FxHashMap;
use serde_json::json;

use crate::fold::{folded, joined_letters};
use crate::outcome::{Canonical, Found, Outcome};
use crate::settings::Settings;

/// Names of countries, folded, to their two letters; to those of several where they share a short name.
static COUNTRIES: LazyLock<FxHashMap<String, Vec<&'static str>>> = LazyLock::new(|| {
    let mut names: FxHashMap<String, Vec<&'static str>> = FxHashMap::default();
    for country in CountryCode::iter() {
        let short = country
            .name()
            .split_once(['(', ','])
            .map_or(country.name(), |(short, _)| short);
        // "Iran (Islamic Republic of)" is Iran, and "Congo" is short for two.
        for name in [country.name(), country.alpha3(), short] {
            let codes = names.entry(key(name)).or_default();
            if !codes.contains(&country.alpha2()) {
                codes.push(country.alpha2());
            }
        }
    }
    for line in include_str!("../data/countries.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let Some((code, forms)) = line.split_once(": ") else {
            continue;
        };
        for form in forms.split(", ") {
            names.insert(key(form), vec![code]);
        }
    }
    names
});

fn key(name: &str) -> String {
    let name = joined_letters(&folded(name));
    name.strip_prefix("the ").map_or(name.clone(), str::to_owned)
}

/// The country of a name or code, with its confidence.
pub(crate) fn country_of(text: &str) -> Option<(&'static str, f32)> {
    if let Some(codes) = COUNTRIES.get(&key(text)) {
        return match codes[..] {
            [code] => Some((code, 0.97)),
            _ => None,
        };
    }
    let trimmed = text.trim();
    if trimmed.len() == 2
        && let Ok(country) = CountryCode::for_alpha2_caseless(trimmed)
    {
        return Some((country.alpha2(), 0.9));
    }
    if trimmed.len() == 3 && trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        let country = trimmed.parse().ok().and_then(|number| CountryCode::for_id(number).ok());
        return country.map(|country| (country.alpha2(), 0.8));
    }
    None
}

/// Name of a country by its two letters.
pub(crate) fn country_name(code: &str) -> Option<&'static str> {
    CountryCode::for_alpha2(code).ok().map(|country| country.name())
}

/// Countries that a text names.
pub(crate) fn find_countries(text: &str, _: &Settings) -> Vec<Found> {
    let found = |span: Range<usize>, code: &str, confidence: f32| {
        let alpha3 = CountryCode::for_alpha2(code).map(|country| country.alpha3()).ok();
        Found::one(
            code.to_owned(),
            json!({ "name": country_name(code), "alpha3": alpha3 }),
            confidence,
            span,
        )
    };
    let several = |span: Range<usize>, codes: &[&str]| {
        let of_codes = codes.iter().map(|code| found(span.clone(), code, 0.5));
        Found {
            outcome: Outcome::Ambiguous {
                candidates: of_codes.flat_map(|found| found.outcome.candidates().to_vec()).collect(),
                reason: "several countries have this name",
            },
            span,
        }
    };
    let whole = trimmed(text);
    if let Some((code, confidence)) = country_of(&text[whole.clone()]) {
        return vec![found(whole, code, confidence)];
    }
    // Within other words only names count, of which the longest comes first: codes are words too often.
    named(text, 6, |words| {
        let name = key(words);
        (name.chars().count() > 3).then(|| COUNTRIES.get(&name)).flatten()
    })
    .into_iter()
    .map(|(span, codes)| match codes[..] {
        [code] => found(span, code, 0.85),
        _ => several(span, codes),
    })
    .collect()
}

/// The longest runs of at most `most` words that `look` knows.
pub(crate) fn named<T>(text: &str, most: usize, look: impl Fn(&str) -> Option<T>) -> Vec<(Range<usize>, T)> {
    let words = crate::text::words(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let hit = (1..=most.min(words.len() - at)).rev().find_map(|length| {
            let span = words[at].1.start..words[at + length - 1].1.end;
            look(&text[span.clone()]).map(|value| (span, value, length))
        });
        match hit {
            Some((span, value, length)) => {
                found.push((span, value));
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

/// The bytes of a text without the space and the marks around it.
pub(crate) fn trimmed(text: &str) -> Range<usize> {
    let marks =
        |character: char| character.is_whitespace() || matches!(character, '"' | '\'' | ',' | ';' | ':' | '“' | '”');
    let start = text.len() - text.trim_start_matches(marks).len();
    let end = text.trim_end_matches(marks).len();
    start..end.max(start)
}

/// Names of languages, folded.
static LANGUAGES: LazyLock<FxHashMap<String, isolang::Language>> = LazyLock::new(|| {
    let mut names = FxHashMap::default();
    for language in isolang::languages() {
        // Of two languages with one name, that with two letters is the better known.
        let names_of = [Some(language.to_name()), language.to_autonym()];
        for name in names_of
            .into_iter()
            .flatten()
            .flat_map(|name| name.split([';', '/', '(', ',']))
        {
            let name = key(name.trim_end_matches(')'));
            if name.is_empty() {
                continue;
            }
            let known: Option<&isolang::Language> = names.get(&name);
            if known.is_none_or(|known| known.to_639_1().is_none() && language.to_639_1().is_some()) {
                names.insert(name, language);
            }
        }
    }
    for (name, code) in OTHER_LANGUAGES {
        if let Some(language) = isolang::Language::from_639_1(code) {
            names.insert(key(name), language);
        }
    }
    names
});

/// Names of languages that the registry of ISO 639 doesn't have.
const OTHER_LANGUAGES: [(&str, &str); 34] = [
    ("mandarin", "zh"),
    ("mandarin chinese", "zh"),
    ("cantonese", "zh"),
    ("simplified chinese", "zh"),
    ("traditional chinese", "zh"),
    ("chinese simplified", "zh"),
    ("chinese traditional", "zh"),
    ("zhongwen", "zh"),
    ("farsi", "fa"),
    ("castilian", "es"),
    ("castellano", "es"),
    ("greek", "el"),
    ("norwegian", "no"),
    ("flemish", "nl"),
    ("brazilian portuguese", "pt"),
    ("punjabi", "pa"),
    ("gaelic", "gd"),
    ("irish gaelic", "ga"),
    ("slovene", "sl"),
    ("german", "de"),
    ("allemand", "de"),
    ("aleman", "de"),
    ("franzosisch", "fr"),
    ("frances", "fr"),
    ("englisch", "en"),
    ("anglais", "en"),
    ("ingles", "en"),
    ("inglese", "en"),
    ("spanisch", "es"),
    ("espagnol", "es"),
    ("italienisch", "it"),
    ("russisch", "ru"),
    ("chinesisch", "zh"),
    ("malay", "ms"),
];

/// Languages that a text names.
pub(crate) fn find_languages(text: &str, _: &Settings) -> Vec<Found> {
    let found = |span: Range<usize>, language: isolang::Language, region: Option<&str>, confidence: f32| {
        let code = language.to_639_1().unwrap_or_else(|| language.to_639_3());
        let parts = json!({ "name": language.to_name(), "iso639_3": language.to_639_3(), "region": region });
        Found::one(code.to_owned(), parts, confidence, span)
    };
    let whole = trimmed(text);
    let shown = &text[whole.clone()];
    // A tag such as pt-BR or zh_Hans_CN.
    let mut subtags = shown.split(['-', '_']);
    let primary = subtags.next().unwrap_or_default().to_lowercase();
    let tag = match primary.len() {
        2 => isolang::Language::from_639_1(&primary),
        3 => isolang::Language::from_639_3(&primary),
        _ => None,
    };
    if let Some(language) = tag {
        let region = subtags.find(|subtag| subtag.len() == 2).map(str::to_uppercase);
        return vec![found(whole, language, region.as_deref(), 0.95)];
    }
    if let Some(language) = LANGUAGES.get(&key(shown)) {
        return vec![found(whole, *language, None, 0.96)];
    }
    named(text, 3, |words| {
        let name = key(words);
        (name.chars().count() > 3)
            .then(|| LANGUAGES.get(&name).copied())
            .flatten()
    })
    .into_iter()
    .filter(|(_, language)| language.to_639_1().is_some())
    .map(|(span, language)| found(span, language, None, 0.8))
    .collect()
}

const TRUE: [&str; 43] = [
    "true",
    "t",
    "yes",
    "y",
    "yep",
    "yeah",
    "yup",
    "on",
    "1",
    "checked",
    "enabled",
    "active",
    "positive",
    "correct",
    "affirmative",
    "sure",
    "ok",
    "okay",
    "ja",
    "j",
    "oui",
    "si",
    "sì",
    "sim",
    "da",
    "tak",
    "ano",
    "kyllä",
    "wahr",
    "vrai",
    "vero",
    "verdadero",
    "verdadeiro",
    "richtig",
    "はい",
    "是",
    "对",
    "有",
    "yes please",
    "✓",
    "✔",
    "☑",
    "✅",
];
const FALSE: [&str; 42] = [
    "false",
    "f",
    "no",
    "n",
    "nope",
    "nah",
    "off",
    "0",
    "unchecked",
    "disabled",
    "inactive",
    "negative",
    "incorrect",
    "never",
    "nein",
    "non",
    "nee",
    "não",
    "nao",
    "nej",
    "nei",
    "nie",
    "ne",
    "ei",
    "falsch",
    "faux",
    "falso",
    "wrong",
    "not",
    "いいえ",
    "否",
    "不",
    "无",
    "没有",
    "no thanks",
    "not at all",
    "absolutely not",
    "✗",
    "✘",
    "☐",
    "❌",
    "нет",
];

/// Words that answer a question, and how.
const ANSWERS: [(&str, bool); 12] = [
    ("yes", true),
    ("no", false),
    ("true", true),
    ("false", false),
    ("ja", true),
    ("nein", false),
    ("oui", true),
    ("non", false),
    ("si", true),
    ("sí", true),
    ("sim", true),
    ("não", false),
];
/// Words that follow an answer without a mark between: "yes please", "no it isn't".
const AFTER_ANSWER: [&str; 18] = [
    "i", "we", "it", "he", "she", "they", "you", "there", "this", "that", "please", "thanks", "thank", "sir", "madam",
    "ich", "wir", "bitte",
];

/// Truth values.
pub(crate) fn find_booleans(text: &str, _: &Settings) -> Vec<Found> {
    let whole = trimmed(text);
    let shown = text[whole.clone()].trim_end_matches(['.', '!']).trim();
    let value = |word: &str| {
        let word = word.to_lowercase();
        match (TRUE.contains(&word.as_str()), FALSE.contains(&word.as_str())) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    };
    if let Some(value) = value(shown) {
        return vec![Found::one(value.to_string(), json!({}), 0.97, whole)];
    }
    if matches!(shown, "x" | "X" | "×" | "☒") {
        let reason = "a cross marks what is true in some tables, and what is not in others";
        return vec![either(true, whole, reason)];
    }
    // A sentence that begins with yes or no: "Yes, we do". In "no problem" and "false positive" it says nothing.
    let words = crate::text::words(text);
    let first = words
        .first()
        .filter(|(word, _)| word.chars().count() > 1 && words.len() > 1);
    let stands_apart = |span: &Range<usize>| {
        let marked = text[span.end..]
            .trim_start()
            .starts_with(|mark: char| !mark.is_alphanumeric());
        marked
            || words
                .get(1)
                .is_some_and(|(word, _)| AFTER_ANSWER.contains(&word.as_str()))
    };
    let both = [true, false].map(|wanted| words.iter().any(|(word, _)| ANSWERS.contains(&(word.as_str(), wanted))));
    let begins = first.and_then(|(word, span)| Some((value(word)?, span.clone())));
    let begins = begins.filter(|(_, span)| stands_apart(span) || both == [true, true]);
    let negated = words
        .iter()
        .any(|(word, _)| matches!(word.as_str(), "not" | "never" | "nicht" | "pas"));
    match begins {
        Some((value, span)) if !(value && negated) && both != [true, true] => {
            vec![Found::one(value.to_string(), json!({}), 0.75, span)]
        }
        Some((value, span)) => vec![either(value, span, "yes and no are both said")],
        None => Vec::new(),
    }
}

/// What can be true or false, the likelier one first.
fn either(likelier: bool, span: Range<usize>, reason: &'static str) -> Found {
    let candidate = |value: bool| Canonical {
        value: value.to_string(),
        parts: json!({}),
        confidence: 0.5,
        span: span.clone(),
    };
    let candidates = vec![candidate(likelier), candidate(!likelier)];
    Found {
        outcome: Outcome::Ambiguous { candidates, reason },
        span,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(found: Vec<Found>) -> Vec<String> {
        found
            .into_iter()
            .map(|found| found.outcome.value().unwrap_or("?").to_owned())
            .collect()
    }

    #[test]
    fn countries_by_code_name_and_within_words() {
        let of = |text| values(find_countries(text, &Settings::default()));
        for (text, code) in [
            ("U.S.A.", "US"),
            ("the Netherlands", "NL"),
            ("DEU", "DE"),
            ("côte d'ivoire", "CI"),
            ("Österreich", "AT"),
            ("made in Viet Nam", "VN"),
            ("276", "DE"),
            ("gb", "GB"),
            ("Republic of Korea", "KR"),
            ("Iran", "IR"),
        ] {
            assert_eq!(of(text), [code], "{text}");
        }
        assert_eq!(of("come in"), Vec::<String>::new());
    }

    #[test]
    fn a_name_that_two_countries_share_is_ambiguous() {
        for (text, codes) in [
            ("Congo", ["CD", "CG"]),
            ("Korea", ["KP", "KR"]),
            ("made in Korea", ["KP", "KR"]),
        ] {
            let found = find_countries(text, &Settings::default());
            let mut candidates: Vec<&str> = found[0]
                .outcome
                .candidates()
                .iter()
                .map(|one| one.value.as_str())
                .collect();
            candidates.sort_unstable();
            assert_eq!(
                (candidates.as_slice(), found[0].outcome.value()),
                (&codes[..], None),
                "{text}"
            );
        }
        let found = find_countries("Congo Kinshasa", &Settings::default());
        assert_eq!(found[0].outcome.value(), Some("CD"));
    }

    #[test]
    fn languages_by_code_tag_and_name() {
        let of = |text| values(find_languages(text, &Settings::default()));
        for (text, code) in [
            ("EN", "en"),
            ("pt-BR", "pt"),
            ("Deutsch", "de"),
            ("mandarin", "zh"),
            ("fra", "fr"),
            ("Español", "es"),
        ] {
            assert_eq!(of(text), [code], "{text}");
        }
    }

    #[test]
    fn truth_in_several_languages() {
        let of = |text| values(find_booleans(text, &Settings::default()));
        for (text, value) in [
            ("Y", "true"),
            ("Nein.", "false"),
            ("✓", "true"),
            ("Yes, we do", "true"),
            ("yes we do", "true"),
            ("No - not yet", "false"),
            ("0", "false"),
        ] {
            assert_eq!(of(text), [value], "{text}");
        }
        assert_eq!(of("yes, but not now"), ["?"]);
        assert_eq!(of("yes and no"), ["?"]);
        for text in ["not false", "no problem", "false positive", "no one knows"] {
            assert_eq!(of(text), Vec::<String>::new(), "{text}");
        }
        assert_eq!(of("maybe"), Vec::<String>::new());
    }

    #[test]
    fn a_lone_cross_is_no_truth_value() {
        for text in ["x", "X", " x ", "☒"] {
            let found = find_booleans(text, &Settings::default());
            assert_eq!(found[0].outcome.candidates().len(), 2, "{text}");
            assert_eq!(found[0].outcome.value(), None, "{text}");
        }
    }
}
