//! One record for a cluster, with what speaks for each of its values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strsim::jaro_winkler;

use crate::cluster::Cluster;
use crate::error::{ResolveError, unknown_column};
use crate::profile::{Profile, Role};
use crate::record::Record;
use crate::text::{compact, day_number, normalize, parse_date, parse_number};

/// How a column of the canonical record is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choose {
    /// The value that most members have; of several, the one most like the others, then the longest, then the first.
    #[default]
    Vote,
    /// The longest value, of several equally long ones the one that most members have.
    Longest,
    /// The value of the member with the latest date in another column; of members without one, the vote.
    Latest {
        /// The column with the dates.
        by: String,
    },
    /// The value of the member whose table comes first in this list of source numbers; else the vote.
    Source {
        /// Numbers of tables, the most trusted first.
        order: Vec<u32>,
    },
}

/// A value of a canonical record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CanonicalField {
    /// The column.
    pub column: String,
    /// The value as it stands in the record it was taken from.
    pub value: String,
    /// Index of that record.
    pub record: u32,
    /// How it was chosen.
    pub choose: Choose,
    /// How many members have the same value, case and accents aside.
    pub support: usize,
    /// How many members have any value.
    pub given: usize,
    /// Other values with how many members have each, the most frequent first.
    pub alternatives: Vec<(String, usize)>,
}

/// What a member says of a column.
struct Said<'a> {
    record: u32,
    text: &'a str,
    normalized: String,
    probability: f32,
}

/// The canonical record of a cluster: one field for each column of the profile in which a member has a value.
///
/// `choose` names how columns are chosen; the others by the longest value where they are long texts, else by vote. `source`
/// gives the table of a record.
///
/// # Errors
/// A column that the profile does not have.
pub fn canonical(
    cluster: &Cluster,
    records: &[Record],
    profile: &Profile,
    source: &dyn Fn(u32) -> u32,
    choose: &BTreeMap<String, Choose>,
) -> Result<Vec<CanonicalField>, ResolveError> {
    let names: Vec<String> = profile.columns().iter().map(|column| column.name.clone()).collect();
    for (column, choose) in choose {
        let by = match choose {
            Choose::Latest { by } => Some(by),
            _ => None,
        };
        if let Some(unknown) = [Some(column), by]
            .into_iter()
            .flatten()
            .find(|name| !names.contains(name))
        {
            return Err(unknown_column(unknown, &names));
        }
    }
    let mut fields = Vec::new();
    for column in profile.columns() {
        let said: Vec<Said<'_>> = cluster
            .members
            .iter()
            .filter_map(|member| {
                let text = records[member.record as usize].get(&column.name)?;
                Some(Said {
                    record: member.record,
                    text,
                    normalized: normal_form(text, column.role),
                    probability: member.probability,
                })
            })
            .collect();
        let groups = groups(&said, column.role);
        let Some(first) = groups.first() else {
            continue;
        };
        let default = match column.role {
            Role::Text => Choose::Longest,
            _ => Choose::Vote,
        };
        let choose = choose.get(&column.name).cloned().unwrap_or(default);
        let taken = match &choose {
            Choose::Vote => None,
            Choose::Longest => Some(spelling(longest(&groups))),
            Choose::Latest { by } => preferred(&said, |said| {
                let date = parse_date(&normalize(records[said.record as usize].get(by)?))?;
                Some(-day_number(date))
            }),
            Choose::Source { order } => preferred(&said, |said| {
                let table = source(said.record);
                order
                    .iter()
                    .position(|number| *number == table)
                    .map(|place| place as f64)
            }),
        };
        let taken = taken.unwrap_or_else(|| spelling(first));
        let same = |other: &Said<'_>| other.normalized == taken.normalized;
        fields.push(CanonicalField {
            column: column.name.clone(),
            value: taken.text.to_owned(),
            record: taken.record,
            choose,
            support: said.iter().filter(|other| same(other)).count(),
            given: said.len(),
            alternatives: groups
                .iter()
                .filter(|other| !same(other[0]))
                .map(|other| (spelling(other).text.to_owned(), other.len()))
                .collect(),
        });
    }
    Ok(fields)
}

/// What is the same for a vote: the value of a number or date, a code without its punctuation, else the plain text.
fn normal_form(text: &str, role: Role) -> String {
    let plain = normalize(text);
    match role {
        Role::Number => parse_number(&plain).map_or(plain, |number| number.to_string()),
        Role::Date => parse_date(&plain).map_or(plain, |date| date.to_string()),
        Role::Code => compact(&plain),
        _ => plain,
    }
}

/// Members with the same value together, the best value first.
fn groups<'a>(said: &'a [Said<'a>], role: Role) -> Vec<Vec<&'a Said<'a>>> {
    let mut by_value: BTreeMap<&str, Vec<&Said<'_>>> = BTreeMap::new();
    for member in said {
        by_value.entry(&member.normalized).or_default().push(member);
    }
    let readable = |value: &str| match role {
        Role::Number => parse_number(value).is_some(),
        Role::Date => parse_date(value).is_some(),
        _ => true,
    };
    let likeness = |value: &str| -> f64 {
        let others = said.iter().filter(|member| member.normalized != value);
        others
            .map(|member| jaro_winkler(&member.normalized, value) * f64::from(member.probability))
            .sum()
    };
    let mut ranked: Vec<Ranked<'_>> = by_value
        .into_iter()
        .map(|(value, members)| {
            let votes: f64 = members.iter().map(|member| f64::from(member.probability)).sum();
            Ranked {
                readable: readable(value),
                // Rounded, so that of two members that are equally sure but for some digits the values decide.
                votes: (votes * 10.0).round(),
                likeness: (likeness(value) * 1e6).round(),
                length: value.chars().count(),
                first: members.iter().map(|member| member.record).min().unwrap_or(0),
                members,
            }
        })
        .collect();
    ranked.sort_by(|a, b| {
        let readable = b.readable.cmp(&a.readable);
        readable
            .then(b.votes.total_cmp(&a.votes))
            .then(b.likeness.total_cmp(&a.likeness))
            .then(b.length.cmp(&a.length))
            .then(a.first.cmp(&b.first))
    });
    ranked.into_iter().map(|ranked| ranked.members).collect()
}

/// A value with what makes it better than another.
struct Ranked<'a> {
    readable: bool,
    votes: f64,
    likeness: f64,
    length: usize,
    first: u32,
    members: Vec<&'a Said<'a>>,
}

fn longest<'a, 'b>(groups: &'b [Vec<&'a Said<'a>>]) -> &'b Vec<&'a Said<'a>> {
    let mut best = &groups[0];
    for group in &groups[1..] {
        if group[0].normalized.chars().count() > best[0].normalized.chars().count() {
            best = group;
        }
    }
    best
}

/// The member with the lowest key, the first of several; none where no member has a key.
fn preferred<'a>(said: &'a [Said<'a>], key: impl Fn(&Said<'_>) -> Option<f64>) -> Option<&'a Said<'a>> {
    let mut best: Option<(f64, &Said<'_>)> = None;
    for member in said {
        if let Some(key) = key(member)
            && best.is_none_or(|(lowest, _)| key < lowest)
        {
            best = Some((key, member));
        }
    }
    best.map(|(_, member)| member)
}

/// Of the spellings of one value the one that most members write; of several, the one that is not all in one case, then the
/// one with the most characters, such as accents and hyphens, then the first.
fn spelling<'a>(group: &[&'a Said<'a>]) -> &'a Said<'a> {
    let written = |text: &str| group.iter().filter(|member| member.text == text).count();
    let mixed = |text: &str| text.chars().any(char::is_uppercase) && text.chars().any(char::is_lowercase);
    let mut best = group[0];
    for member in &group[1..] {
        let rank = |said: &Said<'_>| (written(said.text), mixed(said.text), said.text.len());
        if rank(member) > rank(best) {
            best = member;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Member;

    fn fields(rows: &[[&str; 3]], choose: &[(&str, Choose)]) -> Vec<CanonicalField> {
        let records: Vec<Record> = rows
            .iter()
            .map(|[name, phone, seen]| Record::new([("name", *name), ("phone", *phone), ("seen", *seen)]))
            .collect();
        let declared = [("name", Role::Name), ("phone", Role::Code), ("seen", Role::Date)];
        let declared = declared.map(|(column, role)| (column.to_owned(), role));
        let profile = Profile::fit(&records, &BTreeMap::from(declared)).unwrap();
        let members = (0..rows.len() as u32).map(|record| Member {
            record,
            probability: 0.9,
        });
        let cluster = Cluster {
            members: members.collect(),
            confidence: 0.9,
        };
        let choose = choose
            .iter()
            .map(|(column, choose)| ((*column).to_owned(), choose.clone()))
            .collect();
        canonical(&cluster, &records, &profile, &|record| record % 2, &choose).unwrap()
    }

    const ROWS: [[&str; 3]; 4] = [
        ["jose garcia", "555 0101", "2020-01-05"],
        ["José García", "555-0101", "2024-03-01"],
        ["Jose Garica", "", "2022-07-09"],
        ["", "555-0199", "unknown"],
    ];

    #[test]
    fn a_vote_takes_what_most_say_and_spells_it_best() {
        let fields = fields(&ROWS, &[]);
        assert_eq!(fields[0].value, "José García");
        assert_eq!((fields[0].support, fields[0].given, fields[0].record), (2, 3, 1));
        assert_eq!(fields[0].alternatives, [("Jose Garica".to_owned(), 1)]);
        assert_eq!((fields[1].value.as_str(), fields[1].support), ("555 0101", 2));
    }

    #[test]
    fn the_latest_the_longest_and_a_source_can_be_asked_for() {
        let latest = Choose::Latest { by: "seen".to_owned() };
        let source = Choose::Source { order: vec![1, 0] };
        let chosen = fields(&ROWS, &[("name", latest.clone()), ("phone", source)]);
        assert_eq!((chosen[0].value.as_str(), &chosen[0].choose), ("José García", &latest));
        assert_eq!(
            (chosen[1].value.as_str(), chosen[1].record, chosen[1].support),
            ("555-0101", 1, 2)
        );
        let longest = fields(
            &[["a b", "", ""], ["a b c", "", ""], ["a b", "", ""]],
            &[("name", Choose::Longest)],
        );
        assert_eq!(longest[0].value, "a b c");
    }

    #[test]
    fn of_values_with_as_many_votes_the_one_most_like_the_others_is_taken() {
        let fields = fields(&[["smith", "", ""], ["smyth", "", ""], ["smithe", "", ""]], &[]);
        assert_eq!(fields[0].value, "smith");
    }

    #[test]
    fn a_date_that_can_be_read_outweighs_one_that_can_not() {
        let fields = fields(&[["a", "", "soon"], ["a", "", "soon"], ["a", "", "2020-01-01"]], &[]);
        assert_eq!(fields[1].value, "2020-01-01");
    }
}
