//! Where the host's socket is.

use std::path::{Path, PathBuf};

/// Where the host's socket is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The socket.
    pub(super) path: PathBuf,
    /// A folder that has to be made for it, this user's alone.
    pub(super) folder: Option<PathBuf>,
}

impl Place {
    /// The one asked for, else `$XDG_RUNTIME_DIR/refuel.sock`, else `/tmp/refuel-UID/host.sock`.
    ///
    /// A relative `XDG_RUNTIME_DIR` is passed over, as the XDG Base Directory Specification asks.
    pub(super) fn of(asked: Option<&Path>) -> Self {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        Self::among(asked, runtime, rustix::process::geteuid().as_raw())
    }

    fn among(asked: Option<&Path>, runtime: Option<PathBuf>, user: u32) -> Self {
        if let Some(path) = asked {
            return Self {
                path: path.to_owned(),
                folder: None,
            };
        }
        if let Some(folder) = runtime.filter(|folder| folder.is_absolute()) {
            return Self {
                path: folder.join("refuel.sock"),
                folder: None,
            };
        }
        // Not the folder for temporary files that a variable names: clients and host have to agree.
        let folder = PathBuf::from(format!("/tmp/refuel-{user}"));
        Self {
            path: folder.join("host.sock"),
            folder: Some(folder),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_where_it_is_asked_for_else_where_the_user_is_alone() {
        let place = |asked: Option<&str>, runtime: Option<&str>| {
            let place = Place::among(asked.map(Path::new), runtime.map(PathBuf::from), 1000);
            (place.path.display().to_string(), place.folder.is_some())
        };
        assert_eq!(
            place(Some("a.sock"), Some("/run/user/1000")),
            ("a.sock".to_owned(), false)
        );
        assert_eq!(
            place(None, Some("/run/user/1000")),
            ("/run/user/1000/refuel.sock".to_owned(), false)
        );
        for runtime in [None, Some(""), Some("run")] {
            assert_eq!(place(None, runtime), ("/tmp/refuel-1000/host.sock".to_owned(), true));
        }
    }
}
