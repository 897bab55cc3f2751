//! Daemons as processes of their own, that are killed.

mod desk;
mod ends;
mod kills;
mod policies;
mod roles;
