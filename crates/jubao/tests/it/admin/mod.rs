//! `jubao admin …`: what is done to a store as a whole.

mod check;
mod spoilt;
