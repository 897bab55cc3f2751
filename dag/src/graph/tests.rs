use proptest::prelude::*;

use super::*;

/// Edges between up to thirty nodes, in any direction.
fn any_edges() -> impl Strategy<Value = (usize, Vec<(usize, usize)>)> {
    (1_usize..30).prop_flat_map(|count| {
        let edge = (0..count, 0..count);
        (Just(count), prop::collection::vec(edge, 0..60))
    })
}

fn parents_of(count: usize, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut parents = vec![Vec::new(); count];
    for (parent, child) in edges {
        if !parents[*child].contains(parent) {
            parents[*child].push(*parent);
        }
    }
    parents
}

/// Whether a node reaches itself, by looking at every way.
fn has_circle(parents: &[Vec<usize>]) -> bool {
    (0..parents.len()).any(|start| {
        let mut seen = vec![false; parents.len()];
        let mut stack = parents[start].clone();
        while let Some(node) = stack.pop() {
            if node == start {
                return true;
            }
            if !std::mem::replace(&mut seen[node], true) {
                stack.extend(&parents[node]);
            }
        }
        false
    })
}

proptest! {
    #[test]
    fn every_node_comes_after_what_it_reads((count, edges) in any_edges()) {
        // Edges from lower to higher numbers never close a circle.
        let edges: Vec<_> = edges.into_iter().filter(|(a, b)| a != b).map(|(a, b)| (a.min(b), a.max(b))).collect();
        let parents = parents_of(count, &edges);
        let graph = Graph::of(count, parents.iter().cloned()).unwrap();
        let order: Vec<usize> = graph.order().collect();
        let mut place = vec![usize::MAX; count];
        for (at, node) in order.iter().enumerate() {
            place[*node] = at;
        }
        prop_assert!(place.iter().all(|at| *at < count));
        for (child, parents) in parents.iter().enumerate() {
            for parent in parents {
                prop_assert!(place[*parent] < place[child]);
            }
        }
    }

    #[test]
    fn a_circle_is_found_where_there_is_one_and_what_is_shown_is_one((count, edges) in any_edges()) {
        let parents = parents_of(count, &edges);
        match Graph::of(count, parents.iter().cloned()) {
            Ok(_) => prop_assert!(!has_circle(&parents)),
            Err(circles) => {
                prop_assert!(has_circle(&parents));
                prop_assert!(!circles.is_empty());
                for circle in circles {
                    prop_assert!(circle.len() >= 2);
                    prop_assert_eq!(circle.first(), circle.last());
                    for pair in circle.windows(2) {
                        prop_assert!(parents[pair[0]].contains(&pair[1]), "{} does not read {}", pair[0], pair[1]);
                    }
                    let mut inner = circle[1..].to_vec();
                    inner.sort_unstable();
                    inner.dedup();
                    prop_assert_eq!(inner.len(), circle.len() - 1, "a node stands twice in {:?}", circle);
                }
            }
        }
    }
}

#[test]
fn among_nodes_that_are_free_the_first_goes_first() {
    let parents = [vec![], vec![3], vec![], vec![], vec![0, 1]];
    let graph = Graph::of(5, parents.into_iter()).unwrap();
    assert_eq!(graph.order().collect::<Vec<_>>(), [0, 2, 3, 1, 4]);
}
