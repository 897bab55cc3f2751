//! The messages of the ONNX format that are needed here, as `onnx.proto3` of the ONNX project numbers them.
//!
//! Optional scalars are `Option`, because ONNX Runtime reads the format as proto2, where a zero that is written differs
//! from one that is not.

use prost::Message;

/// Element types, `TensorProto.DataType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ElementType {
    /// 32-bit floats.
    Float,
    /// Unsigned bytes.
    Uint8,
    /// Signed bytes.
    Int8,
    /// 32-bit integers.
    Int32,
    /// 64-bit integers.
    Int64,
    /// 16-bit floats.
    Float16,
}

impl ElementType {
    /// The number in the format.
    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::Float => 1,
            Self::Uint8 => 2,
            Self::Int8 => 3,
            Self::Int32 => 6,
            Self::Int64 => 7,
            Self::Float16 => 10,
        }
    }

    /// Bytes of one element.
    pub(crate) const fn size(self) -> usize {
        match self {
            Self::Uint8 | Self::Int8 => 1,
            Self::Float16 => 2,
            Self::Float | Self::Int32 => 4,
            Self::Int64 => 8,
        }
    }
}

/// A whole model.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelProto {
    /// Version of the format.
    #[prost(int64, optional, tag = "1")]
    pub(crate) ir_version: Option<i64>,
    /// Who wrote it.
    #[prost(string, tag = "2")]
    pub(crate) producer_name: String,
    /// In which version.
    #[prost(string, tag = "3")]
    pub(crate) producer_version: String,
    /// The graph.
    #[prost(message, optional, tag = "7")]
    pub(crate) graph: Option<GraphProto>,
    /// Sets of operators, with their versions.
    #[prost(message, repeated, tag = "8")]
    pub(crate) opset_import: Vec<OperatorSetIdProto>,
    /// Anything else.
    #[prost(message, repeated, tag = "14")]
    pub(crate) metadata_props: Vec<StringStringEntryProto>,
}

/// A set of operators.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct OperatorSetIdProto {
    /// Its domain; empty for ONNX itself.
    #[prost(string, tag = "1")]
    pub(crate) domain: String,
    /// Its version.
    #[prost(int64, optional, tag = "2")]
    pub(crate) version: Option<i64>,
}

/// A key and its value.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct StringStringEntryProto {
    /// Key.
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    /// Value.
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

/// Nodes, the constants they use, and what goes in and out.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GraphProto {
    /// Nodes, each after those that it reads from.
    #[prost(message, repeated, tag = "1")]
    pub(crate) node: Vec<NodeProto>,
    /// Name.
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    /// Constants.
    #[prost(message, repeated, tag = "5")]
    pub(crate) initializer: Vec<TensorProto>,
    /// Inputs.
    #[prost(message, repeated, tag = "11")]
    pub(crate) input: Vec<ValueInfoProto>,
    /// Outputs.
    #[prost(message, repeated, tag = "12")]
    pub(crate) output: Vec<ValueInfoProto>,
}

/// One operation.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NodeProto {
    /// Names of its inputs; an empty one is an optional input left out.
    #[prost(string, repeated, tag = "1")]
    pub(crate) input: Vec<String>,
    /// Names of its outputs.
    #[prost(string, repeated, tag = "2")]
    pub(crate) output: Vec<String>,
    /// Name.
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    /// Operator.
    #[prost(string, tag = "4")]
    pub(crate) op_type: String,
    /// Settings of the operator.
    #[prost(message, repeated, tag = "5")]
    pub(crate) attribute: Vec<AttributeProto>,
    /// Domain of the operator.
    #[prost(string, tag = "7")]
    pub(crate) domain: String,
}

/// A setting of an operator.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AttributeProto {
    /// Name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// A float.
    #[prost(float, optional, tag = "2")]
    pub(crate) f: Option<f32>,
    /// An integer.
    #[prost(int64, optional, tag = "3")]
    pub(crate) i: Option<i64>,
    /// Text.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(crate) s: Option<Vec<u8>>,
    /// Floats.
    #[prost(float, repeated, packed = "false", tag = "7")]
    pub(crate) floats: Vec<f32>,
    /// Integers.
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub(crate) ints: Vec<i64>,
    /// Texts.
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub(crate) strings: Vec<Vec<u8>>,
    /// Which of the fields counts: 1 float, 2 integer, 3 text, 6 floats, 7 integers, 8 texts.
    #[prost(int32, optional, tag = "20")]
    pub(crate) r#type: Option<i32>,
}

impl AttributeProto {
    /// An integer.
    pub(crate) fn int(name: &str, value: i64) -> Self {
        Self {
            name: name.to_owned(),
            i: Some(value),
            r#type: Some(2),
            ..Self::default()
        }
    }

    /// A float.
    pub(crate) fn float(name: &str, value: f32) -> Self {
        Self {
            name: name.to_owned(),
            f: Some(value),
            r#type: Some(1),
            ..Self::default()
        }
    }

    /// Text.
    pub(crate) fn text(name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            s: Some(value.as_bytes().to_vec()),
            r#type: Some(3),
            ..Self::default()
        }
    }

    /// Floats.
    pub(crate) fn floats(name: &str, values: &[f32]) -> Self {
        Self {
            name: name.to_owned(),
            floats: values.to_vec(),
            r#type: Some(6),
            ..Self::default()
        }
    }

    /// Texts.
    pub(crate) fn texts(name: &str, values: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            strings: values.iter().map(|value| value.as_bytes().to_vec()).collect(),
            r#type: Some(8),
            ..Self::default()
        }
    }

    /// Integers.
    pub(crate) fn ints(name: &str, values: &[i64]) -> Self {
        Self {
            name: name.to_owned(),
            ints: values.to_vec(),
            r#type: Some(7),
            ..Self::default()
        }
    }
}

/// A constant.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorProto {
    /// Shape; empty for a scalar.
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub(crate) dims: Vec<i64>,
    /// Element type.
    #[prost(int32, optional, tag = "2")]
    pub(crate) data_type: Option<i32>,
    /// Name.
    #[prost(string, tag = "8")]
    pub(crate) name: String,
    /// Little-endian data, where it is in the model's own file.
    #[prost(bytes = "vec", optional, tag = "9")]
    pub(crate) raw_data: Option<Vec<u8>>,
    /// `location`, `offset` and `length`, where the data is in another file.
    #[prost(message, repeated, tag = "13")]
    pub(crate) external_data: Vec<StringStringEntryProto>,
    /// 1 where the data is in another file.
    #[prost(int32, optional, tag = "14")]
    pub(crate) data_location: Option<i32>,
}

/// An input or an output.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ValueInfoProto {
    /// Name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Type.
    #[prost(message, optional, tag = "2")]
    pub(crate) r#type: Option<TypeProto>,
}

/// A type; only tensors are known.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TypeProto {
    /// Element type and shape.
    #[prost(message, optional, tag = "1")]
    pub(crate) tensor_type: Option<TensorTypeProto>,
}

/// A tensor's type.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorTypeProto {
    /// Element type.
    #[prost(int32, optional, tag = "1")]
    pub(crate) elem_type: Option<i32>,
    /// Shape.
    #[prost(message, optional, tag = "2")]
    pub(crate) shape: Option<TensorShapeProto>,
}

/// A tensor's shape.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorShapeProto {
    /// Dimensions.
    #[prost(message, repeated, tag = "1")]
    pub(crate) dim: Vec<DimensionProto>,
}

/// A dimension.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DimensionProto {
    /// Its size or its name.
    #[prost(oneof = "Dimension", tags = "1, 2")]
    pub(crate) value: Option<Dimension>,
}

/// A dimension's size or its name.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Dimension {
    /// A size known beforehand.
    #[prost(int64, tag = "1")]
    Size(i64),
    /// A name; equal names are equal sizes.
    #[prost(string, tag = "2")]
    Name(String),
}

impl ValueInfoProto {
    /// A tensor with the given dimensions.
    pub(crate) fn tensor(name: &str, element: ElementType, dimensions: &[Dimension]) -> Self {
        Self {
            name: name.to_owned(),
            r#type: Some(TypeProto {
                tensor_type: Some(TensorTypeProto {
                    elem_type: Some(element.number()),
                    shape: Some(TensorShapeProto {
                        dim: dimensions
                            .iter()
                            .map(|dimension| DimensionProto {
                                value: Some(dimension.clone()),
                            })
                            .collect(),
                    }),
                }),
            }),
        }
    }
}
