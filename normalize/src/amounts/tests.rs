use super::*;

fn values(found: &[Found]) -> Vec<Vec<String>> {
    found
        .iter()
        .map(|found| {
            found
                .outcome
                .candidates()
                .iter()
                .map(|canonical| canonical.value.clone())
                .collect()
        })
        .collect()
}

#[test]
fn an_amount_is_a_currency_and_a_number() {
    let of = |text| values(&find_amounts(text, &Settings::default()));
    assert_eq!(of("€1.234,50"), [["EUR 1234.50"]]);
    assert_eq!(of("1234.5 euros"), [["EUR 1234.50"]]);
    assert_eq!(of("USD 12"), [["USD 12.00"]]);
    assert_eq!(of("¥500 or £3k"), [vec!["JPY 500", "CNY 500.00"], vec!["GBP 3000.00"]]);
    assert_eq!(of("A$ 99"), [["AUD 99.00"]]);
    assert_eq!(of("12 apples"), Vec::<Vec<String>>::new());
}

#[test]
fn hundredths_behind_the_sign_are_a_part_of_the_amount() {
    let amounts = |text| values(&find_amounts(text, &Settings::default()));
    for text in ["3 Euro 50", "3€50", "3 Euro und 50 Cent", "3 euros 50 cents", "€3 50c"] {
        assert_eq!(amounts(text), [["EUR 3.50"]], "{text}");
    }
    assert_eq!(amounts("£2 50p"), [["GBP 2.50"]]);
    assert_eq!(amounts("2 pounds and 5 pence"), [["GBP 2.05"]]);
    assert_eq!(amounts("12.50 EUR 01.02.2024"), [["EUR 12.50"]]);
    assert_eq!(amounts("50 cents"), Vec::<Vec<String>>::new());
    let settings = Settings {
        currency: Some("EUR".to_owned()),
        ..Settings::default()
    };
    assert_eq!(values(&find_amounts("50 cents", &settings)), [["EUR 0.50"]]);
    assert_eq!(values(&find_amounts("3 Euro 50", &settings)), [["EUR 3.50"]]);
    // What can't be told is left to others.
    for text in ["3 Euro 5", "3 Euro 500", "3 Euro 50 g", "EUR 3 50", "500 yen 50"] {
        let outcome = crate::Format::Amount.normalize(text, &Settings::default());
        assert_eq!(outcome.value(), None, "{text}: {outcome:?}");
    }
}

#[test]
fn words_that_several_currencies_share_are_as_ambiguous_as_their_signs() {
    for (text, region, value) in [
        ("5 bucks", "US", "USD 5.00"),
        ("$5", "US", "USD 5.00"),
        ("500 rupees", "PK", "PKR 500.00"),
        ("Rs. 500", "PK", "PKR 500.00"),
        ("20 pesos", "MX", "MXN 20.00"),
        ("20 kroner", "DK", "DKK 20.00"),
        ("20 dirhams", "MA", "MAD 20.00"),
    ] {
        let outcome = crate::Format::Amount.normalize(text, &Settings::default());
        assert!(matches!(outcome, Outcome::Ambiguous { .. }), "{text}: {outcome:?}");
        let settings = Settings {
            region: Some(region.to_owned()),
            ..Settings::default()
        };
        assert_eq!(
            crate::Format::Amount.normalize(text, &settings).value(),
            Some(value),
            "{text}"
        );
    }
}

#[test]
fn a_part_is_not_taken_for_the_whole() {
    let amounts = |text| values(&find_amounts(text, &Settings::default()));
    assert_eq!(amounts("12 1/2 EUR"), [["EUR 12.50"]]);
    assert_eq!(amounts("5-10 EUR"), [["EUR 10.00", "EUR 5.00"]]);
    assert_eq!(amounts("€5-€10"), [["EUR 5.00"], ["EUR 10.00"]]);
    assert_eq!(amounts("€5-10"), [["EUR 5.00", "EUR 10.00"]]);
    assert_eq!(amounts("EUR 5 EUR 10"), [["EUR 5.00"], ["EUR 10.00"]]);
    assert_eq!(
        amounts("-€5, -EUR 6, EUR -7 and -€0"),
        [["EUR -5.00"], ["EUR -6.00"], ["EUR -7.00"], ["EUR 0.00"]]
    );
    let quantities = |text| values(&find_quantities(text, &Settings::default()));
    assert_eq!(quantities("1/2 cup"), [["0.5 cup"]]);
    assert_eq!(quantities("1 1/2 cups"), [["1.5 cup"]]);
    assert_eq!(quantities("2-3 kg"), [["3 kg", "2 kg"]]);
    assert_eq!(quantities("2 to 3 kg"), [["3 kg", "2 kg"]]);
    assert_eq!(quantities("6 x 330 ml"), [["330 ml", "6 ml"]]);
    assert_eq!(quantities("3x5 cm"), [["5 cm", "3 cm"]]);
    assert_eq!(quantities("3 cm x 5 cm"), [["3 cm"], ["5 cm"]]);
    assert_eq!(quantities("B5 m"), Vec::<Vec<String>>::new());
    assert_eq!(quantities("5 ft 11 1/2 in"), [["71.5 in"]]);
}

#[test]
fn a_dollar_is_that_of_the_region() {
    let canada = Settings {
        region: Some("CA".to_owned()),
        ..Settings::default()
    };
    assert_eq!(values(&find_amounts("$5", &canada)), [["CAD 5.00"]]);
    assert_eq!(values(&find_amounts("$5", &Settings::default()))[0].len(), 5);
}

#[test]
fn quantities_keep_their_unit_or_take_that_of_the_si() {
    let of = |text| values(&find_quantities(text, &Settings::default()));
    assert_eq!(of("weighs 2,5 kg"), [["2.5 kg"]]);
    assert_eq!(of("5'11\""), [["71 in"]]);
    assert_eq!(of("5 ft 11 in"), [["71 in"]]);
    assert_eq!(of("100 km/h, 20 °C"), [["100 km/h"], ["20 °C"]]);
    let si = Settings {
        units: Units::Si,
        ..Settings::default()
    };
    assert_eq!(values(&find_quantities("250 g", &si)), [["0.25 kg"]]);
    assert_eq!(values(&find_quantities("6 ft", &si)), [["1.8288 m"]]);
    assert_eq!(values(&find_quantities("68 °F", &si)), [["293.15 K"]]);
}
