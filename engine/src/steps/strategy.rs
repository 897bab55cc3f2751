//! The steps of a task's strategy.

use std::sync::Arc;

use refuel_task::{Kind, Strategy, Task};

use super::Step;
use super::head::Head;
use super::rules::Rules;
use super::similar::Similar;
use crate::engine::Shared;
use crate::error::EngineError;
use crate::learned::cascade::{self, CascadeChoice};
use crate::learned::{entry_of, unfit};

/// What answers a task by its strategy, before its language model or instead of it.
///
/// # Errors
/// [`EngineError::NoHead`] and [`EngineError::NoCascade`] where what was to be trained is not; [`EngineError::HeadUnfit`].
pub(super) fn steps(task: &Task, shared: &Arc<Shared>) -> Result<Vec<Box<dyn Step>>, EngineError> {
    if task.strategy == Strategy::Cascade {
        return of_cascade(task, shared);
    }
    let mut steps: Vec<Box<dyn Step>> = Vec::new();
    if !task.label_rules.is_empty() {
        steps.push(Box::new(Rules::new(task, task.strategy == Strategy::Rules)));
    }
    match task.strategy {
        Strategy::Similar => steps.push(Box::new(Similar::new(Arc::clone(shared), task)?)),
        // The head of a task of kind `answer` judges what the model says, and comes behind it.
        Strategy::Head if task.kind == Kind::ANSWER => {}
        Strategy::Head => {
            let head = entry_of(shared, task)?;
            steps.push(Box::new(Head::new(Arc::clone(shared), task, head, None)?));
        }
        Strategy::Rules | Strategy::Model | Strategy::Cascade => {}
    }
    Ok(steps)
}

fn of_cascade(task: &Task, shared: &Arc<Shared>) -> Result<Vec<Box<dyn Step>>, EngineError> {
    let head = entry_of(shared, task)?;
    let choice = CascadeChoice::open(&head)?.ok_or_else(|| EngineError::NoCascade {
        head: head.manifest.reference(),
        task: task.name.clone(),
    })?;
    if (choice.keep - task.keep).abs() > 1e-6 {
        let what = format!("its cascade keeps {}, and the task says {}", choice.keep, task.keep);
        return Err(unfit(&head, task, what));
    }
    if choice.rules != cascade::rules_of(task) {
        return Err(unfit(&head, task, "its cascade was chosen with other rules"));
    }
    let last = choice.parts.len() - 1;
    let mut steps: Vec<Box<dyn Step>> = Vec::new();
    for (at, part) in choice.parts.iter().enumerate() {
        let threshold = part.threshold.filter(|_| at < last);
        match part.name.as_str() {
            cascade::RULES => steps.push(Box::new(Rules::new(task, at == last))),
            cascade::HEAD => {
                let head = Head::new(Arc::clone(shared), task, head.clone(), threshold)?;
                steps.push(Box::new(head));
            }
            // The language model is behind all steps.
            _ => {}
        }
    }
    Ok(steps)
}
