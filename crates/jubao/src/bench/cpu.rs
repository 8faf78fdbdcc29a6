//! What a process has cost, and which processor it may run on.

use std::time::Duration;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// Processor time that this process has used, of all its threads.
pub fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Keeps every thread of this process on one processor; those that it starts later stay there too.
///
/// # Errors
/// There is no such processor, or it is not allowed.
pub fn pin(processor: usize) -> Result<(), String> {
    let mut set = CpuSet::new();
    set.set(processor);
    let threads = std::fs::read_dir("/proc/self/task").map_err(|error| error.to_string())?;
    for thread in threads.flatten() {
        let name = thread.file_name();
        let number = name.to_str().and_then(|text| text.parse().ok());
        let pid = number.and_then(Pid::from_raw);
        sched_setaffinity(pid, &set).map_err(|error| format!("processor {processor}: {error}"))?;
    }
    Ok(())
}
