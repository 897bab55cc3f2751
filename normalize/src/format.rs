//! The formats, by name.

use serde::{Deserialize, Serialize};

use crate::moment::Kind;
use crate::outcome::{Canonical, Found, Outcome, Refusal};
use crate::placeholder::is_placeholder;
use crate::settings::Settings;
use crate::{NormalizeError, address, amounts, dates, names, number, people, phone, web};

/// What sort of value a raw value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A day: `2024-03-05` (ISO 8601).
    Date,
    /// A time of day: `15:30:00` (ISO 8601).
    Time,
    /// A time of a day: `2024-03-05T15:30:00` (ISO 8601).
    Datetime,
    /// How long something lasts: `PT1H30M` (ISO 8601).
    Duration,
    /// A telephone number: `+4930901820` (E.164). One with an extension, which E.164 has no place for, is ambiguous.
    Phone,
    /// An amount of money: `EUR 1234.50` (ISO 4217).
    Amount,
    /// A number in digits, with a point before decimals: `-1234.5`. A percentage is a fraction.
    Number,
    /// A number with a unit: `2.5 kg`.
    Quantity,
    /// A country: `DE` (ISO 3166-1, two letters).
    Country,
    /// A language: `de` (ISO 639-1, or three letters of ISO 639-3 where it has none).
    Language,
    /// `true` or `false`.
    Boolean,
    /// An e-mail address with its domain in lower case.
    Email,
    /// A URL as the URL standard serializes it.
    Url,
    /// A person's name: `Jane Q. Doe Jr.`
    Person,
    /// A company's name with its legal form: `Acme GmbH`.
    Company,
    /// A postal address in one line.
    Address,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 16] = [
        Self::Date,
        Self::Time,
        Self::Datetime,
        Self::Duration,
        Self::Phone,
        Self::Amount,
        Self::Number,
        Self::Quantity,
        Self::Country,
        Self::Language,
        Self::Boolean,
        Self::Email,
        Self::Url,
        Self::Person,
        Self::Company,
        Self::Address,
    ];

    /// As task files name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Time => "time",
            Self::Datetime => "datetime",
            Self::Duration => "duration",
            Self::Phone => "phone",
            Self::Amount => "amount",
            Self::Number => "number",
            Self::Quantity => "quantity",
            Self::Country => "country",
            Self::Language => "language",
            Self::Boolean => "boolean",
            Self::Email => "email",
            Self::Url => "url",
            Self::Person => "person",
            Self::Company => "company",
            Self::Address => "address",
        }
    }

    /// The [settings](Settings) that values of this format are read by, by their names; the others mean nothing to it.
    pub fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Date | Self::Datetime => &["region", "day_first", "reference"],
            Self::Time => &["reference"],
            Self::Phone | Self::Address => &["region"],
            Self::Amount => &["region", "decimal", "currency"],
            Self::Number => &["region", "decimal"],
            Self::Quantity => &["region", "decimal", "units"],
            Self::Duration
            | Self::Country
            | Self::Language
            | Self::Boolean
            | Self::Email
            | Self::Url
            | Self::Person
            | Self::Company => &[],
        }
    }

    /// The format of a name, as task files write it.
    pub fn named(name: &str) -> Result<Self, NormalizeError> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| {
                let lower = name.to_lowercase().replace(['-', '_', ' '], "");
                let nearest = Self::ALL
                    .into_iter()
                    .map(|format| (strsim::jaro_winkler(&lower, format.name()), format))
                    .filter(|(score, _)| *score >= 0.8)
                    .max_by(|one, other| one.0.total_cmp(&other.0));
                NormalizeError::UnknownFormat {
                    name: name.to_owned(),
                    nearest: nearest.map(|(_, format)| format.name().to_owned()),
                }
            })
    }

    /// Every value of the format in a text, from left to right, each with the bytes that say it.
    pub fn find(self, text: &str, settings: &Settings) -> Vec<Found> {
        if is_placeholder(text) {
            return self.code_of_placeholder(text, settings);
        }
        match self {
            Self::Date => dates::find(text, settings, Kind::Date),
            Self::Time => dates::find(text, settings, Kind::Time),
            Self::Datetime => dates::find(text, settings, Kind::DateTime),
            Self::Duration => dates::find(text, settings, Kind::Duration),
            Self::Phone => phone::find(text, settings),
            Self::Amount => amounts::find_amounts(text, settings),
            Self::Number => number::find(text, settings),
            Self::Quantity => amounts::find_quantities(text, settings),
            Self::Country => names::find_countries(text, settings),
            Self::Language => names::find_languages(text, settings),
            Self::Boolean => names::find_booleans(text, settings),
            Self::Email => web::find_emails(text, settings),
            Self::Url => web::find_urls(text, settings),
            Self::Person => settled(text, settings, people::find_persons),
            Self::Company => settled(text, settings, people::find_companies),
            Self::Address => settled(text, settings, address::find),
        }
    }

    /// The code that a text is which stands for no value otherwise: `NA` is Namibia. A person should look at it.
    fn code_of_placeholder(self, text: &str, settings: &Settings) -> Vec<Found> {
        let mut found = match self {
            Self::Country => names::find_countries(text, settings),
            Self::Language => names::find_languages(text, settings),
            _ => Vec::new(),
        };
        found.retain(|found| found.outcome.value() == Some(text));
        for one in &mut found {
            if let Outcome::Canonical(canonical) = &mut one.outcome {
                canonical.confidence = 0.5;
            }
        }
        found
    }

    /// The one value that a raw value has. Several different ones in a text are ambiguous; the same one twice is not.
    ///
    /// A canonical value is its own canonical value: normalizing it again changes nothing.
    pub fn normalize(self, raw: &str, settings: &Settings) -> Outcome {
        if raw.trim().is_empty() {
            return Outcome::Refused { reason: Refusal::Empty };
        }
        let mut found = self.find(raw, settings);
        if found.len() == 1 {
            return found.remove(0).outcome;
        }
        let mut refusal = None;
        let mut candidates: Vec<Canonical> = Vec::new();
        let mut open = None;
        for found in found {
            match found.outcome {
                Outcome::Refused { reason } => refusal = Some(reason),
                Outcome::Canonical(canonical) => merge(&mut candidates, canonical),
                Outcome::Ambiguous {
                    candidates: more,
                    reason,
                } => {
                    open = Some(reason);
                    more.into_iter().for_each(|canonical| merge(&mut candidates, canonical));
                }
            }
        }
        match (candidates.len(), open, refusal) {
            (0, Some(reason), _) => Outcome::Ambiguous { candidates, reason },
            (0, None, refusal) => Outcome::Refused {
                reason: refusal.unwrap_or(Refusal::NotFound),
            },
            (1, None, None) => Outcome::Canonical(candidates.remove(0)),
            _ => {
                let share = 1.0 / candidates.len() as f32;
                candidates
                    .iter_mut()
                    .for_each(|canonical| canonical.confidence = canonical.confidence.min(share));
                Outcome::Ambiguous {
                    candidates,
                    reason: open.unwrap_or(crate::together::SEVERAL),
                }
            }
        }
    }
}

/// Keeps a value once, at its highest confidence.
fn merge(candidates: &mut Vec<Canonical>, canonical: Canonical) {
    match candidates.iter_mut().find(|known| known.value == canonical.value) {
        Some(known) => known.confidence = known.confidence.max(canonical.confidence),
        None => candidates.push(canonical),
    }
}

/// What was found, with values that are read again as they are: a value that isn't is read until it is, or refused.
fn settled(text: &str, settings: &Settings, find: fn(&str, &Settings) -> Vec<Found>) -> Vec<Found> {
    let mut found = find(text, settings);
    for one in &mut found {
        let Outcome::Canonical(canonical) = &mut one.outcome else {
            continue;
        };
        let mut stable = false;
        for _ in 0..4 {
            let again = find(&canonical.value, settings);
            let Some(value) = again.first().and_then(|found| found.outcome.value()) else {
                break;
            };
            stable = value == canonical.value;
            if stable {
                break;
            }
            value.clone_into(&mut canonical.value);
            canonical.confidence *= 0.9;
        }
        if !stable {
            one.outcome = Outcome::Refused {
                reason: Refusal::NotFound,
            };
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(format: Format, raw: &str) -> Vec<String> {
        let outcome = format.normalize(raw, &Settings::default());
        outcome
            .candidates()
            .iter()
            .map(|canonical| canonical.value.clone())
            .collect()
    }

    #[test]
    fn a_date_that_can_be_two_is_ambiguous() {
        assert_eq!(values(Format::Date, "03/04/2025"), ["2025-04-03", "2025-03-04"]);
        assert_eq!(values(Format::Date, "13/04/2025"), ["2025-04-13"]);
        let settings = Settings {
            region: Some("DE".to_owned()),
            ..Settings::default()
        };
        assert_eq!(
            Format::Date.normalize("03.04.2025", &settings).value(),
            Some("2025-04-03")
        );
    }

    #[test]
    fn what_is_told_from_now_needs_now() {
        let refused = Outcome::Refused {
            reason: Refusal::NeedsReference,
        };
        assert_eq!(Format::Date.normalize("tomorrow", &Settings::default()), refused);
        let settings = Settings {
            reference: "2024-02-28T09:00:00".parse().ok(),
            ..Settings::default()
        };
        assert_eq!(
            Format::Date.normalize("tomorrow", &settings).value(),
            Some("2024-02-29")
        );
        assert_eq!(
            Format::Datetime.normalize("3pm tomorrow", &settings).value(),
            Some("2024-02-29T15:00:00")
        );
    }

    #[test]
    fn dates_of_other_languages() {
        for raw in [
            "3. März 2020",
            "3 de marzo de 2020",
            "le 3 mars 2020",
            "2020年3月3日",
            "3 марта 2020",
        ] {
            assert_eq!(values(Format::Date, raw), ["2020-03-03"], "{raw}");
        }
    }

    #[test]
    fn a_day_that_is_not_is_refused() {
        assert_eq!(
            Format::Date.normalize("2019-02-30", &Settings::default()),
            Outcome::Refused {
                reason: Refusal::Invalid
            }
        );
    }

    #[test]
    fn times_and_durations() {
        assert_eq!(values(Format::Time, "3 pm"), ["15:00:00"]);
        assert_eq!(values(Format::Time, "at 7 o'clock"), ["07:00:00", "19:00:00"]);
        assert_eq!(values(Format::Duration, "1h 30min"), ["PT1H30M"]);
        assert_eq!(values(Format::Duration, "90 minutes"), ["PT1H30M"]);
        assert_eq!(values(Format::Duration, "1:30:00"), ["PT1H30M"]);
        assert_eq!(values(Format::Duration, "a fortnight"), ["P14D"]);
    }

    #[test]
    fn a_format_that_is_not_names_the_nearest() {
        let error = Format::named("e-mail").err();
        assert_eq!(
            error.clone().and_then(|error| error.hint()).as_deref(),
            Some("did you mean \"email\"?")
        );
        assert_eq!(error.map(|error| error.code()), Some("RF1701"));
        assert_eq!(Format::named("phone"), Ok(Format::Phone));
    }
}
