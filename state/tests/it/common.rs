//! What the tests share.

use refuel_state::{BATCH, Input, NewAnswer, NewRun, RunId, RunLock, State, TaskKey, TaskVersion};
use refuel_task::{Answer, InputHash, RenderedInput, Scored, Source, Status};
use serde_json::json;
use tempfile::TempDir;

/// A state in a folder of its own.
pub(crate) struct Fresh {
    pub(crate) folder: TempDir,
    pub(crate) state: State,
}

pub(crate) fn fresh() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path().join(refuel_state::FILE)).unwrap();
    Fresh { folder, state }
}

pub(crate) fn begin(state: &State, target: &str) -> (RunLock, RunId) {
    let lock = state.lock(target, "refuel build").unwrap();
    let new = NewRun {
        command: "build".to_owned(),
        arguments: json!({"select": ["tag:daily"]}),
        selection: "tag:daily".to_owned(),
        version: "0.1.0".to_owned(),
    };
    let run = state.begin_run(&lock, &new).unwrap();
    (lock, run)
}

pub(crate) fn version(task: &str, fingerprint: &str) -> TaskVersion {
    TaskVersion {
        task: task.to_owned(),
        fingerprint: fingerprint.to_owned(),
        model_digest: "d1".to_owned(),
        model: "tiny@d1".to_owned(),
    }
}

pub(crate) fn hash(text: &str) -> InputHash {
    RenderedInput::text(text).hash()
}

pub(crate) fn answer(value: &str, confidence: f32) -> Answer {
    Answer {
        value: value.into(),
        confidence: Some(confidence),
        raw_confidence: Some(confidence / 2.0),
        status: Status::Ok,
        reason: None,
        scores: vec![
            Scored {
                value: value.to_owned(),
                confidence,
                raw_confidence: confidence / 2.0,
                span: None,
            },
            Scored {
                value: "other".to_owned(),
                confidence: 1.0 - confidence,
                raw_confidence: 0.1,
                span: None,
            },
        ],
        model: "tiny@d1".to_owned(),
        source: Source::Model,
        input_tokens: 12,
        output_tokens: 3,
    }
}

/// Keeps one answer to a text.
pub(crate) fn keep(state: &State, key: TaskKey, text: &str, answer: &Answer) -> usize {
    let input = Input::One(text.to_owned());
    let new = NewAnswer {
        hash: hash(text),
        input: &input,
        answer,
    };
    state.put_answers(None, key, &[new], None).unwrap()
}

/// Keeps answers to `row 0`, `row 1`, ... in batches.
pub(crate) fn keep_many(state: &State, key: TaskKey, rows: std::ops::Range<u32>) {
    let answer = answer("refund", 0.75);
    let texts: Vec<Input> = rows.map(|row| Input::One(format!("row {row}"))).collect();
    for batch in texts.chunks(BATCH) {
        let new: Vec<NewAnswer<'_>> = batch
            .iter()
            .map(|input| NewAnswer {
                hash: hash(match input {
                    Input::One(text) | Input::Two(text, _) => text,
                }),
                input,
                answer: &answer,
            })
            .collect();
        state.put_answers(None, key, &new, None).unwrap();
    }
}
