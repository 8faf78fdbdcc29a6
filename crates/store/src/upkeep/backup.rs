//! Copies of an embedded store. A copy is of one instant, although others write meanwhile; it is checked
//! and synchronised before it gets its name, so that whatever has the name is whole.
//!
//! The key that the store's secrets are sealed under is not in it, and must be kept elsewhere.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::migrations::schema_of_file;
use crate::StoreError;
use crate::db::{MIGRATIONS, sqlite_file, too_new};

/// What stands beside a database that somebody has open, or has left without closing it.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// What becomes of a file that has the copy's name already.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Existing {
    /// It stays, and nothing is copied.
    Keep,
    /// The copy takes its place, when it is whole.
    Replace,
}

/// A copy.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Its size.
    pub bytes: u64,
    /// The number of its schema.
    pub schema: usize,
}

/// Copies the store in the file `from`, be it at work or not, into the file `to`.
///
/// # Errors
/// `from` is no store of ours or contradicts itself, `to` stands already, the disk is full: then there is
/// nothing new.
pub fn back_up(from: &Path, to: &Path, existing: Existing) -> Result<Kept, StoreError> {
    if existing == Existing::Keep && to.exists() {
        return Err(unavailable(to, "exists already"));
    }
    let partial = beside(to, &format!(".partial-{}", std::process::id()));
    let kept = copy(from, &partial).and_then(|kept| {
        name(&partial, to, existing)?;
        Ok(kept)
    });
    // What is whole has its name by now; what is not is of no use.
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(named(&partial)(error)),
        Ok(()) | Err(_) => kept,
    }
}

/// Makes the copy `from` the store in the file `to`, which must not be there.
///
/// # Errors
/// `to` stands already or somebody has it open, or as with [`back_up`].
pub fn restore(from: &Path, to: &Path) -> Result<Kept, StoreError> {
    refuse_standing(to)?;
    if let Some(folder) = folder(to) {
        fs::create_dir_all(folder).map_err(named(folder))?;
    }
    sqlite_file::check_integrity(from)?;
    back_up(from, to, Existing::Keep)
}

/// Refuses to bring a store back where one is: beside a server that has it open, or over a file.
fn refuse_standing(to: &Path) -> Result<(), StoreError> {
    if to.exists() {
        return Err(match sqlite_file::open_alone(to) {
            Err(StoreError::Busy) => unavailable(to, "a server has it open: stop that first"),
            Ok(_) | Err(_) => unavailable(to, "exists already: move it away first"),
        });
    }
    match BESIDE.into_iter().map(|end| beside(to, end)).find(|path| path.exists()) {
        // SQLite would take this log for the new file's.
        Some(path) => Err(unavailable(
            &path,
            "is the log of a store that was there: stop the server that has it open, and move it away",
        )),
        None => Ok(()),
    }
}

fn copy(from: &Path, partial: &Path) -> Result<Kept, StoreError> {
    let schema = schema_of_file(from)?;
    if schema == 0 {
        return Err(unavailable(from, "is no store of ours"));
    }
    if schema > MIGRATIONS.len() {
        return Err(too_new(schema));
    }
    make(partial).map_err(named(partial))?;
    sqlite_file::copy(from, partial)?;
    sqlite_file::check_integrity(partial)?;
    let file = File::open(partial).map_err(named(partial))?;
    file.sync_all().map_err(named(partial))?;
    let bytes = file.metadata().map_err(named(partial))?.len();
    Ok(Kept { bytes, schema: schema_of_file(partial)? })
}

/// An empty file for the owner alone: it will hold sealed keys and payers' data.
fn make(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

/// Gives the copy its name, durably. A link is refused where the name is taken meanwhile.
fn name(partial: &Path, to: &Path, existing: Existing) -> Result<(), StoreError> {
    match existing {
        Existing::Keep => fs::hard_link(partial, to).map_err(named(to))?,
        Existing::Replace => fs::rename(partial, to).map_err(named(to))?,
    }
    let folder = folder(to).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(named(folder))
}

fn folder(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty())
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

fn named(path: &Path) -> impl Fn(io::Error) -> StoreError {
    move |error| unavailable(path, &error.to_string())
}

fn unavailable(path: &Path, why: &str) -> StoreError {
    StoreError::Unavailable(format!("{}: {why}", path.display()))
}
