//! Taggers as ONNX models.

use ndarray::Array2;
use refuel_compiler::small::{ReadGraph, SmallGraph};

use super::Tagger;
use crate::error::LearnError;
use crate::saved::Facts;

/// Key of the metadata that holds the hashes of terms, in hexadecimal, with a blank between.
const TERMS: &str = "refuel.terms";

/// Writes a tagger as an ONNX model: from `states` `[tokens, dimensions]` and `terms` `[tokens, terms]`, which are 1 where
/// a token has the term, to `scores` `[tokens, tags]`. Tags are: outside of every value, and for each field the beginning
/// of one and its inside. What tags score behind each other is the constant `transitions`, `[from, to]`.
pub fn tagger_to_onnx(tagger: &Tagger, facts: &Facts) -> Vec<u8> {
    let mut graph = SmallGraph::new("tagger");
    let tags = tagger.bias.len();
    let weights: Vec<f32> = tagger.weights.iter().copied().collect();
    let (of_states, of_terms) = weights.split_at(tagger.dimensions * tags);
    graph.input("states", tagger.dimensions);
    graph.input("terms", tagger.terms.len());
    graph.floats("states.weight", &[tagger.dimensions, tags], of_states);
    graph.floats("terms.weight", &[tagger.terms.len(), tags], of_terms);
    graph.floats("bias", &[tags], &tagger.bias);
    graph.floats("transitions", &[tags, tags], &tagger.transitions);
    graph.node("", "MatMul", &["states", "states.weight"], "of_states", &[]);
    graph.node("", "MatMul", &["terms", "terms.weight"], "of_terms", &[]);
    graph.node("", "Add", &["of_states", "of_terms"], "sum", &[]);
    graph.node("", "Add", &["sum", "bias"], "scores", &[]);
    graph.output("scores", tags);
    let terms: Vec<String> = tagger.terms.iter().map(|term| format!("{term:016x}")).collect();
    graph.metadata(TERMS, &terms.join(" "));
    facts.write(&mut graph);
    graph.to_bytes()
}

/// Reads what [`tagger_to_onnx`] wrote: the tagger itself needs no runtime.
///
/// # Errors
/// [`LearnError::Head`] for anything else, and for a tagger whose parts don't fit.
pub fn tagger_from_onnx(bytes: &[u8]) -> Result<(Tagger, Facts), LearnError> {
    let refuse = |message: &str| LearnError::Head {
        message: message.to_owned(),
    };
    let graph = ReadGraph::from_bytes(bytes).map_err(|error| refuse(&error.to_string()))?;
    let facts = Facts::read(&graph)?;
    let terms = graph
        .metadata(TERMS)
        .ok_or_else(|| refuse("it does not say what its terms are"))?
        .split_whitespace()
        .map(|term| u64::from_str_radix(term, 16))
        .collect::<Result<Vec<u64>, _>>()
        .map_err(|_| refuse("its terms are no numbers"))?;
    let unfit = || refuse("its weights are not those of its fields");
    let fields = facts.labels.len();
    let tags = 1 + 2 * fields;
    let (of_states, mut weights) = graph.floats("states.weight").ok_or_else(unfit)?;
    let (of_terms, more) = graph.floats("terms.weight").ok_or_else(unfit)?;
    let (of_bias, bias) = graph.floats("bias").ok_or_else(unfit)?;
    let (of_pairs, transitions) = graph.floats("transitions").ok_or_else(unfit)?;
    let dimensions = of_states.first().copied().unwrap_or_default();
    let fits = of_states == [dimensions, tags]
        && of_terms == [terms.len(), tags]
        && of_bias == [tags]
        && of_pairs == [tags, tags];
    if !fits {
        return Err(unfit());
    }
    weights.extend(more);
    let weights = Array2::from_shape_vec((dimensions + terms.len(), tags), weights).map_err(|_| unfit())?;
    let tagger = Tagger {
        fields,
        dimensions,
        terms,
        weights,
        bias,
        transitions,
    };
    Ok((tagger, facts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_what_lies_about_its_fields_is_refused() {
        let tagger = Tagger {
            fields: 1,
            dimensions: 2,
            terms: vec![7, u64::MAX],
            weights: Array2::from_shape_fn((4, 3), |(row, tag)| (row * 3 + tag) as f32 / 8.0),
            bias: vec![0.5, -1.0, 0.0],
            transitions: (0..9).map(|at| at as f32).collect(),
        };
        let facts = |labels: &[&str]| {
            Facts::new(
                labels.iter().map(|&label| label.to_owned()).collect(),
                "00".to_owned(),
                4,
            )
        };
        let (read, said) = tagger_from_onnx(&tagger_to_onnx(&tagger, &facts(&["city"]))).unwrap();
        assert_eq!(read, tagger);
        assert_eq!(said, facts(&["city"]));
        let lying = tagger_from_onnx(&tagger_to_onnx(&tagger, &facts(&["city", "state"])));
        assert!(matches!(lying, Err(LearnError::Head { .. })));
        assert!(tagger_from_onnx(b"\xff").is_err());
    }
}
