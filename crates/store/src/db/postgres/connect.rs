//! Connections: how a server's address is read, what a session is set to, and which servers are refused
//! because they would lose what they have acknowledged.

use std::future::poll_fn;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_postgres::config::SslMode;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Notification};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::bell;
use super::fault::{Fault, fault};
use crate::StoreError;

/// How long a connection may take to be made.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long what was sent may stay unacknowledged by the other machine.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// What every session is set to. Statements of ours take milliseconds: one that takes longer waits for
/// somebody's lock or runs wild, and a transaction that is left open has lost its client.
const OPTIONS: &str = "-c statement_timeout=10s -c lock_timeout=3s \
-c idle_in_transaction_session_timeout=15s -c default_transaction_isolation=read\\ committed \
-c client_min_messages=warning -c jit=off";
/// The member of an address that names the certificates of who may sign the server's.
const ROOTS: &str = "sslrootcert";
/// The oldest server whose statements we know.
const VERSION_MIN: i32 = 150_000;

/// What must be so before anything is written: settings that lose data are refused.
const CHECK: &str =
    "select current_setting('server_version_num'), current_setting('server_version'),
current_setting('server_encoding'), current_setting('fsync'), current_setting('full_page_writes'),
current_setting('synchronous_commit'), pg_is_in_recovery()::text";

/// A server and how it is spoken to.
#[derive(Clone)]
pub(crate) struct Target {
    /// Host, user, password, database.
    pub(super) config: Config,
    /// `None`: in the clear.
    pub(super) tls: Option<MakeRustlsConnect>,
}

impl Target {
    /// Reads an address; files that it names are read.
    ///
    /// # Errors
    /// A sentence that says what is wrong, without repeating the address.
    pub(crate) fn read(url: &str) -> Result<Self, String> {
        let (mut config, roots) = parse(url)?;
        let more = config.get_options().unwrap_or_default();
        let options = format!("{OPTIONS} {more}");
        config
            .application_name("jubao")
            .connect_timeout(CONNECT_MAX)
            .tcp_user_timeout(SILENCE_MAX)
            .keepalives_idle(SILENCE_MAX)
            .options(options.trim_end());
        let tls = roots.as_deref().map(tls).transpose()?;
        Ok(Self { config, tls })
    }

    /// The same for connections that cannot write, whatever they are asked.
    pub(super) fn for_reading(&self) -> Config {
        let mut config = self.config.clone();
        let options = config.get_options().unwrap_or_default();
        let options = format!("{options} -c default_transaction_read_only=on");
        config.options(options);
        config
    }

    /// Makes a connection, and refuses a server that would lose data.
    pub(crate) async fn connect(&self) -> Result<Client, Fault> {
        let client = match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(on_connect)?;
                tokio::spawn(connection);
                client
            }
            Some(tls) => {
                let made = self.config.connect(tls.clone()).await;
                let (client, connection) = made.map_err(on_connect)?;
                tokio::spawn(connection);
                client
            }
        };
        check(&client).await?;
        Ok(client)
    }

    /// Makes a connection whose notes go to `notes`, which closes when it is lost.
    pub(super) async fn connect_to_hear(
        &self,
        notes: mpsc::Sender<Notification>,
    ) -> Result<Client, Fault> {
        match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(on_connect)?;
                tokio::spawn(hear(connection, notes));
                Ok(client)
            }
            Some(tls) => {
                let made = self.config.connect(tls.clone()).await;
                let (client, connection) = made.map_err(on_connect)?;
                tokio::spawn(hear(connection, notes));
                Ok(client)
            }
        }
    }
}

/// Drives a connection until it ends, and passes on what others notify.
async fn hear<S, T>(mut connection: Connection<S, T>, notes: mpsc::Sender<Notification>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(note))) => bell::pass_on(note, &notes),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return,
        }
    }
}

/// Whether an address can be read; its files are not looked at.
///
/// # Errors
/// See [`Target::read`].
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    parse(url).map(|_| ())
}

/// The address without what the library does not know, and the file of certificates.
fn parse(url: &str) -> Result<(Config, Option<String>), String> {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut kept, mut roots) = (Vec::new(), None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some((ROOTS, path)) => roots = Some(path.replace("%2F", "/").replace("%2f", "/")),
            // Whoever is spoken to in TLS is verified in full, so these two ask for no more.
            Some(("sslmode", "verify-ca" | "verify-full")) => kept.push("sslmode=require"),
            Some(_) | None => kept.push(pair),
        }
    }
    let mut config = Config::from_str(&format!("{place}?{}", kept.join("&"))).map_err(|_| {
        "it is no address like postgres://USER:PASSWORD@HOST:PORT/DATABASE (write % and other signs \
         of a password as %25 and so on)"
            .to_owned()
    })?;
    match (config.get_ssl_mode(), &roots) {
        (SslMode::Require, None) => Err(format!(
            "sslmode asks for TLS, so add {ROOTS}=FILE: the certificate (PEM) that the server's is \
             signed with"
        )),
        (SslMode::Disable, Some(_)) => {
            Err(format!("sslmode=disable and {ROOTS} contradict each other"))
        }
        (_, Some(_)) => {
            config.ssl_mode(SslMode::Require);
            Ok((config, roots))
        }
        (_, None) => {
            config.ssl_mode(SslMode::Disable);
            Ok((config, None))
        }
    }
}

fn tls(path: &str) -> Result<MakeRustlsConnect, String> {
    let mut roots = RootCertStore::empty();
    let unreadable = |why: String| format!("{ROOTS}: {path}: {why}");
    let found =
        CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unreadable("there is no certificate in it".into()));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder =
        builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn on_connect(error: tokio_postgres::Error) -> Fault {
    fault(&error, "connect")
}

/// Refuses a server that would forget a commit, and one that only follows another.
async fn check(client: &Client) -> Result<(), Fault> {
    let rows = client.query(CHECK, &[]).await.map_err(|error| fault(&error, CHECK))?;
    let text = |at: usize| -> Result<&str, Fault> {
        let row = rows.first().ok_or_else(|| refused("the server says nothing of itself"))?;
        row.try_get(at).map_err(|error| fault(&error, CHECK))
    };
    if text(0)?.parse::<i32>().is_ok_and(|version| version < VERSION_MIN) {
        return Err(refused(&format!(
            "the server is PostgreSQL {}: 15 or later is needed",
            text(1)?
        )));
    }
    if text(2)? != "UTF8" {
        return Err(refused(&format!(
            "the database's encoding is {}: make one with UTF8",
            text(2)?
        )));
    }
    for (at, name) in [(3, "fsync"), (4, "full_page_writes"), (5, "synchronous_commit")] {
        if text(at)? == "off" {
            return Err(refused(&format!(
                "{name} is off: the server could lose what it has acknowledged; turn it on"
            )));
        }
    }
    if text(6)? == "true" {
        return Err(refused("the server follows another one: name the primary"));
    }
    Ok(())
}

fn refused(why: &str) -> Fault {
    Fault::Store(StoreError::Unavailable(format!("PostgreSQL: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_asked_for_by_naming_whom_to_trust() {
        let place = "postgres://u:p@db.example/pay";
        assert_eq!(parse(place).unwrap().0.get_ssl_mode(), SslMode::Disable);
        let (config, roots) =
            parse(&format!("{place}?sslmode=verify-full&sslrootcert=%2Fca.pem")).unwrap();
        assert_eq!((config.get_ssl_mode(), roots.as_deref()), (SslMode::Require, Some("/ca.pem")));
        assert!(parse(&format!("{place}?sslmode=require")).unwrap_err().contains(ROOTS));
        assert!(parse(&format!("{place}?sslmode=disable&sslrootcert=a")).is_err());
        assert!(parse(&format!("{place}?nonsense=1")).unwrap_err().contains("postgres://USER"));
    }
}
