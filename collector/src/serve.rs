//! Serving: the listener, connections with their time limits, the background work, and an orderly end.

use crate::api::state::StartError;
use crate::api::{App, AppState};
use crate::billing;
use crate::clock::Clock;
use crate::config::Config;
use crate::ingest::release;
use crate::limits::{ACCEPT_PAUSE, CONNECTIONS_MAX, DRAIN_TIME, HANDSHAKE_TIME, HEADER_TIME};
use crate::tls::{TlsError, acceptor};
use crate::{watch, web};
use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// Why the collector does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken or not ours.
    #[error("listen = {address}: {why}")]
    Listen {
        /// The address of the configuration.
        address: SocketAddr,
        /// What is wrong and what to do.
        why: String,
    },
    /// Databases or keys.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system gave no runtime, signal handler or the like.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// A collector that is ready to serve.
pub struct Server {
    app: AppState,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

impl Server {
    /// Takes the address first, so that a second collector touches no database; then opens everything.
    pub async fn bind(config: Config, clock: Clock) -> Result<Self, ServeError> {
        let wanted = config.listen;
        let listener = TcpListener::bind(wanted).await.map_err(|e| listen_error(wanted, &e))?;
        let address = listener.local_addr()?;
        let tls = config.tls.as_ref().map(acceptor).transpose()?;
        // Opening reads and may migrate files.
        let app = tokio::task::spawn_blocking(move || App::open(config, clock)).await;
        let app = app.map_err(|e| std::io::Error::other(e.to_string()))??;
        release::finish(&app.db).await.map_err(StartError::from)?;
        Ok(Self { app, listener, address, tls })
    }

    /// The address that is listened on; with port 0 the one that was free.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What handlers share.
    pub const fn app(&self) -> &AppState {
        &self.app
    }

    /// Serves until `stop` is ready, then lets requests end.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let app = Arc::clone(&self.app);
        let background =
            tokio::spawn(async move { billing::background(&app.db, &app.billing, &app.clock).await });
        let watched = Arc::clone(&self.app);
        let watch = tokio::spawn(async move { watch::background(&watched).await });
        let routes = web::with_api(&self.app);
        let graceful = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        tokio::select! {
            () = accept(&self.listener, self.tls.as_ref(), &routes, &graceful, &slots) => {}
            () = stop => {}
        }
        self.app.stop_waiting();
        drop(self.listener);
        background.abort();
        watch.abort();
        if tokio::time::timeout(DRAIN_TIME, graceful.shutdown()).await.is_err() {
            tracing::warn!(seconds = DRAIN_TIME.as_secs(), "requests were still open and are cut off");
        }
    }
}

fn listen_error(address: SocketAddr, e: &std::io::Error) -> ServeError {
    let why = match e.kind() {
        std::io::ErrorKind::AddrInUse => {
            "this port is in use by another program; stop that one or set another `listen`".to_owned()
        }
        std::io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; set another `listen`".to_owned()
        }
        std::io::ErrorKind::PermissionDenied => {
            "ports below 1024 need a right that the collector does not have; use a higher one".to_owned()
        }
        _ => e.to_string(),
    };
    ServeError::Listen { address, why }
}

async fn accept(
    listener: &TcpListener,
    tls: Option<&TlsAcceptor>,
    routes: &Router,
    graceful: &GracefulShutdown,
    slots: &Arc<Semaphore>,
) {
    loop {
        // The semaphore is never closed.
        let Ok(slot) = Arc::clone(slots).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(e) => {
                // Out of descriptors, most likely: others end meanwhile.
                tracing::error!(error = %e, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (tls, routes, watcher) = (tls.cloned(), routes.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _slot = slot;
            connection(stream, peer, tls, routes, watcher).await;
        });
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    routes: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // An acknowledgement is one small write; waiting for more would only delay it.
    let _best_effort = stream.set_nodelay(true);
    match tls {
        None => http(stream, peer, routes, watcher).await,
        Some(tls) => match tokio::time::timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
            Ok(Ok(stream)) => http(stream, peer, routes, watcher).await,
            Ok(Err(e)) => tracing::debug!(%peer, error = %e, "no TLS came about"),
            Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
        },
    }
}

async fn http<S>(stream: S, peer: SocketAddr, routes: Router, watcher: hyper_util::server::graceful::Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = routes.map_request(move |mut request: axum::http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(axum::body::Body::new)
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    let serving = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    if let Err(e) = watcher.watch(serving).await {
        tracing::debug!(%peer, error = %e, "a connection ended early");
    }
}
