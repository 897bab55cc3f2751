//! Reads the keys of a task.

use std::path::Path;

use super::examples::Context;
use super::fields::{Fields, not_one_of, text, wrong_type};
use super::{Unchosen, calibrated, input, labels, shape, strategy, tables, values};
use crate::error::TaskError;
use crate::input::{InputSpec, Part};
use crate::kinds::{COMMON_KEYS, Kind, Known, Problem};
use crate::shape::Field;
use crate::task::{Calibration, Confidence, Generation, LONGEST_GUIDELINES, ModelName, OnError, Task, Truncate};
use crate::yaml::{Content, Node};

/// Longest name of a task: what fits into a Postgres identifier.
pub(crate) const LONGEST_NAME: usize = 63;
/// Most tokens that a task may let a model write.
pub(crate) const MOST_TOKENS: u64 = 32_768;
/// Most texts that end what a model writes.
pub(crate) const MOST_STOPS: usize = 16;

/// `folder` is where the files that the task names are looked for; without one it may name none. `unchosen` says whether a
/// threshold that is to be chosen may be open.
pub(super) fn read(node: Node, source: &str, folder: Option<&Path>, unchosen: Unchosen) -> Result<Task, TaskError> {
    if matches!(node.content, Content::Null) {
        let message = "the task is empty".to_owned();
        let hint = Some("a task has at least kind and input, and mostly labels".to_owned());
        return Err(TaskError::Invalid {
            place: node.place,
            message,
            hint,
        });
    }
    let mut every_key: Vec<&str> = COMMON_KEYS.to_vec();
    for kind in Kind::all() {
        for key in kind.rules().keys() {
            if !every_key.contains(key) {
                every_key.push(key);
            }
        }
    }
    let mut fields = Fields::open(node, &every_key)?;
    let kind = read_kind(&mut fields)?;
    let rules = kind.rules();
    let known: Vec<&str> = rules.common_keys().iter().chain(rules.keys()).copied().collect();
    for key in every_key.iter().filter(|key| !known.contains(key)) {
        if let Some(place) = fields.place_of(key) {
            return Err(TaskError::UnknownKey {
                place: place.clone(),
                key: (*key).to_owned(),
                context: format!(" for a task of kind \"{kind}\""),
                nearest: None,
                known: known.iter().map(|&key| key.to_owned()).collect(),
            });
        }
    }
    for (key, hint) in rules.required() {
        if fields.place_of(key).is_none() {
            fields.require(key, hint)?;
        }
    }

    let name = read_name(&mut fields, source)?;
    let guidelines = read_guidelines(&mut fields)?;
    let labels = fields
        .take("labels")
        .map(|node| labels::read(node, kind))
        .transpose()?
        .unwrap_or_default();
    let extracted = read_extracted(&mut fields, kind)?;
    let table = tables::read(&mut fields, kind, folder)?;
    let input = if rules.is_of_tables() {
        InputSpec::One(Part::Columns(Vec::new()))
    } else {
        input::read(fields.require("input", input::hint_of(rules.sides()))?, kind)?
    };
    let value_rules = values::read(&mut fields, kind, &extracted, &input, folder)?;
    let known = Known {
        labels: &labels,
        fields: &extracted,
        values: value_rules.as_ref(),
    };
    let examples = match (fields.take("examples"), rules.answer_key()) {
        (Some(node), Some(answer_key)) => Some(
            Context {
                kind,
                answer_key,
                known,
                input: &input,
                folder,
            }
            .read(node)?,
        )
        .filter(|examples| !examples.items.is_empty()),
        _ => None,
    };
    let ways = strategy::read(&mut fields, kind, known, examples.as_ref())?;
    let fallback = match fields.take("fallback") {
        None => None,
        Some(node) => {
            let read = rules.read_fallback(&node.to_json(), known);
            Some(read.map_err(|Problem { message, hint }| TaskError::Invalid {
                place: node.place,
                message: format!("the fallback can't be used: {message}"),
                hint,
            })?)
        }
    };
    read_temperature(&mut fields)?;
    let trust = calibrated::read(&mut fields, &name, &extracted, unchosen)?;
    let confidences = [("normalized", Confidence::Normalized), ("raw", Confidence::Raw)];
    let errors = [
        ("fail", OnError::Fail),
        ("null", OnError::Null),
        ("capture", OnError::Capture),
    ];
    // Without quotes, `on_error: null` is a null to YAML, and means what it says.
    let on_null = if fields.is_null("on_error") {
        OnError::Null
    } else {
        OnError::default()
    };
    let cuts = [
        ("head", Truncate::Head),
        ("tail", Truncate::Tail),
        ("middle", Truncate::Middle),
        ("error", Truncate::Error),
    ];
    let calibrations = [("none", Calibration::None), ("contextual", Calibration::Contextual)];
    Ok(Task {
        name,
        version: fields
            .whole("version", 1, u64::from(u32::MAX))?
            .map(|version| version as u32),
        kind,
        description: fields.text("description")?,
        owner: fields.text("owner")?,
        tags: fields.texts("tags")?.unwrap_or_default(),
        guidelines,
        labels,
        fields: extracted,
        input,
        examples,
        model: fields.take("model").map(read_model).transpose()?,
        threshold: trust.threshold,
        target_precision: trust.target_precision,
        calibrated: trust.calibrated,
        confidence: fields.choice("confidence", &confidences)?.unwrap_or_default(),
        fallback,
        on_error: fields.choice("on_error", &errors)?.unwrap_or(on_null),
        truncate: fields.choice("truncate", &cuts)?.unwrap_or_default(),
        table,
        value_rules,
        strategy: ways.strategy,
        label_rules: ways.rules,
        keep: ways.keep,
        head: ways.head,
        calibration: fields.choice("calibration", &calibrations)?.unwrap_or_default(),
        label_threshold: fields.probability("label_threshold")?.unwrap_or(0.5),
        no_answer_threshold: fields.probability("no_answer_threshold")?.unwrap_or(0.5),
        generation: read_generation(&mut fields, rules.max_tokens())?,
    })
}

/// What is read out of a text, by `fields` or by `schema`.
fn read_extracted(fields: &mut Fields, kind: Kind) -> Result<Vec<Field>, TaskError> {
    match (fields.take("fields"), fields.take("schema")) {
        (Some(node), None) => shape::read_fields(node),
        (None, Some(node)) => shape::read_schema(node),
        (Some(_), Some(node)) => Err(TaskError::Invalid {
            place: node.place,
            message: "the task has both \"fields\" and \"schema\"".to_owned(),
            hint: Some("keep one of the two".to_owned()),
        }),
        (None, None) if kind == Kind::EXTRACT || kind == Kind::ENRICH => Err(TaskError::MissingKey {
            place: fields.place.clone(),
            key: "fields".to_owned(),
            context: String::new(),
            hint: if kind == Kind::ENRICH {
                "name what a record has: fields: {country: where it is, employees: {type: integer}}".to_owned()
            } else {
                "name what is read out: fields: {brand: who makes it, price: {type: number}}".to_owned()
            },
        }),
        (None, None) => Ok(Vec::new()),
    }
}

fn read_kind(fields: &mut Fields) -> Result<Kind, TaskError> {
    let names = Kind::all().map(Kind::name);
    let node = fields.require(
        "kind",
        &format!("it can be {}", names.clone().collect::<Vec<_>>().join(", ")),
    )?;
    let place = node.place.clone();
    let word = text(node)?;
    Kind::named(&word).ok_or_else(|| not_one_of(place, "kind", &word, names))
}

fn read_name(fields: &mut Fields, source: &str) -> Result<String, TaskError> {
    let valid = |name: &str| {
        name.len() <= LONGEST_NAME
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
    };
    let rule = format!("a name is a letter, then letters, digits, _ and -, at most {LONGEST_NAME} in all");
    if let Some(node) = fields.take("name") {
        let place = node.place.clone();
        let name = text(node)?;
        return if valid(&name) {
            Ok(name)
        } else {
            Err(TaskError::Invalid {
                place,
                message: format!("\"{name}\" can't be a task's name"),
                hint: Some(rule),
            })
        };
    }
    let stem = Path::new(source)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    if valid(stem) {
        return Ok(stem.to_owned());
    }
    Err(TaskError::MissingKey {
        place: fields.place.clone(),
        key: "name".to_owned(),
        context: format!(", and \"{stem}\" can't be one"),
        hint: rule,
    })
}

fn read_guidelines(fields: &mut Fields) -> Result<String, TaskError> {
    let Some(node) = fields.take("guidelines") else {
        return Ok(String::new());
    };
    let place = node.place.clone();
    let guidelines = text(node)?.trim().to_owned();
    if guidelines.len() > LONGEST_GUIDELINES {
        return Err(TaskError::Invalid {
            place,
            message: format!(
                "the guidelines have {} bytes; {LONGEST_GUIDELINES} are the most",
                guidelines.len()
            ),
            hint: Some("say what decides between the labels, and leave the rest to examples".to_owned()),
        });
    }
    Ok(guidelines)
}

/// `name` or `name@digest`.
pub(super) fn read_model(node: Node) -> Result<ModelName, TaskError> {
    let place = node.place.clone();
    let written = text(node)?;
    let wrong = |message: String| {
        let hint = Some("a model is written as name or name@digest, such as smollm2-135m-instruct@3f2a91".to_owned());
        Err(TaskError::Invalid {
            place: place.clone(),
            message,
            hint,
        })
    };
    let (name, digest) = match written.split_once('@') {
        Some((name, digest)) => (name, Some(digest.strip_prefix("sha256:").unwrap_or(digest))),
        None => (written.as_str(), None),
    };
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-/:+=".contains(letter);
    if name.is_empty() || name.len() > 200 || !name.chars().all(allowed) {
        return wrong(format!("\"{name}\" can't be a model's name"));
    }
    if let Some(digest) = digest
        && (!(6..=64).contains(&digest.len()) || !digest.chars().all(|digit| digit.is_ascii_hexdigit()))
    {
        return wrong(format!("\"{digest}\" is not a digest of 6 to 64 hexadecimal digits"));
    }
    Ok(ModelName {
        name: name.to_owned(),
        digest: digest.map(str::to_lowercase),
    })
}

fn read_generation(fields: &mut Fields, max_tokens: u32) -> Result<Generation, TaskError> {
    let mut generation = Generation {
        max_tokens,
        ..Generation::default()
    };
    if let Some(most) = fields.whole("max_tokens", 1, MOST_TOKENS)? {
        generation.max_tokens = most as u32;
    }
    if let Some(node) = fields.take("stop") {
        let place = node.place.clone();
        generation.stop = match node.content {
            Content::Text(stop) => vec![stop],
            Content::List(items) => items.into_iter().map(text).collect::<Result<_, _>>()?,
            _ => return Err(wrong_type(&node, "text, or a list of texts")),
        };
        if generation.stop.len() > MOST_STOPS || generation.stop.iter().any(String::is_empty) {
            return Err(TaskError::Invalid {
                place,
                message: format!("\"stop\" must be at most {MOST_STOPS} texts that are not empty"),
                hint: None,
            });
        }
    }
    Ok(generation)
}

/// The same input must give the same answer, so that there is one temperature only.
fn read_temperature(fields: &mut Fields) -> Result<(), TaskError> {
    let Some(node) = fields.take("temperature") else {
        return Ok(());
    };
    match &node.content {
        Content::Number(number) if number.as_f64() == Some(0.0) => Ok(()),
        Content::Number(number) => Err(TaskError::Invalid {
            message: format!("\"temperature\" can't be {number}"),
            place: node.place,
            hint: Some("it is always 0, because the same input must give the same answer".to_owned()),
        }),
        _ => Err(wrong_type(&node, "the number 0")),
    }
}
