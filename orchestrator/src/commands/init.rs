//! `refuel init`: a new project.

use std::path::{Path, PathBuf};

use refuel_project::scaffold::{self, Template};
use refuel_task::DEFAULT_MODEL;
use serde::Serialize;

use crate::cli::{InitArgs, OutputFormat};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::words;

/// What was written. The keys are stable.
#[derive(Debug, Serialize)]
struct Written {
    project: String,
    folder: PathBuf,
    files: Vec<PathBuf>,
}

/// Runs `refuel init`.
pub(crate) fn run(arguments: &InitArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let project = match &arguments.name {
        Some(name) => name.clone(),
        None => scaffold::name_of(&arguments.folder)?,
    };
    let template = if arguments.empty {
        Template::Empty
    } else {
        Template::Example
    };
    let files = scaffold::write(&arguments.folder, &project, template)?;
    let written = Written {
        project,
        folder: arguments.folder.clone(),
        files,
    };
    match arguments.format.format {
        OutputFormat::Json => context.printer.json(&written)?,
        OutputFormat::Text => context
            .printer
            .note(text(&written, template, &context.program_elsewhere())),
    }
    Ok(ExitStatus::Success)
}

/// What was written, and what can be done next.
fn text(written: &Written, template: Template, program: &str) -> String {
    let mut text = format!(
        "Made the project {} in {}: {}.",
        written.project,
        written.folder.display(),
        words::counted(written.files.len() as u64, "file", "files"),
    );
    if template == Template::Empty {
        return text;
    }
    text.push_str("\n\nNext:\n");
    if written.folder != Path::new(".") {
        text.push_str(&format!("  cd {}\n", words::shell(&written.folder.to_string_lossy())));
    }
    text.push_str(&format!(
        "  {program} model pull {DEFAULT_MODEL}   # unless it is there: {program} model ls\n  {program} build"
    ));
    text
}
