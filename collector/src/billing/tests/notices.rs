//! The lifecycle and its notices: what is written with which event, and what suspension and deletion wait for.

use crate::billing::testing::{CENT, START, World};
use crate::config::Config;
use crate::notices::contact::{Change, change, resend};
use crate::notices::outbox::{fill, sync};
use hostmeter_core::lifecycle::{Event, EventKind};
use hostmeter_core::meter::Meter;
use hostmeter_core::units::UtcHour;

const CHANNELS: &str = "[smtp]\nhost = \"m.example\"\nfrom = \"a@b.example\"\n\
    [[webhook]]\nname = \"watch\"\nurl = \"https://w.example\"\nhands_over = false\n\
    secrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\n";

fn configure(w: &World, text: &str) {
    let config = Config::parse("c.toml", text).unwrap();
    let now_ms = w.now_ms;
    w.write(move |tx| Ok(sync(tx, &config, now_ms)?)).unwrap();
}

fn email(w: &World, address: &str) {
    let (customer, now_ms) = (w.customer("c-1"), w.now_ms);
    let email = Some(Some(address.to_owned()).filter(|a| !a.is_empty()));
    w.write(move |tx| change(tx, &customer, &Change { email, ..Change::default() }, now_ms)).unwrap();
}

/// A customer with an account on a live host, 1.00 of credit, and a mail address.
fn world(channels: &str) -> World {
    let w = World::new();
    configure(&w, channels);
    w.add_customer("c-1");
    if !channels.is_empty() {
        email(&w, "jane@example.com");
    }
    w.account(1, "shop@web1", Some("c-1"));
    w.host(1, 1);
    w.topup("c-1", "1", "p-1");
    w
}

/// Usage that costs 2.00, charged: the balance is −1.00, and the grace of 10 s begins.
fn use_up(w: &World) {
    w.uses(1, UtcHour(START.0 - 1), Meter::CpuUsec, 200 * CENT);
    w.charge();
}

fn state(w: &World) -> String {
    w.one("SELECT state FROM customer")
}

/// A channel settles its deliveries of a kind.
fn settle(w: &World, channel: &str, kind: &str, state: &str) {
    w.sql(&format!(
        "UPDATE delivery SET state = '{state}', settled_ms = {} WHERE channel = '{channel}' AND state <> 'accepted'
           AND notice IN (SELECT id FROM outbox WHERE kind = '{kind}')",
        w.now_ms
    ));
}

fn keys(w: &World) -> String {
    w.one("SELECT group_concat(dedupe_key, ' ') FROM (SELECT dedupe_key FROM outbox ORDER BY id)")
}

fn deliveries(w: &World, kind: &str) -> String {
    w.one(&format!(
        "SELECT coalesce(group_concat(channel || ' ' || d.state, ', '), '') FROM (SELECT * FROM delivery ORDER BY notice, channel) d
         WHERE notice IN (SELECT id FROM outbox WHERE kind = '{kind}')"
    ))
}

#[test]
fn a_suspension_waits_until_a_channel_accepted_the_first_notice() {
    let mut w = world(CHANNELS);
    use_up(&w);
    assert_eq!(state(&w), "grace");
    assert_eq!(deliveries(&w, "balance.negative"), "smtp pending, webhook:watch pending");
    w.after(100);
    assert_eq!(state(&w), "grace", "nobody was told");
    settle(&w, "webhook:watch", "balance.negative", "accepted");
    w.after(1);
    assert_eq!(state(&w), "grace", "a receiver that only watches hands nothing over");
    settle(&w, "smtp", "balance.negative", "failed");
    w.after(1);
    assert_eq!(state(&w), "grace", "what failed was not handed over");
    settle(&w, "smtp", "balance.negative", "accepted");
    w.after(1);
    assert_eq!(state(&w), "suspended");
}

#[test]
fn the_overdraft_waits_too() {
    let mut w = world(CHANNELS);
    w.uses(1, START, Meter::CpuUsec, 601 * CENT);
    w.sweep();
    assert_eq!(state(&w), "active");
    settle(&w, "smtp", "balance.floor", "accepted");
    w.after(0);
    assert_eq!(state(&w), "suspended");
}

#[test]
fn without_a_channel_the_panel_is_enough() {
    let mut w = world("");
    use_up(&w);
    assert_eq!(deliveries(&w, "balance.negative"), "");
    // A channel that comes later is not waited for.
    configure(&w, CHANNELS);
    w.after(10);
    assert_eq!(state(&w), "suspended");
    let mut w = world(&CHANNELS.replace("hands_over = false", ""));
    email(&w, "");
    use_up(&w);
    w.after(10);
    assert_eq!(state(&w), "grace", "a webhook hands over unless it only watches");
}

#[test]
fn ways_out_when_nothing_can_be_delivered() {
    let stuck = || {
        let mut w = world(CHANNELS);
        use_up(&w);
        settle(&w, "smtp", "balance.negative", "failed");
        w.after(20);
        assert_eq!(state(&w), "grace");
        w
    };
    let mut w = stuck();
    email(&w, "");
    w.after(1);
    assert_eq!(state(&w), "suspended", "an address that is taken away is not waited for");
    let mut w = stuck();
    configure(&w, "");
    assert_eq!(deliveries(&w, "balance.negative"), "smtp failed, webhook:watch failed");
    w.after(1);
    assert_eq!(state(&w), "suspended", "a channel that is gone is not waited for");
    let mut w = stuck();
    email(&w, "other@example.com");
    assert_eq!(
        deliveries(&w, "balance.negative"),
        "smtp pending, webhook:watch pending",
        "it goes to the new address"
    );
    assert_eq!(w.one("SELECT resends FROM delivery WHERE channel = 'smtp' AND notice = 2"), "1");
    settle(&w, "smtp", "balance.negative", "accepted");
    w.after(1);
    assert_eq!(state(&w), "suspended");
}

#[test]
fn a_deletion_waits_for_the_final_notice_and_its_age() {
    let mut w = world(CHANNELS);
    use_up(&w);
    settle(&w, "smtp", "balance.negative", "accepted");
    w.after(10);
    assert_eq!(state(&w), "suspended");
    w.after(25);
    assert_eq!(deliveries(&w, "delete.notice"), "smtp pending, webhook:watch pending");
    w.after(100);
    assert_eq!(state(&w), "suspended", "nobody was told");
    settle(&w, "smtp", "delete.notice", "accepted");
    w.after(4);
    assert_eq!(state(&w), "suspended", "told 4 of 5 seconds ago");
    w.after(1);
    assert_eq!(state(&w), "deleting");
}

#[test]
fn keys_and_the_same_event_again() {
    let mut w = world(CHANNELS);
    w.account(2, "blog@web1", Some("c-1"));
    w.host(1, 2);
    use_up(&w);
    settle(&w, "smtp", "balance.negative", "accepted");
    w.after(10);
    assert_eq!(
        keys(&w),
        "notice:c-1:0:customer.opened:1 notice:c-1:1:balance.negative:2 notice:c-1:1:account.suspend:3",
        "two accounts of one step are one notice"
    );
    assert_eq!(
        w.one("SELECT data FROM outbox WHERE kind = 'account.suspend'"),
        "{\"balance\":\"-1.000000\",\"currency\":\"EUR\",\"accounts\":[\"shop@web1\",\"blog@web1\"],\"count\":2}"
    );
    let before = w.one("SELECT count(*) || ' ' || (SELECT count(*) FROM delivery) FROM outbox");
    let (customer, currency) = (w.customer("c-1"), w.rules.currency);
    let event = Event { episode: 1, number: 2, kind: EventKind::BalanceNegative { deadline_ms: 7 } };
    w.write(move |tx| fill(tx, &customer, &[event], currency, 5)).unwrap();
    assert_eq!(w.one("SELECT count(*) || ' ' || (SELECT count(*) FROM delivery) FROM outbox"), before);
}

#[test]
fn what_was_accepted_is_not_sent_again() {
    let w = world(CHANNELS);
    settle(&w, "smtp", "customer.opened", "accepted");
    settle(&w, "webhook:watch", "customer.opened", "failed");
    let again = w.write(|tx| Ok(resend(tx, 1, 7)?)).unwrap();
    assert_eq!(
        (again, deliveries(&w, "customer.opened").as_str()),
        (1, "smtp accepted, webhook:watch pending")
    );
}

/// A write that fails takes its notice with it.
#[test]
fn a_notice_goes_with_its_event() {
    let w = world(CHANNELS);
    let before = keys(&w);
    let (customer, currency) = (w.customer("c-1"), w.rules.currency);
    let failed: Result<(), _> = w.write(move |tx| {
        fill(tx, &customer, &[Event { episode: 9, number: 9, kind: EventKind::HoldSet }], currency, 5)?;
        Err(crate::billing::BillingError::invalid("x", "on purpose"))
    });
    assert!(failed.is_err());
    assert_eq!(keys(&w), before);
}
