//! The ONNX format: its messages, a builder of graphs, and the file beside it that holds the weights.

pub(crate) mod external;
pub(crate) mod graph;
pub(crate) mod messages;
pub(crate) mod outline;
