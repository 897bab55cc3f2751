//! Rows in tests: lists of maps, CSV in the file, or a CSV file of fixtures.

use refuel_task::Place;
use refuel_task::yaml::{Content, Node};
use serde_json::Value;

use super::Fixture;
use super::reader::Reader;
use crate::error::ProjectError;
use crate::shape::{Entries, suggestion};

impl Reader<'_> {
    /// Reads `rows`, or the file that `fixture` names. `what` is what they are, for errors.
    pub(super) fn fixture(&mut self, mut entries: Entries, what: &str) -> Option<Fixture> {
        let place = entries.place.clone();
        let is_csv = entries.word("format", &[("csv", true), ("dict", false)]);
        let format_is_wrong = |place: &Place, is: &str, said: &str| ProjectError::Invalid {
            place: place.clone(),
            message: format!("\"format\" is \"{said}\", and the rows are {is}"),
            hint: Some("take \"format\" out: how rows are written is plain to see".to_owned()),
        };
        match (entries.take("rows"), entries.take("fixture")) {
            (Some(rows), None) => match rows.content {
                Content::List(items) => {
                    if is_csv == Some(true) {
                        self.problems
                            .push(format_is_wrong(&rows.place, "a list of maps", "csv"));
                    }
                    Some(of_maps(items, rows.place))
                }
                Content::Text(text) => {
                    if is_csv == Some(false) {
                        self.problems.push(format_is_wrong(&rows.place, "text", "dict"));
                    }
                    self.of_csv(&text, rows.place)
                }
                _ => None,
            },
            (None, Some(named)) => self.of_file(&named),
            (None, None) => {
                self.problems.push(ProjectError::MissingKey {
                    place,
                    key: "rows".to_owned(),
                    context: what.to_owned(),
                    hint: "write rows: [{COLUMN: VALUE}], or rows: [] for none, or fixture: FILE".to_owned(),
                });
                None
            }
            (Some(_), Some(named)) => {
                self.problems.push(ProjectError::Invalid {
                    place: named.place,
                    message: format!("{what} have both \"rows\" and \"fixture\""),
                    hint: Some("keep one of the two".to_owned()),
                });
                None
            }
        }
    }

    fn of_csv(&mut self, text: &str, place: Place) -> Option<Fixture> {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        match read_csv(&mut reader) {
            Ok((columns, rows)) => Some(Fixture {
                place,
                columns,
                rows,
                typed: false,
            }),
            Err(error) => {
                self.problems.push(ProjectError::Invalid {
                    place,
                    message: format!("the rows are not CSV: {}", csv_reason(&error)),
                    hint: Some("each line has as many fields as the first".to_owned()),
                });
                None
            }
        }
    }

    fn of_file(&mut self, named: &Node) -> Option<Fixture> {
        let name = named.content.text()?;
        let file = if name.to_ascii_lowercase().ends_with(".csv") {
            name.to_owned()
        } else {
            format!("{name}.csv")
        };
        let folders: Vec<String> = self.test_paths.iter().map(|path| format!("{path}/fixtures")).collect();
        let found = folders.iter().find_map(|folder| {
            let shown = format!("{folder}/{file}");
            let full = self.root.join(&shown);
            full.is_file().then_some((shown, full))
        });
        let Some((shown, full)) = found else {
            let names: Vec<String> = folders
                .iter()
                .filter_map(|folder| fs_err::read_dir(self.root.join(folder)).ok())
                .flat_map(Iterator::flatten)
                .filter_map(|entry| entry.file_name().into_string().ok())
                .collect();
            let hint = if names.is_empty() {
                format!("put it into {}", folders.join(" or "))
            } else {
                suggestion(&file, names.iter().map(String::as_str), "there are")
            };
            self.problems.push(ProjectError::UnknownName {
                place: named.place.clone(),
                what: "fixture",
                name: name.to_owned(),
                hint,
            });
            return None;
        };
        let text = match fs_err::read_to_string(&full) {
            Ok(text) => text,
            Err(error) => {
                self.problems.push(ProjectError::Read {
                    place: named.place.clone(),
                    path: shown.into(),
                    error,
                });
                return None;
            }
        };
        self.of_csv(&text, Place::of(shown))
    }
}

/// The columns of rows in the order in which they come up, and rows as long as there are columns.
fn of_maps(items: Vec<Node>, place: Place) -> Fixture {
    let mut columns: Vec<String> = Vec::new();
    let mut rows: Vec<Vec<Value>> = Vec::with_capacity(items.len());
    for item in items {
        let Content::Map(entries) = item.content else { continue };
        let mut row = vec![Value::Null; columns.len()];
        for (name, _, node) in entries {
            if let Some(index) = columns.iter().position(|column| *column == name) {
                row[index] = node.to_json();
            } else {
                columns.push(name);
                row.push(node.to_json());
            }
        }
        rows.push(row);
    }
    for row in &mut rows {
        row.resize(columns.len(), Value::Null);
    }
    Fixture {
        place,
        columns,
        rows,
        typed: true,
    }
}

type Table = (Vec<String>, Vec<Vec<Value>>);

/// Fields of CSV as text; an empty one is null.
fn read_csv(reader: &mut csv::Reader<&[u8]>) -> Result<Table, csv::Error> {
    let columns = reader.headers()?.iter().map(ToOwned::to_owned).collect();
    let field = |text: &str| {
        if text.is_empty() {
            Value::Null
        } else {
            Value::from(text)
        }
    };
    let rows = reader
        .records()
        .map(|record| Ok(record?.iter().map(field).collect()))
        .collect::<Result<_, csv::Error>>()?;
    Ok((columns, rows))
}

fn csv_reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has {len} fields, and the first has {expected_len}")
        }
        _ => error.to_string(),
    }
}
