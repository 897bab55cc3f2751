//! What is said.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::relation::{Relate, Row};
use super::report::{Report, ReportKind};

/// From a client to the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToHost {
    /// Who asks; the first message. The reply is [`ToClient::Welcome`], or [`ToClient::Failed`] and the end.
    Hello(Hello),
    /// Settles a task under a number that the client chooses. A number that is in use is settled anew. The reply is
    /// [`ToClient::Prepared`], or [`ToClient::Failed`] with [`Failure::task`].
    Prepare {
        /// The client's number for the task.
        task: u32,
        /// The task.
        spec: TaskSpec,
    },
    /// Inputs to be answered. The replies are any number of [`ToClient::Answers`], then [`ToClient::Done`] or
    /// [`ToClient::Failed`].
    Ask(Ask),
    /// Drops what is left of a request. There is no reply; replies that were under way may still come.
    Cancel {
        /// Its number.
        request: u64,
    },
    /// What the host is and does. The reply is [`ToClient::Report`].
    Report(ReportKind),
    /// Whole relations, for a task of kind `resolve` or `repair`. The replies are any number of [`ToClient::Rows`], then
    /// [`ToClient::Done`] or [`ToClient::Failed`].
    Relate(Relate),
}

/// From the host to a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToClient {
    /// The client may go on.
    Welcome(Welcome),
    /// A task is settled.
    Prepared {
        /// The client's number for the task.
        task: u32,
        /// What it is.
        prepared: Prepared,
    },
    /// Answers, in any order.
    Answers {
        /// The request.
        request: u64,
        /// Each with the number of its input.
        answers: Vec<(u64, Answer)>,
    },
    /// Every input of a request was answered.
    Done {
        /// The request.
        request: u64,
        /// What it took.
        work: Work,
    },
    /// A request, or the connection, failed.
    Failed(Failure),
    /// What the host is and does.
    Report(Report),
    /// Rows of what came of whole relations, in their order.
    Rows {
        /// The request.
        request: u64,
        /// Values as texts, one for each of [`RESOLVED`](super::RESOLVED) or [`REPAIRED`](super::REPAIRED), by the task's kind.
        rows: Vec<Row>,
        /// What a person should hear of the result.
        notes: Vec<String>,
    },
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hello {
    /// What program: `postgres`, `refuel`.
    pub program: String,
    /// The database, where there is one.
    pub database: String,
    /// The database's role, whose usage it counts as; fairness is between roles' connections.
    pub role: String,
    /// The process.
    pub pid: u32,
    /// The token that a host on TCP asks for.
    pub token: Option<String>,
}

/// The client may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The host's process.
    pub pid: u32,
    /// Most bytes of inputs that a client should have under way.
    pub window_bytes: u64,
}

/// A task, and the model that it is asked of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaskSpec {
    /// Its name, for reports: `ticket_topic@2`.
    pub name: String,
    /// A task file's content in JSON.
    pub json: String,
    /// A model that is asked instead of the task's own.
    pub model: Option<String>,
}

/// A task that is settled.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Prepared {
    /// Hash of everything in it that can change an answer.
    pub fingerprint: String,
    /// `name@digest` of the model.
    pub model: String,
    /// Its kind.
    pub kind: String,
}

/// Inputs to be answered by one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The client's number for the request.
    pub request: u64,
    /// The task's number, from [`ToHost::Prepare`].
    pub task: u32,
    /// Whether answers come with the scores of the other candidates.
    pub detail: bool,
    /// Inputs, each with a number that its answer will have.
    pub inputs: Vec<(u64, Input)>,
}

/// What a task is applied to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Input {
    /// One text, for tasks that read one column.
    Text(String),
    /// Two texts that are compared.
    Pair(String, String),
    /// A row: a JSON object of column names and values.
    Record(String),
}

impl Input {
    /// Bytes of text.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Record(text) => text.len(),
            Self::Pair(a, b) => a.len() + b.len(),
        }
    }
}

/// The value of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// There is none.
    Null,
    /// A label, a text.
    Text(String),
    /// A match, or not.
    Bool(bool),
    /// Labels.
    Texts(Vec<String>),
    /// A vector.
    Vector(Vec<f32>),
    /// Anything else, in JSON.
    Json(String),
}

/// Whether an answer can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    /// There is a value.
    Ok,
    /// Below the task's threshold.
    Abstained,
    /// There is no answer; the reason says why.
    Error,
}

impl Status {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Abstained => "abstained",
            Self::Error => "error",
        }
    }
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    /// A model invocation made for this input.
    Model,
    /// An earlier invocation, kept in the cache.
    Cache,
    /// The same input beside it.
    Duplicate,
    /// A rule.
    Rule,
    /// A person's verdict.
    Human,
    /// The labels of the examples that are most alike.
    Similar,
    /// A trained head.
    Head,
}

impl Source {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Cache => "cache",
            Self::Duplicate => "duplicate",
            Self::Rule => "rule",
            Self::Human => "human",
            Self::Similar => "similar",
            Self::Head => "head",
        }
    }
}

/// A candidate, or a field of a record, with its probabilities, in `[0, 1]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The candidate, or the field's path.
    pub value: String,
    /// Normalized over what could have been answered.
    pub confidence: f32,
    /// Geometric mean of its tokens' probabilities.
    pub raw_confidence: f32,
    /// Where it stands in the input, for what was read out of it: its first character and the one behind its last.
    pub span: Option<[u32; 2]>,
}

/// One task applied to one input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The value.
    pub value: Value,
    /// In `[0, 1]`; none where the kind has none.
    pub confidence: Option<f32>,
    /// In `[0, 1]`; none where the kind has none.
    pub raw_confidence: Option<f32>,
    /// Whether it can be used.
    pub status: Status,
    /// Why it can't, or what was done to the input.
    pub reason: Option<String>,
    /// Candidates, best first, or the fields of a record; empty unless [`Ask::detail`].
    pub scores: Vec<Scored>,
    /// Where it came from.
    pub source: Source,
}

/// What a request took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Work {
    /// Inputs whose answers were there already.
    pub cached: u64,
    /// Runs that at least one of the inputs was part of.
    pub batches: u64,
    /// Tokens of the inputs that a model read, shared prefixes apart.
    pub input_tokens: u64,
    /// Tokens that were scored or generated.
    pub output_tokens: u64,
    /// From the request's arrival to its last answer, in microseconds.
    pub elapsed_us: u64,
    /// Of these, the time that it waited for others, in microseconds.
    pub waited_us: u64,
}

/// The work of requests together. They overlap: counts add up, and of times the longest counts.
impl AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.cached += other.cached;
        self.batches += other.batches;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.elapsed_us = self.elapsed_us.max(other.elapsed_us);
        self.waited_us = self.waited_us.max(other.waited_us);
    }
}

/// Code of a [`Failure`] that says that the host is about to end, so that its successor should be asked instead.
pub const STOPPING: &str = "RF0812";

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The request that failed.
    pub request: Option<u64>,
    /// The task whose [`ToHost::Prepare`] failed.
    pub task: Option<u32>,
    /// A stable code, such as `RF0501`.
    pub code: String,
    /// What was wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Whether the request itself was wrong, so that asking again is in vain.
    pub wrong_request: bool,
}
