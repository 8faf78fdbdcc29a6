//! Connections that show a client certificate: one client for each certificate, kept for the next
//! request.
//!
//! A certificate's key must never be logged, nor stand in a fault.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use channels::ClientCertificate;
use reqwest::{Client, ClientBuilder, Identity};

/// Clients that are kept; one more, and the oldest is forgotten.
const CLIENTS_MAX: usize = 64;

/// How a client begins: its limits and its guards, without a certificate.
pub(crate) type Begin = Arc<dyn Fn() -> ClientBuilder + Send + Sync>;

/// The clients, each with what it shows.
#[derive(Clone)]
pub(crate) struct CertifiedClients {
    begin: Begin,
    kept: Arc<Mutex<VecDeque<(ClientCertificate, Client)>>>,
}

/// The certificate and the key do not make a pair that can be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NoCertificate;

impl CertifiedClients {
    /// None yet; they will begin as `begin` says.
    pub(crate) fn new(begin: Begin) -> Self {
        Self { begin, kept: Arc::default() }
    }

    /// The client that shows `certificate`.
    ///
    /// # Errors
    /// It is none, or its key is not its own.
    pub(crate) fn showing(&self, certificate: &ClientCertificate) -> Result<Client, NoCertificate> {
        if let Some(client) = self.find(certificate) {
            return Ok(client);
        }
        // The cause could quote what it could not read.
        let identity = identity(certificate).map_err(|_| NoCertificate)?;
        let client = (self.begin)().identity(identity).build().map_err(|_| NoCertificate)?;
        self.keep(certificate.clone(), client.clone());
        Ok(client)
    }

    fn find(&self, certificate: &ClientCertificate) -> Option<Client> {
        let kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let found = kept.iter().find(|(shown, _)| shown == certificate);
        found.map(|(_, client)| client.clone())
    }

    fn keep(&self, certificate: ClientCertificate, client: Client) {
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if kept.iter().any(|(shown, _)| *shown == certificate) {
            return;
        }
        if kept.len() >= CLIENTS_MAX {
            kept.pop_front();
        }
        kept.push_back((certificate, client));
    }
}

impl fmt::Debug for CertifiedClients {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CertifiedClients")
    }
}

fn identity(certificate: &ClientCertificate) -> reqwest::Result<Identity> {
    let ClientCertificate { certificate, private_key } = certificate;
    let pem = zeroize::Zeroizing::new(format!("{certificate}\n{}", private_key.expose()));
    Identity::from_pem(pem.as_bytes())
}

#[cfg(test)]
mod tests {
    use kernel::secret::Secret;

    use super::*;

    fn made() -> ClientCertificate {
        let made = rcgen::generate_simple_self_signed(["merchant".to_owned()]).unwrap();
        let private_key = Secret::new(made.signing_key.serialize_pem());
        ClientCertificate { certificate: made.cert.pem(), private_key }
    }

    fn clients() -> CertifiedClients {
        CertifiedClients::new(Arc::new(Client::builder))
    }

    #[test]
    fn a_certificate_has_one_client_and_too_many_are_not_kept() {
        let (clients, first) = (clients(), made());
        for _ in 0..2 {
            clients.showing(&first).unwrap();
        }
        let count = || clients.kept.lock().unwrap().len();
        assert_eq!(count(), 1);
        let client = clients.showing(&first).unwrap();
        for at in 0..CLIENTS_MAX {
            let other = ClientCertificate { certificate: at.to_string(), ..first.clone() };
            clients.keep(other, client.clone());
        }
        assert_eq!(count(), CLIENTS_MAX);
        assert!(clients.find(&first).is_none(), "the oldest is forgotten");
    }

    #[test]
    fn what_is_no_pair_of_certificate_and_key_makes_no_client() {
        let (clients, own) = (clients(), made());
        let with = |certificate: &str, key: &str| ClientCertificate {
            certificate: certificate.to_owned(),
            private_key: Secret::new(key),
        };
        let (pem, key) = (own.certificate.as_str(), own.private_key.expose());
        for wrong in [
            with("", ""),
            with(pem, ""),
            with("", key),
            with("no certificate", key),
            with(pem, &key[..key.len() / 2]),
            with(pem, made().private_key.expose()),
        ] {
            assert_eq!(clients.showing(&wrong).unwrap_err(), NoCertificate);
        }
        assert!(clients.showing(&own).is_ok());
    }
}
