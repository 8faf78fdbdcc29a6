//! `jubao admin …`: what is done to a store as a whole.

mod check;
mod earlier;
mod keep;
mod layout;
mod moved;
mod postgres_backup;
mod relocate;
mod spoilt;
