//! All that a table says of itself, and that labelled rows say of it.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::candidates::{Candidate, Maker};
use crate::conversions::{Conversion, Example, Operation, learn};
use crate::dependencies::{Dependency, Votes, discover};
use crate::moves::{Move, moves};
use crate::outliers::Spread;
use crate::pattern::Patterns;
use crate::proposal::LabelledRow;
use crate::table::{MISSING, Table};
use crate::vocabulary::{Aligner, Channel, Likeness, Neighbours};

/// A conversion that is trusted this far is made before anything is counted.
const TRUSTED: f32 = 0.72;
/// A form that this share of the values has is the form of the column.
const DOMINANT: f32 = 0.5;
/// Values that conversions and forms propose, at most.
const PROPOSED: usize = 2;

/// What is known of a table. Its own copy of the table has what is known to be right in the place of what stands there.
#[derive(Debug)]
pub(crate) struct Study {
    /// The table as far as it is known to be right.
    pub(crate) table: Table,
    pub(crate) patterns: Vec<Patterns>,
    pub(crate) channel: Channel,
    pub(crate) votes: Votes,
    pub(crate) conversions: Vec<Vec<Conversion>>,
    pub(crate) spreads: Vec<Option<Spread>>,
    pub(crate) ignored: Vec<bool>,
    originals: Vec<Vec<u32>>,
    labelled: FxHashSet<usize>,
    likenesses: Vec<FxHashMap<u32, Vec<Likeness>>>,
    converted: Vec<FxHashMap<u32, Vec<(u32, u32)>>>,
    formatted: Vec<FxHashMap<u32, Vec<u32>>>,
    scaled: Vec<FxHashMap<u32, u32>>,
    moves: FxHashMap<(u32, u32), Vec<Move>>,
}

impl Study {
    /// Studies a table. `repaired` are cells with the values that are as good as known to be right.
    pub(crate) fn new(
        table: &Table,
        labels: &[LabelledRow],
        ignore: &[String],
        repaired: &[(usize, usize, String)],
        known: Option<Vec<Dependency>>,
    ) -> Self {
        let originals: Vec<Vec<u32>> = table.columns.iter().map(|column| column.codes().to_vec()).collect();
        let ignored: Vec<bool> = table
            .columns
            .iter()
            .map(|column| ignore.contains(&column.name))
            .collect();
        let mut table = table.clone();
        let width = table.columns.len();
        let labelled: FxHashSet<usize> = labels.iter().map(|label| label.row).collect();
        let mut conversions = vec![Vec::new(); width];
        let mut converted = vec![FxHashMap::default(); width];
        for at in (0..width).filter(|&at| !ignored[at]) {
            let examples: Vec<Example> = labels
                .iter()
                .map(|label| Example {
                    row: label.row,
                    before: table.columns[at].text(originals[at][label.row]).clone(),
                    after: label.values[at].as_deref().unwrap_or_default().into(),
                })
                .collect();
            conversions[at] = learn(&examples);
            converted[at] = convert(&mut table, at, &originals[at], &conversions[at]);
            for (row, original) in originals[at].iter().enumerate() {
                let trusted = converted[at].get(original).and_then(|afters: &Vec<(u32, u32)>| {
                    let &(after, number) = afters.first()?;
                    (conversions[at][number as usize].trust(None) >= TRUSTED).then_some(after)
                });
                if let Some(after) = trusted {
                    table.columns[at].set(row, after);
                }
            }
        }
        // Of what is put right already the moves would not show any more.
        let moves = moves(&mut table, &ignored);
        for (row, column, value) in repaired {
            let code = table.columns[*column].intern(value);
            table.columns[*column].set(*row, code);
        }
        for label in labels {
            for (column, value) in table.columns.iter_mut().zip(&label.values) {
                let code = column.intern(value.as_deref().unwrap_or_default());
                column.set(label.row, code);
            }
        }
        let neighbours: Vec<Neighbours> = table
            .columns
            .iter()
            .zip(&ignored)
            .map(|(column, &ignored)| {
                if ignored {
                    Neighbours::default()
                } else {
                    Neighbours::of(column)
                }
            })
            .collect();
        let corrected = labels.iter().flat_map(|label| {
            let pair = |at: usize| {
                let before = &**table.columns[at].text(originals[at][label.row]);
                label.values[at].as_deref().map(|after| (before, after))
            };
            (0..width)
                .filter_map(pair)
                .filter(|(before, after)| before != after)
                .collect::<Vec<_>>()
        });
        let channel = Channel::learn(table.columns.iter().zip(&neighbours), corrected);
        let likenesses = liken(&table, &originals, &neighbours, &channel);
        let mut patterns: Vec<Patterns> = table.columns.iter().map(Patterns::of).collect();
        let mut formatted = vec![FxHashMap::default(); width];
        let mut scaled = vec![FxHashMap::default(); width];
        let mut spreads = vec![None; width];
        for at in (0..width).filter(|&at| !ignored[at]) {
            formatted[at] = format(&mut table, at, &originals[at], &patterns[at]);
            spreads[at] = Spread::of(&table.columns[at]);
            if let Some(spread) = &spreads[at] {
                for code in distinct(&originals[at]) {
                    let value = spread.scaled(table.columns[at].text(code));
                    if let Some(value) = value {
                        let after = table.columns[at].intern(&value);
                        scaled[at].insert(code, after);
                    }
                }
            }
            patterns[at].extend(&table.columns[at]);
        }
        let mut dependencies = known.unwrap_or_else(|| discover(&table));
        dependencies
            .retain(|dependency| !ignored[dependency.right] && dependency.left.iter().all(|&column| !ignored[column]));
        let mut labelled_rows: Vec<usize> = labelled.iter().copied().collect();
        labelled_rows.sort_unstable();
        let votes = Votes::new(&table, dependencies, &labelled_rows);
        Self {
            table,
            patterns,
            channel,
            votes,
            conversions,
            spreads,
            ignored,
            originals,
            labelled,
            likenesses,
            converted,
            formatted,
            scaled,
            moves,
        }
    }

    /// The code of the value that stands in a cell.
    pub(crate) fn original(&self, row: usize, column: usize) -> u32 {
        self.originals[column][row]
    }

    pub(crate) fn is_labelled(&self, row: usize) -> bool {
        self.labelled.contains(&row)
    }

    /// The frequent values that a value may have been.
    pub(crate) fn likenesses(&self, column: usize, code: u32) -> &[Likeness] {
        self.likenesses[column].get(&code).map_or(&[], Vec::as_slice)
    }

    /// The values that conversions make of a value, with the number of the conversion.
    pub(crate) fn converted(&self, column: usize, code: u32) -> &[(u32, u32)] {
        self.converted[column].get(&code).map_or(&[], Vec::as_slice)
    }

    /// The values of the column's form that a value is near to.
    pub(crate) fn formatted(&self, column: usize, code: u32) -> &[u32] {
        self.formatted[column].get(&code).map_or(&[], Vec::as_slice)
    }

    /// The number that a value is when its decimal point is moved.
    pub(crate) fn scaled(&self, column: usize, code: u32) -> Option<u32> {
        self.scaled[column].get(&code).copied()
    }

    /// The values that another cell of the row has for a cell.
    pub(crate) fn moves(&self, row: usize, column: usize) -> &[Move] {
        self.moves.get(&(row as u32, column as u32)).map_or(&[], Vec::as_slice)
    }

    /// The candidates of all cells of rows, in order of row and column.
    pub(crate) fn candidates(&self, rows: impl Iterator<Item = usize>) -> Vec<Candidate> {
        let mut maker = Maker::default();
        let mut candidates = Vec::new();
        for row in rows {
            for column in (0..self.table.columns.len()).filter(|&column| !self.ignored[column]) {
                maker.of_cell(self, row, column, &mut candidates);
            }
        }
        candidates
    }
}

/// The distinct codes of a column, but that of missing values, in order.
fn distinct(codes: &[u32]) -> Vec<u32> {
    let mut seen = vec![false; codes.iter().max().map_or(0, |&code| code as usize + 1)];
    codes.iter().for_each(|&code| seen[code as usize] = true);
    (1..seen.len() as u32).filter(|&code| seen[code as usize]).collect()
}

fn convert(
    table: &mut Table,
    at: usize,
    originals: &[u32],
    conversions: &[Conversion],
) -> FxHashMap<u32, Vec<(u32, u32)>> {
    let mut converted = FxHashMap::default();
    if conversions.is_empty() {
        return converted;
    }
    for code in distinct(originals) {
        let text = table.columns[at].text(code).clone();
        let mut afters: Vec<(f32, String, u32)> = Vec::new();
        for (number, conversion) in (0..).zip(conversions) {
            let Some(after) = conversion.apply(&text) else { continue };
            let trust = conversion.trust(None);
            match afters.iter_mut().find(|known| known.1 == after) {
                Some(known) if known.0 >= trust => {}
                Some(known) => *known = (trust, after, number),
                None => afters.push((trust, after, number)),
            }
        }
        afters.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.2.cmp(&other.2)));
        afters.truncate(PROPOSED);
        if !afters.is_empty() {
            let column = &mut table.columns[at];
            let afters = afters
                .iter()
                .map(|(_, after, number)| (column.intern(after), *number))
                .collect();
            converted.insert(code, afters);
        }
    }
    converted
}

fn liken(
    table: &Table,
    originals: &[Vec<u32>],
    neighbours: &[Neighbours],
    channel: &Channel,
) -> Vec<FxHashMap<u32, Vec<Likeness>>> {
    let mut aligner = Aligner::default();
    let columns = table.columns.iter().zip(originals).zip(neighbours);
    columns
        .map(|((column, originals), neighbours)| {
            let mut likenesses = FxHashMap::default();
            for code in distinct(originals) {
                let found = neighbours.find(column, code, channel, &mut aligner);
                if !found.is_empty() {
                    likenesses.insert(code, found);
                }
            }
            likenesses
        })
        .collect()
}

/// For values without the form that most have: those that one simple operation brings into it.
fn format(table: &mut Table, at: usize, originals: &[u32], patterns: &Patterns) -> FxHashMap<u32, Vec<u32>> {
    let mut formatted = FxHashMap::default();
    let (_, rows, present) = patterns.dominant();
    if (rows as f32) < DOMINANT * present as f32 || present == 0 {
        return formatted;
    }
    for code in distinct(originals) {
        if patterns.share(code) >= 0.3 {
            continue;
        }
        let text = table.columns[at].text(code).clone();
        let mut afters: Vec<u32> = Vec::new();
        for operation in simple(&text) {
            let after = operation
                .apply(&text)
                .filter(|after| !after.is_empty() && **after != *text);
            if let Some(after) = after.filter(|after| patterns.share_of(after) >= DOMINANT) {
                let after = table.columns[at].intern(&after);
                if afters.len() < PROPOSED && after != MISSING && !afters.contains(&after) {
                    afters.push(after);
                }
            }
        }
        if !afters.is_empty() {
            formatted.insert(code, afters);
        }
    }
    formatted
}

/// Operations that bring a value into the form of others and keep what it says.
fn simple(text: &str) -> Vec<Operation> {
    let mut operations = vec![Operation::Trim, Operation::Lower, Operation::Upper, Operation::Title];
    let mut marks: Vec<char> = text
        .chars()
        .filter(|letter| !letter.is_alphanumeric() && *letter != '-')
        .collect();
    marks.sort_unstable();
    marks.dedup();
    operations.extend(
        marks
            .iter()
            .take(4)
            .map(|mark| Operation::Remove(mark.to_string().into())),
    );
    if text.chars().filter(char::is_ascii_digit).count() > 0 && text.chars().any(|letter| !letter.is_ascii_digit()) {
        operations.push(Operation::FirstNumber);
    }
    operations
}
