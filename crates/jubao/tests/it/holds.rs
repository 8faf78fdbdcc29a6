//! What `jubao admin check` says of a store, asked after every test that made one.

use gateway::inspect::{self, Finding, News, Walked};
use store::audit::Head;
use store::{Store, StoreError};

/// Walks through a whole store, in which everything must hold.
pub async fn all_holds(store: &Store) {
    let (walked, found) = findings(store, None).await.unwrap();
    assert!(found.is_empty(), "{walked:?}: {found:#?}");
}

/// What `jubao admin check` says of a store.
pub async fn findings(
    store: &Store,
    known: Option<Head>,
) -> Result<(Walked, Vec<Finding>), StoreError> {
    let mut found = Vec::new();
    let tell = |news| match news {
        News::Found(finding) => found.push(finding),
        News::Judged(_) => {}
    };
    let walked = inspect::walk(store, known, tell).await?;
    Ok((walked, found))
}
