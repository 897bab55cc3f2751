//! One name for each tensor, whichever class of `transformers` wrote the checkpoint.

use crate::config::Family;

/// Parts of multimodal checkpoints that aren't the text model.
const OTHER_PARTS: [&str; 4] = [
    "vision_tower.",
    "multi_modal_projector.",
    "model.vision_tower.",
    "model.multi_modal_projector.",
];

/// The tensor's name in the form that [`WeightSource`](crate::WeightSource) promises. None for what is no weight of the
/// text model: other modalities, and tables that are computed from the configuration.
pub(super) fn canonical_name(raw: &str, family: Family) -> Option<String> {
    if raw.ends_with("rotary_emb.inv_freq") || raw.ends_with("embeddings.position_ids") {
        return None;
    }
    if family == Family::Bert {
        let name = raw.strip_prefix("bert.").unwrap_or(raw);
        // Checkpoints converted from TensorFlow call the parameters of their norms gamma and beta.
        return Some(match name.rsplit_once(".LayerNorm.") {
            Some((layer, "gamma")) => format!("{layer}.LayerNorm.weight"),
            Some((layer, "beta")) => format!("{layer}.LayerNorm.bias"),
            _ => name.to_owned(),
        });
    }
    if OTHER_PARTS.iter().any(|part| raw.starts_with(part)) {
        return None;
    }
    // `language_model.model.` up to version 4.51 of `transformers`, `model.language_model.` since.
    Some(if let Some(rest) = raw.strip_prefix("model.language_model.") {
        format!("model.{rest}")
    } else {
        raw.strip_prefix("language_model.").unwrap_or(raw).to_owned()
    })
}
