//! Connections that a proxy cuts.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_postgres::Client;

use super::{TABLE, count, insert};
use crate::{Cut, Database, Moment, Proxy, Server, connect, installed};

/// How long something must not happen before it is believed that it does not.
const NOTHING_FOR: Duration = Duration::from_millis(300);

struct World {
    database: Database,
    proxy: Proxy,
}

impl World {
    async fn make() -> Self {
        let database = Database::fresh().await;
        database.raw().await.batch_execute(TABLE).await.unwrap();
        let port = database.url().rsplit_once(':').unwrap().1.split_once('/').unwrap().0.parse();
        let proxy = Proxy::before(port.unwrap()).await;
        Self { database, proxy }
    }

    async fn client(&self) -> Client {
        connect(&self.proxy.url(&self.database.url())).await
    }

    /// Tries one way to commit a row, with the connection cut; whether the row is there then.
    async fn is_there(&self, way: Way, cut: Cut) -> bool {
        let mut client = self.client().await;
        let before = self.database.count("acknowledged").await;
        // What does not write is not counted, and passes.
        assert_eq!(count(&client).await, before);
        let cuts = self.proxy.counts().cut_at_commit();
        self.proxy.cut(cut);
        assert!(commit(&mut client, way, before).await.is_err(), "{way:?} {cut:?}");
        assert!(client.batch_execute("select 1").await.is_err(), "{way:?} {cut:?} left open");
        self.proxy.until(|counts| counts.cut_at_commit() == cuts + 1).await;
        self.database.count("acknowledged").await > before
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    /// A transaction, its COMMIT a simple query.
    Transaction,
    /// All of it prepared, the COMMIT as well.
    Prepared,
    /// One statement, which commits itself.
    Alone,
    /// The same as a simple query.
    AloneSimple,
    /// Several statements as one text.
    OneText,
}

const WAYS: [Way; 5] =
    [Way::Transaction, Way::Prepared, Way::Alone, Way::AloneSimple, Way::OneText];

async fn commit(client: &mut Client, way: Way, id: i64) -> Result<(), tokio_postgres::Error> {
    let simple = format!("insert into acknowledged values ({id})");
    match way {
        Way::Transaction => {
            let transaction = client.transaction().await?;
            transaction.execute("insert into acknowledged values ($1)", &[&id]).await?;
            transaction.commit().await
        }
        Way::Prepared => {
            let commit = client.prepare("commit").await?;
            client.execute("begin", &[]).await?;
            insert(client, id).await?;
            client.execute(&commit, &[]).await.map(drop)
        }
        Way::Alone => insert(client, id).await.map(drop),
        Way::AloneSimple => client.batch_execute(&simple).await,
        Way::OneText => client.batch_execute(&format!("begin; {simple}; commit")).await,
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_cut_off_has_happened() {
    let world = World::make().await;
    for way in WAYS {
        assert!(world.is_there(way, Cut::next(Moment::After)).await, "{way:?}");
    }
    assert_eq!(world.proxy.counts().cut_after, 5);
}

#[tokio::test]
async fn a_commit_that_is_not_passed_on_has_not_happened() {
    let world = World::make().await;
    for way in WAYS {
        assert!(!world.is_there(way, Cut::next(Moment::Before)).await, "{way:?}");
    }
    assert_eq!(world.proxy.counts().cut_before, 5);
}

#[tokio::test]
async fn a_commit_in_flight_is_cut_whatever_comes_of_it() {
    let world = World::make().await;
    for way in WAYS {
        world.is_there(way, Cut::next(Moment::InFlight)).await;
    }
    assert_eq!(world.proxy.counts().cut_in_flight, 5);
}

#[tokio::test]
async fn only_commits_of_what_is_named_are_cut() {
    let world = World::make().await;
    let client = world.client().await;
    client.batch_execute("create table other (id bigint)").await.unwrap();
    world.proxy.cut(Cut::every(Moment::Before, 3).of("into acknowledged"));
    for id in 0..2 {
        insert(&client, id).await.unwrap();
        client.execute("insert into other values (1)", &[]).await.unwrap();
    }
    insert(&client, 2).await.unwrap_err();
    let again = world.client().await;
    world.proxy.cut_no_more();
    for id in 3..9 {
        insert(&again, id).await.unwrap();
    }
    assert_eq!(world.database.count("acknowledged").await, 8);
}

#[tokio::test]
async fn an_error_is_no_commit_and_the_next_one_is_cut() {
    let world = World::make().await;
    let client = world.client().await;
    insert(&client, 1).await.unwrap();
    world.proxy.cut(Cut::next(Moment::After));
    let twice = insert(&client, 1).await.unwrap_err();
    assert_eq!(twice.code(), Some(&tokio_postgres::error::SqlState::UNIQUE_VIOLATION));
    assert_eq!(insert(&client, 2).await.unwrap_err().code(), None);
    assert_eq!(world.database.count("acknowledged").await, 2);
    assert_eq!(world.proxy.counts().cut_after, 1);
}

#[tokio::test]
async fn questions_sent_at_once_keep_their_answers_up_to_the_commit() {
    let world = World::make().await;
    let client = world.client().await;
    let statement = client.prepare("insert into acknowledged values ($1)").await.unwrap();
    world.proxy.cut(Cut { every: 2, ..Cut::next(Moment::After) });
    let [first, second] = [1_i64, 2];
    let (first, second): ([&(dyn tokio_postgres::types::ToSql + Sync); 1], _) =
        ([&first], [&second as _]);
    let (first, second) =
        tokio::join!(client.execute(&statement, &first), client.execute(&statement, &second));
    assert_eq!((first.ok(), second.is_err()), (Some(1), true));
    assert_eq!(world.database.count("acknowledged").await, 2);
}

#[tokio::test]
async fn all_connections_are_cut_at_once_and_new_ones_served() {
    let world = World::make().await;
    let clients = [world.client().await, world.client().await, world.client().await];
    assert_eq!(world.proxy.counts().open, 3);
    world.proxy.cut_all();
    for client in &clients {
        client.batch_execute("select 1").await.unwrap_err();
    }
    world.proxy.until(|counts| counts.cut_by_hand == 3 && counts.open == 0).await;
    insert(&world.client().await, 1).await.unwrap();
}

#[tokio::test]
async fn a_frozen_proxy_moves_nothing_until_it_is_thawed() {
    let world = World::make().await;
    let client = world.client().await;
    world.proxy.freeze();
    let mut asked = Box::pin(insert(&client, 1));
    assert!(timeout(NOTHING_FOR, &mut asked).await.is_err());
    assert_eq!(world.database.count("acknowledged").await, 0);
    let (address, mut new) = (world.proxy.url(&world.database.url()), None);
    let mut connecting = Box::pin(async { new = Some(connect(&address).await) });
    assert!(timeout(NOTHING_FOR, &mut connecting).await.is_err());
    world.proxy.thaw();
    asked.await.unwrap();
    connecting.await;
    assert_eq!(count(&new.unwrap()).await, 1);
}

#[tokio::test]
async fn each_answer_is_delayed() {
    let world = World::make().await;
    let client = world.client().await;
    world.proxy.delay(Duration::from_millis(50));
    let began = Instant::now();
    for _ in 0..4 {
        client.batch_execute("select 1").await.unwrap();
    }
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_moved_address_leads_to_the_other_server() {
    let (one, other) = (Server::make().await, Server::make().await);
    let proxy = Proxy::before(one.port()).await;
    proxy.redirect(other.port());
    let client = connect(&proxy.url(&other.admin_url())).await;
    let port = client.query_one("show port", &[]).await.unwrap();
    assert_eq!(port.get::<_, &str>(0), other.port().to_string());
}

#[tokio::test]
async fn a_foreign_client_is_cut_as_well() {
    let world = World::make().await;
    let psql = |statement: &'static str| {
        let url = world.proxy.url(&world.database.url());
        tokio::task::spawn_blocking(move || {
            let mut psql = installed::program("psql", Path::new("/"));
            psql.args(["-XAtqc", statement]).arg(url).output().unwrap()
        })
    };
    let said = |output: Output| String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said(psql("insert into acknowledged values (1) returning id").await.unwrap()),
        "1\n"
    );
    world.proxy.cut(Cut::next(Moment::After));
    assert!(!psql("insert into acknowledged values (2)").await.unwrap().status.success());
    assert_eq!(said(psql("select count(*) from acknowledged").await.unwrap()), "2\n");
}
