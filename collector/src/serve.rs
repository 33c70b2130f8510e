//! Serving: the listener, connections with their time limits, the background work, and an orderly end.

use crate::api::client_cert::ClientCert;
use crate::api::state::StartError;
use crate::api::{App, AppState};
use crate::billing;
use crate::clock::Clock;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::handshake::Handshakes;
use crate::ingest::release;
use crate::limits::{
    ACCEPT_PAUSE, BODY_TIME_ANY, CONNECTIONS_MAX, CONNECTIONS_MIN, DESCRIPTORS_SPARE, DRAIN_TIME,
    HEADER_TIME, LISTEN_BACKLOG, READ_AHEAD_BYTES, TLS_LOOK_EVERY,
};
use crate::places::{Place, Places};
use crate::tls::{Renewing, TlsError};
use crate::{alerts, backup, watch, web};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
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
    tls: Option<Arc<Renewing>>,
}

impl Server {
    /// Takes the address first, so that a second collector touches no database; then opens everything.
    pub async fn bind(config: Config, clock: Clock) -> Result<Self, ServeError> {
        let wanted = config.listen;
        let listener = listen(wanted).map_err(|e| listen_error(wanted, &e))?;
        let address = listener.local_addr()?;
        let tls = config.tls.as_ref().map(Renewing::new).transpose()?.map(Arc::new);
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

    /// The certificate in force, if TLS is spoken.
    pub fn tls(&self) -> Option<Arc<Renewing>> {
        self.tls.clone()
    }

    /// Serves until `stop` is ready, then lets requests end.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let app = Arc::clone(&self.app);
        let background =
            tokio::spawn(async move { billing::background(&app.db, &app.billing, &app.clock).await });
        let watched = Arc::clone(&self.app);
        let watch = tokio::spawn(async move { watch::background(&watched).await });
        let backed_up = Arc::clone(&self.app);
        let backups = tokio::spawn(async move { backup::background(&backed_up).await });
        let (renewed, files) = (Arc::clone(&self.app), self.tls.clone());
        let renew = tokio::spawn(async move { renew(&renewed, files.as_deref()).await });
        let routes = web::with_api(&self.app);
        let graceful = GracefulShutdown::new();
        let places = Places::new(connections_max());
        tokio::select! {
            () = accept(&self.listener, self.tls.as_deref(), &routes, &graceful, &places) => {}
            () = stop => {}
        }
        self.app.stop_waiting();
        drop(self.listener);
        background.abort();
        watch.abort();
        backups.abort();
        renew.abort();
        if tokio::time::timeout(DRAIN_TIME, graceful.shutdown()).await.is_err() {
            tracing::warn!(seconds = DRAIN_TIME.as_secs(), "requests were still open and are cut off");
        }
    }
}

/// Many hosts may come at the same moment: the system is asked to keep more of them waiting than it does by itself.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
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

/// As many connections as there are file descriptors for: the limit of the process is raised as far as it may.
fn connections_max() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum || limit.maximum.is_none() {
        limit.current = limit.maximum;
        // Refused: what there is has to do.
        let _best_effort = setrlimit(Resource::Nofile, limit);
    }
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let free = usize::try_from(descriptors.saturating_sub(DESCRIPTORS_SPARE)).unwrap_or(usize::MAX);
    let places = free.clamp(CONNECTIONS_MIN, CONNECTIONS_MAX);
    if places < CONNECTIONS_MAX {
        tracing::warn!(
            places,
            descriptors,
            "few file descriptors, so fewer connections (LimitNOFILE of the unit)"
        );
    }
    places
}

/// Looks at the files of `[tls]` again and again, and says so when they cannot be used.
async fn renew(app: &AppState, tls: Option<&Renewing>) {
    const KEY: &str = "tls";
    let Some(tls) = tls else { return };
    loop {
        tokio::time::sleep(TLS_LOOK_EVERY).await;
        let now_ms = app.now_ms();
        let said = match tls.renew() {
            Ok(false) => continue,
            Ok(true) => {
                tracing::info!("new connections get the renewed certificate");
                app.db.write(move |tx| alerts::clear(tx, KEY, now_ms)).await
            }
            Err(e) => {
                let detail = format!("{e}; the certificate that was read before stays in force");
                app.db.write(move |tx| alerts::raise(tx, KEY, KEY, "collector", &detail, now_ms)).await
            }
        };
        if let Err(e) = said {
            tracing::error!(error = %e, "the alert on [tls] could not be written");
        }
    }
}

async fn accept(
    listener: &TcpListener,
    tls: Option<&Renewing>,
    routes: &Router,
    graceful: &GracefulShutdown,
    places: &Arc<Places>,
) {
    let handshakes = Arc::new(Handshakes::default());
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(e) => {
                // Out of descriptors, most likely: others end meanwhile.
                tracing::error!(error = %e, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (place, evicted) = places.take();
        let (routes, watcher) = (routes.clone(), graceful.watcher());
        let tls = tls.map(|tls| (tls.acceptor(), Arc::clone(&handshakes)));
        tokio::spawn(async move {
            tokio::select! {
                () = connection(stream, peer, tls, routes, watcher, place) => {}
                // Its place was given to another; the sender is dropped with the place at the latest.
                Ok(()) = evicted => tracing::debug!(%peer, "a quiet connection made room for another"),
            }
        });
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<(TlsAcceptor, Arc<Handshakes>)>,
    routes: Router,
    watcher: Watcher,
    place: Place,
) {
    // An acknowledgement is one small write; waiting for more would only delay it.
    let _best_effort = stream.set_nodelay(true);
    let Some((tls, handshakes)) = tls else {
        return Box::pin(http(stream, peer, ClientCert(false), routes, watcher, place)).await;
    };
    match handshakes.accept(&tls, stream).await {
        Ok(stream) => {
            let cert = ClientCert(stream.get_ref().1.peer_certificates().is_some());
            // In a box of its own: a connection then takes no more memory than the part that it is in.
            Box::pin(http(stream, peer, cert, routes, watcher, place)).await;
        }
        Err(e) => tracing::debug!(%peer, error = %e, "no TLS came about"),
    }
}

fn http<S>(
    stream: S,
    peer: SocketAddr,
    cert: ClientCert,
    routes: Router,
    watcher: Watcher,
    place: Place,
) -> impl Future<Output = ()> + Send
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let place = Arc::new(place);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(cert);
        let (place, names_itself) = (Arc::clone(&place), names_itself(&request));
        let answer =
            routes.clone().oneshot(request.map(|body| Body::new(Deadline::new(body, BODY_TIME_ANY))));
        // Boxed: connections that wait for their next request are many.
        Box::pin(async move {
            let response = answer.await?;
            if names_itself && response.status().as_u16() < 400 {
                place.prove();
            }
            Ok::<_, Infallible>(response)
        })
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(READ_AHEAD_BYTES);
    let serving = watcher.watch(builder.serve_connection(TokioIo::new(stream), service));
    async move {
        if let Err(e) = serving.await {
            tracing::debug!(%peer, error = %e, "a connection ended early");
        }
    }
}

/// Whether a request says who asks: if it is then accepted, the connection is no stranger's.
fn names_itself<B>(request: &Request<B>) -> bool {
    let path = request.uri().path();
    path == "/v1/batches" || (path.starts_with("/v1/") && request.headers().contains_key(AUTHORIZATION))
}
