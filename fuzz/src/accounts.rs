//! Accounts of both upstreams, with keys that are made when a target starts.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use channels::seal::{self, RsaSigner};
use channels::{Account, PrivateKey};
use kernel::id::{Id, MchId};
use kernel::money::Currency;
use kernel::secret::Secret;

/// Opens what WeChat Pay seals.
pub const APIV3_KEY: &str = "0123456789abcdef0123456789abcdef";
/// Names the key that WeChat Pay signs with.
pub const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000001092026112200000001";
/// The account's merchant number.
pub const MCHID: &str = "1900000109";
/// The account's app.
pub const APPID: &str = "wxd930ea5d5a258f4f";

/// A throw-away key pair.
pub struct Keys {
    /// What signs with it.
    pub signer: RsaSigner,
    private: String,
    public: String,
}

fn generate() -> Keys {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let private = AsDer::<Pkcs8V1Der>::as_der(&pair).expect("DER");
    let public = AsDer::<PublicKeyX509Der>::as_der(pair.public_key()).expect("DER");
    let private = pem("PRIVATE KEY", private.as_ref());
    let signer = RsaSigner::parse("private_key", &private).expect("a signer");
    Keys { signer, private, public: pem("PUBLIC KEY", public.as_ref()) }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = seal::base64(der);
    let lines = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).expect("Base64"));
    let lines = lines.collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}

/// The upstreams' own.
pub static UPSTREAM: LazyLock<Keys> = LazyLock::new(generate);
/// Nobody's.
pub static STRANGER: LazyLock<Keys> = LazyLock::new(generate);
static MERCHANT: LazyLock<Keys> = LazyLock::new(generate);
/// An account of Alipay and one of WeChat Pay.
pub static ACCOUNTS: LazyLock<[Account; 2]> = LazyLock::new(|| [alipay(), wechat()]);

/// What both sides of the upstreams in [`KEYED`] sign with.
pub const SHARED_KEY: &str = "fedcba9876543210fedcba9876543210";
/// Accounts of the upstreams that sign with a key which both sides know.
pub static KEYED: LazyLock<[Account; 5]> = LazyLock::new(|| {
    let private = MERCHANT.private.as_str();
    [
        account(
            "wechat_v2",
            &[("appid", "wx1"), ("mch_id", MCHID), ("api_key", SHARED_KEY), ("sign_type", "MD5")],
        ),
        account(
            "alipay_mapi",
            &[
                ("partner", "2088000000000001"),
                ("refer_url", "https://shop.example/"),
                ("sign_type", "MD5"),
                ("md5_key", SHARED_KEY),
                ("private_key", private),
            ],
        ),
        account("chinaums", &[("pin", "8521"), ("secret_key", SHARED_KEY)]),
        account(
            "unionpay",
            &[
                ("mer_id", "777290058110048"),
                ("sign_method", "11"),
                ("secure_key", SHARED_KEY),
                ("term_id", "00000001"),
            ],
        ),
        account(
            "jeepay",
            &[
                ("base_url", "https://jeepay.example"),
                ("mch_no", "M1"),
                ("app_id", "A1"),
                ("app_secret", SHARED_KEY),
            ],
        ),
    ]
});

fn account(channel: &str, settings: &[(&str, &str)]) -> Account {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), Secret::new(*value)));
    Account {
        id: Id(7),
        version: 1,
        mch_id: MchId(10_502_105_689_001),
        channel: channel.to_owned(),
        currency: Currency::Cny,
        settings: settings.collect(),
        upstream_keys: Vec::new(),
        private_key: PrivateKey::default(),
    }
}

fn alipay() -> Account {
    account(
        "alipay",
        &[
            ("app_id", "2021000000000000"),
            ("seller_id", "2088000000000001"),
            ("private_key", &MERCHANT.private),
            ("alipay_public_key", &UPSTREAM.public),
        ],
    )
}

fn wechat() -> Account {
    account(
        "wechat",
        &[
            ("mchid", MCHID),
            ("appid", APPID),
            ("private_key", &MERCHANT.private),
            ("serial_no", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"),
            ("apiv3_key", APIV3_KEY),
            ("public_key_id", PUBLIC_KEY_ID),
            ("public_key", &UPSTREAM.public),
        ],
    )
}
