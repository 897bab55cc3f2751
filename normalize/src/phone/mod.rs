//! Telephone numbers: found in text by their form, and written as E.164.
//!
//! What a number is, which country it is of and whether it can exist is said by libphonenumber's metadata
//! (`phonenumber`); where a number begins and ends, and what is a date, a card or an account instead, by [`scan`].

mod scan;

use std::str::FromStr;

use phonenumber::{Mode, country};
use serde_json::json;

use crate::outcome::{Canonical, Found, Outcome};
use crate::settings::Settings;
use crate::text::plain;
use scan::Candidate;

/// The telephone numbers of a text.
pub(crate) fn find(text: &str, settings: &Settings) -> Vec<Found> {
    let plain = plain(text);
    scan::candidates(&plain.text)
        .into_iter()
        .map(|candidate| {
            let span = plain.original(&candidate.span);
            let outcome = outcome(&candidate, settings, &span);
            Found { span, outcome }
        })
        .collect()
}

fn outcome(candidate: &Candidate, settings: &Settings, span: &std::ops::Range<usize>) -> Outcome {
    let canonical = |number: &phonenumber::PhoneNumber, confidence: f32| {
        let mut parts = json!({
            "country_code": number.code().value(),
            "national": number.national().to_string(),
            "country": number.country().id().map(|id| id.as_ref().to_owned()),
        });
        if let Some(extension) = &candidate.extension {
            parts["extension"] = json!(extension);
        }
        Canonical {
            value: number.format().mode(Mode::E164).to_string(),
            parts,
            confidence,
            span: span.clone(),
        }
    };
    // A number without its extension is another one's, and with it it is none of E.164.
    let told = |number: &phonenumber::PhoneNumber, confidence: f32| {
        let canonical = canonical(number, confidence);
        if candidate.extension.is_none() {
            return Outcome::Canonical(canonical);
        }
        Outcome::Ambiguous {
            candidates: vec![Canonical {
                confidence: confidence.min(0.5),
                ..canonical
            }],
            reason: "the number has an extension, which E.164 has no place for",
        }
    };
    if let Some(digits) = &candidate.international {
        return match parse(None, &format!("+{digits}")) {
            Some(number) => {
                let confidence = if phonenumber::is_valid(&number) { 0.98 } else { 0.6 };
                told(&number, confidence)
            }
            None => Outcome::Refused {
                reason: crate::Refusal::Invalid,
            },
        };
    }
    if let Some(region) = settings.region() {
        let number = country::Id::from_str(&region)
            .ok()
            .and_then(|id| parse(Some(id), &candidate.digits));
        if let Some(number) = number {
            let confidence = if phonenumber::is_valid(&number) { 0.95 } else { 0.5 };
            return told(&number, confidence);
        }
    }
    // A number may have its country's code, and lack the plus.
    let mut candidates: Vec<Canonical> = parse(None, &format!("+{}", candidate.digits))
        .filter(|number| candidate.digits.len() > 10 && phonenumber::is_valid(number))
        .map(|number| canonical(&number, 0.5))
        .into_iter()
        .collect();
    candidates.truncate(1);
    Outcome::Ambiguous {
        candidates,
        reason: "the number doesn't say its country",
    }
}

/// The number that digits are; the library is only given digits with a plus.
fn parse(region: Option<country::Id>, digits: &str) -> Option<phonenumber::PhoneNumber> {
    phonenumber::parse(region, digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, region: Option<&str>) -> Vec<String> {
        let settings = Settings {
            region: region.map(str::to_owned),
            ..Settings::default()
        };
        find(text, &settings)
            .into_iter()
            .map(|found| found.outcome.value().unwrap_or("?").to_owned())
            .collect()
    }

    #[test]
    fn a_number_is_written_as_e164() {
        assert_eq!(values("Tel.: +49 (0)30 901820", None), ["+4930901820"]);
        assert_eq!(values("call 0044 20 7946 0018 now", None), ["+442079460018"]);
        assert_eq!(values("(030) 901820", Some("DE")), ["+4930901820"]);
        assert_eq!(values("＋３３ ６ ４４ ６４ ４４ ４４", None), ["+33644644444"]);
    }

    #[test]
    fn a_number_with_an_extension_is_no_e164() {
        for (text, region) in [("(415) 555-2671 ext. 42", Some("US")), ("+49 30 901820 ext 5", None)] {
            assert_eq!(values(text, region), ["?"], "{text}");
        }
        let found = find("+49 30 901820 ext 5", &Settings::default());
        let candidates = found[0].outcome.candidates();
        assert_eq!(candidates[0].value, "+4930901820");
        assert_eq!(candidates[0].parts["extension"], "5");
    }

    #[test]
    fn a_number_of_no_country_is_not_guessed() {
        assert_eq!(values("030 901820", None), ["?"]);
    }
}
