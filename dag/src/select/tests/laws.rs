//! Laws of sets, against an implementation that follows every path step by step.

use std::collections::BTreeSet;
use std::time::Instant;

use proptest::prelude::*;

use super::Plain;
use crate::select::{Catalog, Criterion, Depth, IndirectSelection, Method, Request, Selectable, Selector};

/// A graph whose edges go from lower to higher positions.
#[derive(Debug, Clone)]
struct Random {
    nodes: Vec<Plain>,
    edges: BTreeSet<(usize, usize)>,
}

impl Random {
    fn catalog(&self) -> Catalog<'_> {
        let nodes = self.nodes.iter().map(|node| node as &dyn Selectable).collect();
        Catalog::new(nodes, self.edges.iter().copied())
    }

    fn select(&self, select: &Selector, exclude: Option<&Selector>) -> BTreeSet<usize> {
        let request = Request {
            select: Some(select),
            exclude,
            indirect: IndirectSelection::Empty,
            allow_empty: true,
            ..Request::default()
        };
        self.catalog().select(&request).unwrap().nodes.into_iter().collect()
    }

    /// What is within so many steps of a node, by following every edge.
    fn near(&self, from: usize, steps: usize, upstream: bool, found: &mut BTreeSet<usize>) {
        found.insert(from);
        if steps == 0 {
            return;
        }
        for &(parent, child) in &self.edges {
            let (here, there) = if upstream { (child, parent) } else { (parent, child) };
            if here == from {
                self.near(there, steps - 1, upstream, found);
            }
        }
    }

    fn naive_criterion(&self, criterion: &Criterion) -> BTreeSet<usize> {
        let steps = |depth: Option<Depth>| match depth {
            None => 0,
            Some(Depth::All) => self.nodes.len(),
            Some(Depth::Steps(steps)) => steps as usize,
        };
        let mut found = BTreeSet::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let matches = match criterion.method {
                Method::Tag => node.tags.contains(&criterion.value.as_str()),
                _ => node.name() == criterion.value,
            };
            if matches {
                self.near(at, steps(criterion.parents), true, &mut found);
                self.near(at, steps(criterion.children), false, &mut found);
                if criterion.around {
                    let mut below = BTreeSet::new();
                    self.near(at, self.nodes.len(), false, &mut below);
                    for at in below {
                        self.near(at, self.nodes.len(), true, &mut found);
                    }
                }
            }
        }
        found
    }

    fn naive(&self, selector: &Selector) -> BTreeSet<usize> {
        let mut union = BTreeSet::new();
        for intersection in &selector.union {
            let sets: Vec<BTreeSet<usize>> = intersection
                .iter()
                .map(|criterion| self.naive_criterion(criterion))
                .collect();
            union.extend(sets[0].iter().filter(|at| sets.iter().all(|set| set.contains(at))));
        }
        union
    }
}

const TAGS: [&str; 3] = ["red", "green", "blue"];

fn graph() -> impl Strategy<Value = Random> {
    (2..9usize).prop_flat_map(|size| {
        let edges = prop::collection::btree_set((0..size, 0..size), 0..size * 2);
        let tags = prop::collection::vec(prop::collection::vec(prop::sample::select(&TAGS), 0..3), size);
        (edges, tags).prop_map(|(edges, tags)| Random {
            nodes: tags.into_iter().enumerate().map(|(at, tags)| node(at, tags)).collect(),
            edges: edges.into_iter().filter(|(from, to)| from < to).collect(),
        })
    })
}

fn node(at: usize, tags: Vec<&'static str>) -> Plain {
    Plain {
        id: format!("model.shop.n{at}"),
        resource_type: "model",
        path: format!("models/n{at}.sql"),
        tags,
        ..Plain::default()
    }
}

fn selector() -> impl Strategy<Value = Selector> {
    let depth = || prop::option::of(prop_oneof![Just(Depth::All), (0..4u32).prop_map(Depth::Steps)]);
    let value = prop_oneof![
        (0..9usize).prop_map(|at| (Method::Name, format!("n{at}"))),
        prop::sample::select(&TAGS).prop_map(|tag| (Method::Tag, tag.to_owned())),
    ];
    let criterion = (prop::bool::weighted(0.2), depth(), value, depth()).prop_map(
        |(around, parents, (method, value), children)| Criterion {
            around,
            parents: parents.filter(|_| !around),
            method,
            value,
            children: children.filter(|_| !around),
        },
    );
    prop::collection::vec(prop::collection::vec(criterion, 1..3), 1..3).prop_map(|union| Selector { union })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn selectors_mean_the_sets_that_their_parts_mean(graph in graph(), select in selector(), exclude in selector()) {
        let expected: BTreeSet<usize> = graph.naive(&select).difference(&graph.naive(&exclude)).copied().collect();
        prop_assert_eq!(graph.select(&select, None), graph.naive(&select), "{}", select);
        prop_assert_eq!(graph.select(&select, Some(&exclude)), expected, "{} without {}", select, exclude);
    }

    #[test]
    fn the_order_of_parts_does_not_matter(graph in graph(), a in selector(), b in selector()) {
        let both = |first: &Selector, second: &Selector| Selector {
            union: first.union.iter().chain(&second.union).cloned().collect(),
        };
        prop_assert_eq!(graph.select(&both(&a, &b), None), graph.select(&both(&b, &a), None));
        let mut turned = a.clone();
        turned.union.iter_mut().for_each(|intersection| intersection.reverse());
        prop_assert_eq!(graph.select(&turned, None), graph.select(&a, None));
        prop_assert!(graph.select(&a, Some(&a)).is_empty());
    }
}

/// Ten thousand nodes in layers, with a test on each: a selector takes milliseconds. The bound is wide enough for a
/// machine that is busy with other things.
#[test]
fn ten_thousand_nodes_are_selected_from_in_milliseconds() {
    let size = 10_000;
    let graph = Random {
        nodes: (0..size).map(|at| node(at, vec![TAGS[at % 3]])).collect(),
        edges: (10..size)
            .flat_map(|at| (1..4).map(move |back| (at - back * 3, at)))
            .collect(),
    };
    let catalog = graph.catalog();
    let select = Selector::parse("@n5000 tag:red,+n9* 3+n777+2 stg_* path:models/n1*.sql").unwrap();
    let request = Request {
        select: Some(&select),
        ..Request::default()
    };
    let start = Instant::now();
    let selected = catalog.select(&request).unwrap();
    let took = start.elapsed();
    assert!(selected.nodes.len() > 5000);
    assert_eq!(selected.unmatched.len(), 1);
    assert!(took.as_millis() < 250, "took {took:?}");
}
