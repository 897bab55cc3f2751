//! Trees of properties files, as they are kept for the next time: reading YAML takes most of the time that a project
//! takes to be read.
//!
//! What is kept depends on the file's text alone, so that nothing else can make it stale.

use std::path::Path;
use std::sync::Arc;

use refuel_task::Place;
use refuel_task::yaml::{Content, Node, YamlError, item_path, key_path};
use serde::{Deserialize, Serialize};
use serde_json::Number;
use twox_hash::XxHash3_128;

use crate::store::Store;

/// What such a store holds, and the version of its format.
const FORMAT: [u8; 16] = *b"refuel-trees--02";

/// The hash of a text: XXH3 of 128 bits.
pub(crate) type TextHash = [u8; 16];

/// The store of trees in a file.
pub(crate) fn read_store(path: &Path) -> Store {
    // What a text means can differ between versions of the program.
    Store::read(path, FORMAT, text_hash(env!("CARGO_PKG_VERSION")))
}

/// The hash of a text.
pub(crate) fn text_hash(text: &str) -> TextHash {
    XxHash3_128::oneshot(text.as_bytes()).to_be_bytes()
}

/// The tree of a text, from the store where it has it, and the entry that is to be kept where it has not. `path` is
/// what errors call the text.
///
/// # Errors
/// As [`Node::from_yaml`].
pub(crate) fn tree(
    text: &str,
    hash: TextHash,
    path: &str,
    store: &Store,
) -> Result<(Node, Option<Vec<u8>>), YamlError> {
    if let Some(node) = store.get(path).and_then(|entry| kept(entry, hash, path)) {
        return Ok((node, None));
    }
    let node = Node::from_yaml(text, path)?;
    let entry = postcard::to_stdvec(&(hash, Tree::of(&node))).ok();
    Ok((node, entry.and_then(|content| Store::entry(path, &content))))
}

fn kept(entry: &[u8], hash: TextHash, path: &str) -> Option<Node> {
    let (of, rest) = postcard::take_from_bytes::<TextHash>(entry).ok()?;
    if of != hash {
        return None;
    }
    let tree: Tree<'_> = postcard::from_bytes(rest).ok()?;
    Some(tree.into_node(&path.into(), String::new()))
}

type Position = Option<(u32, u32)>;

/// A node without what can be told from where it is: the name of the file, and the path of its key.
#[derive(Serialize, Deserialize)]
struct Tree<'a> {
    position: Position,
    #[serde(borrow)]
    content: Kept<'a>,
}

#[derive(Serialize, Deserialize)]
enum Kept<'a> {
    Null,
    Bool(bool),
    Negative(i64),
    Whole(u64),
    Fraction(f64),
    Text(&'a str),
    #[serde(borrow)]
    List(Vec<Tree<'a>>),
    #[serde(borrow)]
    Map(Vec<(&'a str, Position, Tree<'a>)>),
}

impl<'a> Tree<'a> {
    fn of(node: &'a Node) -> Self {
        let content = match &node.content {
            Content::Null => Kept::Null,
            Content::Bool(flag) => Kept::Bool(*flag),
            Content::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => Kept::Whole(number),
                (None, Some(number)) => Kept::Negative(number),
                // Numbers of YAML are finite.
                (None, None) => number.as_f64().map_or(Kept::Null, Kept::Fraction),
            },
            Content::Text(text) => Kept::Text(text),
            Content::List(items) => Kept::List(items.iter().map(Tree::of).collect()),
            Content::Map(entries) => Kept::Map(
                entries
                    .iter()
                    .map(|(key, place, value)| (key.as_str(), place.position, Tree::of(value)))
                    .collect(),
            ),
        };
        Self {
            position: node.place.position,
            content,
        }
    }

    fn into_node(self, source: &Arc<str>, path: String) -> Node {
        let content = match self.content {
            Kept::Null => Content::Null,
            Kept::Bool(flag) => Content::Bool(flag),
            Kept::Negative(number) => Content::Number(number.into()),
            Kept::Whole(number) => Content::Number(number.into()),
            Kept::Fraction(number) => Number::from_f64(number).map_or(Content::Null, Content::Number),
            Kept::Text(text) => Content::Text(text.to_owned()),
            Kept::List(items) => Content::List(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| item.into_node(source, item_path(&path, index)))
                    .collect(),
            ),
            Kept::Map(entries) => Content::Map(
                entries
                    .into_iter()
                    .map(|(key, position, value)| {
                        let path = key_path(&path, key);
                        let place = Place {
                            source: Arc::clone(source),
                            position,
                            path: path.clone(),
                        };
                        (key.to_owned(), place, value.into_node(source, path))
                    })
                    .collect(),
            ),
        };
        Node {
            place: Place {
                source: Arc::clone(source),
                position: self.position,
                path,
            },
            content,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the store gives for a text that it has.
    fn again(text: &str) -> Option<Node> {
        let (node, entry) = tree(text, text_hash(text), "p.yml", &Store::default()).ok()?;
        let content = postcard::to_stdvec(&(text_hash(text), Tree::of(&node))).unwrap();
        assert!(entry.is_some());
        assert!(kept(&content, text_hash("another"), "p.yml").is_none());
        Some(kept(&content, text_hash(text), "p.yml").unwrap())
    }

    #[test]
    fn a_kept_tree_has_the_same_places() {
        let text = "a: [1, -2, 0.5, 1.0, yes, true, ~, 'x']\nb:\n  - {c: d}\n  - &e {f: [g]}\n  - *e\n18446744073709551615: 1e300\n";
        let node = Node::from_yaml(text, "p.yml").unwrap();
        assert_eq!(format!("{:?}", again(text).unwrap()), format!("{node:?}"));
    }

    proptest! {
        #[test]
        fn a_kept_tree_is_the_tree(text in "([a-c]: |- |  |\\[|\\]|[0-9.]|-|'|\"|x|é|\n){0,40}") {
            let read = Node::from_yaml(&text, "p.yml").ok();
            prop_assert_eq!(format!("{:?}", again(&text)), format!("{:?}", read));
        }
    }
}
