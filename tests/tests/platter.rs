//! What was said to be durable is there after a power cut, on a disk that keeps nothing but what was synced.

use anyhow::{Context, Result, ensure};
use hostmeter_agent::batch::{Place, Sealer};
use hostmeter_agent::epoch::{self, Grant};
use hostmeter_agent::executor::files;
use hostmeter_agent::limits::SPOOL_MIN_BYTES;
use hostmeter_agent::rotation::{self, Step};
use hostmeter_agent::spool::{Findings, Spool, Tail};
use hostmeter_agent::state::{Enrolment, StateDir, write_durable};
use hostmeter_collector::backup::{self, Manifest, Options};
use hostmeter_collector::config::Config;
use hostmeter_collector::db::{Connection, Db, DbError, Transaction, replay};
use hostmeter_collector::init::init;
use hostmeter_collector::keys::Keys;
use hostmeter_core::ids::{BootId, HostName};
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::key::{PublicKey, SigningKey};
use hostmeter_tests::platter::Platter;
use hostmeter_tests::power::{EPOCH, HOST, group};
use std::path::{Path, PathBuf};

const BOOT: BootId = BootId([3; 16]);
const NOW_MS: i64 = 1_795_255_200_000;

/// A disk, and room for what power cuts leave of it.
struct Bed {
    dir: tempfile::TempDir,
    platter: Platter,
    left: Option<tempfile::TempDir>,
}

impl Bed {
    fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        std::fs::create_dir(dir.path().join("disk"))?;
        let platter = Platter::new(&dir.path().join("disk"))?;
        Ok(Self { dir, platter, left: None })
    }

    fn disk(&self) -> PathBuf {
        self.dir.path().join("disk")
    }

    /// What a power cut at this moment leaves. What the cut before left is gone.
    fn cut(&mut self) -> Result<PathBuf> {
        ensure!(self.platter.syncs() > 0, "nothing was ever synced, or it was not heard");
        let left = tempfile::tempdir()?;
        self.platter.cut(left.path())?;
        Ok(self.left.insert(left).path().to_owned())
    }
}

fn open(dir: &Path) -> Result<(Spool, Findings)> {
    Ok(Spool::open(dir, HOST, EPOCH, SPOOL_MIN_BYTES)?)
}

fn append(spool: &mut Spool) -> Result<()> {
    let envelopes = group(spool.tail().seq, spool.tail().hash)?;
    let to_ms = i64::try_from(spool.tail().seq)?;
    Ok(spool.append(&envelopes, to_ms, None, false)?)
}

fn numbers(spool: &Spool) -> Result<Vec<u64>> {
    let (mut reader, mut out) = (spool.reader(), Vec::new());
    while let Some(entry) = reader.read_next()? {
        out.push(entry.seq);
    }
    Ok(out)
}

#[test]
fn a_batch_that_was_appended_is_there() -> Result<()> {
    let mut bed = Bed::new()?;
    let dir = bed.disk().join("state/spool");
    let (mut spool, _) = open(&dir)?;
    while numbers(&spool)?.len() < 12 {
        append(&mut spool)?;
        let (again, findings) = open(&bed.cut()?.join("state/spool"))?;
        assert_eq!(numbers(&again)?, numbers(&spool)?);
        assert_eq!((again.tail().hash, findings), (spool.tail().hash, Findings::default()));
    }
    let segments = std::fs::read_dir(&dir)?.count();
    ensure!(segments > 1, "one segment only: the second one's name is tested, too");
    Ok(())
}

#[test]
fn what_was_set_aside_leaves_the_good_records() -> Result<()> {
    let mut bed = Bed::new()?;
    let dir = bed.disk().join("spool");
    let (mut spool, _) = open(&dir)?;
    while numbers(&spool)?.len() < 4 {
        append(&mut spool)?;
    }
    let all = numbers(&spool)?;
    drop(spool);
    let segment = std::fs::read_dir(&dir)?.next().context("a segment")??.path();
    let mut bytes = std::fs::read(&segment)?;
    // Within the second record, behind its length and checksum.
    let second = 8 + usize::try_from(u32::from_be_bytes(bytes[..4].try_into()?))?;
    bytes[second + 100] ^= 1;
    std::fs::write(&segment, bytes)?;
    std::fs::File::open(&segment)?.sync_all()?;
    let (mut spool, findings) = open(&dir)?;
    assert_eq!(findings.damaged.len(), 1);
    let good = numbers(&spool)?;
    assert_eq!(good.len(), all.len() - 1);
    let (again, findings) = open(&bed.cut()?.join("spool"))?;
    assert_eq!((numbers(&again)?, findings.damaged.len()), (good, 0), "before anything is appended");
    append(&mut spool)?;
    let (again, findings) = open(&bed.cut()?.join("spool"))?;
    assert_eq!((numbers(&again)?, findings.damaged.len()), (numbers(&spool)?, 0), "after it");
    Ok(())
}

#[test]
fn a_state_file_that_was_written_is_there() -> Result<()> {
    let mut bed = Bed::new()?;
    let path = bed.disk().join("state.json");
    for n in 0..3_u8 {
        write_durable(&path, &[n; 300])?;
        assert_eq!(std::fs::read(bed.cut()?.join("state.json"))?, [n; 300]);
    }
    Ok(())
}

#[test]
fn a_record_of_the_executor_that_was_written_is_there() -> Result<()> {
    let mut bed = Bed::new()?;
    let path = bed.disk().join("1001.json");
    for n in 0..3_u64 {
        files::write_json(&path, &vec![n; 30])?;
        let held: Option<Vec<u64>> = files::read_json(&bed.cut()?.join("1001.json"))?;
        assert_eq!(held, Some(vec![n; 30]));
    }
    Ok(())
}

#[test]
fn a_key_that_took_its_place_keeps_it() -> Result<()> {
    let mut bed = Bed::new()?;
    let state = StateDir::open(&bed.disk().join("state"))?;
    state.key_to_enrol(false)?;
    let next = state.key_to_enrol(true)?.public();
    state.promote_key()?;
    let again = StateDir::open(&bed.cut()?.join("state"))?;
    assert_eq!(again.key()?.context("key")?.public(), next);
    Ok(())
}

fn public(seed: u8) -> Result<PublicKey> {
    Ok(SigningKey::from_seed(&[seed; 32])?.public())
}

/// The start of a host that registered the key `new` in place of `old`, and that seals with `has`.
fn rotate(bed: &Bed, old: u8, new: u8, has: u8) -> Result<()> {
    let state = StateDir::open(&bed.disk().join("state"))?;
    let dir = state.path();
    for (name, seed) in [("host.key", has), ("host.key.rotate", new)] {
        write_durable(&dir.join(name), &[seed; 32])?;
    }
    rotation::keep(dir, HOST, Step::Registered { old_key: public(old)?, new_key: public(new)? })?;
    let key = state.key()?.context("key")?;
    rotation::settle(&state, &enrolment()?, key, &Tail::default())?;
    Ok(())
}

#[test]
fn a_key_that_was_rotated_keeps_its_place() -> Result<()> {
    let mut bed = Bed::new()?;
    rotate(&bed, 3, 4, 3)?;
    let left = bed.cut()?.join("state");
    assert_eq!(StateDir::open(&left)?.key()?.context("key")?.public(), public(4)?);
    assert!(left.join("host.key.replaced").exists() && !left.join("host.key.rotate").exists());
    Ok(())
}

#[test]
fn a_new_key_that_was_dropped_does_not_come_back() -> Result<()> {
    let mut bed = Bed::new()?;
    rotate(&bed, 3, 4, 5)?;
    let left = bed.cut()?.join("state");
    assert_eq!(StateDir::open(&left)?.key()?.context("key")?.public(), public(5)?);
    assert!(!left.join("host.key.rotate").exists());
    Ok(())
}

#[test]
fn a_spool_that_was_set_aside_stays_aside() -> Result<()> {
    let mut bed = Bed::new()?;
    let state = StateDir::open(&bed.disk())?;
    append(&mut open(&state.spool())?.0)?;
    // Its name is on the disk.
    std::fs::File::open(bed.disk())?.sync_all()?;
    let aside = state.set_spool_aside(HOST, EPOCH)?.context("a spool")?;
    let left = bed.cut()?;
    assert!(!left.join("spool").exists() && left.join(aside.file_name().context("name")?).is_dir());
    Ok(())
}

fn enrolment() -> Result<Enrolment> {
    Ok(Enrolment {
        v: VERSION,
        host_id: HOST,
        name: HostName::parse("web1")?,
        epoch: EPOCH,
        identity_key: PublicKey([1; 32]),
        command_key: PublicKey([1; 32]),
        url: "http://127.0.0.1:1".to_owned(),
    })
}

#[test]
fn a_granted_epoch_is_kept_and_begun_once() -> Result<()> {
    let mut bed = Bed::new()?;
    let state = StateDir::open(&bed.disk().join("state"))?;
    let key = state.key_to_enrol(false)?;
    state.save_enrolment(&enrolment()?)?;
    let (mut spool, _) = open(&state.spool())?;
    let sealer = Sealer { host: HOST, epoch: EPOCH, key, boot: BOOT };
    for n in 1..4 {
        let place = Place { seq: spool.tail().seq, hash: spool.tail().hash, wall_ns: 1, boottime_ns: 1 };
        // Of another version: sealed again as it is.
        let sealed = sealer.seal_payloads(place, &[format!("batch {n}").into_bytes()])?;
        spool.append(&sealed, n, None, false)?;
    }
    drop(spool);
    let new = EPOCH + 1;
    let grant = Grant { host_id: HOST, old_epoch: EPOCH, epoch: new, stored_seq: 1, watermark_ms: None };
    epoch::keep(state.path(), &grant)?;
    let begun = |state: &StateDir| -> Result<Vec<u64>> {
        let enrolment = state.enrolment()?.context("enrolment")?;
        let (enrolment, _) =
            epoch::settle(state, enrolment, BOOT, SPOOL_MIN_BYTES, hostmeter_agent::os::now()?)?;
        ensure!(enrolment.epoch == new, "epoch {}", enrolment.epoch);
        let (spool, findings) = Spool::open(&state.spool(), HOST, new, SPOOL_MIN_BYTES)?;
        ensure!(findings == Findings::default(), "{findings:?}");
        numbers(&spool)
    };
    assert_eq!(begun(&StateDir::open(&bed.cut()?.join("state"))?)?, [1, 2], "granted");
    assert_eq!(begun(&state)?, [1, 2]);
    assert_eq!(begun(&StateDir::open(&bed.cut()?.join("state"))?)?, [1, 2], "begun");
    Ok(())
}

/// A collector's data directory with its journal beside it, on the disk.
fn collector(bed: &Bed) -> Result<Config> {
    let mut config = Config::parse("collector.toml", "listen = \"127.0.0.1:0\"")?;
    config.data_dir = bed.disk().join("data");
    config.journal_dir = Some(bed.disk().join("journal"));
    init(&config, NOW_MS)?;
    Ok(config)
}

fn customers(conn: &Connection) -> Result<i64, DbError> {
    Ok(conn.query_row("SELECT count(*) FROM customer", [], |r| r.get(0))?)
}

fn add_customer(db: &Db, n: i64) -> Result<(), DbError> {
    db.write_blocking(move |tx: &Transaction<'_>| -> Result<(), DbError> {
        let sql = "INSERT INTO customer (id, name, title, made_ms) VALUES (?1, 'c-' || ?1, '', 0)";
        tx.execute(sql, [n]).map_err(DbError::from).map(drop)
    })
}

#[test]
fn a_write_that_was_answered_is_in_control_db() -> Result<()> {
    let mut bed = Bed::new()?;
    let config = collector(&bed)?;
    let journal = config.journal_dir.as_deref();
    let db = Db::open_with(&config.control_db(), journal)?;
    for n in 0..6 {
        // Before the first one, only the journal's new segment is there.
        if n > 0 {
            add_customer(&db, n)?;
        }
        let left = bed.cut()?;
        let again = Db::open_with(&left.join("data/control.db"), Some(&left.join("journal")))?;
        assert_eq!(again.read_blocking(customers)?, n);
    }
    Ok(())
}

#[test]
fn a_write_that_was_answered_is_in_the_journal() -> Result<()> {
    let mut bed = Bed::new()?;
    let config = collector(&bed)?;
    let old = bed.dir.path().join("old.db");
    std::fs::copy(config.control_db(), &old)?;
    // The next segment is begun while the disk is watched.
    let journal = config.journal_dir.clone().context("journal")?;
    let db = Db::open_with(&config.control_db(), Some(&journal))?;
    for n in 1..6 {
        add_customer(&db, n)?;
        // Only the journal is left.
        let left = bed.cut()?;
        let copy = left.join("old.db");
        std::fs::copy(&old, &copy)?;
        let mut conn = Connection::open(&copy)?;
        let done = replay::replay(&mut conn, &left.join("journal"), false)?;
        assert_eq!((customers(&conn)?, done.records), (n, u64::try_from(n)?));
    }
    Ok(())
}

#[test]
fn keys_that_were_made_are_there() -> Result<()> {
    let mut bed = Bed::new()?;
    let keys = Keys::make(&bed.disk())?;
    let again = Keys::load(&bed.cut()?)?;
    assert_eq!(again.identity.public(), keys.identity.public());
    Ok(())
}

#[test]
fn a_backup_that_was_made_and_what_was_restored_is_there() -> Result<()> {
    let mut bed = Bed::new()?;
    let config = collector(&bed)?;
    let db = Db::open_with(&config.control_db(), config.journal_dir.as_deref())?;
    add_customer(&db, 1)?;
    let made = backup::make(&config, None, &bed.disk().join("backups"), NOW_MS)?;
    let left = bed.cut()?;
    let name = made.path.file_name().context("name")?;
    assert_eq!(Manifest::check(&left.join("backups").join(name))?, made.manifest);
    // What only the journal holds.
    add_customer(&db, 2)?;
    drop(db);
    let options = Options { from: made.path, journal: config.journal_dir, ..Options::default() };
    backup::restore(&options, &bed.disk().join("restored"))?;
    let left = bed.cut()?;
    let again = Db::open_with(&left.join("restored/control.db"), Some(&left.join("journal")))?;
    assert_eq!(again.read_blocking(customers)?, 2);
    Keys::load(&left.join("restored"))?;
    Ok(())
}
