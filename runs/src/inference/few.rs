//! Asking a task about inputs that are at hand, as unit tests and evaluations do.

use std::collections::HashMap;
use std::sync::Arc;

use refuel_state::{BATCH, Input, NewAnswer};
use refuel_task::{Answer, InputHash, RenderedInput};

use super::counts::StageCounts;
use super::tasks::AskedTask;
use crate::connections::Session;
use crate::context::Context;
use crate::error::RunError;

/// The answers to inputs, in their order, as the model gave them: those that are known, and the model's for the others,
/// which are kept. Equal inputs are asked once. Verdicts are not looked at.
pub(crate) fn ask_few(
    context: &Context<'_>,
    lane: usize,
    asked: &AskedTask,
    inputs: &[(Input, RenderedInput)],
    session: &mut Session<'_>,
) -> Result<(Vec<Answer>, StageCounts), RunError> {
    let hashes: Vec<InputHash> = inputs.iter().map(|(_, rendered)| rendered.hash()).collect();
    let mut answers: HashMap<InputHash, Answer> = HashMap::with_capacity(hashes.len());
    for (hash, known) in hashes.iter().zip(context.state.known(asked.key, &hashes)?) {
        if let Some(answer) = known {
            answers.insert(*hash, answer);
        }
    }
    let mut counts = StageCounts {
        cached: answers.len() as u64,
        ..StageCounts::default()
    };
    let mut left: Vec<(InputHash, &Input, &RenderedInput)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (hash, (input, rendered)) in hashes.iter().zip(inputs) {
        if !answers.contains_key(hash) && seen.insert(*hash) {
            left.push((*hash, input, rendered));
        }
    }
    for window in left.chunks(BATCH) {
        let kept: Arc<Vec<(InputHash, Input)>> = Arc::new(
            window
                .iter()
                .map(|(hash, input, _)| (*hash, (*input).clone()))
                .collect(),
        );
        let keep = {
            let (state, run, key) = (Arc::clone(context.state), context.run.clone(), asked.key);
            let kept = Arc::clone(&kept);
            Box::new(move |answered: &super::Answered| {
                let new: Vec<NewAnswer<'_>> = kept
                    .iter()
                    .zip(&answered.answers)
                    .map(|((hash, input), answer)| NewAnswer {
                        hash: *hash,
                        input,
                        answer,
                    })
                    .collect();
                state.put_answers(Some(&run), key, &new, None)?;
                Ok(())
            })
        };
        let rendered = window.iter().map(|(_, _, rendered)| (*rendered).clone()).collect();
        let ticket = context.pool.ask(lane, &asked.answerer, rendered, context.cancel, keep);
        let answered = session.without_permit(|| ticket.wait())?;
        for ((hash, _), answer) in kept.iter().zip(answered.answers) {
            counts.answered(&asked.task, &answer);
            answers.insert(*hash, answer);
        }
    }
    let in_order = hashes.iter().map(|hash| {
        answers
            .get(hash)
            .cloned()
            .unwrap_or_else(|| Answer::error(asked.answerer.model(), "the input was left without an answer"))
    });
    Ok((in_order.collect(), counts))
}
