//! A request that must show a certificate shows it, against a server that asks for one.

use kernel::secret::Secret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;

/// A certificate that signs itself, with its key.
pub(crate) type Made = rcgen::CertifiedKey<rcgen::KeyPair>;

/// One for `name`.
pub(crate) fn made(name: &str) -> Made {
    rcgen::generate_simple_self_signed([name.to_owned()]).unwrap()
}

/// The same with an RSA key.
pub(crate) fn made_rsa(name: &str) -> Made {
    let size = rcgen::RsaKeySize::_2048;
    let signing_key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size).unwrap();
    let params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    Made { cert: params.self_signed(&signing_key).unwrap(), signing_key }
}

fn shown(made: &Made) -> ClientCertificate {
    let private_key = Secret::new(made.signing_key.serialize_pem());
    ClientCertificate { certificate: made.cert.pem(), private_key }
}

fn request(url: String) -> HttpRequest {
    HttpRequest { method: "POST".into(), url, headers: Vec::new(), body: b"<xml/>".to_vec() }
}

/// An upstream that says how many certificates it was shown; it believes `merchant`'s alone.
pub(crate) async fn upstream(own: &Made, merchant: &Made) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(merchant.cert.der().clone()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(own.signing_key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(socket).await else { return };
                // The whole request comes in one record.
                let _ = stream.read(&mut [0; 4096]).await;
                let count = stream.get_ref().1.peer_certificates().map_or(0, <[_]>::len);
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{count}");
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    url
}

/// Connections that believe `upstream`'s certificate and no other.
pub(crate) fn egress_to(upstream: &Made) -> Egress {
    let root = reqwest::Certificate::from_pem(upstream.cert.pem().as_bytes()).unwrap();
    let begin = move || begin(UPSTREAM).tls_certs_only([root.clone()]);
    Egress::beginning(Arc::new(begin), UPSTREAM).unwrap()
}

#[tokio::test]
async fn a_certificate_is_shown_where_it_is_asked_for_and_nowhere_else() {
    let (own, merchant) = (made("127.0.0.1"), made("merchant"));
    let request = request(upstream(&own, &merchant).await);
    let egress = egress_to(&own);
    let told = async |sent: Sending<'_>| sent.await.map(|answer| answer.body);
    assert_eq!(told(egress.send(&request)).await, Ok(b"0".to_vec()));
    let certificate = shown(&merchant);
    assert_eq!(told(egress.send_showing(&request, &certificate)).await, Ok(b"1".to_vec()));
    assert_eq!(told(egress.send(&request)).await, Ok(b"0".to_vec()));
    let stranger = shown(&made("merchant"));
    assert!(told(egress.send_showing(&request, &stranger)).await.is_err(), "it is another's");
}

#[tokio::test]
async fn nothing_is_sent_with_what_is_no_certificate() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let request = request(format!("http://{}/", listener.local_addr().unwrap()));
    let wrong = ClientCertificate { certificate: "x".into(), private_key: Secret::new("y") };
    let sent = Egress::to_upstreams().unwrap().send_showing(&request, &wrong).await;
    assert_eq!(sent, Err(EgressFault::NoCertificate));
    let nobody_came = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(nobody_came.is_err());
}
