//! The registry: models on this machine, pinned by digest, and the catalog of those that can be had.
