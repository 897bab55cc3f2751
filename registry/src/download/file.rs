//! One file: fetched in as many pieces as it takes, checked, and there as a whole or not at all.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::client::{Client, Failed, shown};
use crate::error::RegistryError;
use crate::event::{Event, Listener, Step};
use crate::hash;

/// Bytes read at a time.
const CHUNK: usize = 1 << 16;
/// A try that brings so many bytes counts as none in vain.
const WORTH_BYTES: u64 = 1 << 18;
/// Progress is told after so many bytes.
const TELL_EVERY: u64 = 1 << 19;
/// Largest file whose length nobody tells beforehand, in bytes.
const MOST_UNKNOWN: u64 = 1 << 40;

/// What a file must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Checksum {
    /// SHA-256, 64 hexadecimal digits.
    Sha256(String),
    /// The name that Git has for a file with these bytes, 40 hexadecimal digits: SHA-1 over `blob`, a blank, the length,
    /// a zero byte and the file.
    GitBlob(String),
}

/// A file to fetch.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) url: String,
    /// Its name in the folder; with `/` for one in a folder below.
    pub(crate) name: String,
    /// Bytes, where they are known.
    pub(crate) size: Option<u64>,
    pub(crate) checksum: Option<Checksum>,
    pub(crate) token: Option<String>,
}

/// Fetches a file into a folder. Returns its path, size and SHA-256.
pub(crate) fn fetch(
    client: &Client,
    wanted: &Wanted,
    folder: &Path,
    listener: Listener<'_>,
) -> Result<(PathBuf, u64, String), RegistryError> {
    let path = folder.join(&wanted.name);
    if let Some(above) = path.parent() {
        fs::create_dir_all(above).map_err(|source| RegistryError::io("make", above, source))?;
    }
    if path.is_file() {
        let (size, sha256) = hash::file(&path, &mut |_| {})?;
        if wanted.size.is_none_or(|wanted| wanted == size) && check(wanted, &path, &sha256)?.is_none() {
            return Ok((path, size, sha256));
        }
        fs::remove_file(&path).map_err(|source| RegistryError::io("remove", &path, source))?;
    }
    let part = folder.join(format!("{}.part", wanted.name));
    let continued = fs::metadata(&part).is_ok_and(|metadata| metadata.len() > 0);
    match whole(client, wanted, &part, &path, listener) {
        // What an earlier try left may be what is wrong.
        Err(error @ (RegistryError::Hash { .. } | RegistryError::Answer { .. })) if continued => {
            tracing::warn!("{error}; fetching it from its beginning");
            whole(client, wanted, &part, &path, listener)
        }
        other => other,
    }
}

/// Fetches what is missing of a file, checks it and puts it in place. The part is taken away where it is wrong.
fn whole(
    client: &Client,
    wanted: &Wanted,
    part: &Path,
    path: &Path,
    listener: Listener<'_>,
) -> Result<(PathBuf, u64, String), RegistryError> {
    let mut partial = Partial::open(part)?;
    listener(Event::Begin {
        step: Step::Download(&wanted.name),
        total: wanted.size,
        done: partial.length,
    });
    let mut failures = 0;
    let mut wait = client.servers.wait;
    loop {
        let before = partial.length;
        let failed = match piece(client, wanted, &mut partial, listener) {
            Ok(()) => break,
            Err(failed) => failed,
        };
        if partial.length >= before + WORTH_BYTES {
            (failures, wait) = (0, client.servers.wait);
        }
        failures += 1;
        if !failed.passing || failures >= client.servers.tries {
            if matches!(failed.error, RegistryError::Answer { .. }) {
                partial.remove()?;
            }
            return Err(failed.error);
        }
        tracing::info!(failures, "{}; trying again", failed.error);
        std::thread::sleep(wait);
        wait *= 2;
    }
    let write = |source| RegistryError::io("write", part, source);
    partial.file.sync_all().map_err(write)?;
    let sha256 = hash::hexadecimal(&partial.hash.clone().finalize());
    if let Some(error) = check(wanted, part, &sha256)? {
        partial.remove()?;
        return Err(error);
    }
    fs::rename(part, path).map_err(write)?;
    Ok((path.to_owned(), partial.length, sha256))
}

/// The error where a file isn't what it must be.
fn check(wanted: &Wanted, path: &Path, sha256: &str) -> Result<Option<RegistryError>, RegistryError> {
    let (expected, found) = match &wanted.checksum {
        None => return Ok(None),
        Some(Checksum::Sha256(expected)) => (expected, sha256.to_owned()),
        Some(Checksum::GitBlob(expected)) => {
            let read = |source| RegistryError::io("read", path, source);
            let mut hash = Sha1::new();
            hash.update(format!("blob {}\0", fs::metadata(path).map_err(read)?.len()));
            let mut file = fs::File::open(path).map_err(read)?;
            let mut buffer = vec![0; CHUNK];
            loop {
                match file.read(&mut buffer).map_err(read)? {
                    0 => break,
                    count => hash.update(&buffer[..count]),
                }
            }
            (expected, hash::hexadecimal(&hash.finalize()))
        }
    };
    Ok((!expected.eq_ignore_ascii_case(&found)).then(|| RegistryError::Hash {
        file: wanted.name.clone(),
        expected: expected.clone(),
        found,
    }))
}

/// The beginning of a file, with the state of its hash.
struct Partial {
    path: PathBuf,
    file: fs::File,
    length: u64,
    hash: Sha256,
}

impl Partial {
    fn open(path: &Path) -> Result<Self, RegistryError> {
        let io = |source| RegistryError::io("write", path, source);
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(io)?;
        let (mut hash, mut length) = (Sha256::new(), 0);
        let mut buffer = vec![0; CHUNK];
        loop {
            match file.read(&mut buffer).map_err(io)? {
                0 => break,
                count => {
                    hash.update(&buffer[..count]);
                    length += count as u64;
                }
            }
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            hash,
        })
    }

    fn restart(&mut self) -> Result<(), Failed> {
        let restart = self
            .file
            .set_len(0)
            .and_then(|()| std::io::Seek::rewind(&mut self.file));
        restart.map_err(|source| Failed::lasting(RegistryError::io("write", &self.path, source)))?;
        (self.length, self.hash) = (0, Sha256::new());
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        let added = self.file.write_all(bytes);
        added.map_err(|source| Failed::lasting(RegistryError::io("write", &self.path, source)))?;
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn remove(&self) -> Result<(), RegistryError> {
        fs::remove_file(&self.path).map_err(|source| RegistryError::io("remove", &self.path, source))
    }
}

/// One request for all that is missing.
fn piece(client: &Client, wanted: &Wanted, partial: &mut Partial, listener: Listener<'_>) -> Result<(), Failed> {
    if wanted.size.is_some_and(|size| partial.length > size) {
        partial.restart()?;
    }
    if wanted.size == Some(partial.length) {
        return Ok(());
    }
    let url = shown(&wanted.url);
    let mut response = match client.get(&wanted.url, partial.length, wanted.token.as_deref()) {
        // What is there is longer than the server's file, or as long as a file whose length nobody told.
        Err(Failed {
            error: RegistryError::Network { .. },
            passing: false,
        }) if partial.length > 0 => {
            partial.restart()?;
            client.get(&wanted.url, 0, wanted.token.as_deref())?
        }
        other => other?,
    };
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let length: Option<u64> = header("content-length").and_then(|length| length.parse().ok());
    if response.status().as_u16() == 206 {
        let begins =
            header("content-range").and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
        if begins != Some(partial.length) {
            partial.restart()?;
            return Err(Failed::passing(RegistryError::Answer {
                url,
                what: "it sent another part than was asked for".to_owned(),
            }));
        }
    } else if partial.length > 0 {
        // The server sends all of it, whatever was asked for.
        partial.restart()?;
    }
    let end = wanted.size.or_else(|| Some(partial.length + length?));
    let most = end.unwrap_or(MOST_UNKNOWN);
    let mut reader = response.body_mut().as_reader();
    let mut buffer = vec![0; CHUNK];
    let mut told = 0;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(Failed::passing(RegistryError::Network {
                    url,
                    reason: format!("the connection broke after {} bytes: {error}", partial.length),
                }));
            }
        };
        if partial.length + count as u64 > most {
            return Err(Failed::lasting(RegistryError::Answer {
                url,
                what: format!("the file goes on after the {most} bytes that it should have"),
            }));
        }
        partial.add(&buffer[..count])?;
        if partial.length - told >= TELL_EVERY {
            told = partial.length;
            listener(Event::Done(partial.length));
        }
    }
    listener(Event::Done(partial.length));
    match end {
        Some(end) if partial.length < end => Err(Failed::passing(RegistryError::Network {
            url,
            reason: format!("the file ends after {} of {end} bytes", partial.length),
        })),
        _ => Ok(()),
    }
}
