//! The row path: a call that asks for itself.

use std::ffi::c_char;

use pgrx::pg_sys;
use refuel_client::wire::Input;

use super::{Call, Function, InputShape};
use crate::error::Failure;
use crate::{catalog, host, text};

/// Answers one call.
pub(super) fn answer(function: &'static Function, call: Call) -> Result<Option<pg_sys::Datum>, Failure> {
    // The functions are strict; one that was declared otherwise returns null for null too.
    let Some(arguments) = (0..function.arguments)
        .map(|position| call.argument(position))
        .collect::<Option<Vec<_>>>()
    else {
        return Ok(None);
    };
    let (inputs, subject) = arguments.split_at(function.input.count());
    // SAFETY: none of them is null, and their types are those of the declaration.
    unsafe {
        let resolved = catalog::resolve(&function.subject(subject)?)?;
        function.check(&resolved)?;
        if function.input == InputShape::Texts {
            return texts(function, &resolved, inputs[0]).map(Some);
        }
        let input = function.input(inputs)?;
        let (answers, _) = host::answer(&resolved, function.detail(), &[input])?;
        match answers.first() {
            Some(answer) => function.result(answer, &resolved),
            None => Err(Failure::Answer {
                task: resolved.spec.name.clone(),
                found: "nothing",
            }),
        }
    }
}

/// An array of the same shape, with an answer for each element that is not null. They are asked for at once.
///
/// # Safety
/// `datum` is a `text[]`.
#[expect(
    clippy::cast_ptr_alignment,
    reason = "what is detoasted is aligned as an array has to be"
)]
unsafe fn texts(
    function: &Function,
    resolved: &catalog::Resolved,
    datum: pg_sys::Datum,
) -> Result<pg_sys::Datum, Failure> {
    // SAFETY: the layout of an array is Postgres' own: its dimensions and lower bounds stand behind the header. What
    // `deconstruct_array` gives is as long as it says.
    unsafe {
        let array = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
        let (mut elements, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
        pg_sys::deconstruct_array(
            array,
            pg_sys::TEXTOID,
            -1,
            false,
            pg_sys::TYPALIGN_INT as c_char,
            &raw mut elements,
            &raw mut nulls,
            &raw mut count,
        );
        if count == 0 {
            return Ok(pg_sys::Datum::from(pg_sys::construct_empty_array(pg_sys::TEXTOID)));
        }
        let elements = std::slice::from_raw_parts_mut(elements, count as usize);
        let nulls = std::slice::from_raw_parts_mut(nulls, count as usize);
        let mut inputs = Vec::with_capacity(elements.len());
        for (element, null) in elements.iter().zip(&*nulls) {
            if !null {
                inputs.push(Input::Text(text::read(*element)?));
            }
        }
        let answers = if inputs.is_empty() {
            Vec::new()
        } else {
            host::answer(resolved, function.detail(), &inputs)?.0
        };
        let mut answers = answers.iter();
        for (element, null) in elements.iter_mut().zip(&mut *nulls) {
            if *null {
                continue;
            }
            let Some(answer) = answers.next() else {
                return Err(Failure::Answer {
                    task: resolved.spec.name.clone(),
                    found: "too little",
                });
            };
            match function.result(answer, resolved)? {
                Some(result) => *element = result,
                None => *null = true,
            }
        }
        let dimensions = array.add(1).cast::<i32>();
        Ok(pg_sys::Datum::from(pg_sys::construct_md_array(
            elements.as_mut_ptr(),
            nulls.as_mut_ptr(),
            (*array).ndim,
            dimensions,
            dimensions.add((*array).ndim as usize),
            pg_sys::TEXTOID,
            -1,
            false,
            pg_sys::TYPALIGN_INT as c_char,
        )))
    }
}
