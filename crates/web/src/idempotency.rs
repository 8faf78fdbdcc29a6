//! The header `Idempotency-Key` of the merchants' API (contract section 4): read here, and kept by the
//! gateway. It is looked at only after the request is known to be authentic.

use axum::http::{HeaderMap, HeaderName};
use gateway::{Caller, Gateway, KeyTurn};
use kernel::address::Operation;
use kernel::dialect::jubao::RawCall;
use kernel::fault::{Fault, Wording};

/// The header.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Characters of its value.
const KEY_MAX: usize = 255;

const KEY_FORM: Wording = [
    "Idempotency-Key 须为 1 至 255 个可打印 ASCII 字符，且只带一个",
    "Idempotency-Key must be 1 to 255 printable ASCII characters, sent once",
];

/// The header as it was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum SentKey {
    /// Not at all.
    None,
    /// Once, in its form.
    One(String),
    /// In another form, or more than once.
    Bad,
}

/// The key that a request carries.
pub(crate) fn key_of(headers: &HeaderMap) -> SentKey {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return SentKey::None };
    let is_printable = |byte: &u8| (b' '..=b'~').contains(byte);
    let bytes = value.as_bytes();
    let is_good = (1..=KEY_MAX).contains(&bytes.len()) && bytes.iter().all(is_printable);
    match value.to_str() {
        Ok(text) if is_good && values.next().is_none() => SentKey::One(text.to_owned()),
        Ok(_) | Err(_) => SentKey::Bad,
    }
}

/// Whose turn it is by its key; `None` for a request without one, or of an operation that has no effect
/// to be repeated.
pub(crate) async fn turn(
    gateway: &Gateway,
    caller: &Caller,
    raw: &RawCall<'_>,
    key: &SentKey,
) -> Result<Option<KeyTurn>, Fault> {
    match (has_effect(raw.operation), key) {
        (false, _) | (true, SentKey::None) => Ok(None),
        (true, SentKey::Bad) => Err(Fault::NotAllowed(KEY_FORM)),
        (true, SentKey::One(key)) => {
            // Boxed: what it keeps while it waits is nothing that other requests should carry.
            Box::pin(gateway.claim_key(caller, raw.operation, (key, raw.body))).await.map(Some)
        }
    }
}

/// Whether a repeat of the operation could have an effect twice. The others ask, or end in the same state
/// however often they are asked for.
fn has_effect(operation: Operation) -> bool {
    match operation {
        Operation::Place | Operation::Refund => true,
        Operation::Query
        | Operation::Close
        | Operation::Reverse
        | Operation::QueryRefund
        | Operation::ListOrders
        | Operation::ListRefunds
        | Operation::ListEvents
        | Operation::LogIn
        | Operation::CreateUser
        | Operation::ListUsers
        | Operation::RemoveUser
        | Operation::ChangePassword
        | Operation::FetchRates => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn sent(values: &[&[u8]]) -> SentKey {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        key_of(&headers)
    }

    #[test]
    fn a_key_is_printable_ascii_of_some_length_and_comes_once() {
        assert_eq!(sent(&[]), SentKey::None);
        assert_eq!(sent(&[b"order 7"]), SentKey::One("order 7".into()));
        assert_eq!(sent(&[&[b'x'; 255]]), SentKey::One("x".repeat(255)));
        for bad in [&[][..], &[b'x'; 256], "订单".as_bytes(), b"a\tb"] {
            assert_eq!(sent(&[bad]), SentKey::Bad, "{bad:?}");
        }
        assert_eq!(sent(&[b"a", b"a"]), SentKey::Bad);
    }
}
