//! Files of /proc and utmp: processes choose their own names, so their lines are foreign.

use hostmeter_agent::host::{parse_forks, parse_meminfo, parse_stat};
use hostmeter_agent::limits::COMMAND_MAX_BYTES;
use hostmeter_agent::proc::text::{fields, first_number, number, words};
use hostmeter_agent::proc::{io, smaps, stat, status};
use hostmeter_agent::session::parse_utmp;
use hostmeter_core::name;

/// Every parser sees every input.
pub(super) fn any(bytes: &[u8]) {
    process_stat(bytes);
    if let Ok(s) = status::parse(bytes) {
        let text = format!(
            "Uid:\t{}\nRssAnon:\t{} kB\nRssFile:\t{} kB\nVmSwap:\t{} kB\nThreads:\t1\n",
            s.uid, s.memory.anonymous_kib, s.memory.shared_kib, s.memory.swap_kib
        );
        assert_eq!(status::parse(text.as_bytes()), Ok(s));
    }
    if let Ok(c) = io::parse(bytes) {
        let text = format!(
            "syscr: {}\nsyscw: 0\nread_bytes: {}\nwrite_bytes: {}\ncancelled_write_bytes: {}\n",
            c.ops, c.read_bytes, c.written_bytes, c.cancelled_bytes
        );
        assert_eq!(io::parse(text.as_bytes()), Ok(c));
        assert_eq!(c.since(c), Some(io::IoCounters::default()));
    }
    if let Ok(sizes) = smaps::parse(bytes) {
        let share = sizes.share();
        assert!(share.anonymous_ppm <= 1_000_000 && share.shared_ppm <= 1_000_000, "{share:?}");
        let memory =
            status::Memory { anonymous_kib: sizes.anonymous_kib, swap_kib: 0, shared_kib: sizes.shared_kib };
        assert!(share.of(memory) <= sizes.anonymous_kib.saturating_add(sizes.shared_kib));
    }
    let _totals = (parse_stat(bytes), parse_meminfo(bytes), parse_forks(bytes));
    for record in parse_utmp(bytes) {
        assert!(record.pid > 0 && !record.user.is_empty() && record.user.len() <= 32);
    }
    if let Some(n) = number(bytes) {
        let digits = std::str::from_utf8(bytes).unwrap().trim_start_matches('0');
        assert_eq!(
            n.to_string(),
            if digits.is_empty() { "0" } else { digits },
            "a number is read whole or not"
        );
    }
    assert!(words(bytes).all(|w| !w.is_empty() && !w.iter().any(u8::is_ascii_whitespace)));
    for (name, rest) in fields(bytes) {
        assert!(!name.contains(&b':') && !name.contains(&b'\n') && !rest.contains(&b'\n'));
        assert_eq!(first_number(rest), words(rest).next().and_then(number));
    }
}

fn process_stat(bytes: &[u8]) {
    let Ok(s) = stat::parse(bytes) else { return };
    assert!(s.command.as_bytes().len() <= COMMAND_MAX_BYTES);
    assert!(name::check(&name::escape(s.command.as_bytes())).is_ok());
    let flags = if s.kernel { 0x0020_0000 } else { 0 };
    let mut line = b"1 (".to_vec();
    line.extend(s.command.as_bytes());
    line.extend(
        format!(
            ") S {} 1 1 0 -1 {flags} {} 0 0 0 {} 0 0 0 20 0 {} 0 {} 0\n",
            s.ppid, s.minor_faults, s.cpu_ticks, s.threads, s.start_ticks
        )
        .bytes(),
    );
    assert_eq!(stat::parse(&line), Ok(s));
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut utmp = vec![0_u8; 768];
    utmp[0] = 7;
    utmp[4] = 77;
    utmp[44..48].copy_from_slice(b"shop");
    let texts: [&str; 6] = [
        "42 (a) R 0 0) S 7 1 1 0 -1 4194560 55 0 3 0 12 34 1 2 20 0 3 0 4711 1000 20 184467 1 1 0\n",
        "Name:\ta\\nUid: 0\nUmask:\t0022\nUid:\t3101\t0\t0\t0\nVmRSS:\t   99 kB\nRssAnon:\t   51200 kB\nRssFile:\t    2048 kB\nRssShmem:\t     512 kB\nVmSwap:\t      64 kB\nThreads:\t1\n",
        "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 7\n",
        "55c0-7ffe ---p 00000000 00:00 0  [rollup]\nRss: 4000 kB\nPss_Anon: 500 kB\nPss_File: 500 kB\nPss_Shmem: 250 kB\nAnonymous: 1000 kB\n",
        "cpu  10 2 30 400 5 0 6 7 0 0\ncpu0 5 1 15 200 2 0 3 3 0 0\ncpu1 5 1 15 200 3 0 3 4 0 0\nintr 1 2 3\nctxt 9\nbtime 1795255200\nprocesses 4711\n",
        "MemTotal:        8000000 kB\nMemFree:          100000 kB\nMemAvailable:    5000000 kB\n",
    ];
    texts.iter().map(|t| t.as_bytes().to_vec()).chain([utmp, b"18446744073709551615".to_vec()]).collect()
}
