//! Every setting of the extension: its default, its unit, who may change it, and why it is there.
//!
//! A setting that chooses a program or a file is for superusers: it acts with the rights of the server's own account.
//! `sighup` settings are read by the [`supervisor`](crate::supervisor) alone, so they have no value of a session's own,
//! and a reload of the configuration puts them into effect.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use pgrx::pg_sys;

/// Where the host is: a path, `unix:PATH` or `tcp://HOST:PORT`. A path that isn't absolute starts in the data directory.
/// Empty, which is the default, is [`socket`]'s rule. For superusers: whoever answers there reads what is asked.
static SOCKET: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));

/// File with the token that a host on TCP asks for. Empty by default: a Unix socket needs none. For superusers: the
/// server reads it, and sends it to the host.
static TOKEN_FILE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));

/// How long a query waits for a host that is away, in milliseconds; 60,000 by default, which is longer than a host takes
/// to start and load a model again. 0 is not at all. A host that is there and works is waited for without end:
/// `statement_timeout` ends that. Anybody's: it costs nobody else anything.
static TIMEOUT: GucSetting<i32> = GucSetting::<i32>::new(60_000);

/// What an input that can't be answered does; `task` by default. Anybody's.
static ON_ERROR: GucSetting<OnError> = GucSetting::<OnError>::new(OnError::Task);

/// Whether a query's calls are gathered into batches; on by default. Off, each row asks for itself: the same rows, many
/// times slower, and so a way to find out whether batching is to blame for something. Anybody's.
static BATCHING: GucSetting<bool> = GucSetting::<bool>::new(true);

/// The most rows that a query gathers before it asks; 1,024 by default, which is enough to fill the host's batches and
/// few enough to see the first rows soon. Anybody's.
static BATCH_ROWS: GucSetting<i32> = GucSetting::<i32>::new(1024);

/// The most memory of gathered inputs, in kilobytes; 4,096 by default, so that 1,024 texts of 4 kB fit, and a backend
/// stays small with longer ones. Anybody's: it is the backend's own memory, as with `work_mem`.
static BATCH_MEMORY: GucSetting<i32> = GucSetting::<i32>::new(4096);

/// Whether the supervisor keeps a host running; on by default. Off, `refuel host` is started by something else, such as
/// a service manager. Has an effect only where the library is preloaded. The configuration's.
static SUPERVISE: GucSetting<bool> = GucSetting::<bool>::new(true);

/// The program that the supervisor starts; `refuel` by default. A name alone is looked up beside the server's own
/// programs, where the install target puts it, and then on the server's `PATH`. The configuration's.
static HOST_PATH: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"refuel"));

/// The folder of models, caches and the inference library of a supervised host. Empty, which is the default, is what
/// `refuel` takes for the server's account. The configuration's.
static HOME: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));

/// More arguments for a supervised host, quoted as in a shell, such as `--models-memory 4GB`. Empty by default. The
/// configuration's.
static HOST_OPTIONS: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));

/// What an input that can't be answered does to the query.
#[derive(Clone, Copy, Debug, Eq, PartialEq, PostgresGucEnum)]
pub(crate) enum OnError {
    /// What the task says.
    #[name = c"task"]
    Task,
    /// The query fails.
    #[name = c"fail"]
    Fail,
    /// The row's result is NULL.
    #[name = c"null"]
    Null,
    /// The row's result is NULL, and `refuel_detail` tells the reason.
    #[name = c"capture"]
    Capture,
}

/// Tells Postgres about every setting. To be called once, from `_PG_init`.
pub(crate) fn register() {
    GucRegistry::define_string_guc(
        c"refuel.socket",
        c"Where the host of models is.",
        c"A path, or tcp://HOST:PORT. Empty: .s.refuel.PORT beside the server's own socket.",
        &SOCKET,
        GucContext::Suset,
        GucFlags::empty(),
    );
    GucRegistry::define_string_guc(
        c"refuel.token_file",
        c"File with the token for a host on TCP.",
        c"Read by the server's account.",
        &TOKEN_FILE,
        GucContext::Suset,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_int_guc(
        c"refuel.timeout",
        c"How long a query waits for a host that is away.",
        c"0: not at all.",
        &TIMEOUT,
        0,
        i32::MAX,
        GucContext::Userset,
        GucFlags::UNIT_MS,
    );
    GucRegistry::define_enum_guc(
        c"refuel.on_error",
        c"What an input that can't be answered does.",
        c"task: what the task says; fail: the query fails; null: the result is NULL; capture: the same, with the reason in refuel_detail.",
        &ON_ERROR,
        GucContext::Userset,
        GucFlags::empty(),
    );
    GucRegistry::define_bool_guc(
        c"refuel.batching",
        c"Gathers the calls of a query into batches.",
        c"Off: each row asks for itself, which gives the same rows more slowly.",
        &BATCHING,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_int_guc(
        c"refuel.batch_rows",
        c"The most rows that a query gathers before it asks.",
        c"",
        &BATCH_ROWS,
        1,
        1 << 20,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_int_guc(
        c"refuel.batch_memory",
        c"The most memory of the inputs that a query gathers before it asks.",
        c"A single input may be larger.",
        &BATCH_MEMORY,
        64,
        1 << 20,
        GucContext::Userset,
        GucFlags::UNIT_KB | GucFlags::EXPLAIN,
    );
    GucRegistry::define_bool_guc(
        c"refuel.supervise",
        c"Keeps a host running for as long as the server runs.",
        c"Has an effect only with refuel in shared_preload_libraries.",
        &SUPERVISE,
        GucContext::Sighup,
        GucFlags::empty(),
    );
    GucRegistry::define_string_guc(
        c"refuel.host_path",
        c"The program that is started as the host.",
        c"A name alone is looked up beside the server's own programs, then on PATH.",
        &HOST_PATH,
        GucContext::Sighup,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_string_guc(
        c"refuel.home",
        c"The folder of models, caches and the inference library.",
        c"Empty: what refuel takes for the server's account.",
        &HOME,
        GucContext::Sighup,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_string_guc(
        c"refuel.host_options",
        c"More arguments for the host.",
        c"Quoted as in a shell.",
        &HOST_OPTIONS,
        GucContext::Sighup,
        GucFlags::SUPERUSER_ONLY,
    );
    reserve(c"refuel");
}

/// Makes a misspelt setting an error, or at least a warning, instead of a value that nobody reads.
fn reserve(prefix: &'static CStr) {
    // SAFETY: called while the library is loaded, with a string that lives as long as the process.
    unsafe {
        #[cfg(not(any(feature = "pg13", feature = "pg14")))]
        pg_sys::MarkGUCPrefixReserved(prefix.as_ptr());
        #[cfg(any(feature = "pg13", feature = "pg14"))]
        pg_sys::EmitWarningsOnPlaceholders(prefix.as_ptr());
    }
}

/// The address of the host, for a backend that connects and for the supervisor that has it served.
///
/// Without a setting it is `.s.refuel.PORT` in the first folder of `unix_socket_directories`: where the server's own
/// socket is, with the same protection, short enough for a socket's name (107 bytes) because the server's own fits, and
/// out of the way of base backups. A server without such a folder has it in its data directory, as `.s.refuel`.
pub(crate) fn socket() -> String {
    let setting = text(&SOCKET);
    let path = setting.strip_prefix("unix:").unwrap_or(&setting);
    if path.is_empty() {
        // SAFETY: both are set before any library is loaded, and don't change while the server runs.
        let (folders, port) = unsafe { (pg_sys::Unix_socket_directories, pg_sys::PostPortNumber) };
        // SAFETY: Postgres keeps the setting as a string that ends in a zero byte.
        let folders = (!folders.is_null()).then(|| unsafe { CStr::from_ptr(folders) });
        let folders = folders.map(CStr::to_string_lossy).unwrap_or_default();
        let first = folders.split(',').next().unwrap_or_default().trim().trim_matches('"');
        // A name with `@` is in Linux' abstract space, which has no owner and no mode.
        if first.is_empty() || first.starts_with('@') {
            return in_data_directory(".s.refuel");
        }
        return in_data_directory(&format!("{first}/.s.refuel.{port}"));
    }
    if path.starts_with("tcp:") {
        setting
    } else {
        in_data_directory(path)
    }
}

/// A path that isn't absolute starts in the data directory, as it does in the server's own settings.
fn in_data_directory(path: &str) -> String {
    // SAFETY: set before any library is loaded, and never changed.
    let folder = unsafe { CStr::from_ptr(pg_sys::DataDir) };
    let whole = Path::new(OsStr::from_bytes(folder.to_bytes())).join(path);
    whole.to_string_lossy().into_owned()
}

/// The file with the token for a host on TCP.
pub(crate) fn token_file() -> Option<PathBuf> {
    path(&TOKEN_FILE)
}

/// How long a query waits for a host that is away.
pub(crate) fn timeout() -> Duration {
    Duration::from_millis(TIMEOUT.get().unsigned_abs().into())
}

/// What an input that can't be answered does.
pub(crate) fn on_error() -> OnError {
    ON_ERROR.get()
}

/// Whether a query's calls are gathered into batches.
pub(crate) fn batching() -> bool {
    BATCHING.get()
}

/// The most rows that are gathered before they are asked.
pub(crate) fn batch_rows() -> usize {
    BATCH_ROWS.get() as usize
}

/// The most memory of gathered inputs, in bytes.
pub(crate) fn batch_memory() -> usize {
    BATCH_MEMORY.get() as usize * 1024
}

/// Whether the supervisor keeps a host running.
pub(crate) fn supervise() -> bool {
    SUPERVISE.get()
}

/// The program to start as the host: a path, or a name to look up on `PATH`.
pub(crate) fn host_path() -> PathBuf {
    let program = path(&HOST_PATH).unwrap_or_else(|| PathBuf::from("refuel"));
    if program.components().count() > 1 {
        return program;
    }
    // SAFETY: the server's own path, which it finds out before any library is loaded.
    let server = unsafe { CStr::from_ptr((&raw const pg_sys::my_exec_path).cast()) };
    let beside = Path::new(OsStr::from_bytes(server.to_bytes())).with_file_name(&program);
    if beside.is_file() { beside } else { program }
}

/// The folder of models, if it is set.
pub(crate) fn home() -> Option<PathBuf> {
    path(&HOME)
}

/// More arguments for the host, as they were written.
pub(crate) fn host_options() -> String {
    text(&HOST_OPTIONS)
}

fn text(setting: &GucSetting<Option<CString>>) -> String {
    setting
        .get()
        .map(|value| value.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn path(setting: &GucSetting<Option<CString>>) -> Option<PathBuf> {
    let value = setting.get().filter(|value| !value.is_empty())?;
    Some(PathBuf::from(OsStr::from_bytes(value.to_bytes())))
}
