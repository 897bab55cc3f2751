//! Every key that a table has is read, and none other is.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::Object;

thread_local! {
    static TAKEN: RefCell<BTreeSet<(&'static str, &'static str)>> = const { RefCell::new(BTreeSet::new()) };
}

/// Notes that a reader asks for a key. One that the table lacks is a mistake of ours.
pub(super) fn note_taken(object: &'static Object, key: &str) {
    let found = object.keys.iter().find(|known| known.name == key);
    let found = found.unwrap_or_else(|| panic!("{} has no key {key}", object.name));
    TAKEN.with_borrow_mut(|taken| taken.insert((object.name, found.name)));
}
