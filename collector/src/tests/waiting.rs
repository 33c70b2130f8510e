//! Hosts with a backlog wait for their turn, and others do not wait behind them.

use crate::ingest::admission::Lane;
use crate::limits::BACKLOG_IN_FLIGHT_MAX;
use crate::testing::{T0, World, batch, cpu, stamp};
use axum::http::Method;
use hostmeter_core::wire::envelope::{Domain, Stamp, seal};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn a_backlog_waits_for_its_turn_and_fresh_batches_do_not() {
    let world = World::start().await;
    let (mut late, prompt) = (world.host("web1", true).await, world.host("web2", true).await);
    let payload = batch(0, 10, vec![cpu(1001, "shop", 7)]);
    // Sealed long ago, as all batches of these tests are; and one that was sealed just now.
    let old = late.next(&payload);
    let wall_ns = u64::try_from(T0).unwrap() * 1_000_000;
    let now = Stamp { wall_ns, ..stamp(Domain::Batch, prompt.id, 1, 1, [0; 32]) };
    let fresh = seal(&now, &payload.encode().unwrap(), &prompt.key).unwrap();
    let app = Arc::clone(&world.app);
    let mut turns = Vec::new();
    for _ in 0..BACKLOG_IN_FLIGHT_MAX {
        turns.push(app.admission.turn(Lane::Backlog).await.unwrap());
    }
    let mut waiting = std::pin::pin!(world.send_code(&old));
    assert!(timeout(Duration::from_millis(200), &mut waiting).await.is_err(), "it has no turn yet");
    assert_eq!(app.admission.waiting(), 1);
    let (_, page) = world.raw(Method::GET, "/metrics", None, vec![]).await;
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("hostmeter_turns_waiting 1\n"), "{page}");
    assert_eq!(world.send_code(&fresh).await, Ok(1));
    drop(turns);
    assert_eq!(waiting.await, Ok(1));
    assert_eq!(app.admission.waiting(), 0);
    assert_eq!(world.total("shop@web1", "cpu_usec").await + world.total("shop@web2", "cpu_usec").await, 14);
}
