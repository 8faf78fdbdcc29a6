//! A disk of a test's own, so small that it can be filled. The test runs itself again where it is mounted,
//! in a namespace that nobody else sees.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::foreign::Running;
use crate::leaks;

/// How the test knows that it is inside, and where the disk is.
const DISK: &str = "JUBAO_TEST_DISK";
/// What is written at a time, at first and at last.
const CHUNKS: [usize; 3] = [1 << 16, 1 << 10, 1];
/// The file that fills it.
const FILLER: &str = "filler";

/// Makes the disk and runs the rest of the arguments beside it. A user who is not root becomes root of a
/// namespace of users, and then a user again, since PostgreSQL refuses root.
const ENTER: &str = r#"
disk=$(mktemp -d)
chmod 755 "$disk"
code=0
if unshare --mount true 2>/dev/null; then
    unshare --mount sh -ec "$MAKE" sh "$disk" "$@" || code=$?
else
    unshare --map-root-user --mount sh -ec "$MAKE" sh "$disk" \
        unshare --user --map-user=1000 --map-group=1000 "$@" || code=$?
fi
rmdir "$disk"
exit $code
"#;
const MAKE: &str = r#"
mount -t tmpfs -o "size=$SIZE,mode=755" tmpfs "$1"
export JUBAO_TEST_DISK="$1"
shift
exec "$@"
"#;

/// The disk.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// The disk, if this is the process inside. If not, the test `name` has been run there, and has passed.
    pub async fn enter(name: &str, megabytes: u32) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "how a process learns that it is inside")]
        let inside = std::env::var_os(DISK);
        if let Some(path) = inside {
            return Some(Self(path.into()));
        }
        let mut command = std::process::Command::new("sh");
        command.args(["-c", ENTER, "sh"]).arg(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--nocapture"]);
        command.env("MAKE", MAKE).env("SIZE", format!("{megabytes}m"));
        let outcome = Running::start(leaks::is_given(&mut command)).outcome(b"").await;
        let is_passed = outcome.code == 0 && outcome.said.contains("1 passed");
        assert!(is_passed, "inside: {}\n{}", outcome.said, outcome.complained);
        println!("{}", outcome.said);
        None
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        let path = self.0.join(FILLER);
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        for size in CHUNKS {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    /// Makes room again.
    pub fn make_room(&self) {
        fs::remove_file(self.0.join(FILLER)).unwrap();
    }
}
