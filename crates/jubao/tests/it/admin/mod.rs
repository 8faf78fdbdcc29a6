//! `jubao admin …`: what is done to a store as a whole.

mod check;
mod keep;
mod layout;
mod postgres_backup;
mod relocate;
mod spoilt;
