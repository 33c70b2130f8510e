//! `/proc/PID/stat` and `/proc/PID/task/TID/stat`.

use super::command::Command;
use super::text;
use super::{ProcRoot, Unread};

/// Flag of a kernel thread (`PF_KTHREAD` in the kernel's `include/linux/sched.h`).
const KERNEL_THREAD: u64 = 0x0020_0000;

/// What is used of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Name, any bytes.
    pub command: Command,
    /// Parent.
    pub ppid: u32,
    /// Whether it is a thread of the kernel.
    pub kernel: bool,
    /// Minor page faults since the process began.
    pub minor_faults: u64,
    /// User and system time, clock ticks.
    pub cpu_ticks: u64,
    /// Number of threads.
    pub threads: u64,
    /// Start, clock ticks since boot.
    pub start_ticks: u64,
}

/// Reads the file. The name may hold anything, `) R 0 0` and newlines too, so fields start after the last `)`.
pub fn parse(bytes: &[u8]) -> Result<Stat, &'static str> {
    let open = bytes.iter().position(|b| *b == b'(').ok_or("no '(' before the name")?;
    let close = bytes.iter().rposition(|b| *b == b')').ok_or("no ')' after the name")?;
    let name = bytes.get(open.saturating_add(1)..close).ok_or("')' before '('")?;
    let rest = bytes.get(close.saturating_add(1)..).unwrap_or_default();
    if !rest.ends_with(b"\n") {
        return Err("cut off: no end of line");
    }
    let mut words = text::words(rest);
    // Words are numbered as in proc(5); the state is 3, the parent 4.
    let mut at = 3;
    let mut word = |number: usize| {
        let found = words.nth(number.checked_sub(at)?);
        at = number.checked_add(1)?;
        found.and_then(text::number)
    };
    let fail = "too few fields, or one that is not a number";
    let ppid = word(4).and_then(|n| u32::try_from(n).ok()).ok_or(fail)?;
    let flags = word(9).ok_or(fail)?;
    let minor_faults = word(10).ok_or(fail)?;
    let user = word(14).ok_or(fail)?;
    let system = word(15).ok_or(fail)?;
    let threads = word(20).ok_or(fail)?;
    let start_ticks = word(22).ok_or(fail)?;
    Ok(Stat {
        command: Command::new(name),
        ppid,
        kernel: flags & KERNEL_THREAD != 0,
        minor_faults,
        cpu_ticks: user.saturating_add(system),
        threads,
        start_ticks,
    })
}

/// Reads a process.
pub fn read(root: &mut ProcRoot, pid: u32) -> Result<Stat, Unread> {
    root.parse(format_args!("{pid}/stat"), parse)
}

/// Reads when a thread began, clock ticks since boot.
pub fn thread_start(root: &mut ProcRoot, pid: u32, tid: u32) -> Result<u64, Unread> {
    root.parse(format_args!("{pid}/task/{tid}/stat"), parse).map(|s| s.start_ticks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TAIL: &str = " S 7 1 1 0 -1 4194560 55 0 3 0 12 34 1 2 20 0 3 0 4711 1000 20 184467 1 1 0\n";

    #[test]
    fn names_may_hold_anything() {
        let check = |name: &str, want: &str| {
            let got = parse(format!("42 ({name}){TAIL}").as_bytes()).unwrap();
            assert_eq!(got.command.as_bytes(), want.as_bytes());
            assert_eq!((got.ppid, got.kernel, got.minor_faults), (7, false, 55));
            assert_eq!((got.cpu_ticks, got.threads, got.start_ticks), (46, 3, 4711));
        };
        check("php", "php");
        check("", "");
        check("a) R 0 0", "a) R 0 0");
        check(") (\n) R 0 0 (", ") (\n) R 0 0 (");
        check("1\n2 (x) S 9\n", "1\n2 (x) S 9\n");
    }

    #[test]
    fn what_is_not_a_stat_is_refused() {
        let check = |text: &str, want: &str| assert_eq!(parse(text.as_bytes()), Err(fixed(want)), "{text:?}");
        check("", "no '(' before the name");
        check("42 (php", "no ')' after the name");
        check("42 )php(", "')' before '('");
        check("42 (php) S 1 2 3\n", "too few fields, or one that is not a number");
        check(&format!("42 (php){}", TAIL.trim_end()), "cut off: no end of line");
        check(
            &format!("42 (php){}", TAIL.replace("4711", "47x1")),
            "too few fields, or one that is not a number",
        );
        check(
            &format!("42 (php){}", TAIL.replace(" S 7", " S -7")),
            "too few fields, or one that is not a number",
        );
    }

    fn fixed(text: &str) -> &'static str {
        Box::leak(text.to_owned().into_boxed_str())
    }

    #[test]
    fn own_stat_agrees_with_another_reader() {
        let mut root = ProcRoot::open("/proc".as_ref()).unwrap();
        let ours = read(&mut root, std::process::id()).unwrap();
        let theirs = procfs::process::Process::myself().unwrap().stat().unwrap();
        assert_eq!(ours.command.as_bytes(), theirs.comm.as_bytes());
        assert_eq!(ours.start_ticks, theirs.starttime);
        assert_eq!(i64::from(ours.ppid), i64::from(theirs.ppid));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn any_name_is_kept(name in proptest::collection::vec(any::<u8>(), 0..16)) {
            let mut line = b"42 (".to_vec();
            line.extend(&name);
            line.extend(b")");
            line.extend(TAIL.as_bytes());
            let got = parse(&line).unwrap();
            prop_assert_eq!(got.command, Command::new(&name));
            prop_assert_eq!(got.start_ticks, 4711);
        }
    }
}
