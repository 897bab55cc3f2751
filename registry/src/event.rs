//! How far a long thing is. Nothing here prints.

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// A file is fetched; in bytes.
    Download(&'a str),
    /// A file is taken out of an archive, or parts are joined; in bytes.
    Unpack(&'a str),
    /// A checkpoint becomes an ONNX graph; in parameters.
    Compile(&'a str),
    /// Files are read for their hashes; in bytes.
    Hash(&'a str),
}

/// What a caller hears while it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A step begins.
    Begin {
        /// Which.
        step: Step<'a>,
        /// How much there is to do, where that is known.
        total: Option<u64>,
        /// How much an earlier try has done.
        done: u64,
    },
    /// So much of the step is done.
    Done(u64),
    /// Something worth telling that stops nothing.
    Note(&'a str),
}

/// Hears events.
pub type Listener<'a> = &'a mut dyn FnMut(Event<'_>);
