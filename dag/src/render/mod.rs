//! From templates to SQL with marks: what dbt's templates can say, on minijinja.

mod clock;
mod functions;
mod locate;
mod macros;
mod marks;
mod portable;
mod record;
mod reference;
mod relation;
mod renderer;
mod repeated;
mod scope;

pub(crate) use locate::{call_place, offset_of, place_at, source_of};
pub(crate) use macros::declared;
pub(crate) use marks::{Aspect, number_of, replace};
pub(crate) use record::{Asked, Used, Uses, text_hash, value_hash};
pub use reference::{PORTABLE_FUNCTIONS, TEMPLATE_NAMES, TemplateFunction, portable_sql};
pub(crate) use renderer::{Mode, Moment, Renderer, TemplateFile};
pub(crate) use repeated::repeated_settings;
pub(crate) use scope::Base;
