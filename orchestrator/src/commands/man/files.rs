//! What the files of a project can say, from their JSON Schemas.

use refuel_project::{SCHEMAS, scaffold, schema};
use serde_json::Value;

use super::schema::in_words;

/// What `refuel init` writes into the file that a topic is about, where it writes one of that kind.
fn example(topic: &str) -> String {
    scaffold::example(match topic {
        "project" => refuel_project::PROJECT_FILE,
        "profiles" => refuel_project::PROFILES_FILE,
        _ => "models/marts/marts.yml",
    })
    .unwrap_or_default()
}

/// The text on a kind of file, as Markdown.
pub(super) fn text(topic: &str) -> String {
    let about = SCHEMAS
        .iter()
        .find(|(name, _)| *name == topic)
        .map_or("", |(_, about)| about);
    let root = schema(topic).unwrap_or_default();
    // Editors read the schema's address in the first line.
    let example = example(topic).lines().skip(1).collect::<Vec<_>>().join("\n");
    let mut text = format!(
        "# {}\n\n{about}. Unknown keys are errors, and a key without a value is as good as left out. \
         `refuel man --schema {topic}` prints the JSON Schema for an editor.\n\n```yaml\n{example}\n```\n",
        title(topic)
    );
    for name in definitions(&root) {
        let definition = &root["$defs"][name.as_str()];
        let description = definition["description"].as_str().unwrap_or_default();
        let (heading, rest) = description.split_once(". ").unwrap_or((description, ""));
        text.push_str(&format!("\n## {}\n\n", heading.trim_end_matches('.')));
        if !rest.is_empty() {
            text.push_str(&format!("{rest}\n\n"));
        }
        keys(&root, definition, &mut text);
    }
    text
}

fn title(topic: &str) -> &'static str {
    match topic {
        "project" => "refuel_project.yml",
        "profiles" => "profiles.yml",
        _ => "Properties",
    }
}

/// The names of all definitions, each after those that lead to it.
fn definitions(root: &Value) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    references(root, &mut found);
    let mut next = 0;
    while next < found.len() {
        references(&root["$defs"][found[next].as_str()], &mut found);
        next += 1;
    }
    found
}

/// Adds the definitions that a schema refers to, but for those below `$defs`.
fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(entries) => {
            for (word, value) in entries {
                match value.as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
                    Some(name) if word == "$ref" => {
                        if !found.iter().any(|known| known == name) {
                            found.push(name.to_owned());
                        }
                    }
                    _ if word == "$defs" => {}
                    _ => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// The table of a definition's keys.
fn keys(root: &Value, definition: &Value, text: &mut String) {
    let Some(properties) = definition["properties"].as_object() else {
        return;
    };
    let required: Vec<&str> = definition["allOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|demand| demand["anyOf"][0]["required"][0].as_str())
        .collect();
    text.push_str("| key | type | what it says |\n|---|---|---|\n");
    for (key, value) in properties {
        // `pre-hook` says the same as `pre_hook`.
        if key.contains('-') && properties.contains_key(&key.replace('-', "_")) {
            continue;
        }
        let first = properties
            .iter()
            .find(|(_, other)| *other == value)
            .map(|(first, _)| first);
        let about = match first {
            Some(first) if first != key => format!("The same as `{first}`."),
            _ => value["description"].as_str().unwrap_or_default().replace('|', "\\|"),
        };
        let must = if required.contains(&key.as_str()) {
            "Must be there. "
        } else {
            ""
        };
        let kind = in_words(root, value, &|name| {
            let description = root["$defs"][name]["description"].as_str()?;
            let heading = description.split_once(". ").map_or(description, |(heading, _)| heading);
            let heading = heading.trim_end_matches('.');
            Some(format!("[{}](#{})", lower(heading), anchor(heading)))
        });
        text.push_str(&format!("| `{key}` | {kind} | {must}{about} |\n"));
    }
}

/// A heading in a sentence.
fn lower(heading: &str) -> String {
    let mut letters = heading.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            letter if letter.is_alphanumeric() || letter == '-' || letter == '_' => Some(letter),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_every_file_has_its_type_and_its_meaning() {
        for (topic, _) in SCHEMAS {
            let text = text(topic);
            assert!(text.contains("```yaml\n"), "{text}");
            assert!(!text.contains("|  |") && !text.contains("| anything  |"), "{text}");
        }
    }

    #[test]
    fn what_a_key_holds_is_linked() {
        let text = text("properties");
        assert!(text.contains("| `columns` | list of [a column](#a-column) |"), "{text}");
        assert!(text.contains("\n## A column\n"), "{text}");
        assert!(
            text.contains("| `name` | text | Must be there. The column's name. |"),
            "{text}"
        );
    }
}
