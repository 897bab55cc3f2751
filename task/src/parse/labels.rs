//! Reads `labels`: a list of names, a map of names with descriptions, or a list of maps.

use std::collections::HashMap;

use super::fields::{Fields, text, wrong_type};
use crate::error::{Place, TaskError};
use crate::kinds::Kind;
use crate::task::{LONGEST_LABEL, Label, MOST_LABELS};
use crate::yaml::{Content, Node};

/// Keys of a label that is written as a map.
pub(crate) const LABEL_KEYS: [&str; 4] = ["name", "description", "aliases", "catch_all"];
/// The share of rows that a catch-all is expected to be right for, unless told.
pub(crate) const CATCH_ALL_SHARE: f32 = 0.2;

pub(super) fn read(node: Node, kind: Kind) -> Result<Vec<Label>, TaskError> {
    let place = node.place.clone();
    let mut labels: Vec<(Place, Label)> = Vec::new();
    match node.content {
        Content::List(items) => {
            for item in items {
                labels.push(read_item(item, kind)?);
            }
        }
        Content::Map(entries) => {
            for (name, key_place, value) in entries {
                let description = match value.content {
                    Content::Null => None,
                    _ => Some(text(value)?),
                };
                labels.push((
                    key_place,
                    Label {
                        name,
                        description,
                        aliases: Vec::new(),
                        catch_all: None,
                    },
                ));
            }
        }
        _ => {
            return Err(wrong_type(
                &node,
                "a list of labels, or a map of labels with descriptions",
            ));
        }
    }
    if labels.len() < 2 || labels.len() > MOST_LABELS {
        let message = match labels.len() {
            0 => "there are no labels".to_owned(),
            1 => "there is one label only".to_owned(),
            count => format!("there are {count} labels; a task has at most {MOST_LABELS}"),
        };
        let hint = if labels.len() < 2 {
            "a task needs two labels or more"
        } else {
            "judge in two steps, or match"
        };
        return Err(TaskError::Label {
            place,
            message,
            hint: Some(hint.to_owned()),
        });
    }
    check_names(&mut labels)?;
    check_catch_all(&labels)?;
    Ok(labels.into_iter().map(|(_, label)| label).collect())
}

fn read_item(item: Node, kind: Kind) -> Result<(Place, Label), TaskError> {
    let place = item.place.clone();
    if !matches!(item.content, Content::Map(_)) {
        let Content::Text(name) = item.content else {
            return Err(wrong_type(&item, "text, or a map with \"name\""));
        };
        return Ok((
            place,
            Label {
                name,
                description: None,
                aliases: Vec::new(),
                catch_all: None,
            },
        ));
    }
    let mut fields = Fields::open(item, &LABEL_KEYS)?;
    let name = text(fields.require("name", "give the label a name")?)?;
    let description = fields.text("description")?;
    let aliases = fields.texts("aliases")?.unwrap_or_default();
    let catch_all = fields
        .take("catch_all")
        .map(|node| read_share(&node, kind))
        .transpose()?;
    Ok((
        place,
        Label {
            name,
            description,
            aliases,
            catch_all: catch_all.flatten(),
        },
    ))
}

/// `true`, or the share of rows that the label is expected to be right for.
fn read_share(node: &Node, kind: Kind) -> Result<Option<f32>, TaskError> {
    let wrong = |message: String, hint: &str| {
        Err(TaskError::Label {
            place: node.place.clone(),
            message,
            hint: Some(hint.to_owned()),
        })
    };
    let share = match &node.content {
        Content::Bool(false) => return Ok(None),
        Content::Bool(true) => f64::from(CATCH_ALL_SHARE),
        Content::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        _ => return Err(wrong_type(node, "true, or a share between 0 and 1")),
    };
    if kind != Kind::LABEL {
        return wrong(
            format!("a label of a task of kind \"{kind}\" can't be a catch-all"),
            "take \"catch_all\" out: of several labels none may be right",
        );
    }
    if share > 0.0 && share < 1.0 {
        Ok(Some(share as f32))
    } else {
        wrong(
            format!("\"catch_all\" can't be {share}"),
            "write true, or the share of rows that no other label is right for, such as 0.2",
        )
    }
}

/// That one label at most stands for whatever no other is right for, and that there are others to choose among.
fn check_catch_all(labels: &[(Place, Label)]) -> Result<(), TaskError> {
    let mut found = labels.iter().filter(|(_, label)| label.catch_all.is_some());
    let Some((place, first)) = found.next() else {
        return Ok(());
    };
    let wrong = |place: &Place, message: String, hint: &str| {
        Err(TaskError::Label {
            place: place.clone(),
            message,
            hint: Some(hint.to_owned()),
        })
    };
    if let Some((place, second)) = found.next() {
        return wrong(
            place,
            format!(
                "the labels \"{}\" and \"{}\" are both a catch-all",
                first.name, second.name
            ),
            "one label at most says that no other is right",
        );
    }
    if labels.len() < 3 {
        return wrong(
            place,
            format!("\"{}\" is a catch-all, and there is one other label only", first.name),
            "a catch-all stands beside two labels or more",
        );
    }
    Ok(())
}

/// Names and aliases must be told apart by a model and by people.
fn check_names(labels: &mut [(Place, Label)]) -> Result<(), TaskError> {
    let mut seen: HashMap<String, (usize, String)> = HashMap::new();
    for (index, (place, label)) in labels.iter_mut().enumerate() {
        label.description = label
            .description
            .take()
            .filter(|description| !description.trim().is_empty());
        let wrong = |message: String, hint: &str| {
            Err(TaskError::Label {
                place: place.clone(),
                message,
                hint: Some(hint.to_owned()),
            })
        };
        for name in std::iter::once(&label.name).chain(&label.aliases) {
            if name.trim().is_empty() {
                return wrong(
                    "a label has an empty name".to_owned(),
                    "write what the model is to answer",
                );
            }
            if name.trim() != name {
                return wrong(
                    format!("the label \"{name}\" has white space at its ends"),
                    "take it off: the model could not tell it apart",
                );
            }
            if let Some(control) = name.chars().find(|letter| letter.is_control()) {
                return wrong(
                    format!("the label {name:?} has the control character {control:?} in it"),
                    "labels are one line of text",
                );
            }
            if name.chars().count() > LONGEST_LABEL {
                return wrong(
                    format!(
                        "a label has {} characters; {LONGEST_LABEL} are the most",
                        name.chars().count()
                    ),
                    "keep the name short and put the rest into its description",
                );
            }
            // Case alone does not tell labels apart for people, and hardly for a model.
            let folded = name.to_lowercase();
            if let Some((earlier, written)) = seen.get(&folded) {
                let message = if *earlier == index {
                    format!("the label \"{}\" has the alias \"{name}\" twice", label.name)
                } else if written == name {
                    format!("the label \"{name}\" is given twice")
                } else {
                    format!("the labels \"{written}\" and \"{name}\" differ in case only")
                };
                return wrong(message, "each label and alias must be there once");
            }
            seen.insert(folded, (index, name.clone()));
        }
    }
    Ok(())
}
