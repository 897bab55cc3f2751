use refuel_task::{Source, Status};

use super::*;

/// Answers texts that begin with a letter, and passes the others on in capitals.
struct Scripted {
    name: &'static str,
    begins: char,
    otherwise: bool,
}

fn answer(model: &str, value: &str) -> Answer {
    Answer {
        value: value.into(),
        confidence: Some(1.0),
        status: Status::Ok,
        reason: None,
        source: Source::Rule,
        ..Answer::error(model, "unused")
    }
}

impl Step for Scripted {
    fn digest(&self) -> String {
        self.name.to_owned()
    }

    fn ask(&self, inputs: &[&RenderedInput], _cancel: &Cancel) -> Result<Vec<Reply>, EngineError> {
        let reply = |input: &&RenderedInput| {
            if input.text.starts_with(self.begins) {
                Reply::Answered(answer(self.name, &input.text))
            } else {
                Reply::Passed {
                    input: Some(RenderedInput::text(&input.text.to_uppercase())),
                    otherwise: self.otherwise.then(|| answer(self.name, "otherwise")),
                }
            }
        };
        Ok(inputs.iter().map(reply).collect())
    }
}

fn steps() -> Vec<Box<dyn Step>> {
    vec![
        Box::new(Scripted {
            name: "first@1",
            begins: 'a',
            otherwise: true,
        }),
        Box::new(Scripted {
            name: "second@1",
            begins: 'B',
            otherwise: false,
        }),
    ]
}

fn told(texts: &[&str]) -> Vec<String> {
    let inputs: Vec<RenderedInput> = texts.iter().map(|text| RenderedInput::text(text)).collect();
    let inputs: Vec<&RenderedInput> = inputs.iter().collect();
    let outcomes = run(&steps(), &inputs, &Cancel::new()).unwrap();
    let told = outcomes.into_iter().map(|outcome| match outcome {
        Outcome::Answered(answer) => format!("{} by {}", answer.value, answer.model),
        Outcome::Left {
            given,
            changed,
            otherwise,
        } => format!(
            "{} left as {}, or {}",
            given.text,
            changed.unwrap().text,
            otherwise.unwrap().model
        ),
    });
    told.collect()
}

#[test]
fn what_a_step_leaves_goes_on_to_the_next_as_it_was_passed() {
    assert_eq!(
        told(&["xyz", "apple", "bread"]),
        [
            "xyz left as XYZ, or first@1",
            "\"apple\" by first@1",
            "\"BREAD\" by second@1"
        ]
    );
}

#[test]
fn the_versions_of_steps_are_part_of_what_identifies_answers() {
    assert_eq!(digest(&steps(), Some("sha256:ab")), "first@1+second@1+sha256:ab");
    assert_eq!(digest(&steps(), None), "first@1+second@1");
    assert_eq!(
        digest(&[], Some("sha256:ab")),
        "sha256:ab",
        "of a model alone, its digest"
    );
}

#[test]
fn steps_are_not_asked_once_the_work_is_cancelled() {
    let cancel = Cancel::new();
    cancel.cancel();
    let input = RenderedInput::text("apple");
    assert!(matches!(run(&steps(), &[&input], &cancel), Err(EngineError::Cancelled)));
}
