//! Macros from files, callable by name in models, tests and other macros.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Value};
use minijinja::{Error, ErrorKind, State};

use super::scope::Scope;

/// How deep macros can call each other. Each step takes native stack.
const DEEPEST: usize = 40;

/// A macro of a file.
pub(super) struct UserMacro {
    pub(super) name: Arc<str>,
    pub(super) file: Arc<str>,
    pub(super) scope: Arc<Scope>,
}

impl fmt::Debug for UserMacro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<macro {}>", self.name)
    }
}

impl Object for UserMacro {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    /// A macro belongs to the rendering that declared it, so the file is rendered for the call, in the caller's scope.
    /// What that costs is charged to the caller: the work of a text is bounded, however its macros call each other.
    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        if !self.scope.enter(DEEPEST) {
            self.scope.leave();
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("recursion limit of {DEEPEST} macros, at \"{}\"", self.name),
            ));
        }
        let result = self.output(state, args);
        self.scope.leave();
        let (text, fuel) = result?;
        state.consume_fuel(fuel)?;
        Ok(Value::from(text))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<macro {}>", self.name)
    }
}

impl UserMacro {
    fn output(&self, state: &State<'_, '_>, args: &[Value]) -> Result<(String, u64), Error> {
        let template = state.env().get_template(&self.file)?;
        let mut captured = template.render_captured(self.scope.context())?;
        captured.with_state_mut(|inner| {
            let text = inner.call_macro(&self.name, args)?;
            let fuel = inner.fuel_levels().map_or(0, |(consumed, _)| consumed);
            Ok((text, fuel))
        })
    }
}

/// The names of the macros that a file declares, each with the line of its declaration.
pub(crate) fn declared(text: &str) -> Vec<(&str, u32)> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(at) = rest.find("{%") {
        line += rest[..at].matches('\n').count() as u32;
        rest = &rest[at + 2..];
        let tag = rest.trim_start_matches(['-', '+']).trim_start();
        let Some(name) = tag
            .strip_prefix("macro")
            .filter(|tag| tag.starts_with(char::is_whitespace))
        else {
            continue;
        };
        let name = name.trim_start();
        let end = name
            .find(|character: char| !(character.is_alphanumeric() || character == '_'))
            .unwrap_or(name.len());
        if end > 0 {
            found.push((&name[..end], line));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::declared;

    #[test]
    fn the_macros_of_a_file_are_found_with_their_lines() {
        let text = "{% macro one(a) %}{% endmacro %}\n\n{%- macro  two() -%}\n{% set x = 1 %}\n{% endmacro %}{%macro%}";
        assert_eq!(declared(text), [("one", 1), ("two", 3)]);
    }
}
