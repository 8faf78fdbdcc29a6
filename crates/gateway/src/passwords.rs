//! Passwords are kept as Argon2id hashes in PHC's spelling, which names how each was made; one is made on
//! threads where it keeps nobody waiting, a few at the same time. A password must never be logged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use channels::seal::{base64, from_base64};
use kernel::fault::Fault;
use kernel::secret::Secret;
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ids::random_bytes;

/// Memory of a hash in KiB: 19 MiB, with two passes and one lane the least that OWASP recommends.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over it.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Most memory that a stored hash may ask for, in KiB, and most passes.
const STORED_MAX: (u32, u32) = (256 * 1024, 16);
/// Bytes of a salt.
const SALT_BYTES: usize = 16;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;
/// Hashes that are made at the same time.
const AT_ONCE: usize = 4;
/// How long a hash may wait for its turn.
const WAIT: Duration = Duration::from_secs(5);

/// What a password is compared with where there is no user: it costs the same, and nothing is equal to it.
pub(crate) const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA\
                                 $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Who may hash, and how often it was done.
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    hashed: Arc<AtomicU64>,
}

/// The right to hash once.
pub(crate) struct Turn {
    permit: OwnedSemaphorePermit,
    hashed: Arc<AtomicU64>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), hashed: Arc::default() }
    }
}

impl Passwords {
    /// The next turn.
    ///
    /// # Errors
    /// 4006 if it does not come in time: nothing was begun.
    pub(crate) async fn turn(&self) -> Result<Turn, Fault> {
        let permit = tokio::time::timeout(WAIT, self.turns.clone().acquire_owned()).await;
        let permit = permit.ok().and_then(Result::ok).ok_or(Fault::Busy)?;
        Ok(Turn { permit, hashed: self.hashed.clone() })
    }

    /// Passwords hashed so far, be it to keep them or to compare them.
    pub(crate) fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }
}

impl Turn {
    /// The hash of a password, for the store.
    ///
    /// # Errors
    /// 499999.
    pub(crate) async fn hash(self, password: &Secret) -> Result<String, Fault> {
        let password = password.clone();
        let salt = random_bytes::<SALT_BYTES>();
        self.work(move || {
            let parameters = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES)).ok()?;
            let hash = digest(&password, &salt, parameters)?;
            Some(spelled(&salt, &hash))
        })
        .await
    }

    /// Whether a password is the one that `stored` was made of.
    ///
    /// # Errors
    /// 499999 if `stored` is no hash of ours.
    pub(crate) async fn verify(self, password: &Secret, stored: &str) -> Result<bool, Fault> {
        let (password, stored) = (password.clone(), stored.to_owned());
        self.work(move || {
            let (parameters, salt, expected) = read(&stored)?;
            let hash = digest(&password, &salt, parameters)?;
            Some(bool::from(hash.as_slice().ct_eq(&expected)))
        })
        .await
    }

    /// Runs `work` on a thread of its own; its turn ends with it, be nobody waiting any more.
    async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce() -> Option<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let done = tokio::task::spawn_blocking(move || {
            let Self { permit: _permit, hashed } = &self;
            hashed.fetch_add(1, Ordering::Relaxed);
            work()
        });
        let done = done.await.ok().flatten();
        done.ok_or_else(|| {
            tracing::error!("a password could not be hashed: damaged hash, or too little memory");
            Fault::Defect
        })
    }
}

fn digest(password: &Secret, salt: &[u8], parameters: Params) -> Option<[u8; HASH_BYTES]> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    let mut hash = [0; HASH_BYTES];
    argon2.hash_password_into(password.expose().as_bytes(), salt, &mut hash).ok()?;
    Some(hash)
}

fn spelled(salt: &[u8], hash: &[u8]) -> String {
    let bare = |bytes| base64(bytes).trim_end_matches('=').to_owned();
    let (salt, hash) = (bare(salt), bare(hash));
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}")
}

/// How a stored hash was made, its salt, and the hash.
fn read(stored: &str) -> Option<(Params, Vec<u8>, Vec<u8>)> {
    let mut parts = stored.strip_prefix("$argon2id$v=19$")?.split('$');
    let (costs, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut costs = costs.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse::<u32>().ok();
    let (memory, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
    if parts.next().is_some() || memory > STORED_MAX.0 || passes > STORED_MAX.1 || lanes != LANES {
        return None;
    }
    let parameters = Params::new(memory, passes, lanes, Some(HASH_BYTES)).ok()?;
    let hash = padded(hash).filter(|hash| hash.len() == HASH_BYTES)?;
    Some((parameters, padded(salt)?, hash))
}

fn padded(text: &str) -> Option<Vec<u8>> {
    let pad = (4 - text.len() % 4) % 4;
    from_base64(&format!("{text}{}", "=".repeat(pad)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(test: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().build().unwrap().block_on(test)
    }

    async fn is_right(password: &str, stored: &str) -> Result<bool, Fault> {
        let turn = Passwords::default().turn().await?;
        turn.verify(&Secret::new(password), stored).await
    }

    #[test]
    fn only_the_password_itself_fits_its_hash() {
        run(async {
            let hash = async |password: &str| {
                let turn = Passwords::default().turn().await.unwrap();
                turn.hash(&Secret::new(password)).await.unwrap()
            };
            let stored = hash("聚宝 tea house").await;
            assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
            assert_ne!(stored, hash("聚宝 tea house").await, "each has a salt of its own");
            assert_eq!(is_right("聚宝 tea house", &stored).await, Ok(true));
            for wrong in ["", "聚宝 tea hous", "聚宝 tea house ", "聚宝 Tea house"] {
                assert_eq!(is_right(wrong, &stored).await, Ok(false), "{wrong}");
            }
        });
    }

    #[test]
    fn nobodys_hash_costs_as_much_as_anybodys_and_fits_nothing() {
        let (parameters, salt, hash) = read(NOBODY).unwrap();
        assert_eq!((parameters.m_cost(), parameters.t_cost()), (MEMORY_KIB, PASSES));
        assert_eq!((salt.len(), hash.len()), (SALT_BYTES, HASH_BYTES));
        assert_eq!(run(is_right("", NOBODY)), Ok(false));
    }

    #[test]
    fn a_hash_made_by_argon2_of_c_is_understood() {
        // echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 (phc-winner-argon2's README, with p=1)
        let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ\
                      $CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert_eq!(run(is_right("password", stored)), Ok(true));
        assert_eq!(run(is_right("Password", stored)), Ok(false));
    }

    #[test]
    fn what_is_no_hash_of_ours_is_a_defect_and_never_a_yes() {
        for damaged in [
            "",
            "password",
            "$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
            "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
            "$argon2id$v=19$m=4294967295,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
            &format!("{NOBODY}$"),
        ] {
            assert_eq!(run(is_right("", damaged)), Err(Fault::Defect), "{damaged}");
        }
    }
}
