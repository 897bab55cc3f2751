//! Checks a value against its shape, and says everything that is wrong with it.

use refuel_task::yaml::{Content, Node};
use refuel_task::{Place, nearest};

use super::{Key, MOST, Object, Shape};
use crate::error::ProjectError;
use crate::properties::COLUMN_TESTS;

/// Everything that is wrong.
pub(crate) type Problems = Vec<ProjectError>;

/// Adds what is wrong with a value to `problems`.
pub(crate) fn check(node: &Node, shape: &Shape, problems: &mut Problems) {
    if matches!(node.content, Content::Null) {
        return;
    }
    match (shape, &node.content) {
        (Shape::Anything, _)
        | (Shape::Text, Content::Text(_))
        | (Shape::Scalar, Content::Text(_) | Content::Number(_) | Content::Bool(_))
        | (Shape::Flag, Content::Bool(_)) => {}
        (Shape::Formed(syntax), Content::Text(text)) => {
            if let Err(why) = (syntax.check)(text) {
                problems.push(invalid(
                    &node.place,
                    format!("{} can't be \"{text}\"{why}", subject(&node.place)),
                    Some(format!("write {}", syntax.example)),
                ));
            }
        }
        (Shape::Formed(syntax), Content::Number(number)) if syntax.numbers => {
            if number.as_f64().is_none_or(|number| number < 0.0) {
                let message = format!("{} must not be negative, and is {number}", subject(&node.place));
                problems.push(invalid(&node.place, message, None));
            }
        }
        (Shape::Whole { least, most }, Content::Number(number)) => {
            if whole(number).is_none_or(|value| !(*least..=*most).contains(&value)) {
                let range = if *most == MOST {
                    format!("of at least {least}")
                } else {
                    format!("from {least} to {most}")
                };
                let message = format!("{} must be a whole number {range}, not {number}", subject(&node.place));
                problems.push(invalid(&node.place, message, None));
            }
        }
        (Shape::Number { least, most }, Content::Number(number)) => {
            if number.as_f64().is_none_or(|value| !(*least..=*most).contains(&value)) {
                let range = if most.is_finite() {
                    format!("from {least} to {most}")
                } else {
                    format!("of at least {least}")
                };
                let message = format!("{} must be a number {range}, not {number}", subject(&node.place));
                problems.push(invalid(&node.place, message, None));
            }
        }
        (Shape::Word(words), Content::Text(word)) => {
            if !words.contains(&word.as_str()) {
                let hint = suggestion(word, words.iter().copied(), "it can be");
                let message = format!("{} can't be \"{word}\"", subject(&node.place));
                problems.push(invalid(&node.place, message, Some(hint)));
            }
        }
        (Shape::List(item) | Shape::OneOrMore(item), Content::List(items)) => {
            items.iter().for_each(|node| check_item(node, item, problems));
        }
        (Shape::OneOrMore(item), _) if fits(item, &node.content) => check(node, item, problems),
        (Shape::Map(value), Content::Map(entries)) => {
            entries
                .iter()
                .for_each(|(_, _, node)| check_item(node, value, problems));
        }
        (Shape::Object(object), Content::Map(entries)) => check_object(&node.place, entries, object, problems),
        (Shape::Named(objects), Content::Text(word)) => match objects.iter().find(|object| object.name == word) {
            None => problems.push(unknown_word(&node.place, word, objects)),
            Some(object) => check_object(&node.place, &[], object, problems),
        },
        (Shape::Named(objects), Content::Map(entries)) => check_named(&node.place, entries, objects, problems),
        (Shape::Typed(objects), Content::Map(entries)) => check_typed(&node.place, entries, objects, problems),
        (Shape::Folders(object), Content::Map(entries)) => check_folders(entries, object, problems),
        (Shape::Templated(_), Content::Text(text)) if text.contains("{{") => {}
        (Shape::Templated(shape), _) => check(node, shape, problems),
        (Shape::Either(shapes), content) => match shapes.iter().find(|shape| fits(shape, content)) {
            Some(shape) => check(node, shape, problems),
            None => problems.push(wrong_type(node, &in_words(&Shape::Either(shapes)))),
        },
        (shape, _) => problems.push(wrong_type(node, &in_words(shape))),
    }
}

/// The whole number that a number is: `1e6` is one million.
pub(crate) fn whole(number: &serde_json::Number) -> Option<u64> {
    number.as_u64().or_else(|| {
        let number = number.as_f64()?;
        (number.fract() == 0.0 && (0.0..=MOST as f64).contains(&number)).then_some(number as u64)
    })
}

/// An item of a list, or of a map with any keys, must be something.
fn check_item(node: &Node, shape: &Shape, problems: &mut Problems) {
    if matches!(node.content, Content::Null) && !matches!(shape, Shape::Anything) {
        problems.push(wrong_type(node, &in_words(shape)));
    } else {
        check(node, shape, problems);
    }
}

/// Whether a value is of a shape's type, whatever it holds.
fn fits(shape: &Shape, content: &Content) -> bool {
    match shape {
        Shape::Text | Shape::Word(_) => matches!(content, Content::Text(_)),
        Shape::Formed(syntax) => {
            matches!(content, Content::Text(_)) || (syntax.numbers && matches!(content, Content::Number(_)))
        }
        Shape::Scalar => matches!(content, Content::Text(_) | Content::Number(_) | Content::Bool(_)),
        Shape::Flag => matches!(content, Content::Bool(_)),
        Shape::Whole { .. } | Shape::Number { .. } => matches!(content, Content::Number(_)),
        Shape::List(_) => matches!(content, Content::List(_)),
        Shape::OneOrMore(item) => matches!(content, Content::List(_)) || fits(item, content),
        Shape::Map(_) | Shape::Object(_) | Shape::Typed(_) | Shape::Folders(_) => matches!(content, Content::Map(_)),
        Shape::Named(_) => matches!(content, Content::Text(_) | Content::Map(_)),
        Shape::Either(shapes) => shapes.iter().any(|shape| fits(shape, content)),
        Shape::Templated(shape) => matches!(content, Content::Text(_)) || fits(shape, content),
        Shape::Anything => true,
    }
}

type Entry = (String, Place, Node);

/// The keys that a map has so far, with how and where they are written.
#[derive(Default)]
struct Spelled<'a> {
    keys: Vec<(&'static str, &'a str, &'a Place)>,
}

impl<'a> Spelled<'a> {
    /// Whether a key is not there in another spelling; says so where it is.
    fn is_new(&mut self, key: &'static Key, word: &'a str, place: &'a Place, problems: &mut Problems) -> bool {
        if let Some((_, first, at)) = self.keys.iter().find(|(name, ..)| *name == key.name) {
            problems.push(ProjectError::Duplicate {
                place: place.clone(),
                what: format!("\"{word}\", another spelling of \"{first}\","),
                first: (*at).clone(),
                hint: "keep one of the two".to_owned(),
            });
            return false;
        }
        self.keys.push((key.name, word, place));
        true
    }
}

fn check_object(place: &Place, entries: &[Entry], object: &'static Object, problems: &mut Problems) {
    let mut spelled = Spelled::default();
    for (word, key_place, value) in entries {
        let Some(key) = object.key(word) else {
            problems.push(unknown_key(key_place, word, object, None));
            continue;
        };
        if spelled.is_new(key, word, key_place, problems) {
            check(value, &key.shape, problems);
        }
    }
    for key in object.keys {
        if let Some(hint) = key.required
            && !entries
                .iter()
                .any(|(word, _, value)| key.name == word && !matches!(value.content, Content::Null))
        {
            problems.push(ProjectError::MissingKey {
                place: place.clone(),
                key: key.name.to_owned(),
                context: object.title.to_owned(),
                hint: hint.to_owned(),
            });
        }
    }
}

fn check_named(place: &Place, entries: &[Entry], objects: &'static [&'static Object], problems: &mut Problems) {
    let [(word, key_place, value)] = entries else {
        // Arguments that are not indented below the test's name are keys beside it.
        let named = entries
            .iter()
            .find_map(|(word, ..)| objects.iter().find(|object| object.name == word));
        let hint = named.map_or_else(
            || "write one name, and below it what belongs to it".to_owned(),
            |object| format!("indent what belongs to \"{}\" below it", object.name),
        );
        let message = format!("{} must have one key, not {}", subject(place), entries.len());
        problems.push(invalid(place, message, Some(hint)));
        return;
    };
    let Some(object) = objects.iter().find(|object| object.name == word) else {
        problems.push(unknown_word(key_place, word, objects));
        return;
    };
    match &value.content {
        Content::Null => check_object(place, &[], object, problems),
        Content::Map(entries) => check_object(key_place, entries, object, problems),
        _ => problems.push(wrong_type(value, &format!("a map, {}", object.title))),
    }
}

fn check_typed(place: &Place, entries: &[Entry], objects: &'static [&'static Object], problems: &mut Problems) {
    let kind = entries.iter().find(|(word, ..)| word == "type");
    let words = || objects.iter().map(|object| object.name);
    match kind.map(|(.., node)| (node, &node.content)) {
        Some((node, Content::Text(word))) => match objects.iter().find(|object| object.name == word) {
            Some(object) => check_object(place, entries, object, problems),
            None => problems.push(invalid(
                &node.place,
                format!("{} can't be \"{word}\"", subject(&node.place)),
                Some(suggestion(word, words(), "it can be")),
            )),
        },
        Some((node, content)) if !matches!(content, Content::Null) => problems.push(wrong_type(node, "text")),
        _ => problems.push(ProjectError::MissingKey {
            place: place.clone(),
            key: "type".to_owned(),
            context: subject(place),
            hint: format!("it can be {}", words().collect::<Vec<_>>().join(", ")),
        }),
    }
}

fn check_folders(entries: &[Entry], object: &'static Object, problems: &mut Problems) {
    let mut spelled = Spelled::default();
    for (word, place, value) in entries {
        if let Some(name) = word.strip_prefix('+') {
            match object.key(name) {
                Some(key) => {
                    if spelled.is_new(key, word, place, problems) {
                        check(value, &key.shape, problems);
                    }
                }
                None => problems.push(unknown_key(place, word, object, Some('+'))),
            }
            continue;
        }
        match &value.content {
            Content::Map(entries) => check_folders(entries, object, problems),
            Content::Null => {}
            _ if object.key(word).is_some() => problems.push(ProjectError::UnknownKey {
                place: place.clone(),
                key: word.clone(),
                context: "configuration by folder".to_owned(),
                hint: format!("write \"+{word}\": keys without \"+\" are folders"),
            }),
            _ => problems.push(wrong_type(value, "a map: keys without \"+\" are folders")),
        }
    }
}

fn unknown_key(place: &Place, word: &str, object: &Object, prefix: Option<char>) -> ProjectError {
    let spelled = |name: &str| prefix.into_iter().chain(name.chars()).collect::<String>();
    let plain = prefix.map_or(word, |prefix| word.trim_start_matches(prefix));
    let spellings: Vec<String> = object.keys.iter().flat_map(|key| object.spellings_of(key)).collect();
    let hint = if let Some(near) = nearest(plain, spellings.iter().map(String::as_str)) {
        format!("did you mean \"{}\"?", spelled(&near))
    } else {
        let names: Vec<String> = object.keys.iter().map(|key| spelled(key.name)).collect();
        format!("the keys here are {}", names.join(", "))
    };
    ProjectError::UnknownKey {
        place: place.clone(),
        key: word.to_owned(),
        context: object.title.to_owned(),
        hint,
    }
}

fn unknown_word(place: &Place, word: &str, objects: &[&Object]) -> ProjectError {
    let hint = if COLUMN_TESTS.iter().any(|object| object.name == word) {
        "it is a test of a column: write it below one".to_owned()
    } else {
        suggestion(word, objects.iter().map(|object| object.name), "there are")
    };
    ProjectError::UnknownName {
        place: place.clone(),
        what: "data test",
        name: word.to_owned(),
        hint,
    }
}

/// The nearest of some names, or all of them.
pub(crate) fn suggestion<'a>(word: &str, names: impl Iterator<Item = &'a str> + Clone, otherwise: &str) -> String {
    if let Some(near) = nearest(word, names.clone()) {
        return format!("did you mean \"{near}\"?");
    }
    let mut names: Vec<&str> = names.collect();
    let more = names.len().saturating_sub(12);
    names.truncate(12);
    match (names.as_slice(), otherwise, more) {
        ([], "there are", _) => "there is none".to_owned(),
        ([only], "there are", _) => format!("there is only {only}"),
        (_, _, 0) => format!("{otherwise} {}", names.join(", ")),
        _ => format!("{otherwise} {} and {more} more", names.join(", ")),
    }
}

fn invalid(place: &Place, message: String, hint: Option<String>) -> ProjectError {
    ProjectError::Invalid {
        place: place.clone(),
        message,
        hint,
    }
}

/// What a place holds, in a sentence.
fn subject(place: &Place) -> String {
    if place.path.is_empty() {
        "the file".to_owned()
    } else {
        format!("\"{}\"", place.path)
    }
}

/// The error for a value of the wrong type.
fn wrong_type(node: &Node, expected: &str) -> ProjectError {
    let written = match &node.content {
        Content::Number(number) => Some(number.to_string()),
        Content::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    let hint = written
        .filter(|_| expected.starts_with("text"))
        .map(|written| format!("put it in quotes: \"{written}\""));
    let found = node.content.describe();
    if node.place.path.is_empty() {
        return invalid(&node.place, format!("the file must be {expected}, not {found}"), hint);
    }
    ProjectError::WrongType {
        place: node.place.clone(),
        key: node.place.path.clone(),
        expected: expected.to_owned(),
        found: found.to_owned(),
        hint,
    }
}

/// What a value must be, with its article.
fn in_words(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Formed(syntax) => format!("text, such as {}", syntax.example),
        Shape::Scalar => "text, a number, or true or false".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::Whole { .. } => "a whole number".to_owned(),
        Shape::Number { .. } => "a number".to_owned(),
        Shape::Word(words) => words.join(" or "),
        Shape::List(_) => "a list".to_owned(),
        Shape::OneOrMore(item) => format!("{}, or a list", in_words(item)),
        Shape::Object(object) if object.title.starts_with("a ") => format!("a map, {}", object.title),
        Shape::Object(_) | Shape::Map(_) | Shape::Typed(_) | Shape::Folders(_) => "a map".to_owned(),
        Shape::Named(_) => "a name, or a map of one name".to_owned(),
        Shape::Either(shapes) => {
            let words: Vec<String> = shapes.iter().map(in_words).collect();
            words.join(", or ")
        }
        Shape::Templated(shape) => in_words(shape),
        Shape::Anything => "anything".to_owned(),
    }
}
