//! New projects.

use crate::common::{Desk, home_with};

#[test]
fn a_new_project_is_made_and_compiles() {
    let desk = Desk::new();
    insta::assert_snapshot!("init", desk.run(&["init", "my-library"]));
    let home = desk.path("home");
    let mut compile = desk.command(&home, &["compile"]);
    let output = compile.current_dir(desk.path("my-library")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", desk.told(&output));
    insta::assert_snapshot!("init_again", desk.run(&["init", "my-library"]));
}

#[test]
fn an_empty_project_is_told_as_json() {
    let desk = Desk::new();
    insta::assert_snapshot!(
        "init_empty",
        desk.run(&["init", "shop", "--name", "web_shop", "--empty", "--format", "json"])
    );
    assert!(desk.read("shop/refuel_project.yml").contains("name: web_shop\n"));
}

#[test]
fn what_cannot_be_a_name_is_told() {
    let desk = Desk::new();
    insta::assert_snapshot!("init_bad_name", desk.run(&["init", "2nd"]));
    insta::assert_snapshot!("init_help", desk.run(&["init", "--help"]));
}

/// The example of `refuel init` runs as it is: seed, models, tests and unit tests.
#[test]
fn a_new_project_builds() {
    let Some(home) = home_with("smollm2-135m-instruct") else {
        return;
    };
    let desk = Desk::new();
    desk.run(&["init", "library"]);
    let mut build = desk.command(&home, &["build"]);
    let output = build.current_dir(desk.path("library")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", desk.told(&output));
    let mut show = desk.command(&home, &["show", "topic_report", "--format", "json"]);
    let output = show.current_dir(desk.path("library")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", desk.told(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("(to review)"), "{text}");
}
