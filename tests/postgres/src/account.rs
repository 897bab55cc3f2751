//! Whose processes servers are: Postgres doesn't run as root.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The account that servers run as: `postgres`, which its package makes, where the test runs as root; else the test's own.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// User and group, where they aren't the test's own.
    other: Option<(u32, u32)>,
}

impl Account {
    /// Finds it.
    pub fn find() -> Self {
        let id = |option: &str| {
            let output = Command::new("id").args([option, "postgres"]).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        let other = rustix::process::geteuid()
            .is_root()
            .then(|| (id("-u").expect("the account postgres"), id("-g").expect("its group")));
        Self { other }
    }

    /// A command that runs as it, with nothing of the test's own settings, and that is killed when the thread of the test
    /// ends: `setpriv` has the kernel send SIGQUIT, on which a server shuts down at once.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        if let Some((user, group)) = self.other {
            command.args([
                format!("--reuid={user}"),
                format!("--regid={group}"),
                "--clear-groups".to_owned(),
            ]);
        }
        command.arg("--").arg(program).current_dir("/").process_group(0);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if ["PG", "REFUEL_", "RUST_", "NEXTEST", "XDG_"]
                .iter()
                .any(|start| name.starts_with(start))
            {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        command
    }

    /// Gives a file or a folder to it.
    ///
    /// # Panics
    /// When the file can't be given away.
    pub fn own(&self, path: &Path) {
        if let Some((user, group)) = self.other {
            std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
        }
    }

    /// Whether it is another one than the test's own.
    pub fn is_other(&self) -> bool {
        self.other.is_some()
    }
}
