//! deploy/postgres-backup.sh, as an operator runs it: verified base backups and the log since bring a
//! database back as it was at a moment, or at the end; what was tampered with is refused.

use std::path::PathBuf;
use std::time::Duration;

use jubao::demo::identity::MERCHANT;
use pgtest::Server;
use store::{Batch, Database, Store};

use crate::foreign::root;
use crate::holds::all_holds;
use crate::leaks::{self, Kind};
use crate::operator::soon_within;

/// How soon a file of the log is in the archive.
const ARCHIVED_WITHIN: Duration = Duration::from_secs(60);

/// The script, where the server's account can read it.
fn script(server: &Server) -> PathBuf {
    let path = server.folder().join("postgres-backup.sh");
    std::fs::copy(root().join("deploy/postgres-backup.sh"), &path).unwrap();
    path
}

/// A server that archives its log.
struct Kept {
    server: Server,
    script: PathBuf,
    archive: String,
}

impl Kept {
    async fn make() -> Self {
        let mut server = Server::make().await;
        for password in server.passwords() {
            leaks::secret(Kind::Password, "a database's", password.as_bytes());
        }
        let archive = server.folder().join("archive").display().to_string();
        let script = script(&server);
        let settings = server.operate(&script, &["settings", &archive]).unwrap();
        server.stop_fast().await;
        server.configure(&settings);
        server.start().await;
        Self { server, script, archive }
    }

    /// What the script prints.
    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        self.server.operate(&self.script, arguments)
    }

    /// Closes the piece of log that is being written, and waits until all is in the archive.
    async fn archive_all(&self) {
        let admin = self.server.admin().await;
        let switched = "select pg_walfile_name(pg_switch_wal())";
        let name: String = admin.query_one(switched, &[]).await.unwrap().get(0);
        let path = PathBuf::from(&self.archive).join("wal").join(name);
        soon_within(ARCHIVED_WITHIN, "the log to be archived", async || {
            path.exists().then_some(())
        })
        .await;
    }

    /// A server on what is brought back, and its database.
    async fn restored(&self, base: &str, time: &str) -> (Server, Database) {
        let arguments = ["restore", base, &self.archive];
        let server = self.server.restored(&self.script, &arguments, time).await;
        let url = Database::parse(&server.url("pay")).unwrap();
        (server, url)
    }
}

async fn opened(database: &Database) -> Store {
    let database = database.clone();
    tokio::task::spawn_blocking(move || Store::open(&database)).await.unwrap().unwrap()
}

async fn closed(store: Store) {
    tokio::task::spawn_blocking(move || drop(store)).await.unwrap();
}

/// A fact that is told of a moment.
fn told(of: &str) -> Batch {
    let entry = store::audit::AuditEntry {
        at: kernel::time::Timestamp::from_seconds(1_795_320_000),
        actor: "test".into(),
        action: "told".into(),
        subject: of.into(),
        detail: "{}".into(),
    };
    store::meta::set("told", of).audited(entry)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_comes_back_as_it_was_at_a_moment_or_at_the_end() {
    let kept = Kept::make().await;
    let url = Database::parse(&kept.server.create_database("pay").await).unwrap();
    let store = opened(&url).await;
    assert!(store.write(told("before the base")).await.unwrap().is_done());
    let base = kept.run(&["base", &kept.archive]).unwrap().trim().to_owned();
    assert!(store.write(told("before the moment")).await.unwrap().is_done());
    let admin = kept.server.admin().await;
    let moment: String =
        admin.query_one("select clock_timestamp()::text", &[]).await.unwrap().get(0);
    assert!(store.write(told("after the moment")).await.unwrap().is_done());
    kept.archive_all().await;
    closed(store).await;

    for (time, expect) in [(moment.as_str(), "before the moment"), ("", "after the moment")] {
        let (_server, url) = kept.restored(&base, time).await;
        let store = opened(&url).await;
        let found = store::meta::value(&store, "told").await.unwrap();
        assert_eq!(found.as_deref(), Some(expect), "{time}");
        all_holds(&store).await;
        assert_eq!(store::orders::count(&store, MERCHANT.mch_id).await.unwrap(), 0);
        closed(store).await;
    }
    // A backup that is no longer what was copied is not brought back.
    let file = PathBuf::from(&base).join("PG_VERSION");
    std::fs::write(&file, "15\n\n").unwrap();
    let nowhere = kept.server.folder().join("nowhere").display().to_string();
    let refused = kept.run(&["restore", &base, &kept.archive, &nowhere]).unwrap_err();
    assert!(refused.contains("PG_VERSION"), "{refused}");
    assert!(!PathBuf::from(nowhere).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_archive_takes_a_file_once_and_keeps_what_it_has() {
    let kept = Kept::make().await;
    let folder = kept.server.folder().to_owned();
    let (one, other) = (folder.join("one"), folder.join("other"));
    std::fs::write(&one, "a piece of log").unwrap();
    std::fs::write(&other, "another server's piece").unwrap();
    let name = "0000000100000000000000AA";
    let (one, other) = (one.display().to_string(), other.display().to_string());
    for _ in 0..2 {
        kept.run(&["wal", &kept.archive, &one, name]).unwrap();
    }
    let refused = kept.run(&["wal", &kept.archive, &other, name]).unwrap_err();
    assert!(refused.contains("other contents"), "{refused}");
    let path = PathBuf::from(&kept.archive).join("wal").join(name);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "a piece of log");
    let wrong = kept.run(&["base", "relative"]).unwrap_err();
    assert!(wrong.contains("write the whole path"), "{wrong}");
}
