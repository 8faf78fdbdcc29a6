//! Ends the process at a crash point (see [`kernel::crash`]), for tests: `JUBAO_CRASH_AT` is a
//! point's name, and perhaps `*` and the how-manieth time, and `!` for a panic instead of an end.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::crash::{self, Point};

/// Where, at which pass, and whether by a panic.
static ORDER: OnceLock<(Point, u64, bool)> = OnceLock::new();
static PASSES: AtomicU64 = AtomicU64::new(0);

/// Takes what this process is to do from its environment.
pub(crate) fn arm() {
    #[expect(clippy::disallowed_methods, reason = "only in builds with debug assertions")]
    let Ok(text) = std::env::var("JUBAO_CRASH_AT") else { return };
    let (text, is_panic) =
        text.strip_suffix('!').map_or((text.as_str(), false), |text| (text, true));
    let (name, pass) = text.split_once('*').unwrap_or((text, "1"));
    let row = crash::ALL.iter().find(|row| row.name == name);
    let (Some(row), Ok(pass)) = (row, pass.parse()) else {
        tracing::error!(text, "JUBAO_CRASH_AT names no crash point");
        return;
    };
    // A second store of the same process is armed already.
    let _ = ORDER.set((row.point, pass, is_panic));
    crash::arm(at_point);
}

#[expect(clippy::panic, reason = "what a panic there does is what is tested")]
fn at_point(point: Point) {
    let Some((where_to, pass, is_panic)) = ORDER.get() else { return };
    if point != *where_to || PASSES.fetch_add(1, Ordering::Relaxed) + 1 != *pass {
        return;
    }
    if *is_panic {
        panic!("a crash was asked for");
    }
    std::process::abort();
}
