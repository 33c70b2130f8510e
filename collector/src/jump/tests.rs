//! Jumps: which are noticed, what they stop, and how an admin lets it go on.

use super::*;
use crate::db::Db;

const HOUR: i64 = 3_600_000;

#[test]
fn which_jumps_are_noticed() {
    let last = Reading { wall_ms: 100 * HOUR, boottime_ms: 5 * HOUR, boot: 1 };
    let check = |wall: i64, boottime: i64, boot: i64, want: i64| {
        let now = Reading { wall_ms: wall * HOUR, boottime_ms: boottime * HOUR, boot };
        assert_eq!(now.jump_since(&last), want * HOUR, "{now:?}");
    };
    check(100, 5, 1, 0);
    // Time goes on on both; suspended, too.
    check(150, 55, 1, 0);
    check(102, 5, 1, 2);
    check(98, 5, 1, -2);
    check(90, 15, 1, -20);
    // The machine was off for an unknown time.
    check(900, 0, 2, 0);
    check(97, 0, 2, -3);
}

#[test]
fn a_jump_stops_until_it_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&dir.path().join("control.db")).unwrap();
    let look = |wall_ms: i64, boottime_ms: i64| {
        let now = Reading { wall_ms, boottime_ms, boot: 1 };
        db.write_blocking(move |tx| observe(tx, &now)).unwrap()
    };
    let refused = || db.read_blocking(refuse).is_err();
    let alerts = || {
        db.read_blocking(|c| -> Result<i64, DbError> {
            Ok(c.query_row(
                "SELECT count(*) FROM alert WHERE key = 'clock' AND cleared_ms IS NULL",
                [],
                |r| r.get(0),
            )?)
        })
        .unwrap()
    };
    let t0 = 1_000 * HOUR;
    assert!(look(t0, 0));
    // Slowly, or by an hour at most, it may go wherever it goes.
    assert!(look(t0 + HOUR, 0) && look(t0 + 2 * HOUR, 0) && look(t0 + HOUR, 0));
    assert!(!refused());
    assert!(!look(t0 + 3 * HOUR, 1));
    assert!(refused());
    assert_eq!(alerts(), 1);
    // Also once it is right again: charging in between may have been wrong.
    assert!(!look(t0 + HOUR, 2) && refused());
    let now = Reading { wall_ms: t0 + HOUR, boottime_ms: 3, boot: 1 };
    let accepted = db.write_blocking(move |tx| accept(tx, &now, "admin")).unwrap();
    assert!(accepted.is_some_and(|ms| ms > HOUR), "{accepted:?}");
    assert!(!refused() && look(t0 + HOUR, 4));
    assert_eq!(alerts(), 0);
    let again = db.write_blocking(move |tx| accept(tx, &now, "admin")).unwrap();
    assert_eq!(again, None);
}
