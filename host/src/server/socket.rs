//! The Unix socket: made by one host at a time, for one user.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use fs_err as fs;
use rustix::fs::{Mode, fchmod};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};

use crate::error::HostError;

/// Connections that may wait to be taken. A burst of sessions has to fit.
const BACKLOG: i32 = 1024;

/// The bit of a mode by which a group can write.
const WRITABLE_BY_GROUP: u32 = 0o020;

/// The bit of a mode by which everybody can write.
const WRITABLE_BY_ALL: u32 = 0o002;

/// The bit of a mode by which files belong to their owners even where others can write to the folder.
const STICKY: u32 = 0o1000;

/// The lock that says who listens on a socket. Dropping it takes its file away.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    // Held as long as the file is there.
    _file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// A socket that this process listens on. Dropping it takes it away, and then its lock.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
    _lock: Lock,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Socket {
    /// Listens on a socket that nobody else can use. One that a host left behind when it was killed is replaced; anything
    /// else that is there stays.
    pub(super) fn listen(path: &Path) -> Result<(Self, UnixListener), HostError> {
        let path = std::path::absolute(path).map_err(|source| failed(path, source))?;
        check_folder(&path)?;
        let lock = lock(&path)?;
        clear(&path)?;
        let listener = listener(&path).map_err(|error| failed(&path, error.into()))?;
        Ok((Self { path, _lock: lock }, listener))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Takes away a socket that nobody listens on.
fn clear(path: &Path) -> Result<(), HostError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(path, error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(HostError::NoSocket { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    // Somebody may listen there without a lock.
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        Ok(_) => return Err(HostError::SocketInUse { path: path.to_owned() }),
        Err(error) => return Err(failed(path, error)),
    }
    fs::remove_file(path).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> HostError {
    let path = path.to_owned();
    HostError::Socket { path, source }
}

/// Takes the lock beside a socket.
fn lock(path: &Path) -> Result<Lock, HostError> {
    let mut lock_path = path.to_owned().into_os_string();
    lock_path.push(".lock");
    let lock_path = PathBuf::from(lock_path);
    loop {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(|source| failed(path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(HostError::SocketInUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(path, source)),
        }
        // A host that has just ended took the file away after it was opened here: the lock is one on nothing.
        let held = file.metadata().map_err(|source| failed(path, source))?;
        if fs::symlink_metadata(&lock_path).is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino())) {
            return Ok(Lock {
                path: lock_path,
                _file: file,
            });
        }
    }
}

/// Where others can write to the folder, they could put their own socket in our place.
fn check_folder(socket: &Path) -> Result<(), HostError> {
    let path = socket.parent().unwrap_or(Path::new("/"));
    // The standard library's own error: the path is told beside it.
    let metadata = std::fs::metadata(path).map_err(|source| failed(socket, source))?;
    let own = rustix::process::geteuid().as_raw();
    let reason = if !metadata.is_dir() {
        "it is no folder"
    } else if metadata.uid() != own && metadata.uid() != 0 {
        "it belongs to another user"
    } else if others_can_write(metadata.mode(), metadata.gid()) && metadata.mode() & STICKY == 0 {
        "others can write to it"
    } else {
        return Ok(());
    };
    let path = path.to_owned();
    Err(HostError::Folder { path, reason })
}

/// Whether a folder can be written to by others than its owner. This process's own group is not others: Debian gives
/// `/run/postgresql` to user and group `postgres`, both of which can write.
fn others_can_write(mode: u32, group: u32) -> bool {
    let own_group = group == rustix::process::getegid().as_raw();
    mode & WRITABLE_BY_ALL != 0 || (mode & WRITABLE_BY_GROUP != 0 && !own_group)
}

/// Makes a folder for a socket in a place that everybody can write to, and sees that it is this user's alone.
///
/// # Errors
/// [`HostError::Folder`], [`HostError::Socket`].
pub fn private_folder(path: &Path) -> Result<(), HostError> {
    use std::os::unix::fs::DirBuilderExt as _;
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(path, error)),
    }
    let metadata = fs::symlink_metadata(path).map_err(|source| failed(path, source))?;
    let reason = if !metadata.is_dir() {
        "it is no folder"
    } else if metadata.uid() != rustix::process::geteuid().as_raw() {
        "it belongs to another user"
    } else if metadata.mode() & 0o077 != 0 {
        "others can use it"
    } else {
        return Ok(());
    };
    let path = path.to_owned();
    Err(HostError::Folder { path, reason })
}

/// Listens on a socket of mode 0600. Linux gives the file the mode of the socket that is bound to it, so that there is no
/// moment at which others could use it.
fn listener(path: &Path) -> Result<UnixListener, rustix::io::Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket: OwnedFd = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_of_the_own_group_does_as_debian_makes_one_for_postgres() {
        let own = rustix::process::getegid().as_raw();
        assert!(!others_can_write(0o2775, own));
        assert!(others_can_write(0o2775, own + 1));
        assert!(others_can_write(0o777, own));
        assert!(!others_can_write(0o755, own + 1));
    }

    #[test]
    fn the_socket_is_its_owners_alone_and_goes_with_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.sock");
        let (socket, listener) = Socket::listen(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Socket::listen(&path).unwrap_err();
        assert_eq!(again.code(), "RF0801");
        UnixStream::connect(&path).unwrap();
        drop((socket, listener));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_socket_that_was_left_behind_is_replaced_and_one_in_use_without_a_lock_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.sock");
        let other = UnixListener::bind(&path).unwrap();
        assert_eq!(Socket::listen(&path).unwrap_err().code(), "RF0801");
        drop(other);
        assert!(path.exists());
        let (_socket, _listener) = Socket::listen(&path).unwrap();
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.sock");
        fs::write(&path, "precious").unwrap();
        assert_eq!(Socket::listen(&path).unwrap_err().code(), "RF0803");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused_unless_it_is_sticky() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.sock");
        let mode = |mode| fs::set_permissions(folder.path(), PermissionsExt::from_mode(mode)).unwrap();
        mode(0o777);
        assert_eq!(Socket::listen(&path).unwrap_err().code(), "RF0804");
        assert_eq!(private_folder(folder.path()).unwrap_err().code(), "RF0804");
        mode(0o1777);
        drop(Socket::listen(&path).unwrap());
        let inner = folder.path().join("inner");
        private_folder(&inner).unwrap();
        private_folder(&inner).unwrap();
        assert_eq!(fs::metadata(&inner).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
