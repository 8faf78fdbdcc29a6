//! A second server that follows the first by streaming replication. The first acknowledges nothing
//! that the second has not on disk, so the second can take its place without a loss.

use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::folder::Folder;
use crate::installed;
use crate::server::Server;

/// What it is called by the server that waits for it.
const NAME: &str = "standby";
/// How long replication may take to begin.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// A server that follows another.
pub struct Standby {
    server: Server,
}

impl Standby {
    /// Copies a running server, follows it, and has it wait for the copy from here on.
    pub async fn of(primary: &Server) -> Self {
        Self::by_way_of(primary.port(), primary).await
    }

    /// The same by way of another port, a proxy's, where what is replicated can be held up.
    pub async fn by_way_of(port: u16, primary: &Server) -> Self {
        let (port, secrets) = (port.to_string(), primary.secrets().clone());
        let password = secrets.admin.clone();
        let folder = spawn_blocking(move || copied(&port, &password)).await.unwrap();
        let server = Server::first_started(folder, secrets, Vec::new()).await;
        primary.set("synchronous_standby_names", NAME).await;
        let began = Instant::now();
        while !is_waited_for(primary).await {
            assert!(began.elapsed() < FOLLOWS_WITHIN, "it does not follow: {}", server.log());
            sleep(LOOK).await;
        }
        Self { server }
    }

    /// The server, which answers reads.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Makes it a server of its own, which answers writes when this returns.
    pub async fn promote(self) -> Server {
        let promoted =
            self.server.admin().await.query_one("select pg_promote(true, 60)", &[]).await;
        assert!(promoted.unwrap().get::<_, bool>(0), "not promoted: {}", self.server.log());
        self.server
    }
}

async fn is_waited_for(primary: &Server) -> bool {
    let found = primary.admin().await;
    let found = found.query("select 1 from pg_stat_replication where sync_state = 'sync'", &[]);
    !found.await.unwrap().is_empty()
}

/// A folder with a copy of the data, and the word that it follows.
fn copied(port: &str, password: &str) -> Folder {
    let folder = Folder::make();
    let mut backup = installed::program("pg_basebackup", folder.path());
    let named = format!("host=127.0.0.1 port={port} user=postgres application_name={NAME}");
    backup.env("PGPASSWORD", password).args(["-d", &named]).arg("-D").arg(folder.data());
    backup.args(["-X", "stream", "-c", "fast", "-R", "--no-sync"]);
    installed::run(backup);
    folder
}
