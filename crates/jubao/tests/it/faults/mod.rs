//! What a machine runs out of: room on a disk, descriptors, patience. Whatever is missing, a merchant hears
//! 4006 and nothing was done, or is told that it is not known; and when there is enough again the very same
//! process serves, without a restart.

mod bell;
mod descriptors;
mod disk;
mod doubt;
mod lease;
mod queue;
mod server;
mod small_disk;
mod till;
