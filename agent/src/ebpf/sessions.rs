//! Sessions in this tier: the programs name the children of the SSH server, and utmp the rest.

use super::layout::SessionRow;
use crate::accounts::Accounts;
use crate::proc::{ProcRoot, stat, status};
use crate::session::{self, Peer, Utmp};
use std::collections::{BTreeMap, HashMap};

/// An open session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub uid: u32,
    /// Milliseconds that it was open since the sweep before.
    pub ms: u64,
}

/// Sessions as the last sweep found them.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: BTreeMap<u32, u32>,
}

impl Sessions {
    /// Finds the open ones. `window_ms` is the time since the sweep before, `now_ms` the boot-time clock.
    pub(super) fn follow(
        &mut self,
        root: &mut ProcRoot,
        utmp: &Utmp,
        accounts: &Accounts,
        rows: &[SessionRow],
        (window_ms, now_ms, tick_ms): (u64, u64, u64),
    ) -> Vec<Session> {
        let mut peers = HashMap::new();
        for row in rows {
            // The kernel looked at the parent: it has the server's name, and root runs it.
            peers.insert(row.pid, Peer { uid: row.uid, ppid: row.ppid, sshd: true });
            peers.insert(row.ppid, Peer { uid: 0, ppid: 0, sshd: true });
        }
        for record in utmp.records() {
            if !peers.contains_key(&record.pid)
                && let Some(peer) = look(root, record.pid)
            {
                peers.insert(record.pid, peer);
            }
        }
        let open = session::open_sessions(
            rows.iter().map(|row| row.pid),
            utmp.records(),
            |pid| peers.get(&pid).copied(),
            |uid| accounts.is_account(uid),
            |user| accounts.uid_of(user),
        );
        let mut out = Vec::with_capacity(open.len());
        for (pid, uid) in &open {
            let known = self.open.get(pid) == Some(uid);
            let ms = if known { window_ms } else { lived_ms(root, *pid, now_ms, tick_ms).min(window_ms) };
            out.push(Session { uid: *uid, ms });
        }
        self.open = open;
        out
    }
}

fn look(root: &mut ProcRoot, pid: u32) -> Option<Peer> {
    let stat = stat::read(root, pid).ok()?;
    let status = status::read(root, pid).ok()?;
    Some(Peer { uid: status.uid, ppid: stat.ppid, sshd: stat.command.is_sshd() && !stat.kernel })
}

/// How long a process has lived; 0 if it cannot be read.
fn lived_ms(root: &mut ProcRoot, pid: u32, now_ms: u64, tick_ms: u64) -> u64 {
    stat::read(root, pid).map_or(0, |s| now_ms.saturating_sub(s.start_ticks.saturating_mul(tick_ms)))
}
