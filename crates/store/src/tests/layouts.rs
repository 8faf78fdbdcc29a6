//! Databases that are laid out to grow: nothing is lost on the way, and everything holds afterwards.

use pgtest::Database as Fresh;

use super::{MCH, a_paying_change, an_attempt, an_order, at, id};
use crate::db::postgres::Target;
use crate::db::postgres::partition::{GROWING, SMALL, follow};
use crate::layout::{Laid, Layout, lay_out};
use crate::notices::Lane;
use crate::sweeps::{self, Claim};
use crate::{Database, Store, StoreError, Written, notices, orders};

/// Functions as Citus has them, which keep what they are asked for.
const CITUS: &str = "
create table asked (no bigint generated always as identity, call text);
create table pg_dist_partition (logicalrelid regclass);
create function create_distributed_table(table_name regclass, distribution_column text,
    colocate_with text default 'default', shard_count integer default null)
returns void language sql as $$
    insert into asked (call) values (table_name || ' by ' || distribution_column || ' with '
        || colocate_with || ' in ' || coalesce(shard_count::text, 'as many'));
    insert into pg_dist_partition values (table_name) $$;
create function create_reference_table(table_name regclass) returns void language sql as $$
    insert into asked (call) values (table_name || ' everywhere');
    insert into pg_dist_partition values (table_name) $$;
create function truncate_local_data_after_distributing_table(table_name regclass)
returns void language sql as $$ insert into asked (call) values (table_name || ' emptied here') $$;";

/// Merchants of the tests: enough to fall into more than one partition.
const MERCHANTS: u32 = 9;

fn on_server<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

fn store(fresh: &Fresh) -> Store {
    Store::open(&Database::parse(&fresh.url()).unwrap()).unwrap()
}

async fn laid(fresh: &Fresh, layout: Layout) -> Result<Vec<Laid>, StoreError> {
    let mut told = Vec::new();
    let database = Database::parse(&fresh.url()).unwrap();
    lay_out(&database, layout, &mut |one| told.push(one)).await.map(|()| told)
}

/// An order of the merchant of that number, with an id of its own.
fn order_of(merchant: u32) -> kernel::order::Order {
    let mut order = an_order(100 + merchant);
    order.mch_id.0 += i64::from(merchant);
    order
}

/// Places an order for each merchant and has it paid.
async fn fill(store: &Store) {
    for merchant in 0..MERCHANTS {
        let order = order_of(merchant);
        let placed = store.write(orders::place(&order, &[an_attempt(&order, 1)], &[])).await;
        assert!(placed.unwrap().is_done());
        let mut change = a_paying_change(&order, 1_000 + 2 * merchant);
        change.audit.clear();
        assert!(store.write(orders::settle(&change)).await.unwrap().is_done());
    }
}

async fn counts(fresh: &Fresh) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in GROWING {
        counts.push(fresh.count(table).await);
    }
    counts
}

#[test]
fn a_full_database_is_partitioned_without_losing_a_row_or_a_guard() {
    on_server(async {
        let fresh = Fresh::fresh().await;
        let before = store(&fresh);
        fill(&before).await;
        drop(before);
        let rows = counts(&fresh).await;
        let told = laid(&fresh, Layout::Partitions(4)).await.unwrap();
        assert_eq!(told.iter().map(|one| one.table).collect::<Vec<_>>(), GROWING);
        assert_eq!(told[0], Laid { table: "orders", rows: u64::from(MERCHANTS), was_so: false });
        assert_eq!(counts(&fresh).await, rows);
        let raw = fresh.raw().await;
        let spread = "select count(distinct tableoid) from orders";
        assert!(raw.query_one(spread, &[]).await.unwrap().get::<_, i64>(0) > 1, "all in one");
        // Uniqueness, histories, and money within what was paid.
        let store = store(&fresh);
        let again = store.write(orders::place(&order_of(3), &[], &[])).await.unwrap();
        assert!(matches!(again, Written::Missed));
        let change = raw.batch_execute("update ledger_entries set amount = 1").await.unwrap_err();
        assert!(change.as_db_error().unwrap().message().contains("never changed"), "{change:?}");
        let refund = raw.batch_execute("update orders set total_refund_fee = 1000000").await;
        assert!(refund.is_err());
        let found = orders::by_sn(&store, &order_of(5).sn()).await.unwrap().unwrap();
        assert_eq!(found.out_trade_no, order_of(5).out_trade_no);
    });
}

#[test]
fn what_is_due_is_claimed_across_partitions_and_once() {
    on_server(async {
        let fresh = Fresh::fresh().await;
        laid(&fresh, Layout::Partitions(4)).await.unwrap();
        let store = store(&fresh);
        fill(&store).await;
        let due = Claim { now: at(100), lease_until: at(200), limit: i64::from(MERCHANTS) + 5 };
        let order = order_of(0);
        let lane = Lane { app_id: order.app_id, target: super::TARGET.into() };
        let claimed = notices::claim_due(&store, &lane, due).await.unwrap();
        assert_eq!(claimed.len(), usize::try_from(MERCHANTS).unwrap());
        assert!(notices::claim_due(&store, &lane, due).await.unwrap().is_empty());
        let mut late = an_order(7_000);
        late.mch_id = kernel::id::MchId(MCH.0 + 50);
        assert!(store.write(orders::place(&late, &[], &[])).await.unwrap().is_done());
        let swept = sweeps::claim(&store, due).await.unwrap();
        assert_eq!(swept.iter().map(|one| one.order_id).collect::<Vec<_>>(), [id(7_000)]);
        assert!(sweeps::claim(&store, due).await.unwrap().is_empty());
    });
}

#[test]
fn what_fails_in_the_middle_goes_on_there_and_another_number_is_a_new_layout() {
    on_server(async {
        let fresh = Fresh::fresh().await;
        let before = store(&fresh);
        fill(&before).await;
        drop(before);
        let rows = counts(&fresh).await;
        let raw = fresh.raw().await;
        raw.batch_execute("create table notices_2_1 (a bigint)").await.unwrap();
        assert!(laid(&fresh, Layout::Partitions(2)).await.is_err());
        assert_eq!(counts(&fresh).await, rows);
        raw.batch_execute("drop table notices_2_1").await.unwrap();
        let told = laid(&fresh, Layout::Partitions(2)).await.unwrap();
        let was_so: Vec<bool> = told.iter().map(|one| one.was_so).collect();
        assert_eq!(&was_so[..5], [true, true, true, true, false]);
        let told = laid(&fresh, Layout::Partitions(3)).await.unwrap();
        assert!(told.iter().all(|one| !one.was_so));
        assert_eq!(counts(&fresh).await, rows);
        let store = store(&fresh);
        let again = store.write(orders::place(&order_of(3), &[], &[])).await.unwrap();
        assert!(matches!(again, Written::Missed));
    });
}

#[test]
fn tables_of_later_versions_follow_the_layout() {
    on_server(async {
        let fresh = Fresh::fresh().await;
        drop(store(&fresh));
        let mut client = Target::read(&fresh.url()).unwrap().connect().await.unwrap();
        client.batch_execute("insert into meta values ('partitions', '2')").await.unwrap();
        let transaction = client.transaction().await.unwrap();
        follow(&transaction).await.unwrap();
        transaction.commit().await.unwrap();
        let told = laid(&fresh, Layout::Partitions(2)).await.unwrap();
        assert!(told.iter().all(|one| one.was_so));
    });
}

#[test]
fn citus_is_asked_for_shards_of_what_grows_and_copies_of_what_is_small() {
    on_server(async {
        let fresh = Fresh::fresh().await;
        let before = store(&fresh);
        fill(&before).await;
        drop(before);
        let without = laid(&fresh, Layout::Shards(32)).await.unwrap_err();
        assert!(without.to_string().contains("no Citus"), "{without}");
        let raw = fresh.raw().await;
        raw.batch_execute(CITUS).await.unwrap();
        let told = laid(&fresh, Layout::Shards(32)).await.unwrap();
        assert_eq!(told.len(), GROWING.len() + SMALL.len());
        let calls = raw.query("select call from asked order by no", &[]).await.unwrap();
        let calls: Vec<String> = calls.iter().map(|row| row.get(0)).collect();
        assert_eq!(calls[0], "orders by mch_id with none in 32");
        assert_eq!(calls[1], "orders emptied here");
        assert!(calls.contains(&"refunds by mch_id with orders in as many".to_owned()));
        assert!(calls.contains(&"applications everywhere".to_owned()), "{calls:?}");
        let told = laid(&fresh, Layout::Shards(32)).await.unwrap();
        assert!(told.iter().all(|one| one.was_so), "a second time it does nothing");
    });
}

#[test]
fn what_is_partitioned_is_not_distributed_and_a_file_is_neither() {
    on_server(async {
        let fresh = Fresh::fresh().await;
        laid(&fresh, Layout::Partitions(2)).await.unwrap();
        fresh.raw().await.batch_execute(CITUS).await.unwrap();
        let why = laid(&fresh, Layout::Shards(8)).await.unwrap_err();
        assert!(why.to_string().contains("never partitioned"), "{why}");
        let file = Database::Sqlite("a.db".into());
        let why = lay_out(&file, Layout::Partitions(2), &mut |_| ()).await.unwrap_err();
        assert!(why.to_string().contains("jubao admin move"), "{why}");
    });
}
