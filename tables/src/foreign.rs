//! What a file begins with that is no text in UTF-8: told by its real name, since the format's own complaint about it
//! would lead astray.

use crate::{Input, IoError};

/// First bytes of compressed files, with what unpacks them (the magic numbers of RFC 1952, RFC 8878, and the
/// descriptions of the xz and ZIP formats).
const PACKED: [(&[u8], &str, &str); 4] = [
    (b"\x1F\x8B", "gzip", "gzip -d"),
    (b"\x28\xB5\x2F\xFD", "Zstandard", "zstd -d"),
    (b"\xFD7zXZ\x00", "xz", "xz -d"),
    (b"PK\x03\x04", "ZIP", "unzip"),
];

/// Ends of the names of compressed files, with what unpacks them.
const PACKED_NAMES: [(&str, &str); 7] = [
    ("gz", "gzip -d"),
    ("tgz", "tar -xzf"),
    ("zst", "zstd -d"),
    ("bz2", "bzip2 -d"),
    ("xz", "xz -d"),
    ("zip", "unzip"),
    ("7z", "7z x"),
];

/// What unpacks a file with such a name; `None` where it isn't that of a compressed file.
pub(crate) fn unpacker(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    PACKED_NAMES
        .iter()
        .find(|(there, _)| *there == extension)
        .map(|(_, unpack)| *unpack)
}

/// Refuses a text whose first bytes say that it is compressed, or in UTF-16.
pub(crate) fn refuse(input: &Input, start: &[u8]) -> Result<(), IoError> {
    let fault = |what: String, hint: String| {
        Err(IoError::Malformed {
            input: input.to_string(),
            place: "line 1".to_owned(),
            what,
            hint,
        })
    };
    if let Some((_, name, unpack)) = PACKED.iter().find(|(magic, _, _)| start.starts_with(magic)) {
        return fault(
            format!("this is a file compressed with {name}"),
            format!("unpack it first, for example with `{unpack}`"),
        );
    }
    let encoding = match start {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "UTF-16",
        // A table begins with characters of ASCII nearly always, of which half is zero in UTF-16.
        [0, 1..=0x7F, 0, 1..=0x7F, ..] => "UTF-16BE",
        [1..=0x7F, 0, 1..=0x7F, 0, ..] => "UTF-16LE",
        _ => return Ok(()),
    };
    fault(
        "this is text in UTF-16, not in UTF-8".to_owned(),
        format!("convert the file first, for example with `iconv -f {encoding} -t UTF-8`"),
    )
}
