//! The SQL functions that ask a model: one entry of a table each.
//!
//! An entry says what a function reads and what it returns. The same entry serves a call that asks for its own row
//! ([`row`]) and the planner's node, which gathers rows: both give the same result.

mod manage;
mod output;
pub(crate) mod relation;
mod row;

use pgrx::pg_sys;
use refuel_client::wire::{Answer, Input};

use crate::catalog::Resolved;
use crate::error::Failure;
use crate::text;
use output::Output;

/// What a call asks: the task's name, or what a call of its own stands for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Subject {
    /// A task of the catalog, by `name` or `name@version`.
    Task(String),
    /// Vectors of a model.
    Embed {
        /// The model, by `name` or `name@digest`.
        model: String,
    },
    /// Text that a model writes.
    Complete {
        /// The model, by `name` or `name@digest`.
        model: String,
        /// How, as a JSON object.
        options: String,
    },
}

/// The sort of subject that a function has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SubjectShape {
    Task,
    Embed,
    Complete,
}

/// What the arguments before the subject are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum InputShape {
    /// A `text`.
    Text,
    /// A `jsonb` object of columns.
    Record,
    /// Two of `text`.
    Pair,
    /// A `text[]`: as many inputs as it has elements that are not null.
    Texts,
}

/// What Postgres calls.
type Address = unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum;

/// An SQL function.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name in SQL.
    pub(crate) name: &'static str,
    /// Its symbol in the library, which the install script names.
    symbol: &'static str,
    /// How many arguments it has.
    pub(crate) arguments: usize,
    subject: SubjectShape,
    input: InputShape,
    output: Output,
    /// The kinds of tasks whose answers it returns. Empty where it is every kind.
    kinds: &'static [&'static str],
    address: Address,
}

/// A call from SQL.
#[derive(Clone, Copy)]
pub(crate) struct Call(pg_sys::FunctionCallInfo);

impl Call {
    /// The datum of an argument. None where it is null.
    fn argument(self, position: usize) -> Option<pg_sys::Datum> {
        // SAFETY: a call is made by `export!` alone, which has it from Postgres. The functions read as many arguments as
        // the install script declares.
        unsafe { pgrx::fcinfo::pg_getarg_datum(self.0, position) }
    }

    /// The text of an argument that is declared `text`. The functions are strict: none is null.
    fn text(self, position: usize) -> Result<String, Failure> {
        let datum = self.argument(position).ok_or(Failure::Encoding)?;
        // SAFETY: of that type by the declaration.
        unsafe { text::read(datum) }
    }

    /// The JSON text of an argument that is declared `jsonb`.
    fn json(self, position: usize) -> Result<String, Failure> {
        let datum = self.argument(position).ok_or(Failure::Encoding)?;
        // SAFETY: of that type by the declaration.
        unsafe { text::read_json(datum) }
    }
}

/// Exports functions to Postgres, each with the record that says how it is called (version 1, as
/// `PG_FUNCTION_INFO_V1` writes it). A body returns a datum of the declared type; None is NULL.
macro_rules! export {
    ($($symbol:ident => $body:expr;)*) => {$(
        #[doc(hidden)]
        pub(crate) mod $symbol {
            use super::*;

            #[pgrx::pg_guard]
            #[unsafe(export_name = stringify!($symbol))]
            pub(crate) unsafe extern "C-unwind" fn call(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
                let body: fn(Call) -> Result<Option<pg_sys::Datum>, Failure> = $body;
                match body(Call(fcinfo)) {
                    Ok(Some(result)) => result,
                    // SAFETY: the same call.
                    Ok(None) => unsafe { pgrx::fcinfo::pg_return_null(fcinfo) },
                    Err(failure) => failure.raise(),
                }
            }

            #[unsafe(export_name = concat!("pg_finfo_", stringify!($symbol)))]
            extern "C" fn information() -> &'static pg_sys::Pg_finfo_record {
                static VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
                &VERSION_1
            }
        }
    )*};
}
pub(crate) use export;

macro_rules! functions {
    ($($symbol:ident: $name:literal, $subject:ident of $input:ident, $output:ident, [$($kind:literal),*];)*) => {
        export! {
            $($symbol => |call| row::answer(&entries::$symbol, call);)*
        }

        #[expect(non_upper_case_globals, reason = "each entry has the name of its symbol")]
        mod entries {
            use super::*;

            $(pub(super) static $symbol: Function = Function {
                name: $name,
                symbol: stringify!($symbol),
                arguments: InputShape::$input.count() + SubjectShape::$subject.count(),
                subject: SubjectShape::$subject,
                input: InputShape::$input,
                output: Output::$output,
                kinds: &[$($kind),*],
                address: super::$symbol::call,
            };)*
        }

        /// Every function that asks a model.
        static FUNCTIONS: &[&Function] = &[$(&entries::$symbol),*];
    };
}

functions! {
    refuel_label: "refuel_label", Task of Text, Text, ["label"];
    refuel_label_record: "refuel_label", Task of Record, Text, ["label"];
    refuel_label_array: "refuel_label", Task of Texts, Text, ["label"];
    refuel_labels: "refuel_labels", Task of Text, Texts, ["multilabel"];
    refuel_labels_record: "refuel_labels", Task of Record, Texts, ["multilabel"];
    refuel_extract: "refuel_extract", Task of Text, Json, ["extract"];
    refuel_extract_record: "refuel_extract", Task of Record, Json, ["extract"];
    refuel_answer: "refuel_answer", Task of Pair, Text, ["answer"];
    refuel_normalize: "refuel_normalize", Task of Text, Text, ["normalize"];
    refuel_normalize_record: "refuel_normalize", Task of Record, Text, ["normalize"];
    refuel_clean: "refuel_clean", Task of Text, Text, ["clean"];
    refuel_enrich: "refuel_enrich", Task of Record, Json, ["enrich"];
    refuel_detail: "refuel_detail", Task of Text, Detail, [];
    refuel_detail_record: "refuel_detail", Task of Record, Detail, [];
    refuel_detail_pair: "refuel_detail", Task of Pair, Detail, [];
    refuel_confidence: "refuel_confidence", Task of Text, Confidence, [];
    refuel_confidence_record: "refuel_confidence", Task of Record, Confidence, [];
    refuel_confidence_pair: "refuel_confidence", Task of Pair, Confidence, [];
    refuel_match: "refuel_match", Task of Pair, Bool, ["match"];
    refuel_match_score: "refuel_match_score", Task of Pair, Score, ["match"];
    refuel_embed: "refuel_embed", Embed of Text, Vector, ["embed"];
    refuel_complete: "refuel_complete", Complete of Text, Text, ["complete"];
}

impl SubjectShape {
    const fn count(self) -> usize {
        match self {
            Self::Task | Self::Embed => 1,
            Self::Complete => 2,
        }
    }
}

impl InputShape {
    const fn count(self) -> usize {
        match self {
            Self::Text | Self::Record | Self::Texts => 1,
            Self::Pair => 2,
        }
    }
}

impl Function {
    /// The function behind an OID. None where it is another's.
    ///
    /// It is found by its address, so that renaming it changes nothing, and looked up each time, because a function can
    /// be dropped and its OID given to another.
    pub(crate) fn of(oid: pg_sys::Oid) -> Option<&'static Function> {
        if oid.to_u32() < pg_sys::FirstNormalObjectId || !names_one_of_ours(oid) {
            return None;
        }
        let address = address_of(oid)?;
        FUNCTIONS
            .iter()
            .find(|function| function.address as usize == address)
            .copied()
    }

    /// Whether a call of another function with the same arguments asks the same.
    pub(crate) fn asks_like(&self, other: &Function) -> bool {
        self.subject == other.subject && self.input == other.input
    }

    /// Whether calls of it may be gathered. The array form asks for its own rows at once.
    pub(crate) fn batched(&self) -> bool {
        self.input != InputShape::Texts
    }

    /// Positions of the arguments that make the input.
    pub(crate) fn input_arguments(&self) -> &'static [usize] {
        &[0, 1][..self.input.count()]
    }

    /// Positions of the arguments that make the subject; they follow the input.
    pub(crate) fn subject_arguments(&self) -> &'static [usize] {
        &[0, 1, 2][self.input.count()..self.arguments]
    }

    /// The subject of a call.
    ///
    /// # Safety
    /// `arguments` are those at [`Function::subject_arguments`], none of them null.
    pub(crate) unsafe fn subject(&self, arguments: &[pg_sys::Datum]) -> Result<Subject, Failure> {
        // SAFETY: the caller's promise: the first is a `text` for every shape, the second a `jsonb`.
        unsafe {
            let first = text::read(arguments[0])?;
            Ok(match self.subject {
                SubjectShape::Task => Subject::Task(first),
                SubjectShape::Embed => Subject::Embed { model: first },
                SubjectShape::Complete => Subject::Complete {
                    model: first,
                    options: text::read_json(arguments[1])?,
                },
            })
        }
    }

    /// The input of a call.
    ///
    /// # Safety
    /// `arguments` are those at [`Function::input_arguments`], none of them null.
    pub(crate) unsafe fn input(&self, arguments: &[pg_sys::Datum]) -> Result<Input, Failure> {
        // SAFETY: the caller's promise, by shape. The array form never comes here: its elements are read one by one.
        unsafe {
            Ok(match self.input {
                InputShape::Text | InputShape::Texts => Input::Text(text::read(arguments[0])?),
                InputShape::Record => {
                    let record = text::read_json(arguments[0])?;
                    if !record.starts_with('{') {
                        return Err(Failure::NotRecord);
                    }
                    Input::Record(record)
                }
                InputShape::Pair => Input::Pair(text::read(arguments[0])?, text::read(arguments[1])?),
            })
        }
    }

    /// Whether scores of the other candidates are needed.
    pub(crate) fn detail(&self) -> bool {
        matches!(self.output, Output::Detail | Output::Score)
    }

    /// Checks that it returns what the task answers; to be called before anything is asked.
    pub(crate) fn check(&self, resolved: &Resolved) -> Result<(), Failure> {
        let kind = resolved.kind.as_str();
        if self.kinds.contains(&kind) || (self.kinds.is_empty() && relation::for_kind(kind).is_none()) {
            return Ok(());
        }
        Err(Failure::WrongKind {
            function: self.name,
            task: resolved.spec.name.clone(),
            kind: resolved.kind.clone(),
            right: for_kind(kind),
        })
    }

    /// The result for an answer, in the current memory context. None is NULL.
    ///
    /// A row without an answer follows the task's `on_error`: under `fail` it is an error of the statement, else NULL,
    /// except that `refuel_detail` returns the reason under `capture`.
    ///
    /// # Safety
    /// To be called in a transaction, where memory can be allocated from Postgres.
    pub(crate) unsafe fn result(&self, answer: &Answer, resolved: &Resolved) -> Result<Option<pg_sys::Datum>, Failure> {
        self.check(resolved)?;
        // SAFETY: the caller's promise.
        unsafe { self.output.of(answer, resolved) }
    }
}

/// The function that answers tasks of a kind.
fn for_kind(kind: &str) -> Option<&'static str> {
    let by_row = FUNCTIONS.iter().find(|function| function.kinds.contains(&kind));
    by_row
        .map(|function| function.name)
        .or_else(|| relation::for_kind(kind))
}

/// Whether a function is written in C and has the symbol of one of ours. It says nothing about the library, but keeps
/// others' functions from being loaded while a statement is planned.
fn names_one_of_ours(oid: pg_sys::Oid) -> bool {
    symbol_of(oid).is_some_and(|symbol| FUNCTIONS.iter().any(|function| function.symbol == symbol))
}

/// The symbol of a function that is written in C.
#[expect(
    clippy::cast_ptr_alignment,
    reason = "a row of the catalog is aligned as its fixed part has to be"
)]
fn symbol_of(oid: pg_sys::Oid) -> Option<String> {
    /// OID of the language `c` in `pg_language`, the same in every database.
    const LANGUAGE_C: u32 = 13;
    // SAFETY: the row is released, and nothing of it is used afterwards. `prosrc` is never null.
    unsafe {
        let row = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::PROCOID as i32, pg_sys::Datum::from(oid));
        if row.is_null() {
            return None;
        }
        let fixed = pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_proc>();
        let mut symbol = None;
        if (*fixed).prolang.to_u32() == LANGUAGE_C {
            let mut null = false;
            let written = pg_sys::SysCacheGetAttr(
                pg_sys::SysCacheIdentifier::PROCOID as i32,
                row,
                pg_sys::Anum_pg_proc_prosrc as i16,
                &raw mut null,
            );
            symbol = (!null).then(|| text::read(written).ok()).flatten();
        }
        pg_sys::ReleaseSysCache(row);
        symbol
    }
}

/// The address of a function that is written in C; Postgres loads its library.
fn address_of(oid: pg_sys::Oid) -> Option<usize> {
    let mut information = pg_sys::FmgrInfo::default();
    // SAFETY: the function is there, as its catalog row was just read, and the record is ours to fill.
    unsafe { pg_sys::fmgr_info(oid, &raw mut information) };
    information.fn_addr.map(|address| address as usize)
}
