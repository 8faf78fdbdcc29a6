//! Arguments of the commands that are for merchants' engineers: they speak as a shop does, and hold its
//! keys, which are never shown.

use std::fs;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use kernel::rsa::{PrivateKey, PublicKey};
use kernel::scheme::Scheme;
use kernel::secret::Secret;

use crate::cli::Failure;
use crate::trigger;

/// The key that merchant and platform share.
#[derive(Args)]
pub struct SharedKeyArguments {
    /// The file that holds the application's key; without it, the key is that of --key or JUBAO_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_from: Option<PathBuf>,
    /// The key itself.
    #[arg(long, env = "JUBAO_KEY", hide_env_values = true)]
    pub key: Option<String>,
}

impl SharedKeyArguments {
    /// The key, if there is one.
    ///
    /// # Errors
    /// Its file cannot be read, or it is empty.
    pub fn find(&self) -> Result<Option<Secret>, Failure> {
        let text = match (&self.key_from, &self.key) {
            (Some(file), _) => read(file)?,
            (None, Some(key)) => Secret::new(key),
            (None, None) => return Ok(None),
        };
        match text.expose().trim() {
            "" => Err(Failure::Input("the key is empty".into())),
            key => Ok(Some(Secret::new(key))),
        }
    }
}

impl std::fmt::Debug for SharedKeyArguments {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SharedKeyArguments").finish_non_exhaustive()
    }
}

/// How requests are signed, and with what.
#[derive(Debug, Args)]
pub struct SigningArguments {
    /// How requests are signed: one of the application's schemes.
    #[arg(long, default_value = "md5", value_parser = schemes())]
    pub scheme: Scheme,
    /// The application's key.
    #[command(flatten)]
    pub shared: SharedKeyArguments,
    /// The file that holds the merchant's own RSA key, PEM, to sign by rsa2.
    #[arg(long, value_name = "FILE")]
    pub rsa_key_from: Option<PathBuf>,
}

impl SigningArguments {
    /// The merchant's own RSA key, if its file is named.
    ///
    /// # Errors
    /// The file cannot be read, or holds no RSA key.
    pub fn private(&self) -> Result<Option<PrivateKey>, Failure> {
        let Some(file) = &self.rsa_key_from else { return Ok(None) };
        let wrong = |_| Failure::Input(format!("{}: no RSA private key, in PEM", file.display()));
        PrivateKey::parse(&read(file)?).map(Some).map_err(wrong)
    }
}

/// Reads the file of an RSA public key.
///
/// # Errors
/// The file cannot be read, or holds no RSA public key.
pub fn public_key(file: Option<&Path>) -> Result<Option<PublicKey>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let wrong = || format!("{}: no RSA public key of 2048 bits or more, in PEM", file.display());
    PublicKey::parse(read(file)?.expose()).map(Some).ok_or_else(|| Failure::Input(wrong()))
}

fn read(file: &Path) -> Result<Secret, Failure> {
    let failed = |error| Failure::Input(format!("{}: {error}", file.display()));
    fs::read_to_string(file).map(Secret::new).map_err(failed)
}

fn schemes() -> impl TypedValueParser<Value = Scheme> {
    PossibleValuesParser::new(Scheme::ALL.map(Scheme::word))
        .try_map(|word| Scheme::from_word(&word).ok_or("no scheme"))
}

/// Which application speaks, and with which gateway.
#[derive(Debug, Args)]
pub struct MerchantArguments {
    /// The gateway: scheme and host.
    #[arg(long, value_name = "URL")]
    pub api: String,
    /// The application's number.
    #[arg(long)]
    pub appid: i64,
    /// How it signs.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// The file that holds the platform's public key, PEM; without it, rsa2 asks the gateway for it.
    #[arg(long, value_name = "FILE")]
    pub platform_key: Option<PathBuf>,
}

/// Arguments of `listen`.
#[derive(Debug, Args)]
pub struct ListenArguments {
    /// The application.
    #[command(flatten)]
    pub merchant: MerchantArguments,
    /// Where events are posted to, as notifications are.
    #[arg(long, value_name = "URL")]
    pub forward_to: String,
    /// How they are encoded.
    #[arg(long, value_enum, default_value_t = RelayFormat::Form)]
    pub format: RelayFormat,
    /// The file that remembers how far it came.
    #[arg(long, value_name = "FILE")]
    pub cursor: Option<PathBuf>,
    /// Types of events, with commas between; by default those of orders.
    #[arg(long, value_name = "TYPES")]
    pub types: Option<String>,
    /// Begin with the first event that is kept, where no cursor says otherwise.
    #[arg(long)]
    pub from_start: bool,
}

/// How an event is relayed.
#[derive(Copy, Clone, PartialEq, Eq, Debug, ValueEnum)]
pub enum RelayFormat {
    /// As a form.
    Form,
    /// As JSON.
    Json,
}

/// Arguments of `trigger`.
#[derive(Debug, Args)]
#[command(after_help = trigger::about())]
pub struct TriggerArguments {
    /// What to cause.
    #[arg(value_parser = trigger::WORDS)]
    pub kind: String,
    /// The application; it must be one for the sandbox.
    #[command(flatten)]
    pub merchant: MerchantArguments,
    /// The simulated upstreams, as `jubao demo` prints them.
    #[arg(long, value_name = "URL")]
    pub sims: String,
    /// Where the order's notifications go.
    #[arg(long, value_name = "URL")]
    pub notify_url: Option<String>,
}

/// Arguments of `sign`.
#[derive(Debug, Args)]
pub struct SignArguments {
    /// How it is signed, and with what.
    #[command(flatten)]
    pub signing: SigningArguments,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The application's key.
    #[command(flatten)]
    pub shared: SharedKeyArguments,
    /// By which scheme is signed what names no other in sign_type: md5 or suffix.
    #[arg(long, default_value = "md5", value_parser = schemes())]
    pub scheme: Scheme,
    /// The file that holds the RSA public key of whoever signed by rsa2, PEM: the merchant's for requests,
    /// the platform's for answers and notifications.
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,
}
