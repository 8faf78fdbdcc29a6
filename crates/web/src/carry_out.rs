//! What an admitted request asks for is done, and its answer made: signed as the request was.

use gateway::{Answered, AnsweredRefund, Asked, Caller, Gateway, KeyClaim, OrderFault, Topic};
use kernel::call::Call;
use kernel::dialect::{answer, members};
use kernel::fault::Fault;
use kernel::order::SignForm;
use kernel::product::Product;
use kernel::scheme::Signing;
use kernel::sign::Signer;

use crate::listing;
use crate::records::{self, About};
use crate::reply::{Reply, failure, unsigned};

/// Does what `call` asks, for a caller who signed so; true in `asked` if its text left no doubt about the form.
pub(crate) async fn carry_out(
    (gateway, caller): (&Gateway, &Caller),
    (call, asked): (Call, (Signing, bool)),
    key: Option<&KeyClaim>,
) -> Reply {
    let is_place = matches!(call, Call::Place(_));
    let done = match call {
        Call::Place(call) => {
            let asked = Asked { signing: asked.0, key };
            gateway.place_order(caller, *call, asked).await
        }
        // Boxed: what they keep while they wait is large, and placing would carry its weight.
        Call::Query(call) => {
            Box::pin(gateway.query_order(caller, &call.order)).await.map_err(OrderFault::from)
        }
        Call::Close(order) => {
            Box::pin(gateway.close_order(caller, &order)).await.map_err(OrderFault::from)
        }
        Call::Reverse(call) => {
            let reversed = gateway.reverse_order(caller, &call, asked.0);
            Box::pin(reversed).await.map_err(OrderFault::from)
        }
        Call::Refund(call) => {
            let refunded = Box::pin(gateway.refund_order(caller, call, asked.0)).await;
            return reply_of_refund((gateway, caller), asked, refunded);
        }
        Call::QueryRefund(refund) => {
            let queried = Box::pin(gateway.query_refund(caller, &refund)).await;
            return reply_of_refund((gateway, caller), asked, queried);
        }
        Call::ListOrders(call) => {
            return reply_of_list(Box::pin(listing::orders(gateway, caller, &call)).await, None);
        }
        Call::ListRefunds(call) => {
            return reply_of_list(Box::pin(listing::refunds(gateway, caller, &call)).await, None);
        }
        Call::ListEvents(call) => {
            let (listed, topic) = Box::pin(listing::events(gateway, caller, &call)).await;
            return reply_of_list(listed, topic);
        }
        // Nobody signs it: it is carried out where a request's sender is known.
        Call::LogIn(_) => return failure(Fault::Defect),
        Call::CreateUser(call) => return record(gateway, caller, About::Create(call)).await,
        Call::ListUsers(asked) => return record(gateway, caller, About::List(asked)).await,
        Call::RemoveUser(email) => return record(gateway, caller, About::Remove(email)).await,
        Call::ChangePassword(asked) => {
            return record(gateway, caller, About::ChangePassword(asked)).await;
        }
        Call::FetchRates(source) => return record(gateway, caller, About::Rates(source)).await,
    };
    match done {
        Ok(answered) => match data(gateway, caller, asked, &answered) {
            Some(data) => Reply {
                fault: None,
                is_awaited: is_place && is_awaited(&answered),
                data: Some(data),
                kept: None,
                topic: answered.order.state.is_open().then_some(Topic::Order(answered.order.id)),
            },
            None => unsigned(),
        },
        Err(OrderFault { fault, standing }) => Reply {
            fault: Some(fault),
            is_awaited: false,
            data: standing.and_then(|answered| data(gateway, caller, asked, &answered)),
            kept: None,
            topic: None,
        },
    }
}

/// The answer about users or rates.
async fn record(gateway: &Gateway, caller: &Caller, about: About) -> Reply {
    reply_of_record(Box::pin(records::carry_out(gateway, caller, about)).await)
}

pub(crate) fn reply_of_record(done: Result<String, Fault>) -> Reply {
    reply_of_list(done, None)
}

/// The order's members, signed in the form that verified the request. Where the request's text left
/// open which form it was, the form that the order was placed in decides.
fn data(
    gateway: &Gateway,
    caller: &Caller,
    (asked, is_certain): (Signing, bool),
    answered: &Answered,
) -> Option<String> {
    let form = form((asked, is_certain), answered);
    let (urls, nonce) = (answered.urls(), gateway.nonce());
    let mut data = answer::order_members(&answered.order, &caller.app, &urls);
    members::sign_members(&mut data, Signer::of(&caller.app), form, &nonce)?;
    Some(members::object(&data))
}

fn form((asked, is_certain): (Signing, bool), answered: &Answered) -> Signing {
    let placed = answered.order.sign_form.form;
    match placed {
        SignForm::Widened | SignForm::Plain if !is_certain => Signing { form: placed, ..asked },
        SignForm::Widened | SignForm::Plain | SignForm::Version2 => asked,
    }
}

/// The answer about a refund: its order's members and its own, signed as an order's are.
fn reply_of_refund(
    (gateway, caller): (&Gateway, &Caller),
    asked: (Signing, bool),
    refunded: Result<AnsweredRefund, Fault>,
) -> Reply {
    let AnsweredRefund { refund, answered } = match refunded {
        Ok(refunded) => refunded,
        Err(fault) => return failure(fault),
    };
    let form = form(asked, &answered);
    let (urls, nonce) = (answered.urls(), gateway.nonce());
    let mut data = answer::refund_members((&refund, &answered.order), &caller.app, &urls);
    match members::sign_members(&mut data, Signer::of(&caller.app), form, &nonce) {
        Some(()) => {
            let data = Some(members::object(&data));
            Reply { fault: None, is_awaited: false, data, kept: None, topic: None }
        }
        None => unsigned(),
    }
}

/// The answer of a list: its values are nested, so it is not signed (contract section 3).
fn reply_of_list(listed: Result<String, Fault>, topic: Option<Topic>) -> Reply {
    match listed {
        Ok(data) => Reply { fault: None, is_awaited: false, data: Some(data), kept: None, topic },
        Err(fault) => failure(fault),
    }
}

/// Whether a barcode payment has not ended yet.
fn is_awaited(answered: &Answered) -> bool {
    answered.order.product == Product::Micropay && answered.order.state.is_open()
}
