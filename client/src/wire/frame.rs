//! Frames: a length and a message.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Largest message, in bytes. An input of 10 MB, escaped and with others beside it, fits.
pub const LARGEST_FRAME: usize = 256 << 20;

const LENGTH_BYTES: usize = 4;

/// Why bytes are no frame.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum FrameError {
    /// The length is beyond [`LARGEST_FRAME`].
    #[error("a message of {0} bytes is too large")]
    TooLarge(usize),
    /// The bytes are no message.
    #[error("a message can't be read: {0}")]
    Malformed(postcard::Error),
}

/// Appends a message to a buffer as one frame.
///
/// # Errors
/// [`FrameError::TooLarge`]; the buffer is as it was before.
pub fn encode(message: &impl Serialize, buffer: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; LENGTH_BYTES]);
    let written = postcard::to_extend(message, std::mem::take(buffer)).map_err(FrameError::Malformed)?;
    *buffer = written;
    let length = buffer.len() - start - LENGTH_BYTES;
    if length > LARGEST_FRAME {
        buffer.truncate(start);
        return Err(FrameError::TooLarge(length));
    }
    buffer[start..start + LENGTH_BYTES].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(())
}

/// The body of the frame that a buffer begins with, and the bytes that the frame takes. None where more bytes are needed.
///
/// # Errors
/// [`FrameError::TooLarge`], before such a frame has arrived.
pub fn take_frame(buffer: &[u8]) -> Result<Option<(&[u8], usize)>, FrameError> {
    let Some(&[a, b, c, d]) = buffer.get(..LENGTH_BYTES) else {
        return Ok(None);
    };
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > LARGEST_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    let end = LENGTH_BYTES + length;
    Ok(buffer.get(LENGTH_BYTES..end).map(|body| (body, end)))
}

/// Reads the body of a frame.
///
/// # Errors
/// [`FrameError::Malformed`].
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    postcard::from_bytes(body).map_err(FrameError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Ask, Input, ToHost};
    use proptest::prelude::*;

    fn ask(texts: &[String]) -> ToHost {
        ToHost::Ask(Ask {
            request: 7,
            task: 1,
            detail: true,
            inputs: texts
                .iter()
                .enumerate()
                .map(|(row, text)| (row as u64, Input::Text(text.clone())))
                .collect(),
        })
    }

    proptest! {
        #[test]
        fn messages_come_back_whatever_stands_behind_them(
            texts in proptest::collection::vec(".*", 0..8),
            rest in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let message = ask(&texts);
            let mut buffer = Vec::new();
            encode(&message, &mut buffer).expect("small");
            let end = buffer.len();
            for cut in 0..end {
                prop_assert_eq!(take_frame(&buffer[..cut]), Ok(None));
            }
            buffer.extend_from_slice(&rest);
            let (body, taken) = take_frame(&buffer).expect("a frame").expect("whole");
            prop_assert_eq!(taken, end);
            prop_assert_eq!(decode::<ToHost>(body), Ok(message));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = decode::<ToHost>(&bytes);
            let _ = decode::<crate::wire::ToClient>(&bytes);
            let _ = take_frame(&bytes);
        }
    }

    #[test]
    fn a_length_that_is_too_large_is_refused_at_once() {
        assert_eq!(
            take_frame(&u32::MAX.to_le_bytes()),
            Err(FrameError::TooLarge(u32::MAX as usize))
        );
    }
}
