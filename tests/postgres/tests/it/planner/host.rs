//! A host without models: what it answers is a pure function of task and input, and it keeps what it was sent.

use std::collections::VecDeque;
use std::fs::{self, Permissions};
use std::hash::{Hash, Hasher};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use refuel_client::wire::{
    Answer, Ask, Failure, Input, PREAMBLE_BYTES, Preamble, Prepared, Scored, Source, Status, TaskSpec, ToClient,
    ToHost, Value, Welcome, Work, decode, encode, take_frame,
};

/// Labels that a text may be given.
pub(super) const LABELS: [&str; 3] = ["a", "b", "c"];
/// A text that begins so can't be answered.
pub(super) const WRONG: &str = "wrong";
/// A text that begins so has no answer that is sure enough.
pub(super) const UNSURE: &str = "unsure";

/// What happens to a request instead of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// It is answered.
    Answered,
    /// It fails, and would again.
    Refused,
    /// The connection ends after half of the answers.
    Lost,
    /// There is no reply.
    Silent,
}

/// What was sent to the host.
#[derive(Debug, Default, Clone)]
pub(super) struct Sent {
    /// Each input with its task, in the order in which they came.
    pub(super) inputs: Vec<(String, Input)>,
    /// Inputs in each request.
    pub(super) requests: Vec<usize>,
}

impl Sent {
    /// Texts that were sent, sorted.
    pub(super) fn texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = self.inputs.iter().map(|(_, input)| text(input)).collect();
        texts.sort();
        texts
    }
}

#[derive(Debug, Default)]
struct Shared {
    sent: Sent,
    fates: VecDeque<Fate>,
}

/// The host. It listens until the test's process ends.
#[derive(Debug, Clone)]
pub(super) struct ScriptedHost {
    shared: Arc<Mutex<Shared>>,
}

impl ScriptedHost {
    /// Listens at a path.
    pub(super) fn listen(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        // The server's account is another one than the test's.
        fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
        let host = Self { shared: Arc::default() };
        let serving = host.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let host = serving.clone();
                thread::spawn(move || Peer::new(stream.unwrap(), host).serve());
            }
        });
        host
    }

    /// What was sent since the last time.
    pub(super) fn sent(&self) -> Sent {
        std::mem::take(&mut self.lock().sent)
    }

    /// What happens to the next requests; those behind them are answered.
    pub(super) fn next(&self, fates: &[Fate]) {
        self.lock().fates = fates.iter().copied().collect();
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection.
struct Peer {
    stream: UnixStream,
    bytes: Vec<u8>,
    host: ScriptedHost,
    tasks: Vec<(u32, TaskSpec)>,
}

impl Peer {
    fn new(stream: UnixStream, host: ScriptedHost) -> Self {
        Self {
            stream,
            bytes: Vec::new(),
            host,
            tasks: Vec::new(),
        }
    }

    fn hear(&mut self) -> Option<ToHost> {
        loop {
            if let Some((body, bytes)) = take_frame(&self.bytes).unwrap() {
                let message = decode(body).unwrap();
                self.bytes.drain(..bytes);
                return Some(message);
            }
            let mut part = vec![0; 1 << 20];
            match self.stream.read(&mut part) {
                Ok(0) | Err(_) => return None,
                Ok(bytes) => self.bytes.extend_from_slice(&part[..bytes]),
            }
        }
    }

    /// Says something. A client that has gone is noticed by [`Self::hear`].
    fn say(&mut self, message: &ToClient) {
        let mut bytes = Vec::new();
        encode(message, &mut bytes).unwrap();
        let _ = self.stream.write_all(&bytes);
    }

    fn serve(mut self) {
        let _ = self.stream.write_all(&Preamble::own().to_bytes());
        let mut preamble = [0; PREAMBLE_BYTES];
        if self.stream.read_exact(&mut preamble).is_err() {
            return;
        }
        while let Some(message) = self.hear() {
            match message {
                ToHost::Hello(_) => self.say(&ToClient::Welcome(Welcome {
                    pid: std::process::id(),
                    window_bytes: 8 << 20,
                })),
                ToHost::Prepare { task, spec } => {
                    let prepared = Prepared {
                        fingerprint: spec.json.clone(),
                        model: "scripted@1".to_owned(),
                        kind: kind(&spec),
                    };
                    self.tasks.retain(|(number, _)| *number != task);
                    self.tasks.push((task, spec));
                    self.say(&ToClient::Prepared { task, prepared });
                }
                ToHost::Ask(ask) => {
                    if !self.answer(&ask) {
                        return;
                    }
                }
                ToHost::Cancel { .. } | ToHost::Report(_) | ToHost::Relate(_) => {}
            }
        }
    }

    /// Answers a request; false where the connection is to end.
    fn answer(&mut self, ask: &Ask) -> bool {
        let (_, spec) = self.tasks.iter().find(|(number, _)| *number == ask.task).unwrap();
        let (name, kind) = (spec.name.clone(), kind(spec));
        let fate = {
            let mut shared = self.host.lock();
            let inputs = ask.inputs.iter().map(|(_, input)| (name.clone(), input.clone()));
            shared.sent.inputs.extend(inputs);
            shared.sent.requests.push(ask.inputs.len());
            shared.fates.pop_front().unwrap_or(Fate::Answered)
        };
        let request = ask.request;
        // Answers name their input, so their order means nothing; this host gives them the other way round.
        let mut answers: Vec<(u64, Answer)> = ask
            .inputs
            .iter()
            .rev()
            .map(|(number, input)| (*number, answer(&name, &kind, input)))
            .collect();
        match fate {
            Fate::Answered => {
                self.say(&ToClient::Answers { request, answers });
                let work = Work {
                    batches: 1,
                    input_tokens: ask.inputs.len() as u64,
                    ..Work::default()
                };
                self.say(&ToClient::Done { request, work });
                true
            }
            Fate::Refused => {
                self.say(&ToClient::Failed(Failure {
                    request: Some(request),
                    task: None,
                    code: "RF0501".to_owned(),
                    message: "the script refuses the request".to_owned(),
                    hint: None,
                    wrong_request: true,
                }));
                true
            }
            Fate::Lost => {
                answers.truncate(answers.len() / 2);
                self.say(&ToClient::Answers { request, answers });
                false
            }
            Fate::Silent => {
                // Until the client goes.
                while self.hear().is_some() {}
                thread::sleep(Duration::from_millis(1));
                false
            }
        }
    }
}

fn kind(spec: &TaskSpec) -> String {
    let task: serde_json::Value = serde_json::from_str(&spec.json).unwrap();
    task["kind"].as_str().unwrap_or("label").to_owned()
}

/// The text of an input; two texts with a line between them.
fn text(input: &Input) -> String {
    match input {
        Input::Text(text) | Input::Record(text) => text.clone(),
        Input::Pair(a, b) => format!("{a}|{b}"),
    }
}

/// The answer to an input.
fn answer(task: &str, kind: &str, input: &Input) -> Answer {
    let text = text(input);
    let mut hasher = std::hash::DefaultHasher::new();
    (task, &text).hash(&mut hasher);
    let number = hasher.finish();
    let confidence = (number % 97) as f32 / 97.0;
    let label = LABELS[number as usize % LABELS.len()];
    let value = match kind {
        "multilabel" => Value::Texts(LABELS[..number as usize % 3].iter().map(|&it| it.to_owned()).collect()),
        "match" => Value::Bool(number.is_multiple_of(2)),
        "embed" => Value::Vector(vec![confidence, 1.0 - confidence]),
        "complete" => Value::Text(format!("{text}: {label}")),
        _ => Value::Text(label.to_owned()),
    };
    let (value, status, reason) = if text.starts_with(WRONG) {
        (
            Value::Null,
            Status::Error,
            Some(format!("the script has no answer to {text:?}")),
        )
    } else if text.starts_with(UNSURE) {
        (Value::Null, Status::Abstained, Some("below the threshold".to_owned()))
    } else {
        (value, Status::Ok, None)
    };
    let answered = status != Status::Error;
    Answer {
        value,
        confidence: answered.then_some(confidence),
        raw_confidence: answered.then_some(confidence),
        status,
        reason,
        scores: vec![Scored {
            value: label.to_owned(),
            confidence,
            raw_confidence: confidence,
            span: None,
        }],
        source: Source::Model,
    }
}
