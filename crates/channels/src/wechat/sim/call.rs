//! Which call of the API a request is.

use percent_encoding::percent_decode_str;

use super::answer::Reply;
use super::trade::TradeKind;
use crate::http::HttpRequest;
use crate::sim::OpKind;

/// A call of the API.
pub(super) enum Call {
    Place(TradeKind),
    QueryByNumber(String),
    QueryByTransaction(String),
    Close(String),
    Reverse(String),
    Refund,
    QueryRefund(String),
    Keys,
}

impl Call {
    /// Reads method and path.
    pub(super) fn route(request: &HttpRequest) -> Result<Self, Reply> {
        let unknown = || Reply::error(404, "RESOURCE_NOT_EXISTS", "请求的资源不存在");
        let path = percent_decode_str(request.path()).decode_utf8().map_err(|_| unknown())?;
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let call = match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["v3", "pay", "transactions", product]) => {
                Self::Place(kind(product).ok_or_else(unknown)?)
            }
            ("GET", ["v3", "pay", "transactions", "out-trade-no", number]) => {
                Self::QueryByNumber((*number).to_owned())
            }
            ("GET", ["v3", "pay", "transactions", "id", number]) => {
                Self::QueryByTransaction((*number).to_owned())
            }
            ("POST", ["v3", "pay", "transactions", "out-trade-no", number, "close"]) => {
                Self::Close((*number).to_owned())
            }
            ("POST", ["v3", "pay", "transactions", "out-trade-no", number, "reverse"]) => {
                Self::Reverse((*number).to_owned())
            }
            ("POST", ["v3", "refund", "domestic", "refunds"]) => Self::Refund,
            ("GET", ["v3", "refund", "domestic", "refunds", number]) => {
                Self::QueryRefund((*number).to_owned())
            }
            ("GET", ["v3", "certificates"]) => Self::Keys,
            _ => return Err(unknown()),
        };
        Ok(call)
    }

    pub(super) fn kind(&self) -> OpKind {
        match self {
            Self::Place(_) => OpKind::Place,
            Self::QueryByNumber(_) | Self::QueryByTransaction(_) => OpKind::Query,
            Self::Close(_) => OpKind::Close,
            Self::Reverse(_) => OpKind::Reverse,
            Self::Refund => OpKind::Refund,
            Self::QueryRefund(_) => OpKind::QueryRefund,
            Self::Keys => OpKind::Keys,
        }
    }
}

fn kind(product: &str) -> Option<TradeKind> {
    match product {
        "native" => Some(TradeKind::Native),
        "h5" => Some(TradeKind::H5),
        "jsapi" => Some(TradeKind::Jsapi),
        "app" => Some(TradeKind::App),
        "codepay" => Some(TradeKind::Barcode),
        _ => None,
    }
}
