//! The nodes that can be selected, their edges, and the sets that selectors mean.

use fixedbitset::FixedBitSet;
use serde_json::Value;

use super::error::SelectError;
use super::matching::Matcher;
use super::missing::Unmatched;
use super::request::{IndirectSelection, Request, Selected};
use super::syntax::{Criterion, Depth, Selector};

/// The type of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TestType {
    /// Applied to a model or column by its properties.
    Generic,
    /// A file of SQL.
    Singular,
    /// A unit test.
    Unit,
    /// An evaluation of a task's answers.
    Evaluation,
}

/// What a node can be selected by.
pub trait Selectable {
    /// Such as `model.shop.orders`.
    fn unique_id(&self) -> &str;
    /// One of [`super::RESOURCE_TYPES`].
    fn resource_type(&self) -> &str;
    /// Such as `orders`.
    fn name(&self) -> &str;
    /// The project, the folders below the folder of its kind, and the name; of a source's table the source before it.
    fn fully_qualified_name(&self) -> Vec<&str>;
    /// Its file, from the project's root, with `/` between folders.
    fn path(&self) -> &str;
    /// Its tags.
    fn tags(&self) -> Vec<&str>;
    /// The setting at the end of these keys.
    fn config(&self, keys: &[String]) -> Option<Value>;
    /// The source, where it is a table of one.
    fn source(&self) -> Option<&str>;
    /// The type of test, where it is one.
    fn test_type(&self) -> Option<TestType>;
    /// The test that it applies, where it is a generic test.
    fn test_name(&self) -> Option<&str>;
}

/// The nodes and edges of a project, ready to be selected from.
pub struct Catalog<'a> {
    pub(super) nodes: Vec<&'a dyn Selectable>,
    parents: Vec<Vec<u32>>,
    children: Vec<Vec<u32>>,
    tests: FixedBitSet,
}

/// The nodes that part of a selector means, and the tests that touch them without being chosen.
struct Found {
    direct: FixedBitSet,
    indirect: FixedBitSet,
}

impl<'a> Catalog<'a> {
    /// A catalog of nodes, with the edges from what is depended on to what depends on it, by position.
    pub fn new(nodes: Vec<&'a dyn Selectable>, edges: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut parents = vec![Vec::new(); nodes.len()];
        let mut children = vec![Vec::new(); nodes.len()];
        for (from, to) in edges {
            children[from].push(to as u32);
            parents[to].push(from as u32);
        }
        let mut tests = FixedBitSet::with_capacity(nodes.len());
        for (at, node) in nodes.iter().enumerate() {
            tests.set(at, node.test_type().is_some());
        }
        Self {
            nodes,
            parents,
            children,
            tests,
        }
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node at a position.
    pub fn node(&self, at: usize) -> &'a dyn Selectable {
        self.nodes[at]
    }

    /// The positions of what the node at a position depends on directly.
    pub fn parents(&self, at: usize) -> impl Iterator<Item = usize> {
        self.parents[at].iter().map(|&parent| parent as usize)
    }

    /// The positions of what depends on the node at a position directly.
    pub fn children(&self, at: usize) -> impl Iterator<Item = usize> {
        self.children[at].iter().map(|&child| child as usize)
    }

    /// Selects nodes.
    ///
    /// # Errors
    /// [`SelectError::Nothing`] where something was asked for and nothing is found, unless that is allowed;
    /// [`SelectError::NoPrevious`] and [`SelectError::NoResults`] where there is nothing to compare with.
    pub fn select(&self, request: &Request<'_>) -> Result<Selected, SelectError> {
        let mut unmatched = Vec::new();
        let mut chosen = match request.select {
            Some(selector) => self.union(selector, request, Some(&mut unmatched))?,
            None => Found {
                direct: self.everything(),
                indirect: self.nothing(),
            },
        };
        let before = chosen.direct.count_ones(..);
        if let Some(exclude) = request.exclude {
            let excluded = self.union(exclude, request, None)?;
            chosen.direct.difference_with(&excluded.direct);
            chosen.indirect.difference_with(&excluded.direct);
        }
        let excluded = before - chosen.direct.count_ones(..);
        self.take_in_tests(&mut chosen, request.indirect);
        let mut other = 0;
        let wanted = |at: &usize| {
            let is_wanted =
                request.resource_types.is_empty() || request.resource_types.contains(&self.nodes[*at].resource_type());
            other += usize::from(!is_wanted);
            is_wanted
        };
        let nodes: Vec<usize> = chosen.direct.ones().filter(wanted).collect();
        let asked = request.select.is_some() || request.exclude.is_some();
        if nodes.is_empty() && asked && !request.allow_empty {
            return Err(SelectError::Nothing {
                unmatched,
                excluded,
                other,
            });
        }
        Ok(Selected { nodes, unmatched })
    }

    fn nothing(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.nodes.len())
    }

    fn everything(&self) -> FixedBitSet {
        let mut all = self.nothing();
        all.insert_range(..);
        all
    }

    fn union(
        &self,
        selector: &Selector,
        request: &Request<'_>,
        mut unmatched: Option<&mut Vec<Unmatched>>,
    ) -> Result<Found, SelectError> {
        let mut union = Found {
            direct: self.nothing(),
            indirect: self.nothing(),
        };
        for intersection in &selector.union {
            let mut common: Option<Found> = None;
            for criterion in intersection {
                let found = self.criterion(criterion, request)?;
                if let Some(unmatched) = unmatched.as_deref_mut().filter(|_| found.direct.is_clear()) {
                    unmatched.push(Unmatched::new(self, criterion));
                }
                common = Some(match common {
                    Some(mut common) => {
                        // A test that touches one part and is chosen by the other is touched by both.
                        let mut either = &common.direct | &common.indirect;
                        either.intersect_with(&(&found.direct | &found.indirect));
                        common.direct.intersect_with(&found.direct);
                        either.difference_with(&common.direct);
                        common.indirect = either;
                        common
                    }
                    None => found,
                });
            }
            if let Some(common) = common {
                union.direct.union_with(&common.direct);
                union.indirect.union_with(&common.indirect);
            }
        }
        union.indirect.difference_with(&union.direct);
        Ok(union)
    }

    fn criterion(&self, criterion: &Criterion, request: &Request<'_>) -> Result<Found, SelectError> {
        let matched = Matcher::new(self, criterion, request)?.matches();
        let mut direct = matched.clone();
        if criterion.around {
            direct = reached(&direct, &self.children, Depth::All);
            direct = reached(&direct, &self.parents, Depth::All);
        }
        if let Some(depth) = criterion.parents {
            direct.union_with(&reached(&matched, &self.parents, depth));
        }
        if let Some(depth) = criterion.children {
            direct.union_with(&reached(&matched, &self.children, depth));
        }
        let mut indirect = self.nothing();
        for at in direct.ones() {
            let children = self.children[at].iter().map(|&child| child as usize);
            if self.nodes[at].resource_type() != "task" {
                indirect.extend(children.filter(|&child| self.tests.contains(child)));
            }
        }
        indirect.difference_with(&direct);
        let mut found = Found { direct, indirect };
        self.take_in_tests(&mut found, request.indirect);
        Ok(found)
    }

    /// Moves the tests that may come along from those that are touched to those that are chosen.
    fn take_in_tests(&self, found: &mut Found, mode: IndirectSelection) {
        let reachable = match mode {
            IndirectSelection::Empty => return,
            IndirectSelection::Eager => {
                found.direct.union_with(&found.indirect);
                found.indirect.clear();
                return;
            }
            IndirectSelection::Cautious => found.direct.clone(),
            IndirectSelection::Buildable => reached(&found.direct, &self.parents, Depth::All),
        };
        let is_covered = |test: &usize| {
            self.parents(*test)
                .all(|parent| reachable.contains(parent) || self.nodes[parent].resource_type() == "task")
        };
        let covered: Vec<usize> = found.indirect.ones().filter(is_covered).collect();
        for test in covered {
            found.direct.insert(test);
            found.indirect.remove(test);
        }
    }

    /// The nodes, other than tasks, that directly depend on a task of which the name is right.
    pub(super) fn callers(&self, is_right: impl Fn(&str) -> bool) -> FixedBitSet {
        let mut callers = self.nothing();
        for (at, node) in self.nodes.iter().enumerate() {
            if node.resource_type() == "task" && is_right(node.name()) {
                callers.extend(self.children(at).filter(|&child| !self.tests.contains(child)));
            }
        }
        callers
    }
}

/// A set with what is so many edges away.
fn reached(from: &FixedBitSet, edges: &[Vec<u32>], depth: Depth) -> FixedBitSet {
    let mut reached = from.clone();
    let mut frontier: Vec<usize> = from.ones().collect();
    let mut steps = match depth {
        Depth::All => u32::MAX,
        Depth::Steps(steps) => steps,
    };
    while steps > 0 && !frontier.is_empty() {
        let mut next = Vec::new();
        for at in frontier {
            for &neighbour in &edges[at] {
                if !reached.put(neighbour as usize) {
                    next.push(neighbour as usize);
                }
            }
        }
        frontier = next;
        steps -= 1;
    }
    reached
}
