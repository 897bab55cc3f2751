//! The catalog: tasks with their versions, and who may use what.
//!
//! A role may use a task that it owns or has a grant on. What the task asks of a model, it asks with the rights of the
//! task's *owner*, who needs a grant on the model; a call without a task needs one of the current role's own. Rights
//! are those that a role has without `SET ROLE` (`pg_has_role(…, 'USAGE')`), and a superuser has them all.

pub(crate) mod change;
mod query;
pub(crate) mod report;
mod spec;

use std::cell::RefCell;
use std::rc::Rc;

use pgrx::pg_sys;
use refuel_client::wire::{Prepared, TaskSpec};
use refuel_task::OnError;
use rustc_hash::FxHashMap;

use crate::error::Failure;
use crate::functions::Subject;
use crate::settings;
use query::{Access, Parameter, Row, role, role_name, run};

pub(crate) use query::checked;
pub(crate) use spec::OPTIONS;

/// Whether a role may use the task `t`. It is in the query itself, as Postgres would plan a function anew at each call.
macro_rules! may_use_task {
    ($role:literal) => {
        concat!(
            "(pg_catalog.pg_has_role(",
            $role,
            ", t.owner::oid, 'USAGE') OR EXISTS (SELECT FROM refuel.task_grant g WHERE g.task = t.name
                AND (g.grantee::oid = 0::oid OR pg_catalog.pg_has_role(",
            $role,
            ", g.grantee::oid, 'USAGE'))))"
        )
    };
}

/// Whether a role may use a model, whatever digest it is pinned to. What rules alone answer
/// ([`refuel_task::names_rules`]) needs no grant.
macro_rules! may_use_model {
    ($role:literal, $model:literal) => {
        concat!(
            "(",
            $model,
            " ~ '^rules@[0-9]{1,5}$' OR EXISTS (SELECT FROM pg_catalog.pg_authid r WHERE r.oid = ",
            $role,
            " AND r.rolsuper) OR EXISTS (SELECT FROM refuel.model_grant m WHERE m.model = pg_catalog.split_part(",
            $model,
            ", '@', 1) AND (m.grantee::oid = 0::oid OR pg_catalog.pg_has_role(",
            $role,
            ", m.grantee::oid, 'USAGE'))))"
        )
    };
}

/// A subject that was looked up, and that the current role may use.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// What the host is told: the name with its version, the specification, the model.
    pub(crate) spec: TaskSpec,
    /// The task's kind.
    pub(crate) kind: String,
    /// What a row without an answer does: the setting, or else what the task says.
    pub(crate) on_error: OnError,
    /// The model as the task names it, or the one that is asked where it names none.
    pub(crate) model_name: String,
    /// What the host said of it, once it was asked.
    pub(crate) prepared: RefCell<Option<Prepared>>,
}

impl Resolved {
    /// `name@digest` of the model once the host was asked, the name before.
    pub(crate) fn model(&self) -> String {
        match &*self.prepared.borrow() {
            Some(prepared) => prepared.model.clone(),
            None => self.model_name.clone(),
        }
    }
}

/// A task's name, with a version where one is asked for: `ticket_topic`, `ticket_topic@2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskName<'a> {
    name: &'a str,
    version: Option<u32>,
}

impl<'a> TaskName<'a> {
    fn read(written: &'a str) -> Result<Self, Failure> {
        let Some((name, version)) = written.split_once('@') else {
            return Ok(Self {
                name: written,
                version: None,
            });
        };
        match version.parse::<u32>() {
            Ok(version) if version > 0 && version.to_string().len() == written.len() - name.len() - 1 => Ok(Self {
                name,
                version: Some(version),
            }),
            _ => Err(Failure::TaskName {
                written: written.to_owned(),
            }),
        }
    }
}

/// As long as these stay the same, so does what a subject stands for: a statement sees its own changes in the next
/// command only, and others' in the next statement. What a subtransaction has changed is undone with it, within a command.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Moment {
    transaction: i64,
    statement: i64,
    command: u32,
    subtransaction: pg_sys::SubTransactionId,
    setting: Option<settings::OnError>,
}

impl Moment {
    fn now() -> Self {
        // SAFETY: reads variables of the backend.
        unsafe {
            Self {
                transaction: pg_sys::GetCurrentTransactionStartTimestamp(),
                statement: pg_sys::GetCurrentStatementStartTimestamp(),
                command: pg_sys::GetCurrentCommandId(false),
                subtransaction: pg_sys::GetCurrentSubTransactionId(),
                setting: Some(settings::on_error()),
            }
        }
    }
}

/// The most subjects that are remembered: a statement can take the name of the task or the model from its rows.
const MOST_KNOWN: usize = 1024;

type Known = FxHashMap<(pg_sys::Oid, Subject), Rc<Resolved>>;

thread_local! {
    /// What was looked up for the statement at work.
    static KNOWN: RefCell<(Moment, Known)> = RefCell::default();
}

/// Looks a subject up with the rights of the current role.
///
/// Remembered while the role, the statement and the command stay the same, so that it can be asked for each row.
pub(crate) fn resolve(subject: &Subject) -> Result<Rc<Resolved>, Failure> {
    let (now, role) = (Moment::now(), role());
    let key = (role, subject.clone());
    let known = KNOWN.with_borrow_mut(|(moment, known)| {
        if *moment != now {
            *moment = now;
            known.clear();
        }
        known.get(&key).cloned()
    });
    if let Some(known) = known {
        return Ok(known);
    }
    let resolved = Rc::new(match subject {
        Subject::Task(written) => task(TaskName::read(written)?, role)?,
        Subject::Embed { model } => alone(spec::embed(model)?, role)?,
        Subject::Complete { model, options } => alone(spec::complete(model, options)?, role)?,
    });
    KNOWN.with_borrow_mut(|(_, known)| {
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(key, Rc::clone(&resolved));
    });
    Ok(resolved)
}

/// What the setting says, or else the task.
fn on_error(task: OnError) -> OnError {
    match settings::on_error() {
        settings::OnError::Task => task,
        settings::OnError::Fail => OnError::Fail,
        settings::OnError::Null => OnError::Null,
        settings::OnError::Capture => OnError::Capture,
    }
}

/// A task of the catalog.
fn task(name: TaskName<'_>, role: pg_sys::Oid) -> Result<Resolved, Failure> {
    let found = find(name, role)?;
    if !found.model_allowed {
        return Err(Failure::ModelDenied {
            model: spec::without_digest(&found.model).to_owned(),
            task: Some(name.name.to_owned()),
            role: found.owner,
        });
    }
    let version = found.version;
    Ok(Resolved {
        spec: TaskSpec {
            name: format!("{}@{version}", name.name),
            json: found.spec,
            model: Some(found.model.clone()),
        },
        kind: found.kind,
        on_error: on_error(spec::on_error_named(&found.on_error)),
        model_name: found.model,
        prepared: RefCell::default(),
    })
}

/// A call without a task.
fn alone(checked: spec::Checked, role: pg_sys::Oid) -> Result<Resolved, Failure> {
    const ALLOWED: &str = concat!("SELECT ", may_use_model!("$1", "$2"));
    let model = spec::without_digest(&checked.model);
    let rows = run(ALLOWED, &[Parameter::Role(role), Parameter::Text(model)], Access::Read)?;
    if rows.first().and_then(|row| row[0].as_deref()) != Some("t") {
        return Err(Failure::ModelDenied {
            model: model.to_owned(),
            task: None,
            role: role_name(role)?,
        });
    }
    Ok(Resolved {
        spec: TaskSpec {
            name: checked.name,
            json: checked.json,
            model: None,
        },
        kind: checked.kind.to_owned(),
        on_error: on_error(checked.on_error),
        model_name: checked.model,
        prepared: RefCell::default(),
    })
}

/// A version of a task that a role may use.
struct Found {
    owner: String,
    version: String,
    kind: String,
    model: String,
    on_error: String,
    spec: String,
    model_allowed: bool,
}

/// Finds a version of a task, the current one unless told, and checks that the role may use it.
fn find(name: TaskName<'_>, role: pg_sys::Oid) -> Result<Found, Failure> {
    // Where there is no such version, its columns are null.
    const FIND: &str = concat!(
        "SELECT pg_catalog.pg_get_userbyid(t.owner::oid), ",
        may_use_task!("$3"),
        ", v.version, v.kind, v.model, v.on_error, v.spec, ",
        may_use_model!("t.owner::oid", "v.model"),
        " FROM refuel.task t
          LEFT JOIN refuel.task_version v ON v.task = t.name AND v.version = coalesce(
              $2, (SELECT pg_catalog.max(c.version) FROM refuel.task_version c WHERE c.task = t.name))
          WHERE t.name = $1"
    );
    let parameters = [
        Parameter::Text(name.name),
        Parameter::Version(name.version),
        Parameter::Role(role),
    ];
    let no_task = || Failure::NoTask {
        name: name.name.to_owned(),
    };
    let row: Row = run(FIND, &parameters, Access::Read)?.pop().ok_or_else(no_task)?;
    let mut columns = row.into_iter();
    let mut next = || columns.next().flatten();
    let (owner, allowed) = (next().ok_or_else(no_task)?, next());
    if allowed.as_deref() != Some("t") {
        return Err(Failure::TaskDenied {
            name: name.name.to_owned(),
            owner,
            role: role_name(role)?,
        });
    }
    let no_version = || Failure::NoVersion {
        name: name.name.to_owned(),
        version: name.version.unwrap_or_default(),
    };
    Ok(Found {
        owner,
        version: next().ok_or_else(no_version)?,
        kind: next().ok_or_else(no_version)?,
        model: next().ok_or_else(no_version)?,
        on_error: next().ok_or_else(no_version)?,
        spec: next().ok_or_else(no_version)?,
        model_allowed: next().as_deref() == Some("t"),
    })
}

/// A task's specification as JSON, with its name and version.
pub(crate) fn task_json(written: &str) -> Result<String, Failure> {
    let found = find(TaskName::read(written)?, role())?;
    Ok(spec::with_version(&found.spec, &found.version))
}

/// The OID of the type `refuel_result`, in whatever schema the extension was made.
pub(crate) fn result_type() -> Result<pg_sys::Oid, Failure> {
    const FIND: &str = "
        SELECT t.oid FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_type t ON t.typnamespace = e.extnamespace
        WHERE e.extname = 'refuel' AND t.typname = 'refuel_result'";
    let rows = run(FIND, &[], Access::Read)?;
    rows.first()
        .and_then(|row| row[0].as_deref()?.parse::<u32>().ok())
        .map(pg_sys::Oid::from)
        .ok_or_else(|| Failure::Catalog {
            reason: "the type refuel_result is not there".to_owned(),
        })
}
