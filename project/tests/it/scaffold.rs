//! New projects.

use std::path::Path;

use refuel_project::scaffold::{Template, name_of, write};
use refuel_project::{Materialized, Project};
use tempfile::TempDir;

use crate::{options, told};

#[test]
fn a_new_project_is_right_as_it_is() {
    for template in [Template::Example, Template::Empty] {
        let folder = TempDir::new().expect("a folder");
        let root = folder.path().join("library");
        let written = write(&root, "library", template).expect("written");
        let project = Project::load(&root, &options()).unwrap_or_else(|errors| panic!("{}", told(&errors)));
        assert_eq!(
            (project.settings.name.as_str(), project.target.kind()),
            ("library", "sqlite")
        );
        for path in written {
            let text = std::fs::read_to_string(root.join(path)).expect("a file");
            assert!(!text.contains("PROJECT_NAME"), "{text}");
        }
    }
}

#[test]
fn the_example_has_what_a_project_is_made_of() {
    let folder = TempDir::new().expect("a folder");
    write(folder.path(), "library", Template::Example).expect("written");
    let project = Project::load(folder.path(), &options()).unwrap_or_else(|errors| panic!("{}", told(&errors)));
    assert_eq!(
        project.models.keys().map(|name| &**name).collect::<Vec<_>>(),
        ["labelled_messages", "stg_messages", "topic_report"]
    );
    assert_eq!(project.models["topic_report"].config.materialized, Materialized::Table);
    assert_eq!(project.tasks["message_topic"].task.labels.len(), 4);
    assert_eq!(
        (project.unit_tests.len(), project.tests.len(), project.seeds.len()),
        (2, 1, 1)
    );
    let ignored = std::fs::read_to_string(folder.path().join(".gitignore")).expect("a file");
    assert_eq!(ignored, ".refuel/\ntarget/\n*.sqlite3*\n");
}

#[test]
fn nothing_is_written_over() {
    let folder = TempDir::new().expect("a folder");
    std::fs::create_dir(folder.path().join("seeds")).expect("a folder");
    std::fs::write(folder.path().join("seeds/messages.csv"), "mine").expect("a file");
    let error = write(folder.path(), "library", Template::Example).expect_err("there");
    assert_eq!(error.code(), "RF1111");
    assert!(
        error.to_string().ends_with("seeds/messages.csv` is there already"),
        "{error}"
    );
    let there: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(there.len(), 1, "nothing else was written");
    assert_eq!(
        std::fs::read_to_string(folder.path().join("seeds/messages.csv")).expect("a file"),
        "mine"
    );
}

#[test]
fn a_folder_names_its_project() {
    assert_eq!(name_of(Path::new("/data/my-shop.v2")).expect("a name"), "my_shop_v2");
    assert_eq!(name_of(Path::new("/data/2nd")).expect_err("no name").code(), "RF1107");
    assert_eq!(
        write(Path::new("/nowhere"), "a b", Template::Empty)
            .expect_err("no name")
            .code(),
        "RF1107"
    );
}
