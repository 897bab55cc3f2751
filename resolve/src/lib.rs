//! Which records are the same thing: pairs that match, and whole tables resolved into clusters.
//!
//! A [`Profile`] is learned from records without labels: what is in each column, and how rare each word is. A
//! [`Comparator`] turns a pair of records into features that can be explained. [`candidates`] finds the pairs of one or two
//! tables that are worth comparing. What scores a pair is given from outside, trained on labelled pairs, or is a
//! [`FellegiSunter`] that needs none. [`cluster()`] makes clusters of scored pairs without chaining, and [`canonical()`] one
//! record of each. [`resolve()`] does all of this in a row, and [`compare_clusters`] says how good it is where the truth is
//! known.
//!
//! Nothing here reads a file or asks a model, and the same records give the same result, however many threads there are.

mod blocking;
mod canonical;
mod cluster;
mod error;
mod evaluate;
mod features;
mod profile;
mod record;
mod resolve;
mod sources;
mod text;
mod unsupervised;

pub use blocking::{Blocking, BlockingReport, Candidate, Part, Recall, Rule, RuleReport, Take, Vectors, candidates};
pub use canonical::{CanonicalField, Choose, canonical};
pub use cluster::{Cluster, ClusterOptions, Member, ScoredPair, cluster};
pub use error::ResolveError;
pub use evaluate::{ClusterFigures, Figures, assignment, compare_clusters, compare_pairs};
pub use features::{Comparator, Direction, Feature, Measure, Prepared};
pub use profile::{Column, Profile, Role};
pub use record::Record;
pub use resolve::{Entity, MergedPairs, Resolution, ResolveOptions, Scorer, Step, Watch, resolve};
pub use sources::{Mode, Sources};
pub use unsupervised::{Agreements, Evidence, FellegiSunter, random_pairs, sharing_pairs};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, ResolveError>;
