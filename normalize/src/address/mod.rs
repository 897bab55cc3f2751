//! Postal addresses: cut into parts by where they stand and what they look like.
//!
//! No maintained library in Rust does this without a large model (libpostal's has two gigabytes), so that only the usual
//! orders of lines are read; what does not fit has a low confidence, and is for a model or a person. No word of a text is
//! lost: where one finds no place among the parts, there is no address.

mod codes;
mod order;
mod words;

use serde_json::{Map, Value, json};

use crate::names::{country_of, trimmed};
use crate::outcome::{Found, Outcome};
use crate::people::readable;
use crate::settings::Settings;
use crate::text::plain;
use codes::postal_code;
use order::{Order, Others, written};
use words::{
    expanded, expanded_unit, german, is_letters, is_like_street, is_number, is_street, is_street_word, is_unit, keys,
    state, state_in_small,
};

/// What stands between two marks.
struct Field {
    /// Where it stands among the others; even but for the second half of what was cut in two.
    nth: usize,
    text: String,
}

/// The parts of an address as they are read.
#[derive(Default)]
struct Reading {
    parts: Map<String, Value>,
    order: Order,
    /// What names the state and the country, whose words are not those of the parts.
    named: Vec<String>,
    /// Where the street stood, and where the place from its first field to its last.
    street: Option<usize>,
    place: Option<(usize, usize)>,
}

impl Reading {
    fn set(&mut self, key: &str, value: &str) {
        self.parts.insert(key.to_owned(), json!(value));
    }

    fn has(&self, key: &str) -> bool {
        self.parts.contains_key(key)
    }

    fn state(&mut self, letters: &str, written: &str) {
        self.set("state", letters);
        self.named.push(written.to_owned());
    }

    fn place_at(&mut self, nth: usize) {
        let (first, last) = self.place.unwrap_or((nth, nth));
        self.place = Some((first.min(nth), last.max(nth)));
    }

    /// The fields that are no part, by where they stand among the parts. None where that would change their order.
    fn others(&self, fields: &[Field]) -> Option<Others> {
        let mut others = Others::default();
        let (first, last) = self.place.unwrap_or((usize::MAX, usize::MAX));
        let street = self.street.unwrap_or(first);
        for field in fields {
            let text = field.text.clone();
            if field.nth < street && street <= first {
                others.front.push(text);
            } else if (street..first).contains(&field.nth) {
                others.middle.push(text);
            } else if field.nth > last && street <= first {
                others.behind.push(text);
            } else {
                return None;
            }
        }
        Some(others)
    }
}

/// The address that a text is: its parts, and one line in the order of its country.
pub(crate) fn find(text: &str, settings: &Settings) -> Vec<Found> {
    let span = trimmed(text);
    let shown = plain(&text[span.clone()]).text;
    if shown.len() > 400 || !shown.chars().any(char::is_alphabetic) {
        return Vec::new();
    }
    let letters = shown.chars().filter(|character| character.is_alphabetic());
    // Capitals or small letters throughout say nothing of the names.
    let is_flat = letters.clone().all(char::is_uppercase) || letters.clone().all(char::is_lowercase);
    let mut fields: Vec<Field> = shown
        .split(['\n', '\r', ',', ';', '|'])
        .map(|field| field.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|field| !field.is_empty())
        .map(|field| if is_flat { readable(&field, 4) } else { field })
        .enumerate()
        .map(|(nth, text)| Field { nth: 2 * nth, text })
        .collect();
    let mut reading = Reading::default();
    read_country(&mut fields, &mut reading, settings);
    let of_text = reading.parts.get("country").and_then(Value::as_str);
    let region = of_text.map(str::to_owned).or_else(|| settings.region());
    read_place(&mut fields, &mut reading, region.as_deref());
    read_street(&mut fields, &mut reading, region.as_deref());
    if let Some(of_region) = region.as_deref().and_then(Order::of_region) {
        reading.order = of_region;
    }
    let known = ["street", "house_number", "postal_code", "city"]
        .into_iter()
        .filter(|key| reading.has(key))
        .count();
    if known < 2 {
        return Vec::new();
    }
    let others = reading.others(&fields).filter(|_| reading.keeps_words(&shown, &fields));
    let Some(others) = others else {
        return vec![Found {
            span,
            outcome: Outcome::Ambiguous {
                candidates: Vec::new(),
                reason: "not every word of the address is told as a part of it",
            },
        }];
    };
    if !fields.is_empty() {
        reading.parts.insert("other".to_owned(), json!(others.all()));
    }
    let value = written(&reading.parts, &others, reading.order);
    let confidence = 0.4 + 0.12 * known as f32 - if fields.is_empty() { 0.0 } else { 0.1 };
    vec![Found::one(value, Value::Object(reading.parts), confidence, span)]
}

impl Reading {
    /// Whether every word of a text is one of the parts, or of the fields that are none.
    fn keeps_words(&self, shown: &str, fields: &[Field]) -> bool {
        let mut told: Vec<&str> = ["street", "house_number", "unit", "city", "postal_code"]
            .into_iter()
            .filter_map(|key| self.parts.get(key).and_then(Value::as_str))
            .collect();
        told.extend(self.named.iter().map(String::as_str));
        told.extend(fields.iter().map(|field| field.text.as_str()));
        keys(&told.join(" , ")) == keys(shown)
    }
}

/// The country: the last field, or what stands behind the postal code in it.
fn read_country(fields: &mut Vec<Field>, reading: &mut Reading, settings: &Settings) {
    let country = |text: &str| {
        let is_name = text.len() > 3 || matches!(text, "USA" | "UK" | "UAE");
        // Georgia is a state in America.
        let is_state = settings.region().as_deref() == Some("US") && state(text).is_some();
        country_of(text).filter(|_| is_name && !is_state).map(|(code, _)| code)
    };
    let count = fields.len();
    let Some(last) = fields.last_mut() else { return };
    if count > 1
        && let Some(code) = country(&last.text)
    {
        reading.set("country", code);
        reading.named.push(last.text.clone());
        fields.pop();
        return;
    }
    let spaces: Vec<usize> = last.text.match_indices(' ').map(|(at, _)| at).collect();
    let behind = spaces.into_iter().find_map(|at| {
        let name = &last.text[at + 1..];
        let code = country(name).or_else(|| (name == "US").then_some("US"))?;
        let region = Some(code);
        postal_code(&last.text[..at], region)
            .is_some_and(|(_, _, after)| after.is_empty())
            .then_some((code, at))
    });
    if let Some((code, at)) = behind {
        reading.set("country", code);
        reading.named.push(last.text[at + 1..].to_owned());
        last.text.truncate(at);
    }
}

/// City, state and postal code: from the last fields.
fn read_place(fields: &mut Vec<Field>, reading: &mut Reading, region: Option<&str>) {
    let Some(at) = fields
        .iter()
        .rposition(|field| postal_code(&field.text, region).is_some())
    else {
        read_place_without_code(fields, reading, region);
        return;
    };
    let Field { nth, text: field } = fields.remove(at);
    let Some((code, before, after)) = postal_code(&field, region) else {
        return;
    };
    reading.set("postal_code", &code);
    reading.place_at(nth);
    // The code stands behind the state in America, and before or behind the city elsewhere.
    let mut city = after.to_owned();
    reading.order.code_first = !after.is_empty();
    let mut state_name = None;
    if !after.is_empty() && is_like_street(before) {
        // All in one field: what is in front of the code is the street.
        let text = before.to_owned();
        fields.insert(at, Field { nth, text });
        reading.place = Some((nth + 1, nth + 1));
    } else if after.is_empty() && !before.is_empty() {
        let words: Vec<&str> = before.split(' ').collect();
        let found = (0..words.len()).find_map(|from| {
            let text = words[from..].join(" ");
            let small = || state_in_small(&text, region, words.len() == 1).filter(|_| from + 1 == words.len());
            state(&text).or_else(small).map(|letters| (from, letters, text))
        });
        let mut words = words;
        if let Some((from, letters, text)) = found {
            words.truncate(from);
            if is_letters(&text) {
                reading.state(letters, &text);
            } else {
                state_name = Some((letters, text));
            }
        }
        city = words.join(" ");
        if let Some(end) = end_of_street(&words) {
            // A number behind the street is none of a city: who can tell where that begins?
            let has_number = words[end..]
                .iter()
                .any(|word| word.contains(|digit: char| digit.is_ascii_digit()));
            let end = if has_number { words.len() } else { end };
            let text = words[..end].join(" ");
            fields.insert(at, Field { nth, text });
            reading.place = Some((nth + 1, nth + 1));
            city = words[end..].join(" ");
        }
    }
    let is_cut = reading.place == Some((nth + 1, nth + 1));
    if city.is_empty()
        && !is_cut
        && let Some(candidate) = at.checked_sub(1)
    {
        let others_are_streets = |fields: &[Field]| {
            let mut others = fields.iter().enumerate().filter(|(other, _)| *other != candidate);
            others.any(|(_, field)| is_like_street(&field.text))
        };
        let text = &fields[candidate].text;
        let has_number = text.split(' ').any(is_number);
        if !is_like_street(text) || (!has_number && others_are_streets(fields)) {
            let field = fields.remove(candidate);
            reading.place_at(field.nth);
            city = field.text;
        }
    }
    match state_name {
        // New York alone is the city.
        Some((_, text)) if city.is_empty() => city = text,
        Some((letters, text)) => reading.state(letters, &text),
        None => {}
    }
    if !city.is_empty() {
        reading.set("city", &city);
    }
}

/// Where the street ends in words that begin with its number and end with a city: behind its own word, the direction after
/// it, and the unit.
fn end_of_street(words: &[&str]) -> Option<usize> {
    if words.len() < 3 || !words[0].starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let mut end = words.iter().rposition(|word| is_street(word))? + 1;
    let direction = |word: &&str| matches!(*word, "N" | "S" | "E" | "W" | "NE" | "NW" | "SE" | "SW");
    if words.get(end).is_some_and(direction) {
        end += 1;
    }
    if words.get(end).is_some_and(|word| is_unit(word)) {
        end += if words[end].starts_with('#') { 1 } else { 2 };
    }
    Some(end.min(words.len()))
}

/// City and state where there is no postal code: the last fields.
fn read_place_without_code(fields: &mut Vec<Field>, reading: &mut Reading, region: Option<&str>) {
    if fields.len() < 2 {
        return;
    }
    let Some(last) = fields.pop() else { return };
    reading.place_at(last.nth);
    let is_city =
        |fields: &[Field]| fields.len() > 1 && fields.last().is_some_and(|field| !is_like_street(&field.text));
    let letters = state(&last.text).or_else(|| state_in_small(&last.text, region, true));
    match letters {
        // A state by its name that no city stands in front of is the city: New York.
        Some(letters) if is_letters(&last.text) || is_city(fields) => {
            reading.state(letters, &last.text);
            if is_city(fields)
                && let Some(city) = fields.pop()
            {
                reading.place_at(city.nth);
                reading.set("city", &city.text);
            }
        }
        _ => reading.set("city", &last.text),
    }
}

/// House number, street and unit: from the field that has a number.
fn read_street(fields: &mut Vec<Field>, reading: &mut Reading, region: Option<&str>) {
    // A box at the post office stands in the place of a street.
    let box_of = |field: &Field| {
        let lower = field.text.to_ascii_lowercase();
        let letters: String = lower.chars().filter(|character| character.is_alphanumeric()).collect();
        let number = lower.find("box").map(|at| field.text[at + 3..].trim().to_owned());
        number.filter(|number| letters.starts_with("pobox") && !number.is_empty())
    };
    if let Some((at, number)) = fields
        .iter()
        .enumerate()
        .find_map(|(at, field)| Some((at, box_of(field)?)))
    {
        reading.street = Some(fields.remove(at).nth);
        reading.set("street", &format!("PO Box {number}"));
        return;
    }
    // Units are fields of their own, or follow the street.
    let mut unit = None;
    if let Some(at) = fields.iter().position(|field| {
        let words: Vec<&str> = field.text.split(' ').collect();
        is_unit(words[0]) && words.len() <= 3
    }) {
        unit = Some(expanded_unit(&fields.remove(at).text));
    }
    let street = fields
        .iter()
        .position(|field| field.text.split(' ').any(is_number))
        .or_else(|| fields.iter().position(|field| is_street(&field.text)));
    if let Some(at) = street {
        let Field { nth, text } = fields.remove(at);
        reading.street = Some(nth);
        let mut words: Vec<&str> = text.split(' ').collect();
        let is_short = |name: &&str| name.chars().count() == 1 || name.contains(|digit: char| digit.is_ascii_digit());
        let is_named = |rest: &[&str]| rest[0].starts_with('#') || (rest.len() > 1 && rest[1..].iter().all(is_short));
        if let Some(from) = (1..words.len()).find(|from| is_unit(words[*from]) && is_named(&words[*from..])) {
            let own = expanded_unit(&words.split_off(from).join(" "));
            unit = Some(unit.map_or(own.clone(), |unit| format!("{own}, {unit}")));
        }
        read_house(words, reading, region);
    }
    if let Some(unit) = unit {
        reading.set("unit", &unit);
    }
}

/// The number of the house, in front of the street or behind it, and the street.
fn read_house(mut words: Vec<&str>, reading: &mut Reading, region: Option<&str>) {
    // Route 66 is no house on a route where houses stand in front.
    let house_first = region
        .and_then(Order::of_region)
        .is_some_and(|order| !order.house_behind);
    let is_route = |words: &[&str]| house_first && words.len() > 1 && is_street_word(words[words.len() - 2]);
    let house = if words.len() > 1 && is_number(words[0]) {
        Some(words.remove(0))
    } else if words.len() > 1 && words.last().is_some_and(|word| is_number(word)) && !is_route(&words) {
        reading.order.house_behind = true;
        words.pop()
    } else {
        None
    };
    if let Some(house) = house {
        reading.set("house_number", house);
    }
    let street = german(&words.join(" "), region);
    let english = matches!(
        region,
        None | Some("US" | "CA" | "GB" | "AU" | "NZ" | "IE" | "IN" | "ZA")
    );
    let street = if english && !street.to_lowercase().contains("straße") {
        expanded(&street)
    } else {
        street
    };
    if !street.is_empty() {
        reading.set("street", &street);
    }
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

    /// The address as it is written in a country, or `-`.
    fn of(text: &str, region: Option<&str>) -> String {
        let settings = Settings {
            region: region.map(str::to_owned),
            ..Settings::default()
        };
        let outcome = crate::Format::Address.normalize(text, &settings);
        outcome.value().unwrap_or("-").to_owned()
    }

    #[test]
    fn addresses_are_cut_into_parts() {
        insta::assert_snapshot!(parts("123 N Main St. Apt 4B, Springfield, IL 62704"), @r#"{"postal_code":"62704","state":"IL","city":"Springfield","house_number":"123","street":"North Main Street","unit":"Apartment 4B"}"#);
        insta::assert_snapshot!(parts("Hauptstraße 5a\n10115 Berlin\nGermany"), @r#"{"country":"DE","postal_code":"10115","city":"Berlin","house_number":"5a","street":"Hauptstraße"}"#);
        insta::assert_snapshot!(parts("10 Downing Street, London SW1A 2AA, UK"), @r#"{"country":"GB","postal_code":"SW1A 2AA","city":"London","house_number":"10","street":"Downing Street"}"#);
        insta::assert_snapshot!(parts("Kungsgatan 12, 114 55 Stockholm"), @r#"{"postal_code":"114 55","city":"Stockholm","house_number":"12","street":"Kungsgatan"}"#);
        insta::assert_snapshot!(parts("P.O. Box 123, Austin, TX 78701"), @r#"{"postal_code":"78701","state":"TX","city":"Austin","street":"PO Box 123"}"#);
        insta::assert_snapshot!(parts("hello world"), @"-");
    }

    #[test]
    fn an_address_keeps_the_order_of_its_country() {
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

    #[test]
    fn no_word_of_an_address_is_lost_and_none_changes_its_place() {
        for (text, region, value) in [
            ("10 rue de la Paix 75002 Paris", None, "10 rue de la Paix, 75002 Paris"),
            (
                "10 rue de la Paix 75002 Paris",
                Some("FR"),
                "10 rue de la Paix, 75002 Paris",
            ),
            ("Via Roma 12 20121 Milano", None, "Via Roma 12, 20121 Milano"),
            (
                "Unter den Linden 77 10117 Berlin",
                Some("DE"),
                "Unter den Linden 77, 10117 Berlin",
            ),
            (
                "Unter den Linden 77 10117 Berlin Germany",
                None,
                "Unter den Linden 77, 10117 Berlin Germany",
            ),
            (
                "5th Avenue & 42nd Street, New York",
                Some("US"),
                "5th Avenue & 42nd Street, New York",
            ),
            (
                "350 5th Ave, New York, NY 10118",
                Some("US"),
                "350 5th Avenue, New York, NY 10118",
            ),
            (
                "350 5th Ave, New York 10118",
                Some("US"),
                "350 5th Avenue, New York, 10118",
            ),
            (
                "12 State St, Albany, New York 12207",
                Some("US"),
                "12 State Street, Albany, NY 12207",
            ),
            (
                "123 main st apt 4, springfield, il 62704",
                Some("US"),
                "123 Main Street, Apartment 4, Springfield, IL 62704",
            ),
            (
                "123 main st apt 4, springfield, il 62704",
                None,
                "123 Main Street, Apartment 4, Springfield, IL 62704",
            ),
            (
                "123 Main St Apt 4 Springfield IL 62704",
                None,
                "123 Main Street, Apartment 4, Springfield, IL 62704",
            ),
            (
                "123 Main St, St Paul, MN 55101 USA",
                None,
                "123 Main Street, St Paul, MN 55101, United States of America",
            ),
            (
                "10 Downing Street, Westminster, London SW1A 2AA",
                Some("GB"),
                "10 Downing Street, Westminster, London, SW1A 2AA",
            ),
            (
                "Acme Ltd, 10 Downing St, London SW1A 2AA",
                Some("GB"),
                "Acme Ltd, 10 Downing Street, London, SW1A 2AA",
            ),
            (
                "PO Box 123 Station A, Toronto, ON M5V 2T6",
                Some("CA"),
                "PO Box 123 Station A, Toronto, ON M5V 2T6",
            ),
            (
                "12 Oak Ave, Suite E, Austin, TX 78701",
                Some("US"),
                "12 Oak Avenue, Suite E, Austin, TX 78701",
            ),
            (
                "12 Avenue N, Brooklyn, NY 11230",
                Some("US"),
                "12 Avenue N, Brooklyn, NY 11230",
            ),
            (
                "T703 State Route 66, Archbold, OH 43502 US",
                Some("US"),
                "T703 State Route 66, Archbold, OH 43502, United States of America",
            ),
            (
                "125 s state road 7 ste 104 wellington fl 33414",
                Some("US"),
                "125 South State Road 7 Ste 104 Wellington, FL 33414",
            ),
            (
                "5 Old St Pancras Rd, London",
                Some("GB"),
                "5 Old St Pancras Road, London",
            ),
        ] {
            assert_eq!(of(text, region), value, "{text} in {region:?}");
        }
    }
}
