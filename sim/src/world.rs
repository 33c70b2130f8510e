//! Time: what happens next, and to whom.

use crate::collector::{self, Collector};
use crate::host::Host;
use crate::life::{Begin, Life, begun};
use crate::net::{Request, broken};
use crate::report::{Report, Trace};
use crate::seal::Book;
use crate::template::{HOSTS_MAX, START_MS, Template};
use anyhow::{Context, Result};
use hostmeter_agent::http::Answer;
use hostmeter_agent::ship::Left;
use hostmeter_core::wire::envelope::peek;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A program that ended is started again after so long, ms.
pub(crate) const RESTART_MS: i64 = 10_000;

/// What can happen.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// An agent may sweep.
    Tick { host: usize, life: u64 },
    /// A pause of an agent is over.
    Timer { host: usize, life: u64, id: u64 },
    /// A request reaches the collector.
    Arrive { host: usize, life: u64, request: Request, is_copy: bool },
    /// An answer reaches an agent; `None`: the connection broke, or nobody answered in time.
    Reply { host: usize, life: u64, id: u64, answer: Option<collector::Answer> },
    /// An agent is started; the machine may have to boot first.
    Start { host: usize, reboots: bool },
    /// The collector is started.
    Serve,
    /// The collector's power fails.
    Cut,
    /// What people and timers do on the collector.
    Chore,
    /// Something goes wrong.
    Fault,
    /// A disk is good again.
    Heal { host: usize },
    /// A copy of a host is switched off.
    SwitchOff { host: usize },
}

/// How bad the network is, in thousandths of all requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// Requests, and answers, that get lost.
    pub(crate) lost: u32,
    /// Requests that arrive twice.
    pub(crate) twice: u32,
    /// Requests that arrive late.
    pub(crate) late: u32,
    /// Requests beside which somebody tries a forgery.
    pub(crate) forged: u32,
}

/// Everything.
pub(crate) struct World {
    /// Time since the start, ms.
    pub(crate) now_ms: i64,
    /// Chance.
    pub(crate) rng: fastrand::Rng,
    /// All machines; copies of hosts come after them.
    pub(crate) hosts: Vec<Host>,
    /// The collector.
    pub(crate) collector: Collector,
    /// What was sealed.
    pub(crate) book: Book,
    /// What agents were told to be durable, with its intervals.
    pub(crate) acked: BTreeMap<[u8; 32], u64>,
    /// What was sent, for those who send it again.
    pub(crate) sent: Vec<(usize, &'static str, Vec<u8>)>,
    /// What happened.
    pub(crate) trace: Trace,
    /// Counts.
    pub(crate) report: Report,
    /// The network.
    pub(crate) weather: Weather,
    /// Nothing goes wrong any more.
    pub(crate) is_calm: bool,
    /// Agents sweep no more; they ship what they have.
    pub(crate) is_over: bool,
    /// Backups made.
    pub(crate) backups: u64,
    /// Rounds of people and timers on the collector.
    pub(crate) chores: u64,
    /// The collector came back with older state.
    pub(crate) is_restored: bool,
    /// Where all of it lies.
    pub(crate) dir: tempfile::TempDir,
    queue: BinaryHeap<Reverse<(i64, u64)>>,
    events: BTreeMap<u64, Event>,
    last: u64,
}

impl World {
    /// The world of a seed, before anything happened.
    pub(crate) fn new(template: &Template, seed: u64, keeps_lines: bool) -> Result<Self> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let dir = template.copy()?;
        let collector = Collector::start(dir.path(), &template.token, START_MS)?;
        let count = rng.usize(2..=HOSTS_MAX);
        let hosts = (0..count)
            .map(|n| Host::new(n, &dir.path().join(format!("agent{n}")), &mut rng, -1_000_000))
            .collect::<Result<_>>()?;
        let weather = Weather {
            lost: rng.u32(..80),
            twice: rng.u32(..80),
            late: rng.u32(..40),
            forged: rng.u32(1..40),
        };
        Ok(Self {
            now_ms: 0,
            rng,
            hosts,
            collector,
            book: Book::new(),
            acked: BTreeMap::new(),
            sent: Vec::new(),
            trace: Trace::new(keeps_lines),
            report: Report::default(),
            weather,
            is_calm: false,
            is_over: false,
            backups: 0,
            chores: 0,
            is_restored: false,
            dir,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            last: 0,
        })
    }

    /// Lets something happen later.
    pub(crate) fn after(&mut self, ms: i64, event: Event) {
        self.last = self.last.saturating_add(1);
        let at = self.now_ms.saturating_add(ms.max(1));
        self.queue.push(Reverse((at, self.last)));
        self.events.insert(self.last, event);
    }

    /// Goes on until this time.
    pub(crate) fn run_until(&mut self, end_ms: i64) -> Result<()> {
        while let Some(Reverse((at, id))) = self.queue.peek().copied() {
            if at > end_ms {
                break;
            }
            self.queue.pop();
            self.now_ms = at;
            self.set_collector_clock();
            let event = self.events.remove(&id).context("an event without a name")?;
            self.happen(event).with_context(|| format!("at {at} ms"))?;
        }
        self.now_ms = end_ms;
        Ok(())
    }

    /// Notes what happens.
    pub(crate) fn note(&mut self, line: &std::fmt::Arguments<'_>) {
        let now_ms = self.now_ms;
        self.trace.add(&format_args!("{now_ms} {line}"));
    }

    fn happen(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Tick { host, life } if self.is_alive(host, life) => self.tick(host),
            Event::Timer { host, life, id } if self.is_alive(host, life) => {
                if let Some(life) = self.life(host) {
                    life.port.ring(id);
                }
                self.pump(host)
            }
            Event::Reply { host, life, id, answer } if self.is_alive(host, life) => {
                self.reply(host, id, answer)
            }
            Event::Tick { .. } | Event::Timer { .. } | Event::Reply { .. } => Ok(()),
            Event::Arrive { host, life, request, is_copy } => self.arrive(host, life, &request, is_copy),
            Event::Start { host, reboots } => self.start(host, reboots),
            Event::Serve => self.serve(),
            Event::Cut => self.fail_power(),
            Event::Chore => self.chore(),
            Event::Fault => self.go_wrong(),
            Event::Heal { host } => {
                self.host(host)?.disk.ill(|ill| ill.is_full = false);
                Ok(())
            }
            Event::SwitchOff { host } => {
                self.note(&format_args!("host {host}: the copy is switched off"));
                let host = self.host(host)?;
                host.life = None;
                host.is_gone = true;
                Ok(())
            }
        }
    }

    fn is_alive(&self, host: usize, life: u64) -> bool {
        self.hosts.get(host).is_some_and(|h| h.life.is_some() && h.lives == life)
    }

    /// A machine.
    pub(crate) fn host(&mut self, host: usize) -> Result<&mut Host> {
        self.hosts.get_mut(host).context("no such host")
    }

    fn life(&mut self, host: usize) -> Option<&mut Life> {
        self.hosts.get_mut(host)?.life.as_mut()
    }

    /// Starts an agent. What a full disk refuses is tried again, as the service manager does.
    pub(crate) fn start(&mut self, number: usize, reboots: bool) -> Result<()> {
        let now_ms = self.now_ms;
        let host = self.hosts.get_mut(number).context("no such host")?;
        if host.life.is_some() || host.is_gone {
            return Ok(());
        }
        if reboots {
            host.reboot(now_ms);
        }
        host.lives = host.lives.saturating_add(1);
        let port = host.port();
        host.set(&port, now_ms);
        let begin = Begin {
            dir: &host.dir,
            disk: &host.disk,
            kernel: &host.kernel,
            port,
            host: host.identity,
            phase: host.phase(),
        };
        let life = begun(Life::begin(begin, &mut self.book), number);
        let (lives, was_ill) = (host.lives, host.disk.was_ill());
        match life {
            Ok(life) => host.life = Some(life),
            Err(e) if was_ill => {
                self.note(&format_args!("host {number}: does not start: {e:#}"));
                self.after(RESTART_MS, Event::Start { host: number, reboots: false });
                return Ok(());
            }
            Err(e) => return Err(e),
        }
        self.note(&format_args!("host {number}: starts, life {lives}"));
        if self.was_stopped(number)? {
            return Ok(());
        }
        self.next_tick(number)?;
        self.pump(number)
    }

    fn next_tick(&mut self, number: usize) -> Result<()> {
        let is_over = self.is_over;
        let host = self.host(number)?;
        let lives = host.lives;
        if let Some(life) = host.life.as_mut().filter(|_| !is_over) {
            let left_ms = life.left_ms()?;
            self.after(left_ms, Event::Tick { host: number, life: lives });
        }
        Ok(())
    }

    fn tick(&mut self, number: usize) -> Result<()> {
        let now_ms = self.now_ms;
        let host = self.hosts.get_mut(number).context("no such host")?;
        host.tick(now_ms);
        let Some(life) = host.life.as_mut() else { return Ok(()) };
        if life.left_ms()? > 0 {
            return self.next_tick(number);
        }
        self.sweep(number, false)?;
        self.next_tick(number)?;
        self.pump(number)
    }

    /// A sweep. An agent that cannot write its state ends, and is started again.
    pub(crate) fn sweep(&mut self, number: usize, is_last: bool) -> Result<()> {
        let now_ms = self.now_ms;
        let host = self.hosts.get_mut(number).context("no such host")?;
        host.tick(now_ms);
        let Some(life) = host.life.as_mut() else { return Ok(()) };
        let done = life.sweep(is_last, &mut self.book);
        if let Err(e) = done {
            if !host.disk.was_ill() {
                return Err(e.context(format!("host {number}")));
            }
            host.life = None;
            self.note(&format_args!("host {number}: ends: {e:#}"));
            self.after(RESTART_MS, Event::Start { host: number, reboots: false });
            return Ok(());
        }
        self.was_stopped(number).map(drop)
    }

    /// A stop in the middle of the last step takes effect: what came after it never was.
    fn was_stopped(&mut self, number: usize) -> Result<bool> {
        let host = self.host(number)?;
        let Some((left, is_cut)) = host.disk.stopped() else { return Ok(false) };
        host.life = None;
        host.disk.put(&left)?;
        let pause_ms = self.rng.i64(1_000..120_000);
        self.note(&format_args!("host {number}: stopped in the middle, by a power cut: {is_cut}"));
        self.after(pause_ms, Event::Start { host: number, reboots: is_cut });
        Ok(true)
    }

    /// Lets an agent's shipping go on, and takes what it sends.
    pub(crate) fn pump(&mut self, number: usize) -> Result<()> {
        let now_ms = self.now_ms;
        let host = self.hosts.get_mut(number).context("no such host")?;
        host.tick(now_ms);
        let lives = host.lives;
        let Some(life) = host.life.as_mut() else { return Ok(()) };
        let left = life.ship();
        let (sent, timers) = life.port.take();
        if self.was_stopped(number)? {
            return Ok(());
        }
        for (id, ms) in timers {
            self.after(ms, Event::Timer { host: number, life: lives, id });
        }
        for request in sent {
            self.send(number, lives, request);
        }
        match left {
            Some(Left::NewEpoch) => {
                self.note(&format_args!("host {number}: begins a new epoch"));
                self.sweep(number, true)?;
                self.host(number)?.life = None;
                self.start(number, false)
            }
            _ => Ok(()),
        }
    }

    fn send(&mut self, number: usize, life: u64, request: Request) {
        let lost = self.happens(self.weather.lost);
        let is_late = self.happens(self.weather.late);
        let is_twice = self.happens(self.weather.twice);
        let way_ms = if is_late { self.rng.i64(1_000..100_000) } else { self.rng.i64(1..300) };
        let again_ms = self.rng.i64(1..90_000);
        self.after(request.within_ms, Event::Reply { host: number, life, id: request.id, answer: None });
        if is_twice {
            let request = request.clone();
            self.after(again_ms, Event::Arrive { host: number, life, request, is_copy: true });
        }
        if !lost {
            self.after(way_ms, Event::Arrive { host: number, life, request, is_copy: false });
        }
    }

    /// Whether something happens that happens so many times in a thousand.
    pub(crate) fn happens(&mut self, per_thousand: u32) -> bool {
        !self.is_calm && self.rng.u32(..1_000) < per_thousand
    }

    fn arrive(&mut self, number: usize, life: u64, request: &Request, is_copy: bool) -> Result<()> {
        let now_ms = self.now_ms;
        if self.hosts.get(number).is_some_and(|h| h.cut_until_ms > now_ms) {
            return Ok(());
        }
        let id = request.id;
        if !self.collector.is_up() {
            if !is_copy {
                self.after(1, Event::Reply { host: number, life, id, answer: None });
            }
            return Ok(());
        }
        if self.happens(self.weather.forged) {
            self.forge(number, request)?;
        }
        let answer = self.collector.deliver(request.path, request.body.clone())?;
        let header = peek(&request.body)?;
        let (seq, status) = (header.stamp.seq, answer.status);
        let code = answer.code();
        self.note(&format_args!(
            "host {number}: {} {seq} epoch {}: {status} {code}",
            request.path, header.stamp.epoch
        ));
        let identity = self.host(number)?.identity;
        if self.sent.len() < 256 {
            self.sent.push((identity, request.path, request.body.clone()));
        }
        if is_copy || self.happens(self.weather.lost) {
            return Ok(());
        }
        let way_ms = self.rng.i64(1..300);
        self.after(way_ms, Event::Reply { host: number, life, id, answer: Some(answer) });
        if request.path == "/v1/batches" && status == 200 {
            // Told when the answer arrives; if it does not, the agent asks again.
            let intervals = self.book.get(&header.hash).map_or(0, |s| s.intervals);
            self.acked.insert(header.hash, intervals);
        }
        Ok(())
    }

    fn reply(&mut self, number: usize, id: u64, answer: Option<collector::Answer>) -> Result<()> {
        let is_spoilt = answer.as_ref().is_some_and(|a| a.status == 200) && self.happens(self.weather.forged);
        let mut answer = answer;
        if let Some(answer) = answer.as_mut().filter(|_| is_spoilt) {
            let mut body = answer.body.to_vec();
            let bit = self.rng.usize(..body.len().saturating_mul(8).max(1));
            if let Some(byte) = body.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
            answer.body = body.into();
        }
        let reply = match answer {
            None => Err(broken("no answer")),
            Some(a) => {
                Ok(Answer { status: a.status.try_into()?, retry_after_sec: a.retry_after_sec, body: a.body })
            }
        };
        if let Some(life) = self.life(number) {
            life.port.reply(id, reply);
        }
        self.pump(number)
    }
}
