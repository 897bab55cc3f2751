//! Stack for deep trees.
//!
//! A condition of ten thousand terms is a tree of ten thousand levels, and what clones, prints or drops a tree goes down
//! level by level. The parser and the walks take more stack as they need it; for the rest there is room here, by the
//! length of the text that the tree was read from.

/// Bytes of stack for a byte of text: a level is a term and an operator at least, and takes a few kilobytes to print.
const PER_BYTE: usize = 512;

/// What every thread has.
const ENOUGH: usize = 256 * 1024;

/// Does something with a tree that was read from a text of this many bytes.
pub(super) fn within<R>(length: usize, what: impl FnOnce() -> R) -> R {
    let wanted = length.saturating_mul(PER_BYTE);
    if wanted <= ENOUGH {
        return what();
    }
    // Pages of a stack that nothing touches cost nothing.
    stacker::maybe_grow(wanted.min(1 << 30), wanted.min(1 << 30) + ENOUGH, what)
}
