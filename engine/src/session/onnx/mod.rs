//! Sessions on ONNX Runtime.

mod decoder;
mod encoder;
mod environment;
mod exported;
mod load;
mod mathematics;
mod tensors;
mod writing;

pub use environment::{Device, LibraryReport, RuntimeOptions, cuda_report, find_library, library};
pub use load::{cuda_for, load};
