//! What records agree in by chance, and what makes no match of them without labels.

#![expect(clippy::unwrap_used, reason = "a test that can't be prepared has failed")]

use std::collections::BTreeMap;

use refuel_resolve::{Comparator, Profile, Record, Resolution, ResolveOptions, Scorer, Sources, resolve};

fn resolved(records: &[Record]) -> Resolution {
    let comparator = Comparator::new(Profile::fit(records, &BTreeMap::new()).unwrap(), false);
    let sources = Sources::one_table(records.len());
    let options = ResolveOptions::default();
    let scorer = Scorer::Unsupervised;
    resolve(records, &sources, &comparator, None, scorer, &options, &|_, _, _| true).unwrap()
}

/// The records of each entity that has several.
fn merged(resolution: &Resolution) -> Vec<Vec<u32>> {
    let entities = resolution.entities.iter().map(|entity| &entity.cluster.members);
    entities
        .filter(|members| members.len() > 1)
        .map(|members| members.iter().map(|member| member.record).collect())
        .collect()
}

fn rows<const N: usize>(columns: [&str; N], rows: &[[&str; N]]) -> Vec<Record> {
    rows.iter()
        .map(|row| Record::new(columns.into_iter().zip(*row)))
        .collect()
}

#[test]
fn a_shared_date_alone_makes_no_match() {
    let mut random = fastrand::Rng::with_seed(11);
    let records: Vec<Record> = (0..1500)
        .map(|_| {
            let (quantity, price) = (random.u32(1..100_000), random.u32(100..100_000));
            let (year, month, day) = (random.u32(2020..2025), random.u32(1..13), random.u32(1..29));
            Record::new([
                ("quantity", quantity.to_string()),
                ("price", format!("{}.{:02}", price / 100, price % 100)),
                ("date", format!("{year}-{month:02}-{day:02}")),
            ])
        })
        .collect();
    let found = merged(&resolved(&records));
    assert!(found.len() <= 3, "{} groups of rows that share a date", found.len());
}

#[test]
fn addresses_of_one_domain_are_not_one_sender() {
    let senders = [
        "p.novak@example.org",
        "sam@example.org",
        "d.haas@example.org",
        "b.lund@example.org",
        "m.ferri@example.org",
        "j.ortega@example.com",
        "lena.k@mail.example",
        "t.okafor@mailbox.example",
        "a.dupont@example.net",
        "rhiannon@postbox.example",
        "g.aldous@mail.example",
        "ewa.lis@poczta.example",
        "marcus@example.com",
        "hanna.b@example.net",
    ];
    let records = rows(["sender"], &senders.map(|sender| [sender]));
    assert_eq!(merged(&resolved(&records)), [[0u32; 0]; 0]);
    let twice = [&senders[..], &["Sam@example.org"]].concat();
    let records: Vec<Record> = twice.iter().map(|sender| Record::new([("sender", *sender)])).collect();
    let resolution = resolved(&records);
    assert_eq!(merged(&resolution), [[1, 14]]);
    let pairs = resolution.merged.unwrap();
    assert_eq!((pairs.pairs, pairs.in_one_column), (1, 1));
}

#[test]
fn a_birthday_in_common_makes_no_match() {
    let mut random = fastrand::Rng::with_seed(3);
    let firsts = [
        "Quin", "Ada", "Ben", "Cleo", "Dora", "Emil", "Finn", "Gus", "Hana", "Ivo",
    ];
    let lasts = [
        "Smith", "Novak", "Lund", "Ferri", "Haas", "Okafor", "Dupont", "Vaughan", "Ortega", "Lis",
    ];
    let cities = ["Leeds", "Kiel", "Lyon", "Porto", "Gdansk"];
    let records: Vec<Record> = (0..100)
        .map(|number| {
            let (first, last) = (firsts[number % 10], lasts[number / 10]);
            Record::new([
                ("name", format!("{first} {last}")),
                (
                    "email",
                    format!("{}.{}@mail.example", first.to_lowercase(), last.to_lowercase()),
                ),
                (
                    "born",
                    format!(
                        "19{}-{:02}-{:02}",
                        70 + number % 3,
                        random.u32(1..13),
                        random.u32(1..29)
                    ),
                ),
                ("city", cities[random.usize(0..5)].to_owned()),
            ])
        })
        .collect();
    let found = merged(&resolved(&records));
    assert!(
        found.len() <= 1,
        "{found:?} are others, who share a birthday or a part of the name"
    );
}

#[test]
fn two_words_in_common_are_not_one_name() {
    let records = rows(
        ["name", "city", "phone"],
        &[
            ["Lone Star Freezers", "Austin", "512 555 0200"],
            ["Lone Star Supplies", "Dallas", "214 555 0118"],
            ["Golden Gate Supplies", "San Francisco", "415 555 0190"],
            ["Golden Gate Suplies", "San Francisco", "415 555 0190"],
            ["Harbour Light Trading", "Boston", "617 555 0101"],
            ["Harbor Light Trading Co.", "Boston", "(617) 555-0101"],
            ["Old Mill Bakery", "Concord", "978 555 0133"],
            ["Sunset Motors", "Los Angeles", "213 555 0177"],
            ["Riverside Paper", "Albany", "518 555 0142"],
        ],
    );
    let resolution = resolved(&records);
    assert_eq!(merged(&resolution), [[2, 3], [4, 5]]);
    let sure = resolution.entities.iter().map(|entity| &entity.cluster);
    let sure = sure
        .filter(|cluster| cluster.members.len() > 1)
        .map(|cluster| cluster.confidence);
    for confidence in sure {
        assert!(
            (0.6..0.95).contains(&confidence),
            "two matches were seen, no more: {confidence}"
        );
    }
}

/// Firms in houses that several share, of whom some are written twice. Of neighbours' names one word of three is
/// the same here and there. Gives the records and the pairs that are one.
fn neighbours() -> (Vec<Record>, Vec<(u32, u32)>) {
    let mut random = fastrand::Rng::with_seed(8);
    let firsts = [
        "Golden", "Silver", "Harbour", "Old", "Sunset", "River", "North", "Grand", "Royal", "Green",
    ];
    let middles = [
        "Gate", "Mill", "Star", "Bridge", "Garden", "Light", "Stone", "Field", "Crown", "Lake",
    ];
    let lasts = [
        "Supplies", "Trading", "Bakery", "Motors", "Books", "Tools", "Foods", "Tailors", "Prints", "Glass",
    ];
    let streets = [
        "Oak", "Elm", "Main", "Pine", "Hill", "Park", "Lake", "Mill", "Church", "King",
    ];
    let cities = [
        "Boston", "Concord", "Salem", "Dover", "Nashua", "Keene", "Bangor", "Quincy",
    ];
    let mut rows: Vec<[String; 5]> = Vec::new();
    for house in 0..90usize {
        let (street, city) = (streets[random.usize(..10)], cities[house % 8]);
        let address = format!("{} {street} Street", random.u32(1..400));
        for floor in 0..4 {
            let [first, last] = [firsts[(house + 3 * floor) % 10], lasts[(house * 7 + floor) % 10]];
            let name = format!("{first} {} {last}", middles[random.usize(..10)]);
            let phone = format!("{:03} {:04}", random.u32(200..999), random.u32(0..10_000));
            rows.push([
                name,
                address.clone(),
                city.to_owned(),
                format!("{:05}", 2000 + house / 2),
                phone,
            ]);
        }
    }
    let mut pairs = Vec::new();
    for number in (0..rows.len()).step_by(6) {
        let mut again = rows[number].clone();
        match number % 4 {
            0 => again[0].push_str(" Co"),
            1 => drop(again[0].remove(3)),
            2 => again[4].clear(),
            _ => again[1] = again[1].replace("Street", "St"),
        }
        pairs.push((number as u32, rows.len() as u32));
        rows.push(again);
    }
    let columns = ["name", "street", "city", "postal_code", "phone"];
    let records = rows.into_iter().map(|row| Record::new(columns.into_iter().zip(row)));
    (records.collect(), pairs)
}

#[test]
fn neighbours_with_names_a_little_alike_are_not_surely_one() {
    let (records, pairs) = neighbours();
    let resolution = resolved(&records);
    let wrong = resolution
        .pairs
        .iter()
        .filter(|pair| !pairs.contains(&(pair.left, pair.right)));
    let sure: Vec<_> = wrong.filter(|pair| pair.probability > 0.8).collect();
    assert!(sure.is_empty(), "{sure:?}");
    let one: Vec<Vec<u32>> = merged(&resolution);
    let wrong: Vec<&Vec<u32>> = one
        .iter()
        .filter(|one| one.len() != 2 || !pairs.contains(&(one[0], one[1])))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(
        one.len() * 10 >= pairs.len() * 9,
        "{} of {} are found",
        one.len(),
        pairs.len()
    );
}
