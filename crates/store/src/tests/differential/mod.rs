//! Random sequences of writes against both engines and against a plain model in memory: what each says of
//! every write, and what is found afterwards, must be the same.
//!
//! Each sequence has a merchant of its own; many run at the same time, so that a server's groups hold
//! batches of several. `cargo x differential` asks for more than a test's share.

mod model;
mod steps;

use futures_util::future::join_all;
use kernel::id::{Id, MchId};

use self::model::Model;
use self::steps::{Dice, Step};
use super::{MCH, Place, blocking, migrate};
use crate::{Store, StoreError, Written, attempts, feed, ledger, notices, orders, refunds};

/// Sequences in one run of the tests.
const SEQUENCES: u32 = 2_000;
/// Sequences at the same time.
const AT_ONCE: u32 = 100;
/// Writes in each.
const STEPS: usize = 16;

/// Where a sequence's rows are: its merchant, and the second of its ids.
#[derive(Copy, Clone)]
struct Own(u32);

impl Own {
    fn mch_id(self) -> MchId {
        MchId(MCH.0 + i64::from(self.0))
    }

    fn id(self, sequence: u32) -> Id {
        Id::from_parts(1_795_320_000 + i64::from(self.0), 1, sequence).unwrap()
    }
}

fn wanted() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "how a person asks for more")]
    let given = std::env::var("JUBAO_DIFFERENTIAL_SEQUENCES");
    given.map_or(SEQUENCES, |text| text.parse().unwrap())
}

#[test]
fn both_engines_do_what_the_model_does() {
    let places = [
        Place::Folder(tempfile::tempdir().unwrap()),
        Place::Server(blocking(pgtest::Database::fresh_from("store", migrate))),
    ];
    let stores = places.each_ref().map(|place| Store::open(&place.database()).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let mut counted = [0_usize; 3];
    for first in (1..=wanted()).step_by(usize::try_from(AT_ONCE).unwrap()) {
        let sequences: Vec<_> = (first..first + AT_ONCE).map(Own).collect();
        let expected: Vec<_> = sequences.iter().map(|own| modelled(*own)).collect();
        for store in &stores {
            let running = sequences.iter().map(|own| carried_out(store, *own));
            let found = runtime.block_on(join_all(running));
            for ((own, expected), found) in sequences.iter().zip(&expected).zip(found) {
                let differs = expected.iter().zip(&found).find(|(one, other)| one != other);
                assert!(differs.is_none(), "sequence {}, {store:?}: {differs:#?}", own.0);
                assert_eq!(expected.len(), found.len());
            }
        }
        for line in expected.iter().flatten() {
            let kinds = ["done", "missed", "defect"];
            let kind = kinds.iter().position(|kind| line.ends_with(&format!(": {kind}")));
            kind.into_iter().for_each(|kind| counted[kind] += 1);
        }
    }
    let writes = usize::try_from(wanted()).unwrap() * STEPS;
    let are_all_met = counted.iter().all(|count| *count > writes / 50);
    assert!(are_all_met, "done, missed, defects: {counted:?} of {writes}");
}

/// What the model says.
fn modelled(own: Own) -> Vec<String> {
    let (mut model, mut dice) = (Model::default(), Dice::new(own.0));
    let mut said = Vec::new();
    for _ in 0..STEPS {
        let step = Step::draw(&mut dice, own, &model);
        let outcome = model.write(&step);
        said.push(format!("{step:?}: {outcome}"));
    }
    said.extend(model.found(own));
    said
}

/// What a store says. The steps are drawn from what the model holds, which both have in common.
async fn carried_out(store: &Store, own: Own) -> Vec<String> {
    let (mut model, mut dice) = (Model::default(), Dice::new(own.0));
    let mut said = Vec::new();
    for _ in 0..STEPS {
        let step = Step::draw(&mut dice, own, &model);
        model.write(&step);
        let outcome = match store.write(step.batch()).await {
            Ok(Written::Done(_)) => "done",
            Ok(Written::Missed) => "missed",
            Err(StoreError::Defect(_)) => "defect",
            Err(error) => panic!("{step:?}: {error}"),
        };
        said.push(format!("{step:?}: {outcome}"));
    }
    said.extend(found(store, own).await);
    said
}

/// Everything that a store holds of a sequence, in the model's words.
async fn found(store: &Store, own: Own) -> Vec<String> {
    let mch_id = own.mch_id();
    let mut lines = Vec::new();
    for sequence in 0..u32::try_from(STEPS).unwrap() {
        let id = own.id(sequence);
        let Some(order) = orders::by_id(store, mch_id, id).await.unwrap() else { continue };
        let same = orders::by_out_trade_no(store, mch_id, &order.out_trade_no).await.unwrap();
        assert_eq!(same.as_ref(), Some(&order));
        lines.push(format!("{order:?}"));
        lines.push(format!("{:?}", attempts::of_order(store, mch_id, id).await.unwrap()));
        lines.push(format!("{:?}", refunds::of_order(store, mch_id, id).await.unwrap()));
        let booked = ledger::of_order(store, mch_id, id).await.unwrap();
        let booked: Vec<_> = booked.iter().map(|row| (row.posting_id, &row.entry)).collect();
        lines.push(format!("{booked:?}"));
        let told = notices::of_order(store, mch_id, id).await.unwrap();
        let told: Vec<_> = told
            .iter()
            .map(|one| (one.notice.id, one.notice.state, one.notice.tries, one.attempts.len()))
            .collect();
        lines.push(format!("{told:?}"));
    }
    let events = feed::after(store, mch_id, 0, 1_000).await.unwrap();
    let events: Vec<_> = events.iter().map(|one| (one.seq, one.event_type, one.order_id)).collect();
    lines.push(format!("{events:?}"));
    lines
}
