//! Two readings in, what people see out.

use super::column::Column;
use super::state::{State, Table};
use super::view::View;
use super::{Follow, screen, text};
use crate::by_meter::ByMeter;
use crate::reading::{AccountReading, HostReading, Reading, Source};
use hostmeter_core::ids::BootId;
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{Coverage, Gap, GapMeter, TopCommand};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::collections::BTreeMap;

const BOOT: &str = "6f1f2fd5-31b5-4c41-9a34-0d3b5a3b5c11";

fn reading(sec: u64) -> Reading {
    Reading {
        boottime_ns: sec * 1_000_000_000,
        source: Source { boot: BootId::parse(BOOT).unwrap(), tier: "ebpf".to_owned(), map_id: 7 },
        accounts: BTreeMap::new(),
        host: HostReading {
            cpus: 2,
            not_busy_usec: Some(sec * 500_000),
            system_usec: Some(sec * 300_000),
            accounts_usec: Some(sec * 1_100_000),
            memory_total_kib: Some(8 << 20),
            memory_available_kib: Some(5 << 20),
            processes: Some(123),
        },
        coverage: Coverage { cpu_ppm: Some(998_765), io_ppm: None, memory_ppm: None },
        limited: String::new(),
        gaps: Vec::new(),
        top: BTreeMap::new(),
    }
}

/// Everything but the network, of which it uses so much a second.
fn account(user: &str, sec: u64, share: u64) -> AccountReading {
    AccountReading {
        user: Some(user.to_owned()),
        alive: true,
        counters: ByMeter::from([
            (Meter::CpuUsec, sec * 1_000 * share),
            (Meter::MemoryKibSec, sec * 1_024 * share),
            (Meter::IoReadBytes, sec * 1_000 * share),
            (Meter::IoWriteBytes, sec * 10 * share),
            (Meter::ProcessStarts, sec * share / 100),
        ]),
        gauges: ByMeter::from([(Meter::Processes, 3), (Meter::Sessions, 1)]),
        ..AccountReading::default()
    }
}

fn command(name: &str, cpu_usec: i64) -> TopCommand {
    TopCommand { command: name.to_owned(), cpu_usec, memory_kib_sec: 20_480, processes: 2 }
}

/// Two accounts and what their commands did in two seconds.
fn busy(sec: u64) -> Reading {
    let mut r = reading(sec);
    r.accounts.insert(1_001, account("shop", sec, 950));
    r.accounts.insert(1_002, account("blog%20x", sec, 40));
    r.top.insert(1_001, vec![command("php-fpm", 1_500_000), command("%1B%5B2J", 400_000)]);
    r.top.insert(1_002, vec![command("other", 80_000)]);
    r
}

fn view(before: &Reading, now: Reading) -> View {
    let mut follow = Follow::default();
    assert_eq!(follow.take(before.clone()), None, "one reading is no difference");
    follow.take(now).unwrap()
}

/// What stands in the line of uid 1001, column by column.
fn check(change: impl FnOnce(&mut Reading, &mut Reading), want: &str) {
    let (mut before, mut now) = (busy(10), busy(12));
    change(&mut before, &mut now);
    let view = view(&before, now);
    let row = view.accounts.iter().find(|row| row.figures.get(&Column::Uid) == Some(&1_001));
    let got = row.map_or("absent".to_owned(), |row| {
        super::column::OF_ACCOUNTS.iter().map(|c| c.of(row)).collect::<Vec<_>>().join(" ")
    });
    assert_eq!(got, want);
}

#[test]
fn what_an_account_used_since_the_refresh_before() {
    let shop =
        |r: &mut Reading, f: &mut dyn FnMut(&mut AccountReading)| f(r.accounts.get_mut(&1_001).unwrap());
    check(|_, _| {}, "shop 1001 95.0 950.0 927K 9.2K – – 3 9.5 1");
    // The time that passed counts, not the time that was asked for.
    check(|_, now| now.boottime_ns += 2_000_000_000, "shop 1001 47.5 475.0 463K 4.6K – – 3 4.8 1");
    // A meter that another source has and this one has not.
    check(
        |before, now| {
            for (r, bytes) in [(before, 5_000), (now, 25_480)] {
                shop(r, &mut |a| {
                    a.counters.insert(Meter::NetRxBytes, bytes);
                });
            }
        },
        "shop 1001 95.0 950.0 927K 9.2K 10K – 3 9.5 1",
    );
    // A counter that fell, that came, or that went says nothing.
    check(
        |_, now| {
            shop(now, &mut |a| {
                a.counters.insert(Meter::CpuUsec, 5);
            });
        },
        "shop 1001 – 950.0 927K 9.2K – – 3 9.5 1",
    );
    check(
        |before, _| {
            shop(before, &mut |a| {
                a.counters.remove(&Meter::IoReadBytes);
            });
        },
        "shop 1001 95.0 950.0 – 9.2K – – 3 9.5 1",
    );
    check(
        |_, now| {
            shop(now, &mut |a| {
                a.counters.remove(&Meter::MemoryKibSec);
                a.gauges.remove(&Meter::Sessions);
            });
        },
        "shop 1001 95.0 – 927K 9.2K – – 3 9.5 –",
    );
    // An account that was not there before has used all of it since.
    check(
        |before, now| {
            before.accounts.remove(&1_001);
            now.accounts.insert(1_001, account("shop", 1, 950));
        },
        "shop 1001 47.5 475.0 463K 4.6K – – 3 4.5 1",
    );
    // One that is gone and used nothing is not shown; one that used something in the meantime is.
    check(
        |before, now| {
            shop(now, &mut |a| a.alive = false);
            now.top.clear();
            before.accounts.clone_from(&now.accounts);
        },
        "absent",
    );
    check(|_, now| shop(now, &mut |a| a.alive = false), "shop 1001 95.0 950.0 927K 9.2K – – 3 9.5 1");
    // No name in passwd.
    check(|_, now| shop(now, &mut |a| a.user = None), "1001 1001 95.0 950.0 927K 9.2K – – 3 9.5 1");
}

#[test]
fn what_could_not_be_read_is_not_shown_as_a_figure() {
    let gap = |meter: GapMeter, uid: Option<u32>| {
        move |_: &mut Reading, now: &mut Reading| {
            now.gaps.push(Gap { meter, uid, reason: "permission denied".to_owned() });
        }
    };
    let whole = "shop 1001 95.0 950.0 927K 9.2K – – 3 9.5 1";
    check(gap(GapMeter::One(Meter::IoReadBytes), Some(1_002)), whole);
    check(gap(GapMeter::One(Meter::IoReadBytes), Some(1_001)), "shop 1001 95.0 950.0 – 9.2K – – 3 9.5 1");
    check(gap(GapMeter::One(Meter::SessionSec), None), "shop 1001 95.0 950.0 927K 9.2K – – 3 9.5 –");
    check(gap(GapMeter::All, None), "shop 1001 – – – – – – – – –");
}

#[test]
fn the_host_as_a_whole() {
    let check = |change: &dyn Fn(&mut Reading), want: &[&str]| {
        let mut now = busy(12);
        change(&mut now);
        let view = view(&busy(10), now);
        let mut got = text::head(&view);
        got.extend([&view.system, &view.remainder].map(|r| format!("{} {}", r.account, Column::Cpu.of(r))));
        assert_eq!(got, want);
    };
    let first = "tier ebpf, coverage of CPU 99.87 %, 123 processes";
    let cpu = "CPU: busy 150.0 %, accounts 110.0 %, system 30.0 %, remainder 10.0 %; 2 CPUs";
    let memory = "memory: 3072.0 MiB used of 8192.0 MiB";
    check(&|_| {}, &[first, cpu, memory, "(system) 30.0", "(remainder) 10.0"]);
    // More was counted than the CPUs were busy.
    let cpu = "CPU: busy 150.0 %, accounts 130.0 %, system 30.0 %, remainder -10.0 %; 2 CPUs";
    let more = |now: &mut Reading| now.host.accounts_usec = Some(13_600_000);
    check(&more, &[first, cpu, memory, "(system) 30.0", "(remainder) -10.0"]);
    let unread = |now: &mut Reading| {
        now.host.not_busy_usec = None;
        now.host.memory_available_kib = None;
        now.host.processes = None;
        now.coverage.cpu_ppm = None;
        now.limited = "eBPF is not used: \u{1b}[2J".to_owned();
        let gap = |uid| Gap {
            meter: GapMeter::One(Meter::IoOps),
            uid: Some(uid),
            reason: "permission denied".to_owned(),
        };
        now.gaps = vec![gap(1_001), gap(1_002)];
    };
    check(
        &unread,
        &[
            "tier ebpf, coverage of CPU not known, – processes",
            "CPU: busy –, accounts 110.0 %, system 30.0 %, remainder –; 2 CPUs",
            "memory: – MiB used of 8192.0 MiB",
            "limited: eBPF is not used:  [2J",
            "missing: io_ops: permission denied",
            "(system) 30.0",
            "(remainder) –",
        ],
    );
}

#[test]
fn figures_of_two_sources_are_not_subtracted() {
    let mut follow = Follow::default();
    let mut other = busy(12);
    other.source.map_id += 1;
    assert!(follow.take(busy(10)).is_none());
    assert!(follow.take(other.clone()).is_none());
    other.boottime_ns += 1_000_000_000;
    assert!(follow.take(other).is_some());
}

#[test]
fn plain_text() {
    let mut out = Vec::new();
    let view = view(&busy(10), busy(12));
    text::write(&mut out, &view, "web1", false).unwrap();
    let once = out.len();
    text::write(&mut out, &view, "web1", true).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.get(once..).unwrap(), format!("\n{}", text.get(..once).unwrap()));
    insta::assert_snapshot!(text.get(..once).unwrap());
}

fn press(state: &mut State, keys: &[KeyCode]) {
    for key in keys {
        assert!(state.press(KeyEvent::new(*key, KeyModifiers::NONE)).is_continue(), "{key:?}");
    }
}

fn drawn(state: &mut State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen::draw(frame, state)).unwrap();
    terminal.backend().to_string()
}

fn showing(before: Reading, now: Reading) -> State {
    let mut state = State::new("web1");
    state.take(Ok(before));
    state.take(Ok(now));
    state
}

#[test]
fn screens() {
    let mut state = State::new("web1");
    insta::assert_snapshot!("measuring", drawn(&mut state, 80, 14));
    let mut state = showing(busy(10), busy(12));
    insta::assert_snapshot!("accounts_80", drawn(&mut state, 80, 16));
    insta::assert_snapshot!("accounts_120", drawn(&mut state, 120, 16));
    insta::assert_snapshot!("narrow", drawn(&mut state, 40, 16));
    insta::assert_snapshot!("tiny", drawn(&mut state, 20, 5));
    press(&mut state, &[KeyCode::Char('c'), KeyCode::Char('p')]);
    state.take(Err("/proc: no such file or directory".to_owned()));
    insta::assert_snapshot!("commands_80", drawn(&mut state, 80, 16));
    let mut fallen_back = busy(12);
    fallen_back.limited = "eBPF is not used: the kernel does not take the programs: Operation not permitted \
                           (os error 1)"
        .to_owned();
    let mut state = showing(busy(10), fallen_back);
    insta::assert_snapshot!("limited_80", drawn(&mut state, 80, 16));
}

#[test]
fn no_size_is_too_small() {
    let mut long = busy(12);
    long.limited = "averylongword".repeat(40);
    let mut state = showing(busy(10), long);
    for (width, height) in (0..30).flat_map(|w| (0..20).map(move |h| (w, h))) {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen::draw(frame, &mut state)).unwrap();
        press(&mut state, &[KeyCode::Tab, KeyCode::End]);
    }
}

#[test]
fn no_figure_is_cut() {
    let mut now = busy(12);
    let mut big = account("long-name-of-a-user-of-a-user-namespace", 12, 40);
    big.counters.insert(Meter::CpuUsec, 12_000_000_000);
    now.accounts.insert(4_294_967_294, big);
    insta::assert_snapshot!("wide_figures_80", drawn(&mut showing(busy(10), now), 80, 14));
}

/// The first column of the rows on a screen of 80 × 16.
fn names(state: &mut State) -> Vec<String> {
    let screen = drawn(state, 80, 16);
    let lines = screen.lines().map(|l| l.trim_matches('"'));
    let rows = lines.skip_while(|l| !l.starts_with("ACCOUNT")).skip(1);
    rows.map_while(|l| l.split_whitespace().next().map(str::to_owned))
        .take_while(|n| n != "(system)")
        .collect()
}

#[test]
fn keys_scroll_sort_and_pause() {
    let many = |sec: u64| {
        let mut r = reading(sec);
        for i in 0..30 {
            r.accounts.insert(1_000 + i, account(&format!("u{i:02}"), sec, u64::from(i)));
        }
        r
    };
    let mut state = showing(many(10), many(12));
    let check = |state: &mut State, keys: &[KeyCode], first: &str, last: &str| {
        press(state, keys);
        let names = names(state);
        assert_eq!((names[0].as_str(), names[7].as_str(), names.len()), (first, last, 8), "{keys:?}");
    };
    use KeyCode::{Char, Down, End, Home, PageDown, PageUp, Up};
    check(&mut state, &[], "u29", "u22");
    check(&mut state, &[Up], "u29", "u22");
    check(&mut state, &[Down, Down], "u27", "u20");
    check(&mut state, &[PageDown], "u19", "u12");
    check(&mut state, &[PageUp, Up], "u28", "u21");
    check(&mut state, &[End], "u07", "u00");
    check(&mut state, &[Down], "u07", "u00");
    check(&mut state, &[Up], "u08", "u01");
    check(&mut state, &[Home], "u29", "u22");
    // Through all columns: figures downwards, names and uids upwards.
    let mut seen = Vec::new();
    for _ in 0..11 {
        press(&mut state, &[Char('s')]);
        seen.push(state.sort);
    }
    assert_eq!(seen.last(), Some(&Column::Cpu), "{seen:?}");
    while state.sort != Column::Account {
        press(&mut state, &[Char('s')]);
    }
    check(&mut state, &[], "u00", "u07");
    // What comes meanwhile is kept back, and what is shown then is the newest.
    press(&mut state, &[Char('p')]);
    state.take(Ok(many(13)));
    state.take(Ok(many(18)));
    assert_eq!(state.view().unwrap().over_usec, 2_000_000);
    press(&mut state, &[Char('p')]);
    assert_eq!(state.view().unwrap().over_usec, 5_000_000);
    // A column that the other table has not does not sort it.
    while state.sort != Column::Sessions {
        press(&mut state, &[Char('s')]);
    }
    press(&mut state, &[Char('c')]);
    assert_eq!((state.table, state.sort), (Table::Commands, Column::Cpu));
}

#[test]
fn keys_that_end_it() {
    let check = |code: KeyCode, modifiers: KeyModifiers, kind: KeyEventKind, ends: bool| {
        let key = KeyEvent::new_with_kind(code, modifiers, kind);
        assert_eq!(State::new("web1").press(key).is_break(), ends, "{key:?}");
    };
    check(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Press, true);
    check(KeyCode::Char('c'), KeyModifiers::CONTROL, KeyEventKind::Press, true);
    check(KeyCode::Char('c'), KeyModifiers::NONE, KeyEventKind::Press, false);
    check(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Release, false);
    check(KeyCode::Esc, KeyModifiers::NONE, KeyEventKind::Press, false);
}

#[test]
fn what_is_missing_stands_last() {
    let mut now = busy(12);
    now.accounts.get_mut(&1_001).unwrap().counters.remove(&Meter::CpuUsec);
    let mut state = showing(busy(10), now);
    assert_eq!(names(&mut state), ["blog%20x", "shop"]);
}
