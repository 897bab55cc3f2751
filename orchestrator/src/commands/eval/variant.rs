//! `--compare KEY=A,B`: one task in several variants.

use refuel_task::{Calibration, Confidence, Selection, Task, Truncate};

use crate::error::CliError;
use crate::words;

/// The settings that can be compared, with values that make sense.
const SETTINGS: [(&str, &str); 7] = [
    ("calibration", "on,off"),
    ("model", "NAME,NAME"),
    ("examples", "none,fixed,similar,diverse"),
    ("truncate", "head,tail,middle,error"),
    ("threshold", "none,0.5,0.8"),
    ("confidence", "normalized,raw"),
    ("calibrated", "on,off"),
];

/// A task as it is run once.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    /// The value of the setting; empty where nothing is compared.
    pub(crate) name: String,
    /// The task.
    pub(crate) task: Task,
    /// The model, where it isn't the task's.
    pub(crate) model: Option<String>,
}

/// The variants that `asked` names, in its order; the task as it is where nothing is asked.
pub(crate) fn variants(task: &Task, model: Option<&str>, asked: Option<&str>) -> Result<Vec<Variant>, CliError> {
    let plain = Variant {
        name: String::new(),
        task: task.clone(),
        model: model.map(ToOwned::to_owned),
    };
    let Some(asked) = asked else { return Ok(vec![plain]) };
    let wrong = |what: String, hint: String| CliError::Comparison {
        asked: asked.to_owned(),
        what,
        hint,
    };
    let shape = || {
        let examples: Vec<String> = SETTINGS.iter().map(|(key, values)| format!("{key}={values}")).collect();
        format!("write one of {}", examples.join(", "))
    };
    let (key, values) = asked
        .split_once('=')
        .ok_or_else(|| wrong("it is not KEY=A,B".to_owned(), shape()))?;
    let key = key.trim().to_lowercase();
    let values: Vec<&str> = values
        .split(',')
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .collect();
    if values.len() < 2 {
        return Err(wrong("two values or more are needed".to_owned(), shape()));
    }
    if let Some((at, value)) = values
        .iter()
        .enumerate()
        .find(|(at, value)| values[..*at].contains(value))
    {
        return Err(wrong(
            format!("`{value}` is there twice"),
            format!("take out value {}", at + 1),
        ));
    }
    values
        .into_iter()
        .map(|value| {
            let mut variant = Variant {
                name: value.to_owned(),
                ..plain.clone()
            };
            apply(&mut variant, &key, value).map_err(|fault| match fault {
                Fault::Key => {
                    let hint = match words::nearest(&key, SETTINGS.iter().map(|(key, _)| *key)) {
                        Some(nearest) => format!("did you mean `{nearest}`?"),
                        None => shape(),
                    };
                    wrong(format!("`{key}` is no setting that can be compared"), hint)
                }
                Fault::Value(hint) => wrong(format!("`{value}` is no value of `{key}`"), hint),
                Fault::NoExamples => wrong(
                    "the task has no examples".to_owned(),
                    "give it some under `examples`; `refuel man task` says how".to_owned(),
                ),
            })?;
            Ok(variant)
        })
        .collect()
}

enum Fault {
    Key,
    Value(String),
    NoExamples,
}

fn apply(variant: &mut Variant, key: &str, value: &str) -> Result<(), Fault> {
    let known = SETTINGS.iter().find(|(there, _)| *there == key).ok_or(Fault::Key)?;
    let unknown = || Fault::Value(format!("its values are {}", known.1));
    let task = &mut variant.task;
    match key {
        "calibration" => {
            task.calibration = match value {
                "on" | "contextual" => Calibration::Contextual,
                "off" | "none" => Calibration::None,
                _ => return Err(unknown()),
            }
        }
        "model" => variant.model = Some(value.to_owned()),
        "examples" => {
            let select = match value {
                "none" => None,
                word => Some(Selection::named(word).ok_or_else(unknown)?),
            };
            match select {
                None => task.examples = None,
                Some(select) => task.examples.as_mut().ok_or(Fault::NoExamples)?.select = select,
            }
        }
        "calibrated" => match value {
            "on" => {}
            // A threshold that was chosen is one of calibrated confidence.
            "off" if task.target_precision.is_some() => *task = task.ungated(),
            "off" => task.calibrated = None,
            _ => return Err(unknown()),
        },
        "truncate" => {
            task.truncate = match value {
                "head" => Truncate::Head,
                "tail" => Truncate::Tail,
                "middle" => Truncate::Middle,
                "error" => Truncate::Error,
                _ => return Err(unknown()),
            }
        }
        "threshold" => {
            task.threshold = match value {
                "none" => None,
                number => {
                    let number: f32 = number.parse().map_err(|_| unknown())?;
                    if !(0.0..=1.0).contains(&number) {
                        return Err(Fault::Value("a threshold is from 0 to 1".to_owned()));
                    }
                    Some(number)
                }
            }
        }
        _ => {
            task.confidence = match value {
                "normalized" => Confidence::Normalized,
                "raw" => Confidence::Raw,
                _ => return Err(unknown()),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn task(more: &str) -> Task {
        let text = format!("name: t\nkind: label\nguidelines: Say it.\nlabels: [a, b]\ninput: text\n{more}");
        Task::from_yaml(&text, "t.yml", Path::new(".")).unwrap()
    }

    #[test]
    fn each_value_makes_a_variant_in_the_order_asked() {
        let made = variants(&task(""), Some("m"), Some("calibration=on, off")).unwrap();
        assert_eq!([&*made[0].name, &*made[1].name], ["on", "off"]);
        assert_eq!(made[0].task.calibration, Calibration::Contextual);
        assert_eq!(made[1].task.calibration, Calibration::None);
        assert!(made.iter().all(|variant| variant.model.as_deref() == Some("m")));
        let made = variants(&task(""), None, Some("model=x,y@012345")).unwrap();
        assert_eq!(made[1].model.as_deref(), Some("y@012345"));
        let made = variants(&task(""), None, Some("threshold=none,0.5")).unwrap();
        assert_eq!([made[0].task.threshold, made[1].task.threshold], [None, Some(0.5)]);
        let made = variants(
            &task("examples:\n- {input: x, label: a}\n"),
            None,
            Some("examples=none,fixed"),
        )
        .unwrap();
        assert!(made[0].task.examples.is_none() && made[1].task.examples.is_some());
        assert_eq!(variants(&task(""), None, None).unwrap().len(), 1);
    }

    #[test]
    fn what_can_not_be_compared_is_said() {
        let said = |asked: &str| {
            let error = variants(&task(""), None, Some(asked)).unwrap_err();
            format!("{error}; {}", error.hint().unwrap())
        };
        insta::assert_snapshot!(said("calibration"), @"can't compare `calibration`: it is not KEY=A,B; write one of calibration=on,off, model=NAME,NAME, examples=none,fixed,similar,diverse, truncate=head,tail,middle,error, threshold=none,0.5,0.8, confidence=normalized,raw, calibrated=on,off");
        insta::assert_snapshot!(said("calibraton=on,off"), @"can't compare `calibraton=on,off`: `calibraton` is no setting that can be compared; did you mean `calibration`?");
        insta::assert_snapshot!(said("truncate=head,foot"), @"can't compare `truncate=head,foot`: `foot` is no value of `truncate`; its values are head,tail,middle,error");
        insta::assert_snapshot!(said("threshold=0.5,2"), @"can't compare `threshold=0.5,2`: `2` is no value of `threshold`; a threshold is from 0 to 1");
        insta::assert_snapshot!(said("examples=fixed,none"), @"can't compare `examples=fixed,none`: the task has no examples; give it some under `examples`; `refuel man task` says how");
        insta::assert_snapshot!(said("model=a,a"), @"can't compare `model=a,a`: `a` is there twice; take out value 2");
    }
}
