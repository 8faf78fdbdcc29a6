//! What processes on one store tell each other at once, where the engine can carry it.

use tokio::sync::mpsc;

use crate::{Engine, Store};

/// Texts that may wait to be told, and to be heard.
const TEXTS_MAX: usize = 1_024;

/// A process's ear and mouth. What is told may be lost, and comes to the others only.
#[derive(Debug)]
pub struct Bell {
    /// Tells all others, up to [`Bell::TEXT_MAX`] bytes at a time.
    pub told: mpsc::Sender<String>,
    /// What others tell. It closes when the store does.
    pub heard: mpsc::Receiver<String>,
}

impl Bell {
    /// Bytes of a text: PostgreSQL carries fewer than 8,000.
    pub const TEXT_MAX: usize = 7_900;
}

impl Store {
    /// A bell, until it is dropped; `None` where the engine has none: then others are heard of by
    /// looking.
    pub fn bell(&self) -> Option<Bell> {
        let Engine::Postgres(server) = &*self.engine else { return None };
        let (told, to_tell) = mpsc::channel(TEXTS_MAX);
        let (hearing, heard) = mpsc::channel(TEXTS_MAX);
        server.ring(to_tell, hearing);
        Some(Bell { told, heard })
    }
}
