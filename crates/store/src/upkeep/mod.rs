//! What an operator does to a database as a whole: migrating, keeping a copy and bringing it back, moving
//! from one engine to the other. Everything here blocks.

mod backup;
mod digest;
mod migrations;
mod moving;
mod pages;

pub use self::backup::{Existing, Kept, back_up, restore};
pub use self::migrations::{Pending, Plan, migrate, plan};
pub use self::moving::{Moved, Moving, Step, Tell, give_up, start};
