//! Where in a file something is.

use minijinja::{Error, ErrorKind, OutputSpan, OutputSpanKind};
use refuel_task::Place;

use super::functions::Fault;
use crate::error::{DagError, nearest};

/// The place of a byte of a text, by line and column in characters, both from 1.
pub(crate) fn place_at(path: &str, text: &str, offset: usize) -> Place {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.split(|byte| *byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // Bytes that continue a character don't count.
    let column = before[start..].iter().filter(|byte| **byte & 0xC0 != 0x80).count() + 1;
    Place {
        source: path.into(),
        position: Some((line as u32, column as u32)),
        path: String::new(),
    }
}

/// The byte of a text at a line and column in characters, both from 1.
pub(crate) fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start = match line {
        0 | 1 => 0,
        _ => text
            .match_indices('\n')
            .nth(line - 2)
            .map_or(text.len(), |(at, _)| at + 1),
    };
    let rest = &text[start..];
    start
        + rest
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or(rest.len(), |(at, _)| at)
}

/// The byte of the source that a byte of the output comes from.
pub(crate) fn source_of(spans: &[OutputSpan], output: usize) -> Option<usize> {
    let at = spans.partition_point(|span| span.output_range().end <= output);
    let span = spans.get(at).or(spans.last())?;
    let source = span.source_range();
    let inside = output.saturating_sub(span.output_range().start);
    Some(match span.kind() {
        OutputSpanKind::Raw => (source.start + inside).min(source.end),
        _ => source.start,
    })
}

/// The place of a call in a text: of the function's name followed by `(`, where one of `names` stands in quotes before
/// the `)`. The start of the file where it is not found, as where the name is computed.
pub(crate) fn call_place(path: &str, text: &str, function: &str, names: &[&str]) -> Place {
    let calls = text.match_indices(function).filter_map(|(at, _)| {
        let rest = text[at + function.len()..].trim_start();
        let arguments = rest.strip_prefix('(')?;
        let end = arguments.find(')').unwrap_or(arguments.len());
        let arguments = &arguments[..end];
        let named = names
            .iter()
            .all(|name| arguments.contains(&format!("'{name}'")) || arguments.contains(&format!("\"{name}\"")));
        named.then_some(at)
    });
    place_at(path, text, calls.min().unwrap_or(0))
}

/// An error of a template with its place in `text`, which is the file `path`. `names` are what could have been meant by
/// a name that is not there.
pub(super) fn template_error(error: &Error, path: &str, text: &str, names: &[&str]) -> DagError {
    let place = match (error.range(), error.line()) {
        (Some(range), _) if range.start < range.end || range.start > 0 => place_at(path, text, range.start),
        (_, Some(line)) => Place {
            source: path.into(),
            position: Some((line as u32, 1)),
            path: String::new(),
        },
        _ => place_at(path, text, 0),
    };
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(fault) = inner.downcast_ref::<Fault>() {
            return match fault.clone() {
                Fault::Variable(name) => DagError::MissingVariable {
                    place,
                    name,
                    nearest: None,
                },
                Fault::EnvironmentVariable(name) => DagError::MissingEnvironmentVariable { place, name },
                Fault::Raised(message) => DagError::Template {
                    place,
                    message,
                    hint: None,
                },
            };
        }
        cause = inner.source();
    }
    let detail = error.detail().unwrap_or_default();
    let (message, hint) = match error.kind() {
        ErrorKind::UndefinedError => {
            let name = error
                .range()
                .and_then(|range| text.get(range))
                .unwrap_or_default()
                .trim();
            let name = if name.lines().count() == 1 { name } else { "" };
            let root = name.split(['.', '[', '(', ' ', '|']).next().unwrap_or_default();
            let message = if name.is_empty() {
                "a value is undefined".to_owned()
            } else {
                format!("\"{name}\" is undefined")
            };
            (message, meant(root, names))
        }
        ErrorKind::UnknownFunction => {
            let name = detail.strip_suffix(" is unknown").unwrap_or(detail);
            (format!("there is no function or macro \"{name}\""), meant(name, names))
        }
        ErrorKind::OutOfFuel => (
            "the template does too much work".to_owned(),
            Some("look for a loop over too much, or a macro that calls itself".to_owned()),
        ),
        _ if detail.contains("recursion limit") => (
            "macros call each other without end".to_owned(),
            Some("look for one that calls itself".to_owned()),
        ),
        kind if detail.is_empty() => (kind.to_string(), None),
        ErrorKind::SyntaxError => (format!("not a template: {detail}"), None),
        kind => (format!("{kind}: {detail}"), None),
    };
    DagError::Template { place, message, hint }
}

fn meant(name: &str, names: &[&str]) -> Option<String> {
    let near = nearest(name, names.iter().copied().filter(|known| *known != name))?;
    Some(format!("did you mean \"{near}\"?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_places_agree() {
        let text = "select\n  é, x\nfrom t";
        for (offset, _) in text.char_indices() {
            let (line, column) = place_at("m.sql", text, offset).position.unwrap();
            assert_eq!(offset_of(text, line as usize, column as usize), offset);
        }
        let at = text.find('x').unwrap();
        assert_eq!(place_at("m.sql", text, at).to_string(), "m.sql:2:6");
        assert_eq!(offset_of(text, 99, 1), text.len());
    }

    #[test]
    fn a_call_is_found_by_what_it_names() {
        let text = "select * from {{ ref('a') }}\njoin {{ ref( \"b\" ) }} using (id)\n{{ source('s', 't') }}";
        let place = |function, names: &[&str]| call_place("m.sql", text, function, names).to_string();
        assert_eq!(place("ref", &["b"]), "m.sql:2:9");
        assert_eq!(place("source", &["s", "t"]), "m.sql:3:4");
        assert_eq!(place("ref", &["c"]), "m.sql:1:1");
    }
}
