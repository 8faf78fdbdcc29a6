//! TLS with a certificate that can be changed while the server runs. A new pair that cannot be used
//! changes nothing: whoever renews a certificate may be in the middle of it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// What is spoken inside TLS.
const ALPN: &[u8] = b"http/1.1";

/// Where the certificate is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// PEM: the server's certificate and those between it and the root.
    pub cert: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

/// TLS as it is offered now. Clones share it.
#[derive(Clone)]
pub(crate) struct Tls(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    offered: RwLock<Arc<ServerConfig>>,
    seen: Mutex<Pair>,
}

/// The two files as they were read.
#[derive(PartialEq, Eq)]
struct Pair {
    cert: Vec<u8>,
    key: Vec<u8>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// A sentence that names the file and what is wrong with it.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, String> {
        let pair = Pair::read(&files)?;
        let offered = RwLock::new(pair.config(&files)?);
        Ok(Self(Arc::new(Inner { files, offered, seen: Mutex::new(pair) })))
    }

    /// What accepts the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let offered = self.0.offered.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        Arc::clone(&offered).into()
    }

    /// Looks at the files for ever.
    pub(crate) async fn follow(self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let me = self.clone();
            // It fails only while the process ends.
            let _ = tokio::task::spawn_blocking(move || me.reload()).await;
        }
    }

    /// Takes the files over if they changed and can be used.
    pub(crate) fn reload(&self) {
        let inner = &self.0;
        let mut seen = inner.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // A file that is missing is one that is being replaced.
        let Ok(pair) = Pair::read(&inner.files) else { return };
        if pair == *seen {
            return;
        }
        match pair.config(&inner.files) {
            Ok(config) => {
                *inner.offered.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = config;
                tracing::info!("the new TLS certificate is in use");
            }
            Err(why) => tracing::error!(why, "the TLS files changed; the old pair stays in use"),
        }
        *seen = pair;
    }
}

impl Pair {
    fn read(files: &TlsFiles) -> Result<Self, String> {
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
        };
        Ok(Self { cert: read(&files.cert)?, key: read(&files.key)? })
    }

    fn config(&self, files: &TlsFiles) -> Result<Arc<ServerConfig>, String> {
        let (cert, key) = (files.cert.display(), files.key.display());
        let chain = CertificateDer::pem_slice_iter(&self.cert)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| format!("{cert}: {error}"))?;
        if chain.is_empty() {
            return Err(format!("{cert}: no certificate in PEM"));
        }
        let private =
            PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| format!("{key}: {error}"))?;
        let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
            .map_err(|error| format!("{cert} with {key}: {error}"))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Arc::new(config))
    }
}
