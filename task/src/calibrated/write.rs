//! Writes a calibration into a task file, and leaves everything else there as somebody wrote it.

use std::fmt::Write as _;

use super::{Calibrated, CalibrationMap};
use crate::error::{Place, TaskError};
use crate::yaml::{Content, Node};

const KEY: &str = "calibrated";
const COMMENT: &str = "# Written by `refuel calibrate`; no answer depends on it.";

impl Calibrated {
    /// The lines of a task file that say it, the key among them.
    pub fn to_yaml(&self) -> String {
        let mut text = format!("{KEY}:\n");
        let digits = |key: &str, digits: &Option<String>| {
            let digits = digits.as_ref();
            digits.map_or_else(String::new, |digits| format!("  {key}: \"{digits}\"\n"))
        };
        text.push_str(&digits("model", &self.model));
        text.push_str(&digits("fingerprint", &self.fingerprint));
        let _ = writeln!(text, "  rows: {}", self.rows);
        write_map(&mut text, "  ", "map", &self.map);
        if let Some(chosen) = &self.threshold {
            let _ = writeln!(
                text,
                "  threshold: {{value: {}, target: {}, accepted: {}, precision: {:.4}, at_least: {:.4}}}",
                chosen.value, chosen.target, chosen.accepted, chosen.precision, chosen.at_least
            );
        }
        if !self.fields.is_empty() {
            text.push_str("  fields:\n");
            for (name, map) in &self.fields {
                // As JSON, which is YAML whatever stands in the name.
                write_map(
                    &mut text,
                    "    ",
                    &serde_json::Value::from(name.as_str()).to_string(),
                    map,
                );
            }
        }
        text
    }

    /// The text of a task file with this calibration in place of the one that is there, or at its end.
    ///
    /// # Errors
    /// [`TaskError::Syntax`], and [`TaskError::Invalid`] where the file is not written as a map with a key a line.
    pub fn write_into(&self, text: &str, source: &str) -> Result<String, TaskError> {
        let node = Node::from_yaml(text, source)?;
        let not_lines = |place: &Place| TaskError::Invalid {
            place: place.clone(),
            message: "the calibration can't be written into this file, whose keys are not on lines of their own"
                .to_owned(),
            hint: Some("write the task with a key a line, or put in by hand what is shown without --write".to_owned()),
        };
        let Content::Map(entries) = &node.content else {
            return Err(not_lines(&node.place));
        };
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let starts = entries.iter().map(|(key, place, _)| {
            let (line, _) = place.position.filter(|(_, column)| *column == 1)?;
            Some((key.as_str(), line as usize - 1))
        });
        let starts = starts
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| not_lines(&node.place))?;
        let Some(&(_, first)) = starts.iter().find(|(key, _)| *key == KEY) else {
            let mut whole = text.to_owned();
            if !whole.is_empty() && !whole.ends_with('\n') {
                whole.push('\n');
            }
            let _ = write!(whole, "{COMMENT}\n{}", self.to_yaml());
            return Ok(whole);
        };
        let next = starts.iter().map(|(_, line)| *line).filter(|line| *line > first).min();
        let mut end = next.unwrap_or(lines.len());
        // Blank lines and comments at the margin belong to what comes behind.
        while end > first + 1 && is_between(lines[end - 1]) {
            end -= 1;
        }
        Ok([&lines[..first].concat(), &self.to_yaml(), &lines[end..].concat()]
            .map(String::as_str)
            .concat())
    }
}

fn is_between(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

fn write_map(text: &mut String, indent: &str, key: &str, map: &CalibrationMap) {
    let method = map.method();
    let _ = match map {
        CalibrationMap::None => writeln!(text, "{indent}{key}: {{method: {method}}}"),
        CalibrationMap::Temperature { temperature } => {
            writeln!(text, "{indent}{key}: {{method: {method}, temperature: {temperature}}}")
        }
        CalibrationMap::Platt { slope, intercept } => {
            writeln!(
                text,
                "{indent}{key}: {{method: {method}, slope: {slope}, intercept: {intercept}}}"
            )
        }
        CalibrationMap::Beta { a, b, c } => {
            writeln!(text, "{indent}{key}: {{method: {method}, a: {a}, b: {b}, c: {c}}}")
        }
        CalibrationMap::Isotonic { corners } => {
            let _ = writeln!(text, "{indent}{key}:\n{indent}  method: {method}\n{indent}  corners:");
            corners
                .iter()
                .try_for_each(|(own, becomes)| writeln!(text, "{indent}    - [{own}, {becomes}]"))
        }
    };
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::calibrated::ChosenThreshold;
    use crate::task::Task;

    const FILE: &str = "\
# What customers want.
kind: label
input: body   # the text
labels:
  - refund
  - other

# Sure enough?
threshold: auto
";

    fn calibrated(map: CalibrationMap) -> Calibrated {
        Calibrated {
            model: Some("012345678901".to_owned()),
            fingerprint: Some("0a1b2c3d4e5f".to_owned()),
            rows: 400,
            map,
            fields: Vec::new(),
            threshold: Some(ChosenThreshold {
                value: 0.83,
                target: 0.95,
                accepted: 310,
                precision: 0.9742,
                at_least: 0.9511,
            }),
        }
    }

    fn read(text: &str) -> Task {
        Task::from_yaml(text, "topic.yml", Path::new(".")).unwrap()
    }

    #[test]
    fn it_is_put_at_the_end_and_replaced_where_it_is() {
        let platt = calibrated(CalibrationMap::Platt {
            slope: 0.41,
            intercept: -0.2,
        });
        let written = platt.write_into(FILE, "topic.yml").unwrap();
        insta::assert_snapshot!(written, @r#"
        # What customers want.
        kind: label
        input: body   # the text
        labels:
          - refund
          - other

        # Sure enough?
        threshold: auto
        # Written by `refuel calibrate`; no answer depends on it.
        calibrated:
          model: "012345678901"
          fingerprint: "0a1b2c3d4e5f"
          rows: 400
          map: {method: platt, slope: 0.41, intercept: -0.2}
          threshold: {value: 0.83, target: 0.95, accepted: 310, precision: 0.9742, at_least: 0.9511}
        "#);
        assert_eq!(read(&written).calibrated.as_ref(), Some(&platt));
        assert_eq!(read(&written).threshold, Some(0.83));
        let steps = calibrated(CalibrationMap::Isotonic {
            corners: vec![(0.2, 0.1), (0.9, 0.95)],
        });
        let before = format!("{written}\n# Who.\nowner: ada\n");
        let again = steps.write_into(&before, "topic.yml").unwrap();
        assert!(
            again.starts_with(FILE) && again.ends_with("\n\n# Who.\nowner: ada\n"),
            "{again}"
        );
        assert!(
            !again.contains("platt") && again.matches("calibrated:").count() == 1,
            "{again}"
        );
        assert_eq!(read(&again).calibrated, Some(steps));
        assert_eq!(read(&again).owner.as_deref(), Some("ada"));
    }

    #[test]
    fn a_file_that_is_one_map_in_braces_is_refused() {
        let error = calibrated(CalibrationMap::None)
            .write_into("{kind: label, input: body, labels: [a, b]}", "topic.yml")
            .unwrap_err();
        assert!(error.to_string().contains("can't be written into this file"), "{error}");
    }

    #[test]
    fn fields_are_written_by_their_names() {
        let of_fields = Calibrated {
            fields: vec![
                (
                    "list price".to_owned(),
                    CalibrationMap::Temperature { temperature: 1.5 },
                ),
                (
                    "a: b".to_owned(),
                    CalibrationMap::Beta {
                        a: 0.5,
                        b: 0.25,
                        c: -1.0,
                    },
                ),
            ],
            threshold: None,
            ..calibrated(CalibrationMap::None)
        };
        let file = "kind: extract\ninput: body\nfields: {list price: , 'a: b': , other: }";
        let written = of_fields.write_into(file, "t.yml").unwrap();
        assert_eq!(read(&written).calibrated, Some(of_fields));
    }
}
