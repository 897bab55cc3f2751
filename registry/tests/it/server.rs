//! A web server on this machine that can misbehave.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use sha2::{Digest, Sha256};

/// What the server has at a path.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    /// Bytes.
    pub(crate) body: Vec<u8>,
    /// Headers besides the length.
    pub(crate) headers: Vec<(String, String)>,
    /// Another address that has it.
    pub(crate) redirect: Option<String>,
    /// So many answers are this status.
    pub(crate) failures: Option<(usize, u16)>,
    /// So many answers end after so many bytes.
    pub(crate) cuts: Option<(usize, usize)>,
    /// Requests for a part get the whole.
    pub(crate) no_ranges: bool,
    /// Requests for a part get another one.
    pub(crate) wrong_ranges: bool,
    /// More bytes follow than the length says, in a way that says no length.
    pub(crate) endless: bool,
    /// After so many bytes the server waits until the test says otherwise.
    pub(crate) stall: Option<usize>,
}

/// What somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `GET` or `HEAD`.
    pub(crate) method: String,
    /// Path.
    pub(crate) path: String,
    /// First byte, where a part was asked for.
    pub(crate) from: Option<usize>,
    /// The header `Authorization`.
    pub(crate) authorization: Option<String>,
}

#[derive(Default)]
struct State {
    routes: BTreeMap<String, Route>,
    log: Vec<Asked>,
}

/// A web server on this machine.
#[derive(Clone)]
pub(crate) struct Server {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// Begins to listen. It ends with the process.
    pub(crate) fn start() -> Self {
        Self::start_on("127.0.0.1")
    }

    /// Begins to listen on an address, which for clients is a host.
    pub(crate) fn start_on(host: &str) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Self {
            address,
            state: Arc::default(),
        };
        let own = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let own = own.clone();
                // A client that goes away is what some tests are about.
                std::thread::spawn(move || own.answer(stream.unwrap()).ok());
            }
        });
        server
    }

    /// Its address with a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Has a route from now on.
    pub(crate) fn set(&self, path: &str, route: Route) {
        self.state().routes.insert(path.to_owned(), route);
    }

    /// Changes a route.
    pub(crate) fn change(&self, path: &str, change: impl FnOnce(&mut Route)) {
        change(self.state().routes.get_mut(path).unwrap());
    }

    /// What was asked for until now, in order.
    pub(crate) fn log(&self) -> Vec<Asked> {
        self.state().log.clone()
    }

    /// From which byte on a path was fetched, each time.
    pub(crate) fn fetched(&self, path: &str) -> Vec<usize> {
        let log = self.log();
        log.iter()
            .filter(|asked| asked.method == "GET" && asked.path == path)
            .map(|asked| asked.from.unwrap_or(0))
            .collect()
    }

    /// Has a wheel, and the page of its package, whose hash is `sha256` or the right one.
    pub(crate) fn wheel(&self, package: &str, version: &str, wheel: &[u8], sha256: Option<&str>) -> String {
        let name = format!("{}-{version}-py3-none-any.whl", package.replace('-', "_"));
        let path = format!("/files/{name}");
        let right = sha256_of(wheel);
        let page = serde_json::json!({ "name": package, "files": [
            { "filename": name, "url": format!("../..{path}"), "hashes": { "sha256": sha256.unwrap_or(&right) }, "size": wheel.len() },
        ] });
        let headers = vec![(
            "Content-Type".to_owned(),
            "application/vnd.pypi.simple.v1+json".to_owned(),
        )];
        self.set(
            &format!("/simple/{package}/"),
            Route {
                body: page.to_string().into_bytes(),
                headers,
                ..Route::default()
            },
        );
        self.set(
            &path,
            Route {
                body: wheel.to_vec(),
                ..Route::default()
            },
        );
        path
    }

    /// Has every file of a folder as a repository of models, with its commit and hashes.
    pub(crate) fn repository(&self, repository: &str, folder: &Path, commit: &str) {
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(&next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let body = std::fs::read(&path).unwrap();
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                let tag = sha256_of(&body);
                let headers = vec![
                    ("X-Repo-Commit".to_owned(), commit.to_owned()),
                    ("X-Linked-ETag".to_owned(), format!("\"{tag}\"")),
                    ("X-Linked-Size".to_owned(), body.len().to_string()),
                ];
                for revision in ["main", commit] {
                    let route = Route {
                        body: body.clone(),
                        headers: headers.clone(),
                        ..Route::default()
                    };
                    self.set(&format!("/{repository}/resolve/{revision}/{name}"), route);
                }
            }
        }
    }

    fn answer(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut asked = Asked {
            method,
            path,
            from: None,
            authorization: None,
        };
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(": ") else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "range" => asked.from = value.trim_start_matches("bytes=").trim_end_matches('-').parse().ok(),
                "authorization" => asked.authorization = Some(value.to_owned()),
                _ => {}
            }
        }
        let route = {
            let mut state = self.state();
            state.log.push(asked.clone());
            state.routes.get_mut(&asked.path).map(|route| {
                let before = route.clone();
                if asked.method == "GET" {
                    let counters = [
                        route.failures.as_mut().map(|(times, _)| times),
                        route.cuts.as_mut().map(|(times, _)| times),
                    ];
                    counters
                        .into_iter()
                        .flatten()
                        .for_each(|times| *times = times.saturating_sub(1));
                }
                before
            })
        };
        let Some(route) = route else {
            return write!(
                stream,
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        };
        if let Some((1.., status)) = route.failures.filter(|_| asked.method == "GET") {
            return write!(
                stream,
                "HTTP/1.1 {status} Trouble\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        let mut head = String::new();
        let mut body = route.body.as_slice();
        if let Some(to) = &route.redirect {
            let _ = write!(head, "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n");
            body = &[];
        } else {
            match asked.from.filter(|_| !route.no_ranges) {
                Some(from) if from >= body.len() => {
                    return write!(
                        stream,
                        "HTTP/1.1 416 Range\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    );
                }
                Some(from) => {
                    let from = if route.wrong_ranges { 0 } else { from };
                    let (last, length) = (body.len() - 1, body.len());
                    let _ = write!(
                        head,
                        "HTTP/1.1 206 Part\r\nContent-Range: bytes {from}-{last}/{length}\r\n"
                    );
                    body = &body[from..];
                }
                None => head.push_str("HTTP/1.1 200 OK\r\n"),
            }
            if !route.endless {
                let _ = write!(head, "Content-Length: {}\r\n", body.len());
            }
        }
        for (name, value) in &route.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        write!(stream, "{head}Connection: close\r\n\r\n")?;
        if asked.method == "HEAD" {
            return Ok(());
        }
        if let Some((1.., bytes)) = route.cuts {
            return stream.write_all(&body[..bytes.min(body.len())]);
        }
        if let Some(bytes) = route.stall {
            stream.write_all(&body[..bytes.min(body.len())])?;
            stream.flush()?;
            // Until the client goes, or the route changes and the rest follows.
            stream.set_read_timeout(Some(Duration::from_millis(20)))?;
            while self.state().routes[&asked.path].stall.is_some() {
                if matches!(reader.read(&mut [0]), Ok(0)) {
                    return Ok(());
                }
            }
            return stream.write_all(&body[bytes.min(body.len())..]);
        }
        stream.write_all(body)?;
        for _ in 0..if route.endless { 1000 } else { 0 } {
            stream.write_all(&[0; 1024])?;
        }
        Ok(())
    }
}

/// SHA-256, in hexadecimal digits.
pub(crate) fn sha256_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
