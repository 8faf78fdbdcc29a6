//! `jubao serve`: the gateway with its workers, until SIGTERM or Ctrl-C.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt;
use gateway::clock::Clock;
use gateway::{Gateway, Settings};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;
use web::edge::{Edge, Limits};

use crate::cli::{ConfigArguments, Failure};
use crate::config::{Config, LogFormat};
use crate::data_dir::open_or_make;
use crate::descriptors;

/// How long a worker that panicked is left alone.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Runs the gateway as the configuration says.
pub async fn run(arguments: ConfigArguments) -> Result<(), Failure> {
    let config = Config::load(arguments.config.as_deref()).map_err(Failure::Input)?;
    start_log(&config.log, config.log_format)?;
    let mut limits = config.limits.clone();
    limits.sockets.connections = descriptors::connections(limits.sockets.connections);
    let edge = Edge::new(limits, config.tls.clone()).map_err(Failure::Input)?;
    let listener = bind(&config.listen).await?;
    // Port 0 in the configuration takes a free one: tell which.
    let listen = listener.local_addr().map_or(config.listen, |address| address.to_string());
    let (store, vault) = open_or_make(&config.database, &config.master_key_file).await?;
    let settings = Settings {
        public_url: config.public_url.clone(),
        node: config.node,
        private_targets: config.private_targets.clone(),
        statuses: config.statuses,
        old_platform: config.old_platform.clone(),
    };
    let gateway =
        Gateway::new(store, vault, Clock::default(), settings).await.map_err(Failure::Machine)?;
    gateway.enter().await.map_err(Failure::Machine)?;
    let mut workers = Workers::start(&gateway);
    let connections = edge.limits().sockets.connections;
    tracing::info!(listen, public_url = config.public_url, connections, "ready");
    let reloads = tokio::spawn(reload_on_hangup(edge.clone()));
    let finish = async {
        let router = web::router(gateway.clone(), edge.clone());
        tell_whether_finished(edge.serve(listener, router, stop_signal()).await);
        workers.stop().await;
        gateway.leave().await;
        Ok(())
    };
    let ended = tokio::select! {
        finished = finish => finished,
        () = second_stop_signal() => Err(Failure::Machine("ended at once, as asked".into())),
    };
    reloads.abort();
    ended
}

/// `jubao check-config`.
pub fn check_config(arguments: &ConfigArguments) -> Result<(), Failure> {
    let config = Config::load(arguments.config.as_deref()).map_err(Failure::Input)?;
    Edge::new(config.limits, config.tls).map_err(Failure::Input)?;
    println!("valid: listens on {}, reached at {}", config.listen, config.public_url);
    if config.public_url.starts_with("http://") {
        println!("note: public_url is not https; upstreams refuse to call it back in production");
    }
    Ok(())
}

/// Starts the log on standard error.
pub fn start_log(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let filter =
        EnvFilter::try_new(filter).map_err(|error| Failure::Input(format!("log: {error}")))?;
    // A line that cannot be written, because the log's disk is full, is lost; were that complained of at the
    // same place, it would be a panic.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let log = log.log_internal_errors(false);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

/// Takes an address to listen on.
pub async fn bind(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::Input(format!("listen on {address}: {error}")))
}

/// Serves a router that only this machine's programs use until `stop` is ready, then finishes what is
/// in flight.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    let edge = Edge::new(Limits::of_this_machine(), None).map_err(Failure::Machine)?;
    tell_whether_finished(edge.serve(listener, router, stop).await);
    Ok(())
}

fn tell_whether_finished(is_finished: bool) {
    if !is_finished {
        tracing::warn!("some connections were cut");
    }
}

/// Ready on SIGTERM or Ctrl-C.
pub async fn stop_signal() {
    let interrupt = async {
        // Without a handler only SIGTERM or the default action ends us.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupt => {}
        () = unix_signal(SignalKind::terminate()) => {}
    }
}

/// Ready when a stop is asked for once more: whoever asks twice does not want to wait.
async fn second_stop_signal() {
    stop_signal().await;
    stop_signal().await;
}

/// Looks at the TLS files on each SIGHUP, which would end the process otherwise.
async fn reload_on_hangup(edge: Edge) {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else { return };
    while hangups.recv().await.is_some() {
        edge.reload_tls();
    }
}

async fn unix_signal(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

/// Runs a worker until it is done, anew after each panic: a gateway that takes orders must not go
/// without those who finish them.
async fn kept<F: Future<Output = ()>>(name: &'static str, begin: impl Fn() -> F) {
    while AssertUnwindSafe(begin()).catch_unwind().await.is_err() {
        tracing::error!(name, "a worker panicked and begins again");
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// What a worker does until its second argument turns true.
type Work = fn(Gateway, watch::Receiver<bool>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// The workers of a gateway: who renews its lease, who hears other processes, the sweeper and the notifier.
pub struct Workers {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Workers {
    /// Starts them.
    pub fn start(gateway: &Gateway) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut start = |name: &'static str, work: Work| {
            let (gateway, stopped) = (gateway.clone(), stopped.clone());
            tasks.spawn(kept(name, move || work(gateway.clone(), stopped.clone())));
        };
        start("lease", |gateway, stop| Box::pin(async move { gateway.run_lease(stop).await }));
        start("bell", |gateway, stop| Box::pin(async move { gateway.run_bell(stop).await }));
        start("sweeper", |gateway, stop| Box::pin(async move { gateway.run_sweeper(stop).await }));
        start("notifier", |gateway, stop| {
            Box::pin(async move { gateway.run_notifier(stop).await })
        });
        Self { tasks, stop }
    }

    /// Lets them finish what they are at; stopped ones stay so.
    pub async fn stop(&mut self) {
        // They may have ended already.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}
