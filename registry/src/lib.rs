//! The registry: models on this machine, pinned by digest, and the catalog of those that can be had.

mod add;
mod catalog;
mod checkpoint;
mod download;
mod error;
mod event;
mod hash;
mod import;
mod lock;
mod manifest;
mod name;
mod pull;
mod registry;
mod source;
mod staging;

pub use add::Made;
pub use catalog::{Catalog, CatalogModel, Place, Wheel};
pub use download::Servers;
pub use error::RegistryError;
pub use event::{Event, Listener, Step};
pub use import::ImportOptions;
pub use manifest::{Manifest, ModelEntry, ModelFile, Origin};
pub use pull::{PullOptions, Pulled};
pub use registry::{Difference, Problem, Registry, Removable};

/// The word for a weight format on the command line: `int4`, `int8`, `f16`, `f32`.
pub fn weights_name(weights: refuel_compiler::WeightFormat) -> &'static str {
    use refuel_compiler::WeightFormat;
    match weights {
        WeightFormat::Int4 => "int4",
        WeightFormat::Int8 => "int8",
        WeightFormat::F16 => "f16",
        WeightFormat::F32 => "f32",
    }
}
