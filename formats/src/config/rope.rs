//! Rotary embeddings in `config.json`: `rope_theta` with `rope_scaling` up to version 4 of `transformers`,
//! `rope_parameters` (one object, or one for each type of layer) from version 5 on.

use super::fields::Fields;
use super::huggingface::unsupported;
use super::limits::MOST_CONTEXT;
use super::{Rope, RopeScaling};
use crate::error::FormatError;

/// Bases where the file gives none.
#[derive(Clone, Copy)]
pub(super) struct RopeDefaults {
    pub(super) theta: f32,
    /// For families whose layers with a sliding window have a base of their own.
    pub(super) local_theta: Option<f32>,
}

pub(super) fn read_rope(fields: &Fields, defaults: RopeDefaults) -> Result<Rope, FormatError> {
    let theta = fields.positive("rope_theta")?.unwrap_or(defaults.theta);
    let local_theta = match defaults.local_theta {
        Some(local) => Some(fields.positive("rope_local_base_freq")?.unwrap_or(local)),
        None => None,
    };
    let Some(parameters) = fields.object("rope_parameters")? else {
        let scaling = match fields.object("rope_scaling")? {
            Some(scaling) => read_scaling(&scaling)?,
            None => RopeScaling::None,
        };
        return Ok(Rope {
            theta,
            local_theta,
            scaling,
        });
    };

    let full = parameters.object("full_attention")?;
    let sliding = parameters.object("sliding_attention")?;
    if full.is_none() && sliding.is_none() {
        let theta = parameters.positive("rope_theta")?.unwrap_or(theta);
        return Ok(Rope {
            theta,
            local_theta,
            scaling: read_scaling(&parameters)?,
        });
    }
    let mut rope = Rope {
        theta,
        local_theta,
        scaling: RopeScaling::None,
    };
    if let Some(full) = full {
        rope.theta = full.positive("rope_theta")?.unwrap_or(theta);
        rope.scaling = read_scaling(&full)?;
    }
    if let Some(sliding) = sliding {
        if read_scaling(&sliding)? != RopeScaling::None {
            return Err(unsupported(
                "rotary scaling in layers with a sliding window",
                "scaling in layers of full attention can be compiled",
            ));
        }
        rope.local_theta = sliding.positive("rope_theta")?.or(local_theta);
    }
    Ok(rope)
}

fn read_scaling(fields: &Fields) -> Result<RopeScaling, FormatError> {
    let kind = match fields.text("rope_type")? {
        Some(kind) => Some(kind),
        None => fields.text("type")?,
    };
    match kind {
        None | Some("default") => Ok(RopeScaling::None),
        Some("linear") => Ok(RopeScaling::Linear {
            factor: fields.required_positive("factor")?,
        }),
        Some("llama3") => Ok(RopeScaling::Llama3 {
            factor: fields.required_positive("factor")?,
            low_frequency_factor: fields.required_positive("low_freq_factor")?,
            high_frequency_factor: fields.required_positive("high_freq_factor")?,
            original_context_length: fields.required_count("original_max_position_embeddings", MOST_CONTEXT)?,
        }),
        Some(other) => Err(unsupported(
            format!("rotary scaling of type {other}"),
            "the types default, linear and llama3 can be compiled",
        )),
    }
}
