//! What is asked of a catalog, and what comes back.

use super::missing::Unmatched;
use super::syntax::Selector;

/// Which tests come with the nodes that they test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IndirectSelection {
    /// Those that test any of the chosen nodes.
    #[default]
    Eager,
    /// Those of which everything that they test is chosen.
    Cautious,
    /// Those of which everything that they test is chosen, or is what chosen nodes depend on.
    Buildable,
    /// None but those that are chosen themselves.
    Empty,
}

/// What of a node is different from an earlier state of it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one part whether it is different"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
pub struct Changes {
    /// Its SQL with the variables that it uses; of a seed the content, of a task what changes answers.
    pub body: bool,
    /// Settings that change data or where it is kept.
    pub config: bool,
    /// A task that it calls, so that inputs are asked again.
    pub task: bool,
    /// A threshold or fallback of a task that it calls, so that answers pass other gates and none is asked again.
    pub regate: bool,
    /// What only people read: descriptions, owners, tags.
    pub metadata: bool,
}

impl Changes {
    /// Whether its data can be different.
    pub fn any(self) -> bool {
        self.body || self.config || self.task || self.regate
    }
}

/// An earlier state of the project, for `state:`.
pub trait Previous {
    /// What of a node that is there now is different from then; None where it wasn't there.
    fn changes(&self, unique_id: &str) -> Option<Changes>;
}

/// The results of an earlier run, for `result:`.
pub trait Results {
    /// How a node ended, as in `run_results.json`; None where it was not run.
    fn status(&self, unique_id: &str) -> Option<&str>;
}

/// What is to be selected.
#[derive(Clone, Copy, Default)]
pub struct Request<'a> {
    /// What is chosen; everything where nothing is said.
    pub select: Option<&'a Selector>,
    /// What is taken out again.
    pub exclude: Option<&'a Selector>,
    /// Which tests come along.
    pub indirect: IndirectSelection,
    /// The types of nodes that are wanted, of [`super::RESOURCE_TYPES`]; all where it is empty.
    pub resource_types: &'a [&'a str],
    /// The earlier state.
    pub previous: Option<&'a dyn Previous>,
    /// The earlier results.
    pub results: Option<&'a dyn Results>,
    /// Whether an empty selection is fine.
    pub allow_empty: bool,
}

/// What is selected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selected {
    /// Positions of the nodes in the catalog, ascending.
    pub nodes: Vec<usize>,
    /// Parts of the selector that no node matches, to be warned of.
    pub unmatched: Vec<Unmatched>,
}
