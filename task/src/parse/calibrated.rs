//! Reads the threshold, what it is chosen for, and what was learned of a task's confidence.

use super::fields::{Fields, not_one_of, text, wrong_type};
use crate::calibrated::{Calibrated, CalibrationMap, ChosenThreshold};
use crate::error::{Place, TaskError};
use crate::shape::Field;
use crate::task::decimal;
use crate::yaml::{Content, Node};

/// The word for a threshold that is chosen on rows whose right answer is known.
pub(crate) const AUTO: &str = "auto";
/// The share of accepted answers that is to be right where a task does not say.
pub(crate) const TARGET_UNLESS_TOLD: f64 = 0.95;
/// Keys of what was learned.
pub(crate) const CALIBRATED_KEYS: [&str; 6] = ["model", "fingerprint", "rows", "map", "threshold", "fields"];
/// Keys of a threshold that was chosen.
pub(crate) const CHOSEN_KEYS: [&str; 5] = ["value", "target", "accepted", "precision", "at_least"];
/// Keys of a map, beside that of its method.
pub(crate) const MAP_KEYS: [&str; 8] = ["method", "temperature", "slope", "intercept", "a", "b", "c", "corners"];

/// Whether a threshold that is to be chosen must have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unchosen {
    /// Nothing can be gated without.
    Refused,
    /// The task is read to choose it.
    Fine,
}

/// What decides what becomes of an answer.
pub(super) struct Trust {
    pub(super) threshold: Option<f32>,
    pub(super) target_precision: Option<f32>,
    pub(super) calibrated: Option<Calibrated>,
}

/// Reads the keys that have to do with confidence. `name` is the task's, `extracted` what it reads out.
pub(super) fn read(
    fields: &mut Fields,
    name: &str,
    extracted: &[Field],
    unchosen: Unchosen,
) -> Result<Trust, TaskError> {
    let calibrated = fields
        .take("calibrated")
        .map(|node| read_calibrated(node, extracted))
        .transpose()?;
    let target_at = fields.place_of("target_precision").cloned();
    let target = fields.probability("target_precision")?;
    if let (Some(place), Some(target)) = (&target_at, target)
        && !(0.0 < target && target < 1.0)
    {
        return Err(TaskError::Invalid {
            place: place.clone(),
            message: format!("\"target_precision\" must be between 0 and 1, not {target}"),
            hint: Some("no number of rows shows that every answer is right: ask for 0.95, say".to_owned()),
        });
    }
    let Some(place) = fields.place_of("threshold").cloned() else {
        return without_auto(None, target_at, calibrated);
    };
    if fields.text_of("threshold") != Some(AUTO) {
        let threshold = fields.probability("threshold")?;
        return without_auto(threshold, target_at, calibrated);
    }
    fields.take("threshold");
    let target = target.unwrap_or(TARGET_UNLESS_TOLD as f32);
    let chosen = calibrated.as_ref().and_then(|calibrated| calibrated.threshold);
    let source = place.source.clone();
    let problem = match chosen {
        None => Some("none was chosen yet".to_owned()),
        Some(chosen) if (chosen.target - decimal(target)).abs() > 1e-6 => {
            Some(format!("the one that is there was chosen for {}", chosen.target))
        }
        Some(_) => None,
    };
    match problem {
        Some(what) if unchosen == Unchosen::Refused => Err(TaskError::Invalid {
            place,
            message: format!("the threshold of \"{name}\" is to be chosen for a precision of {target}, and {what}"),
            hint: Some(format!(
                "run `refuel calibrate {source} ROWS --expected COLUMN --write` on rows whose right answer is known"
            )),
        }),
        problem => Ok(Trust {
            threshold: chosen.filter(|_| problem.is_none()).map(|chosen| chosen.value),
            target_precision: Some(target),
            calibrated,
        }),
    }
}

fn without_auto(
    threshold: Option<f32>,
    target_at: Option<Place>,
    calibrated: Option<Calibrated>,
) -> Result<Trust, TaskError> {
    if let Some(place) = target_at {
        return Err(TaskError::Invalid {
            place,
            message: "\"target_precision\" has no use here: the threshold is not chosen for it".to_owned(),
            hint: Some("write threshold: auto".to_owned()),
        });
    }
    Ok(Trust {
        threshold,
        target_precision: None,
        calibrated,
    })
}

fn read_calibrated(node: Node, extracted: &[Field]) -> Result<Calibrated, TaskError> {
    let mut fields = Fields::open(node, &CALIBRATED_KEYS)?;
    let model = fields.take("model").map(digits).transpose()?;
    let fingerprint = fields.take("fingerprint").map(digits).transpose()?;
    let rows = fields.whole("rows", 0, u64::MAX)?.unwrap_or(0);
    let map = read_map(fields.require("map", "run `refuel calibrate`, which writes it")?)?;
    let threshold = fields.take("threshold").map(read_chosen).transpose()?;
    let of_fields = match fields.take("fields") {
        None => Vec::new(),
        Some(node) => read_fields(node, extracted)?,
    };
    Ok(Calibrated {
        model,
        fingerprint,
        rows,
        map,
        fields: of_fields,
        threshold,
    })
}

fn read_fields(node: Node, extracted: &[Field]) -> Result<Vec<(String, CalibrationMap)>, TaskError> {
    let known: Vec<&str> = extracted.iter().map(|field| field.name.as_str()).collect();
    let mut fields = Fields::open(node, &known)?;
    let maps = known.into_iter().filter_map(|name| Some((name, fields.take(name)?)));
    maps.map(|(name, node)| Ok((name.to_owned(), read_map(node)?)))
        .collect()
}

fn read_chosen(node: Node) -> Result<ChosenThreshold, TaskError> {
    let mut fields = Fields::open(node, &CHOSEN_KEYS)?;
    let hint = "run `refuel calibrate`, which writes it";
    let missing = |fields: &Fields, key: &str| TaskError::MissingKey {
        place: fields.place.clone(),
        key: key.to_owned(),
        context: format!(" in \"{}\"", fields.place.path),
        hint: hint.to_owned(),
    };
    let value = fields.probability("value")?.ok_or_else(|| missing(&fields, "value"))?;
    let target = fields
        .probability("target")?
        .ok_or_else(|| missing(&fields, "target"))?;
    Ok(ChosenThreshold {
        value,
        target: decimal(target),
        accepted: fields.whole("accepted", 0, u64::MAX)?.unwrap_or(0),
        precision: decimal(fields.probability("precision")?.unwrap_or(0.0)),
        at_least: decimal(fields.probability("at_least")?.unwrap_or(0.0)),
    })
}

fn read_map(node: Node) -> Result<CalibrationMap, TaskError> {
    let place = node.place.clone();
    let mut fields = Fields::open(node, &MAP_KEYS)?;
    let method = fields.require("method", &format!("it can be {}", CalibrationMap::METHODS.join(", ")))?;
    let method_at = method.place.clone();
    let method = text(method)?;
    let map = match method.as_str() {
        "none" => CalibrationMap::None,
        "temperature" => CalibrationMap::Temperature {
            temperature: number(&mut fields, "temperature", |value| value > 0.0, "more than 0")?,
        },
        "platt" => CalibrationMap::Platt {
            slope: number(&mut fields, "slope", |value| value >= 0.0, "0 or more")?,
            intercept: number(&mut fields, "intercept", |_| true, "a number")?,
        },
        "beta" => CalibrationMap::Beta {
            a: number(&mut fields, "a", |value| value >= 0.0, "0 or more")?,
            b: number(&mut fields, "b", |value| value >= 0.0, "0 or more")?,
            c: number(&mut fields, "c", |_| true, "a number")?,
        },
        "isotonic" => CalibrationMap::Isotonic {
            corners: corners(fields.require("corners", "a list of pairs of confidences")?)?,
        },
        _ => {
            let known = CalibrationMap::METHODS.iter().copied();
            return Err(not_one_of(method_at, "method", &method, known));
        }
    };
    if let Some(key) = MAP_KEYS.iter().find(|key| fields.place_of(key).is_some()) {
        return Err(TaskError::Invalid {
            place,
            message: format!("\"{key}\" has no use here: the method is {method}"),
            hint: Some("take it out".to_owned()),
        });
    }
    Ok(map)
}

fn number(fields: &mut Fields, key: &str, is_right: fn(f64) -> bool, must: &str) -> Result<f64, TaskError> {
    let node = fields.require(key, "run `refuel calibrate`, which writes it")?;
    let value = match &node.content {
        Content::Number(number) => number.as_f64(),
        _ => None,
    };
    match value {
        Some(value) if is_right(value) => Ok(value),
        Some(value) => Err(TaskError::Invalid {
            message: format!("\"{key}\" must be {must}, not {value}"),
            place: node.place,
            hint: Some("confidence that falls while the model grows surer would say nothing".to_owned()),
        }),
        None => Err(wrong_type(&node, "a number")),
    }
}

/// Corners of a function that never falls, by the model's confidence.
fn corners(node: Node) -> Result<Vec<(f32, f32)>, TaskError> {
    let place = node.place.clone();
    let Content::List(items) = node.content else {
        return Err(wrong_type(&node, "a list of pairs"));
    };
    let mut corners: Vec<(f32, f32)> = Vec::with_capacity(items.len());
    for item in items {
        let pair = match &item.content {
            Content::List(pair) => pair.iter().map(share).collect::<Option<Vec<f32>>>(),
            _ => None,
        };
        let Some([own, becomes]) = pair.as_deref() else {
            return Err(wrong_type(&item, "a pair of numbers from 0 to 1"));
        };
        if corners.last().is_some_and(|last| last.0 >= *own || last.1 > *becomes) {
            return Err(TaskError::Invalid {
                place: item.place,
                message: "corners must rise".to_owned(),
                hint: Some("run `refuel calibrate`, which writes them".to_owned()),
            });
        }
        corners.push((*own, *becomes));
    }
    if corners.is_empty() {
        return Err(TaskError::Invalid {
            place,
            message: "there must be a corner".to_owned(),
            hint: Some("write method: none where nothing is to be done".to_owned()),
        });
    }
    Ok(corners)
}

fn share(node: &Node) -> Option<f32> {
    match &node.content {
        Content::Number(number) => number
            .as_f64()
            .filter(|value| (0.0..=1.0).contains(value))
            .map(|value| value as f32),
        _ => None,
    }
}

/// Hexadecimal digits. Where they are all decimal, YAML reads them as a number.
fn digits(node: Node) -> Result<String, TaskError> {
    let written = match &node.content {
        Content::Text(text) => text.to_lowercase(),
        _ => return Err(wrong_type(&node, "text of hexadecimal digits")),
    };
    if (6..=64).contains(&written.len()) && written.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(written);
    }
    Err(TaskError::Invalid {
        message: format!("\"{written}\" is not 6 to 64 hexadecimal digits"),
        place: node.place,
        hint: None,
    })
}
