//! Open files: a connection is one, and a process may have only so many. Running out of them would
//! take the store's and the upstreams' as well, so connections are capped below.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Descriptors that are not for connections: the store, its readers, upstreams, merchants, logs.
const RESERVED: u64 = 512;

/// How many connections this process can have, of those that are `wished`.
pub fn connections(wished: usize) -> usize {
    let most = usize::try_from(room(raised())).unwrap_or(usize::MAX);
    if most < wished {
        tracing::warn!(wished, most, "connections_max is lowered to what the open files allow");
    }
    wished.min(most)
}

/// What remains for connections of `files` open files: at least half.
fn room(files: u64) -> u64 {
    files.saturating_sub(RESERVED).max(files / 2).max(1)
}

/// The limit of open files, raised as far as it may be without asking anybody.
fn raised() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum || limit.maximum.is_none() {
        let before = limit.current;
        limit.current = limit.maximum;
        if setrlimit(Resource::Nofile, limit).is_err() {
            limit.current = before;
        }
    }
    limit.current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_everything_else() {
        assert_eq!(room(20_000), 20_000 - RESERVED);
        assert_eq!(room(600), 300);
        assert_eq!(room(1), 1);
        assert_eq!(room(u64::MAX), u64::MAX - RESERVED);
        assert_eq!(connections(1), 1);
    }
}
