//! `cargo x newcomer`: the quick start, followed literally in a clean clone in a temporary folder. What is not
//! committed is not there, nor is anything that was built.

use std::fs;
use std::process::Command;

use crate::shell::{self, Fault};

/// What reads the page and does what it says.
const FOLLOW: &str = "conformance/newcomer/follow.sh";
const PAGE: &str = "docs/guide/quickstart.md";

/// Clones and follows.
pub fn run(_: &[String]) -> Result<(), Fault> {
    let folder = std::env::temp_dir().join(format!("jubao-newcomer-{}", std::process::id()));
    let mut clone = Command::new("git");
    clone.args(["clone", "--quiet", "--no-local"]).arg(shell::root()).arg(&folder);
    let mut follow = Command::new("bash");
    follow.arg("-c").arg(format!("cd \"$0\" && exec bash {FOLLOW} {PAGE}")).arg(&folder);
    // The cargo that runs us tells what it runs where to build: a newcomer's does not.
    for name in ["CARGO_TARGET_DIR", "CARGO_MANIFEST_DIR", "CARGO_PKG_NAME"] {
        follow.env_remove(name);
    }
    let done = shell::run("git clone", clone).and_then(|()| shell::run("the quick start", follow));
    // A folder that stays behind in the temporary directory harms nobody.
    let _ = fs::remove_dir_all(&folder);
    done
}
