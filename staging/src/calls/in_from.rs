//! Calls that stand in `FROM`.

use sqlparser::ast::{FunctionArg, Ident, ObjectName, TableAlias, TableFactor};

use super::Function;
use super::check::{self, Sound};
use crate::Result;

/// A call in `FROM`, whose arguments may still be unsound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InFrom<'a> {
    /// The function as it is written.
    pub(crate) name: &'a ObjectName,
    pub(crate) function: Function,
    /// The last part of the name, which says where the call is.
    pub(crate) identifier: &'a Ident,
    pub(crate) args: &'a [FunctionArg],
    alias: Option<&'a TableAlias>,
}

impl<'a> InFrom<'a> {
    /// The call that a table in `FROM` is. None where it asks no model.
    ///
    /// # Errors
    /// Where it is named as our functions are, and is none of them.
    pub(crate) fn of(factor: &'a TableFactor) -> Result<Option<Self>> {
        let (name, args, alias): (_, &[FunctionArg], _) = match factor {
            TableFactor::Table {
                name,
                args: Some(args),
                alias,
                ..
            } => (name, &args.args, alias),
            TableFactor::Function { name, args, alias, .. } => (name, args, alias),
            _ => return Ok(None),
        };
        let Some(identifier) = check::identifier(name) else {
            return Ok(None);
        };
        Ok(Some(Self {
            name,
            function: check::function(identifier)?,
            identifier,
            args,
            alias: alias.as_ref(),
        }))
    }

    /// The call with its arguments read.
    ///
    /// # Errors
    /// As for [`check::arguments`].
    pub(crate) fn sound(&self) -> Result<Sound> {
        check::arguments(self.function, check::position(self.identifier), self.args)
    }

    /// What its rows are called: as it is written, or else as the function is.
    pub(crate) fn alias(&self) -> TableAlias {
        self.alias.cloned().unwrap_or_else(|| TableAlias {
            explicit: true,
            name: Ident::new(self.function.name()),
            columns: Vec::new(),
            at: None,
        })
    }
}
