//! Stories of low credit, promises, abuse, parked customers, caps, closing and purging.

use super::check;

const OPENED: (&str, &str) = ("account a@h", "active customer.opened");

#[test]
fn low_credit_is_told_once_a_threshold() {
    check(&[
        OPENED,
        ("left 70", "active"),
        ("left 69", "low balance.low(70 s)"),
        ("left 60", "low"),
        ("left 29", "low balance.low(30 s)"),
        // Not armed again before a quarter above.
        ("left 37", "low"),
        ("left 29", "low"),
        ("left 38", "low"),
        ("left 29", "low balance.low(30 s)"),
        ("left 87", "low"),
        ("left 88", "active balance.ok"),
        ("left 69", "low balance.low(70 s)"),
        ("left 9", "low balance.low(10 s)"),
        ("balance -1", "grace balance.negative(10)"),
        // What was paid lasts for days only: that is said, too.
        ("left 20", "grace"),
        ("balance 1", "low balance.recovered balance.low(30 s)"),
    ]);
    // Several at once: the last one is told.
    check(&[OPENED, ("left 5", "low balance.low(10 s)")]);
    // By an amount, with its own quarter.
    check(&[
        ("balance 10", "new"),
        ("low-amount 8", "new"),
        OPENED,
        ("pending 2", "active"),
        ("pending 2.000001", "low balance.low(8.000000)"),
        ("pending 0.000001", "low"),
        ("pending 0", "active balance.ok"),
    ]);
}

#[test]
fn each_notice_of_low_credit_has_its_own_episode() {
    let world = check(&[OPENED, ("left 69", "low balance.low(70 s)")]);
    assert_eq!(world.state.episode, 1);
    let world = check(&[
        OPENED,
        ("left 69", "low balance.low(70 s)"),
        ("left 88", "active balance.ok"),
        ("left 69", "low balance.low(70 s)"),
    ]);
    assert_eq!(world.state.episode, 3);
}

const TRUSTED: [(&str, &str); 4] =
    [OPENED, ("month 1", "active"), ("month 2", "active"), ("balance -1", "grace balance.negative(12)")];

#[test]
fn months_paid_in_time_lengthen_the_grace() {
    check(&TRUSTED);
    check(&[
        OPENED,
        ("month 1", "active"),
        ("month 2", "active"),
        ("month 3", "active"),
        ("month 4", "active"),
        ("balance -1", "grace balance.negative(15)"),
        ("at 15", "suspended account.suspend(a@h)"),
        ("balance 0", "active account.resume(a@h)"),
        // The month of the suspension does not count.
        ("month 5", "active"),
        ("balance -1", "grace balance.negative(30)"),
    ]);
}

#[test]
fn a_promise_is_kept_or_broken() {
    let with = |more: &[(&'static str, &'static str)]| check(&[&TRUSTED[..], more].concat());
    with(&[
        ("ask promise", "promised promise.opened(32)"),
        ("at 31", "promised"),
        ("balance 0", "active promise.kept"),
        ("balance -1", "grace balance.negative(43)"),
        // One in a hundred seconds.
        ("ask promise", "grace"),
        ("at 43", "suspended account.suspend(a@h)"),
    ]);
    let world = with(&[
        ("ask promise", "promised promise.opened(32)"),
        ("outage 3", "promised"),
        ("at 34", "promised"),
        ("at 35", "suspended promise.broken account.suspend(a@h)"),
    ]);
    assert_eq!(world.state.trust.months, 0, "halved");
    // The floor protects the host, promise or not.
    with(&[("ask promise", "promised promise.opened(32)"), ("pending 5", "suspended account.suspend(a@h)")]);
    // What holds a suspension back does not keep a promise.
    with(&[
        ("ask promise", "promised promise.opened(32)"),
        ("stale a@h", "promised"),
        ("at 32", "grace promise.broken"),
        ("fresh a@h", "suspended account.suspend(a@h)"),
    ]);
    check(&[OPENED, ("balance -1", "grace balance.negative(10)"), ("ask promise", "grace")]);
}

#[test]
fn a_provider_that_does_not_pay_stops_its_customers() {
    // Old figures do not matter, a hold does.
    check(&[
        ("balance 9", "new"),
        OPENED,
        ("stale a@h", "active"),
        ("at 100", "active"),
        ("hold on", "active hold.set"),
        ("provider on", "active provider.suspended"),
        ("hold off", "active hold.cleared account.suspend(a@h)"),
        ("account b@h", "active account.suspend(b@h)"),
        ("at 9999", "active"),
        ("provider off", "active provider.resumed account.resume(a@h) account.resume(b@h)"),
    ]);
    // A debt of the customer's own goes its way up to the deletion, which waits for the provider.
    check(&[
        OPENED,
        ("balance -1", "grace balance.negative(10)"),
        ("at 10", "suspended account.suspend(a@h)"),
        ("provider on", "suspended provider.suspended"),
        ("at 999", "suspended"),
        ("provider off", "suspended provider.resumed delete.notice(1006)"),
        ("provider on", "suspended provider.suspended"),
        ("balance 1", "active"),
        ("provider off", "active provider.resumed account.resume(a@h)"),
    ]);
}

#[test]
fn a_reseller_has_a_lifecycle_without_an_account() {
    check(&[
        ("resells", "active customer.opened"),
        ("balance -1", "grace balance.negative(10)"),
        ("at 10", "suspended"),
        // Nothing of its own can be deleted.
        ("at 9999", "suspended"),
        ("balance 1", "active"),
    ]);
    check(&[
        ("resells", "active customer.opened"),
        ("account a@h", "active"),
        ("balance -1", "grace balance.negative(10)"),
        ("at 10", "suspended account.suspend(a@h)"),
        ("at 40", "suspended delete.notice(47)"),
        ("at 47", "deleting delete.scheduled account.delete(a@h)"),
        ("done a@h", "deleted account.deleted(a@h, Some(\"arc\"))"),
        ("at 9999", "purged balance.written-off account.purge(a@h)"),
        // What was written off is not paid.
        ("balance 0", "purged"),
        ("balance 1", "active customer.opened"),
    ]);
}

#[test]
fn abuse_suspends_whatever_the_balance() {
    check(&[
        ("balance 9", "new"),
        OPENED,
        ("stale a@h", "active"),
        ("at 100", "active"),
        ("hold on", "active hold.set"),
        ("abuse on", "active abuse.set account.suspend(a@h)"),
        ("account b@h", "active account.suspend(b@h)"),
        ("ask close", "active"),
        ("at 9999", "active"),
        ("abuse off", "active abuse.cleared account.resume(a@h) account.resume(b@h)"),
    ]);
    // A debt goes its way meanwhile; a payment does not lift it.
    check(&[
        OPENED,
        ("abuse on", "active abuse.set account.suspend(a@h)"),
        ("balance -1", "grace balance.negative(10)"),
        ("at 10", "suspended"),
        ("balance 1", "active"),
        ("abuse off", "active abuse.cleared account.resume(a@h)"),
    ]);
    // What comes back from a deletion is suspended again.
    check(&[
        OPENED,
        ("balance -1", "grace balance.negative(10)"),
        ("at 10", "suspended account.suspend(a@h)"),
        ("abuse on", "suspended abuse.set"),
        ("at 40", "suspended delete.notice(47)"),
        ("at 47", "deleting delete.scheduled account.delete(a@h)"),
        ("done a@h", "deleted account.deleted(a@h, Some(\"arc\"))"),
        ("balance 1", "active account.undelete(a@h)"),
        ("restored a@h", "active account.suspend(a@h)"),
    ]);
}

#[test]
fn a_parked_customer_is_left_alone() {
    check(&[
        OPENED,
        ("parked on", "active billing.parked"),
        ("left 5", "active"),
        ("cap !1", "active"),
        ("cap -", "active"),
        ("pending 99", "active"),
        ("pending 0", "active"),
        ("balance -1", "active"),
        ("at 99", "active"),
        ("ask close", "active"),
        ("parked off", "grace billing.unparked balance.negative(109)"),
        ("at 109", "suspended account.suspend(a@h)"),
        ("parked on", "suspended billing.parked"),
        ("at 999", "suspended"),
        ("balance 0", "active account.resume(a@h)"),
    ]);
    check(&[
        OPENED,
        ("balance -1", "grace balance.negative(10)"),
        ("at 10", "suspended account.suspend(a@h)"),
        ("at 40", "suspended delete.notice(47)"),
        ("at 47", "deleting delete.scheduled account.delete(a@h)"),
        ("parked on", "suspended billing.parked delete.cancelled account.suspend(a@h)"),
        ("parked off", "suspended billing.unparked"),
    ]);
}

#[test]
fn one_account_is_held() {
    check(&[
        OPENED,
        ("account b@h", "active"),
        ("hold-of a@h", "active"),
        ("balance -1", "grace balance.negative(10)"),
        ("hold-of b@h", "grace"),
        ("at 10", "grace"),
        ("unhold-of b@h", "suspended account.suspend(b@h)"),
        ("at 999", "suspended"),
        ("unhold-of a@h", "suspended account.suspend(a@h)"),
        ("hold-of b@h", "suspended"),
        ("at 1029", "suspended"),
        ("unhold-of b@h", "suspended delete.notice(1036)"),
        ("at 1036", "deleting delete.scheduled account.delete(a@h) account.delete(b@h)"),
        ("hold-of b@h", "deleting account.suspend(b@h)"),
        ("done a@h", "deleted account.deleted(a@h, Some(\"arc\"))"),
    ]);
}

#[test]
fn caps_are_told_and_suspend_where_wanted() {
    check(&[
        ("balance 9", "new"),
        OPENED,
        ("cap 1", "active cap.reached(day 1)"),
        ("cap -", "active"),
        ("cap 1", "active"),
        ("cap 2", "active cap.reached(day 2)"),
        ("cap !2", "suspended cap.reached(day 2) account.suspend(a@h)"),
        ("at 999", "suspended"),
        ("cap -", "active account.resume(a@h)"),
    ]);
    // The notice of a cap is the first one of its suspension; the balance has a first notice of its own.
    check(&[
        ("channel", "new"),
        OPENED,
        ("cap !1", "active cap.reached(day 1)"),
        ("balance -1", "grace balance.negative(10)"),
        ("balance 0", "active balance.recovered cap.reached(day 1)"),
        ("handed first", "suspended account.suspend(a@h)"),
        ("cap -", "active account.resume(a@h)"),
    ]);
    // Low credit does not close the episode of the cap.
    check(&[
        ("channel", "new"),
        OPENED,
        ("left 69", "low balance.low(70 s)"),
        ("cap !1", "low cap.reached(day 1)"),
        ("left 99", "active balance.ok"),
        ("handed first", "suspended account.suspend(a@h)"),
    ]);
    check(&[
        OPENED,
        ("budget 50 a@h", "active budget.reached(a@h 50 %)"),
        ("budget 50 a@h", "active"),
        ("budget 100 a@h", "active budget.reached(a@h 100 %)"),
        ("budget 80 a@h", "active"),
    ]);
}

#[test]
fn a_customer_leaves_and_comes_back() {
    check(&[
        ("balance 9", "new"),
        OPENED,
        ("stale a@h", "active"),
        ("open-hours on", "active"),
        ("unsettled a@h", "active"),
        ("at 50", "active"),
        ("ask close", "closing customer.closing account.suspend(a@h)"),
        ("open-hours off", "closing"),
        ("open-hours on", "closing"),
        ("at 51", "closing"),
        ("settled a@h", "closing"),
        ("open-hours off", "closed customer.closed"),
        ("balance 0", "closed"),
        ("account b@h", "closed account.suspend(b@h)"),
        ("ask reopen", "active customer.reopened account.resume(a@h) account.resume(b@h)"),
    ]);
    // Who owes something pays first.
    check(&[
        OPENED,
        ("open-hours on", "active"),
        ("ask close", "closing customer.closing account.suspend(a@h)"),
        ("at 1", "closing"),
        ("balance -1", "closing"),
        ("open-hours off", "closing"),
        ("at 9999", "closing"),
        ("balance 0", "closed customer.closed"),
    ]);
    check(&[OPENED, ("balance -1", "grace balance.negative(10)"), ("ask close", "grace")]);
    check(&[("ask close", "closed customer.closing customer.closed")]);
    // An order of this very step is not confirmed, whatever was confirmed before.
    check(&[
        OPENED,
        ("ask close", "closing customer.closing account.suspend(a@h)"),
        ("at 1", "closed customer.closed"),
    ]);
    check(&[
        OPENED,
        ("gone a@h", "active"),
        ("ask close", "closed customer.closing account.suspend(a@h) customer.closed"),
    ]);
}

const DELETED: [(&str, &str); 7] = [
    OPENED,
    ("account b@h", "active"),
    ("balance -1", "grace balance.negative(10)"),
    ("at 10", "suspended account.suspend(a@h) account.suspend(b@h)"),
    ("at 40", "suspended delete.notice(47)"),
    ("at 47", "deleting delete.scheduled account.delete(a@h) account.delete(b@h)"),
    ("done b@h", "deleting"),
];

#[test]
fn what_was_deleted_is_purged_in_the_end() {
    let with = |more: &[(&'static str, &'static str)]| check(&[&DELETED[..], more].concat());
    let deleted =
        ("done a@h", "deleted account.deleted(a@h, Some(\"arc\")) account.deleted(b@h, Some(\"arc\"))");
    with(&[
        deleted,
        ("at 1046", "deleted"),
        ("hold on", "deleted hold.set"),
        ("at 1047", "deleted"),
        ("hold off", "purged hold.cleared balance.written-off account.purge(a@h) account.purge(b@h)"),
        ("balance 0", "purged"),
        ("purged a@h", "purged account.purged(a@h)"),
        ("at 9999", "purged"),
        // A new account begins anew, while the other purge is still to be confirmed.
        ("account c@h", "active customer.opened"),
        ("purged b@h", "active account.purged(b@h)"),
        ("balance -1", "grace balance.negative(10009)"),
    ]);
    with(&[
        deleted,
        ("outage 10", "deleted"),
        ("at 1056", "deleted"),
        ("balance 0", "active account.undelete(a@h) account.undelete(b@h)"),
    ]);
}

/// What the version before these rows wrote.
#[test]
fn an_older_state_is_read() {
    let old = "{\"phase\":\"grace\",\"since_ms\":0,\"episode\":1,\"events\":2,\"hold\":false,\"notice_ms\":0,\"grace_until_ms\":10000,\"reminders\":0,\"negative_since_ms\":0,\"final_notice_ms\":null,\"outage_ms\":0,\"outage_before_notice_ms\":0,\"accounts\":{\"a@h\":{\"desired\":\"active\",\"since_ms\":0,\"restoring\":false}}}";
    let state: super::CustomerState = serde_json::from_str(old).unwrap();
    assert_eq!((state.abuse, state.parked, state.trust.months), (false, false, 0));
    assert_eq!(
        serde_json::to_string(&state).unwrap(),
        old,
        "and written as before where nothing of it is new"
    );
}
