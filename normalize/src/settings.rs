//! What a raw value doesn't say by itself.

use isocountry::CountryCode;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::NormalizeError;

/// What a raw value doesn't say by itself: where and when it was written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Country of telephone numbers and addresses without one, and of the order of dates: two letters of ISO 3166-1.
    pub region: Option<String>,
    /// Whether 03/04 is the third of April. Follows from the region; where neither is given, such a date is ambiguous.
    pub day_first: Option<bool>,
    /// Now, for "tomorrow" and for dates without a year. Without it they are refused or ambiguous.
    pub reference: Option<DateTime>,
    /// Mark before decimals: `.` or `,`. Without it, 1,234 is ambiguous.
    pub decimal: Option<char>,
    /// Currency of amounts without one: three letters of ISO 4217.
    pub currency: Option<String>,
    /// Whether quantities come in the units of the SI (metre, kilogram, second...), or as they were written.
    pub units: Units,
}

/// The units of quantities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Units {
    /// Each quantity in the unit in which it was written, by its symbol.
    #[default]
    Written,
    /// In the base unit of its sort.
    Si,
}

/// Countries that write the month before the day.
const MONTH_FIRST: [&str; 9] = ["US", "PH", "FM", "MH", "PW", "GU", "AS", "MP", "VI"];

/// Countries that write a comma before decimals (CLDR, symbols of numbers).
const COMMA: [&str; 47] = [
    "AR", "AT", "BE", "BG", "BO", "BR", "BY", "CL", "CO", "CR", "CZ", "DE", "DK", "EC", "EE", "ES", "FI", "FR", "GR",
    "HR", "HU", "ID", "IS", "IT", "KZ", "LT", "LV", "MD", "MK", "NL", "NO", "PL", "PT", "PY", "RO", "RS", "RU", "SE",
    "SI", "SK", "TR", "UA", "UY", "UZ", "VE", "VN", "ZA",
];

impl Settings {
    /// Whether the settings make sense.
    pub fn check(&self) -> Result<(), NormalizeError> {
        if let Some(region) = &self.region
            && CountryCode::for_alpha2_caseless(region).is_err()
        {
            return Err(NormalizeError::Setting {
                key: "region",
                value: region.clone(),
                expected: "a country's two letters of ISO 3166-1, such as \"DE\"",
            });
        }
        if let Some(decimal) = self.decimal.filter(|mark| !matches!(mark, '.' | ',')) {
            return Err(NormalizeError::Setting {
                key: "decimal",
                value: decimal.to_string(),
                expected: "\".\" or \",\"",
            });
        }
        if let Some(currency) = &self.currency
            && iso_currency::Currency::from_code(&currency.to_uppercase()).is_none()
        {
            return Err(NormalizeError::Setting {
                key: "currency",
                value: currency.clone(),
                expected: "a currency's three letters of ISO 4217, such as \"EUR\"",
            });
        }
        Ok(())
    }

    /// The region in capitals.
    pub(crate) fn region(&self) -> Option<String> {
        self.region.as_ref().map(|region| region.to_uppercase())
    }

    /// Whether the day comes first, where that is known.
    pub(crate) fn day_first(&self) -> Option<bool> {
        self.day_first
            .or_else(|| self.region().map(|region| !MONTH_FIRST.contains(&region.as_str())))
    }

    /// The mark before decimals, where that is known.
    pub(crate) fn decimal(&self) -> Option<char> {
        self.decimal.or_else(|| {
            self.region()
                .map(|region| if COMMA.contains(&region.as_str()) { ',' } else { '.' })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_make_no_sense_are_named() {
        let settings = Settings {
            region: Some("XX".to_owned()),
            ..Settings::default()
        };
        let error = settings.check().unwrap_err();
        assert_eq!(error.to_string(), "\"region\" can't be \"XX\"");
        assert_eq!(error.code(), "RF1702");
    }

    #[test]
    fn a_region_tells_the_order_of_dates_and_the_mark_of_decimals() {
        let of = |region: &str| Settings {
            region: Some(region.to_owned()),
            ..Settings::default()
        };
        assert_eq!((of("us").day_first(), of("us").decimal()), (Some(false), Some('.')));
        assert_eq!((of("DE").day_first(), of("DE").decimal()), (Some(true), Some(',')));
    }
}
