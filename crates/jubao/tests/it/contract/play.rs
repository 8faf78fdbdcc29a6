//! Playing cases: each in one thread under paused time, all of them on all processors.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Builder;

use super::case::Case;

/// What became of a case.
#[derive(Debug, Default)]
pub struct End {
    /// What was wrong; nothing if all was well.
    pub wrongs: Vec<String>,
    /// Whether an operation went wrong as it should.
    pub has_met: bool,
    /// How long it took until everything was right, in seconds.
    pub took_s: u64,
}

/// Plays one after the other what is no case; what is wrong there is a panic.
pub fn play_alone<F: Future<Output = ()>>(play: impl FnOnce() -> F) {
    let end = alone(|| async {
        play().await;
        End::default()
    });
    assert!(end.wrongs.is_empty(), "{}", end.wrongs.join("\n"));
}

/// Plays every case; gives back what became of each if nothing was wrong in any.
pub fn play_all(cases: &[Case]) -> Vec<(Case, End)> {
    let next = AtomicUsize::new(0);
    let ends = Mutex::new(Vec::new());
    let one_after_the_other = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let end = alone(|| case.play());
            ends.lock().unwrap().push((*case, end));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(one_after_the_other))));
    let ends = ends.into_inner().unwrap();
    let wrong: Vec<_> = ends
        .iter()
        .filter(|(_, end)| !end.wrongs.is_empty())
        .map(|(case, end)| format!("{case}\n    {}", end.wrongs.join("\n    ")))
        .collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), ends.len(), wrong.join("\n"));
    let longest = ends.iter().max_by_key(|(_, end)| end.took_s);
    if let Some((case, end)) = longest {
        println!("{} cases; the longest came right after {} s: {case}", ends.len(), end.took_s);
    }
    ends
}

/// Plays in a runtime whose time is paused; a panic is what was wrong.
fn alone<F: Future<Output = End>>(case: impl FnOnce() -> F) -> End {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let played = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(Box::pin(case()))));
    played.unwrap_or_else(|panic| End { wrongs: vec![words(&*panic)], ..End::default() })
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
