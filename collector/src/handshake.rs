//! The TLS handshake of a new connection. What a peer says first is waited for without a turn; what then costs CPU time
//! has one, so that thousands of hosts that come back at once do not keep the requests of others from being polled.

use crate::limits::{HANDSHAKE_STEPS, HANDSHAKE_TIME, HANDSHAKES_MAX};
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

/// Turns of handshakes.
#[derive(Debug)]
pub struct Handshakes {
    turns: Semaphore,
    limit: Duration,
    came: AtomicU32,
}

impl Default for Handshakes {
    fn default() -> Self {
        Self::new(HANDSHAKE_TIME)
    }
}

impl Handshakes {
    fn new(limit: Duration) -> Self {
        Self { turns: Semaphore::new(HANDSHAKES_MAX), limit, came: AtomicU32::new(0) }
    }

    /// For the next connection: up to a quarter less than the limit. Thousands of slow ones that came at the same moment
    /// would else be ended at the same moment, too, and everybody's requests would wait for that.
    fn patience(&self) -> Duration {
        let step = self.came.fetch_add(1, Ordering::Relaxed) % HANDSHAKE_STEPS;
        self.limit.saturating_sub((self.limit / (4 * HANDSHAKE_STEPS)).saturating_mul(step))
    }

    /// Shakes hands. Each of the peer's two parts must come in time; waiting for a turn is not the peer's fault.
    pub async fn accept<S>(&self, tls: &TlsAcceptor, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
        let patience = self.patience();
        let hello = timeout(patience, hello).await.map_err(|_| too_slow())??;
        let turn = self.turns.acquire().await.map_err(io::Error::other)?;
        // Keys are agreed and the answer is signed here; the rest waits for the peer.
        let mut rest = pin!(hello.into_stream(tls.config().clone()));
        let first = poll_fn(|cx| Poll::Ready(rest.as_mut().poll(cx))).await;
        drop(turn);
        match first {
            Poll::Ready(done) => done,
            Poll::Pending => timeout(patience, rest).await.map_err(|_| too_slow())?,
        }
    }
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    const CERT: &[u8] = include_bytes!("tests/tls/cert.pem");
    const KEY: &[u8] = include_bytes!("tests/tls/key.pem");

    fn both_ends() -> (TlsAcceptor, tokio_rustls::TlsConnector) {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = vec![CertificateDer::from_pem_slice(CERT).unwrap()];
        let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.clone(), PrivateKeyDer::from_pem_slice(KEY).unwrap())
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(chain[0].clone()).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (Arc::new(server).into(), Arc::new(client).into())
    }

    #[tokio::test]
    async fn those_who_dawdle_take_no_turn() {
        let (acceptor, connector) = both_ends();
        let handshakes = Handshakes::default();
        // More than there are turns: some say nothing, some half a greeting, and some nothing after their greeting.
        let mut silent = Vec::new();
        let mut slow = Vec::new();
        for n in 0..4 * HANDSHAKES_MAX {
            let (mut theirs, ours) = duplex(16 * 1024);
            let greeting: &[u8] = if n % 2 == 0 { &[] } else { &[0x16, 3, 1, 2, 0] };
            theirs.write_all(greeting).await.unwrap();
            silent.push(theirs);
            slow.push(ours);
        }
        for _ in 0..2 * HANDSHAKES_MAX {
            let (mut theirs, ours) = duplex(16 * 1024);
            let mut tls = rustls::ClientConnection::new(
                connector.config().clone(),
                ServerName::try_from("127.0.0.1").unwrap(),
            )
            .unwrap();
            let mut greeting = Vec::new();
            tls.write_tls(&mut greeting).unwrap();
            theirs.write_all(&greeting).await.unwrap();
            silent.push(theirs);
            slow.push(ours);
        }
        let dawdle = async {
            let all = slow.into_iter().map(|s| handshakes.accept(&acceptor, s));
            let mut all: Vec<_> = all.map(Box::pin).collect();
            poll_fn(|cx| {
                all.iter_mut().for_each(|f| assert!(f.as_mut().poll(cx).is_pending()));
                Poll::<()>::Pending
            })
            .await;
        };
        let honest = async {
            let (theirs, ours) = duplex(16 * 1024);
            let connect = connector.connect(ServerName::try_from("127.0.0.1").unwrap(), theirs);
            let (client, server) = tokio::join!(connect, handshakes.accept(&acceptor, ours));
            let (mut client, mut server) = (client.unwrap(), server.unwrap());
            client.write_all(b"hello").await.unwrap();
            let mut said = [0; 5];
            server.read_exact(&mut said).await.unwrap();
            said
        };
        tokio::select! {
            biased;
            () = dawdle => {}
            said = honest => assert_eq!(&said, b"hello"),
        }
        drop(silent);
    }

    #[test]
    fn those_who_come_together_are_not_ended_together() {
        let handshakes = Handshakes::default();
        let all: Vec<_> = (0..2 * HANDSHAKE_STEPS).map(|_| handshakes.patience()).collect();
        let (first, again) = all.split_at(all.len() / 2);
        assert_eq!(first, again);
        assert_eq!(first.first(), Some(&HANDSHAKE_TIME));
        assert!(first.is_sorted_by(|a, b| a > b), "{first:?}");
        assert!(first.iter().all(|p| *p > HANDSHAKE_TIME * 3 / 4), "{first:?}");
    }

    #[tokio::test]
    async fn a_greeting_must_come_in_time() {
        let (acceptor, _) = both_ends();
        let (_theirs, ours) = duplex(1_024);
        let failed = Handshakes::new(Duration::from_millis(50)).accept(&acceptor, ours).await;
        assert_eq!(failed.err().map(|e| e.kind()), Some(io::ErrorKind::TimedOut));
    }
}
