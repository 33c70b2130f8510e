//! Shipping against a small collector on the loopback device that verifies, keeps a chain and acknowledges.

use super::*;
use crate::http::{Base, Client, TlsFiles};
use crate::limits::SPOOL_MIN_BYTES;
use crate::machine::Real;
use crate::spool::Spool;
use hostmeter_core::ids::{BootId, HostId, HostName};
use hostmeter_core::ingest::{Chain, GapVerdict, Verdict as Decision, decide, decide_gap};
use hostmeter_core::limits::{EPOCH_SILENT_MS, RESUME_HELD_MAX};
use hostmeter_core::resume::{self, Known};
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::envelope::{Domain, Header, Stamp, open, seal};
use hostmeter_core::wire::gap::Lost;
use hostmeter_core::wire::key::{Hash, SigningKey};
use hostmeter_core::wire::resume::{Resume, Resumed};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::collections::{BTreeMap, VecDeque};
use tokio::net::TcpListener;

const HOST: HostId = HostId([1; 16]);

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32]).unwrap()
}

/// What the collector does with the next request in place of the right thing.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    /// Answers this status and body, and asks for so many seconds.
    Says(u16, &'static str, Option<&'static str>),
    /// Stores, but the answer is lost.
    LosesAnswer,
    /// Stores, but a stranger signs.
    StrangerSigns,
    /// Stores, but acknowledges an earlier number.
    AcksLess,
}

mod rotating;

/// The time that the collector tells whoever asks without it.
const TOLD_MS: i64 = 77;

struct Collector {
    stored: BTreeMap<u64, Header>,
    mishaps: VecDeque<Mishap>,
    seen: Vec<u64>,
    /// Where the chain goes on after a gap: its last number, and the next one's `prev`.
    filled: Option<(u64, [u8; 32])>,
    /// What was said to be lost.
    lost: Vec<(u64, u64)>,
    /// How long the host is silent.
    silent_ms: i64,
    /// What was sent for a new key.
    rotations: Vec<Vec<u8>>,
}

impl Collector {
    fn chain(&self) -> Chain {
        let last = self.stored.last_key_value().map_or((0, [0; 32]), |(s, h)| (*s, h.hash));
        let (high_seq, high_hash) = last.max(self.filled.unwrap_or_default());
        Chain { epoch: 1, high_seq, high_hash, state: HostState::Live }
    }

    fn resume(&self, body: &[u8]) -> (u16, Vec<u8>) {
        let (header, payload) = open(body, Domain::Resume, &key(2).public()).expect("a question of the host");
        let asked = Resume::decode(&payload).unwrap();
        let is_fresh = asked.at_ms == Some(TOLD_MS);
        let known = Known { spoke_ms: 0, behind_ms: None, now_ms: self.silent_ms, granted: None, is_fresh };
        let stored = |seq| self.stored.get(&seq).map(|h| h.hash);
        let (epoch, stored_seq) =
            match resume::decide(&self.chain(), &known, header.stamp.epoch, &asked, stored) {
                resume::Verdict::GoOn { stored_seq } => (1, stored_seq),
                resume::Verdict::Grant { stored_seq } => (2, stored_seq),
                resume::Verdict::Stale => {
                    return (409, format!("{{\"code\":\"stale\",\"collector_ms\":{TOLD_MS}}}").into_bytes());
                }
                resume::Verdict::Older => return (409, b"{\"code\":\"older\"}".to_vec()),
                resume::Verdict::Wait(_) => {
                    return (409, b"{\"code\":\"wait\",\"wait_ms\":1,\"detail\":\"older state\"}".to_vec());
                }
                _ => return (409, b"{\"code\":\"fork\",\"detail\":\"two copies\"}".to_vec()),
            };
        let resumed = Resumed {
            v: VERSION,
            epoch,
            stored_seq,
            watermark_ms: Some(9),
            state: HostState::Live,
            collector_ms: os::now().unwrap().wall_ms(),
            request_hash: Hash(header.hash),
        };
        (200, seal(&stamp(Domain::Resume, epoch, stored_seq), &resumed.encode().unwrap(), &key(3)).unwrap())
    }

    fn lose(&mut self, body: &[u8]) -> Vec<u8> {
        let (header, payload) = open(body, Domain::Gap, &key(2).public()).expect("a gap of the host");
        let lost = Lost::decode(&payload).unwrap();
        assert_eq!(decide_gap(&self.chain(), 1, (lost.from_seq, lost.to_seq)), GapVerdict::Fill);
        self.filled = Some((lost.to_seq, lost.next_prev.0));
        self.lost.push((lost.from_seq, lost.to_seq));
        self.acknowledge(&header, 0, &key(3))
    }

    /// Status, body and Retry-After; `None`: the connection is closed without an answer.
    fn answer(&mut self, body: &[u8]) -> Option<(u16, Vec<u8>, Option<&'static str>)> {
        let (header, _) = open(body, Domain::Batch, &key(2).public()).expect("a batch of the host");
        self.seen.push(header.stamp.seq);
        let mishap = self.mishaps.pop_front();
        if let Some(Mishap::Says(status, body, retry)) = mishap {
            return Some((status, body.into(), retry));
        }
        let known = self.stored.get(&header.stamp.seq).map(|h| h.hash);
        match decide(&self.chain(), &header, known) {
            Decision::Store { .. } => drop(self.stored.insert(header.stamp.seq, header)),
            Decision::AckAgain => {}
            Decision::Want(n) => {
                return Some((409, format!("{{\"code\":\"want\",\"want\":{n}}}").into(), None));
            }
            Decision::Fork => return Some((409, b"{\"code\":\"fork\",\"detail\":\"two\"}".to_vec(), None)),
            Decision::Resume => return Some((409, b"{\"code\":\"resume\"}".to_vec(), None)),
        }
        let less = u64::from(matches!(mishap, Some(Mishap::AcksLess)));
        let signer = if matches!(mishap, Some(Mishap::StrangerSigns)) { key(9) } else { key(3) };
        let sealed = self.acknowledge(&header, less, &signer);
        (!matches!(mishap, Some(Mishap::LosesAnswer))).then_some((200, sealed, None))
    }

    fn acknowledge(&self, header: &Header, less: u64, signer: &SigningKey) -> Vec<u8> {
        let chain = self.chain();
        let ack = Ack {
            v: VERSION,
            durable_seq: chain.high_seq - less,
            durable_hash: Hash(chain.high_hash),
            archived_seq: chain.high_seq,
            collector_ms: os::now().unwrap().wall_ms(),
            request_hash: Hash(header.hash),
            state: chain.state,
        };
        seal(&stamp(Domain::Ack, 1, ack.durable_seq), &ack.encode().unwrap(), signer).unwrap()
    }
}

fn stamp(domain: Domain, epoch: u64, seq: u64) -> Stamp {
    let boot = BootId([0; 16]);
    Stamp { domain, host: HOST, epoch, seq, prev: [0; 32], boot, wall_ns: 0, boottime_ns: 0 }
}

async fn serve(listener: TcpListener, collector: Arc<Mutex<Collector>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let collector = Arc::clone(&collector);
        let service = service_fn(move |request: Request<Incoming>| {
            let collector = Arc::clone(&collector);
            async move {
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let answer = match path.as_str() {
                    "/v1/batches" => lock(&collector).answer(&body),
                    "/v1/gaps" => Some((200, lock(&collector).lose(&body), None)),
                    "/v1/resume" => {
                        let (status, body) = lock(&collector).resume(&body);
                        Some((status, body, None))
                    }
                    "/v1/keys" => lock(&collector).rotate(&body),
                    other => panic!("{other}"),
                };
                let Some((status, body, retry)) = answer else { return Err("lost") };
                let mut response = Response::builder().status(status);
                if let Some(retry) = retry {
                    response = response.header("retry-after", retry);
                }
                Ok(response.body(Full::new(Bytes::from(body))).unwrap())
            }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

fn add(spool: &mut Spool, count: u64) {
    for _ in 0..count {
        let tail = spool.tail();
        let (domain, host, boot) = (Domain::Batch, HOST, BootId([4; 16]));
        let (seq, prev) = (tail.seq + 1, tail.hash);
        let stamp = Stamp { domain, host, epoch: 1, seq, prev, boot, wall_ns: 1, boottime_ns: 1 };
        let envelope = seal(&stamp, format!("{{\"n\":{seq}}}").as_bytes(), &key(2)).unwrap();
        spool.append(&[envelope], i64::try_from(seq).unwrap(), None, false).unwrap();
    }
}

struct Bench {
    dir: tempfile::TempDir,
    spool: Spool,
    collector: Arc<Mutex<Collector>>,
    link: Arc<Link>,
    wake: watch::Sender<Wake>,
    acked: watch::Receiver<u64>,
    running: Option<Shipper>,
}

/// A spool with `held` batches, of which the collector has `stored` already.
async fn bench(held: u64, stored: u64, mishaps: &[Mishap]) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, _) = Spool::open(dir.path(), HOST, 1, 64 * SPOOL_MIN_BYTES).unwrap();
    add(&mut spool, held);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut first = Collector {
        stored: BTreeMap::new(),
        mishaps: VecDeque::new(),
        seen: Vec::new(),
        filled: None,
        lost: Vec::new(),
        silent_ms: 0,
        rotations: Vec::new(),
    };
    let mut reader = spool.reader();
    for _ in 0..stored {
        first.answer(&reader.read_next().unwrap().unwrap().envelope);
    }
    first.seen.clear();
    first.mishaps = mishaps.iter().copied().collect();
    let collector = Arc::new(Mutex::new(first));
    tokio::spawn(serve(listener, Arc::clone(&collector)));
    let enrolment = Enrolment {
        v: VERSION,
        host_id: HOST,
        name: HostName::parse("web1").unwrap(),
        epoch: 1,
        identity_key: key(3).public(),
        command_key: key(3).public(),
        url: url.clone(),
    };
    let now = os::now().unwrap();
    let clock = Clock::start(None, BootId([4; 16]), now.wall_ms(), now.boottime_ms());
    let link = Arc::new(Link {
        machine: Arc::new(Real(Client::new(Base::parse(&url).unwrap(), &TlsFiles::default()).unwrap())),
        enrolment,
        sealer: Arc::new(Sealer { host: HOST, epoch: 1, key: key(2), boot: BootId([4; 16]) }),
        clock: Arc::new(Mutex::new(clock)),
        report: Arc::default(),
        backoff_ms: (1, 3),
        state_dir: dir.path().to_owned(),
    });
    let (wake, wake_out) = watch::channel(Wake::default());
    let (acked_in, acked) = watch::channel(0);
    let shipper =
        Shipper::new(Arc::clone(&link), spool.reader(), wake_out, acked_in, Duration::from_millis(1));
    Bench { dir, spool, collector, link, wake, acked, running: Some(shipper) }
}

impl Bench {
    /// Starts shipping and waits until this number is durable.
    async fn until(&mut self, seq: u64) {
        if let Some(shipper) = self.running.take() {
            tokio::spawn(shipper.run());
        }
        let done = tokio::time::timeout(Duration::from_secs(20), self.acked.wait_for(|s| *s >= seq)).await;
        assert!(matches!(done, Ok(Ok(_))), "not shipped: {:?}", lock(&self.link.report));
    }

    fn seen(&self) -> Vec<u64> {
        lock(&self.collector).seen.clone()
    }
}

async fn check(held: u64, stored: u64, mishaps: &[Mishap], want: &[u64]) {
    let mut bench = bench(held, stored, mishaps).await;
    bench.until(held).await;
    assert_eq!(bench.seen(), want, "{mishaps:?}");
    assert_eq!(lock(&bench.collector).stored.len(), usize::try_from(held).unwrap());
    assert_eq!(bench.spool.usage().unacked_bytes, 0);
    let report = lock(&bench.link.report).clone();
    assert_eq!(
        (report.durable_seq, report.error.as_str(), report.state),
        (Some(held), "", Some(HostState::Live))
    );
    // What comes later is shipped too.
    add(&mut bench.spool, 1);
    bench.wake.send_replace(Wake { seq: held + 1, is_urgent: false });
    bench.until(held + 1).await;
}

#[tokio::test]
async fn everything_arrives_once_and_in_order() {
    use Mishap::{AcksLess, LosesAnswer, Says, StrangerSigns};
    check(3, 0, &[], &[1, 2, 3]).await;
    check(2, 0, &[Says(500, "", None), Says(503, "{}", Some("0")), Says(401, "{}", None)], &[1, 1, 1, 1, 2])
        .await;
    check(2, 0, &[LosesAnswer], &[1, 1, 2]).await;
    check(2, 0, &[StrangerSigns], &[1, 1, 2]).await;
    check(2, 0, &[AcksLess], &[1, 1, 2]).await;
    check(2, 0, &[Says(200, "not an envelope", None), Says(404, "<html>", None)], &[1, 1, 1, 2]).await;
}

#[tokio::test]
async fn after_a_restart_what_is_stored_is_skipped() {
    check(5, 3, &[], &[3, 4, 5]).await;
    check(40, 40, &[], &[40]).await;
    // More than one question names.
    let many = u64::try_from(RESUME_HELD_MAX).unwrap() + 176;
    check(many, many - 10, &[], &(many - 10..=many).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn the_collector_may_want_earlier_ones_again() {
    let mut bench = bench(4, 0, &[]).await;
    bench.until(4).await;
    // The collector was restored from a backup that ends with 2.
    lock(&bench.collector).stored.retain(|seq, _| *seq <= 2);
    add(&mut bench.spool, 1);
    bench.wake.send_replace(Wake { seq: 5, is_urgent: true });
    bench.until(5).await;
    assert_eq!(bench.seen(), [1, 2, 3, 4, 5, 3, 4, 5]);
}

async fn stopped(bench: &mut Bench, want: &str) {
    tokio::spawn(bench.running.take().unwrap().run());
    for _ in 0..400 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let report = lock(&bench.link.report).clone();
        if format!("{} {}", report.stopped, report.error).contains(want) {
            return;
        }
    }
    panic!("{want}: {:?}", lock(&bench.link.report));
}

#[tokio::test]
async fn two_copies_of_a_host_stop_shipping() {
    let mut first =
        bench(2, 0, &[Mishap::Says(409, "{\"code\":\"fork\",\"detail\":\"two copies\"}", None)]).await;
    stopped(&mut first, "two copies").await;
    assert_eq!(first.seen(), [1]);
    // The collector knows more of this host than the host itself, and it still speaks.
    let mut second = bench(2, 2, &[]).await;
    let ahead = Header { hash: [8; 32], ..lock(&second.collector).stored[&2] };
    lock(&second.collector).stored.insert(3, ahead);
    stopped(&mut second, "older state").await;
    assert!(second.seen().is_empty(), "nothing is sent meanwhile");
}

/// A new epoch is granted to a host that is behind; nothing is sent, and all begins again.
#[tokio::test]
async fn older_state_is_given_a_new_epoch() {
    let behind: fn(&mut Collector) = |c| {
        let ahead = Header { hash: [8; 32], ..c.stored[&2] };
        c.stored.insert(3, ahead);
    };
    let other: fn(&mut Collector) = |c| c.stored.get_mut(&2).unwrap().hash = [8; 32];
    for (change, stored_seq) in [(behind, 2), (other, 1)] {
        let mut bench = bench(2, 2, &[]).await;
        change(&mut lock(&bench.collector));
        lock(&bench.collector).silent_ms = EPOCH_SILENT_MS;
        let left = tokio::time::timeout(Duration::from_secs(20), bench.running.take().unwrap().run()).await;
        assert_eq!(left, Ok(Left::NewEpoch));
        assert!(bench.seen().is_empty());
        let kept = std::fs::read(bench.dir.path().join("grant.json")).unwrap();
        let grant: crate::epoch::Grant = serde_json::from_slice(&kept).unwrap();
        assert_eq!(
            (grant.old_epoch, grant.epoch, grant.stored_seq, grant.watermark_ms),
            (1, 2, stored_seq, Some(9))
        );
    }
}

#[tokio::test]
async fn what_both_have_may_be_long_ago() {
    let held = u64::try_from(RESUME_HELD_MAX).unwrap() + 20;
    let mut bench = bench(held, 10, &[]).await;
    for seq in 11..=held + 5 {
        let mut collector = lock(&bench.collector);
        let other = Header { hash: [8; 32], ..collector.stored[&10] };
        collector.stored.insert(seq, other);
        collector.silent_ms = EPOCH_SILENT_MS;
    }
    let left = tokio::time::timeout(Duration::from_secs(20), bench.running.take().unwrap().run()).await;
    assert_eq!(left, Ok(Left::NewEpoch));
    let kept = std::fs::read_to_string(bench.dir.path().join("grant.json")).unwrap();
    assert!(kept.contains("\"stored_seq\": 10"), "{kept}");
}

#[tokio::test]
async fn lost_batches_are_named_and_the_rest_goes_on() {
    let mut bench = bench(3, 0, &[Mishap::Says(409, "{\"code\":\"want\",\"want\":9}", None)]).await;
    bench.until(3).await;
    assert!(lock(&bench.collector).lost.is_empty(), "nothing is lost: the collector erred");
    // The collector was restored from before what the spool still holds: 2 and 3 are nowhere.
    let mut bench = self::bench(5, 5, &[]).await;
    bench.until(5).await;
    let first = bench.dir.path().join("000000000001.seg");
    lock(&bench.collector).stored.retain(|seq, _| *seq <= 1);
    let mut damaged = std::fs::read(&first).unwrap();
    let len = damaged.len();
    damaged[len / 5 + len / 10] ^= 1;
    damaged[len / 2] ^= 1;
    std::fs::write(&first, damaged).unwrap();
    let (spool, findings) = Spool::open(bench.dir.path(), HOST, 1, SPOOL_MIN_BYTES).unwrap();
    assert_eq!(findings.missing, [(2, 3)]);
    let (_wake, wake) = watch::channel(Wake::default());
    let (acked_in, mut acked) = watch::channel(0);
    let link = Arc::clone(&bench.link);
    tokio::spawn(Shipper::new(link, spool.reader(), wake, acked_in, Duration::from_millis(1)).run());
    let done = tokio::time::timeout(Duration::from_secs(20), acked.wait_for(|s| *s >= 5)).await;
    assert!(matches!(done, Ok(Ok(_))), "not shipped: {:?}", lock(&bench.link.report));
    assert_eq!(lock(&bench.collector).lost, [(2, 3)]);
}

#[tokio::test]
async fn nobody_there_is_named_with_its_cause() {
    let client = Client::new(Base::parse("http://127.0.0.1:1").unwrap(), &TlsFiles::default()).unwrap();
    let error = client.post("/v1/batches", Vec::new(), Duration::from_secs(5)).await.unwrap_err().to_string();
    assert!(
        error.starts_with("POST http://127.0.0.1:1/v1/batches: ") && error.contains("refused"),
        "{error}"
    );
}
