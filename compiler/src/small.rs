//! Graphs that are small enough to be held in memory and in one file: heads, trees, tables of numbers.

use prost::Message;

use crate::error::CompileError;
use crate::onnx::messages::{
    AttributeProto, Dimension, ElementType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, ValueInfoProto,
};

/// The domain of ONNX's operators for classical machine learning.
pub const MACHINE_LEARNING: &str = "ai.onnx.ml";

/// A setting of an operator.
#[derive(Debug, Clone, Copy)]
pub enum Attribute<'a> {
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f32),
    /// Text.
    Text(&'a str),
    /// Integers.
    Integers(&'a [i64]),
    /// Floats.
    Floats(&'a [f32]),
    /// Texts.
    Texts(&'a [&'a str]),
}

impl Attribute<'_> {
    fn named(self, name: &str) -> AttributeProto {
        match self {
            Self::Integer(value) => AttributeProto::int(name, value),
            Self::Float(value) => AttributeProto::float(name, value),
            Self::Text(value) => AttributeProto::text(name, value),
            Self::Integers(values) => AttributeProto::ints(name, values),
            Self::Floats(values) => AttributeProto::floats(name, values),
            Self::Texts(values) => AttributeProto::texts(name, values),
        }
    }
}

/// Builds a small graph, node by node. All its inputs and outputs are matrices of floats with one row a row of the batch.
#[derive(Debug)]
pub struct SmallGraph {
    graph: GraphProto,
    metadata: Vec<StringStringEntryProto>,
}

impl SmallGraph {
    /// An empty graph.
    pub fn new(name: &str) -> Self {
        Self {
            graph: GraphProto {
                name: name.to_owned(),
                ..GraphProto::default()
            },
            metadata: Vec::new(),
        }
    }

    /// Adds an input, `[rows, columns]`.
    pub fn input(&mut self, name: &str, columns: usize) {
        self.graph.input.push(matrix(name, columns));
    }

    /// Makes the value called `name` an output, `[rows, columns]`.
    pub fn output(&mut self, name: &str, columns: usize) {
        self.graph.output.push(matrix(name, columns));
    }

    /// Adds a constant of floats. `values` are row-major.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.graph.initializer.push(TensorProto {
            dims: shape.iter().map(|&size| size as i64).collect(),
            data_type: Some(ElementType::Float.number()),
            name: name.to_owned(),
            raw_data: Some(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            ..TensorProto::default()
        });
    }

    /// Adds a constant list of integers.
    pub fn integers(&mut self, name: &str, values: &[i64]) {
        self.graph.initializer.push(TensorProto {
            dims: vec![values.len() as i64],
            data_type: Some(ElementType::Int64.number()),
            name: name.to_owned(),
            raw_data: Some(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            ..TensorProto::default()
        });
    }

    /// Adds a node whose one output is called `output`. `domain` is empty for ONNX itself, or [`MACHINE_LEARNING`].
    pub fn node(
        &mut self,
        domain: &str,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, Attribute<'_>)],
    ) {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: format!("{output}/{operator}"),
            op_type: operator.to_owned(),
            attribute: attributes.iter().map(|(name, value)| value.named(name)).collect(),
            domain: domain.to_owned(),
        });
    }

    /// Adds a key and its value to what the graph says of itself.
    pub fn metadata(&mut self, key: &str, value: &str) {
        self.metadata.push(StringStringEntryProto {
            key: key.to_owned(),
            value: value.to_owned(),
        });
    }

    /// The graph's file.
    pub fn to_bytes(self) -> Vec<u8> {
        ModelProto {
            ir_version: Some(10),
            producer_name: "refuel".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            opset_import: [("", 21), (MACHINE_LEARNING, 3)]
                .map(|(domain, version)| OperatorSetIdProto {
                    domain: domain.to_owned(),
                    version: Some(version),
                })
                .to_vec(),
            metadata_props: self.metadata,
        }
        .encode_to_vec()
    }
}

fn matrix(name: &str, columns: usize) -> ValueInfoProto {
    let dimensions = [Dimension::Name("rows".to_owned()), Dimension::Size(columns as i64)];
    ValueInfoProto::tensor(name, ElementType::Float, &dimensions)
}

/// A small graph that was read.
#[derive(Debug, Clone)]
pub struct ReadGraph(ModelProto);

impl ReadGraph {
    /// Reads a graph's file.
    ///
    /// # Errors
    /// [`CompileError::Configuration`] for bytes that are no graph.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CompileError> {
        ModelProto::decode(bytes)
            .map(Self)
            .map_err(|error| CompileError::Configuration {
                what: format!("this is no ONNX model: {error}"),
            })
    }

    /// What the graph says of itself under a key.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        let entry = self.0.metadata_props.iter().find(|entry| entry.key == key)?;
        Some(&entry.value)
    }

    /// A constant of floats with its shape. None where there is none of this name whose size is that of its shape.
    pub fn floats(&self, name: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        let graph = self.0.graph.as_ref()?;
        let tensor = graph.initializer.iter().find(|tensor| tensor.name == name)?;
        if tensor.data_type != Some(ElementType::Float.number()) {
            return None;
        }
        let shape: Vec<usize> = tensor
            .dims
            .iter()
            .map(|&size| usize::try_from(size).ok())
            .collect::<Option<_>>()?;
        let count = shape.iter().try_fold(1usize, |count, size| count.checked_mul(*size))?;
        let (numbers, rest) = tensor.raw_data.as_ref()?.as_chunks::<4>();
        let values: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        (values.len() == count && rest.is_empty()).then_some((shape, values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut graph = SmallGraph::new("head");
        graph.input("x", 2);
        graph.floats("w", &[2, 1], &[0.5, -1.5]);
        graph.node("", "MatMul", &["x", "w"], "y", &[]);
        graph.output("y", 1);
        graph.metadata("labels", "[\"ä\"]");
        let read = ReadGraph::from_bytes(&graph.to_bytes()).unwrap();
        assert_eq!(read.metadata("labels"), Some("[\"ä\"]"));
        assert_eq!(read.floats("w"), Some((vec![2, 1], vec![0.5, -1.5])));
        assert_eq!(read.floats("x"), None);
        assert!(ReadGraph::from_bytes(b"\xff\xff\xff").is_err());
    }

    #[test]
    fn a_constant_that_lies_about_its_size_is_none() {
        let mut graph = SmallGraph::new("head");
        graph.floats("w", &[usize::MAX, 4], &[0.5]);
        let read = ReadGraph::from_bytes(&graph.to_bytes()).unwrap();
        assert_eq!(read.floats("w"), None);
    }
}
