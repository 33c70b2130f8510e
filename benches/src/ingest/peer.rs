//! VictoriaMetrics, fed with the same samples over TLS in InfluxDB's line protocol, not compressed: of the formats that
//! it documents, one that costs it little.

use super::sender::{self, Sent};
use crate::peers;
use anyhow::{Context, Result};
use hostmeter_tests::run::{Running, wait_for};
use hostmeter_tests::stack::{CERT, KEY, free_port};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A running VictoriaMetrics. Its files go with it.
pub(crate) struct Peer {
    program: Running,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Peer {
    /// Starts it and waits until it answers.
    pub(crate) fn start() -> Result<Self> {
        let program = peers::program("victoria-metrics")?;
        let dir = tempfile::tempdir()?;
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("cert.pem"), CERT)?;
        std::fs::write(at("key.pem"), KEY)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut command = Command::new(program);
        command
            .args(["-tls", "-loggerLevel=ERROR", "-retentionPeriod=1y"])
            .arg(format!("-httpListenAddr={address}"))
            .arg(format!("-storageDataPath={}", at("data").display()))
            .arg(format!("-tlsCertFile={}", at("cert.pem").display()))
            .arg(format!("-tlsKeyFile={}", at("key.pem").display()))
            .stdout(Stdio::null());
        let program = Running::start("victoria-metrics", &mut command, dir.path())?;
        let config = sender::client_config()?;
        wait_for("VictoriaMetrics to answer", Duration::from_secs(20), || {
            Ok(sender::Connection::open(address, &config).ok())
        })?;
        Ok(Self { program, address, _dir: dir })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Sends the lines of each host over a connection of its own.
    pub(crate) fn send(&self, work: &[Vec<Vec<u8>>]) -> Result<Sent> {
        sender::send(self.address, work, Duration::ZERO).context("VictoriaMetrics")
    }
}
