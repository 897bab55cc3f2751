//! What every verb gets: the printer, and where the home folder is.

use std::path::PathBuf;

use crate::cli::GlobalArgs;
use crate::error::Failure;
use crate::home;
use crate::printer::Printer;
use crate::words;

/// What every verb gets.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// The only way to standard output and standard error.
    pub(crate) printer: Printer,
    home: Option<PathBuf>,
    /// Whether `home` was named on the command line, and not in the environment.
    home_is_told: bool,
}

impl Context {
    /// Settles what the global options mean on this terminal.
    pub(crate) fn new(arguments: &GlobalArgs) -> Self {
        Self {
            printer: Printer::new(arguments),
            home: arguments.home.clone(),
            home_is_told: arguments.home_is_told,
        }
    }

    /// The program as it is called in a command that somebody is told to give next: with the home folder, where this
    /// command line named one.
    pub(crate) fn program(&self) -> String {
        self.program_with(self.home.as_ref())
    }

    /// The same for a command that is given in another folder.
    pub(crate) fn program_elsewhere(&self) -> String {
        let whole = self.home.as_ref().map(std::path::absolute);
        self.program_with(whole.and_then(Result::ok).as_ref())
    }

    fn program_with(&self, home: Option<&PathBuf>) -> String {
        match home.filter(|_| self.home_is_told) {
            Some(home) => format!("refuel --home {}", words::shell(&home.to_string_lossy())),
            None => "refuel".to_owned(),
        }
    }

    /// A hint with the commands in it as they are to be given. Pages to read are the same whatever the home folder is.
    pub(crate) fn in_hint(&self, hint: &str) -> String {
        let program = self.program();
        let told = hint.replace("`refuel ", &format!("`{program} "));
        told.replace(&format!("`{program} man"), "`refuel man")
    }

    /// The home folder; it need not exist yet.
    pub(crate) fn home(&self) -> Result<PathBuf, Failure> {
        home::resolve(self.home.as_deref()).map_err(Failure::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;

    fn context(line: &[&str]) -> Context {
        Context::new(&Cli::read(line.iter().map(Into::into)).unwrap().global)
    }

    #[test]
    fn commands_that_are_told_name_the_home_that_the_command_line_named() {
        let hint = "`refuel model ls` shows them, `refuel man models` says more";
        for line in [
            ["refuel", "--home", "my home", "model", "ls"],
            ["refuel", "model", "ls", "--home", "my home"],
        ] {
            let told = context(&line);
            assert_eq!(told.program(), "refuel --home 'my home'");
            assert_eq!(
                told.in_hint(hint),
                "`refuel --home 'my home' model ls` shows them, `refuel man models` says more"
            );
            assert!(told.program_elsewhere().starts_with("refuel --home '/"));
        }
        assert_eq!(context(&["refuel", "model", "ls"]).in_hint(hint), hint);
    }
}
