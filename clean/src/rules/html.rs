//! HTML tags and character references.

use std::ops::Range;

use crate::edit::Patch;

/// Takes HTML out of a text: comments and tags go, and character references become their characters.
///
/// Only names of HTML elements make a tag, so that `<john@example.com>` and `a < b` stay. An element that is a block ends
/// a line; what scripts and style sheets contain goes with them.
///
/// What a character reference stood for is text: it makes no tag and no other reference, so that `&lt;b&gt;` becomes `<b>`
/// and stays, and `&amp;amp;` becomes `&amp;`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Html {
    /// Whether tags go. They do unless told.
    pub tags: bool,
    /// Whether character references become characters. They do unless told.
    pub entities: bool,
}

impl Default for Html {
    fn default() -> Self {
        Self {
            tags: true,
            entities: true,
        }
    }
}

/// Elements that stand within a line.
const INLINE: &str = "a abbr acronym audio b bdi bdo big button canvas cite code data del dfn em embed font i iframe img input \
    ins kbd label map mark meter noscript object output picture progress q ruby s samp script select small \
    span strike strong style sub sup svg template textarea time tt u var video wbr";

/// Elements that are blocks, or parts of the whole.
const BLOCK: &str = "address article aside blockquote body br caption center col colgroup dd details dialog dir div dl dt \
    fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html legend li link main menu \
    meta nav ol option p pre section summary table tbody td tfoot th thead title tr ul base";

/// A tag is not longer than this, in bytes: what goes on for longer is none.
const LONGEST_TAG: usize = 20_000;

fn is_one_of(name: &str, elements: &str) -> bool {
    elements.split(' ').any(|element| element == name)
}

/// A text with the ends that were found not to come any more, so that a text full of beginnings is not read to its end for
/// each.
struct Reader<'a> {
    text: &'a str,
    no_comment_end_from: usize,
    no_element_end_from: usize,
}

impl Reader<'_> {
    /// The end of a tag or comment that starts at `start`, and what stands for it. None where there is no such thing.
    fn tag(&mut self, start: usize) -> Option<(usize, &'static str)> {
        let rest = &self.text[start..];
        if rest.starts_with("<!--") {
            if start >= self.no_comment_end_from {
                return None;
            }
            let end = rest.find("-->");
            if end.is_none() {
                self.no_comment_end_from = start;
            }
            return end.map(|end| (start + end + 3, ""));
        }
        let window = &rest.as_bytes()[..rest.len().min(LONGEST_TAG)];
        if window
            .get(..9)
            .is_some_and(|doctype| doctype.eq_ignore_ascii_case(b"<!doctype"))
        {
            let end = window.iter().position(|&byte| byte == b'>')?;
            return Some((start + end + 1, ""));
        }
        let closes = rest.starts_with("</");
        let name_start = if closes { 2 } else { 1 };
        let name_end = name_start
            + window[name_start..]
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric())
                .count();
        let name = rest[name_start..name_end].to_ascii_lowercase();
        let after = *window.get(name_end)?;
        let is_inline = is_one_of(&name, INLINE);
        let is_name = is_inline || is_one_of(&name, BLOCK);
        if !(is_name && (matches!(after, b'>' | b'/') || after.is_ascii_whitespace())) {
            return None;
        }
        let end = tag_end(window, name_end)?;
        let attributes = &rest[name_end..end - 1];
        // `<b and c>` has words where a tag has attributes.
        let is_plain = closes || attributes.contains('=') || attributes.split_whitespace().count() < 2;
        if !is_plain {
            return None;
        }
        if !closes && matches!(name.as_str(), "script" | "style") && start < self.no_element_end_from {
            if let Some(end) = element_end(self.text, start + end, &name) {
                return Some((end, ""));
            }
            self.no_element_end_from = start;
        }
        Some((start + end, if is_inline { "" } else { "\n" }))
    }
}

/// The end of a tag whose name ends at `from`. A quotation mark that never closes does not hide it.
fn tag_end(window: &[u8], from: usize) -> Option<usize> {
    let mut quoted = None;
    for (at, &byte) in window.iter().enumerate().skip(from) {
        match (quoted, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'<') => break,
            (None, b'"' | b'\'') => quoted = Some(byte),
            (Some(quote), byte) if byte == quote => quoted = None,
            _ => {}
        }
    }
    let end = window[from..].iter().position(|&byte| byte == b'>');
    end.map(|at| from + at + 1)
}

/// The end of the closing tag of an element that contains no text for a reader.
fn element_end(text: &str, from: usize, name: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(found) = text[at..].find("</") {
        let start = at + found + 2;
        let is_name = bytes
            .get(start..start + name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()));
        if is_name {
            return text[start..].find('>').map(|end| start + end + 1);
        }
        at = start;
    }
    None
}

/// The end of a character reference that starts at `start`, and its characters.
fn entity(text: &str, start: usize) -> Option<(usize, String)> {
    let rest = &text[start..];
    let name = rest
        .bytes()
        .skip(1)
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'#')
        .take(33)
        .count();
    if name == 0 || rest.as_bytes().get(name + 1) != Some(&b';') {
        return None;
    }
    let reference = &rest[..name + 2];
    let characters = htmlize::unescape(reference);
    (characters != reference).then(|| (start + name + 2, characters.into_owned()))
}

/// Whether some of these ranges, which are in order, has a byte of a range.
fn touches(ranges: &[Range<usize>], range: &Range<usize>) -> bool {
    let next = ranges.partition_point(|other| other.end <= range.start);
    ranges.get(next).is_some_and(|other| other.start < range.end)
}

impl Html {
    /// `made` are the bytes that this rule put into the text before, in order.
    pub(super) fn patches(self, text: &str, made: &[Range<usize>]) -> Vec<Patch> {
        // What a reference stood for; what came instead of a tag is a mark of nothing.
        let read: Vec<Range<usize>> = made
            .iter()
            .filter(|range| text[(*range).clone()].contains(['<', '>', '&']))
            .cloned()
            .collect();
        let mut patches = Vec::new();
        let mut reader = Reader {
            text,
            no_comment_end_from: text.len(),
            no_element_end_from: text.len(),
        };
        let mut from = 0;
        while let Some(at) = text[from..].find(['<', '&']) {
            let start = from + at;
            let found = if text.as_bytes()[start] == b'<' {
                self.tags
                    .then(|| reader.tag(start).map(|(end, set)| (end, set.to_owned())))
                    .flatten()
            } else {
                self.entities.then(|| entity(text, start)).flatten()
            };
            let found = found.filter(|(end, _)| !touches(&read, &(start..*end)));
            from = match found {
                Some((end, set)) => {
                    patches.push(Patch::new(start..end, set));
                    end
                }
                None => start + 1,
            };
        }
        patches
    }
}
