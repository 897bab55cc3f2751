//! Names as they are written on forms and in lists, for what reads them as they are spoken: surnames in capitals, and words
//! of which nobody is called.

use human_name::Name;

use crate::fold::folded;

/// A name in which only surnames were in capitals: with those as they are spoken, and how sure that is.
pub(super) struct Spoken {
    pub(super) text: String,
    pub(super) confidence: f32,
}

/// Words in front of a name and behind it that are none of it, and that are often in capitals.
const AROUND: [&str; 57] = [
    "dr",
    "prof",
    "mr",
    "mrs",
    "ms",
    "miss",
    "sir",
    "rev",
    "hon",
    "herr",
    "frau",
    "dipl",
    "ing",
    "jr",
    "sr",
    "ii",
    "iii",
    "iv",
    "md",
    "phd",
    "dds",
    "esq",
    "cpa",
    "mba",
    "msc",
    "bsc",
    "rn",
    "dvm",
    "cfa",
    "jd",
    "llm",
    "mph",
    "pe",
    "ba",
    "bs",
    "llb",
    "mp",
    "qc",
    "kc",
    "obe",
    "mbe",
    "ret",
    "professor",
    "doctor",
    "mister",
    "señor",
    "señora",
    "mme",
    "mlle",
    "monsieur",
    "madame",
    "captain",
    "capt",
    "col",
    "gen",
    "lt",
    "sgt",
];

/// Parts of surnames that are in small letters in front of the rest.
const PARTICLES: [&str; 14] = [
    "van", "von", "der", "den", "de", "del", "di", "da", "dos", "das", "zu", "zur", "ter", "ten",
];

/// Words of which nobody is called, beside which a text names an office, a thing or nothing at all.
const NO_NAMES: [&str; 74] = [
    "customer",
    "customers",
    "service",
    "services",
    "support",
    "team",
    "department",
    "dept",
    "office",
    "info",
    "information",
    "admin",
    "administrator",
    "manager",
    "management",
    "director",
    "account",
    "accounts",
    "accounting",
    "billing",
    "marketing",
    "reception",
    "receptionist",
    "helpdesk",
    "desk",
    "staff",
    "user",
    "users",
    "client",
    "clients",
    "contact",
    "owner",
    "name",
    "problem",
    "problems",
    "question",
    "questions",
    "please",
    "thanks",
    "thank",
    "hello",
    "test",
    "testing",
    "sample",
    "example",
    "order",
    "orders",
    "delivery",
    "shipping",
    "company",
    "university",
    "institute",
    "school",
    "hospital",
    "group",
    "committee",
    "association",
    "society",
    "center",
    "centre",
    "various",
    "several",
    "multiple",
    "same",
    "others",
    "kundendienst",
    "kundenservice",
    "vertrieb",
    "buchhaltung",
    "abteilung",
    "the",
    "unknown",
    "anonymous",
    "nobody",
];

/// Words that are no names where they are in small letters.
const SMALL: [&str; 26] = [
    "no", "not", "yes", "this", "that", "my", "our", "your", "their", "his", "her", "is", "are", "was", "were", "been",
    "have", "has", "with", "without", "from", "for", "to", "of", "on", "at",
];

/// Whether a text has a word of which nobody is called.
pub(super) fn names_nobody(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        let bare = word.trim_matches(|mark: char| !mark.is_alphanumeric());
        NO_NAMES.contains(&bare.to_lowercase().as_str()) || SMALL.contains(&bare)
    })
}

fn bare(word: &str) -> &str {
    word.trim_matches(|mark: char| !mark.is_alphabetic())
}

fn is_around(word: &str) -> bool {
    let letters: String = word.chars().filter(|letter| letter.is_alphabetic()).collect();
    AROUND.contains(&letters.to_lowercase().as_str())
}

/// Whether a word is in capitals. Letters with points between them are initials.
fn is_capitals(word: &str) -> bool {
    let letters = || bare(word).chars().filter(|letter| letter.is_alphabetic());
    letters().count() > 1 && letters().all(char::is_uppercase) && !bare(word).contains('.') && !is_around(word)
}

/// Whether capitals are a name rather than initials: those of three letters have a vowel.
fn is_surname(word: &str) -> bool {
    let letters = folded(bare(word));
    is_capitals(word) && (letters.len() > 3 || (letters.len() == 3 && letters.contains(['a', 'e', 'i', 'o', 'u', 'y'])))
}

/// A name whose surname alone is in capitals, with that in small letters and behind a comma where it came first: SMITH John
/// is `Smith, John`. None where capitals tell nothing.
pub(super) fn of_capitals(text: &str) -> Option<Spoken> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_mixed = words
        .iter()
        .any(|word| !is_around(word) && word.contains(char::is_lowercase) && word.contains(char::is_uppercase));
    let small = words
        .iter()
        .all(|word| is_capitals(word) || word.contains(char::is_lowercase) || is_around(word));
    if !is_mixed && !small {
        return None;
    }
    let Some(anchor) = words.iter().position(|word| is_surname(word)) else {
        // Two letters in front are initials, or a short surname: JP Morgan, LI Wei.
        let short = words.first().is_some_and(|first| {
            let letters = bare(first).to_lowercase();
            is_capitals(first)
                && letters.chars().count() == 2
                && (letters.contains(['a', 'e', 'i', 'o', 'u']) || letters == "ng")
        });
        return (short && is_mixed).then(|| Spoken {
            text: text.to_owned(),
            confidence: 0.5,
        });
    };
    if words.iter().all(|word| is_capitals(word) || is_around(word)) {
        return None;
    }
    let belongs = |word: &&str| is_capitals(word) || PARTICLES.contains(word);
    let first = anchor - words[..anchor].iter().rev().take_while(|word| belongs(word)).count();
    let end = anchor + words[anchor..].iter().take_while(|word| is_capitals(word)).count();
    let surname: Vec<String> = words[first..end]
        .iter()
        .enumerate()
        .map(|(nth, word)| {
            let lower = word.to_lowercase();
            let last = first + nth + 1 == end;
            let after_de = nth > 0 && lower == "la" && words[first + nth - 1].eq_ignore_ascii_case("de");
            if !last && (PARTICLES.contains(&lower.as_str()) || after_de) {
                lower
            } else if is_capitals(word) {
                capitalized(word)
            } else {
                (*word).to_owned()
            }
        })
        .collect();
    let surname = surname.join(" ");
    let (before, behind) = (words[..first].join(" "), words[end..].join(" "));
    let alone = |part: &[&str]| part.iter().all(|word| is_around(word));
    if text.contains(',') || alone(&words[end..]) {
        let text = format!("{before} {surname} {behind}");
        return Some(Spoken {
            text: text.trim().to_owned(),
            confidence: 0.9,
        });
    }
    let comes_first = alone(&words[..first]);
    // What stands in small letters behind capitals is no given name for sure: JOHN smith.
    let small_behind = words[end..].iter().all(|word| !word.contains(char::is_uppercase));
    if comes_first && small_behind {
        return Some(Spoken {
            text: text.to_lowercase(),
            confidence: 0.5,
        });
    }
    let text = if comes_first {
        let given = format!("{before} {behind}");
        format!("{surname}, {}", given.trim())
    } else {
        format!("{before} {surname} {behind}")
    };
    Some(Spoken {
        text,
        confidence: if comes_first { 0.8 } else { 0.6 },
    })
}

/// A word in capitals with one at its beginning, behind a hyphen and behind an apostrophe: `O'Neill-McDonald`.
fn capitalized(word: &str) -> String {
    let mut made = String::new();
    let mut part = String::new();
    for letter in word.chars() {
        let begins = part.is_empty() || part.eq_ignore_ascii_case("mc");
        if !letter.is_alphabetic() {
            part.clear();
            made.push(letter);
            continue;
        }
        part.push(letter);
        if begins {
            made.push(letter);
        } else {
            made.extend(letter.to_lowercase());
        }
    }
    made
}

/// What a name has lost of a text.
pub(super) struct Lost {
    /// Words that it doesn't tell as titles or the like either.
    pub(super) words: usize,
    /// Whether one of those that it tells as a title or the like is none for sure: UN of Kim Jong UN.
    pub(super) is_open: bool,
}

/// What a name has lost of a text.
pub(super) fn lost(text: &str, name: &Name, value: &str) -> Lost {
    let letters: String = folded(value).split(' ').collect();
    let told = [
        name.honorific_prefix(),
        name.honorific_suffix(),
        name.generational_suffix(),
    ];
    let told: usize = told
        .into_iter()
        .flatten()
        .map(|part| folded(part).split(' ').count())
        .sum();
    let words = folded(text);
    let lost = words.split(' ').filter(|word| !letters.contains(word)).count();
    let is_short = |word: &&str| word.chars().all(|letter| !letter.is_lowercase()) && bare(word).chars().count() < 3;
    let is_open = text
        .split_whitespace()
        .filter(|word| bare(word).len() > 1 && !letters.contains(folded(word).as_str()) && !is_around(word))
        .any(|word| is_short(&word));
    Lost {
        words: lost.saturating_sub(told),
        is_open,
    }
}

/// Whether letters of a name are initials that the text doesn't have as such: "no problem" is not N. O. Problem.
pub(super) fn makes_initials(text: &str, value: &str) -> bool {
    let is_initials = |word: &str| {
        let letters = bare(word).chars().filter(|letter| letter.is_alphabetic());
        letters.clone().count() == 1
            || word.contains('.')
            || (letters.clone().count() < 4 && letters.clone().all(char::is_uppercase))
    };
    let initials = value
        .split_whitespace()
        .filter(|word| word.ends_with('.') && bare(word).chars().count() == 1)
        .count();
    let told: usize = text
        .split(|mark: char| mark.is_whitespace() || mark == ',')
        .filter(|word| is_initials(word))
        .map(|word| word.chars().filter(|letter| letter.is_alphabetic()).count())
        .sum();
    initials > told
}
