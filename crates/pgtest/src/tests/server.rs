//! Servers that die.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{TABLE, count, insert};
use crate::{Server, connect};

/// How long an end may take.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// Ends a server in some way while a client inserts; gives back how many it was told of, and starts
/// the server again.
async fn outlived(server: &mut Server, url: &str, end: impl AsyncFnOnce(&mut Server)) -> i64 {
    let client = connect(url).await;
    let known = count(&client).await;
    let (send, mut told) = tokio::sync::watch::channel(known);
    let load = tokio::spawn(async move {
        for id in known.. {
            if insert(&client, id).await.is_err() {
                return;
            }
            send.send_replace(id + 1);
        }
    });
    told.wait_for(|count| *count >= known + 100).await.unwrap();
    end(server).await;
    load.await.unwrap();
    assert_eq!(server.process_count(), 0);
    let took = server.start().await;
    println!("{} ms", took.as_millis());
    *told.borrow()
}

#[tokio::test]
async fn what_was_acknowledged_outlives_every_end_of_the_server() {
    let mut server = Server::make().await;
    let url = server.create_database("kept").await;
    connect(&url).await.batch_execute(TABLE).await.unwrap();
    let (port, many) = (server.port(), server.process_count());
    assert!(many > 3, "{many}");
    let fast = outlived(&mut server, &url, async |server| server.stop_fast().await).await;
    assert!([fast, fast + 1].contains(&count(&connect(&url).await).await));
    let at_once = outlived(&mut server, &url, async |server| server.stop_immediate().await).await;
    assert!([at_once, at_once + 1].contains(&count(&connect(&url).await).await));
    assert_eq!(server.log().matches("redo done at").count(), 1);
    let killed = outlived(&mut server, &url, async |server| server.kill_9().await).await;
    assert!([killed, killed + 1].contains(&count(&connect(&url).await).await));
    assert_eq!(server.log().matches("redo done at").count(), 2);
    assert_eq!(server.port(), port);
}

#[tokio::test]
async fn a_server_asks_for_passwords_and_syncs() {
    let server = Server::make_with("work_mem = '5MB'").await;
    let wrong = server.admin_url().replace(server.passwords()[0], "wrong");
    assert!(tokio_postgres::connect(&wrong, tokio_postgres::NoTls).await.is_err());
    let admin = server.admin().await;
    for (name, value) in [("fsync", "on"), ("synchronous_commit", "on"), ("work_mem", "5MB")] {
        let found = admin.query_one(&format!("show {name}"), &[]).await.unwrap();
        assert_eq!(found.get::<_, &str>(0), value, "{name}");
    }
}

/// The test that is killed below: it starts a server, says where, and waits to be killed.
const VICTIM: &str = "tests::server::victim";

#[tokio::test]
async fn victim() {
    #[expect(clippy::disallowed_methods, reason = "how the test below asks for it")]
    let Some(place) = std::env::var_os("JUBAO_PGTEST_VICTIM") else { return };
    let server = Server::make().await;
    let admin = server.admin().await;
    let found = admin.query_one("show data_directory", &[]).await.unwrap();
    let said = format!("{} {}", server.port(), found.get::<_, &str>(0));
    let whole = Path::new(&place).with_extension("whole");
    std::fs::write(&whole, said).unwrap();
    std::fs::rename(&whole, &place).unwrap();
    sleep(ENDS_WITHIN).await;
}

#[tokio::test]
async fn no_server_outlives_a_test_that_is_killed() {
    let place = std::env::temp_dir().join(format!("jubao-pgtest-victim-{}", std::process::id()));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([VICTIM, "--exact"]).env("JUBAO_PGTEST_VICTIM", &place).stdout(Stdio::null());
    let mut test = command.spawn().unwrap();
    let said = waited(|| std::fs::read_to_string(&place).ok()).await;
    std::fs::remove_file(&place).unwrap();
    let (port, data) = said.split_once(' ').unwrap();
    let port: u16 = port.parse().unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() && Path::new(data).exists());
    test.kill().unwrap();
    test.wait().unwrap();
    waited(|| (!Path::new(data).parent().unwrap().exists()).then_some(())).await;
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

async fn waited<T>(look: impl Fn() -> Option<T>) -> T {
    let found = timeout(ENDS_WITHIN, async {
        loop {
            match look() {
                Some(found) => return found,
                None => sleep(Duration::from_millis(10)).await,
            }
        }
    });
    found.await.unwrap()
}
