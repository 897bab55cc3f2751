//! The files of `docs/reference/` are what `refuel man` prints. Where they aren't, `REFUEL_BLESS=1 cargo test` writes
//! them anew.

use std::path::Path;

use clap::ValueEnum;

use super::{SchemaChoice, TOPICS, schema_of};

#[test]
fn the_reference_is_what_the_program_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference");
    let bless = std::env::var_os("REFUEL_BLESS").is_some_and(|value| value == "1");
    let mut files: Vec<(String, String)> = TOPICS
        .iter()
        .map(|topic| {
            let mark = "<!-- Made by `REFUEL_BLESS=1 cargo test -p refuel --release reference` -->\n\n";
            (
                format!("{}.md", topic.name),
                format!("{mark}{}\n", (topic.text)().trim_end()),
            )
        })
        .collect();
    for choice in SchemaChoice::value_variants() {
        let schema = serde_json::to_string_pretty(&schema_of(*choice)).unwrap();
        let name = choice.to_possible_value().unwrap();
        files.push((format!("{}.schema.json", name.get_name()), format!("{schema}\n")));
    }
    let mut stale = Vec::new();
    for (name, text) in files {
        let path = folder.join(&name);
        if bless {
            fs_err::create_dir_all(&folder).unwrap();
            fs_err::write(&path, &text).unwrap();
        } else if fs_err::read_to_string(&path).unwrap_or_default() != text {
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "docs/reference has files that are not what the program says: {stale:?}; write them anew with \
         `REFUEL_BLESS=1 cargo test -p refuel --release reference`"
    );
}
