//! Rows that people decided on in `refuel review`.

use std::path::Path;

use refuel_project::Project;
use refuel_state::{ReviewedExample, State, as_record};
use refuel_task::Task;

use super::cases::Cases;
use crate::commands::review::ReviewError;
use crate::error::Failure;

/// The verdicts on a task in the state of the project that its file is in, with the tasks that will be asked.
///
/// # Errors
/// Where the file is in no project, or nobody has decided on anything.
pub(crate) fn cases(task_file: &Path, variants: &[&Task], limit: Option<u64>) -> Result<Cases, Failure> {
    let name = &variants[0].name;
    let folder = task_file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let root = Project::find(folder.unwrap_or(Path::new(".")))?;
    let examples = match State::open_if_there(root.join(refuel_state::FILE))? {
        Some(state) => state.reviews_as_examples(name)?,
        None => Vec::new(),
    };
    if examples.is_empty() {
        return Err(ReviewError::NoExamples { task: name.clone() }.into());
    }
    Ok(of(&examples, variants, limit))
}

/// The rows that verdicts are for the tasks that will be asked. Those on what the task does not read any more are left
/// out.
pub(super) fn of(examples: &[ReviewedExample], variants: &[&Task], limit: Option<u64>) -> Cases {
    let task = variants[0];
    let most = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut cases = Cases::default();
    for (number, example) in examples.iter().take(most).enumerate() {
        match as_record(&example.input, task) {
            Ok(record) => cases.add(
                format!("verdict {}", number + 1),
                &example.answer,
                || task.render_input(&record).map_err(|error| error.to_string()),
                Vec::new,
                variants,
            ),
            Err(reason) => cases.leave_out(&example.answer, reason),
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use refuel_state::Input;
    use serde_json::json;

    use super::*;

    #[test]
    fn verdicts_are_rows_and_those_on_something_else_are_left_out() {
        let yaml = "{kind: label, guidelines: Topic?, labels: [refund, {name: delivery, aliases: [late]}], input: body,
                     examples: [{input: shown, label: refund}]}";
        let task = Task::from_yaml(yaml, "topic.yml", Path::new(".")).unwrap();
        let example = |input: Input, answer: &str| ReviewedExample {
            input,
            answer: answer.into(),
        };
        let one = |text: &str| Input::One(text.to_owned());
        let examples = [
            example(one("money back"), "refund"),
            example(one("where is it"), "late"),
            example(one("shown"), "refund"),
            example(one("a label that is gone"), "complaint"),
            example(Input::Two("a".to_owned(), "b".to_owned()), "refund"),
            example(one("beyond the limit"), "refund"),
        ];
        let cases = of(&examples, &[&task], Some(5));
        let rows: Vec<(&str, &serde_json::Value)> = (cases.rows.iter())
            .map(|case| (case.input.as_ref().unwrap().text.as_str(), &case.expected))
            .collect();
        assert_eq!(
            rows,
            [("money back", &json!("refund")), ("where is it", &json!("delivery"))]
        );
        assert_eq!((cases.shown_rows, cases.unusable_rows), (1, 2));
        assert_eq!(cases.rows[1].place, "verdict 2");
    }
}
