//! The backend's connection to the host: opened when it is first needed, kept until the backend ends. There is one for
//! each role that asks, as functions with their owner's rights make a backend ask for several.
//!
//! While it waits, the backend hears of what Postgres wants of it (a cancelled query, a timeout, the server's end) and
//! looks whether its own client is still there. Leaving in the middle closes the connection, and the host drops the work.

use std::cell::{Cell, RefCell};
use std::ffi::c_char;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use pgrx::pg_sys;
use refuel_client::wire::{Answer, Hello, Input, Relation, Report, ReportKind, Row, Work};
use refuel_client::{Address, Interest, Session, Stopped, Waiter};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::catalog::Resolved;
use crate::error::Failure;
use crate::{settings, text};

/// Longest time between two looks at the backend's own client.
const SLICE: Duration = Duration::from_millis(50);

/// Most sessions that are kept.
const MOST_SESSIONS: usize = 4;

thread_local! {
    /// The last used first.
    static SESSIONS: RefCell<Vec<Session>> = const { RefCell::new(Vec::new()) };
    /// When the backend's own client was last looked at.
    static LAST_LOOK: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Answers inputs, in their order.
pub(crate) fn answer(resolved: &Resolved, detail: bool, inputs: &[Input]) -> Result<(Vec<Answer>, Work), Failure> {
    with_session(|session| {
        let answered = session.answer(&resolved.spec, detail, inputs, &mut Interrupts, &mut |_| {})?;
        if let Some(prepared) = session.prepared(&resolved.spec) {
            resolved.prepared.replace(Some(prepared.clone()));
        }
        Ok(answered)
    })
}

/// What comes of whole relations: rows as texts, and what a person should hear.
pub(crate) fn relate(resolved: &Resolved, relations: Vec<Relation>) -> Result<(Vec<Row>, Vec<String>), Failure> {
    with_session(|session| {
        let related = session.relate(&resolved.spec, relations, &mut Interrupts)?;
        if let Some(prepared) = session.prepared(&resolved.spec) {
            resolved.prepared.replace(Some(prepared.clone()));
        }
        Ok(related)
    })
}

/// What the host is and does.
pub(crate) fn report(kind: ReportKind) -> Result<Report, Failure> {
    with_session(|session| Ok(session.report(kind, &mut Interrupts)?))
}

/// Lends the session of the current role. It is taken out while it is lent, so that an error that unwinds closes its connection.
fn with_session<T>(use_it: impl FnOnce(&mut Session) -> Result<T, Failure>) -> Result<T, Failure> {
    let (address, hello) = whereabouts()?;
    let kept = SESSIONS.with_borrow_mut(|sessions| {
        let is_it = |session: &Session| *session.address() == address && *session.hello() == hello;
        let at = sessions.iter().position(is_it)?;
        Some(sessions.remove(at))
    });
    let mut session = kept.unwrap_or_else(|| Session::new(address, hello, settings::timeout()));
    session.set_patience(settings::timeout());
    let result = use_it(&mut session);
    SESSIONS.with_borrow_mut(|sessions| {
        sessions.insert(0, session);
        sessions.truncate(MOST_SESSIONS);
    });
    result
}

/// Where the host is by the settings, and who asks.
fn whereabouts() -> Result<(Address, Hello), Failure> {
    let address: Address = settings::socket().parse().map_err(refuel_client::ClientError::from)?;
    let token = match settings::token_file() {
        Some(path) => match std::fs::read_to_string(&path) {
            Ok(token) => Some(token.trim().to_owned()),
            Err(source) => return Err(Failure::TokenFile { path, source }),
        },
        None => None,
    };
    // SAFETY: both names are in the current memory context, null where the row has gone.
    let (database, role) = unsafe {
        (
            name(pg_sys::get_database_name(pg_sys::MyDatabaseId))?,
            name(pg_sys::GetUserNameFromId(pg_sys::GetUserId(), true))?,
        )
    };
    let hello = Hello {
        program: "postgres".to_owned(),
        database,
        role,
        pid: std::process::id(),
        token,
    };
    Ok((address, hello))
}

/// A name of the catalog; empty where there is none.
unsafe fn name(text: *const c_char) -> Result<String, Failure> {
    if text.is_null() {
        return Ok(String::new());
    }
    // SAFETY: the caller passes a text of C.
    unsafe { text::read_c(text) }
}

/// Waits as a backend waits.
struct Interrupts;

impl Waiter for Interrupts {
    fn wait(&mut self, socket: BorrowedFd<'_>, interest: Interest, timeout: Duration) -> Result<(), Stopped> {
        let events = match interest {
            Interest::Readable => pg_sys::WL_SOCKET_READABLE,
            Interest::Writable => pg_sys::WL_SOCKET_WRITEABLE,
            Interest::Either => pg_sys::WL_SOCKET_READABLE | pg_sys::WL_SOCKET_WRITEABLE,
        };
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let left = deadline.map_or(SLICE, |deadline| deadline.saturating_duration_since(Instant::now()));
            let happened = latch(events, socket.as_raw_fd(), left.min(SLICE));
            if happened & events != 0 || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(());
            }
        }
    }

    fn sleep(&mut self, time: Duration) -> Result<(), Stopped> {
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            latch(0, pg_sys::PGINVALID_SOCKET, left.min(SLICE));
        }
    }
}

/// Waits for events of a socket, the backend's latch, the end of the server or of the time, and does what Postgres wants
/// done: it may leave by an error. Returns what happened.
fn latch(events: u32, socket: i32, timeout: Duration) -> u32 {
    let wanted = events | pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    // SAFETY: the latch is this backend's own, the socket is open while it is waited for.
    let happened = unsafe {
        pg_sys::WaitLatchOrSocket(
            pg_sys::MyLatch,
            wanted as i32,
            socket,
            timeout.as_millis().max(1) as std::ffi::c_long,
            pg_sys::PG_WAIT_EXTENSION,
        )
    } as u32;
    if happened & pg_sys::WL_LATCH_SET != 0 {
        // SAFETY: as above.
        unsafe { pg_sys::ResetLatch(pg_sys::MyLatch) };
    }
    if it_is_time_to_look() && client_has_gone() {
        // SAFETY: flags of this backend, which its signal handlers set in the same way.
        unsafe {
            pg_sys::ClientConnectionLost = 1;
            pg_sys::InterruptPending = 1;
        }
    }
    pgrx::check_for_interrupts!();
    happened
}

/// Whether [`SLICE`] is over since the last look, however much was answered meanwhile.
fn it_is_time_to_look() -> bool {
    let now = Instant::now();
    let due = LAST_LOOK
        .get()
        .is_none_or(|last| now.saturating_duration_since(last) >= SLICE);
    if due {
        LAST_LOOK.set(Some(now));
    }
    due
}

/// Whether the backend's own client has closed its connection, which Postgres looks for only where
/// `client_connection_check_interval` is set.
fn client_has_gone() -> bool {
    // SAFETY: background and parallel workers have no port. One that is there begins with its socket (struct Port of
    // libpq-be.h, in every version), which stays open as long as the backend lives.
    let socket = unsafe {
        let port = pg_sys::MyProcPort.cast::<pg_sys::pgsocket>();
        if port.is_null() {
            return false;
        }
        BorrowedFd::borrow_raw(*port)
    };
    let mut sockets = [PollFd::from_borrowed_fd(socket, PollFlags::RDHUP)];
    let now = Timespec::default();
    let gone = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    poll(&mut sockets, Some(&now)).is_ok_and(|ready| ready > 0) && sockets[0].revents().intersects(gone)
}
