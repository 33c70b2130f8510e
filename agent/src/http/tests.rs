//! Addresses, answers, and TLS against a server on the loopback device.

use super::*;

#[test]
fn addresses() {
    let check = |text: &str, want: Result<&str, UrlError>| {
        assert_eq!(Base::parse(text).as_ref().map(Base::as_str), want.as_ref().map(|s| *s), "{text}");
    };
    check("https://collector.example.org:8443", Ok("https://collector.example.org:8443"));
    check("https://example.org/hm/", Ok("https://example.org/hm"));
    check("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080"));
    check("http://[::1]:8080", Ok("http://[::1]:8080"));
    check("http://localhost", Ok("http://localhost"));
    check("http://10.0.0.1:8080", Err(UrlError::Plain));
    check("http://127.0.0.1.example.org", Err(UrlError::Plain));
    check("ftp://example.org", Err(UrlError::Form));
    check("https://user@example.org", Err(UrlError::Form));
    check("https://example.org?x=1", Err(UrlError::Form));
    check("example.org", Err(UrlError::Form));
    check("", Err(UrlError::Form));
}

#[test]
fn problems() {
    let answer = |body: &'static str| Answer {
        status: StatusCode::CONFLICT,
        retry_after_sec: None,
        body: Bytes::from_static(body.as_bytes()),
    };
    let want =
        answer(r#"{"type":"about:blank","title":"t","status":409,"code":"want","detail":"a\nb","want":7}"#);
    assert_eq!(want.problem().want, Some(7));
    assert_eq!(want.complaint(), "the collector answered 409 Conflict: a\\nb");
    assert_eq!(answer("<html>").problem(), Problem::default());
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/fixtures").join(name)
}

/// A server whose certificate the test CA signed; it answers each request with `big` bytes.
async fn https_server(big: usize) -> std::net::SocketAddr {
    https_server_for(big, None).await
}

/// As [`https_server`], for clients with a certificate of these authorities alone, if any are named.
async fn https_server_for(big: usize, client_ca: Option<&Path>) -> std::net::SocketAddr {
    let certs =
        CertificateDer::pem_slice_iter(include_bytes!("fixtures/server.pem")).map(Result::unwrap).collect();
    let key =
        rustls::pki_types::PrivateKeyDer::from_pem_slice(include_bytes!("fixtures/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(path).unwrap()).unwrap();
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let config = builder.with_single_cert(certs, key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let service = hyper::service::service_fn(move |_| async move {
                Ok::<_, hyper::Error>(hyper::Response::new(Full::new(Bytes::from(vec![b'x'; big]))))
            });
            let stream = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(stream, service));
        }
    });
    address
}

#[tokio::test]
async fn only_certificates_of_the_ca_file_are_trusted() {
    let address = https_server(5).await;
    let ca = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/fixtures").join(name);
    let get = async |ca_file: PathBuf| {
        let client = Client::new(Base::parse(&format!("https://{address}"))?, &TlsFiles::trusting(&ca_file))?;
        client.get("/", "x", Duration::from_secs(10)).await.map(|a| a.body.len())
    };
    assert_eq!(get(ca("ca.pem")).await.unwrap(), 5);
    let check = async |name: &str, want: &str| {
        let error = get(ca(name)).await.unwrap_err().to_string();
        assert!(error.contains(want), "{name}: {error}");
    };
    check("other-ca.pem", "invalid peer certificate: UnknownIssuer").await;
    check("server.key", "server.key: holds no certificate; it must hold PEM certificates").await;
    check("absent.pem", "absent.pem: No such file").await;
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let ca_file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/fixtures/ca.pem");
    let big = https_server(ANSWER_MAX_BYTES + 1).await;
    let client =
        Client::new(Base::parse(&format!("https://{big}")).unwrap(), &TlsFiles::trusting(&ca_file)).unwrap();
    let error = client.get("/", "x", Duration::from_secs(20)).await.unwrap_err().to_string();
    assert!(error.contains("length limit exceeded"), "{error}");
    // Takes the connection and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = Base::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let error = Client::new(base, &TlsFiles::default())
        .unwrap()
        .post("/", vec![1], Duration::from_millis(100))
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("no answer within 100 ms"), "{error}");
}

#[tokio::test]
async fn the_own_certificate_is_shown_and_renewed() {
    let address = https_server_for(5, Some(&fixture("client-ca.pem"))).await;
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("cert.key"));
    let put = |from: &str, to: &Path| std::fs::copy(fixture(from), to).unwrap();
    let client = |client: Option<(PathBuf, PathBuf)>| {
        let files = TlsFiles { client, ..TlsFiles::trusting(&fixture("ca.pem")) };
        Client::new(Base::parse(&format!("https://{address}")).unwrap(), &files)
    };
    let get = async |c: &Client| {
        c.get("/", "x", Duration::from_secs(10)).await.map(|a| a.body.len()).map_err(|e| e.to_string())
    };
    assert!(get(&client(None).unwrap()).await.is_err(), "none is shown");
    // Of other authorities, then renewed while the client lives.
    put("server.pem", &cert);
    put("server.key", &key);
    let mine = client(Some((cert.clone(), key.clone()))).unwrap();
    assert!(get(&mine).await.is_err(), "not of these authorities");
    put("client.pem", &cert);
    assert!(get(&mine).await.is_err(), "half of it is written: what was stays in force");
    put("client.key", &key);
    assert_eq!(get(&mine).await, Ok(5));
    let error = |pair: (PathBuf, PathBuf)| client(Some(pair)).err().unwrap().to_string();
    let check = |pair: (PathBuf, PathBuf), want: &str| {
        let error = error(pair);
        assert!(error.contains(want), "{error}");
    };
    check((fixture("absent.pem"), key.clone()), "absent.pem: No such file");
    check((key.clone(), key.clone()), "holds no certificate; collector.client_cert must hold PEM");
    check((cert.clone(), cert.clone()), "holds no private key in PEM (collector.client_key)");
    check((cert, fixture("server.key")), "does not fit to");
}
