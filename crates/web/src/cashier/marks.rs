//! Small pictures of the payer's page, drawn by us: a wallet is a coloured square with a
//! character, a result is a circle with a sign. No trademark is copied.

use kernel::product::Provider;
use maud::{Markup, html};

/// The square of a wallet.
pub(crate) fn wallet(provider: Provider) -> Markup {
    let (color, character) = match provider {
        Provider::Alipay => ("#0a5fd6", "支"),
        Provider::Wechat => ("#06763f", "微"),
        Provider::Unionpay => ("#a8202b", "云"),
    };
    html! {
        svg .wallet viewBox="0 0 24 24" aria-hidden="true" {
            rect width="24" height="24" rx="6" fill=(color) {}
            text x="12" y="17" text-anchor="middle" font-size="14" font-weight="700" fill="#fff" {
                (character)
            }
        }
    }
}

/// An arrow out of a frame: to another app.
pub(crate) fn outside() -> Markup {
    html! {
        svg .wallet viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor"
            stroke-width="2" stroke-linecap="round" stroke-linejoin="round" {
            path d="M19 14v4a2 2 0 01-2 2H6a2 2 0 01-2-2V7a2 2 0 012-2h4M14 4h6v6M20 4l-9 9" {}
        }
    }
}

/// What a result's circle says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Sign {
    /// Done well.
    Done,
    /// Money went back.
    Back,
    /// Over, without a payment.
    Over,
    /// Look here.
    Alert,
    /// Not known yet.
    Unknown,
}

impl Sign {
    /// Class that colours it.
    fn class(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Back => "back",
            Self::Over => "over",
            Self::Alert => "alert",
            Self::Unknown => "unknown",
        }
    }

    /// Its strokes in a square of 48.
    fn strokes(self) -> &'static str {
        match self {
            Self::Done => "M14 25l7 7 14-15",
            Self::Back => "M17 17l-5 5 5 5M12 22h16a7 7 0 010 14h-6",
            Self::Over => "M17 17l14 14M31 17L17 31",
            Self::Alert => "M24 13v14M24 34v.1",
            Self::Unknown => "M24 12a12 12 0 1012 12",
        }
    }
}

/// The circle of a result.
pub(crate) fn sign(sign: Sign) -> Markup {
    html! {
        svg class={ "sign-mark " (sign.class()) } viewBox="0 0 48 48" aria-hidden="true" {
            circle .disc cx="24" cy="24" r="24" {}
            path .stroke d=(sign.strokes()) fill="none" stroke-width="4" stroke-linecap="round"
                stroke-linejoin="round" {}
        }
    }
}
