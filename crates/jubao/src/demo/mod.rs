//! `jubao demo`: the gateway as in production on an embedded store, and around it what production
//! has outside: simulated upstreams on a port of their own, and a demo shop that a person can click
//! through. The merchant is the one of the merchants' document.

pub mod accounts;
pub mod identity;
pub mod payer;
pub mod prefixed;
pub mod shop;
pub mod shop_pages;
pub mod sims;

use std::path::{Path, PathBuf};

use gateway::clock::Clock;
use gateway::{Gateway, Settings, Statuses};
use kernel::old_platform::OldPlatform;
use kernel::secret::Secret;
use serde_json::json;
use store::Database;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use web::edge::{Edge, Limits};

use crate::cli::{DemoArguments, Failure};
use crate::config::LogFormat;
use crate::data_dir::{KEY_NAME, in_folder, open_or_make};
use crate::demo::identity::{DemoIdentity, MERCHANT, Ports};
use crate::demo::payer::Payer;
use crate::demo::shop::{Shop, ShopIdentity};
use crate::serve::{self, Workers};
use crate::sim::SimHost;

/// The simulators' truth in a data folder.
pub const SNAPSHOT_NAME: &str = "upstreams.json";

/// Runs the demo until it is stopped.
pub async fn run(arguments: DemoArguments) -> Result<(), Failure> {
    serve::start_log(&arguments.log, LogFormat::Text)?;
    let fresh;
    let folder = match &arguments.data {
        Some(folder) => folder.clone(),
        None => {
            fresh = FreshFolder::make()?;
            fresh.path().to_owned()
        }
    };
    let mut wish = Wish::on(&folder);
    if let Some(text) = &arguments.database {
        wish.database =
            Database::parse(text).map_err(|why| Failure::Input(format!("database: {why}")))?;
    }
    let demo = Demo::start_as(wish, &arguments.listen, &folder, Clock::default()).await?;
    demo.announce(arguments.json);
    serve::stop_signal().await;
    demo.stop().await;
    Ok(())
}

/// What a demo may have of its own.
pub struct Wish {
    /// What the edge allows.
    pub limits: Limits,
    /// The platform that it replaces.
    pub old_platform: Option<OldPlatform>,
    /// Where its store is.
    pub database: Database,
}

impl Wish {
    /// Nothing of its own: the store is in `folder`.
    pub fn on(folder: &Path) -> Self {
        let limits = Limits::of_this_machine();
        Self { limits, old_platform: None, database: in_folder(folder) }
    }
}

/// A running demo.
pub struct Demo {
    /// The gateway.
    pub gateway: Gateway,
    /// The simulated upstreams.
    pub sims: SimHost,
    /// Where everything is.
    pub addresses: Addresses,
    /// What stands before the gateway.
    pub edge: Edge,
    /// What works behind the requests.
    pub workers: Workers,
    servers: JoinSet<Result<(), Failure>>,
    stop: tokio::sync::watch::Sender<bool>,
}

/// Base addresses, without a slash at the end.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The gateway.
    pub api: String,
    /// The simulated upstreams.
    pub sim: String,
    /// The shop.
    pub shop: String,
}

impl Demo {
    /// Starts everything on `folder`; `listen` is the gateway's address.
    ///
    /// # Errors
    /// A port is taken, or the folder holds something else.
    pub async fn start(listen: &str, folder: &Path, clock: Clock) -> Result<Self, Failure> {
        Self::start_as(Wish::on(folder), listen, folder, clock).await
    }

    /// The same as `wish` says.
    ///
    /// # Errors
    /// As [`Demo::start`].
    pub async fn start_as(
        wish: Wish,
        listen: &str,
        folder: &Path,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let Wish { limits, old_platform, database } = wish;
        let edge = Edge::new(limits, None).map_err(Failure::Machine)?;
        let identity = DemoIdentity::load(folder)?;
        let api_listener = serve::bind(listen).await?;
        let sim_listener = serve::bind(&format!("127.0.0.1:{}", identity.ports.sim)).await?;
        let shop_listener = serve::bind(&format!("127.0.0.1:{}", identity.ports.shop)).await?;
        let addresses = Addresses {
            api: base(&api_listener)?,
            sim: base(&sim_listener)?,
            shop: base(&shop_listener)?,
        };
        let ports = Ports { sim: port(&sim_listener)?, shop: port(&shop_listener)? };
        identity.save(folder, ports)?;
        let gateway =
            open_gateway((folder, database), (&addresses, old_platform), clock.clone()).await?;
        identity.install(&gateway, &addresses.sim).await?;
        let sims = open_sims(folder, &identity, &addresses, clock)?;
        sims.set_payer(Payer::new(gateway.clone()).map_err(Failure::Machine)?);
        let merchant = ShopIdentity {
            mch_id: MERCHANT.mch_id,
            app_id: MERCHANT.app_id,
            key: Secret::new(MERCHANT.key),
        };
        let shop = Shop::new(addresses.api.clone(), addresses.shop.clone(), merchant)
            .map_err(Failure::Machine)?;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let stopped = || {
            let mut stopped = stopped.clone();
            async move {
                // An error means that the demo is gone: stop as well.
                let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
            }
        };
        let mut servers = JoinSet::new();
        servers.spawn(serve::serve(sim_listener, sims.router(), stopped()));
        servers.spawn(serve::serve(shop_listener, shop.router(), stopped()));
        let (router, asked) = (web::router(gateway.clone(), edge.clone()), stopped());
        let serving = edge.clone();
        servers.spawn(async move {
            serving.serve(api_listener, router, asked).await;
            Ok(())
        });
        let callbacks = sims.clone().run_callbacks();
        servers.spawn(async move {
            callbacks.await;
            Ok(())
        });
        let workers = Workers::start(&gateway);
        Ok(Self { gateway, sims, addresses, edge, servers, workers, stop })
    }

    /// Stops taking requests, finishes what is in flight, closes the store.
    pub async fn stop(mut self) {
        // They may have ended already.
        let _ = self.stop.send(true);
        self.workers.stop().await;
        // Pages that watch an order would keep their connections open for ever.
        self.servers.shutdown().await;
        self.sims.save();
    }

    fn announce(&self, is_json: bool) {
        let Addresses { api, sim, shop } = &self.addresses;
        let (mch_id, app_id, key) =
            (MERCHANT.mch_id.to_string(), MERCHANT.app_id.to_string(), MERCHANT.key);
        if is_json {
            let line = json!({
                "ready": true, "api": api, "sim": sim, "shop": shop,
                "merchant": { "mch_id": mch_id, "appid": app_id, "key": key },
            });
            println!("{line}");
            return;
        }
        println!(
            "聚宝 Pay demo is ready\n\n  \
             shop, click through it   {shop}\n  \
             merchants' API           {api}\n  \
             simulated upstreams      {sim}\n\n  \
             mch_id {mch_id}   appid {app_id}\n  key    {key}\n\n\
             Ctrl-C ends it."
        );
    }
}

async fn open_gateway(
    (folder, database): (&Path, Database),
    (addresses, old_platform): (&Addresses, Option<OldPlatform>),
    clock: Clock,
) -> Result<Gateway, Failure> {
    let loopback = ["127.0.0.0/8", "::1/128"].map(str::parse);
    let settings = Settings {
        public_url: addresses.api.clone(),
        node: None,
        private_targets: loopback.into_iter().flatten().collect(),
        statuses: Statuses::default(),
        old_platform,
    };
    let (store, vault) = open_or_make(&database, &folder.join(KEY_NAME)).await?;
    Gateway::new(store, vault, clock, settings).await.map_err(Failure::Machine)
}

fn open_sims(
    folder: &Path,
    identity: &DemoIdentity,
    addresses: &Addresses,
    clock: Clock,
) -> Result<SimHost, Failure> {
    let snapshot = folder.join(SNAPSHOT_NAME);
    SimHost::new(identity.sims(&addresses.sim)?, clock, Some(snapshot)).map_err(Failure::Machine)
}

fn base(listener: &TcpListener) -> Result<String, Failure> {
    let address = listener.local_addr().map_err(|error| Failure::Machine(error.to_string()))?;
    Ok(format!("http://{address}"))
}

fn port(listener: &TcpListener) -> Result<u16, Failure> {
    let address = listener.local_addr().map_err(|error| Failure::Machine(error.to_string()))?;
    Ok(address.port())
}

/// A data folder that is gone when the demo ends.
pub struct FreshFolder(PathBuf);

impl FreshFolder {
    /// Makes it.
    ///
    /// # Errors
    /// The temporary directory cannot be written.
    pub fn make() -> Result<Self, Failure> {
        Self::make_in(&std::env::temp_dir())
    }

    /// The same in a folder of one's own.
    ///
    /// # Errors
    /// `folder` cannot be written.
    pub fn make_in(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(format!("jubao-demo-{}", gateway::ids::random_hex::<8>()));
        std::fs::create_dir_all(&path)
            .map_err(|error| Failure::Machine(format!("{}: {error}", path.display())))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for FreshFolder {
    fn drop(&mut self) {
        // A folder that stays behind in the temporary directory harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
