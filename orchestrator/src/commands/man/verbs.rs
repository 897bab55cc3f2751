//! Every verb with its options, from the command line's own definition.

use clap::{Command, CommandFactory};

use crate::cli::Cli;

/// Columns of the text.
const WIDTH: usize = 100;

/// The text, as Markdown.
pub(super) fn text() -> String {
    let mut text = "# Verbs\n".to_owned();
    let mut root = Cli::command().term_width(WIDTH).disable_version_flag(true);
    root.build();
    add(&root, "refuel", &mut text);
    text
}

fn add(command: &Command, name: &str, text: &mut String) {
    // The help is told as it is printed, without the values that variables happen to have.
    let shown = command
        .clone()
        .mut_args(|argument| argument.hide_env_values(true))
        .term_width(WIDTH);
    let help = shown.bin_name(name.to_owned()).render_long_help().to_string();
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    text.push_str(&format!("\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n")));
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set() && below.get_name() != "help")
    {
        add(below, &format!("{name} {}", below.get_name()), text);
    }
}
