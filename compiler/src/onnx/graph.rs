//! Builds a graph node by node; its weights go to the data file as they come.

use std::collections::HashMap;
use std::path::Path;

use prost::Message;
use sha2::{Digest, Sha256};

use super::external::{DataWriter, Slot};
use super::messages::{
    AttributeProto, Dimension, ElementType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto,
};
use crate::error::CompileError;

/// Name of the graph's file in a model's folder.
pub(crate) const GRAPH_FILE: &str = "model.onnx";

/// ONNX Runtime's own operators.
const MICROSOFT: &str = "com.microsoft";

/// Constants up to this size stay in the graph's file.
const INLINE_BYTES: usize = 1024;

/// A value in the graph: the name of a node's output, of an input, or of a constant.
pub(crate) type Value = String;

/// A constant whose data is still to be written.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    /// Its name.
    pub(crate) value: Value,
    /// Where its data goes.
    pub(crate) slot: Slot,
}

/// Builds a graph.
#[derive(Debug)]
pub(crate) struct GraphBuilder {
    graph: GraphProto,
    data: DataWriter,
    /// By element type, shape and the data's SHA-256.
    constants: HashMap<(ElementType, Vec<i64>, [u8; 32]), Value>,
    scope: String,
    count: usize,
}

impl GraphBuilder {
    /// An empty graph whose weights go into `folder`.
    pub(crate) fn new(name: &str, folder: &Path) -> Result<Self, CompileError> {
        Ok(Self {
            graph: GraphProto {
                name: name.to_owned(),
                ..GraphProto::default()
            },
            data: DataWriter::create(folder)?,
            constants: HashMap::new(),
            scope: String::new(),
            count: 0,
        })
    }

    /// Names of what follows begin with `scope`.
    pub(crate) fn scope(&mut self, scope: impl Into<String>) {
        self.scope = scope.into();
    }

    fn fresh(&mut self, word: &str) -> String {
        self.count += 1;
        if self.scope.is_empty() {
            format!("{word}_{}", self.count)
        } else {
            format!("{}/{word}_{}", self.scope, self.count)
        }
    }

    /// Declares an input.
    pub(crate) fn input(&mut self, name: &str, element: ElementType, dimensions: &[Dimension]) -> Value {
        self.graph.input.push(ValueInfoProto::tensor(name, element, dimensions));
        name.to_owned()
    }

    /// Makes `value`, which a node gives, an output called `name`, and gives its name from then on. A node that copies
    /// it under that name would cost a copy at every run.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the value is not called that any more: nobody should go on with its old name"
    )]
    pub(crate) fn output(&mut self, name: &str, value: Value, element: ElementType, dimensions: &[Dimension]) -> Value {
        self.graph
            .output
            .push(ValueInfoProto::tensor(name, element, dimensions));
        for node in self.graph.node.iter_mut().rev() {
            let renamed = |text: &mut String| name.clone_into(text);
            node.input.iter_mut().filter(|input| **input == value).for_each(renamed);
            if let Some(output) = node.output.iter_mut().find(|output| **output == value) {
                renamed(output);
                break;
            }
        }
        name.to_owned()
    }

    fn node(
        &mut self,
        domain: &str,
        operator: &str,
        inputs: &[&str],
        outputs: &[bool],
        attributes: Vec<AttributeProto>,
    ) -> Vec<Value> {
        let name = self.fresh(operator);
        let outputs: Vec<Value> = outputs
            .iter()
            .enumerate()
            .map(|(index, wanted)| {
                if *wanted {
                    format!("{name}:{index}")
                } else {
                    String::new()
                }
            })
            .collect();
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: outputs.clone(),
            name,
            op_type: operator.to_owned(),
            attribute: attributes,
            domain: domain.to_owned(),
        });
        outputs
    }

    fn one(&mut self, domain: &str, operator: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> Value {
        self.node(domain, operator, inputs, &[true], attributes).swap_remove(0)
    }

    /// A node of ONNX itself with one output.
    pub(crate) fn op(&mut self, operator: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> Value {
        self.one("", operator, inputs, attributes)
    }

    /// A node of ONNX itself with `outputs` outputs.
    pub(crate) fn op_many(
        &mut self,
        operator: &str,
        inputs: &[&str],
        outputs: usize,
        attributes: Vec<AttributeProto>,
    ) -> Vec<Value> {
        self.node("", operator, inputs, &vec![true; outputs], attributes)
    }

    /// A node of ONNX Runtime's own operators with one output.
    pub(crate) fn fused(&mut self, operator: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> Value {
        self.one(MICROSOFT, operator, inputs, attributes)
    }

    /// A node of ONNX Runtime's own operators; `outputs` says which outputs are wanted. Those that aren't have no name.
    pub(crate) fn fused_many(
        &mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[bool],
        attributes: Vec<AttributeProto>,
    ) -> Vec<Value> {
        self.node(MICROSOFT, operator, inputs, outputs, attributes)
    }

    /// A constant whose data is written afterwards, in pieces, with [`GraphBuilder::write`].
    pub(crate) fn reserve(&mut self, name: &str, element: ElementType, shape: &[usize]) -> Pending {
        let count: usize = shape.iter().product();
        let slot = self.data.reserve(count * element.size());
        self.graph.initializer.push(TensorProto {
            dims: shape.iter().map(|&size| size as i64).collect(),
            data_type: Some(element.number()),
            name: name.to_owned(),
            external_data: slot.entries(),
            data_location: Some(1),
            ..TensorProto::default()
        });
        Pending {
            value: name.to_owned(),
            slot,
        }
    }

    /// Writes a piece of a constant's data; `start` counts bytes.
    pub(crate) fn write(&mut self, pending: &Pending, start: usize, bytes: &[u8]) -> Result<(), CompileError> {
        self.data.write(pending.slot, start, bytes)
    }

    /// A constant. Equal ones are kept once; large ones go to the data file.
    fn constant(&mut self, element: ElementType, shape: &[usize], bytes: Vec<u8>) -> Result<Value, CompileError> {
        let dims: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
        let key = (element, dims.clone(), Sha256::digest(&bytes).into());
        if let Some(value) = self.constants.get(&key) {
            return Ok(value.clone());
        }
        let name = self.fresh("constant");
        if bytes.len() > INLINE_BYTES {
            let pending = self.reserve(&name, element, shape);
            self.write(&pending, 0, &bytes)?;
        } else {
            self.graph.initializer.push(TensorProto {
                dims,
                data_type: Some(element.number()),
                name: name.clone(),
                raw_data: Some(bytes),
                ..TensorProto::default()
            });
        }
        self.constants.insert(key, name.clone());
        Ok(name)
    }

    /// A constant of floats.
    pub(crate) fn floats(&mut self, shape: &[usize], values: &[f32]) -> Result<Value, CompileError> {
        self.constant(ElementType::Float, shape, little_endian(values, f32::to_le_bytes))
    }

    /// A constant of 64-bit integers in one dimension: a shape, sizes, or axes.
    pub(crate) fn integers(&mut self, values: &[i64]) -> Result<Value, CompileError> {
        let bytes = little_endian(values, i64::to_le_bytes);
        self.constant(ElementType::Int64, &[values.len()], bytes)
    }

    /// A constant float.
    pub(crate) fn scalar(&mut self, value: f32) -> Result<Value, CompileError> {
        self.floats(&[], &[value])
    }

    /// A constant byte.
    pub(crate) fn byte(&mut self, value: u8) -> Result<Value, CompileError> {
        self.constant(ElementType::Uint8, &[], vec![value])
    }

    /// `value` in another shape; 0 keeps a dimension, -1 takes what is left.
    pub(crate) fn reshape(&mut self, value: &str, shape: &[i64]) -> Result<Value, CompileError> {
        let shape = self.integers(shape)?;
        Ok(self.op("Reshape", &[value, &shape], vec![]))
    }

    /// `value` with its dimensions in another order.
    pub(crate) fn transpose(&mut self, value: &str, order: &[i64]) -> Value {
        self.op("Transpose", &[value], vec![AttributeProto::ints("perm", order)])
    }

    /// `value` in another element type.
    pub(crate) fn cast(&mut self, value: &str, to: ElementType) -> Value {
        self.op(
            "Cast",
            &[value],
            vec![AttributeProto::int("to", i64::from(to.number()))],
        )
    }

    /// Writes the graph's file and ends the data file.
    pub(crate) fn finish(self, folder: &Path) -> Result<(), CompileError> {
        self.data.finish()?;
        let model = ModelProto {
            ir_version: Some(10),
            producer_name: "refuel".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            opset_import: [("", 21), (MICROSOFT, 1)]
                .map(|(domain, version)| OperatorSetIdProto {
                    domain: domain.to_owned(),
                    version: Some(version),
                })
                .to_vec(),
            metadata_props: vec![],
        };
        let path = folder.join(GRAPH_FILE);
        fs_err::write(&path, model.encode_to_vec()).map_err(|source| CompileError::write(&path, source))
    }
}

fn little_endian<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| bytes(value)).collect()
}

/// A named dimension.
pub(crate) fn named(name: &str) -> Dimension {
    Dimension::Name(name.to_owned())
}

/// A dimension of known size.
pub(crate) fn sized(size: usize) -> Dimension {
    Dimension::Size(size as i64)
}
