//! One round of commands between a collector on the loopback device and an executor on a socket, both made up.

use super::*;
use crate::batch::Sealer;
use crate::clock::Clock;
use crate::executor::protocol::{Reply, Request as Line, read_line, write_line};
use crate::http::Base;
use crate::machine::Real;
use crate::state::Enrolment;
use hostmeter_core::ids::{BootId, HostId, HostName};
use hostmeter_core::wire::envelope::open;
use hostmeter_core::wire::key::SigningKey;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::io::BufReader;
use std::os::unix::net::UnixListener;
use std::sync::Mutex;
use tokio::net::TcpListener;

fn key() -> SigningKey {
    SigningKey::from_seed(&[2; 32]).unwrap()
}

/// Answers one request after checking who asks.
async fn collector(listener: TcpListener, status: u16, body: &'static str) {
    let (stream, _) = listener.accept().await.unwrap();
    let service = service_fn(move |request: Request<Incoming>| async move {
        assert_eq!(request.uri().to_string(), "/v1/commands?wait=25");
        let header = request.headers()["authorization"].to_str().unwrap();
        let bytes = STANDARD.decode(header.strip_prefix("Hostmeter ").unwrap()).unwrap();
        let (header, payload) = open(&bytes, Domain::Resume, &key().public()).unwrap();
        let asking: Asking = serde_json::from_slice(&payload).unwrap();
        assert_eq!((asking.purpose.as_str(), asking.nonce.len()), ("commands", 16));
        assert_eq!((header.stamp.host, header.stamp.epoch, header.stamp.seq), (HostId([1; 16]), 3, 0));
        let age_ms = os::now().unwrap().wall_ms() - os::ms(header.stamp.wall_ns);
        assert!((-1_000..10_000).contains(&age_ms), "{age_ms}");
        Ok::<_, hyper::Error>(Response::builder().status(status).body(Full::new(Bytes::from(body))).unwrap())
    });
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.unwrap();
}

fn executor(listener: &UnixListener, seen: &Mutex<Vec<Line>>) {
    for stream in listener.incoming() {
        let mut stream = BufReader::new(stream.unwrap());
        while let Ok(Some(line)) = read_line(&mut stream, 4_096) {
            lock(seen).push(serde_json::from_slice(&line).unwrap());
            write_line(stream.get_mut(), &Reply::done()).unwrap();
        }
    }
}

/// Runs one round; returns what the executor was told, or why it failed.
async fn check(status: u16, body: &'static str, has_executor: bool) -> Result<Vec<Line>, String> {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("x.sock");
    let seen: Arc<Mutex<Vec<Line>>> = Arc::default();
    if has_executor {
        let listener = UnixListener::bind(&socket).unwrap();
        let seen = Arc::clone(&seen);
        std::thread::spawn(move || executor(&listener, &seen));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(collector(listener, status, body));
    let client = Client::new(Base::parse(&url).unwrap(), &crate::http::TlsFiles::default()).unwrap();
    let now = os::now().unwrap();
    let (host, boot) = (HostId([1; 16]), BootId([4; 16]));
    let link = Link {
        state_dir: std::path::PathBuf::new(),
        machine: Arc::new(Real(client.clone())),
        enrolment: Enrolment {
            v: VERSION,
            host_id: host,
            name: HostName::parse("web1").unwrap(),
            epoch: 3,
            identity_key: key().public(),
            command_key: key().public(),
            url,
        },
        sealer: Arc::new(Sealer { host, epoch: 3, key: key(), boot }),
        clock: Arc::new(Mutex::new(Clock::start(None, boot, now.wall_ms(), now.boottime_ms()))),
        report: Arc::default(),
        backoff_ms: (1, 3),
    };
    let result = round(&link, &client, &socket).await.map_err(|e| e.to_string());
    result.map(|()| lock(&seen).clone())
}

#[tokio::test]
async fn commands_are_handed_over_as_they_came() {
    let deliver = |text: &str| Line::Deliver { envelope: text.to_owned() };
    assert_eq!(check(204, "", true).await, Ok(vec![]));
    assert_eq!(check(200, r#"{"commands":[],"begun_acked":[]}"#, true).await, Ok(vec![]));
    assert_eq!(
        check(200, r#"{"commands":["AAE=","AQID"],"begun_acked":[7]}"#, true).await,
        Ok(vec![deliver("AAE="), deliver("AQID"), Line::BegunAcked { numbers: vec![7] }])
    );
}

#[tokio::test]
async fn what_goes_wrong_is_named() {
    let why = |got: Result<Vec<Line>, String>, want: &str| {
        let got = got.unwrap_err();
        assert!(got.contains(want), "{got} / {want}");
    };
    why(check(401, r#"{"detail":"unknown key"}"#, true).await, "401 Unauthorized: unknown key");
    why(check(200, "[", true).await, "the collector's commands are not understood");
    why(check(200, r#"{"commands":["?"]}"#, true).await, "a command is not base64");
    why(check(200, r#"{"commands":["AAE="]}"#, false).await, "commands wait at the collector");
}
