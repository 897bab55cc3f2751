//! What a caller chooses, and what it hears while it waits.

use crate::description::{Role, WeightFormat};

/// What a caller chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileOptions {
    /// How weights are stored and multiplied.
    pub weights: WeightFormat,
    /// Rotate the residual stream before weights become integers, where the architecture allows it. Off only to measure
    /// what it brings.
    pub rotate: bool,
}

impl CompileOptions {
    /// Weights in the given format.
    pub fn new(weights: WeightFormat) -> Self {
        Self { weights, rotate: true }
    }

    /// What measures best on processors: `int8` for decoders, whose time goes into large products; `f32` for encoders,
    /// which are small.
    pub fn default_for(role: Role) -> Self {
        Self::new(match role {
            Role::Decoder => WeightFormat::Int8,
            Role::Encoder | Role::Classifier | Role::Head => WeightFormat::F32,
        })
    }
}

/// How far a compilation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Parameters written.
    pub done: u64,
    /// Parameters there are.
    pub total: u64,
}
