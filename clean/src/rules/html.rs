//! HTML tags and character references.

use crate::edit::Patch;

/// Takes HTML out of a text: comments and tags go, and character references become their characters.
///
/// Only names of HTML elements make a tag, so that `<john@example.com>` and `a < b` stay. An element that is a block ends
/// a line; what scripts and style sheets contain goes with them.
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
const INLINE: [&str; 55] = [
    "a", "abbr", "acronym", "audio", "b", "bdi", "bdo", "big", "button", "canvas", "cite", "code", "data", "del",
    "dfn", "em", "embed", "font", "i", "iframe", "img", "input", "ins", "kbd", "label", "map", "mark", "meter",
    "noscript", "object", "output", "picture", "progress", "q", "ruby", "s", "samp", "script", "select", "small",
    "span", "strike", "strong", "style", "sub", "sup", "svg", "template", "textarea", "time", "tt", "u", "var",
    "video", "wbr",
];

/// Elements that are blocks, or parts of the whole.
const BLOCK: [&str; 55] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "caption",
    "center",
    "col",
    "colgroup",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "legend",
    "li",
    "link",
    "main",
    "menu",
    "meta",
    "nav",
    "ol",
    "option",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
    "base",
];

/// The end of a tag or comment that starts at `start`, and what stands for it. None where there is no such thing.
fn tag(text: &str, start: usize) -> Option<(usize, &'static str)> {
    let rest = &text[start..];
    if rest.starts_with("<!--") {
        return rest.find("-->").map(|end| (start + end + 3, ""));
    }
    if rest
        .get(..9)
        .is_some_and(|doctype| doctype.eq_ignore_ascii_case("<!doctype"))
    {
        return rest.find('>').map(|end| (start + end + 1, ""));
    }
    let closes = rest.starts_with("</");
    let name_start = if closes { 2 } else { 1 };
    let name_end = name_start + rest[name_start..].bytes().take_while(u8::is_ascii_alphanumeric).count();
    let name = rest[name_start..name_end].to_ascii_lowercase();
    let after = rest[name_end..].bytes().next()?;
    let is_inline = INLINE.contains(&name.as_str());
    if !(matches!(after, b'>' | b'/') || after.is_ascii_whitespace()) || !(is_inline || BLOCK.contains(&name.as_str()))
    {
        return None;
    }
    let mut quoted = None;
    let mut end = None;
    for (at, byte) in rest.bytes().enumerate().skip(name_end) {
        match (quoted, byte) {
            (None, b'>') => {
                end = Some(at + 1);
                break;
            }
            (None, b'<') => break,
            (None, b'"' | b'\'') => quoted = Some(byte),
            (Some(quote), byte) if byte == quote => quoted = None,
            _ => {}
        }
    }
    // A quotation mark that never closes does not hide the end of the tag.
    let end = end.or_else(|| rest[name_end..].find('>').map(|at| name_end + at + 1))?;
    let attributes = &rest[name_end..end - 1];
    // `<b and c>` has words where a tag has attributes.
    let is_attributes = attributes.trim_matches(['/', ' ', '\n', '\t', '\r']).is_empty() || attributes.contains('=');
    if !is_attributes && !(closes || attributes.split_whitespace().count() == 1) {
        return None;
    }
    if !closes && matches!(name.as_str(), "script" | "style") {
        let close = format!("</{name}");
        let lower = text[start + end..].to_ascii_lowercase();
        if let Some(at) = lower.find(&close) {
            let close_end = lower[at..].find('>')?;
            return Some((start + end + at + close_end + 1, ""));
        }
    }
    Some((start + end, if is_inline { "" } else { "\n" }))
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

impl Html {
    pub(super) fn patches(self, text: &str) -> Vec<Patch> {
        let mut patches = Vec::new();
        let mut from = 0;
        while let Some(at) = text[from..].find(['<', '&']) {
            let start = from + at;
            let found = if text.as_bytes()[start] == b'<' {
                self.tags
                    .then(|| tag(text, start).map(|(end, set)| (end, set.to_owned())))
                    .flatten()
            } else {
                self.entities.then(|| entity(text, start)).flatten()
            };
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
