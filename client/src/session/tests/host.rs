//! A host that does as it is told, on a real socket.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::wire::{
    Answer, Ask, Hello, Input, PREAMBLE_BYTES, Preamble, Prepared, Source, Status, ToClient, ToHost, Value, Welcome,
    Work, decode, encode, take_frame,
};
use crate::{Address, Session};

pub(super) const WINDOW: u64 = 8 << 20;

/// A folder for a socket.
pub(super) struct Place {
    _folder: tempfile::TempDir,
    pub(super) path: PathBuf,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.sock");
        Self { _folder: folder, path }
    }

    /// A host that treats its connections with `scripts`, one after the other, and then ends.
    pub(super) fn host(&self, scripts: Vec<Script>) -> JoinHandle<()> {
        let _ = std::fs::remove_file(&self.path);
        let listener = UnixListener::bind(&self.path).unwrap();
        thread::spawn(move || {
            for script in scripts {
                let (stream, _) = listener.accept().unwrap();
                script(Peer {
                    stream,
                    bytes: Vec::new(),
                });
            }
        })
    }

    pub(super) fn session(&self) -> Session {
        self.patient(Duration::from_secs(20))
    }

    pub(super) fn patient(&self, patience: Duration) -> Session {
        let hello = Hello {
            program: "test".to_owned(),
            ..Hello::default()
        };
        Session::new(Address::Unix(self.path.clone()), hello, patience)
    }
}

pub(super) type Script = Box<dyn FnOnce(Peer) + Send>;

pub(super) fn script(script: impl FnOnce(Peer) + Send + 'static) -> Script {
    Box::new(script)
}

/// The host's side of a connection.
pub(super) struct Peer {
    pub(super) stream: UnixStream,
    pub(super) bytes: Vec<u8>,
}

impl Peer {
    pub(super) fn welcome(&mut self) {
        self.stream.write_all(&Preamble::own().to_bytes()).unwrap();
        let mut preamble = [0; PREAMBLE_BYTES];
        self.stream.read_exact(&mut preamble).unwrap();
        assert_eq!(Preamble::from_bytes(&preamble), Some(Preamble::own()));
        let hello = self.hear();
        assert!(
            matches!(&hello, Some(ToHost::Hello(hello)) if hello.program == "test"),
            "{hello:?}"
        );
        self.say(&ToClient::Welcome(Welcome {
            pid: 1,
            window_bytes: WINDOW,
        }));
    }

    /// The next message; none at the end.
    pub(super) fn hear(&mut self) -> Option<ToHost> {
        loop {
            if let Some((body, bytes)) = take_frame(&self.bytes).unwrap() {
                let message = decode(body).unwrap();
                self.bytes.drain(..bytes);
                return Some(message);
            }
            let mut part = vec![0; 1 << 20];
            match self.stream.read(&mut part) {
                Ok(0) | Err(_) => return None,
                Ok(bytes) => self.bytes.extend_from_slice(&part[..bytes]),
            }
        }
    }

    pub(super) fn say(&mut self, message: &ToClient) {
        let mut bytes = Vec::new();
        encode(message, &mut bytes).unwrap();
        // The client may have gone; the test sees what it has of it.
        let _ = self.stream.write_all(&bytes);
    }

    /// Settles tasks until inputs come.
    pub(super) fn ask(&mut self) -> Option<Ask> {
        loop {
            match self.hear()? {
                ToHost::Prepare { task, .. } => {
                    let prepared = prepared();
                    self.say(&ToClient::Prepared { task, prepared });
                }
                ToHost::Ask(ask) => return Some(ask),
                other => panic!("{other:?}"),
            }
        }
    }

    pub(super) fn answer(&mut self, request: u64, inputs: &[(u64, Input)]) {
        let answers = inputs.iter().map(|(number, input)| (*number, echo(input))).collect();
        self.say(&ToClient::Answers { request, answers });
    }

    pub(super) fn done(&mut self, request: u64) {
        let work = Work {
            batches: 1,
            ..Work::default()
        };
        self.say(&ToClient::Done { request, work });
    }

    /// Answers whatever is asked, until the client goes.
    pub(super) fn serve(mut self) {
        self.welcome();
        while let Some(ask) = self.ask() {
            self.answer(ask.request, &ask.inputs);
            self.done(ask.request);
        }
    }
}

pub(super) fn prepared() -> Prepared {
    Prepared {
        fingerprint: "f".to_owned(),
        model: "m@1".to_owned(),
        kind: "label".to_owned(),
    }
}

/// The answer that tells which input it belongs to.
pub(super) fn echo(input: &Input) -> Answer {
    let Input::Text(text) = input else { panic!("{input:?}") };
    Answer {
        value: Value::Text(text.clone()),
        confidence: None,
        raw_confidence: None,
        status: Status::Ok,
        reason: None,
        scores: Vec::new(),
        source: Source::Model,
    }
}
