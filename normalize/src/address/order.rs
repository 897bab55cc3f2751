//! The order of the parts of an address.

use serde_json::{Map, Value};

/// In what order an address is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Order {
    /// The number of the house behind the street.
    pub(super) house_behind: bool,
    /// The postal code in front of the city.
    pub(super) code_first: bool,
}

/// Countries in whose addresses the number stands behind the street and the code in front of the city.
const HOUSE_BEHIND: [&str; 28] = [
    "DE", "AT", "CH", "LI", "NL", "BE", "DK", "SE", "NO", "FI", "IS", "IT", "ES", "PT", "PL", "CZ", "SK", "HU", "SI",
    "HR", "RS", "BA", "GR", "EE", "TR", "MK", "ME", "BG",
];
/// Countries in whose addresses the number stands in front of the street.
const HOUSE_FIRST: [&str; 14] = [
    "US", "CA", "GB", "IE", "AU", "NZ", "ZA", "IN", "PH", "MY", "SG", "HK", "FR", "LU",
];

impl Order {
    /// The order that is usual in a country. None where that is not known here: an address keeps its own.
    pub(super) fn of_region(region: &str) -> Option<Self> {
        if HOUSE_BEHIND.contains(&region) {
            return Some(Self {
                house_behind: true,
                code_first: true,
            });
        }
        HOUSE_FIRST.contains(&region).then_some(Self {
            house_behind: false,
            code_first: matches!(region, "FR" | "LU"),
        })
    }
}

/// What stands among the parts of an address and is none of them, as it is written.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// Whom it is for.
    pub(super) front: Vec<String>,
    /// Between the street and the city.
    pub(super) middle: Vec<String>,
    /// Behind the place, in front of the country.
    pub(super) behind: Vec<String>,
}

impl Others {
    pub(super) fn all(&self) -> Vec<&str> {
        let all = self.front.iter().chain(&self.middle).chain(&self.behind);
        all.map(String::as_str).collect()
    }
}

/// One line in an order: house and street, unit, city, state with code, country.
pub(super) fn written(parts: &Map<String, Value>, others: &Others, order: Order) -> String {
    let get = |key: &str| parts.get(key).and_then(Value::as_str).unwrap_or_default();
    let join = |pieces: &[&str], mark: &str| {
        pieces
            .iter()
            .copied()
            .filter(|piece| !piece.is_empty())
            .collect::<Vec<_>>()
            .join(mark)
    };
    let (first, second) = if order.house_behind {
        (get("street"), get("house_number"))
    } else {
        (get("house_number"), get("street"))
    };
    let street = join(&[first, second], " ");
    let (city, place) = if order.code_first {
        (join(&[get("postal_code"), get("city")], " "), get("state").to_owned())
    } else {
        (get("city").to_owned(), join(&[get("state"), get("postal_code")], " "))
    };
    join(
        &[
            &others.front.join(", "),
            &street,
            get("unit"),
            &others.middle.join(", "),
            &city,
            &place,
            &others.behind.join(", "),
            crate::names::country_name(get("country")).unwrap_or_default(),
        ],
        ", ",
    )
}
