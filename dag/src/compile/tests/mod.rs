mod cached;
mod checks;
mod errors;
mod fingerprints;
mod portable;
mod references;
