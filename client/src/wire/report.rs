//! What a host tells of itself. Times are in milliseconds since 1970-01-01 UTC, sizes in bytes.

use serde::{Deserialize, Serialize};

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReportKind {
    /// The process itself.
    Host,
    /// The models of the registry.
    Models,
    /// What is under way.
    Activity,
    /// What was answered.
    Usage,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Report {
    /// The process itself.
    Host(HostReport),
    /// The models of the registry, by name.
    Models(Vec<ModelReport>),
    /// What is under way, the oldest first.
    Activity(Vec<Activity>),
    /// What was answered.
    Usage(Vec<UsageReport>),
}

/// The process itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostReport {
    /// Its process number.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// When it was started.
    pub started_ms: i64,
    /// Connections.
    pub clients: u64,
    /// Inputs that wait for a model.
    pub queued: u64,
    /// Bytes of these.
    pub queued_bytes: u64,
    /// Resident memory of the process.
    pub resident_bytes: u64,
    /// Memory that models may take.
    pub budget_bytes: u64,
    /// Memory that the loaded ones are counted with.
    pub models_bytes: u64,
    /// Bytes of kept answers on disk.
    pub cache_bytes: u64,
    /// What went wrong without stopping anything.
    pub warnings: Vec<String>,
}

/// A model of the registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelReport {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub digest: String,
    /// What it can do: `decoder`, `encoder`, `classifier`.
    pub role: String,
    /// Its licence.
    pub license: Option<String>,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// Whether it is loaded.
    pub loaded: bool,
    /// Where it runs, where it is loaded: `cpu`, `cuda`.
    pub device: Option<String>,
    /// Memory that it is counted with, where it is loaded.
    pub memory_bytes: u64,
    /// When it was last used.
    pub used_ms: Option<i64>,
}

/// A request under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// The client's process.
    pub pid: u32,
    /// The client's program.
    pub program: String,
    /// The client's database.
    pub database: String,
    /// The client's role.
    pub role: String,
    /// The task's name.
    pub task: String,
    /// `name@digest` of the model.
    pub model: String,
    /// Inputs of the request.
    pub inputs: u64,
    /// Of these, those that are answered.
    pub answered: u64,
    /// When the request came.
    pub started_ms: i64,
}

/// What was answered, by database, role, task and model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageReport {
    /// The database.
    pub database: String,
    /// The role.
    pub role: String,
    /// The task's name.
    pub task: String,
    /// `name@digest` of the model.
    pub model: String,
    /// Requests.
    pub requests: u64,
    /// Inputs.
    pub inputs: u64,
    /// Of these, those whose answers were there already.
    pub cached: u64,
    /// Of these, those that failed.
    pub failed: u64,
    /// Tokens that a model read.
    pub input_tokens: u64,
    /// Tokens that were scored or generated.
    pub output_tokens: u64,
    /// Time that models took, in microseconds.
    pub model_us: u64,
    /// First use.
    pub first_ms: i64,
    /// Last use.
    pub last_ms: i64,
}
