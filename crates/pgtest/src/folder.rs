//! Where a server keeps its data, and who sees to it that neither server nor data outlive the test: a
//! shell that waits for its standard input to end, which the death of our process ends too.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::installed;

/// A file system in memory, where there is one: a hundred commits there wait for no disk.
const MEMORY: &str = "/dev/shm";
/// What must be free there; containers often have 64 MB, and a server needs more.
const ROOM_BYTES: u64 = 2 << 30;
/// What ends the server and removes the folder.
const GUARDIAN: &str = include_str!("guardian.sh");

/// A folder that is gone when this is dropped, or when the process dies.
pub struct Folder {
    path: PathBuf,
    guardian: Child,
}

impl Folder {
    /// A new folder in memory, if there is room.
    pub fn make() -> Self {
        let in_memory = has_room(MEMORY).then(|| PathBuf::from(MEMORY));
        Self::make_in(&in_memory.unwrap_or_else(std::env::temp_dir))
    }

    /// A new folder, of the account that PostgreSQL runs as, and nobody else's.
    pub fn make_in(parent: &Path) -> Self {
        let path = parent.join(format!("jubao-pgtest-{:016x}", random()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
        if let Some(account) = installed::other_account() {
            chown(&path, Some(account.uid), Some(account.gid)).unwrap();
        }
        let guardian = guardian(&path);
        Self { path, guardian }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the server's data are.
    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// Ends the server and removes everything.
    pub fn remove(&mut self) {
        drop(self.guardian.stdin.take());
        self.guardian.wait().unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A random number.
pub fn random() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    u64::from_be_bytes(bytes)
}

fn has_room(path: &str) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|found| found.f_bavail * found.f_frsize >= ROOM_BYTES)
}

fn guardian(path: &Path) -> Child {
    let mut shell = Command::new("sh");
    shell.args(["-c", GUARDIAN, "guardian"]).arg(path).current_dir("/").process_group(0);
    // It outlives us by a moment, and must not keep open what we print to.
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.spawn().unwrap()
}
