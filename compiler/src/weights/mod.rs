//! From a checkpoint's weights to the bytes that a graph holds: read in blocks of rows, turned, quantized, written.

pub(crate) mod matrix;
pub(crate) mod quantize;
pub(crate) mod rotation;
