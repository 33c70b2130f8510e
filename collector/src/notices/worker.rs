//! A thread for each channel, so that one that hangs holds up no other.

use super::render::{json, words};
use super::sender::{Message, Outcome, Sender};
use super::settle::{self, Due, backoff_ms, is_down_for_long};
use super::{smtp::Mailer, telegram::Bot, webhook::Hook};
use crate::clock::Clock;
use crate::config::{Config, Notices};
use crate::db::{Db, DbError};
use crate::fault;
use crate::limits::{CLEAN_EVERY, DELIVERY_LOOK};
use crate::worker::{Desk, Pace, Waker, Worker};
use hostmeter_core::wire::key::{hex, sha256};
use hostmeter_panel::text::Language;
use std::time::Instant;

/// The threads. Dropping them lets each finish its message.
pub struct Channels {
    workers: Vec<Worker>,
}

impl Channels {
    /// Writes the channels of the configuration down and starts their threads.
    pub fn start(db: &Db, config: &Config, clock: &Clock) -> Result<Self, DbError> {
        let (settings, now_ms) = (config.clone(), clock.now_ms());
        db.write_blocking(move |tx| super::outbox::sync(tx, &settings, now_ms))?;
        let mut workers = Vec::new();
        for channel in channels(&config.notices) {
            let (name, db, clock) = (format!("to-{}", channel.name), db.clone(), clock.clone());
            let mut channel = channel;
            let pace = Pace { idle: DELIVERY_LOOK, pause: std::time::Duration::ZERO };
            let worker = Worker::start(&name, pace, move |desk, _| {
                if let Err(e) = channel.round(&db, &clock, desk) {
                    tracing::error!(channel = channel.name, error = %e, "notices could not be looked at; trying again");
                }
            });
            workers.push(worker.map_err(DbError::Thread)?);
        }
        Ok(Self { workers })
    }

    /// For whoever wrote a notice.
    pub fn wakers(&self) -> Vec<Waker> {
        self.workers.iter().map(Worker::waker).collect()
    }
}

impl Drop for Channels {
    /// All end at the same time, so that one that waits for its receiver costs no more than that.
    fn drop(&mut self) {
        self.workers.iter().for_each(Worker::end);
    }
}

fn channels(notices: &Notices) -> Vec<Channel> {
    let language = notices.language;
    let mut out = Vec::new();
    if let Some(smtp) = &notices.smtp {
        let alerts_to = smtp.alerts_to.iter().map(ToString::to_string).collect();
        out.push(Channel::new("smtp", To::Mail, alerts_to, language, Ok(Mailer::new(smtp))));
    }
    if let Some(telegram) = &notices.telegram {
        let alerts_to = telegram.alerts_chat.iter().cloned().collect();
        out.push(Channel::new("telegram", To::Chat, alerts_to, language, Bot::new(telegram)));
    }
    for hook in &notices.webhooks {
        let name = format!("webhook:{}", hook.name);
        out.push(Channel::new(&name, To::Itself, Vec::new(), language, Hook::new(hook)));
    }
    out
}

/// Which of a customer's addresses a channel uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Mail,
    Chat,
    /// The receiver is the channel's own.
    Itself,
}

/// A channel and how it goes with it.
struct Channel {
    name: String,
    to: To,
    alerts_to: Vec<String>,
    language: Language,
    sender: Box<dyn Sender>,
    /// Not before, milliseconds since the epoch.
    rests_until_ms: i64,
    /// Since when it has failed, and how often.
    failing: Option<(i64, i64)>,
    /// When old alerts were removed last; `None`: not since the start.
    cleaned: Option<Instant>,
}

/// A channel whose file is gone or damaged since the configuration was checked: that is said as often as it is tried.
struct Unusable(String);

impl Sender for Unusable {
    fn send(&mut self, _: &Message) -> Outcome {
        Outcome::Down(self.0.clone(), None)
    }
}

impl Channel {
    fn new<S: Sender + 'static>(
        name: &str,
        to: To,
        alerts_to: Vec<String>,
        language: Language,
        sender: Result<S, String>,
    ) -> Self {
        let sender: Box<dyn Sender> = match sender {
            Ok(sender) => Box::new(sender),
            Err(why) => Box::new(Unusable(why)),
        };
        Self {
            name: name.to_owned(),
            to,
            alerts_to,
            language,
            sender,
            rests_until_ms: i64::MIN,
            failing: None,
            cleaned: None,
        }
    }

    /// Sends what is due, block by block, until nothing is.
    fn round(&mut self, db: &Db, clock: &Clock, desk: &Desk) -> Result<(), DbError> {
        while self.rests_until_ms <= clock.now_ms() && !desk.is_stopping() {
            let (name, language, now_ms) = (self.name.clone(), self.language, clock.now_ms());
            let block = db.read_blocking(|conn| settle::due(conn, &name, language, now_ms))?;
            if block.is_empty() {
                break;
            }
            for due in block {
                if desk.is_stopping() || self.rests_until_ms > clock.now_ms() {
                    break;
                }
                self.one(db, clock, desk, &due)?;
            }
        }
        self.sender.rest();
        if self.cleaned.is_none_or(|at| at.elapsed() >= CLEAN_EVERY) {
            let now_ms = clock.now_ms();
            db.write_blocking(move |tx| settle::prune(tx, now_ms))?;
            self.cleaned = Some(Instant::now());
        }
        Ok(())
    }

    fn one(&mut self, db: &Db, clock: &Clock, desk: &Desk, due: &Due) -> Result<(), DbError> {
        let message = self.message(due, clock.now_ms());
        fault::at("notice.send");
        let outcome = match message {
            Ok(message) => self.sender.send(&message),
            Err(why) => Outcome::Failed(why.to_owned()),
        };
        fault::at("notice.sent");
        let now_ms = clock.now_ms();
        let said_down = self.judge(&outcome, now_ms);
        self.note(db, desk, due, &outcome, said_down.as_deref(), now_ms)?;
        fault::at("notice.settled");
        Ok(())
    }

    /// Writes down what became of an attempt. While the database is overloaded, that waits: what was accepted would else
    /// be sent again.
    fn note(
        &self,
        db: &Db,
        desk: &Desk,
        due: &Due,
        outcome: &Outcome,
        down: Option<&str>,
        now_ms: i64,
    ) -> Result<(), DbError> {
        loop {
            let (name, due, outcome) = (self.name.clone(), due.clone(), outcome.clone());
            let down = down.map(str::to_owned);
            let noted = db.write_blocking(move |tx| {
                settle::settle(tx, &name, &due, &outcome, now_ms)?;
                down.map_or(Ok(()), |why| settle::down(tx, &name, &why, now_ms))
            });
            match noted {
                Err(e) if e.is_overload() && !desk.is_stopping() => desk.rest(DELIVERY_LOOK, &|| true),
                noted => return noted,
            }
        }
    }

    /// Notes how it goes with the channel; why, if an alert is to be raised.
    fn judge(&mut self, outcome: &Outcome, now_ms: i64) -> Option<String> {
        let (Outcome::Down(why, pause) | Outcome::Broken(why, pause)) = outcome else {
            self.failing = None;
            return None;
        };
        let (since_ms, times) = self.failing.unwrap_or((now_ms, 0));
        self.failing = Some((since_ms, times.saturating_add(1)));
        let asked_ms = pause.and_then(|p| i64::try_from(p.as_millis()).ok()).unwrap_or(0);
        let most_ms = crate::limits::DELIVERY_BACKOFF_MAX_MS;
        self.rests_until_ms = now_ms.saturating_add(backoff_ms(times).max(asked_ms.min(most_ms)));
        is_down_for_long(since_ms, now_ms).then(|| why.clone())
    }

    fn message(&self, due: &Due, now_ms: i64) -> Result<Message, &'static str> {
        let is_alert = due.notice.customer.is_none();
        let own = |address: &Option<String>| address.iter().cloned().collect::<Vec<_>>();
        let to = match (self.to, is_alert) {
            (To::Itself, _) => Vec::new(),
            (_, true) => self.alerts_to.clone(),
            (To::Mail, false) => own(&due.email),
            (To::Chat, false) => own(&due.telegram),
        };
        if to.is_empty() && self.to != To::Itself {
            return Err("there is no address any more");
        }
        let (subject, text) = words(&due.notice, &due.style);
        let json = if self.to == To::Itself { json(&due.notice, &due.style) } else { Vec::new() };
        let id = message_id(&due.notice.key, &self.name, due.resends);
        Ok(Message { id, kind: due.notice.kind.clone(), now_ms, to, subject, text, json })
    }
}

/// The same for every attempt, another one on each channel and each time that staff has it sent anew.
fn message_id(key: &str, channel: &str, resends: i64) -> String {
    let hash = sha256(format!("{key}\n{channel}\n{resends}").as_bytes());
    hex(hash.get(..16).unwrap_or_default())
}
