//! The `refuel` command line.

fn main() {}
