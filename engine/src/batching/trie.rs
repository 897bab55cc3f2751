//! Candidates as a trie of tokens, so that what they share at the start is computed once.

use std::collections::HashMap;

/// The parent of a candidate's first token: the end of the row.
pub const ROOT: usize = usize::MAX;

/// One token of one or more candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// The token.
    pub token: u32,
    /// Index of the node before it, or [`ROOT`].
    pub parent: usize,
    /// Tokens from the root, the first being 1.
    pub depth: usize,
    /// The token's probability given what comes before it is wanted.
    pub scored: bool,
}

/// The tokens of every candidate, each shared beginning held once.
///
/// A node that has children is run through the model after the row (it is *inner*); the probabilities of its children
/// are read from its logits. A node without children costs nothing but a look-up in its parent's logits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateTrie {
    nodes: Vec<Node>,
    /// For each candidate, its nodes from first to last token.
    paths: Vec<Vec<usize>>,
    /// Nodes with children, in the order in which they are run, parents first.
    inner: Vec<usize>,
    /// For each node, its position in `inner`.
    inner_position: Vec<Option<usize>>,
}

impl CandidateTrie {
    /// Builds the trie of `candidates`, each a sequence of tokens of which the first `unscored` are given, not asked
    /// for: they are run, and their probabilities are not wanted (a question that is put after the row).
    ///
    /// Where one candidate is the beginning of another, `terminator` is added to it, so that the two are told apart by
    /// whether the model stops. Duplicated candidates share all their nodes. An empty candidate has no nodes: its log
    /// probability is 0.
    pub fn new(candidates: &[Vec<u32>], unscored: &[usize], terminator: Option<u32>) -> Self {
        let mut trie = Self {
            nodes: Vec::new(),
            paths: Vec::new(),
            inner: Vec::new(),
            inner_position: Vec::new(),
        };
        let mut children: HashMap<(usize, u32), usize> = HashMap::new();
        for (index, candidate) in candidates.iter().enumerate() {
            let given = unscored.get(index).copied().unwrap_or(0);
            let mut path = Vec::with_capacity(candidate.len() + 1);
            let mut parent = ROOT;
            for (position, &token) in candidate.iter().enumerate() {
                parent = trie.child(&mut children, parent, token, position + 1, position >= given);
                path.push(parent);
            }
            trie.paths.push(path);
        }
        if let Some(terminator) = terminator {
            let has_children = trie.has_children();
            for path in 0..trie.paths.len() {
                let Some(&last) = trie.paths[path].last() else { continue };
                if has_children[last] {
                    let depth = trie.nodes[last].depth + 1;
                    let end = trie.child(&mut children, last, terminator, depth, true);
                    trie.paths[path].push(end);
                }
            }
        }
        trie.inner_position = vec![None; trie.nodes.len()];
        let has_children = trie.has_children();
        // Nodes are made parents first, so this order also has parents first.
        for (node, &has_children) in has_children.iter().enumerate() {
            if has_children {
                trie.inner_position[node] = Some(trie.inner.len());
                trie.inner.push(node);
            }
        }
        trie
    }

    fn child(
        &mut self,
        children: &mut HashMap<(usize, u32), usize>,
        parent: usize,
        token: u32,
        depth: usize,
        scored: bool,
    ) -> usize {
        let node = *children.entry((parent, token)).or_insert_with(|| {
            self.nodes.push(Node {
                token,
                parent,
                depth,
                scored: false,
            });
            self.nodes.len() - 1
        });
        self.nodes[node].scored |= scored;
        node
    }

    fn has_children(&self) -> Vec<bool> {
        let mut has_children = vec![false; self.nodes.len()];
        for node in &self.nodes {
            if node.parent != ROOT {
                has_children[node.parent] = true;
            }
        }
        has_children
    }

    /// All nodes, parents before their children.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Nodes that must be run through the model after each row, parents before their children.
    pub fn inner(&self) -> &[usize] {
        &self.inner
    }

    /// Where a node is in [`CandidateTrie::inner`].
    pub fn inner_position(&self, node: usize) -> Option<usize> {
        self.inner_position[node]
    }

    /// The nodes of each candidate, from first to last token.
    pub fn paths(&self) -> &[Vec<usize>] {
        &self.paths
    }

    /// Inner positions whose logits are wanted: those with a scored child. `None` is the end of the row.
    pub fn wanted(&self) -> Vec<Option<usize>> {
        let mut root = false;
        let mut wanted = vec![false; self.inner.len()];
        for node in self.nodes.iter().filter(|node| node.scored) {
            match node.parent {
                ROOT => root = true,
                parent => wanted[self.inner_position[parent].expect("a parent is an inner node")] = true,
            }
        }
        let inner = wanted
            .iter()
            .enumerate()
            .filter(|(_, wanted)| **wanted)
            .map(|(position, _)| Some(position));
        root.then_some(None).into_iter().chain(inner).collect()
    }

    /// For each node, and for [`ROOT`], its children that are scored.
    pub fn scored_children(&self) -> HashMap<usize, Vec<usize>> {
        let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.scored) {
            children.entry(node.parent).or_default().push(index);
        }
        children
    }

    /// Sum of the log probabilities of a candidate's scored tokens, and how many they are.
    ///
    /// `log_probabilities` has one value a node, as [`crate::session::Session::score`] gives it.
    pub fn candidate_score(&self, candidate: usize, log_probabilities: &[f32]) -> (f32, usize) {
        let scored = self.paths[candidate].iter().filter(|&&node| self.nodes[node].scored);
        scored.fold((0.0, 0), |(sum, count), &node| {
            (sum + log_probabilities[node], count + 1)
        })
    }

    /// Tokens that scoring one row costs beyond the row itself.
    pub fn tokens(&self) -> usize {
        self.inner.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shared_beginnings_are_held_once() {
        let trie = CandidateTrie::new(&[vec![1, 2, 3], vec![1, 2, 4], vec![5]], &[], None);
        assert_eq!(trie.nodes().len(), 5);
        assert_eq!(trie.inner().len(), 2);
        assert_eq!(trie.wanted(), [None, Some(0), Some(1)]);
    }

    #[test]
    fn a_candidate_that_begins_another_is_ended_by_the_terminator() {
        let trie = CandidateTrie::new(&[vec![1], vec![1, 2]], &[], Some(9));
        assert_eq!(trie.paths()[0].len(), 2);
        assert_eq!(trie.nodes()[trie.paths()[0][1]].token, 9);
        assert_eq!(trie.paths()[1].len(), 2);
    }

    #[test]
    fn given_tokens_are_run_and_not_scored() {
        let trie = CandidateTrie::new(&[vec![7, 8, 1], vec![7, 8, 2]], &[2, 2], None);
        assert_eq!(trie.wanted(), [Some(1)]);
        assert_eq!(trie.candidate_score(0, &[-5.0, -5.0, -1.0, -2.0]), (-1.0, 1));
    }

    proptest! {
        #[test]
        fn paths_spell_the_candidates(
            candidates in prop::collection::vec(prop::collection::vec(0_u32..6, 1..6), 1..40),
        ) {
            let trie = CandidateTrie::new(&candidates, &[], Some(99));
            for (candidate, path) in candidates.iter().zip(trie.paths()) {
                let spelled: Vec<u32> = path.iter().map(|&node| trie.nodes()[node].token).collect();
                prop_assert!(spelled == *candidate || spelled[..candidate.len()] == candidate[..] && spelled.last() == Some(&99));
                for (depth, &node) in path.iter().enumerate() {
                    prop_assert_eq!(trie.nodes()[node].depth, depth + 1);
                }
            }
            // No two nodes share both parent and token.
            let mut keys: Vec<_> = trie.nodes().iter().map(|node| (node.parent, node.token)).collect();
            keys.sort_unstable();
            keys.dedup();
            prop_assert_eq!(keys.len(), trie.nodes().len());
        }
    }
}
