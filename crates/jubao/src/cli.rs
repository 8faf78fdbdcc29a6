//! The command line, as one table of types: help, docs and parsing come from here.

mod shop;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::admin::AdminCommand;
use crate::bench::BENCHES;
use crate::check::CheckArguments;
pub use crate::cli::shop::{
    ListenArguments, MerchantArguments, RelayFormat, SharedKeyArguments, SignArguments,
    SigningArguments, TriggerArguments, VerifyArguments, public_key,
};
use crate::import::ImportArguments;

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// The arguments or the input: exit code 2.
    Input(String),
    /// Us or the machine: exit code 1.
    Machine(String),
    /// What was asked about is not so, and that has been said on standard output: exit code 1.
    Verdict,
}

/// Prints a line for whoever reads standard output; a reader that has gone is no fault.
pub fn print_line(text: impl std::fmt::Display) {
    // `println!` would panic under `jubao … | head`.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// 聚宝 Pay: an aggregated payment gateway.
#[derive(Debug, Parser)]
#[command(name = "jubao", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway with simulated upstreams, a demo merchant and a demo shop.
    Demo(DemoArguments),
    /// Run the gateway.
    Serve(ConfigArguments),
    /// Read the configuration and say whether it is valid.
    CheckConfig(ConfigArguments),
    /// Add, list, show and set merchants; rotate their keys.
    #[command(subcommand)]
    Merchant(MerchantCommand),
    /// Add and list accounts at upstreams.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Add, list and remove users, who log in for a merchant; give them passwords.
    #[command(subcommand)]
    User(UserCommand),
    /// Look at an order.
    #[command(subcommand)]
    Order(OrderCommand),
    /// Steer notices to merchants.
    #[command(subcommand)]
    Notice(NoticeCommand),
    /// Check, copy, bring back, migrate and move a whole database.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Relay a merchant's events to a local address, as notifications, while a shop is built.
    Listen(ListenArguments),
    /// Cause something in the sandbox: a payment, a refund, money that comes late.
    Trigger(TriggerArguments),
    /// Print the signature of a JSON object read from standard input.
    Sign(SignArguments),
    /// Say whether a JSON object or form read from standard input is signed rightly, or why not.
    Verify(VerifyArguments),
    /// Write the generated reference (docs/reference).
    #[command(hide = true)]
    Docs(DocsArguments),
    /// Measure what this machine does; without a name, list what can be measured.
    Bench(BenchArguments),
    /// The other end of a bench, steered by it.
    #[command(hide = true)]
    BenchPeer,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Where the gateway listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: String,
    /// Folder whose state survives; without it every demo begins fresh.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where the store is, if not in the folder: `sqlite:PATH` or `postgres://…` (an empty database).
    #[arg(long, env = "JUBAO_DATABASE", value_name = "DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// Print one line of JSON once ready.
    #[arg(long)]
    pub json: bool,
    /// What is logged: levels, and targets with their own.
    #[arg(long, env = "JUBAO_LOG", default_value = "warn,gateway=info", value_name = "FILTER")]
    pub log: String,
}

/// Arguments of commands that read the configuration.
#[derive(Debug, Args)]
pub struct ConfigArguments {
    /// The configuration file; `config.default.toml` in the repository is its manual.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Which store an operator's command works on, beside a running server or alone.
#[derive(Debug, Args)]
pub struct StoreArguments {
    /// The data folder (`jubao.db` and `master.key` in it).
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub data: Option<PathBuf>,
    /// The server's configuration file, instead of a data folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `jubao merchant …`
#[derive(Debug, Subcommand)]
pub enum MerchantCommand {
    /// Add a merchant; prints its mch_id, appid and key (the key is shown this once).
    Add(MerchantAdd),
    /// List merchants and their applications.
    List(StoreArguments),
    /// Show one application and its settings.
    Show(ApplicationArguments),
    /// Bring merchants of another platform along, with their numbers and keys, from a file.
    Import(ImportArguments),
    /// Say what would become of requests that a shop has sent elsewhere, without any effect.
    Check(CheckArguments),
    /// Change an application's settings: NAME=VALUE …; without any, list the settings that there are.
    #[command(after_help = crate::settings::help())]
    Set(SetArguments),
    /// Serve an application again.
    Enable(ApplicationArguments),
    /// Serve an application no longer: its requests are answered 4002.
    Disable(ApplicationArguments),
    /// Give an application a new key; the old one stays valid for a while.
    RotateKey(RotateArguments),
    /// Give an application a password that its refunds must carry.
    RefundPassword(crate::refund_password::Arguments),
}

/// Arguments of `merchant add`.
#[derive(Debug, Args)]
pub struct MerchantAdd {
    /// The merchant's name, as payers see it.
    #[arg(long)]
    pub name: String,
    /// Its number, 14 digits; made if it is left out.
    #[arg(long)]
    pub mch_id: Option<i64>,
    /// Its application's number, 4 to 10 digits; made if it is left out.
    #[arg(long)]
    pub appid: Option<i64>,
    /// Its fee in millionths of the amount (6000 is 0.6 %).
    #[arg(long, default_value_t = 0)]
    pub fee_ppm: i64,
    /// Where its notifications go when an order names no notify_url.
    #[arg(long, default_value = "")]
    pub notify_url: String,
    /// A store of it, NUMBER=NAME; may be repeated.
    #[arg(long = "store", value_name = "NUMBER=NAME")]
    pub stores: Vec<String>,
    /// The store to work on.
    #[command(flatten)]
    pub place: StoreArguments,
}

/// Arguments that name an application.
#[derive(Debug, Args)]
pub struct ApplicationArguments {
    /// The application's number (appid) or the merchant's (mch_id).
    pub number: String,
    /// The store to work on.
    #[command(flatten)]
    pub place: StoreArguments,
}

/// Arguments of `merchant set`.
#[derive(Debug, Args)]
pub struct SetArguments {
    /// The application's number (appid) or the merchant's (mch_id).
    pub number: String,
    /// Settings, NAME=VALUE, or NAME=@FILE to read the value from a file; `default` puts one back.
    #[arg(value_name = "NAME=VALUE")]
    pub pairs: Vec<String>,
    /// The store to work on.
    #[command(flatten)]
    pub place: StoreArguments,
}

/// Arguments of `merchant rotate-key`.
#[derive(Debug, Args)]
pub struct RotateArguments {
    /// The application's number.
    pub appid: i64,
    /// Hours for which the old key stays valid.
    #[arg(long, default_value_t = 24)]
    pub overlap_hours: u32,
    /// The store to work on.
    #[command(flatten)]
    pub place: StoreArguments,
}

/// `jubao user …`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user; a password is made, and shown this once, unless one comes by standard input.
    Add(UserAdd),
    /// List a merchant's users.
    List(UserList),
    /// Remove a user: from now on they do not log in.
    Remove(UserArguments),
    /// Give a user another password, and lift what wrong ones have locked.
    Password(UserPassword),
}

/// Arguments of `user add`.
#[derive(Debug, Args)]
pub struct UserAdd {
    /// The merchant's number.
    #[arg(long)]
    pub mch_id: i64,
    /// Under what they log in.
    #[arg(long)]
    pub email: String,
    /// Their name.
    #[arg(long)]
    pub name: String,
    /// What they are: merchant, store or cashier.
    #[arg(long = "type", value_name = "TYPE", default_value = "merchant")]
    pub user_type: String,
    /// The store where they work; for store and cashier.
    #[arg(long, default_value_t = 0)]
    pub store_id: i64,
    /// Read the password from standard input, its first line.
    #[arg(long)]
    pub password_stdin: bool,
    /// The store to work on.
    #[command(flatten)]
    pub place: StoreArguments,
}

/// Arguments of `user list`.
#[derive(Debug, Args)]
pub struct UserList {
    /// The merchant's number.
    pub mch_id: i64,
    /// The store to work on.
    #[command(flatten)]
    pub place: StoreArguments,
}

/// Arguments that name a user.
#[derive(Debug, Args)]
pub struct UserArguments {
    /// Under what they log in.
    pub email: String,
    /// The store to work on.
    #[command(flatten)]
    pub place: StoreArguments,
}

/// Arguments of `user password`.
#[derive(Debug, Args)]
pub struct UserPassword {
    /// Read the password from standard input, its first line; else one is made, and shown.
    #[arg(long)]
    pub password_stdin: bool,
    /// Who.
    #[command(flatten)]
    pub who: UserArguments,
}

/// `jubao account …`
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Add an account at an upstream.
    Add(AccountAdd),
    /// List accounts; settings are not shown.
    List(StoreArguments),
}

/// Arguments of `account add`.
#[derive(Debug, Args)]
pub struct AccountAdd {
    /// The upstream: alipay or wechat.
    #[arg(long)]
    pub channel: String,
    /// A name for operators.
    #[arg(long, default_value = "")]
    pub name: String,
    /// The merchant it belongs to; left out: every merchant may use it.
    #[arg(long, default_value_t = 0)]
    pub mch_id: i64,
    /// CNY, HKD or AUD.
    #[arg(long, default_value = "CNY")]
    pub currency: String,
    /// The products it serves, by pay_channel_id; left out: all of its channel.
    #[arg(long = "product", value_name = "ID")]
    pub products: Vec<i64>,
    /// A setting, KEY=VALUE, or KEY=@FILE to read it from a file; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// The store to work on.
    #[command(flatten)]
    pub place: StoreArguments,
}

/// `jubao order …`
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Show an order's whole story: states, attempts, ledger, notices, messages with upstreams.
    Show(OrderArguments),
}

/// `jubao notice …`
#[derive(Debug, Subcommand)]
pub enum NoticeCommand {
    /// Send an order's notice again.
    Resend(OrderArguments),
}

/// Arguments that name an order.
#[derive(Debug, Args)]
pub struct OrderArguments {
    /// The order's sn, 26 digits.
    pub sn: String,
    /// The store to work on.
    #[command(flatten)]
    pub place: StoreArguments,
}

/// Arguments of `docs`.
#[derive(Debug, Args)]
pub struct DocsArguments {
    /// The folder to write into.
    #[arg(long, default_value = "docs/reference", value_name = "DIR")]
    pub out: PathBuf,
    /// Write nothing; fail if a file differs.
    #[arg(long)]
    pub check: bool,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArguments {
    /// What to measure.
    #[arg(value_parser = BENCHES.map(|bench| bench.name))]
    pub name: Option<String>,
    /// Connections, or writers, at the same time.
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Orders in each repeat, of growth those of the large store; each bench has a default.
    #[arg(long)]
    pub orders: Option<usize>,
    /// Interleaved repeats, of which the medians are shown.
    #[arg(long, default_value_t = 5)]
    pub repeats: usize,
    /// Where stores are made, and the JSON and the chart are written.
    #[arg(long, default_value = "target/bench", value_name = "DIR")]
    pub out: PathBuf,
    /// Keep the run for the reference as well, in docs/reference/performance of this folder.
    #[arg(long)]
    pub keep: bool,
    /// A server on which stores are made, each in a database of its own: `postgres://…` of a user who
    /// may make them. `cargo x bench … --store postgres` starts one.
    #[arg(long, env = "JUBAO_BENCH_DATABASE", value_name = "DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// Keep what grows in so many partitions of that server.
    #[arg(long, requires = "database", value_name = "N")]
    pub partitions: Option<u16>,
    /// Say that each sync takes so many microseconds longer, which is checked; `cargo x bench …
    /// --sync-delay 1ms` makes it so.
    #[arg(long, value_name = "MICROSECONDS")]
    pub sync_delay_us: Option<u64>,
}
