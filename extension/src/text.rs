//! Text between Postgres, whose databases have an encoding, and Rust, whose strings are UTF-8.
//!
//! Postgres converts, and raises its own errors: `untranslatable_character` where a database's encoding lacks a
//! character of an answer, and `character_not_in_repertoire` where the bytes of a database in `SQL_ASCII` are no UTF-8.
//! Both end the statement, as they do in a conversion that SQL asks for, whatever `on_error` says: they are wrong
//! before there is a row to ask about.

use std::ffi::{CStr, c_char, c_int};

use pgrx::pg_sys;

use crate::error::Failure;

const UTF8: c_int = pg_sys::pg_enc::PG_UTF8 as c_int;

/// The content of a `text`.
///
/// # Safety
/// `datum` is a `text`, not null.
pub(crate) unsafe fn read(datum: pg_sys::Datum) -> Result<String, Failure> {
    // SAFETY: a `text` is a varlena; what is detoasted is ours until the end of this function, and freed where it was
    // copied, so that a large input is not held twice.
    unsafe {
        let stored = datum.cast_mut_ptr::<pg_sys::varlena>();
        let plain = pg_sys::pg_detoast_datum_packed(stored);
        let bytes = pgrx::varlena_to_byte_slice(plain);
        let content = decode(bytes);
        if plain != stored {
            pg_sys::pfree(plain.cast());
        }
        content
    }
}

/// The content of a `jsonb`, as JSON text.
///
/// # Safety
/// `datum` is a `jsonb`, not null.
#[expect(
    clippy::cast_ptr_alignment,
    reason = "what is detoasted is aligned as a `jsonb` has to be"
)]
pub(crate) unsafe fn read_json(datum: pg_sys::Datum) -> Result<String, Failure> {
    // SAFETY: a `jsonb` is a varlena whose content begins at `root`; the copies are freed here.
    unsafe {
        let stored = datum.cast_mut_ptr::<pg_sys::varlena>();
        let plain = pg_sys::pg_detoast_datum(stored);
        let size = pgrx::varsize_any(plain);
        let json = plain.cast::<pg_sys::Jsonb>();
        let written = pg_sys::JsonbToCString(std::ptr::null_mut(), &raw mut (*json).root, size as c_int);
        let content = decode(CStr::from_ptr(written).to_bytes());
        pg_sys::pfree(written.cast());
        if plain != stored {
            pg_sys::pfree(plain.cast());
        }
        content
    }
}

/// A string of Postgres, such as a role's name.
///
/// # Safety
/// `string` ends with a zero.
pub(crate) unsafe fn read_c(string: *const c_char) -> Result<String, Failure> {
    // SAFETY: the caller's promise.
    decode(unsafe { CStr::from_ptr(string) }.to_bytes())
}

fn decode(bytes: &[u8]) -> Result<String, Failure> {
    // SAFETY: Postgres reads `bytes` and gives either the same pointer or a copy that ends with a zero. The copy is
    // freed here.
    unsafe {
        let start = bytes.as_ptr().cast::<c_char>();
        let length = c_int::try_from(bytes.len()).map_err(|_| Failure::Encoding)?;
        let converted = pg_sys::pg_server_to_any(start, length, UTF8);
        if std::ptr::eq(converted, start) {
            return std::str::from_utf8(bytes)
                .map(str::to_owned)
                .map_err(|_| Failure::Encoding);
        }
        let content = CStr::from_ptr(converted)
            .to_str()
            .map(str::to_owned)
            .map_err(|_| Failure::Encoding);
        pg_sys::pfree(converted.cast());
        content
    }
}

/// Calls `then` with the bytes of a text in the encoding of the database.
fn encode<T>(content: &str, then: impl FnOnce(*const c_char, usize) -> T) -> Result<T, Failure> {
    if content.contains('\0') {
        return Err(Failure::Nul);
    }
    // SAFETY: as in `decode`.
    unsafe {
        let start = content.as_ptr().cast::<c_char>();
        let length = c_int::try_from(content.len()).map_err(|_| Failure::Encoding)?;
        let converted = pg_sys::pg_any_to_server(start, length, UTF8);
        if std::ptr::eq(converted, start) {
            return Ok(then(start, content.len()));
        }
        let result = then(converted, CStr::from_ptr(converted).to_bytes().len());
        pg_sys::pfree(converted.cast());
        Ok(result)
    }
}

/// A `text` in the current memory context.
pub(crate) fn write(content: &str) -> Result<pg_sys::Datum, Failure> {
    // SAFETY: the pointer and the length are those of one string, which is copied.
    encode(content, |start, length| unsafe {
        pg_sys::Datum::from(pg_sys::cstring_to_text_with_len(start, length as c_int))
    })
}

/// A string that ends with a zero, in the current memory context.
pub(crate) fn write_c(content: &str) -> Result<*mut c_char, Failure> {
    // SAFETY: as in `write`.
    encode(content, |start, length| unsafe { pg_sys::pnstrdup(start, length) })
}

/// A `jsonb` in the current memory context.
pub(crate) fn write_json(json: &str) -> Result<pg_sys::Datum, Failure> {
    let written = write_c(json)?;
    // SAFETY: `jsonb_in` takes one C string and needs no call information.
    let json = unsafe { pgrx::direct_function_call_as_datum(pg_sys::jsonb_in, &[Some(pg_sys::Datum::from(written))]) };
    json.ok_or(Failure::Encoding)
}

/// Text for an error message: as it is where the database is in UTF-8, else with its characters beyond ASCII escaped,
/// because the report goes out as it stands here.
pub(crate) fn printable(message: String) -> String {
    // SAFETY: reads a setting of the database.
    if message.is_ascii() || unsafe { pg_sys::GetDatabaseEncoding() } == UTF8 {
        return message;
    }
    let mut escaped = String::with_capacity(message.len());
    for letter in message.chars() {
        if letter.is_ascii() {
            escaped.push(letter);
        } else {
            escaped.extend(letter.escape_unicode());
        }
    }
    escaped
}

/// A literal of SQL, for a hint that can be pasted.
pub(crate) fn literal(content: &str) -> String {
    format!("'{}'", content.replace('\'', "''"))
}
