//! Whole tables, from records to entities.

#![expect(clippy::unwrap_used, reason = "a test that can't be prepared has failed")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use refuel_resolve::{
    Blocking, Cluster, Comparator, Mode, Profile, Record, Resolution, ResolveError, ResolveOptions, Rule, Scorer,
    Sources, Step, assignment, compare_clusters, resolve,
};

/// Whole tables, resolved without labels.
fn unsupervised(
    records: &[Record],
    sources: &Sources,
    comparator: &Comparator,
    options: &ResolveOptions,
) -> Resolution {
    let scorer = Scorer::Unsupervised;
    resolve(records, sources, comparator, None, scorer, options, &|_, _, _| true).unwrap()
}

/// The clusters behind the entities.
fn clusters(resolution: &Resolution) -> Vec<Cluster> {
    resolution
        .entities
        .iter()
        .map(|entity| entity.cluster.clone())
        .collect()
}

/// Shops as two lists have them: each of the first list once more, written otherwise, and some that only one has.
fn shops() -> (Vec<Record>, Vec<u32>, Vec<u32>) {
    let names = [
        "Harbour",
        "Sunset",
        "Golden",
        "Old Mill",
        "Riverside",
        "Corner",
        "Central",
        "Garden",
    ];
    let kinds = ["Bakery", "Coffee House", "Bookshop", "Hardware", "Pharmacy"];
    let streets = [
        "Market Street",
        "High Street",
        "Station Road",
        "Church Lane",
        "Park Avenue",
        "Mill Lane",
    ];
    let mut random = fastrand::Rng::with_seed(21);
    let (mut records, mut sources, mut truth) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..200u32 {
        let name = format!("{} {}", random.choice(names).unwrap(), random.choice(kinds).unwrap());
        let street = format!("{} {}", random.u32(1..200), random.choice(streets).unwrap());
        let phone = format!("{:03} {:04}", random.u32(200..999), random.u32(0..10_000));
        let of =
            |name: &str, street: &str, phone: &str| Record::new([("name", name), ("street", street), ("phone", phone)]);
        if number % 10 != 9 {
            records.push(of(&name, &street, &phone));
            sources.push(0);
            truth.push(number);
        }
        if number % 10 != 8 {
            let street = street
                .replace("Street", "St.")
                .replace("Avenue", "Ave")
                .replace("Road", "Rd");
            let name = if number % 3 == 0 {
                format!("The {}", name.to_uppercase())
            } else {
                name
            };
            let phone = if number % 7 == 0 {
                String::new()
            } else {
                phone.replace(' ', "-")
            };
            records.push(of(&name, &street, &phone));
            sources.push(1);
            truth.push(number);
        }
    }
    (records, sources, truth)
}

/// Two directories of restaurants of which one in six is in both. Those of a city share its area code, its few streets and
/// often the kind of food, so that most of what two of them agree in says nothing.
fn restaurants() -> (Vec<Record>, Vec<u32>, Vec<u32>) {
    let mut random = fastrand::Rng::with_seed(8);
    let word = |random: &mut fastrand::Rng, length: usize| -> String {
        (0..length)
            .map(|_| char::from(*random.choice(b"abcdeghiklmnoprstuv").unwrap()))
            .collect()
    };
    let words: Vec<String> = (0..250).map(|i| word(&mut random, 4 + i % 5)).collect();
    let cities: Vec<String> = (0..8).map(|_| word(&mut random, 9)).collect();
    let streets: Vec<String> = (0..60).map(|_| word(&mut random, 7)).collect();
    let foods: Vec<String> = (0..25).map(|_| word(&mut random, 6)).collect();
    let (mut records, mut sources, mut truth) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..700u32 {
        let city = random.usize(0..8);
        let mut pick = |list: &[String]| random.choice(list).unwrap().clone();
        let (name, food) = (format!("{} {}", pick(&words), pick(&words)), pick(&foods));
        let street = pick(&streets[city * 7..city * 7 + 7]);
        let house = random.u32(1..3000);
        let phone = random.u32(0..10_000_000);
        for source in 0..2u32 {
            if number % 6 != 0 && number % 2 != source {
                continue;
            }
            let errors = number % 6 == 0 && source == 1;
            let name = if errors && random.bool() {
                format!("{name} (the)")
            } else {
                name.clone()
            };
            let food = if errors {
                random.choice(&foods).unwrap().clone()
            } else {
                food.clone()
            };
            let kind = if errors { "blvd." } else { "boulevard" };
            let phone = format!(
                "{}{}{:03}-{:04}",
                200 + city,
                if errors { "/" } else { "-" },
                phone / 10_000,
                phone % 10_000
            );
            records.push(Record::new([
                ("name", name),
                ("address", format!("{house} {street} {kind}")),
                ("city", cities[city].clone()),
                ("phone", phone),
                ("food", food),
            ]));
            sources.push(source);
            truth.push(number);
        }
    }
    (records, sources, truth)
}

#[test]
fn what_all_of_a_city_have_in_common_makes_no_match() {
    let (records, sources, truth) = restaurants();
    let comparator = Comparator::new(Profile::fit(&records, &BTreeMap::new()).unwrap(), false);
    for mode in [Mode::Link, Mode::LinkAndDeduplicate] {
        let sources = Sources::tables(mode, sources.clone()).unwrap();
        let options = ResolveOptions::default();
        let resolution = unsupervised(&records, &sources, &comparator, &options);
        let clusters = clusters(&resolution);
        let figures = compare_clusters(&assignment(&clusters, truth.len()).unwrap(), &truth).unwrap();
        assert!(figures.pairwise.f1 > 0.95, "{mode:?}: {figures:?}");
    }
}

/// A register in which an entity stands up to six times, with a typing error or a missing value in each copy.
fn register() -> (Vec<Record>, Vec<u32>) {
    let mut random = fastrand::Rng::with_seed(4);
    let word = |random: &mut fastrand::Rng, length: usize| -> String {
        (0..length)
            .map(|_| char::from(*random.choice(b"abcdeghiklmnoprstuv").unwrap()))
            .collect()
    };
    let firsts: Vec<String> = (0..40).map(|_| word(&mut random, 6)).collect();
    let cities: Vec<String> = (0..30).map(|_| word(&mut random, 8)).collect();
    let (mut records, mut truth) = (Vec::new(), Vec::new());
    for number in 0..150u32 {
        let row = [
            random.choice(&firsts).unwrap().clone(),
            word(&mut random, 8),
            random.choice(&cities).unwrap().clone(),
            format!(
                "19{:02}-{:02}-{:02}",
                random.u32(20..99),
                random.u32(1..13),
                random.u32(1..29)
            ),
        ];
        for copy in 0..=number % 6 {
            let mut row = row.clone();
            if copy > 0 {
                let value = &mut row[random.usize(0..4)];
                let at = random.usize(0..value.len());
                if random.u32(0..4) == 0 {
                    value.clear();
                } else {
                    value.replace_range(at..=at, if value.starts_with("19") { "0" } else { "w" });
                }
            }
            records.push(Record::new(["first", "last", "city", "born"].into_iter().zip(row)));
            truth.push(number);
        }
    }
    (records, truth)
}

#[test]
fn an_entity_that_stands_six_times_is_one_cluster() {
    let (records, truth) = register();
    let comparator = Comparator::new(Profile::fit(&records, &BTreeMap::new()).unwrap(), false);
    let sources = Sources::one_table(records.len());
    let options = ResolveOptions::default();
    let resolution = unsupervised(&records, &sources, &comparator, &options);
    let clusters = clusters(&resolution);
    let figures = compare_clusters(&assignment(&clusters, truth.len()).unwrap(), &truth).unwrap();
    assert!(figures.pairwise.f1 > 0.97 && figures.exact.f1 > 0.92, "{figures:?}");
}

#[test]
fn a_table_without_a_duplicate_stays_as_it_is() {
    let (records, truth) = register();
    let mut seen = std::collections::BTreeSet::new();
    let records: Vec<Record> = records
        .into_iter()
        .zip(truth)
        .filter(|row| seen.insert(row.1))
        .map(|row| row.0)
        .collect();
    let comparator = Comparator::new(Profile::fit(&records, &BTreeMap::new()).unwrap(), false);
    let sources = Sources::one_table(records.len());
    let options = ResolveOptions::default();
    let resolution = resolve(
        &records,
        &sources,
        &comparator,
        None,
        Scorer::Unsupervised,
        &options,
        &|_, _, _| true,
    );
    let joined = resolution
        .unwrap()
        .entities
        .iter()
        .filter(|entity| entity.cluster.members.len() > 1)
        .count();
    assert!(joined <= 1, "{joined} clusters were made of 150 people");
}

fn run(mode: Mode, watch: &dyn Fn(Step, usize, usize) -> bool) -> Result<(Resolution, Vec<u32>), ResolveError> {
    let (records, sources, truth) = shops();
    let comparator = Comparator::new(Profile::fit(&records, &BTreeMap::new())?, false);
    let sources = Sources::tables(mode, sources)?;
    let options = ResolveOptions::default();
    let resolution = resolve(
        &records,
        &sources,
        &comparator,
        None,
        Scorer::Unsupervised,
        &options,
        watch,
    )?;
    Ok((resolution, truth))
}

#[test]
fn two_lists_are_linked_without_a_label() {
    let (resolution, truth) = run(Mode::Link, &|_, _, _| true).unwrap();
    let clusters = clusters(&resolution);
    let found = assignment(&clusters, truth.len()).unwrap();
    let figures = compare_clusters(&found, &truth).unwrap();
    assert!(figures.pairwise.f1 > 0.97, "{figures:?}");
    assert!(resolution.estimated_recall.unwrap() > 0.9);
    assert!(
        resolution
            .entities
            .iter()
            .all(|entity| entity.cluster.members.len() <= 2)
    );
}

#[test]
fn an_entity_says_where_its_values_come_from() {
    let (resolution, _) = run(Mode::LinkAndDeduplicate, &|_, _, _| true).unwrap();
    let entity = resolution
        .entities
        .iter()
        .find(|entity| entity.cluster.members.len() == 2)
        .unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&entity.canonical).unwrap());
}

#[test]
fn the_same_records_give_the_same_result() {
    let once = run(Mode::LinkAndDeduplicate, &|_, _, _| true).unwrap().0;
    let again = run(Mode::LinkAndDeduplicate, &|_, _, _| true).unwrap().0;
    assert_eq!(once, again);
}

#[test]
fn a_scorer_of_ones_own_is_asked() {
    let (records, _, truth) = shops();
    let comparator = Comparator::new(Profile::fit(&records, &BTreeMap::new()).unwrap(), false);
    let phone = comparator
        .features()
        .iter()
        .position(|feature| feature.name == "phone.exact")
        .unwrap();
    let score = move |row: &[f32]| if row[phone] > 0.5 { 0.95 } else { 0.05 };
    let sources = Sources::one_table(records.len());
    let options = ResolveOptions::default();
    let resolution = resolve(
        &records,
        &sources,
        &comparator,
        None,
        Scorer::Trained(&score),
        &options,
        &|_, _, _| true,
    );
    let resolution = resolution.unwrap();
    let clusters = clusters(&resolution);
    let figures = compare_clusters(&assignment(&clusters, truth.len()).unwrap(), &truth).unwrap();
    assert!(
        figures.pairwise.precision > 0.99 && figures.pairwise.recall > 0.8,
        "{figures:?}"
    );
    assert!(resolution.weights.is_none());
}

#[test]
fn each_step_is_told_to_its_end_and_can_be_stopped() {
    let told = Mutex::new(Vec::new());
    run(Mode::Link, &|step, done, all| {
        told.lock().unwrap().push((step, done, all));
        true
    })
    .unwrap();
    let told = told.into_inner().unwrap();
    for step in [Step::Prepare, Step::Block, Step::Score, Step::Cluster] {
        let last = told.iter().rev().find(|told| told.0 == step).unwrap();
        assert_eq!(last.1, last.2, "{step:?}");
    }
    for step in [Step::Prepare, Step::Block, Step::Score, Step::Cluster] {
        assert_eq!(
            run(Mode::Link, &|now, _, _| now != step).unwrap_err(),
            ResolveError::Cancelled
        );
    }
}

#[test]
fn records_that_have_nothing_in_common_stay_alone() {
    let records: Vec<Record> = ["amber", "birch", "cedar", ""]
        .iter()
        .map(|name| Record::new([("name", *name)]))
        .collect();
    let comparator = Comparator::new(Profile::fit(&records, &BTreeMap::new()).unwrap(), false);
    let options = ResolveOptions {
        blocking: Blocking {
            rules: vec![Rule::Words { nearest: 5 }],
            ..Blocking::default()
        },
        ..ResolveOptions::default()
    };
    let sources = Sources::one_table(4);
    let resolution = unsupervised(&records, &sources, &comparator, &options);
    assert_eq!(resolution.entities.len(), 4);
    assert!(
        resolution
            .entities
            .iter()
            .filter(|entity| !entity.canonical.is_empty())
            .all(|entity| entity.cluster.confidence > 0.99)
    );
    assert!(
        resolution.entities[3].cluster.confidence < 1e-6,
        "nothing says that a record without a value is alone"
    );
    assert!(resolution.entities[3].canonical.is_empty());
    assert_eq!(resolution.estimated_recall, None);
}
