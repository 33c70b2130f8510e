//! The unix socket: who may connect, one thread a connection, one line a request.

use super::config::Config;
use super::engine::Engine;
use super::files::FileError;
use super::limits::{
    ACKED_NUMBERS_MAX, CONNECTIONS_MAX, PEER_IDLE_MAX, QUOTA_UIDS_MAX, REQUEST_MAX_BYTES, WAIT_MAX,
};
use super::protocol::{ProtocolError, Reply, Request, parse_request, read_line, write_line};
use super::quota;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::unistd::{Group, Uid, User};
use rustix::fs::{Gid, Mode};
use rustix::net::sockopt::{socket_acceptconn, socket_peercred};
use std::io::BufReader;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Why the executor cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The socket's file or directory.
    #[error(transparent)]
    File(#[from] FileError),
    /// Somebody listens there.
    #[error("{0} is in use: another executor listens there")]
    InUse(PathBuf),
    /// Something else has the name.
    #[error("{0} is there and is no socket; move it away or set `socket`")]
    NotASocket(PathBuf),
    /// The group that should be let in is not known.
    #[error("socket_group = {0:?}: there is no such group; create it or correct the name")]
    NoGroup(String),
    /// systemd passes the socket where safe code cannot take it.
    #[error("systemd passes the socket as descriptor 3; the unit needs StandardInput=socket")]
    Activation,
}

/// A listening socket and who may use it.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    group: Option<Group>,
}

impl Server {
    /// Takes the socket from systemd (`StandardInput=socket`), or binds it.
    pub fn open(config: &Config) -> Result<Self, ServerError> {
        let group = config.socket_group.as_deref().map(find_group).transpose()?;
        if let Some(listener) = inherited() {
            // Whoever made the socket gave it to a group; that group is meant, unless another one is set.
            let group = group.or_else(|| group_of(&listener));
            return Ok(Self { listener, group });
        }
        if std::env::var_os("LISTEN_PID").is_some_and(|pid| pid == *std::process::id().to_string()) {
            return Err(ServerError::Activation);
        }
        let listener = bind(&config.socket, group.as_ref())?;
        Ok(Self { listener, group })
    }

    /// Serves until the process ends; each connection has a thread of its own.
    pub fn serve(&self, engine: &Arc<Engine>) {
        let open = Arc::new(AtomicUsize::new(0));
        for stream in self.listener.incoming() {
            let stream = match stream {
                Ok(stream) => stream,
                Err(e) => {
                    tracing::warn!(error = %e, "a connection was not accepted");
                    continue;
                }
            };
            if open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX {
                refuse(stream, format!("{CONNECTIONS_MAX} connections are open; close one"));
                open.fetch_sub(1, Ordering::SeqCst);
                continue;
            }
            if let Err(why) = self.admit(&stream) {
                tracing::warn!(why, "a connection was refused");
                refuse(stream, why);
                open.fetch_sub(1, Ordering::SeqCst);
                continue;
            }
            let (engine, open) = (Arc::clone(engine), Arc::clone(&open));
            std::thread::spawn(move || {
                if let Err(e) = converse(&engine, stream) {
                    tracing::info!(error = %e, "a connection ended");
                }
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    }

    fn admit(&self, stream: &UnixStream) -> Result<(), String> {
        let peer = socket_peercred(stream).map_err(|e| format!("the peer is not known: {e}"))?;
        let own = rustix::process::geteuid().as_raw();
        may_connect(peer.uid.as_raw(), peer.gid.as_raw(), own, self.group.as_ref())
    }
}

/// Root, the executor's own user, or a member of the group. (The signature is what commands are judged by; this keeps
/// others from filling the queue or reading the outcomes.)
fn may_connect(uid: u32, gid: u32, own_uid: u32, group: Option<&Group>) -> Result<(), String> {
    if uid == 0 || uid == own_uid {
        return Ok(());
    }
    let is_member = |group: &Group| {
        let name = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|u| u.name);
        group.gid.as_raw() == gid || name.is_some_and(|name| group.mem.contains(&name))
    };
    if group.is_some_and(is_member) {
        return Ok(());
    }
    let group = group.map_or("(socket_group is not set)", |g| g.name.as_str());
    Err(format!("uid {uid} is neither root nor in group {group}"))
}

/// The group that may write to the socket's file, if it is one of its own.
fn group_of(listener: &UnixListener) -> Option<Group> {
    let meta = std::fs::metadata(listener.local_addr().ok()?.as_pathname()?).ok()?;
    let is_open = meta.mode() & 0o020 != 0 && meta.gid() != 0;
    Group::from_gid(nix::unistd::Gid::from_raw(meta.gid())).ok().flatten().filter(|_| is_open)
}

fn find_group(name: &str) -> Result<Group, ServerError> {
    Group::from_name(name).ok().flatten().ok_or_else(|| ServerError::NoGroup(name.to_owned()))
}

/// Standard input, if it is a listening socket.
fn inherited() -> Option<UnixListener> {
    let stdin = std::io::stdin();
    if !socket_acceptconn(&stdin).unwrap_or(false) {
        return None;
    }
    stdin.as_fd().try_clone_to_owned().ok().map(UnixListener::from)
}

/// Binds, in place of a socket that nobody listens on any more. Mode 0660, the group's if there is one.
fn bind(path: &Path, group: Option<&Group>) -> Result<UnixListener, ServerError> {
    let io = |e: std::io::Error| FileError::io(path, e);
    if let Some(dir) = path.parent().filter(|d| !d.exists()) {
        std::fs::create_dir_all(dir).map_err(|e| FileError::io(dir, e))?;
    }
    if let Ok(meta) = std::fs::symlink_metadata(path) {
        if !meta.file_type().is_socket() {
            return Err(ServerError::NotASocket(path.to_owned()));
        }
        if UnixStream::connect(path).is_ok() {
            return Err(ServerError::InUse(path.to_owned()));
        }
        std::fs::remove_file(path).map_err(io)?;
    }
    // Nobody gets in between bind and chmod. The process has one thread yet.
    let before = rustix::process::umask(Mode::from_raw_mode(0o177));
    let bound = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = bound.map_err(io)?;
    if let Some(group) = group {
        let gid = Gid::from_raw(group.gid.as_raw());
        rustix::fs::chown(path, None, Some(gid)).map_err(|e| io(e.into()))?;
    }
    rustix::fs::chmod(path, Mode::from_raw_mode(0o660)).map_err(|e| io(e.into()))?;
    Ok(listener)
}

fn refuse(mut stream: UnixStream, why: String) {
    // Whoever does not take the answer gets none.
    drop(stream.set_write_timeout(Some(Duration::from_secs(1))));
    drop(write_line(&mut stream, &Reply::failed(why)));
}

fn converse(engine: &Engine, stream: UnixStream) -> Result<(), ProtocolError> {
    stream.set_read_timeout(Some(PEER_IDLE_MAX))?;
    stream.set_write_timeout(Some(PEER_IDLE_MAX))?;
    let mut stream = BufReader::new(stream);
    loop {
        let line = match read_line(&mut stream, REQUEST_MAX_BYTES) {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(()),
            Err(e) => {
                drop(write_line(stream.get_mut(), &Reply::failed(e.to_string())));
                return Err(e);
            }
        };
        let reply = match parse_request(&line) {
            Ok(request) => answer(engine, request),
            Err(e) => Reply::failed(e.to_string()),
        };
        write_line(stream.get_mut(), &reply)?;
    }
}

fn answer(engine: &Engine, request: Request) -> Reply {
    let done = match request {
        Request::Deliver { envelope } => match STANDARD.decode(&envelope) {
            Ok(bytes) => engine.deliver(&bytes),
            Err(e) => return Reply::failed(format!("envelope is not base64: {e}")),
        },
        Request::Outcomes { after, wait_ms } => {
            let wait = Duration::from_millis(wait_ms).min(WAIT_MAX);
            return Reply { outcomes: Some(engine.outcomes(after, wait)), ..Reply::done() };
        }
        Request::Forget { upto } => engine.forget(upto),
        Request::BegunAcked { numbers } if numbers.len() > ACKED_NUMBERS_MAX => {
            return Reply::failed(format!("{} numbers; at most {ACKED_NUMBERS_MAX} at once", numbers.len()));
        }
        Request::BegunAcked { numbers } => engine.begun_acked(&numbers),
        Request::Disk { uids } if uids.len() > QUOTA_UIDS_MAX => {
            return Reply::failed(format!("{} uids; at most {QUOTA_UIDS_MAX} at once", uids.len()));
        }
        Request::Disk { uids } => match quota::read(&uids) {
            Ok(disk) => return Reply { disk: Some(disk), ..Reply::done() },
            Err(e) => return Reply::failed(format!("mounts cannot be read: {e}")),
        },
        Request::Status => match engine.status() {
            Ok(status) => return Reply { status: Some(status), ..Reply::done() },
            Err(e) => Err(e),
        },
    };
    done.map_or_else(|e| Reply::failed(e.to_string()), |()| Reply::done())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_connect() {
        let group = |gid: u32, mem: &[&str]| {
            let mem = mem.iter().map(|m| (*m).to_owned()).collect();
            Group { name: "hostmeter".to_owned(), passwd: c"x".to_owned(), gid: gid.into(), mem }
        };
        let check = |peer: (u32, u32), own: u32, group: Option<&Group>, want: &str| {
            let got = may_connect(peer.0, peer.1, own, group).err().unwrap_or_default();
            assert_eq!(got, want, "{peer:?} {own} {group:?}");
        };
        let agents = group(990, &[]);
        check((0, 0), 0, None, "");
        check((0, 0), 1_000, Some(&agents), "");
        check((1_000, 1_000), 1_000, None, "");
        check((991, 990), 0, Some(&agents), "");
        check((991, 989), 0, Some(&agents), "uid 991 is neither root nor in group hostmeter");
        check((991, 990), 0, None, "uid 991 is neither root nor in group (socket_group is not set)");
        // By the group's list of members: `daemon` is uid 1 everywhere.
        check((1, 1), 0, Some(&group(990, &["daemon"])), "");
        check((1, 1), 0, Some(&group(990, &["bin"])), "uid 1 is neither root nor in group hostmeter");
    }

    #[test]
    fn only_a_dead_socket_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/executor.sock");
        let listener = bind(&path, None).unwrap();
        let mode = std::fs::metadata(&path).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o660);
        assert!(matches!(bind(&path, None), Err(ServerError::InUse(_))));
        drop(listener);
        bind(&path, None).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "x").unwrap();
        assert!(matches!(bind(&path, None), Err(ServerError::NotASocket(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x");
    }
}
