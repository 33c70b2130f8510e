//! TLS with real clients: certificates renewed while it runs, and certificates that agents must show.

use crate::clock::Clock;
use crate::config::{Config, Tls};
use crate::init::init;
use crate::serve::Server;
use crate::testing::T0;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

// Made with openssl for these tests, valid until 2126: two self-signed certificates for 127.0.0.1, an authority for
// clients, and a client's certificate of it.
const CERT: &str = include_str!("tls/cert.pem");
const KEY: &str = include_str!("tls/key.pem");
const CERT_2: &str = include_str!("tls/cert2.pem");
const KEY_2: &str = include_str!("tls/key2.pem");
const CLIENT_CA: &str = include_str!("tls/client-ca.pem");
const CLIENT: (&str, &str) = (include_str!("tls/client.pem"), include_str!("tls/client.key"));

type Stream = tokio_rustls::client::TlsStream<TcpStream>;

/// A connection that trusts this certificate alone, and shows one of its own if it has one.
async fn connect(to: SocketAddr, trust: &str, own: Option<(&str, &str)>) -> Result<Stream, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trust.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    let config = match own {
        None => config.with_no_client_auth(),
        Some((cert, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
            config
                .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
                .unwrap()
        }
    };
    let tcp = TcpStream::connect(to).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|e| e.to_string())
}

/// Status and body of a request; the connection is kept.
async fn ask(stream: &mut Stream, head: &str) -> Result<(u16, String), String> {
    let request = format!("{head} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|e| e.to_string())?;
    let mut bytes = vec![0; 4_096];
    let n = stream.read(&mut bytes).await.map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
    let status = text.get(9..12).and_then(|s| s.parse().ok()).ok_or(format!("no answer: {text:?}"))?;
    Ok((status, text))
}

struct Running {
    dir: tempfile::TempDir,
    server: Arc<crate::tls::Renewing>,
    address: SocketAddr,
    _stop: tokio::sync::oneshot::Sender<()>,
}

async fn start(client_ca: bool) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for (name, text) in [("cert.pem", CERT), ("key.pem", KEY), ("ca.pem", CLIENT_CA)] {
        std::fs::write(at(name), text).unwrap();
    }
    let mut config = Config::parse("c.toml", "listen = \"127.0.0.1:0\"").unwrap();
    config.data_dir = at("data");
    init(&config, T0).unwrap();
    let client_ca = client_ca.then(|| at("ca.pem"));
    config.tls = Some(Tls { cert: at("cert.pem"), key: at("key.pem"), client_ca });
    let server = Server::bind(config, Clock::manual(T0)).await.unwrap();
    let (address, tls) = (server.address(), server.tls().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(server.run(async { drop(stopped.await) }));
    Running { dir, server: tls, address, _stop: stop }
}

#[tokio::test]
async fn a_renewed_certificate_needs_no_restart() {
    let collector = start(false).await;
    let write = |name: &str, text: &str| std::fs::write(collector.dir.path().join(name), text).unwrap();
    let mut kept = connect(collector.address, CERT, None).await.unwrap();
    assert_eq!(ask(&mut kept, "GET /healthz").await.unwrap().0, 200);
    assert!(!collector.server.renew().unwrap(), "nothing changed");
    // Half of it is written: what was stays in force.
    write("cert.pem", CERT_2);
    let error = collector.server.renew().unwrap_err().to_string();
    assert!(error.starts_with("[tls]: certificate and key are refused"), "{error}");
    connect(collector.address, CERT, None).await.unwrap();
    write("key.pem", &format!("{KEY_2}\n"));
    assert!(collector.server.renew().unwrap());
    let mut fresh = connect(collector.address, CERT_2, None).await.unwrap();
    assert_eq!(ask(&mut fresh, "GET /healthz").await.unwrap().0, 200);
    let old = connect(collector.address, CERT, None).await.unwrap_err();
    assert!(old.contains("certificate"), "{old}");
    assert_eq!(ask(&mut kept, "GET /healthz").await.unwrap().0, 200, "connections go on");
    // A file that is no certificate changes nothing.
    write("cert.pem", "no certificate");
    let error = collector.server.renew().unwrap_err().to_string();
    assert!(error.contains("[tls] cert = ") && error.contains("holds no certificate"), "{error}");
    connect(collector.address, CERT_2, None).await.unwrap();
}

#[tokio::test]
async fn agents_need_a_certificate_where_one_is_wanted() {
    let collector = start(true).await;
    let check = async |own: Option<(&str, &str)>, head: &str, want: (u16, &str)| {
        let mut stream = connect(collector.address, CERT, own).await.unwrap();
        let (status, text) = ask(&mut stream, head).await.unwrap();
        assert_eq!(status, want.0, "{head}: {text}");
        assert!(text.contains(want.1), "{head}: {text}");
    };
    for path in ["batches", "gaps", "resume", "keys", "enroll"] {
        let head = &format!("POST /v1/{path}");
        check(None, head, (401, "client_certificate")).await;
        check(Some(CLIENT), head, (400, "bad_envelope")).await;
    }
    check(None, "GET /healthz", (200, "ok")).await;
    check(None, "GET /v1/hosts", (401, "problem+json")).await;
    // A certificate of somebody else does not even connect.
    let mut other = connect(collector.address, CERT, Some((CERT_2, KEY_2))).await.unwrap();
    let refused = ask(&mut other, "GET /healthz").await.unwrap_err();
    assert!(!refused.is_empty());
}
