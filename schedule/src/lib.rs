//! Projects run by the clock.
