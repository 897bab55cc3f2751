//! Environment variables: those of options, found in the command line's own definition, and those that are read
//! elsewhere.

use std::collections::BTreeMap;

use clap::CommandFactory;

use crate::cli::Cli;

/// Variables that stand for no option.
const OTHERS: [(&str, &str); 13] = [
    ("CLICOLOR_FORCE", "Not 0: colour even where the stream is no terminal"),
    (
        "HF_TOKEN",
        "What `refuel model pull` shows to the hub for models that need a permission",
    ),
    (
        "HTTPS_PROXY",
        "Proxy for `refuel model pull`; `ALL_PROXY` and `HTTP_PROXY` are read too",
    ),
    (
        "NO_PROXY",
        "Hosts that are reached without a proxy, with commas between",
    ),
    (
        "PIP_INDEX_URL",
        "Package index for `refuel model pull`, when neither `--index` nor `REFUEL_PYPI_INDEX` says it",
    ),
    (
        "NOTIFY_SOCKET",
        "Where `refuel host` and `refuel schedule` tell the service manager that they are ready, as sd_notify(3) describes it",
    ),
    (
        "REFUEL_SCHEDULE_...",
        "What jobs and hooks are told by `refuel schedule`: PROJECT, JOB, RUN, TIME; hooks also STATE, ATTEMPTS, REASON, \
         EXIT_STATUS, LOG_FILE",
    ),
    ("NO_COLOR", "Not empty: no colour (no-color.org)"),
    ("REFUEL_LOG", "Filter for the log, such as `refuel_engine=debug,warn`"),
    (
        "RUST_BACKTRACE",
        "1: a mistake in the program is told with the calls that led to it",
    ),
    (
        "XDG_RUNTIME_DIR",
        "Where the socket `refuel.sock` of the host is, when neither `--socket` nor `REFUEL_SOCKET` says it",
    ),
    (
        "XDG_DATA_HOME",
        "Where the home folder `refuel` is, when neither `--home` nor `REFUEL_HOME` says it",
    ),
    (
        "CUDA_VISIBLE_DEVICES",
        "The GPUs that may be used, as the CUDA library reads it",
    ),
];

/// The text, as Markdown.
pub(super) fn text() -> String {
    let mut variables: BTreeMap<String, (String, String)> = BTreeMap::new();
    collect(&Cli::command(), &mut variables);
    let mut text = "# Environment variables\n\nAn option on the command line counts more than its variable.\n\n\
                    | variable | option | what it does |\n|---|---|---|\n"
        .to_owned();
    for (name, about) in OTHERS {
        variables.insert(name.to_owned(), (String::new(), about.to_owned()));
    }
    for (name, (option, about)) in variables {
        let option = if option.is_empty() {
            String::new()
        } else {
            format!("`{option}`")
        };
        text.push_str(&format!("| `{name}` | {option} | {about} |\n"));
    }
    text
}

fn collect(command: &clap::Command, variables: &mut BTreeMap<String, (String, String)>) {
    for argument in command.get_arguments() {
        if let Some(name) = argument.get_env() {
            // What several verbs take is told by the first of them.
            let option = argument.get_long().map(|long| format!("--{long}")).unwrap_or_default();
            let about = argument.get_help().map(ToString::to_string).unwrap_or_default();
            variables
                .entry(name.to_string_lossy().into_owned())
                .or_insert((option, about));
        }
    }
    command.get_subcommands().for_each(|below| collect(below, variables));
}
