//! `refuel model verify`.

use refuel_registry::{Difference, Problem, Registry};
use serde::Serialize;

use super::listener::Listener;
use crate::cli::{OutputFormat, VerifyArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::table::{Grid, Side, Text, Tone};

/// What was found of a model. The keys are stable.
#[derive(Debug, Serialize)]
struct Verdict {
    model: String,
    fine: bool,
    differences: Vec<Difference>,
}

/// Runs `refuel model verify`.
pub(super) fn run(registry: &Registry, arguments: &VerifyArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let printer = context.printer;
    let (entries, damaged) = if arguments.models.is_empty() {
        registry.survey()?
    } else {
        let entries = arguments.models.iter().map(|model| registry.get(model));
        (entries.collect::<Result<Vec<_>, _>>()?, Vec::new())
    };
    let mut verdicts = Vec::new();
    for entry in &entries {
        let mut listener = Listener::new(printer);
        let differences = registry.verify(entry, &mut |event| listener.hear(event))?;
        verdicts.push(Verdict {
            model: entry.manifest.reference(),
            fine: differences.is_empty(),
            differences,
        });
    }
    match arguments.format.format {
        OutputFormat::Json => printer.json(&verdicts)?,
        OutputFormat::Text if verdicts.is_empty() && damaged.is_empty() => {
            printer.note("no models are on this machine");
        }
        OutputFormat::Text => printer.data(text(&verdicts))?,
    }
    for error in &damaged {
        printer.warn(error);
    }
    let fine = damaged.is_empty() && verdicts.iter().all(|verdict| verdict.fine);
    if fine {
        return Ok(ExitStatus::Success);
    }
    printer.note("pull a model again with `--force`, or import it again, to mend it");
    Ok(ExitStatus::Failure)
}

fn text(verdicts: &[Verdict]) -> String {
    let mut grid = Grid::new([("model", Side::Left), ("file", Side::Left), ("verdict", Side::Left)]);
    for verdict in verdicts {
        if verdict.fine {
            grid.row([verdict.model.clone().into(), "".into(), Text::new("fine", Tone::Good)]);
        }
        for difference in &verdict.differences {
            let problem = match difference.problem {
                Problem::Missing => "missing",
                Problem::Size => "another size",
                Problem::Hash => "other bytes",
                Problem::Unexpected => "not installed",
            };
            grid.row([
                verdict.model.clone().into(),
                difference.path.clone().into(),
                Text::new(problem, Tone::Bad),
            ]);
        }
    }
    grid.render()
}
