//! Which nodes a verb is about.

use refuel_dag::select::{IndirectSelection, Previous, Request, Results, SelectError, Selector};
use refuel_dag::{Dag, NodeId};

use crate::cli::project::{IndirectChoice, SelectionArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;

/// What is known of earlier states and runs, for `state:` and `result:`.
#[derive(Default)]
pub(crate) struct Earlier<'a> {
    pub(crate) previous: Option<&'a dyn Previous>,
    pub(crate) results: Option<&'a dyn Results>,
}

/// The nodes that the arguments choose, in the order of the project.
///
/// # Errors
/// A mistake in the words; that nothing is selected, unless that is allowed.
pub(crate) fn select(
    dag: &Dag,
    arguments: &SelectionArgs,
    resource_types: &[&str],
    earlier: &Earlier<'_>,
    context: &Context,
) -> Result<Vec<NodeId>, Failure> {
    let select = Selector::parse_all(&arguments.select)?;
    let exclude = Selector::parse_all(&arguments.exclude)?;
    let (nodes, unmatched) = dag.select(&Request {
        select: select.as_ref(),
        exclude: exclude.as_ref(),
        resource_types,
        previous: earlier.previous,
        results: earlier.results,
        indirect: match arguments.indirect_selection {
            IndirectChoice::Eager => IndirectSelection::Eager,
            IndirectChoice::Cautious => IndirectSelection::Cautious,
            IndirectChoice::Buildable => IndirectSelection::Buildable,
            IndirectChoice::Empty => IndirectSelection::Empty,
        },
        allow_empty: arguments.allow_empty_selection,
    })?;
    unmatched.iter().for_each(|unmatched| context.printer.warn(unmatched));
    Ok(nodes)
}

impl From<SelectError> for Failure {
    fn from(error: SelectError) -> Self {
        Self::new(&error, error.code(), error.hint(), ExitStatus::Usage)
    }
}
