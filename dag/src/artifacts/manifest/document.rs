//! The manifest as text, written piece by piece.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;

use super::super::file::reserve;
use super::earlier::{Earlier, NewIndex, Span};
use crate::fingerprint::Fingerprint;
use crate::nodes::Node;

/// Nodes that are put into words at a time: enough for every core, few enough to stay small.
const CHUNK: usize = 64;

/// A node with what its entry is made from, where that is known.
pub(super) type Item<'a> = (&'a Node, Option<Fingerprint>);

/// A JSON object that is written key by key. What an earlier one has is copied from there.
pub(super) struct Document<'a, 'b> {
    writer: &'a mut BufWriter<&'b mut File>,
    /// Bytes that were written.
    at: u64,
    reserved: bool,
    begun: bool,
    earlier: Earlier,
    index: Option<NewIndex>,
}

/// Entries one after the other.
enum Piece<'n, 'p> {
    /// Those of the earlier manifest, where they stand one behind the other.
    Copied(&'n [Item<'p>], Span),
    /// Those that are to be made.
    Made(&'n [Item<'p>]),
}

/// Entries as text, with where each is that is to be found again.
#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    spans: Vec<(Fingerprint, Span)>,
}

impl<'a, 'b> Document<'a, 'b> {
    /// Begins a manifest for a folder. `compiled`: whether SQL is in it.
    pub(super) fn new(writer: &'a mut BufWriter<&'b mut File>, folder: &Path, compiled: bool) -> io::Result<Self> {
        let earlier = Earlier::read(folder, compiled);
        let mut document = Self {
            // It is about as long as the earlier one.
            reserved: reserve(writer.get_ref(), earlier.length()),
            writer,
            at: 0,
            begun: false,
            earlier,
            index: NewIndex::new(folder, compiled),
        };
        document.put(b"{")?;
        Ok(document)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.writer.write_all(bytes)
    }

    fn copy(&mut self, span: Span) -> io::Result<()> {
        self.writer.flush()?;
        self.earlier.copy(span, self.writer.get_mut())?;
        self.at += span.length;
        Ok(())
    }

    fn remember(&mut self, origin: Fingerprint, span: Span) {
        if let Some(index) = &mut self.index {
            index.entries.push((origin, span));
        }
    }

    fn key(&mut self, key: &str) -> io::Result<()> {
        if self.begun {
            self.put(b",")?;
        }
        self.begun = true;
        self.put(&serde_json::to_vec(key)?)?;
        self.put(b":")
    }

    /// A key with a value.
    pub(super) fn value(&mut self, key: &str, value: &impl Serialize) -> io::Result<()> {
        self.key(key)?;
        self.put(&serde_json::to_vec(value)?)
    }

    /// An object with an entry for each node, of which all together are made from `origin`.
    pub(super) fn whole(
        &mut self,
        key: &str,
        origin: Fingerprint,
        nodes: &[Item<'_>],
        entry: impl Fn(&Node, &mut Vec<u8>) -> serde_json::Result<()> + Sync,
    ) -> io::Result<()> {
        if let Some(span) = self.earlier.span(origin) {
            self.key(key)?;
            self.remember(origin, Span { start: self.at, ..span });
            return self.copy(span);
        }
        let nodes: Vec<Item<'_>> = nodes.iter().map(|(node, _)| (*node, None)).collect();
        let start = self.entries(key, &nodes, entry)?;
        let length = self.at - start;
        self.remember(origin, Span { start, length });
        Ok(())
    }

    /// An object with an entry for each node; gives where it starts. Entries that are not copied are made on all cores,
    /// while those before them are written.
    pub(super) fn entries(
        &mut self,
        key: &str,
        nodes: &[Item<'_>],
        entry: impl Fn(&Node, &mut Vec<u8>) -> serde_json::Result<()> + Sync,
    ) -> io::Result<u64> {
        self.key(key)?;
        let start = self.at;
        self.put(b"{")?;
        let mut waiting = Vec::new();
        let mut rest = nodes;
        while let Some(piece) = self.next_piece(&mut rest) {
            match piece {
                Piece::Made(nodes) => {
                    let make = || -> serde_json::Result<Vec<Text>> {
                        nodes.par_chunks(CHUNK).map(|chunk| text(chunk, &entry)).collect()
                    };
                    let (written, made) = rayon::join(|| self.put_texts(start, waiting), make);
                    written?;
                    waiting = made?;
                }
                Piece::Copied(nodes, span) => {
                    self.put_texts(start, std::mem::take(&mut waiting))?;
                    self.separate(start)?;
                    self.copy_entries(nodes, span)?;
                }
            }
        }
        self.put_texts(start, waiting)?;
        self.put(b"}")?;
        Ok(start)
    }

    /// The entries that can be copied in one go, or else some that are to be made.
    fn next_piece<'n, 'p>(&self, rest: &mut &'n [Item<'p>]) -> Option<Piece<'n, 'p>> {
        let known = |item: &Item<'_>| self.earlier.span(item.1?);
        let (piece, left) = if let Some(first) = known(rest.first()?) {
            let mut span = first;
            let mut count = 1;
            // Between two entries is a comma.
            while let Some(next) = rest
                .get(count)
                .and_then(known)
                .filter(|next| next.start == span.end() + 1)
            {
                span.length += 1 + next.length;
                count += 1;
            }
            let (nodes, left) = rest.split_at(count);
            (Piece::Copied(nodes, span), left)
        } else {
            let most = rest.len().min(CHUNK * rayon::current_num_threads());
            let count = rest[..most]
                .iter()
                .position(|item| known(item).is_some())
                .unwrap_or(most);
            let (nodes, left) = rest.split_at(count);
            (Piece::Made(nodes), left)
        };
        *rest = left;
        Some(piece)
    }

    /// A comma, where there are entries already in the object that starts at `start`.
    fn separate(&mut self, start: u64) -> io::Result<()> {
        if self.at > start + 1 { self.put(b",") } else { Ok(()) }
    }

    fn copy_entries(&mut self, nodes: &[Item<'_>], span: Span) -> io::Result<()> {
        let mut start = self.at;
        for origin in nodes.iter().filter_map(|(_, origin)| *origin) {
            if let Some(known) = self.earlier.span(origin) {
                self.remember(origin, Span { start, ..known });
                start += known.length + 1;
            }
        }
        self.copy(span)
    }

    fn put_texts(&mut self, start: u64, texts: Vec<Text>) -> io::Result<()> {
        for text in texts {
            self.separate(start)?;
            for (origin, span) in text.spans {
                let start = self.at + span.start;
                self.remember(origin, Span { start, ..span });
            }
            self.put(&text.bytes)?;
        }
        Ok(())
    }

    /// Ends the manifest, and writes its index.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.put(b"}")?;
        self.writer.flush()?;
        if self.reserved {
            // Before the index: setting a length counts as a change.
            self.writer.get_ref().set_len(self.at)?;
        }
        if let Some(index) = self.index {
            index.write(self.writer.get_ref());
        }
        Ok(())
    }
}

fn text(
    nodes: &[Item<'_>],
    entry: &(impl Fn(&Node, &mut Vec<u8>) -> serde_json::Result<()> + Sync),
) -> serde_json::Result<Text> {
    let mut text = Text::default();
    text.bytes.reserve(nodes.len() * 4096);
    for (node, origin) in nodes {
        if !text.bytes.is_empty() {
            text.bytes.push(b',');
        }
        let start = text.bytes.len();
        serde_json::to_writer(&mut text.bytes, &node.id)?;
        text.bytes.push(b':');
        entry(node, &mut text.bytes)?;
        if let Some(origin) = origin {
            let length = (text.bytes.len() - start) as u64;
            text.spans.push((
                *origin,
                Span {
                    start: start as u64,
                    length,
                },
            ));
        }
    }
    Ok(text)
}
