//! The token of clients on TCP.

use std::fmt;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use fs_err::File;
use subtle::ConstantTimeEq as _;

use crate::error::HostError;

/// Fewest characters of a token.
const SHORTEST: usize = 16;

/// Most bytes of a token file.
const LONGEST_FILE: u64 = 4096;

/// A secret that clients have to know.
#[derive(Clone)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

impl Token {
    /// Reads a token from a file of one line that its owner alone can read.
    ///
    /// # Errors
    /// [`HostError::TokenFile`].
    pub fn from_file(path: &Path) -> Result<Self, HostError> {
        let wrong = |reason: String| HostError::TokenFile {
            path: path.to_owned(),
            reason,
        };
        let read = || -> std::io::Result<(std::fs::Metadata, String)> {
            let mut file = File::open(path)?;
            let metadata = file.metadata()?;
            let mut text = String::new();
            file.by_ref().take(LONGEST_FILE).read_to_string(&mut text)?;
            Ok((metadata, text))
        };
        let (metadata, text) = read().map_err(|error| wrong(error.kind().to_string()))?;
        if metadata.mode() & 0o077 != 0 {
            return Err(wrong(format!(
                "others can read it (mode {:04o})",
                metadata.mode() & 0o7777
            )));
        }
        let token = text.trim();
        if token.lines().count() > 1 {
            return Err(wrong("it has several lines".to_owned()));
        }
        if token.len() < SHORTEST {
            return Err(wrong(format!(
                "it has {} characters; {SHORTEST} are needed",
                token.len()
            )));
        }
        Ok(Self(token.to_owned()))
    }

    /// Whether this is what a client says. How long it takes tells nothing but whether the lengths are equal.
    pub(super) fn is(&self, said: Option<&str>) -> bool {
        said.is_some_and(|said| bool::from(said.as_bytes().ct_eq(self.0.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_read_from_a_file_of_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let write = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            Token::from_file(&path).map_err(|error| error.to_string())
        };
        let token = write("0123456789abcdef\n", 0o600).unwrap();
        assert!(token.is(Some("0123456789abcdef")));
        for wrong in [None, Some(""), Some("0123456789abcdef\n"), Some("0123456789abcdeF")] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{token:?}"), "Token(…)");
        for (text, mode, what) in [
            ("0123456789abcdef", 0o640, "others can read it (mode 0640)"),
            ("short", 0o600, "it has 5 characters; 16 are needed"),
            ("0123456789abcdef\nx", 0o600, "it has several lines"),
        ] {
            let error = write(text, mode).unwrap_err();
            assert!(error.ends_with(what), "{error}");
        }
        assert_eq!(
            Token::from_file(&folder.path().join("none")).unwrap_err().code(),
            "RF0807"
        );
    }
}
