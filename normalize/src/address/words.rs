//! Words of addresses: states, streets and units, in short and in full.

/// States and territories of the United States, provinces of Canada, states of Australia: name in lower case and letters.
const STATES: [(&str, &str); 72] = [
    ("alabama", "AL"),
    ("alaska", "AK"),
    ("arizona", "AZ"),
    ("arkansas", "AR"),
    ("california", "CA"),
    ("colorado", "CO"),
    ("connecticut", "CT"),
    ("delaware", "DE"),
    ("district of columbia", "DC"),
    ("florida", "FL"),
    ("georgia", "GA"),
    ("hawaii", "HI"),
    ("idaho", "ID"),
    ("illinois", "IL"),
    ("indiana", "IN"),
    ("iowa", "IA"),
    ("kansas", "KS"),
    ("kentucky", "KY"),
    ("louisiana", "LA"),
    ("maine", "ME"),
    ("maryland", "MD"),
    ("massachusetts", "MA"),
    ("michigan", "MI"),
    ("minnesota", "MN"),
    ("mississippi", "MS"),
    ("missouri", "MO"),
    ("montana", "MT"),
    ("nebraska", "NE"),
    ("nevada", "NV"),
    ("new hampshire", "NH"),
    ("new jersey", "NJ"),
    ("new mexico", "NM"),
    ("new york", "NY"),
    ("north carolina", "NC"),
    ("north dakota", "ND"),
    ("ohio", "OH"),
    ("oklahoma", "OK"),
    ("oregon", "OR"),
    ("pennsylvania", "PA"),
    ("puerto rico", "PR"),
    ("rhode island", "RI"),
    ("south carolina", "SC"),
    ("south dakota", "SD"),
    ("tennessee", "TN"),
    ("texas", "TX"),
    ("utah", "UT"),
    ("vermont", "VT"),
    ("virginia", "VA"),
    ("washington", "WA"),
    ("west virginia", "WV"),
    ("wisconsin", "WI"),
    ("wyoming", "WY"),
    ("alberta", "AB"),
    ("british columbia", "BC"),
    ("manitoba", "MB"),
    ("new brunswick", "NB"),
    ("newfoundland and labrador", "NL"),
    ("northwest territories", "NT"),
    ("nova scotia", "NS"),
    ("nunavut", "NU"),
    ("ontario", "ON"),
    ("prince edward island", "PE"),
    ("quebec", "QC"),
    ("saskatchewan", "SK"),
    ("yukon", "YT"),
    ("new south wales", "NSW"),
    ("victoria", "VIC"),
    ("queensland", "QLD"),
    ("south australia", "SA"),
    ("western australia", "WA"),
    ("tasmania", "TAS"),
    ("northern territory", "NT"),
];

/// Abbreviations in streets, and what they stand for.
const STREETS: [(&str, &str); 34] = [
    ("st", "Street"),
    ("str", "Street"),
    ("ave", "Avenue"),
    ("av", "Avenue"),
    ("blvd", "Boulevard"),
    ("rd", "Road"),
    ("dr", "Drive"),
    ("ln", "Lane"),
    ("ct", "Court"),
    ("pl", "Place"),
    ("sq", "Square"),
    ("pkwy", "Parkway"),
    ("hwy", "Highway"),
    ("ter", "Terrace"),
    ("cir", "Circle"),
    ("trl", "Trail"),
    ("expy", "Expressway"),
    ("fwy", "Freeway"),
    ("aly", "Alley"),
    ("xing", "Crossing"),
    ("pt", "Point"),
    ("mt", "Mount"),
    ("ste", "Suite"),
    ("apt", "Apartment"),
    ("fl", "Floor"),
    ("bldg", "Building"),
    ("n", "North"),
    ("s", "South"),
    ("e", "East"),
    ("w", "West"),
    ("ne", "Northeast"),
    ("nw", "Northwest"),
    ("se", "Southeast"),
    ("sw", "Southwest"),
];

/// Words of a unit in a building.
const UNITS: [&str; 12] = [
    "apartment",
    "apt",
    "suite",
    "ste",
    "unit",
    "floor",
    "fl",
    "room",
    "rm",
    "flat",
    "building",
    "bldg",
];

/// Letters of states that are words in other languages, or in English.
const LETTERS_OR_WORDS: [&str; 18] = [
    "al", "as", "co", "de", "hi", "id", "in", "la", "ma", "me", "mi", "ne", "oh", "ok", "on", "or", "pa", "va",
];

/// Letters of a state by its name or letters; the letters are capitals in an address.
pub(super) fn state(text: &str) -> Option<&'static str> {
    let lower = text.trim_end_matches('.').to_lowercase();
    STATES
        .iter()
        .find(|(name, letters)| *name == lower || (*letters == text.trim_end_matches('.') && text.len() <= 4))
        .map(|(_, letters)| *letters)
}

/// Letters of a state that are small: alone in front of a postal code they are those of a state, and behind a city where the
/// country has states and they are no word.
pub(super) fn state_in_small(text: &str, region: Option<&str>, alone: bool) -> Option<&'static str> {
    let fits = match region {
        None => alone || !LETTERS_OR_WORDS.contains(&text.to_lowercase().as_str()),
        Some(region) => matches!(region, "US" | "CA" | "AU"),
    };
    let found = STATES.iter().find(|(_, letters)| letters.eq_ignore_ascii_case(text));
    found.filter(|_| fits).map(|(_, letters)| *letters)
}

/// Whether a text is the letters of a state and not its name.
pub(super) fn is_letters(text: &str) -> bool {
    text.trim_end_matches('.').len() <= 3
}

/// Whether a field says street by one of its words.
pub(super) fn is_street(field: &str) -> bool {
    let lower = field.to_lowercase();
    lower.split([' ', '.']).any(|word| {
        STREETS[..22]
            .iter()
            .any(|(short, long)| *short == word || long.to_lowercase() == word)
            || [
                "straße", "strasse", "str", "weg", "platz", "allee", "gasse", "straat", "laan", "gatan", "vej", "gade",
            ]
            .iter()
            .any(|end| word.len() > end.len() && word.ends_with(end))
            || matches!(
                word,
                "rue"
                    | "via"
                    | "calle"
                    | "rua"
                    | "avenida"
                    | "place"
                    | "piazza"
                    | "plaza"
                    | "ulica"
                    | "ul"
                    | "way"
                    | "chemin"
                    | "route"
            )
    })
}

/// Whether a word is one of streets in English or French, in short or in full.
pub(super) fn is_street_word(word: &str) -> bool {
    let key = key(word);
    matches!(key.as_str(), "route" | "rue" | "chemin" | "way")
        || STREETS[..22]
            .iter()
            .any(|(short, long)| *short == key || long.to_lowercase() == key)
}

/// Whether a word is the number of a house: digits, and few letters behind them, which are none of 5th Avenue.
pub(super) fn is_number(word: &str) -> bool {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &word[digits..];
    digits > 0
        && rest.len() <= 4
        && rest
            .chars()
            .all(|rest| rest.is_alphanumeric() || matches!(rest, '-' | '/'))
        && !matches!(rest.to_lowercase().as_str(), "st" | "nd" | "rd" | "th")
}

/// Whether a field can be a street with its house, and no city: St Paul is none.
pub(super) fn is_like_street(field: &str) -> bool {
    let saint = field
        .split([' ', '.'])
        .next()
        .is_some_and(|first| first.eq_ignore_ascii_case("st"));
    field.split(' ').any(is_number) || (is_street(field) && !saint)
}

/// Whether a word says what part of a building it is.
pub(super) fn is_unit(word: &str) -> bool {
    UNITS.contains(&word.trim_end_matches('.').to_lowercase().as_str()) || word.starts_with('#')
}

fn is_direction(word: &str) -> bool {
    matches!(key(word).as_str(), "n" | "s" | "e" | "w" | "ne" | "nw" | "se" | "sw")
}

fn key(word: &str) -> String {
    word.trim_end_matches('.').to_lowercase()
}

fn in_full(word: &str) -> Option<&'static str> {
    let key = key(word);
    STREETS.iter().find(|(short, _)| *short == key).map(|(_, long)| *long)
}

/// A street with the German word for it in full: `Hauptstr.` is Hauptstraße, and in Switzerland Hauptstrasse.
pub(super) fn german(street: &str, region: Option<&str>) -> String {
    let full = match region {
        Some("CH" | "LI") => "strasse",
        None | Some("DE" | "AT" | "LU") => "straße",
        Some(_) => return street.to_owned(),
    };
    let words = street.split(' ').map(|word| {
        let Some(stem) = word
            .strip_suffix("str.")
            .or_else(|| word.strip_suffix("str").filter(|_| region.is_some()))
        else {
            return match (word, region) {
                ("Str." | "Str", Some(_)) => format!("S{}", &full[1..]),
                _ => word.to_owned(),
            };
        };
        if stem.is_empty() {
            word.to_owned()
        } else {
            format!("{stem}{full}")
        }
    });
    words.collect::<Vec<String>>().join(" ")
}

/// Words of a street in full: `Main St` is Main Street, and `St James St` is St James Street.
pub(super) fn expanded(street: &str) -> String {
    let words: Vec<&str> = street.split(' ').collect();
    let full = |nth: usize| {
        let word = words[nth];
        let last = nth + 1 == words.len();
        let place = if is_direction(word) {
            // Avenue N has a letter for a name.
            let named = words.len() > 2 || nth == 0;
            words.len() > 1 && named && (nth == 0 || last)
        } else {
            // A saint stands in front of a name, a street behind it, where a direction or a number may follow.
            let next = words.get(nth + 1);
            let ends = next.is_none_or(|next| {
                (is_direction(next) && nth + 2 == words.len()) || next.starts_with(|digit: char| digit.is_ascii_digit())
            });
            nth > 0 && (ends || matches!(key(word).as_str(), "mt" | "hwy"))
        };
        in_full(word).filter(|_| place && !is_unit(word)).unwrap_or(word)
    };
    (0..words.len()).map(full).collect::<Vec<_>>().join(" ")
}

/// A unit with its word in full: `apt 4` is Apartment 4. What follows the word is its name.
pub(super) fn expanded_unit(unit: &str) -> String {
    let (first, rest) = unit.split_once(' ').unwrap_or((unit, ""));
    match in_full(first).filter(|_| is_unit(first) && !rest.is_empty()) {
        Some(long) => format!("{long} {rest}"),
        None => unit.to_owned(),
    }
}

/// The words of a text in order, those in short as those in full, for seeing that none is lost.
pub(super) fn keys(text: &str) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for (word, _) in crate::text::words(text) {
        // "P.O. Box".
        if word == "o" && keys.last().is_some_and(|last| last == "p") {
            keys.pop();
            keys.push("po".to_owned());
            continue;
        }
        let stem = ["straße", "strasse", "str"]
            .into_iter()
            .find_map(|end| word.strip_suffix(end));
        keys.push(match (stem, in_full(&word)) {
            (Some(stem), _) => format!("{stem}straße"),
            (None, Some(long)) => long.to_lowercase(),
            (None, None) => word,
        });
    }
    keys.sort_unstable();
    keys
}
