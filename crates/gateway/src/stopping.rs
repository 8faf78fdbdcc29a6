//! When a worker ends: it is told to, or nobody is left who could tell it.

use tokio::sync::watch;

/// Whether a worker goes on. One whose teller is gone ends too: it would never hear of a stop, and what
/// waits for one would not wait at all.
pub(crate) fn goes_on(stop: &watch::Receiver<bool>) -> bool {
    !*stop.borrow() && stop.has_changed().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_ends_when_it_is_told_and_when_nobody_could_tell() {
        let (tell, stop) = watch::channel(false);
        assert!(goes_on(&stop));
        tell.send(true).unwrap();
        assert!(!goes_on(&stop));
        let (tell, stop) = watch::channel(false);
        drop(tell);
        assert!(!goes_on(&stop));
    }
}
