//! Error codes, collected from the error types of the workspace when this crate is built.

/// Code, what it means, and its message with a mark where values stand.
const CODES: &[(&str, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/codes.rs"));

/// What is told when the program itself is wrong; it is no variant of an error.
const MISTAKE: (&str, &str, &str) = ("RF0600", "A mistake in the program stopped it.", "");

/// The parts that codes belong to, by their first four characters.
const PARTS: [(&str, &str); 22] = [
    ("RF01", "Model files: GGUF, safetensors, configuration, tokenizer"),
    ("RF02", "Compiling a checkpoint to ONNX"),
    ("RF03", "The registry of models: download, import, verify"),
    ("RF04", "Tasks"),
    ("RF05", "The engine: loading and running a model, the cache"),
    ("RF06", "The command line: tables, options, files"),
    ("RF07", "Clients of a host"),
    ("RF08", "The host"),
    ("RF09", "The extension for PostgreSQL"),
    ("RF10", "SQL of models: parsing it, and staging the calls in it"),
    ("RF11", "Projects: their files and settings"),
    ("RF12", "Compiling a project: templates, references, selectors"),
    ("RF13", "Warehouses: SQLite and PostgreSQL as targets"),
    ("RF14", "The state of a project: runs, answers, reviews"),
    ("RF15", "Runs: plans, budgets, models, tests"),
    ("RF16", "Schedules"),
    ("RF17", "Values brought into one form"),
    ("RF18", "Learning from examples"),
    ("RF19", "Matching and resolving records"),
    ("RF20", "Cleaning text"),
    ("RF21", "Repairing tables"),
    ("RF24", "Tasks about whole tables"),
];

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let mut rows: Vec<_> = CODES.iter().copied().chain([MISTAKE]).collect();
    rows.sort_unstable();
    rows.into_iter()
}

/// Every code.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    rows().map(|(code, _, _)| code)
}

/// What is known of one code.
pub(super) fn one(code: &str) -> Option<String> {
    let code = code.to_uppercase();
    let (code, about, message) = rows().find(|(there, _, _)| *there == code)?;
    let part = PARTS
        .iter()
        .find(|(start, _)| code.starts_with(start))
        .map_or("", |(_, part)| part);
    let mut text = format!("{code}: {about}\n\npart:     {part}");
    if !message.is_empty() {
        text.push_str(&format!("\nmessage:  {message}"));
    }
    Some(text)
}

/// The text, as Markdown.
pub(super) fn text() -> String {
    let mut text =
        "# Error codes\n\nA code keeps its meaning for good. `…` stands for what is told of the case at hand.\n"
            .to_owned();
    for (start, part) in PARTS {
        let rows: Vec<_> = rows().filter(|(code, _, _)| code.starts_with(start)).collect();
        if rows.is_empty() {
            continue;
        }
        text.push_str(&format!(
            "\n## {start}xx: {part}\n\n| code | what it means | message |\n|---|---|---|\n"
        ));
        for (code, about, message) in rows {
            text.push_str(&format!(
                "| {code} | {} | {} |\n",
                about.replace('|', "\\|"),
                message.replace('|', "\\|")
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn codes_in(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                codes_in(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.components().any(|part| part.as_os_str() == "tests")
                && path.file_stem().is_some_and(|stem| stem != "tests")
            {
                let text = fs_err::read_to_string(&path).unwrap();
                for (at, _) in text.match_indices("=> \"RF") {
                    found.insert(text[at + 4..at + 10].to_owned());
                }
            }
        }
    }

    #[test]
    fn every_code_in_the_sources_is_explained() {
        let mut found = BTreeSet::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for name in env!("REFUEL_CRATES").split(',') {
            codes_in(&root.join(name).join("src"), &mut found);
        }
        assert!(found.len() > 40, "{found:?}");
        let unexplained: Vec<&String> = found.iter().filter(|code| one(code).is_none()).collect();
        assert!(unexplained.is_empty(), "{unexplained:?}");
        let text = text();
        for (code, about, _) in rows() {
            assert!(text.contains(&format!("| {code} |")), "{code} belongs to no part");
            assert!(
                about.ends_with('.'),
                "{code} has no sentence that says what it means: {about:?}"
            );
        }
    }

    #[test]
    fn no_code_is_given_twice() {
        let codes: Vec<&str> = all().collect();
        let different: BTreeSet<&str> = codes.iter().copied().collect();
        assert_eq!(codes.len(), different.len());
    }
}
