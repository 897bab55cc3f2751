//! Collects the error codes of the workspace, so that `refuel man errors` can't miss one.
//!
//! An error is a variant with a doc comment and an `#[error("...")]` message, and an arm of its type's `code()`. Both
//! are found by reading the sources line by line; a test checks that no code is left without its explanation.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The crates that have errors.
const CRATES: [&str; 23] = [
    "formats",
    "compiler",
    "registry",
    "task",
    "engine",
    "orchestrator",
    "client",
    "host",
    "extension",
    "tables",
    "staging",
    "project",
    "dag",
    "warehouse",
    "state",
    "runs",
    "schedule",
    "learn",
    "normalize",
    "resolve",
    "clean",
    "repair",
    "relations",
];

/// What a variant says of itself.
#[derive(Default, Clone)]
struct Variant {
    about: String,
    message: String,
}

fn main() {
    println!("cargo::rustc-env=REFUEL_CRATES={}", CRATES.join(","));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut codes: BTreeMap<String, Variant> = BTreeMap::new();
    for name in CRATES {
        let folder = root.join(name).join("src");
        println!("cargo::rerun-if-changed={}", folder.display());
        for file in sources(&folder) {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if text.contains("\"RF") {
                collect(&text, &mut codes);
            }
        }
    }
    let mut table = String::from("&[\n");
    for (code, variant) in codes {
        let _ = writeln!(table, "    ({code:?}, {:?}, {:?}),", variant.about, variant.message);
    }
    table.push_str("]\n");
    let target = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    std::fs::write(target.join("codes.rs"), table).expect("cargo's own folder can be written to");
}

/// Every Rust file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn collect(text: &str, codes: &mut BTreeMap<String, Variant>) {
    let variants = variants(text);
    let mut owner = String::new();
    let mut arm = String::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(name) = trimmed.strip_prefix("impl ").filter(|_| !line.starts_with(' ')) {
            // `impl Type {` and `impl Trait for Type {`: the type is the last word before the brace.
            let words = name.trim_end_matches('{').split_whitespace();
            words.last().unwrap_or_default().clone_into(&mut owner);
        }
        if trimmed.starts_with("//") {
            continue;
        }
        arm.push_str(trimmed);
        if let Some((_, code)) = trimmed
            .split_once("=> \"RF")
            .or_else(|| trimmed.split_once("\"RF").filter(|(before, _)| before.is_empty()))
        {
            let code: String = code.chars().take_while(char::is_ascii_digit).collect();
            for name in arm.split("Self::").skip(1) {
                let name: String = name
                    .chars()
                    .take_while(|character| character.is_alphanumeric())
                    .collect();
                if let Some(variant) = variants.get(&(owner.clone(), name)) {
                    let entry = codes.entry(format!("RF{code}")).or_default();
                    if entry.about.is_empty() {
                        *entry = variant.clone();
                    } else if !entry.about.contains(&variant.about) {
                        entry.about = format!("{} {}", entry.about, variant.about);
                    }
                }
            }
            arm.clear();
        } else if trimmed.ends_with([',', ';', '{', '}']) && !trimmed.ends_with("=> {") && !trimmed.contains("Self::") {
            arm.clear();
        }
    }
}

/// The variants of the enumerations in a file, by type and name.
fn variants(text: &str) -> BTreeMap<(String, String), Variant> {
    let mut found = BTreeMap::new();
    let mut owner: Option<String> = None;
    let mut about: Vec<&str> = Vec::new();
    let mut message = String::new();
    let mut in_message = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(at) = line
            .find("enum ")
            .filter(|_| !line.starts_with(' ') && line.ends_with('{'))
        {
            owner = Some(line[at + 5..].trim_end_matches('{').trim().to_owned());
            about.clear();
            continue;
        }
        if line == "}" {
            owner = None;
        }
        let Some(owner) = &owner else { continue };
        // Fields stand deeper than variants do.
        if !line.starts_with("    ") || (line.starts_with("     ") && !in_message) {
            continue;
        }
        if in_message || trimmed.starts_with("#[error(") {
            message.push_str(trimmed);
            in_message = !trimmed.ends_with(")]");
        } else if let Some(words) = trimmed.strip_prefix("///") {
            about.push(words.trim());
        } else if trimmed.starts_with(|character: char| character.is_ascii_uppercase()) {
            let name: String = trimmed
                .chars()
                .take_while(|character| character.is_alphanumeric())
                .collect();
            let variant = Variant {
                about: about.join(" "),
                message: told(&message),
            };
            found.insert((owner.clone(), name), variant);
            about.clear();
            message.clear();
        } else if !trimmed.starts_with('#') {
            about.clear();
            message.clear();
        }
    }
    found
}

/// The message of `#[error("...")]`, with a mark where values stand.
fn told(attribute: &str) -> String {
    let Some(start) = attribute.find('"') else {
        return String::new();
    };
    let mut text = String::new();
    let mut characters = attribute[start + 1..].chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => text.extend(characters.next()),
            '{' => {
                text.push('…');
                characters.by_ref().find(|character| *character == '}');
            }
            other => text.push(other),
        }
    }
    text
}
