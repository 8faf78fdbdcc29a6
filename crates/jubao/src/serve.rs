//! `jubao serve`: the gateway with its workers, until SIGTERM or Ctrl-C.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt;
use gateway::clock::Clock;
use gateway::{Gateway, Settings};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use crate::cli::{ConfigArguments, Failure};
use crate::config::{Config, LogFormat};
use crate::data_dir::open_or_make;

/// How long connections may take to finish once the server is told to stop.
const FINISH_WAIT_MAX: Duration = Duration::from_secs(8);

/// Runs the gateway as the configuration says.
pub async fn run(arguments: ConfigArguments) -> Result<(), Failure> {
    let config = Config::load(arguments.config.as_deref()).map_err(Failure::Input)?;
    start_log(&config.log, config.log_format)?;
    let listener = bind(&config.listen).await?;
    // Port 0 in the configuration takes a free one: tell which.
    let listen = listener.local_addr().map_or(config.listen, |address| address.to_string());
    let (store, vault) = open_or_make(&config.database, &config.master_key_file)?;
    let settings = Settings {
        public_url: config.public_url.clone(),
        node: config.node,
        private_targets: config.private_targets.clone(),
        statuses: config.statuses,
    };
    let gateway =
        Gateway::new(store, vault, Clock::default(), settings).await.map_err(Failure::Machine)?;
    let workers = Workers::start(&gateway);
    tracing::info!(listen, public_url = config.public_url, "ready");
    let served = serve(listener, web::router(gateway), stop_signal()).await;
    workers.stop().await;
    served
}

/// `jubao check-config`.
pub fn check_config(arguments: &ConfigArguments) -> Result<(), Failure> {
    let config = Config::load(arguments.config.as_deref()).map_err(Failure::Input)?;
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
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
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

/// Serves `router` until `stop` is ready, then finishes what is in flight, for a while: pages that
/// watch an order, and clients that are slow, would keep their connections open for ever.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let stop = stop.shared();
    let served = axum::serve(listener, service).with_graceful_shutdown(stop.clone());
    let given_up = async {
        stop.await;
        tokio::time::sleep(FINISH_WAIT_MAX).await;
    };
    tokio::select! {
        served = served => served.map_err(|error| Failure::Machine(error.to_string())),
        () = given_up => {
            tracing::warn!("some connections were cut");
            Ok(())
        }
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
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}

/// The sweeper and the notifier of a gateway.
pub struct Workers {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Workers {
    /// Starts them.
    pub fn start(gateway: &Gateway) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let sweeper = gateway.clone();
        let notifier = gateway.clone();
        let seen = stopped.clone();
        tasks.spawn(async move { sweeper.run_sweeper(seen).await });
        tasks.spawn(async move { notifier.run_notifier(stopped).await });
        Self { tasks, stop }
    }

    /// Lets them finish what they are at.
    pub async fn stop(mut self) {
        // They may have ended already.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}
