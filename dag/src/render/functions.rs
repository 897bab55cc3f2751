//! The functions of templates: `ref`, `source`, `var`, `env_var`, `config`, `is_incremental`, `log`, `exceptions`.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr, Serde, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::record::{Asked, text_hash, value_hash};
use super::scope::Scope;
use crate::nodes::Part;

/// A function of templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Ref,
    Source,
    Var,
    EnvVar,
    Config,
    IsIncremental,
    Log,
    Exceptions,
}

impl Function {
    pub(super) fn in_scope(self, scope: Arc<Scope>) -> Bound {
        Bound { function: self, scope }
    }
}

/// What a function can fail with that has an error of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("no value for the variable \"{0}\"")]
    Variable(String),
    #[error("the environment variable \"{0}\" is not set")]
    EnvironmentVariable(String),
    #[error("{0}")]
    Raised(String),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::new(ErrorKind::InvalidOperation, fault.to_string()).with_source(fault)
    }
}

/// A function with the scope that it works on.
pub(super) struct Bound {
    function: Function,
    scope: Arc<Scope>,
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<function {:?}>", self.function)
    }
}

impl Object for Bound {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        match self.function {
            Function::Ref => self.reference(args),
            Function::Source => {
                let (source, table): (String, String) = from_args(args)?;
                Ok(self.scope.relation(Asked::Source { source, table }))
            }
            Function::Var => self.var(args),
            Function::EnvVar => self.env_var(args),
            Function::Config => self.config(args),
            Function::IsIncremental => {
                let (): () = from_args(args)?;
                self.scope.record().uses.incremental = true;
                Ok(Value::from(self.scope.mode.incremental))
            }
            Function::Log => {
                let (positional, named) = by_position_and_name(args)?;
                let (text, info): (Value, Option<bool>) = from_args(positional)?;
                let info = info.or(named.get("info")?).unwrap_or(false);
                named.assert_all_used()?;
                self.scope.record().messages.push((text.to_string(), info));
                Ok(Value::from(""))
            }
            Function::Exceptions => Err(Error::new(
                ErrorKind::InvalidOperation,
                "exceptions is not a function: write exceptions.raise_compiler_error(message)",
            )),
        }
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (self.function, method) {
            (Function::Config, "get") => {
                let (key, default): (&str, Option<Value>) = from_args(args)?;
                Ok(self.setting(key).or(default).unwrap_or_else(|| Value::from(())))
            }
            (Function::Config, "require") => {
                let (key,): (&str,) = from_args(args)?;
                self.setting(key)
                    .ok_or_else(|| Fault::Raised(format!("the setting \"{key}\" has no value")).into())
            }
            (Function::Exceptions, "raise_compiler_error") => {
                let (message,): (Value,) = from_args(args)?;
                Err(Fault::Raised(message.to_string()).into())
            }
            (Function::Exceptions, "warn") => {
                let (message,): (Value,) = from_args(args)?;
                self.scope.record().warnings.push(message.to_string());
                Ok(Value::from(""))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<function {:?}>", self.function)
    }
}

impl Bound {
    fn reference(&self, args: &[Value]) -> Result<Value, Error> {
        let (first, second): (String, Option<String>) = from_args(args)?;
        let (project, name) = match second {
            Some(name) => (Some(first), name),
            None => (None, first),
        };
        // A model's own name can have a dot in it; only what a part is called is cut off.
        let part = name
            .rsplit_once('.')
            .and_then(|(model, part)| Some((model, Part::named(part)?)));
        let (name, part) = match part {
            Some((model, part)) => (model.to_owned(), Some(part)),
            None => (name, None),
        };
        Ok(self.scope.relation(Asked::Ref { project, name, part }))
    }

    fn var(&self, args: &[Value]) -> Result<Value, Error> {
        let (name, default): (&str, Option<Value>) = named_default(args)?;
        let given = self
            .scope
            .mode
            .vars
            .as_ref()
            .and_then(|vars| vars.get(name))
            .or_else(|| self.scope.shared.project.vars.get(name));
        let mut record = self.scope.record();
        let used = given.map(value_hash);
        record.uses.vars.insert(name.to_owned(), used);
        match (given, default) {
            (Some(value), _) => Ok(Value::from(Serde(value))),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(Fault::Variable(name.to_owned()).into()),
        }
    }

    fn env_var(&self, args: &[Value]) -> Result<Value, Error> {
        let (name, default): (&str, Option<Value>) = named_default(args)?;
        let over = self.scope.mode.env.as_ref().and_then(|env| env.get(name));
        let given = match over {
            Some(serde_json::Value::String(text)) => Some(text.clone()),
            Some(value) => Some(value.to_string()),
            None => self.scope.shared.project.env.get(name),
        };
        let mut record = self.scope.record();
        record.uses.env.insert(name.to_owned(), given.as_deref().map(text_hash));
        match (given, default) {
            (Some(value), _) => Ok(Value::from(value)),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(Fault::EnvironmentVariable(name.to_owned()).into()),
        }
    }

    /// `config(key=value, ...)` or `config({...})`. What is said later in a file outranks what was said before.
    fn config(&self, args: &[Value]) -> Result<Value, Error> {
        let (positional, options) = by_position_and_name(args)?;
        let (map,): (Option<Value>,) = from_args(positional)?;
        let mut said = serde_json::Map::new();
        if let Some(map) = map {
            let serde_json::Value::Object(map) = json(&map)? else {
                return Err(Error::new(
                    ErrorKind::InvalidOperation,
                    "config() takes settings by name: config(materialized='table')",
                ));
            };
            said.extend(map);
        }
        for key in options.args() {
            said.insert(key.to_owned(), json(&options.peek::<Value>(key)?)?);
        }
        self.scope.record().config.get_or_insert_default().extend(said);
        Ok(Value::from(""))
    }

    /// A setting: what the file has said so far, or else what is said outside.
    fn setting(&self, key: &str) -> Option<Value> {
        let mut record = self.scope.record();
        let said = record.config.as_ref().and_then(|config| config.get(key));
        if let Some(value) = said {
            return Some(Value::from(Serde(value)));
        }
        let value = self.scope.base.get(key);
        record
            .uses
            .config
            .insert(key.to_owned(), value.as_ref().map(value_hash));
        value.map(|value| Value::from(Serde(value)))
    }
}

/// Arguments that are given by position, and those that are given by name.
pub(super) fn by_position_and_name(args: &[Value]) -> Result<(&[Value], Kwargs), Error> {
    match args.split_last() {
        Some((last, rest)) if last.is_kwargs() => {
            let (named,): (Kwargs,) = from_args(std::slice::from_ref(last))?;
            Ok((rest, named))
        }
        _ => {
            let (named,): (Kwargs,) = from_args(&[])?;
            Ok((args, named))
        }
    }
}

/// A name, and a default as the second argument or by name. A default of none is one.
fn named_default(args: &[Value]) -> Result<(&str, Option<Value>), Error> {
    let (positional, named) = by_position_and_name(args)?;
    let by_name = if named.has("default") {
        Some(named.get("default")?)
    } else {
        None
    };
    named.assert_all_used()?;
    let (name, default) = match positional {
        [] => return Err(Error::from(ErrorKind::MissingArgument)),
        [name] => (name, by_name),
        [name, default] if by_name.is_none() => (name, Some(default.clone())),
        _ => return Err(Error::from(ErrorKind::TooManyArguments)),
    };
    let name = name
        .as_str()
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the name must be text"))?;
    Ok((name, default))
}

/// A value as JSON.
fn json(value: &Value) -> Result<serde_json::Value, Error> {
    serde_json::to_value(value)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("not a plain value: {error}")))
}
