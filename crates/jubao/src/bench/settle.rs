//! Settling against inserting, at the store alone: what a payment changes (the order, its history, the
//! ledger, the notice) beside the insert that it follows; and both as they are for a product that asks
//! an upstream, with the attempt and the message.

use gateway::clock::Clock;
use kernel::order::{Attempt, AttemptState, Order};
use store::messages::Direction;
use store::{Batch, Store, orders};

use super::report::{Amount, Figure, Goal, Repeat, Row};
use super::sample::Sampler;
use super::writers::Written;
use super::{Plan, Trials, place, writers};
use crate::cli::Failure;

/// Orders in a repeat, unless told.
const ORDERS: usize = 20_000;
/// Settling is to be this many times as fast as inserting, in thousandths.
const GOAL: Goal = Goal::AtLeast(Amount(1_200));
/// The same on a server.
const GOAL_ON_SERVER: Goal = Goal::AtLeast(Amount(500));

/// Runs it.
pub async fn run(plan: Plan) -> Result<Trials, Failure> {
    let mut repeats = Vec::new();
    for _ in 0..plan.repeats {
        repeats.push(once(&plan).await?);
    }
    let orders = plan.orders.unwrap_or(ORDERS);
    let settings =
        format!("{orders} orders a repeat, {} writers, the store alone", plan.connections);
    Ok(Trials { settings, columns: vec!["per second".into(), "CPU µs each".into()], repeats })
}

async fn once(plan: &Plan) -> Result<Repeat, Failure> {
    let (_place, store) = place::open_store(plan).await?;
    let sampler = Sampler::new(Clock::default().now());
    let goal = if plan.server.is_some() { GOAL_ON_SERVER } else { GOAL };
    let count = plan.orders.unwrap_or(ORDERS);
    let bare: Vec<Order> = (0..count).map(|at| sampler.order(format!("B{at:09}"))).collect();
    let asked: Vec<Order> = (0..count).map(|at| sampler.order(format!("U{at:09}"))).collect();
    let place = |order| orders::place(order, &[], &[]);
    let settle = |order| settled(&sampler, order, None);
    let begin = |order: &Order| {
        let message = sampler.message(order, Direction::Out, "place");
        orders::place(order, &[sampler.attempt(order)], &[message])
    };
    let finish = |order: &Order| settled(&sampler, order, Some(sampler.attempt(order)));
    let inserted = write(plan, &store, bare.iter().map(place).collect()).await?;
    let settling = write(plan, &store, bare.iter().filter_map(settle).collect()).await?;
    let begun = write(plan, &store, asked.iter().map(begin).collect()).await?;
    let finished = write(plan, &store, asked.iter().filter_map(finish).collect()).await?;
    let row =
        |name: &str, cost: Written| Row::new(name, [Some(cost.per_second()), Some(cost.cpu_us())]);
    let figure = |name: &str, value| Figure::new(name, "×", goal, value);
    Ok(Repeat {
        rows: vec![
            row("insert", inserted),
            row("settle", settling),
            row("insert, attempt and request", begun),
            row("settle, attempt and callback", finished),
        ],
        figures: vec![
            figure(
                "settling against inserting",
                settling.per_second().times(inserted.per_second()),
            ),
            figure(
                "the same with attempt and message",
                finished.per_second().times(begun.per_second()),
            ),
        ],
    })
}

/// The batch of an order's payment.
fn settled(sampler: &Sampler, order: &Order, attempt: Option<Attempt>) -> Option<Batch> {
    let mut change = sampler.paid(order)?;
    if let Some(attempt) = attempt {
        change.messages.push(sampler.message(order, Direction::In, "callback"));
        change.attempts.push((Attempt { state: AttemptState::Paid, ..attempt }, 0));
    }
    Some(orders::settle(&change))
}

async fn write(plan: &Plan, store: &Store, batches: Vec<Batch>) -> Result<Written, Failure> {
    writers::write_all(store, batches, plan.connections).await
}
