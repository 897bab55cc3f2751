//! What can go wrong in the extension, and how Postgres is told.

use pgrx::PgLogLevel;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use pgrx::pg_sys::panic::ErrorReport;
use refuel_client::ClientError;
use refuel_task::TaskError;
use thiserror::Error;

use crate::text;

/// An error of the extension, with a stable code, an SQLSTATE and a hint.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// No task has this name.
    #[error("there is no task \"{name}\"")]
    NoTask {
        /// As it was asked for.
        name: String,
    },
    /// The task is there, this version of it is not.
    #[error("there is no version {version} of task \"{name}\"")]
    NoVersion {
        /// The task.
        name: String,
        /// The version.
        version: u32,
    },
    /// The current role neither owns the task nor has a grant on it.
    #[error("permission denied for task \"{name}\"")]
    TaskDenied {
        /// The task.
        name: String,
        /// Its owner.
        owner: String,
        /// The current role.
        role: String,
    },
    /// The current role is not the owner of the task that it wants to change.
    #[error("must be owner of task \"{name}\"")]
    NotOwner {
        /// The task.
        name: String,
    },
    /// The role that has to answer for the use of the model has no grant on it.
    #[error("permission denied for model \"{model}\"{}", of_owner(task.as_deref(), role))]
    ModelDenied {
        /// The model.
        model: String,
        /// The task whose owner has no grant. None where the current role asks the model itself.
        task: Option<String>,
        /// The role that has no grant.
        role: String,
    },
    /// A task's name with a version is not written as one.
    #[error("\"{written}\" is no task's name")]
    TaskName {
        /// What was written.
        written: String,
    },
    /// A task of this name is there already.
    #[error("task \"{name}\" already exists")]
    TaskExists {
        /// The task.
        name: String,
    },
    /// A specification gives another name than the one that it is to be kept under.
    #[error("the specification is that of a task \"{inner}\", not of \"{name}\"")]
    SpecName {
        /// The name in the catalog.
        name: String,
        /// The name in the specification.
        inner: String,
    },
    /// A task can't be left without any version.
    #[error("version {version} is the only one of task \"{name}\"")]
    OnlyVersion {
        /// The task.
        name: String,
        /// The version.
        version: u32,
    },
    /// No role has this name.
    #[error("there is no role \"{role}\"")]
    NoRole {
        /// As it was asked for.
        role: String,
    },
    /// The function can't return what a task of this kind answers.
    #[error("{function} can't return what task \"{task}\" of kind \"{kind}\" answers")]
    WrongKind {
        /// The function in SQL.
        function: &'static str,
        /// The task.
        task: String,
        /// The task's kind.
        kind: String,
        /// The function that can.
        right: Option<&'static str>,
    },
    /// A row has no answer, and `on_error` is `fail`.
    #[error("task \"{task}\" has no answer for a row: {reason}")]
    Row {
        /// The task.
        task: String,
        /// Why.
        reason: String,
    },
    /// A record has to be an object.
    #[error("the input must be a JSON object of columns and values")]
    NotRecord,
    /// The relation was dropped.
    #[error("there is no relation with OID {oid}")]
    NoRelation {
        /// Its OID.
        oid: u32,
    },
    /// A set of rows can't be returned where the function was called.
    #[error("a function that returns rows was called where no rows can be returned")]
    NotInFrom,
    /// An option of `refuel_complete` that it doesn't have.
    #[error("refuel_complete has no option \"{option}\"")]
    UnknownOption {
        /// The option.
        option: String,
    },
    /// The options of `refuel_complete` have to be an object.
    #[error("the options must be a JSON object")]
    NotOptions,
    /// Bytes of the database are not text.
    #[error("text of the database can't be read as UTF-8")]
    Encoding,
    /// An answer holds a character that no text in Postgres can.
    #[error("an answer holds the character U+0000, which Postgres can't store")]
    Nul,
    /// The host answered with a value that the kind of the task has not.
    #[error("the host answered task \"{task}\" with {found}")]
    Answer {
        /// The task.
        task: String,
        /// What it answered with.
        found: &'static str,
    },
    /// The catalog can't be read or written.
    #[error("the catalog in schema refuel can't be used: {reason}")]
    Catalog {
        /// Why.
        reason: String,
    },
    /// The token that the host asks for can't be read.
    #[error("the token can't be read from {}", path.display())]
    TokenFile {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The host has no report of this name.
    #[error("there is no report \"{kind}\"")]
    UnknownReport {
        /// As it was asked for.
        kind: String,
    },
    /// A specification is not that of a task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The host can't be reached, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
}

fn of_owner(task: Option<&str>, role: &str) -> String {
    task.map_or_else(String::new, |task| {
        format!(": role \"{role}\", which owns task \"{task}\", may not use it")
    })
}

impl Failure {
    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::NoTask { .. } => "RF0901",
            Self::NoVersion { .. } => "RF0902",
            Self::TaskDenied { .. } => "RF0903",
            Self::NotOwner { .. } => "RF0904",
            Self::ModelDenied { .. } => "RF0905",
            Self::TaskName { .. } => "RF0906",
            Self::TaskExists { .. } => "RF0907",
            Self::SpecName { .. } => "RF0908",
            Self::OnlyVersion { .. } => "RF0909",
            Self::NoRole { .. } => "RF0910",
            Self::WrongKind { .. } => "RF0911",
            Self::Row { .. } => "RF0912",
            Self::NotRecord => "RF0913",
            Self::UnknownOption { .. } => "RF0914",
            Self::NotOptions => "RF0915",
            Self::Encoding => "RF0916",
            Self::Nul => "RF0917",
            Self::Answer { .. } => "RF0918",
            Self::Catalog { .. } => "RF0919",
            Self::TokenFile { .. } => "RF0920",
            Self::UnknownReport { .. } => "RF0921",
            Self::NoRelation { .. } => "RF0922",
            Self::NotInFrom => "RF0923",
            Self::Task(error) => error.code(),
            Self::Client(error) => error.code(),
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoTask { .. } => Some("SELECT name FROM refuel.tasks shows the tasks that you may use".to_owned()),
            Self::NoVersion { name, .. } => Some(format!(
                "SELECT version FROM refuel.tasks WHERE name = {} shows those that are there",
                text::literal(name)
            )),
            Self::TaskDenied { name, owner, role } => Some(format!(
                "its owner, {owner}, can run: SELECT refuel_grant_task({}, {})",
                text::literal(name),
                text::literal(role)
            )),
            Self::ModelDenied { model, role, .. } => Some(format!(
                "a superuser can run: SELECT refuel_grant_model({}, {})",
                text::literal(model),
                text::literal(role)
            )),
            Self::TaskName { .. } => Some("write name, or name@2 for its version 2".to_owned()),
            Self::TaskExists { .. } => Some("refuel_alter_task gives it a new version".to_owned()),
            Self::SpecName { .. } => Some("leave \"name\" out of the specification".to_owned()),
            Self::OnlyVersion { name, .. } => Some(format!(
                "SELECT refuel_drop_task({}) drops the task",
                text::literal(name)
            )),
            Self::WrongKind { right, .. } => right.map(|right| format!("use {right}")),
            Self::Row { .. } => Some(
                "\"on_error\": \"null\" in the task, or SET refuel.on_error = 'null', gives NULL instead; \
                 refuel_detail returns the reason under 'capture'"
                    .to_owned(),
            ),
            Self::NotRecord => Some("to_jsonb(t) and jsonb_build_object('subject', t.subject) make one".to_owned()),
            Self::UnknownOption { .. } => Some(format!("the options are {}", crate::catalog::OPTIONS.join(", "))),
            Self::TokenFile { .. } => {
                Some("refuel.token_file names it; the server's user must be able to read it".to_owned())
            }
            Self::UnknownReport { .. } => Some("the reports are host, models, activity and usage".to_owned()),
            Self::Answer { .. } => Some("see that host and extension are of the same version".to_owned()),
            Self::NotInFrom => {
                Some("call it in FROM: SELECT * FROM refuel_resolve('vendors', 'same_vendor')".to_owned())
            }
            Self::Task(error) => error.hint(),
            Self::Client(error) => error.hint(),
            Self::NotOwner { .. }
            | Self::NoRole { .. }
            | Self::NotOptions
            | Self::Encoding
            | Self::Nul
            | Self::NoRelation { .. }
            | Self::Catalog { .. } => None,
        }
    }

    /// The SQLSTATE. That of a host that can't be reached is `58000`, not one of class 08, which clients take for the
    /// loss of their own connection.
    pub(crate) fn sqlstate(&self) -> PgSqlErrorCode {
        match self {
            Self::NoTask { .. } | Self::NoVersion { .. } | Self::NoRole { .. } => {
                PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT
            }
            Self::NoRelation { .. } => PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
            Self::NotInFrom => PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            Self::TaskDenied { .. } | Self::NotOwner { .. } | Self::ModelDenied { .. } => {
                PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE
            }
            Self::TaskName { .. } => PgSqlErrorCode::ERRCODE_INVALID_NAME,
            Self::TaskExists { .. } => PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
            Self::OnlyVersion { .. } => PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            Self::WrongKind { .. } => PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE,
            Self::Row { .. } => PgSqlErrorCode::ERRCODE_DATA_EXCEPTION,
            Self::SpecName { .. }
            | Self::NotRecord
            | Self::UnknownOption { .. }
            | Self::NotOptions
            | Self::UnknownReport { .. }
            | Self::Task(_)
            | Self::Client(
                ClientError::Address(_)
                | ClientError::TooLarge(_)
                | ClientError::Refused {
                    wrong_request: true, ..
                },
            ) => PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            Self::Encoding => PgSqlErrorCode::ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
            Self::Nul => PgSqlErrorCode::ERRCODE_UNTRANSLATABLE_CHARACTER,
            Self::Answer { .. } | Self::Client(ClientError::Refused { .. }) => {
                PgSqlErrorCode::ERRCODE_EXTERNAL_ROUTINE_EXCEPTION
            }
            Self::Catalog { .. } => PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
            Self::Client(ClientError::Stopped) => PgSqlErrorCode::ERRCODE_QUERY_CANCELED,
            Self::Client(_) | Self::TokenFile { .. } => PgSqlErrorCode::ERRCODE_SYSTEM_ERROR,
        }
    }

    /// Ends the statement with this error; its code stands behind the message.
    pub(crate) fn raise(self) -> ! {
        let mut message = format!("{self} ({})", self.code());
        let mut cause = std::error::Error::source(&self);
        let mut details = Vec::new();
        while let Some(error) = cause {
            details.push(error.to_string());
            cause = error.source();
        }
        message = text::printable(message);
        let mut report = ErrorReport::new(self.sqlstate(), message, "refuel");
        if !details.is_empty() {
            report = report.set_detail(text::printable(details.join(": ")));
        }
        if let Some(hint) = self.hint() {
            report = report.set_hint(text::printable(hint));
        }
        report.report(PgLogLevel::ERROR);
        unreachable!("a report of level ERROR does not return");
    }
}
