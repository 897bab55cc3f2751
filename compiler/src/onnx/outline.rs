//! What a graph takes, gives and needs, read from its file without its weights.
//!
//! Exported graphs can hold gigabytes of weights. The wire format of protocol buffers lets a reader step over them, so
//! that the file is never in memory as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use fs_err::File;
use prost::Message;

use super::messages::{Dimension, StringStringEntryProto, ValueInfoProto};
use crate::error::CompileError;

/// Longest text or small message that is read, in bytes.
const MOST_BYTES: u64 = 1 << 20;
/// Deepest nesting of graphs in the attributes of nodes.
const MOST_DEPTH: usize = 16;

/// An input or an output.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Port {
    /// Its name.
    pub(crate) name: String,
    /// The format's number of its element type; 0 where it isn't said.
    pub(crate) element: i32,
    /// Its dimensions: a size where that is fixed. Empty where nothing is said.
    pub(crate) shape: Vec<Option<usize>>,
}

/// What a graph takes, gives and needs.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// Inputs that a caller must give.
    pub(crate) inputs: Vec<Port>,
    /// Outputs.
    pub(crate) outputs: Vec<Port>,
    /// Files beside the graph that hold weights, with the bytes that each must have.
    pub(crate) external: BTreeMap<String, u64>,
    /// How many numbers the constants have, by the format's number of their element type.
    pub(crate) values: BTreeMap<i32, u64>,
    /// Names of the operators.
    pub(crate) operators: BTreeSet<String>,
}

/// Reads a graph's outline.
///
/// # Errors
/// [`CompileError::Read`], or [`CompileError::Graph`] with the place in the file.
pub(crate) fn read(path: &Path) -> Result<Outline, CompileError> {
    let file = File::open(path).map_err(|source| CompileError::read(path, source))?;
    let length = file
        .metadata()
        .map_err(|source| CompileError::read(path, source))?
        .len();
    let mut reader = Reader {
        path: path.to_owned(),
        input: BufReader::with_capacity(1 << 16, file),
        at: 0,
    };
    let mut outline = Outline::default();
    let mut initializers = BTreeSet::new();
    let mut graphs = 0;
    while let Some((field, payload)) = reader.next(length)? {
        match (field, payload) {
            (7, Payload::Bytes(end)) => {
                graphs += 1;
                reader.graph(end, 0, &mut outline, &mut initializers)?;
            }
            (_, payload) => reader.pass(&payload)?,
        }
    }
    if graphs != 1 {
        return Err(reader.malformed(format!("this is no ONNX model: it has {graphs} graphs")));
    }
    // Before version 4 of the format, constants were listed among the inputs.
    outline.inputs.retain(|port| !initializers.contains(&port.name));
    Ok(outline)
}

/// What stands behind a field's number.
enum Payload {
    Number(u64),
    /// Bytes up to this place of the file.
    Bytes(u64),
}

struct Reader {
    path: PathBuf,
    input: BufReader<File>,
    at: u64,
}

impl Reader {
    fn malformed(&self, what: impl std::fmt::Display) -> CompileError {
        CompileError::Graph {
            path: self.path.clone(),
            what: format!("at byte {}: {what}", self.at),
        }
    }

    fn exactly(&mut self, into: &mut [u8]) -> Result<(), CompileError> {
        self.input
            .read_exact(into)
            .map_err(|source| CompileError::read(&self.path, source))?;
        self.at += into.len() as u64;
        Ok(())
    }

    fn varint(&mut self, end: u64) -> Result<u64, CompileError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            if self.at >= end {
                return Err(self.malformed("a number goes beyond its message"));
            }
            let mut byte = [0];
            self.exactly(&mut byte)?;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(value);
            }
        }
        Err(self.malformed("a number has more than ten bytes"))
    }

    /// The next field of a message that ends at `end`.
    fn next(&mut self, end: u64) -> Result<Option<(u64, Payload)>, CompileError> {
        if self.at >= end {
            return Ok(None);
        }
        let tag = self.varint(end)?;
        let payload = match tag & 7 {
            0 => Payload::Number(self.varint(end)?),
            1 => self.up_to(8, end)?,
            2 => {
                let length = self.varint(end)?;
                self.up_to(length, end)?
            }
            5 => self.up_to(4, end)?,
            other => return Err(self.malformed(format!("wire type {other} is not known; this is no ONNX model"))),
        };
        Ok(Some((tag >> 3, payload)))
    }

    fn up_to(&self, length: u64, end: u64) -> Result<Payload, CompileError> {
        match self.at.checked_add(length) {
            Some(place) if place <= end => Ok(Payload::Bytes(place)),
            _ => Err(self.malformed(format!("a field of {length} bytes goes beyond its message"))),
        }
    }

    fn pass(&mut self, payload: &Payload) -> Result<(), CompileError> {
        let Payload::Bytes(end) = *payload else { return Ok(()) };
        let length = end - self.at;
        if length <= self.input.buffer().len() as u64 {
            self.input.consume(length as usize);
        } else {
            let length = i64::try_from(length).map_err(|_| self.malformed("a field is too long"))?;
            self.input
                .seek_relative(length)
                .map_err(|source| CompileError::read(&self.path, source))?;
        }
        self.at = end;
        Ok(())
    }

    fn bytes(&mut self, end: u64) -> Result<Vec<u8>, CompileError> {
        let length = end - self.at;
        if length > MOST_BYTES {
            return Err(self.malformed(format!("a name or a type has {length} bytes")));
        }
        let mut bytes = vec![0; length as usize];
        self.exactly(&mut bytes)?;
        Ok(bytes)
    }

    fn text(&mut self, end: u64) -> Result<String, CompileError> {
        let bytes = self.bytes(end)?;
        String::from_utf8(bytes).map_err(|_| self.malformed("a name is not UTF-8"))
    }

    fn message<M: Message + Default>(&mut self, end: u64) -> Result<M, CompileError> {
        let bytes = self.bytes(end)?;
        M::decode(bytes.as_slice()).map_err(|error| self.malformed(error))
    }

    fn graph(
        &mut self,
        end: u64,
        depth: usize,
        outline: &mut Outline,
        initializers: &mut BTreeSet<String>,
    ) -> Result<(), CompileError> {
        if depth > MOST_DEPTH {
            return Err(self.malformed("graphs are nested too deeply"));
        }
        while let Some((field, payload)) = self.next(end)? {
            match (field, payload) {
                (1, Payload::Bytes(end)) => self.node(end, depth, outline)?,
                (5, Payload::Bytes(end)) => {
                    let name = self.tensor(end, outline)?;
                    if depth == 0 {
                        initializers.insert(name);
                    }
                }
                (11, Payload::Bytes(end)) if depth == 0 => outline.inputs.push(self.port(end)?),
                (12, Payload::Bytes(end)) if depth == 0 => outline.outputs.push(self.port(end)?),
                (_, payload) => self.pass(&payload)?,
            }
        }
        Ok(())
    }

    fn port(&mut self, end: u64) -> Result<Port, CompileError> {
        let value: ValueInfoProto = self.message(end)?;
        let tensor = value.r#type.and_then(|kind| kind.tensor_type);
        let size = |dimension| match dimension {
            Some(Dimension::Size(size)) => usize::try_from(size).ok(),
            _ => None,
        };
        Ok(Port {
            name: value.name,
            element: tensor.as_ref().and_then(|tensor| tensor.elem_type).unwrap_or(0),
            shape: tensor.and_then(|tensor| tensor.shape).map_or_else(Vec::new, |shape| {
                shape.dim.into_iter().map(|dim| size(dim.value)).collect()
            }),
        })
    }

    fn node(&mut self, end: u64, depth: usize, outline: &mut Outline) -> Result<(), CompileError> {
        while let Some((field, payload)) = self.next(end)? {
            match (field, payload) {
                (4, Payload::Bytes(end)) => {
                    let operator = self.text(end)?;
                    outline.operators.insert(operator);
                }
                (5, Payload::Bytes(end)) => self.attribute(end, depth, outline)?,
                (_, payload) => self.pass(&payload)?,
            }
        }
        Ok(())
    }

    /// Attributes can hold tensors and whole graphs, which can have weights in other files too.
    fn attribute(&mut self, end: u64, depth: usize, outline: &mut Outline) -> Result<(), CompileError> {
        while let Some((field, payload)) = self.next(end)? {
            match (field, payload) {
                (5 | 10, Payload::Bytes(end)) => {
                    self.tensor(end, outline)?;
                }
                (6 | 11, Payload::Bytes(end)) => self.graph(end, depth + 1, outline, &mut BTreeSet::new())?,
                (_, payload) => self.pass(&payload)?,
            }
        }
        Ok(())
    }

    /// Reads all of a tensor but its numbers; gives its name.
    fn tensor(&mut self, end: u64, outline: &mut Outline) -> Result<String, CompileError> {
        let (mut name, mut element, mut external) = (String::new(), 0, Vec::new());
        let mut values = 1_u64;
        while let Some((field, payload)) = self.next(end)? {
            match (field, payload) {
                (1, Payload::Number(size)) => values = self.times(values, size)?,
                // Dimensions can be packed, too.
                (1, Payload::Bytes(end)) => {
                    while self.at < end {
                        let size = self.varint(end)?;
                        values = self.times(values, size)?;
                    }
                }
                (2, Payload::Number(number)) => element = i32::try_from(number).unwrap_or(0),
                (8, Payload::Bytes(end)) => name = self.text(end)?,
                (13, Payload::Bytes(end)) => external.push(self.message::<StringStringEntryProto>(end)?),
                (_, payload) => self.pass(&payload)?,
            }
        }
        let total = outline.values.entry(element).or_default();
        *total = total.saturating_add(values);
        if let Some(location) = external.iter().find(|entry| entry.key == "location") {
            let number = |key: &str| -> Result<u64, CompileError> {
                let entry = external.iter().find(|entry| entry.key == key);
                entry.map_or(Ok(0), |entry| {
                    let wrong = |_| self.malformed(format!("the {key} of tensor {name} is no number"));
                    entry.value.parse().map_err(wrong)
                })
            };
            let place = number("offset")?.checked_add(number("length")?);
            let place = place.ok_or_else(|| self.malformed(format!("the place of tensor {name} can't be")))?;
            let needed = outline.external.entry(location.value.clone()).or_default();
            *needed = place.max(*needed);
        }
        Ok(name)
    }

    fn times(&self, values: u64, size: u64) -> Result<u64, CompileError> {
        values
            .checked_mul(size)
            .ok_or_else(|| self.malformed("a tensor has more numbers than there can be"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fixture() -> Vec<u8> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/onnx/decoder/model.onnx");
        fs_err::read(path).unwrap()
    }

    fn read_bytes(bytes: &[u8]) -> Result<Outline, CompileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        fs_err::write(&path, bytes).unwrap();
        read(&path)
    }

    #[test]
    fn a_graph_is_outlined_without_its_weights() {
        let outline = read_bytes(&fixture()).unwrap();
        let inputs: Vec<&str> = outline.inputs.iter().map(|port| port.name.as_str()).collect();
        assert_eq!(inputs[..3], ["input_ids", "attention_mask", "position_ids"]);
        assert_eq!(inputs.len(), 3 + 2 * 2);
        assert_eq!(
            outline
                .outputs
                .iter()
                .filter(|port| port.name.starts_with("present."))
                .count(),
            4
        );
        let logits = outline.outputs.iter().find(|port| port.name == "logits").unwrap();
        assert_eq!((logits.element, logits.shape.last()), (1, Some(&Some(64))));
        assert!(outline.operators.contains("Softmax") && outline.external.is_empty());
        assert!(outline.values[&1] > 10_000);
    }

    #[test]
    fn what_is_no_graph_says_where() {
        for bytes in [
            &b""[..],
            b"GGUF",
            &[0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f],
            &[0x3a, 0x80],
            &[0x3b],
            &[0xff; 32],
        ] {
            let error = read_bytes(bytes).unwrap_err();
            assert!(matches!(error, CompileError::Graph { .. }), "{bytes:?}: {error}");
        }
    }

    #[test]
    fn graphs_in_graphs_have_an_end() {
        // GraphProto.node, NodeProto.attribute, AttributeProto.g, over and over.
        let mut bytes = Vec::new();
        for _ in 0..100 {
            for field in [6, 5, 1] {
                let mut outer = vec![field << 3 | 2];
                prost::encoding::encode_varint(bytes.len() as u64, &mut outer);
                outer.append(&mut bytes);
                bytes = outer;
            }
        }
        let mut model = vec![7 << 3 | 2];
        prost::encoding::encode_varint(bytes.len() as u64, &mut model);
        model.append(&mut bytes);
        let error = read_bytes(&model).unwrap_err();
        assert!(error.to_string().contains("nested too deeply"), "{error}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _: Result<Outline, CompileError> = read_bytes(&bytes);
        }

        #[test]
        fn no_damage_makes_the_reader_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
            let mut bytes = fixture();
            for (place, value) in changes {
                let at = place.index(bytes.len());
                bytes[at] = value;
            }
            let _: Result<Outline, CompileError> = read_bytes(&bytes);
        }
    }
}
