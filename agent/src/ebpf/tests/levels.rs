//! What holds between sweeps of what sleeps: processes, memory and sessions of those that no sweep looks at.

use super::*;

/// Set in a child that is this test once more.
const ROLE: &str = "HOSTMETER_TEST_EXEC";

fn processes(sampler: &mut KernelSampler, uid: u32) -> i64 {
    // The gauge is an average from one sweep to the next.
    sampler.sweep(false).unwrap();
    pause(Duration::from_millis(50));
    let reading = sampler.sweep(false).unwrap();
    account(&reading, uid).gauges.get(&Meter::Processes).copied().unwrap_or_default()
}

#[test]
fn what_sleeps_stays_and_what_ends_is_gone() {
    let uid = 3_221;
    let Some(mut sampler) = sampler("what_sleeps_stays", &[uid], None) else { return };
    sampler.sweep(false).unwrap();
    let script = "x=$(head -c 20000000 /dev/zero | tr '\\0' a); echo here; read y";
    let children: Vec<Waiting> = (0..3).map(|_| Waiting::start(uid, script)).collect();
    sampler.sweep(false).unwrap();
    // This one walks, as an account was met.
    sampler.sweep(false).unwrap();
    assert_eq!(processes(&mut sampler, uid), 3);
    let from = sampler.sweep(false).unwrap();
    pause(Duration::from_millis(1_000));
    let to = sampler.sweep(false).unwrap();
    let pss_kib: u64 = children.iter().map(pss_kib).sum();
    let memory = |reading: &Reading| counter(reading, uid, Meter::MemoryKibSec);
    let used = memory(&to) - memory(&from);
    let want = pss_kib * (to.boottime_ns - from.boottime_ns) / 1_000_000_000;
    assert!(pss_kib > 57_000 && used.abs_diff(want) < want / 20, "{used} KiB·s, and the truth is {want}");
    drop(children);
    sampler.sweep(false).unwrap();
    let from = sampler.sweep(false).unwrap();
    assert_eq!(processes(&mut sampler, uid), 0);
    let to = sampler.sweep(true).unwrap();
    assert_eq!(memory(&to), memory(&from), "nobody is there");
    assert!(!account(&to, uid).alive);
}

/// In the child: waits to be told, then has a thread that is not the first become a shell. Tests are such threads.
fn replace_first_thread() {
    let mut out = std::io::stdout();
    writeln!(out, "here").unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let why = Command::new("/bin/sh").args(["-c", "echo there; read y"]).exec();
    panic!("{why}");
}

#[test]
fn a_process_whose_first_thread_is_replaced_is_one_process() {
    if std::env::var_os(ROLE).is_some() {
        return replace_first_thread();
    }
    let (test, uid) = ("a_process_whose_first_thread_is_replaced", 3_222);
    let Some(mut sampler) = sampler(test, &[uid], None) else { return };
    // Other users may not enter the build's folder.
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let copy = dir.path().join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let name = "ebpf::tests::levels::a_process_whose_first_thread_is_replaced_is_one_process";
    let mut command = Command::new(copy);
    command.args(["--exact", name, "--nocapture"]).env(ROLE, "1").current_dir("/").uid(uid).gid(uid);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut child = Waiting(child, out);
    child.lines_until("here");
    sampler.sweep(false).unwrap();
    sampler.sweep(false).unwrap();
    assert_eq!(processes(&mut sampler, uid), 1);
    child.go();
    child.lines_until("there");
    assert_eq!(processes(&mut sampler, uid), 1, "the first thread is gone, and another is in its place");
    drop(child);
    assert_eq!(processes(&mut sampler, uid), 0);
}

#[test]
fn a_session_that_sleeps_is_open_until_it_ends() {
    let uid = 3_223;
    let Some(mut sampler) = sampler("a_session_that_sleeps", &[uid], None) else { return };
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let sshd = dir.path().join("sshd");
    std::fs::copy("/bin/sh", &sshd).unwrap();
    let sshd = sshd.display();
    let session =
        format!("setpriv --reuid {uid} --clear-groups {sshd} -c \"echo here; read x\"; echo over; read y");
    let mut server = Waiting::start(0, &format!("exec {sshd} -c '{session}'"));
    let open = |reading: &Reading| account(reading, uid).gauges.get(&Meter::Sessions).copied();
    sampler.sweep(false).unwrap();
    sampler.sweep(false).unwrap();
    let from = sampler.sweep(false).unwrap();
    pause(Duration::from_millis(2_100));
    let to = sampler.sweep(false).unwrap();
    assert_eq!((open(&from), open(&to)), (Some(1), Some(1)));
    let sec = |reading: &Reading| counter(reading, uid, Meter::SessionSec);
    assert!((2..=3).contains(&(sec(&to) - sec(&from))), "{} s of 2.1", sec(&to) - sec(&from));
    server.go();
    server.lines_until("over");
    assert_eq!(open(&sampler.sweep(false).unwrap()), Some(0));
}

/// Processes of a command in a list.
fn listed(reading: &Reading, uid: u32, command: &str) -> i64 {
    let list = reading.top.get(&uid).map(Vec::as_slice).unwrap_or_default();
    list.iter().find(|row| row.command == command).map_or(0, |row| row.processes)
}

#[test]
fn a_command_has_the_processes_that_bear_its_name_now() {
    let uid = 3_224;
    let Some(mut sampler) = sampler("a_command_has_the_processes", &[uid], None) else { return };
    sampler.sweep(false).unwrap();
    let mut children: Vec<Waiting> =
        (0..3).map(|_| Waiting::start(uid, "echo here; read x; exec sleep 100")).collect();
    sampler.sweep(false).unwrap();
    let list = sampler.sweep(true).unwrap();
    assert_eq!((listed(&list, uid, "sh"), listed(&list, uid, "sleep")), (3, 0), "{:?}", list.top);
    children[0].go();
    pause(Duration::from_millis(200));
    let list = sampler.sweep(true).unwrap();
    assert_eq!((listed(&list, uid, "sh"), listed(&list, uid, "sleep")), (2, 1), "{:?}", list.top);
    let of = |command: &str| list.top[&uid].iter().find(|row| row.command == command).unwrap().clone();
    // The last steps to its sleep may come after the list before.
    assert!(of("sh").cpu_usec < 100, "it sleeps: {:?}", list.top);
    children.remove(0);
    children[0].go();
    pause(Duration::from_millis(200));
    let list = sampler.sweep(true).unwrap();
    assert_eq!((listed(&list, uid, "sh"), listed(&list, uid, "sleep")), (1, 1), "{:?}", list.top);
    drop(children);
    run(uid, BURN);
    let list = sampler.sweep(true).unwrap();
    assert_eq!((listed(&list, uid, "sh"), listed(&list, uid, "sleep")), (0, 0), "{:?}", list.top);
    assert!(list.top[&uid][0].cpu_usec > 0, "a name without a process goes on: {:?}", list.top);
}

#[test]
fn memory_that_is_given_back_is_not_billed_on() {
    let uid = 3_225;
    let Some(mut sampler) = sampler("memory_that_is_given_back", &[uid], None) else { return };
    let script = "x=$(head -c 40000000 /dev/zero | tr '\\0' a); echo here; read y; x=; echo there; read z";
    let mut child = Waiting::start(uid, script);
    sampler.sweep(false).unwrap();
    sampler.sweep(false).unwrap();
    child.go();
    child.line();
    let from = sampler.sweep(false).unwrap();
    pause(Duration::from_millis(1_000));
    let to = sampler.sweep(false).unwrap();
    let used = counter(&to, uid, Meter::MemoryKibSec) - counter(&from, uid, Meter::MemoryKibSec);
    let want = pss_kib(&child) * (to.boottime_ns - from.boottime_ns) / 1_000_000_000;
    assert!(want < 4_000 && used <= want + 1_000, "{used} KiB·s, and the truth is {want}");
}
