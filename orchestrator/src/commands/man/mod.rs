//! `refuel man`: what can be read about, made from the code that it is about.

mod codes;
mod environment;
mod files;
#[cfg(test)]
mod reference;
mod schema;
mod templates;
mod verbs;

use serde_json::Value;

use crate::cli::{ManArgs, SchemaChoice};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::words;

/// Something to read about.
struct Topic {
    name: &'static str,
    about: &'static str,
    /// The text, as Markdown.
    text: fn() -> String,
}

/// Everything there is to read about, in the order of the list.
const TOPICS: [Topic; 9] = [
    Topic {
        name: "task",
        about: "what a task file can say, key by key",
        text: schema::task,
    },
    Topic {
        name: "project",
        about: "what refuel_project.yml can say, key by key",
        text: || files::text("project"),
    },
    Topic {
        name: "profiles",
        about: "what profiles.yml can say, key by key",
        text: || files::text("profiles"),
    },
    Topic {
        name: "properties",
        about: "what can be said of models, seeds, sources and tests, key by key",
        text: || files::text("properties"),
    },
    Topic {
        name: "templates",
        about: "what templates of models and macros can say, function by function",
        text: templates::text,
    },
    Topic {
        name: "verbs",
        about: "every verb with its options",
        text: verbs::text,
    },
    Topic {
        name: "environment",
        about: "environment variables",
        text: environment::text,
    },
    Topic {
        name: "exit-codes",
        about: "what the exit status says",
        text: exit_codes,
    },
    Topic {
        name: "errors",
        about: "every error code with what it means",
        text: codes::text,
    },
];

/// Words that mean a topic.
const ALSO: [(&str, &str); 4] = [
    ("macros", "templates"),
    ("models", "properties"),
    ("sources", "properties"),
    ("tasks", "task"),
];

/// Runs `refuel man`.
pub(crate) fn run(arguments: &ManArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let printer = context.printer;
    if let Some(choice) = arguments.schema {
        printer.json(&schema_of(choice))?;
        return Ok(ExitStatus::Success);
    }
    let Some(name) = &arguments.topic else {
        printer.data(list())?;
        return Ok(ExitStatus::Success);
    };
    let lower = name.to_lowercase();
    let meant = ALSO
        .iter()
        .find(|(also, _)| *also == lower)
        .map_or(&*lower, |(_, name)| name);
    if let Some(topic) = TOPICS.iter().find(|topic| topic.name == meant) {
        printer.data((topic.text)().trim_end())?;
        return Ok(ExitStatus::Success);
    }
    if let Some(text) = codes::one(name) {
        printer.data(text)?;
        return Ok(ExitStatus::Success);
    }
    let names = TOPICS.iter().map(|topic| topic.name).chain(codes::all());
    Err(CliError::UnknownTopic {
        topic: name.clone(),
        nearest: words::nearest(name, names).map(ToOwned::to_owned),
    }
    .into())
}

/// The JSON Schema of a kind of file.
fn schema_of(choice: SchemaChoice) -> Value {
    let name = match choice {
        SchemaChoice::Task => return refuel_task::schema(),
        SchemaChoice::Project => "project",
        SchemaChoice::Profiles => "profiles",
        SchemaChoice::Properties => "properties",
    };
    refuel_project::schema(name).unwrap_or_default()
}

fn list() -> String {
    let mut text = "Read about one of these with `refuel man TOPIC`:\n".to_owned();
    for topic in &TOPICS {
        text.push_str(&format!("\n  {:<12}  {}", topic.name, topic.about));
    }
    text.push_str("\n\nAn error code is a topic too, such as `refuel man RF0614`.");
    text
}

fn exit_codes() -> String {
    let mut text = "# Exit status\n\n| status | what it says |\n|---|---|\n".to_owned();
    for status in ExitStatus::ALL {
        text.push_str(&format!("| {} | {} |\n", status.number(), status.meaning()));
    }
    text.push_str(
        "\nData goes to standard output, everything else to standard error. When whoever reads standard output has \
         seen enough (`refuel label ... | head`), the status is 0.\n",
    );
    text
}
