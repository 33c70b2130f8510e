//! Starting, stopping, TLS, and what does not depend on a route.

use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::init::{InitError, init};
use crate::serve::Server;
use crate::testing::{T0, World};
use axum::http::Method;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn config(dir: &std::path::Path) -> Config {
    let mut config = Config::parse("collector.toml", "listen = \"127.0.0.1:0\"").unwrap();
    config.data_dir = dir.join("data");
    config
}

async fn bind_error(config: Config) -> String {
    Server::bind(config, Clock::manual(T0)).await.err().unwrap().to_string()
}

#[tokio::test]
async fn init_makes_everything_once() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let err = bind_error(config.clone()).await;
    assert!(err.contains("control.db is missing; make it with: hostmeter-collector init"), "{err}");
    let made = init(&config, T0).unwrap();
    assert_eq!(made.fingerprint.len(), 32);
    let mode =
        |name: &str| std::fs::metadata(config.data_dir.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(""), mode("keys"), mode("keys/identity.seed"), mode("keys/command.seed")),
        (0o700, 0o700, 0o600, 0o600)
    );
    assert!(matches!(init(&config, T0), Err(InitError::Already(_))));
    std::fs::set_permissions(
        config.data_dir.join("keys/command.seed"),
        std::fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    let err = bind_error(config).await;
    assert!(err.contains("command.seed can be read by others (mode 640)"), "{err}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let world = World::start().await;
    let mut other = config(tempfile::tempdir().unwrap().path());
    other.listen = world.url.trim_start_matches("http://").parse().unwrap();
    let err = bind_error(other.clone()).await;
    let want = format!(
        "listen = {}: this port is in use by another program; stop that one or set another `listen`",
        other.listen
    );
    assert_eq!(err, want);
}

#[tokio::test]
async fn what_is_not_there() {
    let world = World::start().await;
    let check = async |method: Method, path: &str, want: (u16, &str)| {
        let (status, problem) = world.call_as(Some(&world.token), method, path, Value::Null).await;
        assert_eq!((status, problem["code"].as_str().unwrap()), want, "{path}");
    };
    check(Method::GET, "/v1/nothing", (404, "no_route")).await;
    check(Method::DELETE, "/v1/accounts", (405, "method")).await;
    check(Method::GET, "/v1/accounts/%FF", (400, "bad_request")).await;
    check(Method::GET, "/v1/accounts/none@web1", (404, "not_found")).await;
    let big = vec![b' '; crate::limits::BODY_MAX_BYTES + 1];
    let (status, answer) = world.raw(Method::POST, "/v1/users", Some(&world.token), big).await;
    let problem: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((status.as_u16(), &problem["code"]), (413, &json!("bad_body")));
}

#[tokio::test]
async fn metrics_are_not_for_strangers() {
    let world = World::start().await;
    let address = world.url.trim_start_matches("http://").to_owned();
    let get = async |extra: &str| {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        let request = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{extra}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(get("").await, "200");
    assert_eq!(get("X-Forwarded-For: 192.0.2.1\r\n").await, "401");
    assert_eq!(
        get(&format!("X-Forwarded-For: 192.0.2.1\r\nAuthorization: Bearer {}\r\n", world.token)).await,
        "200"
    );
}

#[tokio::test]
async fn a_stop_lets_requests_end() {
    let world = World::start().await;
    let address = world.url.trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    // A request that is half there when the stop comes.
    stream
        .write_all(b"POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Length: 300\r\n\r\nhalf")
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let restarting = tokio::spawn(world.restart(|_| {}));
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    stream.write_all(&[0; 296]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(restarting.await.unwrap().get("/v1/hosts").await["hosts"], json!([]));
}

#[tokio::test]
async fn a_stop_does_not_wait_for_hosts_that_wait() {
    use base64::Engine;
    use hostmeter_core::wire::envelope::{Domain, Stamp, seal};
    let world = World::start().await;
    let web1 = world.host("web1", true).await;
    let stamp = crate::testing::stamp(Domain::Resume, web1.id, 1, 0, [0; 32]);
    let wall_ns = u64::try_from(T0).unwrap() * 1_000_000;
    let sealed = seal(&Stamp { wall_ns, ..stamp }, b"{}", &web1.key).unwrap();
    let proof = base64::engine::general_purpose::STANDARD.encode(sealed);
    let address = world.url.trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let request =
        format!("GET /v1/commands?wait=50 HTTP/1.1\r\nHost: x\r\nAuthorization: Hostmeter {proof}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let start = std::time::Instant::now();
    let _world = world.restart(|_| {}).await;
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
}

/// Made with openssl for this test: a self-signed certificate for 127.0.0.1, valid until 2126.
const CERT: &str = include_str!("tls/cert.pem");
const KEY: &str = include_str!("tls/key.pem");

#[tokio::test]
async fn tls() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    let made = init(&config, T0).unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    config.tls = Some(crate::config::Tls { cert: cert.clone(), key: key.clone(), client_ca: None });
    let err = bind_error(config.clone()).await;
    assert!(err.contains("[tls] cert = ") && err.contains("cert.pem"), "{err}");
    std::fs::write(&cert, "nothing").unwrap();
    std::fs::write(&key, KEY).unwrap();
    let err = bind_error(config.clone()).await;
    assert!(err.contains("holds no certificate"), "{err}");
    std::fs::write(&cert, CERT).unwrap();
    let server = Server::bind(config, Clock::manual(T0)).await.unwrap();
    let address = server.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(server.run(async { drop(stopped.await) }));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::pem::PemObject::from_pem_slice(CERT.as_bytes()).unwrap()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let client =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(client));
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut stream = connector.connect(name, stream).await.unwrap();
    let request = format!(
        "GET /v1/hosts HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
        made.admin_token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    // Without TLS there is no answer.
    let mut plain = tokio::net::TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    stop.send(()).unwrap();
    task.await.unwrap();
}

#[test]
fn a_missing_file_says_what_to_do() {
    let err = Config::load(std::path::Path::new("/nonexistent/collector.toml")).err().unwrap();
    assert!(matches!(err, ConfigError::Read { .. }));
    assert!(err.to_string().contains("name another with --config"), "{err}");
}
