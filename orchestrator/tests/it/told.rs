//! What somebody is told to do next: the commands of hints and notes can be given as they stand.

use crate::common::Desk;

/// A project whose task of pairs, which needs no model, is asked by a head that nobody has trained.
fn project(desk: &Desk) {
    for folder in ["seeds", "tasks", "models"] {
        std::fs::create_dir(desk.path(folder)).unwrap();
    }
    desk.write("refuel_project.yml", "name: shop\n");
    desk.write("seeds/pairs.csv", "left,right\ntent,a tent\n");
    desk.write(
        "tasks/same.yml",
        "name: same_thing\nkind: match\nstrategy: head\ninput: {a: left, b: right}\n",
    );
    desk.write(
        "models/matched.sql",
        "SELECT left, right, refuel_match(left, right, 'same_thing') AS same FROM {{ ref('pairs') }}\n",
    );
}

#[test]
fn a_head_that_is_not_trained_names_the_file_of_its_task() {
    let desk = Desk::new();
    project(&desk);
    let told = desk.run(&["build"]);
    assert!(
        told.contains("error[RF0515]") && told.contains("hint: train it with `refuel train tasks/same.yml`"),
        "{told}"
    );
    let told = desk.run(&["label", "seeds/pairs.csv", "--task", "tasks/same.yml"]);
    assert!(
        told.contains("hint: train it with `refuel train tasks/same.yml`"),
        "{told}"
    );
}

#[test]
fn commands_to_give_next_name_the_home_folder_that_was_named() {
    let desk = Desk::new();
    desk.write("contacts.csv", "contact\n(030) 901820\n");
    desk.write(
        "phone.yml",
        "kind: normalize\ninput: contact\nformat: {phone: {region: DE}}\n",
    );
    let label = [
        "label",
        "contacts.csv",
        "--task",
        "phone.yml",
        "-o",
        "out.csv",
        "--force",
    ];
    let named: Vec<&str> = ["--home", "my home"].into_iter().chain(label).collect();
    let told = desk.run(&named);
    for command in [
        "refuel --home 'my home' label contacts.csv",
        "refuel --home 'my home' eval contacts.csv --task phone.yml --expected COLUMN",
    ] {
        assert!(told.contains(command), "{told}");
    }
    // What the environment names is there for the next command too.
    assert!(!desk.run(&label).contains("--home"));

    let told = desk.run(&["init", "shop", "--home", "my home"]);
    assert!(
        told.contains("refuel --home '[DIR]/my home' build"),
        "the next commands are given in another folder: {told}"
    );
    let told = desk.run(&["model", "show", "none-such", "--home", "my home"]);
    assert!(told.contains("`refuel --home 'my home' model ls`"), "{told}");
}

#[test]
fn arguments_of_calibrate_that_are_the_wrong_way_round_are_told_so() {
    let desk = Desk::new();
    desk.write("rows.csv", "body,label\nmoney back,refund\n");
    desk.write("topic.yml", "kind: label\ninput: body\nlabels: [refund, delivery]\n");
    let told = desk.run(&["calibrate", "rows.csv", "topic.yml", "--expected", "label"]);
    assert!(
        told.starts_with("status: 2")
            && told.contains(
                "error[RF0654]: `rows.csv` is a table and `topic.yml` a task file: the task file comes first"
            )
            && told.contains("`refuel calibrate topic.yml rows.csv --expected label`"),
        "{told}"
    );
    for without_task in [
        &["calibrate", "rows.csv"][..],
        &["calibrate", "rows.csv", "--expected", "label"],
    ] {
        let told = desk.run(without_task);
        assert!(
            told.contains("error[RF0654]: `rows.csv` is a table, and the task file is missing"),
            "{told}"
        );
    }
    let told = desk.run(&["calibrate", "topic.yml", "--expected", "label"]);
    assert!(
        told.contains("error[RF0654]: the table with the column `label` is missing")
            && told.contains("`refuel calibrate topic.yml ROWS --expected label`"),
        "{told}"
    );
}
