//! Bytes that reached storage, against known sizes: each is credited once, to whom it belongs.

use anyhow::{Context, Result, ensure};
use hostmeter_tests::block::BlockDir;
use hostmeter_tests::bpffs::missing;
use hostmeter_tests::credit::{now_ms, used, wait_until_shipped};
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::{HOST, Settings, Stack};
use hostmeter_tests::talk::Talk;
use hostmeter_tests::users::{Homes, is_root};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

/// Children of one load, and what each writes or reads.
const CHILDREN: u64 = 3;
const EACH: u64 = 8 << 20;
const ALL: u64 = CHILDREN * EACH;
/// File systems write some of their own for each file: so much of a known size may be credited more or less.
const PERCENT: u64 = 1;
/// Two intervals: by then the last of a process is credited.
const LATE_MS: i64 = 600;

/// Agent and collector, and where loads work.
struct Place {
    stack: Stack,
    homes: Homes,
    dir: BlockDir,
    from_ms: i64,
    /// Whether loads live on until they are told to end: polling sees only what lives.
    linger: bool,
}

impl Place {
    /// `None`, and it is said, where this cannot be tested.
    fn new(test: &str, tier: &str) -> Result<Option<Self>> {
        let why = if tier == "ebpf" { missing() } else { (!is_root()).then_some("needs root") };
        let dir = match (why, BlockDir::new()) {
            (None, Ok(dir)) => dir,
            (Some(why), _) => {
                skip(test, why);
                return Ok(None);
            }
            (None, Err(why)) => {
                skip(test, &format!("{why:#}"));
                return Ok(None);
            }
        };
        let agent = format!("[meters]\nkernel = \"{tier}\"\nbpffs = \"none\"\n[meters.disk]\non = false");
        let mut stack = Stack::new(&Settings { interval: "300ms", agent, ..Settings::default() })?;
        let from_ms = now_ms()? - 60_000;
        stack.enroll_and_start()?;
        stack.wait_for_first_batch()?;
        Ok(Some(Self { stack, homes: Homes::new()?, dir, from_ms, linger: tier == "proc" }))
    }

    fn start(&self, uid: u32, operation: &str, file: &str, bytes: u64, more: &[&str]) -> Result<Talk> {
        let mut command = self.homes.command_as_uid(uid, "disker")?;
        command.arg(operation).arg(self.dir.path().join(file)).arg(bytes.to_string()).args(more);
        if self.linger {
            command.arg("--linger");
        }
        Talk::start(&mut command)
    }

    /// A load of several children; returns when their work is done.
    fn family(&self, uid: u32, operation: &str, more: &[&str]) -> Result<Talk> {
        let children = CHILDREN.to_string();
        let file = if operation.starts_with("read") { "given".to_owned() } else { format!("new{uid}") };
        let more = [&["--children", &children], more].concat();
        let mut load = self.start(uid, operation, &file, EACH, &more)?;
        load.expect("done")?;
        Ok(load)
    }

    /// One process; returns when its work is done, with what the kernel counted for it.
    fn single(&self, uid: u32, operation: &str, file: &str, bytes: u64) -> Result<(Talk, [u64; 3])> {
        let mut load = self.start(uid, operation, file, bytes, &[])?;
        let line = load.line()?;
        let words: Vec<u64> = line.split(' ').map(str::parse).collect::<Result<_, _>>().context("figures")?;
        let counted = words.try_into().ok().with_context(|| format!("disker said {line:?}"))?;
        Ok((load, counted))
    }

    /// Files to be read, on storage.
    fn give(&self) -> Result<()> {
        for n in 0..CHILDREN {
            let mut file = std::fs::File::create(self.dir.path().join(format!("given.{n}")))?;
            file.write_all(&vec![7; usize::try_from(EACH)?])?;
            file.sync_all()?;
        }
        Ok(())
    }

    /// Checks what is credited to each uid: (uid, read, written).
    fn check(&self, when: &str, wants: &[(u32, u64, u64)]) -> Result<()> {
        wait_until_shipped(&self.stack.api, HOST, now_ms()? + LATE_MS)?;
        for (meter, is_read) in [("io_read_bytes", true), ("io_write_bytes", false)] {
            let credited = used(&self.stack.api, HOST, self.from_ms, meter)?;
            for (uid, read, written) in wants {
                let want = if is_read { *read } else { *written };
                let got = credited.get(uid).copied().unwrap_or(0);
                // Where nothing is wanted, no more than of the smallest load.
                let bound = want.max(EACH) * PERCENT / 100;
                let say = format!("{when}: {meter} of uid {uid}: {got}, known {want}");
                assert!(got.abs_diff(want) <= bound, "{say}");
            }
        }
        Ok(())
    }
}

/// Each way to storage, by children whose parent has their uid or another one.
fn known_sizes(test: &str, tier: &str, uid: u32) -> Result<()> {
    let Some(place) = Place::new(test, tier)? else { return Ok(()) };
    place.give()?;
    let (child, parent) = ((uid + 4).to_string(), (uid + 5).to_string());
    let apart = ["--child-uid", child.as_str(), "--become-uid", parent.as_str()];
    let mut loads = vec![
        place.family(uid, "write", &[])?,
        place.family(uid + 1, "write-direct", &[])?,
        place.family(uid + 2, "read", &[])?,
        place.family(uid + 3, "read-direct", &[])?,
        place.family(0, "write", &apart)?,
        place.family(0, "read-direct", &apart)?,
    ];
    let wants = [
        (uid, 0, ALL),
        (uid + 1, 0, ALL),
        (uid + 2, ALL, 0),
        (uid + 3, ALL, 0),
        (uid + 4, ALL, ALL),
        (uid + 5, 0, 0),
    ];
    if place.linger {
        place.check("while they live", &wants)?;
        loads.iter_mut().try_for_each(Talk::go_on)?;
    }
    loads.iter_mut().try_for_each(|load| load.expect("reaped"))?;
    // The kernel adds what a child did to what /proc says of its parent.
    place.check("after the children", &wants)?;
    drop(loads);
    place.check("after all", &wants)
}

/// What is cut off before it reached storage, by who wrote it or by another.
fn cut_off(test: &str, tier: &str, uid: u32) -> Result<()> {
    let Some(place) = Place::new(test, tier)? else { return Ok(()) };
    let (own, [_, w1, c1]) = place.single(uid, "write-truncate", "own", ALL)?;
    let (more, [_, w2, c2]) = place.single(uid, "write", "more", 2 * ALL)?;
    ensure!(c1 > ALL / 2 && c2 == 0, "the kernel wrote {w1} and {w2} too early, and cancelled {c1} and {c2}");
    let (theirs, _) = place.single(uid + 1, "write-dirty", "theirs", ALL)?;
    std::fs::set_permissions(place.dir.path().join("theirs"), PermissionsExt::from_mode(0o666))?;
    let (cut, [_, w3, c3]) = place.single(uid + 2, "truncate", "theirs", 0)?;
    ensure!(c3 > ALL / 2, "the kernel wrote too early, and cancelled {c3}");
    let before = [(uid, 0, w1 + w2 - c1), (uid + 1, 0, ALL), (uid + 2, 0, 0)];
    place.check("cut off", &before)?;
    // What was cancelled is made up for by what is written later, and only then something is credited.
    let (after, [_, w4, c4]) = place.single(uid + 2, "write", "after", 2 * ALL)?;
    let net = (w3 + w4).checked_sub(c3 + c4).context("less written than cancelled")?;
    place.check("after more", &[before[0], before[1], (uid + 2, 0, net)])?;
    drop((own, more, theirs, cut, after));
    place.check("after all", &[before[0], before[1], (uid + 2, 0, net)])
}

#[test]
fn ebpf_credits_known_sizes_of_short_processes_once() -> Result<()> {
    known_sizes("ebpf_credits_known_sizes_of_short_processes_once", "ebpf", 41_400)
}

#[test]
fn proc_credits_known_sizes_of_processes_that_it_sees_once() -> Result<()> {
    known_sizes("proc_credits_known_sizes_of_processes_that_it_sees_once", "proc", 41_410)
}

#[test]
fn ebpf_nets_what_is_cut_off_before_it_reached_storage() -> Result<()> {
    cut_off("ebpf_nets_what_is_cut_off_before_it_reached_storage", "ebpf", 41_420)
}

#[test]
fn proc_nets_what_is_cut_off_before_it_reached_storage() -> Result<()> {
    cut_off("proc_nets_what_is_cut_off_before_it_reached_storage", "proc", 41_430)
}
