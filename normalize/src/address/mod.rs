//! Postal addresses: cut into parts by where they stand and what they look like.
//!
//! No maintained library in Rust does this without a large model (libpostal's has two gigabytes), so that only the usual
//! orders of lines are read; what does not fit has a low confidence, and is for a model or a person.

mod order;

use serde_json::{Map, Value, json};

use crate::names::{country_of, trimmed};
use crate::outcome::Found;
use crate::people::readable;
use crate::settings::Settings;
use crate::text::plain;
use order::{Order, written};

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

/// The address that a text is: its parts, and one line in the order of the text.
pub(crate) fn find(text: &str, settings: &Settings) -> Vec<Found> {
    let span = trimmed(text);
    let shown = plain(&text[span.clone()]).text;
    if shown.len() > 400 || !shown.chars().any(char::is_alphabetic) {
        return Vec::new();
    }
    let mut fields: Vec<String> = shown
        .split(['\n', '\r', ',', ';', '|'])
        .map(|field| field.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|field| !field.is_empty())
        .collect();
    let letters = shown.chars().filter(|character| character.is_alphabetic());
    // Capitals or small letters throughout say nothing of the names.
    let is_flat = letters.clone().all(char::is_uppercase) || letters.clone().all(char::is_lowercase);
    let mut parts = Map::new();
    let named = fields.len() > 1
        && fields
            .last()
            .and_then(|last| {
                country_of(last).filter(|_| last.len() > 3 || matches!(last.as_str(), "USA" | "UK" | "UAE"))
            })
            .inspect(|(code, _)| {
                parts.insert("country".to_owned(), json!(code));
            })
            .is_some();
    if named {
        fields.pop();
    }
    let region = parts
        .get("country")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .or_else(|| settings.region());
    let mut order = Order::default();
    read_place(&mut fields, &mut parts, region.as_deref(), &mut order);
    read_street(&mut fields, &mut parts, region.as_deref(), &mut order);
    if let Some(of_region) = region.as_deref().and_then(Order::of_region) {
        order = of_region;
    }
    if is_flat {
        for key in ["street", "city", "unit"] {
            if let Some(Value::String(text)) = parts.get_mut(key) {
                *text = readable(text, 4);
            }
        }
    }
    if !fields.is_empty() {
        // What is left in front is whom it is for, what is left behind is a part of the place.
        parts.insert("other".to_owned(), json!(fields));
    }
    let has = |key: &str| parts.contains_key(key);
    let known = [has("street"), has("house_number"), has("postal_code"), has("city")]
        .into_iter()
        .filter(|has| *has)
        .count();
    if known < 2 {
        return Vec::new();
    }
    let value = written(&parts, order);
    let confidence = 0.4 + 0.12 * known as f32 - if has("other") { 0.1 } else { 0.0 };
    vec![Found::one(value, Value::Object(parts), confidence, span)]
}

/// City, state and postal code: from the last fields.
fn read_place(fields: &mut Vec<String>, parts: &mut Map<String, Value>, region: Option<&str>, order: &mut Order) {
    let Some(at) = fields.iter().rposition(|field| postal_code(field, region).is_some()) else {
        if fields.len() > 1
            && let Some(city) = fields.pop()
        {
            match state(&city) {
                Some(letters) => {
                    parts.insert("state".to_owned(), json!(letters));
                    if fields.len() > 1
                        && let Some(city) = fields.pop()
                    {
                        parts.insert("city".to_owned(), json!(city));
                    }
                }
                None => {
                    parts.insert("city".to_owned(), json!(city));
                }
            }
        }
        return;
    };
    let field = fields.remove(at);
    let Some((code, before, after)) = postal_code(&field, region) else {
        return;
    };
    parts.insert("postal_code".to_owned(), json!(code));
    // The code stands behind the state in America, and before or behind the city elsewhere.
    let mut city = after.to_owned();
    order.code_first = before.is_empty() && !after.is_empty();
    if !before.is_empty() {
        let words: Vec<&str> = before.split(' ').collect();
        let found = (0..words.len()).find_map(|from| state(&words[from..].join(" ")).map(|letters| (from, letters)));
        match found {
            Some((from, letters)) if from == 0 || letters.len() <= 3 => {
                parts.insert("state".to_owned(), json!(letters));
                city = words[..from].join(" ");
            }
            _ => before.clone_into(&mut city),
        }
        // All in one field: the street ends with its own word, or with the direction after it.
        let words: Vec<&str> = city.split(' ').collect();
        if words[0].starts_with(|first: char| first.is_ascii_digit()) && words.len() > 2 {
            let mut end = words.iter().rposition(|word| is_street(word)).map_or(0, |at| at + 1);
            if words
                .get(end)
                .is_some_and(|word| matches!(*word, "N" | "S" | "E" | "W" | "NE" | "NW" | "SE" | "SW"))
            {
                end += 1;
            }
            if end > 0 && end < words.len() {
                fields.insert(at.min(fields.len()), words[..end].join(" "));
                city = words[end..].join(" ");
            }
        }
    }
    if city.is_empty() && at > 0 && at <= fields.len() && (fields.len() > 1 || parts.contains_key("state")) {
        let candidate = at - 1;
        if fields.len() > 1 || !fields[candidate].starts_with(|first: char| first.is_ascii_digit()) {
            city = fields.remove(candidate);
        }
    }
    if !city.is_empty() {
        parts.insert("city".to_owned(), json!(city));
    }
}

/// Letters of a state by its name or letters; the letters are capitals in an address.
fn state(text: &str) -> Option<&'static str> {
    let lower = text.trim_end_matches('.').to_lowercase();
    STATES
        .iter()
        .find(|(name, letters)| *name == lower || (*letters == text.trim_end_matches('.') && text.len() <= 4))
        .map(|(_, letters)| *letters)
}

/// The postal code in a field, with what stands before and after it.
fn postal_code<'a>(field: &'a str, region: Option<&str>) -> Option<(String, &'a str, &'a str)> {
    let mut words: Vec<(usize, &str)> = Vec::new();
    let mut start = 0;
    for word in field.split(' ') {
        words.push((start, word));
        start += word.len() + 1;
    }
    let around = |first: usize, last: usize| {
        let (start, end) = (words[first].0, words[last].0 + words[last].1.len());
        (field[..start].trim(), field[end..].trim())
    };
    for at in (0..words.len()).rev() {
        let word = words[at].1;
        // Two words of letters and digits: SW1A 1AA, K1A 0B6.
        if at > 0 && british_or_canadian(words[at - 1].1, word) {
            let (before, after) = around(at - 1, at);
            return Some((
                format!("{} {}", words[at - 1].1.to_uppercase(), word.to_uppercase()),
                before,
                after,
            ));
        }
        // Three and two digits: 114 55 Stockholm.
        if at > 0
            && word.len() == 2
            && words[at - 1].1.len() == 3
            && word
                .bytes()
                .chain(words[at - 1].1.bytes())
                .all(|byte| byte.is_ascii_digit())
        {
            let (before, after) = around(at - 1, at);
            return Some((format!("{} {word}", words[at - 1].1), before, after));
        }
        // Four digits and two letters: 1234 AB Amsterdam.
        if at > 0
            && word.len() == 2
            && words[at - 1].1.len() == 4
            && word.bytes().all(|byte| byte.is_ascii_uppercase())
            && words[at - 1].1.bytes().all(|byte| byte.is_ascii_digit())
            && state(word).is_none()
        {
            let (before, after) = around(at - 1, at);
            return Some((format!("{} {word}", words[at - 1].1), before, after));
        }
        let digits = word
            .trim_start_matches(|letter: char| letter.is_ascii_uppercase())
            .trim_start_matches('-');
        let (first, rest) = digits.split_once('-').unwrap_or((digits, ""));
        let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let short = matches!(
            region,
            Some(
                "AT" | "CH" | "DK" | "NO" | "BE" | "NL" | "HU" | "AU" | "NZ" | "LU" | "SI" | "BG" | "ZA" | "PT" | "PH"
            )
        );
        let fits = match first.len() {
            4 => short || (at == 0 && words.len() > 1 && field.len() > 5 && !is_street(field)),
            5 => true,
            6 => matches!(
                region,
                Some("IN" | "CN" | "RU" | "SG" | "RO" | "CO" | "VN" | "KZ" | "EC")
            ),
            _ => false,
        };
        // A number in front of a street is that of a house.
        let house = at == 0 && words.len() > 1 && is_street(field);
        if numeric(first) && numeric(rest) && rest.len() <= 4 && fits && !house {
            let (before, after) = around(at, at);
            return Some((digits.to_owned(), before, after));
        }
    }
    None
}

fn british_or_canadian(first: &str, second: &str) -> bool {
    let bytes = second.as_bytes();
    let british = bytes.len() == 3 && bytes[0].is_ascii_digit() && bytes[1..].iter().all(u8::is_ascii_alphabetic);
    let canadian =
        bytes.len() == 3 && bytes[0].is_ascii_digit() && bytes[1].is_ascii_alphabetic() && bytes[2].is_ascii_digit();
    let outer = first.as_bytes();
    let letters =
        outer.first().is_some_and(u8::is_ascii_alphabetic) && outer.iter().any(u8::is_ascii_digit) && outer.len() <= 4;
    letters && (british || canadian) && outer.iter().all(u8::is_ascii_alphanumeric)
}

/// Whether a field says street by one of its words.
fn is_street(field: &str) -> bool {
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

/// House number, street and unit: from the field that has a number.
fn read_street(fields: &mut Vec<String>, parts: &mut Map<String, Value>, region: Option<&str>, order: &mut Order) {
    // A box at the post office stands in the place of a street.
    let is_box = |field: &String| {
        let letters: String = field.chars().filter(|character| character.is_alphanumeric()).collect();
        letters.to_lowercase().starts_with("pobox")
    };
    if let Some(at) = fields.iter().position(is_box) {
        let field = fields.remove(at);
        let number = field.rsplit(' ').next().unwrap_or_default();
        parts.insert("street".to_owned(), json!(format!("PO Box {number}")));
        return;
    }
    // Units are fields of their own, or follow the street.
    if let Some(at) = fields.iter().position(|field| {
        let first = field.split([' ', '.']).next().unwrap_or_default().to_lowercase();
        UNITS.contains(&first.as_str()) || field.starts_with('#')
    }) {
        let unit = fields.remove(at);
        parts.insert("unit".to_owned(), json!(expanded(&unit)));
    }
    let number = |word: &str| {
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        digits > 0
            && word.len() <= digits + 4
            && word[digits..]
                .chars()
                .all(|rest| rest.is_alphanumeric() || matches!(rest, '-' | '/'))
    };
    let Some(at) = fields
        .iter()
        .position(|field| field.split(' ').any(number))
        .or_else(|| fields.iter().position(|field| is_street(field)))
    else {
        return;
    };
    let field = fields.remove(at);
    let mut words: Vec<&str> = field.split(' ').collect();
    if let Some(unit) = words
        .iter()
        .position(|word| UNITS.contains(&word.trim_end_matches('.').to_lowercase().as_str()) || word.starts_with('#'))
        && unit > 0
    {
        let rest: Vec<&str> = words.split_off(unit);
        parts.entry("unit").or_insert_with(|| json!(expanded(&rest.join(" "))));
    }
    let house = if words.first().is_some_and(|word| number(word)) && words.len() > 1 {
        Some(words.remove(0))
    } else if words.len() > 1 && words.last().is_some_and(|word| number(word)) {
        order.house_behind = true;
        words.pop()
    } else {
        None
    };
    if let Some(house) = house {
        parts.insert("house_number".to_owned(), json!(house));
    }
    let street = words.join(" ");
    let english = matches!(
        region,
        None | Some("US" | "CA" | "GB" | "AU" | "NZ" | "IE" | "IN" | "ZA")
    );
    let street = german(&street, region);
    let street = if english && !street.to_lowercase().contains("straße") {
        expanded(&street)
    } else {
        street
    };
    if !street.is_empty() {
        parts.insert("street".to_owned(), json!(street));
    }
}

/// A street with the German word for it in full: `Hauptstr.` is Hauptstraße, and in Switzerland Hauptstrasse.
fn german(street: &str, region: Option<&str>) -> String {
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

/// Words in full: `Main St` is Main Street, and `St James St` is St James Street.
fn expanded(street: &str) -> String {
    let words: Vec<&str> = street.split(' ').collect();
    words
        .iter()
        .enumerate()
        .map(|(nth, word)| {
            let key = word.trim_end_matches('.').to_lowercase();
            let direction = matches!(key.as_str(), "n" | "s" | "e" | "w" | "ne" | "nw" | "se" | "sw");
            // A saint stands in front of a name, a street behind it; a direction stands at either end.
            let place = if direction {
                nth == 0 || nth + 1 == words.len()
            } else {
                nth > 0 || UNITS.contains(&key.as_str())
            };
            STREETS
                .iter()
                .find(|(short, _)| *short == key && place && words.len() > 1)
                .map_or(*word, |(_, long)| *long)
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> String {
        let found = find(text, &Settings::default());
        found
            .first()
            .map_or("-".to_owned(), |found| found.outcome.candidates()[0].parts.to_string())
    }

    #[test]
    fn addresses_are_cut_into_parts() {
        insta::assert_snapshot!(parts("123 N Main St. Apt 4B, Springfield, IL 62704"), @r#"{"postal_code":"62704","state":"IL","city":"Springfield","unit":"Apartment 4B","house_number":"123","street":"North Main Street"}"#);
        insta::assert_snapshot!(parts("Hauptstraße 5a\n10115 Berlin\nGermany"), @r#"{"country":"DE","postal_code":"10115","city":"Berlin","house_number":"5a","street":"Hauptstraße"}"#);
        insta::assert_snapshot!(parts("10 Downing Street, London SW1A 2AA, UK"), @r#"{"country":"GB","postal_code":"SW1A 2AA","city":"London","house_number":"10","street":"Downing Street"}"#);
        insta::assert_snapshot!(parts("Kungsgatan 12, 114 55 Stockholm"), @r#"{"postal_code":"114 55","city":"Stockholm","house_number":"12","street":"Kungsgatan"}"#);
        insta::assert_snapshot!(parts("P.O. Box 123, Austin, TX 78701"), @r#"{"postal_code":"78701","state":"TX","city":"Austin","street":"PO Box 123"}"#);
        insta::assert_snapshot!(parts("hello world"), @"-");
    }

    #[test]
    fn an_address_keeps_the_order_of_its_country() {
        let of = |text: &str, region: Option<&str>| {
            let settings = Settings {
                region: region.map(str::to_owned),
                ..Settings::default()
            };
            let outcome = crate::Format::Address.normalize(text, &settings);
            outcome.value().unwrap_or("-").to_owned()
        };
        assert_eq!(
            of("Hauptstr. 5, 10115 Berlin", Some("DE")),
            "Hauptstraße 5, 10115 Berlin"
        );
        assert_eq!(
            of("Hauptstraße 5a\n10115 Berlin\nGermany", None),
            "Hauptstraße 5a, 10115 Berlin, Germany"
        );
        assert_eq!(
            of("Kungsgatan 12, 114 55 Stockholm", None),
            "Kungsgatan 12, 114 55 Stockholm"
        );
        assert_eq!(
            of("10 rue de la Paix, 75002 Paris", Some("FR")),
            "10 rue de la Paix, 75002 Paris"
        );
        assert_eq!(
            of("123 main street, springfield, IL 62704", Some("US")),
            "123 main street, springfield, IL 62704"
        );
        assert_eq!(
            of("10 downing street, london sw1a 2aa", Some("GB")),
            "10 Downing Street, London, SW1A 2AA"
        );
    }
}
