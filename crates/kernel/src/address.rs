//! Addresses of the merchant API: one table of both styles (contract section 1). It never guesses:
//! what the table does not name is unknown and answers 404.

use std::borrow::Cow;

use url::form_urlencoded;

/// What a merchant asks us to do.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Operation {
    /// Place an order.
    Place,
    /// Query an order.
    Query,
    /// Close an unpaid order.
    Close,
    /// Reverse a barcode order.
    Reverse,
    /// Refund an order.
    Refund,
    /// Query a refund.
    QueryRefund,
    /// List orders.
    ListOrders,
    /// List refunds.
    ListRefunds,
    /// List events.
    ListEvents,
    /// Log a user in.
    LogIn,
    /// Create a user.
    CreateUser,
    /// List users.
    ListUsers,
    /// Remove a user.
    RemoveUser,
    /// Change a user's password.
    ChangePassword,
    /// Tell exchange rates.
    FetchRates,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 15] = [
        Self::Place,
        Self::Query,
        Self::Close,
        Self::Reverse,
        Self::Refund,
        Self::QueryRefund,
        Self::ListOrders,
        Self::ListRefunds,
        Self::ListEvents,
        Self::LogIn,
        Self::CreateUser,
        Self::ListUsers,
        Self::RemoveUser,
        Self::ChangePassword,
        Self::FetchRates,
    ];

    /// Whether whoever asks has to sign: all but who logs in, and has no key yet.
    pub fn is_signed(self) -> bool {
        self != Self::LogIn
    }
}

/// One row of [`ADDRESSES`].
#[derive(Debug)]
pub struct Address {
    /// The operation that answers there.
    pub operation: Operation,
    /// `_m` and `_a` of the query style.
    pub query_style: (&'static str, &'static str),
    /// The path style.
    pub path: &'static str,
}

/// Every address of the merchant API (contract section 1).
pub static ADDRESSES: &[Address] = &[
    Address {
        operation: Operation::Place,
        query_style: ("pay_gateway", "apply_pay"),
        path: "/payment/pay",
    },
    Address {
        operation: Operation::Query,
        query_style: ("payment", "query"),
        path: "/order/query",
    },
    Address {
        operation: Operation::Close,
        query_style: ("payment", "close"),
        path: "/order/close",
    },
    Address {
        operation: Operation::Reverse,
        query_style: ("payment", "reverse"),
        path: "/order/reverse",
    },
    Address {
        operation: Operation::Refund,
        query_style: ("payment", "refund"),
        path: "/payment/refund",
    },
    Address {
        operation: Operation::QueryRefund,
        query_style: ("payment", "refund_query"),
        path: "/order/refundquery",
    },
    Address {
        operation: Operation::ListOrders,
        query_style: ("payment", "list"),
        path: "/order/list",
    },
    Address {
        operation: Operation::ListRefunds,
        query_style: ("payment", "refund_list"),
        path: "/refund/list",
    },
    Address {
        operation: Operation::ListEvents,
        query_style: ("event", "list"),
        path: "/event/list",
    },
    Address { operation: Operation::LogIn, query_style: ("user", "login"), path: "/user/login" },
    Address {
        operation: Operation::CreateUser,
        query_style: ("user", "create"),
        path: "/user/create",
    },
    Address { operation: Operation::ListUsers, query_style: ("user", "list"), path: "/user/list" },
    Address {
        operation: Operation::RemoveUser,
        query_style: ("user", "remove"),
        path: "/user/remove",
    },
    Address {
        operation: Operation::ChangePassword,
        query_style: ("user", "password"),
        path: "/user/password",
    },
    Address {
        operation: Operation::FetchRates,
        query_style: ("exchangerate", "fetch"),
        path: "/exchangerate/fetch",
    },
];

/// Names that may stand in a query string: they address, and are not signed.
const ADDRESSING_NAMES: [&str; 3] = ["_m", "_a", "parameter"];

/// The operation behind `path` and `query` (without its `?`); `None` is an unknown address.
pub fn resolve(path: &str, query: &str) -> Option<Operation> {
    let path = single_slashes(path);
    let is_query_style = matches!(path.as_ref(), "/" | "/index.php");
    let row = if is_query_style {
        let (module, action) = (only(query, "_m")?, only(query, "_a")?);
        ADDRESSES.iter().find(|row| row.query_style == (module.as_ref(), action.as_ref()))
    } else {
        ADDRESSES.iter().find(|row| row.path == path)
    };
    row.map(|row| row.operation)
}

/// Whether a query string carries anything but `_m`, `_a` and `parameter`: it would be unsigned.
pub fn has_extra_parameters(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes())
        .any(|(name, _)| !ADDRESSING_NAMES.contains(&name.as_ref()))
}

/// `path` with each run of slashes counted as one.
pub(crate) fn single_slashes(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut single = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !single.ends_with('/') {
            single.push(letter);
        }
    }
    Cow::Owned(single)
}

/// The value of a query parameter that is there exactly once.
fn only<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    let (_, value) = values.next()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, query: &str, expect: Option<Operation>) {
        assert_eq!(resolve(path, query), expect, "{path}?{query}");
    }

    #[test]
    fn both_styles_of_every_row_reach_its_operation() {
        for row in ADDRESSES {
            let (module, action) = row.query_style;
            check(row.path, "", Some(row.operation));
            for path in ["/", "/index.php", "//index.php", "///"] {
                check(path, &format!("_m={module}&_a={action}"), Some(row.operation));
                check(path, &format!("_a={action}&_m={module}"), Some(row.operation));
            }
        }
        check("//payment//pay", "", Some(Operation::Place));
    }

    #[test]
    fn what_the_table_does_not_name_is_unknown() {
        check("/", "", None);
        check("", "_m=payment&_a=query", None);
        check("/index.php", "_m=payment", None);
        check("/index.php", "_m=payment&_a=QUERY", None);
        check("/index.php", "_m=payment&_a=query&_a=close", None);
        check("/index.php/x", "_m=payment&_a=query", None);
        check("/payment/refunds", "", None);
        check("/payment/pay/", "", None);
    }

    #[test]
    fn only_addressing_names_may_stand_in_a_query_string() {
        for fine in ["", "_m=a&_a=b", "parameter=x", "&&", "_m=a&"] {
            assert!(!has_extra_parameters(fine), "{fine}");
        }
        for extra in ["total_fee=1", "_m=a&_a=b&x", "%5Fm=a&y=1", "_sign=1", "_m[]=1"] {
            assert!(has_extra_parameters(extra), "{extra}");
        }
    }
}
